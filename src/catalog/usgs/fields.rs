//! The fields that scenes of a dataset can be asked for: `dataset-filters`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::envelope::{entries, text};
use crate::catalog::Queryable;

/// The fields of one dataset.
#[derive(Debug, Default)]
pub struct Fields(Vec<Field>);

/// A field.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// What requests name it by; another one in every dataset.
    pub id: String,
    /// What people name it by: its property in items.
    pub label: String,
    /// How it may be asked for.
    pub kind: Kind,
    /// The values of a [`Kind::Select`].
    pub values: Vec<String>,
}

/// How a field may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By text.
    Text,
    /// By one of a few values.
    Select,
    /// By two ends.
    Range,
}

/// Properties that every scene has, or most, by STAC's names: name, JSON type, title.
const COMMON: [(&str, &str, &str); 8] = [
    ("datetime", "string", "Acquisition"),
    ("eo:cloud_cover", "number", "Cloud cover, percent; absent where unknown"),
    ("platform", "string", "landsat-8, …"),
    ("landsat:wrs_path", "string", "WRS path"),
    ("landsat:wrs_row", "string", "WRS row"),
    ("landsat:correction", "string", "Processing level: L2SP, L1TP, …"),
    ("landsat:collection_category", "string", "Tier: T1, T2, RT"),
    ("usgs:entity_id", "string", "Entity id"),
];

/// STAC's names of fields that M2M has by another name, with the same values.
const SAME: [(&str, &str); 3] = [
    ("landsat:wrs_path", PATH),
    ("landsat:wrs_row", ROW),
    ("landsat:collection_category", "Collection Category"),
];

/// The label of the WRS path.
pub const PATH: &str = "WRS Path";
/// The label of the WRS row.
pub const ROW: &str = "WRS Row";

impl Fields {
    /// The fields that the answer to `dataset-filters` names.
    pub fn of(data: &Value) -> Fields {
        Fields(data.as_array().into_iter().flatten().filter_map(Field::of).collect())
    }

    /// The field that holds a property.
    pub fn named(&self, property: &str) -> Option<&Field> {
        let label = SAME.iter().find(|(stac, _)| *stac == property).map_or(property, |(_, label)| label);
        self.0.iter().find(|field| field.label == label)
    }

    /// What a path may ask for: STAC's names, then M2M's own.
    pub fn queryables(&self) -> BTreeMap<String, Queryable> {
        let common = COMMON.iter().map(|(name, kind, title)| {
            let schema = json!({"type": kind, "title": title});
            let queryable = Queryable { kind: Some((*kind).into()), title: Some((*title).into()), schema };
            ((*name).to_owned(), queryable)
        });
        common.chain(self.0.iter().map(|field| (field.label.clone(), field.queryable()))).collect()
    }
}

impl Field {
    fn of(row: &Value) -> Option<Field> {
        let kind = match row.get("fieldConfig")?.get("type")?.as_str()? {
            "Range" => Kind::Range,
            "Select" => Kind::Select,
            _ => Kind::Text,
        };
        let values = row.get("valueList").map(entries).into_iter().flatten();
        let values = values.map(|(key, _)| key.clone()).filter(|key| !key.is_empty()).collect();
        Some(Field { id: text(row, "id")?, label: text(row, "fieldLabel")?.trim().to_owned(), kind, values })
    }

    fn queryable(&self) -> Queryable {
        let kind = (self.kind == Kind::Range).then(|| "number".to_owned());
        let mut schema = Map::from_iter([("title".to_owned(), json!(self.label))]);
        schema.extend(kind.iter().map(|kind| ("type".to_owned(), json!(kind))));
        if !self.values.is_empty() {
            schema.insert("enum".to_owned(), json!(self.values));
        }
        Queryable { kind, title: Some(self.label.clone()), schema: Value::Object(schema) }
    }

    /// A filter for one value; `None` where the server does not know it.
    pub fn equal(&self, value: &str) -> Option<Value> {
        let value = value.trim();
        match self.kind {
            Kind::Range => self.between(value, value),
            Kind::Select => {
                let known = self.values.iter().find(|known| known.eq_ignore_ascii_case(value))?;
                Some(json!({"filterType": "value", "filterId": self.id, "value": known, "operand": "="}))
            }
            Kind::Text => {
                Some(json!({"filterType": "value", "filterId": self.id, "value": value, "operand": "="}))
            }
        }
        .filter(|_| !value.is_empty())
    }

    /// A filter for what lies between two numbers, both included.
    pub fn between(&self, first: &str, last: &str) -> Option<Value> {
        let number = |text: &str| text.trim().parse::<f64>().is_ok_and(f64::is_finite);
        (self.kind == Kind::Range && number(first) && number(last)).then(|| {
            json!({"filterType": "between", "filterId": self.id, "firstValue": first.trim(), "secondValue": last.trim()})
        })
    }

    /// A filter for text that holds `part`.
    pub fn holding(&self, part: &str) -> Option<Value> {
        (self.kind == Kind::Text && !part.is_empty()).then(|| {
            json!({"filterType": "value", "filterId": self.id, "value": format!("%{part}%"), "operand": "like"})
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields::of(&json!([
            {"id": "5e7c41828d69edad", "fieldLabel": "Entity ID", "searchSql": "ENTITY_ID = ?", "legacyFieldId": 21366,
             "fieldConfig": {"type": "Text", "filters": [], "numElements": "5"}},
            {"id": "5e7c41828d69edae", "fieldLabel": "WRS Path ", "fieldConfig": {"type": "Range"}},
            {"id": 7, "fieldLabel": "Day/Night Indicator", "fieldConfig": {"type": "Select"},
             "valueList": {"": "All", "DAY": "Day", "NIGHT": "Night"}},
            {"fieldLabel": "no id", "fieldConfig": {"type": "Text"}},
            null,
        ]))
    }

    #[test]
    fn fields_are_found_by_both_names() {
        let fields = fields();
        assert_eq!(fields.named("WRS Path"), fields.named("landsat:wrs_path"));
        assert_eq!(fields.named("WRS Path").map(|f| f.kind), Some(Kind::Range));
        assert!(fields.named("no id").is_none());
        let queryables = fields.queryables();
        assert_eq!(queryables["Day/Night Indicator"].schema["enum"], json!(["DAY", "NIGHT"]));
        assert!(queryables.contains_key("eo:cloud_cover"));
    }

    #[test]
    fn filters_say_what_the_server_can_be_asked() {
        let fields = fields();
        let path = fields.named("WRS Path").unwrap();
        assert_eq!(path.equal("197").unwrap()["firstValue"], "197");
        assert!(path.equal("x").is_none() && path.holding("x").is_none());
        let night = fields.named("Day/Night Indicator").unwrap();
        assert_eq!(night.equal("night").unwrap()["value"], "NIGHT");
        assert!(night.equal("dusk").is_none());
        let entity = fields.named("Entity ID").unwrap();
        assert_eq!(entity.holding("LC8").unwrap()["value"], "%LC8%");
        assert!(entity.between("1", "2").is_none());
    }
}
