//! A collection, or a search in it: the directory that lists items.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use super::by_date::ByDate;
use super::citation;
use super::derived::items_geojson;
use super::derived::local::Local;
use super::derived::mosaics_directory::Mosaics;
use super::feed::End;
use super::generated::{Fed, Generated, Made, Spooled, Written};
use super::item_directory::{self, ItemRef};
use super::names::{self, Of, never_asked, unescape};
use super::rows::stands_on;
use super::source::{Derived, NamedItem, Selection, Source};
use super::xattrs;
use super::{Attributes, Directory, Entry, Error, Found, Listing};
use crate::item::Collection;
use crate::query::{Query, Segment, View, is_segment};

/// Where a path stands: a collection, narrowed.
#[derive(Clone)]
pub struct Scope {
    /// The source.
    pub source: Arc<Source>,
    /// The collection.
    pub collection: Arc<Collection>,
    /// The conditions so far.
    pub query: Query,
    /// The view in force.
    pub view: View,
    /// The day, below a by-date.
    pub day: Option<Date>,
}

impl Scope {
    /// Which items are listed here.
    pub fn selection(&self) -> Selection {
        Selection {
            collection: Some(self.collection.id().to_owned()),
            query: self.query.clone(),
            sortby: self.view.sortby.clone(),
            max_items: self.view.max_items,
            day: self.day,
        }
    }

    /// This place, narrowed or seen otherwise.
    pub fn with(&self, segment: Segment) -> Scope {
        let mut scope = self.clone();
        match segment {
            Segment::Predicate(predicate) => scope.query = scope.query.and(predicate),
            Segment::View(option) => scope.view = scope.view.with(option),
        }
        scope
    }

    /// The time a directory here bears: what the collection says, so that it is the same at every mount.
    pub fn modified(&self) -> Timestamp {
        let text = |key: &str| self.collection.fields().get(key).and_then(serde_json::Value::as_str);
        let updated = text("updated").or_else(|| text("created")).and_then(|t| t.parse().ok());
        let first = || self.collection.span().and_then(|span| span.start.or(span.end));
        updated.or_else(first).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// A directory made here, as an entry.
    pub fn entry(&self, name: &OsStr, directory: Arc<dyn Directory>) -> Entry {
        Entry::directory(name, directory, self.source.lifetime())
    }

    /// A file made of what is listed here, under `key` among all that are made of this listing.
    pub fn derived(
        &self,
        name: &str,
        made: Made,
        key: String,
        write: impl Fn(&Scope, &Arc<Source>) -> Result<Written, Error> + Send + Sync + 'static,
    ) -> Entry {
        // Which assets show is part of the view and no part of the listing.
        let key = format!("{:?} {key}", self.view.assets);
        let (here, shown) = (self.clone(), key.clone());
        let known = move || Some(here.source.known_file(&here.selection(), &shown)?.size);
        let scope = self.clone();
        let written =
            move || scope.source.derived_file(&scope.selection(), &key, || write(&scope, &scope.source));
        Spooled::new(made, self.modified(), self.source.lifetime(), known, written).entry(name)
    }
}

/// A directory of items: a collection, a search in it, or one day of either.
pub struct SearchDirectory(Scope);

impl SearchDirectory {
    /// The directory of a scope.
    pub fn new(scope: Scope) -> SearchDirectory {
        SearchDirectory(scope)
    }

    fn absent(&self) -> Found {
        Found::Absent(self.0.source.lifetime())
    }

    fn view(&self) -> Arc<View> {
        Arc::new(self.0.view.clone())
    }

    fn collection_id(&self) -> Arc<str> {
        self.0.collection.id().into()
    }

