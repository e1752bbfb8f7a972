//! How the tiles of an image are being read, and which come next.
//!
//! Pure. GDAL reads the tiles of a window one after another, row by row, and waits for each; so whoever knows
//! the window's shape can fetch its tiles side by side. Windows tend to be alike: the next one is expected to
//! be as wide and as high as the smaller of the last two. One that turns out larger is expected to go on: a row
//! to be as wide again, a window to be as high again. What was expected and never read is counted, and
//! expectations end where they cost too much.

use std::collections::VecDeque;
use std::ops::Range;

use super::tiff::{Spot, Tiles};

/// Expected bytes that may go unread: one part in so many of those read …
const WASTE_PART: u64 = 12;
/// … beyond this many.
const WASTE_FREE: u64 = 2 * 1024 * 1024;
/// No more tiles are expected at a time.
const MOST_TILES: usize = 64;
/// A row of so many tiles is expected to go on.
const LONG_ROW: usize = 3;
/// Tiles this close to one another in the file are fetched in one request.
const GAP: u64 = 16 * 1024;
/// The kernel reads on behind what is read by so much: such a read into a tile says nothing of the reader.
const READ_AHEAD: u64 = 128 * 1024;
/// A tile may be first read by so little.
const FIRST_READ: u64 = 8 * 1024;
const PAGE: u64 = 4096;
/// So many refused reads are remembered.
const REFUSED: usize = 32;
/// A tile longer than this is read like a file of its own.
const LONGEST: u64 = 8 * 1024 * 1024;

/// The windows that one open file is being read by.
#[derive(Debug, Default)]
pub struct Windows {
    /// The window being read.
    current: Option<Window>,
    /// Width and height of the last two finished ones, the newer first.
    shapes: Vec<(u32, u32)>,
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
        self.ends.rotate_right(1);
        self.ends[0] = read.end;
        let spot = spot_of(tiles, &read)?;
        let tile = tiles.bytes(spot).filter(|tile| tile.end - tile.start <= LONGEST)?;
        let asked_again = self.refused.iter().any(|refused| refused.contains(&read.start));
        if goes_on && !asked_again && self.is_beyond(&read, spot, &tile) {
            return None;
        }
        let tile = with_overrun(&tile);
        let next = match &mut self.current {
            Some(window) if window.last == spot => Vec::new(),
            Some(window) if window.goes_on(spot) => {
                self.read += tile.end - tile.start;
                let expected = window.go_on(spot, width_of(&self.shapes));
                self.expect(tiles, expected)
            }
            _ => {
                self.finish(tiles);
                self.read += tile.end - tile.start;
                let (width, height) = usual(&self.shapes).unwrap_or((1, 1));
                self.current = Some(Window::begin(spot));
                self.expect(tiles, grid(spot.level, spot.column, width, spot.row, height))
            }
        };
        Some(Wanted { tile, next })
    }

    /// Whether a read that goes on from another has run out of the window, into the next tile of the file.
    fn is_beyond(&self, read: &Range<u64>, spot: Spot, tile: &Range<u64>) -> bool {
        let known = |window: &Window| window.last == spot || window.expected.contains(&spot);
        read.start < tile.start + READ_AHEAD + FIRST_READ && !self.current.as_ref().is_some_and(known)
    }

    /// Whether a read is the kernel's own read-ahead behind a row of tiles, as far as the windows before tell:
    /// nobody waits for it, and the kernel drops it without a word if it fails. The same bytes are never taken
    /// for that twice: whoever does want them asks again.
    pub fn is_read_ahead(&mut self, tiles: &Tiles, read: &Range<u64>) -> bool {
        let Some(spot) = spot_of(tiles, read) else { return false };
        let Some(tile) = tiles.bytes(spot) else { return false };
        let row_is_full = |window: &Window| {
            usual(&self.shapes).is_some_and(|(width, _)| window.columns.len() >= width as usize)
        };
        let is = self.ends.contains(&read.start)
            && self.current.as_ref().is_some_and(row_is_full)
            && self.is_beyond(read, spot, &tile)
            && !self.refused.iter().any(|refused| refused.start < read.end && read.start < refused.end);
        if is {
            self.refused.push_front(read.clone());
            self.refused.truncate(REFUSED);
        }
        is
    }

    /// The current window is over: remembers its shape, counts what was expected in vain.
    fn finish(&mut self, tiles: &Tiles) {
        let Some(window) = self.current.take() else { return };
        let length = |spot: &Spot| tiles.bytes(*spot).map_or(0, |bytes| bytes.end - bytes.start);
        self.wasted += window.expected.iter().map(length).sum::<u64>();
        self.shapes.insert(0, (window.columns.len() as u32, window.rows.len() as u32));
        self.shapes.truncate(2);
    }

    /// Tiles are expected to be read soon, if that is affordable. Gives the runs they make up.
    fn expect(&mut self, tiles: &Tiles, spots: impl Iterator<Item = Spot>) -> Vec<Range<u64>> {
        let Some(window) = &mut self.current else { return Vec::new() };
        if self.wasted > WASTE_FREE + self.read / WASTE_PART {
            return Vec::new();
        }
        let new = |spot: &Spot| *spot != window.last && tiles.bytes(*spot).is_some();
        let expected: Vec<Spot> = spots.take(MOST_TILES).filter(new).collect();
        let bytes = expected.iter().filter_map(|spot| tiles.bytes(*spot)).collect();
        window.expected.extend(expected);
        runs(bytes).iter().map(with_overrun).collect()
    }
}

