//! Cloud-optimised GeoTIFFs that exist only where they are read.
//!
//! The layout is that of GDAL's COG driver: directories first (full resolution, then ever smaller overviews),
//! then the tiles of the smallest overview, and the full resolution last, each tile between its size and a copy
//! of its last four bytes. No crate gives the place of a tile without having its bytes; here an uncompressed
//! file is laid out by arithmetic, and a tile is painted when a byte of it is asked for.

use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use flate2::write::ZlibEncoder;
use lru::LruCache;

use super::geokeys::Georeference;
use super::ifd::{self, Entry, Next, Value};
use super::{Picture, Window};
use crate::demo::http::lock;
use crate::demo::http::{Bytes, Slice};

/// How a value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// 0 to 255.
    U8,
    /// 0 to 65,535.
    U16,
    /// -32,768 to 32,767.
    I16,
    /// Single precision.
    F32,
}

impl Sample {
    /// Bytes per value.
    pub fn size(self) -> usize {
        match self {
            Sample::U8 => 1,
            Sample::U16 | Sample::I16 => 2,
            Sample::F32 => 4,
        }
    }

    /// As STAC's raster extension calls it.
    pub fn name(self) -> &'static str {
        match self {
            Sample::U8 => "uint8",
            Sample::U16 => "uint16",
            Sample::I16 => "int16",
            Sample::F32 => "float32",
        }
    }

    /// TIFF's SampleFormat.
    fn format(self) -> u16 {
        match self {
            Sample::U8 | Sample::U16 => 1,
            Sample::I16 => 2,
            Sample::F32 => 3,
        }
    }

    /// `values` rounded, clamped and stored; NaN as `nodata`.
    fn store(self, values: &[f32], nodata: f64) -> Vec<u8> {
        let nodata = nodata as f32;
        let whole = |v: f32| if v.is_nan() { nodata } else { v.round() };
        let mut bytes = vec![0; values.len() * self.size()];
        // `as` clamps to the type's range.
        match self {
            Sample::U8 => bytes.iter_mut().zip(values).for_each(|(byte, &v)| *byte = whole(v) as u8),
            Sample::U16 => pack(&mut bytes, values, |v| (whole(v) as u16).to_le_bytes()),
            Sample::I16 => pack(&mut bytes, values, |v| (whole(v) as i16).to_le_bytes()),
            Sample::F32 => pack(&mut bytes, values, |v| if v.is_nan() { nodata } else { v }.to_le_bytes()),
        }
        bytes
    }
}

/// Stores `values` one after another.
fn pack<const N: usize>(bytes: &mut [u8], values: &[f32], store: impl Fn(f32) -> [u8; N]) {
    bytes.chunks_exact_mut(N).zip(values).for_each(|(bytes, &v)| bytes.copy_from_slice(&store(v)));
}

/// How tiles are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are: the length of the file is known at once, so this is for large files.
    None,
    /// Deflate, with differences of neighbours for whole numbers: the file is built when its length is asked
    /// for, so this is for small files.
    Deflate,
}

/// What a file is to be like.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Values per pixel; three are red, green and blue.
    pub bands: u16,
    /// How a value is stored.
    pub sample: Sample,
    /// Width and height of a tile: a multiple of 16. Overviews go down to what fits into one tile.
    pub tile: u32,
    /// How tiles are packed.
    pub compression: Compression,
    /// The value that stands for "nothing was seen".
    pub nodata: Option<f64>,
    /// Scale and offset that make physical values of the stored ones.
    pub scale: Option<(f64, f64)>,
    /// Where it lies.
    pub georeference: Georeference,
    /// Column and row of the first pixel on the grid of the picture.
    pub origin: (i64, i64),
}

/// One image of the file: the full resolution or an overview.
#[derive(Debug, Clone, Copy)]
struct Level {
    width: u32,
    height: u32,
    columns: u32,
    rows: u32,
}

