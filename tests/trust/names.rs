//! Very many names: one listing of them, listings again and again, and one page that has all of them.

use std::time::Instant;

use serde_json::json;
use stacfs::demo::http::{Request, Response, Server};

use crate::hostile::{self, Answers};
use crate::load::{Weight, weight};
use crate::mounted::{Mounted, Place};
use crate::noise::COLLECTION;

/// Names in the listing, and items on the one page.
fn names() -> usize {
    if std::env::var_os("STACFS_TEST_LONG").is_some() { 1_000_000 } else { 5_000 }
}

/// A mount may take this much for each name in a listing, in bytes …
const LISTED: u64 = 400;
/// … and for each that the kernel knows, as long as that does.
const LOOKED_UP: u64 = 600;
/// … beside what it takes for itself.
const OWN: u64 = 100 << 20;

/// What a mount of very many names may take, in KiB, at so many bytes for each.
fn bound(each: u64) -> u64 {
    (OWN + names() as u64 * each) / 1024
}

/// A search API of one collection, without any limit of ours on how long its answers may take or be.
fn mount(search: Answers) -> (Server, Mounted) {
    let collection = json!({
        "type": "Collection", "stac_version": "1.0.0", "id": COLLECTION, "description": "",
        "license": "CC0-1.0", "links": [], "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2020-01-01T00:00:00Z", null]]}},
    });
    let server = Server::start(move |request: &Request| {
        let origin = request.origin();
        let link = |rel: &str, path: &str| json!({"rel": rel, "href": format!("{origin}{path}")});
        match request.path() {
            "/" => Response::json(
                200,
                &json!({
                    "type": "Catalog", "stac_version": "1.0.0", "id": "one", "description": "",
                    "conformsTo": ["https://api.stacspec.org/v1.0.0/core",
                        "https://api.stacspec.org/v1.0.0/item-search", "https://api.stacspec.org/v1.0.0/collections"],
                    "links": [link("data", "/collections"), link("search", "/search")],
                }),
            ),
            "/collections" => Response::json(200, &json!({"collections": [collection], "links": []})),
            "/search" => search(request),
            _ => Response::empty(404),
        }
    });
    let server = server.unwrap();
    let place = Place::new();
    place.configure("[mount]\nmax_items = 0\n[limits]\nmetadata_silence = 5m\nmetadata_total = 10m\n");
    let mount = place.mount(&[&format!("{}/", server.url())]);
    (server, mount)
}

/// Weighs the mount, and says so.
fn weigh(mount: &Mounted, what: &str) -> Weight {
    let weight = weight(mount.server().unwrap());
    println!("{what}: {weight:?}");
    weight
}

#[test]
fn very_many_names_are_all_listed_and_memory_stays_in_bounds() {
    let (_server, mount) = mount(hostile::pages(names()));
    weigh(&mount, "before");
    let count = |how: &str, below: &str| {
        let start = Instant::now();
        let found = mount.sh(&format!("cd {COLLECTION}/{below}; {how} | wc -l"));
        // collection.json stands beside them.
        assert_eq!(found.trim(), (names() + 1).to_string(), "{how} {below}");
        weigh(&mount, &format!("{} names by {how} in {COLLECTION}/{below} in {:?}", names(), start.elapsed()))
    };
    let listed = count("ls -U", "");
    assert!(listed.memory < bound(LISTED), "{listed:?}, bound {} KiB", bound(LISTED));
    // It looks at each.
    let found = count("find . -mindepth 1 -maxdepth 1", "");
    assert!(found.memory < bound(LISTED + LOOKED_UP), "{found:?}, bound {} KiB", bound(LISTED + LOOKED_UP));
    // Listings of other searches find no room beside each other, once they are a million names together.
    for other in ["datetime=2019..", "datetime=2018.."] {
        let last = count("ls -U", other);
        assert!(last.memory < bound(3 * LISTED + LOOKED_UP), "{listed:?}, {found:?}, then {last:?}");
    }
}

#[test]
fn a_page_of_all_items_is_listed_or_refused_and_given_back() {
    let (_server, mount) = mount(hostile::one_page(names()));
    let before = weigh(&mount, "before");
    let start = Instant::now();
    match mount.list(COLLECTION) {
        Ok(listed) => assert_eq!(listed.len(), names() + 1),
        Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EIO), "{error}"),
    }
    let errors = mount.text(".stacfs/errors");
    println!("a page of {} items in {:?}; {errors}", names(), start.elapsed());
    let after = weigh(&mount, "after");
    let bound = before.memory + bound(LISTED);
    assert!(after.memory < bound, "{after:?}, bound {bound} KiB");
}
