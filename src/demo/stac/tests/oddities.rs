//! Each quirk on its own, and the personalities that have several.

use super::*;
use crate::demo::http::probe::{ask, post};
use serde_json::json;

#[test]
fn methods_are_refused() {
    for (rule, status, start) in [
        (Method::NotAllowed, 405, "{\"code\""),
        (Method::Forbidden, 403, "<HTML>"),
        (Method::NotImplemented, 501, "Not"),
    ] {
        let demo = with(|quirks| quirks.post = rule);
        let refused = post(&format!("{}/search", demo.stac_url), &json!({}));
        assert_eq!((refused.status, refused.text().starts_with(start)), (status, true), "{}", refused.text());
        assert_eq!(demo.search("").status, 200);
        assert_eq!(links(&demo.get("").json(), "search").len(), 1, "only GET is advertised");
        let demo = with(|quirks| quirks.get = rule);
        assert_eq!(demo.search("").status, status);
        assert_eq!(post(&format!("{}/search", demo.stac_url), &json!({})).status, 200);
    }
}

#[test]
fn slashes() {
    let statuses = |rule| {
        let demo = with(|quirks| quirks.slash = rule);
        ["", "/", "/collections", "/collections/"].map(|path| demo.get(path).status)
    };
    assert_eq!(statuses(Slash::Either), [200, 200, 200, 200]);
    assert_eq!(statuses(Slash::Forbidden), [200, 404, 200, 404]);
    assert_eq!(statuses(Slash::Needed), [404, 200, 404, 200]);
    assert_eq!(statuses(Slash::Redirected), [200, 200, 200, 307]);
    let demo = with(|quirks| quirks.slash = Slash::Redirected);
    let redirect = demo.get("/collections/?limit=1");
    assert_eq!(redirect.header("location"), format!("{}/collections?limit=1", demo.stac_url));
}

#[test]
fn conformance_is_missing_or_lies() {
    let classes = |rule| {
        with(|quirks| (quirks.conformance, quirks.filter) = (rule, Filtering::Ignored)).get("").json()["conformsTo"].clone()
    };
    let says = |list: &Value, end: &str| {
        list.as_array().unwrap().iter().any(|one| one.as_str().unwrap().ends_with(end))
    };
    assert_eq!(classes(Conformance::Missing), Value::Null);
    assert_eq!(classes(Conformance::CoreOnly), json!(["https://api.stacspec.org/v1.0.0/core"]));
    assert!(says(&classes(Conformance::All), "item-search#filter"));
    assert!(!says(&classes(Conformance::True), "item-search#filter"));
}

#[test]
fn search_links_of_all_sorts() {
    let demo = plain();
    let search = |rule| -> Vec<Value> {
        demo.set_quirks(Quirks { search_links: rule, ..Quirks::default() });
        links(&demo.get("").json(), "search").into_iter().cloned().collect()
    };
    assert_eq!(search(SearchLinks::None), Vec::<Value>::new());
    let bare = search(SearchLinks::Bare);
    assert_eq!((bare.len(), bare[0].get("method"), bare[0].get("type")), (1, None, None));
    let many = search(SearchLinks::AmongOthers);
    let types: Vec<&str> = many.iter().filter_map(|link| link["type"].as_str()).collect();
    let geojson = "application/geo+json";
    assert_eq!(types, ["application/opensearchdescription+xml", "text/html", geojson, geojson]);
    assert!(get(href(&many[0])).text().starts_with("<OpenSearchDescription"));
}

#[test]
fn a_format_parameter_on_every_link_and_html_twins() {
    let demo = with(|quirks| quirks.format_param = Some("f=application%2Fjson"));
    let page = demo.get("?f=application%2Fjson").json();
    let data = links(&page, "data");
    assert_eq!(
        data.iter().map(|link| href(link)).collect::<Vec<_>>(),
        [
            format!("{}/collections?f=application%2Fjson", demo.stac_url),
            format!("{}/collections?f=text%2Fhtml", demo.stac_url),
        ]
    );
    assert_eq!(get(href(data[1])).header("content-type"), "text/html; charset=utf-8");
    let types: Vec<&Value> = links(&page, "search").iter().map(|link| &link["type"]).collect();
    assert_eq!(types, ["application/geo+json", "text/html", "application/geo+json"]);
    let next = href(link(&demo.search("f=application/json&limit=1").json(), "next")).to_owned();
    assert_eq!(next.matches("f=application").count(), 1, "{next}");
    assert_eq!(get(&next).status, 200);
}

