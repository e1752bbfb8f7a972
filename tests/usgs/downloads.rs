//! Reading: one request for each product that is read, and what may go wrong with it.

use std::time::Duration;

use stacfs::demo::http::Fault;

use crate::bench::{Bench, TM};

const SEARCH: &str = "landsat_tm_c2_l2/datetime=2010-05";

#[test]
fn reading_brings_the_right_bytes() {
    let bench = Bench::new();
    let scene = bench.scene(SEARCH);
    let id = scene.rsplit('/').next().unwrap();
    bench.clear();
    assert!(bench.is_whole(&bench.band(&scene)));
    assert_eq!(bench.count("download-request"), 1, "of this file only");
    assert!(bench.is_whole(&format!("{scene}/{id}.tar")), "the bundle, found by name");
    assert_eq!(bench.count("download-request"), 2);
    assert!(bench.is_whole(&bench.band(&scene)) && bench.count("download-request") == 2, "it is here now");
    let listed =
        bench.mount.sh(&format!("cd {scene}; tar -tf {id}.tar | sort; ls *_[!T]*.TIF | sort >$OUT/bands"));
    assert!(listed.contains(&format!("{id}_SR_B4.TIF")), "{listed}");
    assert!(bench.mount.sh("cat $OUT/bands").lines().all(|band| listed.contains(band)));
    assert!(bench.mount.sh(&format!("file {scene}/*_thumbnail.jpg")).contains("JPEG"));
}

#[test]
fn a_scenes_metadata_are_files_found_by_name() {
    let bench = Bench::new();
    let scene = bench.scene(SEARCH);
    let id = scene.rsplit('/').next().unwrap();
    assert!(bench.mount.list(&scene).unwrap().iter().all(|name| !name.starts_with("metadata.")));
    bench.clear();
    bench.mount.sh(&format!("ls -l {scene}/metadata.json {scene}/metadata.xml"));
    let own: serde_json::Value =
        serde_json::from_str(&bench.mount.text(&format!("{scene}/metadata.json"))).unwrap();
    assert_eq!(own["displayId"], id);
    assert!(own["spatialCoverage"]["coordinates"].is_array() && own["metadata"].is_array());
    let xml = bench.mount.text(&format!("{scene}/metadata.xml"));
    assert!(xml.starts_with("<?xml") && xml.contains(id), "{xml}");
    assert_eq!(bench.asked(), ["scene-metadata", "scene-metadata-xml"], "once each");
}

#[test]
fn a_bundles_members_are_files_below_its_name() {
    let bench = Bench::new();
    let scene = bench.scene(SEARCH);
    let id = scene.rsplit('/').next().unwrap();
    assert!(!bench.mount.list(&scene).unwrap().iter().any(|name| name == id), "found by name only");
    bench.clear();
    bench.mount.sh(&format!("stat {scene}/{id}; test ! -e {scene}/{id}/.git"));
    assert_eq!(bench.count("download-request"), 0, "naming it downloads nothing");
    let members = bench.mount.list(&format!("{scene}/{id}")).unwrap();
    assert!(members.contains(&format!("{id}_SR_B4.TIF")) && members.contains(&format!("{id}_MTL.json")));
    assert_eq!(bench.count("download-request"), 1, "of the bundle");
    bench.mount.sh(&format!(
        "mkdir $OUT/unpacked; tar -xf {scene}/{id}.tar -C $OUT/unpacked; diff -r {scene}/{id} $OUT/unpacked"
    ));
    assert_eq!(bench.count("download-request"), 1);
    // The member is the band file, had by another way.
    bench.mount.sh(&format!("cmp {scene}/{id}/{id}_SR_B3.TIF {scene}/{id}_SR_B3.TIF"));
}

