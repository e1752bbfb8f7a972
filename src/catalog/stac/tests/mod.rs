//! The client against the embedded server, which is as odd as the real ones.

mod files;
mod paging;
mod plain;
mod quirks;
mod walks;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::super::library::Library;
use super::super::{Catalog, Depth, Error, Pages, Search};
use super::open;
use crate::cache::Cache;
use crate::config::{Limits, SourceConfig, SourceKind};
use crate::demo::http::{Content, Server};
use crate::demo::stac::{Quirks, StacApi};
use crate::demo::world::{self, Assets, World};
use crate::http::{Http, Settings};
use crate::item::Item;
use crate::query::{Evaluator, FieldOrder, Query, Segment};
use crate::report::Report;

/// Items in the collection `grid`, and how many of them are asked for at once.
const COUNT: usize = 120;
const PAGE: u32 = 32;

/// No assets: these tests are about metadata.
struct NoAssets;

impl Assets for NoAssets {
    fn asset(&self, _path: &str) -> Option<Content> {
        None
    }
}

/// Items of one collection: a grid over the globe, a day apart each, with numbers, text and gaps.
pub(super) fn items(collection: &str, count: usize) -> Vec<Value> {
    (0..count)
        .map(|n| {
            let west = -180.0 + (n * 37 % 360) as f64;
            let south = -80.0 + (n * 23 % 150) as f64;
            let (east, north) = (west + 8.0, south + 5.0);
            let crosses = east > 180.0;
            let shown_east = if crosses { east - 360.0 } else { east };
            let ring = |west: f64, east: f64| {
                json!([[[west, south], [east, south], [east, north], [west, north], [west, south]]])
            };
            let geometry = if crosses {
                let parts = json!([ring(west, 180.0), ring(-180.0, shown_east)]);
                json!({ "type": "MultiPolygon", "coordinates": parts })
            } else {
                json!({ "type": "Polygon", "coordinates": ring(west, east) })
            };
            let mut properties = json!({
                "datetime": format!("20{:02}-{:02}-{:02}T10:{:02}:00Z", 10 + n % 10, 1 + n % 12, 1 + n % 28, n % 60),
                "gsd": ([10.0, 20.5, 60.0][n % 3]),
                "platform": (["sentinel-2a", "sentinel-2b", "landsat-8"][n % 3]),
                "landsat:wrs_path": format!("{:03}", 190 + n % 10),
                "view:off_nadir": n % 7,
            });
            if n % 5 != 0 {
                properties["eo:cloud_cover"] = json!(n % 100);
            }
            json!({
                "type": "Feature", "stac_version": "1.0.0", "id": format!("{collection}-{n:04}"),
                "collection": collection, "geometry": geometry, "properties": properties,
                "bbox": [west, south, shown_east, north],
                "assets": { "data": { "href": format!("{collection}/{n}.tif"), "type": "image/tiff" } },
            })
        })
        .collect()
}

pub(super) fn collection(id: &str, items: Vec<Value>) -> world::Collection {
    world::Collection {
        json: json!({
            "type": "Collection", "stac_version": "1.0.0", "id": id, "description": "A grid.",
            "license": "CC0-1.0", "extent": {
                "spatial": { "bbox": [[-180, -90, 180, 90]] },
                "temporal": { "interval": [["2010-01-01T00:00:00Z", null]] },
            },
        }),
        queryables: json!({
            "gsd": { "type": "number" }, "platform": { "type": "string" },
            "eo:cloud_cover": { "type": "number" }, "landsat:wrs_path": { "type": "string" },
        }),
        items: Arc::new(items),
    }
}

pub(super) fn world(collections: Vec<world::Collection>) -> Arc<World> {
    Arc::new(World {
        id: "world".into(),
        title: "A world".into(),
        description: "For tests.".into(),
        collections,
        catalogs: Vec::new(),
        assets: Arc::new(NoAssets),
    })
}