impl Spec {
    fn levels(&self) -> Vec<Level> {
        let mut levels = Vec::new();
        let (mut width, mut height) = (self.width, self.height);
        loop {
            let (columns, rows) = (width.div_ceil(self.tile), height.div_ceil(self.tile));
            levels.push(Level { width, height, columns, rows });
            if columns == 1 && rows == 1 {
                return levels;
            }
            (width, height) = (width.div_ceil(2), height.div_ceil(2));
        }
    }

    /// Every tile in the order of directories: by level, row, column.
    fn places(&self) -> Vec<Place> {
        let of_level = |(level, shape): (usize, &Level)| {
            let columns = shape.columns;
            (0..shape.columns * shape.rows).map(move |n| Place {
                level: level as u32,
                column: n % columns,
                row: n / columns,
            })
        };
        self.levels().iter().enumerate().flat_map(of_level).collect()
    }

    /// The bytes of an unpacked tile.
    fn tile_bytes(&self) -> u64 {
        u64::from(self.tile).pow(2) * u64::from(self.bands) * self.sample.size() as u64
    }

    /// Paints a tile and packs it.
    fn tile(&self, picture: &dyn Picture, place: Place) -> Vec<u8> {
        let side = self.tile as usize;
        let window = Window {
            level: place.level,
            x: (self.origin.0 >> place.level) + i64::from(place.column * self.tile),
            y: (self.origin.1 >> place.level) + i64::from(place.row * self.tile),
            width: side,
            height: side,
        };
        let mut bytes = self.sample.store(&picture.paint(window), self.nodata.unwrap_or(0.0));
        match self.compression {
            Compression::None => bytes,
            Compression::Deflate => {
                if self.predicts() {
                    differentiate(&mut bytes, self.sample.size(), side, usize::from(self.bands));
                }
                let mut packer = ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
                // Writing to a Vec does not fail.
                packer.write_all(&bytes).and_then(|()| packer.finish()).unwrap_or_default()
            }
        }
    }

    fn predicts(&self) -> bool {
        self.compression == Compression::Deflate && self.sample != Sample::F32
    }

    /// The entries of a level's directory. `offsets` and `lengths` are those of its tiles.
    fn entries(&self, level: usize, shape: &Level, offsets: Vec<u32>, lengths: Vec<u32>) -> Vec<Entry> {
        let bands = usize::from(self.bands);
        let mut entries = Vec::new();
        if level > 0 {
            entries.push(Entry::new(254, Value::Longs(vec![1])));
        }
        entries.extend([
            Entry::new(256, Value::Longs(vec![shape.width])),
            Entry::new(257, Value::Longs(vec![shape.height])),
            Entry::new(258, Value::Shorts(vec![8 * self.sample.size() as u16; bands])),
            Entry::short(259, if self.compression == Compression::Deflate { 8 } else { 1 }),
            Entry::short(262, if bands == 3 { 2 } else { 1 }),
            Entry::short(277, self.bands),
            Entry::short(284, 1),
        ]);
        if self.predicts() {
            entries.push(Entry::short(317, 2));
        }
        entries.extend([
            Entry::short(322, self.tile as u16),
            Entry::short(323, self.tile as u16),
            Entry::new(324, Value::Longs(offsets)),
            Entry::new(325, Value::Longs(lengths)),
            Entry::new(339, Value::Shorts(vec![self.sample.format(); bands])),
        ]);
        if level == 0 {
            entries.extend(self.georeference.entries());
            entries.extend(self.scale.map(|scale| Entry::new(42112, Value::Text(metadata(scale, bands)))));
        }
        entries.extend(self.nodata.map(|value| Entry::new(42113, Value::Text(value.to_string()))));
        entries
    }

    /// Everything before the first tile, where tiles with these `lengths` (in the order of
    /// [`places`](Self::places)) begin at these `offsets`.
    fn head(&self, offsets: &[u32], lengths: &[u32]) -> Vec<u8> {
        let mut head = [b"II*\0".as_slice(), &(FIRST_IFD as u32).to_le_bytes(), GHOST.as_bytes()].concat();
        head.resize(FIRST_IFD, 0);
        let levels = self.levels();
        let mut first = 0;
        for (number, shape) in levels.iter().enumerate() {
            let tiles = first..first + (shape.columns * shape.rows) as usize;
            first = tiles.end;
            let entries =
                self.entries(number, shape, offsets[tiles.clone()].to_vec(), lengths[tiles].to_vec());
            let next = if first == offsets.len() { Next::None } else { Next::Follows };
            head.extend(ifd::write(&entries, head.len(), next));
        }
        head
    }

