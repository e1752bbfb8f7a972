use std::fs::OpenOptions;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::object::EXTENT;
use super::*;

const IDENTITY: &str = "https://e.org/a.tif";
const MANY: u64 = 1 << 30;

fn settings(folder: &Path, max_bytes: u64) -> Settings {
    Settings { folder: folder.to_owned(), max_bytes: Some(max_bytes), min_free: 0 }
}

fn cache(folder: &Path, max_bytes: u64) -> Cache {
    Cache::open(settings(folder, max_bytes), Arc::new(Report::new()))
}

/// The true bytes of an object, different at every place and for every seed.
fn bytes(seed: u64, range: std::ops::Range<u64>) -> Vec<u8> {
    range.map(|at| ((at ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

fn block_bytes(seed: u64, size: u64, blocks: std::ops::Range<u64>) -> Vec<u8> {
    bytes(seed, (blocks.start * BLOCK).min(size)..(blocks.end * BLOCK).min(size))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder.join("v1/objects"))
        .unwrap()
        .flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    found.sort();
    found
}

#[test]
fn what_was_kept_is_read_back_also_by_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let size = 5 * BLOCK + 1000;
    let (one, two) = (cache(folder.path(), MANY), cache(folder.path(), MANY));
    let (first, second) =
        (one.object(IDENTITY, "1", size).unwrap(), two.object(IDENTITY, "1", size).unwrap());
    assert_eq!(first.missing(0..6), vec![0..6]);
    assert_eq!(first.read(0, 10), None);
    assert!(first.write(1, &block_bytes(1, size, 1..3)));
    assert!(second.write(5, &block_bytes(1, size, 5..6)));
    for object in [&first, &second] {
        assert_eq!(object.missing(0..100), vec![0..1, 3..5]);
        assert_eq!(object.read(BLOCK + 7, 100), Some(bytes(1, BLOCK + 7..BLOCK + 107)));
        assert_eq!(object.read(3 * BLOCK - 5, 5), Some(bytes(1, 3 * BLOCK - 5..3 * BLOCK)));
        assert_eq!(object.read(3 * BLOCK - 5, 6), None);
        assert_eq!(object.read(size - 10, 4096), Some(bytes(1, size - 10..size)));
        assert_eq!(object.read(size, 4096), Some(Vec::new()));
        assert_eq!(object.cached_bytes(), 2 * BLOCK + 1000);
    }
    assert_eq!(one.cached_bytes(IDENTITY, "1", size), 2 * BLOCK + 1000);
    assert_eq!(one.cached_bytes(IDENTITY, "2", size), 0);
    assert!(one.object(IDENTITY, "2", size).unwrap().read(BLOCK, 1).is_none(), "another version");
}

#[test]
fn everything_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let cache = cache(folder.path(), MANY);
    assert!(cache.object(IDENTITY, "1", 10).unwrap().write(0, &[7; 10]));
    let second = jiff::Timestamp::from_second(1).unwrap();
    let document = Document { validator: None, kept: second, expires: second, body: vec![1] };
    cache.keep_document("k", &document);
    assert_eq!(cache.document("k"), Some(document));
    let mut seen = 0;
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "{folder:?}");
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                seen += 1;
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{:?}", entry.path());
            }
        }
    }
    assert_eq!(seen, 4, "map, data, document, facts");
}

#[test]
fn a_damaged_block_is_forgotten_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let size = 4 * BLOCK;
    let cache = cache(folder.path(), MANY);
    let object = cache.object(IDENTITY, "1", size).unwrap();
    assert!(object.write(0, &block_bytes(1, size, 0..4)));
    let data = OpenOptions::new().write(true).open(&files(folder.path(), "data")[0]).unwrap();
    data.write_all_at(&[bytes(1, BLOCK + 9..BLOCK + 10)[0] ^ 1], BLOCK + 9).unwrap();
    assert!(object.backing().is_none());
    assert_eq!(object.read(0, size as usize), None);
    assert_eq!(object.missing(0..4), vec![1..2]);
    assert_eq!(cache.report().counters.cache_repairs.get(), 1);
    assert!(object.write(1, &block_bytes(1, size, 1..2)));
    assert_eq!(object.read(0, size as usize), Some(bytes(1, 0..size)));
    assert_eq!(object.verify(), (4, 0));
}

