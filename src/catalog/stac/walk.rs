//! A walk through the items of a static catalogue: from link to link, many at once, in the catalogue's order.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;
use url::Url;

use super::super::{Depth, Error, Page, Pages, Search};
use super::node::{Leaf, Node, Place, Rank};
use super::parallel::{AT_ONCE, each, is_passing};
use super::plan::Order;
use super::site::Site;
use super::sorted::Ordered;
use super::static_catalog::{Files, Shelf};
use super::unknown;
use crate::http::shown;
use crate::item::{Collection, Item};
use crate::query::{Evaluator, Query};

/// Items per page: enough that the slowest of them does not hold up the others for long.
const PAGE: usize = 8 * AT_ONCE;

/// Nodes below each other; names that grow with every step would lead on for ever.
const DEEPEST: usize = 64;

/// The items of a static catalogue that meet a search.
pub(super) struct Walk {
    files: Arc<Files>,
    query: Query,
    evaluator: Evaluator,
    /// Most items of a page.
    page: usize,
    /// The collection asked for; `None` where all are.
    collection: Option<String>,
    /// Collections still to be walked; `None` before the first page.
    shelves: Option<VecDeque<Arc<Shelf>>>,
    way: Option<Way>,
    found: u64,
    /// The properties that items have, where the search asks for some.
    properties: BTreeSet<String>,
}

/// The way through one collection.
struct Way {
    collection: String,
    evaluator: Evaluator,
    /// What lies ahead, in the catalogue's order.
    ahead: VecDeque<Step>,
    /// Nodes met: a link back to one of them leads nowhere.
    nodes: HashSet<Url>,
    /// Where each item is that was met.
    items: HashMap<String, Url>,
    /// Whether nothing was left out on the way.
    complete: bool,
}

/// A place, and how many nodes are above it.
#[derive(Clone)]
struct Step {
    place: Place,
    depth: usize,
}

impl Walk {
    /// Asks for nothing yet.
    ///
    /// # Errors
    /// [`Error::Query`] where the search cannot be evaluated.
    pub(super) fn new(files: Arc<Files>, search: &Search) -> Result<Walk, Error> {
        let evaluator = Evaluator::new(&search.query)?;
        let few = search.wanted.and_then(|wanted| usize::try_from(wanted).ok()).filter(|wanted| *wanted > 0);
        let few = few.filter(|_| search.query.is_empty() && search.sortby.is_empty());
        Ok(Walk {
            files,
            query: search.query.clone(),
            evaluator,
            page: few.map_or(PAGE, |few| few.min(PAGE)),
            collection: search.collection.clone(),
            shelves: None,
            way: None,
            found: 0,
            properties: BTreeSet::new(),
        })
    }

    /// The way through the next collection that may have something; `None` after the last.
    fn way(&mut self) -> Result<Option<&mut Way>, Error> {
        let shelves = match &mut self.shelves {
            Some(shelves) => shelves,
            None => {
                let ids = match &self.collection {
                    Some(id) => vec![id.clone()],
                    None => self.files.ids()?,
                };
                let found: Result<Vec<_>, Error> = ids.iter().map(|id| self.files.shelf(id)).collect();
                self.shelves.insert(found?.into_iter().flatten().collect())
            }
        };
        while self.way.is_none() {
            let Some(shelf) = shelves.pop_front() else { return Ok(None) };
            if self.query.may_be_in(&shelf.collection) {
                self.way = Some(Way::new(&shelf, self.evaluator.clone()));
            }
        }
        Ok(self.way.as_mut())
    }

    /// At the end of a collection.
    fn arrive(&mut self) -> Result<(), Error> {
        if let Some((way, true)) = self.way.as_ref().map(|way| (way, self.found == 0 && way.complete))
            && self.collection.is_some()
            && !way.items.is_empty()
        {
            unknown::refuse(&self.query, &way.collection, &self.properties)?;
        }
        let Some(way) = self.way.take() else { return Ok(()) };
        if way.complete {
            self.files.walked(&way.collection, way.items);
        }
        Ok(())
    }

    /// What is asked of items, beyond what all have.
    fn remember_properties(&mut self, items: &[Item]) {
        if self.found > 0 || self.query.properties().is_empty() {
            return;
        }
        for item in items {
            let properties = item.feature().get("properties").and_then(Value::as_object);
            for name in properties.into_iter().flatten().map(|(name, _)| name) {
                if !self.properties.contains(name) {
                    self.properties.insert(name.clone());
                }
            }
        }
    }
}

