//! `items.geojson`: the items of a directory as one layer.
//!
//! A FeatureCollection of exactly the items that are listed, with their STAC properties, and `path`: the
//! item's directory, relative to the file. Written to disk item by item, so that ten thousand of them need no
//! memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Error;
use super::feed::{End, Feed, Named};
use super::generated::Written;
use super::rows::ItemRow;
use crate::item::Item;

/// Rows taken from the feed at a time.
const BATCH: usize = 256;

/// Writes the layer of a listing into a file without a name in `folder`. Reads the listing to its end; `load`
/// fetches an item whose text is no longer here.
pub fn write(
    feed: &Feed<ItemRow>,
    folder: &Path,
    load: impl Fn(&ItemRow) -> Result<Item, Error>,
) -> Result<Written, Error> {
    let disk = |error: io::Error| Error::Disk(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(disk)?;
    let mut text = BufWriter::new(tempfile::tempfile_in(folder).map_err(disk)?);
    text.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[").map_err(disk)?;
    let mut at = 0;
    loop {
        let rows = feed.read(at, BATCH)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let feature = feature(&load(row)?, &row.name());
            let comma = if at == 0 { "\n" } else { ",\n" };
            write!(text, "{comma}{feature}").map_err(disk)?;
            at += 1;
        }
    }
    let note = match feed.end() {
        Some(End::Cut(why)) => format!(",\n\"truncated\":{}", Value::from(why)),
        Some(End::All) | None => String::new(),
    };
    write!(text, "\n],\n\"numberReturned\":{at}{note}}}\n").map_err(disk)?;
    let file = text.into_inner().map_err(|error| disk(error.into_error()))?;
    let size = file.metadata().map_err(disk)?.len();
    Ok(Written { file: Arc::<File>::from(file), size })
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
