//! A source in the tree: a catalogue, and what is remembered of its answers.
//!
//! Remembered: listings by search, items by id, counts; each for its lifetime, each bounded. Equal questions
//! asked at the same time are asked once.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;
use lru::LruCache;

use super::derived::Shelf;
use super::feed::{End, Feed};
use super::names::asset_files;
use super::rows::{CollectionRow, CollectionSteps, ItemRow, ItemSteps};
use super::spool::Spool;
use super::walk::Walks;
use super::{Desk, Error};
use crate::catalog::{Catalog, Count, Depth, Search};
use crate::config::Limits;
use crate::content::Content;
use crate::item::{Asset, Collection, Item};
use crate::query::{Areas, FieldOrder, Query};
use crate::report::Turns;
use crate::report::{Report, lock};

/// Listings kept per source.
const LISTINGS: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// … and rows in them together, so that memory is bounded: a row takes some 150 bytes. One listing alone may be
/// longer, and so may those that are open.
const ROWS: usize = 1_000_000;
/// Parsed items kept per source: a Landsat item is some 50 KB once parsed.
const ITEMS: NonZeroUsize = NonZeroUsize::new(512).unwrap();
/// Whole items fetched at once for somebody who walks through outlines.
const BATCH: usize = 100;
/// Counts, and collections met by name, kept per source.
const COUNTS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// How long "there is no such item" is taken for true.
const ABSENT: Duration = Duration::from_secs(30);

/// Whether listings show `items.geojson` and `mosaics/`, which are made of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Derived {
    /// They are found by name only, so that a walk meets every byte once.
    #[default]
    FoundByName,
    /// They are listed, for file dialogs (`--show-derived`).
    Listed,
}

/// What all sources of a mount share.
pub struct Services {
    /// Opens assets.
    pub content: Arc<Content>,
    /// Hears what happens.
    pub report: Arc<Report>,
    /// The mount's limits.
    pub limits: Limits,
    /// The user's areas of interest.
    pub areas: Arc<dyn Areas + Send + Sync>,
    /// Where spools go.
    pub spool_folder: PathBuf,
    /// Whether listings show what is made of them.
    pub derived: Derived,
    /// When the mount began: the time of directories that have none of their own.
    pub mounted: Timestamp,
}

/// Collection and id.
type ItemKey = (String, String);
/// Collection, where it is one, and the query's key.
type CountKey = (Option<String>, String);

/// A catalogue as part of the tree.
pub struct Source {
    /// Its name: the directory it gets where there are several.
    pub name: String,
    /// Where collections and items come from.
    pub catalog: Arc<dyn Catalog>,
    /// What it shares with the others.
    pub services: Arc<Services>,
    /// ESPA's orders, where the source has them: `espa/` at its root.
    pub desk: Option<Arc<Desk>>,
    /// Limits in force for this source.
    pub limits: Limits,
    /// Who walks through its listings.
    pub walks: Walks,
    collections: Mutex<Option<Arc<Feed<CollectionRow>>>>,
    met: Mutex<LruCache<String, Met<Option<Arc<Collection>>>>>,
    listings: Mutex<LruCache<ListingKey, Arc<Feed<ItemRow>>>>,
    items: Mutex<LruCache<ItemKey, Met<Option<Arc<NamedItem>>>>>,
    counts: Mutex<LruCache<CountKey, Met<u64>>>,
    children: Mutex<HashMap<String, Arc<Source>>>,
    asking: Turns<ItemKey>,
    counting: Turns<String>,
    /// What was made of its listings.
    pub(super) shelf: Shelf,
}

/// An item and the names of its files, made once.
pub struct NamedItem {
    /// The item.
    pub item: Item,
    /// Name and asset of each of its files.
    pub files: Vec<(String, Asset)>,
}

impl NamedItem {
    /// Names an item's files.
    pub fn new(item: Item) -> NamedItem {
        let files = asset_files(&item);
        NamedItem { item, files }
    }
}

