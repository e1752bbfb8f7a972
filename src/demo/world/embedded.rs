//! The whole embedded world: what `stacfs demo` shows.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use lru::LruCache;
use serde_json::Value;

use super::bulk::{Many, Mosaics, SmallFiles};
use super::elevation::Elevation;
use super::file::File;
use super::kaguya::Kaguya;
use super::landsat::Landsat;
use super::nasty::Nasty;
use super::sentinel::Sentinel;
use super::{Assets, Collection, Items, World};
use crate::demo::http::{Content, lock};

/// A collection that can make its files.
pub(super) trait Series: Items {
    /// The STAC Collection without links to other documents.
    fn collection(&self) -> Value;

    /// The properties of its queryables.
    fn queryables(&self) -> Value;

    /// Where its files lie: a path that ends with a slash.
    fn folder(&self) -> &'static str;

    /// The file at `path` below its folder.
    fn file(&self, path: &str) -> Option<File>;
}

/// The world of the demo: the Moon, a river mouth on Earth, mountains, and collections that are large or hard to
/// handle. It is the same at every start and takes next to no time, as items and bytes are made when they are
/// asked for.
pub fn embedded() -> World {
    let mut series = well_behaved();
    series.push(Arc::new(Nasty::new()));
    let collections = series
        .iter()
        .map(|one| Collection {
            json: one.collection(),
            queryables: one.queryables(),
            items: Arc::clone(one) as Arc<dyn Items>,
        })
        .collect();
    let opened = Mutex::new(LruCache::new(const { NonZeroUsize::new(48).unwrap() }));
    World {
        id: "stacfs-demo".into(),
        title: "The stacfs demo archive".into(),
        description: "A small archive of synthetic scenes in the shape of real ones: the Moon as Kaguya saw it, a \
            river mouth as Sentinel-2 and Landsat see it, and mountains. Every picture is made on this computer, \
            when it is read."
            .into(),
        collections,
        catalogs: Vec::new(),
        assets: Arc::new(Files { series, opened }),
    }
}

/// The collections that keep to the specification.
fn well_behaved() -> Vec<Arc<dyn Series>> {
    vec![
        Arc::new(Kaguya::new()),
        Arc::new(Sentinel::new()),
        Arc::new(Landsat::new()),
        Arc::new(Elevation),
        Arc::new(Mosaics),
        Arc::new(SmallFiles),
        Arc::new(Many),
    ]
}

/// The files of all collections.
struct Files {
    series: Vec<Arc<dyn Series>>,
    /// Those asked for last: a client reads a file in many pieces.
    opened: Mutex<LruCache<String, Content>>,
}

impl Assets for Files {
    fn asset(&self, path: &str) -> Option<Content> {
        if let Some(found) = lock(&self.opened).get(path) {
            return Some(found.clone());
        }
        let made = self.series.iter().find_map(|one| one.file(path.strip_prefix(one.folder())?))?;
        let media_type = made.media_type.to_owned();
        let bytes = made.bytes();
        // The bytes depend on nothing but the path and this build.
        let etag = format!("\"{:08x}-{:x}\"", crc32c::crc32c(path.as_bytes()), bytes.len());
        let content = Content {
            bytes,
            media_type,
            etag: Some(etag),
            last_modified: Timestamp::from_second(1_700_000_000).ok(),
        };
        lock(&self.opened).put(path.to_owned(), content.clone());
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_are_told_apart_and_have_items() {
        let world = embedded();
        let mut ids: Vec<&str> = world.collections.iter().map(Collection::id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), world.collections.len());
        for collection in &world.collections {
            assert!(!collection.items.is_empty());
            assert!(
                collection.json["description"].as_str().is_some_and(|text| text.len() > 60),
                "{}",
                collection.id()
            );
            assert!(collection.queryables.get("datetime").is_some());
        }
    }

    /// All positions of a geometry.
    fn positions(coordinates: &Value) -> Vec<[f64; 2]> {
        let Some(parts) = coordinates.as_array() else { return Vec::new() };
        match parts[..] {
            [Value::Number(ref lon), Value::Number(ref lat), ..] => {
                vec![[lon.as_f64().unwrap(), lat.as_f64().unwrap()]]
            }
            _ => parts.iter().flat_map(positions).collect(),
        }
    }

    #[test]
    fn items_are_whole_and_their_files_are_there() {
        for one in well_behaved() {
            let mut ids = std::collections::HashSet::new();
            for (turn, n) in (0..one.len()).step_by((one.len() / 200).max(1)).enumerate() {
                let item = one.json(n);
                let id = item["id"].as_str().unwrap();
                assert!(!id.is_empty() && ids.insert(id.to_owned()), "{id}");
                assert_eq!(item["collection"], one.collection()["id"]);

                let summary = one.summary(n);
                assert_eq!(summary.id, id);
                assert!(
                    summary.datetime.is_some() || (summary.start.is_some() && summary.end.is_some()),
                    "{id}"
                );
                let [west, south, east, north] = summary.bbox.unwrap();
                let footprint = positions(&item["geometry"]["coordinates"]);
                assert!(!footprint.is_empty(), "{id}");
                for [lon, lat] in footprint {
                    assert!((south..=north).contains(&lat), "{id}: {lat}");
                    let beyond =
                        if west <= east { lon < west || lon > east } else { lon < west && lon > east };
                    assert!(!beyond, "{id}: {lon}");
                }

                // Files of every eighth item: those of the others are made alike, and making takes its time.
                let looked_into = if turn % 8 == 0 { item["assets"].as_object() } else { None };
                for (key, asset) in looked_into.into_iter().flatten() {
                    let href = asset["href"].as_str().unwrap();
                    if href.contains("://") {
                        continue;
                    }
                    let file = one.file(href.strip_prefix(one.folder()).unwrap());
                    let file = file.unwrap_or_else(|| panic!("{id}/{key}: {href}"));
                    assert_eq!(asset["type"], file.media_type, "{id}/{key}");
                    if let Some(size) = asset["file:size"].as_u64() {
                        assert_eq!(file.bytes().len(), size, "{id}/{key}");
                    }
                }
            }
        }
    }

    #[test]
    fn assets_are_found_by_path_and_kept() {
        let world = embedded();
        let path = "small-files/SF_007/SF_007_log.txt";
        let (first, again) = (world.assets.asset(path).unwrap(), world.assets.asset(path).unwrap());
        assert!(Arc::ptr_eq(&first.bytes, &again.bytes));
        assert_eq!(first.etag, again.etag);
        assert_eq!(first.bytes.len(), 5_000);
        assert!(world.assets.asset("small-files/SF_007/other").is_none());
        assert!(world.assets.asset("").is_none());
    }
}
