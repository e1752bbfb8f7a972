//! A source: its collections and child catalogues, as they stand or narrowed.

use std::ffi::OsStr;
use std::sync::Arc;

use super::feed::{End, Feed, Named};
use super::generated::{Fed, Generated};
use super::names::{self, Of, never_asked, unescape};
use super::readme;
use super::rows::{CollectionRow, Narrowed};
use super::search_directory::{Scope, SearchDirectory};
use super::source::{Selection, Source};
use super::xattrs;
use super::{Attributes, Desk, Directory, Entry, Error, Found, Listing};
use crate::item::Collection;
use crate::query::{Query, Segment, View, is_segment};

/// The directory of a source or of a child catalogue: collections, narrowed by what the path says so far.
#[derive(Clone)]
pub struct SourceDirectory {
    source: Arc<Source>,
    query: Query,
    view: View,
}

impl SourceDirectory {
    /// A source, narrowed by the path above it.
    pub fn new(source: Arc<Source>, query: Query, view: View) -> SourceDirectory {
        SourceDirectory { source, query, view }
    }

    /// How many of its items match.
    pub fn selection(&self) -> Selection {
        Selection {
            collection: None,
            query: self.query.clone(),
            sortby: Vec::new(),
            max_items: None,
            day: None,
        }
    }

    /// The source.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    fn absent(&self) -> Found {
        Found::Absent(self.source.lifetime())
    }

    /// The collections that the query can meet. Nothing is asked for before it is read.
    fn feed(&self) -> Arc<Feed<CollectionRow>> {
        let whole = self.source.collections();
        if self.query.predicates().is_empty() {
            return whole;
        }
        let query = self.query.clone();
        Arc::new(Feed::new(Box::new(Narrowed::new(
            whole,
            Box::new(move |row| row.collection().is_none_or(|collection| query.may_be_in(collection))),
        ))))
    }

    fn row_entry(&self, row: &CollectionRow) -> Entry {
        let directory: Arc<dyn Directory> = match row {
            CollectionRow::Collection(collection) => Arc::new(self.search(Arc::clone(collection))),
            CollectionRow::Child(child) => {
                let source = self.source.child(&child.id, Arc::clone(&child.catalog));
                Arc::new(SourceDirectory::new(source, self.query.clone(), self.view.clone()))
            }
        };
        self.entry(OsStr::new(&row.name()), directory)
    }

    fn search(&self, collection: Arc<Collection>) -> SearchDirectory {
        let (source, query, view) = (Arc::clone(&self.source), self.query.clone(), self.view.clone());
        SearchDirectory::new(Scope { source, collection, query, view, day: None })
    }

    fn entry(&self, name: &OsStr, directory: Arc<dyn Directory>) -> Entry {
        Entry::directory(name, directory, self.source.lifetime())
    }

    fn reserved(&self, name: &str) -> Option<Found> {
        match name {
            "README.md" => Some(Found::Entry(self.readme())),
            "count" => Some(Found::Entry(self.count())),
            // Orders have nothing to do with a search.
            "espa" if self.query.predicates().is_empty() => {
                let desk = self.source.desk.as_ref();
                Some(desk.map_or_else(|| self.absent(), |desk| Found::Entry(desk.entry())))
            }
            "espa" | ".stacfs" => Some(self.absent()),
            _ => None,
        }
    }

    fn readme(&self) -> Entry {
        let (modified, lifetime) = (self.source.services.mounted, self.source.lifetime());
        let feed = self.source.collections();
        let espa = self.source.desk.as_ref().map_or("", |_| readme::ESPA);
        if feed.end() == Some(End::All) {
            let text = readme::of_source(&self.source.name, &feed.rows()) + espa;
            return Generated::fixed(text, modified, lifetime).entry("README.md");
        }
        let name = self.source.name.clone();
        let text = move || {
            feed.read_all()?;
            Ok((readme::of_source(&name, &feed.rows()) + espa).into_bytes())
        };
        Generated::asked(modified, lifetime, text).entry("README.md")
    }

    fn count(&self) -> Entry {
        let (source, selection) = (Arc::clone(&self.source), self.selection());
        let text = move || Ok(format!("{}\n", source.count(&selection)?).into_bytes());
        Generated::asked(self.source.services.mounted, self.source.lifetime(), text).entry("count")
    }

    fn segment(&self, name: &str) -> Result<Found, Error> {
        let (query, view) = narrow(&self.query, &self.view, name, &self.source)?;
        let directory = SourceDirectory::new(Arc::clone(&self.source), query, view);
        Ok(Found::Entry(self.entry(OsStr::new(name), Arc::new(directory))))
    }

    fn listed(&self, name: &str) -> Option<Found> {
        self.source.collections().find(name).map(|row| Found::Entry(self.row_entry(&row)))
    }
}

/// A query and view with one more segment.
pub fn narrow(query: &Query, view: &View, segment: &str, source: &Source) -> Result<(Query, View), Error> {
    Ok(match Segment::parse(segment, &*source.services.areas)? {
        Segment::Predicate(predicate) => (query.and(predicate), view.clone()),
        Segment::View(option) => (query.clone(), view.with(option)),
    })
}

impl Directory for SourceDirectory {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.source.services.mounted, lifetime: self.source.lifetime() }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        let Some(name) = name.to_str() else { return Some(Ok(self.absent())) };
        if let Some(found) = self.reserved(name) {
            return Some(Ok(found));
        }
        if is_segment(name) {
            return Some(self.segment(name));
        }
        if let Some(found) = self.listed(name) {
            return Some(Ok(found));
        }
        match unescape(name, Of::Collection) {
            _ if never_asked(name) => Some(Ok(self.absent())),
            Some(id) => {
                let collection = self.source.known_collection(name, &id)??;
                Some(Ok(Found::Entry(self.entry(OsStr::new(name), Arc::new(self.search(collection))))))
            }
            None if names::is_shortened(name) => None,
            None => Some(Ok(self.absent())),
        }
    }

    fn ask(&self, name: &OsStr) -> Result<Found, Error> {
        let Some(name) = name.to_str() else { return Ok(self.absent()) };
        let Some(id) = unescape(name, Of::Collection) else {
            self.source.collections().read_all()?;
            return Ok(self.listed(name).unwrap_or(Found::Absent(self.source.absent_lifetime())));
        };
        if let Some(collection) = self.source.collection(name, &id)? {
            return Ok(Found::Entry(self.entry(OsStr::new(name), Arc::new(self.search(collection)))));
        }
        // A child catalogue is no collection: only the listing knows it.
        self.source.collections().read_all()?;
        Ok(self.listed(name).unwrap_or(Found::Absent(self.source.absent_lifetime())))
    }

    fn list(&self) -> Arc<dyn Listing> {
        let this = self.clone();
        let desk = self.source.desk.as_ref().filter(|_| self.query.predicates().is_empty());
        let front = std::iter::once(self.readme()).chain(desk.map(Desk::entry)).collect();
        Arc::new(Fed::new(front, self.feed(), move |row: &CollectionRow| this.row_entry(row)))
    }

    fn xattrs(&self) -> Vec<(String, Vec<u8>)> {
        xattrs::of_selection(&self.source, &self.selection())
    }
}