#[test]
fn mosaics_and_stacks_order_nothing() {
    let bench = Bench::new();
    let scene = bench.scene(SEARCH);
    let id = scene.rsplit('/').next().unwrap();
    bench.clear();
    assert!(bench.mount.list(&format!("{SEARCH}/mosaics")).unwrap().contains(&"SR_B4.vrt".to_owned()));
    for file in [format!("{SEARCH}/mosaics/SR_B4.vrt"), format!("{scene}/stack.vrt")] {
        let (errno, words) = bench.refusal(&file);
        assert_eq!(errno, libc::EINVAL, "{file}");
        assert!(words.contains("would request their downloads") && words.contains("stacfs fetch"), "{words}");
    }
    bench.mount.run(&format!("gdalinfo {SEARCH}/mosaics/SR_B4.vrt; gdalinfo {SEARCH}/mosaics/SR_B4.gti"));
    assert_eq!(bench.count("download-request"), 0, "{:?}", bench.asked());
    // What was read is here, and its header with it.
    bench.mount.sh(&format!("cat {scene}/*_SR_B*.TIF > /dev/null"));
    let asked = bench.count("download-request");
    let mosaic = bench.mount.text(&format!("{SEARCH}/ids={id}/mosaics/SR_B4.vrt"));
    assert!(mosaic.contains(&format!("../{id}/{id}_SR_B4.TIF")), "{mosaic}");
    let checksum = |file: &str| bench.mount.sh(&format!("gdalinfo -checksum {file} | grep Checksum"));
    assert_eq!(
        checksum(&format!("{SEARCH}/ids={id}/mosaics/SR_B4.vrt")),
        checksum(&format!("{scene}/{id}_SR_B4.TIF"))
    );
    let bands = bench.mount.text(&format!("{SEARCH}/assets=SR_B*/{id}/stack.vrt"));
    assert_eq!(bands.matches("<VRTRasterBand").count(), 6, "{bands}");
    assert_eq!(bench.count("download-request"), asked);
}

#[test]
fn unmounting_clears_the_queue_and_logs_out() {
    let bench = Bench::new();
    let scene = bench.scene(SEARCH);
    assert!(bench.is_whole(&bench.band(&scene)));
    assert_eq!((bench.usgs.m2m.downloads().len(), bench.usgs.m2m.open_sessions()), (1, 1));
    let Bench { usgs, mount } = bench;
    let point = mount.point.clone();
    let output = mount.place.stacfs(["umount".as_ref(), point.as_os_str()]).output().unwrap();
    assert!(output.status.success());
    let left = |entries: &[stacfs::demo::http::Entry]| {
        entries.iter().any(|entry| entry.path().ends_with("/logout") && entry.took.is_some())
    };
    assert!(usgs.m2m_server.journal().wait_for(Duration::from_secs(60), left));
    assert!(usgs.m2m.downloads().is_empty());
    assert_eq!(usgs.m2m.open_sessions(), 0);
}

#[test]
fn a_staged_download_is_waited_for_and_goes_on_beyond_that() {
    let bench = Bench::with("[limits]\nstaging_pause = 100ms\nstaging_wait = 1s\n");
    let scene = bench.scene(SEARCH);
    bench.usgs.m2m.quirks().staging_polls = 3;
    assert!(bench.is_whole(&bench.band(&scene)));
    // Longer than a reader waits.
    bench.usgs.m2m.quirks().staging_polls = 15;
    let other = bench.band(&scene).replace("_B4", "_B3");
    let (errno, words) = bench.refusal(&other);
    assert_eq!(errno, libc::ETIMEDOUT);
    assert!(words.contains("preparing") && words.contains("try again later"), "{words}");
    bench.clear();
    let mut tries = 0;
    while !bench.is_whole(&other) {
        tries += 1;
        assert!(tries < 100, "{:?}", bench.last_error());
    }
    assert_eq!(bench.count("download-request"), 0, "it was on the queue all the time");
}

#[test]
fn a_quota_is_edquot() {
    let bench = Bench::new();
    let scene = bench.scene(SEARCH);
    bench.usgs.m2m.quirks().quota.recent = 0;
    let (errno, words) = bench.refusal(&bench.band(&scene));
    assert_eq!(errno, libc::EDQUOT);
    assert!(words.contains("User download limit exceeded") && words.contains("15 minutes"), "{words}");
    bench.usgs.m2m.quirks().quota.recent = 100;
    assert!(bench.is_whole(&bench.band(&scene)));
}

#[test]
fn refusals_are_m2ms_own_words() {
    let bench = Bench::new();
    let scene = bench.scene(SEARCH);
    let entity = bench.mount.sh(&format!(
        "python3 -c \"import json; print(json.load(open('{scene}/item.json'))['properties']['usgs:entity_id'])\""
    ));
    bench.usgs.m2m.quirks().unavailable.insert(entity.trim().to_owned());
    let (errno, words) = bench.refusal(&bench.band(&scene));
    assert!(errno == libc::EACCES && words.contains("must be ordered"), "{words}");
    bench.usgs.m2m.quirks().unavailable.clear();
    bench.usgs.m2m.quirks().failing.insert(entity.trim().to_owned());
    let (errno, words) = bench.refusal(&bench.band(&scene));
    assert!(errno == libc::ETIMEDOUT && words.contains("temporarily disabled"), "{words}");
    bench.usgs.m2m.quirks().failing.clear();
    assert!(bench.is_whole(&bench.band(&scene)));
}

