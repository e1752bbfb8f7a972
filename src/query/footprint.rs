//! Where items are, and whether that meets a region.
//!
//! All is planar in longitude and latitude, as servers have it (GeoJSON, RFC 7946), and edges count as part of
//! a shape. Longitudes are the same after any number of turns: 303 is -57, and the antimeridian has two sides.

use geo::relate::IntersectionMatrix;
use geo::{
    BoundingRect, CoordsIter, Geometry, Intersects, Line, MapCoords, Point, Polygon, Rect, Relate, coord,
};

use super::ast::Area;
use super::{degrees, shape};
use crate::item::{Bbox, Item};

/// A shape in degrees, and the box around it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Region {
    shape: Geometry,
    around: Rect,
}

impl Region {
    /// The region of a box. West > east crosses the antimeridian.
    pub fn of_box(bbox: &Bbox) -> Region {
        let (west, east) = degrees::normal(bbox.west, bbox.east);
        let around = Rect::new(coord! { x: west, y: bbox.south }, coord! { x: east, y: bbox.north });
        let (low, high) = (around.min(), around.max());
        // Without an area it is no polygon: a line or a point.
        let shape = match (low.x == high.x, low.y == high.y) {
            (true, true) => Geometry::Point(Point(low)),
            (false, false) => Geometry::Polygon(around.to_polygon()),
            _ => Geometry::Line(Line::new(low, high)),
        };
        Region { shape, around }
    }

    /// The region of an area of interest; `None` for an area that [`super::Segment::parse`] did not make.
    pub fn of_area(area: &Area) -> Option<Region> {
        Region::of_shape(shape::geometry(&area.geometry)?)
    }

    /// Where an item is: its geometry, else its box. `None` where it has neither in degrees: some planetary
    /// items give metres.
    ///
    /// A polygon that goes around the wrong way, since it jumps from 179 to -179, is put right where the item's
    /// box crosses (west > east) and is narrower than that; without a box, where all its corners are within 90
    /// degrees of the antimeridian, and it is no map of the whole body (-180 to 180).
    pub fn of_item(item: &Item) -> Option<Region> {
        let bbox = item.bbox();
        let shape = item.geometry().and_then(shape::geometry).filter(in_degrees);
        shape
            .and_then(|shape| Region::of_shape(unbroken(shape, bbox.as_ref())))
            .or_else(|| bbox.as_ref().map(Region::of_box))
    }

    /// A shape's region; `None` for an empty one.
    pub fn of_shape(shape: Geometry) -> Option<Region> {
        let around = shape.bounding_rect()?;
        Some(Region { shape, around })
    }

    /// Whether two regions share a point.
    pub fn meets(&self, other: &Region) -> bool {
        self.any_turn(other, |own, other| own.intersects(other))
    }

    /// Whether this region stands in a relation to another.
    pub fn is(&self, relation: Relation, other: &Region) -> bool {
        let any = |wanted: fn(&IntersectionMatrix) -> bool| self.any_turn(other, |a, b| wanted(&a.relate(b)));
        match relation {
            Relation::Intersects => self.meets(other),
            Relation::Disjoint => !self.meets(other),
            Relation::Equals => any(IntersectionMatrix::is_equal_topo),
            Relation::Touches => any(IntersectionMatrix::is_touches),
            Relation::Within => any(IntersectionMatrix::is_within),
            Relation::Overlaps => any(IntersectionMatrix::is_overlaps),
            Relation::Crosses => any(IntersectionMatrix::is_crosses),
            Relation::Contains => any(IntersectionMatrix::is_contains),
        }
    }

    /// Whether something holds for the two shapes once the other is turned so that they are near each other.
    fn any_turn(&self, other: &Region, holds: impl Fn(&Geometry, &Geometry) -> bool) -> bool {
        // Longitudes are from -360 to 540 at most, so two turns either way bring any two together.
        [0.0, -360.0, 360.0, -720.0, 720.0].into_iter().any(|turn| {
            if turn == 0.0 {
                return self.around.intersects(&other.around) && holds(&self.shape, &other.shape);
            }
            turned_box(&other.around, turn).intersects(&self.around)
                && holds(&self.shape, &other.shape.map_coords(|c| coord! { x: turned(c.x, turn), y: c.y }))
        })
    }
}

/// How two regions may stand to each other (OGC simple features; `s_` in CQL2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Intersects,
    Disjoint,
    Equals,
    Touches,
    Within,
    Overlaps,
    Crosses,
    Contains,
}

impl Relation {
    /// The relation of a CQL2 operator.
    pub fn named(op: &str) -> Option<Relation> {
        Some(match op {
            "s_intersects" => Relation::Intersects,
            "s_disjoint" => Relation::Disjoint,
            "s_equals" => Relation::Equals,
            "s_touches" => Relation::Touches,
            "s_within" => Relation::Within,
            "s_overlaps" => Relation::Overlaps,
            "s_crosses" => Relation::Crosses,
            "s_contains" => Relation::Contains,
            _ => return None,
        })
    }

    /// The same seen from the other side.
    pub fn mirrored(self) -> Relation {
        match self {
            Relation::Within => Relation::Contains,
            Relation::Contains => Relation::Within,
            same => same,
        }
    }
}

