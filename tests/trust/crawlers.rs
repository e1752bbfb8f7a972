//! Programs that look into every file there is must not pull an archive down.

use std::fs;
use std::process::Command;

use stacfs::demo::Demo;

use crate::mounted::{Mounted, Place, said};
use crate::noise::{KIB, Noisy, asked, serve};

const FILES: [Noisy; 3] = [
    Noisy::told("one", "a.bin", 100 * KIB),
    Noisy::untold("one", "b.bin", 50 * KIB),
    Noisy::told("two", "c.bin", 70 * KIB),
];

/// Looks at all names and reads all files, as a program of this name.
fn sweep(mount: &Mounted, name: &str) -> std::process::Output {
    let program = mount.place.path("out").join(name);
    fs::copy("/bin/grep", &program).unwrap();
    Command::new(program).args(["-rc", "nothing"]).arg(&mount.point).env("LC_ALL", "C").output().unwrap()
}

/// The requests for bytes, and not only for sizes.
fn pulled(demo: &Demo) -> usize {
    asked(demo).iter().filter(|entry| entry.method == "GET" && entry.sent > 1).count()
}

#[test]
fn a_sweep_of_a_known_crawler_pulls_no_bytes() {
    let demo = serve(&FILES);
    let mount = Mounted::of(&demo.stac_url);
    for name in ["tracker-miner-fs-3", "updatedb", "baloo_file_extractor", "gdk-pixbuf-thumbnailer"] {
        let output = sweep(&mount, name);
        assert!(said(&output).contains("Permission denied"), "{name}: {}", said(&output));
        assert_eq!(pulled(&demo), 0, "{name}: {:?}", asked(&demo));
        let errors = mount.text(".stacfs/errors");
        let told: Vec<&str> = errors.lines().filter(|line| line.contains(&name[..8])).collect();
        assert_eq!(told.len(), 1, "once for a process: {errors}");
        assert!(told[0].contains("EACCES") && told[0].contains("crawlers in [mount]"), "{}", told[0]);
    }
    let names = mount.sh("find . -type f | wc -l");
    assert_eq!(names.trim(), "7", "README.md, collection.json, two item.json, three files");
    let output = sweep(&mount, "searcher");
    assert!(!said(&output).contains("Permission denied"), "{}", said(&output));
    assert!(pulled(&demo) > 0, "anybody else reads");
    assert!(mount.text(".stacfs/status").contains("crawlers"));
}

#[test]
fn who_is_a_crawler_is_configured() {
    let demo = serve(&FILES);
    let place = Place::new();
    place.configure("[mount]\ncrawlers = nosy*, other\n");
    let mount = place.mount(&[&demo.stac_url]);
    assert!(said(&sweep(&mount, "nosy-program")).contains("Permission denied"));
    assert!(!said(&sweep(&mount, "updatedb")).contains("Permission denied"));
}
