//! Answers that M2M gives instead of what was asked for: each with its errno, its words, and the recovery.

use std::time::Duration;

use serde_json::json;
use stacfs::demo::http::{Fault, Response};

use crate::bench::{Bench, TM};

#[test]
fn an_expired_key_is_renewed_unseen() {
    let bench = Bench::new();
    bench.mount.list(&format!("{TM}/datetime=2010-05")).unwrap();
    bench.usgs.advance(Duration::from_secs(3 * 3600));
    bench.clear();
    assert!(bench.mount.list(&format!("{TM}/datetime=2010-06")).unwrap().len() > 1);
    assert_eq!(bench.asked()[..3], ["scene-search", "login-token", "scene-search"]);
}

#[test]
fn another_program_of_the_account_is_waited_for() {
    let bench = Bench::new();
    bench.mount.list(".").unwrap();
    let words = "User is currently running another request";
    let busy = Response::json(200, &json!({"errorCode": "RATE_LIMIT", "errorMessage": words, "data": null}));
    bench.usgs.m2m_server.faults().add(Fault::Answer(Box::new(busy)).on("*/scene-search").times(2));
    bench.clear();
    assert!(bench.mount.list(&format!("{TM}/datetime=2010-06")).unwrap().len() > 1);
    assert_eq!(bench.count("scene-search"), 3);
}

#[test]
fn two_mounts_of_one_account_take_turns() {
    let bench = Bench::new();
    let second = bench.mount.place.path("out/second");
    std::fs::create_dir(&second).unwrap();
    assert!(bench.mount.place.stacfs(["mount", "usgs"]).arg(&second).status().unwrap().success());
    bench.usgs.m2m.quirks().latency = Duration::from_millis(50);
    bench.clear();
    bench.mount.sh(&format!(
        "for month in 05 06 07 08; do\n\
           ls {TM}/datetime=2010-$month >/dev/null & all=\"${{all-}} $!\"\n\
           ls $OUT/second/{TM}/datetime=2011-$month >/dev/null & all=\"$all $!\"\n\
         done\n\
         for one in $all; do wait $one; done"
    ));
    assert!(bench.mount.place.stacfs(["umount"]).arg(&second).status().unwrap().success());
    assert_eq!((bench.count("scene-search"), bench.usgs.m2m.overlaps()), (8, 0));
}

#[test]
fn maintenance_is_said_and_passes() {
    let bench = Bench::new();
    let known = bench.mount.list(&format!("{TM}/datetime=2010-05")).unwrap();
    bench.usgs.m2m.quirks().maintenance = true;
    let error = bench.mount.list(&format!("{TM}/datetime=2010-06")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EIO));
    let (errno, words) = bench.last_error();
    assert!(errno == "EIO" && words.contains("maintenance"), "{errno} {words}");
    assert_eq!(bench.mount.list(&format!("{TM}/datetime=2010-05")).unwrap(), known, "what was seen stands");
    bench.usgs.m2m.quirks().maintenance = false;
    assert!(bench.mount.list(&format!("{TM}/datetime=2010-06")).unwrap().len() > 1);
}

#[test]
fn wrong_words_in_a_path_are_einval_with_the_right_ones() {
    let bench = Bench::new();
    for (path, right) in
        [("cloud_cover=20", "max_cloud_cover"), ("bbox=1,2,3", "bbox"), ("WRS%20Pth=197", "WRS Path")]
    {
        let error = bench.mount.list(&format!("{TM}/{path}")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{path}");
        assert!(bench.last_error().1.contains(right), "{path}: {}", bench.last_error().1);
    }
}
