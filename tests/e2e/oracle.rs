//! The same searches by pystac-client, by brute force, and as paths.

use std::process::Command;

use stacfs::demo;

use crate::mounted::{Mounted, said};
use crate::python;

#[test]
fn searches_as_paths_are_those_of_pystac_client() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/oracle.py");
    let output = Command::new(python::environment().join("bin/python3"))
        .arg(script)
        .arg(&demo.stac_url)
        .arg(&mount.point)
        .output()
        .unwrap();
    println!("{}", said(&output));
    assert!(output.status.success(), "{}", said(&output));
}