    /// The head of the file, and the bytes of each tile of `lengths` within it.
    fn lay_out(&self, lengths: &[u32]) -> (Vec<u8>, Vec<Range<u64>>) {
        let mut at = self.head(&vec![0; lengths.len()], lengths).len() as u64;
        let mut ranges = vec![0..0; lengths.len()];
        let mut last = lengths.len();
        for shape in self.levels().iter().rev() {
            let first = last - (shape.columns * shape.rows) as usize;
            for tile in first..last {
                ranges[tile] = at + LEADER..at + LEADER + u64::from(lengths[tile]);
                at = ranges[tile].end + TRAILER;
            }
            last = first;
        }
        let offsets: Vec<u32> = ranges.iter().map(|range| range.start as u32).collect();
        (self.head(&offsets, lengths), ranges)
    }
}

/// Which tile it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    level: u32,
    column: u32,
    row: u32,
}

/// GDAL's promise about the order of what follows; it lets readers leave out a request for a tile's size. The
/// space at the end is part of it.
const GHOST: &str = "GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\n\
    LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
    BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";
const FIRST_IFD: usize = (8 + GHOST.len()).next_multiple_of(2);
const LEADER: u64 = 4;
const TRAILER: u64 = 4;

/// GDAL's metadata for scale and offset.
fn metadata((scale, offset): (f64, f64), bands: usize) -> String {
    let items: String = (0..bands)
        .map(|band| {
            format!(
                "  <Item name=\"OFFSET\" sample=\"{band}\" role=\"offset\">{offset}</Item>\n  \
                 <Item name=\"SCALE\" sample=\"{band}\" role=\"scale\">{scale}</Item>\n"
            )
        })
        .collect();
    format!("<GDALMetadata>\n{items}</GDALMetadata>\n")
}

/// TIFF's predictor 2: each value but the first of a row becomes its difference from the pixel before.
fn differentiate(bytes: &mut [u8], size: usize, width: usize, bands: usize) {
    for row in bytes.chunks_mut(width * bands * size) {
        for at in (bands * size..row.len()).step_by(size).rev() {
            let before = at - bands * size;
            if size == 1 {
                row[at] = row[at].wrapping_sub(row[before]);
            } else {
                let value = u16::from_le_bytes([row[at], row[at + 1]]);
                let earlier = u16::from_le_bytes([row[before], row[before + 1]]);
                row[at..at + 2].copy_from_slice(&value.wrapping_sub(earlier).to_le_bytes());
            }
        }
    }
}

/// A cloud-optimised GeoTIFF as bytes.
pub struct Cog {
    spec: Spec,
    picture: Arc<dyn Picture>,
    head: Vec<u8>,
    /// Tiles in the order of the file.
    tiles: Vec<(Range<u64>, Place)>,
    number: u64,
}

impl Cog {
    /// The file that shows `picture` as `spec` says. An uncompressed one costs nothing until it is read; a
    /// compressed one is built here.
    pub fn open(spec: Spec, picture: Arc<dyn Picture>) -> Arc<dyn Bytes> {
        match spec.compression {
            Compression::None => Arc::new(Cog::plan(spec, picture)),
            Compression::Deflate => Arc::new(Slice(build(&spec, &*picture))),
        }
    }

    /// How many bytes an uncompressed file of this `spec` has.
    pub fn plain_len(spec: &Spec) -> u64 {
        let lengths = vec![spec.tile_bytes() as u32; spec.places().len()];
        spec.lay_out(&lengths).1.iter().map(|tile| tile.end + TRAILER).max().unwrap_or(0)
    }

