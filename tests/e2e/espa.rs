//! ESPA through the kernel: orders as directories, their archives and what is in them as files.

use std::time::Duration;

use stacfs::demo::http::Entry;
use stacfs::demo::usgs::espa::{Flaw, Quirks};
use stacfs::demo::usgs::scenes::{Archive, dataset};
use stacfs::demo::usgs::{Options, Usgs, start};

use crate::mounted::{Mounted, Place, said};

const DAY: Duration = Duration::from_secs(86_400);

/// Servers with an order that is complete, and a place whose configuration leads to them.
fn completed(count: usize, set: impl Fn(&mut Quirks, &[String])) -> (Usgs, Place, String) {
    completed_with(count, "", set)
}

/// The same, with more lines of configuration.
fn completed_with(count: usize, lines: &str, set: impl Fn(&mut Quirks, &[String])) -> (Usgs, Place, String) {
    let usgs = start(Options { standing_at: Some("2026-11-20T12:00:00Z".parse().unwrap()) }).unwrap();
    let place = Place::new();
    let words = format!(
        "[usgs]\nusername = demo\ntoken = demo-token\npassword = demo-password\nm2m_url = {}\nespa_url = {}\n{lines}",
        usgs.m2m_url, usgs.espa_url
    );
    place.configure(&words);
    let archive = Archive::generate();
    let scenes = archive.scenes(dataset("landsat_ot_c2_l2").unwrap()).take(count);
    let ids: Vec<String> = scenes.map(|scene| scene.display_id()).collect();
    set(&mut usgs.espa.quirks(), &ids);
    let words = ["espa", "order", "--yes", "--products", "sr_ndvi"].map(str::to_owned);
    let output = place.stacfs(words.iter().chain(&ids)).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    usgs.advance(Duration::from_secs(3600));
    usgs.espa_server.journal().clear();
    let order = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    (usgs, place, order)
}

fn mount(place: Place) -> Mounted {
    place.mount(&["usgs"])
}

