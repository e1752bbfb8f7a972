//! Catalogues: where collections and items come from.
//!
//! In: a [`Search`] (a query in the path language, cut to one collection). Out: [`Collection`]s and [`Item`]s
//! page by page, counts, and for each asset the [`Origin`] of its bytes. One trait, [`Catalog`], is all that
//! `tree` knows; `stac/` implements it for APIs, static catalogues and files, `usgs/` for M2M.
//!
//! What a server cannot evaluate is evaluated here, on its results, and said in a note to `report`. What a
//! server leaves out cannot be added. Nothing here caches listings (that is `tree`'s) or bytes
//! (`content`'s); documents that seldom change (landing page, queryables) are remembered with a lifetime.

mod error;
pub mod library;
mod remembered;
pub mod stac;
pub mod usgs;

use error::absent;

pub use error::Error;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::content::Origin;
use crate::item::{Asset, Collection, Item};
use crate::query::{FieldOrder, Query};

/// A search for items: what to send to a server, or to evaluate here.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The collection to search in; `None` is all of the catalogue's.
    pub collection: Option<String>,
    /// The conditions.
    pub query: Query,
    /// The order wanted; empty is the server's own.
    pub sortby: Vec<FieldOrder>,
    /// How many are wanted at most, where the path says: a hint for the size of pages, never a cut.
    pub wanted: Option<u64>,
    /// How much of each item is wanted. A catalogue may give more, and says in [`Page::depth`] what it gave.
    pub depth: Depth,
}

/// How much of an item a page brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Depth {
    /// What a listing shows: id, collection, times. The cheap way to list: 200 bytes, not nine thousand.
    Outline,
    /// All of it, as the server keeps it.
    Whole,
}

/// One page of a listing.
#[derive(Debug)]
pub struct Page<T> {
    /// The members that meet the search, in order. May be empty while more pages follow.
    pub members: Vec<T>,
    /// How many match in all, where the server says so and nothing is filtered here.
    pub matched: Option<u64>,
    /// How many were read to make this page, those filtered out here included.
    pub scanned: u64,
    /// How much of each member this is. Of outlines [`Catalog::items`] gives the rest, when somebody looks.
    pub depth: Depth,
}

/// Pages of a listing, one after another.
pub trait Pages<T>: Send {
    /// The next page, or `None` after the last. One call makes one request, where the server plays by the
    /// rules. An error moves nothing: the next call asks for the same page again.
    fn next_page(&mut self) -> Result<Option<Page<T>>, Error>;
}

/// A number of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Exactly so many, or as many as the server estimates.
    Matched(u64),
    /// The server does not count: the caller lists, and counts that.
    Unknown,
}

/// What a property of a collection's items may be: one entry of its queryables.
#[derive(Debug, Clone, PartialEq)]
pub struct Queryable {
    /// `string`, `number`, `integer`, `boolean`, …: the JSON Schema type, where given.
    pub kind: Option<String>,
    /// A title or description for people.
    pub title: Option<String>,
    /// The schema as the server gave it: `enum`, `minimum`, `maximum`, `format`.
    pub schema: serde_json::Value,
}

/// What a catalogue says of itself.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// Title for people, else the id.
    pub title: String,
    /// Free text, often Markdown; may be empty.
    pub text: String,
    /// `STAC API`, `static STAC catalogue`, `ItemCollection`, `USGS M2M`, …
    pub kind: &'static str,
    /// Where it is, without secrets.
    pub url: String,
    /// What works how: `search: GET`, `filter: here`, … for `status`, `check` and `explain`.
    pub facts: BTreeMap<String, String>,
}

/// A catalogue below another: stands as a directory beside its parent's collections.
pub struct Child {
    /// Its id: the name of its directory, before escaping.
    pub id: String,
    /// The catalogue itself; not yet asked for anything.
    pub catalog: Arc<dyn Catalog>,
}

/// A source of collections and items.
///
/// Calls block on the network; the callers are workers that may wait. Every call may fail with
/// [`Error`]; "not there" is `Ok(None)`, and is said only when the source said so.
pub trait Catalog: Send + Sync {
    /// What it says of itself. One request at most, then remembered.
    fn describe(&self) -> Result<Description, Error>;

    /// All collections, page by page, in the server's order.
    fn collections(&self) -> Result<Box<dyn Pages<Collection>>, Error>;

    /// One collection by id, whether or not the listing has it.
    fn collection(&self, id: &str) -> Result<Option<Collection>, Error>;

    /// Child catalogues. Most sources have none.
    fn children(&self) -> Result<Vec<Child>, Error> {
        Ok(Vec::new())
    }

    /// Items that meet a search, page by page, each (collection, id) once. No request is made before the
    /// first page is asked for. Fails at once with [`Error::Query`] where the search can be evaluated
    /// neither there nor here.
    fn search(&self, search: &Search) -> Result<Box<dyn Pages<Item>>, Error>;

    /// One item by collection and id: one request. It says nothing of any query.
    fn item(&self, collection: &str, id: &str) -> Result<Option<Item>, Error>;

    /// Several items of a collection, whole, by id: as few requests as the server allows. Those that are not
    /// there are left out; the order is any.
    fn items(&self, collection: &str, ids: &[&str]) -> Result<Vec<Item>, Error> {
        let items = ids.iter().map(|id| self.item(collection, id));
        items.filter_map(Result::transpose).collect()
    }

    /// How many items meet a search: one request at most.
    fn count(&self, search: &Search) -> Result<Count, Error>;

    /// The properties that items of a collection may be asked for, by name. Empty where the server does not
    /// say. One request at most, then remembered.
    fn queryables(&self, collection: &str) -> Result<BTreeMap<String, Queryable>, Error>;

    /// Where the bytes of an asset are to be had. Makes no request. `None` for an asset without an href.
    fn origin(&self, item: &Item, asset: &Asset) -> Result<Option<Arc<dyn Origin>>, Error>;

    /// Names of further documents that each item has in its directory: found by name, and asked for when they
    /// are read.
    fn documents(&self) -> &'static [&'static str] {
        &[]
    }

    /// One of these documents. One request. `None` where the source has it no more.
    fn document(&self, item: &Item, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let _ = (item, name);
        Ok(None)
    }

    /// Where a browser finds what a search matches, without secrets. Makes no request: `None` where there is no
    /// such URL, or it is not known yet.
    fn address(&self, search: &Search) -> Option<String> {
        let _ = search;
        None
    }

    /// Ends what was begun at the server, at the end of a mount: logs out, takes wishes off a queue. Best effort.
    fn leave(&self) {}

    /// The requests a search would make, as `METHOD URL` lines with bodies, for `stacfs explain`.
    fn explain(&self, search: &Search) -> Result<Vec<String>, Error>;
}
