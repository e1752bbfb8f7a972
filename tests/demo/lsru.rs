//! The real lsru 0.6.2 runs the examples of its documentation against the embedded USGS servers.

use crate::python::environment;
use serde_json::{Value, json};
use stacfs::demo::http::{Entry, Fault};
use stacfs::demo::usgs::{self, Usgs, espa};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::PathBuf,
    process::Command,
    time::Duration,
};

/// The servers, a folder with lsru's configuration, and Python.
pub struct Bench {
    pub usgs: Usgs,
    pub folder: tempfile::TempDir,
    python: PathBuf,
}

impl Bench {
    fn new(password: &str) -> Bench {
        let python = environment().join("bin/python3");
        let options = usgs::Options { standing_at: Some("2020-11-20T12:00:00Z".parse().unwrap()) };
        let usgs = usgs::start(options).unwrap();
        usgs.espa.quirks().personality = espa::Personality::Collection1;
        let folder = tempfile::tempdir().unwrap();
        let user = if password.starts_with("demo") { "demo" } else { "other person" };
        fs::write(folder.path().join("lsru"), format!("[usgs]\nusername={user}\npassword={password}\n"))
            .unwrap();
        Bench { usgs, folder, python }
    }

    pub fn demo() -> Bench {
        Bench::new("demo-password")
    }

    /// What a step of the examples prints.
    pub fn run(&self, step: &str, arguments: &[&str]) -> Value {
        self.attempt(step, arguments).unwrap_or_else(|words| panic!("{step}: {words}"))
    }

    /// The same, or what Python says of its failure.
    fn attempt(&self, step: &str, arguments: &[&str]) -> Result<Value, String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo/python/lsru_examples.py");
        let mut command = Command::new(&self.python);
        command.args([script, step, &self.usgs.legacy_url, &self.usgs.espa_url]).arg(self.folder.path());
        let output = command.args(arguments).env("NO_PROXY", "127.0.0.1").output().unwrap();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        if !output.status.success() {
            return Err(stderr);
        }
        let last = stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).map_err(|error| format!("{error}: {stdout}"))
    }

    /// What ESPA was sent with this method and path.
    fn sent(&self, method: &str, path: &str) -> Vec<Value> {
        let wanted = |entry: &Entry| entry.method == method && entry.path() == path;
        let entries = self.usgs.espa_server.journal().select(wanted);
        entries.iter().map(|entry| serde_json::from_slice(&entry.body).unwrap_or_default()).collect()
    }

    /// The display ids that M2M finds.
    fn m2m(&self, dataset: &str, filter: &Value) -> Vec<String> {
        let client =
            reqwest::blocking::Client::builder().user_agent("stacfs-test").no_proxy().build().unwrap();
        let ask = |endpoint: &str, key: &str, input: Value| -> Value {
            let request = client.post(format!("{}{endpoint}", self.usgs.m2m_url)).body(input.to_string());
            let request = if key.is_empty() { request } else { request.header("X-Auth-Token", key) };
            let envelope: Value = serde_json::from_slice(&request.send().unwrap().bytes().unwrap()).unwrap();
            assert_eq!(envelope["errorCode"], Value::Null, "{envelope}");
            envelope["data"].clone()
        };
        let key = ask("login-token", "", json!({"username": "demo", "token": "demo-token"}));
        let search = json!({"datasetName": dataset, "sceneFilter": filter, "maxResults": 50_000});
        let found = ask("scene-search", key.as_str().unwrap(), search);
        strings(
            &found["results"].as_array().unwrap().iter().map(|scene| scene["displayId"].clone()).collect(),
        )
    }
}

pub fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// Satellite, place and day: what the ids of one scene in several collections have in common.
fn overpasses(ids: &[String]) -> BTreeSet<String> {
    let common = |id: &String| {
        let parts: Vec<&str> = id.split('_').collect();
        [parts[0], parts[2], parts[3]].join("_")
    };
    ids.iter().map(common).collect()
}

fn window(west: f64, south: f64, east: f64, north: f64, first: &str, last: &str) -> Value {
    json!({"spatialFilter": {"filterType": "mbr", "lowerLeft": {"longitude": west, "latitude": south},
           "upperRight": {"longitude": east, "latitude": north}},
           "acquisitionFilter": {"start": first, "end": last}})
}