#[test]
fn links_show_another_host() {
    let demo = with(|quirks| quirks.link_origin = Some("https://abc.execute-api.invalid".into()));
    let item = demo.get("/collections/moon/items/TC_01").json();
    assert_eq!(
        href(link(&item, "self")),
        "https://abc.execute-api.invalid/stac/collections/moon/items/TC_01"
    );
    assert_eq!(get(href(&item["assets"]["image"])).status, 200, "assets are where they are");
}

#[test]
fn counts() {
    let page = |rule| with(|quirks| quirks.count = rule).search("limit=2").json();
    let matched = page(Count::Matched);
    assert_eq!((&matched["numberMatched"], matched.get("context")), (&json!(50), None));
    let context = page(Count::Context);
    assert_eq!(
        (context.get("numberMatched"), &context["context"]),
        (None, &json!({"limit": 2, "matched": 50, "returned": 2}))
    );
    assert_eq!(page(Count::Both)["context"]["matched"], 50);
    let untold = page(Count::Untold);
    assert_eq!((untold.get("numberMatched"), untold.get("context")), (None, None));
}

#[test]
fn boxes_are_refused() {
    let status = |rule, bbox: &str| with(|quirks| quirks.bbox = rule).search(&format!("bbox={bbox}")).status;
    assert_eq!([status(BboxRule::NotSix, "0,0,0,1,1,1"), status(BboxRule::NotSix, "0,0,1,1")], [400, 200]);
    assert_eq!([status(BboxRule::NotFlat, "0,0,0,1"), status(BboxRule::NotFlat, "0,0,1,1")], [400, 200]);
    let on_the_map = |bbox| status(BboxRule::OnTheMap, bbox);
    assert_eq!([on_the_map("300,0,310,5"), on_the_map("0,0,1,1")], [400, 200]);
    assert_eq!(
        [on_the_map("0,0,-200,1,1,5"), on_the_map("0,0,-5,95,1,5")],
        [400, 400],
        "six numbers are misread"
    );
    let demo = with(|quirks| quirks.bbox = BboxRule::OnTheMap);
    let wrong = ids(&demo.search("collections=moon&limit=25&bbox=178,-90,-170,90").json());
    assert!(
        wrong.contains(&"TC_12".to_owned()),
        "across the antimeridian is the rest of the world: {wrong:?}"
    );
}

#[test]
fn only_datetime_counts() {
    let demo = with(|quirks| quirks.time = TimeRule::DatetimeOnly);
    assert_eq!(
        ids(&demo.search("datetime=2015-06-01T00:00:00Z/..&collections=odd").json()),
        Vec::<String>::new()
    );
}

#[test]
fn filters_of_some_encodings() {
    let json = "filter-lang=cql2-json&filter={\"op\":\"=\",\"args\":[{\"property\":\"id\"},\"TC_01\"]}";
    let text = "filter-lang=cql2-text&filter=id = 'TC_01'";
    let found = |rule, filter: &str| {
        let reply =
            with(|quirks| quirks.filter = rule).search(&format!("collections=moon&limit=100&{filter}"));
        (reply.status, if reply.status == 200 { ids(&reply.json()).len() } else { 0 })
    };
    assert_eq!([found(Filtering::Both, json), found(Filtering::Both, text)], [(200, 1); 2]);
    assert_eq!([found(Filtering::JsonOnly, json), found(Filtering::JsonOnly, text)], [(200, 1), (400, 0)]);
    assert_eq!([found(Filtering::TextOnly, json), found(Filtering::TextOnly, text)], [(400, 0), (200, 1)]);
    assert_eq!(found(Filtering::Ignored, text), (200, 25));
    assert_eq!(found(Filtering::Refused, text), (400, 0));
}

