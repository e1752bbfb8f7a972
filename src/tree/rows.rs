//! The rows of listings: collections and items, page by page from a catalogue.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use url::Url;

use super::Error;
use super::feed::{End, Feed, Named, Step, Steps};
use super::names::{Of, escape};
use super::source::{Selection, Source};
use super::spool::{Place, Spool};
use crate::catalog::{Catalog, Child, Depth, Pages, Search};
use crate::item::{Collection, Item};

/// A directory beside `README.md` at a source's root.
#[derive(Clone)]
pub enum CollectionRow {
    /// A collection.
    Collection(Arc<Collection>),
    /// A child catalogue: its id and itself.
    Child(Arc<Child>),
}

impl CollectionRow {
    /// The collection, where it is one.
    pub fn collection(&self) -> Option<&Arc<Collection>> {
        match self {
            CollectionRow::Collection(collection) => Some(collection),
            CollectionRow::Child(_) => None,
        }
    }
}

impl Named for CollectionRow {
    fn name(&self) -> String {
        match self {
            CollectionRow::Collection(collection) => escape(collection.id(), Of::Collection),
            CollectionRow::Child(child) => escape(&child.id, Of::Collection),
        }
    }
}

/// Those rows of another feed that a search can meet: a root narrowed by a predicate asks for nothing new.
pub struct Narrowed {
    whole: Arc<Feed<CollectionRow>>,
    at: usize,
    admits: Box<dyn Fn(&CollectionRow) -> bool + Send>,
}

impl Narrowed {
    /// The rows of `whole` that `admits` lets in.
    pub fn new(
        whole: Arc<Feed<CollectionRow>>,
        admits: Box<dyn Fn(&CollectionRow) -> bool + Send>,
    ) -> Narrowed {
        Narrowed { whole, at: 0, admits }
    }
}

impl Steps<CollectionRow> for Narrowed {
    fn step(&mut self) -> Result<Step<CollectionRow>, Error> {
        let page = self.whole.read(self.at, usize::MAX)?;
        self.at += page.len();
        let end = page.is_empty().then(|| self.whole.end().unwrap_or(End::All));
        Ok(Step { rows: page.into_iter().filter(|row| (self.admits)(row)).collect(), end })
    }
}

/// The collections of a catalogue, then its child catalogues.
pub struct CollectionSteps {
    catalog: Arc<dyn Catalog>,
    pages: Option<Box<dyn Pages<Collection>>>,
    listed: bool,
}

impl CollectionSteps {
    /// Nothing is asked for yet.
    pub fn new(catalog: Arc<dyn Catalog>) -> CollectionSteps {
        CollectionSteps { catalog, pages: None, listed: false }
    }
}

impl Steps<CollectionRow> for CollectionSteps {
    fn step(&mut self) -> Result<Step<CollectionRow>, Error> {
        if !self.listed {
            let pages = match &mut self.pages {
                Some(pages) => pages,
                None => self.pages.insert(self.catalog.collections()?),
            };
            if let Some(page) = pages.next_page()? {
                let rows = page.members.into_iter().map(|c| CollectionRow::Collection(Arc::new(c))).collect();
                return Ok(Step { rows, end: None });
            }
            self.listed = true;
        }
        let children = self.catalog.children()?;
        let rows = children.into_iter().map(|child| CollectionRow::Child(Arc::new(child))).collect();
        Ok(Step { rows, end: Some(End::All) })
    }
}

/// An item in a listing. Its text waits in the spool, so that ten thousand of them are no burden.
#[derive(Clone)]
pub struct ItemRow {
    /// Its id.
    pub id: Arc<str>,
    /// The modification time its directory shows.
    pub modified: Timestamp,
    /// How much of it was listed.
    pub depth: Depth,
    place: Option<(Arc<Spool>, Place)>,
    /// Where it was found, for its relative hrefs.
    base: Option<Arc<Url>>,
}

impl ItemRow {
    /// The item as it was listed, where its text is still here; may be an outline.
    pub fn item(&self) -> Option<Item> {
        let (spool, place) = self.place.as_ref()?;
        let text = spool.read(*place).ok()?;
        let item = Item::from_json(&text).ok()?;
        Some(match &self.base {
            Some(base) => item.found_at(Arc::clone(base)),
            None => item,
        })
    }
}

impl Named for ItemRow {
    fn name(&self) -> String {
        escape(&self.id, Of::Item)
    }
}

