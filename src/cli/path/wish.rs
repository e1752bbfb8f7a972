//! What is searched for, gathered as segments.

use serde_json::Value;

use super::area::Shape;
use crate::query::Segment;

/// A search on its way to a path.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wish {
    /// The catalogue's URL.
    pub(super) source: Option<String>,
    /// In one of these.
    pub(super) collections: Vec<String>,
    /// A shape: a file, GeoJSON text or WKT.
    pub(super) area: Option<String>,
    segments: Vec<String>,
}

/// The signs of pystac-client's conditions, longest first, and the operators they mean.
const SIGNS: [(&str, &str); 6] =
    [(">=", ".gte"), ("<=", ".lte"), ("<>", ".ne"), (">", ".gt"), ("<", ".lt"), ("=", "")];

impl Wish {
    /// A segment whose value is as the path language writes it.
    pub(super) fn raw(&mut self, key: &str, value: String) {
        self.segments.push(format!("{key}={value}"));
    }

    /// A segment with a plain value.
    pub(super) fn add(&mut self, key: &str, value: &str) {
        self.raw(key, escaped(value));
    }

    /// A segment with a list of plain values.
    pub(super) fn list<'a>(&mut self, key: &str, values: impl Iterator<Item = &'a String>) {
        self.raw(key, values.map(|value| escaped(value).replace(',', "%2C")).collect::<Vec<_>>().join(","));
    }

    /// A box as stac-client takes it: numbers with commas or spaces between.
    pub(super) fn bbox(&mut self, text: &str) {
        let numbers: Vec<&str> = text.split([',', ' ']).filter(|part| !part.is_empty()).collect();
        self.raw("bbox", numbers.join(","));
    }

    /// A time as STAC writes it: an instant, or two with a slash between, `..` or nothing for an open end.
    pub(super) fn datetime(&mut self, text: &str) {
        let value = match text.split_once('/') {
            None => text.to_owned(),
            Some((start, end)) => format!("{}..{}", start.trim_matches('.'), end.trim_matches('.')),
        };
        self.add("datetime", &value);
    }

    /// A condition as pystac-client writes it: `eo:cloud_cover<20`, or an object of the query extension.
    pub(super) fn condition(&mut self, text: &str) -> Result<(), String> {
        if text.trim_start().starts_with('{') {
            let json = serde_json::from_str(text).map_err(|error| format!("{text}: is no JSON: {error}"))?;
            return self.conditions(&json);
        }
        let sign =
            |(sign, operator): &(&str, &'static str)| text.find(sign).map(|at| (at, sign.len(), *operator));
        // The first sign counts, and of two at one place the longer one.
        let Some((at, length, operator)) =
            SIGNS.iter().filter_map(sign).min_by_key(|(at, length, _)| (*at, 9 - length))
        else {
            return Err(format!("{text}: has no sign; write e.g. 'eo:cloud_cover<20' (= < <= > >= <>)"));
        };
        self.add(&format!("{}{operator}", text[..at].trim()), text[at + length..].trim());
        Ok(())
    }

    /// The query extension's object.
    pub(super) fn conditions(&mut self, query: &Value) -> Result<(), String> {
        let Value::Object(properties) = query else {
            return Err(format!("{query}: is no object of properties"));
        };
        for (property, tests) in properties {
            let Value::Object(tests) = tests else {
                self.add(property, &plain(tests));
                continue;
            };
            for (operator, value) in tests {
                self.test(property, operator, value)?;
            }
        }
        Ok(())
    }

    fn test(&mut self, property: &str, operator: &str, value: &Value) -> Result<(), String> {
        let text = plain(value);
        match (operator, value) {
            ("eq", _) => self.add(property, &text),
            ("neq" | "ne", _) => self.add(&format!("{property}.ne"), &text),
            ("lt" | "lte" | "gt" | "gte", _) => self.add(&format!("{property}.{operator}"), &text),
            ("in", Value::Array(members)) => {
                let members: Vec<String> = members.iter().map(plain).collect();
                self.list(&format!("{property}.in"), members.iter());
            }
            ("startsWith", _) => self.add(&format!("{property}.like"), &format!("{text}*")),
            ("endsWith", _) => self.add(&format!("{property}.like"), &format!("*{text}")),
            ("contains", _) => self.add(&format!("{property}.like"), &format!("*{text}*")),
            _ => {
                return Err(format!(
                    "the operator {operator} of {property} has no place in a path; use --filter"
                ));
            }
        }
        Ok(())
    }

    /// A filter, as text or as CQL2 JSON.
    pub(super) fn filter(&mut self, filter: &Value) -> Result<(), String> {
        let text = match filter {
            Value::String(text) => text.clone(),
            json => {
                let wrong = |error: cql2::Error| format!("the filter is no CQL2: {error}");
                let expression: cql2::Expr = serde_json::from_value(json.clone())
                    .map_err(|error| format!("the filter is no CQL2: {error}"))?;
                expression.to_text().map_err(wrong)?
            }
        };
        self.add("filter", &text);
        Ok(())
    }

    /// The segments in their canonical spelling.
    ///
    /// # Errors
    /// Why one means nothing.
    pub(super) fn segments(&self, shape: Option<&Shape>) -> Result<Vec<String>, String> {
        let canonical = |text: &String| {
            let parsed = match shape {
                Some(shape) => Segment::parse(text, shape),
                None => Segment::parse(text, &()),
            };
            parsed.map(|segment| segment.text()).map_err(|error| error.to_string())
        };
        self.segments.iter().map(canonical).collect()
    }
}

/// A value as a path component may hold it.
fn escaped(value: &str) -> String {
    value.replace('%', "%25").replace('/', "%2F")
}

/// A JSON value as the path language writes it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(members) => members.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
