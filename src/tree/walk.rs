//! Readers that open the same asset of item after item: `grep` over labels, `cp -r`.
//!
//! The second such open of a listing is taken for a walk, and each one after it lets the same asset of a few
//! more items be fetched ahead. In no order: `cp` visits a directory by inode numbers. How much may be fetched
//! in vain is bounded by `content`, which knows what of it was used.

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

/// Which listing, and which asset of its items.
type Trail = (usize, Arc<str>);

/// The walks through a source's listings.
pub struct Walks(Mutex<LruCache<Trail, Walk>>);

/// A way through a listing: from just behind the second look on, around the end to the beginning.
#[derive(Default)]
pub struct Walk {
    looks: usize,
    start: usize,
    /// How many places were handed out.
    taken: usize,
}

impl Walk {
    /// Somebody looked at `place` of a listing of `length` rows: up to `first` places to fetch ahead, where that
    /// makes it a walk, and up to `each` at every further look. Each place once.
    pub fn look(&mut self, place: usize, length: usize, first: usize, each: usize) -> Vec<usize> {
        self.looks += 1;
        let more = match self.looks {
            1 => return Vec::new(),
            2 => {
                self.start = place + 1;
                first
            }
            _ => each,
        };
        let end = length.min(self.taken + more);
        let places = (self.taken..end).map(|step| (self.start + step) % length).collect();
        self.taken = end.max(self.taken);
        places
    }
}

impl Default for Walks {
    fn default() -> Walks {
        Walks(Mutex::new(LruCache::new(WALKS)))
    }
}

impl Walks {
    /// An asset of the item at `place` of a listing of `length` rows was opened: the places whose asset of this
    /// key is worth fetching ahead. `listing` tells listings apart.
    pub fn opened(&self, listing: usize, key: &Arc<str>, place: usize, length: usize) -> Vec<usize> {
        let mut walks = lock(&self.0);
        let walk = walks.get_or_insert_mut((listing, Arc::clone(key)), Walk::default);
        walk.look(place, length, FIRST, EACH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_fetches_each_place_ahead_once() {
        let walks = Walks::default();
        let (label, image): (Arc<str>, Arc<str>) = ("label".into(), "image".into());
        assert!(walks.opened(1, &label, 0, 20).is_empty(), "one open is no walk");
        assert!(walks.opened(1, &image, 1, 20).is_empty(), "nor is another asset's");
        assert_eq!(walks.opened(1, &label, 1, 20), (2..10).collect::<Vec<_>>());
        assert_eq!(walks.opened(1, &label, 2, 20), [10, 11, 12, 13]);
        assert_eq!(walks.opened(1, &label, 19, 20), [14, 15, 16, 17], "in no order");
        assert!(walks.opened(2, &label, 1, 20).is_empty(), "another listing");
    }

    #[test]
    fn who_walks_backwards_is_led_around_the_end() {
        let mut walk = Walk::default();
        walk.look(9, 10, 4, 4);
        assert_eq!(walk.look(8, 10, 4, 4), [9, 0, 1, 2]);
        assert_eq!(walk.look(7, 10, 4, 4), [3, 4, 5, 6]);
        assert_eq!(walk.look(6, 10, 4, 4), [7, 8]);
        assert!(walk.look(5, 10, 4, 4).is_empty());
    }
}