/// Something that was true when it was met.
#[derive(Clone)]
struct Met<T> {
    at: Instant,
    what: T,
}

/// One listing of items: equal keys are the same snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ListingKey {
    collection: Option<String>,
    query: String,
    sortby: Vec<FieldOrder>,
    max_items: u64,
    day: Option<Date>,
}

/// Which items a directory lists.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The collection; `None` is all of the source's.
    pub collection: Option<String>,
    /// The conditions.
    pub query: Query,
    /// The order; empty is the server's own.
    pub sortby: Vec<FieldOrder>,
    /// The cut that the path asks for; `None` is the source's, 0 none.
    pub max_items: Option<u64>,
    /// Only items that stand on this day (UTC).
    pub day: Option<Date>,
}

impl Source {
    /// A source that has been asked for nothing yet.
    pub fn new(name: String, catalog: Arc<dyn Catalog>, services: Arc<Services>, limits: Limits) -> Source {
        Source {
            name,
            catalog,
            services,
            desk: None,
            limits,
            walks: Walks::default(),
            collections: Mutex::default(),
            met: Mutex::new(LruCache::new(COUNTS)),
            listings: Mutex::new(LruCache::new(LISTINGS)),
            items: Mutex::new(LruCache::new(ITEMS)),
            counts: Mutex::new(LruCache::new(COUNTS)),
            children: Mutex::default(),
            asking: Turns::default(),
            counting: Turns::default(),
            shelf: Shelf::default(),
        }
    }

    /// The same source with `espa/` at its root.
    pub fn with_desk(self, desk: Arc<Desk>) -> Source {
        Source { desk: Some(desk), ..self }
    }

    /// A child catalogue, as a source of its own: the same one each time, so that it remembers.
    pub fn child(&self, id: &str, catalog: Arc<dyn Catalog>) -> Arc<Source> {
        let mut children = lock(&self.children);
        let child = children.entry(id.to_owned()).or_insert_with(|| {
            let (name, services) = (format!("{}/{id}", self.name), Arc::clone(&self.services));
            Arc::new(Source::new(name, catalog, services, self.limits.clone()))
        });
        Arc::clone(child)
    }

    /// How long its metadata is taken for true.
    pub fn lifetime(&self) -> Duration {
        self.limits.metadata_lifetime
    }

    /// How long "there is no such thing" is taken for true: never longer than what is there.
    pub fn absent_lifetime(&self) -> Duration {
        ABSENT.min(self.lifetime())
    }

    /// The listing of its collections: the same one for everybody while it is fresh.
    pub fn collections(&self) -> Arc<Feed<CollectionRow>> {
        let mut kept = lock(&self.collections);
        if let Some(feed) = kept.as_ref().filter(|feed| feed.age() < self.lifetime()) {
            return Arc::clone(feed);
        }
        let feed = Arc::new(Feed::new(Box::new(CollectionSteps::new(Arc::clone(&self.catalog)))));
        *kept = Some(Arc::clone(&feed));
        feed
    }

    /// One collection by id: listed or met before, else one request.
    pub fn collection(&self, name: &str, id: &str) -> Result<Option<Arc<Collection>>, Error> {
        self.asking.run(&(id.to_owned(), String::new()), || {
            if let Some(known) = self.known_collection(name, id) {
                return Ok(known);
            }
            let collection = self.catalog.collection(id)?.map(Arc::new);
            lock(&self.met).put(id.to_owned(), Met { at: Instant::now(), what: collection.clone() });
            Ok(collection)
        })
    }

    /// One collection by id, where it was listed or met lately; `Some(None)` where it was met not to be there.
    pub fn known_collection(&self, name: &str, id: &str) -> Option<Option<Arc<Collection>>> {
        if let Some(row) = self.collections().find(name) {
            return Some(row.collection().cloned());
        }
        let mut collections = lock(&self.met);
        let met = collections.get(id)?;
        let lifetime = if met.what.is_some() { self.lifetime() } else { self.absent_lifetime() };
        (met.at.elapsed() < lifetime).then(|| met.what.clone())
    }

