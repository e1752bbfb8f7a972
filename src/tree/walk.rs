//! Readers that open the same asset of item after item: `grep` over labels, `cp -r`.
//!
//! The second such open of a listing is taken for a walk, and each one after it lets the same asset of a few
//! more items be fetched ahead. In no order: `cp` visits a directory by inode numbers. How much may be fetched
//! in vain is bounded by `content`, which knows what of it was used.

use std::num::NonZeroUsize;
use std::ops::Range;
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

/// One reader's way.
struct Walk {
    opens: usize,
    /// The place up to which the asset was fetched ahead.
    frontier: usize,
}

impl Default for Walks {
    fn default() -> Walks {
        Walks(Mutex::new(LruCache::new(WALKS)))
    }
}

impl Walks {
    /// An asset of the item at `place` of a listing was opened: the places whose asset of this key is worth
    /// fetching ahead. `listing` tells listings apart.
    pub fn opened(&self, listing: usize, key: &Arc<str>, place: usize) -> Range<usize> {
        let mut walks = lock(&self.0);
        let walk = walks.get_or_insert_mut((listing, Arc::clone(key)), || Walk { opens: 0, frontier: 0 });
        walk.opens += 1;
        let start = walk.frontier.max(if walk.opens <= 2 { place + 1 } else { 0 });
        let more = match walk.opens {
            1 => 0,
            2 => FIRST,
            _ => EACH,
        };
        walk.frontier = start + more;
        start..start + more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_fetches_each_place_ahead_once() {
        let walks = Walks::default();
        let (label, image): (Arc<str>, Arc<str>) = ("label".into(), "image".into());
        assert!(walks.opened(1, &label, 0).is_empty(), "one open is no walk");
        assert!(walks.opened(1, &image, 1).is_empty(), "nor is another asset's");
        assert_eq!(walks.opened(1, &label, 1), 2..10);
        assert_eq!(walks.opened(1, &label, 2), 10..14);
        assert_eq!(walks.opened(1, &label, 40), 14..18, "in no order");
        assert!(walks.opened(2, &label, 1).is_empty(), "another listing");
    }
}
