//! Whether what is in the cache is what was put there.

use std::time::Duration;

use super::finding::Finding;
use crate::cache::Cache;

/// So long blocks are looked at: `stacfs cache verify` looks at all of them.
const TIME: Duration = Duration::from_secs(2);
const SUBJECT: &str = "cached blocks";

/// Looks at some blocks of as many files as there is time for. `None` where there are none.
pub(super) fn sample(cache: &Cache) -> Option<Finding> {
    match cache.sample(TIME) {
        (0, 0) => None,
        (right, 0) => Some(Finding::good(SUBJECT, format!("{right} looked at, all of them right"))),
        (right, wrong) => {
            let words = format!(
                "{wrong} of {} looked at were wrong; they are fetched again when they are read; look at all with \
                 stacfs cache verify, and after the disk if this comes again",
                right + wrong
            );
            Some(Finding::doubtful(SUBJECT, words))
        }
    }
}