    /// The listing of a selection: the same snapshot for everybody while it is fresh.
    pub fn listing(self: &Arc<Self>, selection: &Selection) -> Arc<Feed<ItemRow>> {
        let key = self.listing_key(selection);
        let mut listings = lock(&self.listings);
        if let Some(feed) = listings.get(&key).filter(|feed| feed.age() < self.lifetime()) {
            self.services.report.counters.listing_hits.add(1);
            return Arc::clone(feed);
        }
        let feed = self.feed(selection, Depth::Outline);
        let mut rows: usize = listings.iter().map(|(_, feed)| feed.len()).sum();
        while rows > ROWS
            && let Some((_, oldest)) = listings.pop_lru()
        {
            rows -= oldest.len();
        }
        listings.put(key, Arc::clone(&feed));
        feed
    }

    /// A new listing of a selection, not asked for anything yet.
    pub(super) fn feed(self: &Arc<Self>, selection: &Selection, depth: Depth) -> Arc<Feed<ItemRow>> {
        let max_items = self.listing_key(selection).max_items;
        Arc::new(Feed::new(Box::new(ItemSteps::new(self, selection, max_items, depth))))
    }

    /// The listing of a selection, where there is a fresh one.
    pub fn live_listing(&self, selection: &Selection) -> Option<Arc<Feed<ItemRow>>> {
        let key = self.listing_key(selection);
        let mut listings = lock(&self.listings);
        listings.get(&key).filter(|feed| feed.age() < self.lifetime()).cloned()
    }

    pub(super) fn listing_key(&self, selection: &Selection) -> ListingKey {
        ListingKey {
            collection: selection.collection.clone(),
            query: selection.query.key(),
            sortby: selection.sortby.clone(),
            max_items: selection.max_items.unwrap_or(self.limits.max_items),
            day: selection.day,
        }
    }

    /// An item that was met lately; `Some(None)` where it was met not to be there.
    pub fn known_item(&self, collection: &str, id: &str) -> Option<Option<Arc<NamedItem>>> {
        let mut items = lock(&self.items);
        let met = items.get(&(collection.to_owned(), id.to_owned()))?;
        let lifetime = if met.what.is_some() { self.lifetime() } else { self.absent_lifetime() };
        (met.at.elapsed() < lifetime).then(|| met.what.clone())
    }

    /// Remembers an item, or that there is none.
    pub fn remember_item(&self, collection: &str, id: &str, item: Option<Arc<NamedItem>>) {
        let key = (collection.to_owned(), id.to_owned());
        lock(&self.items).put(key, Met { at: Instant::now(), what: item });
    }

    /// One item: remembered, or one request.
    pub fn item(&self, collection: &str, id: &str) -> Result<Option<Arc<NamedItem>>, Error> {
        self.asking.run(&(collection.to_owned(), id.to_owned()), || {
            if let Some(known) = self.known_item(collection, id) {
                return Ok(known);
            }
            let item = self.catalog.item(collection, id)?.map(NamedItem::new).map(Arc::new);
            self.remember_item(collection, id, item.clone());
            Ok(item)
        })
    }

    /// An item of a listing of outlines, whole. Who walks through them gets the next ones with it: one request
    /// for many.
    pub fn look_into(
        &self,
        collection: &str,
        row: &ItemRow,
        feed: &Feed<ItemRow>,
    ) -> Result<Option<Arc<NamedItem>>, Error> {
        // One walk at a time: the second of two neighbours finds what the first fetched.
        self.asking.run(&(collection.to_owned(), String::new()), || {
            if let Some(known) = self.known_item(collection, &row.id) {
                return Ok(known);
            }
            let mut batch = feed.ahead(row, BATCH);
            batch.retain(|other| other.id == row.id || self.known_item(collection, &other.id).is_none());
            let ids: Vec<&str> = batch.iter().map(|row| &*row.id).collect();
            for item in self.catalog.items(collection, &ids)? {
                let id = item.id().to_owned();
                self.remember_item(collection, &id, Some(Arc::new(NamedItem::new(item))));
            }
            Ok(self.known_item(collection, &row.id).flatten())
        })
    }

