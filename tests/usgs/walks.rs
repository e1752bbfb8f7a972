//! Looking: nothing is downloaded, no two requests are in flight, equal ones are asked once.

use std::time::Duration;

use stacfs::demo::http::Entry;

use crate::bench::{Bench, TM};

#[test]
fn looking_requests_no_download() {
    let bench = Bench::new();
    let search = format!("{TM}/datetime=2010-05/path=197");
    for program in [
        "find $SEARCH",
        "find $SEARCH -type f -size +1k -newermt 1990-01-01",
        "ls -lR $SEARCH",
        "du -a $SEARCH",
        "getfattr -dR -m - $SEARCH",
        "file $SEARCH $SEARCH/*/",
        "stat $SEARCH/*/*",
        // An indexer's sweep: everything is opened and mapped out, nothing is read.
        "python3 -c 'import os, sys\nfor folder, _, files in os.walk(sys.argv[1]):\n for name in files: os.close(os.open(os.path.join(folder, name), os.O_RDONLY))' $SEARCH",
        "test ! -e $SEARCH/.git -a ! -e $SEARCH/*_T1/Thumbs.db",
    ] {
        let said = bench.mount.sh(&program.replace("$SEARCH", &search));
        assert!(
            program.starts_with("test") || program.starts_with("python3") || said.contains("LT05"),
            "{said}"
        );
    }
    assert_eq!(bench.count("download-request"), 0, "{:?}", bench.asked());
    assert!(bench.usgs.m2m.downloads().is_empty());
    // Who opens one picture after another may be expected to open the next: those cost nobody any work.
    let picture = |entry: &Entry| entry.path() == "/gen-browse";
    let fetched = bench.usgs.download_server.journal().select(|entry| !picture(entry));
    assert!(fetched.is_empty(), "{fetched:?}");
    // A walk lists the bands of a scene, and never the bundle that holds them all once more.
    let files = bench.mount.sh(&format!("find {search} -type f"));
    assert!(files.contains("_SR_B4.TIF") && !files.contains(".tar"), "{files}");
}

#[test]
fn eight_processes_take_turns() {
    let bench = Bench::new();
    bench.usgs.m2m.quirks().latency = Duration::from_millis(20);
    let script = "for month in 1 2 3 4 5 6 7 8; do \
                  (ls $TM/datetime=2010-0$month | tail -n 2 | while read -r scene; do \
                   ls -l $TM/datetime=2010-0$month/$scene; done) >$OUT/$month & done; wait";
    bench.mount.sh(&script.replace("$TM", TM));
    assert!(bench.mount.sh("cat $OUT/*").contains("_SR_B4.TIF"));
    assert_eq!(bench.usgs.m2m.overlaps(), 0);
    assert_eq!(bench.usgs.m2m_server.journal().peak(), 1);
    assert_eq!(bench.usgs.m2m.keys_given(), 1);
}

#[test]
fn equal_searches_are_asked_once() {
    let bench = Bench::new();
    bench.mount.list(".").unwrap();
    bench.clear();
    bench.usgs.m2m.quirks().latency = Duration::from_millis(200);
    let script = "for n in 1 2 3 4 5 6 7 8; do ls $TM/months=5/datetime=2010/ >$OUT/$n & done; wait; cmp $OUT/1 $OUT/8";
    bench.mount.sh(&script.replace("$TM", TM));
    // The same search in other words is the same one.
    bench.mount.list(&format!("{TM}/datetime=2010/months=5")).unwrap();
    assert_eq!(bench.count("scene-search"), 1, "{:?}", bench.asked());
}
