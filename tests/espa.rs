//! `stacfs espa` as a user meets it: the program itself against the embedded server.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use stacfs::demo::http::{Entry, Fault};
use stacfs::demo::usgs::espa::Fate;
use stacfs::demo::usgs::scenes::{Archive, dataset};
use stacfs::demo::usgs::{Options, Usgs, start};

const HOUR: Duration = Duration::from_secs(3600);

/// The server, and a home whose configuration leads to it.
struct Bench {
    usgs: Usgs,
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let usgs = start(Options { standing_at: Some("2026-11-20T12:00:00Z".parse().unwrap()) }).unwrap();
        let home = tempfile::tempdir().unwrap();
        let words =
            format!("[usgs]\nusername = demo\npassword = demo-password\nespa_url = {}\n", usgs.espa_url);
        let file = home.path().join("c.ini");
        std::fs::write(&file, words).unwrap();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
        Bench { usgs, home }
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stacfs"));
        command.arg("espa").args(words).env_clear().env("HOME", self.home.path());
        command.env("STACFS_CONFIG", self.home.path().join("c.ini")).env("NO_PROXY", "127.0.0.1");
        command.current_dir(self.home.path()).stdin(Stdio::null()).output().unwrap()
    }

    fn answer(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{words:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.answer(&[words, &["--json"]].concat())).unwrap()
    }

    /// The exit status, and what it complains with.
    fn complaint(&self, words: &[&str]) -> (i32, String) {
        let output = self.run(words);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn journal(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.usgs.espa_server.journal().select(wanted)
    }

    /// Method, path and body of every request since the last look.
    fn wire(&self) -> Vec<(String, String, Value)> {
        let entries = self.usgs.espa_server.journal().entries();
        self.usgs.espa_server.journal().clear();
        let body = |entry: &Entry| serde_json::from_slice(&entry.body).unwrap_or(Value::Null);
        entries.iter().map(|e| (e.method.clone(), e.path().replace("/api/v1/", ""), body(e))).collect()
    }

    fn place(&self, count: usize) -> String {
        let ids = scenes(count);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        self.answer(&[&["order", "--yes", "--products", "sr_ndvi"], &ids[..]].concat()).trim().to_owned()
    }
}

