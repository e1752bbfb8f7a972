//! GeoKeys: the coordinate reference system of a GeoTIFF.

use std::collections::HashMap;

use crate::item::raster::Crs;

const MODEL_TYPE: u16 = 1024;
const RASTER_TYPE: u16 = 1025;
const GEOGRAPHIC: u16 = 2048;
const SEMI_MAJOR: u16 = 2057;
const SEMI_MINOR: u16 = 2058;
const INVERSE_FLATTENING: u16 = 2059;
const PROJECTED: u16 = 3072;
const METHOD: u16 = 3075;
const LINEAR_UNITS: u16 = 3076;
const METRE: u16 = 9001;
const PARALLEL_1: u16 = 3078;
const PARALLEL_2: u16 = 3079;
const NATURAL_LON: u16 = 3080;
const NATURAL_LAT: u16 = 3081;
const FALSE_EASTING: u16 = 3082;
const FALSE_NORTHING: u16 = 3083;
const CENTRE_LON: u16 = 3088;
const CENTRE_LAT: u16 = 3089;
const NATURAL_SCALE: u16 = 3092;
const CENTRE_SCALE: u16 = 3093;
const POLE_LON: u16 = 3095;
/// Codes are below; 32767 stands for "by its parameters".
const USER_DEFINED: u16 = 32767;

/// The keys of a file.
pub(super) struct GeoKeys {
    shorts: HashMap<u16, u16>,
    doubles: HashMap<u16, f64>,
}

impl GeoKeys {
    /// Keys out of the directory (a header of four numbers, then four per key) and the doubles it refers to.
    pub fn new(directory: &[u64], values: Vec<f64>) -> GeoKeys {
        let (mut shorts, mut doubles) = (HashMap::new(), HashMap::new());
        for key in directory.chunks_exact(4).skip(1) {
            let [id, place, _, value] = [key[0] as u16, key[1] as u16, key[2] as u16, key[3] as u16];
            match place {
                0 => drop(shorts.insert(id, value)),
                super::GEO_DOUBLES => {
                    doubles.extend(values.get(usize::from(value)).map(|&number| (id, number)));
                }
                _ => {}
            }
        }
        GeoKeys { shorts, doubles }
    }

    /// Whether the file's place is that of a pixel's centre.
    pub fn is_point(&self) -> bool {
        self.shorts.get(&RASTER_TYPE) == Some(&2)
    }

    /// The coordinate reference system, where it has a code or is one that can be said in PROJ's words.
    pub fn crs(&self) -> Option<Crs> {
        let code =
            |key: u16| self.shorts.get(&key).copied().filter(|code| (1024..USER_DEFINED).contains(code));
        let is_geographic = self.shorts.get(&MODEL_TYPE) == Some(&2);
        let known = if is_geographic { code(GEOGRAPHIC) } else { code(PROJECTED) };
        if let Some(code) = known {
            return Some(Crs::epsg(u64::from(code)));
        }
        let figure = match code(GEOGRAPHIC) {
            Some(4326) => "+datum=WGS84".to_owned(),
            _ => self.figure()?,
        };
        if is_geographic {
            return Some(Crs::from_text(format!("+proj=longlat {figure} +no_defs")));
        }
        if self.shorts.get(&LINEAR_UNITS).is_some_and(|&units| units != METRE) {
            return None;
        }
        let projection = self.projection()?;
        let (x, y) = (self.any(&[FALSE_EASTING]), self.any(&[FALSE_NORTHING]));
        Some(Crs::from_text(format!("{projection} +x_0={x} +y_0={y} {figure} +units=m +no_defs")))
    }

    /// The first of several keys, else 0.
    fn any(&self, keys: &[u16]) -> f64 {
        keys.iter().find_map(|key| self.doubles.get(key).copied()).unwrap_or(0.0)
    }

    fn figure(&self) -> Option<String> {
        let major = *self.doubles.get(&SEMI_MAJOR)?;
        let minor = self.doubles.get(&SEMI_MINOR).copied();
        let inverse = self.doubles.get(&INVERSE_FLATTENING).copied().filter(|flat| *flat > 0.0);
        Some(match (minor, inverse) {
            (Some(minor), _) if minor != major => format!("+a={major} +b={minor}"),
            (None, Some(inverse)) => format!("+a={major} +rf={inverse}"),
            _ => format!("+R={major}"),
        })
    }

    fn projection(&self) -> Option<String> {
        let (lat, lon) = (self.any(&[NATURAL_LAT, CENTRE_LAT]), self.any(&[NATURAL_LON, CENTRE_LON]));
        let scale = self
            .doubles
            .get(&NATURAL_SCALE)
            .or_else(|| self.doubles.get(&CENTRE_SCALE))
            .copied()
            .unwrap_or(1.0);
        let first = self.any(&[PARALLEL_1]);
        // The numbers of methods are those of GeoTIFF 1.0, section 6.3.3.3.
        Some(match self.shorts.get(&METHOD)? {
            1 => format!("+proj=tmerc +lat_0={lat} +lon_0={lon} +k={scale}"),
            7 => format!("+proj=merc +lon_0={lon} +k={scale}"),
            8 => {
                let second = self.any(&[PARALLEL_2]);
                let (lat, lon) = (self.any(&[3085, NATURAL_LAT]), self.any(&[3084, NATURAL_LON]));
                format!("+proj=lcc +lat_1={first} +lat_2={second} +lat_0={lat} +lon_0={lon}")
            }
            10 => format!("+proj=laea +lat_0={lat} +lon_0={lon}"),
            11 => {
                let second = self.any(&[PARALLEL_2]);
                format!("+proj=aea +lat_1={first} +lat_2={second} +lat_0={lat} +lon_0={lon}")
            }
            15 => {
                let lon = self.any(&[POLE_LON, NATURAL_LON]);
                let pole = if lat < 0.0 { -90 } else { 90 };
                format!("+proj=stere +lat_0={pole} +lat_ts={lat} +lon_0={lon} +k={scale}")
            }
            16 => format!("+proj=sterea +lat_0={lat} +lon_0={lon} +k={scale}"),
            17 => {
                let (lat, lon) = (self.any(&[CENTRE_LAT, NATURAL_LAT]), self.any(&[CENTRE_LON, NATURAL_LON]));
                format!("+proj=eqc +lat_ts={first} +lat_0={lat} +lon_0={lon}")
            }
            21 => format!("+proj=ortho +lat_0={lat} +lon_0={lon}"),
            24 => {
                let lon = self.any(&[CENTRE_LON, NATURAL_LON]);
                format!("+proj=sinu +lon_0={lon}")
            }
            _ => return None,
        })
    }
}
