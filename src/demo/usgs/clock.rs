//! The servers' clock: tests turn it by hand, `stacfs demo` lets it run.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// A clock that stands still or runs, and can be turned forward.
#[derive(Debug)]
pub struct Clock {
    origin: Timestamp,
    started: Option<Instant>,
    ahead: AtomicI64,
}

impl Clock {
    /// A clock that shows `at` until it is turned.
    pub fn standing_at(at: Timestamp) -> Clock {
        Clock { origin: at, started: None, ahead: AtomicI64::new(0) }
    }

    /// A clock that runs with the system's.
    pub fn running() -> Clock {
        Clock { origin: Timestamp::now(), started: Some(Instant::now()), ahead: AtomicI64::new(0) }
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        let ran = self.started.map_or(Duration::ZERO, |started| started.elapsed());
        let ahead = SignedDuration::from_millis(self.ahead.load(Ordering::SeqCst));
        let ran = SignedDuration::try_from(ran).unwrap_or(SignedDuration::MAX);
        self.origin.saturating_add(ahead.saturating_add(ran)).unwrap_or(Timestamp::MAX)
    }

    /// Turns the clock forward.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead.fetch_add(millis, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_only_when_turned() {
        let at: Timestamp = "2026-11-20T20:44:29Z".parse().unwrap();
        let clock = Clock::standing_at(at);
        assert_eq!(clock.now(), at);
        clock.advance(Duration::from_secs(7200));
        assert_eq!(clock.now(), "2026-11-20T22:44:29Z".parse().unwrap());
    }

    #[test]
    fn a_running_clock_can_be_turned_too() {
        let clock = Clock::running();
        let before = clock.now();
        clock.advance(Duration::from_secs(60));
        assert!(clock.now() >= before.checked_add(SignedDuration::from_secs(60)).unwrap());
    }
}
