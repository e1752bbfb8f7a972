//! `local/`: what a directory lists as a static STAC catalogue of its own, whose hrefs lead to the files here.
//!
//! ```text
//! local/catalog.json     the root
//! local/collection.json  links to every item that is listed
//! local/items/<item>.json
//! ```
//!
//! Hrefs are paths as they are, not escaped for URLs: programs hand local hrefs to `open` unchanged.

use std::ffi::OsStr;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::writing::Writing;
use crate::item::Link;
use crate::query::View;
use crate::tree::feed::{End, Named};
use crate::tree::generated::{Fed, Fixed, Generated, Made, Written};
use crate::tree::item_directory::ItemRef;
use crate::tree::names::{Of, escape};
use crate::tree::rows::ItemRow;
use crate::tree::search_directory::{Scope, SearchDirectory};
use crate::tree::source::{NamedItem, Source};
use crate::tree::{Attributes, Directory, Entry, Error, Found, Listing};

/// Links that a catalogue of files makes itself, and those that only a server can follow.
const OWN: [&str; 9] = ["self", "root", "parent", "collection", "item", "items", "child", "next", "prev"];

/// The directory `local`.
#[derive(Clone)]
pub struct Local(Scope);

impl Local {
    /// The catalogue of what is listed in a scope.
    pub fn new(scope: Scope) -> Local {
        Local(scope)
    }

    fn catalog(&self) -> Entry {
        let id = self.0.collection.id();
        let title = self.0.collection.title().unwrap_or(id);
        let description = format!("{title}: a search, with hrefs that lead to files beside this directory.");
        let catalog = json!({
            "type": "Catalog", "stac_version": "1.0.0", "id": format!("{id}-local"),
            "title": title, "description": description,
            "links": [
                {"rel": "root", "href": "./catalog.json", "type": "application/json"},
                {"rel": "child", "href": "./collection.json", "type": "application/json", "title": title},
            ],
        });
        let text = format!("{catalog:#}\n");
        Generated::fixed(text, self.0.modified(), self.0.source.lifetime()).entry("catalog.json")
    }

    fn collection(&self) -> Entry {
        let name = "collection.json";
        self.0.derived(name, Made::WhenLookedAt, format!("local/{name}"), write_collection)
    }

    fn items(&self) -> Entry {
        self.0.entry(OsStr::new("items"), Arc::new(LocalItems(self.0.clone())))
    }

    fn entries(&self) -> Vec<Entry> {
        vec![self.catalog(), self.collection(), self.items()]
    }
}

impl Directory for Local {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.0.modified(), lifetime: self.0.source.lifetime() }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        let entry = self.entries().into_iter().find(|entry| entry.name == name);
        Some(Ok(entry.map_or(Found::Absent(self.0.source.lifetime()), Found::Entry)))
    }

    fn list(&self) -> Arc<dyn Listing> {
        Arc::new(Fixed(self.entries()))
    }
}

/// Writes the collection, with a link to each item: reads the listing to its end.
fn write_collection(scope: &Scope, source: &Arc<Source>) -> Result<Written, Error> {
    let mut collection = scope.collection.fields().clone();
    let mut links = vec![
        json!({"rel": "root", "href": "./catalog.json", "type": "application/json"}),
        json!({"rel": "parent", "href": "./catalog.json", "type": "application/json"}),
    ];
    links.extend(kept_links(&scope.collection.links(), collection.get("links")));
    collection.remove("links");
    if let Some(assets) = collection.get_mut("assets").and_then(Value::as_object_mut) {
        assets.retain(|_, asset| asset.get("href").and_then(Value::as_str).is_some_and(is_absolute));
    }
    let feed = source.listing(&scope.selection());
    if let End::Cut(why) = feed.read_all()? {
        collection.insert("stacfs:truncated".into(), why.into());
    }
    let mut text = Writing::begin(&source.services.spool_folder)?;
    let head = Value::from(collection).to_string();
    // The links come last, one after another: there may be many.
    text.add(format_args!("{},\"links\":[\n", head.strip_suffix('}').unwrap_or(&head)));
    text.add(format_args!("{}", join(&links)));
    feed.each(|row| {
        let href = format!("./items/{}", file_name(&row.name()));
        let link = json!({"rel": "item", "href": href, "type": "application/geo+json"});
        text.add(format_args!(",\n{link}"));
        Ok(())
    })?;
    text.add(format_args!("\n]}}\n"));
    text.end()
}

