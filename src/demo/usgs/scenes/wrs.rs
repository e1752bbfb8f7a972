//! WRS-2: where path and row lie, and the tilted footprint of a scene there.
//!
//! The ground track of the orbit (inclination 98.2°, 233 orbits in 16 days, 248 rows a revolution, row 60 on
//! the equator, path 1 crossing it at 64.6° W) gives scene centres to within some kilometres of the real grid.

use geo::{Coord, LineString, Polygon};
use serde_json::{Value, json};

const PATHS: f64 = 233.0;
const ROWS: f64 = 248.0;
const INCLINATION: f64 = 98.2;
const KM_PER_DEGREE: f64 = 111.32;
/// Half of the 185 km swath and of the 180 km that a scene is long.
const HALF_WIDTH_KM: f64 = 92.5;
const HALF_LENGTH_KM: f64 = 90.0;

/// A place in degrees; the longitude is within ±180.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
}

impl Place {
    /// As M2M and the inventory API write a coordinate.
    pub fn json(self) -> Value {
        json!({"latitude": self.lat, "longitude": self.lon})
    }
}

/// The corners of a scene's footprint, named as on a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Corners {
    /// South-west.
    pub lower_left: Place,
    /// South-east.
    pub lower_right: Place,
    /// North-east.
    pub upper_right: Place,
    /// North-west.
    pub upper_left: Place,
}

impl Corners {
    /// The closed ring in M2M's order: LL, LR, UR, UL, LL.
    pub fn ring(&self) -> [Place; 5] {
        [self.lower_left, self.lower_right, self.upper_right, self.upper_left, self.lower_left]
    }

    /// The footprint in degrees, as its numbers are: one across ±180 is a band around the whole Earth.
    pub fn polygon(&self) -> Polygon {
        let ring = self.ring().map(|place| Coord { x: place.lon, y: place.lat });
        Polygon::new(LineString::from(ring.to_vec()), Vec::new())
    }

    /// West, south, east, north of the corners' numbers as they are: for a footprint across ±180 this is the
    /// band around the whole Earth, as USGS gives it.
    pub fn bounds(&self) -> [f64; 4] {
        let ring = self.ring();
        let lons = ring.map(|place| place.lon);
        let lats = ring.map(|place| place.lat);
        [least(&lons), least(&lats), greatest(&lons), greatest(&lats)]
    }

    /// Whether the footprint lies across the antimeridian.
    pub fn crosses_antimeridian(&self) -> bool {
        let [west, _, east, _] = self.bounds();
        east - west > 180.0
    }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The centre of a scene.
pub fn centre(path: u16, row: u16) -> Place {
    track(f64::from(path), f64::from(row))
}

/// The footprint of a scene: a rectangle on the ground that follows the track, so tilted on a map.
pub fn footprint(path: u16, row: u16) -> Corners {
    let centre = centre(path, row);
    let ahead = track(f64::from(path), f64::from(row) + 0.5);
    let east_km = KM_PER_DEGREE * centre.lat.to_radians().cos();
    let along = {
        let east = wrapped(ahead.lon - centre.lon) * east_km;
        let north = (ahead.lat - centre.lat) * KM_PER_DEGREE;
        let length = east.hypot(north);
        (east / length, north / length)
    };
    // The track runs south; to its left is the east.
    let left = (-along.1, along.0);
    let corner = |forward: f64, leftward: f64| {
        let east = along.0 * forward * HALF_LENGTH_KM + left.0 * leftward * HALF_WIDTH_KM;
        let north = along.1 * forward * HALF_LENGTH_KM + left.1 * leftward * HALF_WIDTH_KM;
        Place {
            lon: rounded(wrapped(centre.lon + east / east_km)),
            lat: rounded(centre.lat + north / KM_PER_DEGREE),
        }
    };
    Corners {
        lower_left: corner(1.0, -1.0),
        lower_right: corner(1.0, 1.0),
        upper_right: corner(-1.0, 1.0),
        upper_left: corner(-1.0, -1.0),
    }
}

/// The ground track: `row` may be a fraction.
fn track(path: f64, row: f64) -> Place {
    let node = -64.6 - (path - 1.0) * 360.0 / PATHS;
    let angle = (row - 60.0) * 360.0 / ROWS;
    let (sin, cos) = angle.to_radians().sin_cos();
    let inclination = INCLINATION.to_radians();
    let lat = -(inclination.sin() * sin).asin().to_degrees();
    let inertial = (inclination.cos() * sin).atan2(cos).to_degrees();
    // The Earth turns 16 paths' worth of longitude, 16 × 360 / 233 degrees, in a revolution.
    let turned = angle * 16.0 / PATHS;
    Place { lon: wrapped(node + inertial - turned), lat }
}

/// The path's place in the 16-day cycle, in days after path 12: orbits follow each other 16 paths apart.
pub fn cycle_day(path: u16) -> i64 {
    // 102 is the inverse of 16 modulo 233.
    let orbit = (i64::from(path) - 12).rem_euclid(233) * 102 % 233;
    // Path 12 is the tenth orbit of a day by universal time.
    (f64::from(i32::try_from(orbit).unwrap_or(0)) * 16.0 / PATHS + 0.63).floor() as i64
}

/// A longitude within ±180.
pub fn wrapped(lon: f64) -> f64 {
    (lon + 180.0).rem_euclid(360.0) - 180.0
}

fn rounded(degrees: f64) -> f64 {
    (degrees * 1e5).round() / 1e5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_lies_where_it_does() {
        // Montpellier; the south of Baja California Sur; the Golden Gate.
        for (path, row, lon, lat) in [(197, 30, 3.2, 43.2), (34, 43, -110.2, 24.5), (44, 34, -122.3, 37.5)] {
            let centre = centre(path, row);
            assert!((centre.lon - lon).abs() < 0.6, "{path}/{row}: {centre:?}");
            assert!((centre.lat - lat).abs() < 0.4, "{path}/{row}: {centre:?}");
        }
    }

    #[test]
    fn a_footprint_is_tilted_and_runs_counter_clockwise() {
        let corners = footprint(197, 30);
        assert!(corners.upper_left.lon > corners.lower_left.lon, "the track drifts west as it goes south");
        assert!(corners.upper_left.lat > corners.upper_right.lat);
        let ring = corners.ring();
        let doubled: f64 = ring.windows(2).map(|w| w[0].lon * w[1].lat - w[1].lon * w[0].lat).sum();
        assert!(doubled > 0.0);
        let [west, south, east, north] = corners.bounds();
        assert!((1.9..2.6).contains(&(north - south)) && (2.5..3.6).contains(&(east - west)));
    }

    #[test]
    fn footprints_at_the_antimeridian_cross_it() {
        // Fiji's Taveuni lies on the meridian itself.
        assert!(footprint(73, 72).crosses_antimeridian());
        assert!(!footprint(197, 30).crosses_antimeridian());
    }

    #[test]
    fn a_neighbour_to_the_west_comes_seven_days_later() {
        for path in 20..220 {
            let later = (cycle_day(path + 1) - cycle_day(path)).rem_euclid(16);
            assert!((6..=8).contains(&later), "{path}: {later}");
        }
    }
}