#[test]
fn what_was_half_put_out_by_one_who_died_is_not_here() {
    let folder = tempfile::tempdir().unwrap();
    let size = 4 * BLOCK;
    let cache = cache(folder.path(), MANY);
    assert!(cache.object(IDENTITY, "1", size).unwrap().write(0, &block_bytes(1, size, 0..4)));
    // As far as an eviction gets before it unlinks anything.
    let map = &files(folder.path(), "map")[0];
    OpenOptions::new().write(true).open(map).unwrap().set_len(0).unwrap();
    assert_eq!(cache.stock(), []);
    assert_eq!(cache.cached_bytes(IDENTITY, "1", size), 0);
    let object = cache.object(IDENTITY, "1", size).unwrap();
    assert_eq!((object.read(0, 1), object.cached_bytes()), (None, 0));
    assert!(object.write(1, &block_bytes(1, size, 1..2)));
    assert_eq!(object.read(BLOCK, 10), Some(bytes(1, BLOCK..BLOCK + 10)));
}

#[test]
fn an_older_format_is_left_alone_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let older = folder.path().join("v0/objects");
    std::fs::create_dir_all(&older).unwrap();
    std::fs::write(older.join("some.map"), "as it was then").unwrap();
    std::fs::create_dir(folder.path().join("v2")).unwrap();
    let cache = cache(folder.path(), MANY);
    let note = &cache.report().notes()["older cache"];
    assert!(note.contains("v0") && note.contains("may be removed"), "{note}");
    assert_eq!(cache.stock(), []);
    assert!(cache.object(IDENTITY, "1", BLOCK).unwrap().write(0, &block_bytes(1, BLOCK, 0..1)));
    cache.clear(Which::All);
    assert_eq!(std::fs::read(older.join("some.map")).unwrap(), b"as it was then");
}

#[test]
fn what_was_verified_once_is_known_to_be_until_somebody_touches_it() {
    let folder = tempfile::tempdir().unwrap();
    let size = 3 * BLOCK + 5;
    let open = |cache: &Cache| cache.object(IDENTITY, "1", size).unwrap();
    let first = open(&cache(folder.path(), MANY));
    assert!(first.write(0, &bytes(1, 0..size)));
    assert!(!first.is_verified(), "nobody looked yet");
    assert!(first.backing().is_some() && first.is_verified());
    drop(first);
    let second = open(&cache(folder.path(), MANY));
    assert!(second.is_verified(), "another process found it right");
    second.discard();
    assert!(!second.is_verified() && second.backing().is_none(), "its blocks are gone");
    assert!(second.write(0, &bytes(1, 0..size)));
    assert!(second.backing().is_some());
    drop(second);

    let data = OpenOptions::new().write(true).open(&files(folder.path(), "data")[0]).unwrap();
    // The clock of a file system may stand still for some milliseconds.
    let before = data.metadata().unwrap().ctime_nsec();
    while data.metadata().unwrap().ctime_nsec() == before {
        data.write_all_at(&[bytes(1, 9..10)[0] ^ 1], 9).unwrap();
    }
    let third = open(&cache(folder.path(), MANY));
    assert!(!third.is_verified());
    assert!(third.backing().is_none(), "the damage is found");
}

#[test]
fn a_whole_file_is_lent_and_then_nothing_of_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let size = 3 * EXTENT;
    let (lender, other) = (cache(folder.path(), MANY), cache(folder.path(), EXTENT));
    let object = lender.object(IDENTITY, "1", size).unwrap();
    assert!(object.write(0, &block_bytes(1, size, 0..2)));
    assert!(object.backing().is_none(), "not whole");
    assert!(object.write(0, &bytes(1, 0..size)));
    let backing = object.backing().unwrap();
    drop(object);
    keeper::round(other.shelf.as_ref().unwrap());
    let mut lent = vec![0; size as usize];
    std::fs::File::from(backing.as_fd().try_clone_to_owned().unwrap()).read_exact_at(&mut lent, 0).unwrap();
    assert!(lent == bytes(1, 0..size));
    assert_eq!(other.cached_bytes(IDENTITY, "1", size), size);

    drop(backing);
    keeper::round(other.shelf.as_ref().unwrap());
    assert_eq!(other.cached_bytes(IDENTITY, "1", size), 0);
}

