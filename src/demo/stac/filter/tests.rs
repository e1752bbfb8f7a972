//! Filters held against one item.

use super::*;
use proptest::{prelude::*, sample::select};
use serde_json::json;

fn item() -> (Summary, Detail) {
    let item = json!({
        "id": "TC_01_COLOR",
        "bbox": [0, 0, 1, 1],
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]},
        "properties": {
            "datetime": "2020-06-07T10:00:00Z", "eo:cloud_cover": 12.5, "platform": "landsat-8",
            "gone": null, "ssys:targets": ["Moon"], "flag": true, "gsd": 10
        }
    });
    let detail = Detail { properties: item["properties"].clone(), geometry: shape::item_geometry(&item) };
    (Summary::of(&item), detail)
}

#[track_caller]
fn text(filter: &str) -> bool {
    let (summary, detail) = item();
    let record = Record { summary: &summary, collection: "moon", detail: &detail };
    Filter::from_text(filter).unwrap_or_else(|error| panic!("{filter}: {error}")).holds(&record)
}

#[track_caller]
fn json(filter: Value) -> bool {
    let (summary, detail) = item();
    let record = Record { summary: &summary, collection: "moon", detail: &detail };
    Filter::from_json(&filter).unwrap_or_else(|error| panic!("{filter}: {error}")).holds(&record)
}

#[test]
fn true_filters() {
    for filter in [
        "eo:cloud_cover < 20",
        "properties.eo:cloud_cover <= 12.5",
        "\"eo:cloud_cover\" BETWEEN 10 AND 15",
        "platform = 'landsat-8' AND collection = 'moon'",
        "platform IN ('landsat-7', 'landsat-8')",
        "platform NOT IN ('landsat-7')",
        "id LIKE '%COLOR'",
        "id LIKE 'TC___\\_COLOR'",
        "CASEI(platform) = CASEI('LANDSAT-8')",
        "CASEI(id) LIKE CASEI('tc%')",
        "gone IS NULL",
        "nothing IS NULL",
        "gsd IS NOT NULL",
        "NOT platform = 'x'",
        "nothing = 1 OR gsd = 10",
        "gsd * 2 = 20",
        "datetime >= TIMESTAMP('2020-06-07T10:00:00Z')",
        "datetime = '2020-06-07T12:00:00+02:00'",
        "datetime > DATE('2020-06-07')",
        "T_DURING(datetime, INTERVAL('2020-06-01T00:00:00Z', '2020-07-01T00:00:00Z'))",
        "T_INTERSECTS(datetime, INTERVAL('2020-06-07', '..'))",
        "T_AFTER(datetime, TIMESTAMP('2019-01-01T00:00:00Z'))",
        "S_INTERSECTS(geometry, POLYGON((0.5 0.5, 2 0.5, 2 2, 0.5 2, 0.5 0.5)))",
        "S_WITHIN(geometry, POLYGON((-1 -1, 2 -1, 2 2, -1 2, -1 -1)))",
        "S_DISJOINT(geometry, POINT(5 5))",
        "S_INTERSECTS(geometry, BBOX(0.9, 0.9, 2, 2))",
        "flag = true",
        "flag",
    ] {
        assert!(text(filter), "{filter}");
    }
}

#[test]
fn filters_that_are_false_or_null() {
    for filter in [
        "eo:cloud_cover > 20",
        "nothing < 20",
        "NOT nothing < 20",
        "gone = 1",
        "nothing <> 1",
        "nothing = 1 AND gsd = 10",
        "platform < 10",
        "nothing LIKE '%'",
        "nothing IN (1, 2)",
        "ssys:targets = 'Moon'",
        "S_INTERSECTS(geometry, POINT(5 5))",
        "T_BEFORE(datetime, TIMESTAMP('2019-01-01T00:00:00Z'))",
        "platform = 'landsat-8' AND NOT flag = true",
    ] {
        assert!(!text(filter), "{filter}");
    }
}

#[test]
fn json_says_the_same() {
    let property = |name| json!({ "property": name });
    assert!(json(json!({"op": "<=", "args": [property("eo:cloud_cover"), 20]})));
    assert!(json(json!({"op": "and", "args": [
        {"op": "=", "args": [property("platform"), "landsat-8"]},
        {"op": "not", "args": [{"op": "isNull", "args": [property("gsd")]}]},
    ]})));
    assert!(json(json!({"op": "in", "args": [property("platform"), ["landsat-8", "landsat-9"]]})));
    assert!(json(json!({"op": "between", "args": [property("gsd"), 5, 15]})));
    assert!(json(json!({"op": "s_intersects", "args": [
        property("geometry"), {"type": "Point", "coordinates": [0.5, 0.5]}]})));
    assert!(json(json!({"op": "t_intersects", "args": [
        property("datetime"), {"interval": ["2020-01-01T00:00:00Z", ".."]}]})));
    assert!(json(json!({"op": "a_contains", "args": [property("ssys:targets"), ["Moon"]]})));
    assert!(!json(json!({"op": "a_contains", "args": [property("ssys:targets"), ["Mars"]]})));
}

#[test]
fn nonsense_is_refused() {
    for filter in
        ["", "eo:cloud_cover <", "frobnicate(a)", "12", "a = 1 extra", "datetime > TIMESTAMP('yesterday')"]
    {
        assert!(Filter::from_text(filter).is_err(), "{filter}");
    }
    for filter in
        [json!({}), json!({"op": "between", "args": [1]}), json!({"op": "=", "args": [1]}), json!("x")]
    {
        assert!(Filter::from_json(&filter).is_err(), "{filter}");
    }
}

proptest! {
    /// Where an item has all that a filter names, the crate's own evaluation says the same.
    #[test]
    fn the_crate_agrees(filter in condition()) {
        let (summary, detail) = item();
        let whole = json!({"id": summary.id, "collection": "moon", "properties": detail.properties});
        let theirs = cql2::parse_text(&filter).unwrap().matches(Some(&whole)).unwrap();
        prop_assert_eq!(text(&filter), theirs, "{}", filter);
    }
}

/// Filters on numbers and texts that the item has, nested a little.
fn condition() -> impl Strategy<Value = String> {
    let numbers =
        (select(vec!["gsd", "eo:cloud_cover"]), select(vec!["=", "<>", "<", "<=", ">", ">="]), 8..15)
            .prop_map(|(name, op, number)| format!("{name} {op} {number}"));
    let ranges = (5..15, 5..15).prop_map(|(low, high)| format!("gsd BETWEEN {low} AND {high}"));
    let texts = select(vec![
        "platform = 'landsat-8'",
        "platform <> 'landsat-8'",
        "platform > 'landsat-7'",
        "platform IN ('a', 'landsat-8')",
        "platform LIKE 'land%'",
        "platform LIKE '%-9'",
        "CASEI(platform) = CASEI('LANDSAT-8')",
    ])
    .prop_map(str::to_owned);
    prop_oneof![numbers, ranges, texts].prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} AND {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
            inner.prop_map(|a| format!("NOT ({a})")),
        ]
    })
}