impl Pages<Item> for Walk {
    fn next_page(&mut self) -> Result<Option<Page<Item>>, Error> {
        loop {
            let (files, page, query) = (Arc::clone(&self.files), self.page, self.query.clone());
            let Some(way) = self.way()? else { return Ok(None) };
            match way.ahead.front().map(|step| &step.place) {
                None => self.arrive()?,
                Some(Place::Node(_)) => way.expand(&files.site, &query)?,
                Some(Place::Item(_)) => {
                    let (items, scanned) = way.items(&files.site, page)?;
                    let evaluator = way.evaluator.clone();
                    self.remember_properties(&items);
                    let members: Vec<Item> =
                        items.into_iter().filter(|item| evaluator.matches(item)).collect();
                    self.found += members.len() as u64;
                    files.site.report.counters.pages.add(1);
                    return Ok(Some(Page { members, matched: None, scanned, depth: Depth::Whole }));
                }
            }
        }
    }
}

impl Ordered for Walk {
    fn order(&self) -> Order {
        Order::Here
    }
}

impl Way {
    fn new(shelf: &Shelf, evaluator: Evaluator) -> Way {
        let collection = shelf.collection.id().to_owned();
        Way {
            evaluator: evaluator.within(&collection),
            collection,
            ahead: shelf.places.iter().map(|place| Step { place: place.clone(), depth: 1 }).collect(),
            nodes: HashSet::from([shelf.url.clone()]),
            items: HashMap::new(),
            complete: true,
        }
    }

    /// Replaces the next nodes by what they link to. An error moves nothing.
    fn expand(&mut self, site: &Site, query: &Query) -> Result<(), Error> {
        let node = |step: &Step| match &step.place {
            Place::Node(url) => Some((url.clone(), step.depth)),
            Place::Item(_) => None,
        };
        let next: Vec<(Url, usize)> = self.ahead.iter().take(AT_ONCE).map_while(node).collect();
        let outcomes = each(&next, |(url, _)| Node::fetch(site, url));
        if let Some(passing) =
            outcomes.iter().find_map(|outcome| outcome.as_ref().err().filter(|e| is_passing(e)))
        {
            return Err(passing.clone());
        }
        self.ahead.drain(..next.len());
        let mut found = Vec::new();
        let mut unusable = Vec::new();
        for ((url, depth), outcome) in next.into_iter().zip(outcomes) {
            match outcome {
                Ok(node) => found.extend(self.below(site, query, (url, depth), &node)),
                Err(error) => unusable.push(error.to_string()),
            }
        }
        for step in found.into_iter().rev() {
            self.ahead.push_front(step);
        }
        self.complete &= unusable.is_empty();
        site.note_unusable("documents", &unusable);
        Ok(())
    }

    /// Where a node leads; nowhere where it was met before, or cannot have what is searched for.
    fn below(&mut self, site: &Site, query: &Query, (url, depth): (Url, usize), node: &Node) -> Vec<Step> {
        if node.rank == Rank::Api {
            let why = format!("{} is an API in a collection of files; name it as a source", shown(&url));
            site.note_unusable("documents", &[why]);
            return Vec::new();
        }
        let excluded = node.rank == Rank::Collection
            && Collection::from_json(&node.text).is_ok_and(|inner| !query.may_be_in(&inner));
        if excluded {
            self.complete = false;
            return Vec::new();
        }
        let is_new = self.nodes.insert(node.url.clone()) & (node.url == url || self.nodes.insert(url));
        if !is_new || depth > DEEPEST {
            return Vec::new();
        }
        node.places(site).into_iter().map(|place| Step { place, depth: depth + 1 }).collect()
    }

    /// The next items, at most so many, and how many were read for them. An error moves nothing.
    fn items(&mut self, site: &Site, most: usize) -> Result<(Vec<Item>, u64), Error> {
        let leaf = |step: &Step| match &step.place {
            Place::Item(Leaf { url, .. }) => Some(url.clone()),
            Place::Node(_) => None,
        };
        let next: Vec<Url> = self.ahead.iter().take(most).map_while(leaf).collect();
        let outcomes = each(&next, |url| fetch_item(site, url));
        if let Some(passing) =
            outcomes.iter().find_map(|outcome| outcome.as_ref().err().filter(|e| is_passing(e)))
        {
            return Err(passing.clone());
        }
        self.ahead.drain(..next.len());
        let (mut items, mut unusable) = (Vec::new(), Vec::new());
        for (url, outcome) in next.iter().zip(outcomes) {
            match outcome {
                Ok(item) => match self.items.get(item.id()) {
                    Some(first) if first == url => {}
                    Some(_) => unusable.push(format!("{} is a second {}", shown(url), item.id())),
                    None => {
                        self.items.insert(item.id().to_owned(), url.clone());
                        items.push(item);
                    }
                },
                Err(error) => unusable.push(error.to_string()),
            }
        }
        self.complete &= unusable.is_empty();
        site.note_unusable("items", &unusable);
        Ok((items, next.len() as u64))
    }
}

/// One item, by the URL of its document.
pub(super) fn fetch_item(site: &Site, url: &Url) -> Result<Item, Error> {
    let document = site.get(url)?;
    let item = Item::from_json(&document.text)
        .map_err(|error| Error::NotStac { url: shown(url), why: error.to_string() })?;
    Ok(item.found_at(Arc::new(document.url)))
}
