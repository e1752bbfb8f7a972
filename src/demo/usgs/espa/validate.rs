//! The rules that an order must keep, with the words for those that do not.

use serde_json::{Map, Value, json};

use super::projections::{
    Domain, FORMATS, MOST_INPUTS, PIXEL_DEGREES, PIXEL_METRES, PROJECTIONS, Projection, RESAMPLING,
};
use super::python::{list, repr};
use super::region;
use super::sensors::{Personality, Sensor, available, sensor_of, sensors};

/// Why an order is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The rules that it breaks, in words.
    Invalid(Vec<String>),
    /// The server fails over it.
    Crash,
}

/// The keys of an order that are no sensors.
const OWN_KEYS: [&str; 7] =
    ["projection", "image_extents", "format", "resize", "resampling_method", "plot_statistics", "note"];

/// All keys and texts in lower case, except the note.
pub fn lowered(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let lower = |(key, value): (String, Value)| {
                let key = key.to_lowercase();
                let value = if key == "note" { value } else { lowered(value) };
                (key, value)
            };
            Value::Object(members.into_iter().map(lower).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(lowered).collect()),
        Value::String(text) => Value::String(text.to_lowercase()),
        other => other,
    }
}

/// Checks an order, lowered, and brings it into the shape that is kept: Landsat ids in capitals, `stats` added
/// where plots are wanted.
pub fn checked(personality: Personality, mut order: Value) -> Result<Value, Refusal> {
    let Value::Object(members) = &mut order else {
        return Err(Refusal::Invalid(vec![format!("{} is not of type 'object'", repr(&order))]));
    };
    let known: Vec<&Sensor> =
        sensors(personality).filter(|sensor| members.contains_key(sensor.key)).collect();
    if known.iter().any(|sensor| first_input_is_nobodys(personality, &members[sensor.key])) {
        return Err(Refusal::Crash);
    }
    let mut words = Words::default();
    for key in members.keys() {
        if !OWN_KEYS.contains(&key.as_str()) && !known.iter().any(|sensor| sensor.key == key) {
            words.say(format!("Additional properties are not allowed ('{key}' was unexpected)"));
        }
    }
    if known.is_empty() {
        words.say("No requests for products were submitted".into());
    }
    for sensor in &known {
        sensor_rules(personality, sensor, members, &mut words);
    }
    let total: usize =
        known.iter().filter_map(|sensor| members[sensor.key]["inputs"].as_array()).map(Vec::len).sum();
    if total > MOST_INPUTS {
        words.say(format!("Order exceeds maximum allowable inputs of {MOST_INPUTS}"));
    }
    word_rule(members, "format", &FORMATS, &mut words);
    if !members.contains_key("format") {
        words.say("Required field \"format\" is missing".into());
    }
    word_rule(members, "resampling_method", &RESAMPLING, &mut words);
    if members.get("plot_statistics").is_some_and(|value| !value.is_boolean()) {
        words.say(format!(
            "{} is not of type 'boolean' in plot_statistics",
            repr(&members["plot_statistics"])
        ));
    }
    if members.get("note").is_some_and(|value| !value.is_string()) {
        words.say(format!("{} is not of type 'string' in note", repr(&members["note"])));
    }
    projection_rules(members, &mut words);
    resize_rules(members, &mut words);
    region::rules(members, !known.is_empty(), &mut |text| words.say(text));
    if words.0.is_empty() {
        customisation_rule(members, &known, &mut words);
    }
    if !words.0.is_empty() {
        return Err(Refusal::Invalid(words.0));
    }
    tidy(members, &known);
    Ok(order)
}

#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn say(&mut self, text: String) {
        if !self.0.contains(&text) {
            self.0.push(text);
        }
    }
}

/// Whether the first id belongs to no sensor at all, over which the real server fails.
fn first_input_is_nobodys(personality: Personality, request: &Value) -> bool {
    let first = request["inputs"].get(0).and_then(Value::as_str);
    first.is_some_and(|first| sensor_of(personality, first).is_none())
}

