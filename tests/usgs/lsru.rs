//! lsru's documented examples, side by side: the real lsru 0.6.2 against the inventory API of 2020, and paths
//! against M2M. One archive is behind both, so that the scenes must be the same overpasses.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::python;

/// What a step of lsru's documentation prints.
fn lsru(bench: &Bench, step: &str) -> Value {
    let folder = bench.mount.place.path("out");
    std::fs::write(folder.join("lsru"), "[usgs]\nusername=demo\npassword=demo-password\n").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo/python/lsru_examples.py");
    let mut command = Command::new(python::environment().join("bin/python3"));
    command.args([script, step, &bench.usgs.legacy_url, &bench.usgs.espa_url]).arg(folder);
    let output = command.env("NO_PROXY", "127.0.0.1").output().unwrap();
    assert!(output.status.success(), "{step}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// Satellite, place and day: what the ids of one scene in several collections have in common.
fn overpass(id: &str) -> String {
    let parts: Vec<&str> = id.split('_').collect();
    [parts[0], parts[2], parts[3]].join("_")
}

fn theirs(ids: &Value) -> BTreeSet<String> {
    ids.as_array().unwrap().iter().map(|id| overpass(id.as_str().unwrap())).collect()
}

fn ours(bench: &Bench, path: &str) -> BTreeSet<String> {
    let names = bench.mount.list(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    names.iter().filter(|name| name.starts_with('L')).map(|name| overpass(name)).collect()
}

#[test]
fn the_readmes_search_lists_the_same_scenes() {
    let bench = Bench::new();
    let found = lsru(&bench, "readme_search");
    let window = "bbox=3.5,43.4,4,44/datetime=2013-01-01..2016-01-01";
    for (name, path) in [
        ("all", format!("landsat_ot_c2_l1/{window}")),
        ("clear", format!("landsat_ot_c2_l1/max_cloud_cover=40/{window}")),
        ("summer", format!("landsat_ot_c2_l1/{window}/months=6,7,8")),
        ("etm", format!("{window}/landsat_etm_c2_l1")),
    ] {
        let expected = theirs(&found[name]);
        assert!(expected.len() > 10, "{name}: {}", expected.len());
        assert_eq!(ours(&bench, &path), expected, "{path}");
    }
    let first = ours(&bench, &format!("landsat_ot_c2_l1/{window}/max_cloud_cover=40/max_items=10"));
    assert_eq!(first.len(), 10);
}

#[test]
fn baja_california_sur_is_what_shapely_keeps() {
    let bench = Bench::new();
    let found = lsru(&bench, "polygon");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo/python/lsru_examples.py");
    // The outline stands in lsru's documentation, and so in that script.
    let source = std::fs::read_to_string(script).unwrap();
    let (_, rest) = source.split_once("BAJA = [").unwrap();
    let (points, _) = rest.split_once(")]\n").unwrap();
    let numbers: Vec<f64> =
        points.split(['(', ')', ',']).filter_map(|number| number.trim().parse().ok()).collect();
    let ring: Vec<&[f64]> = numbers.chunks(2).collect();
    assert!(ring.len() > 20 && ring.first() == ring.last());
    let aoi = bench.mount.place.path("config/stacfs/aoi");
    std::fs::create_dir_all(&aoi).unwrap();
    let area = json!({"type": "Polygon", "coordinates": [ring]});
    std::fs::write(aoi.join("baja.geojson"), area.to_string()).unwrap();

    let when = "datetime=2018-01-01..2018-02-28/max_cloud_cover=30";
    let exact = theirs(&found["polygon"]);
    assert!(!exact.is_empty());
    assert_eq!(ours(&bench, &format!("landsat_ot_c2_l1/{when}/intersects=baja")), exact);
    let bounds: Vec<f64> = serde_json::from_value(found["bounds"].clone()).unwrap();
    let bounds = bounds.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    assert_eq!(ours(&bench, &format!("landsat_ot_c2_l1/{when}/bbox={bounds}")), theirs(&found["box"]));
}
