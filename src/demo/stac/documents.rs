//! Items and collections as documents, with links and absolute hrefs.

use super::{
    index::{Index, Ref},
    linker::{GEOJSON, JSON, Linker, SCHEMA, segment},
    quirks::{BboxUnit, Hrefs, Ids, Quirks},
};
use crate::demo::world::Catalog;
use serde_json::{Map, Value, json};

/// Metres per degree of longitude on the equator of the Earth.
const METRES_PER_DEGREE: f64 = 111_319.490_793;

/// Makes documents for the answer to one request.
pub(super) struct Documents<'a> {
    pub index: &'a Index,
    pub linker: &'a Linker,
    pub quirks: &'a Quirks,
}

impl Documents<'_> {
    /// An item.
    pub fn item(&self, at: Ref) -> Value {
        let mut item = self.index.item(at);
        let collection = &self.index.shelves[at.shelf].id;
        let id = &self.index.summary(at).id;
        let home = format!("/collections/{}", segment(collection));
        let own = format!("{home}/items/{}", segment(id));
        let links = [
            self.linker.common(GEOJSON, &own),
            self.linker.links("parent", JSON, &home),
            self.linker.links("collection", JSON, &home),
        ];
        if let Some(assets) = item.get_mut("assets") {
            self.assets(assets, &own);
        }
        let Value::Object(object) = &mut item else { return item };
        object.insert("collection".into(), json!(collection));
        object.insert("links".into(), Value::Array(links.concat()));
        self.misshape(object);
        item
    }

    /// A collection.
    pub fn collection(&self, shelf: usize) -> Value {
        let mut collection = self.index.world.collections[shelf].json.clone();
        let home = format!("/collections/{}", segment(&self.index.shelves[shelf].id));
        let mut links = [
            self.linker.common(JSON, &home),
            self.linker.links("parent", JSON, ""),
            self.linker.links("items", GEOJSON, &format!("{home}/items")),
            self.linker.links(
                "http://www.opengis.net/def/rel/ogc/1.0/queryables",
                SCHEMA,
                &format!("{home}/queryables"),
            ),
        ]
        .concat();
        if let Some(assets) = collection.get_mut("assets") {
            self.assets(assets, &home);
        }
        let Value::Object(object) = &mut collection else { return collection };
        if let Some(Value::Array(own)) = object.remove("links") {
            links.extend(own);
        }
        object.insert("links".into(), Value::Array(links));
        self.revise(object);
        collection
    }

    /// A child catalogue at `path` below the root, with links to what is in it.
    pub fn catalog(&self, catalog: &Catalog, path: &str) -> Value {
        let mut links = [self.linker.common(JSON, path), self.linker.links("parent", JSON, "")].concat();
        for child in &catalog.catalogs {
            links.extend(self.child(&child.title, &format!("{path}/{}", segment(&child.id))));
        }
        for id in &catalog.collections {
            links.extend(self.child(id, &format!("/collections/{}", segment(id))));
        }
        json!({
            "type": "Catalog", "stac_version": self.quirks.stac_version.unwrap_or("1.0.0"), "id": catalog.id,
            "title": catalog.title, "description": catalog.description, "links": links,
        })
    }

    /// The `child` links to `path`.
    pub fn child(&self, title: &str, path: &str) -> Vec<Value> {
        let mut links = self.linker.links("child", JSON, path);
        links.iter_mut().for_each(|link| link["title"] = json!(title));
        links
    }

    /// Makes the hrefs of assets absolute; `owner` is the path of what has them.
    fn assets(&self, assets: &mut Value, owner: &str) {
        for (key, asset) in assets.as_object_mut().into_iter().flatten() {
            for alternate in asset.get_mut("alternate").and_then(Value::as_object_mut).into_iter().flatten() {
                self.absolute(alternate.1);
            }
            self.absolute(asset);
            if self.quirks.hrefs == Hrefs::Proxied && asset["href"].is_string() {
                let direct = asset["href"].take();
                asset["href"] = json!(self.linker.url(&format!("{owner}/assets/{}", segment(key))));
                asset["alternate"]["s3"]["href"] = direct;
            }
        }
    }

    fn absolute(&self, holder: &mut Value) {
        if let Some(href) = holder.get_mut("href")
            && let Some(text) = href.as_str()
        {
            *href = json!(self.linker.asset(text));
        }
    }

    /// Makes an item as odd as the quirks want it.
    fn misshape(&self, item: &mut Map<String, Value>) {
        if self.quirks.bbox_unit == BboxUnit::Metres
            && let Some(Value::Array(bbox)) = item.get_mut("bbox")
        {
            for number in bbox {
                *number = json!(number.as_f64().unwrap_or_default() * METRES_PER_DEGREE);
            }
        }
        if self.quirks.ids == Ids::Numbers
            && let Some(number) = item["id"].as_str().and_then(|id| id.parse::<u64>().ok())
        {
            item.insert("id".into(), json!(number));
        }
        for path in &self.quirks.without {
            match path.strip_prefix("properties.") {
                Some(name) => item
                    .get_mut("properties")
                    .and_then(Value::as_object_mut)
                    .map(|all| all.shift_remove(name)),
                None => Some(item.shift_remove(*path)),
            };
        }
        self.revise(item);
    }

    fn revise(&self, object: &mut Map<String, Value>) {
        if let Some(version) = self.quirks.stac_version {
            object.insert("stac_version".into(), json!(version));
        }
    }
}
