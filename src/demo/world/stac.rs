//! STAC documents of the embedded world, without their links to one another.

use std::io;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::demo::http::{Bytes, hex};

/// A STAC Item in the making.
pub(super) struct Feature<'a> {
    /// `1.0.0` or `1.1.0`.
    pub version: &'a str,
    /// Names and versions of extensions, for example `projection/v1.1.0`, or whole URLs.
    pub extensions: &'a [&'a str],
    /// The item's id.
    pub id: &'a str,
    /// The id of its collection.
    pub collection: &'a str,
    /// The footprint, longitude and latitude, closed, counter-clockwise. It may run beyond ±180.
    pub ring: Vec<[f64; 2]>,
    /// The item's properties.
    pub properties: Value,
    /// The item's assets by key.
    pub assets: Map<String, Value>,
}

impl Feature<'_> {
    /// The item.
    pub fn json(self) -> Value {
        json!({
            "type": "Feature",
            "stac_version": self.version,
            "stac_extensions": self.extensions.iter().map(|name| extension(name)).collect::<Vec<_>>(),
            "id": self.id,
            "geometry": geometry(&self.ring),
            "bbox": bbox(&self.ring),
            "properties": self.properties,
            "assets": self.assets,
            "collection": self.collection,
        })
    }
}

/// The URL of an extension's schema.
pub(super) fn extension(name: &str) -> String {
    if name.contains("://") {
        name.to_owned()
    } else {
        format!("https://stac-extensions.github.io/{name}/schema.json")
    }
}

/// A number as metadata give coordinates: to a hundred-millionth of a degree.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e8).round() / 1e8
}

/// West, south, east and north of a ring; west > east where it crosses the antimeridian.
pub(super) fn bbox(ring: &[[f64; 2]]) -> [f64; 4] {
    let low = |axis: usize| ring.iter().map(|p| p[axis]).fold(f64::INFINITY, f64::min);
    let high = |axis: usize| ring.iter().map(|p| p[axis]).fold(f64::NEG_INFINITY, f64::max);
    [wrapped(low(0)), low(1), wrapped(high(0)), high(1)].map(rounded)
}

fn wrapped(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

/// The ring as a Polygon, or cut at the antimeridian as a MultiPolygon (RFC 7946, 3.1.9).
fn geometry(ring: &[[f64; 2]]) -> Value {
    let edge = if ring.iter().any(|p| p[0] > 180.0) { 180.0 } else { -180.0 };
    if ring.iter().all(|p| (-180.0..=180.0).contains(&p[0])) {
        return json!({"type": "Polygon", "coordinates": [numbers(ring, 0.0)]});
    }
    let (west, east) = (clipped(ring, |lon| lon - edge), clipped(ring, |lon| edge - lon));
    let shift = if edge > 0.0 { [0.0, -360.0] } else { [360.0, 0.0] };
    // `clipped` keeps what its measure calls negative: first what lies west of the edge.
    json!({"type": "MultiPolygon", "coordinates": [[numbers(&west, shift[0])], [numbers(&east, shift[1])]]})
}

fn numbers(ring: &[[f64; 2]], shift: f64) -> Vec<[f64; 2]> {
    ring.iter().map(|[lon, lat]| [rounded(lon + shift), rounded(*lat)]).collect()
}

/// The part of a closed ring where `beyond` of its longitude is not positive, closed again.
fn clipped(ring: &[[f64; 2]], beyond: impl Fn(f64) -> f64) -> Vec<[f64; 2]> {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for pair in ring.windows(2) {
        let (a, b) = (beyond(pair[0][0]), beyond(pair[1][0]));
        if a <= 0.0 {
            kept.push(pair[0]);
        }
        if a * b < 0.0 {
            let share = a / (a - b);
            kept.push([0, 1].map(|axis| pair[0][axis] + (pair[1][axis] - pair[0][axis]) * share));
        }
    }
    kept.extend(kept.first().copied());
    kept
}

/// The multihash of all bytes, as the file extension wants it: SHA2-256, in hexadecimal digits.
pub(super) fn checksum(bytes: &dyn Bytes) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 18];
    let mut at = 0;
    while at < bytes.len() {
        let count = piece.len().min((bytes.len() - at) as usize);
        bytes.read_at(at, &mut piece[..count])?;
        hash.update(&piece[..count]);
        at += count as u64;
    }
    Ok(format!("1220{}", hex(&hash.finalize())))
}

/// The queryables that every collection has, and those that are named: pairs of a name and its schema.
pub(super) fn queryables(own: &[(&str, Value)]) -> Value {
    let mut all = Map::from_iter([
        ("id".to_owned(), json!({"title": "Item ID", "type": "string"})),
        (
            "geometry".to_owned(),
            json!({"title": "Footprint", "$ref": "https://geojson.org/schema/Geometry.json"}),
        ),
        ("datetime".to_owned(), json!({"title": "Acquired", "type": "string", "format": "date-time"})),
    ]);
    all.extend(own.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())));
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::http::Slice;

    #[test]
    fn a_ring_across_the_antimeridian_is_cut() {
        let ring = [[179.0, 1.0], [181.0, 1.0], [181.0, 2.0], [179.0, 2.0], [179.0, 1.0]];
        assert_eq!(bbox(&ring), [179.0, 1.0, -179.0, 2.0]);
        let cut = geometry(&ring);
        assert_eq!(cut["type"], "MultiPolygon");
        let side =
            |n: usize| serde_json::from_value::<Vec<[f64; 2]>>(cut["coordinates"][n][0].clone()).unwrap();
        assert_eq!(side(0), [[179.0, 1.0], [180.0, 1.0], [180.0, 2.0], [179.0, 2.0], [179.0, 1.0]]);
        assert_eq!(side(1), [[-180.0, 1.0], [-179.0, 1.0], [-179.0, 2.0], [-180.0, 2.0], [-180.0, 1.0]]);
        let west = ring.map(|[lon, lat]| [lon - 360.0, lat]);
        assert_eq!(geometry(&west)["coordinates"], cut["coordinates"]);
    }

    #[test]
    fn a_ring_elsewhere_stays_whole() {
        let ring = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]];
        assert_eq!(geometry(&ring)["type"], "Polygon");
        assert_eq!(bbox(&ring), [0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn checksums_are_multihashes() {
        let sum = checksum(&Slice(b"abc".to_vec())).unwrap();
        assert_eq!(sum, "1220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let large = Slice(vec![7; 600_000]);
        assert_eq!(checksum(&large).unwrap()[4..], hex(&Sha256::digest(&large.0)));
    }
}
