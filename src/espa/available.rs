//! What can be made of which scenes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Error;

/// The answer of `available-products`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Available {
    /// The sensors that took the scenes, in the server's order.
    pub sensors: Vec<Sensor>,
    /// Scenes that ESPA does not process.
    pub unknown: Vec<String>,
    /// Scenes by the product that their date rules out.
    pub restricted_by_date: BTreeMap<String, Vec<String>>,
    /// Scenes by the sensor that cannot be ordered at present.
    pub restricted_sensors: BTreeMap<String, Vec<String>>,
    /// The answer itself.
    pub raw: Value,
}

/// The scenes of one sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    /// Its key in an order, e.g. `olitirs8_collection_2_l2`.
    pub key: String,
    /// What can be made of all of its scenes.
    pub products: Vec<String>,
    /// The scenes, as they were written in the question.
    pub scenes: Vec<String>,
}

impl Available {
    /// Understands the server's map of sensors.
    ///
    /// # Errors
    /// Where it is no such map.
    pub fn from_value(raw: Value) -> Result<Available, Error> {
        let Value::Object(members) = &raw else {
            let what = "available-products".to_owned();
            return Err(Error::Malformed { what, why: "no JSON object".to_owned() });
        };
        let mut available = Available::default();
        for (key, value) in members {
            match key.as_str() {
                "not_implemented" => available.unknown = strings(value),
                "date_restricted" => available.restricted_by_date = lists(value),
                "ordering_restricted" => available.restricted_sensors = lists(value),
                // Any other key is a sensor: new ones come without notice.
                _ => available.sensors.extend(value.get("inputs").map(|scenes| Sensor {
                    key: key.clone(),
                    products: value.get("products").map(strings).unwrap_or_default(),
                    scenes: strings(scenes),
                })),
            }
        }
        available.raw = raw;
        Ok(available)
    }
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(crate::item::text).collect()
}

fn lists(value: &Value) -> BTreeMap<String, Vec<String>> {
    let none = Map::new();
    let members = value.as_object().unwrap_or(&none);
    members.iter().map(|(key, list)| (key.clone(), strings(list))).collect()
}
