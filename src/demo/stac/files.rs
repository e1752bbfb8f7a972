//! A static catalogue: the same world as files, with no server behind that could search.
//!
//! `/stac/catalog.json` → child catalogues → `collection.json` → `<item>/<item>.json`. Each collection is also to
//! be had as one file: `items.geojson` (an ItemCollection) and `items.ndjson`.

use super::{
    index::{Index, Ref},
    linker::segment,
};
use crate::demo::{
    http::{Content, Request, Response, Service, Slice, answer_content, hex},
    world::{Catalog, World},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};

/// How the documents of a static catalogue point to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Relative links; the root alone knows where it was published (`self`).
    #[default]
    Relative,
    /// Relative links and no `self` at all, as a copy on a disk has it.
    SelfContained,
    /// Absolute links, and a `self` in every document.
    Absolute,
}

/// A static catalogue at `/stac/catalog.json`, with the assets at `/assets/`.
pub struct StaticCatalog {
    index: Index,
    layout: Layout,
    /// Media type of all documents: file servers rarely know better than `text/plain` or
    /// `binary/octet-stream`.
    media_type: &'static str,
    /// What stands in each directory, by its path.
    places: HashMap<Vec<String>, Place>,
}

/// What has a document of its own, besides items.
#[derive(Clone)]
enum Place {
    Root,
    Catalog(Catalog),
    Collection(usize),
}

impl StaticCatalog {
    /// The catalogue of `world`.
    pub fn new(world: Arc<World>, layout: Layout) -> StaticCatalog {
        let index = Index::new(world);
        let mut places = HashMap::from([(Vec::new(), Place::Root)]);
        let mut loose: Vec<usize> = (0..index.shelves.len()).collect();
        for catalog in &index.world.catalogs {
            place(&index, catalog, &mut vec![catalog.id.clone()], &mut places, &mut loose);
        }
        for shelf in loose {
            places.insert(vec![index.shelves[shelf].id.clone()], Place::Collection(shelf));
        }
        StaticCatalog { index, layout, media_type: "application/json", places }
    }

    /// The same, with another media type on its documents.
    pub fn served_as(self, media_type: &'static str) -> StaticCatalog {
        StaticCatalog { media_type, ..self }
    }

    /// The document at `path` below `/stac`.
    fn document(&self, request: &Request, path: &[String]) -> Option<Vec<u8>> {
        let (file, directory) = path.split_last()?;
        let writer = Writer { catalog: self, origin: request.origin(), directory, file };
        if let Some(place) = self.places.get(directory) {
            return match (place, file.as_str()) {
                (Place::Root, "catalog.json") => Some(writer.root()),
                (Place::Catalog(catalog), "catalog.json") => Some(writer.catalog(catalog)),
                (Place::Collection(shelf), "collection.json") => Some(writer.collection(*shelf)),
                (Place::Collection(shelf), "items.geojson") => Some(writer.item_collection(*shelf)),
                (Place::Collection(shelf), "items.ndjson") => Some(writer.lines(*shelf)),
                _ => None,
            };
        }
        let (id, home) = directory.split_last()?;
        match self.places.get(home)? {
            Place::Collection(shelf) if *file == format!("{id}.json") => {
                Some(writer.item(self.index.find(*shelf, id)?).to_string().into_bytes())
            }
            _ => None,
        }
    }
}

/// Notes where `catalog` and all in it stand.
fn place(
    index: &Index,
    catalog: &Catalog,
    path: &mut Vec<String>,
    places: &mut HashMap<Vec<String>, Place>,
    loose: &mut Vec<usize>,
) {
    places.insert(path.clone(), Place::Catalog(catalog.clone()));
    for child in &catalog.catalogs {
        path.push(child.id.clone());
        place(index, child, path, places, loose);
        path.pop();
    }
    for id in &catalog.collections {
        let Some(shelf) = index.shelf(id) else { continue };
        loose.retain(|&other| other != shelf);
        path.push(id.clone());
        places.insert(path.clone(), Place::Collection(shelf));
        path.pop();
    }
}

impl Service for StaticCatalog {
    fn answer(&self, request: &Request) -> Response {
        let segments = request.segments();
        let missing = || Response::bytes(404, "application/xml", "<Error><Code>NoSuchKey</Code></Error>");
        let content = match segments.split_first() {
            Some((first, rest)) if first == "assets" => self.index.world.assets.asset(&rest.join("/")),
            Some((first, rest)) if first == "stac" => self.document(request, rest).map(|bytes| Content {
                etag: Some(format!("\"{}\"", digest(&bytes))),
                bytes: Arc::new(Slice(bytes)),
                media_type: self.media_type.to_owned(),
                last_modified: Timestamp::from_second(1_700_000_000).ok(),
            }),
            _ => None,
        };
        content.map_or_else(missing, |content| answer_content(request, &content))
    }
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..16])
}

/// Writes one document.
struct Writer<'a> {
    catalog: &'a StaticCatalog,
    origin: String,
    /// Where the document stands.
    directory: &'a [String],
    file: &'a str,
}