fn scenes(count: usize) -> Vec<String> {
    let archive = Archive::generate();
    archive.scenes(dataset("landsat_ot_c2_l2").unwrap()).take(count).map(|scene| scene.display_id()).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_list_is_lines_or_json() {
    let bench = Bench::new();
    for (words, line, key) in [
        ("formats", "gtiff       GeoTiff", "formats"),
        ("resampling-methods", "nn          Nearest Neighbor", "resampling_methods"),
        ("projections", "utm:zone=1..60,zone_ns=north|south", "aea"),
        ("user", "username    demo", "username"),
    ] {
        let said = bench.answer(&[words]);
        assert!(said.lines().any(|told| told.trim() == line), "{words}: {said}");
        assert!(bench.json(&[words]).get(key).is_some(), "{words}");
    }
    let id = &scenes(1)[0];
    let said = bench.answer(&["products", id, "no_such_scene"]);
    assert!(
        said.contains("olitirs8_collection_2_l2: ") && said.contains("does not process: no_such_scene"),
        "{said}"
    );
}

#[test]
fn the_same_requests_as_lsrus_are_on_the_wire() {
    let bench = Bench::new();
    let ids = scenes(2);
    let order = bench.place(2);
    let mut wire = bench.wire();
    let note = wire[2].2["note"].take();
    assert!(note.as_str().unwrap().starts_with("order placed on 20"), "{note}");
    let body = json!({"olitirs8_collection_2_l2": {"inputs": ids, "products": ["sr_ndvi"]},
                      "format": "gtiff", "note": null, "resampling_method": "nn"});
    let expected = [
        ("GET", "available-products".to_owned(), json!({"inputs": ids})),
        ("GET", "order-schema".to_owned(), Value::Null),
        ("POST", "order".to_owned(), body),
    ];
    assert_eq!(wire, expected.map(|(method, path, body)| (method.to_owned(), path, body)));

    assert_eq!(bench.answer(&["orders"]).trim(), order);
    assert_eq!(bench.wire()[0].2, json!({"status": ["complete", "ordered"]}));
    assert_eq!(bench.json(&["cancel", "--yes", &order]), json!({"orderid": order, "status": "cancelled"}));
    let put = ("PUT".to_owned(), "order".to_owned(), json!({"orderid": order, "status": "cancelled"}));
    assert_eq!(bench.wire(), [put]);
    assert_eq!(bench.answer(&["orders"]), "");
    assert_eq!(bench.answer(&["orders", "--all"]).trim(), order);
}

#[test]
fn an_order_is_waited_for_downloaded_and_unpacked() {
    let bench = Bench::new();
    let ids = scenes(3);
    bench.usgs.espa.quirks().fates.insert(ids[2].clone(), Fate::Unavailable("Night scene".into()));
    let order = bench.place(3);
    let (status, words) = bench.complaint(&["download", &order, "out"]);
    assert!(status == 1 && words.contains("0 of 3 complete"), "{words}");
    bench.usgs.advance(HOUR);
    bench.answer(&["wait", &order]);
    let said = bench.answer(&["status", &order]);
    assert!(
        said.starts_with("complete: 2 of 3 complete, 1 unavailable\n") && said.contains("Night scene"),
        "{said}"
    );
    assert_eq!(bench.answer(&["status", "--urls", &order]).lines().count(), 2);

    bench.usgs.espa_server.faults().add(Fault::CutAfter(1000).on("/orders/*.tar.gz").method("GET").times(1));
    let done = bench.json(&["download", &order, "out"]);
    assert_eq!(done.as_array().unwrap().len(), 2);
    let out = bench.home.path().join("out");
    assert!(names(&out).iter().all(|name| name.ends_with(".tar.gz")) && names(&out).len() == 2);
    assert!(bench.journal(|entry| entry.range() == Some("bytes=1000-")).len() == 1);

    bench.wire();
    bench.answer(&["download", &order, "out"]);
    let archives = bench.journal(|entry| entry.path().ends_with(".tar.gz"));
    assert!(archives.len() == 2 && archives.iter().all(|entry| entry.method == "HEAD"));
    bench.wire();
    bench.answer(&["download", &order, "out", "--no-check"]);
    assert!(bench.journal(|entry| entry.path().starts_with("/orders/")).is_empty());

    bench.answer(&["download", &order, "members", "--unpack"]);
    let members = bench.home.path().join("members");
    assert_eq!(names(&members).len(), 2);
    for scene in names(&members) {
        let files = names(&members.join(scene));
        assert!(files.iter().any(|name| name.ends_with("_SR_NDVI.tif")), "{files:?}");
    }
}

#[test]
fn nothing_is_placed_or_cancelled_unasked() {
    let bench = Bench::new();
    let id = &scenes(1)[0];
    let (status, words) = bench.complaint(&["order", id, "--products", "sr_ndvi"]);
    assert!(status == 2 && words.contains("--yes"), "{words}");
    let dry: Value =
        serde_json::from_str(&bench.answer(&["order", id, "--products", "sr_ndvi", "--dry-run"])).unwrap();
    assert_eq!(dry["olitirs8_collection_2_l2"]["inputs"], json!([id]));
    let order = bench.place(1);
    assert_eq!(bench.complaint(&["cancel", &order]).0, 2);
    assert!(bench.answer(&["cancel", "--dry-run", &order]).contains("destroyed too"));
    assert!(bench.journal(|entry| entry.method == "PUT").is_empty());
    assert_eq!(bench.usgs.espa.orders().len(), 1);
}

#[test]
fn no_scene_is_dropped_unasked() {
    let bench = Bench::new();
    std::fs::write(bench.home.path().join("list"), format!("{}\nno_such_scene # typed\n", scenes(1)[0]))
        .unwrap();
    let words = ["order", "--yes", "@list", "--products", "sr_ndvi"];
    let (status, told) = bench.complaint(&words);
    assert!(
        status == 1 && told.contains("left out: no_such_scene") && told.contains("--allow-partial"),
        "{told}"
    );
    assert!(bench.usgs.espa.orders().is_empty());
    let placed = bench.json(&[&words[..], &["--allow-partial"]].concat());
    assert_eq!(placed["dropped"][0]["scene"], "no_such_scene");
    assert_eq!(bench.usgs.espa.orders().len(), 1);
}

#[test]
fn options_become_the_order() {
    let bench = Bench::new();
    let id = &scenes(1)[0];
    let words = [
        "order",
        id,
        "--dry-run",
        "--note",
        "Mine",
        "--resolution",
        "60",
        "--resampling",
        "cc",
        "--format",
        "envi",
        "--products",
        "l1",
        "--products",
        "olitirs8_collection_2_l2=sr_evi,sr_nbr",
        "--projection",
        "utm:zone=31,zone_ns=north",
        "--extent=-1,43.4,4,44",
    ];
    let body: Value = serde_json::from_str(&bench.answer(&words)).unwrap();
    let expected = json!({
        "olitirs8_collection_2_l2": {"inputs": [id], "products": ["sr_evi", "sr_nbr"]},
        "format": "envi", "note": "Mine", "resampling_method": "cc",
        "resize": {"pixel_size": 60.0, "pixel_size_units": "meters"},
        "projection": {"utm": {"zone": 31, "zone_ns": "north"}},
        "image_extents": {"west": -1.0, "south": 43.4, "east": 4.0, "north": 44.0, "units": "dd"},
    });
    assert_eq!(body, expected);
    for (more, status, told) in [
        (["--projection", "utm:zone=31"], 2, "utm also needs zone_ns"),
        (["--extent", "1,2,3,4"], 2, "--projection"),
        (["--resolution", "5"], 1, "30 to 5000 metres"),
        (["--products", "tm5_collection=sr"], 1, "none of the scenes is of the sensor tm5_collection"),
    ] {
        let (code, words) =
            bench.complaint(&[&["order", id, "--dry-run", "--products", "l1"], &more[..]].concat());
        assert!(code == status && words.contains(told), "{more:?}: {words}");
    }
}

#[test]
fn a_lost_answer_places_one_order() {
    let bench = Bench::new();
    bench.usgs.espa_server.faults().add(Fault::LostAnswer.on("/api/v1/order").method("POST").times(1));
    let order = bench.place(1);
    let orders = bench.usgs.espa.orders();
    assert_eq!(orders.iter().map(|order| order.id.clone()).collect::<Vec<_>>(), [order]);
}

#[test]
fn the_servers_refusals_are_its_own_words() {
    let bench = Bench::new();
    bench.usgs.espa.quirks().open_scenes_elsewhere = 10_000;
    let (status, words) = bench.complaint(&["order", "--yes", &scenes(1)[0], "--products", "sr_ndvi"]);
    assert!(status == 1 && words.contains("Order will exceed open scene limit of 10000"), "{words}");
    assert!(bench.usgs.espa.orders().is_empty());
    let (status, words) = bench.complaint(&["status", "espa-x"]);
    assert!(status == 1 && words.contains("ESPA knows no order espa-x"), "{words}");
    let jpeg = ["order", "--yes", &scenes(1)[0], "--products", "sr_ndvi", "--format", "jpeg"];
    bench.usgs.espa_server.journal().clear();
    let (status, words) = bench.complaint(&jpeg);
    assert!(status == 1 && words.contains("format: \"jpeg\" is none of gtiff, envi"), "{words}");
    assert!(bench.journal(|entry| entry.method == "POST").is_empty(), "its schema says so before");
    bench.usgs.espa_server.faults().add(Fault::status(404).on("/api/v1/order-schema"));
    let (status, words) = bench.complaint(&jpeg);
    assert!(status == 1 && words.contains("Unrecognized value 'jpeg' in format"), "{words}");
}

#[test]
fn a_wrong_password_is_sent_once_and_never_shown() {
    let bench = Bench::new();
    let file = bench.home.path().join("c.ini");
    let words = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, words.replace("demo-password", "wrong-password")).unwrap();
    let (status, told) = bench.complaint(&["orders"]);
    assert!(status == 1 && told.contains("[usgs]") && !told.contains("wrong-password"), "{told}");
    assert_eq!(bench.usgs.espa_server.journal().len(), 1);
    std::fs::write(&file, "").unwrap();
    let (status, told) = bench.complaint(&["orders"]);
    assert!(status == 1 && told.contains("set username and password in [usgs]"), "{told}");
}
