//! How the tiles of an image are being read, and which come next.
//!
//! Pure. GDAL reads the tiles of a window one after another, row by row, and waits for each; so whoever knows
//! the window's shape can fetch its tiles side by side. Windows tend to be alike: the next one is expected to be
//! of the shape usual of late. Tiles that were read before are in the kernel's pages and are not asked for again,
//! so the first tile asked for need not be the window's corner: a tile is expected where at least half of the
//! ways to lay the usual shape over what was asked for hold it. A window that turns out larger is expected to go
//! on: a row to be as wide again, a window to be as high again. What was expected and never read is counted, and
//! expectations end where they cost too much.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use super::pattern::READ_AHEAD;
use super::tiff::{Spot, Tiles};

/// Expected bytes that may go unread: one part in so many of those read …
const WASTE_PART: u64 = 12;
/// … beyond this many.
const WASTE_FREE: u64 = 2 * 1024 * 1024;
/// No more tiles are expected at a time.
const MOST_TILES: u32 = 64;
/// A row of so many tiles is expected to go on.
const LONG_ROW: u32 = 3;
/// The usual shape is the middle one of so many windows.
const SHAPES: usize = 4;
/// Tiles this close to one another in the file are fetched in one run.
const GAP: u64 = 16 * 1024;
/// A tile may be first read by so little.
const FIRST_READ: u64 = 8 * 1024;
const PAGE: u64 = 4096;
/// GDAL's `VSI_CACHE` reads pieces of this size, from multiples of it.
const PIECE: u64 = 32 * 1024;
/// So many refused reads are remembered.
const REFUSED: usize = 32;
/// A tile longer than this is read like a file of its own.
const LONGEST: u64 = 8 * 1024 * 1024;

/// Width and height, in tiles.
type Shape = (u32, u32);

/// The windows that one open file is being read by.
#[derive(Debug, Default)]
pub struct Windows {
    /// The window being read.
    current: Option<Window>,
    /// Shapes of the last finished ones, the newest first.
    shapes: VecDeque<Shape>,
    /// All tiles that were asked for.
    seen: HashSet<Spot>,
    /// Those that were expected by a window now over, and not asked for.
    vain: HashSet<Spot>,
    /// Bytes of tiles asked for, and of tiles expected in vain.
    read: u64,
    wasted: u64,
    /// Where the latest reads ended.
    ends: [u64; 32],
    /// The latest reads that were taken for the kernel's own.
    refused: VecDeque<Range<u64>>,
}

#[derive(Debug)]
struct Window {
    level: usize,
    columns: Range<u32>,
    rows: Range<u32>,
    last: Spot,
    /// Tiles fetched because they were expected, and not read yet.
    expected: Vec<Spot>,
}

/// What a read of a tile calls for.
#[derive(Debug, Default, PartialEq)]
pub struct Wanted {
    /// The tile that was read.
    pub tile: Range<u64>,
    /// Runs of tiles that are expected to be read next.
    pub next: Vec<Range<u64>>,
}

impl Windows {
    /// A read came. `None` where it is not of a tile, or of one that is too long to be fetched whole, or may
    /// well be the kernel's and not the reader's.
    pub fn note(&mut self, tiles: &Tiles, read: Range<u64>) -> Option<Wanted> {
        let goes_on = self.ends.contains(&read.start);
        self.ended(read.end);
        let spot = self.spot_of(tiles, &read)?;
        let tile = tiles.bytes(spot).filter(|tile| tile.end - tile.start <= LONGEST)?;
        let asked_again = self.refused.iter().any(|refused| refused.contains(&read.start));
        if goes_on && !asked_again && self.is_beyond(&read, spot, &tile) {
            return None;
        }
        let next = match &self.current {
            Some(window) if window.last == spot => Vec::new(),
            Some(window) if window.goes_on(spot) || holds(&self.places(tiles), spot) => {
                self.touch(spot, &tile);
                let expected = self.go_on(tiles, spot);
                self.expect(tiles, expected)
            }
            _ => {
                self.finish(tiles);
                self.touch(spot, &tile);
                self.current = Some(Window::begin(spot));
                let expected = self.likely(tiles);
                self.expect(tiles, expected)
            }
        };
        Some(Wanted { tile: with_overrun(&tile), next })
    }

