//! `stacfs fetch`: whole searches into the cache or a folder, over a slow line, interrupted, in error.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stacfs::demo::http::{Content, Entry, Slice};
use stacfs::demo::link::Line;
use stacfs::demo::world::{Assets, Collection, World};
use stacfs::demo::{self, Demo, Options};

use crate::mounted::{Mounted, Place, said};

const TILES: usize = 200;

/// `tiles`: items with an image of some 100 KB and a note, both with checksums; that of `wrong` is wrong.
struct Tiles {
    wrong: Option<usize>,
}

/// The bytes of a tile: different in every one, and never the same twice in a row.
fn image(number: usize) -> Vec<u8> {
    let length = 60_000 + number * 7_919 % 80_000;
    (0..length as u64)
        .map(|at| ((at ^ (number as u64) << 20).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect()
}

fn note(number: usize) -> Vec<u8> {
    format!("tile {number}\n").into_bytes()
}

fn id(number: usize) -> String {
    format!("tile-{number:03}")
}

impl Tiles {
    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let (name, extension) = path.rsplit('/').next()?.split_once('.')?;
        let number = name.strip_prefix("tile-")?.parse().ok()?;
        Some(if extension == "bin" { image(number) } else { note(number) })
    }

    fn item(&self, number: usize) -> Value {
        let id = id(number);
        let sum = |bytes: &[u8]| {
            let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("1220{digest}")
        };
        let promised = image(if self.wrong == Some(number) { number + 1 } else { number });
        json!({
            "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": id,
            "geometry": {"type": "Point", "coordinates": [number as f64 / 2.0, 10.0]},
            "bbox": [number as f64 / 2.0, 10.0, number as f64 / 2.0, 10.0],
            "properties": {"datetime": "2018-02-03T04:05:06Z"},
            "assets": {
                "image": {"href": format!("tiles/{id}/{id}.bin"), "file:checksum": sum(&promised)},
                "note": {"href": format!("tiles/{id}/{id}.txt"), "file:checksum": sum(&note(number))},
            },
        })
    }
}

impl Assets for Tiles {
    fn asset(&self, path: &str) -> Option<Content> {
        let bytes = self.bytes(path)?;
        Some(Content {
            etag: Some(format!("\"{:08x}\"", crc32c::crc32c(&bytes))),
            bytes: Arc::new(Slice(bytes)),
            media_type: "application/octet-stream".to_owned(),
            last_modified: Timestamp::from_second(1_600_000_000).ok(),
        })
    }
}

fn serve(wrong: Option<usize>, line: Option<Line>) -> Demo {
    let tiles = Tiles { wrong };
    let items: Vec<Value> = (0..TILES).map(|number| tiles.item(number)).collect();
    let json = json!({
        "type": "Collection", "stac_version": "1.0.0", "id": "tiles", "title": "Tiles", "description": "Tiles.",
        "license": "CC0-1.0", "links": [],
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}},
    });
    let world = World {
        id: "tiles".into(),
        title: "Tiles".into(),
        description: "Tiles.".into(),
        collections: vec![Collection { json, queryables: json!({}), items: Arc::new(items) }],
        catalogs: Vec::new(),
        assets: Arc::new(tiles),
    };
    demo::start(Options { world: Arc::new(world), line, ..Options::default() }).unwrap()
}

fn fetch(place: &Place, words: &[&str]) -> Output {
    place.stacfs(["fetch", "--quiet"].iter().chain(words)).stdin(Stdio::null()).output().unwrap()
}