#[test]
fn lsru_logs_in_with_passwords_of_all_kinds() {
    for (password, works) in [("demo-password", true), ("demo-token", false), ("100%%:sure #1; =yes", true)] {
        let bench = Bench::new(password);
        if works {
            let found = bench.run("credentials", &[]);
            assert_eq!((&found["login"], &found["age"]), (&json!(true), &json!(true)), "{password}");
            assert_eq!(found["key"].as_str().map(str::len), Some(32));
            bench.run("lists", &[]);
        } else {
            let api = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
            let form = "jsonRequest=%7B%22username%22%3A%22demo%22%2C%22password%22%3A%22demo-token%22%7D";
            let reply = api.post(format!("{}/login", bench.usgs.legacy_url)).body(form).send().unwrap();
            assert!(reply.text().unwrap().contains("AUTH_INVALID"));
        }
    }
}

#[test]
fn lsrus_readme_search_finds_what_m2m_finds() {
    let bench = Bench::demo();
    let found = bench.run("readme_search", &[]);
    let all = strings(&found["all"]);
    assert!(all.len() > 100, "{}", all.len());
    assert_eq!(found["valid"], true);
    let clear = strings(&found["clear"]);
    assert!(clear.len() < all.len());
    assert_eq!(strings(&found["first"]), clear[..10]);
    assert_eq!(strings(&found["second"]), clear[10..20]);
    let summer = strings(&found["summer"]);
    assert!(summer.iter().all(|id| ["06", "07", "08"].contains(&&id[21..23])) && !summer.is_empty());
    // The same scenes of today's collection.
    let filter = window(3.5, 43.4, 4.0, 44.0, "2013-01-01", "2016-01-01");
    let eight: BTreeSet<String> = overpasses(&bench.m2m("landsat_ot_c2_l1", &filter));
    assert_eq!(overpasses(&all), eight);
    assert_eq!(overpasses(&strings(&found["etm"])), overpasses(&bench.m2m("landsat_etm_c2_l1", &filter)));
    let mut clouds = filter.clone();
    clouds["cloudCoverFilter"] = json!({"max": 40});
    assert_eq!(overpasses(&clear), overpasses(&bench.m2m("landsat_ot_c2_l1", &clouds)));
    let mut months = filter;
    months["seasonalFilter"] = json!([6, 7, 8]);
    assert_eq!(overpasses(&summer), overpasses(&bench.m2m("landsat_ot_c2_l1", &months)));
}

#[test]
fn lsrus_polygon_keeps_about_half_of_the_box() {
    let bench = Bench::demo();
    let found = bench.run("polygon", &[]);
    let (in_box, in_polygon) = (strings(&found["box"]), strings(&found["polygon"]));
    // 52 and 27 in lsru's documentation, of the real archive.
    assert!((30..90).contains(&in_box.len()), "{}", in_box.len());
    assert!(
        in_polygon.len() > in_box.len() / 4 && in_polygon.len() < in_box.len() * 3 / 4,
        "{}",
        in_polygon.len()
    );
    let [west, south, east, north]: [f64; 4] = serde_json::from_value(found["bounds"].clone()).unwrap();
    let mut filter = window(west, south, east, north, "2018-01-01", "2018-02-28");
    filter["cloudCoverFilter"] = json!({"max": 30});
    assert_eq!(overpasses(&in_box), overpasses(&bench.m2m("landsat_ot_c2_l1", &filter)));
}