fn sensor_rules(personality: Personality, sensor: &Sensor, order: &Map<String, Value>, words: &mut Words) {
    let key = sensor.key;
    let request = &order[key];
    if !request.is_object() {
        return words.say(format!("{} is not of type 'object' in {key}", repr(request)));
    }
    for member in request.as_object().into_iter().flat_map(Map::keys) {
        if member != "inputs" && member != "products" {
            words.say(format!("Additional properties are not allowed ('{member}' was unexpected)"));
        }
    }
    let inputs = texts(request, key, "inputs", words);
    let products = texts(request, key, "products", words);
    let (Some(inputs), Some(products)) = (inputs, products) else { return };
    if inputs.len() > MOST_INPUTS {
        words.say(format!("Single sensor input count exceeds maximum of {MOST_INPUTS} in {key}.inputs"));
    }
    for id in inputs.iter().filter(|id| !sensor.takes(id)) {
        words.say(format!("Unrecognized ID \"{id}\" does not match {} in {key}.inputs", sensor.pattern()));
    }
    product_rules(personality, sensor, &inputs, &products, words);
    let plots = order.get("plot_statistics") == Some(&Value::Bool(true));
    if plots && sensor.is_landsat() && !products.iter().any(|product| PLOTTABLE.contains(&product.as_str())) {
        words.say(format!("You must request valid products for statistics: {}", list(PLOTTABLE)));
    }
}

const PLOTTABLE: &[&str] = &[
    "sr", "toa", "bt", "aq_refl", "et", "sr_ndvi", "sr_evi", "sr_savi", "sr_msavi", "sr_ndmi", "sr_nbr",
    "sr_nbr2", "sr_ndsi",
];

/// A list of texts that must be there, not be empty and hold nothing twice.
fn texts(request: &Value, key: &str, member: &str, words: &mut Words) -> Option<Vec<String>> {
    let Some(value) = request.get(member) else {
        words.say(format!("Required field \"{key}.{member}\" is missing"));
        return None;
    };
    let items: Option<Vec<String>> = value
        .as_array()
        .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
    let Some(items) = items else {
        words.say(format!("{} is not of type 'array' of strings in {key}.{member}", repr(value)));
        return None;
    };
    if items.is_empty() {
        words.say(format!("{key}.{member} requires at least 1 item(s)"));
        return None;
    }
    let mut sorted = items.clone();
    sorted.sort();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        words.say(format!("{key}.{member} has non-unique elements"));
    }
    Some(items)
}

