//! `by-date/2009/06/07`: the time span of a directory as directories. Only a day lists items.

use std::ffi::OsStr;
use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::generated::Fixed;
use super::search_directory::{Scope, SearchDirectory};
use super::{Attributes, Directory, Entry, Error, Found, Listing};
use crate::item::Span;
use crate::query::{Predicate, Segment};

/// The first year listed where a collection has no beginning: the first satellites flew in it.
const FIRST_YEAR: i16 = 1957;

/// The by-date of a directory, or a year or a month in it.
pub struct ByDate {
    scope: Scope,
    year: Option<i16>,
    month: Option<i8>,
}

impl ByDate {
    /// The by-date of a scope.
    pub fn new(scope: Scope) -> ByDate {
        ByDate { scope, year: None, month: None }
    }

    /// First and last day that can have items: the collection's extent, cut by the path's `datetime=`.
    fn span(&self) -> (Date, Date) {
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        let narrowed = self.scope.query.predicates().iter().filter_map(|predicate| match predicate {
            Predicate::Datetime(span) => Some(*span),
            _ => None,
        });
        let spans: Vec<Span> = self.scope.collection.span().into_iter().chain(narrowed).collect();
        let first = spans.iter().filter_map(|span| span.start).max().map_or(date(FIRST_YEAR, 1, 1), day);
        let last = spans.iter().filter_map(|span| span.end).min().unwrap_or_else(Timestamp::now);
        (first, day(last))
    }

    /// The names listed here.
    fn names(&self) -> Vec<String> {
        let (first, last) = self.span();
        let (start, end) = match (self.year, self.month) {
            (None, _) => return (first.year()..=last.year()).map(|year| format!("{year:04}")).collect(),
            (Some(year), None) => (date(year, 1, 1), date(year, 12, 31)),
            (Some(year), Some(month)) => (date(year, month, 1), date(year, month, 1).last_of_month()),
        };
        let (start, end) = (start.max(first), end.min(last));
        if start > end {
            return Vec::new();
        }
        let parts = match self.month {
            None => start.month()..=end.month(),
            Some(_) => start.day()..=end.day(),
        };
        parts.map(|part| format!("{part:02}")).collect()
    }

    /// The directory of a name, whether or not it is listed: an extent may be wrong.
    fn child(&self, name: &str) -> Option<Arc<dyn Directory>> {
        let digits = if self.year.is_none() { 4 } else { 2 };
        if name.len() != digits || !name.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number: i16 = name.parse().ok()?;
        let scope = self.scope.clone();
        match (self.year, self.month) {
            (None, _) => Some(Arc::new(ByDate { scope, year: Some(number), month: None })),
            (Some(_), None) => {
                let month = i8::try_from(number).ok().filter(|month| (1..=12).contains(month))?;
                Some(Arc::new(ByDate { scope, year: self.year, month: Some(month) }))
            }
            (Some(year), Some(month)) => {
                let day = Date::new(year, month, i8::try_from(number).ok()?).ok()?;
                Some(Arc::new(SearchDirectory::new(on(scope, day)?)))
            }
        }
    }

    fn entry(&self, name: String) -> Option<Entry> {
        let directory = self.child(&name)?;
        Some(Entry::directory(OsStr::new(&name), directory, self.scope.source.lifetime()))
    }
}

/// A scope cut to one day: the server is asked for what meets the day, and what does not stand on it is left
/// out here (a composite that spans many days stands on its first).
fn on(scope: Scope, day: Date) -> Option<Scope> {
    let start = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let end =
        day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().checked_sub(1.nanosecond()).ok()?;
    let span = Span { start: Some(start), end: Some(end) };
    let scope = scope.with(Segment::Predicate(Predicate::Datetime(span)));
    Some(Scope { day: Some(day), ..scope })
}

impl Directory for ByDate {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.scope.modified(), lifetime: self.scope.source.lifetime() }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        let entry = name.to_str().and_then(|name| self.entry(name.to_owned()));
        Some(Ok(entry.map_or(Found::Absent(self.scope.source.lifetime()), Found::Entry)))
    }

    fn list(&self) -> Arc<dyn Listing> {
        Arc::new(Fixed(self.names().into_iter().filter_map(|name| self.entry(name)).collect()))
    }
}
