//! The canonical spelling: what a predicate prints as, and reads back from.

use super::ast::Predicate;
use super::escape::{LONGEST, Style, encode, encode_member};
use super::{comparison, degrees, period};

/// A segment with all that a shell would take for its own escaped, or where that makes it too long, only what
/// cannot stand in a name.
pub(super) fn fitting(print: impl Fn(Style) -> String) -> String {
    let friendly = print(Style::Shell);
    if friendly.len() <= LONGEST { friendly } else { print(Style::Least) }
}

impl Predicate {
    /// The predicate as a segment, in its one canonical spelling. It can be pasted into a shell without
    /// quotes, unless that would make it longer than a segment may be.
    pub fn segment(&self) -> String {
        fitting(|style| self.print(style))
    }

    /// What makes it this predicate and no other: its segment, with an area's hash for its name.
    pub fn key(&self) -> String {
        match self {
            Predicate::Intersects(area) => format!("intersects=#{}", area.hash),
            other => other.segment(),
        }
    }

    fn print(&self, style: Style) -> String {
        fn list<'a>(members: impl IntoIterator<Item = &'a String>, style: Style) -> String {
            members.into_iter().map(|m| encode_member(m, style)).collect::<Vec<_>>().join(",")
        }
        match self {
            Predicate::Bbox(bbox) => format!("bbox={}", degrees::text(bbox)),
            Predicate::Intersects(area) => format!("intersects={}", encode(&area.spelling, style)),
            Predicate::Datetime(span) => format!("datetime={}", period::text(span)),
            Predicate::Collections(ids) => format!("collections={}", list(ids, style)),
            Predicate::Ids(ids) => format!("ids={}", list(ids, style)),
            Predicate::MaxCloudCover(most) => format!("max_cloud_cover={}", degrees::print(*most)),
            Predicate::Months(months) => {
                format!("months={}", months.iter().map(u8::to_string).collect::<Vec<_>>().join(","))
            }
            Predicate::WrsPath(path) => format!("path={path}"),
            Predicate::WrsRow(row) => format!("row={row}"),
            Predicate::Property(comparison) => comparison::print(comparison, style),
            Predicate::Filter(text) => format!("filter={}", encode(text, style)),
            Predicate::FreeText(terms) => format!("q={}", list(terms, style)),
        }
    }

    /// The box of a [`Predicate::Bbox`] within ±180, as servers want it: two where it crosses the
    /// antimeridian. Empty for other predicates.
    pub fn boxes(&self) -> Vec<crate::item::Bbox> {
        match self {
            Predicate::Bbox(bbox) => degrees::cut(bbox),
            _ => Vec::new(),
        }
    }
}
