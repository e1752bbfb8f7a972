//! The plain personality: what the specification asks for.

use super::*;
use crate::demo::http::probe::{ask, get_with, post};
use flate2::read::GzDecoder;
use serde_json::json;
use std::io::Read;

#[track_caller]
fn found(demo: &Demo, params: &str) -> Vec<String> {
    let reply = demo.search(params);
    assert_eq!(reply.status, 200, "{params}: {}", reply.text());
    assert_eq!(reply.header("content-type"), "application/geo+json");
    ids(&reply.json())
}

#[test]
fn the_landing_page_leads_everywhere() {
    let demo = plain();
    let page = demo.get("").json();
    assert_eq!((&page["type"], &page["id"]), (&json!("Catalog"), &json!("small")));
    for rel in ["self", "root", "conformance", "data", "service-desc", "service-doc", "search", "aggregate"] {
        let reply = get(href(link(&page, rel)).replace("aggregate", "aggregations").as_str());
        assert_eq!(reply.status, 200, "{rel}");
        let wanted = link(&page, rel)["type"].as_str().unwrap();
        assert!(reply.header("content-type").starts_with(wanted), "{rel}");
    }
    let methods: Vec<&Value> = links(&page, "search").iter().map(|link| &link["method"]).collect();
    assert_eq!(methods, ["GET", "POST"]);
    let children: Vec<&str> = links(&page, "child").iter().map(|link| href(link)).collect();
    let lunar = get(children[0]).json();
    assert_eq!(lunar["id"], "planets");
    let moons = get(href(link(&lunar, "child"))).json();
    assert_eq!(moons["id"], "lunar");
    assert_eq!(get(href(link(&moons, "child"))).json()["id"], "moon");
    assert_eq!(demo.get("/conformance").json()["conformsTo"], page["conformsTo"]);
}

#[test]
fn collections_and_items_have_their_links() {
    let demo = plain();
    let moon = demo.get("/collections/moon").json();
    assert_eq!(get(href(link(&moon, "items"))).json()["numberMatched"], 25);
    assert_eq!(link(&moon, "license")["type"], "text/html");
    let item = demo.get("/collections/moon/items/TC_03").json();
    assert_eq!((&item["type"], &item["collection"]), (&json!("Feature"), &json!("moon")));
    assert_eq!(get(href(link(&item, "self"))).json(), item);
    assert_eq!(get(href(link(&item, "parent"))).json(), moon);
    let image = get(href(&item["assets"]["image"]));
    assert_eq!((image.status, image.body.len()), (200, 5_000));
    for missing in ["/collections/mars", "/collections/moon/items/x", "/collections/mars/items", "/nothing"] {
        let reply = demo.get(missing);
        assert_eq!((reply.status, &reply.json()["code"]), (404, &json!("NotFound")), "{missing}");
    }
}

#[test]
fn boxes_times_and_ids() {
    let demo = plain();
    assert_eq!(found(&demo, "collections=moon&bbox=-179,-51,-175,-45"), ["TC_00"]);
    assert_eq!(found(&demo, "collections=moon&bbox=-179,-51,-100,-175,-45,100"), ["TC_00"]);
    assert_eq!(found(&demo, "collections=moon&bbox=178,0,-178.5,3"), ["TC_24"]);
    assert_eq!(found(&demo, "collections=moon&bbox=63,11,63,11"), ["TC_18"]);
    assert_eq!(found(&demo, "collections=moon,fields&ids=TC_01,S2_01,x"), ["S2_01", "TC_01"]);
    assert_eq!(found(&demo, "ids=TC_01&bbox=0,0,1,1"), Vec::<String>::new(), "ids are one condition of many");
    assert_eq!(found(&demo, "datetime=2021-07-12T10:00:00Z"), ["S2_11"]);
    assert_eq!(found(&demo, "datetime=2021-07-11T00:00:00Z/.."), ["S2_11", "S2_10"]);
    assert_eq!(found(&demo, "collections=moon&datetime=/2009-01-31T00:00:00Z"), ["TC_24", "TC_12", "TC_00"]);
    assert_eq!(found(&demo, "datetime=2015-06-01T00:00:00Z/2015-06-02T00:00:00Z"), ["all-year"]);
    let polygon = json!({"type": "Polygon", "coordinates": [[[62, 10], [63, 10], [63, 11], [62, 10]]]});
    assert_eq!(found(&demo, &format!("intersects={polygon}")), ["TC_18"]);
    for bad in [
        "bbox=1,2,3",
        "bbox=1,9,3,8",
        "datetime=2020",
        "intersects=7",
        "limit=0",
        "limit=x",
        "bbox=0,0,1,1&intersects={\"type\":\"Point\",\"coordinates\":[0,0]}",
    ] {
        let reply = demo.search(bad);
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("BadRequest")), "{bad}");
    }
}

