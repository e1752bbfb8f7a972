//! Catalogues of files: no server that could search behind them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use stacfs::demo::stac::{Layout, Personality};
use stacfs::demo::{self, Demo, Options};

use crate::mounted::{Mounted, Place};

fn static_demo(layout: Layout) -> Demo {
    demo::start(Options {
        personality: Personality::Static,
        layout,
        world: Arc::new(demo::world::small()),
        ..Options::default()
    })
    .unwrap()
}

#[test]
fn a_static_catalogue_is_a_tree() {
    for layout in [Layout::Relative, Layout::SelfContained, Layout::Absolute] {
        let demo = static_demo(layout);
        let mount = Mounted::of(&demo.stac_url);
        let items = mount.sh("find . -name item.json | wc -l");
        assert_eq!(items.trim(), "50", "{layout:?}");
        let image = fs::read(mount.path("planets/lunar/moon/TC_01/TC_01.tif")).unwrap();
        assert_eq!(image.len(), 5_000);
        let listed = mount.list("planets/lunar/moon/datetime=2008").unwrap();
        let counted = mount.text("planets/lunar/moon/datetime=2008/count");
        let scenes = listed.iter().filter(|name| name.starts_with("TC_")).count();
        assert_eq!(counted.trim(), scenes.to_string());
        let before = demo.server.journal().len();
        mount.sh("ls planets/lunar/moon/bbox=0,0,20,20 planets/lunar/moon/sortby=-datetime > /dev/null");
        assert_eq!(demo.server.journal().len(), before, "what was walked is not asked for again");
    }
}

/// Every file below a folder, by its path.
fn files(folder: &Path, path: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{path}/{}", entry.file_name().into_string().unwrap());
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), &path, found),
            false => drop(found.insert(path, fs::read(entry.path()).unwrap())),
        }
    }
}

#[test]
fn a_member_of_a_tar_is_found_by_name_whatever_it_is_called() {
    let place = Place::new();
    let folder = place.path("files");
    fs::create_dir(&folder).unwrap();
    for name in ["README.md", "manifest.safe"] {
        fs::write(folder.join(name), name).unwrap();
    }
    let mut tar = Command::new("tar");
    tar.args(["-cf", "bundle.tar", "README.md", "manifest.safe"]).current_dir(&folder);
    assert!(tar.status().unwrap().success());
    let item = json!({
        "type": "Feature", "stac_version": "1.0.0", "id": "b", "geometry": null, "links": [],
        "properties": { "datetime": "2020-01-02T03:04:05Z" },
        "assets": { "bundle": { "href": "./bundle.tar" } },
    });
    fs::write(folder.join("lines.ndjson"), format!("{item}\n")).unwrap();
    let mount = place.mount(&[folder.join("lines.ndjson").to_str().unwrap()]);
    // Nothing is listed, so nothing of the tar is known yet.
    assert_eq!(mount.text("lines/b/bundle/README.md"), "README.md");
    assert_eq!(mount.text("lines/b/bundle/manifest.safe"), "manifest.safe");
    assert!(!mount.path("lines/b/bundle/.git").exists());
}

#[test]
fn files_on_disk_are_sources_together() {
    let place = Place::new();
    let folder = place.path("files");
    fs::create_dir_all(folder.join("scenes/a")).unwrap();
    let item = |id: &str| {
        json!({
            "type": "Feature", "stac_version": "1.0.0", "id": id, "geometry": null, "links": [],
            "properties": { "datetime": "2020-01-02T03:04:05Z" },
            "assets": { "data": { "href": "./data.bin" }, "absent": { "href": "./absent.bin" } },
        })
    };
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n * 7 % 251) as u8).collect();
    fs::write(folder.join("scenes/a/data.bin"), &bytes).unwrap();
    fs::write(folder.join("data.bin"), b"beside the lines").unwrap();
    write("scenes/a/a.json", item("a").to_string());
    write("lines.ndjson", format!("{}\n{}\n", item("b"), item("c")));
    let collection = json!({
        "type": "Collection", "stac_version": "1.0.0", "id": "scenes", "description": "Here.", "license": "other",
        "links": [{ "rel": "item", "href": "./a/a.json" }],
    });
    write("scenes/collection.json", collection.to_string());
    let catalog = json!({
        "type": "Catalog", "stac_version": "1.0.0", "id": "root", "description": "Here.",
        "links": [{ "rel": "child", "href": "./scenes/collection.json" }],
    });
    write("catalog.json", catalog.to_string());

    let source = |name: &str| folder.join(name).into_os_string().into_string().unwrap();
    let mount = place.mount(&[&source("catalog.json"), &source("lines.ndjson")]);
    let read = |path: &str| fs::read(mount.path(path));
    assert_eq!(read("catalog/scenes/a/data.bin").unwrap(), bytes);
    assert_eq!(read("lines/lines/c/data.bin").unwrap(), b"beside the lines");
    assert!(read("catalog/scenes/a/absent.bin").is_err());
    assert_eq!(mount.text("lines/lines/ids=b/count").trim(), "1");
    mount.sh("cp -r catalog/scenes $OUT/ 2> /dev/null || true");
    let mut copied = BTreeMap::new();
    files(&mount.place.path("out/scenes"), "", &mut copied);
    assert_eq!(copied["/a/data.bin"], bytes);
    assert_eq!(copied["/a/item.json"], fs::read(folder.join("scenes/a/a.json")).unwrap());
}
