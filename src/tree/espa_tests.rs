//! `espa/` over the embedded server.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::{Desk, Directory, Entry, Error, Found, Node, Opened};
use crate::cache::{self, Cache};
use crate::config::{Credential, Grant, Secret};
use crate::content::Content;
use crate::demo::usgs::espa::{Fate, Flaw};
use crate::demo::usgs::scenes::{Archive, dataset};
use crate::demo::usgs::{Options, Usgs, start};
use crate::espa::{Espa, Placing};
use crate::http::{Http, Settings};
use crate::report::Report;

const HOUR: Duration = Duration::from_secs(3600);

struct Bench {
    usgs: Usgs,
    espa: Arc<Espa>,
    content: Arc<Content>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn with_password(password: &str) -> Bench {
        let usgs = start(Options { standing_at: Some("2026-11-20T12:00:00Z".parse().unwrap()) }).unwrap();
        let base = url::Url::parse(&format!("{}/", usgs.espa_url)).unwrap();
        let credential = Credential::Basic { username: "demo".into(), password: Secret::new(password) };
        let grants = vec![Grant { scope: base.origin().into(), credential }];
        let report = Arc::new(Report::new());
        let http = Arc::new(Http::new(Settings::default(), grants, Arc::clone(&report)).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let settings =
            cache::Settings { folder: folder.path().into(), max_bytes: Some(64 << 20), min_free: 0 };
        let cache = Arc::new(Cache::open(settings, Arc::clone(&report)));
        let content = Arc::new(Content::new(Arc::clone(&http), cache, report, HOUR));
        let espa = Arc::new(Espa::new(http, base));
        Bench { usgs, espa, content, _folder: folder }
    }

    /// A mount that has looked at nothing yet.
    fn top(&self) -> Arc<dyn Directory> {
        let desk = Desk::new(Arc::clone(&self.espa), Arc::clone(&self.content), Timestamp::UNIX_EPOCH);
        directory(desk.entry())
    }

    fn place(&self, ids: &[String]) -> String {
        let body = json!({"olitirs8_collection_2_l2": {"inputs": ids, "products": ["sr_ndvi"]},
                          "format": "gtiff", "note": "Mine"});
        self.espa.place(body.as_object().unwrap(), Placing::default()).unwrap().id
    }

    fn methods(&self) -> Vec<(String, String)> {
        let entries = self.usgs.espa_server.journal().entries();
        self.usgs.espa_server.journal().clear();
        entries.iter().map(|entry| (entry.method.clone(), entry.path().to_owned())).collect()
    }
}

fn scenes(count: usize) -> Vec<String> {
    let archive = Archive::generate();
    archive.scenes(dataset("landsat_ot_c2_l2").unwrap()).take(count).map(|scene| scene.display_id()).collect()
}

fn directory(entry: Entry) -> Arc<dyn Directory> {
    match entry.node {
        Node::Directory(directory) => directory,
        Node::File(_) => panic!("{:?} is a file", entry.name),
    }
}

fn find(top: &Arc<dyn Directory>, path: &str) -> Result<Option<Entry>, Error> {
    let (mut at, mut last) = (Arc::clone(top), None);
    for name in path.split('/') {
        if let Some(entry) = last.take() {
            at = directory(entry);
        }
        match at.find(OsStr::new(name))? {
            Found::Entry(entry) => last = Some(entry),
            Found::Absent(_) => return Ok(None),
        }
    }
    Ok(last)
}

fn list(directory: &Arc<dyn Directory>) -> Vec<Entry> {
    let listing = directory.list();
    let mut entries = Vec::new();
    loop {
        match listing.read(entries.len(), 3).unwrap() {
            more if more.is_empty() => return entries,
            more => entries.extend(more),
        }
    }
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.to_str().unwrap()).collect()
}

/// All bytes of a file.
fn bytes(entry: &Entry) -> Result<Vec<u8>, Error> {
    let Node::File(file) = &entry.node else { panic!("{:?} is a directory", entry.name) };
    let size = file.resolve()?.size.unwrap() as usize;
    match file.open()? {
        Opened::Snapshot(bytes) => Ok(bytes.to_vec()),
        Opened::Content(open) => {
            let mut all = Vec::new();
            while all.len() < size {
                all.extend_from_slice(&open.read(all.len() as u64, 1 << 20)?);
            }
            Ok(all)
        }
        _ => panic!("{:?} is no such file", entry.name),
    }
}

fn text(top: &Arc<dyn Directory>, path: &str) -> String {
    String::from_utf8(bytes(&find(top, path).unwrap().unwrap()).unwrap()).unwrap()
}

