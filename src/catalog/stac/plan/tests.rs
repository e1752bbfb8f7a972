use serde_json::json;

use super::*;
use crate::query::{FieldOrder, Segment};

fn search(segments: &[&str]) -> Search {
    let predicates = segments.iter().map(|text| match Segment::parse(text, &()).unwrap() {
        Segment::Predicate(predicate) => predicate,
        Segment::View(option) => panic!("{option:?}"),
    });
    Search {
        collection: Some("c".into()),
        query: predicates.collect(),
        sortby: Vec::new(),
        wanted: None,
        depth: Depth::Whole,
    }
}

fn server(classes: &[&str]) -> Conformance {
    Conformance::new(classes.iter().map(|c| (*c).to_owned()).collect(), &[])
}

fn full() -> Conformance {
    server(&[
        "item-search#filter",
        "conf/cql2-text",
        "conf/cql2-json",
        "item-search#sort",
        "item-search#query",
    ])
}

fn made(segments: &[&str], conformance: &Conformance) -> Plan {
    plan(&search(segments), conformance, &Kinds::new(), &BTreeSet::new()).unwrap()
}

fn here(plan: &Plan) -> String {
    plan.here.canonical()
}

#[test]
fn what_every_server_knows_goes_there() {
    let plan = made(&["bbox=1,2,3,4", "datetime=2018", "ids=a,b", "collections=c,d"], &server(&[]));
    let want = Params {
        collections: vec!["c".into()],
        ids: vec!["a".into(), "b".into()],
        bbox: Some([1.0, 2.0, 3.0, 4.0]),
        datetime: Some("2018-01-01T00:00:00Z/2018-12-31T23:59:59.999999Z".into()),
        ..Params::default()
    };
    assert!(plan.here.is_empty());
    assert_eq!(plan.branches, [want]);
}

#[test]
fn open_intervals_stay_open() {
    let plan = made(&["datetime=2018-01.."], &server(&[]));
    assert_eq!(plan.branches[0].datetime.as_deref(), Some("2018-01-01T00:00:00Z/.."));
}

#[test]
fn the_antimeridian_parts_a_search_in_two() {
    let plan = made(&["bbox=170,-10,-170,10"], &full());
    let boxes: Vec<_> = plan.branches.iter().map(|p| p.bbox.unwrap()).collect();
    assert_eq!(boxes, [[170.0, -10.0, 180.0, 10.0], [-180.0, -10.0, -170.0, 10.0]]);
    let mut sorted = search(&["bbox=170,-10,-170,10"]);
    sorted.sortby = vec![FieldOrder { field: "datetime".into(), descending: true }];
    let plan = plan_of(&sorted, &full());
    assert_eq!(plan.order, Order::Here);
}

fn plan_of(search: &Search, conformance: &Conformance) -> Plan {
    plan(search, conformance, &Kinds::new(), &BTreeSet::new()).unwrap()
}

#[test]
fn a_second_box_and_months_are_met_here() {
    let plan =
        made(&["bbox=0,0,9,9", "bbox=1,1,2,2", "months=6,7", "datetime=2018", "datetime=2018-06"], &full());
    let left = here(&plan);
    assert_eq!(left.matches("bbox=").count(), 1, "{left}");
    assert_eq!(left.matches("datetime=").count(), 1, "{left}");
    assert!(left.contains("months=6,7"), "{left}");
}

#[test]
fn a_polygon_goes_before_a_box() {
    let area = "intersects=POLYGON((0 0,4 0,4 4,0 0))";
    let plan = made(&["bbox=0,0,9,9", area], &full());
    assert!(plan.branches[0].intersects.is_some() && plan.branches[0].bbox.is_none());
    assert!(here(&plan).starts_with("bbox="));
    let refused = BTreeSet::from([Refusal::Area]);
    let plan = super::plan(&search(&[area]), &full(), &Kinds::new(), &refused).unwrap();
    assert_eq!(plan.branches[0].bbox, Some([0.0, 0.0, 4.0, 4.0]));
    assert!(plan.branches[0].intersects.is_none() && here(&plan).starts_with("intersects="));
}