    /// Whether a read is the kernel's own read-ahead behind what a program reads of a tile: nobody waits for more
    /// of it than its first pages, if at all, and the kernel drops it without a word if it fails and then asks for
    /// those pages one by one. The same bytes are never taken for that twice: whoever does want them asks again,
    /// and so says that it is the next tile that is wanted.
    pub fn is_read_ahead(&mut self, tiles: &Tiles, read: &Range<u64>) -> bool {
        let is = self.ends.contains(&read.start)
            && read.end - read.start <= READ_AHEAD
            && self.leaves_window(tiles, read)
            && !self.refused.iter().any(|refused| refused.start < read.end && read.start < refused.end);
        if is {
            self.refused.push_front(read.clone());
            self.refused.truncate(REFUSED);
            self.ended(read.end);
        }
        is
    }

    /// Whether a read that goes on from another ends in tiles that nobody expects.
    fn leaves_window(&self, tiles: &Tiles, read: &Range<u64>) -> bool {
        let (Some(window), Some(spot)) = (&self.current, self.spot_of(tiles, read)) else { return false };
        let Some(tile) = tiles.bytes(spot) else { return false };
        let behind = match spot == window.last {
            true if tile.end >= read.end => return false,
            true => tiles.at(tile.end + PAGE),
            false if self.is_beyond(read, spot, &tile) => Some(spot),
            false => return false,
        };
        behind.is_none_or(|spot| !window.expected.contains(&spot))
    }

    fn ended(&mut self, end: u64) {
        self.ends.rotate_right(1);
        self.ends[0] = end;
    }

    /// The tile a read is of. The kernel reads from a page's beginning, and caches of programs from that of a
    /// larger piece, where the tile before may not have ended; and they read a little more than they want, so a
    /// page right behind the tile being read says nothing of the next one.
    fn spot_of(&self, tiles: &Tiles, read: &Range<u64>) -> Option<Spot> {
        if let Some(last) = self.current.as_ref().map(|window| window.last)
            && let Some(tile) = tiles.bytes(last)
        {
            let is_page = read.end - read.start <= PAGE;
            let behind = (tile.end + FIRST_READ).max(tile.end.next_multiple_of(PIECE));
            if (tile.start..if is_page { behind } else { tile.end }).contains(&read.start) {
                return Some(last);
            }
        }
        let Some(spot) = tiles.at(read.start) else {
            return tiles.at((read.start + PAGE - 1).min(read.end.saturating_sub(1)));
        };
        let tile = tiles.bytes(spot)?;
        let step = if read.start.is_multiple_of(PIECE) { PIECE } else { PAGE };
        let is_tail = tile.start < read.start && tile.end < read.end.min(read.start + step);
        if is_tail { tiles.at(tile.end).or(Some(spot)) } else { Some(spot) }
    }

    /// Whether a read that goes on from another has run out of the window, into the next tile of the file.
    fn is_beyond(&self, read: &Range<u64>, spot: Spot, tile: &Range<u64>) -> bool {
        let known = |window: &Window| window.last == spot || window.expected.contains(&spot);
        read.start < tile.start + READ_AHEAD + FIRST_READ && !self.current.as_ref().is_some_and(known)
    }

    /// A tile is asked for.
    fn touch(&mut self, spot: Spot, tile: &Range<u64>) {
        let length = tile.end - tile.start;
        self.read += length;
        self.seen.insert(spot);
        if self.vain.remove(&spot) {
            self.wasted = self.wasted.saturating_sub(length);
        }
    }