#[test]
fn extensions() {
    let demo = plain();
    assert_eq!(found(&demo, "q=scene 17"), ["TC_17"]);
    assert_eq!(found(&demo, "query={\"eo:cloud_cover\":{\"lt\":9}}"), ["S2_01", "S2_00"]);
    assert_eq!(found(&demo, "filter=id LIKE 'TC\\_2_' AND gsd > 9.7"), ["TC_24"]);
    assert_eq!(
        found(
            &demo,
            "filter-lang=cql2-json&filter={\"op\":\"isNull\",\"args\":[{\"property\":\"gsd\"}]}&ids=count"
        ),
        ["count"]
    );
    assert_eq!(
        found(&demo, "collections=fields&limit=3&sortby=-eo:cloud_cover"),
        ["S2_10", "S2_09", "S2_08"]
    );
    assert_eq!(found(&demo, "collections=fields&limit=2&sortby=+properties.datetime"), ["S2_00", "S2_01"]);
    let slim = demo.search("ids=TC_01&fields=id,properties.gsd,-links,-assets").json();
    assert_eq!(slim["features"][0]["properties"], json!({"datetime": "2009-02-07T10:01:00Z", "gsd": 7.5}));
    assert_eq!(slim["features"][0].get("links"), None);
    for bad in [
        "query={\"a\":{\"like\":1}}",
        "filter=a <",
        "filter-lang=ecql&filter=a=1",
        "filter-crs=EPSG:3857&filter=gsd=1",
    ] {
        assert_eq!(demo.search(bad).status, 400, "{bad}");
    }
}

#[test]
fn post_says_the_same_as_get() {
    let demo = plain();
    let url = format!("{}/search", demo.stac_url);
    let body = json!({
        "collections": ["moon"], "bbox": [-180, -90, 0, 0], "datetime": "2009-01-01T00:00:00Z/2009-06-01T00:00:00Z",
        "limit": 3, "sortby": [{"field": "id", "direction": "asc"}], "fields": {"exclude": ["assets"]},
        "filter": {"op": ">", "args": [{"property": "gsd"}, 7.4]}
    });
    let posted = post(&url, &body).json();
    let gotten = demo.search(
        "collections=moon&bbox=-180,-90,0,0&datetime=2009-01-01T00:00:00Z/2009-06-01T00:00:00Z&limit=3&sortby=+id\
         &fields=-assets&filter=gsd > 7.4",
    );
    assert_eq!(posted["features"], gotten.json()["features"]);
    assert_eq!(ids(&posted), ["TC_01", "TC_02", "TC_12"]);
    for bad in ["[]", "{", "{\"limit\": \"ten\"}", "{\"ids\": \"TC_01\"}"] {
        assert_eq!(ask("POST", &url, &[], bad).unwrap().status, 400, "{bad}");
    }
    assert_eq!(ask("PUT", &url, &[], "{}").unwrap().status, 405);
    assert_eq!(ask("DELETE", &format!("{}/collections/moon", demo.stac_url), &[], "").unwrap().status, 405);
}

