//! What a GeoTIFF says of itself: size, place, coordinate reference system, type, nodata.
//!
//! OGC GeoTIFF 1.1; `GDAL_NODATA` is GDAL's own tag. Coordinate reference systems that have no EPSG code are
//! told as PROJ strings, for the projections that planetary maps use.

mod geokeys;

use std::ops::Range;

use geokeys::GeoKeys;

use super::{Field, Form, IMAGE_LENGTH, IMAGE_WIDTH, Reader, Stop};
use crate::item::raster::{Crs, Grid, Sample};

const BITS_PER_SAMPLE: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const SAMPLES_PER_PIXEL: u16 = 277;
const SAMPLE_FORMAT: u16 = 339;
const PIXEL_SCALE: u16 = 33550;
const TIEPOINTS: u16 = 33922;
const TRANSFORMATION: u16 = 34264;
const GEO_KEYS: u16 = 34735;
const GEO_DOUBLES: u16 = 34736;
const GDAL_NODATA: u16 = 42113;

/// No list of numbers of a header is longer.
const LONGEST_LIST: u64 = 4096;

/// What the header of a raster says.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterHeader {
    /// Columns and rows.
    pub size: (u32, u32),
    /// Size and place, where it has one with north up.
    pub grid: Option<Grid>,
    /// The coordinate reference system, where it can be told.
    pub crs: Option<Crs>,
    /// Bands.
    pub bands: usize,
    /// The type of their values.
    pub sample: Option<Sample>,
    /// The value of a pixel that nothing was seen in.
    pub nodata: Option<f64>,
    /// Whether the first three bands are red, green and blue.
    pub is_rgb: bool,
}

/// Reads the header of a file of `size` bytes. `bytes` gives a range of them, or `None` where it failed. `None`
/// where it is no TIFF that can be read.
pub fn header(size: u64, bytes: impl Fn(Range<u64>) -> Option<Vec<u8>>) -> Option<RasterHeader> {
    let reader = Reader { size, bytes };
    reader.header().ok()
}

impl<F: Fn(Range<u64>) -> Option<Vec<u8>>> Reader<F> {
    fn header(&self) -> Result<RasterHeader, Stop> {
        let (form, first) = self.form()?;
        let (fields, _) = self.fields(form, first)?;
        let directory = Directory { reader: self, form, fields };
        let (width, height) = (directory.required(IMAGE_WIDTH)?, directory.required(IMAGE_LENGTH)?);
        let size = (width.try_into().map_err(garbage)?, height.try_into().map_err(garbage)?);
        let bands = u16::try_from(directory.one(SAMPLES_PER_PIXEL)?.unwrap_or(1)).map_err(garbage)?;
        let keys = GeoKeys::new(&directory.whole(GEO_KEYS)?, directory.doubles(GEO_DOUBLES)?);
        let transform = directory.transform(keys.is_point())?;
        let grid = transform.and_then(|transform| Grid { width: size.0, height: size.1, transform }.sound());
        Ok(RasterHeader {
            size,
            grid,
            crs: keys.crs(),
            bands: bands.into(),
            sample: directory.sample()?,
            nodata: directory.nodata()?,
            is_rgb: bands >= 3 && directory.one(PHOTOMETRIC)? == Some(2),
        })
    }
}

fn garbage<E>(_: E) -> Stop {
    Stop::Garbage
}

/// The first directory of a file.
struct Directory<'a, F> {
    reader: &'a Reader<F>,
    form: Form,
    fields: Vec<Field>,
}

