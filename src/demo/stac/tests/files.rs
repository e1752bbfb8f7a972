//! The static catalogue.

use super::*;
use crate::demo::http::{Server, probe::get_with};
use serde_json::json;
use std::sync::Arc;
use url::Url;

fn files(layout: Layout) -> Demo {
    start(Options { personality: Personality::Static, layout, ..small() }).unwrap()
}

/// All documents below `url`, found by following `child` and `item` links.
fn walk(url: &Url, found: &mut Vec<(Url, Value)>) {
    let reply = get(url.as_str());
    assert_eq!(reply.status, 200, "{url}");
    let document = reply.json();
    let below = [links(&document, "child"), links(&document, "item")].concat();
    let below: Vec<Url> = below.into_iter().map(|link| url.join(href(link)).unwrap()).collect();
    found.push((url.clone(), document));
    below.iter().for_each(|url| walk(url, found));
}

#[test]
fn every_layout_leads_to_every_item() {
    for layout in [Layout::Relative, Layout::SelfContained, Layout::Absolute] {
        let demo = files(layout);
        let root = Url::parse(&demo.stac_url).unwrap();
        let mut found = Vec::new();
        walk(&root, &mut found);
        let of = |kind: &str| found.iter().filter(|(_, document)| document["type"] == kind).count();
        assert_eq!([of("Catalog"), of("Collection"), of("Feature")], [4, 4, 50], "{layout:?}");
        for (url, document) in &found {
            assert_eq!(url.join(href(link(document, "root"))).unwrap(), root);
            assert_eq!(link(document, "parent").is_null(), *url == root, "{url}");
            let itself = link(document, "self");
            let knows = layout == Layout::Absolute || (layout == Layout::Relative && *url == root);
            assert_eq!(itself.is_null(), !knows, "{layout:?} {url}");
            assert!(itself.is_null() || href(itself) == url.as_str());
            let absolute = document["links"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|link| link["rel"] != "license" && link["rel"] != "self");
            assert!(
                absolute.clone().all(|link| href(link).contains("://") == (layout == Layout::Absolute)),
                "{url}"
            );
            for asset in document["assets"].as_object().into_iter().flatten() {
                let there = url.join(href(asset.1)).unwrap();
                assert!(there.path().starts_with("/assets/"), "{there}");
            }
        }
        let deep = "/stac/planets/lunar/moon/TC_01/TC_01.json";
        assert!(found.iter().any(|(url, _)| url.path() == deep));
    }
}

#[test]
fn assets_and_documents_are_served_as_files() {
    let demo = files(Layout::Relative);
    let url =
        format!("{}/planets/lunar/moon/TC_01/TC_01.json", demo.stac_url.trim_end_matches("/catalog.json"));
    let item = get(&url);
    assert_eq!(get_with(&url, &[("If-None-Match", item.header("etag"))]).status, 304);
    assert_eq!(get_with(&url, &[("Range", "bytes=0-9")]).body, item.body[..10]);
    let image = Url::parse(&url).unwrap().join(href(&item.json()["assets"]["image"])).unwrap();
    assert_eq!(get(image.as_str()).body.len(), 5_000);
    for missing in ["/stac", "/stac/nothing.json", "/stac/earth/fields/X/X.json", "/search", "/assets/x"] {
        assert_eq!(get(&format!("{}{missing}", demo.server.url())).status, 404, "{missing}");
    }
}

#[test]
fn a_collection_is_one_file_too() {
    let demo = files(Layout::Relative);
    let base = format!("{}/stac/earth/fields", demo.server.url());
    let collection = get(&format!("{base}/items.geojson")).json();
    assert_eq!((ids(&collection).len(), &collection["type"]), (12, &json!("FeatureCollection")));
    let lines = get(&format!("{base}/items.ndjson")).text();
    assert_eq!(lines.lines().count(), 12);
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["collection"] == "fields"));
}

#[test]
fn the_media_type_may_be_wrong() {
    let world = Arc::new(crate::demo::world::small());
    let catalog = StaticCatalog::new(world, Layout::Relative).served_as("binary/octet-stream");
    let server = Server::start(catalog).unwrap();
    let reply = get(&format!("{}/stac/catalog.json", server.url()));
    assert_eq!((reply.header("content-type"), &reply.json()["id"]), ("binary/octet-stream", &json!("small")));
}