#[test]
fn collections_are_searched_and_paged() {
    let demo = plain();
    let names = |page: &Value| -> Vec<String> {
        page["collections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = demo.get("/collections?limit=3").json();
    assert_eq!(
        (names(&first), &first["numberMatched"]),
        (vec!["moon".into(), "fields".into(), "odd".into()], &json!(4))
    );
    let second = get(href(link(&first, "next"))).json();
    assert_eq!((names(&second), link(&second, "next")), (vec!["empty".into()], &Value::Null));
    assert_eq!(names(&demo.get("/collections?q=earth").json()), ["fields"]);
    assert_eq!(names(&demo.get("/collections?datetime=/2008-01-01T00:00:00Z").json()), Vec::<String>::new());
    assert_eq!(demo.get("/collections?bbox=1,2").status, 400);
}

#[test]
fn queryables_and_aggregations() {
    let demo = plain();
    let own = demo.get("/collections/fields/queryables");
    assert_eq!(own.header("content-type"), "application/schema+json");
    assert_eq!(own.json()["properties"]["eo:cloud_cover"]["maximum"], 100);
    assert_eq!(own.json()["$id"], format!("{}/collections/fields/queryables", demo.stac_url));
    assert_eq!(demo.get("/queryables").json()["properties"]["id"]["type"], "string");

    let asked = "total_count,datetime_min,datetime_frequency,collection_frequency,platform_frequency,cloud_cover_frequency";
    let all = demo.get(&format!("/aggregate?collections=fields,moon&aggregations={asked}")).json();
    let of =
        |name: &str| all["aggregations"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(of("total_count")["value"], 37);
    assert_eq!(of("datetime_min")["value"], "2009-01-07T10:00:00Z");
    let months = of("datetime_frequency")["buckets"].as_array().unwrap();
    assert_eq!(
        (months.len(), &months[0]["key"], &months[0]["frequency"]),
        (13, &json!("2009-01-01T00:00:00Z"), &json!(3))
    );
    assert_eq!(of("collection_frequency")["buckets"][0]["frequency"], 12);
    assert_eq!(
        of("platform_frequency")["buckets"][0],
        json!({"key": "SELENE", "data_type": "string", "frequency": 25})
    );
    assert_eq!(of("cloud_cover_frequency")["buckets"][0]["to"], 5.);
    assert_eq!(
        demo.get("/collections/moon/aggregate?aggregations=total_count").json()["aggregations"][0]["value"],
        25
    );
    assert_eq!(demo.get("/aggregate?aggregations=nonsense").status, 400);
    assert_eq!(demo.get("/aggregate").status, 400);
}

#[test]
fn documents_have_validators_and_are_compressed_on_request() {
    let demo = plain();
    let url = format!("{}/collections/moon/items/TC_01", demo.stac_url);
    let etag = get(&url).header("etag").to_owned();
    assert!(etag.starts_with("W/"));
    assert_eq!(get_with(&url, &[("If-None-Match", &etag)]).status, 304);
    assert_eq!(get_with(&url, &[("If-None-Match", "W/\"other\"")]).status, 200);
    let packed = get_with(&url, &[("Accept-Encoding", "br, gzip")]);
    assert_eq!(packed.header("content-encoding"), "gzip");
    let mut plain = Vec::new();
    GzDecoder::new(&packed.body[..]).read_to_end(&mut plain).unwrap();
    assert_eq!(plain, get(&url).body);
    assert_eq!(get_with(&url, &[("Accept-Encoding", "gzip;q=0")]).headers.get("content-encoding"), None);
}

#[test]
fn odd_ids_are_found() {
    let demo = plain();
    let page = demo.get("/collections/odd/items?limit=100").json();
    for item in page["features"].as_array().unwrap() {
        assert_eq!(get(href(link(item, "self"))).json()["id"], item["id"]);
    }
    assert!(ids(&page).contains(&"a/b".to_owned()) && ids(&page).contains(&"käse".to_owned()));
    assert_eq!(found(&demo, "collections=odd&bbox=-180,-90,180,90&ids=nowhere"), Vec::<String>::new());
}