    /// The next tile of the current window. Gives those expected after it.
    fn go_on(&mut self, tiles: &Tiles, spot: Spot) -> Vec<Spot> {
        let Some(window) = &mut self.current else { return Vec::new() };
        let grown = window.go_on(spot);
        let expected = self.likely(tiles);
        let waits = self.current.as_ref().is_some_and(|window| !window.expected.is_empty());
        if expected.is_empty() && !waits { grown } else { expected }
    }

    /// The middle one of the shapes of late, in each direction; of two, the smaller.
    fn usual(&self) -> Option<Shape> {
        let middle = |side: fn(&Shape) -> u32| {
            let mut sides: Vec<u32> = self.shapes.iter().map(side).collect();
            sides.sort_unstable();
            sides.get(sides.len().saturating_sub(1) / 2).copied()
        };
        let width = middle(|shape| shape.0)?.min(MOST_TILES);
        Some((width, middle(|shape| shape.1)?.min(MOST_TILES / width.max(1)).max(1)))
    }

    /// Where the current window may begin, if it is of the usual shape: what was asked for lies in it, and all
    /// that comes before the last of that was seen.
    fn places(&self, tiles: &Tiles) -> Vec<(Shape, Spot)> {
        let (Some(window), Some(shape)) = (&self.current, self.usual()) else { return Vec::new() };
        let Some((across, down)) = tiles.grid(window.level) else { return Vec::new() };
        let starts = |held: &Range<u32>, side: u32, most: u32| {
            held.end.saturating_sub(side)..=held.start.min(most.saturating_sub(side))
        };
        let fits = |corner: &Spot| {
            let mut before = grid(*corner, shape).take_while(|spot| *spot != window.last);
            before.all(|spot| self.seen.contains(&spot))
        };
        let rows = starts(&window.rows, shape.1, down);
        rows.flat_map(|row| starts(&window.columns, shape.0, across).map(move |column| (column, row)))
            .map(|(column, row)| Spot { level: window.level, column, row })
            .filter(fits)
            .map(|corner| (shape, corner))
            .collect()
    }

    /// The tiles that come after the last one in at least half of the places of the current window.
    fn likely(&self, tiles: &Tiles) -> Vec<Spot> {
        let Some(last) = self.current.as_ref().map(|window| window.last) else { return Vec::new() };
        let places = self.places(tiles);
        let after = |(shape, corner): &(Shape, Spot)| {
            grid(*corner, *shape).skip_while(move |spot| *spot != last).skip(1)
        };
        let mut counted: Vec<(Spot, usize)> = Vec::new();
        for spot in places.iter().flat_map(after) {
            match counted.iter_mut().find(|(found, _)| *found == spot) {
                Some((_, count)) => *count += 1,
                None => counted.push((spot, 1)),
            }
        }
        counted.retain(|(_, count)| count * 2 >= places.len());
        counted.into_iter().map(|(spot, _)| spot).collect()
    }

    /// The current window is over: remembers its shape, counts what was expected in vain.
    fn finish(&mut self, tiles: &Tiles) {
        let Some(window) = self.current.take() else { return };
        for spot in &window.expected {
            if self.vain.insert(*spot) {
                self.wasted += tiles.bytes(*spot).map_or(0, |bytes| bytes.end - bytes.start);
            }
        }
        let shape = self.shape_of(&window);
        self.shapes.push_front(shape);
        self.shapes.truncate(SHAPES);
    }

    /// How large a window was: where all beside it was seen before, likely as large as usual.
    fn shape_of(&self, window: &Window) -> Shape {
        let Window { level, columns, rows, .. } = window;
        let (width, height) = (columns.len() as u32, rows.len() as u32);
        let usual = self.usual().unwrap_or((width, height));
        let seen = |column: u32, row: u32| self.seen.contains(&Spot { level: *level, column, row });
        let column_seen = |column: u32| rows.clone().all(|row| seen(column, row));
        let row_seen = |row: u32| columns.clone().all(|column| seen(column, row));
        let beside = |side: &Range<u32>| [side.start.wrapping_sub(1), side.end];
        let wider = usual.0 > width && beside(columns).into_iter().any(column_seen);
        let higher = usual.1 > height && beside(rows).into_iter().any(row_seen);
        (if wider { usual.0 } else { width }, if higher { usual.1 } else { height })
    }

