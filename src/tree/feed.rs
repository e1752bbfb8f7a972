//! Rows that come in page by page and stay: what a listing is made of.
//!
//! A feed asks for its next page only when somebody reads past what is there, and never twice for the same
//! page. What was read at a place is there for as long as the feed lives, so directory cookies are plain
//! numbers. A page that fails is an error for whoever asked; the next one to ask tries again.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Error;
use super::walk::Walk;
use crate::report::{Turn, lock};

/// Rows taken at a time by who reads all of them.
const BATCH: usize = 256;

/// Why no more rows come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// There are no more.
    All,
    /// There are more, and the listing was cut: in words, with how to narrow or raise it.
    Cut(String),
}

/// One page of rows, and whether it is the last.
pub struct Step<R> {
    /// The rows, in order.
    pub rows: Vec<R>,
    /// Set with the last page.
    pub end: Option<End>,
}

/// Where rows come from.
pub trait Steps<R>: Send {
    /// The next page. An error moves nothing: the next call asks for the same page again.
    fn step(&mut self) -> Result<Step<R>, Error>;
}

/// A row that has a name in a directory.
pub trait Named {
    /// The name, escaped.
    fn name(&self) -> String;
}

struct Rows<R> {
    rows: Vec<R>,
    /// Row by hash of its name: names themselves are made again when they are needed.
    places: HashMap<u64, u32>,
    end: Option<End>,
}

/// Rows read so far, and where the rest comes from.
pub struct Feed<R> {
    made: Instant,
    hasher: RandomState,
    rows: Mutex<Rows<R>>,
    steps: Mutex<Option<Box<dyn Steps<R>>>>,
    turn: Turn,
    /// Who looks into its rows one after another.
    walk: Mutex<Walk>,
}

impl<R: Named + Clone> Feed<R> {
    /// A feed that has read nothing yet.
    pub fn new(steps: Box<dyn Steps<R>>) -> Feed<R> {
        Feed {
            made: Instant::now(),
            hasher: RandomState::new(),
            rows: Mutex::new(Rows { rows: Vec::new(), places: HashMap::new(), end: None }),
            steps: Mutex::new(Some(steps)),
            turn: Turn::default(),
            walk: Mutex::default(),
        }
    }

    /// How old it is, from its making on.
    pub fn age(&self) -> Duration {
        self.made.elapsed()
    }

    /// Why no more rows come, once that is known.
    pub fn end(&self) -> Option<End> {
        lock(&self.rows).end.clone()
    }

    /// Rows read so far.
    pub fn len(&self) -> usize {
        lock(&self.rows).rows.len()
    }

    /// Up to `most` rows from `at`, where they are here: `None` where a page must be asked for, empty after
    /// the last.
    pub fn known(&self, at: usize, most: usize) -> Option<Vec<R>> {
        let rows = lock(&self.rows);
        let here: Vec<R> = rows.rows.iter().skip(at).take(most).cloned().collect();
        (!here.is_empty() || rows.end.is_some()).then_some(here)
    }

    /// The row at a place, where it was read.
    pub fn row(&self, at: usize) -> Option<R> {
        lock(&self.rows).rows.get(at).cloned()
    }

    /// Up to `most` rows from `at`; asks for pages until there is one, or the end.
    pub fn read(&self, at: usize, most: usize) -> Result<Vec<R>, Error> {
        loop {
            if let Some(rows) = self.known(at, most) {
                return Ok(rows);
            }
            self.advance(self.len())?;
        }
    }

    /// Reads on to the end, and tells how it ended.
    pub fn read_all(&self) -> Result<End, Error> {
        loop {
            if let Some(end) = self.end() {
                return Ok(end);
            }
            self.advance(self.len())?;
        }
    }

    /// Hands over every row, in order: reads on to the end.
    pub fn each(&self, mut act: impl FnMut(&R) -> Result<(), Error>) -> Result<(), Error> {
        let mut at = 0;
        loop {
            let rows = self.read(at, BATCH)?;
            if rows.is_empty() {
                return Ok(());
            }
            at += rows.len();
            rows.iter().try_for_each(&mut act)?;
        }
    }

    /// The row of a name, among those read so far.
    pub fn find(&self, name: &str) -> Option<R> {
        let rows = lock(&self.rows);
        let place = *rows.places.get(&self.hasher.hash_one(name))?;
        rows.rows.get(place as usize).filter(|row| row.name() == name).cloned()
    }

