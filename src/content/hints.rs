//! What was fetched on a hint, and whether it was of use.
//!
//! A hint is a guess. Guesses that nobody opened may take some bytes, and a share of those that somebody did.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use lru::LruCache;

use crate::report::lock;

/// Hints that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// Bytes that unused guesses may take …
const FREE: u64 = 2 * 1024 * 1024;
/// … beside one part in so many of the bytes that guesses brought to use.
const PART: u64 = 5;

/// The guesses so far.
pub struct Hints {
    state: Mutex<State>,
}

struct State {
    /// Guesses nobody has opened yet, and their bytes.
    unused: LruCache<String, u64>,
    unused_bytes: u64,
    used_bytes: u64,
}

/// What becomes of a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is to be fetched.
    Granted,
    /// It was granted before.
    Known,
    /// Too much was guessed in vain.
    TooMuch,
}

impl Default for Hints {
    fn default() -> Hints {
        let unused = LruCache::new(REMEMBERED);
        Hints { state: Mutex::new(State { unused, unused_bytes: 0, used_bytes: 0 }) }
    }
}

impl Hints {
    /// Whether a guess of so many bytes may be followed; then it counts as unused.
    pub fn admit(&self, identity: &str, bytes: u64) -> Admission {
        let mut state = lock(&self.state);
        if state.unused.contains(identity) {
            return Admission::Known;
        }
        if state.unused_bytes + bytes > FREE + state.used_bytes / PART {
            return Admission::TooMuch;
        }
        state.unused_bytes += bytes;
        // A guess that is forgotten stays unused for good.
        state.unused.push(identity.to_owned(), bytes);
        Admission::Granted
    }

    /// Whether an object is a guess that nobody has opened yet.
    pub fn is_unused(&self, identity: &str) -> bool {
        lock(&self.state).unused.contains(identity)
    }

    /// A guess took so many bytes.
    pub fn took(&self, identity: &str, bytes: u64) {
        let mut state = lock(&self.state);
        let Some(expected) = state.unused.peek_mut(identity) else { return };
        let expected = std::mem::replace(expected, bytes);
        state.unused_bytes = state.unused_bytes - expected + bytes;
    }

    /// Somebody opened an object: if it was a guess, it was a good one.
    pub fn used(&self, identity: &str) {
        let mut state = lock(&self.state);
        if let Some(bytes) = state.unused.pop(identity) {
            state.unused_bytes -= bytes;
            state.used_bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_guesses_come_to_an_end_and_good_ones_earn_more() {
        let hints = Hints::default();
        let granted = |hints: &Hints, name: String, bytes| hints.admit(&name, bytes) == Admission::Granted;
        let admitted = (0..100).filter(|n| granted(&hints, format!("bad {n}"), 100_000)).count();
        assert_eq!(admitted as u64, FREE / 100_000);
        hints.took("bad 0", 10_000);
        assert!(granted(&hints, "it was shorter".into(), 100_000));
        assert_eq!(hints.admit("one more", 100_000), Admission::TooMuch);
        let hints = Hints::default();
        for n in 0..1000 {
            assert_eq!(hints.admit(&format!("good {n}"), 100_000), Admission::Granted);
            assert_eq!(hints.admit(&format!("good {n}"), 100_000), Admission::Known);
            hints.used(&format!("good {n}"));
        }
        let admitted = (0..1000).filter(|n| granted(&hints, format!("bad {n}"), 100_000)).count();
        assert_eq!(admitted as u64, (FREE + 1000 * 100_000 / PART) / 100_000);
    }
}