    /// A reserved name's file or directory; `None` where the name is none.
    fn reserved(&self, name: &str) -> Option<Found> {
        let scope = &self.0;
        if !names::RESERVED_IN_SEARCH.contains(&name) {
            return None;
        }
        let entry = match (name, scope.day) {
            ("collection.json", None) => Some(self.collection_json()),
            ("count", _) => Some(self.count()),
            ("by-date", None) => Some(scope.entry(OsStr::new(name), Arc::new(ByDate::new(scope.clone())))),
            // Whether there is one shows at the end of a listing, so its absence must not be kept.
            ("TRUNCATED.txt", _) => {
                return Some(self.truncated().map_or(Found::Absent(Duration::ZERO), Found::Entry));
            }
            ("items.geojson", _) => Some(self.layer()),
            ("mosaics", _) => Some(self.mosaics()),
            ("local", _) => Some(scope.entry(OsStr::new(name), Arc::new(Local::new(scope.clone())))),
            ("CITATION.bib", None) => {
                self.text(name, citation::bibtex(&scope.collection, &self.collection_url()))
            }
            ("LICENSE.txt", None) => self.text(name, citation::license(&scope.collection)),
            ("QUERYABLES.md", None) => Some(self.queryables()),
            _ => None,
        };
        Some(entry.map_or_else(|| self.absent(), Found::Entry))
    }

    fn collection_json(&self) -> Entry {
        let text = self.0.collection.raw().as_bytes().to_vec();
        Generated::fixed(text, self.0.modified(), self.0.source.lifetime()).entry("collection.json")
    }

    fn count(&self) -> Entry {
        let (source, selection) = (Arc::clone(&self.0.source), self.0.selection());
        let text = move || Ok(format!("{}\n", source.count(&selection)?).into_bytes());
        Generated::asked(self.0.modified(), self.0.source.lifetime(), text).entry("count")
    }

    fn text(&self, name: &str, text: Option<String>) -> Option<Entry> {
        Some(Generated::fixed(text?, self.0.modified(), self.0.source.lifetime()).entry(name))
    }

    /// The collection's own URL, else its id: what a citation points at.
    fn collection_url(&self) -> String {
        let links = self.0.collection.links();
        let own = links.iter().find(|link| link.rel == "self" || link.rel == "canonical");
        own.map_or_else(|| self.0.collection.id().to_owned(), |link| link.href.clone())
    }

    fn queryables(&self) -> Entry {
        let (source, collection) = (Arc::clone(&self.0.source), Arc::clone(&self.0.collection));
        let text = move || {
            let queryables = source.catalog.queryables(collection.id())?;
            Ok(citation::queryables(&collection, &queryables).into_bytes())
        };
        Generated::asked(self.0.modified(), self.0.source.lifetime(), text).entry("QUERYABLES.md")
    }

    fn layer(&self) -> Entry {
        let write = |scope: &Scope, source: &Arc<Source>| {
            let selection = scope.selection();
            let feed = source.whole_listing(&selection)?;
            items_geojson::write(&feed, &source.services.spool_folder, |row| source.item_of(&selection, row))
        };
        self.0.derived("items.geojson", Made::WhenLookedAt, "items.geojson".into(), write)
    }

    fn mosaics(&self) -> Entry {
        self.0.entry(OsStr::new("mosaics"), Arc::new(Mosaics::new(self.0.clone())))
    }

    /// The word of a listing that was cut; not where the path itself asked for the cut.
    fn truncated(&self) -> Option<Entry> {
        let listing = self.0.source.live_listing(&self.0.selection())?;
        match listing.end()? {
            End::Cut(why) if self.0.view.max_items.is_none() => Some(truncated(&self.0, &why)),
            End::Cut(_) | End::All => None,
        }
    }

    /// Whether an item that was asked for by name belongs here.
    fn admits(&self, item: &NamedItem) -> Result<bool, Error> {
        let on_day = self.0.day.is_none_or(|day| stands_on(&item.item, day));
        Ok(on_day && self.0.query.matches(&item.item)?)
    }

    fn met(&self, item: Option<Arc<NamedItem>>) -> Result<Option<ItemRef>, Error> {
        match item {
            Some(item) if self.admits(&item)? => {
                Ok(Some(ItemRef::met(&self.0.source, &self.collection_id(), &item)))
            }
            Some(_) | None => Ok(None),
        }
    }

    fn listed(&self, name: &str) -> Option<ItemRef> {
        let feed = self.0.source.live_listing(&self.0.selection())?;
        let row = feed.find(name)?;
        Some(ItemRef::listed(&self.0.source, &self.collection_id(), row, &Arc::downgrade(&feed)))
    }