/// The time an item's files bear: `updated`, else when it was taken, else the epoch.
pub fn modified(item: &Item) -> Timestamp {
    item.updated().or_else(|| item.day_instant()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether an item stands on a day (UTC).
pub fn stands_on(item: &Item, day: Date) -> bool {
    item.day_instant().is_some_and(|at| at.to_zoned(TimeZone::UTC).date() == day)
}

/// The items of a selection, cut where the limits say.
pub struct ItemSteps {
    source: Arc<Source>,
    selection: Selection,
    search: Search,
    max_items: u64,
    spool: Option<Arc<Spool>>,
    pages: Option<Box<dyn Pages<Item>>>,
    listed: u64,
    scanned: u64,
    dropped: u64,
    matched: Option<u64>,
}

impl ItemSteps {
    /// Nothing is asked for yet. `max_items` of 0 is no limit.
    pub fn new(source: &Arc<Source>, selection: &Selection, max_items: u64, depth: Depth) -> ItemSteps {
        ItemSteps {
            source: Arc::clone(source),
            selection: selection.clone(),
            search: selection.search(depth),
            max_items,
            spool: None,
            pages: None,
            listed: 0,
            scanned: 0,
            dropped: 0,
            matched: None,
        }
    }

    /// The page's items that belong here, and how many the cut leaves out.
    fn admit(&mut self, members: Vec<Item>) -> (Vec<Item>, bool) {
        let mut items = members;
        if let Some(day) = self.selection.day {
            items.retain(|item| stands_on(item, day));
        }
        if self.max_items == 0 {
            return (items, false);
        }
        let room = usize::try_from(self.max_items - self.listed.min(self.max_items)).unwrap_or(usize::MAX);
        let over = items.len() > room;
        items.truncate(room);
        (items, over)
    }

    fn rows(&mut self, items: &[Item], depth: Depth) -> Vec<ItemRow> {
        if self.spool.is_none() && !items.is_empty() {
            self.spool = self.source.spool();
        }
        let places = self.spool.as_ref().and_then(|spool| spool.push(items.iter().map(Item::raw)).ok());
        let place = |at: usize| {
            let place = places.as_ref()?.get(at)?;
            Some((Arc::clone(self.spool.as_ref()?), *place))
        };
        let row = |(at, item): (usize, &Item)| ItemRow {
            id: item.id().into(),
            modified: modified(item),
            depth,
            place: place(at),
            base: item.base().cloned(),
        };
        items.iter().enumerate().map(row).collect()
    }

    /// Whether the listing is full, or has read as much as it may for a filter done here: why, in words.
    fn cut(&self, over: bool) -> Option<String> {
        let full = self.max_items > 0 && self.listed >= self.max_items;
        let more = over || self.matched.is_some_and(|matched| matched > self.listed);
        if full && more {
            let of = self.matched.map(|n| format!(" of {n} that match")).unwrap_or_default();
            return Some(format!(
                "{} items are listed{of}: the limit is max_items={}.",
                self.listed, self.max_items
            ));
        }
        let scanned_out = self.dropped > 0 && self.scanned >= self.source.limits.max_scan;
        scanned_out.then(|| {
            format!(
                "{} items were read and {} of them listed: part of this search is evaluated here, and the limit \
                 is max_scan={}.",
                self.scanned, self.listed, self.source.limits.max_scan
            )
        })
    }
}

impl Steps<ItemRow> for ItemSteps {
    fn step(&mut self) -> Result<Step<ItemRow>, Error> {
        let pages = match &mut self.pages {
            Some(pages) => pages,
            None => self.pages.insert(self.source.catalog.search(&self.search)?),
        };
        let Some(page) = pages.next_page()? else {
            return Ok(Step { rows: Vec::new(), end: Some(End::All) });
        };
        self.source.services.report.counters.pages.add(1);
        self.scanned += page.scanned;
        self.dropped += page.scanned.saturating_sub(page.members.len() as u64);
        self.matched = page.matched.or(self.matched);
        if let Some(matched) = self.matched.filter(|_| self.selection.day.is_none()) {
            self.source.remember_count(&self.selection, matched);
        }
        let (items, over) = self.admit(page.members);
        self.listed += items.len() as u64;
        let rows = self.rows(&items, page.depth);
        Ok(Step { rows, end: self.cut(over).map(End::Cut) })
    }
}
