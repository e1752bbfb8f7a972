//! Each predicate of the design's table, on items.

use serde_json::{Value, json};

use super::{Folder, query, segment};
use crate::item::{Collection, Item};
use crate::query::{Error, Evaluator, Predicate, Segment};

fn item(properties: Value) -> Item {
    let feature = json!({
        "type": "Feature", "id": "LC08_197030", "collection": "landsat",
        "geometry": {"type":"Polygon","coordinates":[[[7,45],[9,45],[9,47],[7,47],[7,45]]]},
        "properties": properties,
    });
    Item::from_json(&feature.to_string()).unwrap()
}

fn landsat() -> Item {
    item(json!({
        "datetime": "2018-01-05T10:15:00.5Z", "platform": "landsat-8", "gsd": 30, "eo:cloud_cover": 12.5,
        "landsat:wrs_path": "0197", "landsat:wrs_row": 30, "view:off_nadir": 0, "instruments": ["oli", "tirs"],
        "checked": true, "title": "Alps in winter", "nothing": null, "created": "2019-03-01", "proj:epsg": 32632,
        "serial": 12_345_678_901_234_567_i64, "nested": {"a": 1}, "empty": [],
    }))
}

fn says(text: &str, item: &Item) -> bool {
    match segment(text) {
        Segment::Predicate(predicate) => predicate.matches(item).unwrap(),
        Segment::View(_) => panic!("{text} is a view option"),
    }
}

#[test]
fn what_meets() {
    for text in [
        "bbox=8,46,8.5,46.5",
        "bbox=9,47,10,48",
        "bbox=-353,45,-352,46",
        "intersects=alps",
        "intersects=POINT(8 46)",
        "datetime=2018",
        "datetime=2018-01-05",
        "datetime=2018-01-05T10:15:00.500Z",
        "datetime=..2018-01-05",
        "collections=x,landsat",
        "ids=LC08_197030",
        "max_cloud_cover=12.5",
        "months=1,2",
        "path=197",
        "row=30",
        "platform=landsat-8",
        "platform.eq='landsat-8'",
        "platform.ne=landsat-9",
        "platform.in=a,landsat-8",
        "platform.like=landsat-?",
        "platform.gt=landsat-7",
        "gsd=30",
        "gsd=30.0",
        "gsd=3e1",
        "gsd.like=3*",
        "gsd.ne=abc",
        "gsd.ne=\"30\"",
        "serial=12345678901234567",
        "serial.lt=12345678901234568",
        "checked=true",
        "checked=TRUE",
        "checked.ne=false",
        "instruments=tirs",
        "instruments.like=o*",
        "instruments.in=x,oli",
        "instruments.ne=msi",
        "empty.ne=x",
        "empty.isnull=false",
        "nested.isnull=false",
        "nested.ne=x",
        "nothing.isnull=true",
        "absent.isnull=true",
        "created=2019",
        "created.lte=2019-03",
        "created.gt=\"2019\"",
        "datetime.gte=2018-01-05",
        "datetime.lt=2018-01-05T10:16:00Z",
        "id.like=LC08_*",
        "id.eq=LC08_197030",
        "collection.eq=landsat",
        "landsat:wrs_path=0197",
        "q=winter",
        "q=summer,alps in winter",
        "q=lc08",
        "filter=eo:cloud_cover < 20 AND platform = 'landsat-8'",
        "filter=20 > eo:cloud_cover",
        "filter=properties.gsd = 30",
        "filter=absent IS NULL",
        "filter=NOT gsd IS NULL",
        "filter=absent = 1 OR gsd = 30",
        "filter=platform IN ('a','landsat-8')",
        "filter=platform NOT IN ('a','b')",
        "filter=platform LIKE 'land%25'",
        "filter=CASEI(platform) = CASEI('LANDSAT-8')",
        "filter=gsd * 2 = 60",
        "filter=checked",
        "filter=checked = true",
        "filter=gsd BETWEEN 10 AND 30",
        "filter=datetime >= TIMESTAMP('2018-01-05T00:00:00Z')",
        "filter=datetime = DATE('2018-01-05')",
        "filter=datetime > '2018-01-01T00:00:00Z'",
        "filter=datetime BETWEEN TIMESTAMP('2018-01-05T10:15:00Z') AND TIMESTAMP('2018-01-05T10:15:01Z')",
        "filter=T_INTERSECTS(datetime, INTERVAL('2018-01-01','2018-02-01'))",
        "filter=T_AFTER(datetime, TIMESTAMP('2018-01-01T00:00:00Z'))",
        "filter=S_INTERSECTS(geometry, POINT(8 46))",
        "filter=S_WITHIN(geometry, POLYGON((0 40,20 40,20 50,0 50,0 40)))",
        "filter=S_INTERSECTS(geometry, BBOX(8,46,9,47))",
        "filter=id = 'LC08_197030' AND collection = 'landsat'",
        "filter=A_CONTAINS(instruments, ('oli'))",
    ] {
        assert!(says(text, &landsat()), "{text}");
    }
}

