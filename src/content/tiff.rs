//! Where the tiles of a TIFF are: read out of its directories, tolerant of garbage.
//!
//! Pure: bytes in, an index out, or word of which bytes are needed first. Knows TIFF and BigTIFF of either byte
//! order (TIFF 6.0; the BigTIFF design of 2004). Strips are no tiles: who reads them reads on.

pub mod header;

use std::ops::Range;

/// More directories than this are not read: images, overviews and masks.
const DIRECTORIES: usize = 64;
/// More tiles than this are not kept (16 bytes each): such files are read by what is asked for.
const TILES: usize = 100_000;
/// A tile that claims to be longer is not believed.
const LONGEST: u64 = 64 * 1024 * 1024;
/// No single piece of a directory is longer.
const PIECE: u64 = 4 * 1024 * 1024;
/// Cloud-optimised GeoTIFFs put the tile's length in front of it and repeat its end behind it.
const LEADER: u64 = 4;

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const TILE_WIDTH: u16 = 322;
const TILE_LENGTH: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;

/// What a look at a file gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// Its tiles.
    Tiles(Tiles),
    /// These bytes are needed before more can be said.
    Needs(Range<u64>),
    /// No tiled TIFF, or none to be believed.
    Other,
}

/// All tiles of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tiles {
    levels: Vec<Level>,
    /// In the order of the file.
    tiles: Vec<Tile>,
    first_image_end: u64,
}

/// One image: full resolution, an overview, a mask.
#[derive(Debug, Clone, PartialEq)]
struct Level {
    /// The number of its first tile.
    first: u32,
    /// Tiles in a row, and rows.
    across: u32,
    down: u32,
    /// Where each tile is in the file's order; `u32::MAX` where it is not there (a hole).
    places: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Tile {
    offset: u64,
    length: u32,
    number: u32,
}

/// A tile's place in its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spot {
    /// Which image.
    pub level: usize,
    /// From the left.
    pub column: u32,
    /// From the top.
    pub row: u32,
}

impl Tiles {
    /// The tile that a byte belongs to, its leader included.
    pub fn at(&self, offset: u64) -> Option<Spot> {
        let after = self.tiles.partition_point(|tile| tile.offset.saturating_sub(LEADER) <= offset);
        let tile = self.tiles.get(after.checked_sub(1)?)?;
        (offset < tile.bytes().end).then(|| self.spot(tile.number))?
    }

    /// The bytes of a tile, its leader and trailer included; `None` outside of the image, and for a hole.
    pub fn bytes(&self, spot: Spot) -> Option<Range<u64>> {
        let level = self.levels.get(spot.level)?;
        if spot.column >= level.across || spot.row >= level.down {
            return None;
        }
        let place = level.places.get((spot.row * level.across + spot.column) as usize)?;
        Some(self.tiles.get(*place as usize)?.bytes())
    }

    /// Tiles in a row of an image, and its rows.
    pub fn grid(&self, level: usize) -> Option<(u32, u32)> {
        self.levels.get(level).map(|level| (level.across, level.down))
    }

    /// Where the image that comes first in the file ends, in bytes.
    pub fn first_image_end(&self) -> u64 {
        self.first_image_end
    }

    fn spot(&self, number: u32) -> Option<Spot> {
        let level = self.levels.partition_point(|level| level.first <= number).checked_sub(1)?;
        let Level { first, across, down, .. } = self.levels[level];
        // Further planes and samples of a level repeat its grid.
        let within = (number - first) % (across * down).max(1);
        Some(Spot { level, column: within % across, row: within / across })
    }
}

impl Tile {
    fn bytes(&self) -> Range<u64> {
        self.offset.saturating_sub(LEADER)..self.offset + u64::from(self.length) + LEADER
    }
}

/// Looks for the tiles of a file of `size` bytes, of which `bytes` gives those that are here.
pub fn look(size: u64, bytes: impl Fn(Range<u64>) -> Option<Vec<u8>>) -> Look {
    let reader = Reader { size, bytes };
    match reader.tiles() {
        Ok(tiles) if tiles.tiles.is_empty() => Look::Other,
        Ok(tiles) => Look::Tiles(tiles),
        Err(Stop::Needs(range)) => Look::Needs(range),
        Err(Stop::Garbage) => Look::Other,
    }
}

/// Why reading ended.
enum Stop {
    Needs(Range<u64>),
    Garbage,
}

