//! The tree without a mount, over a catalogue in memory that counts what it is asked for.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::cache::{self, Cache};
use crate::catalog::{self, Catalog, Count, Depth, Description, Page, Pages, Queryable, Search};
use crate::config::Limits;
use crate::content::{Content, Location, Origin, Trouble};
use crate::http::{self, Http};
use crate::item::{Asset, Collection, Item};
use crate::report::{Report, lock};

/// Items per page.
const PAGE: usize = 3;

/// A catalogue of one collection, `moon`, and what it was asked.
struct Shelf {
    items: Vec<Value>,
    asked: Mutex<Vec<String>>,
    /// The next so many pages fail.
    failing: AtomicU32,
    counts: bool,
    depth: Depth,
}

impl Shelf {
    fn new(items: Vec<Value>) -> Arc<Shelf> {
        Arc::new(Shelf {
            items,
            asked: Mutex::default(),
            failing: AtomicU32::new(0),
            counts: true,
            depth: Depth::Whole,
        })
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.asked))
    }

    fn collection(&self) -> Collection {
        let extent = json!({"spatial": {"bbox": [[-10, -10, 10, 10]]},
            "temporal": {"interval": [["2009-05-30T00:00:00Z", "2009-06-02T00:00:00Z"]]}});
        let text = json!({"type": "Collection", "id": "moon", "title": "The Moon", "license": "CC0-1.0", "extent": extent});
        Collection::from_json(&text.to_string()).unwrap()
    }
}

/// A shelf, shared: the trait is implemented on the handle so that pages can hold it.
struct Handle(Arc<Shelf>);

struct ItemPages {
    shelf: Arc<Shelf>,
    left: Vec<Value>,
    matched: Option<u64>,
}

impl Pages<Item> for ItemPages {
    fn next_page(&mut self) -> Result<Option<Page<Item>>, catalog::Error> {
        if self.left.is_empty() {
            return Ok(None);
        }
        lock(&self.shelf.asked).push("page".into());
        if self.shelf.failing.load(Ordering::SeqCst) > 0 {
            self.shelf.failing.fetch_sub(1, Ordering::SeqCst);
            return Err(http::Error::Unreachable { url: "http://shelf".into(), why: "away".into() }.into());
        }
        let page: Vec<Value> = self.left.drain(..PAGE.min(self.left.len())).collect();
        let members: Vec<Item> = page.iter().map(|v| Item::from_json(&v.to_string()).unwrap()).collect();
        Ok(Some(Page {
            scanned: members.len() as u64,
            members,
            matched: self.matched,
            depth: self.shelf.depth,
        }))
    }
}

struct OnePage(Option<Collection>);

impl Pages<Collection> for OnePage {
    fn next_page(&mut self) -> Result<Option<Page<Collection>>, catalog::Error> {
        Ok(self.0.take().map(|c| Page { members: vec![c], matched: None, scanned: 1, depth: Depth::Whole }))
    }
}

struct Nowhere(String);

impl Origin for Nowhere {
    fn identity(&self) -> &str {
        &self.0
    }

    fn locate(&self, _: Option<&Trouble>) -> Result<Location, crate::content::Error> {
        Err(crate::content::Error::Missing { identity: self.0.clone(), status: 404 })
    }
}

impl Catalog for Handle {
    fn describe(&self) -> Result<Description, catalog::Error> {
        Ok(Description::default())
    }

    fn collections(&self) -> Result<Box<dyn Pages<Collection>>, catalog::Error> {
        lock(&self.0.asked).push("collections".into());
        Ok(Box::new(OnePage(Some(self.0.collection()))))
    }

    fn collection(&self, id: &str) -> Result<Option<Collection>, catalog::Error> {
        lock(&self.0.asked).push(format!("collection {id}"));
        Ok((id == "moon").then(|| self.0.collection()))
    }

    fn search(&self, search: &Search) -> Result<Box<dyn Pages<Item>>, catalog::Error> {
        let meets = |value: &&Value| {
            let item = Item::from_json(&value.to_string()).unwrap();
            search.query.matches(&item).unwrap()
        };
        let left: Vec<Value> = self.0.items.iter().filter(meets).cloned().collect();
        let matched = self.0.counts.then_some(left.len() as u64);
        Ok(Box::new(ItemPages { shelf: Arc::clone(&self.0), matched, left }))
    }