    /// This row, and, where somebody walks through the listing in whatever order, rows that were not looked into
    /// yet: `most` in all.
    pub fn ahead(&self, row: &R, most: usize) -> Vec<R> {
        let rows = lock(&self.rows);
        let Some(&place) = rows.places.get(&self.hasher.hash_one(row.name())) else {
            return vec![row.clone()];
        };
        let (place, more) = (place as usize, most.saturating_sub(1));
        let ahead = lock(&self.walk).look(place, rows.rows.len(), more, more);
        let others = ahead.into_iter().filter(|&at| at != place).filter_map(|at| rows.rows.get(at).cloned());
        std::iter::once(row.clone()).chain(others).collect()
    }

    /// Where a row stands, among those read so far.
    pub fn place(&self, row: &R) -> Option<usize> {
        lock(&self.rows).places.get(&self.hasher.hash_one(row.name())).map(|&place| place as usize)
    }

    /// All rows read so far.
    pub fn rows(&self) -> Vec<R> {
        lock(&self.rows).rows.clone()
    }

    /// Asks for one more page, unless somebody did since the caller saw `seen` rows.
    fn advance(&self, seen: usize) -> Result<(), Error> {
        let _held = self.turn.take();
        {
            let rows = lock(&self.rows);
            if rows.rows.len() > seen || rows.end.is_some() {
                return Ok(());
            }
        }
        let mut steps = lock(&self.steps);
        let Some(source) = steps.as_mut() else { return Ok(()) };
        let step = source.step()?;
        let over = step.end.is_some();
        self.append(lock(&self.rows), step);
        if over {
            *steps = None;
        }
        Ok(())
    }

    /// Adds a page; a name that is there already (a server that repeats itself) is left out.
    fn append(&self, mut rows: MutexGuard<'_, Rows<R>>, step: Step<R>) {
        for row in step.rows {
            let name = row.name();
            let hash = self.hasher.hash_one(&name);
            let known = rows.places.get(&hash).and_then(|&at| rows.rows.get(at as usize));
            if known.is_some_and(|known| known.name() == name) {
                continue;
            }
            let place = rows.rows.len() as u32;
            rows.places.insert(hash, place);
            rows.rows.push(row);
        }
        rows.end = step.end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Named for u32 {
        fn name(&self) -> String {
            self.to_string()
        }
    }

    /// Pages of two; every third call fails.
    struct Pages {
        next: u32,
        last: u32,
        calls: u32,
    }

    impl Steps<u32> for Pages {
        fn step(&mut self) -> Result<Step<u32>, Error> {
            self.calls += 1;
            if self.calls.is_multiple_of(3) {
                return Err(Error::Invalid("away".into()));
            }
            let rows: Vec<u32> = (self.next..self.last.min(self.next + 2)).collect();
            self.next += rows.len() as u32;
            Ok(Step { end: (self.next == self.last).then_some(End::All), rows })
        }
    }

    #[test]
    fn rows_stay_and_errors_pass() {
        let feed = Feed::new(Box::new(Pages { next: 0, last: 7, calls: 0 }));
        assert!(feed.known(0, 9).is_none(), "nothing is asked for before somebody reads");
        assert_eq!(feed.read(0, 9).unwrap(), [0, 1]);
        assert_eq!(feed.read(2, 1).unwrap(), [2]);
        assert!(feed.read(4, 9).is_err());
        assert_eq!(feed.read(4, 9).unwrap(), [4, 5], "the page that failed is asked for again");
        assert_eq!((feed.find("3"), feed.find("6")), (Some(3), None));
        assert_eq!(feed.read(6, 9).unwrap(), [6]);
        assert_eq!((feed.read(7, 9).unwrap(), feed.end()), (vec![], Some(End::All)));
        assert_eq!(feed.known(5, 9).unwrap(), [5, 6]);
    }

    #[test]
    fn each_row_is_handed_over_once() {
        let feed = Feed::new(Box::new(Pages { next: 0, last: 600, calls: 0 }));
        while feed.read_all().is_err() {}
        let mut all = Vec::new();
        let keep = |row: &u32| {
            all.push(*row);
            Ok(())
        };
        feed.each(keep).unwrap();
        assert!(all.into_iter().eq(0..600));
        assert!(feed.each(|_| Err(Error::Invalid("enough".into()))).is_err());
    }

    #[test]
    fn readers_side_by_side_fetch_each_page_once() {
        let feed = Feed::new(Box::new(Pages { next: 0, last: 4, calls: 0 }));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| while feed.read_all().is_err() {});
            }
        });
        assert_eq!(feed.rows(), [0, 1, 2, 3]);
    }
}
