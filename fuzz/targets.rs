//! What is fuzzed: everything that a server, a file of somebody else's or a crash can put into stacfs.
//!
//! Each target takes any bytes and panics where a promise is broken. They are run by `cargo fuzz` (a binary each,
//! in `fuzz_targets/`) and, without it, by `tests/fuzz.rs`.
#![allow(dead_code, reason = "each binary of cargo fuzz uses one target")]

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;
use stacfs::cache::{BLOCK, Cache, Facts, Settings, blocks_of};
use stacfs::catalog::library::Library;
use stacfs::catalog::{Catalog, Depth, Search, stac, usgs};
use stacfs::config::{Credential, Draft, Environment, Limits, Secret, SourceConfig, SourceKind};
use stacfs::content::tiff::header::header;
use stacfs::content::tiff::{Look, look};
use stacfs::content::{self, Content, Location, Object, Origin, Trouble};
use stacfs::demo::http::{Request, Response, Server};
use stacfs::http::{self, Http};
use stacfs::item::{Collection, Item};
use stacfs::query::{Evaluator, Query, Segment};
use stacfs::report::{Report, render};
use stacfs::tree::names;

/// Takes any bytes; panics where a promise is broken.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("path", path),
    ("item", item),
    ("collection", collection),
    ("espa", espa),
    ("m2m", m2m),
    ("stac", stac),
    ("tiff", tiff),
    ("tar", tar),
    ("archive", archive),
    ("cache", cache),
    ("config", config),
    ("words", words),
];

/// The path language: what is understood is printed as something that means the same.
pub fn path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut query = Query::default();
    for part in text.split('\n') {
        match Segment::parse(part, &()) {
            Ok(segment) => {
                let printed = segment.text();
                let again = Segment::parse(&printed, &());
                let again = again.unwrap_or_else(|error| panic!("{part:?} printed as {printed:?}: {error}"));
                assert_eq!(again.text(), printed, "{part:?}");
                if let Segment::Predicate(predicate) = segment {
                    query = query.and(predicate);
                }
            }
            Err(error) => drop(error.to_string()),
        }
    }
    drop((query.canonical(), query.key()));
    if let Ok(evaluator) = Evaluator::new(&query) {
        let sample = r#"{"type":"Feature","id":"a","collection":"c","bbox":[0,0,1,1],"properties":{"datetime":"2020-01-01T00:00:00Z","eo:cloud_cover":5,"a":"b"},"assets":{}}"#;
        if let Ok(item) = Item::from_json(sample) {
            evaluator.matches(&item);
        }
    }
}

/// A name in a directory: one component, short enough, and no control character in it.
fn check_name(name: &str) {
    let bad = name.is_empty() || name == "." || name == ".." || name.len() > 255;
    assert!(
        !bad && !name.contains(['/', '\0']) && !name.contains(|c: char| c.is_ascii_control()),
        "{name:?}"
    );
}

/// An item, and the names of its files.
pub fn item(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(item) = Item::from_json(text) else { return };
    drop((item.collection(), item.bbox(), item.span(), item.day_instant(), item.updated(), item.links()));
    check_name(&names::escape(item.id(), names::Of::Item));
    let mut seen = HashSet::new();
    for (name, asset) in names::asset_files(&item) {
        check_name(&name);
        assert!(seen.insert(name.clone()), "two files called {name:?}");
        drop((
            asset.href().map(str::to_owned),
            asset.size(),
            asset.checksum(),
            asset.local_path().map(str::len),
        ));
    }
    for segment in
        ["bbox=170,-10,-170,10", "datetime=2018..2019", "eo:cloud_cover.lt=20", "max_cloud_cover=5"]
    {
        if let Ok(Segment::Predicate(predicate)) = Segment::parse(segment, &())
            && let Ok(evaluator) = Evaluator::new([&predicate])
        {
            evaluator.matches(&item);
        }
    }
}

/// A collection.
pub fn collection(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(collection) = Collection::from_json(text) else { return };
    drop((collection.bboxes(), collection.span(), collection.links(), collection.title().map(str::len)));
    check_name(&names::escape(collection.id(), names::Of::Collection));
    if let Ok(Segment::Predicate(predicate)) = Segment::parse("bbox=170,-10,-170,10", &()) {
        Query::default().and(predicate).may_be_in(&collection);
    }
}

