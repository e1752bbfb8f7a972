//! What is printed reads back; order never matters; nothing panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Predicate, Query, Segment, is_segment};
use super::{Folder, query};
use crate::item::Item;

/// Values that mean something to some predicate, and pieces that break them.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_:. %/,'\"*?é\u{1}+-]{1,12}".prop_map(|s| s),
        Just("landsat-8".to_owned()),
        Just("LC08_L1TP_197030".to_owned()),
        (-400.0..400.0f64).prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
    ]
}

/// A value as a careful writer puts it in a path.
fn escaped() -> impl Strategy<Value = String> {
    text().prop_map(|t| t.replace('%', "%25").replace('/', "%2F").replace(',', "%2C"))
}

fn list() -> impl Strategy<Value = String> {
    prop::collection::vec(escaped(), 1..4).prop_map(|all| all.join(","))
}

fn lon() -> impl Strategy<Value = f64> {
    prop_oneof![
        -360.0..360.0,
        (-36..=36i32).prop_map(|n| f64::from(n) * 10.0),
        (-3600..3600i32).prop_map(|n| f64::from(n) / 10.0)
    ]
}

fn date() -> impl Strategy<Value = String> {
    let year = 1900..2100i32;
    prop_oneof![
        year.clone().prop_map(|y| format!("{y}")),
        (year.clone(), 1..=12).prop_map(|(y, m)| format!("{y}-{m:02}")),
        (year.clone(), 1..=12, 1..=31).prop_map(|(y, m, d)| format!("{y}-{m:02}-{d:02}")),
        (year, 1..=12, 1..=28, 0..24, 0..60)
            .prop_map(|(y, m, d, h, s)| format!("{y}-{m:02}-{d:02}T{h:02}:00:{s:02}Z")),
    ]
}

/// Segments most of which are good.
fn candidate() -> impl Strategy<Value = String> {
    let operator =
        prop::sample::select(vec!["", ".eq", ".ne", ".lt", ".lte", ".gt", ".gte", ".like", ".isnull"]);
    let name = prop_oneof![
        "[a-z]{1,6}(:[a-z_]{1,8})?(\\.[a-z]{1,3})?",
        Just("path".to_owned()),
        Just("id".to_owned())
    ];
    prop_oneof![
        (lon(), lon(), -90.0..90.0f64, 0.0..10.0f64)
            .prop_map(|(w, e, s, up)| format!("bbox={w},{s},{e},{}", (s + up).min(90.0))),
        date().prop_map(|d| format!("datetime={d}")),
        (date(), date()).prop_map(|(a, b)| format!("datetime={a}..{b}")),
        date().prop_map(|d| format!("datetime=..{d}")),
        date().prop_map(|d| format!("datetime={d}..")),
        list().prop_map(|l| format!("collections={l}")),
        list().prop_map(|l| format!("ids={l}")),
        list().prop_map(|l| format!("q={l}")),
        (0.0..100.0f64).prop_map(|p| format!("max_cloud_cover={p}")),
        prop::collection::vec(1..=12u8, 1..5)
            .prop_map(|m| format!("months={}", m.iter().map(u8::to_string).collect::<Vec<_>>().join(","))),
        (1..=233u16).prop_map(|p| format!("path={p}")),
        (name.clone(), operator, escaped()).prop_map(|(n, o, v)| format!("{n}{o}={v}")),
        (name.clone(), list()).prop_map(|(n, l)| format!("{n}.in={l}")),
        (name, escaped(), escaped()).prop_map(|(n, a, b)| format!("{n}.between={a},{b}")),
        (lon(), -90.0..90.0f64).prop_map(|(x, y)| format!("intersects=POINT({x} {y})")),
        (lon(), -80.0..80.0f64, 0.1..40.0f64).prop_map(|(x, y, d)| format!(
            "intersects=polygon(({x} {y}, {} {y}, {} {}, {x} {y}))",
            x + d,
            x + d,
            y + 9.0
        )),
        Just("intersects=alps".to_owned()),
        escaped().prop_map(|v| format!("filter=a = '{}' AND b LIKE 'x%25'", v.replace('\'', ""))),
        list().prop_map(|l| format!("assets={l}")),
        list().prop_map(|l| format!("sortby={l}")),
        any::<u64>().prop_map(|n| format!("max_items={n}")),
    ]
}