#[test]
fn conditions_follow_the_dialect() {
    let segments = ["gsd.lt=10", "max_cloud_cover=20", "filter=platform = 'x'"];
    let cql = made(&segments, &full());
    let (filter, language) = cql.branches[0].filter.clone().unwrap();
    assert_eq!(language, Language::Usual);
    for part in ["gsd < 10", "platform = 'x'", "IS NULL"] {
        assert!(filter.text.contains(part), "{} in {}", part, filter.text);
    }
    assert!(cql.here.is_empty());
    assert_eq!(cql.checked.predicates().len(), 3, "cloud cover, gsd and the collection");

    let stac_server = server(&["item-search#filter", "conf/cql2-json"]);
    assert_eq!(made(&segments, &stac_server).branches[0].filter.as_ref().unwrap().1, Language::Json);

    let stacql = made(&segments, &server(&["item-search#query"]));
    assert_eq!(stacql.branches[0].query, Some(json!({ "gsd": { "lt": 10 } })));
    assert_eq!(stacql.here.predicates().len(), 2);

    let neither = made(&segments, &server(&[]));
    assert!(neither.branches[0].query.is_none() && neither.branches[0].filter.is_none());
    assert_eq!(neither.here.predicates().len(), 3);

    let refused = BTreeSet::from([Refusal::Filter]);
    let taken_back = super::plan(&search(&segments), &full(), &Kinds::new(), &refused).unwrap();
    assert_eq!(taken_back.here.predicates().len(), 3);
}

#[test]
fn names_have_parameters_of_their_own() {
    let plan = made(&["ids=a,b", "id.in=b,c", "collection.eq=c"], &server(&[]));
    assert_eq!(plan.branches[0].ids, ["b"]);
    assert!(plan.here.is_empty());
    assert!(made(&["ids=a", "ids=b"], &full()).branches.is_empty());
    assert!(made(&["collections=d"], &full()).branches.is_empty());
    let many = Predicate::Ids((0..250).map(|n| format!("i{n}")).collect());
    let chunks = plan_of(&Search { query: [many].into_iter().collect(), ..search(&[]) }, &full()).branches;
    assert_eq!(chunks.iter().map(|p| p.ids.len()).collect::<Vec<_>>(), [100, 100, 50]);
}

#[test]
fn the_order_is_made_where_it_can_be() {
    let mut sorted = search(&["gsd.lt=10"]);
    sorted.sortby = vec![FieldOrder { field: "datetime".into(), descending: true }];
    let fields = |plan: &Plan| -> Vec<String> {
        plan.branches[0].sortby.iter().map(|order| order.field.clone()).collect()
    };
    let there = plan_of(&sorted, &full());
    assert_eq!((there.order, fields(&there)), (Order::There, vec!["datetime".into(), "id".into()]));
    let refused = BTreeSet::from([Refusal::Ties]);
    let alone = super::plan(&sorted, &full(), &Kinds::new(), &refused).unwrap();
    assert_eq!((alone.order, fields(&alone)), (Order::There, vec!["datetime".into()]));
    let here = plan_of(&sorted, &server(&[]));
    assert_eq!((here.order, here.branches[0].sortby.len()), (Order::Here, 0));
}

#[test]
fn free_text_goes_where_it_is_understood() {
    assert_eq!(made(&["q=ice,snow"], &server(&["item-search#free-text"])).branches[0].q, ["ice", "snow"]);
    assert_eq!(here(&made(&["q=ice"], &full())), "q=ice");
}

#[test]
fn a_refused_box_without_area_gets_some() {
    let refused = BTreeSet::from([Refusal::ThinBox]);
    let plan = super::plan(&search(&["bbox=5,5,5,5"]), &full(), &Kinds::new(), &refused).unwrap();
    let [west, south, east, north] = plan.branches[0].bbox.unwrap();
    assert!(west < 5.0 && south < 5.0 && east > 5.0 && north > 5.0);
    assert!(!plan.here.is_empty());
}

#[test]
fn an_outline_shows_what_is_checked() {
    let mut listed = search(&["gsd.lt=10"]);
    listed.depth = Depth::Outline;
    let fields = server(&["item-search#fields", "item-search#query"]);
    let shown = plan_of(&listed, &fields).branches[0].outline.clone().unwrap();
    assert!(shown.iter().any(|name| name == "gsd") && shown.iter().any(|name| name == "datetime"));
    // What is met here may need all of an item.
    let whole = plan_of(&listed, &server(&["item-search#fields"]));
    assert_eq!(whole.branches[0].outline, None);
}
