//! The world of the model: collections that can be renamed, items that come and go, files that change.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use stacfs::demo::http::{Bytes, Content};
use stacfs::demo::world::{Assets, Collection, World};

const COLLECTIONS: [&str; 2] = ["earth", "moon"];
/// What the collections are called after they were renamed.
const RENAMED: [&str; 2] = ["terra", "luna"];
pub const ITEMS: [&str; 4] = ["a", "b", "c", "d"];
/// Files of every item; the second's size is told nowhere but by its server.
pub const FILES: [&str; 2] = ["told.bin", "untold.bin"];

/// A place in the world: collection, item, file.
pub type At = (usize, usize, usize);

/// What there is.
#[derive(Clone, Default)]
pub struct State {
    /// The version of each file, of the items that are there.
    pub items: BTreeMap<(usize, usize), [u32; 2]>,
    /// Which collections bear their other name.
    pub renamed: [bool; 2],
}

impl State {
    /// What a collection is called.
    pub fn name(&self, collection: usize) -> &'static str {
        names_of(collection)[usize::from(self.renamed[collection])]
    }

    /// What it would be called after one more renaming.
    pub fn other_name(&self, collection: usize) -> &'static str {
        names_of(collection)[usize::from(!self.renamed[collection])]
    }
}

/// The names of a collection: only the first is part of hrefs.
fn names_of(collection: usize) -> [&'static str; 2] {
    [COLLECTIONS[collection], RENAMED[collection]]
}

/// How long a version of a file is.
pub fn length(at: At, version: u32) -> u64 {
    let (collection, item, file) = at;
    let seed = (collection * 8 + item * 2 + file) as u64;
    // Small ones come in one request, the others in several.
    let least = if seed.is_multiple_of(3) { 300_000 + seed * 1000 } else { 100 + seed * 777 };
    least + u64::from(version % 3) * 1111
}

/// The bytes of a version of a file.
#[derive(Clone, Copy)]
pub struct Painted {
    pub at: At,
    pub version: u32,
}

impl Painted {
    pub fn bytes(self, offset: u64, most: usize) -> Vec<u8> {
        let left = self.len().saturating_sub(offset);
        let mut bytes = vec![0; most.min(left as usize)];
        self.read_at(offset, &mut bytes).unwrap();
        bytes
    }
}

impl Bytes for Painted {
    fn len(&self) -> u64 {
        length(self.at, self.version)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let (collection, item, file) = self.at;
        let seed = (collection * 64 + item * 8 + file) as u64 ^ (u64::from(self.version) << 20);
        for (place, byte) in buf.iter_mut().enumerate() {
            let mixed = ((offset + place as u64) ^ (seed << 24)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *byte = (mixed >> 56) as u8;
        }
        Ok(())
    }
}

struct Files(State);

impl Assets for Files {
    fn asset(&self, path: &str) -> Option<Content> {
        let mut parts = path.split('/');
        let (collection, item, file) = (parts.next()?, parts.next()?, parts.next()?);
        let place = |names: &[&str], name| names.iter().position(|other| *other == name);
        let at = (place(&COLLECTIONS, collection)?, place(&ITEMS, item)?, place(&FILES, file)?);
        let version = self.0.items.get(&(at.0, at.1))?[at.2];
        Some(Content {
            bytes: Arc::new(Painted { at, version }),
            media_type: "application/octet-stream".to_owned(),
            etag: Some(format!("\"{version}\"")),
            last_modified: Timestamp::from_second(1_600_000_000 + i64::from(version)).ok(),
        })
    }
}

pub fn world(state: &State) -> World {
    let item = |collection: usize, item: usize, versions: &[u32; 2]| {
        let mut assets = json!({});
        for (file, name) in FILES.iter().enumerate() {
            let href = format!("{}/{}/{name}", COLLECTIONS[collection], ITEMS[item]);
            assets[name] = json!({"href": href, "type": "application/octet-stream"});
            if file == 0 {
                assets[name]["file:size"] = json!(length((collection, item, file), versions[file]));
            }
        }
        json!({
            "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": ITEMS[item],
            "geometry": {"type": "Point", "coordinates": [0.0, 0.0]}, "bbox": [0.0, 0.0, 0.0, 0.0],
            "properties": {"datetime": "2020-01-01T00:00:00Z"}, "assets": assets,
            "collection": state.name(collection),
        })
    };
    let collection = |number: usize| {
        let here = state.items.iter().filter(|((collection, _), _)| *collection == number);
        let items: Vec<Value> =
            here.map(|((collection, i), versions)| item(*collection, *i, versions)).collect();
        let json = json!({
            "type": "Collection", "stac_version": "1.0.0", "stac_extensions": [], "id": state.name(number),
            "description": "", "license": "CC0-1.0", "links": [],
            "extent": {"spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]]},
                "temporal": {"interval": [["2020-01-01T00:00:00Z", null]]}},
        });
        Collection { json, queryables: json!({}), items: Arc::new(items) }
    };
    World {
        id: "model".to_owned(),
        title: "Model".to_owned(),
        description: String::new(),
        collections: (0..COLLECTIONS.len()).map(collection).collect(),
        catalogs: Vec::new(),
        assets: Arc::new(Files(state.clone())),
    }
}