/// A server with a client.
pub(super) struct Fixture {
    pub(super) server: Server,
    pub(super) report: Arc<Report>,
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) items: Vec<Item>,
}

impl Fixture {
    pub(super) fn new(quirks: Quirks) -> Fixture {
        Fixture::of(quirks, COUNT, |config| config.page_size = Some(PAGE))
    }

    /// A collection `grid` of so many items and a small one beside it.
    pub(super) fn of(quirks: Quirks, count: usize, configure: impl Fn(&mut SourceConfig)) -> Fixture {
        let all = items("grid", count);
        let items = all.iter().map(|item| Item::from_json(&item.to_string()).unwrap()).collect();
        let world = world(vec![collection("grid", all), collection("other", self::items("other", 3))]);
        let server = Server::start(Arc::new(StacApi::new(world, quirks))).unwrap();
        let (catalog, report) = client(&format!("{}/stac", server.url()), configure);
        Fixture { server, report, catalog, items }
    }

    /// The ids that a search of `grid` must find.
    pub(super) fn expected(&self, segments: &[&str]) -> Vec<String> {
        let search = Evaluator::new(&query(segments)).unwrap();
        let meets = |item: &&Item| search.matches(item);
        let mut ids: Vec<String> = self.items.iter().filter(meets).map(|item| item.id().to_owned()).collect();
        ids.sort();
        ids
    }

    pub(super) fn found(&self, segments: &[&str]) -> Result<Vec<String>, Error> {
        let mut ids = listed(self.catalog.search(&search(segments))?.as_mut())?;
        ids.sort();
        Ok(ids)
    }

    /// Requests that the server saw whose target has this in it.
    pub(super) fn requests(&self, part: &str) -> usize {
        self.server.journal().select(|entry| entry.target.contains(part)).len()
    }
}

pub(super) fn client(url: &str, configure: impl Fn(&mut SourceConfig)) -> (Arc<dyn Catalog>, Arc<Report>) {
    let report = Arc::new(Report::new());
    let cache = Arc::new(Cache::none(Arc::clone(&report)));
    let kind = SourceKind::Url(Url::parse(url).unwrap());
    (source(kind, cache, Duration::ZERO, &report, configure), report)
}

/// A client that keeps documents for so long.
pub(super) fn source(
    kind: SourceKind,
    cache: Arc<Cache>,
    lifetime: Duration,
    report: &Arc<Report>,
    configure: impl Fn(&mut SourceConfig),
) -> Arc<dyn Catalog> {
    let mut config = SourceConfig::new("demo", kind);
    configure(&mut config);
    let library = Library::new("demo", http(report), cache, Arc::clone(report), lifetime);
    open(&config, library, &Limits::default(), Arc::clone(report))
}

pub(super) fn http(report: &Arc<Report>) -> Arc<Http> {
    let settings = Settings { pause: Duration::from_millis(1), ..Settings::default() };
    Arc::new(Http::new(settings, Vec::new(), Arc::clone(report)).unwrap())
}

pub(super) fn query(segments: &[&str]) -> Query {
    let predicates = segments.iter().map(|text| match Segment::parse(text, &()).unwrap() {
        Segment::Predicate(predicate) => predicate,
        Segment::View(option) => panic!("{option:?}"),
    });
    predicates.collect()
}

pub(super) fn search(segments: &[&str]) -> Search {
    Search {
        collection: Some("grid".into()),
        query: query(segments),
        sortby: Vec::new(),
        wanted: None,
        depth: Depth::Whole,
    }
}

pub(super) fn sorted_by(field: &str, descending: bool) -> Vec<FieldOrder> {
    vec![FieldOrder { field: field.into(), descending }]
}

/// The ids of all pages, in order.
pub(super) fn listed(pages: &mut dyn Pages<Item>) -> Result<Vec<String>, Error> {
    let mut ids = Vec::new();
    while let Some(page) = pages.next_page()? {
        ids.extend(page.members.iter().map(|item| item.id().to_owned()));
    }
    Ok(ids)
}
