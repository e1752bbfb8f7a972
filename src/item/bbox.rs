//! Bounding boxes in degrees.

use serde_json::Value;

/// A bounding box: west, south, east, north in degrees (lon, lat order, WGS84 or the body's own
/// ocentric system). `west > east` crosses the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bbox {
    /// Western edge, degrees.
    pub west: f64,
    /// Southern edge, degrees, -90 to 90.
    pub south: f64,
    /// Eastern edge, degrees.
    pub east: f64,
    /// Northern edge, degrees, -90 to 90.
    pub north: f64,
}

impl Bbox {
    /// A box from a STAC `bbox` of 4 or 6 numbers (`w,s,e,n` or `w,s,zmin,e,n,zmax`).
    ///
    /// `None` where it is no such array or cannot be degrees: some planetary items carry projected metres
    /// (`|lon| > 360` or `|lat| > 90`), and such a box says nothing about where the item is.
    pub fn from_value(value: &Value) -> Option<Bbox> {
        let numbers: Vec<f64> = value.as_array()?.iter().map(Value::as_f64).collect::<Option<_>>()?;
        let (west, south, east, north) = match numbers[..] {
            [w, s, e, n] => (w, s, e, n),
            [w, s, _, e, n, _] => (w, s, e, n),
            _ => return None,
        };
        let degrees = numbers.iter().all(|n| n.is_finite())
            && west.abs() <= 360.0
            && east.abs() <= 360.0
            && south.abs() <= 90.0
            && north.abs() <= 90.0;
        degrees.then_some(Bbox { west, south, east, north })
    }
}
