//! `--offline`: what was met is served, and no server is asked for anything.

use std::fs;
use std::sync::Arc;

use stacfs::demo::{self, Options};

use crate::mounted::{Place, said};

#[test]
fn an_offline_mount_serves_what_it_has_and_asks_nobody() {
    let demo = demo::start(Options { world: Arc::new(demo::world::small()), ..Options::default() }).unwrap();
    let online = Place::new().mount(&[&demo.stac_url]);
    let search = "moon/bbox=0,0,20,20";
    let listed = online.list(search).unwrap();
    let (seen, unseen) = ("moon/TC_01/TC_01.tif", "moon/TC_02/TC_02.tif");
    let bytes = fs::read(online.path(seen)).unwrap();
    let item = online.text("moon/TC_01/item.json");
    let cache = online.place.path("cache/stacfs");
    let ended = online.place.stacfs(["umount".as_ref(), online.point.as_os_str()]).output().unwrap();
    assert!(ended.status.success(), "{}", said(&ended));

    let before = demo.server.journal().len();
    // Everything is older than its lifetime, and is served all the same.
    let place = Place::new();
    let settings = "[mount]\nmetadata_lifetime = 0\nversion_lifetime = 0\n";
    place.configure(settings);
    let offline = place.mount(&["--offline", "--cache-dir", cache.to_str().unwrap(), &demo.stac_url]);
    assert_eq!(offline.list(search).unwrap(), listed);
    assert_eq!(offline.text("moon/TC_01/item.json"), item);
    assert_eq!(fs::read(offline.path(seen)).unwrap(), bytes);
    for missing in ["moon/bbox=50,50,60,60/count", unseen] {
        let error = fs::read(offline.path(missing)).expect_err(missing);
        assert_eq!(error.raw_os_error(), Some(libc::ENETUNREACH), "{missing}: {error}");
    }
    let error = offline.list("moon/datetime=2001").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENETUNREACH), "{error}");
    assert!(offline.text(".stacfs/errors").contains("mount without --offline"));
    assert!(offline.text(".stacfs/status").contains("no server is asked (--offline)"));
    assert_eq!(demo.server.journal().len(), before, "it asked");
}

#[test]
fn offline_without_a_cache_says_so() {
    let place = Place::new();
    let point = place.path("mnt");
    let arguments = ["mount", "-o", "offline", "http://127.0.0.1:9/", point.to_str().unwrap()];
    let output = place.stacfs(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("--offline") && words.trim().lines().count() == 1, "{words}");
}
