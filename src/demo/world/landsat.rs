//! Landsat 8 and 9 scenes about the river mouth, in the shape of Collection 2 Level-2 as USGS serves it: tilted
//! footprints, the same files under `https://` and, for who pays, `s3://`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::civil::{Date, date};
use serde_json::{Map, Value, json};

use super::Items;
use super::embedded::Series;
use super::file::{File, HTML, TEXT};
use super::raster::earth::{Clouds, Product, Scene as Ground};
use super::raster::{Compression, Crs, Georeference, Preview, Sample, Spec, Window};
use super::sentinel::ORIGIN;
use super::stac::{Feature, extension, queryables};
use super::utm::Utm;
use crate::demo::usgs::scenes::{Acquisition, Level, Satellite, Scene, acquisitions, wrs};

mod assets;
mod mtl;

use assets::{ASSETS, Asset, Band, Kind};

const ID: &str = "landsat-c2-l2";
const FOLDER: &str = "landsat/";
/// Where the bucket has the products.
const SHELF: &str = "collection02/level-2/standard/oli-tirs";
/// Centres of the scenes: paths 196 and 197, rows 22 and 23.
const REGION: [f64; 4] = [7.0, 52.5, 10.0, 54.6];
const ROWS: [u16; 2] = [22, 23];
const FIRST: Date = date(2024, 1, 1);
const LAST: Date = date(2024, 10, 31);
/// Metres of a pixel of the land that is looked at.
const GROUND: u32 = 320;
/// Such pixels on the side of a pixel of the files.
const FACTOR: u32 = 2;
/// Metres of a pixel of the files. The real ones have 30 m, and 80 MB each.
const PIXEL: u32 = GROUND * FACTOR;
/// Pixels of the land; windows begin and end on their multiples, so that pixels and overviews of neighbours fall
/// together.
const GRID: f64 = 8.0;
/// Where the eye's brightest is in the previews: a wide view of the land is darker than a close one.
const BRIGHTEST: f32 = 150.0;
/// The corners of a footprint in pixels of the land, clockwise on a map from the upper left.
fn corners(path: u16, row: u16) -> [(f64, f64); 4] {
    let corners = wrs::footprint(path, row);
    let places = [corners.upper_left, corners.upper_right, corners.lower_right, corners.lower_left];
    places.map(|place| {
        let at = Utm::from_degrees(place.lon, place.lat);
        let pixel = f64::from(GROUND);
        ((at.easting - ORIGIN.0) / pixel, (ORIGIN.1 - at.northing) / pixel)
    })
}

/// The window around all corners.
fn around(corners: &[(f64, f64)]) -> Window {
    let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
    let (west, north) = (least(&mut corners.iter().map(|c| c.0)), least(&mut corners.iter().map(|c| c.1)));
    let (east, south) =
        (-least(&mut corners.iter().map(|c| -c.0)), -least(&mut corners.iter().map(|c| -c.1)));
    let (before, beyond) =
        (|v: f64| ((v / GRID).floor() * GRID) as i64, |v: f64| ((v / GRID).ceil() * GRID) as i64);
    Window {
        level: 0,
        x: before(west),
        y: before(north),
        width: (beyond(east) - before(west)) as usize,
        height: (beyond(south) - before(north)) as usize,
    }
}

/// A scene at level 2.
struct Granule {
    acquisition: Acquisition,
}

