//! The machine is ill: its disk can be neither read nor written, its clock jumps.

use std::fs::{self, File};
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use stacfs::demo::Demo;
use stacfs::demo::http::Fault;

use crate::disk::{Condition, Disk};
use crate::mounted::{Mounted, Place, said};
use crate::noise::{COLLECTION, KIB, MIB, Noisy, sent, serve};

const FILES: [Noisy; 3] = [
    Noisy::told("disk", "large.bin", 6 * MIB + 5),
    Noisy::untold("disk", "untold.bin", 2 * MIB + 1),
    Noisy::told("disk", "small.bin", 30 * KIB),
];
/// Not read before the disk falls ill.
const LATER: Noisy = Noisy::told("disk", "later.bin", 4 * MIB + 7);

/// Servers, and a mount of them whose cache stands on a disk that can fall ill.
struct Ward {
    demo: Demo,
    mount: Mounted,
    disk: Disk,
}

impl Ward {
    /// Everything is well, and the first files are in the cache, checked and, where that can be, lent to the kernel.
    fn new() -> Ward {
        let demo = serve(&[&FILES[..], &[LATER]].concat());
        let disk = Disk::new();
        let place = Place::new();
        place.configure(&format!("[cache]\nfolder = {}\nmin_free = 0\n", disk.path().display()));
        let ward = Ward { mount: place.mount(&[&demo.stac_url]), demo, disk };
        (0..2).for_each(|_| FILES.iter().for_each(|file| ward.read(file)));
        ward
    }

