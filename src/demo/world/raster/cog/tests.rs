use std::collections::HashMap;
use std::io::Read as _;

use proptest::prelude::*;

use super::super::geokeys::Crs;
use super::*;

/// Columns to the east, rows to the south and the level, told apart in every pixel.
struct Ruler {
    bands: usize,
}

impl Ruler {
    fn value(level: u32, x: i64, y: i64, band: usize) -> f32 {
        (x % 97 + 3 * (y % 89) + 11 * i64::from(level) + 40 * band as i64) as f32
    }
}

impl Picture for Ruler {
    fn paint(&self, w: Window) -> Vec<f32> {
        let pixel = |n: usize| (w.x + (n % w.width) as i64, w.y + (n / w.width) as i64);
        (0..w.pixels() * self.bands)
            .map(|n| (pixel(n / self.bands), n % self.bands))
            .map(|((x, y), band)| Ruler::value(w.level, x, y, band))
            .collect()
    }
}

fn spec(width: u32, height: u32, sample: Sample, compression: Compression) -> Spec {
    let georeference = Georeference { crs: Crs::Projected(32632), west: 5e5, north: 6e6, pixel: 10.0 };
    Spec {
        width,
        height,
        bands: 1,
        sample,
        tile: 64,
        compression,
        nodata: Some(0.0),
        scale: Some((0.5, -1.0)),
        georeference,
        origin: (1024, 2048),
    }
}

