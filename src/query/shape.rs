//! GeoJSON geometries as values to compute with.
//!
//! Written by hand because the `geojson` crate's conversion panics on a position of fewer than two numbers,
//! and copies each geometry on the way; footprints come from servers, thousands at a time.

use geo::{
    Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point,
    Polygon, coord,
};
use serde_json::Value;

/// The geometry of a GeoJSON geometry object, heights left out. `None` where it is none, or any part is not
/// as it should be.
pub(super) fn geometry(value: &Value) -> Option<Geometry> {
    let coordinates = || value.get("coordinates");
    Some(match value.get("type")?.as_str()? {
        "Point" => Geometry::Point(Point(position(coordinates()?)?)),
        "MultiPoint" => Geometry::MultiPoint(MultiPoint(each(coordinates()?, |p| position(p).map(Point))?)),
        "LineString" => Geometry::LineString(line(coordinates()?)?),
        "MultiLineString" => Geometry::MultiLineString(MultiLineString(each(coordinates()?, line)?)),
        "Polygon" => Geometry::Polygon(polygon(coordinates()?)?),
        "MultiPolygon" => Geometry::MultiPolygon(MultiPolygon(each(coordinates()?, polygon)?)),
        "GeometryCollection" => {
            Geometry::GeometryCollection(GeometryCollection(each(value.get("geometries")?, geometry)?))
        }
        _ => return None,
    })
}

fn each<T>(value: &Value, one: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(one).collect()
}

fn position(value: &Value) -> Option<Coord> {
    match value.as_array()?.as_slice() {
        [x, y, ..] => Some(coord! { x: x.as_f64()?, y: y.as_f64()? }),
        _ => None,
    }
}

fn line(value: &Value) -> Option<LineString> {
    each(value, position).map(LineString)
}

/// A polygon; rings that do not close are closed.
fn polygon(value: &Value) -> Option<Polygon> {
    let mut rings = each(value, line)?.into_iter();
    let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
    Some(Polygon::new(exterior, rings.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_geojson_writes_is_read() {
        for wkt in [
            "POINT(1 2)",
            "MULTIPOINT(1 2,3 4)",
            "LINESTRING(1 2,3 4)",
            "MULTILINESTRING((1 2,3 4),(5 6,7 8))",
            "POLYGON((0 0,9 0,9 9,0 0),(1 1,2 1,2 2,1 1))",
            "MULTIPOLYGON(((0 0,9 0,9 9,0 0)),((10 0,19 0,19 9,10 0)))",
            "GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(1 2,3 4))",
        ] {
            let expected = Geometry::try_from(wkt.parse::<wkt::Wkt<f64>>().unwrap()).unwrap();
            let json = serde_json::to_value(geojson::Geometry::from(&expected)).unwrap();
            assert_eq!(geometry(&json), Some(expected), "{wkt}");
        }
    }

    #[test]
    fn what_is_broken_is_none() {
        for bad in [
            json!(null),
            json!({"type":"Point"}),
            json!({"type":"Point","coordinates":[]}),
            json!({"type":"Point","coordinates":[1]}),
            json!({"type":"Point","coordinates":["1","2"]}),
            json!({"type":"Polygon","coordinates":[[[0]]]}),
            json!({"type":"Polygon","coordinates":[[0, 1]]}),
            json!({"type":"Circle","coordinates":[0, 1]}),
            json!({"type":"GeometryCollection","coordinates":[]}),
        ] {
            assert_eq!(geometry(&bad), None, "{bad}");
        }
    }
}
