//! Boxes and geometries in degrees, and whether they meet.

use crate::demo::world::Summary;
use geo::{BoundingRect, Geometry, Intersects, Line, MapCoords, Point, Rect, coord};
use serde_json::Value;

/// A search box: west, south, east, north; west > east crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bbox(pub [f64; 4]);

impl Bbox {
    /// Reads four or six numbers. Errors in words for the client.
    pub fn parse(numbers: &[f64]) -> Result<Bbox, String> {
        let bbox = match *numbers {
            [west, south, east, north] => [west, south, east, north],
            [west, south, low, east, north, high] if low <= high => [west, south, east, north],
            [_, _, _, _, _, _] => return Err("bbox: the lower height is above the upper".into()),
            _ => return Err(format!("bbox has {} numbers, not 4 or 6", numbers.len())),
        };
        if bbox.iter().any(|number| !number.is_finite()) {
            return Err("bbox has a number that is not finite".into());
        }
        if bbox[1] > bbox[3] {
            return Err("bbox: the south is north of the north".into());
        }
        if bbox[1] < -90. || bbox[3] > 90. {
            return Err("bbox: a latitude is outside of -90 to 90".into());
        }
        Ok(Bbox(bbox))
    }

    /// Whether all of it lies within ±180 and ±90 degrees.
    pub fn is_on_the_map(&self) -> bool {
        let [west, south, east, north] = self.0;
        [west, east].iter().all(|lon| lon.abs() <= 180.) && [south, north].iter().all(|lat| lat.abs() <= 90.)
    }

    /// The box as one or two boxes that do not cross the antimeridian, within ±180 degrees.
    fn parts(&self) -> Vec<[f64; 4]> {
        let [west, south, east, north] = self.0;
        if east - west >= 360. {
            return vec![[-180., south, 180., north]];
        }
        let home = |lon: f64| if lon.abs() <= 180. { lon } else { (lon + 180.).rem_euclid(360.) - 180. };
        let (west, east) = (home(west), home(east));
        if west <= east {
            vec![[west, south, east, north]]
        } else {
            vec![[west, south, 180., north], [-180., south, east, north]]
        }
    }
}

/// Where a search looks.
#[derive(Clone, Debug)]
pub(super) enum Area {
    /// In a box.
    Bbox(Bbox),
    /// Where this geometry is.
    Geometry(Geometry),
}

/// What the summary alone says about whether an item lies in an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstLook {
    Inside,
    Outside,
    Unsure,
}

impl Area {
    /// The area as simple boxes, for a first look.
    fn boxes(&self) -> Vec<[f64; 4]> {
        match self {
            Area::Bbox(bbox) => bbox.parts(),
            Area::Geometry(geometry) => {
                let rect = geometry.bounding_rect();
                rect.map(|rect| [rect.min().x, rect.min().y, rect.max().x, rect.max().y])
                    .into_iter()
                    .collect()
            }
        }
    }

    /// Prepares to look at many items.
    pub fn prepare(&self) -> Prepared {
        let boxes = self.boxes();
        let geometries = match self {
            Area::Bbox(_) => boxes.iter().map(box_geometry).collect(),
            Area::Geometry(geometry) => vec![geometry.clone()],
        };
        Prepared { boxes, geometries, boxy: matches!(self, Area::Bbox(_)) }
    }
}

/// An area, ready to be compared with many items.
pub(super) struct Prepared {
    boxes: Vec<[f64; 4]>,
    geometries: Vec<Geometry>,
    boxy: bool,
}

impl Prepared {
    /// What can be said of an item from its box.
    pub fn first_look(&self, item: &Summary) -> FirstLook {
        let Some([west, south, east, north]) = item.bbox else { return FirstLook::Unsure };
        // An item across the antimeridian, or drawn beyond it: its geometry decides.
        if west > east || west < -180. || east > 180. {
            return FirstLook::Unsure;
        }
        let apart = |b: &[f64; 4]| east < b[0] || west > b[2] || north < b[1] || south > b[3];
        let within = |b: &[f64; 4]| west >= b[0] && east <= b[2] && south >= b[1] && north <= b[3];
        if self.boxes.iter().all(apart) {
            FirstLook::Outside
        } else if self.boxy && self.boxes.iter().any(within) {
            FirstLook::Inside
        } else {
            FirstLook::Unsure
        }
    }

    /// The area as one geometry.
    pub fn as_geometry(&self) -> Geometry {
        match &self.geometries[..] {
            [one] => one.clone(),
            several => Geometry::GeometryCollection(several.to_vec().into()),
        }
    }

