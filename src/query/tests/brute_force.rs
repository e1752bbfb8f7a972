//! Evaluation against a second, deliberately naive one with formulas of its own: angles in whole tenths of a
//! degree on a circle, dates as text.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::predicate;
use crate::item::Item;

/// Tenths of a degree all around.
const CIRCLE: i64 = 3600;

/// A box in tenths: from `west` eastward for `width`, from `south` up for `height`.
#[derive(Debug, Clone, Copy)]
struct Patch {
    west: i64,
    width: i64,
    south: i64,
    height: i64,
}

impl Patch {
    fn meets(&self, other: &Patch) -> bool {
        let upright = self.south <= other.south + other.height && other.south <= self.south + self.height;
        // One begins within the other, going east.
        let within = |a: &Patch, b: &Patch| (b.west - a.west).rem_euclid(CIRCLE) <= a.width;
        upright && (within(self, other) || within(other, self))
    }

    fn edges(&self) -> [f64; 4] {
        let degrees = |tenths: i64| tenths as f64 / 10.0;
        [self.west, self.south, self.west + self.width, self.south + self.height].map(degrees)
    }

    /// With edges in ±180, as STAC writes boxes.
    fn wrapped(&self) -> [f64; 4] {
        let [w, s, e, n] = self.edges();
        if self.width >= CIRCLE {
            return [-180.0, s, 180.0, n];
        }
        let wrap = |lon: f64| (((lon * 10.0).round() as i64 + 1800).rem_euclid(CIRCLE) - 1800) as f64 / 10.0;
        [wrap(w), s, wrap(e), n]
    }
}

fn patch() -> impl Strategy<Value = Patch> {
    let width = prop_oneof![Just(0i64), 0..200i64, 0..=3600i64];
    (-1800..1800i64, width, -900..=900i64, 0..300i64).prop_map(|(west, width, south, height)| Patch {
        west,
        width,
        south,
        height: height.min(900 - south),
    })
}

/// Ways to write where an item is.
#[derive(Debug, Clone, Copy)]
enum Written {
    Box,
    EastwardBox,
    Polygon,
    PolygonAndBox,
    Cut,
}

fn written() -> impl Strategy<Value = Written> {
    prop::sample::select(vec![
        Written::Box,
        Written::EastwardBox,
        Written::Polygon,
        Written::PolygonAndBox,
        Written::Cut,
    ])
}

fn ring([w, s, e, n]: [f64; 4]) -> Value {
    json!([[[w, s], [e, s], [e, n], [w, n], [w, s]]])
}

fn placed(at: &Patch, how: Written) -> Item {
    let (geometry, bbox) = match how {
        Written::Box => (Value::Null, json!(at.wrapped())),
        // Items may go to 360 but not beyond.
        Written::EastwardBox if at.west + at.width <= CIRCLE => (Value::Null, json!(at.edges())),
        Written::EastwardBox => (Value::Null, json!(at.wrapped())),
        Written::Polygon if at.west + at.width <= CIRCLE => {
            (json!({"type":"Polygon","coordinates":ring(at.edges())}), Value::Null)
        }
        // A ring that jumps from 179 to -179; the box says that it crosses.
        Written::Polygon | Written::PolygonAndBox => {
            (json!({"type":"Polygon","coordinates":ring(at.wrapped())}), json!(at.wrapped()))
        }
        Written::Cut => {
            let [w, s, e, n] = at.edges();
            let rings = if e <= 180.0 {
                json!([ring([w, s, e, n])])
            } else {
                json!([ring([w, s, 180.0, n]), ring([-180.0, s, at.wrapped()[2], n])])
            };
            (json!({"type":"MultiPolygon","coordinates":rings}), json!(at.wrapped()))
        }
    };
    Item::from_json(&json!({"type":"Feature","id":"i","geometry":geometry,"bbox":bbox}).to_string()).unwrap()
}

