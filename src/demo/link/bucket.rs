//! A token bucket, shared by all who draw from it.

use super::lock;
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// How much lateness a flow may catch up on. A busy machine wakes threads late, and time lost by that is not the
/// line's.
const SLACK: Duration = Duration::from_millis(100);

/// What a draw continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Nothing: the sender had been silent.
    Begun,
    /// The sender had more all the time.
    Continued,
}

/// Gives out bytes at a rate, first come, first served.
pub(super) struct Bucket {
    rate: Option<u64>,
    /// When the bytes given out so far will have been paid for.
    paid: Mutex<Option<Instant>>,
}

impl Bucket {
    /// A bucket of `rate` bytes per second; without one it is bottomless.
    pub fn new(rate: Option<u64>) -> Bucket {
        Bucket { rate, paid: Mutex::new(None) }
    }

    /// Draws `bytes` at `now`; they may go at the time returned.
    pub fn draw(&self, bytes: usize, now: Instant, flow: Flow) -> Instant {
        let Some(rate) = self.rate else { return now };
        let cost = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        let mut paid = lock(&self.paid);
        let earliest = match flow {
            Flow::Begun => now,
            Flow::Continued => now.checked_sub(SLACK).unwrap_or(now),
        };
        let from = paid.map_or(now, |paid| paid.max(earliest));
        *paid.insert(from + cost)
    }

    /// A size of piece that keeps the flow smooth at this rate, in bytes.
    pub fn piece(&self) -> usize {
        self.rate
            .map_or(64 << 10, |rate| usize::try_from(rate / 200).unwrap_or(usize::MAX).clamp(512, 64 << 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_bytes_takes_a_second() {
        let bucket = Bucket::new(Some(1_000_000));
        let now = Instant::now();
        let mut due = now;
        for _ in 0..100 {
            due = bucket.draw(10_000, now, Flow::Continued);
        }
        assert_eq!(due - now, Duration::from_secs(1));
    }

    #[test]
    fn idle_time_is_not_saved_up_and_lateness_is() {
        let bucket = Bucket::new(Some(1_000_000));
        let now = Instant::now();
        bucket.draw(10_000, now, Flow::Continued);
        let later = now + Duration::from_secs(60);
        let cost = Duration::from_millis(200);
        assert_eq!(bucket.draw(200_000, later, Flow::Begun), later + cost);
        let late = later + cost + Duration::from_millis(30);
        assert_eq!(bucket.draw(200_000, late, Flow::Continued), later + cost * 2);
        let very_late = late + Duration::from_secs(60);
        assert_eq!(bucket.draw(200_000, very_late, Flow::Continued), very_late - SLACK + cost);
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let now = Instant::now();
        assert_eq!(Bucket::new(None).draw(usize::MAX, now, Flow::Begun), now);
    }
}