/// What it prints where all is there.
fn fetched(place: &Place, words: &[&str]) -> String {
    let output = fetch(place, words);
    assert!(output.status.success(), "{words:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The line it complains with where something is not.
fn complaint(place: &Place, words: &[&str]) -> String {
    let output = fetch(place, words);
    assert_eq!(output.status.code(), Some(1), "{words:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn of_images(entry: &Entry) -> bool {
    entry.path().ends_with(".bin")
}

fn sent(demo: &Demo) -> u64 {
    demo.server.journal().select(of_images).iter().map(|entry| entry.sent).sum()
}

fn signal(child: &Child, name: &str) {
    assert!(
        Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success()
    );
}

fn is_right(folder: &Path, number: usize) -> bool {
    let id = id(number);
    fs::read(folder.join(format!("tiles/{id}/{id}.bin"))).is_ok_and(|bytes| bytes == image(number))
}

#[test]
fn a_fetch_interrupted_ten_times_fetches_hardly_a_byte_twice() {
    let line = Line { rtt: Duration::from_millis(10), per_connection: Some(1 << 20), in_all: Some(6 << 20) };
    let demo = serve(None, Some(line));
    let place = Place::new();
    let total: u64 = (0..TILES).map(|number| image(number).len() as u64).sum();
    let words = [&demo.stac_url as &str, "tiles", "datetime=2018", "--assets", "image"];
    for round in 1..=10 {
        let mut child = place
            .stacfs(["fetch"].iter().chain(&words))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let enough = total * round / 11;
        let came = demo.server.journal().wait_for(Duration::from_secs(60), |entries| {
            entries.iter().filter(|entry| of_images(entry)).map(|entry| entry.sent).sum::<u64>() >= enough
        });
        assert!(came, "round {round}: {} of {total} bytes", sent(&demo));
        signal(&child, if round % 2 == 0 { "TERM" } else { "INT" });
        let mut words = String::new();
        std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut words).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(1), "{words}");
        assert!(words.lines().last().unwrap().starts_with("stacfs: interrupted: "), "{words}");
    }
    assert!(sent(&demo) < total, "it was interrupted before its end");
    let words_at_end = fetched(&place, &words);
    assert!(words_at_end.contains("200 of 200 files are there"), "{words_at_end}");
    let twice = sent(&demo) - total;
    assert!(twice * 50 <= total, "{twice} bytes of {total} were fetched twice");

    // Every byte is right, and none of them is asked for again.
    let out = place.path("out").to_str().unwrap().to_owned();
    let before = sent(&demo);
    fetched(&place, &[&words[..], &["--to", &out]].concat());
    assert_eq!(sent(&demo), before);
    let wrong: Vec<usize> = (0..TILES).filter(|number| !is_right(&place.path("out"), *number)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_folder_gets_the_tree_of_the_tutorial_once() {
    let demo = serve(None, None);
    let place = Place::new();
    let out = place.path("out").to_str().unwrap().to_owned();
    let words = [&demo.stac_url as &str, "tiles", "bbox=0,0,2,20", "--to", &out];
    let told = fetched(&place, &words);
    // Five items of three files each, and what the collection has beside them.
    assert!(told.starts_with("16 of 16 files are there"), "{told}");
    for number in 0..5 {
        assert!(is_right(&place.path("out"), number));
        let item = fs::read_to_string(place.path(&format!("out/tiles/{}/item.json", id(number)))).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&item).unwrap()["id"], id(number));
    }
    assert!(!place.path("out/tiles/tile-005").exists());
    let modified = fs::metadata(place.path("out/tiles/tile-000/tile-000.bin")).unwrap().modified().unwrap();
    assert_eq!(Timestamp::try_from(modified).unwrap().to_string(), "2018-02-03T04:05:06Z");

    // Again: nothing to do. A file that was cut short is made whole.
    fs::write(place.path("out/tiles/tile-001/tile-001.bin"), "short").unwrap();
    demo.server.journal().clear();
    assert!(fetched(&place, &words).contains(": 0 B fetched now"));
    assert!(is_right(&place.path("out"), 1));
    assert_eq!(sent(&demo), 0, "it comes from the cache");
    let parts = Command::new("find").arg(&out).args(["-name", "*.part"]).output().unwrap();
    assert!(parts.stdout.is_empty());
}

/// A file system of its own in a file; taken off when dropped.
struct Disk(std::path::PathBuf);

impl Disk {
    fn new(place: &Place, make: &str) -> Disk {
        let (image, folder) = (place.path("disk.img"), place.path("disk"));
        let script = format!(
            "truncate -s 512M {image} && {make} -q {image} && mkdir {folder} && mount -o loop {image} {folder}",
            image = image.display(),
            folder = folder.display()
        );
        let output = Command::new("bash").args(["-ec", &script]).output().unwrap();
        assert!(output.status.success(), "a loop device with {make}: {}", said(&output));
        Disk(folder)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn where_the_disk_can_a_folder_shares_its_blocks_with_the_cache() {
    // scripts/test --long has these programs; loop devices want root.
    if std::env::var_os("STACFS_TEST_LONG").is_none() || !rustix::process::geteuid().is_root() {
        println!("left out: it needs --long and root");
        return;
    }
    for make in ["mkfs.btrfs", "mkfs.xfs"] {
        let demo = serve(None, None);
        let place = Place::new();
        let disk = Disk::new(&place, make);
        place.configure(&format!("[cache]\nfolder = {}\nmin_free = 0\n", disk.0.join("cache").display()));
        let out = disk.0.join("out");
        let words = [&demo.stac_url as &str, "tiles", "bbox=0,0,2,20", "--to", out.to_str().unwrap()];
        assert!(fetched(&place, &words).starts_with("16 of 16 files are there"));
        let image = out.join("tiles/tile-000/tile-000.bin");
        Command::new("sync").arg("-f").arg(&image).status().unwrap();
        let extents = Command::new("filefrag").arg("-v").arg(&image).output().unwrap();
        assert!(said(&extents).contains("shared"), "{make}: {}", said(&extents));
        // What the folder has stays when the cache lets go of it.
        assert!(place.stacfs(["cache", "clear"]).status().unwrap().success());
        assert!((0..5).all(|number| is_right(&out, number)), "{make}");
    }
}

#[test]
fn what_is_not_there_is_told() {
    let demo = serve(Some(3), None);
    let place = Place::new();
    let url = &demo.stac_url as &str;
    let told = complaint(&place, &[url, "tiles", "bbox=0,0,2,20", "--assets", "image"]);
    assert!(told.contains("tiles/tile-003/tile-003.bin") && told.contains("checksum"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    let told = complaint(&place, &[url, "tiles", "--max-items", "2"]);
    assert!(told.contains("the listing was cut") && told.contains("--max-items 0"), "{told}");
    let told = complaint(&place, &[url, "tiels"]);
    assert!(told.contains("there is no tiels"), "{told}");
    let told =
        complaint(&place, &[url, "tiles", "bbox=20,0,30,20", "--assets", "image", "--max-bytes", "500K"]);
    assert!(told.contains("files are left, by --max-bytes"), "{told}");
    // What one source took is taken off once, however many there are.
    place.configure(&["a", "b", "c"].map(|name| format!("[source {name}]\nurl = {url}\n")).concat());
    let words = [0, 1, 2].map(|n| format!("{}/tiles/{1}/{1}.bin", ["a", "b", "c"][n], id(n)));
    let most = (0..3).map(|number| image(number).len()).sum::<usize>().to_string();
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--max-bytes", &most]).collect();
    assert!(fetched(&place, &words).starts_with("3 of 3 files are there"));
    let told = complaint(&place, &[url, "tiles/tile-100/tile-100.bin", "--to", "/dev/null/nowhere"]);
    assert!(told.contains("choose another --to"), "{told}");
}

#[test]
fn what_was_fetched_is_read_through_a_mount_without_a_request() {
    let demo = serve(None, None);
    let mount = Mounted::of(&demo.stac_url);
    let path = mount.path("tiles/bbox=0,0,1,20").to_str().unwrap().to_owned();
    let place = &mount.place;
    let dry = fetched(place, &["--dry-run", "--assets", "image", &path]);
    let bytes: usize = (0..3).map(|number| image(number).len()).sum();
    assert!(dry.starts_with("3 files, ") && dry.contains(&format!("({bytes} bytes)")), "{dry}");
    assert!(dry.contains("0 B of them are in the cache"), "{dry}");
    assert_eq!(sent(&demo), 0);
    assert!(fetched(place, &["--assets", "image", &path]).starts_with("3 of 3 files are there"));
    let before = sent(&demo);
    assert_eq!(before as usize, bytes);
    for number in 0..3 {
        assert_eq!(fs::read(mount.path(&format!("tiles/{0}/{0}.bin", id(number)))).unwrap(), image(number));
    }
    assert_eq!(sent(&demo), before, "the mount reads what was fetched");
}

fn cache(place: &Place, words: &[&str]) -> String {
    let output = place.stacfs(["cache"].iter().chain(words)).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_pinned_search_stays() {
    let demo = serve(None, None);
    let place = Place::new();
    let url = &demo.stac_url as &str;
    let search = [url, "tiles", "bbox=0,0,2,20"];
    assert!(
        cache(&place, &[&["pin"], &search[..], &["--assets", "image"]].concat()).starts_with("5 of 5 files")
    );
    fetched(&place, &[url, "tiles", "bbox=10,0,12,20", "--assets", "image"]);
    let told = cache(&place, &["info"]);
    assert!(
        told.contains(", 10 files, 10 of them whole") && told.contains(", 5 files of 1 searches"),
        "{told}"
    );
    let listed: Value = serde_json::from_str(&cache(&place, &["list", "--pinned", "--json"])).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 5);
    assert_eq!(listed[0]["pins"], json!([format!("{url} tiles/bbox=0,0,2,20")]));
    assert_eq!(listed[0]["cached"], listed[0]["size"]);

    assert!(cache(&place, &["verify"]).ends_with(", 0 were wrong\n"));
    cache(&place, &["clear"]);
    let before = sent(&demo);
    fetched(&place, &[&search[..], &["--assets", "image"]].concat());
    assert_eq!(sent(&demo), before, "what is pinned is still here");

    let told = cache(&place, &[&["unpin"], &search[..]].concat());
    assert!(told.starts_with("5 files may go"), "{told}");
    assert!(cache(&place, &["prune", "--to", "0"]).starts_with("5 files went"));
    assert_eq!(cache(&place, &["list"]), "");
    let again = place.stacfs(["cache", "unpin"].iter().chain(&search)).output().unwrap();
    assert!(said(&again).contains("is not pinned"), "{}", said(&again));
}
