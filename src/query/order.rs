//! Listings put in order here, where a server cannot.

use std::cmp::Ordering;

use serde_json::Value;

use super::ast::FieldOrder;
use super::evaluate::Seen;
use crate::item::{Item, instant};

/// How two items stand to each other by some fields, the first deciding. Numbers come by size, dates by
/// instant (`datetime` of a span is its start), other text by code points; numbers before text. Items without
/// the property come last, whichever the direction.
pub fn in_order(fields: &[FieldOrder], a: &Item, b: &Item) -> Ordering {
    fields.iter().map(|field| by(field, a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn by(field: &FieldOrder, a: &Item, b: &Item) -> Ordering {
    match (rank(&field.field, a), rank(&field.field, b)) {
        (Some(a), Some(b)) if field.descending => b.order(&a),
        (Some(a), Some(b)) => a.order(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

/// A value as something that has an order.
enum Rank {
    Number(f64),
    Instant(jiff::Timestamp),
    Text(String),
}

impl Rank {
    fn order(&self, other: &Rank) -> Ordering {
        match (self, other) {
            (Rank::Number(a), Rank::Number(b)) => a.total_cmp(b),
            (Rank::Instant(a), Rank::Instant(b)) => a.cmp(b),
            (Rank::Text(a), Rank::Text(b)) => a.cmp(b),
            _ => self.class().cmp(&other.class()),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Rank::Number(_) => 0,
            Rank::Instant(_) => 1,
            Rank::Text(_) => 2,
        }
    }
}

fn rank(field: &str, item: &Item) -> Option<Rank> {
    if field == "datetime" {
        return item.day_instant().map(Rank::Instant);
    }
    let seen = Seen { item, collection: None };
    let value = seen.property(field)?;
    match value.as_ref() {
        Value::Number(number) => number.as_f64().map(Rank::Number),
        Value::Bool(own) => Some(Rank::Number(f64::from(u8::from(*own)))),
        Value::String(text) => {
            let dated = matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', ..]);
            let at = dated.then(|| instant(text)).flatten();
            Some(at.map_or_else(|| Rank::Text(text.clone()), Rank::Instant))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_come_in_order_and_those_without_last() {
        let item = |id: &str, properties: Value| {
            Item::from_json(&json!({"type":"Feature","id":id,"properties":properties}).to_string()).unwrap()
        };
        let mut items = [
            item("none", json!({})),
            item("b", json!({"n":10,"datetime":"2020-01-01T00:00:00Z"})),
            item("a", json!({"n":9,"datetime":"2020-01-01T01:00:00+02:00"})),
            item(
                "c",
                json!({"n":10,"start_datetime":"2021-01-01T00:00:00Z","end_datetime":"2022-01-01T00:00:00Z"}),
            ),
        ];
        let mut sorted = |fields: &[(&str, bool)]| {
            let fields: Vec<FieldOrder> = fields
                .iter()
                .map(|(f, descending)| FieldOrder { field: (*f).into(), descending: *descending })
                .collect();
            items.sort_by(|a, b| in_order(&fields, a, b));
            items.iter().map(|i| i.id().to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(sorted(&[("id", false)]), "a b c none");
        assert_eq!(sorted(&[("datetime", false)]), "a b c none");
        assert_eq!(sorted(&[("datetime", true)]), "c b a none");
        assert_eq!(sorted(&[("n", true), ("id", true)]), "c b a none");
        assert_eq!(sorted(&[("n", false), ("id", false)]), "a b c none");
    }
}