#[test]
fn parameters_are_ignored() {
    let demo = with(|quirks| {
        (quirks.query, quirks.free_text, quirks.sort) = (Support::No, Support::No, Sorting::Ignored);
        (quirks.fields, quirks.collection_search) = (FieldsRule::Ignored, Support::No);
    });
    let page =
        demo.search("collections=fields&query={\"gsd\":{\"lt\":1}}&q=nothing&sortby=+id&fields=id").json();
    assert_eq!((ids(&page)[0].as_str(), &page["numberMatched"]), ("S2_11", &json!(12)));
    assert!(page["features"][0]["assets"].is_object());
    assert_eq!(demo.get("/collections?q=nothing").json()["collections"].as_array().unwrap().len(), 4);
}

#[test]
fn collections_without_paging_or_the_first_few_only() {
    let all =
        with(|quirks| quirks.collection_pages = CollectionPages::All).get("/collections?limit=1").json();
    assert_eq!((all["collections"].as_array().unwrap().len(), link(&all, "next")), (4, &Value::Null));
    let first = with(|quirks| quirks.collection_pages = CollectionPages::First(2)).get("/collections").json();
    assert_eq!((first["collections"].as_array().unwrap().len(), link(&first, "next")), (2, &Value::Null));
}

#[test]
fn there_is_no_search_at_all() {
    let demo = with(|quirks| quirks.search = Support::No);
    assert_eq!(demo.search("").status, 404);
    assert_eq!(links(&demo.get("").json(), "search").len(), 0);
    assert_eq!(demo.get("/collections/moon/items").json()["numberMatched"], 25);
}

#[test]
fn a_missing_item_is_an_empty_object() {
    let demo = with(|quirks| quirks.missing_item = MissingItem::EmptyObject);
    let reply = demo.get("/collections/moon/items/nothing");
    assert_eq!((reply.status, reply.json()), (200, json!({})));
}

#[test]
fn items_that_lack_things() {
    let demo = with(|quirks| {
        quirks.without = vec!["bbox", "geometry", "links", "collection", "properties.datetime"];
        (quirks.ids, quirks.stac_version) = (Ids::Numbers, Some("0.9.0"));
    });
    let item = demo.search("ids=12345").json()["features"][0].clone();
    assert_eq!(item["id"], 12345);
    assert_eq!(item["stac_version"], "0.9.0");
    for name in ["bbox", "geometry", "links", "collection"] {
        assert_eq!(item.get(name), None, "{name}");
    }
    assert_eq!(item["properties"], json!({}));
    let metres = with(|quirks| quirks.bbox_unit = BboxUnit::Metres).search("ids=S2_00").json();
    assert!(metres["features"][0]["bbox"][0].as_f64().unwrap() > 1_000_000.);
}

#[test]
fn child_catalogues_are_api_roots() {
    let demo = with(|quirks| quirks.children = Children::Roots);
    let page = demo.get("").json();
    assert_eq!(links(&page, "search").len(), 0);
    assert_eq!(demo.search("").status, 404);
    let earth = get(href(links(&page, "child")[1])).json();
    assert_eq!(earth["id"], "earth");
    let search = href(link(&earth, "search"));
    assert_eq!(search, format!("{}/earth/search", demo.stac_url));
    let found = get(search).json();
    assert_eq!(found["numberMatched"], 12);
    assert!(
        href(link(&found["features"][0], "self"))
            .starts_with(&format!("{}/earth/collections/", demo.stac_url))
    );
    assert_eq!(get(&format!("{}/earth/collections/moon", demo.stac_url)).status, 404);
}

#[test]
fn assets_behind_a_proxy() {
    let demo = with(|quirks| quirks.hrefs = Hrefs::Proxied);
    let item = demo.get("/collections/moon/items/TC_01").json();
    let image = &item["assets"]["image"];
    assert!(href(image).ends_with("/collections/moon/items/TC_01/assets/image"));
    let direct = href(&image["alternate"]["s3"]);
    assert!(direct.ends_with("/assets/moon/TC_01/TC_01.tif"));
    let redirect = get(href(image));
    assert_eq!(redirect.status, 302);
    assert_eq!(get(redirect.header("location")).body.len(), 5_000);
    assert_eq!(get(direct).status, 403, "the bucket is private");
    assert_eq!(
        ask("HEAD", redirect.header("location"), &[], "").unwrap().status,
        403,
        "the method is signed"
    );
    assert_eq!(demo.get("/collections/moon/items/TC_01/assets/nothing").status, 404);
}

