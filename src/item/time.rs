//! Instants and spans of time as STAC gives them.

use jiff::Timestamp;

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
/// `T`, a missing zone (read as UTC), a bare date (its first instant).
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let utc =
        |date: jiff::civil::DateTime| date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| z.timestamp());
    text.parse::<jiff::civil::DateTime>().ok().and_then(utc)
}
