//! Many small files, read one after another by programs that know nothing of networks: how many requests that
//! makes, how many bytes, and how many of them have to be waited for one after another.

use std::time::Duration;

use stacfs::demo::Demo;
use stacfs::demo::http::{Entry, Fault};

use crate::mounted::Mounted;
use crate::noise::{COLLECTION, MIB, Noisy, asked, sent, serve};

/// What a request takes at least: long beside all else, so that what could go side by side does.
const LATENCY: Duration = Duration::from_millis(60);

/// A name that lives for ever.
fn name(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// A server of these files, each request to which takes its time.
fn far_away(files: &[Noisy]) -> Demo {
    let demo = serve(files);
    demo.server.faults().add(Fault::Latency(LATENCY).on("/assets/*"));
    demo
}

/// The length of the longest chain of requests of which each began when the one before had ended.
fn rounds(entries: &[Entry]) -> usize {
    let mut spans: Vec<(Duration, Duration)> =
        entries.iter().map(|entry| (entry.arrived, entry.arrived + entry.took.unwrap_or_default())).collect();
    spans.sort_by_key(|span| span.1);
    let mut rounds = 0;
    let mut end = Duration::ZERO;
    for span in spans {
        if rounds == 0 || span.0 >= end {
            rounds += 1;
            end = span.1;
        }
    }
    rounds
}

fn count(entries: &[Entry], method: &str) -> usize {
    entries.iter().filter(|entry| entry.method == method).count()
}

#[test]
fn a_search_in_the_labels_of_a_hundred_items_waits_for_few_and_fetches_little_else() {
    const ITEMS: usize = 100;
    let mut files = Vec::new();
    for n in 0..ITEMS {
        let item = name(format!("L{n:03}"));
        files.push(Noisy::untold(item, name(format!("L{n:03}.lbl")), 7000));
        files.push(Noisy::untold(item, name(format!("L{n:03}.img")), 5 * MIB));
    }
    let demo = far_away(&files);
    let mount = Mounted::of(&demo.stac_url);
    let found = mount.sh(&format!("grep -La 'no such word' {COLLECTION}/*/*.lbl | wc -l"));
    assert_eq!(found.trim(), ITEMS.to_string());
    let entries = asked(&demo);
    println!("{} requests, {} in a row, {} bytes", entries.len(), rounds(&entries), sent(&demo));
    assert_eq!(count(&entries, "GET"), ITEMS);
    assert!(count(&entries, "HEAD") <= 6, "{} sizes asked for", count(&entries, "HEAD"));
    assert!(rounds(&entries) <= ITEMS / 4, "{} requests one after another", rounds(&entries));
    assert!(sent(&demo) * 10 <= ITEMS as u64 * 7000 * 12, "{} bytes", sent(&demo));
}

#[test]
fn a_copy_of_small_files_waits_for_few() {
    const ITEMS: usize = 30;
    const EACH: usize = 5;
    let mut files = Vec::new();
    for n in 0..ITEMS * EACH {
        let item = name(format!("N{:02}", n / EACH));
        let length = 2000 + n as u64 * 7919 % 18_000;
        files.push(Noisy::untold(item, name(format!("note{}.dat", n % EACH)), length));
    }
    let demo = far_away(&files);
    let mount = Mounted::of(&demo.stac_url);
    mount.sh(&format!("cp -r {COLLECTION} $OUT"));
    for file in &files {
        file.check(0, &std::fs::read(mount.place.path("out").join(file.path())).unwrap());
    }
    let entries = asked(&demo);
    let (gets, heads) = (count(&entries, "GET"), count(&entries, "HEAD"));
    println!("{gets} GET, {heads} HEAD, {} in a row, {} bytes", rounds(&entries), sent(&demo));
    assert_eq!(gets, files.len());
    assert!(heads <= 6 * EACH, "{heads} sizes asked for beside the bytes");
    assert!(rounds(&entries) <= files.len() / 4, "{} requests one after another", rounds(&entries));
}

#[test]
fn the_small_files_of_one_item_come_side_by_side() {
    let files: Vec<Noisy> =
        (0..20).map(|n| Noisy::told("one", name(format!("band{n:02}.dat")), 30_000)).collect();
    let demo = far_away(&files);
    let mount = Mounted::of(&demo.stac_url);
    mount.sh(&format!("cat {COLLECTION}/one/*.dat > $OUT/all"));
    let entries = asked(&demo);
    println!("{} requests, {} in a row", entries.len(), rounds(&entries));
    assert_eq!(entries.len(), files.len());
    assert!(rounds(&entries) <= 10, "{} requests one after another", rounds(&entries));
}

#[test]
fn who_reads_here_and_there_has_nothing_fetched_for_long() {
    let mut files = Vec::new();
    for n in 0..60 {
        files.push(Noisy::told(name(format!("M{n:02}")), "photo.dat", 900_000));
    }
    let demo = far_away(&files);
    let mount = Mounted::of(&demo.stac_url);
    // Two opens look like a walk; it ends there.
    mount.sh(&format!("cat {COLLECTION}/M00/photo.dat {COLLECTION}/M30/photo.dat > $OUT/two"));
    mount.sh("sleep 0.3");
    let fetched = sent(&demo);
    assert!(fetched <= 2 * 900_000 + 2 * MIB + 200_000, "{fetched} bytes for two files");
}

#[test]
fn a_walk_for_sizes_asks_each_once_and_waits_for_few_items() {
    const ITEMS: usize = 60;
    const EACH: usize = 3;
    let files: Vec<Noisy> = (0..ITEMS * EACH)
        .map(|n| {
            let item = name(format!("S{:02}", n / EACH));
            Noisy::untold(item, name(format!("band{}.img", n % EACH)), 5 * MIB + n as u64)
        })
        .collect();
    for walk in ["ls -lR", "du -a", "find -type f -printf '%p %s\\n'"] {
        let demo = far_away(&files);
        let mount = Mounted::of(&demo.stac_url);
        mount.sh(&format!("find {COLLECTION}"));
        assert!(asked(&demo).is_empty(), "names alone need no sizes");
        mount.sh(&format!("cd {COLLECTION}; {walk}"));
        let entries = asked(&demo);
        println!("{walk}: {} HEAD, {} in a row", count(&entries, "HEAD"), rounds(&entries));
        assert_eq!((count(&entries, "HEAD"), entries.len()), (files.len(), files.len()), "{walk}");
        assert!(rounds(&entries) <= ITEMS / 2, "{walk}: {} one after another", rounds(&entries));
    }
    let demo = far_away(&files);
    let mount = Mounted::of(&demo.stac_url);
    mount.sh(&format!("ls {COLLECTION}; stat {COLLECTION}/S00/* {COLLECTION}/S30/*; sleep 0.3"));
    let heads = asked(&demo).len();
    assert!(heads <= (2 + 16) * EACH, "{heads} sizes asked for who needs two items'");
}
