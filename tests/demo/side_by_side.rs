//! The real lsru and `stacfs espa` do the same things at the same server: their requests side by side.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use stacfs::demo::http::Entry;

use crate::lsru::{Bench, strings};

/// `stacfs espa` with a configuration that leads to the bench's server; it must succeed. Gives what it prints.
fn stacfs(bench: &Bench, words: &[&str]) -> String {
    let home = bench.folder.path();
    let file = home.join("c.ini");
    let text =
        format!("[usgs]\nusername = demo\npassword = demo-password\nespa_url = {}\n", bench.usgs.espa_url);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stacfs"));
    command.arg("espa").args(words).env_clear().env("HOME", home).env("STACFS_CONFIG", &file);
    let output =
        command.env("NO_PROXY", "127.0.0.1").current_dir(home).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{words:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// The requests since the last look, each once: method, path, JSON. What must differ is written alike: ids of orders,
/// names of archives, the time in a note, our mark in it, and 60 beside 60.0.
fn wire(bench: &Bench) -> BTreeSet<String> {
    let journal = bench.usgs.espa_server.journal();
    let entries = journal.entries();
    journal.clear();
    let orders: Vec<String> = bench.usgs.espa.orders().into_iter().map(|order| order.id).collect();
    let told = |entry: &Entry| {
        let body = serde_json::from_slice(&entry.body).unwrap_or(Value::Null);
        let mut line = format!("{} {} {}", entry.method, entry.path(), alike(&body));
        for id in &orders {
            line = line.replace(id, "ORDER").replace(&id.replace('@', "%40"), "ORDER");
        }
        match line.split_once("-SC") {
            Some((head, rest)) => format!("{head}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit())),
            None => line,
        }
    };
    entries.iter().map(told).collect()
}

fn alike(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(members) => members.iter().map(alike).collect(),
        Value::Object(members) => {
            let sorted: std::collections::BTreeMap<&String, Value> =
                members.iter().map(|(key, value)| (key, alike(value))).collect();
            json!(sorted)
        }
        Value::String(text) if text.starts_with("order placed on ") => json!("order placed on NOW"),
        Value::String(text) => json!(text.split(" [stacfs ").next()),
        other => other.clone(),
    }
}

#[test]
fn stacfs_and_lsru_send_the_same_requests() {
    let bench = Bench::demo();
    let first = strings(&bench.run("readme_search", &[])["first"]);
    let (one, two) = (first[0].as_str(), first[1].as_str());
    wire(&bench);

    bench.run("lists", &[]);
    let theirs = wire(&bench);
    assert_eq!(theirs.len(), 4, "{theirs:?}");
    for list in ["user", "formats", "resampling-methods", "projections"] {
        stacfs(&bench, &[list]);
    }
    assert_eq!(wire(&bench), theirs);

    let placed = bench.run("place", &[one, two]);
    let theirs = wire(&bench);
    let mine = stacfs(&bench, &["order", "--yes", one, two, "--products", "sr,pixel_qa"]);
    let mine = mine.trim();
    let projection = "aea:central_meridian=3.8,datum=wgs84,false_easting=0,false_northing=0,latitude_of_origin=43.7,\
                      standard_parallel_1=43,standard_parallel_2=44";
    let cropped = ["--projection", projection, "--extent=3.5,43.4,4,44", "--extent-units", "dd"];
    let more = ["--resolution", "60", "--note", "cropped order with resampling"];
    let words =
        [&["order", "--yes", one, two, "--products", "sr,pixel_qa"], &cropped[..], &more[..]].concat();
    let cancelled = stacfs(&bench, &words);
    let mut ours = wire(&bench);
    // We ask for the schema of orders, too.
    assert!(ours.remove("GET /api/v1/order-schema null"));
    assert_eq!(ours, theirs);

    let their = ["plain", "cropped"].map(|name| placed[name].as_str().unwrap());
    bench.run("cancel", &[their[1]]);
    let theirs = wire(&bench);
    stacfs(&bench, &["cancel", "--yes", cancelled.trim()]);
    assert_eq!(wire(&bench), theirs);

    bench.usgs.advance(Duration::from_secs(3600));
    let known = bench.run("status", &[their[0]]);
    let theirs = wire(&bench);
    let listed: BTreeSet<String> = stacfs(&bench, &["orders"]).lines().map(str::to_owned).collect();
    assert_eq!(listed, known["listed"].as_object().unwrap().keys().cloned().collect());
    assert!(stacfs(&bench, &["status", mine]).starts_with("complete"));
    assert_eq!(wire(&bench), theirs);

    for how in ["packed", "unpacked"] {
        let files = strings(&bench.run("download", &[their[0], how]));
        let theirs = wire(&bench);
        let folder = format!("mine-{how}");
        let unpack: &[&str] = if how == "unpacked" { &["--unpack"] } else { &[] };
        stacfs(&bench, &[&["download", mine, &folder], unpack].concat());
        let mut ours = wire(&bench);
        // We ask for the published MD5, too.
        ours.retain(|line| !line.contains(".md5 "));
        assert_eq!(ours, theirs, "{how}");
        let found = Command::new("find").arg(bench.folder.path().join(&folder)).args(["-type", "f"]).output();
        assert_eq!(found.unwrap().stdout.split(|byte| *byte == b'\n').count() - 1, files.len(), "{how}");
    }
    // What is there is kept, after a look at its length.
    bench.run("download", &[their[0], "packed"]);
    let theirs = wire(&bench);
    stacfs(&bench, &["download", mine, "mine-packed"]);
    assert_eq!(wire(&bench), theirs);
}