struct Reader<F> {
    size: u64,
    bytes: F,
}

/// How numbers are written in this file.
#[derive(Clone, Copy)]
struct Form {
    little: bool,
    big: bool,
}

/// A directory entry of numbers.
struct Field {
    tag: u16,
    kind: u16,
    count: u64,
    /// The value's own bytes, where it fits into the entry; else they say where it is.
    value: Vec<u8>,
}

impl<F: Fn(Range<u64>) -> Option<Vec<u8>>> Reader<F> {
    fn get(&self, start: u64, length: u64) -> Result<Vec<u8>, Stop> {
        let end = start.checked_add(length).filter(|end| *end <= self.size).ok_or(Stop::Garbage)?;
        if length > PIECE {
            return Err(Stop::Garbage);
        }
        match (self.bytes)(start..end) {
            Some(bytes) if bytes.len() as u64 == length => Ok(bytes),
            _ => Err(Stop::Needs(start..end)),
        }
    }

    /// How numbers are written, and where the first directory is.
    fn form(&self) -> Result<(Form, u64), Stop> {
        let head = self.get(0, 16)?;
        let form = Form {
            little: match &head[..2] {
                b"II" => true,
                b"MM" => false,
                _ => return Err(Stop::Garbage),
            },
            big: false,
        };
        match form.number(&head[2..4]) {
            42 => Ok((form, form.number(&head[4..8]))),
            43 => Ok((Form { big: true, ..form }, form.number(&head[8..16]))),
            _ => Err(Stop::Garbage),
        }
    }

    fn tiles(&self) -> Result<Tiles, Stop> {
        let (form, mut next) = self.form()?;
        let mut tiles = Tiles::default();
        let mut seen = Vec::new();
        while next != 0 && seen.len() < DIRECTORIES && !seen.contains(&next) {
            seen.push(next);
            next = self.directory(form, next, &mut tiles)?;
        }
        tiles.tiles.sort_unstable_by_key(|tile| tile.offset);
        for (place, tile) in (0..).zip(&tiles.tiles) {
            let level = tiles.levels.partition_point(|level| level.first <= tile.number).saturating_sub(1);
            let level = &mut tiles.levels[level];
            if let Some(slot) = level.places.get_mut((tile.number - level.first) as usize) {
                *slot = place;
            }
        }
        let level = |tile: &Tile| tiles.spot(tile.number).map(|spot| spot.level);
        let first = tiles.tiles.first().and_then(level);
        let of_first = tiles.tiles.iter().take_while(|tile| level(tile) == first);
        tiles.first_image_end = of_first.last().map_or(0, |tile| tile.bytes().end);
        Ok(tiles)
    }

    /// Reads one directory, and gives where the next one is.
    fn directory(&self, form: Form, at: u64, tiles: &mut Tiles) -> Result<u64, Stop> {
        let (fields, next) = self.fields(form, at)?;
        self.image(form, &fields, tiles)?;
        Ok(next)
    }

    /// The fields of a directory, and where the next one is.
    fn fields(&self, form: Form, at: u64) -> Result<(Vec<Field>, u64), Stop> {
        let (count_size, entry_size, next_size) = if form.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = form.number(&self.get(at, count_size)?);
        if count > 4096 {
            return Err(Stop::Garbage);
        }
        let start = at.checked_add(count_size).ok_or(Stop::Garbage)?;
        let entries = self.get(start, count * entry_size + next_size)?;
        let (entries, next) = entries.split_at((count * entry_size) as usize);
        let fields = entries.chunks_exact(entry_size as usize).map(|entry| form.field(entry)).collect();
        Ok((fields, form.number(next)))
    }

