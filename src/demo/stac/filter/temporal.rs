//! The relations of spans of time that CQL2 knows (Allen's, and a few of their unions).

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

/// A span of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Span {
    /// A span of no length.
    pub fn instant(at: Timestamp) -> Span {
        Span { start: at, end: at }
    }

    /// A day in UTC.
    pub fn day(text: &str) -> Result<Span, String> {
        let wrong = || format!("{text:?} is not a date");
        let date: Date = text.parse().map_err(|_| wrong())?;
        let midnight =
            |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| wrong());
        let next = date.checked_add(1.day()).map_err(|_| wrong())?;
        Ok(Span { start: midnight(date)?, end: midnight(next)? - 1.nanosecond() })
    }
}

/// A relation of two spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    After,
    Before,
    Contains,
    Disjoint,
    During,
    Equals,
    FinishedBy,
    Finishes,
    Intersects,
    Meets,
    MetBy,
    OverlappedBy,
    Overlaps,
    StartedBy,
    Starts,
}

impl Relation {
    /// The relation CQL2 calls `op`.
    pub fn named(op: &str) -> Option<Relation> {
        Some(match op {
            "t_after" => Relation::After,
            "t_before" => Relation::Before,
            "t_contains" => Relation::Contains,
            "t_disjoint" => Relation::Disjoint,
            "t_during" => Relation::During,
            "t_equals" => Relation::Equals,
            "t_finishedBy" => Relation::FinishedBy,
            "t_finishes" => Relation::Finishes,
            "t_intersects" => Relation::Intersects,
            "t_meets" => Relation::Meets,
            "t_metBy" => Relation::MetBy,
            "t_overlappedBy" => Relation::OverlappedBy,
            "t_overlaps" => Relation::Overlaps,
            "t_startedBy" => Relation::StartedBy,
            "t_starts" => Relation::Starts,
            _ => return None,
        })
    }

    /// Whether it holds between `a` and `b`.
    pub fn holds(self, a: Span, b: Span) -> bool {
        match self {
            Relation::After => a.start > b.end,
            Relation::Before => a.end < b.start,
            Relation::Contains => a.start < b.start && a.end > b.end,
            Relation::Disjoint => a.start > b.end || a.end < b.start,
            Relation::During => a.start > b.start && a.end < b.end,
            Relation::Equals => a == b,
            Relation::FinishedBy => a.start < b.start && a.end == b.end,
            Relation::Finishes => a.start > b.start && a.end == b.end,
            Relation::Intersects => a.start <= b.end && a.end >= b.start,
            Relation::Meets => a.end == b.start,
            Relation::MetBy => a.start == b.end,
            Relation::OverlappedBy => a.start > b.start && a.start < b.end && a.end > b.end,
            Relation::Overlaps => a.start < b.start && a.end > b.start && a.end < b.end,
            Relation::StartedBy => a.start == b.start && a.end > b.end,
            Relation::Starts => a.start == b.start && a.end < b.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> Span {
        let at = |second| Timestamp::from_second(second).unwrap();
        Span { start: at(start), end: at(end) }
    }

    #[test]
    fn relations() {
        let b = span(10, 20);
        for (op, holds) in [
            ("t_after", span(21, 30)),
            ("t_before", span(1, 9)),
            ("t_contains", span(9, 21)),
            ("t_disjoint", span(30, 40)),
            ("t_during", span(11, 19)),
            ("t_equals", span(10, 20)),
            ("t_finishedBy", span(5, 20)),
            ("t_finishes", span(15, 20)),
            ("t_intersects", span(20, 25)),
            ("t_meets", span(5, 10)),
            ("t_metBy", span(20, 25)),
            ("t_overlappedBy", span(15, 25)),
            ("t_overlaps", span(5, 15)),
            ("t_startedBy", span(10, 25)),
            ("t_starts", span(10, 15)),
        ] {
            let relation = Relation::named(op).unwrap();
            assert!(relation.holds(holds, b), "{op}");
            let other = if op == "t_disjoint" { span(12, 13) } else { span(100, 101) };
            assert!(relation.holds(other, b) == matches!(op, "t_after"), "{op}");
        }
    }

    #[test]
    fn a_day_is_a_day_long() {
        let day = Span::day("2020-02-29").unwrap();
        assert_eq!(day.start.to_string(), "2020-02-29T00:00:00Z");
        assert_eq!(day.end.to_string(), "2020-02-29T23:59:59.999999999Z");
        assert!(Span::day("2021-02-29").is_err());
    }
}
