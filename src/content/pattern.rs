//! How a file is being read: which reads belong together, and how far ahead of them it pays to be.
//!
//! Pure: reads in, windows out. The kernel sends reads of 128 KiB out of order and several at once, and one
//! file may have several readers at different places, so reads are sorted into a few runs.

use std::ops::Range;

/// Runs that are told apart in one file: as many readers at different places.
const RUNS: usize = 8;
/// A read this far behind the front of a run still belongs to it: kernel read-ahead comes out of order.
const BEHIND: u64 = 1024 * 1024;
/// … and this far before it.
const BEFORE: u64 = 512 * 1024;
/// A run that began inside of the file is random access until so much of it was read.
const SETTLED: u64 = 2 * 1024 * 1024;
/// A settled reader is served so many times ahead what it has read …
const GROWTH: u64 = 4;
/// … and at most this far.
const FARTHEST: u64 = 32 * 1024 * 1024;
/// A run must have so much before anything is fetched ahead: two reads of the kernel.
const CURIOUS: u64 = 256 * 1024;
/// The same in an image whose tiles are known: a tile is no run, and neither is the head.
const CURIOUS_IN_TILES: u64 = 1024 * 1024;
/// An image whose tiles are known is read through only where so much of it was read on end: windows beside one
/// another make runs too.
const SETTLED_IN_TILES: u64 = 8 * 1024 * 1024;
/// The kernel reads ahead of a program by so much, and by twice of that where the program has told it by
/// `posix_fadvise` that it reads through: as cat, cp, sha256sum do.
pub const READ_AHEAD: u64 = 128 * 1024;
/// Whoever said so is served so far ahead from the first read on …
const ADVISED: u64 = 16 * 1024 * 1024;
/// … if it is of the file's beginning, else from this one: one read alone may be as long by chance.
const SURE: u32 = 2;
/// Requests ahead are of at least and at most these sizes.
const PIECES: Range<u64> = 256 * 1024..4 * 1024 * 1024;

/// What to fetch ahead of a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// Which bytes.
    pub range: Range<u64>,
    /// In requests of at most so many bytes.
    pub piece: u64,
}

/// What is known of how a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Nothing.
    Plain,
    /// In tiles that are fetched by their index.
    Tiled {
        /// Where the first image of the file ends. Whoever reads on from there reads the file, not an image.
        first_image_end: u64,
    },
}

/// How one file is being read, by all who have it open.
#[derive(Debug, Default)]
pub struct Pattern {
    runs: Vec<Run>,
    clock: u64,
}

/// Reads that follow one another.
#[derive(Debug)]
struct Run {
    start: u64,
    /// Where the farthest read ended.
    front: u64,
    /// How far is fetched already.
    ahead: u64,
    /// How many reads say that the reader told the kernel that it reads through.
    advised: u32,
    used: u64,
}

impl Pattern {
    /// A read came: what is to be fetched ahead of it now, of a file of `size` bytes. The same read may come
    /// twice. Fetches are at most `farthest` ahead where memory is short.
    pub fn note(&mut self, read: Range<u64>, size: u64, layout: Layout, farthest: u64) -> Option<Ahead> {
        self.clock += 1;
        let at = self.run_of(&read);
        let run = &mut self.runs[at];
        run.used = self.clock;
        let is_advised = read.end - read.start == 2 * READ_AHEAD;
        run.advised += if !is_advised {
            0
        } else if read.start == 0 {
            SURE
        } else {
            1
        };
        run.front = run.front.max(read.end);
        run.ahead = run.ahead.max(run.front);
        let window = run.window(layout).min(farthest.max(PIECES.start));
        let parts = if run.advised >= SURE { 8 } else { 4 };
        let piece = (window / parts).clamp(PIECES.start, PIECES.end);
        let target = run.front.saturating_add(window).min(size);
        // In whole pieces, so that a window does not go out in crumbs; but the rest of the file at once.
        let due = target >= run.ahead.saturating_add(piece) || target == size;
        if window == 0 || !due || target <= run.ahead {
            return None;
        }
        let range = run.ahead..target;
        run.ahead = target;
        Some(Ahead { range, piece })
    }

    /// The run a read goes on, or a new one in the place of the one used longest ago.
    fn run_of(&mut self, read: &Range<u64>) -> usize {
        let goes_on = |run: &Run| {
            read.start.saturating_add(BEHIND) >= run.front
                && read.start >= run.start.saturating_sub(BEFORE)
                && read.start <= run.front.saturating_add(BEFORE)
        };
        if let Some(at) = self.runs.iter().position(goes_on) {
            return at;
        }
        let new =
            Run { start: read.start, front: read.start, ahead: read.start, advised: 0, used: self.clock };
        if self.runs.len() < RUNS {
            self.runs.push(new);
            return self.runs.len() - 1;
        }
        let oldest = (0..RUNS).min_by_key(|at| self.runs[*at].used).unwrap_or(0);
        self.runs[oldest] = new;
        oldest
    }
}

