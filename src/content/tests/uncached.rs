//! A disk that is nearly full: nothing can be kept on it.

use super::*;
use crate::content::memory;
use sha2::Digest;

/// A content service over a cache that leaves more free than there is.
fn starved(folder: &Path, lifetime: Duration) -> Arc<Content> {
    let report = Arc::new(Report::new());
    let settings = cache::Settings { folder: folder.to_owned(), max_bytes: Some(1 << 30), min_free: 1 << 60 };
    let http = Arc::new(Http::new(http::Settings::default(), Vec::new(), report.clone()).unwrap());
    let cache = Arc::new(Cache::open(settings, report.clone()));
    Arc::new(Content::new(http, cache, report, lifetime))
}

#[test]
fn eight_readers_draw_from_one_budget_and_fetch_each_byte_once() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = starved(folder.path(), HOUR);
    let size = 20 * MIB + 5;
    let most = std::thread::scope(|scope| {
        let read = |n: u64| {
            let object = object(&server, &format!("{size}/{n}"));
            let (content, means) = (content.clone(), content.means.clone());
            move || {
                let file = content.open(&object, 0).unwrap();
                let (mut at, mut most) = (0, 0);
                while at < size {
                    let bytes = file.read(at, 128 * KIB as usize).unwrap();
                    assert!(bytes == painted(at..at + bytes.len() as u64), "at {at}");
                    at += bytes.len() as u64;
                    most = most.max(means.memory.lent());
                }
                most
            }
        };
        let readers: Vec<_> = (0..8).map(|n| scope.spawn(read(n))).collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).max().unwrap()
    });
    assert!(most > 0 && most <= memory::MOST, "{most} bytes of memory");
    let (sent, length) = (server.journal().sent(), 8 * size);
    assert!(sent <= length * 101 / 100, "{sent} of {length}");
    assert_eq!(content.means.memory.lent(), 0, "all is closed");
}

#[test]
fn who_stops_reading_starves_nobody() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = starved(folder.path(), HOUR);
    let size = 40 * MIB;
    let idle: Vec<_> = (0..6)
        .map(|n| {
            let file = content.open(&object(&server, &format!("{size}/idle{n}")), 0).unwrap();
            (0..40).for_each(|at| drop(file.read(at * 128 * KIB, 128 * KIB as usize).unwrap()));
            file
        })
        .collect();
    let file = content.open(&object(&server, &format!("{size}/busy")), 0).unwrap();
    assert!(read_all(&file).unwrap() == painted(0..size));
    assert!(content.means.memory.lent() <= memory::MOST);
    for file in &idle {
        assert!(file.read(30 * MIB, 1000).unwrap() == painted(30 * MIB..30 * MIB + 1000), "and goes on");
    }
}

#[test]
fn small_files_stay_in_memory_when_they_are_closed() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = starved(folder.path(), HOUR);
    for _ in 0..3 {
        for n in 0..20 {
            let size = 7_000 + n;
            let file = content.open(&object(&server, &size.to_string()), 0).unwrap();
            assert!(read_all(&file).unwrap() == painted(0..size));
        }
    }
    assert_eq!(server.journal().len(), 20, "one request each");
    let large = content.open(&object(&server, &(100 * MIB).to_string()), 0).unwrap();
    (0..100).for_each(|at| drop(large.read(at * MIB, MIB as usize).unwrap()));
    drop(large);
    server.journal().clear();
    read_all(&content.open(&object(&server, "7003"), 0).unwrap()).unwrap();
    assert!(server.journal().is_empty(), "a large file put it out");
}

#[test]
fn a_version_in_memory_is_asked_for_again_only_whether_it_holds() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = starved(folder.path(), Duration::ZERO);
    let object = object(&server, "7000");
    for _ in 0..3 {
        assert!(read_all(&content.open(&object, 0).unwrap()).unwrap() == painted(0..7000));
    }
    assert_eq!(server.journal().sent(), 7000);
    server.faults().add(Fault::NewVersion(3).on("*"));
    let generation = match content.open(&object, 0) {
        Err(Error::Changed { .. }) => content.generation(object.origin.identity()),
        Ok(_) => panic!("it has changed"),
        Err(error) => panic!("{error}"),
    };
    let file = content.open(&object, generation).unwrap();
    let new: Vec<u8> = painted(0..7000).into_iter().map(|byte| byte ^ 3).collect();
    assert!(read_all(&file).unwrap() == new);
}

#[test]
fn what_is_fetched_ahead_stays_in_memory_until_it_is_opened() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = starved(folder.path(), HOUR);
    let small = object(&server, "60000");
    content.prefetch([small.clone()], 60_000);
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !content.has_some_of(&small) {
        assert!(std::time::Instant::now() < deadline, "never fetched ahead");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(read_all(&content.open(&small, 0).unwrap()).unwrap() == painted(0..60_000));
    assert_eq!(server.journal().len(), 1, "what was fetched ahead is there");
}

#[test]
fn a_small_file_in_memory_is_checked_too() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = starved(folder.path(), HOUR);
    let digest = sha2::Sha256::digest(painted(0..7000));
    let multihash: String =
        [0x12, 0x20].iter().chain(digest.iter()).map(|byte| format!("{byte:02x}")).collect();
    let checksum = crate::item::Checksum::from_multihash(&multihash);
    assert!(checksum.is_some());
    let right = Object { checksum: checksum.clone(), ..object(&server, "7000") };
    assert!(read_all(&content.open(&right, 0).unwrap()).unwrap() == painted(0..7000));
    let wrong = Object { checksum, ..object(&server, "7001") };
    for times in 1..=2 {
        let generation = content.generation(wrong.origin.identity());
        let read = content.open(&wrong, generation).and_then(|file| read_all(&file));
        assert!(matches!(read, Err(Error::Corrupt { .. })), "{times}: {read:?}");
        assert!(!content.has_some_of(&wrong), "nothing of it stays");
    }
}