/// The tile a read is of. The kernel reads from a page's beginning, where the tile before may not have ended.
fn spot_of(tiles: &Tiles, read: &Range<u64>) -> Option<Spot> {
    tiles.at((read.start + PAGE - 1).min(read.end.saturating_sub(1)))
}

/// The tiles of a rectangle, row by row.
fn grid(level: usize, column: u32, width: u32, row: u32, height: u32) -> impl Iterator<Item = Spot> {
    (row..row.saturating_add(height)).flat_map(move |row| {
        (column..column.saturating_add(width)).map(move |column| Spot { level, column, row })
    })
}

/// The smaller of the shapes seen, in each direction.
fn usual(shapes: &[(u32, u32)]) -> Option<(u32, u32)> {
    shapes.iter().copied().reduce(|a, b| (a.0.min(b.0), a.1.min(b.1)))
}

fn width_of(shapes: &[(u32, u32)]) -> usize {
    usual(shapes).map_or(0, |(width, _)| width as usize)
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

    /// The next tile of this window. Gives those expected after it, where windows have been `usual` wide.
    fn go_on(&mut self, spot: Spot, usual: usize) -> impl Iterator<Item = Spot> + use<> {
        let rows_done = (spot.row - self.rows.start) as usize;
        let new_row = spot.row >= self.rows.end;
        self.columns.end = self.columns.end.max(spot.column + 1);
        self.rows.end = self.rows.end.max(spot.row + 1);
        self.last = spot;
        self.expected.retain(|expected| *expected != spot);
        let Window { level, columns, .. } = self;
        let (width, level) = (columns.len(), *level);
        if !self.expected.is_empty() {
            grid(level, 0, 0, 0, 0)
        } else if new_row {
            grid(level, columns.start, width as u32, spot.row, rows_done as u32)
        } else if rows_done == 0 && width >= LONG_ROW && width > usual {
            grid(level, columns.end, width as u32, spot.row, 1)
        } else {
            grid(level, 0, 0, 0, 0)
        }
    }
}