impl Granule {
    fn scene(&self) -> Scene<'_> {
        Scene { level: Level::Collection2Level2, acquisition: &self.acquisition }
    }

    /// As the catalogues of Landsat call it: the product's id without the day of processing.
    fn id(&self) -> String {
        let product = self.scene().display_id();
        let mut parts: Vec<&str> = product.split('_').collect();
        parts.remove(4);
        parts.join("_")
    }

    /// Where its files lie below the root of the bucket, without a final slash.
    fn prefix(&self) -> String {
        let Acquisition { path, row, date, .. } = self.acquisition;
        format!("{SHELF}/{}/{path:03}/{row:03}/{}", date.year(), self.scene().display_id())
    }

    fn time(&self) -> Timestamp {
        let midnight = self.acquisition.date.to_zoned(jiff::tz::TimeZone::UTC).map(|day| day.timestamp());
        let since = jiff::SignedDuration::from_millis(i64::from(self.acquisition.second) * 1000 + 318);
        midnight.unwrap_or_default() + since
    }

    fn bounds(&self) -> Window {
        around(&corners(self.acquisition.path, self.acquisition.row))
    }

    /// What was seen. Both rows of an overpass have one sky.
    fn ground(&self) -> Arc<Ground> {
        let Acquisition { path, row, date, .. } = self.acquisition;
        let pass = date.day_of_year() as u32 + 400 * u32::from(path);
        let draw = (pass * 29 + 5) % 17;
        let share = if draw < 5 { 0.0 } else { (draw as f32 - 4.0) / 13.0 };
        let strip: Vec<_> = ROWS.iter().flat_map(|&row| corners(path, row)).collect();
        let clouds = Clouds { over: around(&strip), share, seed: pass };
        let ground = Ground::new(GROUND, self.bounds(), date.day_of_year() as u32, clouds);
        Arc::new(ground.between(corners(path, row)))
    }

    /// Percent; `None` where it was never determined.
    fn cloud_cover(&self) -> Option<f64> {
        self.acquisition.cloud.map(|_| f64::from((self.ground().cloud_cover() * 1e4).round()) / 100.0)
    }

    fn sun_elevation(&self) -> f64 {
        let year = f64::from(self.acquisition.date.day_of_year() + 10) / 365.25;
        let lat = wrs::centre(self.acquisition.path, self.acquisition.row).lat;
        let noon = 90.0 - lat - 23.4 * (year * std::f64::consts::TAU).cos();
        ((noon - 3.5) * 1e6).round() / 1e6
    }

    fn georeference(&self) -> Georeference {
        let bounds = self.bounds();
        Georeference {
            crs: Crs::Projected(32632),
            west: ORIGIN.0 + f64::from(GROUND) * bounds.x as f64,
            north: ORIGIN.1 - f64::from(GROUND) * bounds.y as f64,
            pixel: f64::from(PIXEL),
        }
    }

    fn spec(&self, band: &Band) -> Spec {
        let bounds = self.bounds();
        Spec {
            width: bounds.width as u32 / FACTOR,
            height: bounds.height as u32 / FACTOR,
            bands: 1,
            sample: Sample::U16,
            // Four tiles and an overview.
            tile: 192,
            compression: Compression::None,
            nodata: Some(band.nodata),
            scale: band.scale,
            georeference: self.georeference(),
            origin: (bounds.x / i64::from(FACTOR), bounds.y / i64::from(FACTOR)),
        }
    }

    /// A picture in natural colours, reduced from the files' pixels by 2^level.
    fn picture(&self, level: u32) -> File {
        let bounds = self.bounds();
        let side = FACTOR << level;
        let window = Window {
            level,
            x: bounds.x.div_euclid(i64::from(side)),
            y: bounds.y.div_euclid(i64::from(side)),
            width: bounds.width / side as usize,
            height: bounds.height / side as usize,
        };
        let picture = Arc::new(self.ground().view(Product::TrueColour, FACTOR));
        File::preview(Preview { picture, window, range: (0.0, BRIGHTEST) })
    }

    /// Whether it has such a file: a few scenes lack the temperature of the surface.
    fn has(&self, asset: &Asset) -> bool {
        self.scene().processing() == "L2SP" || !asset.ending.starts_with("ST_")
    }

    fn assets(&self) -> impl Iterator<Item = &'static Asset> {
        ASSETS.iter().filter(|asset| self.has(asset))
    }

    fn name(&self, asset: &Asset) -> String {
        format!("{}_{}", self.scene().display_id(), asset.ending)
    }

    fn file(&self, asset: &Asset) -> File {
        match &asset.kind {
            Kind::Index => File::new(HTML, self.page()),
            Kind::Preview(level) => self.picture(*level),
            Kind::Band(band) => {
                File::raster(self.spec(band), Arc::new(self.ground().view(band.product, FACTOR)))
            }
            Kind::Metadata(form) => File::new(asset.media_type, mtl::metadata(self, *form)),
            Kind::Angles => File::new(TEXT, mtl::angles(self)),
        }
    }

    /// The page for people.
    fn page(&self) -> String {
        let product = self.scene().display_id();
        let file = |asset: &Asset| format!("<li>{} ({})</li>\n", self.name(asset), asset.title);
        let files: String = self.assets().filter(|asset| asset.kind != Kind::Index).map(file).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{product}</title></head>\n\
             <body>\n<h1>{product}</h1>\n<p>A synthetic scene in the shape of Landsat Collection 2 Level-2.</p>\n\
             <ul>\n{files}</ul>\n</body>\n</html>\n"
        )
    }

    fn asset(&self, asset: &Asset) -> Value {
        let mut json = json!({
            "title": asset.title, "description": asset.description,
            "type": asset.media_type, "roles": asset.roles,
        });
        if asset.kind == Kind::Index {
            json["href"] = json!(format!("{FOLDER}stac-browser/{}", self.prefix()));
            return json;
        }
        let key = format!("{}/{}", self.prefix(), self.name(asset));
        json["href"] = json!(format!("{FOLDER}data/{key}"));
        json["alternate"] = json!({"s3": {
            "href": format!("s3://usgs-landsat/{key}"),
            "storage:platform": "AWS", "storage:region": "us-west-2", "storage:requester_pays": true,
        }});
        if let Kind::Band(band) = &asset.kind {
            band.describe(&mut json);
        }
        json
    }

    fn json(&self) -> Value {
        let scene = self.scene();
        let Acquisition { satellite, path, row, tier, corners, .. } = self.acquisition;
        let place = self.georeference();
        let bounds = self.bounds();
        let mut properties = json!({
            "title": self.id(),
            "description": "Landsat Collection 2 Level-2 (synthetic)",
            "datetime": self.time().to_string(),
            "created": format!("{}T12:20:01Z", scene.processed()), "updated": format!("{}T12:20:01Z", scene.processed()),
            "platform": format!("landsat-{}", satellite.number()), "instruments": ["oli", "tirs"], "gsd": PIXEL,
            "proj:epsg": 32632,
            "proj:shape": [bounds.height as u32 / FACTOR, bounds.width as u32 / FACTOR],
            "proj:transform": [place.pixel, 0, place.west, 0, -place.pixel, place.north],
            "view:off_nadir": 0, "view:sun_azimuth": 155.1, "view:sun_elevation": self.sun_elevation(),
            "landsat:wrs_type": "2", "landsat:wrs_path": format!("{path:03}"), "landsat:wrs_row": format!("{row:03}"),
            "landsat:scene_id": scene.entity_id(),
            "landsat:collection_category": tier.name(), "landsat:collection_number": "02",
            "landsat:correction": scene.processing(),
            "sci:doi": "10.5066/P9OGBGM6",
        });
        if let Some(cloud_cover) = self.cloud_cover() {
            properties["eo:cloud_cover"] = json!(cloud_cover);
            properties["landsat:cloud_cover_land"] = json!(cloud_cover);
        }
        let assets = self.assets().map(|asset| (asset.key.to_owned(), self.asset(asset)));
        let feature = Feature {
            version: "1.0.0",
            extensions: &EXTENSIONS,
            id: &self.id(),
            collection: ID,
            ring: corners.ring().map(|place| [place.lon, place.lat]).to_vec(),
            properties,
            assets: assets.collect(),
        };
        feature.json()
    }
}

