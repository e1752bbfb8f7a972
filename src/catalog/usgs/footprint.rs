//! The footprint of a scene as GeoJSON that other programs understand.

use geo::{BooleanOps, BoundingRect, Coord, LineString, MultiPolygon, Polygon, Rect};
use serde_json::{Value, json};

/// A geometry and its box, west, south, east, north.
pub struct Footprint {
    /// GeoJSON, cut at the antimeridian where it crosses that (RFC 7946, 3.1.9).
    pub geometry: Value,
    /// West is larger than east where it crosses the antimeridian.
    pub bbox: [f64; 4],
}

/// The footprint that `spatialCoverage` gives; `None` where it is null, or no place in degrees.
pub fn of(coverage: &Value) -> Option<Footprint> {
    let coordinates = coverage.get("coordinates")?;
    if coverage.get("type")?.as_str()? == "Polygon" {
        return polygon(coordinates);
    }
    let mut places = Vec::new();
    collect(coordinates, &mut places)?;
    let line = LineString::from(places);
    let around = line.bounding_rect()?;
    Some(Footprint { geometry: coverage.clone(), bbox: sides(&around) })
}

fn polygon(rings: &Value) -> Option<Footprint> {
    let rings: Vec<Vec<Coord>> = rings.as_array()?.iter().map(ring).collect::<Option<_>>()?;
    let (outer, _) = rings.split_first()?;
    let lons = || outer.iter().map(|place| place.x);
    let (west, east) = (lons().fold(f64::INFINITY, f64::min), lons().fold(f64::NEG_INFINITY, f64::max));
    if east - west <= 180.0 {
        let polygon = made(&rings, |lon| lon)?;
        let bbox = sides(&polygon.bounding_rect()?);
        let geometry = json!({"type": "Polygon", "coordinates": positions(&polygon)});
        return Some(Footprint { geometry, bbox });
    }
    // No scene is half the Earth wide: its corners lie on both sides of the antimeridian.
    let unrolled = made(&rings, |lon| if lon < 0.0 { lon + 360.0 } else { lon })?;
    let [west, south, east, north] = sides(&unrolled.bounding_rect()?);
    let side = |from: f64, turn: f64| {
        let window = Rect::new(Coord { x: from, y: -90.0 }, Coord { x: from + 180.0, y: 90.0 });
        let part: MultiPolygon = unrolled.intersection(&window.to_polygon());
        part.0.into_iter().map(move |polygon| turned(&polygon, turn))
    };
    let parts: Vec<Value> = side(0.0, 0.0).chain(side(180.0, -360.0)).map(|part| positions(&part)).collect();
    let geometry = json!({"type": "MultiPolygon", "coordinates": parts});
    Some(Footprint { geometry, bbox: [west, south, east - 360.0, north] })
}

fn collect(value: &Value, places: &mut Vec<Coord>) -> Option<()> {
    match place(value) {
        Some(place) => places.push(place),
        None => value.as_array()?.iter().try_for_each(|member| collect(member, places))?,
    }
    Some(())
}

fn ring(value: &Value) -> Option<Vec<Coord>> {
    let ring: Vec<Coord> = value.as_array()?.iter().map(place).collect::<Option<_>>()?;
    (ring.len() >= 3).then_some(ring)
}

fn place(value: &Value) -> Option<Coord> {
    let (x, y) = (value.get(0)?.as_f64()?, value.get(1)?.as_f64()?);
    (x.abs() <= 180.0 && y.abs() <= 90.0).then_some(Coord { x, y })
}

/// A polygon of rings, closed, its longitudes changed.
fn made(rings: &[Vec<Coord>], lon: impl Fn(f64) -> f64) -> Option<Polygon> {
    let mut lines = rings.iter().map(|ring| {
        LineString::from(ring.iter().map(|place| Coord { x: lon(place.x), y: place.y }).collect::<Vec<_>>())
    });
    let outer = lines.next()?;
    Some(Polygon::new(outer, lines.collect()))
}

fn turned(polygon: &Polygon, turn: f64) -> Polygon {
    let line = |line: &LineString| line.coords().map(|c| Coord { x: c.x + turn, y: c.y }).collect();
    Polygon::new(line(polygon.exterior()), polygon.interiors().iter().map(line).collect())
}

fn positions(polygon: &Polygon) -> Value {
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    rings.map(|ring| ring.coords().map(|c| json!([c.x, c.y])).collect::<Value>()).collect()
}

fn sides(around: &Rect) -> [f64; 4] {
    [around.min().x, around.min().y, around.max().x, around.max().y]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_footprint_stays_as_it_is() {
        let ring = json!([[3.0, 43.0], [5.0, 43.2], [5.2, 45.0], [3.1, 44.9], [3.0, 43.0]]);
        let coverage = json!({"type": "Polygon", "coordinates": [ring]});
        let footprint = of(&coverage).unwrap();
        assert_eq!((footprint.geometry, footprint.bbox), (coverage, [3.0, 43.0, 5.2, 45.0]));
    }

    #[test]
    fn one_across_the_antimeridian_is_cut() {
        let ring = json!([[179.0, -18.0], [-179.5, -18.0], [-179.0, -16.0], [179.5, -16.0], [179.0, -18.0]]);
        let footprint = of(&json!({"type": "Polygon", "coordinates": [ring]})).unwrap();
        assert_eq!(footprint.bbox, [179.0, -18.0, -179.0, -16.0]);
        assert_eq!(footprint.geometry["type"], "MultiPolygon");
        let parts = footprint.geometry["coordinates"].as_array().unwrap();
        assert_eq!(parts.len(), 2);
        for part in parts {
            let lons: Vec<f64> = part[0].as_array().unwrap().iter().map(|p| p[0].as_f64().unwrap()).collect();
            assert!(
                lons.iter().all(|lon| *lon >= 179.0) || lons.iter().all(|lon| *lon <= -179.0),
                "{lons:?}"
            );
        }
    }

    #[test]
    fn what_is_no_place_is_none() {
        for coverage in [
            json!(null),
            json!({"type": "Polygon", "coordinates": null}),
            json!({"type": "Polygon", "coordinates": [[[1.0, 2.0]]]}),
            json!({"type": "Polygon", "coordinates": [[[1e6, 2.0], [1.0, 2.0], [2.0, 3.0]]]}),
        ] {
            assert!(of(&coverage).is_none(), "{coverage}");
        }
        assert_eq!(
            of(&json!({"type": "Point", "coordinates": [3.0, 4.0]})).unwrap().bbox,
            [3.0, 4.0, 3.0, 4.0]
        );
    }
}
