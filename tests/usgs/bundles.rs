//! Members of bundles: had without the whole of the bundle, which is as large as a real one.

use crate::bench::Bench;

const MIB: u64 = 1 << 20;

/// What the download host sent of the bundle since the last look.
fn sent(bench: &Bench) -> u64 {
    let journal = bench.usgs.download_server.journal();
    let sent = journal.select(|entry| entry.path() == "/gen-bundle").iter().map(|entry| entry.sent).sum();
    journal.clear();
    sent
}

#[test]
fn a_member_is_read_without_the_whole_bundle() {
    let bench = Bench::new();
    bench.usgs.m2m.quirks().bundle_padding = 6 * MIB;
    let scene = bench.scene("landsat_tm_c2_l2/datetime=2010-05");
    let id = scene.rsplit('/').next().unwrap().to_owned();
    let size = |file: &str| bench.mount.path(file).metadata().unwrap().len();
    assert!(size(&format!("{scene}/{id}.tar")) > 64 * MIB);
    sent(&bench);

    let members = bench.mount.list(&format!("{scene}/{id}")).unwrap();
    let headers = sent(&bench);
    println!("{} members: {headers} bytes", members.len());
    assert!(headers <= 64 * 1024 * members.len() as u64, "of {} members: {headers}", members.len());

    let member = format!("{scene}/{id}/{id}_SR_B4.TIF");
    bench.mount.sh(&format!("cmp {member} {scene}/{id}_SR_B4.TIF"));
    let whole = sent(&bench);
    println!("a member of {}: {whole}", size(&member));
    assert!(whole <= size(&member) + 128 * 1024, "{whole} of {}", size(&member));

    // A range in the middle of a large one.
    let noise = format!("{scene}/{id}/{id}_SR_B5.TIF.noise");
    assert_eq!(size(&noise), 6 * MIB);
    bench.mount.sh(&format!("dd if={noise} bs=64k skip=40 count=1 iflag=fullblock of=$OUT/part status=none"));
    let part = sent(&bench);
    println!("64 KiB of it: {part}");
    assert!((64 * 1024..=512 * 1024).contains(&part), "{part}");
    bench.mount.sh(&format!(
        "cp {noise} $OUT/noise; tail -c +$((40 * 65536 + 1)) $OUT/noise | cmp -n 65536 - $OUT/part"
    ));
    let rest = sent(&bench);
    println!("the rest: {rest}");
    assert!(rest <= 6 * MIB + 256 * 1024, "{rest}");
    assert_eq!(bench.count("download-request"), 2, "of the bundle, and of the band that was compared");
}