#[test]
fn open_files_are_punched_least_recent_extent_first_and_reads_stay_right() {
    let folder = tempfile::tempdir().unwrap();
    let size = 8 * EXTENT;
    let limit = 8 * EXTENT;
    let cache = cache(folder.path(), limit);
    let object = cache.object(IDENTITY, "1", size).unwrap();
    let per_extent = EXTENT / BLOCK;
    for extent in 0..6 {
        assert!(object.write(extent * per_extent, &bytes(1, extent * EXTENT..(extent + 1) * EXTENT)));
    }
    assert!(object.read(0, 10).is_some(), "the first extent is used last");
    assert!(object.write(6 * per_extent, &bytes(1, 6 * EXTENT..7 * EXTENT)));
    assert!(object.write(7 * per_extent, &bytes(1, 7 * EXTENT..7 * EXTENT + BLOCK)));
    keeper::round(cache.shelf.as_ref().unwrap());
    let missing = object.missing(0..7 * per_extent);
    assert_eq!(missing.first().map(|run| run.start), Some(per_extent), "{missing:?}");
    assert_eq!(missing.len(), 1, "{missing:?}");
    for extent in 0..7 {
        let read = object.read(extent * EXTENT, EXTENT as usize);
        assert!(read.is_none_or(|read| read == bytes(1, extent * EXTENT..(extent + 1) * EXTENT)));
    }
    assert_eq!(cache.report().counters.cache_repairs.get(), 0, "what was put out is not damage");
}

#[test]
fn the_bound_holds_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (size, limit) = (1024 * 1024, 8 * 1024 * 1024);
    let cache = cache(folder.path(), limit);
    for n in 0..64 {
        let object = cache.object(&format!("{IDENTITY}{n}"), "1", size).unwrap();
        while !object.write(0, &bytes(n, 0..size)) {
            keeper::round(cache.shelf.as_ref().unwrap());
        }
        let used: u64 = ["map", "data"]
            .iter()
            .flat_map(|extension| files(folder.path(), extension))
            .filter_map(|path| std::fs::metadata(path).ok())
            .map(|metadata| metadata.blocks() * 512)
            .sum();
        assert!(used <= limit + 64 * 8192, "{used}");
    }
    assert!(cache.cached_bytes(&format!("{IDENTITY}63"), "1", size) == size);
    assert!(cache.cached_bytes(&format!("{IDENTITY}0"), "1", size) == 0);
    assert!(cache.report().counters.evicted_bytes.get() >= 56 * size);
}

#[test]
fn a_full_disk_refuses_and_says_so() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounting a tmpfs of one megabyte needs root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let point = folder.path().join("small");
    std::fs::create_dir(&point).unwrap();
    let mount = |args: &[&str]| std::process::Command::new(args[0]).args(&args[1..]).status().unwrap();
    let path = point.to_str().unwrap();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path]).success() {
        eprintln!("skipped: a tmpfs cannot be mounted here");
        return;
    }
    let size = 4 * 1024 * 1024;
    {
        let report = Arc::new(Report::new());
        let cache = Cache::open(settings(&point, 64 * size), report.clone());
        let object = cache.object(IDENTITY, "1", size).unwrap();
        assert!(object.write(0, &block_bytes(1, size, 0..4)));
        // Half is ours; somebody else fills the rest while we think there is room.
        std::fs::write(point.join("somebody"), vec![1; 700_000]).unwrap();
        let kept =
            (4..32).filter(|block| object.write(*block, &block_bytes(1, size, *block..block + 1))).count();
        assert!(kept < 28);
        for block in 0..32 {
            let read = object.read(block * BLOCK, BLOCK as usize);
            assert!(read.is_none_or(|read| read == block_bytes(1, size, block..block + 1)));
        }
        std::fs::remove_file(point.join("somebody")).unwrap();
        assert!(object.write(10, &block_bytes(1, size, 10..11)), "there is room again");
        assert!(!report.notes().contains_key("cache"), "and the note is gone");
    }
    assert!(mount(&["umount", path]).success());
}

#[test]
fn a_disk_that_does_not_tell_how_full_it_is_has_nothing_put_out() {
    let folder = tempfile::tempdir().unwrap();
    let space = space::Space::new(folder.path(), Some(MANY), MANY, Arc::new(Report::new())).unwrap();
    space.correct(0, 0);
    folder.close().unwrap();
    assert_eq!(space.shortage(), 0);
    assert!(space.admit(BLOCK), "writing to it tells");
}

#[test]
fn a_folder_that_cannot_be_used_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let report = Arc::new(Report::new());
    std::fs::write(folder.path().join("file"), "").unwrap();
    let cache = Cache::open(settings(&folder.path().join("file"), MANY), report.clone());
    assert!(cache.object(IDENTITY, "1", 10).is_none());
    assert!(report.notes()["cache"].contains("--cache-dir"));
}

