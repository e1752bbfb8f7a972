//! The fields extension, in the three ways in which servers understand it.

use super::quirks::FieldsRule;
use serde_json::{Map, Value};

/// What comes when nothing is asked for.
const DEFAULT: [&str; 8] =
    ["id", "type", "stac_version", "geometry", "bbox", "links", "assets", "properties.datetime"];

/// The fields that a search wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    include: Vec<String>,
    exclude: Vec<String>,
}

impl Fields {
    /// Reads `{"include": [...], "exclude": [...]}`. Errors in words for the client.
    pub fn parse(json: &Value) -> Result<Fields, String> {
        let object = json.as_object().ok_or("fields is not an object")?;
        let list = |name: &str| -> Result<Vec<String>, String> {
            match object.get(name) {
                None | Some(Value::Null) => Ok(Vec::new()),
                Some(Value::Array(list)) => list
                    .iter()
                    .map(|one| {
                        one.as_str().map(str::to_owned).ok_or_else(|| format!("fields: {one} is no name"))
                    })
                    .collect(),
                Some(_) => Err(format!("fields: {name} is not an array")),
            }
        };
        Ok(Fields { include: list("include")?, exclude: list("exclude")? })
    }

    /// Takes from `item` what is not wanted.
    pub fn apply(&self, mut item: Value, rule: FieldsRule) -> Value {
        let default = || DEFAULT.map(str::to_owned).to_vec();
        let kept: Option<Vec<String>> = match (rule, self.include.is_empty(), self.exclude.is_empty()) {
            (FieldsRule::Ignored, _, _) => return item,
            (FieldsRule::Specification, _, _) => Some([default(), self.include.clone()].concat()),
            (FieldsRule::StacServer, true, _) => Some(default()),
            (FieldsRule::StacServer, false, _) => Some(self.include.clone()),
            (FieldsRule::Pgstac, true, _) => None,
            (FieldsRule::Pgstac, false, _) => {
                Some([vec!["id".into(), "collection".into()], self.include.clone()].concat())
            }
        };
        if let Some(kept) = kept {
            let mut chosen = Value::Object(Map::new());
            kept.iter().for_each(|path| copy(&item, path, &mut chosen));
            item = chosen;
        }
        self.exclude.iter().for_each(|path| remove(&mut item, path));
        item
    }
}

/// The name at the start of `path` that `object` has, and the rest: property names may hold dots themselves.
fn step<'a>(object: &Map<String, Value>, path: &'a str) -> Option<(&'a str, Option<&'a str>)> {
    if object.contains_key(path) {
        return Some((path, None));
    }
    let dots = path.match_indices('.').map(|(at, _)| at);
    dots.map(|at| (&path[..at], Some(&path[at + 1..]))).find(|(name, _)| object.contains_key(*name))
}

fn copy(from: &Value, path: &str, to: &mut Value) {
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return };
    let Some((name, rest)) = step(from, path) else { return };
    match rest {
        None => drop(to.insert(name.to_owned(), from[name].clone())),
        Some(rest) if from[name].is_object() => {
            let inner = to.entry(name).or_insert_with(|| Value::Object(Map::new()));
            copy(&from[name], rest, inner);
        }
        Some(_) => {}
    }
}

fn remove(from: &mut Value, path: &str) {
    let Value::Object(object) = from else { return };
    match step(object, path) {
        Some((name, None)) => drop(object.remove(name)),
        Some((name, Some(rest))) => {
            if let Some(inner) = object.get_mut(name) {
                remove(inner, rest);
            }
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn apply(fields: Value, rule: FieldsRule) -> Value {
        let item = json!({
            "id": "a", "type": "Feature", "collection": "c", "geometry": null, "links": [],
            "assets": {"red": {"href": "x", "MTL.json": 1}},
            "properties": {"datetime": "d", "eo:cloud_cover": 1, "gsd": 2}
        });
        Fields::parse(&fields).unwrap().apply(item, rule)
    }

    #[test]
    fn specification() {
        let rule = FieldsRule::Specification;
        let default = json!({
            "id": "a", "type": "Feature", "geometry": null, "links": [],
            "assets": {"red": {"href": "x", "MTL.json": 1}}, "properties": {"datetime": "d"}
        });
        assert_eq!(apply(json!({}), rule), default);
        let more = apply(json!({"include": ["properties.gsd", "collection", "nothing"]}), rule);
        assert_eq!(more["properties"], json!({"datetime": "d", "gsd": 2}));
        assert_eq!(more["collection"], "c");
        let less = apply(json!({"exclude": ["assets", "links", "properties.datetime"]}), rule);
        assert_eq!(less, json!({"id": "a", "type": "Feature", "geometry": null, "properties": {}}));
    }

    #[test]
    fn stac_server() {
        let rule = FieldsRule::StacServer;
        let exactly = apply(json!({"include": ["id", "assets.red.MTL.json"]}), rule);
        assert_eq!(exactly, json!({"id": "a", "assets": {"red": {"MTL.json": 1}}}));
        let less = apply(json!({"exclude": ["geometry", "assets"]}), rule);
        assert_eq!(less, json!({"id": "a", "type": "Feature", "links": [], "properties": {"datetime": "d"}}));
    }

    #[test]
    fn pgstac() {
        let rule = FieldsRule::Pgstac;
        let named = apply(json!({"include": ["properties.gsd"]}), rule);
        assert_eq!(named, json!({"id": "a", "collection": "c", "properties": {"gsd": 2}}));
        let less = apply(json!({"exclude": ["assets"]}), rule);
        assert_eq!(less["properties"].as_object().unwrap().len(), 3);
        assert_eq!(less.get("assets"), None);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Fields::parse(&json!([])).is_err());
        assert!(Fields::parse(&json!({"include": "id"})).is_err());
        assert!(Fields::parse(&json!({"include": [1]})).is_err());
    }
}
