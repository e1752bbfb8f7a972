//! A mount after another: what M2M said is remembered, for its account alone.

use crate::bench::Bench;

const SEARCH: &str = "landsat_tm_c2_l2/datetime=2010-05/path=197";

/// Unmounts, and mounts again with the same cache.
fn again(bench: &Bench, options: &[&str]) {
    let place = &bench.mount.place;
    let output = place.stacfs(["umount".as_ref(), bench.mount.point.as_os_str()]).output().unwrap();
    assert!(output.status.success());
    // The farewell outlasts the mount.
    let left = |entries: &[stacfs::demo::http::Entry]| {
        entries.iter().any(|entry| entry.path().ends_with("/logout") && entry.took.is_some())
    };
    let journal = bench.usgs.m2m_server.journal();
    if bench.usgs.m2m.open_sessions() > 0 {
        assert!(journal.wait_for(std::time::Duration::from_secs(60), left));
    }
    bench.clear();
    let mut words: Vec<_> = ["mount"].iter().chain(options).chain(&["usgs"]).map(AsRef::as_ref).collect();
    words.push(bench.mount.point.as_os_str());
    let output = place.stacfs(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_remount_and_an_offline_mount_know_what_was_met() {
    let bench = Bench::new();
    let scene = bench.scene(SEARCH);
    let look = format!(
        "ls; ls {SEARCH}; cat {SEARCH}/count; ls -l {scene}; cat {scene}/item.json {scene}/metadata.json; md5sum {}",
        bench.band(&scene)
    );
    let first = bench.mount.sh(&look);
    again(&bench, &[]);
    assert_eq!(bench.mount.sh(&look), first);
    assert!(bench.asked().is_empty(), "{:?}", bench.asked());
    again(&bench, &["--offline"]);
    // Straight to the file, too.
    bench.mount.sh(&format!("cat {} > /dev/null", bench.band(&scene)));
    assert_eq!(bench.mount.sh(&look), first);
    let error = bench.mount.list("landsat_tm_c2_l2/datetime=2011").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENETUNREACH));
    assert!(bench.asked().is_empty(), "{:?}", bench.asked());

    // Another account sees its own: it may not download.
    let (m2m, espa) = (&bench.usgs.m2m_url, &bench.usgs.espa_url);
    let login = "username = browser\ntoken = browser-token";
    bench.mount.place.configure(&format!("[usgs]\n{login}\nm2m_url = {m2m}\nespa_url = {espa}\n"));
    again(&bench, &[]);
    let files = bench.mount.list(&scene).unwrap();
    assert!(!files.iter().any(|name| name.ends_with(".TIF")), "{files:?}");
    assert_eq!((bench.count("login-token"), bench.count("download-options")), (1, 1), "{:?}", bench.asked());
}