fn whole(spec: &Spec) -> Vec<u8> {
    let file = Cog::open(spec.clone(), Arc::new(Ruler { bands: usize::from(spec.bands) }));
    let mut bytes = vec![0; file.len() as usize];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// A directory as a reader sees it: values of up to 4 bytes as numbers, longer arrays of longs resolved.
struct Directory {
    tags: HashMap<u16, Vec<u32>>,
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn directories(bytes: &[u8]) -> Vec<Directory> {
    assert_eq!(&bytes[..4], b"II*\0");
    let mut found = Vec::new();
    let mut at = long(bytes, 4) as usize;
    while at != 0 {
        let count = usize::from(short(bytes, at));
        let entry = |n: usize| {
            let at = at + 2 + 12 * n;
            let (kind, count, value) = (short(bytes, at + 2), long(bytes, at + 4), long(bytes, at + 8));
            let values = match (kind, count) {
                (4, 2..) => (0..count as usize).map(|n| long(bytes, value as usize + 4 * n)).collect(),
                _ => vec![value],
            };
            (short(bytes, at), values)
        };
        found.push(Directory { tags: (0..count).map(entry).collect() });
        at = long(bytes, at + 2 + 12 * count) as usize;
    }
    found
}

#[test]
fn directories_go_down_to_one_tile_and_data_goes_up() {
    let spec = spec(300, 130, Sample::U16, Compression::None);
    let bytes = whole(&spec);
    let all = directories(&bytes);
    let sizes: Vec<_> = all.iter().map(|d| (d.tags[&256][0], d.tags[&257][0])).collect();
    assert_eq!(sizes, [(300, 130), (150, 65), (75, 33), (38, 17)]);
    let mut blocks: Vec<(u32, u32)> = Vec::new();
    for (level, directory) in all.iter().enumerate().rev() {
        assert_eq!(directory.tags.contains_key(&254), level > 0);
        assert_eq!(directory.tags.contains_key(&34735), level == 0, "only the first is georeferenced");
        blocks.extend(directory.tags[&324].iter().copied().zip(directory.tags[&325].iter().copied()));
    }
    let mut at = blocks[0].0 - 4;
    for (offset, length) in blocks {
        assert_eq!(offset, at + 4, "tiles follow one another, the smallest overview first");
        assert_eq!(long(&bytes, at as usize), length, "leader");
        let end = (offset + length) as usize;
        assert_eq!(bytes[end - 4..end], bytes[end..end + 4], "trailer");
        at = end as u32 + 4;
    }
    assert_eq!(at as usize, bytes.len());
    assert_eq!(Cog::plain_len(&spec), bytes.len() as u64);
}

#[test]
fn a_pixel_is_where_the_picture_has_it() {
    let spec = spec(300, 130, Sample::U16, Compression::None);
    let bytes = whole(&spec);
    for (level, x, y) in [(0, 0, 0), (0, 299, 129), (0, 64, 63), (1, 149, 64), (3, 37, 16)] {
        let directory = &directories(&bytes)[level];
        let columns = directory.tags[&256][0].div_ceil(64);
        let tile = directory.tags[&324][(y / 64 * columns + x / 64) as usize];
        let at = tile as usize + 2 * (y % 64 * 64 + x % 64) as usize;
        let origin = (1024 >> level, 2048 >> level);
        let value = Ruler::value(level as u32, origin.0 + i64::from(x), origin.1 + i64::from(y), 0);
        assert_eq!(f32::from(short(&bytes, at)), value, "level {level}, {x}, {y}");
    }
}

#[test]
fn packed_tiles_hold_the_same_values_as_plain_ones() {
    for (sample, bands) in [(Sample::U8, 3), (Sample::U16, 1), (Sample::I16, 1), (Sample::F32, 1)] {
        let plain = Spec { bands, ..spec(100, 70, sample, Compression::None) };
        let packed = Spec { compression: Compression::Deflate, ..plain.clone() };
        let (plain_bytes, packed_bytes) = (whole(&plain), whole(&packed));
        assert!(packed_bytes.len() < plain_bytes.len());
        for (level, directory) in directories(&packed_bytes).iter().enumerate() {
            let flat = &directories(&plain_bytes)[level].tags;
            for (n, (&at, &length)) in directory.tags[&324].iter().zip(&directory.tags[&325]).enumerate() {
                let part = &packed_bytes[at as usize..(at + length) as usize];
                let mut tile = Vec::new();
                flate2::read::ZlibDecoder::new(part).read_to_end(&mut tile).unwrap();
                if directory.tags.contains_key(&317) {
                    integrate(&mut tile, sample.size(), 64, usize::from(bands));
                }
                let start = flat[&324][n] as usize;
                assert_eq!(tile, plain_bytes[start..start + flat[&325][n] as usize], "{sample:?}, tile {n}");
            }
        }
    }
}

/// Undoes predictor 2.
fn integrate(bytes: &mut [u8], size: usize, width: usize, bands: usize) {
    for row in bytes.chunks_mut(width * bands * size) {
        for at in (bands * size..row.len()).step_by(size) {
            let before = at - bands * size;
            if size == 1 {
                row[at] = row[at].wrapping_add(row[before]);
            } else {
                let sum = short(row, at).wrapping_add(short(row, before));
                row[at..at + 2].copy_from_slice(&sum.to_le_bytes());
            }
        }
    }
}

#[test]
fn nan_is_nodata_and_values_are_clamped() {
    assert_eq!(Sample::U8.store(&[f32::NAN, -3.0, 254.6, 999.0], 7.0), [7, 0, 255, 255]);
    assert_eq!(Sample::I16.store(&[f32::NAN, 1e9], -32768.0), [0, 128, 255, 127]);
    assert_eq!(Sample::F32.store(&[f32::NAN], -9999.0), (-9999f32).to_le_bytes());
}

#[test]
fn a_read_beyond_the_end_fails() {
    let file = Cog::plan(spec(64, 64, Sample::U8, Compression::None), Arc::new(Ruler { bands: 1 }));
    assert_eq!(file.tiles.len(), 1);
    assert!(file.read_at(file.len() - 1, &mut [0; 2]).is_err());
    assert!(file.read_at(file.len(), &mut []).is_ok());
}

#[test]
fn three_hundred_megabytes_are_planned_in_no_memory() {
    let large = Spec { tile: 512, ..spec(15_120, 7_560, Sample::U16, Compression::None) };
    let file = Cog::plan(large, Arc::new(Ruler { bands: 1 }));
    assert!(file.len() > 300_000_000);
    assert!(file.head.len() < 20_000);
    let mut last = [0; 8];
    file.read_at(file.len() - 8, &mut last).unwrap();
    assert_eq!(last[..4], last[4..]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_range_is_the_slice_of_the_whole(
        from in 0.0..1.0f64, to in 0.0..1.0f64, packed in any::<bool>(), wide in 1u32..200, high in 1u32..200,
    ) {
        let compression = if packed { Compression::Deflate } else { Compression::None };
        let spec = spec(wide, high, Sample::I16, compression);
        let file = Cog::open(spec.clone(), Arc::new(Ruler { bands: 1 }));
        let all = whole(&spec);
        let at = |share: f64| (share * all.len() as f64) as usize;
        let (start, end) = (at(from.min(to)), at(from.max(to)));
        let mut part = vec![0; end - start];
        file.read_at(start as u64, &mut part).unwrap();
        prop_assert_eq!(&part[..], &all[start..end]);
    }
}