#[test]
fn what_does_not_meet() {
    for text in [
        "bbox=9.1,47,10,48",
        "bbox=-8,45,-7,46",
        "intersects=crater",
        "datetime=2017",
        "datetime=2018-01-05T10:15:00Z",
        "datetime=2018-01-06..",
        "collections=Landsat",
        "ids=lc08_197030",
        "max_cloud_cover=12.4",
        "months=2",
        "path=19",
        "row=31",
        "platform=LANDSAT-8",
        "platform.like=landsat",
        "platform.lt=landsat-8",
        "gsd=\"30\"",
        "gsd=abc",
        "gsd.lt=abc",
        "gsd.gt=abc",
        "serial=12345678901234568",
        "checked=1",
        "checked.lt=true",
        "checked.like=t*",
        "instruments=OLI",
        "instruments.ne=oli",
        "empty=x",
        "nested=1",
        "nothing=null",
        "nothing.ne=x",
        "absent.ne=x",
        "absent.like=*",
        "absent.isnull=false",
        "gsd.isnull=true",
        "created=2018",
        "created.lt=2019",
        "created=\"2019\"",
        "collection.eq=x",
        "landsat:wrs_path=197",
        "q=wint",
        "q=winter alps",
        "filter=absent = 1",
        "filter=NOT absent = 1",
        "filter=absent <> 1",
        "filter=absent = 1 AND gsd = 30",
        "filter=gsd = 'x'",
        "filter=gsd > 'x'",
        "filter=NOT absent IS NULL",
        "filter=nested = 1",
        "filter=unheard_of(gsd)",
        "filter=datetime = DATE('2018-01-06')",
        "filter=S_INTERSECTS(geometry, POINT(18 46))",
        "filter=S_DISJOINT(geometry, POINT(8 46))",
    ] {
        assert!(!says(text, &landsat()), "{text}");
    }
}

