//! The query extension (STACQL): conditions per property, all of which must hold.

use super::filter::Record;
use crate::demo::stac::index::time_of;
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// A query, ready to be held against many items.
#[derive(Clone, Debug)]
pub(super) struct Query(Vec<(String, Operator, Value)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    StartsWith,
    EndsWith,
    Contains,
    In,
}

impl Query {
    /// Reads `{"eo:cloud_cover": {"lt": 10}}`. Errors in words for the client.
    pub fn parse(json: &Value) -> Result<Query, String> {
        let properties: &Map<String, Value> = json.as_object().ok_or("query is not an object")?;
        let mut conditions = Vec::new();
        for (property, operators) in properties {
            let operators =
                operators.as_object().ok_or_else(|| format!("query: {property:?} is not an object"))?;
            for (name, value) in operators {
                let operator = Operator::named(name).ok_or_else(|| format!("query: no operator {name:?}"))?;
                conditions.push((property.clone(), operator, value.clone()));
            }
        }
        Ok(Query(conditions))
    }

    /// Whether all conditions hold of the item's properties: `id` and `collection` are none.
    pub fn holds(&self, record: &Record) -> bool {
        self.0.iter().all(|(property, operator, wanted)| {
            operator.holds(record.detail.properties.get(property).unwrap_or(&Value::Null), wanted)
        })
    }
}

impl Operator {
    fn named(name: &str) -> Option<Operator> {
        Some(match name {
            "eq" => Operator::Eq,
            "neq" => Operator::Neq,
            "lt" => Operator::Lt,
            "lte" => Operator::Lte,
            "gt" => Operator::Gt,
            "gte" => Operator::Gte,
            "startsWith" => Operator::StartsWith,
            "endsWith" => Operator::EndsWith,
            "contains" => Operator::Contains,
            "in" => Operator::In,
            _ => return None,
        })
    }

    fn holds(self, found: &Value, wanted: &Value) -> bool {
        let order = || order(found, wanted);
        let text = |test: fn(&str, &str) -> bool| {
            found.as_str().zip(wanted.as_str()).is_some_and(|(a, b)| test(a, b))
        };
        match self {
            Operator::Eq => order().is_some_and(Ordering::is_eq),
            Operator::Neq => !found.is_null() && order() != Some(Ordering::Equal),
            Operator::Lt => order().is_some_and(Ordering::is_lt),
            Operator::Lte => order().is_some_and(Ordering::is_le),
            Operator::Gt => order().is_some_and(Ordering::is_gt),
            Operator::Gte => order().is_some_and(Ordering::is_ge),
            Operator::StartsWith => text(|a, b| a.starts_with(b)),
            Operator::EndsWith => text(|a, b| a.ends_with(b)),
            Operator::Contains => text(|a, b| a.contains(b)),
            Operator::In => {
                let list = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
                list.iter().any(|one| Operator::Eq.holds(found, one))
            }
        }
    }
}

/// How two values compare. A number in text, as pystac-client writes it, counts as a number beside a number.
fn order(found: &Value, wanted: &Value) -> Option<Ordering> {
    if let Some(found) = found.as_f64() {
        let wanted = wanted.as_f64().or_else(|| wanted.as_str()?.parse().ok())?;
        return found.partial_cmp(&wanted);
    }
    if let Some((found, wanted)) = found.as_bool().zip(wanted.as_bool()) {
        return Some(found.cmp(&wanted));
    }
    let (left, right) = found.as_str().zip(wanted.as_str())?;
    Some(match time_of(found).zip(time_of(wanted)) {
        Some((left, right)) => left.cmp(&right),
        None => left.cmp(right),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{stac::index::Detail, world::Summary};
    use serde_json::json;

    fn holds(query: Value) -> bool {
        let summary = Summary { id: "scene_1".into(), ..Summary::default() };
        let properties = json!({"cloud": 12, "platform": "landsat-8", "datetime": "2020-01-01T00:00:00Z"});
        let detail = Detail { properties, geometry: None };
        let record = Record { summary: &summary, collection: "c", detail: &detail };
        Query::parse(&query).unwrap().holds(&record)
    }

    #[test]
    fn operators() {
        for query in [
            json!({"cloud": {"lt": 20, "gte": 12}}),
            json!({"cloud": {"eq": "12", "neq": 3}}),
            json!({"platform": {"startsWith": "land", "endsWith": "-8", "contains": "sat"}}),
            json!({"platform": {"in": ["x", "landsat-8"]}}),
            json!({"datetime": {"gt": "2019-12-31T23:59:59Z"}}),
            json!({}),
        ] {
            assert!(holds(query.clone()), "{query}");
        }
        for query in [
            json!({"cloud": {"lt": 20, "gt": 12}}),
            json!({"missing": {"lt": 20}}),
            json!({"missing": {"neq": 20}}),
            json!({"cloud": {"startsWith": "1"}}),
            json!({"id": {"eq": "scene_1"}}),
        ] {
            assert!(!holds(query.clone()), "{query}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for query in [json!([]), json!({"a": 1}), json!({"a": {"like": "x"}})] {
            assert!(Query::parse(&query).is_err(), "{query}");
        }
    }
}
