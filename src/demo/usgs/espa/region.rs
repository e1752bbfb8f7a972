//! Where the product of an order lies and how many pixels it has.

use serde_json::{Map, Value};

use super::projections::MOST_PIXELS;
use super::python::repr;
use super::validate::projection;

/// Metres of a degree at the equator, as the real server takes it everywhere.
const METRES_PER_DEGREE: f64 = 111_317.254_174_397;
/// A Landsat scene: pixels on a side, and metres of a pixel.
const SCENE_PIXELS: f64 = 11_000.0;
const SCENE_PIXEL: f64 = 30.0;

/// What `image_extents` and `resize` must keep together. `sensors`: whether the order names any.
pub fn rules(order: &Map<String, Value>, sensors: bool, say: &mut dyn FnMut(String)) {
    let extents = match order.get("image_extents") {
        Some(value) => match Extents::of(value) {
            Ok(extents) => Some(extents),
            Err(words) => return words.into_iter().for_each(say),
        },
        None => None,
    };
    if extents.is_some()
        && order.get("projection").is_none_or(|value| value.as_object().is_none_or(Map::is_empty))
    {
        return say("'projection' is a dependency of 'image_extents'".into());
    }
    if let Some(extents) = &extents {
        match projection(order) {
            Some((known, _)) if known.parameters.is_empty() && extents.units != Units::Degrees => {
                return say("image_extents units must be in \"dd\" for projection \"lonlat\"".into());
            }
            Some((known, parameters)) if known.key == "utm" => {
                if let Some(words) = far_from_zone(extents, parameters) {
                    say(words);
                }
            }
            Some(_) => {}
            None => return say("Unrecognized projection for image_extents".into()),
        }
    }
    if sensors
        && (extents.is_some() || order.contains_key("resize"))
        && let Some(count) = pixels(order, extents.as_ref())
    {
        if count > MOST_PIXELS as f64 {
            say(format!("pixel count is greater than maximum size of {MOST_PIXELS} pixels"));
        } else if count < 1.0 {
            say("pixel count value falls below acceptable threshold of 1 pixel".into());
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Units {
    Degrees,
    Metres,
}

struct Extents {
    north: f64,
    south: f64,
    east: f64,
    west: f64,
    units: Units,
}

impl Extents {
    fn of(value: &Value) -> Result<Extents, Vec<String>> {
        let mut words = Vec::new();
        let mut number = |member: &str| match value.get(member) {
            None => {
                words.push(format!("Required field \"image_extents.{member}\" is missing"));
                0.0
            }
            Some(given) => given.as_f64().unwrap_or_else(|| {
                words.push(format!("{} is not of type 'number' in image_extents.{member}", repr(given)));
                0.0
            }),
        };
        let (north, south, east, west) = (number("north"), number("south"), number("east"), number("west"));
        let units = match value.get("units").map(|units| (units, units.as_str())) {
            Some((_, Some("dd"))) => Units::Degrees,
            Some((_, Some("meters"))) => Units::Metres,
            Some((units, _)) => {
                let units = repr(units);
                words.push(format!(
                    "Unrecognized value {units} in image_extents.units - Allowed values: ['dd', 'meters']"
                ));
                Units::Degrees
            }
            None => {
                words.push("Required field \"image_extents.units\" is missing".into());
                Units::Degrees
            }
        };
        if words.is_empty() { Ok(Extents { north, south, east, west, units }) } else { Err(words) }
    }
}

/// With degrees and away from the poles, the extent must lie within three zones of the one asked for.
fn far_from_zone(extents: &Extents, parameters: &Value) -> Option<String> {
    let zone = parameters["zone"].as_i64()?;
    let polar = extents.north.abs() >= 80.0 || extents.south.abs() >= 80.0;
    if extents.units != Units::Degrees || polar {
        return None;
    }
    let zone_of = |lon: f64| ((lon + 180.0) / 6.0).floor() as i64 + 1;
    let near = |lon: f64| {
        let apart = (zone_of(lon) - zone).rem_euclid(60);
        apart <= 3 || apart >= 57
    };
    (!near(extents.east) || !near(extents.west)).then(|| {
        format!(
            "image_extents (East: {}, West: {}) are not near the requested UTM zone ({zone})",
            extents.east, extents.west
        )
    })
}

/// About how many pixels the product has; `None` where the pixel size makes no sense.
fn pixels(order: &Map<String, Value>, extents: Option<&Extents>) -> Option<f64> {
    let (mut pixel, units) = match order.get("resize") {
        Some(resize) => {
            let size = resize["pixel_size"].as_f64().filter(|size| *size > 0.0)?;
            (size, if resize["pixel_size_units"] == "dd" { Units::Degrees } else { Units::Metres })
        }
        None => (SCENE_PIXEL, Units::Metres),
    };
    let (width, height, of) = match extents {
        Some(extents) => {
            let across = extents.units == Units::Degrees && extents.west > 170.0 && extents.east < -170.0;
            let width =
                if across { 360.0 - extents.west + extents.east } else { extents.east - extents.west };
            (width.max(0.0), (extents.north - extents.south).max(0.0), extents.units)
        }
        None => (SCENE_PIXELS * SCENE_PIXEL, SCENE_PIXELS * SCENE_PIXEL, Units::Metres),
    };
    match (of, units) {
        (Units::Degrees, Units::Metres) => pixel /= METRES_PER_DEGREE,
        (Units::Metres, Units::Degrees) => pixel *= METRES_PER_DEGREE,
        _ => {}
    }
    Some((width * height / (pixel * pixel)).floor())
}