impl Writer<'_> {
    /// A link to the document `file` in the directory `to`.
    fn link(&self, rel: &str, to: &[String], file: &str) -> Value {
        json!({"rel": rel, "href": self.href(to, file), "type": "application/json"})
    }

    fn href(&self, to: &[String], file: &str) -> String {
        let whole =
            || to.iter().map(|part| format!("{}/", segment(part))).collect::<String>() + &segment(file);
        if self.catalog.layout == Layout::Absolute {
            return format!("{}/stac/{}", self.origin, whole());
        }
        let shared = to.iter().zip(self.directory).take_while(|(one, other)| one == other).count();
        let up = "../".repeat(self.directory.len() - shared);
        let down: String = to[shared..].iter().map(|part| format!("{}/", segment(part))).collect();
        let start = if up.is_empty() { "./" } else { &up };
        format!("{start}{down}{}", segment(file))
    }

    /// The links that every document has: to the root, the parent and where the layout says so to itself.
    fn common(&self) -> Vec<Value> {
        let mut links = vec![self.link("root", &[], "catalog.json")];
        let is_item = !self.catalog.places.contains_key(self.directory);
        if let Some((_, above)) = self.directory.split_last() {
            links.push(self.link("parent", above, if is_item { "collection.json" } else { "catalog.json" }));
            if is_item {
                links.push(self.link("collection", above, "collection.json"));
            }
        }
        let knows_itself = match self.catalog.layout {
            Layout::Absolute => true,
            Layout::Relative => self.directory.is_empty(),
            Layout::SelfContained => false,
        };
        if knows_itself {
            let path: String = self.directory.iter().map(|part| format!("{}/", segment(part))).collect();
            let href = format!("{}/stac/{path}{}", self.origin, segment(self.file));
            links.push(json!({"rel": "self", "href": href, "type": "application/json"}));
        }
        links
    }

    fn root(&self) -> Vec<u8> {
        let world = &self.catalog.index.world;
        let mut children: Vec<&Vec<String>> =
            self.catalog.places.keys().filter(|path| path.len() == 1).collect();
        children.sort();
        self.catalog_document([&world.id, &world.title, &world.description], children)
    }

    fn catalog(&self, catalog: &Catalog) -> Vec<u8> {
        let within =
            |path: &&Vec<String>| path.split_last().is_some_and(|(_, above)| above == self.directory);
        let mut children: Vec<&Vec<String>> = self.catalog.places.keys().filter(within).collect();
        children.sort();
        self.catalog_document([&catalog.id, &catalog.title, &catalog.description], children)
    }

    fn catalog_document(&self, [id, title, description]: [&str; 3], children: Vec<&Vec<String>>) -> Vec<u8> {
        let mut links = self.common();
        for path in children {
            let (file, title) = match &self.catalog.places[path] {
                Place::Collection(shelf) => {
                    let title = self.catalog.index.world.collections[*shelf].json["title"].clone();
                    ("collection.json", title)
                }
                Place::Catalog(catalog) => ("catalog.json", json!(catalog.title)),
                Place::Root => continue,
            };
            let mut link = self.link("child", path, file);
            link["title"] = title;
            links.push(link);
        }
        let document = json!({
            "type": "Catalog", "stac_version": "1.0.0", "id": id, "title": title, "description": description,
            "links": links,
        });
        document.to_string().into_bytes()
    }

    fn collection(&self, shelf: usize) -> Vec<u8> {
        let mut document = self.catalog.index.world.collections[shelf].json.clone();
        let mut links = self.common();
        for entry in &self.catalog.index.shelves[shelf].entries {
            let id = &entry.summary.id;
            let home = [self.directory, std::slice::from_ref(id)].concat();
            links.push(self.link("item", &home, &format!("{id}.json")));
        }
        if let Some(own) = document["links"].as_array() {
            links.extend(own.iter().cloned());
        }
        document["links"] = json!(links);
        self.assets(&mut document);
        document.to_string().into_bytes()
    }

    fn item(&self, at: Ref) -> Value {
        let mut item = self.catalog.index.item(at);
        item["collection"] = json!(self.catalog.index.shelves[at.shelf].id);
        item["links"] = json!(self.common());
        self.assets(&mut item);
        item
    }

    fn items(&self, shelf: usize) -> impl Iterator<Item = Value> {
        let count = self.catalog.index.shelves[shelf].entries.len();
        (0..count).map(move |entry| {
            let mut item = self.item(Ref { shelf, entry });
            item["links"] = json!([]);
            item
        })
    }

    fn item_collection(&self, shelf: usize) -> Vec<u8> {
        let features: Vec<Value> = self.items(shelf).collect();
        json!({"type": "FeatureCollection", "features": features, "links": []}).to_string().into_bytes()
    }

    fn lines(&self, shelf: usize) -> Vec<u8> {
        self.items(shelf).map(|item| format!("{item}\n")).collect::<String>().into_bytes()
    }

    /// Points the assets of `document` to where their bytes are.
    fn assets(&self, document: &mut Value) {
        let start = match self.catalog.layout {
            Layout::Absolute => format!("{}/assets/", self.origin),
            _ => format!("{}assets/", "../".repeat(self.directory.len() + 1)),
        };
        let assets = document.get_mut("assets").and_then(Value::as_object_mut);
        for (_, asset) in assets.into_iter().flatten() {
            if let Some(href) = asset["href"].as_str().filter(|href| !href.contains("://")) {
                asset["href"] = json!(format!("{start}{href}"));
            }
        }
    }
}
