//! A static catalogue: JSON files that link to each other, with no server behind that could search.
//!
//! Its collections are the Collections that the catalogue links to; all that is below one of them is of it.
//! Catalogs that it links to are children. Items that it links to itself stand in a collection of its name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::json;
use url::Url;

use super::super::{
    Catalog, Child, Count, Depth, Description, Error, Page, Pages, Queryable, Search, absent,
};
use super::api::is_absent;
use super::node::{Leaf, Node, Place, Rank};
use super::opening::Opening;
use super::parallel::{each, is_passing};
use super::site::{Remembered, Site, Text};
use super::sorted::Sorted;
use super::together::{Part, Together};
use super::walk::{Walk, fetch_item};
use crate::content::Origin;
use crate::http::shown;
use crate::item::{Asset, Collection, Item};
use crate::query::{Evaluator, Predicate, Query};
use crate::report::lock;

/// Collections whose items' places are remembered at once.
const MOST_REGISTERS: usize = 64;

/// A static catalogue, or a static collection.
pub(super) struct StaticCatalog(Arc<Files>);

/// What is known of the files of a catalogue.
pub(super) struct Files {
    pub(super) site: Site,
    root: Remembered<Node>,
    members: Remembered<Members>,
    registers: Mutex<HashMap<String, Arc<Register>>>,
}

/// What stands directly in a catalogue.
struct Members {
    shelves: Vec<Arc<Shelf>>,
    children: Vec<(String, Url)>,
}

/// A collection, and where its items are.
pub(super) struct Shelf {
    pub(super) collection: Collection,
    /// The document that tells of it, so that nothing leads back to it.
    pub(super) url: Url,
    pub(super) places: Vec<Place>,
}

/// Where each item of a collection is: what a walk through all of it has found.
struct Register {
    at: Instant,
    items: HashMap<String, Url>,
}

impl StaticCatalog {
    /// A catalogue whose own document was just fetched.
    pub(super) fn new(site: Site, document: Text) -> Result<StaticCatalog, Error> {
        let root = Remembered::of(Node::of(document)?);
        Ok(StaticCatalog(Arc::new(Files {
            site,
            root,
            members: Remembered::default(),
            registers: Mutex::default(),
        })))
    }
}

impl Files {
    fn root(&self) -> Result<Arc<Node>, Error> {
        self.root.get(self.site.lifetime, || Node::fetch(&self.site, &self.site.url))
    }

    fn members(&self) -> Result<Arc<Members>, Error> {
        self.members.get(self.site.lifetime, || {
            let root = self.root()?;
            match root.rank {
                Rank::Collection => {
                    let shelves = Vec::from_iter(shelf(&self.site, &root)?.map(Arc::new));
                    Ok(Members { shelves, children: Vec::new() })
                }
                _ => self.look_around(&root),
            }
        })
    }

    /// Asks for everything that a catalogue links to, to see what it is.
    fn look_around(&self, root: &Node) -> Result<Members, Error> {
        let (mut urls, mut loose) = (Vec::new(), Vec::new());
        for place in root.places(&self.site) {
            match place {
                Place::Node(url) if self.site.leads_back(&url) || url == root.url => {}
                Place::Node(url) if urls.contains(&url) => {}
                Place::Node(url) => urls.push(url),
                Place::Item(_) => loose.push(place),
            }
        }
        let mut members = Members { shelves: Vec::new(), children: Vec::new() };
        let mut unusable = Vec::new();
        for (url, node) in urls.iter().zip(each(&urls, |url| Node::fetch(&self.site, url))) {
            match node.and_then(|node| Ok((shelf(&self.site, &node)?, node))) {
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => unusable.push(error.to_string()),
                Ok((_, node)) if members.has(&node.id) => {
                    unusable.push(format!("{} is a second {}", shown(url), node.id));
                }
                Ok((Some(shelf), _)) => members.shelves.push(Arc::new(shelf)),
                // A redirect may lead back, too.
                Ok((None, node)) if self.site.leads_back(&node.url) => {}
                Ok((None, node)) => members.children.push((node.id, url.clone())),
            }
        }
        if !loose.is_empty() {
            members.shelves.push(Arc::new(loose_items(root, loose, &members)?));
        }
        self.site.note_unusable("documents", &unusable);
        Ok(members)
    }

    /// A collection by id.
    pub(super) fn shelf(&self, id: &str) -> Result<Option<Arc<Shelf>>, Error> {
        let members = self.members()?;
        Ok(members.shelves.iter().find(|shelf| shelf.collection.id() == id).map(Arc::clone))
    }

