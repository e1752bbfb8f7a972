//! Properties that nobody knows: a search that finds nothing may only be misspelt.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{Error, Search};
use super::api::Api;
use crate::query::{self, Comparison, Predicate, Query, Test, suggest};

/// Names that every item has, whatever its queryables say.
const OWN: &[&str] = &[
    "id",
    "collection",
    "geometry",
    "bbox",
    "datetime",
    "start_datetime",
    "end_datetime",
    "created",
    "updated",
];

/// Looks at a search that found nothing.
///
/// # Errors
/// [`Error::Query`] where it names a property that is in no queryables, no summary and no item of its
/// collection. A collection without a single item says nothing against any name.
pub(super) fn check(api: &Api, search: &Search) -> Result<(), Error> {
    let Some(collection) = search.collection.as_deref() else {
        return Ok(());
    };
    let named: Vec<(String, &Predicate)> =
        search.query.predicates().iter().flat_map(|p| names(p).into_iter().map(move |n| (n, p))).collect();
    let missing = |known: &BTreeSet<String>| {
        named.iter().find(|(name, _)| !OWN.contains(&name.as_str()) && !known.contains(name))
    };
    let mut known: BTreeSet<String> = api.queryables(collection)?.keys().cloned().collect();
    if missing(&known).is_none() {
        return Ok(());
    }
    if let Some(document) = api.collection(collection)?.as_ref() {
        let summaries = document.fields().get("summaries").and_then(Value::as_object);
        known.extend(summaries.into_iter().flatten().map(|(name, _)| name.clone()));
    }
    if missing(&known).is_none() {
        return Ok(());
    }
    // Where there is no item to look at, nothing speaks against the name.
    let sample = api.sample(collection).ok();
    let Some(item) = sample.as_deref().and_then(Option::as_ref) else {
        return Ok(());
    };
    let properties = item.feature().get("properties").and_then(Value::as_object);
    known.extend(properties.into_iter().flatten().map(|(name, _)| name.clone()));
    refuse(&search.query, collection, &known)
}

/// Looks at a search that found nothing, where all properties that its collection's items have are known.
///
/// # Errors
/// [`Error::Query`] where it names another one.
pub(super) fn refuse(query: &Query, collection: &str, known: &BTreeSet<String>) -> Result<(), Error> {
    let mut named = query.predicates().iter().flat_map(|p| names(p).into_iter().map(move |n| (n, p)));
    let Some((name, predicate)) =
        named.find(|(name, _)| !OWN.contains(&name.as_str()) && !known.contains(name))
    else {
        return Ok(());
    };
    let near = suggest(&name, known.iter().map(String::as_str));
    Err(Error::Query(query::Error {
        segment: predicate.segment(),
        why: format!("no item of {collection} is known to have a property {name}"),
        hint: near.map(|near| format!("did you mean {near}?")),
    }))
}

/// The properties that a predicate asks to have a value.
fn names(predicate: &Predicate) -> Vec<String> {
    match predicate {
        Predicate::Property(Comparison { test: Test::IsNull(true), .. }) => Vec::new(),
        Predicate::Property(comparison) => vec![comparison.property.clone()],
        Predicate::Filter(text) => {
            let expression = cql2::parse_text(text).ok().and_then(|e| e.to_value().ok());
            let mut found = Vec::new();
            properties(&expression.unwrap_or_default(), &mut found);
            found
        }
        _ => Vec::new(),
    }
}

fn properties(expression: &Value, found: &mut Vec<String>) {
    match expression {
        Value::Object(fields) => {
            if let Some(Value::String(name)) = fields.get("property") {
                found.push(name.strip_prefix("properties.").unwrap_or(name).to_owned());
            }
            fields.values().for_each(|value| properties(value, found));
        }
        Value::Array(members) => members.iter().for_each(|member| properties(member, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_in_a_filter() {
        let filter = Predicate::Filter("gsd < 10 AND (platform = 'x' OR eo:cloud_cover IS NULL)".into());
        assert_eq!(names(&filter), ["gsd", "platform", "eo:cloud_cover"]);
    }
}