fn join(values: &[Value]) -> String {
    values.iter().map(Value::to_string).collect::<Vec<_>>().join(",\n")
}

/// Links that mean the same from here: absolute, and not of the catalogue's own structure.
fn kept_links<'a>(links: &'a [Link], raw: Option<&'a Value>) -> impl Iterator<Item = Value> + 'a {
    let kept = |link: &&Link| !OWN.contains(&link.rel.as_str()) && is_absolute(&link.href);
    let whole = move |link: &Link| {
        let all = raw.and_then(Value::as_array).into_iter().flatten();
        let mut same = all.filter(|raw| raw["rel"] == *link.rel && raw["href"] == *link.href);
        same.next().cloned()
    };
    links.iter().filter(kept).filter_map(whole)
}

fn is_absolute(href: &str) -> bool {
    href.contains("://")
}

/// An item's file, by the name of its directory.
fn file_name(item: &str) -> String {
    format!("{item}.json")
}

/// The directory `local/items`.
struct LocalItems(Scope);

impl LocalItems {
    fn found(&self, name: &str, item: Option<ItemRef>) -> Found {
        match item {
            Some(item) => Found::Entry(item_file(name, item, Arc::new(self.0.view.clone()))),
            None => Found::Absent(self.0.source.absent_lifetime()),
        }
    }
}

impl Directory for LocalItems {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.0.modified(), lifetime: self.0.source.lifetime() }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        let Some((name, stem)) = name.to_str().and_then(|name| Some((name, name.strip_suffix(".json")?)))
        else {
            return Some(Ok(Found::Absent(self.0.source.lifetime())));
        };
        let known = SearchDirectory::new(self.0.clone()).known_item(stem)?;
        Some(known.map(|item| self.found(name, item)))
    }

    fn ask(&self, name: &OsStr) -> Result<Found, Error> {
        let name = name.to_str().unwrap_or_default();
        let stem = name.strip_suffix(".json").unwrap_or_default();
        Ok(self.found(name, SearchDirectory::new(self.0.clone()).item(stem)?))
    }

    fn list(&self) -> Arc<dyn Listing> {
        let scope = &self.0;
        let feed = scope.source.listing(&scope.selection());
        let (source, rows) = (Arc::clone(&scope.source), Arc::downgrade(&feed));
        let (collection, view) = (Arc::from(scope.collection.id()), Arc::new(scope.view.clone()));
        Arc::new(Fed::new(Vec::new(), feed, move |row: &ItemRow| {
            let item = ItemRef::listed(&source, &collection, row.clone(), &rows);
            item_file(&file_name(&row.name()), item, Arc::clone(&view))
        }))
    }
}

fn item_file(name: &str, item: ItemRef, view: Arc<View>) -> Entry {
    let (modified, lifetime) = (item.modified, item.source.lifetime());
    let text = move || {
        let named = item.load()?;
        Ok(format!("{}\n", rewritten(&item, &named, &view)).into_bytes())
    };
    Generated::asked(modified, lifetime, text).entry(name)
}

/// An item whose hrefs lead to the files of its directory. Assets that have no file are left out.
fn rewritten(item: &ItemRef, named: &NamedItem, view: &View) -> Value {
    let mut feature = named.item.feature().clone();
    let directory = escape(&item.id, Of::Item);
    let assets: Map<String, Value> = named
        .files
        .iter()
        .filter(|(name, asset)| view.shows(&asset.key, name))
        .map(|(name, asset)| {
            let mut fields = asset.fields.clone();
            fields.insert("href".into(), format!("../../{directory}/{name}").into());
            (asset.key.clone(), fields.into())
        })
        .collect();
    let mut links = vec![
        json!({"rel": "root", "href": "../catalog.json", "type": "application/json"}),
        json!({"rel": "parent", "href": "../collection.json", "type": "application/json"}),
        json!({"rel": "collection", "href": "../collection.json", "type": "application/json"}),
    ];
    links.extend(kept_links(&named.item.links(), feature.get("links")));
    feature.insert("collection".into(), (&*item.collection).into());
    feature.insert("assets".into(), assets.into());
    feature.insert("links".into(), links.into());
    feature.into()
}