/// ESPA's lists of items and of products.
pub fn espa(input: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(input) else { return };
    let items = stacfs::espa::Item::list(&value);
    stacfs::espa::Tally::of(&items);
    items.iter().for_each(|item| drop(item.to_json()));
    drop(stacfs::espa::Available::from_value(value));
}

/// A server that answers with the input, and a client to ask it.
struct Stage {
    server: Server,
    answer: Arc<Mutex<Vec<u8>>>,
    http: Arc<Http>,
    report: Arc<Report>,
}

impl Stage {
    fn set() -> Stage {
        let answer: Arc<Mutex<Vec<u8>>> = Arc::default();
        let told = answer.clone();
        let server = Server::start(move |request: &Request| {
            let body = told.lock().unwrap().clone();
            // Some that lead on are as they should be, else nothing behind them would be reached.
            let good = match request.path() {
                "/stac" if body.first() != Some(&b'!') => Some(landing(&request.origin())),
                "/m2m/login-token" => Some(r#"{"data":"key","errorCode":null}"#.to_owned()),
                _ => None,
            };
            let body = good.map(String::into_bytes).unwrap_or(body);
            Response::bytes(200, "application/json", body.strip_prefix(b"!").unwrap_or(&body).to_vec())
        });
        let settings = http::Settings {
            attempts: 1,
            pause: Duration::ZERO,
            max_document: 1 << 20,
            ..http::Settings::default()
        };
        let report = Arc::new(Report::new());
        let http = Arc::new(Http::new(settings, Vec::new(), report.clone()).unwrap());
        Stage { server: server.unwrap(), answer, http, report }
    }

    fn url(&self, path: &str) -> url::Url {
        format!("{}{path}", self.server.url()).parse().unwrap()
    }
}

fn landing(origin: &str) -> String {
    let link = |rel: &str, path: &str| {
        format!(r#"{{"rel":"{rel}","href":"{origin}/stac{path}","type":"application/json"}}"#)
    };
    format!(
        r#"{{"type":"Catalog","id":"c","stac_version":"1.0.0","description":"","conformsTo":["https://api.stacspec.org/v1.0.0/core","https://api.stacspec.org/v1.0.0/item-search","https://api.stacspec.org/v1.0.0/item-search#filter"],"links":[{},{},{}]}}"#,
        link("search", "/search"),
        link("data", "/collections"),
        link("self", "")
    )
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(Stage::set)
}

/// Asks a catalogue all there is to ask. Errors are welcome.
fn ask(catalog: &dyn Catalog) {
    drop(catalog.describe());
    drop(catalog.children());
    if let Ok(mut pages) = catalog.collections() {
        let pages = (0..3).map_while(|_| pages.next_page().ok().flatten());
        pages.for_each(drop);
    }
    drop(catalog.collection("landsat"));
    let Ok(Segment::Predicate(predicate)) = Segment::parse("max_cloud_cover=20", &()) else { return };
    let search = Search {
        collection: Some("landsat".to_owned()),
        query: Query::default().and(predicate),
        sortby: Vec::new(),
        wanted: None,
        depth: Depth::Whole,
    };
    if let Ok(mut pages) = catalog.search(&search) {
        let items = (0..3).map_while(|_| pages.next_page().ok().flatten()).flat_map(|page| page.members);
        for item in items.take(20) {
            for (name, asset) in names::asset_files(&item) {
                check_name(&name);
                drop(catalog.origin(&item, &asset));
            }
        }
    }
    drop(catalog.count(&search));
    drop(catalog.item("landsat", "a"));
    drop(catalog.queryables("landsat"));
}

/// The answers of a STAC API, or of a static catalogue (after a `!`).
pub fn stac(input: &[u8]) {
    let stage = stage();
    *stage.answer.lock().unwrap() = input.to_vec();
    let source = SourceConfig::new("fuzz", SourceKind::Url(stage.url("/stac")));
    let cache = Arc::new(Cache::none(stage.report.clone()));
    let lifetime = Duration::from_secs(60);
    let library = Library::new("fuzz", stage.http.clone(), cache, stage.report.clone(), lifetime);
    let limits = Limits { max_items: 100, max_scan: 100, ..Limits::default() };
    ask(&*stac::open(&source, library, &limits, stage.report.clone()));
}

/// The answers of M2M.
pub fn m2m(input: &[u8]) {
    let stage = stage();
    *stage.answer.lock().unwrap() = input.to_vec();
    let base = stage.url("/m2m/");
    let kind = SourceKind::Usgs { m2m: base.clone(), espa: stage.url("/espa/") };
    let token = Some(Secret::new("token"));
    let credential = Some(Credential::Usgs { username: "me".to_owned(), token, password: None });
    let source = SourceConfig { credential, ..SourceConfig::new("fuzz", kind) };
    let limits = Limits { max_items: 100, max_scan: 100, ..Limits::default() };
    let cache = Arc::new(Cache::none(stage.report.clone()));
    ask(&*usgs::open(&source, base, stage.http.clone(), cache, &limits, stage.report.clone()));
}

/// The directory of a TIFF, of which only the head is here, or all.
pub fn tiff(input: &[u8]) {
    let whole = |range: std::ops::Range<u64>| {
        let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
        input.get(start..end).map(<[u8]>::to_vec)
    };
    // The file may be said to be longer than what is here of it.
    for size in [input.len() as u64, 1 << 20, u64::MAX] {
        drop(header(size, whole));
        match look(size, whole) {
            Look::Tiles(tiles) => {
                for offset in [0, 1, size / 2, size.saturating_sub(1), u64::MAX] {
                    if let Some(bytes) = tiles.at(offset).and_then(|spot| tiles.bytes(spot)) {
                        assert!(bytes.start <= bytes.end);
                    }
                }
            }
            Look::Needs(range) => {
                assert!(range.start < range.end && range.end <= size, "{range:?} of {size}")
            }
            Look::Other => {}
        }
    }
}

/// A folder of this process's own, for targets that need files.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::Builder::new().prefix("stacfs-fuzz-").tempdir().unwrap().keep())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all.extend(files_below(&entry.path())),
            _ => all.push(entry.path()),
        }
    }
    all.sort();
    all
}

