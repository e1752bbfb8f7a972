//! A token bucket, shared by all who draw from it.

use super::lock;
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// How far a bucket fills while nobody draws: what a late wake-up may catch up on, not a burst to speak of.
const SLACK: Duration = Duration::from_millis(20);

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
    pub fn draw(&self, bytes: usize, now: Instant) -> Instant {
        let Some(rate) = self.rate else { return now };
        let cost = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        let mut paid = lock(&self.paid);
        let from = paid.map_or(now, |paid| paid.max(now.checked_sub(SLACK).unwrap_or(now)));
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
            due = bucket.draw(10_000, now);
        }
        assert_eq!(due - now, Duration::from_secs(1));
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let bucket = Bucket::new(Some(1_000_000));
        let now = Instant::now();
        bucket.draw(10_000, now);
        let later = now + Duration::from_secs(60);
        assert_eq!(bucket.draw(100_000, later), later - SLACK + Duration::from_millis(100));
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let now = Instant::now();
        assert_eq!(Bucket::new(None).draw(usize::MAX, now), now);
    }
}