    /// The item of a directory's name, where that is known without a request; `None` where a worker must ask.
    pub fn known_item(&self, name: &str) -> Option<Result<Option<ItemRef>, Error>> {
        if let Some(item) = self.listed(name) {
            return Some(Ok(Some(item)));
        }
        if self.is_guess(name) {
            return Some(Ok(None));
        }
        match unescape(name, Of::Item) {
            Some(id) => Some(self.met(self.0.source.known_item(self.0.collection.id(), &id)?)),
            None if names::is_shortened(name) => None,
            None => Some(Ok(None)),
        }
    }

    /// The item of a directory's name. May wait for the network.
    pub fn item(&self, name: &str) -> Result<Option<ItemRef>, Error> {
        if let Some(known) = self.known_item(name) {
            return known;
        }
        match unescape(name, Of::Item) {
            Some(id) => self.met(self.0.source.item(self.0.collection.id(), &id)?),
            None => {
                // Only a listing knows which id a shortened name stands for.
                self.0.source.listing(&self.0.selection()).read_all()?;
                Ok(self.listed(name))
            }
        }
    }

    /// Whether no server is asked for a name. GDAL looks for the directory's own, as XML.
    fn is_guess(&self, name: &str) -> bool {
        let own = format!("{}.xml", self.0.collection.id());
        never_asked(name) || name.eq_ignore_ascii_case(&own)
    }

    fn found(&self, name: &str, item: Option<ItemRef>) -> Found {
        match item {
            Some(item) => {
                Found::Entry(item_directory::entry(name.to_owned(), item, Arc::new(self.0.view.clone())))
            }
            // A name that no server is asked for stays absent; another may come.
            None if self.is_guess(name) => self.absent(),
            None => Found::Absent(self.0.source.absent_lifetime()),
        }
    }

    fn segment(&self, name: &str) -> Result<Found, Error> {
        let segment = Segment::parse(name, &*self.0.source.services.areas)?;
        let directory = SearchDirectory::new(self.0.with(segment));
        Ok(Found::Entry(self.0.entry(OsStr::new(name), Arc::new(directory))))
    }
}

/// `TRUNCATED.txt`: how many, and how to see the others.
fn truncated(scope: &Scope, why: &str) -> Entry {
    let text = format!(
        "This listing was cut. {why}\n\n\
         Narrow it with a search below this directory, e.g. bbox=…/ or datetime=2018-01/, go by date in by-date/,\n\
         or raise the limit: max_items=N/ in the path (0 is no limit), max_items or max_scan in the configuration.\n\
         The number of all that match is in count.\n"
    );
    Generated::fixed(text, scope.modified(), scope.source.lifetime()).entry("TRUNCATED.txt")
}

impl Directory for SearchDirectory {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.0.modified(), lifetime: self.0.source.lifetime() }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        let Some(name) = name.to_str() else { return Some(Ok(self.absent())) };
        if let Some(found) = self.reserved(name) {
            return Some(Ok(found));
        }
        if is_segment(name) {
            return Some(self.segment(name));
        }
        Some(self.known_item(name)?.map(|item| self.found(name, item)))
    }

    fn ask(&self, name: &OsStr) -> Result<Found, Error> {
        let Some(name) = name.to_str() else { return Ok(self.absent()) };
        Ok(self.found(name, self.item(name)?))
    }

    fn list(&self) -> Arc<dyn Listing> {
        let mut front = if self.0.day.is_none() { vec![self.collection_json()] } else { Vec::new() };
        if self.0.source.services.derived == Derived::Listed {
            front.extend([self.layer(), self.mosaics()]);
        }
        let feed = self.0.source.listing(&self.0.selection());
        let (source, collection, view) = (Arc::clone(&self.0.source), self.collection_id(), self.view());
        let rows = Arc::downgrade(&feed);
        let listing = Fed::new(front, feed, move |row: &super::rows::ItemRow| {
            let name = names::escape(&row.id, Of::Item);
            let item = ItemRef::listed(&source, &collection, row.clone(), &rows);
            item_directory::entry(name, item, Arc::clone(&view))
        });
        if self.0.view.max_items.is_some() {
            return Arc::new(listing);
        }
        let scope = self.0.clone();
        Arc::new(listing.with_word(move |why| truncated(&scope, why)))
    }

    fn xattrs(&self) -> Vec<(String, Vec<u8>)> {
        xattrs::of_selection(&self.0.source, &self.0.selection())
    }
}
