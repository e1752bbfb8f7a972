//! The aggregation extension: counts of what a search finds.

use super::index::{Index, Ref, first_time};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Names that can be asked for.
const NAMES: [&str; 9] = [
    "total_count",
    "datetime_min",
    "datetime_max",
    "datetime_frequency",
    "collection_frequency",
    "platform_frequency",
    "cloud_cover_frequency",
    "sun_elevation_frequency",
    "off_nadir_frequency",
];

/// The document of `/aggregations`, without links.
pub(super) fn names() -> Vec<Value> {
    NAMES.iter().map(|name| json!({"name": name, "data_type": data_type(name)})).collect()
}

fn data_type(name: &str) -> &'static str {
    match name {
        "total_count" => "integer",
        "datetime_min" | "datetime_max" => "datetime",
        "datetime_frequency" => "frequency_distribution",
        "collection_frequency" | "platform_frequency" => "string",
        _ => "numeric",
    }
}

/// The aggregations called `names` (comma-separated) of the `found` items. Errors in words for the client.
pub(super) fn aggregate(names: &str, found: &[Ref], index: &Index) -> Result<Vec<Value>, String> {
    let names = names.split(',').filter(|name| !name.is_empty());
    names
        .map(|name| {
            if !NAMES.contains(&name) {
                return Err(format!("there is no aggregation {name:?}"));
            }
            Ok(one(name, found, index))
        })
        .collect()
}

fn one(name: &str, found: &[Ref], index: &Index) -> Value {
    let times = || found.iter().filter_map(|&at| first_time(index.summary(at)));
    let value = |value: Value| json!({"name": name, "data_type": data_type(name), "value": value});
    match name {
        "total_count" => value(json!(found.len())),
        "datetime_min" => value(json!(times().min().map(|time| time.to_string()))),
        "datetime_max" => value(json!(times().max().map(|time| time.to_string()))),
        "datetime_frequency" => by_month(name, times()),
        "collection_frequency" => by_text(name, found.iter().map(|at| index.shelves[at.shelf].id.clone())),
        "platform_frequency" => {
            let platform = |&at: &Ref| index.detail(at).properties["platform"].as_str().map(str::to_owned);
            by_text(name, found.iter().filter_map(platform))
        }
        other => {
            let (property, width) = match other {
                "cloud_cover_frequency" => ("eo:cloud_cover", 5.),
                "sun_elevation_frequency" => ("view:sun_elevation", 15.),
                _ => ("view:off_nadir", 5.),
            };
            by_number(
                name,
                width,
                found.iter().filter_map(|&at| index.detail(at).properties[property].as_f64()),
            )
        }
    }
}

fn distribution(name: &str, buckets: Vec<Value>) -> Value {
    json!({"name": name, "data_type": "frequency_distribution", "overflow": 0, "buckets": buckets})
}

fn by_text(name: &str, texts: impl Iterator<Item = String>) -> Value {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    let bucket = |(key, count): (String, u64)| json!({"key": key, "data_type": "string", "frequency": count});
    distribution(name, counts.into_iter().map(bucket).collect())
}

fn by_month(name: &str, times: impl Iterator<Item = Timestamp>) -> Value {
    let mut counts: BTreeMap<Timestamp, u64> = BTreeMap::new();
    for time in times {
        let month = time.to_zoned(TimeZone::UTC).first_of_month().and_then(|first| first.start_of_day());
        if let Ok(month) = month {
            *counts.entry(month.timestamp()).or_default() += 1;
        }
    }
    let bucket = |(month, count): (Timestamp, u64)| json!({"key": month.to_string(), "data_type": "datetime", "frequency": count});
    distribution(name, counts.into_iter().map(bucket).collect())
}

fn by_number(name: &str, width: f64, numbers: impl Iterator<Item = f64>) -> Value {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    numbers.for_each(|number| *counts.entry((number / width).floor() as i64).or_default() += 1);
    let bucket = |(place, count): (i64, u64)| {
        let from = place as f64 * width;
        json!({"key": from.to_string(), "data_type": "numeric", "frequency": count, "from": from, "to": from + width})
    };
    distribution(name, counts.into_iter().map(bucket).collect())
}
