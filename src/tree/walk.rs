//! Readers that open the same asset of item after item, or the assets of one item: `grep` over labels, `cp -r`.
//!
//! Or who looks at sizes only: `ls -lR`, `du -a`, `rsync --list-only`.
//!
//! The second such open is taken for a walk, and each one after it lets a few more files be fetched ahead. In no
//! order: `cp` visits a directory by inode numbers. How much may be fetched in vain is bounded by `content`,
//! which knows what of it was used; what it does not take up now, the walk offers again.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use lru::LruCache;

use crate::report::lock;

/// Walks remembered at a time.
const WALKS: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// Items fetched ahead when a walk is first seen …
const FIRST: usize = 8;
/// … and with each open after that.
const EACH: usize = 4;

/// Items whose sizes are asked for ahead at a time.
const MOST_SIZES: usize = 64;

/// Where somebody walks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Trail {
    /// Through a listing (what tells it apart), by what the asset is in its item.
    Items(usize, String),
    /// Through the assets of an item (its collection and id).
    Assets(Arc<str>, Arc<str>),
    /// Through a listing (what tells it apart), for the sizes of all that is in its items.
    Sizes(usize),
}

/// The walks through a source's listings.
pub struct Walks(Mutex<LruCache<Trail, Walk>>);

/// A way through a listing: on from the second look, away from the first, and around the end.
#[derive(Default)]
pub struct Walk {
    looks: usize,
    /// Where the last look was, until the way begins.
    last: usize,
    start: usize,
    backwards: bool,
    /// How many places were handed out.
    taken: usize,
}

impl Walk {
    /// Somebody looked at `place` of a listing of `length` rows: up to `first` places to fetch ahead, where that
    /// makes it a walk, and up to `each` at every further look. Each place once.
    pub fn look(&mut self, place: usize, length: usize, first: usize, each: usize) -> Vec<usize> {
        let places = self.offer(place, length, first, each);
        self.taken += places.len();
        places
    }

    /// Somebody needs the sizes of the item at `place`: the places of those to ask for ahead. At most as many
    /// again as he has gone past, and a few.
    fn sizes(&mut self, place: usize, length: usize) -> Vec<usize> {
        let step = match self.backwards {
            false => (place + length - self.start % length) % length,
            true => (self.start % length + length - place) % length,
        };
        // Beyond what was asked for ahead it is no step on the way.
        let passed = if self.looks > 0 && step <= self.taken + 1 { step.max(self.looks) } else { self.looks };
        if self.looks > 1 && step == self.taken + 1 {
            self.taken += 1; // His own place is dealt with.
        }
        let most = (FIRST + 2 * passed).saturating_sub(self.taken).min(MOST_SIZES);
        self.look(place, length, FIRST, most)
    }

    /// The same, but they count as handed out only as [`Walk::taken`] is moved on.
    fn offer(&mut self, place: usize, length: usize, first: usize, each: usize) -> Vec<usize> {
        self.looks += 1;
        let more = match self.looks {
            1 => {
                self.last = place;
                return Vec::new();
            }
            2 => {
                self.start = place;
                self.backwards = place < self.last;
                first
            }
            _ => each,
        };
        let end = length.min(self.taken + more);
        let after = |step: usize| match self.backwards {
            false => (self.start + 1 + step) % length,
            true => (self.start % length + length - 1 - step % length) % length,
        };
        (self.taken..end).map(after).collect()
    }
}

/// What an asset is in its item, the same in the next item: its key, where some keys bear the item's id.
pub fn part(key: &str, item: &str) -> String {
    if item.is_empty() { key.to_owned() } else { key.replace(item, "\0") }
}

impl Default for Walks {
    fn default() -> Walks {
        Walks(Mutex::new(LruCache::new(WALKS)))
    }
}

impl Walks {
    /// The sizes of what is in the item at `place` of `length` along a trail are needed: the places of the items
    /// whose sizes are worth asking for ahead.
    pub fn sized(&self, trail: Trail, place: usize, length: usize) -> Vec<usize> {
        if place >= length {
            return Vec::new();
        }
        lock(&self.0).get_or_insert_mut(trail, Walk::default).sizes(place, length)
    }

    /// A file of an item along a trail was opened: who reads is no walker for sizes, which come with the bytes.
    pub fn read(&self, trail: &Trail) {
        lock(&self.0).pop(trail);
    }

