//! Very many names: one listing of them, listings again and again, and one page that has all of them.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};
use stacfs::demo::http::Server;
use stacfs::demo::world::{Assets, Collection, Items, Summary, World};
use stacfs::demo::{self, Demo, http};

use crate::hostile;
use crate::load::{Weight, weight};
use crate::mounted::{Mounted, Place};

/// Names in the listing, and items on the one page.
fn names() -> usize {
    if std::env::var_os("STACFS_TEST_LONG").is_some() { 1_000_000 } else { 5_000 }
}

/// A mount may take this much for each name it knows, in bytes, beside what it takes for itself.
const EACH: u64 = 400;
const OWN: u64 = 100 << 20;

/// Items made from their numbers.
struct Made(usize);

impl Items for Made {
    fn len(&self) -> usize {
        self.0
    }

    fn json(&self, index: usize) -> Value {
        json!({
            "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": format!("item-{index:07}"),
            "geometry": {"type": "Point", "coordinates": [0.0, 0.0]}, "bbox": [0.0, 0.0, 0.0, 0.0],
            "properties": {"datetime": "2020-01-01T00:00:00Z"}, "collection": "many",
            "assets": {"note": {"href": format!("many/{index}.txt"), "file:size": 9}},
        })
    }

    fn summary(&self, index: usize) -> Summary {
        let datetime = Some("2020-01-01T00:00:00Z".parse().unwrap());
        let bbox = Some([0.0; 4]);
        Summary { id: format!("item-{index:07}"), bbox, datetime, start: None, end: None }
    }
}

/// No file has any bytes.
struct NoBytes;

impl Assets for NoBytes {
    fn asset(&self, _: &str) -> Option<http::Content> {
        None
    }
}

fn serve() -> Demo {
    let json = json!({
        "type": "Collection", "stac_version": "1.0.0", "stac_extensions": [], "id": "many", "description": "",
        "license": "CC0-1.0", "links": [],
        "extent": {"spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]]},
            "temporal": {"interval": [["2020-01-01T00:00:00Z", null]]}},
    });
    let items = Arc::new(Made(names()));
    let world = World {
        id: "many".to_owned(),
        title: "Many".to_owned(),
        description: String::new(),
        collections: vec![Collection { json, queryables: Value::Object(Map::new()), items }],
        catalogs: Vec::new(),
        assets: Arc::new(NoBytes),
    };
    demo::start(demo::Options { world: Arc::new(world), ..demo::Options::default() }).unwrap()
}

/// Weighs the mount, and says so.
fn weigh(mount: &Mounted, what: &str) -> Weight {
    let weight = weight(mount.server().unwrap());
    println!("{what}: {weight:?}");
    weight
}

#[test]
fn very_many_names_are_all_listed_and_memory_stays_in_bounds() {
    let demo = serve();
    let place = Place::new();
    place.configure("[mount]\nmax_items = 0\n[limits]\nmetadata_silence = 5m\nmetadata_total = 10m\n");
    let mount = place.mount(&[&demo.stac_url]);
    weigh(&mount, "before");
    let list = |below: &str| {
        let start = Instant::now();
        let found = mount.sh(&format!("cd many/{below}; find . -mindepth 1 -maxdepth 1 | wc -l"));
        // collection.json stands beside them.
        assert_eq!(found.trim(), (names() + 1).to_string(), "{below}");
        weigh(&mount, &format!("{} names of many/{below} in {:?}", names(), start.elapsed()))
    };
    let first = list("");
    let again = list("");
    let bound = (OWN + names() as u64 * EACH) / 1024;
    assert!(again.memory < bound, "{again:?}, bound {bound} KiB");
    // Listings of other searches find no room beside each other, once they are a million names together.
    let others: Vec<Weight> = ["datetime=2019..", "datetime=2018.."].map(list).into();
    let last = others[others.len() - 1].memory;
    assert!(last < 3 * bound, "{first:?}, then {others:?}");
}

#[test]
fn a_page_of_all_items_is_listed_or_refused_and_given_back() {
    let page = hostile::one_page(names());
    let collection = json!({
        "type": "Collection", "stac_version": "1.0.0", "id": crate::noise::COLLECTION, "description": "",
        "license": "CC0-1.0", "links": [], "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2020-01-01T00:00:00Z", null]]}},
    });
    let server = Server::start(move |request: &http::Request| {
        let origin = request.origin();
        let link = |rel: &str, path: &str| json!({"rel": rel, "href": format!("{origin}{path}")});
        match request.path() {
            "/" => http::Response::json(200, &json!({
                "type": "Catalog", "stac_version": "1.0.0", "id": "one", "description": "",
                "conformsTo": ["https://api.stacspec.org/v1.0.0/core",
                    "https://api.stacspec.org/v1.0.0/item-search", "https://api.stacspec.org/v1.0.0/collections"],
                "links": [link("data", "/collections"), link("search", "/search")],
            })),
            "/collections" => http::Response::json(200, &json!({"collections": [collection], "links": []})),
            "/search" => page(request),
            _ => http::Response::empty(404),
        }
    })
    .unwrap();
    let place = Place::new();
    place.configure("[mount]\nmax_items = 0\n[limits]\nmetadata_silence = 5m\nmetadata_total = 10m\n");
    let mount = place.mount(&[&format!("{}/", server.url())]);
    let before = weigh(&mount, "before");
    let start = Instant::now();
    match mount.list(crate::noise::COLLECTION) {
        Ok(listed) => assert_eq!(listed.len(), names() + 1),
        Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EIO), "{error}"),
    }
    let errors = mount.text(".stacfs/errors");
    println!("a page of {} items in {:?}; {errors}", names(), start.elapsed());
    let after = weigh(&mount, "after");
    let bound = before.memory + (OWN + names() as u64 * EACH) / 1024;
    assert!(after.memory < bound, "{after:?}, bound {bound} KiB");
}