fn segment_of(at: &Patch, turn: i64) -> String {
    let [w, s, e, n] = match turn {
        0 => at.wrapped(),
        _ if (-3600..=3600).contains(&(at.west + turn)) && at.west + at.width + turn <= 3600 => {
            Patch { west: at.west + turn, ..*at }.edges()
        }
        _ => at.wrapped(),
    };
    format!("bbox={w},{s},{e},{n}")
}

/// A ring that jumps can be told from one that goes around only where it is less than half a turn wide.
fn telling(at: &Patch, how: Written) -> bool {
    !matches!(how, Written::Polygon | Written::PolygonAndBox) || at.width < 1800
}

/// The first and the last second of a shorthand, by text alone.
fn seconds(text: &str) -> (String, String) {
    const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let year: u32 = text[..4].parse().unwrap();
    let days = |month: usize| if month == 2 && year.is_multiple_of(4) { 29 } else { DAYS[month - 1] };
    match text.len() {
        4 => (format!("{text}-01-01T00:00:00Z"), format!("{text}-12-31T23:59:59Z")),
        7 => (
            format!("{text}-01T00:00:00Z"),
            format!("{text}-{:02}T23:59:59Z", days(text[5..].parse().unwrap())),
        ),
        10 => (format!("{text}T00:00:00Z"), format!("{text}T23:59:59Z")),
        _ => (text.to_owned(), text.to_owned()),
    }
}

fn shorthand() -> impl Strategy<Value = String> {
    // Few of each, so that ends often coincide.
    let (y, m, d) = (2019..=2021u32, 1..=12u32, prop::sample::select(vec![1u32, 2, 28]));
    prop_oneof![
        y.clone().prop_map(|y| format!("{y}")),
        (y.clone(), m.clone()).prop_map(|(y, m)| format!("{y}-{m:02}")),
        (y.clone(), m.clone(), d.clone()).prop_map(|(y, m, d)| format!("{y}-{m:02}-{d:02}")),
        (y, m, d, prop::sample::select(vec!["00:00:00", "12:00:00", "23:59:59"]))
            .prop_map(|(y, m, d, t)| format!("{y}-{m:02}-{d:02}T{t}Z")),
    ]
}

fn instant() -> impl Strategy<Value = String> {
    shorthand().prop_flat_map(|text| {
        let (first, last) = seconds(&text);
        prop::sample::select(vec![first, last])
    })
}

fn with_properties(properties: Value) -> Item {
    Item::from_json(&json!({"type":"Feature","id":"i","properties":properties}).to_string()).unwrap()
}

fn says(segment: &str, item: &Item) -> bool {
    predicate(segment).matches(item).unwrap()
}

/// `v op w` for numbers or texts alike.
fn holds<T: PartialOrd>(v: &T, op: &str, w: &T) -> bool {
    match op {
        "" | ".eq" => v == w,
        ".ne" => v != w,
        ".lt" => v < w,
        ".lte" => v <= w,
        ".gt" => v > w,
        _ => v >= w,
    }
}

