//! Turns between processes: M2M takes one request of an account at a time, and a mount, `fetch` and `check` may all
//! be at it.
//!
//! Whoever asks holds the lock on the desk. Whoever waits for the desk stands at the door, which is a lock too: who
//! was just served and wants the next comes behind. Both go with a process that dies. Processes on other machines know
//! nothing of this: M2M refuses them, and they try again.

use std::fs::File;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use url::Url;

use super::session::rest;
use crate::cache::Cache;

/// Between two tries for a lock.
const STEP: Duration = Duration::from_millis(20);
/// Whoever holds a lock for longer may have been stopped: M2M itself decides then.
const LONGEST: Duration = Duration::from_secs(30);

/// The locks of one account.
pub struct Turns {
    door: File,
    desk: File,
}

/// A turn; it ends when it is dropped.
pub struct Turn<'a>(&'a Turns);

impl Turns {
    /// Those of an account, among all processes with this cache. `None` without one.
    pub fn of(cache: &Cache, base: &Url, username: &str) -> Option<Turns> {
        let file = |part: &str| cache.lock_file(&format!("m2m {part} {base} {username}"));
        Some(Turns { door: file("door")?, desk: file("desk")? })
    }

    /// Waits for a turn; `None` where that takes too long.
    pub fn take(&self) -> Option<Turn<'_>> {
        let until = Instant::now() + LONGEST;
        let is_in = wait(&self.door, until) && wait(&self.desk, until);
        let _ = flock(&self.door, FlockOperation::Unlock);
        is_in.then_some(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = flock(&self.0.desk, FlockOperation::Unlock);
    }
}

/// Tries for a lock until it is there, or the time is up, or locks are unknown there (some network file systems).
fn wait(file: &File, until: Instant) -> bool {
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return true,
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < until => rest(STEP),
            Err(_) => return false,
        }
    }
}