    fn item(&self, _: &str, id: &str) -> Result<Option<Item>, catalog::Error> {
        lock(&self.0.asked).push(format!("item {id}"));
        let found = self.0.items.iter().find(|item| item["id"] == id);
        Ok(found.map(|item| Item::from_json(&item.to_string()).unwrap()))
    }

    fn items(&self, _: &str, ids: &[&str]) -> Result<Vec<Item>, catalog::Error> {
        lock(&self.0.asked).push(format!("items {}", ids.len()));
        let wanted = self.0.items.iter().filter(|item| ids.iter().any(|id| item["id"] == *id));
        Ok(wanted.map(|item| Item::from_json(&item.to_string()).unwrap()).collect())
    }

    fn count(&self, search: &Search) -> Result<Count, catalog::Error> {
        if !self.0.counts {
            return Ok(Count::Unknown);
        }
        lock(&self.0.asked).push("count".into());
        let meets =
            |value: &&Value| search.query.matches(&Item::from_json(&value.to_string()).unwrap()).unwrap();
        Ok(Count::Matched(self.0.items.iter().filter(meets).count() as u64))
    }

    fn queryables(&self, _: &str) -> Result<BTreeMap<String, Queryable>, catalog::Error> {
        Ok(BTreeMap::new())
    }

    fn origin(&self, _: &Item, asset: &Asset) -> Result<Option<Arc<dyn Origin>>, catalog::Error> {
        Ok(asset.href().map(|href| Arc::new(Nowhere(href.into())) as Arc<dyn Origin>))
    }

    fn explain(&self, _: &Search) -> Result<Vec<String>, catalog::Error> {
        Ok(Vec::new())
    }
}

fn root(shelf: &Arc<Shelf>, limits: Limits) -> Arc<dyn Directory> {
    let report = Arc::new(Report::new());
    let settings = http::Settings::default();
    let http = Arc::new(Http::new(settings, Vec::new(), Arc::clone(&report)).unwrap());
    let folder = std::env::temp_dir().join(format!("stacfs-tree-test-{}", std::process::id()));
    let settings = cache::Settings { folder: folder.clone(), max_bytes: Some(1 << 20), min_free: 0 };
    let cache = Arc::new(Cache::open(settings, Arc::clone(&report)));
    let content = Content::new(http, cache, Arc::clone(&report), limits.version_lifetime);
    let services = Arc::new(Services {
        content: Arc::new(content),
        report,
        limits: limits.clone(),
        areas: Arc::new(()),
        spool_folder: folder,
        derived: Derived::default(),
        mounted: Timestamp::UNIX_EPOCH,
    });
    let catalog: Arc<dyn Catalog> = Arc::new(Handle(Arc::clone(shelf)));
    let source = Arc::new(Source::new("shelf".into(), catalog, services, limits));
    Layout::Single(source).root(Arc::new(Control::new(Timestamp::UNIX_EPOCH, Vec::new())))
}

fn scene(id: &str, day: &str, lon: f64) -> Value {
    json!({"type": "Feature", "id": id, "collection": "moon", "bbox": [lon, 0, lon + 0.5, 0.5],
    "geometry": null, "links": [], "properties": {"datetime": format!("{day}T12:00:00Z")},
    "assets": {
        "image": {"href": format!("http://shelf/{id}.tif"), "file:size": 100},
        "label": {"href": format!("http://shelf/{id}.lbl"), "file:size": 10},
    }})
}

fn scenes(n: usize) -> Vec<Value> {
    (0..n)
        .map(|i| {
            scene(&format!("s{i}"), if i % 2 == 0 { "2009-06-01" } else { "2009-05-31" }, i as f64 / 10.0)
        })
        .collect()
}

fn walk(root: &Arc<dyn Directory>, path: &str) -> Result<Option<Node>, Error> {
    let mut node = Node::Directory(Arc::clone(root));
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let Node::Directory(directory) = &node else { return Ok(None) };
        match directory.find(OsStr::new(name))? {
            Found::Entry(entry) => node = entry.node,
            Found::Absent(_) => return Ok(None),
        }
    }
    Ok(Some(node))
}