    /// The ids of all collections.
    pub(super) fn ids(&self) -> Result<Vec<String>, Error> {
        Ok(self.members()?.shelves.iter().map(|shelf| shelf.collection.id().to_owned()).collect())
    }

    /// Keeps where all items of a collection are.
    pub(super) fn walked(&self, collection: &str, items: HashMap<String, Url>) {
        let mut registers = lock(&self.registers);
        if registers.len() >= MOST_REGISTERS {
            registers.clear();
        }
        registers.insert(collection.to_owned(), Arc::new(Register { at: Instant::now(), items }));
    }

    fn register(&self, collection: &str) -> Option<Arc<Register>> {
        let known = lock(&self.registers).get(collection).map(Arc::clone)?;
        (known.at.elapsed() <= self.site.lifetime).then_some(known)
    }

    /// An item where a link says that it is; `None` where it is not there, or is another one.
    fn item_at(&self, url: &Url, id: &str) -> Result<Option<Item>, Error> {
        match fetch_item(&self.site, url) {
            Ok(item) => Ok((item.id() == id).then_some(item)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Members {
    fn has(&self, id: &str) -> bool {
        self.shelves.iter().any(|shelf| shelf.collection.id() == id)
            || self.children.iter().any(|(child, _)| child == id)
    }
}

/// The collection that a node is; `None` where it is none.
fn shelf(site: &Site, node: &Node) -> Result<Option<Shelf>, Error> {
    if node.rank != Rank::Collection {
        return Ok(None);
    }
    let wrong = |why: String| Error::NotStac { url: shown(&node.url), why };
    let collection = Collection::from_json(&node.text).map_err(|error| wrong(error.to_string()))?;
    Ok(Some(Shelf { collection, url: node.url.clone(), places: node.places(site) }))
}

/// The items that a catalogue links to itself, as a collection of its name.
fn loose_items(root: &Node, places: Vec<Place>, members: &Members) -> Result<Shelf, Error> {
    let id = match members.has(&root.id) {
        true => format!("{}-items", root.id),
        false => root.id.clone(),
    };
    let document = json!({
        "type": "Collection", "stac_version": "1.0.0", "id": id,
        "description": format!("The items that the catalogue {} links to itself.", root.id),
        "license": "other", "links": [],
        "extent": { "spatial": { "bbox": [[-180, -90, 180, 90]] }, "temporal": { "interval": [[null, null]] } },
    });
    let collection = Collection::from_json(&document.to_string())
        .map_err(|error| Error::NotStac { url: shown(&root.url), why: error.to_string() })?;
    Ok(Shelf { collection, url: root.url.clone(), places })
}

impl StaticCatalog {
    /// A search here and in all catalogues below.
    fn everywhere(&self, search: &Search) -> Together {
        let (files, search) = (Arc::clone(&self.0), search.clone());
        Together::new(Box::new(move || {
            let mut parts: Vec<Part> = vec![Box::new(Walk::new(Arc::clone(&files), &search)?)];
            for child in StaticCatalog(Arc::clone(&files)).children()? {
                parts.push(child.catalog.search(&search)?);
            }
            Ok(parts)
        }))
    }
}

/// Everything in one page.
pub(super) struct Once<T>(Option<Vec<T>>);

impl<T> Once<T> {
    pub(super) fn new(members: Vec<T>) -> Once<T> {
        Once(Some(members))
    }
}

impl<T: Send> Pages<T> for Once<T> {
    fn next_page(&mut self) -> Result<Option<Page<T>>, Error> {
        let Some(members) = self.0.take() else { return Ok(None) };
        let count = members.len() as u64;
        Ok(Some(Page { members, matched: Some(count), scanned: count, depth: Depth::Whole }))
    }
}

impl Catalog for StaticCatalog {
    fn describe(&self) -> Result<Description, Error> {
        let root = self.0.root()?;
        let title = Some(root.words("title")).filter(|title| !title.is_empty());
        let facts = [("search", "here, on every item"), ("page size", "one file per item")];
        Ok(Description {
            title: title.unwrap_or(&root.id).to_owned(),
            text: root.words("description").to_owned(),
            kind: match root.rank {
                Rank::Collection => "static STAC collection",
                _ => "static STAC catalogue",
            },
            url: shown(&root.url),
            facts: facts.map(|(name, fact)| (name.to_owned(), fact.to_owned())).into(),
        })
    }

    fn collections(&self) -> Result<Box<dyn Pages<Collection>>, Error> {
        let members = self.0.members()?;
        Ok(Box::new(Once::new(members.shelves.iter().map(|shelf| shelf.collection.clone()).collect())))
    }

    fn collection(&self, id: &str) -> Result<Option<Collection>, Error> {
        if let Some(shelf) = self.0.shelf(id)? {
            return Ok(Some(shelf.collection.clone()));
        }
        absent(id, self.0.ids()?.iter().map(String::as_str))
    }

    fn children(&self) -> Result<Vec<Child>, Error> {
        let (root, members) = (self.0.root()?, self.0.members()?);
        let child = |(id, url): &(String, Url)| {
            let site = self.0.site.below(id, url.clone(), &root.url);
            Child { id: id.clone(), catalog: Arc::new(Opening::new(site)) }
        };
        Ok(members.children.iter().map(child).collect())
    }

    fn search(&self, search: &Search) -> Result<Box<dyn Pages<Item>>, Error> {
        let walk = Walk::new(Arc::clone(&self.0), search)?;
        let (order, most) = (search.sortby.clone(), self.0.site.max_scan);
        Ok(match (&search.collection, order.is_empty()) {
            (Some(_), true) => Box::new(walk),
            (Some(_), false) => Box::new(Sorted::new(walk, order, most)),
            (None, true) => Box::new(self.everywhere(search)),
            (None, false) => Box::new(Sorted::new(self.everywhere(search), order, most)),
        })
    }

    /// One request where a link tells the item, else a walk, which finds out where all items are.
    fn item(&self, collection: &str, id: &str) -> Result<Option<Item>, Error> {
        let Some(shelf) = self.0.shelf(collection)? else { return Ok(None) };
        if let Some(register) = self.0.register(collection) {
            return match register.items.get(id) {
                Some(url) => self.0.item_at(url, id),
                None => Ok(None),
            };
        }
        let leaves = shelf.places.iter().filter_map(|place| match place {
            Place::Item(leaf) => Some(leaf),
            Place::Node(_) => None,
        });
        for Leaf { url, .. } in leaves.filter(|leaf| leaf.may_be(id)) {
            if let Some(item) = self.0.item_at(url, id)? {
                return Ok(Some(item));
            }
        }
        let search = Search {
            collection: Some(collection.to_owned()),
            query: Query::from_iter([Predicate::Ids([id.to_owned()].into())]),
            sortby: Vec::new(),
            wanted: None,
            depth: Depth::Whole,
        };
        let mut walk = Walk::new(Arc::clone(&self.0), &search)?;
        let mut found = None;
        while let Some(page) = walk.next_page()? {
            found = found.or(page.members.into_iter().next());
        }
        Ok(found)
    }

    fn count(&self, _: &Search) -> Result<Count, Error> {
        Ok(Count::Unknown)
    }

    fn queryables(&self, _: &str) -> Result<BTreeMap<String, Queryable>, Error> {
        Ok(BTreeMap::new())
    }

    fn origin(&self, item: &Item, asset: &Asset) -> Result<Option<Arc<dyn Origin>>, Error> {
        Ok(self.0.site.origin(item, asset, item_url(item).as_ref()))
    }

    /// The collection's own: a search is evaluated here.
    fn address(&self, search: &Search) -> Option<String> {
        let Some(id) = &search.collection else { return Some(shown(&self.0.site.url)) };
        let members = self.0.members.known()?;
        let shelf = members.shelves.iter().find(|shelf| shelf.collection.id() == id)?;
        Some(shown(&shelf.url))
    }

    fn explain(&self, search: &Search) -> Result<Vec<String>, Error> {
        Evaluator::new(&search.query)?;
        let members = self.0.members()?;
        let asked =
            |shelf: &&Arc<Shelf>| search.collection.as_deref().is_none_or(|id| id == shelf.collection.id());
        let mut lines = Vec::new();
        for shelf in members.shelves.iter().filter(asked) {
            let url = shown(&shelf.url);
            lines.push(match search.query.may_be_in(&shelf.collection) {
                true => format!("GET every item that {url} leads to; those met before are remembered"),
                false => format!("no request: the extent of {url} excludes it"),
            });
        }
        lines.extend(search.query.segments().iter().map(|segment| format!("here, on every item: {segment}")));
        Ok(lines)
    }
}

/// What an item's relative hrefs start from: where it was found, else where it says that it is.
pub(super) fn item_url(item: &Item) -> Option<Url> {
    let own = || item.links().into_iter().find(|link| link.rel == "self");
    let base = item.base().map(|base| base.as_ref().clone());
    base.or_else(|| Url::parse(&own()?.href).ok())
}
