//! What was made of listings, kept as long as they are live.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use lru::LruCache;

use super::survey::Survey;
use crate::catalog::Depth;
use crate::content::{Object, RasterHeader};
use crate::item::Item;
use crate::report::{Turns, lock};
use crate::tree::Error;
use crate::tree::feed::Feed;
use crate::tree::generated::Written;
use crate::tree::rows::ItemRow;
use crate::tree::source::{ListingKey, Selection, Source};

/// Derived files kept on disk per source.
const FILES: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// Whole listings, and what mosaics they make, kept per source.
const LISTINGS: NonZeroUsize = NonZeroUsize::new(16).unwrap();
/// Headers of rasters kept per source: some 300 bytes each.
const HEADERS: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

type Items = Arc<Feed<ItemRow>>;
/// Which listing, and the name of what was made of it.
type FileKey = (ListingKey, String);
/// A header, and the generation of the object it is of; `None` where the file has none that can be read.
type Header = (u64, Option<Arc<RasterHeader>>);

/// What a source keeps of what was made of its listings. Each with the listing it was made of: another listing
/// makes another.
pub struct Shelf {
    whole: Mutex<LruCache<ListingKey, (Items, Items)>>,
    surveys: Mutex<LruCache<ListingKey, (Items, Arc<Survey>)>>,
    files: Mutex<LruCache<FileKey, (Items, Written)>>,
    headers: Mutex<LruCache<String, Header>>,
    writing: Turns<FileKey>,
}

impl Default for Shelf {
    fn default() -> Shelf {
        Shelf {
            whole: Mutex::new(LruCache::new(LISTINGS)),
            surveys: Mutex::new(LruCache::new(LISTINGS)),
            files: Mutex::new(LruCache::new(FILES)),
            headers: Mutex::new(LruCache::new(HEADERS)),
            writing: Turns::default(),
        }
    }
}

impl Source {
    /// The listing of a selection with whole items: the live one, or, where that is of outlines, another read of
    /// the same. Reads its first page.
    pub fn whole_listing(self: &Arc<Self>, selection: &Selection) -> Result<Items, Error> {
        let listed = self.listing(selection);
        let outlined = listed.read(0, 1)?.first().is_some_and(|row| row.depth == Depth::Outline);
        if !outlined {
            return Ok(listed);
        }
        let key = self.listing_key(selection);
        let mut kept = lock(&self.shelf.whole);
        if let Some((_, whole)) = kept.get(&key).filter(|(of, _)| Arc::ptr_eq(of, &listed)) {
            return Ok(Arc::clone(whole));
        }
        let whole = self.feed(selection, Depth::Whole);
        kept.put(key, (listed, Arc::clone(&whole)));
        Ok(whole)
    }

    /// The item of a row of a whole listing; asked for again where its text could not be kept.
    pub fn item_of(&self, selection: &Selection, row: &ItemRow) -> Result<Item, Error> {
        if let Some(item) = row.item().filter(|_| row.depth == Depth::Whole) {
            return Ok(item);
        }
        let collection = selection.collection.as_deref().unwrap_or_default();
        let gone = || Error::Vanished(format!("{collection}/{}", row.id));
        self.catalog.item(collection, &row.id)?.ok_or_else(gone)
    }

    /// A derived file, where it was made of the listing that is live.
    pub fn known_file(&self, selection: &Selection, name: &str) -> Option<Written> {
        let listed = self.live_listing(selection)?;
        let mut files = lock(&self.shelf.files);
        let key = (self.listing_key(selection), name.to_owned());
        files.get(&key).filter(|(of, _)| Arc::ptr_eq(of, &listed)).map(|(_, written)| written.clone())
    }

    /// A derived file: known, or written now. Who asks meanwhile waits for it.
    pub fn derived_file(
        self: &Arc<Self>,
        selection: &Selection,
        name: &str,
        write: impl FnOnce() -> Result<Written, Error>,
    ) -> Result<Written, Error> {
        let key = (self.listing_key(selection), name.to_owned());
        self.shelf.writing.run(&key, || {
            if let Some(known) = self.known_file(selection, name) {
                return Ok(known);
            }
            let listed = self.listing(selection);
            let written = write()?;
            lock(&self.shelf.files).put(key.clone(), (listed, written.clone()));
            Ok(written)
        })
    }

    /// Which mosaics a listing makes, where that is known.
    pub fn known_survey(&self, selection: &Selection) -> Option<Arc<Survey>> {
        let listed = self.live_listing(selection)?;
        let mut surveys = lock(&self.shelf.surveys);
        let survey = surveys.get(&self.listing_key(selection));
        survey.filter(|(of, _)| Arc::ptr_eq(of, &listed)).map(|(_, survey)| Arc::clone(survey))
    }

    /// Which mosaics a listing makes. Reads all of it.
    pub fn survey(self: &Arc<Self>, selection: &Selection) -> Result<Arc<Survey>, Error> {
        let key = (self.listing_key(selection), String::new());
        self.shelf.writing.run(&key, || {
            if let Some(known) = self.known_survey(selection) {
                return Ok(known);
            }
            let listed = self.listing(selection);
            let survey = Arc::new(Survey::of(self, selection)?);
            lock(&self.shelf.surveys).put(key.0.clone(), (listed, Arc::clone(&survey)));
            Ok(survey)
        })
    }

    /// The header of a raster: remembered, or read.
    pub fn raster_header(&self, object: &Object) -> Result<Option<Arc<RasterHeader>>, Error> {
        let content = &self.services.content;
        let identity = object.origin.identity();
        let known = lock(&self.shelf.headers).get(identity).cloned();
        if let Some((_, header)) = known.filter(|(of, _)| *of == content.generation(identity)) {
            return Ok(header);
        }
        let header = content.raster_header(object)?.map(Arc::new);
        let kept = (content.generation(identity), header.clone());
        lock(&self.shelf.headers).put(identity.to_owned(), kept);
        Ok(header)
    }
}