fn directory(root: &Arc<dyn Directory>, path: &str) -> Arc<dyn Directory> {
    match walk(root, path).unwrap() {
        Some(Node::Directory(directory)) => directory,
        _ => panic!("{path} is no directory"),
    }
}

fn list(root: &Arc<dyn Directory>, path: &str) -> Result<Vec<String>, Error> {
    let listing = directory(root, path).list();
    let mut names = Vec::new();
    loop {
        let entries = listing.read(names.len(), 2)?;
        if entries.is_empty() {
            return Ok(names);
        }
        names.extend(entries.into_iter().map(|entry| entry.name.into_string().unwrap()));
    }
}

fn text(root: &Arc<dyn Directory>, path: &str) -> String {
    let Some(Node::File(file)) = walk(root, path).unwrap() else { panic!("{path} is no file") };
    let size = file.resolve().unwrap().size;
    match file.open().unwrap() {
        Opened::Snapshot(bytes) | Opened::Live(bytes) => {
            assert_eq!(size, Some(bytes.len() as u64));
            String::from_utf8(bytes.to_vec()).unwrap()
        }
        Opened::Spooled(file, length) => {
            use std::os::unix::fs::FileExt;
            let mut bytes = vec![0; length as usize];
            file.read_exact_at(&mut bytes, 0).unwrap();
            assert_eq!(size, Some(length));
            String::from_utf8(bytes).unwrap()
        }
        Opened::Content(_) => panic!("{path} is an asset"),
    }
}

#[test]
fn a_walk_meets_everything_once_and_ends() {
    let shelf = Shelf::new(scenes(7));
    let root = root(&shelf, Limits::default());
    assert_eq!(list(&root, "").unwrap(), ["README.md", "moon"]);
    let names = list(&root, "moon").unwrap();
    assert_eq!(names, ["collection.json", "s0", "s1", "s2", "s3", "s4", "s5", "s6"]);
    assert_eq!(list(&root, "moon/s3").unwrap(), ["item.json", "s3.tif", "s3.lbl"]);
    assert_eq!(shelf.asked(), ["collections", "page", "page", "page"], "each page once, no request per item");
    list(&root, "moon").unwrap();
    assert!(shelf.asked().is_empty(), "a second listing makes no request");
}

#[test]
fn names_cost_nothing_until_a_server_must_know() {
    let shelf = Shelf::new(scenes(4));
    let root = root(&shelf, Limits::default());
    let moon = directory(&root, "moon");
    shelf.asked();
    for name in [
        ".git",
        ".hidden",
        "bbox=0,0,1,1",
        "by-date",
        "count",
        "s0.tif.aux.xml",
        "items.json",
        "a%2fb",
        "Thumbs.db",
    ] {
        assert!(moon.find_known(OsStr::new(name)).is_some(), "{name} is answered at once");
    }
    assert!(shelf.asked().is_empty());
    assert!(walk(&root, "moon/bbox=0,0,0.05,0.05/s0").unwrap().is_some());
    assert!(walk(&root, "moon/bbox=5,5,6,6/s0").unwrap().is_none(), "it does not meet the search");
    assert!(walk(&root, "moon/nope").unwrap().is_none());
    assert!(walk(&root, "moon/nope").unwrap().is_none());
    assert_eq!(shelf.asked(), ["item s0", "item nope"], "one request for each item");
    assert!(walk(&root, "moon/s0/s0.tif.aux.xml").unwrap().is_none());
    assert!(shelf.asked().is_empty(), "an item's assets are a closed set");
}

#[test]
fn a_page_that_fails_is_an_error_at_its_place() {
    let shelf = Shelf::new(scenes(5));
    let root = root(&shelf, Limits::default());
    let listing = directory(&root, "moon").list();
    assert_eq!(listing.read(1, 9).unwrap().len(), 3);
    shelf.failing.store(1, Ordering::SeqCst);
    assert_eq!(listing.read(4, 9).map(|_| ()).unwrap_err().errno(), libc::EIO);
    assert_eq!(listing.read(1, 9).unwrap().len(), 3, "what was read stays");
    assert_eq!(listing.read(4, 9).unwrap().len(), 2, "the next read tries again");
}

