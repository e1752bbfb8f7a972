mod ahead;
mod checksums;
mod late;
mod line;
mod readers;
mod steps;
mod uncached;
mod unkept;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::cache;
use crate::demo::http::{Bytes, Content as Served, Fault, Server, Slice, answer_content};
use crate::http;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Bytes of any size that are different everywhere.
struct Painted(u64);

fn byte(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

fn painted(range: std::ops::Range<u64>) -> Vec<u8> {
    range.map(byte).collect()
}

impl Bytes for Painted {
    fn len(&self) -> u64 {
        self.0
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        buffer.iter_mut().zip(offset..).for_each(|(to, at)| *to = byte(at));
        Ok(())
    }
}

const TILE: u32 = 400_000;

/// Serves `/N` and `/N/anything`: an object of N bytes; and `/cog`: an image of 5 × 4 tiles.
fn server() -> Server {
    let cog: Arc<dyn Bytes> = Arc::new(Slice(tiff::tests::cog(TILE)));
    Server::start(move |request: &crate::demo::http::Request| {
        if request.path() == "/cog" {
            let served = Served {
                bytes: cog.clone(),
                media_type: "image/tiff".into(),
                etag: Some("\"cog\"".into()),
                last_modified: None,
            };
            return answer_content(request, &served);
        }
        let size = request.segments()[0].split('.').next().unwrap().parse().unwrap();
        let served = Served {
            bytes: Arc::new(Painted(size)),
            media_type: "image/tiff".into(),
            etag: Some("\"v1\"".into()),
            last_modified: Some(jiff::Timestamp::from_second(1_700_000_000).unwrap()),
        };
        answer_content(request, &served)
    })
    .unwrap()
}

/// A plain href.
pub(super) struct Plain(pub(super) String);

impl Origin for Plain {
    fn identity(&self) -> &str {
        &self.0
    }

    fn locate(&self, _: Option<&Trouble>) -> Result<Location, Error> {
        Ok(Location { url: self.0.parse().unwrap(), headers: Vec::new(), expires: None })
    }
}

fn object(server: &Server, path: &str) -> Object {
    Object {
        origin: Arc::new(Plain(format!("{}/{path}", server.url()))),
        declared_size: None,
        checksum: None,
    }
}

/// A content service as one process would have it, over a cache folder where there is one.
fn content(folder: Option<&Path>, max_bytes: u64, lifetime: Duration) -> Arc<Content> {
    let settings = http::Settings { stream_silence: Duration::from_secs(5), ..http::Settings::default() };
    content_over(settings, folder, max_bytes, lifetime)
}

fn content_over(
    settings: http::Settings,
    folder: Option<&Path>,
    max_bytes: u64,
    lifetime: Duration,
) -> Arc<Content> {
    let report = Arc::new(Report::new());
    let settings = http::Settings { pause: Duration::from_millis(1), ..settings };
    let http = Arc::new(Http::new(settings, Vec::new(), report.clone()).unwrap());
    let cache = match folder {
        Some(folder) => Cache::open(
            cache::Settings { folder: folder.to_owned(), max_bytes: Some(max_bytes), min_free: 0 },
            report.clone(),
        ),
        None => Cache::none(report.clone()),
    };
    Arc::new(Content::new(http, Arc::new(cache), report, lifetime))
}

const HOUR: Duration = Duration::from_secs(3600);

fn fresh(folder: &Path) -> Arc<Content> {
    content(Some(folder), 1 << 30, HOUR)
}

/// Reads a file as `cp` does.
fn read_all(file: &OpenFile) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    loop {
        let read = file.read(bytes.len() as u64, 128 * KIB as usize)?;
        if read.is_empty() {
            return Ok(bytes);
        }
        bytes.extend(read);
    }
}

#[test]
fn a_file_read_through_comes_right_and_each_byte_once() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let size = 20 * MIB + 12_345;
    let content = fresh(folder.path());
    let object = object(&server, &size.to_string());
    let file = content.open(&object, 0).unwrap();
    assert_eq!(file.size(), size);
    assert!(read_all(&file).unwrap() == painted(0..size));
    assert!(server.journal().sent() <= size * 101 / 100, "{} of {size}", server.journal().sent());
    assert!(server.journal().peak() > 2, "side by side");
    assert_eq!(content.cached_bytes(&object), size);
    let backing = file.backing_file().expect("it is whole");
    assert_eq!(std::fs::File::from(backing.try_clone_to_owned().unwrap()).metadata().unwrap().len(), size);

    server.journal().clear();
    let again = fresh(folder.path());
    assert_eq!(again.known_size(&object), Some(size));
    let file = again.open(&object, 0).unwrap();
    assert!(read_all(&file).unwrap() == painted(0..size));
    assert!(server.journal().is_empty(), "another process asks nothing");
}

