//! The seed tutorial as files: search, count, copy.

use std::collections::BTreeMap;
use std::fs;

use sha2::{Digest, Sha256};
use stacfs::demo;

use crate::mounted::{MOON, Mounted};

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn the_tutorial_is_a_count_and_a_copy() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let search = format!("{MOON}/bbox=0,0,2.5,2.5");
    let counted: usize = mount.text(&format!("{search}/count")).trim().parse().unwrap();
    assert!(counted > 1, "the search finds scenes");

    demo.server.journal().clear();
    mount.sh(&format!("mkdir $OUT/{MOON}; cp -r {search}/* $OUT/{MOON}/"));
    let out = mount.place.path("out").join(MOON);
    let items = fs::read_dir(&out).unwrap().flatten().filter(|entry| entry.path().is_dir()).count();
    assert_eq!(items, counted, "<collection>/<item>/ for each");

    let mut fetched: BTreeMap<String, u64> = BTreeMap::new();
    for request in demo.server.journal().entries() {
        *fetched.entry(request.path().to_owned()).or_default() += request.sent;
    }
    let mut files = 0;
    for item in fs::read_dir(&out).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(item.path().join("item.json")).unwrap()).unwrap();
        for asset in json["assets"].as_object().unwrap().values() {
            let href = asset["href"].as_str().unwrap();
            let basename = href.rsplit('/').next().unwrap();
            let copy = fs::read(item.path().join(basename)).unwrap();
            let original = reqwest::blocking::get(href).unwrap().bytes().unwrap();
            assert_eq!(sha256(&copy), sha256(&original), "{href}");
            let path = reqwest::Url::parse(href).unwrap().path().to_owned();
            let sent = fetched.get(&path).copied().unwrap_or_default();
            assert_eq!(sent, original.len() as u64, "{path} came over the wire once");
            files += 1;
        }
    }
    assert!(files >= 7 * counted, "all assets of all items: {files}");
}