#[derive(Debug, Clone)]
enum Step {
    Write(u64, u64),
    Read(u64, usize),
    /// Cut or bend a file at a place, as a crash or a bad disk would.
    Bend(&'static str, u64, u8),
    Truncate(&'static str, u64),
    /// A new process.
    Reopen,
    Evict,
}

fn step() -> impl Strategy<Value = Step> {
    let file = prop_oneof![Just("map"), Just("data")];
    let file2 = prop_oneof![Just("map"), Just("data")];
    prop_oneof![
        4 => (0..12u64, 1..5u64).prop_map(|(first, count)| Step::Write(first, count)),
        6 => (0..12 * BLOCK, 0..200_000usize).prop_map(|(at, length)| Step::Read(at, length)),
        1 => (file, 0..400_000u64, 1..=255u8).prop_map(|(file, at, bits)| Step::Bend(file, at, bits)),
        1 => (file2, 0..400_000u64).prop_map(|(file, at)| Step::Truncate(file, at)),
        1 => Just(Step::Reopen),
        1 => Just(Step::Evict),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever happens to the files, a read gives the true bytes or nothing.
    #[test]
    fn never_a_wrong_byte(steps in proptest::collection::vec(step(), 1..40), tail in 1..BLOCK) {
        let folder = tempfile::tempdir().unwrap();
        let size = 11 * BLOCK + tail;
        let mut held = cache(folder.path(), MANY);
        let mut object = held.object(IDENTITY, "1", size).unwrap();
        for step in steps {
            match step {
                Step::Write(first, count) => {
                    let blocks = first..(first + count).min(12);
                    prop_assert!(object.write(first, &block_bytes(1, size, blocks)));
                }
                Step::Read(at, length) => {
                    let end = (at + length as u64).min(size);
                    if let Some(read) = object.read(at, length) {
                        prop_assert!(read == bytes(1, at.min(end)..end), "at {at}, {length} bytes");
                    }
                }
                Step::Bend(extension, at, bits) => {
                    let path = &files(folder.path(), extension)[0];
                    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
                    let at = at % file.metadata().unwrap().len().max(1);
                    let mut byte = [0];
                    if file.read_exact_at(&mut byte, at).is_ok() {
                        file.write_all_at(&[byte[0] ^ bits], at).unwrap();
                    }
                }
                Step::Truncate(extension, at) => {
                    let path = &files(folder.path(), extension)[0];
                    let file = OpenOptions::new().write(true).open(path).unwrap();
                    if at < file.metadata().unwrap().len() {
                        file.set_len(at).unwrap();
                    }
                    // A file cut short is found out at the next opening.
                    drop(object);
                    object = held.object(IDENTITY, "1", size).unwrap();
                }
                Step::Reopen => {
                    drop(object);
                    drop(held);
                    held = cache(folder.path(), MANY);
                    object = held.object(IDENTITY, "1", size).unwrap();
                }
                Step::Evict => {
                    let tight = cache(folder.path(), 1);
                    keeper::round(tight.shelf.as_ref().unwrap());
                }
            }
        }
    }
}

#[test]
fn what_is_pinned_stays_and_the_rest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), MANY);
    let object = |name: &str| {
        let object = cache.object(name, "1", 4 * BLOCK).unwrap();
        assert!(object.write(0, &block_bytes(1, 4 * BLOCK, 0..4)));
        object
    };
    let pin = object("pinned").pin("a search").unwrap();
    assert_eq!(object("pinned").pin("another\nsearch").unwrap(), pin);
    object("plain");
    let stock = cache.stock();
    let here: Vec<_> = stock.iter().map(|s| (s.identity.as_str(), s.here, s.pins.len())).collect();
    assert_eq!(here, [("pinned", 4 * BLOCK, 2), ("plain", 4 * BLOCK, 0)]);

    let gone = cache.prune(Some(0), None);
    assert_eq!((gone.files, gone.in_use), (1, 0));
    assert_eq!(cache.stock().len(), 1);
    assert_eq!(cache.prune(None, Some(std::time::Duration::ZERO)), PutOut::default());

    assert_eq!(cache.unpin("a search", &[pin.clone()].into()).unwrap(), 0, "it is to keep this pin");
    assert_eq!(cache.unpin("a search", &[].into()).unwrap(), 1);
    assert_eq!(cache.clear(Which::Unpinned).files, 0, "another search still wants it");
    assert_eq!(cache.unpin("another search", &[].into()).unwrap(), 1);
    assert!(!pin.exists());
    let open = object("pinned");
    assert_eq!(cache.clear(Which::Unpinned), PutOut { in_use: 1, ..PutOut::default() });
    drop(open);
    assert_eq!(cache.clear(Which::Unpinned).files, 1);
    assert_eq!(cache.stock(), []);
}