#[test]
fn like_stac_server() {
    let demo = like(Personality::StacServer);
    let page =
        post(&format!("{}/search", demo.stac_url), &json!({"collections": ["moon"], "limit": 25})).json();
    assert_eq!((&page["numberMatched"], &page["context"]["matched"]), (&json!(25), &json!(25)));
    let next = link(&page, "next");
    assert_eq!(
        (&next["merge"], &next["body"]["next"]),
        (&json!(false), &json!("2009-01-07T10:00:00Z,TC_00,moon"))
    );
    assert_eq!(demo.search("filter-lang=cql2-text&filter=gsd=1").status, 400);
    assert_eq!(demo.search("bbox=300,0,310,1").status, 400);
    let like = r#"{"op":"like","args":[{"property":"id"},"TC%"]}"#;
    assert_eq!(demo.search(&format!(r#"filter={{"op":"not","args":[{like}]}}"#)).status, 400);
    assert_eq!(
        [demo.search("sortby=-gsd"), demo.search("sortby=-properties.gsd")].map(|r| r.status),
        [400, 200]
    );
    assert_eq!(demo.search(&format!("q={}", "x".repeat(8192))).status, 414);
    assert_eq!(demo.get("/").status, 404);
    assert_eq!(
        demo.get("/collections/x").json(),
        json!({"code": "NotFound", "description": "Collection not found"})
    );
    assert_eq!(demo.search("ids=TC_01&fields=id").json()["features"][0], json!({"id": "TC_01"}));
}

#[test]
fn like_pgstac() {
    let demo = like(Personality::Pgstac);
    let page = demo.search("collections=moon").json();
    assert_eq!(page.get("numberMatched"), None);
    assert!(href(link(&page, "next")).contains("&token=next%3Amoon%3ATC_"));
    let missing = demo.get("/collections/moon/items/X");
    assert_eq!(
        missing.json(),
        json!({"code": "NotFoundError", "description": "Item X in Collection moon does not exist."})
    );
    assert_eq!(demo.get("/collections/").status, 307);
    assert_eq!(demo.get("/collections/odd/items/a%2Fb").status, 404, "an id with a slash is lost");
    assert_eq!(ids(&demo.search("ids=a/b").json()), ["a/b"]);
    assert_eq!(demo.search("bbox=1").json()["detail"][0]["type"], "value_error");
    assert_eq!(links(&demo.get("").json(), "child").len(), 6);
}

#[test]
fn like_geoserver() {
    let demo = like(Personality::GeoServer);
    let page = demo.get("").json();
    let search: Vec<(&Value, &Value)> =
        links(&page, "search").iter().map(|link| (&link["type"], &link["method"])).collect();
    assert_eq!(
        search,
        [(&json!("application/geo+json"), &json!("GET")), (&json!("text/html"), &json!("GET"))]
    );
    let hrefs = page["links"].as_array().unwrap().iter().map(href);
    assert_eq!(hrefs.filter(|href| !href.contains("f=")).count(), 0);
    assert_eq!(post(&format!("{}/search", demo.stac_url), &json!({})).status, 405);
    let found = demo.search("limit=2").json();
    assert!(href(link(&found, "next")).contains("startIndex=2"));
}

#[test]
fn personalities_have_names() {
    for (name, personality) in [
        ("plain", Personality::Plain),
        ("stac-server", Personality::StacServer),
        ("pgstac", Personality::Pgstac),
        ("geoserver", Personality::GeoServer),
        ("static", Personality::Static),
    ] {
        assert_eq!(name.parse(), Ok(personality));
    }
    assert!("other".parse::<Personality>().unwrap_err().contains("stac-server"));
}
