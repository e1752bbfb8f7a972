//! Mounting, unmounting, dying, and servers that go away.

use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use stacfs::demo;
use stacfs::demo::http::Fault;

use crate::mounted::{MOON, Mounted, Place, is_mounted, said};

/// Waits for something that another process does; a minute at most.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap().success());
}

#[test]
fn every_way_to_unmount_leaves_nothing_behind() {
    let demo = demo::start(demo::Options::default()).unwrap();
    for way in ["umount", "fusermount3", "INT", "TERM"] {
        let mount = Mounted::of(&demo.stac_url);
        assert!(mount.list("").unwrap().contains(&MOON.to_owned()));
        let server = mount.server().expect("a process serves the mount");
        match way {
            "umount" => {
                let output =
                    mount.place.stacfs(["umount".as_ref(), mount.point.as_os_str()]).output().unwrap();
                assert!(output.status.success(), "{}", said(&output));
            }
            "fusermount3" => {
                assert!(Command::new(way).arg("-u").arg(&mount.point).status().unwrap().success());
            }
            name => signal(server, name),
        }
        until(&format!("{way}: the mount is gone"), || !mount.is_mounted());
        until(&format!("{way}: the process is gone"), || !fs::exists(format!("/proc/{server}")).unwrap());
    }
}

#[test]
fn a_dead_mount_point_is_recovered() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    signal(mount.server().unwrap(), "KILL");
    until("the mount is dead", || mount.list("").is_err());
    let output =
        mount.place.stacfs(["mount", &demo.stac_url, mount.point.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(mount.list("").unwrap().contains(&MOON.to_owned()));
}

#[test]
fn what_cannot_be_mounted_is_one_line_and_exit_1() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let place = Place::new();
    let full = place.path("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("file"), "").unwrap();
    let (mnt, url) = (place.path("mnt"), demo.stac_url.clone());
    let html = format!("{url}/no-such-page");
    let cases = [
        (url.as_str(), place.path("missing"), "missing"),
        (url.as_str(), full, "empty"),
        ("http://127.0.0.1:9/", mnt.clone(), "127.0.0.1:9"),
        (html.as_str(), mnt.clone(), "no-such-page"),
    ];
    for (source, point, word) in cases {
        let output = place.stacfs(["mount", source, point.to_str().unwrap()]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let line = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(line.trim().lines().count() == 1 && line.contains(word), "{line}");
        assert!(!is_mounted(&point));
    }
    assert_eq!(place.stacfs(["mount"]).output().unwrap().status.code(), Some(2), "wrong usage");
}

#[test]
fn a_server_that_dies_is_an_error_in_time_and_comes_back() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let place = Place::new();
    place.configure("[limits]\nmetadata_silence = 2s\n");
    let mount = place.mount(&[&demo.stac_url]);
    let seen = mount.list(&format!("{MOON}/bbox=0,0,2.5,2.5")).unwrap();

    demo.server.faults().add(Fault::Silence.on("*"));
    let start = Instant::now();
    let error = mount.list("small-files").expect_err("the server is silent");
    assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10), "sooner than by default: {:?}", start.elapsed());
    assert_eq!(mount.list(&format!("{MOON}/bbox=0,0,2.5,2.5")).unwrap(), seen, "what was seen still answers");

    demo.server.faults().clear();
    until("it works again", || mount.list("small-files").is_ok_and(|names| names.len() > 10));
}

#[test]
fn a_source_that_is_away_stops_nobody_else() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Place::new().mount(&[&format!("here={}", &demo.stac_url), "away=http://127.0.0.1:9/"]);
    assert_eq!(mount.list("").unwrap(), ["README.md", "here", "away"]);
    assert!(mount.list("here").unwrap().contains(&MOON.to_owned()));
    assert!(mount.list("away").is_err());
    assert!(mount.text(".stacfs/errors").contains("127.0.0.1:9"));
}

#[test]
fn nothing_can_be_changed() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    demo.server.journal().clear();
    for script in
        ["rm -rf *", "touch x", "mkdir x", "mv README.md y", "echo > README.md", "chmod 777 README.md"]
    {
        let output = mount.run(script);
        assert!(said(&output).contains("Read-only file system"), "{script}: {}", said(&output));
    }
    assert!(mount.list("").unwrap().contains(&MOON.to_owned()));
}