impl Run {
    /// How far ahead of its front it pays to be.
    fn window(&self, layout: Layout) -> u64 {
        let read = self.front - self.start;
        let grown = (read * GROWTH).min(FARTHEST);
        match (layout, self.start) {
            _ if self.advised >= SURE => grown.max(ADVISED),
            (Layout::Plain, _) if read >= SETTLED => grown,
            (Layout::Plain, 0) if read >= CURIOUS => grown,
            (Layout::Plain, _) if read >= CURIOUS => read,
            (Layout::Tiled { .. }, _) if read >= SETTLED_IN_TILES => grown,
            (Layout::Tiled { first_image_end }, 0)
                if read >= CURIOUS_IN_TILES && self.front >= first_image_end + 2 * READ_AHEAD =>
            {
                if read >= SETTLED { grown } else { read }
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;

    /// Reads in steps of 128 KiB; gives all that was fetched ahead.
    fn read_through(pattern: &mut Pattern, range: Range<u64>, size: u64) -> Vec<Ahead> {
        range
            .step_by(128 * KIB as usize)
            .filter_map(|at| pattern.note(at..(at + 128 * KIB).min(size), size, Layout::Plain, u64::MAX))
            .collect()
    }

    #[test]
    fn a_reader_from_the_start_is_soon_far_ahead_of_and_each_byte_once() {
        let size = 100 * MIB;
        let ahead = read_through(&mut Pattern::default(), 0..size, size);
        assert!(ahead.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
        assert_eq!(ahead.last().unwrap().range.end, size);
        let early = ahead.iter().find(|ahead| ahead.range.end >= 16 * MIB).unwrap();
        assert!(early.range.start < 16 * MIB && early.piece >= 2 * MIB);
    }

    #[test]
    fn single_reads_anywhere_fetch_nothing_ahead() {
        let mut pattern = Pattern::default();
        for at in [900, 100, 500, 300, 700, 0, 200].map(|at| at * MIB) {
            assert_eq!(pattern.note(at..at + 64 * KIB, 1000 * MIB, Layout::Plain, u64::MAX), None);
        }
    }

    #[test]
    fn who_says_that_he_reads_through_is_served_far_ahead_at_once() {
        let read = 0..2 * READ_AHEAD;
        for layout in [Layout::Plain, Layout::Tiled { first_image_end: MIB }] {
            let tiled = layout != Layout::Plain;
            let mut pattern = Pattern::default();
            let far = |start: u64| start..start + 2 * READ_AHEAD;
            let once = pattern.note(far(50 * MIB), 1000 * MIB, layout, u64::MAX);
            assert!(once.is_none_or(|ahead| !tiled && ahead.range.end <= 51 * MIB), "one alone says little");
            let next = far(50 * MIB + 2 * READ_AHEAD);
            let twice = pattern.note(next.clone(), 1000 * MIB, layout, u64::MAX).unwrap();
            assert_eq!(twice.range.end, next.end + ADVISED);
            let ahead = Pattern::default().note(read.clone(), 1000 * MIB, layout, u64::MAX).unwrap();
            assert_eq!(ahead.range, read.end..read.end + ADVISED);
            assert!(ahead.range.end - ahead.range.start >= 8 * ahead.piece, "side by side");
            assert_eq!(Pattern::default().note(read.clone(), read.end, layout, u64::MAX), None, "the end");
        }
    }

    #[test]
    fn windows_beside_one_another_are_no_reason_to_read_through_an_image() {
        let tiled = Layout::Tiled { first_image_end: 3 * MIB };
        let far = |range: Range<u64>| {
            let mut pattern = Pattern::default();
            let steps = range.step_by(READ_AHEAD as usize);
            let ahead = steps.filter_map(|at| pattern.note(at..at + READ_AHEAD, 1000 * MIB, tiled, u64::MAX));
            ahead.map(|ahead| ahead.range.end).last()
        };
        assert_eq!(far(500 * MIB..504 * MIB), None);
        assert_eq!(far(0..3 * MIB), None, "the first overview, whole");
        assert!(far(0..4 * MIB) > Some(8 * MIB), "on from there, into the next");
        assert!(far(500 * MIB..509 * MIB) > Some(520 * MIB));
    }

    #[test]
    fn a_short_run_in_the_middle_fetches_no_more_ahead_than_was_read() {
        let start = 500 * MIB;
        let ahead = read_through(&mut Pattern::default(), start..start + MIB, 1000 * MIB);
        assert!(ahead.iter().all(|ahead| ahead.range.end <= start + 2 * MIB), "{ahead:?}");
        assert!(!ahead.is_empty());
    }

    #[test]
    fn two_readers_of_one_file_are_two_runs() {
        let mut pattern = Pattern::default();
        let size = 1000 * MIB;
        let mut fetched = [0, 0];
        for step in 0..200 {
            for (reader, start) in [(0, 0), (1, 500 * MIB)] {
                let at = start + step * 128 * KIB;
                fetched[reader] += pattern
                    .note(at..at + 128 * KIB, size, Layout::Plain, u64::MAX)
                    .map_or(0, |ahead| ahead.range.end - ahead.range.start);
            }
        }
        assert!(fetched.iter().all(|fetched| *fetched > 20 * MIB), "{fetched:?}");
    }

    proptest! {
        /// Whatever is read, in whatever order: nothing outside of the file, nothing empty, never farther than
        /// the bound, and nothing ahead without reads that earn it.
        #[test]
        fn windows_keep_their_bounds(
            reads in proptest::collection::vec((0..200u64, 1..9u64), 1..200), farthest in 0..64 * MIB,
            layout in prop_oneof![Just(Layout::Plain), Just(Layout::Tiled { first_image_end: MIB })],
        ) {
            let size = 200 * 128 * KIB + 5;
            let mut pattern = Pattern::default();
            for (at, length) in reads {
                let read = at * 128 * KIB..((at + length) * 128 * KIB).min(size);
                if let Some(ahead) = pattern.note(read, size, layout, farthest) {
                    prop_assert!(ahead.range.start < ahead.range.end && ahead.range.end <= size);
                    prop_assert!(ahead.range.end - ahead.range.start <= FARTHEST);
                    prop_assert!(PIECES.contains(&ahead.piece) || ahead.piece == PIECES.end);
                }
            }
        }
    }
}