#[test]
fn without_a_cache_it_comes_right_too() {
    let server = server();
    let size = 9 * MIB + 1;
    let file = content(None, 0, HOUR).open(&object(&server, &size.to_string()), 0).unwrap();
    assert!(read_all(&file).unwrap() == painted(0..size));
    assert!(server.journal().sent() <= size * 101 / 100, "{} of {size}", server.journal().sent());
}

#[test]
fn a_small_file_takes_one_request() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    for size in [1, 7_000, 100_000] {
        server.journal().clear();
        let file = content.open(&object(&server, &size.to_string()), 0).unwrap();
        assert!(read_all(&file).unwrap() == painted(0..size));
        assert_eq!(server.journal().len(), 1, "{size}");
    }
    let declared = Object { declared_size: Some(MIB), ..object(&server, &MIB.to_string()) };
    server.journal().clear();
    assert!(read_all(&content.open(&declared, 0).unwrap()).unwrap() == painted(0..MIB));
    assert_eq!(server.journal().len(), 1, "of a declared size");
    assert!(read_all(&content.open(&object(&server, "0"), 0).unwrap()).unwrap().is_empty());
}

#[test]
fn a_random_read_fetches_about_what_was_asked_for() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let file = content.open(&object(&server, &(400 * MIB).to_string()), 0).unwrap();
    server.journal().clear();
    for at in [100, 350, 20, 200, 300].map(|at| at * MIB + 1_000_003) {
        assert!(file.read(at, 60_000).unwrap() == painted(at..at + 60_000));
        assert!(file.read(at + 60_000, 8_000).unwrap() == painted(at + 60_000..at + 68_000));
    }
    assert!(server.journal().sent() <= 5 * (68_000 + 2 * cache::BLOCK), "{}", server.journal().sent());
}

#[test]
fn many_readers_of_one_file_make_each_request_once() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let size = 8 * MIB;
    let object = object(&server, &size.to_string());
    let first = content.open(&object, 0).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert!(read_all(&content.open(&object, 0).unwrap()).unwrap() == painted(0..size));
            });
        }
    });
    drop(first);
    assert!(server.journal().sent() <= size * 101 / 100, "{}", server.journal().sent());
}

#[test]
fn sizes_are_found_by_head_else_by_one_byte_and_fail_alone() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    server.faults().add(Fault::NoHead(403).on("/2000"));
    server.faults().add(Fault::status(404).on("/3000"));
    server.faults().add(Fault::Chunked.on("/4000"));
    server.faults().add(Fault::IgnoreRange.on("/4000"));
    server.faults().add(Fault::NoHead(405).on("/0"));
    server.faults().add(Fault::status(202).on("/6000"));
    let mut objects: Vec<Object> =
        ["1000", "2000", "3000", "4000", "0"].map(|path| object(&server, path)).into();
    objects.push(Object { declared_size: Some(77), ..object(&server, "5000") });
    let sizes = content.sizes(&objects);
    assert_eq!(*sizes[0].as_ref().unwrap(), Some(1000));
    assert_eq!(*sizes[1].as_ref().unwrap(), Some(2000));
    assert!(matches!(sizes[2], Err(Error::Missing { status: 404, .. })), "{:?}", sizes[2]);
    assert_eq!(*sizes[3].as_ref().unwrap(), None);
    assert_eq!(*sizes[4].as_ref().unwrap(), Some(0));
    assert_eq!(*sizes[5].as_ref().unwrap(), Some(77));
    let preparing = content.sizes(&[object(&server, "6000")]).remove(0).unwrap_err();
    assert!(preparing.to_string().contains("still preparing it"), "{preparing}");
    assert!(server.journal().sent() < 200 + 4000, "no bodies");
    server.journal().clear();
    assert_eq!(*content.sizes(&objects[..2])[1].as_ref().unwrap(), Some(2000));
    assert!(server.journal().is_empty(), "asked once");
}

