//! What a segment means, in words.

use crate::item::Span;
use crate::query::{Comparison, Literal, Predicate, Segment, Test, ViewOption};

/// The meaning of one segment.
pub(super) fn meaning(segment: &Segment) -> String {
    match segment {
        Segment::Predicate(predicate) => of_predicate(predicate),
        Segment::View(option) => of_option(option),
    }
}

fn of_predicate(predicate: &Predicate) -> String {
    match predicate {
        Predicate::Bbox(bbox) => {
            let across = if bbox.east > 180.0 { ", across the antimeridian" } else { "" };
            let east = if bbox.east > 180.0 { bbox.east - 360.0 } else { bbox.east };
            format!(
                "the footprint meets the box from {}° to {east}° east, {}° to {}° north{across}",
                bbox.west, bbox.south, bbox.north
            )
        }
        Predicate::Intersects(area) => {
            let kind = area.geometry.get("type").and_then(serde_json::Value::as_str).unwrap_or("geometry");
            format!("the footprint meets this {kind} (its hash: {})", area.hash)
        }
        Predicate::Datetime(span) => format!("the item's time meets {}", of_span(span)),
        Predicate::Collections(ids) => format!("in one of the collections {}", list(ids)),
        Predicate::Ids(ids) => format!("one of the items {}", list(ids)),
        Predicate::MaxCloudCover(most) => format!("at most {most} % clouds, or unknown"),
        Predicate::Months(months) => {
            let months: Vec<String> = months.iter().map(u8::to_string).collect();
            format!("in month {} of any year (UTC)", months.join(", "))
        }
        Predicate::WrsPath(path) => format!("on WRS-2 path {path}"),
        Predicate::WrsRow(row) => format!("in WRS-2 row {row}"),
        Predicate::Property(comparison) => of_comparison(comparison),
        Predicate::Filter(text) => format!("CQL2: {text}"),
        Predicate::FreeText(terms) => format!("its texts have {}", terms.join(" or ")),
    }
}

fn of_comparison(Comparison { property, test }: &Comparison) -> String {
    let says = |sign: &str, literal: &Literal| format!("{property} {sign} {}", of_literal(literal));
    match test {
        Test::Eq(value) => says("is", value),
        Test::Ne(value) => says("is there and is not", value),
        Test::Lt(value) => says("<", value),
        Test::Lte(value) => says("≤", value),
        Test::Gt(value) => says(">", value),
        Test::Gte(value) => says("≥", value),
        Test::In(values) => {
            let values: Vec<String> = values.iter().map(of_literal).collect();
            format!("{property} is one of {}", values.join(", "))
        }
        Test::Like(pattern) => format!("{property} looks like {pattern} (* any text, ? one character)"),
        Test::Between(low, high) => format!("{property} is from {} to {}", of_literal(low), of_literal(high)),
        Test::IsNull(true) => format!("{property} is absent or null"),
        Test::IsNull(false) => format!("{property} is there"),
    }
}

fn of_option(option: &ViewOption) -> String {
    match option {
        ViewOption::SortBy(fields) => {
            let field = |field: &crate::query::FieldOrder| {
                format!("{} {}", field.field, if field.descending { "down" } else { "up" })
            };
            format!("listed in the order of {}", fields.iter().map(field).collect::<Vec<_>>().join(", then "))
        }
        ViewOption::MaxItems(0) => "listings are not cut".to_owned(),
        ViewOption::MaxItems(most) => format!("at most {most} items in each listing"),
        ViewOption::Assets(names) => format!("only these assets are shown: {}", names.join(", ")),
    }
}

fn of_literal(literal: &Literal) -> String {
    match literal {
        Literal::Bare(text) => text.clone(),
        Literal::Quoted(text) => format!("the text {text:?}"),
    }
}

fn of_span(span: &Span) -> String {
    match (span.start, span.end) {
        (Some(start), Some(end)) if start == end => start.to_string(),
        (Some(start), Some(end)) => format!("{start} to {end}"),
        (Some(start), None) => format!("{start} or later"),
        (None, Some(end)) => format!("{end} or earlier"),
        (None, None) => "any time".to_owned(),
    }
}

fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_segment_has_words() {
        for (segment, words) in [
            (
                "bbox=170,-5,-170,5",
                "the footprint meets the box from 170° to -170° east, -5° to 5° north, across the antimeridian",
            ),
            ("intersects=POINT(1%202)", "the footprint meets this Point"),
            ("datetime=2018..", "the item's time meets 2018-01-01T00:00:00Z or later"),
            ("collections=b,a", "in one of the collections a, b"),
            ("ids=a", "one of the items a"),
            ("max_cloud_cover=20", "at most 20 % clouds, or unknown"),
            ("months=6,7", "in month 6, 7 of any year (UTC)"),
            ("path=197", "on WRS-2 path 197"),
            ("row=30", "in WRS-2 row 30"),
            ("eo:cloud_cover.lt=20", "eo:cloud_cover < 20"),
            ("platform='8'", "platform is the text \"8\""),
            ("gsd.between=1,5", "gsd is from 1 to 5"),
            ("id.like=*COLOR*", "id looks like *COLOR* (* any text, ? one character)"),
            ("gsd.isnull=true", "gsd is absent or null"),
            ("q=a,b", "its texts have a or b"),
            ("sortby=-datetime,id", "listed in the order of datetime down, then id up"),
            ("max_items=0", "listings are not cut"),
            ("assets=red,nir", "only these assets are shown: nir, red"),
        ] {
            let parsed = Segment::parse(segment, &()).unwrap();
            assert!(meaning(&parsed).starts_with(words), "{segment}: {}", meaning(&parsed));
        }
    }
}