fn turned_box(around: &Rect, turn: f64) -> Rect {
    let (low, high) = (around.min(), around.max());
    Rect::new(coord! { x: turned(low.x, turn), y: low.y }, coord! { x: turned(high.x, turn), y: high.y })
}

/// A longitude moved by a turn; rounded as boxes are, so that 302.7 is -57.3.
fn turned(lon: f64, turn: f64) -> f64 {
    ((lon + turn) * 1e9).round() / 1e9
}

fn in_degrees(shape: &Geometry) -> bool {
    shape.coords_iter().all(|c| c.x.abs() <= 360.0 && c.y.abs() <= 90.0)
}

/// A shape whose polygons do not jump at the antimeridian. `bbox` is what the item says of its place.
fn unbroken(shape: Geometry, bbox: Option<&Bbox>) -> Geometry {
    let mend = |polygon: Polygon| if jumps(&polygon, bbox) { eastward(&polygon) } else { polygon };
    match shape {
        Geometry::Polygon(polygon) => Geometry::Polygon(mend(polygon)),
        Geometry::MultiPolygon(all) => Geometry::MultiPolygon(all.into_iter().map(mend).collect()),
        other => other,
    }
}

fn jumps(polygon: &Polygon, bbox: Option<&Bbox>) -> bool {
    let Some(around) = polygon.bounding_rect() else { return false };
    let (west, east) = (around.min().x, around.max().x);
    if west >= 0.0 || east - west <= 180.0 {
        return false;
    }
    match bbox {
        // A part that was cut at the antimeridian may be as wide, but no wider than the whole.
        Some(bbox) => bbox.west > bbox.east && east - west > bbox.east + 360.0 - bbox.west + 1e-6,
        None => polygon.coords_iter().all(|c| c.x.abs() >= 90.0) && !(west <= -180.0 && east >= 180.0),
    }
}

fn eastward(polygon: &Polygon) -> Polygon {
    polygon.map_coords(|c| coord! { x: if c.x < 0.0 { turned(c.x, 360.0) } else { c.x }, y: c.y })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn item(geometry: Value, bbox: Value) -> Item {
        Item::from_json(&json!({"type":"Feature","id":"i","geometry":geometry,"bbox":bbox}).to_string())
            .unwrap()
    }

    fn square(w: f64, s: f64, e: f64, n: f64) -> Value {
        json!({"type":"Polygon","coordinates":[[[w,s],[e,s],[e,n],[w,n],[w,s]]]})
    }

    fn at(item: &Item, lon: f64, lat: f64) -> bool {
        let place = Region::of_box(&Bbox { west: lon, south: lat, east: lon, north: lat });
        Region::of_item(item).is_some_and(|region| region.meets(&place))
    }

    #[test]
    fn longitudes_are_turned() {
        for (w, e) in [(170.0, 190.0), (-190.0, -170.0)] {
            let item = item(square(w, -5.0, e, 5.0), Value::Null);
            for lon in [170.0, 175.0, 180.0, -180.0, -175.0, -170.0, 185.0] {
                assert!(at(&item, lon, 0.0), "{w} {lon}");
            }
            assert!(!at(&item, 169.0, 0.0) && !at(&item, -169.0, 0.0) && !at(&item, 180.0, 6.0));
        }
    }

    #[test]
    fn a_footprint_that_jumps_is_put_right_where_that_is_known() {
        let jumping = square(179.0, -5.0, -179.0, 5.0);
        for bbox in [json!([179, -5, -179, 5]), Value::Null] {
            let item = item(jumping.clone(), bbox);
            assert!(at(&item, 179.5, 0.0) && at(&item, -179.5, 0.0) && !at(&item, 0.0, 0.0));
        }
        assert!(at(&item(jumping, json!([-179, -5, 179, 5])), 0.0, 0.0), "its box says that it is that wide");
        assert!(at(&item(square(-180.0, -90.0, 180.0, 90.0), Value::Null), 0.0, 0.0), "a map of all");
    }

    #[test]
    fn a_box_stands_in_for_a_geometry() {
        assert!(at(&item(Value::Null, json!([170, 0, -170, 1])), 180.0, 0.5));
        assert!(at(&item(json!({"type":"Point","coordinates":[]}), json!([300, 0, 310, 1])), -57.0, 0.5));
        assert!(at(&item(square(-180_000.0, 0.0, 5.0, 9.0), json!([0, 0, 1, 1])), 0.5, 0.5));
        assert!(!at(&item(Value::Null, json!([-180_000, 0, 5, 9])), 0.0, 0.0));
        assert!(!at(&item(Value::Null, Value::Null), 0.0, 0.0));
    }

    #[test]
    fn shapes_without_an_area_meet() {
        let point = item(json!({"type":"Point","coordinates":[302.7, 5]}), Value::Null);
        assert!(at(&point, -57.3, 5.0) && !at(&point, -57.3, 5.1));
        let flat = item(square(1.0, 2.0, 1.0, 2.0), Value::Null);
        assert!(at(&flat, 1.0, 2.0) && !at(&flat, 1.0, 2.1));
        let line = item(json!({"type":"LineString","coordinates":[[0,0],[2,2]]}), Value::Null);
        assert!(at(&line, 1.0, 1.0) && !at(&line, 1.0, 1.1));
    }
}