/// A tar (the input), compressed, as ESPA serves it: nothing comes to stand outside of its folder.
pub fn tar(input: &[u8]) {
    let place = folder().join(format!("tar-{:?}", std::thread::current().id()));
    let (archive, out) = (place.join("a.tar.gz"), place.join("out"));
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).unwrap();
    let mut packed =
        flate2::write::GzEncoder::new(fs::File::create(&archive).unwrap(), flate2::Compression::fast());
    packed.write_all(input).unwrap();
    packed.finish().unwrap();
    let unpacked = stacfs::espa::unpack(&archive, &out);
    for file in files_below(&place) {
        let inside = file.starts_with(&out) || file == archive;
        assert!(inside, "{} stands outside: {unpacked:?}", file.display());
        let metadata = fs::symlink_metadata(&file).unwrap();
        assert!(metadata.is_file(), "{} is a {:?}", file.display(), metadata.file_type());
    }
    assert!(unpacked.is_ok() || !out.exists(), "all or nothing");
}

/// A file of this machine.
struct Local(url::Url);

impl Origin for Local {
    fn identity(&self) -> &str {
        self.0.as_str()
    }

    fn locate(&self, _: Option<&Trouble>) -> Result<Location, content::Error> {
        Ok(Location { url: self.0.clone(), headers: Vec::new(), expires: None })
    }
}

/// What reads archives, with a cache to unpack to.
fn content() -> &'static Content {
    static CONTENT: OnceLock<Content> = OnceLock::new();
    CONTENT.get_or_init(|| {
        let report = stage().report.clone();
        let settings = Settings { folder: folder().join("members"), max_bytes: Some(32 << 20), min_free: 0 };
        let cache = Arc::new(Cache::open(settings, report.clone()));
        Content::new(stage().http.clone(), cache, report, Duration::from_secs(60))
    })
}