    /// Adds the tiles of one image.
    fn image(&self, form: Form, fields: &[Field], tiles: &mut Tiles) -> Result<(), Stop> {
        let one = |tag: u16| -> Result<Option<u64>, Stop> {
            let Some(field) = fields.iter().find(|field| field.tag == tag && field.count == 1) else {
                return Ok(None);
            };
            Ok(self.numbers(form, field)?.first().copied())
        };
        let (Some(width), Some(length)) = (one(IMAGE_WIDTH)?, one(IMAGE_LENGTH)?) else { return Ok(()) };
        let (Some(tile_width), Some(tile_length)) = (one(TILE_WIDTH)?, one(TILE_LENGTH)?) else {
            return Ok(());
        };
        if tile_width == 0 || tile_length == 0 {
            return Ok(());
        }
        let (across, down) = (width.div_ceil(tile_width), length.div_ceil(tile_length));
        let many = |tag: u16| fields.iter().find(|field| field.tag == tag);
        let (Some(offsets), Some(lengths)) = (many(TILE_OFFSETS), many(TILE_BYTE_COUNTS)) else {
            return Ok(());
        };
        let grid = across.checked_mul(down).filter(|grid| *grid > 0 && *grid <= offsets.count);
        let room = tiles.levels.iter().map(|level| level.places.len()).sum::<usize>() as u64 + offsets.count;
        if grid.is_none() || offsets.count != lengths.count || room > TILES as u64 {
            return Ok(());
        }
        let (offsets, lengths) = (self.numbers(form, offsets)?, self.numbers(form, lengths)?);
        let first = tiles.levels.last().map_or(0, |level| level.first + level.places.len() as u32);
        tiles.levels.push(Level {
            first,
            across: across as u32,
            down: down as u32,
            places: vec![u32::MAX; offsets.len()],
        });
        let believable = |(_, (offset, length)): &(u32, (u64, u64))| {
            *length > 0
                && *length <= LONGEST
                && *offset > 0
                && offset.checked_add(*length).is_some_and(|end| end <= self.size)
        };
        tiles.tiles.extend(
            (first..)
                .zip(offsets.into_iter().zip(lengths))
                .filter(believable)
                .map(|(number, (offset, length))| Tile { offset, length: length as u32, number }),
        );
        Ok(())
    }

    /// All numbers of a field.
    fn numbers(&self, form: Form, field: &Field) -> Result<Vec<u64>, Stop> {
        let size = match field.kind {
            3 => 2,       // SHORT
            4 | 13 => 4,  // LONG, IFD
            16 | 18 => 8, // LONG8, IFD8
            _ => return Err(Stop::Garbage),
        };
        let bytes = self.value(form, field, size)?;
        Ok(bytes.chunks_exact(size as usize).map(|chunk| form.number(chunk)).collect())
    }

    /// The bytes of a field whose values have `size` each.
    fn value(&self, form: Form, field: &Field, size: u64) -> Result<Vec<u8>, Stop> {
        let length = field.count.checked_mul(size).ok_or(Stop::Garbage)?;
        if length <= field.value.len() as u64 {
            return Ok(field.value[..length as usize].to_vec());
        }
        self.get(form.number(&field.value), length)
    }
}