fn predicates() -> impl Strategy<Value = Vec<Predicate>> {
    let read = |text: String| match Segment::parse(&text, &Folder) {
        Ok(Segment::Predicate(predicate)) => Some(predicate),
        _ => None,
    };
    prop::collection::vec(candidate(), 0..8).prop_map(move |all| all.into_iter().filter_map(read).collect())
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(text in candidate()) {
        if let Ok(segment) = Segment::parse(&text, &Folder) {
            let printed = segment.text();
            let again = Segment::parse(&printed, &Folder);
            prop_assert_eq!(again.as_ref(), Ok(&segment), "{} printed as {}", text, printed);
            prop_assert_eq!(again.unwrap().text(), printed.clone());
            prop_assert!(is_segment(&printed) && !printed.contains(['/', '\0', '\n']));
            prop_assert!(printed.len() <= 1024 || text.len() > 1000);
        }
    }

    #[test]
    fn a_search_reads_back(all in predicates()) {
        let query: Query = all.into_iter().collect();
        let again: Query = query.segments().iter().map(|text| super::predicate(text)).collect();
        prop_assert_eq!(&again, &query);
        prop_assert_eq!(again.canonical(), query.canonical());
        prop_assert_eq!(again.key(), query.key());
    }

    #[test]
    fn order_and_repetition_never_matter(
        (all, shuffled) in predicates().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let one: Query = all.iter().cloned().collect();
        let other: Query = shuffled.into_iter().chain(all).collect();
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(one.key(), other.key());
    }

    #[test]
    fn nothing_panics(text in "\\PC{0,40}", key in "[a-z.:%]{0,12}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let ours = super::super::PREDICATES.into_iter().chain(super::super::VIEW_OPTIONS);
        for name in ours.chain([key.as_str()]) {
            let _ = Segment::parse(&format!("{name}={text}"), &Folder);
            let _ = Segment::parse(&format!("{name}={}", String::from_utf8_lossy(&bytes)), &Folder);
        }
        let _ = Segment::parse(&text, &Folder);
    }

    /// One character more, less or other than in something good.
    #[test]
    fn near_misses_do_not_panic(good in candidate(), at in any::<prop::sample::Index>(), put in "\\PC{0,2}", cut in 0..3usize) {
        let chars: Vec<char> = good.chars().collect();
        let at = at.index(chars.len() + 1);
        let rest = chars.iter().skip(at + cut);
        let text: String = chars.iter().take(at).copied().chain(put.chars()).chain(rest.copied()).collect();
        match Segment::parse(&text, &Folder) {
            Ok(segment) => {
                let printed = segment.text();
                prop_assert_eq!(Segment::parse(&printed, &Folder), Ok(segment), "{}", text);
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n'), "{}", error),
        }
    }
}

/// JSON that is nearly what an item has.
fn rough() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-400..400i32).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        date().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,4}", inner), 0..3)
                .prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

fn rough_geometry() -> impl Strategy<Value = Value> {
    let position = prop::collection::vec(prop_oneof![-200.0..200.0f64, Just(0.0), Just(10.0)], 0..4);
    let line = prop::collection::vec(position, 0..6);
    let kind =
        prop::sample::select(vec!["Point", "LineString", "Polygon", "MultiPoint", "MultiPolygon", "Circle"]);
    let coordinates = prop_oneof![
        line.clone().prop_map(|l| json!(l)),
        prop::collection::vec(line.clone(), 0..3).prop_map(|p| json!(p)),
        prop::collection::vec(prop::collection::vec(line, 0..3), 0..3).prop_map(|m| json!(m)),
        rough(),
    ];
    (kind, coordinates).prop_map(|(kind, coordinates)| json!({"type": kind, "coordinates": coordinates}))
}

const FILTERS: [&str; 9] = [
    "filter=S_WITHIN(geometry,POLYGON((0 0,20 0,20 20,0 0)))",
    "filter=S_TOUCHES(geometry,LINESTRING(0 0,10 10)) OR S_EQUALS(geometry,POINT(10 10))",
    "filter=S_INTERSECTS(geometry,BBOX(0,0,20,20)) AND NOT S_CONTAINS(geometry,POINT(1 1))",
    "filter=T_DURING(datetime,INTERVAL('2018-01-01',a)) OR T_MEETS(a,datetime)",
    "filter=a LIKE b OR CASEI(a) = b OR a + b > 3 OR a IN (b,1)",
    "filter=a BETWEEN b AND 5 AND A_OVERLAPS(a,(1,2))",
    "filter=a = b OR a < TIMESTAMP('2018-01-01T00:00:00Z') OR a",
    "filter=NOT (a div 0 = 1) OR a ^ 99 > 1",
    "filter=DATE(a) = DATE('2018-01-01') OR T_AFTER(INTERVAL(a,b),datetime)",
];

proptest! {
    #[test]
    fn evaluation_does_not_panic(
        geometry in prop_oneof![rough_geometry(), rough()],
        (bbox, a, b, datetime) in (rough(), rough(), rough(), rough()),
        all in predicates(),
    ) {
        let feature = json!({
            "type": "Feature", "id": "x", "geometry": geometry, "bbox": bbox,
            "properties": {"a": a, "b": b, "datetime": datetime, "start_datetime": a, "eo:cloud_cover": b,
                "landsat:wrs_path": a, "keywords": a, "title": b},
        });
        let item = Item::from_json(&feature.to_string()).unwrap();
        let filters = FILTERS.iter().map(|text| super::predicate(text));
        let names = ["a=2", "a.lt=2018", "b.like=*1*", "a.in=1,x", "bbox=-10,-10,300,10", "path=5", "max_cloud_cover=5", "months=1", "q=a"];
        for predicate in all.into_iter().chain(filters).chain(names.iter().map(|text| super::predicate(text))) {
            predicate.matches(&item).unwrap();
        }
    }
}

#[test]
fn canonical_examples() {
    let search = query(&[
        "max_cloud_cover=20.0",
        "bbox=303,0,304,1.50",
        "datetime=2018-01-01..2018-12-31",
        "bbox=-57,0,-56,1.5",
    ]);
    assert_eq!(search.canonical(), "bbox=-57,0,-56,1.5/datetime=2018/max_cloud_cover=20");
    assert_eq!(query(&["intersects=alps"]), query(&["intersects=alpen"]));
    assert_eq!(query(&["intersects=alps", "intersects=alpen"]).segments(), ["intersects=alps"]);
    assert_eq!(query(&["intersects=alps"]).key(), query(&["intersects=alpen"]).key());
    // Two of a kind are two conditions.
    assert_eq!(query(&["datetime=2018", "datetime=2019"]).predicates().len(), 2);
}

#[test]
fn a_long_segment_stays_within_the_limit() {
    let words = vec!["a b"; 250].join(" ");
    let text = format!("q={words}");
    let segment = super::segment(&text);
    assert_eq!(segment.text().len(), text.len(), "shell escapes would make it too long");
    assert_eq!(super::segment(&segment.text()), segment);
}