#[test]
fn nothing_is_asked_before_it_is_looked_at() {
    let bench = Bench::with_password("demo-token");
    let top = bench.top();
    let listed = list(&top);
    assert_eq!(
        names(&listed),
        [
            "user.json",
            "formats.json",
            "projections.json",
            "resampling-methods.json",
            "order-schema.json",
            "orders"
        ]
    );
    assert!(bench.methods().is_empty());
    for entry in &listed[..5] {
        let error = bytes(entry).unwrap_err();
        assert_eq!(error.errno(), libc::EACCES, "{error}");
    }
    assert_eq!(bench.methods().len(), 1, "a refused password is not tried again");
}

#[test]
fn an_order_is_a_directory_and_its_archives_are_files() {
    let bench = Bench::with_password("demo-password");
    let ids = scenes(2);
    bench.usgs.espa.quirks().fates.insert(ids[1].clone(), Fate::Unavailable("Night scene".into()));
    let order = bench.place(&ids);
    let (top, at) = (bench.top(), format!("orders/{order}"));
    assert_eq!(text(&top, &format!("{at}/status")), "ordered\n");
    assert_eq!(text(&top, &format!("{at}/urls.txt")), "");
    bench.usgs.advance(HOUR);
    let top = bench.top();
    bench.methods();
    assert_eq!(names(&list(&directory(find(&top, "orders").unwrap().unwrap()))), [order.as_str()]);
    let files = list(&directory(find(&top, &at).unwrap().unwrap()));
    let listed = names(&files);
    assert_eq!(listed[..5], ["order.json", "items.json", "status", "progress", "urls.txt"]);
    assert!(listed[5].ends_with(".tar.gz") && listed[6].ends_with(".md5") && listed.len() == 7, "{listed:?}");
    assert_eq!(text(&top, &format!("{at}/status")), "complete\n");
    let progress = text(&top, &format!("{at}/progress"));
    assert!(progress.starts_with("1 of 2 complete, 1 unavailable\n") && progress.contains("Night scene"));
    assert!(text(&top, &format!("{at}/urls.txt")).trim().ends_with(listed[5]));

    let archive = bytes(&files[5]).unwrap();
    let sum = String::from_utf8(bytes(&files[6]).unwrap()).unwrap();
    let digest = <md5::Md5 as md5::Digest>::digest(&archive);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sum, format!("{hex}  {}\n", listed[5]));
    assert!(bench.methods().iter().all(|(method, _)| method == "GET" || method == "HEAD"));
}

#[test]
fn a_walk_places_cancels_and_downloads_nothing() {
    let bench = Bench::with_password("demo-password");
    let order = bench.place(&scenes(1));
    bench.usgs.advance(HOUR);
    bench.methods();
    let mut left = list(&bench.top());
    while let Some(entry) = left.pop() {
        match &entry.node {
            Node::Directory(directory) => left.extend(list(directory)),
            Node::File(file) => assert!(file.resolve().unwrap().size.is_some(), "{:?}", entry.name),
        }
    }
    let asked = bench.methods();
    assert!(asked.iter().any(|(_, path)| path.ends_with(&format!("/order/{order}"))), "{asked:?}");
    for (method, path) in &asked {
        assert!(method == "HEAD" || (method == "GET" && !path.ends_with(".tar.gz")), "{method} {path}");
    }
}

#[test]
fn names_that_are_not_listed() {
    let bench = Bench::with_password("demo-password");
    let order = bench.place(&scenes(1));
    bench.espa.cancel(&order).unwrap();
    let top = bench.top();
    assert_eq!(list(&directory(find(&top, "orders").unwrap().unwrap())).len(), 0);
    assert_eq!(names(&list(&directory(find(&top, "orders/all").unwrap().unwrap()))), [order.as_str()]);
    assert_eq!(text(&top, &format!("orders/{order}/status")), "cancelled\n");
    let scene = &scenes(1)[0];
    assert!(text(&top, &format!("available-products/{scene}.json")).contains("sr_ndvi"));
    bench.methods();
    assert!(find(&top, "available-products/no_such_scene.json").unwrap().is_none());
    assert!(find(&top, "orders/espa-nobody").unwrap().is_none());
    assert_eq!(bench.methods().len(), 2);
    for name in ["nothing", "orders/.git", "orders/a%20b", "available-products/x"] {
        assert!(find(&top, name).unwrap().is_none(), "{name}");
    }
    assert!(bench.methods().is_empty());
}

#[test]
fn an_archive_with_a_wrong_md5_is_an_error() {
    let bench = Bench::with_password("demo-password");
    let ids = scenes(1);
    bench.usgs.espa.quirks().flaws.insert(ids[0].clone(), Flaw::WrongMd5);
    let order = bench.place(&ids);
    bench.usgs.advance(HOUR);
    let files = list(&directory(find(&bench.top(), &format!("orders/{order}")).unwrap().unwrap()));
    let archive = files.iter().find(|entry| entry.name.to_str().unwrap().ends_with(".tar.gz")).unwrap();
    // Whoever reads to the end is told, at once.
    let told = bytes(archive).unwrap_err();
    assert!(told.errno() == libc::EIO && told.to_string().contains("fetched once more"), "{told}");
}
