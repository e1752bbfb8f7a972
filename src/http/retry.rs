//! Which failures pass, and how long to wait for that.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use super::Error;

/// The longest pause between attempts, `Retry-After` included: a server that wants more gets no second
/// request, and its wish is told to the user.
const LONGEST: Duration = Duration::from_secs(20);

impl Error {
    /// Whether the same request may well succeed a little later. 401, 403 and 404 never do.
    pub fn is_passing(&self) -> bool {
        match self {
            Error::Unreachable { .. } | Error::Silent { .. } | Error::Broken { .. } => true,
            Error::Status { status, .. } => is_trouble(*status),
            Error::Offline { .. }
            | Error::Budget { .. }
            | Error::Unexpected { .. }
            | Error::Redirect { .. }
            | Error::Denied { .. } => false,
        }
    }

    /// How long the server asked us to wait, where it did.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Whether a status speaks of the server's state and not of what was asked for.
pub(super) fn is_trouble(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// Runs `attempt` up to `attempts` times while its failures pass. `again` is told of each
/// failure that is followed by a new attempt.
pub(super) fn run<T>(
    attempts: u32,
    pause: Duration,
    again: impl Fn(&Error),
    mut attempt: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut pauses = Pauses::new(pause);
    let mut made = 0;
    loop {
        made += 1;
        let error = match attempt() {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        // Silence already took its time: a second try is for a connection that died in the pool.
        let most = if matches!(error, Error::Silent { .. }) { attempts.min(2) } else { attempts };
        if made >= most || !error.is_passing() || error.retry_after().is_some_and(|asked| asked > LONGEST) {
            return Err(error);
        }
        again(&error);
        std::thread::sleep(error.retry_after().unwrap_or_default().max(pauses.next()));
    }
}

/// Decorrelated jitter: each pause is random between the shortest and three times the one before, so that
/// clients that failed together do not come back together.
struct Pauses {
    shortest: Duration,
    last: Duration,
}

impl Pauses {
    fn new(shortest: Duration) -> Pauses {
        Pauses { shortest, last: shortest }
    }

    fn next(&mut self) -> Duration {
        let most = (self.last * 3).min(LONGEST).max(self.shortest);
        // The standard library seeds each `RandomState` anew: enough randomness for jitter.
        let random = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
        self.last = self.shortest + (most - self.shortest).mul_f64(random);
        self.last
    }
}

/// `Retry-After`: seconds, or an HTTP date (RFC 9110, 10.2.3).
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(value).ok()?;
    let wait = at.duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn status(status: u16, retry_after: Option<Duration>) -> Error {
        Error::Status { url: String::new(), status, words: String::new(), retry_after }
    }

    fn attempts_for(error: &Error) -> u32 {
        let made = Cell::new(0);
        let result: Result<(), Error> = run(
            4,
            Duration::ZERO,
            |_| (),
            || {
                made.set(made.get() + 1);
                Err(error.clone())
            },
        );
        assert!(result.is_err());
        made.get()
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        for code in [408, 425, 429, 500, 502, 503, 504] {
            assert_eq!(attempts_for(&status(code, None)), 4, "{code}");
        }
        for code in [304, 400, 401, 403, 404, 405, 410, 413, 422, 501] {
            assert_eq!(attempts_for(&status(code, None)), 1, "{code}");
        }
        assert_eq!(attempts_for(&Error::Silent { url: String::new(), after: Duration::ZERO }), 2);
    }

    #[test]
    fn a_long_wish_is_told_and_not_waited_for() {
        assert_eq!(attempts_for(&status(429, Some(Duration::from_secs(3600)))), 1);
        assert_eq!(attempts_for(&status(429, Some(Duration::ZERO))), 4);
    }

    #[test]
    fn it_ends_at_the_first_success() {
        let made = Cell::new(0);
        let value = run(
            4,
            Duration::ZERO,
            |_| (),
            || {
                made.set(made.get() + 1);
                if made.get() < 3 { Err(status(503, None)) } else { Ok(made.get()) }
            },
        );
        assert_eq!(value.unwrap(), 3);
    }

    #[test]
    fn pauses_stay_in_their_bounds() {
        let shortest = Duration::from_millis(100);
        let mut pauses = Pauses::new(shortest);
        let mut before = shortest;
        for _ in 0..50 {
            let pause = pauses.next();
            assert!(pause >= shortest && pause <= (before * 3).min(LONGEST), "{pause:?} after {before:?}");
            before = pause;
        }
    }

    #[test]
    fn retry_after_of_both_kinds() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let later = retry_after("Fri, 31 Dec 2999 23:59:59 GMT").unwrap();
        assert!(later > Duration::from_secs(86_400));
        assert_eq!(retry_after("soon"), None);
    }
}