const EXTENSIONS: [&str; 8] = [
    "alternate-assets/v1.1.0",
    "eo/v1.0.0",
    "landsat/v2.0.0",
    "projection/v1.0.0",
    "raster/v1.1.0",
    "scientific/v1.0.0",
    "storage/v1.0.0",
    "view/v1.0.0",
];

/// The collection. Items are kept once they are made: their cloud cover takes a while.
pub(super) struct Landsat {
    granules: Vec<Granule>,
    /// By product id.
    by_product: HashMap<String, usize>,
    items: Vec<OnceLock<Value>>,
}

impl Landsat {
    /// All scenes, oldest first; no item is made yet.
    pub fn new() -> Landsat {
        let mut granules: Vec<Granule> = [Satellite::Landsat8, Satellite::Landsat9]
            .into_iter()
            .flat_map(|satellite| acquisitions(satellite, REGION, FIRST, LAST))
            .map(|acquisition| Granule { acquisition })
            .filter(|granule| granule.scene().exists())
            .collect();
        granules.sort_by_key(|granule| (granule.time(), granule.acquisition.row));
        let product = |(n, granule): (usize, &Granule)| (granule.scene().display_id(), n);
        let by_product = granules.iter().enumerate().map(product).collect();
        let items = granules.iter().map(|_| OnceLock::new()).collect();
        Landsat { granules, by_product, items }
    }
}

impl Items for Landsat {
    fn len(&self) -> usize {
        self.granules.len()
    }

    fn json(&self, index: usize) -> Value {
        let (Some(granule), Some(item)) = (self.granules.get(index), self.items.get(index)) else {
            return Value::Null;
        };
        item.get_or_init(|| granule.json()).clone()
    }
}

