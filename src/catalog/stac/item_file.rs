//! A file of items: an ItemCollection, items one per line, a list of items, or a single item.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use url::Url;

use super::super::{Catalog, Count, Description, Error, Pages, Queryable, Search, absent};
use super::items::ItemPage;
use super::node::stem;
use super::site::{Remembered, Site, Text};
use super::static_catalog::{Once, item_url};
use super::unknown;
use crate::content::Origin;
use crate::http::shown;
use crate::item::{Asset, Collection, Item};
use crate::query::{Evaluator, Query, in_order};

/// A file of items as a catalogue.
pub(super) struct ItemFile {
    site: Site,
    content: Remembered<Content>,
}

/// What a file holds.
struct Content {
    url: Url,
    groups: Vec<Arc<Group>>,
}

/// The items of one collection.
struct Group {
    collection: Collection,
    items: Vec<Item>,
}

impl ItemFile {
    /// A file that was just fetched.
    pub(super) fn new(site: Site, document: &Text) -> ItemFile {
        let content = Remembered::of(Content::of(&site, document));
        ItemFile { site, content }
    }

    fn content(&self) -> Result<Arc<Content>, Error> {
        self.content.get(self.site.lifetime, || Ok(Content::of(&self.site, &self.site.get(&self.site.url)?)))
    }

    /// The groups that a search is about.
    fn groups(&self, search: &Search) -> Result<Vec<Arc<Group>>, Error> {
        let content = self.content()?;
        let asked =
            |group: &&Arc<Group>| search.collection.as_deref().is_none_or(|id| id == group.collection.id());
        Ok(content.groups.iter().filter(asked).map(Arc::clone).collect())
    }

    /// All items that meet a search, in order.
    fn found(&self, search: &Search) -> Result<Vec<Item>, Error> {
        let evaluator = Evaluator::new(&search.query)?;
        let groups = self.groups(search)?;
        let mut found = Vec::new();
        for group in &groups {
            let evaluator = evaluator.clone().within(group.collection.id());
            found.extend(group.items.iter().filter(|item| evaluator.matches(item)).cloned());
        }
        if let (true, Some(id)) = (found.is_empty(), &search.collection) {
            check(&search.query, id, &groups)?;
        }
        if !search.sortby.is_empty() {
            found.sort_by(|a, b| in_order(&search.sortby, a, b));
        }
        Ok(found)
    }
}

/// Looks at a search that found nothing: it may only be misspelt.
fn check(query: &Query, collection: &str, groups: &[Arc<Group>]) -> Result<(), Error> {
    let items = || groups.iter().flat_map(|group| &group.items);
    if items().next().is_none() {
        return Ok(());
    }
    let properties = items().filter_map(|item| item.feature().get("properties")?.as_object());
    let known = properties.flatten().map(|(name, _)| name.clone()).collect();
    unknown::refuse(query, collection, &known)
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    collections: Option<Vec<&'a RawValue>>,
}

/// A document taken apart.
#[derive(Default)]
struct Parts {
    items: Vec<Item>,
    collections: Vec<Collection>,
    unusable: Vec<String>,
    /// Whether it says that more follows elsewhere.
    goes_on: bool,
}

impl Parts {
    fn of(document: &Text) -> Parts {
        if let Ok(members) = serde_json::from_str::<Vec<&RawValue>>(&document.text) {
            return Parts::of_members(members.into_iter().map(RawValue::get));
        }
        let Ok(whole) = serde_json::from_str::<&RawValue>(&document.text) else {
            // Several values one after another: one per line, so that a broken line is only one.
            return Parts::of_members(document.text.lines().map(str::trim).filter(|line| !line.is_empty()));
        };
        match ItemPage::of(document) {
            Err(_) => Parts::of_members(std::iter::once(whole.get())),
            Ok(mut page) => {
                while !page.rest.is_empty() {
                    let (items, unusable) = page.rest.next_items();
                    page.items.extend(items);
                    page.unusable.extend(unusable);
                }
                let envelope = serde_json::from_str::<Envelope<'_>>(whole.get()).ok();
                let told = envelope.and_then(|envelope| envelope.collections).unwrap_or_default();
                let collections =
                    told.iter().filter_map(|raw| Collection::from_json(raw.get()).ok()).collect();
                let goes_on = page.links.iter().any(|link| link.rel == "next");
                Parts { items: page.items, collections, unusable: page.unusable, goes_on }
            }
        }
    }

    /// Items, and collections among them.
    fn of_members<'a>(members: impl Iterator<Item = &'a str>) -> Parts {
        let mut parts = Parts::default();
        for member in members {
            match (Item::from_json(member), Collection::from_json(member)) {
                (Ok(item), _) => parts.items.push(item),
                (Err(_), Ok(collection)) => parts.collections.push(collection),
                (Err(error), Err(_)) => parts.unusable.push(error.to_string()),
            }
        }
        parts
    }
}

