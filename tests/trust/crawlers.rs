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

/// Bytes of files that left the server.
fn sent(demo: &Demo) -> u64 {
    asked(demo).iter().filter(|entry| entry.method == "GET").map(|entry| entry.sent).sum()
}

#[test]
fn a_sweep_with_a_budget_pulls_no_more_than_that() {
    const MANY: [Noisy; 8] = [
        Noisy::told("one", "a.bin", 300 * KIB),
        Noisy::untold("one", "b.bin", 250 * KIB),
        Noisy::told("one", "large.bin", 5000 * KIB),
        Noisy::told("two", "c.bin", 370 * KIB),
        Noisy::untold("two", "d.bin", 1500 * KIB),
        Noisy::told("two", "e.bin", 3000 * KIB),
        Noisy::untold("two", "f.bin", 4 * KIB),
        Noisy::untold("two", "g.bin", 90 * KIB),
    ];
    const BUDGET: u64 = 2000 * KIB;
    let demo = serve(&MANY);
    let place = Place::new();
    place.configure(&format!("[mount]\nprocess_budget = {BUDGET}\n"));
    let mount = place.mount(&[&demo.stac_url]);
    let output = sweep(&mount, "searcher");
    assert!(said(&output).contains("Disk quota exceeded"), "{}", said(&output));
    let first = sent(&demo);
    println!("{first} bytes of a budget of {BUDGET}");
    assert!((BUDGET / 2..=BUDGET).contains(&first), "{first}: {:?}", asked(&demo));
    let errors = mount.text(".stacfs/errors");
    assert!(
        errors.contains("EDQUOT") && errors.contains("searcher") && errors.contains("process_budget"),
        "{errors}"
    );

    // Another process has a budget of its own, and what is cached costs nothing.
    let again = sweep(&mount, "searcher");
    assert!(said(&again).contains("Disk quota exceeded"), "{}", said(&again));
    let second = sent(&demo) - first;
    assert!((BUDGET / 2..=BUDGET).contains(&second), "{second}");
    for _ in 0..8 {
        sweep(&mount, "searcher");
    }
    let all = sent(&demo);
    assert!(!said(&sweep(&mount, "searcher")).contains("Disk quota exceeded"), "all is cached");
    assert_eq!(sent(&demo), all);
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
