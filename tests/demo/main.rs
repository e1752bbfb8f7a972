//! The embedded servers under the programs that others judge such servers by.

mod lsru;
#[path = "../support/python.rs"]
mod python;
mod side_by_side;
mod whole_world;

use serde_json::Value;
use stacfs::demo::{
    self, Demo, Options,
    stac::{Layout, Personality},
    world,
};
use std::{collections::BTreeMap, process::Command, sync::Arc};

/// The folder with our Python.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo/python");

/// A server over the world that the numbers below are about.
fn small() -> Options {
    Options { world: Arc::new(world::small()), ..Options::default() }
}

fn start(personality: Personality) -> Demo {
    demo::start(Options { personality, ..small() }).expect("a demo server")
}

/// Runs a program of the environment and returns what it printed. Panics with the output where the program fails.
fn run(program: &str, arguments: &[&str]) -> String {
    let environment = python::environment();
    let mut command = Command::new(environment.join("bin").join(program));
    let command = command.args(arguments).env("NO_PROXY", "127.0.0.1").env("PYTHONPATH", PYTHON);
    let command = command.env("STACFS_TEST_VENV", &environment);
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{program} {arguments:?}\n{stdout}\n{stderr}");
    eprintln!("{stderr}");
    stdout
}

/// What `client.py` found, by search.
fn searches(demo: &Demo, method: &str, names: &[&str]) -> BTreeMap<String, Value> {
    let program = format!("{PYTHON}/client.py");
    let text = run("python3", &[&[program.as_str(), &demo.stac_url, method], names].concat());
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    lines.map(|line| (line["search"].as_str().unwrap_or_default().to_owned(), line)).collect()
}

fn ids(found: &Value) -> Vec<&str> {
    found["ids"].as_array().expect("ids").iter().filter_map(Value::as_str).collect()
}

#[test]
fn stac_api_validator_passes() {
    let demo = start(Personality::Plain);
    let polygon = r#"{"type":"Polygon","coordinates":[[[62,10],[63,10],[63,11],[62,11],[62,10]]]}"#;
    let classes = ["core", "collections", "features", "item-search", "filter"];
    let mut arguments = vec!["--root-url", &demo.stac_url, "--collection", "moon", "--geometry", polygon];
    arguments.extend(classes.iter().flat_map(|class| ["--conformance", class]));
    arguments.push("--validate-pagination");
    let text = run("stac-api-validator", &arguments);
    assert!(text.contains("Errors: none"), "{text}");
}

#[test]
fn pystac_client_finds_what_there_is() {
    let demo = start(Personality::Plain);
    for method in ["GET", "POST"] {
        let found = searches(&demo, method, &[]);
        assert_eq!(ids(&found["collections"]), ["moon", "fields", "odd", "empty"]);
        let counts = [
            ("all", 50),
            ("collection", 25),
            ("bbox", 6),
            ("antimeridian", 6),
            ("month", 2),
            ("range", 7),
            ("open", 7),
            ("query", 4),
            ("cql2-text", 2),
            ("cql2-json", 10),
        ];
        for (search, count) in counts {
            assert_eq!(found[search]["ids"].as_array().map(Vec::len), Some(count), "{method} {search}");
            assert_eq!(found[search]["matched"], count, "{method} {search}");
        }
        assert_eq!(ids(&found["ids"]), ["TC_07", "TC_03"]);
        assert_eq!(ids(&found["sorted"]), ["TC_00", "TC_01", "TC_02", "TC_03", "TC_04"]);
        assert_eq!(ids(&found["at most"]).len(), 7);
        assert!(ids(&found["queryables"]).contains(&"eo:cloud_cover"));
    }
}

#[test]
fn pystac_client_copes_with_the_personalities() {
    let all =
        [("all", 50), ("collection", 25), ("month", 2), ("range", 7), ("open", 7), ("ids", 2), ("sorted", 5)];
    // By GET stac-server 5.0.0 leads it to pages of empty items.
    for (personality, method, also) in [
        (Personality::StacServer, "POST", ("query", 4)),
        (Personality::Pgstac, "POST", ("cql2-json", 10)),
        (Personality::Pgstac, "GET", ("cql2-text", 2)),
        (Personality::GeoServer, "GET", ("cql2-text", 2)),
    ] {
        let wanted = [&all[..], &[also]].concat();
        let names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
        let found = searches(&start(personality), method, &names);
        for (name, count) in wanted {
            assert_eq!(ids(&found[name]).len(), count, "{personality:?} {method} {name}");
        }
    }
}

#[test]
fn pystac_reads_every_layout_of_the_static_catalogue() {
    for layout in [Layout::Relative, Layout::SelfContained, Layout::Absolute] {
        let options = Options { personality: Personality::Static, layout, ..small() };
        let demo = demo::start(options).expect("a demo server");
        let program = "import pystac, sys\n\
                       root = pystac.Catalog.from_file(sys.argv[1])\n\
                       items = list(root.get_items(recursive=True))\n\
                       for item in items: item.get_parent().id, item.make_asset_hrefs_absolute()\n\
                       root.validate_all()\n\
                       print(len(items), len([c for c in root.get_collections()]))";
        let text = run("python3", &["-c", program, &demo.stac_url]);
        assert_eq!(text.trim(), "50 2", "{layout:?}");
    }
}