    /// The file at `place` of `length` along a trail was opened. Has `fetch` take up the places that are worth
    /// fetching ahead: it must not wait, and tells how many of them, from the first on, it took up.
    pub fn opened(&self, trail: Trail, place: usize, length: usize, fetch: impl FnOnce(&[usize]) -> usize) {
        let mut walks = lock(&self.0);
        let walk = walks.get_or_insert_mut(trail, Walk::default);
        let places = walk.offer(place, length, FIRST, EACH);
        if !places.is_empty() {
            walk.taken += fetch(&places).min(places.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an open of a label makes a walk offer, of which `take` are taken up.
    fn offered(walks: &Walks, listing: usize, place: usize, take: usize) -> Vec<usize> {
        let mut offered = Vec::new();
        walks.opened(Trail::Items(listing, "label".into()), place, 20, |places| {
            offered = places.to_vec();
            take
        });
        offered
    }

    #[test]
    fn a_walk_fetches_each_place_ahead_once() {
        let walks = Walks::default();
        assert!(offered(&walks, 1, 0, 9).is_empty(), "one open is no walk");
        walks.opened(Trail::Items(1, "image".into()), 1, 20, |_| panic!("nor is another asset's"));
        assert_eq!(offered(&walks, 1, 1, 99), (2..10).collect::<Vec<_>>());
        assert_eq!(offered(&walks, 1, 2, 99), [10, 11, 12, 13]);
        assert_eq!(offered(&walks, 1, 19, 99), [14, 15, 16, 17], "in no order");
        assert!(offered(&walks, 2, 1, 99).is_empty(), "another listing");
    }

    #[test]
    fn the_same_asset_of_another_item_is_known_by_its_part() {
        assert_eq!(part("L001_lbl", "L001"), part("L002_lbl", "L002"));
        assert_eq!(part("label", "L001"), part("label", "L002"));
        assert_ne!(part("L001_lbl", "L001"), part("L001_img", "L001"));
        assert_eq!(part("label", ""), "label");
    }

    #[test]
    fn what_is_not_taken_up_is_offered_again() {
        let walks = Walks::default();
        offered(&walks, 1, 0, 0);
        assert_eq!(offered(&walks, 1, 1, 3), (2..10).collect::<Vec<_>>());
        assert_eq!(offered(&walks, 1, 2, 0), [5, 6, 7, 8]);
        assert_eq!(offered(&walks, 1, 3, 4), [5, 6, 7, 8]);
        assert_eq!(offered(&walks, 1, 4, 4), [9, 10, 11, 12]);
    }

    #[test]
    fn who_walks_backwards_is_met_and_led_around_the_end() {
        let mut walk = Walk::default();
        walk.look(5, 10, 4, 4);
        assert_eq!(walk.look(4, 10, 4, 4), [3, 2, 1, 0]);
        assert_eq!(walk.look(3, 10, 4, 4), [9, 8, 7, 6]);
        assert_eq!(walk.look(2, 10, 4, 4), [5, 4]);
        assert!(walk.look(1, 10, 4, 4).is_empty());
    }

    #[test]
    fn who_looks_at_sizes_is_led_as_far_as_he_has_come() {
        const LENGTH: usize = 500;
        let (walks, mut known, mut waits) = (Walks::default(), vec![false; LENGTH], 0);
        let mut offered = [false; LENGTH];
        for place in 0..LENGTH {
            if std::mem::replace(&mut known[place], true) {
                continue;
            }
            waits += 1;
            let ahead = walks.sized(Trail::Sizes(1), place, LENGTH);
            assert!(ahead.len() <= MOST_SIZES);
            ahead.iter().for_each(|at| assert!(!std::mem::replace(&mut offered[*at], true), "{at} twice"));
            ahead.iter().for_each(|at| known[*at] = true);
            let guessed = known.iter().skip(place + 1).filter(|known| **known).count();
            assert!(guessed <= FIRST + 2 * (place + 1), "{guessed} at {place}");
        }
        assert!(waits <= 15, "{waits} of {LENGTH} are waited for");
    }

    #[test]
    fn who_looks_at_sizes_here_and_there_or_reads_has_few_asked_for() {
        let reads = Walks::default();
        for place in 0..20 {
            assert!(reads.sized(Trail::Sizes(1), place, 20).is_empty());
            reads.read(&Trail::Sizes(1));
        }
        let walks = Walks::default();
        let places = (0..40).map(|n| n * 3571 % 10_000);
        let asked: usize = places.map(|place| walks.sized(Trail::Sizes(1), place, 10_000).len()).sum();
        assert!(asked <= FIRST + 2 * 40, "{asked}");
    }
}
