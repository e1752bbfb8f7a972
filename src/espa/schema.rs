//! The server's own schema of orders, which an order is held against before it is placed: so a dry run, too, tells
//! what the server would refuse.
//!
//! It is JSON Schema of draft 3 with keywords of ESPA's own. What drafts 3 and 4 share is checked here, the rest by
//! the server alone.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use crate::item::text;

/// So many faults are told: 5,000 ids may have the same one.
const TOLD: usize = 5;

/// What is wrong with an order; nothing where the schema is none.
pub(super) fn faults(schema: &Value, order: &Map<String, Value>) -> Vec<String> {
    let Ok(validator) = jsonschema::draft4::new(&draft_4(schema)) else { return Vec::new() };
    let order = Value::Object(order.iter().map(|(key, value)| (key.clone(), as_read(key, value))).collect());
    validator.iter_errors(&order).take(TOLD).map(|error| told(&error)).collect()
}

/// The schema with `required` where draft 4 wants it: a list beside the properties, not a word in each.
fn draft_4(schema: &Value) -> Value {
    match schema {
        Value::Array(members) => members.iter().map(draft_4).collect(),
        Value::Object(members) => {
            let kept = |(key, value): &(&String, &Value)| {
                *key != "$schema" && !(*key == "required" && value.is_boolean())
            };
            let mut new: Map<String, Value> =
                members.iter().filter(kept).map(|(key, value)| (key.clone(), draft_4(value))).collect();
            let properties = members.get("properties").and_then(Value::as_object).into_iter().flatten();
            let required: Vec<Value> = properties
                .filter(|(_, rule)| rule.get("required") == Some(&Value::Bool(true)))
                .map(|(name, _)| name.as_str().into())
                .collect();
            if !required.is_empty() {
                new.insert("required".to_owned(), required.into());
            }
            Value::Object(new)
        }
        other => other.clone(),
    }
}

/// A member of an order as the server reads it: all but the note in small letters.
fn as_read(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if key != "note" => text.to_lowercase().into(),
        Value::Array(members) => members.iter().map(|member| as_read(key, member)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), as_read(key, value))).collect())
        }
        other => other.clone(),
    }
}

fn told(error: &ValidationError<'_>) -> String {
    let place = error.instance_path.as_str().trim_start_matches('/').replace('/', ".");
    let words = match &error.kind {
        // All of them, where the crate stops at three.
        ValidationErrorKind::Enum { options } => {
            let words: Vec<String> = options.as_array().into_iter().flatten().filter_map(text).collect();
            format!("{} is none of {}", error.instance, words.join(", "))
        }
        _ => error.to_string(),
    };
    if place.is_empty() { words } else { format!("{place}: {words}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults_of(order: &Value) -> Vec<String> {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-03/schema#", "type": "object", "additionalProperties": false,
            "dependencies": {"image_extents": ["projection"]}, "oneormoreobjects": ["tm5"],
            "properties": {
                "tm5": {"type": "object", "properties": {
                    "inputs": {"type": "array", "required": true, "items": {"type": "string", "pattern": "^lt05_"}},
                    "products": {"type": "array", "required": true, "uniqueItems": true}}},
                "format": {"type": "string", "required": true, "enum": ["gtiff", "envi", "hdf-eos2", "netcdf"]},
                "projection": {"type": "object", "properties": {"lonlat": {"type": "null", "pixel_units": "dd"}}},
                "image_extents": {"type": "object"},
                "note": {"type": "string", "required": false, "blank": true},
            },
        });
        faults(&schema, order.as_object().unwrap())
    }

    #[test]
    fn what_the_server_would_refuse_is_told() {
        let well = json!({"tm5": {"inputs": ["LT05_A"], "products": ["sr"]}, "format": "GTiff", "note": "Ä",
                          "projection": {"lonlat": null}, "image_extents": {}});
        assert_eq!(faults_of(&well), Vec::<String>::new());
        for (key, value, told) in [
            ("format", json!("jpeg"), "format: \"jpeg\" is none of gtiff, envi, hdf-eos2, netcdf"),
            ("tm5", json!({"inputs": ["LC08_A"], "products": []}), "tm5.inputs.0: \"lc08_a\" does not match"),
            ("tm5", json!({"inputs": []}), "tm5: \"products\" is a required property"),
            ("foo", json!(1), "('foo' was unexpected)"),
            ("projection", json!({"lonlat": {}}), "projection.lonlat: {} is not of type \"null\""),
        ] {
            let mut order = well.clone();
            order[key] = value;
            let faults = faults_of(&order);
            assert!(faults.len() == 1 && faults[0].contains(told), "{faults:?}");
        }
        assert_eq!(
            faults_of(&json!({"image_extents": {}})).len(),
            2,
            "a format and a projection are missing"
        );
    }

    #[test]
    fn what_is_no_schema_refuses_nothing() {
        for schema in [json!({"type": "any thing"}), json!([]), json!({"$ref": "https://elsewhere.example/"})]
        {
            assert_eq!(faults(&schema, &Map::new()), Vec::<String>::new());
        }
    }
}