    fn plan(spec: Spec, picture: Arc<dyn Picture>) -> Cog {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let places = spec.places();
        let lengths = vec![spec.tile_bytes() as u32; places.len()];
        let (head, ranges) = spec.lay_out(&lengths);
        let mut tiles: Vec<_> = ranges.into_iter().zip(places).collect();
        tiles.sort_by_key(|(range, _)| range.start);
        Cog { spec, picture, head, tiles, number: NUMBERS.fetch_add(1, Ordering::Relaxed) }
    }

    /// The bytes of the tile at `index` in the order of the file.
    fn tile(&self, index: usize) -> Arc<Vec<u8>> {
        let key = (self.number, index);
        if let Some(found) = lock(&PAINTED).get(&key) {
            return Arc::clone(found);
        }
        let painted = Arc::new(self.spec.tile(&*self.picture, self.tiles[index].1));
        lock(&PAINTED).put(key, Arc::clone(&painted));
        painted
    }

    /// A tile with what stands around it: its length before, its last bytes again behind.
    fn block(&self, index: usize) -> (Range<u64>, Block) {
        let range = &self.tiles[index].0;
        (range.start - LEADER..range.end + TRAILER, Block(self.tile(index)))
    }
}

/// Tiles by file and place among its tiles.
type Tiles = LruCache<(u64, usize), Arc<Vec<u8>>>;

/// The tiles painted last, of all files: what a client reads in pieces is painted once. At most 24 MiB, as no
/// file of the world has tiles of more than 768 KiB.
static PAINTED: LazyLock<Mutex<Tiles>> =
    LazyLock::new(|| Mutex::new(LruCache::new(const { NonZeroUsize::new(32).unwrap() })));

/// A tile between its leader and its trailer.
struct Block(Arc<Vec<u8>>);

impl Block {
    /// Fills `buf` with the bytes from `offset` on.
    fn read(&self, offset: usize, buf: &mut [u8]) {
        let tile = &self.0;
        let leader = (tile.len() as u32).to_le_bytes();
        let trailer = &tile[tile.len().saturating_sub(TRAILER as usize)..];
        let mut filled = 0;
        let mut begin = 0;
        for part in [&leader[..], tile, trailer] {
            let from = (offset + filled).saturating_sub(begin);
            if filled < buf.len() && from < part.len() {
                let count = (part.len() - from).min(buf.len() - filled);
                buf[filled..filled + count].copy_from_slice(&part[from..from + count]);
                filled += count;
            }
            begin += part.len();
        }
    }
}

impl Bytes for Cog {
    fn len(&self) -> u64 {
        self.tiles.last().map_or(self.head.len() as u64, |(range, _)| range.end + TRAILER)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if offset.saturating_add(buf.len() as u64) > self.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut at = offset;
        let mut rest = buf;
        if let Some(head) = usize::try_from(at).ok().and_then(|at| self.head.get(at..)) {
            let count = head.len().min(rest.len());
            rest[..count].copy_from_slice(&head[..count]);
            at += count as u64;
            rest = &mut rest[count..];
        }
        while !rest.is_empty() {
            let index = self.tiles.partition_point(|(range, _)| range.end + TRAILER <= at);
            let (range, block) = self.block(index);
            let (now, later) = rest.split_at_mut(rest.len().min((range.end - at) as usize));
            block.read((at - range.start) as usize, now);
            at += now.len() as u64;
            rest = later;
        }
        Ok(())
    }
}

/// The whole file, packed.
fn build(spec: &Spec, picture: &dyn Picture) -> Vec<u8> {
    let tiles: Vec<Block> =
        spec.places().into_iter().map(|place| Block(Arc::new(spec.tile(picture, place)))).collect();
    let lengths: Vec<u32> = tiles.iter().map(|tile| tile.0.len() as u32).collect();
    let (head, ranges) = spec.lay_out(&lengths);
    let end = ranges.iter().map(|range| range.end + TRAILER).max().unwrap_or(0);
    let mut bytes = head;
    bytes.resize(end as usize, 0);
    for (range, tile) in ranges.iter().zip(&tiles) {
        tile.read(0, &mut bytes[(range.start - LEADER) as usize..(range.end + TRAILER) as usize]);
    }
    bytes
}

#[cfg(test)]
mod tests;
