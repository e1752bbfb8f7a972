//! What a name costs, and what a wrong one says.

use std::os::unix::fs::MetadataExt;
use std::{fs, io};

use stacfs::demo;

use crate::mounted::{MOON, Mounted, said};

fn errno(result: io::Result<fs::Metadata>) -> i32 {
    result.expect_err("it is not there").raw_os_error().unwrap()
}

#[test]
fn names_of_nothing_cost_at_most_one_request() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let items = mount.list(&format!("{MOON}/max_items=1")).unwrap();
    let item = items.iter().find(|name| *name != "collection.json").unwrap();
    let stat = |name: &str| errno(fs::metadata(mount.path(&format!("{MOON}/{name}"))));

    fs::metadata(mount.path(&format!("{MOON}/{item}"))).unwrap();
    demo.server.journal().clear();
    for name in [".git", ".hidden", "desktop.ini", "items.json", &format!("{item}/image.tif.aux.xml")] {
        assert_eq!(stat(name), libc::ENOENT, "{name}");
    }
    assert_eq!(demo.server.journal().len(), 0, "{:?}", demo.server.journal().entries());
    assert_eq!(stat("no-such-item"), libc::ENOENT);
    assert_eq!(stat("no-such-item"), libc::ENOENT);
    assert_eq!(demo.server.journal().len(), 1, "an unknown item is one request");
}

#[test]
fn what_gdal_and_editors_look_for_in_a_directory_costs_nothing() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let search = format!("{MOON}/max_items=1");
    mount.sh(&format!("ls {search}; cat {search}/items.geojson > $OUT/layer"));
    demo.server.journal().clear();
    for directory in [MOON, &search] {
        mount.sh(&format!(
            "export GDAL_DISABLE_READDIR_ON_OPEN=TRUE
             ! gdalinfo {directory}; ! gdalinfo {search}/items.geojson; ! gdalinfo {directory}/collection.json
             cd {directory}; stat tags TAGS .git Thumbs.db || true"
        ));
    }
    let items = demo.server.journal().select(|entry| entry.path().contains("/items/"));
    assert!(items.is_empty(), "{items:?}");
}

#[test]
fn a_wrong_segment_is_einval_and_says_why() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let cases = [
        ("bbx=0,0,1,1", "bbox"),
        ("cloud_cover=20", "max_cloud_cover"),
        ("bbox=0,0,1", "4"),
        ("datetime=2018-13", "month"),
        ("limit=5", "max_items"),
    ];
    for (segment, hint) in cases {
        let path = mount.path(&format!("{MOON}/{segment}"));
        assert_eq!(errno(fs::metadata(&path)), libc::EINVAL, "{segment}");
        let explained = mount.place.stacfs(["explain".as_ref(), path.as_os_str()]).output().unwrap();
        assert!(
            !explained.status.success() && said(&explained).contains(hint),
            "{segment}: {}",
            said(&explained)
        );
    }
    let errors = mount.text(".stacfs/errors");
    assert!(errors.contains("bbx=0,0,1,1") && errors.contains("did you mean"), "{errors}");
}

#[test]
fn two_paths_to_an_asset_are_one_inode_to_a_directory_two() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let narrow = format!("{MOON}/bbox=0,0,2.5,2.5");
    let item = mount.list(&narrow).unwrap().into_iter().find(|name| name != "collection.json").unwrap();
    let inode = |path: String| fs::metadata(mount.path(&path)).unwrap().ino();
    let file =
        mount.list(&format!("{narrow}/{item}")).unwrap().into_iter().find(|n| n.ends_with(".tif")).unwrap();
    assert_eq!(inode(format!("{narrow}/{item}/{file}")), inode(format!("{MOON}/{item}/{file}")));
    assert_ne!(inode(format!("{narrow}/{item}")), inode(format!("{MOON}/{item}")));
}
