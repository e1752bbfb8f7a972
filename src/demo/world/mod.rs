//! What the embedded servers serve: collections, items and the bytes of assets.
//!
//! In: nothing. Out: a [`World`], which the STAC API and the static catalogue turn into documents with links.
//! Items come without links, and their asset hrefs are paths relative to the world's assets
//! (`kaguya/TC1S2B0_01/TC1S2B0_01.tif`, percent-encoded where a URL needs it); the server makes absolute URLs
//! of them. An href that is absolute already (`s3://…`, `https://…`) is left alone.

mod bulk;
mod elevation;
mod embedded;
mod file;
mod kaguya;
mod landsat;
mod nasty;
pub(in crate::demo) mod pvl;
pub mod raster;
mod sentinel;
mod small;
mod stac;
pub(in crate::demo) mod utm;

pub use embedded::embedded;
pub use small::small;

use super::http::Content;
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// Everything there is to serve.
pub struct World {
    /// Identifier of the whole catalogue.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// A paragraph for people.
    pub description: String,
    /// All collections, in the order they are listed.
    pub collections: Vec<Collection>,
    /// Child catalogues; a collection that none of them names stands at the root.
    pub catalogs: Vec<Catalog>,
    /// The bytes of the assets.
    pub assets: Arc<dyn Assets>,
}

/// A child catalogue: a group of collections and of further catalogues.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Identifier, unique among its siblings.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// A paragraph for people.
    pub description: String,
    /// The ids of the collections in it.
    pub collections: Vec<String>,
    /// The catalogues in it.
    pub catalogs: Vec<Catalog>,
}

impl Catalog {
    /// Whether a collection stands in it, or in a catalogue below it.
    pub fn holds(&self, collection: &str) -> bool {
        self.collections.iter().any(|id| id == collection)
            || self.catalogs.iter().any(|below| below.holds(collection))
    }
}

/// A collection with its items.
pub struct Collection {
    /// The STAC Collection without `links`. Asset hrefs in it are relative as those of items are.
    pub json: Value,
    /// The `properties` object of its queryables (JSON Schema per property name).
    pub queryables: Value,
    /// Its items, in any order.
    pub items: Arc<dyn Items>,
}

impl Collection {
    /// The collection's id; empty where `json` has none.
    pub fn id(&self) -> &str {
        self.json.get("id").and_then(Value::as_str).unwrap_or_default()
    }
}

/// The items of a collection, by index. A large collection makes each item when it is asked for.
pub trait Items: Send + Sync {
    /// How many items there are.
    fn len(&self) -> usize;

    /// The STAC Item at `index` (less than [`len`](Self::len)), without `links`. The same each time.
    fn json(&self, index: usize) -> Value;

    /// What searches look at first, at `index`. Overridden where it is cheaper than the whole item.
    fn summary(&self, index: usize) -> Summary {
        Summary::of(&self.json(index))
    }

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Items for Vec<Value> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn json(&self, index: usize) -> Value {
        self.get(index).cloned().unwrap_or_default()
    }
}

/// What a search needs of an item before it looks closer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The id; a number as id is written out.
    pub id: String,
    /// West, south, east, north in degrees; west > east crosses the antimeridian. `None`: the item has no
    /// bbox or none in degrees, so that its geometry must be looked at.
    pub bbox: Option<[f64; 4]>,
    /// `datetime`.
    pub datetime: Option<Timestamp>,
    /// `start_datetime`.
    pub start: Option<Timestamp>,
    /// `end_datetime`.
    pub end: Option<Timestamp>,
}

impl Summary {
    /// Reads the summary off a whole item.
    pub fn of(item: &Value) -> Summary {
        let time = |name: &str| item["properties"][name].as_str().and_then(|text| text.parse().ok());
        let id = match &item["id"] {
            Value::String(id) => id.clone(),
            other => other.to_string(),
        };
        let numbers: Vec<f64> =
            item["bbox"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let bbox = match numbers[..] {
            [west, south, east, north] | [west, south, _, east, north, _] => Some([west, south, east, north]),
            _ => None,
        };
        let in_degrees =
            |b: &[f64; 4]| b[0].abs() <= 360. && b[2].abs() <= 360. && b[1].abs() <= 90. && b[3].abs() <= 90.;
        Summary {
            id,
            bbox: bbox.filter(in_degrees),
            datetime: time("datetime"),
            start: time("start_datetime"),
            end: time("end_datetime"),
        }
    }
}

/// The bytes of assets.
pub trait Assets: Send + Sync {
    /// The asset at `path`, relative and percent-decoded, for example `kaguya/TC1S2B0_01/TC1S2B0_01.tif`.
    fn asset(&self, path: &str) -> Option<Content>;
}