/// The members of an archive, by path, with their bytes. `None` where it is refused.
fn members(file: &Path) -> Option<Vec<(String, Vec<u8>)>> {
    let origin = Arc::new(Local(url::Url::from_file_path(file).unwrap()));
    let object = Object { origin, declared_size: None, checksum: None };
    let members = content().members(&object).ok()?;
    let mut all = Vec::new();
    for member in members.iter() {
        let plain = |part: &str| !["", ".", ".."].contains(&part) && !part.contains('\0');
        assert!(member.path.split('/').all(plain), "{:?}", member.path);
        let generation = content().generation(object.origin.identity());
        let opened = content().open_member(&object, generation, &member.path).unwrap();
        assert_eq!(opened.size(), member.size, "{:?}", member.path);
        let mut bytes = Vec::new();
        loop {
            let piece = opened.read(bytes.len() as u64, 100_000).unwrap();
            if piece.is_empty() {
                break;
            }
            bytes.extend(piece);
        }
        assert_eq!(bytes.len() as u64, member.size, "{:?}", member.path);
        all.push((member.path.clone(), bytes));
    }
    Some(all)
}

/// A tar (the input) as the mount shows its members: read by range as it is, and unpacked where it is compressed. Both
/// ways show the same, where both take it.
pub fn archive(input: &[u8]) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let (plain, packed) = (folder().join(format!("{number}.tar")), folder().join(format!("{number}.tar.gz")));
    fs::write(&plain, input).unwrap();
    let mut gzip =
        flate2::write::GzEncoder::new(fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    gzip.write_all(input).unwrap();
    gzip.finish().unwrap();
    if let (Some(by_range), Some(unpacked)) = (members(&plain), members(&packed)) {
        assert!(by_range == unpacked, "{by_range:?} is not {unpacked:?}");
    }
    for file in [plain, packed] {
        fs::remove_file(file).unwrap();
    }
}

/// The objects of the cache target.
const SIZE: u64 = 3 * BLOCK + 17;

fn block(number: u64) -> Vec<u8> {
    let length = (SIZE - number * BLOCK).min(BLOCK);
    (0..length).map(|at| ((number * BLOCK + at) % 251) as u8).collect()
}

/// A cache, one of whose files was damaged: which, where, and the bytes that stand there now, is the input. What is
/// read afterwards is right, or is not there.
pub fn cache(input: &[u8]) {
    let place = folder().join(format!("cache-{:?}", std::thread::current().id()));
    let _ = fs::remove_dir_all(&place);
    let open = || {
        let settings = Settings { folder: place.clone(), max_bytes: Some(1 << 20), min_free: 0 };
        Cache::open(settings, Arc::new(Report::new()))
    };
    let object = |cache: &Cache| cache.object("https://example.org/a", "v", SIZE).unwrap();
    {
        let cache = open();
        let object = object(&cache);
        (0..blocks_of(SIZE)).for_each(|number| assert!(object.write(number, &block(number))));
        let seen = "2026-01-01T00:00:00Z".parse().unwrap();
        let facts = Facts { size: SIZE, etag: Some("\"v\"".to_owned()), modified: None, seen };
        cache.keep_facts("https://example.org/a", &facts);
    }
    let files = files_below(&place);
    let Some((&[which, at_high, at_low], bytes)) = input.split_first_chunk::<3>() else { return };
    let file = &files[usize::from(which) % files.len()];
    let damaged = fs::OpenOptions::new().write(true).open(file).unwrap();
    let at = (u64::from(u16::from_be_bytes([at_high, at_low])) * damaged.metadata().unwrap().len()) >> 16;
    match bytes.split_first() {
        Some((0, _)) | None => damaged.set_len(at).unwrap(),
        Some((_, bytes)) => damaged.write_all_at(bytes, at).unwrap(),
    }
    drop(damaged);
    let cache = open();
    let object = object(&cache);
    for number in 0..blocks_of(SIZE) {
        if let Some(bytes) = object.read(number * BLOCK, BLOCK as usize) {
            assert!(bytes == block(number), "block {number} after damage to {}", file.display());
        }
    }
    drop((object.verify(), cache.facts("https://example.org/a"), cache.usage()));
}

/// A configuration file.
pub fn config(input: &[u8]) {
    let file = folder().join(format!("config-{:?}.ini", std::thread::current().id()));
    fs::write(&file, input).unwrap();
    match Draft::read(Some(&file), Environment::of_process()) {
        Ok(draft) => drop(draft.show()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A server's words, made one harmless line.
pub fn words(input: &[u8]) {
    let line = render::printable(&http::words(500, input));
    assert!(!line.contains(char::is_control) && !line.is_empty(), "{line:?}");
    assert!(line.chars().count() <= 310 * 8);
}