#[test]
fn a_cut_listing_says_so() {
    let shelf = Shelf::new(scenes(8));
    let root = root(&shelf, Limits { max_items: 4, ..Limits::default() });
    let word = directory(&root, "moon").find(OsStr::new("TRUNCATED.txt")).unwrap();
    assert!(matches!(word, Found::Absent(kept) if kept.is_zero()), "the end of a listing may bring it");
    let names = list(&root, "moon").unwrap();
    assert_eq!(names, ["collection.json", "s0", "s1", "s2", "s3", "TRUNCATED.txt"]);
    let word = text(&root, "moon/TRUNCATED.txt");
    assert!(word.contains("4 items are listed of 8 that match") && word.contains("max_items"), "{word}");
    assert_eq!(
        list(&root, "moon/max_items=2").unwrap(),
        ["collection.json", "s0", "s1"],
        "the path asked for it"
    );
    assert_eq!(list(&root, "moon/max_items=0").unwrap().len(), 9);
    assert!(walk(&root, "moon/s7").unwrap().is_some(), "what is cut from a listing is found by name");
    assert_eq!(text(&root, "moon/count"), "8\n");
}

#[test]
fn a_listing_of_just_so_many_is_not_cut() {
    let root = root(&Shelf::new(scenes(4)), Limits { max_items: 4, ..Limits::default() });
    assert_eq!(list(&root, "moon").unwrap().len(), 5);
}

#[test]
fn a_server_that_does_not_count_is_counted() {
    let mut shelf = Shelf::new(scenes(7));
    Arc::get_mut(&mut shelf).unwrap().counts = false;
    let root = root(&shelf, Limits { max_items: 5, ..Limits::default() });
    assert_eq!(text(&root, "moon/count"), "at least 5\n");
    assert_eq!(text(&root, "moon/bbox=0,0,0.05,0.5/count"), "1\n");
}

#[test]
fn dates_are_directories() {
    let shelf = Shelf::new(scenes(4));
    let root = root(&shelf, Limits::default());
    assert_eq!(list(&root, "moon/by-date").unwrap(), ["2009"]);
    assert_eq!(list(&root, "moon/by-date/2009").unwrap(), ["05", "06"]);
    assert_eq!(list(&root, "moon/by-date/2009/05").unwrap(), ["30", "31"]);
    shelf.asked();
    assert_eq!(list(&root, "moon/by-date/2009/06/01").unwrap(), ["s0", "s2"]);
    let matched =
        |path: &str| directory(&root, path).xattrs().iter().any(|(name, _)| name == "user.stac.matched");
    text(&root, "moon/datetime=2009-06-01/count");
    assert!(
        matched("moon/datetime=2009-06-01") && !matched("moon/by-date/2009/06/01"),
        "a day may hold fewer"
    );
    assert_eq!(list(&root, "moon/datetime=2009-06/by-date/2009").unwrap(), ["06"]);
    assert!(walk(&root, "moon/by-date/2009/13").unwrap().is_none());
    assert!(walk(&root, "moon/by-date/2009/06/01/by-date").unwrap().is_none());
    assert!(walk(&root, "moon/by-date/2009/05/31/s0").unwrap().is_none(), "it stands on another day");
}

#[test]
fn views_shape_the_listing_only() {
    let root = root(&Shelf::new(scenes(3)), Limits::default());
    assert_eq!(list(&root, "moon/assets=image/s0").unwrap(), ["item.json", "s0.tif"]);
    assert_eq!(list(&root, "moon/assets=*.lbl/assets=label/s0").unwrap(), ["item.json", "s0.lbl"]);
    assert!(walk(&root, "moon/assets=image/s0/s0.lbl").unwrap().is_none());
}

#[test]
fn a_root_narrows_its_collections() {
    let shelf = Shelf::new(scenes(3));
    let root = root(&shelf, Limits::default());
    assert_eq!(list(&root, "bbox=5,5,6,6").unwrap(), ["README.md", "moon"]);
    assert_eq!(list(&root, "bbox=50,50,60,60").unwrap(), ["README.md"]);
    assert!(walk(&root, "bbox=50,50,60,60/moon").unwrap().is_some(), "found by name regardless");
    assert_eq!(list(&root, "bbox=0,0,0.05,0.5/moon").unwrap(), ["collection.json", "s0"]);
    assert_eq!(shelf.asked().iter().filter(|asked| *asked == "collections").count(), 1);
    let readme = text(&root, "README.md");
    assert!(readme.contains("The Moon") && readme.contains("cat moon/bbox=-1,-1,1,1/count"), "{readme}");
}