    /// Reads a file as it is on disk: nothing that the kernel holds of it counts.
    fn read(&self, file: &Noisy) {
        let open = File::open(self.mount.path(&file.path())).unwrap();
        rustix::fs::fadvise(&open, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        file.read_all(&open).unwrap_or_else(|error| panic!("{}: {error}", file.name));
    }

    /// All is right, however the disk is.
    fn look_round(&self) {
        for file in FILES.iter().chain([&LATER]).cycle().take(8) {
            self.read(file);
        }
        assert_eq!(self.mount.list(COLLECTION).unwrap(), ["collection.json", "disk"]);
        // What is made here goes to the disk and comes from there: it may fail, in words.
        if let Err(error) = self.read_layer() {
            assert_eq!(error.raw_os_error(), Some(libc::EIO));
            assert!(self.mount.text(".stacfs/errors").contains("items.geojson"), "{error}");
        }
        assert!(!self.mount.text(".stacfs/errors").contains("fault of stacfs"));
    }

    fn read_layer(&self) -> io::Result<()> {
        let layer = fs::read_to_string(self.mount.path(&format!("{COLLECTION}/items.geojson")))?;
        let layer: serde_json::Value = serde_json::from_str(&layer).unwrap();
        assert_eq!(layer["features"][0]["id"], "disk");
        Ok(())
    }

    /// Commands do without the cache, or say that its disk fails.
    fn command(&self) {
        let place = &self.mount.place;
        let (path, out) = (self.mount.path(&LATER.path()), place.path("out"));
        let fetched = place
            .stacfs(["fetch".as_ref(), path.as_os_str(), "--to".as_ref(), out.as_os_str()])
            .output()
            .unwrap();
        assert!(fetched.status.success(), "{}", said(&fetched));
        let verified = place.stacfs(["cache", "verify"]).output().unwrap();
        let all_is_forgotten = said(&verified).contains("0 blocks are right (0 B), 0 were wrong");
        assert!(
            said(&verified).contains("Input/output error") || verified.status.success() && all_is_forgotten,
            "{}",
            said(&verified)
        );
    }

    /// What is said of the cache; nothing while it is well.
    fn note(&self) -> String {
        let status = self.mount.text(".stacfs/status");
        let is_of_cache = |line: &&str| line.trim_start().starts_with("cache ") && line.contains("uncached");
        status.lines().find(is_of_cache).unwrap_or_default().to_owned()
    }

    /// Another mount of the same, over the same cache.
    fn mount_anew(self) -> Ward {
        let Ward { demo, mount, disk } = self;
        drop(mount);
        let place = Place::new();
        place.configure(&format!("[cache]\nfolder = {}\nmin_free = 0\n", disk.path().display()));
        Ward { mount: place.mount(&[&demo.stac_url]), demo, disk }
    }
}

#[test]
fn a_disk_that_cannot_be_read_is_done_without() {
    for condition in [Condition::Unreadable(".data"), Condition::Unreadable(""), Condition::Gone] {
        let ward = Ward::new();
        assert_eq!(ward.note(), "");
        ward.disk.becomes(condition);
        ward.look_round();
        assert!(
            ward.note().contains("Input/output error"),
            "{condition:?}: {}",
            ward.mount.text(".stacfs/status")
        );
        ward.command();
        let ward = ward.mount_anew();
        ward.look_round();
        ward.disk.becomes(Condition::Well);
        let ward = ward.mount_anew();
        ward.look_round();
        ward.read_layer().unwrap();
        let before = sent(&ward.demo);
        ward.look_round();
        assert_eq!((sent(&ward.demo), ward.note().as_str()), (before, ""), "{condition:?}: it is used again");
    }
}

#[test]
fn a_stream_that_the_disk_loses_is_begun_anew_elsewhere() {
    // A stream goes to a file without a name.
    for condition in [Condition::Unreadable("(deleted)"), Condition::Unwritable(libc::EIO)] {
        let ward = Ward::new();
        // A server that sends nothing but whole files.
        ward.demo.server.faults().add(Fault::IgnoreRange.on("/assets/*"));
        let later = File::open(ward.mount.path(&LATER.path())).unwrap();
        ward.disk.becomes(condition);
        LATER.read_all(&later).unwrap();
        assert!(ward.note().contains("a stream"), "{condition:?}: {}", ward.mount.text(".stacfs/status"));
        ward.look_round();
    }
}

#[test]
fn an_unreadable_map_costs_nothing_that_is_kept() {
    let ward = Ward::new();
    ward.disk.becomes(Condition::Unreadable(".map"));
    let ward = ward.mount_anew();
    ward.look_round();
    ward.disk.becomes(Condition::Well);
    let ward = ward.mount_anew();
    let before = sent(&ward.demo);
    FILES.iter().for_each(|file| ward.read(file));
    assert_eq!(sent(&ward.demo), before, "all of it is still there");
}

#[test]
fn a_disk_that_refuses_writes_is_done_without() {
    for errno in [libc::EIO, libc::ENOSPC] {
        let ward = Ward::new();
        let before = sent(&ward.demo);
        ward.disk.becomes(Condition::Unwritable(errno));
        ward.look_round();
        let words = io::Error::from_raw_os_error(errno).to_string();
        assert!(ward.note().contains(&words), "{words}: {}", ward.mount.text(".stacfs/status"));
        let sent = sent(&ward.demo) - before;
        assert!(sent <= 2 * LATER.length, "what was kept before is served: {sent}");
        ward.disk.becomes(Condition::Well);
        ward.look_round();
    }
}

#[test]
fn a_disk_that_is_well_again_is_used_again() {
    // It is left alone for half a minute first.
    if std::env::var_os("STACFS_TEST_LONG").is_none() {
        return;
    }
    let ward = Ward::new();
    ward.disk.becomes(Condition::Unreadable(""));
    ward.look_round();
    ward.disk.becomes(Condition::Well);
    let start = Instant::now();
    while !ward.note().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(180), "{}", ward.mount.text(".stacfs/status"));
        ward.look_round();
    }
    println!("used again {:?} after it was well", start.elapsed());
    ward.look_round();
    let before = sent(&ward.demo);
    ward.look_round();
    assert_eq!(sent(&ward.demo), before);
}

/// Mounts with `clock.c` preloaded.
fn mount_by_another_clock(place: Place, url: &str) -> Mounted {
    let clock = place.path("clock.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trust/clock.c");
    let made =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([clock.as_path(), source.as_ref()]).output();
    let made = made.unwrap();
    assert!(made.status.success(), "cc is there, or nothing of this would be: {}", said(&made));
    let point = place.path("mnt");
    let output = place
        .stacfs(["mount".as_ref(), url.as_ref(), point.as_os_str()])
        .env("LD_PRELOAD", &clock)
        .env("CLOCK", place.path("clock"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    Mounted { place, point }
}

#[test]
fn a_clock_that_jumps_makes_nothing_wrong_and_nothing_last_for_ever() {
    const FILE: Noisy = Noisy::told("clock", "file.bin", 300 * KIB + 7);
    const DAY: i64 = 86_400;
    let demo = serve(&[FILE]);
    let mount = mount_by_another_clock(Place::new(), &demo.stac_url);
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
