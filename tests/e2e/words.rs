//! A path, and the same search in the words of stac-client and curl.

use std::fs;
use std::process::{Command, Output};

use stacfs::demo;

use crate::mounted::{MOON, Mounted, said};
use crate::python;

fn stacfs(mount: &Mounted, words: &[&str]) -> Output {
    mount.place.stacfs(words).output().unwrap()
}

fn answer(mount: &Mounted, words: &[&str]) -> String {
    let output = stacfs(mount, words);
    assert!(output.status.success(), "{words:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// The row of a name in what explain prints.
fn row<'a>(told: &'a str, name: &str) -> &'a str {
    let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name}: {told}")).trim()
}

#[test]
fn a_path_and_a_stac_client_command_mean_the_same() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    for below in [
        format!("{MOON}/bbox=0,0,2.5,2.5"),
        format!("{MOON}/datetime=2009/sortby=-datetime"),
        "many/eo:cloud_cover.lt=20/datetime=2018".to_owned(),
        "many/platform=probe-a/intersects=POLYGON((0 0,90 0,90 45,0 45,0 0))".to_owned(),
    ] {
        let path = mount.path(&below).to_str().unwrap().to_owned();
        let count = mount.text(&format!("{below}/count"));
        let told = answer(&mount, &["explain", &path]);
        let line = row(&told, "stac-client");
        let folder = python::environment().join("bin");
        let script = format!("PATH={}:$PATH {line} --matched", folder.display());
        let matched = Command::new("bash").args(["-c", &script]).output().unwrap();
        let matched_text = String::from_utf8_lossy(&matched.stdout).into_owned();
        assert_eq!(matched_text.split_whitespace().next(), Some(count.trim()), "{line}\n{}", said(&matched));
        let curl = Command::new("bash").args(["-c", row(&told, "curl")]).output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&curl.stdout).unwrap();
        assert_eq!(json["numberMatched"].to_string(), count.trim());

        // And back: what was printed, pasted, is a path to the same items.
        let again = answer(&mount, &["path", line]);
        assert!(again.starts_with(mount.point.to_str().unwrap()), "{again}");
        assert_eq!(fs::read_to_string(format!("{again}/count")).unwrap(), count, "{again}");
    }
}

#[test]
fn a_shape_in_a_file_is_kept_by_its_name() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let file = mount.place.path("out/valley.geojson");
    let shape = r#"{"type":"Polygon","coordinates":[[[0,0],[2.5,0],[2.5,2.5],[0,2.5],[0,0]]]}"#;
    fs::write(&file, shape).unwrap();
    let words = [
        "path",
        "-c",
        MOON,
        "--intersects",
        file.to_str().unwrap(),
        "--mount",
        mount.point.to_str().unwrap(),
    ];
    let output = stacfs(&mount, &words);
    assert!(said(&output).contains("valley.geojson lies within 0,0,2.5,2.5"), "{}", said(&output));
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(path.ends_with("/intersects=valley"), "{path}");
    assert_eq!(fs::read_to_string(mount.place.path("config/stacfs/aoi/valley.geojson")).unwrap(), shape);
    let boxed = mount.text(&format!("{MOON}/bbox=0,0,2.5,2.5/count"));
    assert_eq!(fs::read_to_string(format!("{path}/count")).unwrap(), boxed);
    // Another shape of that name takes nothing away.
    fs::write(&file, shape.replace("2.5", "3.5")).unwrap();
    assert!(said(&stacfs(&mount, &words)).contains("another name with --name"));
}

#[test]
fn a_path_that_cannot_be_made_is_one_line() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    for (words, told) in [
        (&["path"][..], "nothing is searched for"),
        (&["path", "--bbox", "1,2"][..], "bbox=1,2"),
        (&["path", "--query", "gsd"][..], "has no sign"),
        (&["path", "--datetime", "yesterday"][..], "datetime=yesterday"),
        (&["path", "--intersects", "{}"][..], "--name"),
        (&["path", "--bbx", "1,2,3,4"][..], "unexpected argument '--bbx'; see stacfs path --help"),
        (&["path", "wget", "x"][..], "paste stac-client search"),
        (&["path", "client.search(bbox=b)"][..], "b is a variable"),
    ] {
        let output = stacfs(&mount, words);
        let line = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), line.lines().count()), (Some(2), 1), "{words:?}: {line}");
        assert!(line.contains(told), "{words:?}: {line}");
    }
}
