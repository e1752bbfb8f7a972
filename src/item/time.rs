//! Instants and spans of time as STAC gives them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A span of time, both ends included; an open end is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First instant, or open.
    pub start: Option<Timestamp>,
    /// Last instant, or open.
    pub end: Option<Timestamp>,
}

impl Span {
    /// The span of one instant.
    pub fn instant(at: Timestamp) -> Span {
        Span { start: Some(at), end: Some(at) }
    }

    /// Whether two spans share an instant.
    pub fn overlaps(&self, other: &Span) -> bool {
        let before = |end: Option<Timestamp>, start: Option<Timestamp>| matches!((end, start), (Some(e), Some(s)) if e < s);
        !before(self.end, other.start) && !before(other.end, self.start)
    }
}

/// An instant from RFC 3339 text, tolerant of what servers send: lower-case `t` and `z`, a space for the
/// `T`, a missing zone (read as UTC), a bare date (its first instant). The last two days of the year 9999,
/// which stand for "for ever" and which `jiff` has no instants for, are its last instant.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let utc = |date: DateTime| date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |z| z.timestamp());
    let without_zone = text.strip_suffix(['Z', 'z']).filter(|text| text.starts_with("9999-12-3"));
    without_zone.unwrap_or(text).parse::<DateTime>().ok().map(utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_as_servers_write_them() {
        for (text, canonical) in [
            ("2018-01-05T10:15:00Z", "2018-01-05T10:15:00Z"),
            ("2018-01-05t10:15:00z", "2018-01-05T10:15:00Z"),
            ("2018-01-05 10:15:00Z", "2018-01-05T10:15:00Z"),
            (" 2018-01-05T10:15:00.123456789Z ", "2018-01-05T10:15:00.123456789Z"),
            ("2018-01-05T10:15:00.456000", "2018-01-05T10:15:00.456Z"),
            ("2018-01-05T12:15:00+02:00", "2018-01-05T10:15:00Z"),
            ("2018-01-05T10:15:00+0000", "2018-01-05T10:15:00Z"),
            ("2018-01-05", "2018-01-05T00:00:00Z"),
            ("1969-07-20T20:17:40Z", "1969-07-20T20:17:40Z"),
            ("9999-12-31T23:59:59Z", "9999-12-30T22:00:00.999999999Z"),
            ("9999-12-31", "9999-12-30T22:00:00.999999999Z"),
        ] {
            assert_eq!(instant(text).map(|at| at.to_string()).as_deref(), Some(canonical), "{text}");
        }
        for bad in
            ["", "..", "2018", "2018-13-01T00:00:00Z", "2018-02-30", "yesterday", "9999-12-32T00:00:00Z"]
        {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans_overlap_with_their_ends() {
        let span = |start: &str, end: &str| Span { start: instant(start), end: instant(end) };
        let year = span("2018-01-01", "2019-01-01");
        for (other, shared) in [
            (span("2019-01-01", "2020-01-01"), true),
            (span("2019-01-02", "2020-01-01"), false),
            (span("2017-01-01", "2018-01-01"), true),
            (span("2017-01-01", "2017-12-31"), false),
            (span("", "2017-12-31"), false),
            (span("", "2018-06-01"), true),
            (span("2019-01-02", ""), false),
            (span("", ""), true),
            (Span::instant(instant("2018-06-01").unwrap()), true),
        ] {
            assert_eq!((year.overlaps(&other), other.overlaps(&year)), (shared, shared), "{other:?}");
        }
    }
}
