//! Files as sources: item collections, lines, items, and catalogues on disk.

use std::path::Path;

use super::*;
use crate::catalog::Count;
use crate::demo::stac::{Layout, Personality};
use crate::demo::{self, Options};

fn file(path: &Path) -> (Arc<dyn Catalog>, Arc<Report>) {
    let report = Arc::new(Report::new());
    let cache = Arc::new(Cache::none(Arc::clone(&report)));
    let kind = SourceKind::File(path.to_owned());
    (source(kind, cache, Duration::from_secs(60), &report, |_| ()), report)
}

fn collections(catalog: &dyn Catalog) -> Vec<(String, Vec<String>)> {
    let page = catalog.collections().unwrap().next_page().unwrap().unwrap();
    let items = |id: &str| {
        let all = Search { collection: Some(id.to_owned()), ..search(&[]) };
        listed(catalog.search(&all).unwrap().as_mut()).unwrap()
    };
    page.members.iter().map(|collection| (collection.id().to_owned(), items(collection.id()))).collect()
}

fn item(id: &str, collection: Option<&str>, west: f64) -> Value {
    let mut item = json!({
        "type": "Feature", "id": id, "bbox": [west, 0.0, west + 1.0, 1.0], "geometry": null, "links": [],
        "properties": { "datetime": "2020-01-02T03:04:05Z", "gsd": 10 },
        "assets": { "data": { "href": "./data.bin" } },
    });
    if let Some(collection) = collection {
        item["collection"] = json!(collection);
    }
    item
}

#[test]
fn items_of_a_file_are_grouped_by_their_collection() {
    let folder = tempfile::tempdir().unwrap();
    let items = [item("a", Some("one"), 0.0), item("b", None, 10.0), item("c", Some("one"), 20.0)];
    let lines: String = items.iter().map(|item| format!("{item}\n")).collect();
    for (name, text) in [
        ("saved.json", json!({ "type": "FeatureCollection", "features": items }).to_string()),
        ("saved.ndjson", format!("{lines}{{\"broken\": \n")),
        ("saved.geojson", json!(items).to_string()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::write(folder.path().join("data.bin"), b"bytes").unwrap();
        let (catalog, report) = file(&path);
        let want = [
            ("one".to_owned(), vec!["a".to_owned(), "c".to_owned()]),
            ("saved".to_owned(), vec!["b".to_owned()]),
        ];
        assert_eq!(collections(catalog.as_ref()), want, "{name}");
        let one = catalog.collection("one").unwrap().unwrap();
        let bbox = one.bbox().unwrap();
        assert_eq!((bbox.west, bbox.south, bbox.east, bbox.north), (0.0, 0.0, 21.0, 1.0));
        assert_eq!(one.span().unwrap().start.unwrap().to_string(), "2020-01-02T03:04:05Z");
        let one_of = |segments: &[&str]| Search { collection: Some("one".into()), ..search(segments) };
        assert_eq!(catalog.count(&one_of(&["bbox=19,0,30,1"])).unwrap(), Count::Matched(1));
        let misspelt = catalog.count(&one_of(&["gdd=10"])).unwrap_err().to_string();
        assert!(misspelt.contains("did you mean gsd"), "{misspelt}");
        let sorted = Search { sortby: sorted_by("id", true), ..one_of(&[]) };
        assert_eq!(listed(catalog.search(&sorted).unwrap().as_mut()).unwrap(), ["c", "a"]);
        assert_eq!(report.notes().len(), usize::from(name.ends_with("ndjson")), "{:?}", report.notes());

        let item = catalog.item("saved", "b").unwrap().unwrap();
        let origin = catalog.origin(&item, &item.assets()[0]).unwrap().unwrap();
        let location = origin.locate(None).unwrap();
        assert_eq!(http(&report).document(&crate::http::Request::get(location.url)).unwrap().body, b"bytes");
    }
}

#[test]
fn a_saved_search_keeps_its_places() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.json");
    let mut saved = item("a", Some("one"), 0.0);
    saved["links"] = json!([{ "rel": "self", "href": "https://h.example/one/a/a.json" }]);
    let next = json!([{ "rel": "next", "href": "https://h.example/search?page=2" }]);
    let document = json!({ "type": "FeatureCollection", "features": [saved], "links": next });
    std::fs::write(&path, document.to_string()).unwrap();
    let (catalog, report) = file(&path);
    let item = catalog.item("one", "a").unwrap().unwrap();
    let origin = catalog.origin(&item, &item.assets()[0]).unwrap().unwrap();
    assert_eq!(origin.locate(None).unwrap().url.as_str(), "https://h.example/one/a/data.bin");
    assert!(report.notes()["demo: pages"].contains("first page of several"));
}

#[test]
fn a_file_of_a_server_and_a_single_item() {
    let options = Options {
        personality: Personality::Static,
        layout: Layout::Relative,
        world: Arc::new(demo::world::small()),
        ..Options::default()
    };
    let demo = demo::start(options).unwrap();
    for (path, want) in [
        ("earth/fields/items.geojson", None),
        ("earth/fields/items.ndjson", None),
        ("earth/fields/collection.json", None),
        ("planets/lunar/moon/TC_01/TC_01.json", Some("moon")),
    ] {
        let url = format!("{}/stac/{path}", demo.server.url());
        let (catalog, report) = client(&url, |config| config.name = "file".into());
        let found = collections(catalog.as_ref());
        assert_eq!((found.len(), found[0].0.as_str()), (1, want.unwrap_or("fields")), "{path}");
        assert!(!found[0].1.is_empty());
        let item = catalog.item(&found[0].0, &found[0].1[0]).unwrap().unwrap();
        let asset = item.assets().into_iter().next().unwrap();
        let location = catalog.origin(&item, &asset).unwrap().unwrap().locate(None).unwrap();
        assert!(http(&report).document(&crate::http::Request::get(location.url)).is_ok(), "{path}");
    }
}

#[test]
fn a_catalogue_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, value: Value| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, value.to_string()).unwrap();
    };
    let child = |href: &str| json!({ "rel": "child", "href": href });
    write(
        "catalog.json",
        json!({ "type": "Catalog", "stac_version": "1.0.0", "id": "root", "description": "Here.", "links": [
            child("./a%20b/collection.json"), child("./missing/collection.json"),
        ] }),
    );
    write(
        "a b/collection.json",
        json!({ "type": "Collection", "stac_version": "1.0.0", "id": "c", "links": [
            { "rel": "item", "href": "./i/i.json" },
        ] }),
    );
    write("a b/i/i.json", item("i", Some("c"), 0.0));
    std::fs::write(folder.path().join("a b/i/data.bin"), b"0123456789").unwrap();
    let (catalog, report) = file(&folder.path().join("catalog.json"));
    assert_eq!(catalog.describe().unwrap().text, "Here.");
    assert_eq!(collections(catalog.as_ref()), [("c".to_owned(), vec!["i".to_owned()])]);
    assert!(report.notes()["demo: unusable documents"].contains("no such file"));
    let item = catalog.item("c", "i").unwrap().unwrap();
    let location = catalog.origin(&item, &item.assets()[0]).unwrap().unwrap().locate(None).unwrap();
    let part = crate::http::Request::get(location.url).with_header("Range", "bytes=3-5");
    assert_eq!(http(&report).document(&part).unwrap().body, b"345");
    assert_eq!(report.requests().len(), 0);
}