#[test]
fn a_declared_size_that_was_wrong_is_another_generation() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let object = Object { declared_size: Some(999), ..object(&server, "1000") };
    assert!(matches!(content.open(&object, 0), Err(Error::Changed { .. })));
    assert_eq!(content.generation(object.origin.identity()), 1);
    assert_eq!(content.known_size(&object), Some(1000));
    assert!(read_all(&content.open(&object, 1).unwrap()).unwrap() == painted(0..1000));
}

#[test]
fn a_change_while_open_is_never_a_mixture() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let size = 64 * MIB;
    let object = object(&server, &size.to_string());
    let file = content.open(&object, 0).unwrap();
    assert!(file.read(0, 1000).unwrap() == painted(0..1000));
    server.faults().add(Fault::NewVersion(2).on("*"));
    assert!(matches!(file.read(40 * MIB, 1000), Err(Error::Changed { .. })));
    assert!(file.read(0, 1000).unwrap() == painted(0..1000), "what is here is of the old version");
    assert!(matches!(content.open(&object, 0), Err(Error::Changed { .. })));
    let generation = content.generation(object.origin.identity());
    assert_eq!(generation, 1);
    let new = content.open(&object, generation).unwrap();
    assert!(new.read(0, 1000).unwrap() != painted(0..1000));
    assert!(file.read(0, 1000).unwrap() == painted(0..1000), "still");
}

#[test]
fn an_open_after_the_lifetime_asks_and_sees_the_new_version() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = content(Some(folder.path()), 1 << 30, Duration::ZERO);
    let object = object(&server, "300000");
    assert!(read_all(&content.open(&object, 0).unwrap()).unwrap() == painted(0..300_000));
    server.journal().clear();
    assert!(read_all(&content.open(&object, 0).unwrap()).unwrap() == painted(0..300_000));
    assert_eq!(server.journal().entries().iter().map(|entry| entry.status).collect::<Vec<_>>(), [Some(304)]);
    server.faults().add(Fault::NewVersion(1).on("*"));
    assert!(matches!(content.open(&object, 0), Err(Error::Changed { .. })));
    assert!(read_all(&content.open(&object, 1).unwrap()).unwrap() != painted(0..300_000));
}

#[test]
fn a_server_that_is_away_is_no_reason_not_to_open_what_is_cached() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    let object = object(&server, "300000");
    let content = content(Some(folder.path()), 1 << 30, Duration::ZERO);
    assert!(read_all(&content.open(&object, 0).unwrap()).unwrap() == painted(0..300_000));
    drop(server);
    assert!(read_all(&content.open(&object, 0).unwrap()).unwrap() == painted(0..300_000));
    assert!(content.means.report.notes()[object.origin.identity()].contains("what is cached is served"));
}

#[test]
fn bodies_that_end_early_are_gone_on_with() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let size = 3 * MIB;
    let object = object(&server, &size.to_string());
    let file = content.open(&object, 0).unwrap();
    server.faults().add(Fault::CutAfter(70_000).on("*").times(20));
    server.faults().add(Fault::ResetAfter(200_000).on("*").after(20).times(5));
    server.faults().add(Fault::status(503).on("*").after(3).times(2));
    assert!(read_all(&file).unwrap() == painted(0..size));
}

#[test]
fn answers_that_are_not_what_was_asked_for_are_refused() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let file = content.open(&object(&server, &(8 * MIB).to_string()), 0).unwrap();
    for fault in [Fault::WrongContentRange(1), Fault::Gzip, Fault::html(200), Fault::html(403)] {
        server.faults().add(fault.on("*"));
        let read = file.read(5 * MIB, 1000);
        assert!(matches!(read, Err(Error::Http(_) | Error::Denied { .. })), "{read:?}");
        server.faults().clear();
    }
    assert!(file.read(5 * MIB, 1000).unwrap() == painted(5 * MIB..5 * MIB + 1000));
}

#[test]
fn a_login_page_is_not_an_asset() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    server.faults().add(Fault::html(200).on("*"));
    let object = object(&server, "1000.tif");
    let error = content.open(&object, 0).err().unwrap();
    assert_eq!(error.errno(), libc::EACCES, "{error}");
    assert!(content.sizes(&[object])[0].is_err());
}

/// Places that work one after the other.
struct Moving {
    identity: String,
    places: Vec<String>,
    asked: AtomicUsize,
}