/// The bytes that the kernel asks for when a program reads these: it may begin small, goes on in steps of its
/// read-ahead, the last of which runs over the end, and whoever waits for the end waits for all of it.
fn with_overrun(range: &Range<u64>) -> Range<u64> {
    let first = range.start / PAGE * PAGE;
    range.start..first + (range.end - first).next_multiple_of(READ_AHEAD) + FIRST_READ
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
mod tests {
    use super::super::tiff::{self, Look};
    use super::*;

    const TILE: u32 = 400_000;

    fn tiles() -> Tiles {
        let file = tiff::tests::cog(TILE);
        match tiff::look(file.len() as u64, |r| {
            file.get(r.start as usize..r.end as usize).map(<[u8]>::to_vec)
        }) {
            Look::Tiles(tiles) => tiles,
            other => panic!("{other:?}"),
        }
    }

    fn read(windows: &mut Windows, tiles: &Tiles, column: u32, row: u32) -> Vec<Range<u64>> {
        let tile = tiles.bytes(Spot { level: 0, column, row }).unwrap();
        // As the kernel does it: a bit of the tile, the rest in steps, and some of what follows.
        let next = windows.note(tiles, tile.start..tile.start + 8192).unwrap();
        assert_eq!(next.tile, with_overrun(&tile));
        let mut at = tile.start + 8192;
        while at < tile.end + READ_AHEAD {
            match windows.note(tiles, at..at + READ_AHEAD) {
                Some(wanted) if at < tile.end => {
                    assert_eq!(wanted, Wanted { tile: with_overrun(&tile), next: vec![] })
                }
                Some(beyond) => assert_eq!(beyond.next, []),
                None => assert!(at >= tile.end),
            }
            at += READ_AHEAD;
        }
        next.next
    }

    #[test]
    fn windows_like_the_last_are_expected_and_their_rows_joined() {
        let (tiles, mut windows) = (tiles(), Windows::default());
        let bytes = |column, row| tiles.bytes(Spot { level: 0, column, row }).unwrap();
        let over = |range: Range<u64>| with_overrun(&range);
        assert_eq!(read(&mut windows, &tiles, 0, 0), []);
        assert_eq!(read(&mut windows, &tiles, 1, 0), []);
        assert_eq!(read(&mut windows, &tiles, 0, 1), vec![over(bytes(1, 1))], "a row like the first");
        assert_eq!(read(&mut windows, &tiles, 1, 1), []);
        let next = read(&mut windows, &tiles, 3, 2);
        assert_eq!(next, vec![over(bytes(4, 2)), over(bytes(3, 3).start..bytes(4, 3).end)]);
        for (column, row) in [(4, 2), (3, 3), (4, 3)] {
            assert_eq!(read(&mut windows, &tiles, column, row), []);
        }
        assert_eq!(windows.wasted, 0);
    }

    #[test]
    fn read_ahead_behind_a_usual_row_is_known_and_never_refused_twice() {
        let (tiles, mut windows) = (tiles(), Windows::default());
        let beyond = |column, row| {
            let end = with_overrun(&tiles.bytes(Spot { level: 0, column, row }).unwrap()).end;
            end..end + READ_AHEAD
        };
        // Reads a tile up to its end and a little over, as the kernel does.
        let to_end = |windows: &mut Windows, column, row| {
            let tile = tiles.bytes(Spot { level: 0, column, row }).unwrap();
            windows.note(&tiles, tile.start..tile.start + FIRST_READ);
            windows.note(&tiles, tile.start + FIRST_READ..with_overrun(&tile).end);
        };
        to_end(&mut windows, 0, 0);
        to_end(&mut windows, 1, 0);
        assert!(!windows.is_read_ahead(&tiles, &beyond(1, 0)), "nothing is known of windows yet");
        to_end(&mut windows, 0, 2);
        assert!(!windows.is_read_ahead(&tiles, &beyond(0, 2)), "the row is expected to go on");
        to_end(&mut windows, 1, 2);
        assert!(windows.is_read_ahead(&tiles, &beyond(1, 2)));
        assert!(!windows.is_read_ahead(&tiles, &beyond(1, 2)), "whoever asks twice wants it");
        assert!(windows.note(&tiles, beyond(1, 2)).is_some());
    }

    #[test]
    fn a_long_row_goes_on_and_rows_follow() {
        let (tiles, mut windows) = (tiles(), Windows::default());
        let bytes = |column, row| tiles.bytes(Spot { level: 0, column, row }).unwrap();
        let over = |range: Range<u64>| with_overrun(&range);
        assert_eq!(read(&mut windows, &tiles, 0, 0), []);
        assert_eq!(read(&mut windows, &tiles, 1, 0), []);
        assert_eq!(read(&mut windows, &tiles, 2, 0), vec![over(bytes(3, 0).start..bytes(4, 0).end)]);
        (3..5).for_each(|column| assert_eq!(read(&mut windows, &tiles, column, 0), []));
        assert_eq!(read(&mut windows, &tiles, 0, 1), vec![over(bytes(1, 1).start..bytes(4, 1).end)]);
        (1..5).for_each(|column| assert_eq!(read(&mut windows, &tiles, column, 1), []));
        assert_eq!(
            read(&mut windows, &tiles, 0, 2),
            vec![over(bytes(1, 2).start..bytes(4, 3).end)],
            "two rows more"
        );
    }

    #[test]
    fn expectations_that_fail_come_to_an_end() {
        let (tiles, mut windows) = (tiles(), Windows::default());
        let mut expected = 0;
        let mut read_bytes = 0;
        for round in 0..200 {
            // Two wide windows teach, then single tiles disappoint.
            let window: &[(u32, u32)] = if round % 4 < 2 { &[(0, 0), (1, 0), (2, 0)] } else { &[(0, 3)] };
            for (column, row) in window {
                read_bytes += u64::from(TILE);
                expected += read(&mut windows, &tiles, *column, *row).len();
            }
            // Somewhere else, so that the next one is a new window.
            read(&mut windows, &tiles, 4, 1);
        }
        assert!(expected > 0);
        assert!(windows.wasted <= WASTE_FREE + read_bytes / WASTE_PART + 64 * u64::from(TILE));
    }

    #[test]
    fn what_is_no_tile_is_not_wanted() {
        assert_eq!(Windows::default().note(&tiles(), 8..16), None);
    }
}
