//! Extended attributes: what a file or directory is, said without a request.

use super::item_directory::ItemRef;
use super::source::{NamedItem, Selection, Source};
use crate::catalog::Depth;
use crate::content::{Content, Object};
use crate::item::Asset;

type Attribute = (String, Vec<u8>);

fn attribute(name: &str, value: impl Into<Vec<u8>>) -> Attribute {
    (format!("user.stac.{name}"), value.into())
}

/// Of an item, and of each of its files: collection, item, datetime, bbox.
pub fn of_item(item: &ItemRef, named: &NamedItem) -> Vec<Attribute> {
    let mut all = vec![attribute("collection", &*item.collection), attribute("item", &*item.id)];
    if let Some(at) = named.item.day_instant() {
        all.push(attribute("datetime", at.to_string()));
    }
    if let Some(b) = named.item.bbox() {
        all.push(attribute("bbox", format!("{},{},{},{}", b.west, b.south, b.east, b.north)));
    }
    all
}

/// Of an asset, by its metadata: key, href, type, title, checksum.
pub fn of_asset(asset: &Asset) -> Vec<Attribute> {
    let mut all = vec![attribute("key", asset.key.as_str())];
    let texts = [("href", asset.href()), ("type", asset.media_type()), ("title", asset.title())];
    all.extend(texts.into_iter().filter_map(|(name, text)| Some(attribute(name, text?))));
    if let Some(checksum) = asset.fields.get("file:checksum").and_then(serde_json::Value::as_str) {
        all.push(attribute("checksum", checksum));
    }
    all
}

/// Of an asset's bytes: its entity tag, and how many of its bytes are in the cache.
pub fn of_object(content: &Content, object: &Object) -> Vec<Attribute> {
    let etag = content.known_version(object).and_then(|version| version.etag);
    let cached = attribute("cached", content.cached_bytes(object).to_string());
    etag.map(|etag| attribute("etag", etag)).into_iter().chain([cached]).collect()
}

/// Of a collection or a search: what is asked, where a browser finds the same, and how many match; each once it is
/// known.
pub fn of_selection(source: &Source, selection: &Selection) -> Vec<Attribute> {
    let mut all = vec![attribute("query", selection.query.canonical())];
    all.extend(selection.collection.as_deref().map(|collection| attribute("collection", collection)));
    let url = source.catalog.address(&selection.search(Depth::Whole));
    all.extend(url.map(|url| attribute("url", url)));
    all.extend(source.known_count(selection).map(|n| attribute("matched", n.to_string())));
    all
}