impl<F: Fn(Range<u64>) -> Option<Vec<u8>>> Directory<'_, F> {
    fn field(&self, tag: u16) -> Option<&Field> {
        self.fields.iter().find(|field| field.tag == tag && field.count <= LONGEST_LIST)
    }

    fn whole(&self, tag: u16) -> Result<Vec<u64>, Stop> {
        self.field(tag).map_or(Ok(Vec::new()), |field| self.reader.numbers(self.form, field))
    }

    fn one(&self, tag: u16) -> Result<Option<u64>, Stop> {
        Ok(self.whole(tag)?.first().copied())
    }

    fn required(&self, tag: u16) -> Result<u64, Stop> {
        self.one(tag)?.filter(|number| *number > 0).ok_or(Stop::Garbage)
    }

    fn doubles(&self, tag: u16) -> Result<Vec<f64>, Stop> {
        let Some(field) = self.field(tag).filter(|field| field.kind == 12) else { return Ok(Vec::new()) };
        let bytes = self.reader.value(self.form, field, 8)?;
        Ok(bytes.chunks_exact(8).map(|chunk| f64::from_bits(self.form.number(chunk))).collect())
    }

    /// From pixels to coordinates, in GDAL's order: by the corner of the first pixel.
    fn transform(&self, is_point: bool) -> Result<Option<[f64; 6]>, Stop> {
        let (scale, tie) = (self.doubles(PIXEL_SCALE)?, self.doubles(TIEPOINTS)?);
        let matrix = self.doubles(TRANSFORMATION)?;
        let transform = match (&scale[..], &tie[..], &matrix[..]) {
            ([across, down, ..], [i, j, _, x, y, _], _) => {
                [x - i * across, *across, 0.0, y + j * down, 0.0, -down]
            }
            (_, _, [a, b, _, c, d, e, _, f, ..]) => [*c, *a, *b, *f, *d, *e],
            _ => return Ok(None),
        };
        let [x, across, skew, y, tilt, down] = transform;
        // Where the place is that of the first pixel's centre, the corner is half a pixel away.
        let half = if is_point { 0.5 } else { 0.0 };
        Ok(Some([x - half * (across + skew), across, skew, y - half * (tilt + down), tilt, down]))
    }

    fn sample(&self) -> Result<Option<Sample>, Stop> {
        let format = self.one(SAMPLE_FORMAT)?.unwrap_or(1);
        let bits = self.one(BITS_PER_SAMPLE)?.unwrap_or(1);
        Ok(Some(match (format, bits) {
            (1, 1..=8) => Sample::U8,
            (1, 9..=16) => Sample::U16,
            (1, 32) => Sample::U32,
            (1, 64) => Sample::U64,
            (2, 8) => Sample::I8,
            (2, 16) => Sample::I16,
            (2, 32) => Sample::I32,
            (2, 64) => Sample::I64,
            (3, 16..=32) => Sample::F32,
            (3, 64) => Sample::F64,
            (5, 32) => Sample::ComplexI16,
            (5, 64) => Sample::ComplexI32,
            (6, 64) => Sample::ComplexF32,
            (6, 128) => Sample::ComplexF64,
            _ => return Ok(None),
        }))
    }

    fn nodata(&self) -> Result<Option<f64>, Stop> {
        let Some(field) = self.field(GDAL_NODATA) else { return Ok(None) };
        let bytes = self.reader.value(self.form, field, 1)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(tag: u16, kind: u16, count: u32, value: u32) -> Vec<u8> {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    }

    /// A header of 300 × 200 pixels of 16 bits in a CRS by `keys`, which refer to `doubles`.
    fn file(keys: &[u16], doubles: &[f64]) -> Vec<u8> {
        let head = 8 + 2 + 12 * 9 + 4;
        let place = [10.0, 20.0, 0.0, 0.0, 0.0, 0.0, 5000.0, 9000.0, 0.0];
        let behind = [place.as_slice(), doubles].concat();
        let keys_at = head + 8 * behind.len() as u32;
        let nodata_at = keys_at + 2 * keys.len() as u32;
        let mut file = b"II*\0\x08\0\0\0\x09\0".to_vec();
        file.extend(entry(IMAGE_WIDTH, 4, 1, 300));
        file.extend(entry(IMAGE_LENGTH, 4, 1, 200));
        file.extend(entry(BITS_PER_SAMPLE, 3, 1, 16));
        file.extend(entry(SAMPLE_FORMAT, 3, 1, 2));
        file.extend(entry(PIXEL_SCALE, 12, 3, head));
        file.extend(entry(TIEPOINTS, 12, 6, head + 24));
        file.extend(entry(GEO_KEYS, 3, keys.len() as u32, keys_at));
        file.extend(entry(GEO_DOUBLES, 12, doubles.len() as u32, head + 72));
        file.extend(entry(GDAL_NODATA, 2, 7, nodata_at));
        file.extend([0; 4]);
        behind.iter().for_each(|number| file.extend(number.to_le_bytes()));
        keys.iter().for_each(|number| file.extend(number.to_le_bytes()));
        file.extend(b"-32768\0");
        file
    }

    fn header_of(file: &[u8]) -> Option<RasterHeader> {
        header(file.len() as u64, |range| Some(file[range.start as usize..range.end as usize].to_vec()))
    }

    #[test]
    fn a_header_says_it_all() {
        let keys = [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632];
        let header = header_of(&file(&keys, &[])).unwrap();
        assert_eq!(header.grid.unwrap().transform, [5000.0, 10.0, 0.0, 9000.0, 0.0, -20.0]);
        assert_eq!((header.size, header.bands, header.sample), ((300, 200), 1, Some(Sample::I16)));
        assert_eq!((header.nodata, header.crs), (Some(-32768.0), Some(Crs::epsg(32632))));
    }

    #[test]
    fn a_place_may_be_that_of_a_pixel_s_centre() {
        let keys = [1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 2, 2048, 0, 1, 4326];
        let header = header_of(&file(&keys, &[])).unwrap();
        assert_eq!(header.grid.unwrap().transform, [4995.0, 10.0, 0.0, 9010.0, 0.0, -20.0]);
        assert_eq!(header.crs, Some(Crs::epsg(4326)));
    }

    #[test]
    fn no_image_has_a_billion_bands() {
        let mut file = file(&[1, 1, 0, 0], &[]);
        let last = 10 + 12 * 8;
        file[last..last + 12].copy_from_slice(&entry(SAMPLES_PER_PIXEL, 4, 1, 1 << 30));
        assert_eq!(header_of(&file), None);
    }

    #[test]
    fn the_moon_is_told_as_a_proj_string() {
        let keys = [
            1, 1, 0, 8, 1024, 0, 1, 1, 2048, 0, 1, 32767, 2057, 34736, 1, 0, 2058, 34736, 1, 0, 3072, 0, 1,
            32767, 3075, 0, 1, 17, 3078, 34736, 1, 1, 3088, 34736, 1, 2,
        ];
        let header = header_of(&file(&keys, &[1_737_400.0, 0.0, 180.0])).unwrap();
        let crs = header.crs.unwrap();
        assert_eq!(
            crs.text(),
            "+proj=eqc +lat_ts=0 +lat_0=0 +lon_0=180 +x_0=0 +y_0=0 +R=1737400 +units=m +no_defs"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bends in proptest::collection::vec((0..300usize, any::<u8>()), 0..12), cut in 0..400usize,
        ) {
            let mut file = file(&[1, 1, 0, 2, 1024, 0, 1, 1, 3088, 34736, 1, 0], &[1.0]);
            for (at, byte) in bends {
                if let Some(place) = file.get_mut(at) {
                    *place = byte;
                }
            }
            file.truncate(cut);
            let _ = header_of(&file);
        }
    }
}