    /// A count that was met lately. Of a day none is: what meets a day need not stand on it.
    pub fn known_count(&self, selection: &Selection) -> Option<u64> {
        if selection.day.is_some() {
            return None;
        }
        let key = (selection.collection.clone(), selection.query.key());
        let mut counts = lock(&self.counts);
        counts.get(&key).filter(|met| met.at.elapsed() < self.lifetime()).map(|met| met.what)
    }

    /// How many items meet a selection, as the text of `count`: the server's number where it counts, else the
    /// listing is counted, and where that was cut it is `at least N`.
    pub fn count(self: &Arc<Self>, selection: &Selection) -> Result<Counted, Error> {
        let key = format!("{:?} {} {:?}", selection.collection, selection.query.key(), selection.day);
        self.counting.run(&key, || self.count_once(selection))
    }

    fn count_once(self: &Arc<Self>, selection: &Selection) -> Result<Counted, Error> {
        if let Some(known) = self.known_count(selection) {
            return Ok(Counted::Exactly(known));
        }
        if selection.day.is_none()
            && let Count::Matched(matched) = self.catalog.count(&selection.search(Depth::Outline))?
        {
            self.remember_count(selection, matched);
            return Ok(Counted::Exactly(matched));
        }
        // The path's own cut shapes the listing, not the number of matches.
        let all = Selection { max_items: None, sortby: Vec::new(), ..selection.clone() };
        let listing = self.listing(&all);
        let end = listing.read_all()?;
        if let Some(known) = self.known_count(selection) {
            return Ok(Counted::Exactly(known));
        }
        let listed = listing.len() as u64;
        Ok(match end {
            End::All => Counted::Exactly(listed),
            End::Cut(_) => Counted::AtLeast(listed),
        })
    }

    /// Remembers how many items the server says match.
    pub fn remember_count(&self, selection: &Selection, matched: u64) {
        let key = (selection.collection.clone(), selection.query.key());
        lock(&self.counts).put(key, Met { at: Instant::now(), what: matched });
    }

    /// A spool for one listing; without one, items are asked for again when they are needed.
    pub fn spool(&self) -> Option<Arc<Spool>> {
        match Spool::new(&self.services.spool_folder) {
            Ok(spool) => Some(Arc::new(spool)),
            Err(error) => {
                let folder = self.services.spool_folder.display();
                self.services
                    .report
                    .note("spool", &format!("{folder}: {error}; listed items are asked for again"));
                None
            }
        }
    }
}

impl Selection {
    /// What to ask the catalogue for.
    pub fn search(&self, depth: Depth) -> Search {
        Search {
            collection: self.collection.clone(),
            query: self.query.clone(),
            sortby: self.sortby.clone(),
            wanted: self.max_items.filter(|&most| most > 0),
            depth,
        }
    }
}

/// The answer to "how many".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// So many.
    Exactly(u64),
    /// So many were listed before the listing was cut.
    AtLeast(u64),
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Counted::Exactly(n) => write!(f, "{n}"),
            Counted::AtLeast(n) => write!(f, "at least {n}"),
        }
    }
}

impl std::ops::Add for Counted {
    type Output = Counted;

    fn add(self, other: Counted) -> Counted {
        match (self, other) {
            (Counted::Exactly(a), Counted::Exactly(b)) => Counted::Exactly(a + b),
            (Counted::Exactly(a) | Counted::AtLeast(a), Counted::Exactly(b) | Counted::AtLeast(b)) => {
                Counted::AtLeast(a + b)
            }
        }
    }
}