impl Content {
    fn of(site: &Site, document: &Text) -> Content {
        let Parts { items, collections, mut unusable, goes_on } = Parts::of(document);
        if goes_on {
            let words =
                "the file is the first page of several; only this one is read: name the API itself as source";
            site.note("pages", words);
        }
        let fallback = stem(&document.url).unwrap_or_else(|| site.name.clone());
        let base = Arc::new(document.url.clone());
        let mut order: Vec<String> = Vec::new();
        let mut groups: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        let mut seen = HashSet::new();
        for item in items {
            let collection =
                item.collection().filter(|id| !id.is_empty()).unwrap_or_else(|| fallback.clone());
            if !seen.insert((collection.clone(), item.id().to_owned())) {
                unusable.push(format!("there is a second {}", item.id()));
                continue;
            }
            let base = own_place(&item).map_or_else(|| Arc::clone(&base), Arc::new);
            let group = groups.entry(collection.clone()).or_insert_with(|| {
                order.push(collection);
                Vec::new()
            });
            group.push(item.found_at(base));
        }
        site.note_unusable("items", &unusable);
        let group = |id: String| {
            let items = groups.remove(&id).unwrap_or_default();
            let told = collections.iter().find(|collection| collection.id() == id).cloned();
            let collection = told.or_else(|| made_up(&id, &items))?;
            Some(Arc::new(Group { collection, items }))
        };
        Content { url: document.url.clone(), groups: order.into_iter().filter_map(group).collect() }
    }
}

/// Where an item of a saved search stood, which is where its relative hrefs start from.
fn own_place(item: &Item) -> Option<Url> {
    let link = item.links().into_iter().find(|link| link.rel == "self")?;
    Url::parse(&link.href).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// A collection for items whose own is not in the file: its extent is theirs.
fn made_up(id: &str, items: &[Item]) -> Option<Collection> {
    let boxes: Vec<_> = items.iter().filter_map(Item::bbox).collect();
    let all =
        |of: fn(&crate::item::Bbox) -> f64, pick: fn(f64, f64) -> f64| boxes.iter().map(of).reduce(pick);
    // A box across the antimeridian has no plain west and east.
    let crosses = boxes.iter().any(|b| b.west > b.east);
    let west = if crosses { Some(-180.0) } else { all(|b| b.west, f64::min) };
    let east = if crosses { Some(180.0) } else { all(|b| b.east, f64::max) };
    let (south, north) = (all(|b| b.south, f64::min), all(|b| b.north, f64::max));
    // An item without a box may be anywhere.
    let bbox = match (west, south, east, north) {
        (Some(west), Some(south), Some(east), Some(north)) if boxes.len() == items.len() => {
            [west, south, east, north]
        }
        _ => [-180.0, -90.0, 180.0, 90.0],
    };
    let spans: Vec<_> = items.iter().filter_map(Item::span).collect();
    let first = spans.iter().map(|span| span.start).min().flatten();
    let last = spans.iter().map(|span| span.end).reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b))).flatten();
    let text = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string());
    let document = json!({
        "type": "Collection", "stac_version": "1.0.0", "id": id,
        "description": format!("{} items of {id} in one file.", items.len()),
        "license": "other", "links": [],
        "extent": {
            "spatial": { "bbox": [bbox] },
            "temporal": { "interval": [[text(first), text(last)]] },
        },
    });
    Collection::from_json(&document.to_string()).ok()
}

impl Catalog for ItemFile {
    fn describe(&self) -> Result<Description, Error> {
        let content = self.content()?;
        let count: usize = content.groups.iter().map(|group| group.items.len()).sum();
        let facts = [("search", "here".to_owned()), ("items", count.to_string())];
        Ok(Description {
            title: stem(&content.url).unwrap_or_else(|| self.site.name.clone()),
            text: String::new(),
            kind: "file of STAC items",
            url: shown(&content.url),
            facts: facts.map(|(name, fact)| (name.to_owned(), fact)).into(),
        })
    }

    fn collections(&self) -> Result<Box<dyn Pages<Collection>>, Error> {
        let content = self.content()?;
        Ok(Box::new(Once::new(content.groups.iter().map(|group| group.collection.clone()).collect())))
    }

    fn collection(&self, id: &str) -> Result<Option<Collection>, Error> {
        let content = self.content()?;
        if let Some(group) = content.groups.iter().find(|group| group.collection.id() == id) {
            return Ok(Some(group.collection.clone()));
        }
        absent(id, content.groups.iter().map(|group| group.collection.id()))
    }

    fn search(&self, search: &Search) -> Result<Box<dyn Pages<Item>>, Error> {
        Ok(Box::new(Once::new(self.found(search)?)))
    }

    fn item(&self, collection: &str, id: &str) -> Result<Option<Item>, Error> {
        let content = self.content()?;
        let group = content.groups.iter().find(|group| group.collection.id() == collection);
        Ok(group.and_then(|group| group.items.iter().find(|item| item.id() == id)).cloned())
    }

    fn count(&self, search: &Search) -> Result<Count, Error> {
        Ok(Count::Matched(self.found(search)?.len() as u64))
    }

    fn queryables(&self, _: &str) -> Result<BTreeMap<String, Queryable>, Error> {
        Ok(BTreeMap::new())
    }

    fn origin(&self, item: &Item, asset: &Asset) -> Result<Option<Arc<dyn Origin>>, Error> {
        Ok(self.site.origin(item, asset, item_url(item).as_ref()))
    }

    /// The file's: a search is evaluated here.
    fn address(&self, _: &Search) -> Option<String> {
        Some(shown(&self.site.url))
    }

    fn explain(&self, search: &Search) -> Result<Vec<String>, Error> {
        Evaluator::new(&search.query)?;
        let mut lines = vec![format!("GET {}", shown(&self.site.url))];
        lines.extend(search.query.segments().iter().map(|segment| format!("here, on every item: {segment}")));
        Ok(lines)
    }
}