fn product_rules(
    personality: Personality,
    sensor: &Sensor,
    inputs: &[String],
    products: &[String],
    words: &mut Words,
) {
    let key = sensor.key;
    let answer = available(personality, inputs, &[]);
    let unknown: Vec<String> = strings(&answer["not_implemented"]);
    if !unknown.is_empty() {
        words.say(format!("Requested IDs are not recognized. Remove: {}", list(&unknown)));
    }
    for product in products {
        let culprits = strings(&answer["date_restricted"][product]);
        if !culprits.is_empty() {
            let ids: Vec<String> = culprits.iter().map(|id| id.to_uppercase()).collect();
            words.say(format!(
                "Requested {product} products are restricted by date. Remove {key} scenes: {}",
                list(&ids)
            ));
        } else if !sensor.products.contains(&product.as_str()) {
            let offered = list(sensor.products);
            words.say(format!(
                "Remove invalid product request '{product}' in {key}.products - Available products: {offered}"
            ));
        }
    }
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn word_rule(order: &Map<String, Value>, key: &str, allowed: &[(&str, &str)], words: &mut Words) {
    let Some(value) = order.get(key) else { return };
    let codes: Vec<&str> = allowed.iter().map(|(code, _)| *code).collect();
    if !value.as_str().is_some_and(|code| codes.contains(&code)) {
        words.say(format!("Unrecognized value {} in {key} - Allowed values: {}", repr(value), list(&codes)));
    }
}

/// The projection that an order names, with its parameters; `None` where it names none that is known.
pub fn projection(order: &Map<String, Value>) -> Option<(&'static Projection, &Value)> {
    let members = order.get("projection")?.as_object()?;
    PROJECTIONS.iter().find_map(|known| members.get(known.key).map(|parameters| (known, parameters)))
}

/// An empty object and unknown names pass here, as they do at the real server.
fn projection_rules(order: &Map<String, Value>, words: &mut Words) {
    let Some(value) = order.get("projection") else { return };
    let Some(members) = value.as_object() else {
        return words.say(format!("{} is not of type 'object' in projection", repr(value)));
    };
    if members.len() > 1 {
        return words.say(format!("projection field only accepts one object, not {}", members.len()));
    }
    let Some((known, parameters)) = projection(order) else { return };
    let path = format!("projection.{}", known.key);
    if known.parameters.is_empty() {
        if !parameters.is_null() {
            words.say(format!("{} is not of type 'null' in {path}", repr(parameters)));
        }
        return;
    }
    let Some(given) = parameters.as_object() else {
        return words.say(format!("{} is not of type 'object' in {path}", repr(parameters)));
    };
    for name in given.keys().filter(|name| !known.parameters.iter().any(|(known, ..)| known == name)) {
        words.say(format!("Additional properties are not allowed ('{name}' was unexpected)"));
    }
    for (name, _, domain) in known.parameters {
        match given.get(*name) {
            None => words.say(format!("Required field \"{path}.{name}\" is missing")),
            Some(value) => {
                if let Err(text) = in_domain(domain, value, &format!("{path}.{name}")) {
                    words.say(text);
                }
            }
        }
    }
}

fn in_domain(domain: &Domain, value: &Value, path: &str) -> Result<(), String> {
    let number =
        || value.as_f64().ok_or_else(|| format!("{} is not of type 'number' in {path}", repr(value)));
    let within = |low: f64, high: f64, number: f64| {
        let beyond = if number < low { ("less", "minimum", low) } else { ("greater", "maximum", high) };
        let (how, which, limit) = beyond;
        let fits = (low..=high).contains(&number);
        fits.then_some(())
            .ok_or_else(|| format!("{} is {how} than the {which} of {limit} in {path}", repr(value)))
    };
    match *domain {
        Domain::Free => number().map(drop),
        Domain::Range(low, high) => within(low, high, number()?),
        Domain::Whole(low, high) => {
            let whole = value
                .as_i64()
                .ok_or_else(|| format!("{} is not of type 'integer' in {path}", repr(value)))?;
            within(low as f64, high as f64, whole as f64)
        }
        Domain::Absolute(low, high) => {
            let fits = (low as f64..=high as f64).contains(&number()?.abs());
            let words = || format!("Absolute value of {path} must fall between {low} and {high}");
            fits.then_some(()).ok_or_else(words)
        }
        Domain::Word(allowed) => {
            let fits = value.as_str().is_some_and(|word| allowed.contains(&word));
            let words = || {
                format!("Unrecognized value {} in {path} - Allowed values: {}", repr(value), list(allowed))
            };
            fits.then_some(()).ok_or_else(words)
        }
    }
}

fn resize_rules(order: &Map<String, Value>, words: &mut Words) {
    let Some(resize) = order.get("resize") else { return };
    for member in ["pixel_size", "pixel_size_units"] {
        if resize.get(member).is_none() {
            words.say(format!("Required field \"resize.{member}\" is missing"));
        }
    }
    let (Some(size), Some(units)) = (resize.get("pixel_size"), resize.get("pixel_size_units")) else {
        return;
    };
    let Some(number) = size.as_f64() else {
        return words.say(format!("{} is not of type 'number' in resize.pixel_size", repr(size)));
    };
    let (range, shown, name) = match units.as_str() {
        Some("meters") => (PIXEL_METRES, "30 and 5000", "Meters"),
        Some("dd") => (PIXEL_DEGREES, "0.0002695 and 0.0449155", "Decimal Degrees"),
        _ => {
            let allowed = list(&["dd", "meters"]);
            let units = repr(units);
            return words.say(format!(
                "Unrecognized value {units} in resize.pixel_size_units - Allowed values: {allowed}"
            ));
        }
    };
    if !(range[0]..=range[1]).contains(&number) {
        words.say(format!("Value of {} for resize.pixel_size must fall between {shown} {name}", repr(size)));
    }
    if let Some((projection, _)) = projection(order) {
        let wanted = if projection.parameters.is_empty() { "dd" } else { "meters" };
        if units != wanted {
            words.say(format!("resize units must be in \"{wanted}\" for projection \"{}\"", projection.key));
        }
    }
}

/// Level 1 as it is can be had elsewhere.
fn customisation_rule(order: &Map<String, Value>, known: &[&Sensor], words: &mut Words) {
    let customised = ["resize", "projection", "image_extents"].iter().any(|key| order.contains_key(*key))
        || order.get("format").and_then(Value::as_str) != Some("gtiff");
    let plain = |sensor: &&Sensor| {
        let products = strings(&order[sensor.key]["products"]);
        products.iter().all(|product| product == "l1" || product == "source_metadata")
    };
    if !customised && known.iter().any(plain) {
        words.say(
            "order includes non-customized products, please contact User Services for other available options".into(),
        );
    }
}

fn tidy(order: &mut Map<String, Value>, known: &[&Sensor]) {
    let plots = order.get("plot_statistics") == Some(&Value::Bool(true));
    for sensor in known {
        let Some(request) = order.get_mut(sensor.key) else { continue };
        if sensor.is_landsat() {
            let ids: Vec<String> = strings(&request["inputs"]).iter().map(|id| id.to_uppercase()).collect();
            request["inputs"] = json!(ids);
        }
        if plots
            && let Some(products) = request["products"].as_array_mut()
            && !products.contains(&json!("stats"))
        {
            products.push(json!("stats"));
        }
    }
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
