//! `datetime` as STAC API writes it: an RFC 3339 instant, or two of them with open ends.

use crate::demo::world::Summary;
use jiff::Timestamp;

/// A span of time, both ends included; `None` is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
}

/// Which times of an item count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeRule {
    /// `start_datetime` to `end_datetime` where given, else `datetime`, as the specification has it.
    Span,
    /// `datetime` only (stac-server).
    DatetimeOnly,
}

impl Interval {
    /// Reads `2020-01-01T00:00:00Z`, `a/b`, `../b`, `a/..`, `/b`, `a/`. Errors in words for the client.
    pub fn parse(text: &str) -> Result<Interval, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let interval = match parts[..] {
            [instant] => {
                let instant = parse_instant(instant)?;
                Interval { start: Some(instant), end: Some(instant) }
            }
            [start, end] => Interval { start: parse_end(start)?, end: parse_end(end)? },
            _ => return Err(format!("{text:?} has more than one slash")),
        };
        match interval {
            Interval { start: None, end: None } => Err("an interval needs one end that is not open".into()),
            Interval { start: Some(start), end: Some(end) } if start > end => {
                Err(format!("the interval {text:?} ends before it starts"))
            }
            interval => Ok(interval),
        }
    }

    /// Whether an item's time meets the interval. Items without any time do not.
    pub fn meets(&self, item: &Summary, rule: TimeRule) -> bool {
        let (start, end) = match rule {
            TimeRule::Span => (item.start.or(item.datetime), item.end.or(item.datetime)),
            TimeRule::DatetimeOnly => (item.datetime, item.datetime),
        };
        let (Some(start), Some(end)) = (start.or(end), end.or(start)) else { return false };
        self.overlaps(Some(start), Some(end))
    }

    /// Whether the span from `start` to `end` (`None`: open) has an instant in common with this one.
    pub fn overlaps(&self, start: Option<Timestamp>, end: Option<Timestamp>) -> bool {
        let begins_in_time = self.end.zip(start).is_none_or(|(own, start)| start <= own);
        let ends_late_enough = self.start.zip(end).is_none_or(|(own, end)| end >= own);
        begins_in_time && ends_late_enough
    }
}

fn parse_end(text: &str) -> Result<Option<Timestamp>, String> {
    match text {
        "" | ".." => Ok(None),
        instant => parse_instant(instant).map(Some),
    }
}

/// Reads an RFC 3339 date-time and nothing looser: jiff alone would take ISO 8601's other forms too.
pub(super) fn parse_instant(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("{text:?} is not an RFC 3339 date-time");
    if !is_rfc3339(text.as_bytes()) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

/// Whether `text` has the form `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`.
fn is_rfc3339(text: &[u8]) -> bool {
    const PATTERN: &[u8] = b"dddd-dd-ddtdd:dd:dd";
    let fits = |pattern: &[u8], text: &[u8]| {
        pattern.len() == text.len()
            && pattern.iter().zip(text).all(|(&form, byte)| match form {
                b'd' => byte.is_ascii_digit(),
                b't' => matches!(byte, b'T' | b't'),
                other => *byte == other,
            })
    };
    let Some((start, rest)) = text.split_at_checked(PATTERN.len()) else { return false };
    let zone = match rest.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &fraction[digits..]
        }
        _ => rest,
    };
    let zoned = matches!(zone, b"Z" | b"z") || fits(b"+dd:dd", zone) || fits(b"-dd:dd", zone);
    fits(PATTERN, start) && zoned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn all_forms() {
        let one = Interval::parse("2020-01-01T00:00:00Z").unwrap();
        assert_eq!(one, Interval { start: at("2020-01-01T00:00:00Z"), end: at("2020-01-01T00:00:00Z") });
        let open = Interval { start: None, end: at("2020-01-01T00:00:00Z") };
        assert_eq!(Interval::parse("../2020-01-01T00:00:00Z").unwrap(), open);
        assert_eq!(Interval::parse("/2020-01-01t00:00:00.000z").unwrap(), open);
        assert_eq!(Interval::parse("2020-01-01T01:00:00+01:00/..").unwrap().start, open.end);
        assert_eq!(Interval::parse("2020-01-01T01:00:00.123456789-01:00/").unwrap().end, None);
    }

    #[test]
    fn what_is_not_rfc3339_is_refused() {
        for text in [
            "",
            "/",
            "../..",
            "2020",
            "2020-01-01",
            "2020-01-01T00:00:00",
            "2020-01-01T00:00:00.Z",
            "2020-01-01 00:00:00Z",
            "2020-13-01T00:00:00Z",
            "2020-01-01T00:00:00,5Z",
            "2020-01-01T00:00Z",
            "2021-01-01T00:00:00Z/2020-01-01T00:00:00Z",
            "2020-01-01T00:00:00Z/../..",
            "37-01-01T12:00:27.87Z",
        ] {
            assert!(Interval::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_meet() {
        let interval = Interval::parse("2020-01-01T00:00:00Z/2020-02-01T00:00:00Z").unwrap();
        let around = Summary {
            start: at("2019-01-01T00:00:00Z"),
            end: at("2021-01-01T00:00:00Z"),
            ..Summary::default()
        };
        assert!(interval.meets(&around, TimeRule::Span));
        assert!(!interval.meets(&around, TimeRule::DatetimeOnly));
        let edge = Summary { datetime: at("2020-02-01T00:00:00Z"), ..Summary::default() };
        assert!(interval.meets(&edge, TimeRule::DatetimeOnly));
        assert!(!interval.meets(&Summary::default(), TimeRule::Span));
    }
}