#[test]
fn bytes_that_are_not_those_declared_are_eio() {
    let bench = Bench::with("[mount]\nmetadata_lifetime = 1s\n");
    bench.usgs.m2m.quirks().wrong_checksums = true;
    let scene = bench.scene(SEARCH);
    let (errno, words) = bench.refusal(&bench.band(&scene));
    assert_eq!(errno, libc::EIO);
    assert!(words.to_lowercase().contains("checksum") || words.contains("sha2-256"), "{words}");
    // The catalogue is mended: once its metadata are asked for anew, the next file is taken for good. (This one
    // is left alone for some minutes.)
    let item = format!("{scene}/item.json");
    let before = bench.mount.text(&item);
    bench.usgs.m2m.quirks().wrong_checksums = false;
    let began = std::time::Instant::now();
    while bench.mount.text(&item) == before {
        assert!(began.elapsed() < Duration::from_secs(60), "the item is asked for anew");
        bench.mount.list(SEARCH).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(bench.is_whole(&bench.band(&scene).replace("_B4", "_B3")), "{:?}", bench.last_error());
}

#[test]
fn a_body_that_breaks_off_is_taken_up_again() {
    let bench = Bench::new();
    let scene = bench.scene(SEARCH);
    bench.usgs.download_server.faults().add(Fault::CutAfter(1000).on("/data/*").method("GET").times(2));
    assert!(bench.is_whole(&bench.band(&scene)));
    assert_eq!(bench.count("download-request"), 1);
    // A body that always breaks off is an error in words.
    bench.usgs.download_server.faults().add(Fault::CutAfter(0).on("/data/*").method("GET"));
    let other = bench.band(&scene).replace("_B4", "_B3");
    let (errno, words) = bench.refusal(&other);
    assert_eq!(errno, libc::EIO, "{words}");
    bench.usgs.download_server.faults().clear();
    assert!(bench.is_whole(&other));
}

#[test]
fn a_host_without_ranges_is_read_all_the_same() {
    let bench = Bench::new();
    let scene = bench.scene(SEARCH);
    bench.usgs.download_server.faults().add(Fault::IgnoreRange.on("*"));
    let id = scene.rsplit('/').next().unwrap();
    let tail = bench.mount.sh(&format!("tail -c 5000 {scene}/{id}.tar | md5sum"));
    assert_eq!(tail, bench.mount.sh(&format!("cat {scene}/{id}.tar | tail -c 5000 | md5sum")));
    assert!(bench.is_whole(&format!("{scene}/{id}.tar")));
    assert!(bench.is_whole(&bench.band(&scene)));
    assert_eq!(bench.count("download-request"), 2, "{TM}");
}

#[test]
fn sizes_that_were_promised_wrongly_do_no_harm() {
    let bench = Bench::new();
    bench.usgs.m2m.quirks().size_error = -100;
    let scene = bench.scene(SEARCH);
    let band = bench.band(&scene);
    let real = bench.mount.sh(&format!("cat {band} >/dev/null || true; cat {band} | wc -c"));
    let shown = bench.mount.sh(&format!("stat -c %s {band}"));
    assert_eq!(real.trim(), shown.trim(), "after a read the truth is known");
}

#[test]
fn an_agreement_is_asked_for_in_words() {
    let bench = Bench::new();
    let band = bench.band(&bench.scene(SEARCH));
    bench.usgs.m2m.quirks().eula = Some("HDDS");
    let (errno, words) = bench.refusal(&band);
    assert!(errno == libc::EACCES && words.contains("accept_eula = HDDS"), "{errno} {words}");
    assert!(bench.usgs.m2m.downloads().is_empty());
    let bench = Bench::with("accept_eula = HDDS");
    bench.usgs.m2m.quirks().eula = Some("HDDS");
    assert!(bench.is_whole(&bench.band(&bench.scene(SEARCH))));
}