#[test]
fn what_is_unknown() {
    let bare = Item::from_json(r#"{"type":"Feature","id":"x"}"#).unwrap();
    for text in [
        "bbox=-180,-90,180,90",
        "intersects=alps",
        "datetime=..9999",
        "collections=x",
        "months=1,2,3,4,5,6,7,8,9,10,11,12",
        "path=1",
        "row=1",
        "gsd.ne=1",
        "q=anything",
        "filter=S_DISJOINT(geometry,POINT(1 2))",
        "filter=T_BEFORE(datetime,DATE('2999-01-01'))",
    ] {
        assert!(!says(text, &bare), "{text}");
    }
    for unknown in [json!(null), json!(-1), json!("unknown"), json!({})] {
        assert!(says("max_cloud_cover=0", &item(json!({"eo:cloud_cover": unknown}))));
        assert!(!says("eo:cloud_cover.lt=20", &item(json!({"eo:cloud_cover": null}))));
    }
    assert!(!says("max_cloud_cover=10", &item(json!({"eo:cloud_cover": "10.5"}))));
}

#[test]
fn a_span_meets_what_it_overlaps_and_stands_on_one_day() {
    let span = item(
        json!({"datetime":null,"start_datetime":"2018-06-30T00:00:00Z","end_datetime":"2018-08-02T00:00:00Z"}),
    );
    for text in [
        "datetime=2018-07",
        "datetime=2018-08-02",
        "datetime=..2018-06-30",
        "months=6",
        "filter=T_INTERSECTS(datetime,DATE('2018-07-07'))",
    ] {
        assert!(says(text, &span), "{text}");
    }
    for text in ["datetime=2018-08-03", "months=7,8", "datetime.gt=2000"] {
        assert!(!says(text, &span), "{text}");
    }
    let open = item(json!({"start_datetime":"2018-06-30T00:00:00Z"}));
    assert!(says("datetime=2030", &open) && !says("datetime=2017", &open));
}

#[test]
fn the_collection_it_was_found_in_counts() {
    let bare = Item::from_json(r#"{"type":"Feature","id":"x"}"#).unwrap();
    let found = Evaluator::new(&query(&["collections=c", "collection.eq=c"])).unwrap();
    assert!(!found.matches(&bare));
    assert!(found.clone().within("c").matches(&bare));
    assert!(!found.within("c").matches(&landsat()), "it names its own");
}

#[test]
fn a_search_is_all_of_its_predicates() {
    let search = query(&["bbox=8,46,9,47", "datetime=2018", "max_cloud_cover=20"]);
    assert!(search.matches(&landsat()).unwrap());
    assert!(!search.and(super::predicate("row=31")).matches(&landsat()).unwrap());
    assert!(query(&[]).matches(&landsat()).unwrap());
}

#[test]
fn a_search_knows_the_properties_it_names() {
    let search = query(&[
        "bbox=0,0,1,1",
        "id.like=x*",
        "gsd.lt=5",
        "filter=properties.platform = 'x' AND (casei(\"eo:cloud_cover\") IN (a, b) OR T_AFTER(datetime, DATE('2018-01-01')))",
    ]);
    assert_eq!(
        search.properties().into_iter().collect::<Vec<_>>(),
        ["a", "b", "eo:cloud_cover", "gsd", "platform"]
    );
}

#[test]
fn a_filter_that_was_not_checked_is_an_error() {
    let error: Error = Predicate::Filter("a = ".into()).matches(&landsat()).unwrap_err();
    assert_eq!((error.segment.as_str(), error.why.as_str()), ("filter=a%20=%20", "it ends too early"));
}

#[test]
fn collections_are_left_out_by_name_and_place_only() {
    let collection = |bbox: Value| {
        let extent = json!({"spatial":{"bbox":[bbox]},"temporal":{"interval":[["1999-01-01T00:00:00Z","2000-01-01T00:00:00Z"]]}});
        Collection::from_json(&json!({"type":"Collection","id":"c","extent":extent}).to_string()).unwrap()
    };
    let may = |segments: &[&str], bbox: Value| query(segments).may_be_in(&collection(bbox));
    assert!(may(&["bbox=0,0,1,1", "datetime=2018", "platform=x"], json!([-10, -10, 10, 10])));
    assert!(!may(&["bbox=20,0,21,1"], json!([-10, -10, 10, 10])));
    // Several boxes: one that is near is enough.
    let parts = json!({"spatial":{"bbox":[[-10, -10, 1, 1], [19, 0, 22, 1]]}});
    let parts = Collection::from_json(&json!({"id":"c","extent":parts}).to_string()).unwrap();
    assert!(query(&["bbox=20,0,21,1"]).may_be_in(&parts) && !query(&["bbox=30,0,31,1"]).may_be_in(&parts));
    assert!(!may(&["intersects=alps"], json!([-10, -10, 1, 10])));
    for unknown in [json!(null), json!([0, 0, 0, 0]), json!([-180_000, -5, 5, 5]), json!([5, 10, 6, -10])] {
        assert!(may(&["bbox=20,0,21,1", "intersects=alps"], unknown));
    }
    assert!(may(&["collections=b,c", "collection.like=?"], json!(null)));
    assert!(!may(&["collections=b"], json!(null)) && !may(&["collection.ne=c"], json!(null)));
}

/// A comparison made of an item's own value finds it.
#[test]
fn an_item_is_found_by_what_it_says_of_itself() {
    let own = landsat();
    let properties = own.feature()["properties"].as_object().unwrap();
    for (name, value) in properties {
        if let Some(text) = crate::item::text(value) {
            let read = Segment::parse(&format!("{name}.eq={text}"), &Folder).unwrap();
            let Segment::Predicate(predicate) = read else { panic!("{name} is a view option") };
            assert!(predicate.matches(&own).unwrap(), "{name}");
        }
    }
}

#[test]
fn relations_of_shapes_know_the_antimeridian() {
    let feature = json!({"type":"Feature","id":"f","geometry":{"type":"Polygon",
        "coordinates":[[[178,-2],[182,-2],[182,2],[178,2],[178,-2]]]}});
    let fiji = Item::from_json(&feature.to_string()).unwrap();
    let square = |w: i32, e: i32| format!("POLYGON(({w} -5,{e} -5,{e} 5,{w} 5,{w} -5))");
    for text in [
        format!("filter=S_WITHIN(geometry,{})", square(-185, -175)),
        format!("filter=S_CONTAINS({},geometry)", square(175, 185)),
        "filter=S_CONTAINS(geometry,POINT(-179 0))".to_owned(),
        "filter=S_TOUCHES(geometry,POINT(-178 0))".to_owned(),
        format!("filter=S_OVERLAPS(geometry,{})", square(-179, -170)),
        format!("filter=S_DISJOINT(geometry,{})", square(-170, -160)),
        "filter=S_CROSSES(LINESTRING(-190 0,-170 0),geometry)".to_owned(),
        "filter=S_EQUALS(geometry,POLYGON((-182 -2,-178 -2,-178 2,-182 2,-182 -2)))".to_owned(),
    ] {
        assert!(says(&text, &fiji), "{text}");
    }
    for text in [
        format!("filter=S_WITHIN(geometry,{})", square(-179, -170)),
        format!("filter=S_DISJOINT(geometry,{})", square(-179, -170)),
        "filter=S_TOUCHES(geometry,POINT(-179 0))".to_owned(),
        format!("filter=S_CONTAINS(geometry,{})", square(175, 185)),
    ] {
        assert!(!says(&text, &fiji), "{text}");
    }
}