    /// Tiles are expected to be read soon, if that is affordable. Gives the runs they make up.
    fn expect(&mut self, tiles: &Tiles, spots: Vec<Spot>) -> Vec<Range<u64>> {
        let Some(window) = &mut self.current else { return Vec::new() };
        if self.wasted > WASTE_FREE + self.read / WASTE_PART {
            return Vec::new();
        }
        let new = |spot: &Spot| {
            !self.seen.contains(spot) && !window.expected.contains(spot) && tiles.bytes(*spot).is_some()
        };
        let expected: Vec<Spot> = spots.into_iter().take(MOST_TILES as usize).filter(new).collect();
        let bytes = expected.iter().filter_map(|spot| tiles.bytes(*spot)).collect();
        window.expected.extend(expected);
        runs(bytes).iter().map(with_overrun).collect()
    }
}

/// Whether a tile is in any of these places.
fn holds(places: &[(Shape, Spot)], spot: Spot) -> bool {
    places.iter().any(|(shape, corner)| grid(*corner, *shape).any(|held| held == spot))
}

/// The tiles of a rectangle, row by row.
fn grid(corner: Spot, (width, height): Shape) -> impl Iterator<Item = Spot> {
    let Spot { level, column, row } = corner;
    (row..row.saturating_add(height)).flat_map(move |row| {
        (column..column.saturating_add(width)).map(move |column| Spot { level, column, row })
    })
}

impl Window {
    /// Whether a tile belongs to this window: in it, expected, or next to it to the right or below.
    fn goes_on(&self, spot: Spot) -> bool {
        spot.level == self.level
            && (self.expected.contains(&spot)
                || (self.columns.start..=self.columns.end).contains(&spot.column)
                    && (self.rows.start..=self.rows.end).contains(&spot.row))
    }

    fn begin(spot: Spot) -> Window {
        let Spot { level, column, row } = spot;
        Window { level, columns: column..column + 1, rows: row..row + 1, last: spot, expected: Vec::new() }
    }

    /// The next tile of this window. Gives those that follow if it grows as it did: a row like the first, as
    /// many rows again, a long row as long again.
    fn go_on(&mut self, spot: Spot) -> Vec<Spot> {
        let rows_done = spot.row.saturating_sub(self.rows.start);
        let new_row = spot.row >= self.rows.end;
        self.columns = self.columns.start.min(spot.column)..self.columns.end.max(spot.column + 1);
        self.rows = self.rows.start.min(spot.row)..self.rows.end.max(spot.row + 1);
        self.last = spot;
        self.expected.retain(|expected| *expected != spot);
        let (level, width) = (self.level, self.columns.len() as u32);
        if new_row {
            let corner = Spot { level, column: self.columns.start, row: spot.row };
            grid(corner, (width, rows_done)).collect()
        } else if rows_done == 0 && width >= LONG_ROW {
            let corner = Spot { level, column: self.columns.end, row: spot.row };
            grid(corner, (width, 1)).collect()
        } else {
            Vec::new()
        }
    }
}

/// The bytes that the kernel asks for when a program reads these, as far as it is worth while: its last step of
/// read-ahead runs over the end. Where most of that step is wanted, whoever waits for the end waits for all of
/// it; where little is, it is refused, and the wanted pages are asked for one by one, and a little more.
fn with_overrun(range: &Range<u64>) -> Range<u64> {
    let step = range.end / READ_AHEAD * READ_AHEAD;
    let end = if range.end - step > READ_AHEAD / 2 { step + READ_AHEAD } else { range.end + FIRST_READ };
    range.start..end
}

/// Joins ranges that are close to one another.
fn runs(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut runs: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match runs.last_mut() {
            Some(run) if range.start <= run.end + GAP => run.end = run.end.max(range.end),
            _ => runs.push(range),
        }
    }
    runs
}

#[cfg(test)]
mod tests;