const OPS: [&str; 7] = ["", ".eq", ".ne", ".lt", ".lte", ".gt", ".gte"];

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn boxes(at in patch(), wanted in patch(), how in written(), turn in prop::sample::select(vec![-3600i64, 0, 3600])) {
        prop_assume!(telling(&at, how));
        let segment = segment_of(&wanted, turn);
        prop_assert_eq!(says(&segment, &placed(&at, how)), at.meets(&wanted), "{} {:?} {:?}", segment, at, how);
    }

    #[test]
    fn areas(at in patch(), wanted in patch(), how in written()) {
        prop_assume!(telling(&at, how) && wanted.west + wanted.width <= CIRCLE && wanted.width > 0 && wanted.height > 0);
        let [w, s, e, n] = wanted.edges();
        let wkt = format!("POLYGON(({w} {s},{e} {s},{e} {n},{w} {n},{w} {s}))");
        let item = placed(&at, how);
        prop_assert_eq!(says(&format!("intersects={wkt}"), &item), at.meets(&wanted), "{} {:?} {:?}", &wkt, at, how);
        prop_assert_eq!(says(&format!("filter=S_INTERSECTS(geometry,{wkt})"), &item), at.meets(&wanted));
    }

    #[test]
    fn times(own in instant(), length in prop::option::of(instant()), from in prop::option::of(shorthand()), to in prop::option::of(shorthand())) {
        let (item, first, last) = match length.filter(|end| *end >= own) {
            Some(end) => (with_properties(json!({"datetime":null,"start_datetime":own,"end_datetime":end})), own, end),
            None => (with_properties(json!({"datetime":own})), own.clone(), own),
        };
        let (start, end) = (from.as_deref().map(|t| seconds(t).0), to.as_deref().map(|t| seconds(t).1));
        prop_assume!(start.is_some() || end.is_some());
        prop_assume!(start.is_none() || end.is_none() || start <= end);
        let expected = start.is_none_or(|s| last >= s) && end.is_none_or(|e| first <= e);
        let segment = format!("datetime={}..{}", from.clone().unwrap_or_default(), to.clone().unwrap_or_default());
        prop_assert_eq!(says(&segment, &item), expected, "{}", segment);
        if let (Some(from), None) = (&from, &to) {
            let (s, e) = seconds(from);
            prop_assert_eq!(says(&format!("datetime={from}"), &item), first <= e && last >= s);
        }
    }

    #[test]
    fn numbers(v in -30..30i64, w in -30..30i64, high in -30..30i64, tenth in any::<bool>(), op in prop::sample::select(OPS.to_vec())) {
        let value = |n: i64| if tenth { n as f64 / 10.0 } else { n as f64 };
        let item = with_properties(json!({"n": value(v), "list": [value(v), null]}));
        prop_assert_eq!(says(&format!("n{op}={}", value(w)), &item), holds(&v, op, &w));
        let sql = op.replace(".eq", "=").replace(".ne", "<>").replace(".lte", "<=").replace(".gte", ">=").replace(".lt", "<").replace(".gt", ">");
        let sql = if sql.is_empty() { "=" } else { &sql };
        prop_assert_eq!(says(&format!("filter=n {sql} {}", value(w)), &item), holds(&v, op, &w));
        prop_assert_eq!(says(&format!("list{op}={}", value(w)), &item), holds(&v, op, &w));
        prop_assert_eq!(says(&format!("n.in={},{}", value(w), value(high)), &item), v == w || v == high);
        if w <= high {
            let inside = (w..=high).contains(&v);
            prop_assert_eq!(says(&format!("n.between={},{}", value(w), value(high)), &item), inside);
            prop_assert_eq!(says(&format!("filter=n BETWEEN {} AND {}", value(w), value(high)), &item), inside);
        }
    }

    #[test]
    fn texts(v in "[a-c]{1,3}", w in "[a-c]{1,3}", op in prop::sample::select(OPS.to_vec())) {
        let item = with_properties(json!({"t": v}));
        prop_assert_eq!(says(&format!("t{op}={w}"), &item), holds(&v, op, &w));
        prop_assert_eq!(says(&format!("t{op}=\"{w}\""), &item), holds(&v, op, &w));
        prop_assert_eq!(says(&format!("t.like=*{w}*"), &item), v.contains(&w));
        prop_assert_eq!(says(&format!("filter=t LIKE '%25{w}%25'"), &item), v.contains(&w));
    }

    #[test]
    fn dates(v in instant(), w in shorthand(), op in prop::sample::select(OPS.to_vec())) {
        let item = with_properties(json!({"created": v}));
        let (first, last) = seconds(&w);
        let expected = match op {
            "" | ".eq" => v >= first && v <= last,
            ".ne" => v < first || v > last,
            ".lt" => v < first,
            ".lte" => v <= last,
            ".gt" => v > last,
            _ => v >= first,
        };
        prop_assert_eq!(says(&format!("created{op}={w}"), &item), expected, "{} {} {}", v, op, w);
    }
}
