//! Long listings: each page once, the first names soon, a cut that says so.

use stacfs::demo;
use stacfs::demo::http::Entry;

use crate::mounted::{MOON, Mounted, Place};

fn pages(demo: &demo::Demo) -> Vec<Entry> {
    demo.server
        .journal()
        .select(|entry| entry.path().ends_with("/search") || entry.path().ends_with("/items"))
}

#[test]
fn a_default_listing_is_cut_and_says_so() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let names = mount.list("many").unwrap();
    assert_eq!(names.len(), 10_000 + 2, "items, collection.json and TRUNCATED.txt");
    assert_eq!(names.last().unwrap(), "TRUNCATED.txt");
    let word = mount.text("many/TRUNCATED.txt");
    assert!(word.contains("10000") && word.contains("20000") && word.contains("max_items"), "{word}");
    assert_eq!(mount.text("many/count"), "20000\n");
}

#[test]
fn an_uncut_listing_streams_and_asks_for_each_page_once() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Place::new().mount(&["--max-items", "0", &demo.stac_url]);
    demo.server.journal().clear();
    mount.sh("ls -U many | head -5 > $OUT/first");
    let few = pages(&demo).len();
    assert!(few < 10, "five names are no reason for {few} pages of 79");

    let all = mount.sh("find many -maxdepth 1 | wc -l");
    assert_eq!(all.trim(), "20002", "the directory, collection.json and 20,000 items");
    let asked: Vec<String> = pages(&demo).into_iter().map(|entry| entry.target.clone()).collect();
    let mut once = asked.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), asked.len(), "each page once");

    demo.server.journal().clear();
    assert_eq!(mount.sh("ls -U many | wc -l").trim(), "20001");
    assert_eq!(demo.server.journal().len(), 0, "a second listing makes no request");
}

#[test]
fn a_walk_meets_everything_once_and_ends() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let search = format!("{MOON}/bbox=0,0,2.5,2.5");
    let found = mount.sh(&format!("find {search} -type f | sort"));
    let found: Vec<&str> = found.lines().collect();
    let mut once = found.clone();
    once.dedup();
    assert_eq!(found, once);
    let items: usize = mount.text(&format!("{search}/count")).trim().parse().unwrap();
    assert_eq!(found.len(), items * 8 + 1, "seven assets and item.json each, and collection.json");

    mount.sh(&format!(
        "du -a {search} > $OUT/du; tar -cf $OUT/plain.tar {search}; tar -S -cf $OUT/sparse.tar {search}"
    ));
    assert_eq!(mount.sh("wc -l < $OUT/du").trim().parse::<usize>().unwrap(), found.len() + items + 1);
    let listed = mount.sh("tar -tf $OUT/plain.tar | grep -v '/$' | sort");
    assert_eq!(listed.lines().collect::<Vec<_>>(), found);
    mount.sh("cd $OUT; for t in plain sparse; do mkdir $t; tar -C $t -xf $t.tar; done; diff -r plain sparse");

    mount.sh(&format!("rsync -a {search}/ $OUT/copy/; diff -r {search} $OUT/copy"));
    let again = mount.sh(&format!("rsync -a --itemize-changes {search}/ $OUT/copy/"));
    assert_eq!(again, "", "a second rsync transfers nothing");
}
