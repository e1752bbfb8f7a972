//! Areas of interest: `intersects=NAME` and `intersects=POLYGON((…))`.

use std::str::FromStr;

use geo::{
    BooleanOps, BoundingRect, CoordsIter, Geometry, GeometryCollection, MapCoords, MultiPolygon, Rect, coord,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::ast::Area;
use super::error::Fault;
use super::names::suggest;
use super::shape;

/// The areas of interest that a path may name: those of the AOI folder and of the configuration's `[aoi]`.
pub trait Areas {
    /// The GeoJSON of an area, `None` where there is none of this name.
    ///
    /// # Errors
    /// In words, where it is there and cannot be read.
    fn area(&self, name: &str) -> Result<Option<Value>, String>;

    /// The names there are.
    fn names(&self) -> Vec<String>;
}

/// No areas at all: only WKT is understood.
impl Areas for () {
    fn area(&self, _name: &str) -> Result<Option<Value>, String> {
        Ok(None)
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

const TYPES: [&str; 7] =
    ["POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"];

/// The area of an `intersects=` value: WKT where it begins as that, else an area's name.
pub(super) fn parse(text: &str, areas: &dyn Areas) -> Result<Area, Fault> {
    if text.starts_with('{') {
        return Err(Fault::new("GeoJSON has no place in a path")
            .hint("write WKT, or save it as NAME.geojson in the AOI folder and write intersects=NAME"));
    }
    match wkt_type(text) {
        Some(_) => of_wkt(text),
        None => named(text, areas),
    }
}

/// The geometry type that a text begins with, where a bracket or `EMPTY` follows it.
fn wkt_type(text: &str) -> Option<&'static str> {
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    let rest = text[word.len()..].trim_start();
    let marked = ["ZM", "Z", "M", "EMPTY", "zm", "z", "m", "empty"].iter().any(|m| rest.starts_with(*m));
    let upper = word.to_ascii_uppercase();
    // `POINTZ(…)` is common too.
    let bare = upper.trim_end_matches(['Z', 'M']);
    let known = TYPES.into_iter().find(|t| *t == upper || *t == bare)?;
    (rest.starts_with('(') || marked).then_some(known)
}

fn of_wkt(text: &str) -> Result<Area, Fault> {
    const FORM: &str = "write lon lat pairs as in POLYGON((0 0,2 0,2 2,0 2,0 0))";
    let wkt =
        wkt::Wkt::<f64>::from_str(text).map_err(|why| Fault::new(format!("no WKT: {why}")).hint(FORM))?;
    let geometry =
        Geometry::try_from(wkt).map_err(|why| Fault::new(format!("no shape: {why}")).hint(FORM))?;
    area(tidy(text), geometry)
}

/// WKT with an upper-case type and no space that it could do without; never longer than it was.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.to_ascii_uppercase().split_whitespace() {
        let joins = out.ends_with(['(', ')', ',']) || word.starts_with(['(', ')', ',']);
        if !out.is_empty() && !joins {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

fn named(name: &str, areas: &dyn Areas) -> Result<Area, Fault> {
    if name.starts_with('.') || name.contains(['/', '\0', '\\']) {
        return Err(Fault::new(format!("{name:?} is no name of an area"))
            .hint("write the bare NAME of a NAME.geojson in the AOI folder, or WKT"));
    }
    let json =
        areas.area(name).map_err(|why| Fault::new(format!("the area {name} cannot be read: {why}")))?;
    match json {
        Some(json) => area(name.to_owned(), of_geojson(name, &json)?),
        None => Err(unknown(name, &areas.names())),
    }
}

fn unknown(name: &str, known: &[String]) -> Fault {
    let fault = Fault::new(format!("there is no area of interest {name:?}"));
    let stem = ["geojson", "json"].iter().find_map(|suffix| name.strip_suffix(suffix)?.strip_suffix('.'));
    let names = || known.iter().map(String::as_str);
    if let Some(meant) = stem.filter(|stem| names().any(|n| n == *stem)).or_else(|| suggest(name, names())) {
        return fault.hint(format!("did you mean intersects={meant}?"));
    }
    if known.is_empty() {
        return fault.hint(format!("save {}.geojson in the AOI folder", stem.unwrap_or(name)));
    }
    fault.hint(format!("there are {}", known.join(", ")))
}

/// The geometry of a GeoJSON document. Of a FeatureCollection it is what its features cover together: one
/// shape where all are polygons, else a GeometryCollection, which not every server takes. Features without a
/// geometry add nothing.
fn of_geojson(name: &str, json: &Value) -> Result<Geometry, Fault> {
    let read = |value: &Value| {
        shape::geometry(value).ok_or_else(|| {
            Fault::new(format!("the area {name} is no GeoJSON shape"))
                .hint("mend its file: a geometry, Feature or FeatureCollection")
        })
    };
    let feature = |feature: &Value| feature.get("geometry").filter(|g| !g.is_null()).map(read).transpose();
    let features = json.get("features").and_then(Value::as_array);
    let geometries: Vec<Geometry> = match json.get("type").and_then(Value::as_str) {
        Some("FeatureCollection") => {
            let each = features.into_iter().flatten().filter_map(|f| feature(f).transpose());
            each.collect::<Result<_, _>>()?
        }
        Some("Feature") => feature(json)?.into_iter().collect(),
        _ => vec![read(json)?],
    };
    Ok(together(geometries))
}

fn together(mut geometries: Vec<Geometry>) -> Geometry {
    if geometries.len() == 1 {
        return geometries.swap_remove(0);
    }
    let polygonal: Option<Vec<MultiPolygon>> = geometries.iter().map(polygons).collect();
    match polygonal {
        Some(all) if !all.is_empty() => simplest(geo::algorithm::bool_ops::unary_union(&all)),
        _ => Geometry::GeometryCollection(GeometryCollection::from(geometries)),
    }
}

fn polygons(geometry: &Geometry) -> Option<MultiPolygon> {
    match geometry {
        Geometry::Polygon(polygon) => Some(MultiPolygon(vec![polygon.clone()])),
        Geometry::MultiPolygon(polygons) => Some(polygons.clone()),
        _ => None,
    }
}

fn simplest(mut polygons: MultiPolygon) -> Geometry {
    match polygons.0.len() {
        1 => Geometry::Polygon(polygons.0.swap_remove(0)),
        _ => Geometry::MultiPolygon(polygons),
    }
}

/// An area of a geometry in degrees, brought to ±180 and hashed.
fn area(spelling: String, geometry: Geometry) -> Result<Area, Fault> {
    check(&geometry)?;
    let geometry = within_a_turn(geometry);
    let json = geojson::Geometry::from(&geometry);
    let text = json.to_string();
    let hash = Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let geometry = serde_json::to_value(&json).map_err(|e| Fault::new(format!("no GeoJSON: {e}")))?;
    Ok(Area { spelling, geometry, hash })
}

fn check(geometry: &Geometry) -> Result<(), Fault> {
    if geometry.coords_count() == 0 {
        return Err(Fault::new("the shape is empty").hint("give it at least one point"));
    }
    let finite = geometry.coords_iter().all(|c| c.x.is_finite() && c.y.is_finite());
    let swapped = geometry.coords_iter().all(|c| c.x.abs() <= 90.0 && c.y.abs() <= 360.0);
    let degrees = finite && geometry.coords_iter().all(|c| c.x.abs() <= 360.0 && c.y.abs() <= 90.0);
    if degrees {
        return check_rings(geometry);
    }
    let fault = Fault::new("a latitude is beyond 90 or a longitude beyond 360 degrees");
    Err(match finite && swapped {
        true => fault.hint("longitude comes first: write lon lat"),
        false => fault.hint("write lon lat in degrees (WGS84), no projected metres"),
    })
}

fn check_rings(geometry: &Geometry) -> Result<(), Fault> {
    let whole = match geometry {
        Geometry::Polygon(polygon) => {
            polygon.exterior().0.len() >= 4 && polygon.interiors().iter().all(|r| r.0.len() >= 4)
        }
        Geometry::MultiPolygon(all) => {
            return all.iter().try_for_each(|p| check_rings(&Geometry::Polygon(p.clone())));
        }
        Geometry::GeometryCollection(all) => return all.iter().try_for_each(check_rings),
        Geometry::LineString(line) => line.0.len() >= 2,
        Geometry::MultiLineString(all) => all.iter().all(|line| line.0.len() >= 2),
        _ => true,
    };
    match whole {
        true => Ok(()),
        false => Err(Fault::new("a ring needs 4 points, the last being the first, and a line 2")
            .hint("add the missing points")),
    }
}

/// The geometry with its longitudes in ±180: one beyond is turned back as a whole, polygons that straddle
/// the antimeridian are cut there (RFC 7946, 3.1.9). Lines and points that straddle it stay as they are.
fn within_a_turn(geometry: Geometry) -> Geometry {
    let Some(rect) = geometry.bounding_rect() else { return geometry };
    let (west, east) = (rect.min().x, rect.max().x);
    if west >= -180.0 && east <= 180.0 {
        return geometry;
    }
    for turn in [-360.0, 360.0] {
        if west + turn >= -180.0 && east + turn <= 180.0 {
            return turned(&geometry, turn);
        }
    }
    match polygons(&geometry) {
        Some(whole) => {
            let parts: Vec<MultiPolygon> =
                [-360.0, 0.0, 360.0].iter().map(|turn| part(&whole, *turn)).collect();
            simplest(geo::algorithm::bool_ops::unary_union(&parts))
        }
        None => geometry,
    }
}

/// What of some polygons lies within ±180 once they are turned.
fn part(whole: &MultiPolygon, turn: f64) -> MultiPolygon {
    let world = Rect::new(coord! { x: -180.0, y: -90.0 }, coord! { x: 180.0, y: 90.0 }).to_polygon();
    whole.map_coords(|c| coord! { x: c.x + turn, y: c.y }).intersection(&world)
}

/// A geometry moved by a turn; rounded to 1e-9 degrees as boxes are, so that 302.7 and -57.3 are one.
fn turned(geometry: &Geometry, turn: f64) -> Geometry {
    geometry.map_coords(|c| coord! { x: ((c.x + turn) * 1e9).round() / 1e9, y: c.y })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn drawn(text: &str) -> Area {
        parse(text, &()).unwrap_or_else(|e| panic!("{text}: {e:?}"))
    }

    #[test]
    fn wkt_has_one_spelling_and_a_hash() {
        let a = drawn("polygon (( 0 0, 2 0 ,2 2,0 2, 0 0 ))");
        assert_eq!(a.spelling, "POLYGON((0 0,2 0,2 2,0 2,0 0))");
        assert_eq!(
            a.geometry,
            json!({"type":"Polygon","coordinates":[[[0.0,0.0],[2.0,0.0],[2.0,2.0],[0.0,2.0],[0.0,0.0]]]})
        );
        assert_eq!(a.hash.len(), 16);
        assert_eq!(a, drawn("POLYGON((0.0 0,2 0,2 2e0,0 2,0 0))"));
        assert_ne!(a, drawn("POLYGON((0 0,2 0,2 3,0 2,0 0))"));
        assert_eq!(drawn("POINT Z(1 2 3)").geometry, json!({"type":"Point","coordinates":[1.0,2.0]}));
    }

    #[test]
    fn longitudes_beyond_the_antimeridian_come_back() {
        assert_eq!(drawn("POINT(302.7 5)"), drawn("POINT(-57.3 5)"));
        let cut = drawn("POLYGON((170 0,190 0,190 10,170 10,170 0))");
        assert_eq!(cut.geometry["type"], "MultiPolygon");
        let text = cut.geometry.to_string();
        assert!(text.contains("-170") && !text.contains("190"), "{text}");
    }

    struct Folder;

    impl Areas for Folder {
        fn area(&self, name: &str) -> Result<Option<Value>, String> {
            let square =
                |w: f64| json!({"type":"Polygon","coordinates":[[[w,0],[w+2.0,0],[w+2.0,2],[w,2],[w,0]]]});
            let feature = |geometry: Value| json!({"type":"Feature","properties":null,"geometry":geometry});
            let features = |all: Vec<Value>| json!({"type":"FeatureCollection","features":all});
            Ok(Some(match name {
                "square" => square(0.0),
                "feature" => feature(square(0.0)),
                "overlapping" => {
                    features(vec![feature(square(0.0)), feature(square(1.0)), feature(Value::Null)])
                }
                "apart" => features(vec![feature(square(0.0)), feature(square(9.0))]),
                "mixed" => {
                    features(vec![feature(square(0.0)), feature(json!({"type":"Point","coordinates":[7,7]}))])
                }
                "empty" => features(vec![]),
                "broken" => json!({"type":"Polygon","coordinates":[[[0]]]}),
                "unreadable" => return Err("permission denied".into()),
                _ => return Ok(None),
            }))
        }

        fn names(&self) -> Vec<String> {
            vec!["square".into(), "apart".into()]
        }
    }

    #[test]
    fn areas_have_names() {
        let kind = |name: &str| parse(name, &Folder).unwrap().geometry["type"].as_str().unwrap().to_owned();
        assert_eq!(parse("square", &Folder), parse("feature", &Folder));
        assert_eq!(parse("square", &Folder), parse("POLYGON((0 0,2 0,2 2,0 2,0 0))", &()));
        assert_eq!(kind("overlapping"), "Polygon");
        assert_eq!(kind("apart"), "MultiPolygon");
        assert_eq!(kind("mixed"), "GeometryCollection");
        for bad in ["empty", "broken", "unreadable", "nowhere", "../x", "a/b", ".x"] {
            assert!(parse(bad, &Folder).is_err(), "{bad}");
        }
    }
}
