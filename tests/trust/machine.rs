//! The machine is ill: its disk refuses writes, its clock jumps.

use std::fs::{self, File};
use std::process::Command;

use stacfs::demo::http::Fault;

use crate::mounted::{Mounted, Place, said};
use crate::noise::{COLLECTION, KIB, MIB, Noisy, sent, serve};

/// Mounts with `shim.c` preloaded.
fn mount(place: Place, url: &str) -> Mounted {
    let shim = place.path("shim.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trust/shim.c");
    let made =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([shim.as_path(), source.as_ref()]).output();
    let made = made.unwrap();
    assert!(made.status.success(), "cc is there, or nothing of this would be: {}", said(&made));
    let point = place.path("mnt");
    let output = place
        .stacfs(["mount".as_ref(), url.as_ref(), point.as_os_str()])
        .env("LD_PRELOAD", &shim)
        .env("SHIM_ILL", place.path("ill"))
        .env("SHIM_FOLDER", place.path("cache"))
        .env("SHIM_CLOCK", place.path("clock"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    Mounted { place, point }
}

#[test]
fn a_disk_that_refuses_writes_is_done_without() {
    const ONE: Noisy = Noisy::told("disk", "one.bin", 6 * MIB + 5);
    const TWO: Noisy = Noisy::untold("disk", "two.bin", 4 * MIB + 1);
    let demo = serve(&[ONE, TWO]);
    let mount = mount(Place::new(), &demo.stac_url);
    let open = |file: &Noisy| File::open(mount.path(&file.path())).unwrap();
    ONE.read_all(&open(&ONE)).unwrap();
    let before = sent(&demo);
    fs::write(mount.place.path("ill"), "").unwrap();
    for _ in 0..2 {
        TWO.read_all(&open(&TWO)).unwrap();
    }
    ONE.read_all(&open(&ONE)).unwrap();
    assert_eq!(mount.list(COLLECTION).unwrap(), ["collection.json", "disk"]);
    let status = mount.text(".stacfs/status");
    assert!(status.contains("Input/output error") && status.contains("reads go on uncached"), "{status}");
    assert!(
        sent(&demo) - before < 3 * TWO.length,
        "what was kept before is served: {}",
        sent(&demo) - before
    );
    fs::remove_file(mount.place.path("ill")).unwrap();
    TWO.read_all(&open(&TWO)).unwrap();
}

#[test]
fn a_clock_that_jumps_makes_nothing_wrong_and_nothing_last_for_ever() {
    const FILE: Noisy = Noisy::told("clock", "file.bin", 300 * KIB + 7);
    const DAY: i64 = 86_400;
    let demo = serve(&[FILE]);
    let mount = mount(Place::new(), &demo.stac_url);
    let read = |version: u8| {
        let bytes = fs::read(mount.path(&FILE.path())).unwrap();
        FILE.check_version(0, &bytes, version);
    };
    read(0);
    // Forward, what was known is old; back, it was met in the future. Either way the server is asked.
    for (version, jump) in (1..).zip([DAY, 3650 * DAY, 0, -7 * DAY, -3650 * DAY, 0]) {
        fs::write(mount.place.path("clock"), jump.to_string()).unwrap();
        demo.server.faults().clear();
        demo.server.faults().add(Fault::NewVersion(version).on("/assets/*"));
        read(version);
        assert_eq!(mount.list(COLLECTION).unwrap(), ["collection.json", "clock"], "{jump}");
    }
    assert!(!mount.text(".stacfs/errors").contains("fault of stacfs"));
}