impl Origin for Moving {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn locate(&self, trouble: Option<&Trouble>) -> Result<Location, Error> {
        let at = self.asked.fetch_add(1, Ordering::Relaxed);
        assert_eq!(trouble.is_some(), at > 0);
        let place = self.places.get(at);
        let place = place.ok_or(Error::Quota { identity: self.identity.clone(), why: "no more".into() })?;
        Ok(Location { url: place.parse().unwrap(), headers: Vec::new(), expires: None })
    }
}

#[test]
fn an_origin_is_asked_again_when_its_place_stops_working() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let object = |name: &str, places: &[&str]| Object {
        origin: Arc::new(Moving {
            identity: format!("m2m:{name}"),
            places: places.iter().map(|place| format!("{}/{}/{place}", server.url(), 5 * MIB)).collect(),
            asked: AtomicUsize::new(0),
        }),
        declared_size: Some(5 * MIB),
        checksum: None,
    };
    for (place, status) in [("expired", 403), ("gone", 404), ("broken", 500)] {
        server.faults().add(Fault::status(status).on(&format!("*{place}")));
    }
    let file = content.open(&object("a", &["expired", "gone", "broken", "good"]), 0).unwrap();
    assert!(file.read(MIB, 1000).unwrap() == painted(MIB..MIB + 1000));
    let error = content.open(&object("b", &["expired", "gone"]), 0).err().unwrap();
    assert_eq!(error.errno(), libc::EDQUOT, "the origin's own words: {error}");
}

#[test]
fn a_cache_smaller_than_the_file_is_never_far_over_its_bound() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let limit = 16 * MIB;
    let content = content(Some(folder.path()), limit, HOUR);
    let size = 100 * MIB;
    let file = content.open(&object(&server, &size.to_string()), 0).unwrap();
    assert!(read_all(&file).unwrap() == painted(0..size));
    assert!(content.cache.usage().unwrap().used <= limit);
    assert!(server.journal().sent() <= size * 11 / 10, "{}", server.journal().sent());
}

#[test]
fn a_server_that_ignores_ranges_sends_each_file_once() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let size = 6 * MIB + 77;
    server.faults().add(Fault::IgnoreRange.on("*"));
    let ignoring = object(&server, &format!("{size}/a"));
    let file = content.open(&ignoring, 0).unwrap();
    assert!(file.read(5 * MIB, 1000).unwrap() == painted(5 * MIB..5 * MIB + 1000));
    assert!(read_all(&file).unwrap() == painted(0..size));
    assert_eq!(server.journal().len(), 1);
    assert_eq!(content.cached_bytes(&ignoring), size);

    // One that begins to ignore them when the file is open, and breaks off.
    server.faults().clear();
    server.journal().clear();
    let begins = object(&server, &format!("{size}/b"));
    let file = content.open(&begins, 0).unwrap();
    server.faults().add(Fault::IgnoreRange.on("*"));
    server.faults().add(Fault::CutAfter(3_000_000).on("*").times(2));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(read_all(&file).unwrap() == painted(0..size)));
        }
    });
    assert!(read_all(&fresh(folder.path()).open(&begins, 0).unwrap()).unwrap() == painted(0..size));
}

#[test]
fn a_file_of_unknown_length_is_fetched_at_its_first_open() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let size = MIB + 77;
    for (name, faults) in [
        ("chunked", vec![Fault::IgnoreRange, Fault::Chunked]),
        ("closed", vec![Fault::IgnoreRange, Fault::CloseDelimited]),
        ("packed", vec![Fault::IgnoreRange, Fault::Gzip]),
    ] {
        faults.into_iter().for_each(|fault| server.faults().add(fault.on("*")));
        let object = object(&server, &format!("{size}/{name}"));
        assert_eq!(*content.sizes(std::slice::from_ref(&object))[0].as_ref().unwrap(), None, "{name}");
        let file = content.open(&object, 0).unwrap();
        assert_eq!(file.size(), size, "{name}");
        assert!(read_all(&file).unwrap() == painted(0..size), "{name}");
        drop(file);
        server.journal().clear();
        assert_eq!(content.known_size(&object), Some(size));
        assert!(read_all(&content.open(&object, 0).unwrap()).unwrap() == painted(0..size));
        assert!(server.journal().is_empty(), "{name}: it is cached");
        server.faults().clear();
    }
}

