//! Where a raster lies: its affine placement and its coordinate system, as GeoTIFF keys.

use super::ifd::{Entry, Value};

/// A coordinate reference system of the embedded world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crs {
    /// A projected system of the EPSG registry, in metres.
    Projected(u16),
    /// A geographic system of the EPSG registry, in degrees.
    Geographic(u16),
    /// The Moon as a sphere of 1,737,400 m, equirectangular about this central meridian (0 or 180): IAU_2015
    /// 30110 or 30115. It has no EPSG code, so that its keys are written out.
    Moon(u16),
}

/// The radius of the Moon in the IAU report of 2015, in metres.
pub const MOON_RADIUS: f64 = 1_737_400.0;

/// Where the pixels lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Georeference {
    /// The system that the other fields count in.
    pub crs: Crs,
    /// The west edge of the first column.
    pub west: f64,
    /// The north edge of the first row.
    pub north: f64,
    /// Width and height of a pixel.
    pub pixel: f64,
}

/// Stands for "user-defined" in key values.
const USER_DEFINED: u16 = 32767;

impl Georeference {
    /// The TIFF entries that say all this (GeoTIFF 1.1, requirement classes 7.1 to 7.6), ascending by tag.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let keys = self.keys();
        let mut entries = vec![
            Entry::new(33550, Value::Doubles(vec![self.pixel, self.pixel, 0.0])),
            Entry::new(33922, Value::Doubles(vec![0.0, 0.0, 0.0, self.west, self.north, 0.0])),
            Entry::new(34735, Value::Shorts(keys.directory)),
        ];
        if !keys.doubles.is_empty() {
            entries.push(Entry::new(34736, Value::Doubles(keys.doubles)));
        }
        if !keys.text.is_empty() {
            entries.push(Entry::new(34737, Value::Text(keys.text)));
        }
        entries
    }

    fn keys(&self) -> Keys {
        let mut keys = Keys::default();
        match self.crs {
            Crs::Projected(code) => {
                keys.short(1024, 1);
                keys.short(1025, 1);
                keys.short(3072, code);
                keys.short(3076, 9001);
            }
            Crs::Geographic(code) => {
                keys.short(1024, 2);
                keys.short(1025, 1);
                keys.short(2048, code);
                keys.short(2054, 9102);
            }
            Crs::Moon(meridian) => keys.moon(meridian),
        }
        keys.finish()
    }
}

/// A GeoKey directory under construction; keys must come in ascending order.
#[derive(Default)]
struct Keys {
    directory: Vec<u16>,
    doubles: Vec<f64>,
    text: String,
}

impl Keys {
    fn short(&mut self, key: u16, value: u16) {
        self.directory.extend([key, 0, 1, value]);
    }

    fn double(&mut self, key: u16, value: f64) {
        self.directory.extend([key, 34736, 1, self.doubles.len() as u16]);
        self.doubles.push(value);
    }

    /// `value` is ASCII; the `|` that ends it counts.
    fn text(&mut self, key: u16, value: &str) {
        self.directory.extend([key, 34737, value.len() as u16 + 1, self.text.len() as u16]);
        self.text.push_str(value);
        self.text.push('|');
    }

    /// As GDAL writes IAU_2015:30110 and 30115: names in citations, everything else by value.
    fn moon(&mut self, meridian: u16) {
        self.short(1024, 1);
        self.short(1025, 1);
        self.text(1026, &format!("Moon (2015) - Sphere / Ocentric / Equirectangular, clon = {meridian}"));
        self.short(2048, USER_DEFINED);
        self.text(
            2049,
            "GCS Name = Moon (2015) - Sphere / Ocentric|Datum = Moon (2015) - Sphere|\
             Ellipsoid = Moon (2015) - Sphere|Primem = Reference Meridian|",
        );
        self.short(2050, USER_DEFINED);
        self.short(2054, 9102);
        self.short(2056, USER_DEFINED);
        self.double(2057, MOON_RADIUS);
        self.double(2058, MOON_RADIUS);
        self.double(2061, 0.0);
        self.short(3072, USER_DEFINED);
        self.short(3074, USER_DEFINED);
        self.short(3075, 17); // CT_Equirectangular
        self.short(3076, 9001);
        self.double(3078, 0.0);
        self.double(3082, 0.0);
        self.double(3083, 0.0);
        self.double(3088, f64::from(meridian));
        self.double(3089, 0.0);
    }

    /// Puts the directory's head in front.
    fn finish(mut self) -> Keys {
        let count = self.directory.len() as u16 / 4;
        self.directory.splice(0..0, [1, 1, 0, count]);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_moon_point_into_their_tables() {
        let keys = Georeference { crs: Crs::Moon(180), west: 0.0, north: 0.0, pixel: 1.0 }.keys();
        assert_eq!(keys.directory[..4], [1, 1, 0, 20]);
        let rows: Vec<&[u16]> = keys.directory[4..].chunks(4).collect();
        assert_eq!(rows.len(), 20);
        assert!(rows.windows(2).all(|pair| pair[0][0] < pair[1][0]), "ascending");
        let value = |key: u16| rows.iter().find(|row| row[0] == key).map(|row| row[3] as usize).unwrap();
        assert_eq!(keys.doubles[value(3088)], 180.0);
        assert_eq!(keys.doubles[value(2057)], MOON_RADIUS);
        assert!(keys.text[value(2049)..].starts_with("GCS Name = Moon"));
        assert!(keys.text.is_ascii());
    }

    #[test]
    fn registered_systems_are_named_by_their_code() {
        for (crs, key) in [(Crs::Projected(32632), 3072), (Crs::Geographic(4326), 2048)] {
            let keys = Georeference { crs, west: 0.0, north: 0.0, pixel: 1.0 }.keys();
            assert!(keys.directory.chunks(4).any(|row| row[0] == key && row[3] > 4000));
            assert!(keys.doubles.is_empty() && keys.text.is_empty());
        }
    }
}
