//! Transverse Mercator for one zone: between degrees and metres, after Krüger's series (to the millimetre within
//! a zone).

/// Where a place lies in UTM zone 32 north (EPSG:32632).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::demo) struct Utm {
    /// Metres.
    pub easting: f64,
    /// Metres.
    pub northing: f64,
}

const MERIDIAN: f64 = 9.0;
const SCALE: f64 = 0.9996;
const FALSE_EASTING: f64 = 500_000.0;
/// WGS 84: semi-major axis, flattening.
const AXIS: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// Third flattening.
const N: f64 = FLATTENING / (2.0 - FLATTENING);
/// Radius of the rectifying sphere.
const RADIUS: f64 = AXIS / (1.0 + N) * (1.0 + N * N / 4.0 + N * N * N * N / 64.0);

impl Utm {
    /// The place at these degrees.
    pub fn from_degrees(lon: f64, lat: f64) -> Utm {
        let alpha = [
            N / 2.0 - 2.0 / 3.0 * N * N + 5.0 / 16.0 * N * N * N,
            13.0 / 48.0 * N * N - 3.0 / 5.0 * N * N * N,
            61.0 / 240.0 * N * N * N,
        ];
        let (lat, lon) = (lat.to_radians(), (lon - MERIDIAN).to_radians());
        let k = 2.0 * N.sqrt() / (1.0 + N);
        let t = (lat.sin().atanh() - k * (k * lat.sin()).atanh()).sinh();
        let xi = t.atan2(lon.cos());
        let eta = (lon.sin() / (1.0 + t * t).sqrt()).atanh();
        let (mut x, mut y) = (eta, xi);
        for (j, a) in (1..).zip(alpha) {
            let j = f64::from(2 * j);
            x += a * (j * xi).cos() * (j * eta).sinh();
            y += a * (j * xi).sin() * (j * eta).cosh();
        }
        Utm { easting: FALSE_EASTING + SCALE * RADIUS * x, northing: SCALE * RADIUS * y }
    }

    /// Longitude and latitude.
    pub fn degrees(self) -> [f64; 2] {
        let beta = [
            N / 2.0 - 2.0 / 3.0 * N * N + 37.0 / 96.0 * N * N * N,
            N * N / 48.0 + N * N * N / 15.0,
            17.0 / 480.0 * N * N * N,
        ];
        let delta = [
            2.0 * N - 2.0 / 3.0 * N * N - 2.0 * N * N * N,
            7.0 / 3.0 * N * N - 8.0 / 5.0 * N * N * N,
            56.0 / 15.0 * N * N * N,
        ];
        let (xi, eta) = (self.northing / (SCALE * RADIUS), (self.easting - FALSE_EASTING) / (SCALE * RADIUS));
        let (mut x, mut y) = (eta, xi);
        for (j, b) in (1..).zip(beta) {
            let j = f64::from(2 * j);
            y -= b * (j * xi).sin() * (j * eta).cosh();
            x -= b * (j * xi).cos() * (j * eta).sinh();
        }
        let conformal = (y.sin() / x.cosh()).asin();
        let mut lat = conformal;
        for (j, d) in (1..).zip(delta) {
            lat += d * (f64::from(2 * j) * conformal).sin();
        }
        [MERIDIAN + x.sinh().atan2(y.cos()).to_degrees(), lat.to_degrees()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_places() {
        // Computed with PROJ: EPSG:4326 to EPSG:32632.
        for (lon, lat, easting, northing) in KNOWN {
            let utm = Utm::from_degrees(lon, lat);
            assert!(
                (utm.easting - easting).abs() < 0.01 && (utm.northing - northing).abs() < 0.01,
                "{utm:?}"
            );
        }
    }

    #[test]
    fn there_and_back() {
        for n in 0..200 {
            let (lon, lat) = (5.0 + f64::from(n) * 0.04, 40.0 + f64::from(n * 7 % 200) * 0.09);
            let [x, y] = Utm::from_degrees(lon, lat).degrees();
            assert!((x - lon).abs() < 1e-8 && (y - lat).abs() < 1e-8, "{lon}, {lat} became {x}, {y}");
        }
    }

    const KNOWN: [(f64, f64, f64, f64); 3] = [
        (9.0, 54.147, 500_000.0, 5_999_877.153_840),
        (6.5, 51.25, 325_532.341_835, 5_680_595.743_581),
        (11.75, 56.5, 669_265.220_122, 6_265_118.854_188),
    ];
}