#[test]
fn a_full_cache_leaves_pins_alone() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), 64 * BLOCK);
    let fill = |name: &str| {
        let object = cache.object(name, "1", 16 * BLOCK).unwrap();
        object.pin("first").map(drop).unwrap_or_default();
        object.write(0, &block_bytes(1, 16 * BLOCK, 0..16))
    };
    assert!(fill("one"));
    for round in 0..20 {
        let object = cache.object(&round.to_string(), "1", 8 * BLOCK).unwrap();
        object.write(0, &block_bytes(2, 8 * BLOCK, 0..8));
        drop(object);
        keeper::round(cache.shelf.as_ref().unwrap());
    }
    let stock = cache.stock();
    assert!(stock.len() < 21, "something went");
    assert!(stock.iter().any(|stocked| stocked.identity == "one" && stocked.here == 16 * BLOCK));
}

#[test]
fn verifying_is_no_use_and_forgets_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), MANY);
    let size = 3 * BLOCK + 5;
    cache.object("a", "1", size).unwrap().write(0, &block_bytes(1, size, 0..4));
    let before = cache.stock();
    assert_eq!(cache.verify(&before[0]), Some((4, 0)));
    assert_eq!(cache.stock(), before);
    let data = files(folder.path(), "data").remove(0);
    OpenOptions::new().write(true).open(data).unwrap().write_all_at(b"bent", BLOCK).unwrap();
    assert_eq!(cache.verify(&before[0]), Some((3, 1)));
    assert_eq!(cache.stock()[0].here, size - BLOCK);
}

#[test]
fn a_disk_that_is_nearly_full_is_told_of_and_documents_stay_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let report = Arc::new(Report::new());
    let cache = Cache::open(Settings { min_free: 1 << 60, ..settings(folder.path(), MANY) }, report.clone());
    let object = cache.object(IDENTITY, "1", BLOCK).unwrap();
    assert!(!object.write(0, &block_bytes(1, BLOCK, 0..1)));
    assert!(!cache.keeps());
    let now = jiff::Timestamp::now();
    let document = Document { validator: None, kept: now, expires: now, body: b"{}".to_vec() };
    cache.keep_document("k", &document);
    assert_eq!(cache.document("k"), Some(document));
    cache.forget_document("k");
    assert_eq!(cache.document("k"), None);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while report.errors().is_empty() {
        assert!(std::time::Instant::now() < deadline, "nobody is told");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let told = report.errors();
    let words = &told[0].words;
    assert!(words.contains("nearly full") && words.contains("[cache] min_free"), "{words}");
    assert_eq!(report.notes().get("cache room"), Some(words));
}

#[test]
fn a_sample_has_some_blocks_of_every_object() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), MANY);
    assert_eq!(cache.sample(Duration::from_secs(60)), (0, 0));
    for name in ["a", "b", "c"] {
        cache.object(name, "1", 32 * BLOCK).unwrap().write(0, &block_bytes(1, 32 * BLOCK, 0..20));
    }
    let before = cache.stock();
    let (right, wrong) = cache.sample(Duration::from_secs(60));
    assert!((3..=3 * 8).contains(&right) && wrong == 0, "{right}");
    assert_eq!(cache.stock(), before, "to look is no use");
    for data in files(folder.path(), "data") {
        OpenOptions::new().write(true).open(data).unwrap().write_all_at(b"bent", 0).unwrap();
    }
    assert_eq!(cache.sample(Duration::from_secs(60)).1, 3, "the first block is always among them");
    assert_eq!(cache.sample(Duration::ZERO), (0, 0));
}

#[test]
fn a_long_survey_is_waited_for_once() {
    let folder = tempfile::tempdir().unwrap();
    let space = space::Space::new(folder.path(), Some(MANY), 0, Arc::new(Report::new())).unwrap();
    let began = std::time::Instant::now();
    assert!((0..40).all(|_| space.admit(1)), "nobody surveys");
    assert!(began.elapsed() < Duration::from_secs(100), "each write waited");
}

#[test]
fn an_object_longer_than_any_file_is_no_trouble_of_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path(), MANY);
    for size in [1 << 50, 1 << 62, i64::MAX as u64] {
        drop(cache.object(IDENTITY, "1", size));
        assert!(cache.keeps(), "{size}");
    }
    let object = cache.object(IDENTITY, "1", 10).unwrap();
    assert!(object.write(0, &bytes(1, 0..10)));
}
