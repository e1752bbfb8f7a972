//! `items.geojson`: the items of a directory as one layer.
//!
//! A FeatureCollection of exactly the items that are listed, with their STAC properties, and `path`: the
//! item's directory, relative to the file. Written to disk item by item, so that ten thousand of them need no
//! memory.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::writing::Writing;
use crate::item::Item;
use crate::tree::Error;
use crate::tree::feed::{End, Feed, Named};
use crate::tree::generated::Written;
use crate::tree::rows::ItemRow;

/// Writes the layer of a listing into a file without a name in `folder`. Reads the listing to its end; `load`
/// gives the item of a row.
pub fn write(
    feed: &Feed<ItemRow>,
    folder: &Path,
    load: impl Fn(&ItemRow) -> Result<Item, Error>,
) -> Result<Written, Error> {
    let mut text = Writing::begin(folder)?;
    text.add(format_args!("{{\"type\":\"FeatureCollection\",\"features\":["));
    let mut count = 0;
    feed.each(|row| {
        let comma = if count == 0 { "\n" } else { ",\n" };
        text.add(format_args!("{comma}{}", feature(&load(row)?, &row.name())));
        count += 1;
        Ok(())
    })?;
    let note = match feed.end() {
        Some(End::Cut(why)) => format!(",\n\"truncated\":{}", Value::from(why)),
        Some(End::All) | None => String::new(),
    };
    text.add(format_args!("\n],\n\"numberReturned\":{count}{note}}}\n"));
    text.end()
}

/// One item as a GeoJSON feature: geometry (of its box, where it has none), id, and flat properties.
fn feature(item: &Item, name: &str) -> Value {
    let mut properties: Map<String, Value> =
        item.feature().get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    properties.insert("id".into(), item.id().into());
    properties.insert("collection".into(), item.collection().into());
    properties.insert("path".into(), name.into());
    let geometry = item.geometry().cloned().or_else(|| box_geometry(item)).unwrap_or(Value::Null);
    json!({"type": "Feature", "id": item.id(), "geometry": geometry, "properties": properties})
}

fn box_geometry(item: &Item) -> Option<Value> {
    let b = item.bbox()?;
    let (w, s, e, n) = (b.west, b.south, b.east, b.north);
    Some(json!({"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]}))
}
