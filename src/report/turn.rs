//! One does the work, the others wait for it and share its signs of life.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::{Progress, current_progress, lock};

/// How often a waiter looks whether the one at work still hears from the server.
const GLANCE: Duration = Duration::from_millis(200);

/// A turn at some work. Unlike a mutex it tells those who wait how the work goes: a byte that comes in for
/// the one at work is a sign of life for all, so that none of them is told ETIMEDOUT too early.
#[derive(Default)]
pub struct Turn {
    at_work: Mutex<Option<Progress>>,
    done: Condvar,
}

/// Holds a turn; dropping it lets the next one in.
pub struct Held<'a>(&'a Turn);

impl Turn {
    /// Waits for the turn. Whoever gets it looks first whether the work is still to be done.
    pub fn take(&self) -> Held<'_> {
        let mine = current_progress();
        let mut at_work = lock(&self.at_work);
        while let Some(theirs) = at_work.as_ref() {
            if let Some(mine) = mine.as_ref().filter(|_| theirs.silence() <= GLANCE) {
                mine.touch(0);
            }
            at_work = match self.done.wait_timeout(at_work, GLANCE) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        *at_work = Some(mine.unwrap_or_default());
        Held(self)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *lock(&self.0.at_work) = None;
        self.0.done.notify_one();
    }
}

/// Turns by key: equal work is done once, different work side by side.
pub struct Turns<K>(Mutex<HashMap<K, Arc<Turn>>>);

impl<K> Default for Turns<K> {
    fn default() -> Turns<K> {
        Turns(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone> Turns<K> {
    /// Runs `work` when it is this key's turn.
    pub fn run<T>(&self, key: &K, work: impl FnOnce() -> T) -> T {
        let turn = Arc::clone(lock(&self.0).entry(key.clone()).or_default());
        let held = turn.take();
        let result = work();
        drop(held);
        let mut turns = lock(&self.0);
        // Ours and the map's: nobody else waits for it.
        if Arc::strong_count(&turn) == 2 {
            turns.remove(key);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn equal_work_is_done_one_at_a_time_and_forgotten() {
        let turns = Turns::<u8>::default();
        let (inside, most, done) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    turns.run(&1, || {
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    });
                });
            }
        });
        assert_eq!((most.load(Ordering::SeqCst), done.load(Ordering::SeqCst)), (1, 8));
        assert!(lock(&turns.0).is_empty());
    }
}