    /// Whether `geometry` meets the area, wherever around the globe it was drawn.
    pub fn meets(&self, geometry: &Geometry) -> bool {
        let Some(rect) = geometry.bounding_rect() else { return false };
        let turns: &[f64] = match (rect.min().x < -180., rect.max().x > 180.) {
            (false, false) => &[0.],
            (true, false) => &[0., 360.],
            (false, true) => &[0., -360.],
            (true, true) => &[0., 360., -360.],
        };
        turns.iter().any(|&turn| {
            let turned = geometry.map_coords(|point| coord! { x: point.x + turn, y: point.y });
            self.geometries.iter().any(|own| own.intersects(&turned))
        })
    }
}

/// A box as a geometry; one without area becomes a line or a point, as `geo` takes no flat polygons.
fn box_geometry(&[west, south, east, north]: &[f64; 4]) -> Geometry {
    let (low, high) = (coord! { x: west, y: south }, coord! { x: east, y: north });
    if low == high {
        Geometry::Point(Point(low))
    } else if west == east || south == north {
        Geometry::Line(Line::new(low, high))
    } else {
        Geometry::Polygon(Rect::new(low, high).to_polygon())
    }
}

/// The geometry of an item. Without one, or with one that cannot be read, there is none; a box across the
/// antimeridian is read as two.
pub(super) fn item_geometry(item: &Value) -> Option<Geometry> {
    parse_geometry(item.get("geometry")?).ok()
}

/// Reads a GeoJSON geometry. Errors in words for the client.
pub(super) fn parse_geometry(value: &Value) -> Result<Geometry, String> {
    const TYPES: [&str; 7] = [
        "Point",
        "MultiPoint",
        "LineString",
        "MultiLineString",
        "Polygon",
        "MultiPolygon",
        "GeometryCollection",
    ];
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
    if !TYPES.contains(&kind) {
        return Err(format!("{kind:?} is not a GeoJSON geometry type"));
    }
    let wrong = |error: &dyn std::fmt::Display| format!("the geometry cannot be read: {error}");
    let geometry: geojson::Geometry = serde_json::from_value(value.clone()).map_err(|error| wrong(&error))?;
    Geometry::try_from(geometry).map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn square(west: f64, south: f64, east: f64, north: f64) -> Geometry {
        box_geometry(&[west, south, east, north])
    }

    fn meets(bbox: &[f64], geometry: &Geometry) -> bool {
        Area::Bbox(Bbox::parse(bbox).unwrap()).prepare().meets(geometry)
    }

    #[test]
    fn boxes_of_four_and_six_numbers() {
        assert_eq!(Bbox::parse(&[1., 2., 3., 4.]), Bbox::parse(&[1., 2., -9., 3., 4., 9.]));
        for wrong in [&[][..], &[1., 2., 3.], &[0., 9., 1., 8.], &[0., -91., 1., 0.], &[f64::NAN, 0., 1., 1.]]
        {
            assert!(Bbox::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_box_without_area_meets_what_it_lies_in() {
        let unit = square(0., 0., 1., 1.);
        assert!(meets(&[0.5, 0.5, 0.5, 0.5], &unit));
        assert!(meets(&[0.5, -1., 0.5, 2.], &unit));
        assert!(!meets(&[2., 0.5, 2., 0.5], &unit));
    }

    #[test]
    fn across_the_antimeridian() {
        let fiji = [177., -20., -178., -15.];
        assert!(meets(&fiji, &square(178., -18., 179., -17.)));
        assert!(meets(&fiji, &square(-179., -18., -178.5, -17.)));
        assert!(!meets(&fiji, &square(0., -18., 10., -17.)));
        // Items drawn beyond ±180, and boxes in 0..360.
        assert!(meets(&fiji, &square(181., -18., 181.5, -17.)));
        assert!(meets(&[300., 0., 305., 5.], &square(-57., 1., -56., 2.)));
        assert!(meets(&[-180., -90., 180., 90.], &square(10., 10., 11., 11.)));
    }

    #[test]
    fn the_first_look_agrees_with_the_second() {
        let area = Area::Bbox(Bbox::parse(&[0., 0., 10., 10.]).unwrap()).prepare();
        let look = |bbox| area.first_look(&Summary { bbox: Some(bbox), ..Summary::default() });
        assert_eq!(look([1., 1., 2., 2.]), FirstLook::Inside);
        assert_eq!(look([11., 1., 12., 2.]), FirstLook::Outside);
        assert_eq!(look([9., 9., 12., 12.]), FirstLook::Unsure);
        assert_eq!(look([179., 1., -179., 2.]), FirstLook::Unsure);
    }

    #[test]
    fn only_geometries_are_read() {
        assert!(parse_geometry(&json!({"type": "Point", "coordinates": [1, 2]})).is_ok());
        assert!(parse_geometry(&json!({"type": "Feature", "geometry": null})).is_err());
        assert!(parse_geometry(&json!({"type": "Polygon", "coordinates": "x"})).is_err());
        assert_eq!(item_geometry(&json!({"geometry": null})), None);
    }
}