impl Form {
    /// A number of as many bytes as are given.
    fn number(self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.little { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) }
    }

    fn field(self, entry: &[u8]) -> Field {
        let (count, value) = entry[4..].split_at(if self.big { 8 } else { 4 });
        Field {
            tag: self.number(&entry[..2]) as u16,
            kind: self.number(&entry[2..4]) as u16,
            count: self.number(count),
            value: value.to_vec(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A little-endian TIFF of two images: 5 × 4 tiles and 3 × 2, each tile of `tile` bytes with leaders, in
    /// the order of a cloud-optimised one: the small image first.
    pub fn cog(tile: u32) -> Vec<u8> {
        let (mut file, length) = head([(5, 4), (3, 2)], tile);
        file.extend((file.len() as u32..length).map(|at| ((at * 7) >> 3) as u8));
        file
    }

    /// The tiles of a TIFF of two such images.
    pub fn tiles(grids: [(u32, u32); 2], tile: u32) -> Tiles {
        let (head, length) = head(grids, tile);
        let here = |range: Range<u64>| head.get(range.start as usize..range.end as usize).map(<[u8]>::to_vec);
        match look(u64::from(length), here) {
            Look::Tiles(tiles) => tiles,
            other => panic!("{other:?}"),
        }
    }

    /// What is in front of the tiles, and how long the file is.
    fn head(grids: [(u32, u32); 2], tile: u32) -> (Vec<u8>, u32) {
        let mut file = b"II*\0".to_vec();
        file.extend(8u32.to_le_bytes());
        let directory = 2 + 12 * 6 + 4;
        let arrays = |grid: (u32, u32)| 8 * grid.0 * grid.1;
        let starts = [8, 8 + directory + arrays(grids[0])];
        let head = starts[1] + directory + arrays(grids[1]);
        let first = [head + grids[1].0 * grids[1].1 * (tile + 8), head];
        for (at, grid) in grids.into_iter().enumerate() {
            let count = grid.0 * grid.1;
            let array = starts[at] + directory;
            let entry = |tag: u16, kind: u16, count: u32, value: u32| {
                [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()]
                    .concat()
            };
            file.extend(6u16.to_le_bytes());
            file.extend(entry(IMAGE_WIDTH, 4, 1, grid.0 * 512 - 7));
            file.extend(entry(IMAGE_LENGTH, 4, 1, grid.1 * 512 - 7));
            file.extend(entry(TILE_WIDTH, 3, 1, 512));
            file.extend(entry(TILE_LENGTH, 3, 1, 512));
            file.extend(entry(TILE_OFFSETS, 4, count, array));
            file.extend(entry(TILE_BYTE_COUNTS, 4, count, array + 4 * count));
            file.extend(if at == 0 { starts[1] } else { 0 }.to_le_bytes());
            (0..count).for_each(|n| file.extend((first[at] + n * (tile + 8) + 4).to_le_bytes()));
            (0..count).for_each(|_| file.extend(tile.to_le_bytes()));
        }
        (file, first[0] + grids[0].0 * grids[0].1 * (tile + 8))
    }

    fn look_at(file: &[u8]) -> Look {
        look(file.len() as u64, |range| {
            file.get(range.start as usize..range.end as usize).map(<[u8]>::to_vec)
        })
    }

    #[test]
    fn tiles_are_found_by_offset_and_by_place() {
        let Look::Tiles(tiles) = look_at(&cog(1000)) else { panic!("tiles") };
        let spot = |level, column, row| Spot { level, column, row };
        for (level, across, down) in [(0, 5, 4), (1, 3, 2)] {
            for row in 0..down {
                for column in 0..across {
                    let spot = spot(level, column, row);
                    let bytes = tiles.bytes(spot).unwrap();
                    assert_eq!(bytes.end - bytes.start, 1008);
                    for at in [bytes.start, bytes.start + 4, bytes.end - 5] {
                        assert_eq!(tiles.at(at), Some(spot));
                    }
                }
            }
            assert_eq!(tiles.bytes(spot(level, across, 0)), None);
            assert_eq!(tiles.bytes(spot(level, 0, down)), None);
        }
        assert_eq!(
            tiles.first_image_end(),
            tiles.bytes(spot(1, 2, 1)).unwrap().end,
            "the overview comes first"
        );
        assert_eq!(tiles.at(10), None);
        assert_eq!(tiles.at(1 << 40), None);
    }

    #[test]
    fn what_is_not_here_yet_is_asked_for() {
        let file = cog(1000);
        let mut here = 16u64;
        let mut rounds = 0;
        loop {
            let get = |range: Range<u64>| {
                (range.end <= here).then(|| file[range.start as usize..range.end as usize].to_vec())
            };
            match look(file.len() as u64, get) {
                Look::Needs(range) => {
                    assert!(range.end > here);
                    here = range.end;
                }
                found => break assert_eq!(found, look_at(&file)),
            }
            rounds += 1;
            assert!(rounds < 20);
        }
    }

    #[test]
    fn other_files_are_others() {
        assert_eq!(look_at(b"\x89PNG\r\n\x1a\n0123456789"), Look::Other);
        assert_eq!(look_at(b"II*\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0"), Look::Other);
        assert_eq!(look_at(b"II"), Look::Other, "shorter than a head");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bends in proptest::collection::vec((0..600usize, any::<u8>()), 0..12), cut in 0..700usize,
        ) {
            let mut file = cog(10);
            for (at, byte) in bends {
                if let Some(place) = file.get_mut(at) {
                    *place = byte;
                }
            }
            file.truncate(cut.max(1));
            if let Look::Tiles(tiles) = look_at(&file) {
                for at in 0..file.len() as u64 {
                    if let Some(bytes) = tiles.at(at).and_then(|spot| tiles.bytes(spot)) {
                        prop_assert!(bytes.start < bytes.end);
                    }
                }
            }
        }

        #[test]
        fn nor_do_random_ones(big: bool, little: bool, tail in proptest::collection::vec(any::<u8>(), 14..400)) {
            let mut file = if little { b"II".to_vec() } else { b"MM".to_vec() };
            let magic = if big { 43u16 } else { 42 };
            file.extend(if little { magic.to_le_bytes() } else { magic.to_be_bytes() });
            file.extend(tail);
            look_at(&file);
        }
    }
}
