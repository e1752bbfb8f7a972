//! A directory as a source for GIS programs: layers, a catalogue of its own, side files.

use std::collections::BTreeSet;

use serde_json::Value;
use stacfs::demo;

use crate::mosaics::{judge, squares};
use crate::mounted::{MOON, Mounted, Place};

#[test]
fn local_is_a_catalogue_that_odc_stac_reads() {
    let demo = squares();
    let mount = Mounted::of(&demo.stac_url);
    let directory = "squares/ids=s0,s1,s40,s41";
    let here = mount.path(directory).display().to_string();
    assert_eq!(judge(&["validate", &here]).lines().count(), 4);
    let files = || demo.server.journal().select(|entry| entry.path().ends_with(".tif"));
    assert!(files().is_empty(), "no raster is read");
    judge(&["load", &here, "data"]);
    assert!(!files().is_empty());
    assert!(
        mount.list(&format!("{directory}/local")).unwrap() == ["catalog.json", "collection.json", "items"]
    );
    // What a view hides is not offered.
    let hidden = format!("{directory}/assets=other/local/items/s0.json");
    let item: Value = serde_json::from_str(&mount.text(&hidden)).unwrap();
    assert_eq!(item["assets"], serde_json::json!({}));
    assert!(!mount.path(&format!("{directory}/local/items/s2.json")).exists(), "it is not listed");
}

#[test]
fn local_of_the_moon_is_valid_for_pystac() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let directory = format!("{MOON}/bbox=0,0,2.5,2.5/max_items=5");
    let items = judge(&["validate", &mount.path(&directory).display().to_string()]);
    assert_eq!(items.lines().count(), 5);
    let collection: Value =
        serde_json::from_str(&mount.text(&format!("{directory}/local/collection.json"))).unwrap();
    assert!(collection["stacfs:truncated"].as_str().unwrap().contains("max_items=5"), "a cut says so");
}

#[test]
fn a_search_says_where_a_browser_finds_it() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let search = "sentinel-2-l2a/datetime=2024-01-01..2024-01-20/eo:cloud_cover.lt=90/sortby=-datetime";
    let names: BTreeSet<String> = mount.list(search).unwrap().into_iter().collect();
    let asked = demo.server.journal().len();
    let said = mount.sh(&format!(
        "python3 -c 'import os, sys\nfor name in \"query\", \"url\": print(os.getxattr(sys.argv[1], \"user.stac.\" + name).decode())' {search}"
    ));
    let (query, url) = said.trim().split_once('\n').unwrap();
    assert_eq!(demo.server.journal().len(), asked, "no attribute costs a request");
    assert!(query.contains("eo:cloud_cover.lt=90"), "{query}");
    let found: Value = serde_json::from_str(&mount.sh(&format!("curl -sf '{url}'"))).unwrap();
    let ids =
        found["features"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned());
    let ids: BTreeSet<String> = ids.chain(["collection.json".to_owned()]).collect();
    assert_eq!(ids, names);
    let unknown = mount.run("python3 -c 'import os; os.getxattr(\"many/gsd=3\", \"user.stac.url\")'");
    assert!(!unknown.status.success(), "which kind of number that is would have to be asked for");
}

/// The most memory the server of a mount has taken, in bytes.
fn peak(mount: &Mounted) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", mount.server().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn ten_thousand_items_are_a_layer_made_in_little_memory() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let layer = "many/max_items=10000/items.geojson";
    let size: u64 =
        mount.sh(&format!("until stat -c %s {layer} 2> /dev/null; do sleep 1; done")).trim().parse().unwrap();
    assert!(size > 2_000_000, "{size}");
    let told = mount.sh(&format!("ogrinfo -ro -so {layer} items; wc -c < {layer}"));
    assert!(told.contains("Feature Count: 10000") && told.contains("Geometry: Point"), "{told}");
    assert!(told.ends_with(&format!("{size}\n")), "{told}");
    assert!(peak(&mount) < 250_000_000, "{} bytes", peak(&mount));
}

#[test]
fn file_dialogs_see_what_is_derived_if_they_shall() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let plain = Mounted::of(&demo.stac_url);
    assert!(!plain.list(MOON).unwrap().iter().any(|name| name == "items.geojson" || name == "mosaics"));
    let shown = Place::new().mount(&["--show-derived", &demo.stac_url]);
    let names = shown.list(MOON).unwrap();
    assert!(names.iter().any(|name| name == "items.geojson") && names.iter().any(|name| name == "mosaics"));
    assert!(shown.text(".stacfs/config").contains("show_derived = yes"));
}

#[test]
fn side_files_are_kept_elsewhere() {
    let squares = squares();
    let mount = Mounted::of(&squares.stac_url);
    let image = "squares/s7/7.tif";
    let statistics = mount.sh(&format!("gdalinfo -stats {image}"));
    assert!(statistics.contains("STATISTICS_MEAN"), "{statistics}");
    // The mount is read-only; GDAL keeps nothing and says nothing.
    assert!(!mount.path(&format!("{image}.aux.xml")).exists());
    // With a folder for side files it keeps them there, and finds them again.
    mount.sh(&format!(
        "mkdir $OUT/pam; export GDAL_PAM_PROXY_DIR=$OUT/pam
         gdalinfo -stats $MNT/{image} > /dev/null
         test $(ls $OUT/pam/*.aux.xml | wc -l) = 1
         gdalinfo $MNT/{image} | grep STATISTICS_MEAN"
    ));
    // Overviews that a file has none of go there as well.
    mount.sh(
        "! gdaladdo -q -ro squares/s7/7.tif 2 2> /dev/null; export GDAL_PAM_PROXY_DIR=$OUT/pam
         gdaladdo -q -ro $MNT/squares/s7/7.tif 2; ls $OUT/pam/*.ovr; gdalinfo $MNT/squares/s7/7.tif | grep 'Overviews: 32x32'
         gdalbuildvrt -q $OUT/mine.vrt $MNT/squares/s8/8.tif; gdaladdo -q $OUT/mine.vrt 2; test -s $OUT/mine.vrt.ovr",
    );
}

#[test]
fn status_and_metrics_agree_with_the_server() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    mount.sh(&format!(
        "cd {MOON}/bbox=0,0,2.5,2.5/max_items=1
         cat count; ls > /dev/null; cat items.geojson */*.lbl > /dev/null; gdalinfo mosaics/image.vrt > /dev/null
         cat */*.tif | wc -c; cat */*.tif | wc -c"
    ));
    let journal = demo.server.journal();
    assert!(
        journal.wait_for(std::time::Duration::from_secs(60), |all| all.iter().all(|one| one.took.is_some()))
    );
    let status: Value = serde_json::from_str(&mount.text(".stacfs/status.json")).unwrap();
    let counter = |name: &str| status["counters"][name].as_u64().unwrap();
    assert_eq!(counter("requests"), journal.len() as u64);
    assert_eq!(counter("network_bytes"), journal.sent());
    assert!(counter("cache_hits") > 0 && counter("errors") == 0);
    let metrics = mount.text(".stacfs/metrics");
    assert!(metrics.contains(&format!("stacfs_requests_total {}\n", counter("requests"))), "{metrics}");
    assert!(metrics.contains("# TYPE stacfs_cache_used_bytes gauge\n") && metrics.ends_with("# EOF\n"));
    let lines = mount.text(".stacfs/requests").lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(lines as u64, counter("requests"));
}