#[test]
fn one_asset_is_one_inode_and_a_directory_one_per_path() {
    let root = root(&Shelf::new(scenes(3)), Limits::default());
    let identity = |path: &str| {
        let (parent, name) = path.rsplit_once('/').unwrap();
        match directory(&root, parent).find(OsStr::new(name)).unwrap() {
            Found::Entry(entry) => entry.identity,
            Found::Absent(_) => panic!("{path}"),
        }
    };
    assert_eq!(identity("moon/s0/s0.tif"), identity("moon/bbox=0,0,1,1/s0/s0.tif"));
    assert_ne!(identity("moon/s0/s0.tif"), identity("moon/s0/s0.lbl"));
    assert_eq!(identity("moon/s0"), Identity::Path);
}

#[test]
fn wrong_segments_are_einval_in_words() {
    let root = root(&Shelf::new(scenes(1)), Limits::default());
    for path in ["moon/bbx=1,2,3,4", "moon/bbox=1,2", "moon/cloud_cover=3", "datetime=never"] {
        let error = walk(&root, path).map(|_| ()).unwrap_err();
        assert_eq!(error.errno(), libc::EINVAL, "{path}: {error}");
    }
}

#[test]
fn a_search_is_a_layer() {
    let shelf = Shelf::new(scenes(5));
    let root = root(&shelf, Limits { max_items: 4, ..Limits::default() });
    let layer: Value = serde_json::from_str(&text(&root, "moon/items.geojson")).unwrap();
    let features = layer["features"].as_array().unwrap();
    let paths: Vec<&str> = features.iter().map(|f| f["properties"]["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["s0", "s1", "s2", "s3"]);
    assert_eq!(features[0]["geometry"]["type"], "Polygon", "a box, where there is no geometry");
    assert_eq!(features[0]["properties"]["datetime"], "2009-06-01T12:00:00Z");
    assert!(layer["truncated"].as_str().unwrap().contains("max_items=4"), "a cut layer says so inside");
    shelf.asked();
    text(&root, "moon/items.geojson");
    assert!(shelf.asked().is_empty(), "made once");
}

#[test]
fn a_size_that_may_be_another_at_the_next_open_is_not_kept() {
    let root = root(&Shelf::new(scenes(3)), Limits::default());
    let attributes = |path: &str| match walk(&root, path).unwrap() {
        Some(Node::File(file)) => file.resolve().unwrap(),
        _ => panic!("{path} is no file"),
    };
    for path in ["moon/count", "moon/items.geojson", "moon/local/items/s0.json", "moon/local/collection.json"]
    {
        let of_file = attributes(path);
        assert!(of_file.size.is_some_and(|size| size > 0) && of_file.lifetime.is_zero(), "{path}");
    }
    for path in ["moon/collection.json", "moon/s0/item.json", "moon/s0/s0.tif"] {
        assert!(!attributes(path).lifetime.is_zero(), "{path}");
    }
}

#[test]
fn an_open_directory_of_mosaics_keeps_what_it_lists() {
    let shelf = Shelf::new(scenes(3));
    // Every listing is old at once, so that whoever looks again makes a new one.
    let root = root(&shelf, Limits { metadata_lifetime: std::time::Duration::ZERO, ..Limits::default() });
    let listing = directory(&root, "moon/mosaics").list();
    shelf.asked();
    assert_eq!(listing.read(0, 1).unwrap()[0].name, "image.vrt");
    assert_eq!(listing.read(1, 9).unwrap()[0].name, "image.gti");
    assert!(listing.read(2, 9).unwrap().is_empty());
    assert_eq!(shelf.asked(), ["page"]);
}

#[test]
fn outlines_are_filled_in_by_the_page_for_who_walks() {
    let mut shelf = Shelf::new(scenes(9));
    Arc::get_mut(&mut shelf).unwrap().depth = Depth::Outline;
    let root = root(&shelf, Limits::default());
    let names = list(&root, "moon").unwrap();
    shelf.asked();
    for name in names.iter().filter(|name| *name != "collection.json") {
        assert_eq!(list(&root, &format!("moon/{name}")).unwrap().len(), 3, "{name}");
    }
    assert_eq!(shelf.asked(), ["items 1", "items 8"]);
}