#[test]
fn lsru_orders_lists_downloads_and_cancels() {
    let bench = Bench::demo();
    let found = bench.run("readme_search", &[]);
    let mut scenes: Vec<String> = strings(&found["first"])[..2].to_vec();
    // A scene that the server does not know, which lsru drops without a word, and one of a restricted day.
    scenes.push("LC08_L1TP_no_such_scene".into());
    let restricted = "LE07_L1TP_197030_20160605_20161009_01_T1";
    scenes.extend(strings(&found["etm"])[..1].iter().cloned());
    scenes.push(restricted.into());
    let arguments: Vec<&str> = scenes.iter().map(String::as_str).collect();
    let (orders, items) = order_and_watch(&bench, &arguments);
    assert_eq!(items.keys().cloned().collect::<HashSet<_>>(), [0, 1, 3].map(|n| scenes[n].clone()).into());
    let archives = strings(&bench.run("download", &[&orders[0], "packed"]));
    assert_eq!(archives.len(), 3);
    assert!(archives.iter().all(|name| name.ends_with(".tar.gz")));
    let members = strings(&bench.run("download", &[&orders[0], "unpacked"]));
    assert_eq!(members.iter().filter(|name| name.ends_with("_pixel_qa.tif")).count(), 3, "{members:?}");
    // What is complete on disk is not fetched again: a HEAD compares the sizes.
    bench.usgs.espa_server.journal().clear();
    bench.run("download", &[&orders[0], "packed"]);
    let fetched = bench.usgs.espa_server.journal().select(|entry| entry.path().ends_with(".tar.gz"));
    assert!(fetched.len() == 3 && fetched.iter().all(|entry| entry.method == "HEAD"), "{fetched:?}");
}

/// Places lsru's two orders, watches them complete, and returns their ids and the items of the first.
fn order_and_watch(bench: &Bench, scenes: &[&str]) -> ([String; 2], BTreeMap<String, Value>) {
    let placed = bench.run("place", scenes);
    assert!(placed["warnings"][0].as_str().unwrap().contains("date restriction"), "{placed}");
    let orders = ["plain", "cropped"].map(|name| placed[name].as_str().unwrap().to_owned());
    let bodies = bench.sent("POST", "/api/v1/order");
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0]["olitirs8_collection"]["products"], json!(["sr", "pixel_qa"]));
    assert_eq!(bodies[1]["resize"], json!({"pixel_size": 60, "pixel_size_units": "meters"}));
    assert_eq!(bodies[1]["image_extents"]["units"], "dd");
    let ids: Vec<&str> = orders.iter().map(String::as_str).collect();
    let before = bench.run("status", &ids);
    assert_eq!(before["listed"], json!({ids[0]: "ordered", ids[1]: "ordered"}));
    assert_eq!((&before["complete"], &before["urls"]), (&json!([false, false]), &json!([[], []])));
    // The second is cancelled while it is worked on, the first goes its way.
    assert_eq!(bench.run("cancel", &[ids[1]]), json!({"orderid": ids[1], "status": "cancelled"}));
    bench.usgs.advance(Duration::from_secs(3600));
    let after = bench.run("status", &ids);
    assert_eq!(after["listed"], json!({ids[0]: "complete"}));
    assert_eq!(after["complete"], json!([true, false]));
    assert_eq!(after["urls"][0].as_array().unwrap().len(), 3);
    let items = after["items"][0].as_object().unwrap().clone();
    assert!(items.values().all(|status| status == "complete"));
    assert!(after["items"][1].as_object().unwrap().values().all(|status| status == "cancelled"));
    (orders, items.into_iter().collect())
}

#[test]
fn an_archive_that_breaks_off_is_fetched_again() {
    let bench = Bench::demo();
    let scene = strings(&bench.run("readme_search", &[])["first"])[0].clone();
    let order = bench.run("place", &[&scene])["plain"].as_str().unwrap().to_owned();
    bench.usgs.advance(Duration::from_secs(3600));
    bench.usgs.espa_server.faults().add(Fault::CutAfter(1000).on("/orders/*.tar.gz").method("GET").times(1));
    bench.run("download", &[&order, "packed"]);
    let archives = strings(&bench.run("download", &[&order, "packed"]));
    let size = fs::metadata(bench.folder.path().join("packed").join(&archives[0])).unwrap().len();
    assert!(size > 1000, "the second run compares the sizes");
}

#[test]
fn lsru_trips_over_a_sensor_whose_scenes_are_all_restricted() {
    let bench = Bench::demo();
    let scene = strings(&bench.run("readme_search", &[])["first"])[0].clone();
    let words = bench.attempt("place", &[&scene, "LE07_L1TP_197030_20160605_20161009_01_T1"]).unwrap_err();
    assert!(words.contains("400 Client Error"), "{words}");
    let bodies = bench.sent("POST", "/api/v1/order");
    assert_eq!(bodies[0]["etm7_collection"]["inputs"], json!([]), "lsru sends a sensor without scenes");
    assert!(bench.usgs.espa.orders().is_empty());
}