/// Unmounts, and mounts again with the same cache.
fn again(mount: &Mounted) {
    let output = mount.place.stacfs(["umount".as_ref(), mount.point.as_os_str()]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let words = ["mount".as_ref(), "usgs".as_ref(), mount.point.as_os_str()];
    let output = mount.place.stacfs(words).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// The requests for archives and their checksums.
fn fetches(usgs: &Usgs) -> Vec<Entry> {
    usgs.espa_server.journal().select(|entry| entry.method == "GET" && entry.path().starts_with("/orders/"))
}

/// What a script complains with; it must fail.
fn complaint(mount: &Mounted, script: &str) -> String {
    let output = mount.run(script);
    assert!(!output.status.success(), "{script}: {}", said(&output));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn archives_and_members_are_copied_opened_by_gdal_and_fetched_once() {
    let (usgs, place, order) = completed(2, |_, _| ());
    let mount = mount(place);
    let orders = format!("cd espa/orders/{order}");
    mount.sh(&format!("{orders}; cp *.tar.gz *.md5 $OUT; cd $OUT; md5sum --check --quiet *.md5"));
    // The members are those that tar finds, and GDAL reads them through the mount.
    mount.sh(&format!(
        "{orders}; for a in *.tar.gz; do d=${{a%.tar.gz}}; mkdir $OUT/$d; tar -xzf $OUT/$a -C $OUT/$d
         diff -r $d $OUT/$d; for t in $d/*.tif; do gdalinfo -checksum $t | grep -q Checksum=; done; done"
    ));
    let sent: u64 =
        fetches(&usgs).iter().filter(|entry| entry.path().ends_with(".tar.gz")).map(|e| e.sent).sum();
    let size: u64 = mount.sh("cat $OUT/*.tar.gz | wc -c").trim().parse().unwrap();
    assert!(sent <= size, "each byte came once: {sent} of {size}");

    usgs.espa_server.journal().clear();
    let look =
        format!("{orders}; cat *.tar.gz *.md5 */*.tif > /dev/null 2>&1 || cat *.tar.gz *.md5 > /dev/null");
    mount.sh(&look);
    let members = format!("{orders}; for a in *.tar.gz; do cat ${{a%.tar.gz}}/* > /dev/null; done");
    mount.sh(&members);
    assert!(usgs.espa_server.journal().is_empty(), "{:?}", usgs.espa_server.journal().entries());
    // Nor does the next mount ask for a byte of them.
    again(&mount);
    mount.sh(&members);
    mount.sh(&format!("{orders}; for f in *.tar.gz *.md5; do cmp $f $OUT/$f; done"));
    assert!(fetches(&usgs).is_empty(), "{:?}", fetches(&usgs));
}

#[test]
fn no_walk_places_cancels_or_fetches_anything() {
    let (usgs, place, order) = completed(2, |_, _| ());
    let mount = mount(place);
    mount.sh("find espa | sort > $OUT/before; ls -lR espa > /dev/null; du -a espa > /dev/null");
    mount.sh("find espa -type f -exec stat {} + > /dev/null; find espa -newer / -size +0 > /dev/null");
    for act in [
        "rm -rf espa/orders".to_owned(),
        format!("rm -rf espa/orders/{order}"),
        format!("mv espa/orders/{order} espa/orders/mine"),
        format!("mv espa/orders/{order}/status $OUT/"),
        format!("rmdir espa/orders/{order}"),
        format!("touch espa/orders/{order}/status"),
        format!("echo cancelled > espa/orders/{order}/status"),
        "mkdir espa/orders/new".to_owned(),
        format!("ln -s x espa/orders/{order}/link"),
        format!("truncate -s 0 espa/orders/{order}/items.json"),
    ] {
        let words = complaint(&mount, &act);
        assert!(words.contains("Read-only file system"), "{act}: {words}");
    }
    assert_eq!(mount.sh("find espa | sort | diff - $OUT/before"), "");
    let journal = usgs.espa_server.journal();
    let harmful = |entry: &Entry| {
        !["GET", "HEAD"].contains(&entry.method.as_str())
            || (entry.method == "GET" && entry.path().ends_with(".tar.gz"))
    };
    assert!(journal.select(harmful).is_empty(), "{:?}", journal.select(harmful));
    let lists = journal.select(|entry| entry.path().ends_with("/list-orders"));
    assert_eq!(lists.len(), 1, "one list call, whoever walks");
    assert_eq!(usgs.espa.orders().len(), 1);
    assert_eq!(mount.text(&format!("espa/orders/{order}/status")), "complete\n");
}

#[test]
fn hostile_archives_are_refused_with_words_and_touch_nothing_else() {
    let flaws = [Flaw::Climbing, Flaw::Absolute, Flaw::Links, Flaw::Bomb, Flaw::Truncated];
    let (usgs, place, order) = completed(flaws.len(), |quirks, ids| {
        quirks.flaws.extend(ids.iter().cloned().zip(flaws));
    });
    let mount = mount(place);
    let names = mount.sh(&format!("cd espa/orders/{order}; ls *.tar.gz"));
    for name in names.lines() {
        let stem = format!("espa/orders/{order}/{}", name.trim_end_matches(".tar.gz"));
        for act in [format!("ls {stem}"), format!("cat {stem}/outside.tif"), format!("cp -r {stem} $OUT")] {
            assert!(complaint(&mount, &act).contains("Input/output error"), "{act}");
        }
    }
    let errors = mount.text(".stacfs/errors");
    for words in ["would stand outside", "is a link", "would unpack to more than", "archive is broken"] {
        assert!(errors.contains(words), "{words}: {errors}");
    }
    assert!(!std::path::Path::new("/tmp/stacfs-outside.tif").exists());
    let kept = mount.sh("du -s --apparent-size -B1 \"$(dirname $OUT)/cache\" | cut -f1");
    assert!(kept.trim().parse::<u64>().unwrap() < 64 << 20, "nothing was unpacked: {kept}");
    assert_eq!(mount.sh("find \"$(dirname $OUT)\" -path \"$MNT\" -prune -o -name '*outside*' -print"), "");
    assert_eq!(usgs.espa.orders().len(), 1);
}

#[test]
fn an_archive_with_a_wrong_md5_is_fetched_once_more_and_then_no_more() {
    let (usgs, place, order) = completed(1, |quirks, ids| {
        quirks.flaws.insert(ids[0].clone(), Flaw::WrongMd5);
    });
    let mount = mount(place);
    let copy = format!("cat espa/orders/{order}/*.tar.gz > $OUT/copy");
    for _ in 0..4 {
        let words = complaint(&mount, &copy);
        assert!(words.contains("Input/output error"), "{words}");
    }
    let members = format!("cd espa/orders/{order}; for a in *.tar.gz; do ls ${{a%.tar.gz}}; done");
    assert!(complaint(&mount, &members).contains("Input/output error"));
    let errors = mount.text(".stacfs/errors");
    assert!(errors.contains("fetched once more") && errors.contains("twice in a row"), "{errors}");
    let archives = fetches(&usgs).into_iter().filter(|entry| entry.path().ends_with(".tar.gz"));
    let whole =
        archives.filter(|entry| entry.range().is_none_or(|range| range.starts_with("bytes=0-"))).count();
    assert_eq!(whole, 2, "{:?}", fetches(&usgs));
}

#[test]
fn what_was_fetched_of_a_purged_order_stays_readable() {
    let (usgs, place, order) = completed(2, |_, _| ());
    let mount = mount(place);
    let listed = mount.sh(&format!("cd espa/orders/{order}; ls *.tar.gz"));
    let names: Vec<&str> = listed.lines().map(|name| name.trim_end_matches(".tar.gz")).collect();
    let [kept, lost] = names[..] else { panic!("{listed}") };
    mount.sh(&format!("cp -r espa/orders/{order}/{kept} $OUT/; cp espa/orders/{order}/{kept}.* $OUT/"));
    usgs.advance(20 * DAY);
    for life in 0..2 {
        mount.sh(&format!(
            "cd espa/orders/{order}; diff -r {kept} $OUT/{kept}; cmp {kept}.tar.gz $OUT/{kept}.tar.gz"
        ));
        let words = complaint(&mount, &format!("cat espa/orders/{order}/{lost}.tar.gz"));
        assert!(words.contains("No such file or directory"), "{words}");
        // A directory that is open already must not seem to be empty.
        let words = complaint(&mount, &format!("ls espa/orders/{order}/{lost}"));
        assert!(words.contains(["Input/output error", "No such file or directory"][life]), "{life}: {words}");
        let errors = mount.text(".stacfs/errors");
        assert!(errors.contains("purged") && errors.contains("order the scene again"), "{errors}");
        if life == 0 {
            again(&mount);
        }
    }
    assert_eq!(mount.text(&format!("espa/orders/all/{order}/status")), "purged\n");
    let listed = mount.sh(&format!("cd espa/orders/{order}; ls *.tar.gz"));
    assert_eq!(listed.trim(), format!("{kept}.tar.gz"), "only what is here is listed");
}

#[test]
fn a_search_in_the_mount_is_ordered() {
    let (usgs, place, _) = completed(1, |_, _| ());
    let mount = mount(place);
    let search = "landsat_ot_c2_l2/bbox=3.5,43.4,4,44/datetime=2018/max_items=4";
    let mut scenes: Vec<String> =
        mount.list(search).unwrap().into_iter().filter(|name| name.starts_with("LC0")).collect();
    scenes.sort();
    assert_eq!(scenes.len(), 4);
    let path = mount.path(search);
    let words = ["espa", "order", "--yes", "--products", "sr_ndvi"].map(std::ffi::OsStr::new);
    let output = mount.place.stacfs(words.into_iter().chain([path.as_os_str()])).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let posts = usgs.espa_server.journal().select(|entry| entry.method == "POST");
    let body: serde_json::Value = serde_json::from_slice(&posts[0].body).unwrap();
    let mut ordered: Vec<String> = ["olitirs8_collection_2_l2", "olitirs9_collection_2_l2"]
        .iter()
        .filter_map(|sensor| body[sensor]["inputs"].as_array())
        .flatten()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    ordered.sort();
    assert_eq!(ordered, scenes);
    assert!(mount.text("README.md").contains("espa/"), "{}", mount.text("README.md"));
}

#[test]
fn what_the_cache_has_no_room_for_is_read_all_the_same_and_checked() {
    let (usgs, place, order) = completed_with(2, "[cache]\nmin_free = 9000G\n", |quirks, ids| {
        quirks.flaws.insert(ids[1].clone(), Flaw::WrongMd5);
    });
    let mount = mount(place);
    let orders = format!("cd espa/orders/{order}");
    let names = mount.sh(&format!("{orders}; ls *.tar.gz"));
    let is_wrong = |name: &&str| !mount.run(&format!("{orders}; cat {name} > /dev/null")).status.success();
    let (wrong, good): (Vec<&str>, Vec<&str>) = names.lines().partition(is_wrong);
    let [[wrong], [good]] = [&wrong[..], &good[..]] else { panic!("{wrong:?} {good:?}") };
    let words = complaint(
        &mount,
        &format!("{orders}; cat {wrong} > $OUT/copy; ls {}", wrong.trim_end_matches(".tar.gz")),
    );
    assert!(words.contains("Input/output error"), "{words}");
    let errors = mount.text(".stacfs/errors");
    assert!(errors.contains("EIO") && errors.contains("checksum"), "{errors}");

    let size: u64 = mount.sh(&format!("stat -c %s espa/orders/{order}/{good}")).trim().parse().unwrap();
    usgs.espa_server.journal().clear();
    let stem = good.trim_end_matches(".tar.gz");
    mount.sh(&format!(
        "{orders}; cp {good} $OUT; mkdir $OUT/{stem}; tar -xzf $OUT/{good} -C $OUT/{stem}; diff -r {stem} $OUT/{stem}
         cp -r {stem} $OUT/copied; diff -r $OUT/copied $OUT/{stem}
         for t in {stem}/*.tif; do gdalinfo -checksum $t | grep -q Checksum=; done"
    ));
    let sent: u64 = fetches(&usgs).iter().filter(|e| e.path().ends_with(".tar.gz")).map(|e| e.sent).sum();
    assert!(sent <= 2 * size, "once for the copy, once for its members: {sent} of {size}");
    assert!(
        fetches(&usgs).iter().all(|entry| entry.headers.get("authorization").is_none()),
        "products want no login"
    );
    assert!(!mount.text(".stacfs/status").contains("without its checksum"));
}
