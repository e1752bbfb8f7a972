//! The tree of a source: a walk downloads nothing, a read downloads what is read.

use std::ffi::OsStr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::*;
use crate::cache::Cache;
use crate::config::Limits;
use crate::content::Content;
use crate::tree::{Control, Derived, Directory, File, Found, Layout, Node, Opened, Services, Source};

/// The root over a source, without a mount.
fn root(desk: &Desk, folder: &std::path::Path) -> Arc<dyn Directory> {
    let report = Arc::clone(&desk.report);
    let http = Arc::new(Http::new(http::Settings::default(), Vec::new(), Arc::clone(&report)).unwrap());
    let cache = Arc::new(Cache::none(Arc::clone(&report)));
    let content = Content::new(http, cache, Arc::clone(&report), Duration::from_secs(300));
    let services = Arc::new(Services {
        content: Arc::new(content),
        report,
        limits: Limits::default(),
        areas: Arc::new(()),
        spool_folder: folder.to_owned(),
        derived: Derived::default(),
        mounted: Timestamp::UNIX_EPOCH,
    });
    let token = Some(Secret::new("demo-token"));
    let account = Account { username: "demo".into(), token, password: None };
    let catalog: Arc<dyn Catalog> = Arc::new(client(&desk.servers, Some(account), settings(), &desk.report));
    let source = Arc::new(Source::new("usgs".into(), catalog, services, Limits::default()));
    Layout::Single(source).root(Arc::new(Control::new(Timestamp::UNIX_EPOCH, Vec::new())))
}

fn below(directory: &Arc<dyn Directory>, path: &str) -> Node {
    let mut node = Node::Directory(Arc::clone(directory));
    for name in path.split('/') {
        let Node::Directory(directory) = &node else { panic!("{name} is below a file") };
        let Found::Entry(entry) = directory.find(OsStr::new(name)).unwrap() else { panic!("no {name}") };
        node = entry.node;
    }
    node
}

fn file(directory: &Arc<dyn Directory>, path: &str) -> Arc<dyn File> {
    match below(directory, path) {
        Node::File(file) => file,
        _ => panic!("{path} is no file"),
    }
}

/// Looks at everything as `find`, `ls -l`, `getfattr` and an indexer that opens do; gives the files' paths.
fn walk(directory: &Arc<dyn Directory>, path: &str, files: &mut Vec<String>) {
    directory.xattrs();
    let listing = directory.list();
    let mut entries = Vec::new();
    loop {
        let more = listing.read(entries.len(), 1000).unwrap();
        if more.is_empty() {
            break;
        }
        entries.extend(more);
    }
    for entry in entries {
        let path = format!("{path}/{}", entry.name.to_str().unwrap());
        match &entry.node {
            Node::Directory(directory) => walk(directory, &path, files),
            Node::File(file) => {
                file.resolve().unwrap();
                file.xattrs();
                file.open().unwrap();
                files.push(path);
            }
        }
    }
}

#[test]
fn a_walk_that_opens_everything_requests_no_download() {
    let desk = Desk::new();
    let folder = tempfile::tempdir().unwrap();
    let root = root(&desk, folder.path());
    let Node::Directory(search) = below(&root, &format!("{TM}/datetime=2010-05/path=197/row=30")) else {
        panic!()
    };
    let mut files = Vec::new();
    walk(&search, "", &mut files);
    let asked = desk.asked();
    assert!(!asked.iter().any(|endpoint| endpoint == "download-request"), "{asked:?}");
    // The first scene alone, then, since it is a walk, all others at once.
    assert!(asked.iter().filter(|endpoint| *endpoint == "download-options").count() <= 2, "{asked:?}");
    assert!(files.iter().any(|path| path.ends_with("_SR_B4.TIF")), "{files:?}");
    assert!(files.iter().any(|path| path.ends_with("_thumbnail.jpg")));
    assert!(!files.iter().any(|path| path.ends_with(".tar")), "the bundle is found by name only");
}

#[test]
fn reading_downloads_what_is_read_and_nothing_else() {
    let desk = Desk::new();
    let folder = tempfile::tempdir().unwrap();
    let root = root(&desk, folder.path());
    let id = desk.found(TM, "datetime=2010-05/path=197/row=30")[0].id().to_owned();
    let item = desk.source.item(TM, &id).unwrap().unwrap();
    desk.servers.m2m.quirks().staging_polls = 2;
    for (key, name) in [("SR_B4", format!("{id}_SR_B4.TIF")), ("bundle", format!("{id}.tar"))] {
        desk.asked();
        let opened = file(&root, &format!("{TM}/{id}/{name}")).open().unwrap();
        let Opened::Content(opened) = opened else { panic!("{name}") };
        assert!(!desk.asked().iter().any(|endpoint| endpoint == "download-request"));
        let bytes = opened.read(0, 1 << 30).unwrap();
        assert_eq!(desk.asked().iter().filter(|endpoint| *endpoint == "download-request").count(), 1);
        let asset = item.assets().into_iter().find(|asset| asset.key == key).unwrap();
        assert_eq!(Some(bytes.len() as u64), asset.size());
        assert_eq!(Sha256::digest(&bytes).to_vec(), asset.checksum().unwrap().digest);
    }
}

#[test]
fn a_reader_is_told_the_words_of_m2m() {
    let desk = Desk::new();
    let folder = tempfile::tempdir().unwrap();
    let root = root(&desk, folder.path());
    let id = desk.found(TM, "datetime=2010-05/path=197/row=30")[0].id().to_owned();
    desk.servers.m2m.quirks().quota.recent = 0;
    let opened = file(&root, &format!("{TM}/{id}/{id}_SR_B4.TIF")).open().unwrap();
    let Opened::Content(opened) = opened else { panic!() };
    let error = opened.read(0, 4096).unwrap_err();
    assert!(error.errno() == libc::EDQUOT && error.to_string().contains("User download limit"), "{error}");
}