impl Series for Landsat {
    fn collection(&self) -> Value {
        let item_assets: Map<String, Value> = ASSETS
            .iter()
            .map(|a| (a.key.to_owned(), json!({"title": a.title, "description": a.description, "type": a.media_type, "roles": a.roles})))
            .collect();
        json!({
            "type": "Collection", "stac_version": "1.0.0", "id": ID,
            "stac_extensions": [extension("item-assets/v1.0.0"), extension("scientific/v1.0.0")],
            "title": "Landsat Collection 2 Level-2 (synthetic)",
            "description": "Surface reflectance and temperature of the land about a synthetic river mouth, in the shape \
                of Landsat 8 and 9 Collection 2 Level-2: six bands, the temperature of the surface, the pixel quality \
                bits and the MTL metadata. Scenes of WRS-2 paths 196 and 197, rows 22 and 23, with the tilted \
                footprints of the real ones; their pixels are 640 m wide instead of 30, so that files stay small. Each \
                file is named twice, under `https://` and, for who pays, under `s3://usgs-landsat`.",
            "license": "CC0-1.0",
            "keywords": ["Landsat", "USGS", "NASA", "OLI", "TIRS", "WRS-2", "surface reflectance", "surface temperature"],
            "providers": [
                {"name": "NASA", "roles": ["producer", "licensor"], "url": "https://landsat.gsfc.nasa.gov/"},
                {"name": "USGS", "roles": ["producer", "processor", "licensor"], "url": "https://www.usgs.gov/landsat-missions"},
                {"name": "stacfs", "roles": ["processor", "host"]},
            ],
            "extent": {
                "spatial": {"bbox": [[5.4, 51.8, 11.4, 55.5]]},
                "temporal": {"interval": [[format!("{FIRST}T00:00:00Z"), format!("{LAST}T23:59:59Z")]]},
            },
            "summaries": {
                "platform": ["landsat-8", "landsat-9"], "instruments": ["oli", "tirs"], "gsd": [PIXEL],
                "eo:cloud_cover": {"minimum": 0, "maximum": 100},
                "landsat:wrs_path": ["196", "197"], "landsat:wrs_row": ["022", "023"],
                "landsat:collection_category": ["T1", "T2"], "landsat:correction": ["L2SP", "L2SR"],
                "proj:epsg": [32632],
            },
            "sci:doi": "10.5066/P9OGBGM6",
            "item_assets": item_assets,
            "links": [
                {"rel": "license", "href": "https://creativecommons.org/publicdomain/zero/1.0/", "type": "text/html"},
                {"rel": "cite-as", "href": "https://doi.org/10.5066/P9OGBGM6"},
                {"rel": "about", "href": "https://www.usgs.gov/landsat-missions/landsat-collection-2-level-2-science-products", "type": "text/html"},
            ],
        })
    }

    fn queryables(&self) -> Value {
        let number = |title: &str, low: i32, high: i32| json!({"title": title, "type": "number", "minimum": low, "maximum": high});
        let one_of = |title: &str, values: &[&str]| json!({"title": title, "type": "string", "enum": values});
        queryables(&[
            ("eo:cloud_cover", number("Cloud cover (percent)", 0, 100)),
            (
                "gsd",
                json!({"title": "Ground sample distance", "description": "Metres per pixel", "type": "number", "minimum": 0}),
            ),
            ("platform", one_of("Platform", &["landsat-8", "landsat-9"])),
            ("landsat:wrs_path", json!({"title": "WRS-2 path", "type": "string", "pattern": "^[0-9]{3}$"})),
            ("landsat:wrs_row", json!({"title": "WRS-2 row", "type": "string", "pattern": "^[0-9]{3}$"})),
            ("landsat:scene_id", json!({"title": "Scene (entity) ID", "type": "string"})),
            ("landsat:collection_category", one_of("Quality tier", &["T1", "T2"])),
            ("landsat:correction", one_of("Processing level", &["L2SP", "L2SR"])),
            ("view:off_nadir", number("Off-nadir angle", 0, 90)),
            ("view:sun_azimuth", number("Azimuth of the sun", 0, 360)),
            ("view:sun_elevation", number("Elevation of the sun", -90, 90)),
        ])
    }

    fn folder(&self) -> &'static str {
        FOLDER
    }

    fn file(&self, path: &str) -> Option<File> {
        let granule = |product: &str| self.granules.get(*self.by_product.get(product)?);
        if let Some(page) = path.strip_prefix("stac-browser/") {
            let granule = granule(page.rsplit('/').next()?)?;
            return (granule.prefix() == page).then(|| File::new(HTML, granule.page()));
        }
        let (folder, name) = path.strip_prefix("data/")?.rsplit_once('/')?;
        let granule = granule(folder.rsplit('/').next()?)?;
        let asset =
            granule.assets().find(|asset| asset.kind != Kind::Index && granule.name(asset) == name)?;
        (granule.prefix() == folder).then(|| granule.file(asset))
    }
}

#[cfg(test)]
mod tests;