#[test]
fn many_who_open_at_once_ask_once() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let object = object(&server, "50000");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert!(read_all(&content.open(&object, 0).unwrap()).unwrap() == painted(0..50_000))
            });
        }
    });
    assert_eq!(server.journal().len(), 1);
}

#[test]
fn the_tiles_of_a_window_come_side_by_side_and_little_else() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let file = content.open(&object(&server, "cog"), 0).unwrap();
    let whole = tiff::tests::cog(TILE);
    assert!(file.read(0, 16_384).unwrap() == whole[..16_384]);
    let tiles = file.body.tiles(&(0..file.size())).expect("the head came with the first request");
    let read_window = |column: u32, row: u32| {
        for (column, row) in [(column, row), (column + 1, row), (column, row + 1), (column + 1, row + 1)] {
            let tile = tiles.bytes(tiff::Spot { level: 0, column, row }).unwrap();
            let steps = std::iter::once(tile.start..tile.start + 8192).chain(
                (tile.start + 8192..tile.end).step_by(128 * KIB as usize).map(|at| at..at + 128 * KIB),
            );
            for step in steps {
                let end = step.end.min(whole.len() as u64);
                assert!(
                    file.read(step.start, (step.end - step.start) as usize).unwrap()
                        == whole[step.start as usize..end as usize]
                );
            }
        }
    };
    read_window(0, 0);
    server.faults().add(Fault::Latency(Duration::from_millis(50)).on("*"));
    server.journal().clear();
    read_window(3, 2);
    let entries = server.journal().entries();
    let ranges: Vec<_> = entries.iter().filter_map(|entry| entry.range()).collect();
    let beside = entries.iter().filter(|entry| entry.beside > 0).count();
    assert!(ranges.len() <= 6 && beside >= 2, "{ranges:?}, {beside} of them beside others");
    assert!(server.journal().sent() < 4 * u64::from(TILE) * 125 / 100, "{}", server.journal().sent());
}

#[test]
fn a_restless_entity_tag_is_found_out_and_ignored() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    server.faults().add(Fault::RestlessEtag.on("*"));
    let size = 3 * MIB;
    let object = object(&server, &size.to_string());
    let file = content.open(&object, 0).unwrap();
    // The first read beyond the head meets another tag; nobody sees it.
    assert!(read_all(&file).unwrap() == painted(0..size));
    let again = content.open(&object, 0).unwrap();
    assert!(read_all(&again).unwrap() == painted(0..size));

    // Where nothing but the tag tells versions apart, another tag is another version.
    let undated = content.open(&self::object(&server, "cog"), 0).unwrap();
    assert!(matches!(read_all(&undated), Err(Error::Changed { .. })));
}

#[test]
fn a_page_that_is_meant_to_be_one_is_read() {
    struct Page(Plain);
    impl Origin for Page {
        fn identity(&self) -> &str {
            self.0.identity()
        }
        fn locate(&self, trouble: Option<&Trouble>) -> Result<Location, Error> {
            self.0.locate(trouble)
        }
        fn is_web_page(&self) -> bool {
            true
        }
    }
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    server.faults().add(Fault::html(200).on("*"));
    let origin = |path: &str| Plain(format!("{}/{path}", server.url()));
    let page = |origin| Object { origin, declared_size: None, checksum: None };
    for origin in [Arc::new(Page(origin("1000/report"))) as Arc<dyn Origin>, Arc::new(origin("1000.html"))] {
        let bytes = read_all(&content.open(&page(origin), 0).unwrap()).unwrap();
        assert!(bytes.starts_with(b"<"), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn two_processes_fetch_each_byte_once_between_them() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let size = 12 * MIB;
    let object = object(&server, &size.to_string());
    let processes = [fresh(folder.path()), fresh(folder.path())];
    // The first to open tells the other the version.
    let files = processes.each_ref().map(|content| content.open(&object, 0).unwrap());
    server.faults().add(Fault::Latency(Duration::from_millis(20)).on("*"));
    server.journal().clear();
    std::thread::scope(|scope| {
        for file in &files {
            scope.spawn(|| assert!(read_all(file).unwrap() == painted(0..size)));
        }
    });
    assert!(server.journal().sent() <= size * 103 / 100, "{} of {size}", server.journal().sent());
}
