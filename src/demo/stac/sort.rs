//! The sort extension.

use super::{
    index::{Index, Ref, first_time, time_of},
    quirks::Sorting,
};
use jiff::Timestamp;
use serde_json::Value;
use std::cmp::Ordering;

/// A key to sort by, and which way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SortKey {
    field: String,
    direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

/// What an item is sorted by: values of one kind beside each other, those without any last.
#[derive(Debug, PartialEq)]
enum Key {
    Number(f64),
    Time(Timestamp),
    Text(String),
    Missing,
}

impl SortKey {
    /// The field, without `properties.`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Reads `[{"field": "properties.datetime", "direction": "desc"}]`. Errors in words for the client.
    pub fn parse_all(json: &Value, rule: Sorting) -> Result<Vec<SortKey>, String> {
        let list = json.as_array().ok_or("sortby is not an array")?;
        list.iter()
            .map(|one| {
                let field = one["field"].as_str().ok_or("sortby: an element has no field")?;
                let direction = match one["direction"].as_str() {
                    None | Some("asc") => Direction::Ascending,
                    Some("desc") => Direction::Descending,
                    Some(other) => return Err(format!("sortby: no direction {other:?}")),
                };
                let property = field.strip_prefix("properties.");
                if rule == Sorting::Qualified && property.is_none() && !["id", "collection"].contains(&field)
                {
                    return Err(format!(
                        "No mapping found for [{field}] in order to sort on. (Hint: `sortby` requires fully \
                         qualified identifiers, e.g. `properties.datetime` instead of `datetime`)"
                    ));
                }
                let field = property.unwrap_or(field);
                if field.is_empty() {
                    return Err("sortby: an element has an empty field".into());
                }
                Ok(SortKey { field: field.to_owned(), direction })
            })
            .collect()
    }

    /// What an item is sorted by, as text; nothing where it lacks it.
    pub fn text(&self, index: &Index, at: Ref) -> String {
        match self.key(index, at) {
            Key::Number(number) => number.to_string(),
            Key::Time(time) => time.to_string(),
            Key::Text(text) => text,
            Key::Missing => String::new(),
        }
    }

    fn key(&self, index: &Index, at: Ref) -> Key {
        let summary = index.summary(at);
        match self.field.as_str() {
            "id" => Key::Text(summary.id.clone()),
            "collection" => Key::Text(index.shelves[at.shelf].id.clone()),
            "datetime" => first_time(summary).map_or(Key::Missing, Key::Time),
            name => match index.detail(at).properties.get(name) {
                Some(Value::Number(number)) => number.as_f64().map_or(Key::Missing, Key::Number),
                Some(value @ Value::String(text)) => {
                    time_of(value).map_or_else(|| Key::Text(text.clone()), Key::Time)
                }
                Some(Value::Bool(value)) => Key::Number(f64::from(u8::from(*value))),
                _ => Key::Missing,
            },
        }
    }
}

/// Sorts `items`, which are in the order that decides between equals.
pub(super) fn sort(items: &mut Vec<Ref>, keys: &[SortKey], index: &Index) {
    if keys.is_empty() {
        return;
    }
    let mut keyed: Vec<(Vec<Key>, Ref)> =
        items.iter().map(|&at| (keys.iter().map(|key| key.key(index, at)).collect(), at)).collect();
    keyed.sort_by(|(left, _), (right, _)| {
        let orders = keys.iter().zip(left.iter().zip(right)).map(|(key, (left, right))| {
            let order = left.order(right);
            let missing = matches!(left, Key::Missing) || matches!(right, Key::Missing);
            if key.direction == Direction::Descending && !missing { order.reverse() } else { order }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    });
    *items = keyed.into_iter().map(|(_, at)| at).collect();
}

impl Key {
    fn order(&self, other: &Key) -> Ordering {
        let rank = |key: &Key| match key {
            Key::Number(_) => 0,
            Key::Time(_) => 1,
            Key::Text(_) => 2,
            Key::Missing => 3,
        };
        match (self, other) {
            (Key::Number(left), Key::Number(right)) => left.total_cmp(right),
            (Key::Time(left), Key::Time(right)) => left.cmp(right),
            (Key::Text(left), Key::Text(right)) => left.cmp(right),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}
