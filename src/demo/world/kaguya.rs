//! Kaguya Terrain Camera scenes of the Moon, in the shape of those at USGS Astrogeology: uncontrolled, monoscopic,
//! with the labels that cartographers work with.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::Items;
use super::embedded::Series;
use super::file::{COG, File, JPEG, TEXT};
use super::raster::moon::Moon;
use super::raster::{Compression, Crs, Georeference, MOON_RADIUS, Picture, Preview, Sample, Spec, Window};
use super::stac::{Feature, queryables, rounded};

mod crs;
mod labels;

const ID: &str = "kaguya_terrain_camera_monoscopic_uncontrolled_observations";
const FOLDER: &str = "moon/kaguya/terrain_camera/monoscopic/uncontrolled/";

/// Pixels per degree. The real ones have 4096 or a few less.
const SCALE: f64 = 2048.0;
const WIDTH: u32 = 1600;
const HEIGHT: u32 = 1640;
/// Places are kept on this grid of pixels, so that overviews of neighbours fall together too.
const GRID: f64 = 32.0;
/// Metres of a pixel.
const PIXEL: f64 = MOON_RADIUS * std::f64::consts::PI / 180.0 / SCALE;
/// The corners of what the camera saw, in pixels: clockwise on a map from the upper left.
const CORNERS: [(f64, f64); 4] = [(34.0, 0.0), (1600.0, 16.0), (1566.0, 1640.0), (0.0, 1624.0)];
const NODATA: f64 = -32768.0;

const MOON: Moon = Moon { seed: 19, mare: 9_000.0, gain: 640.0 };

/// A scene.
struct Scene {
    id: String,
    /// The orbit in which it was taken.
    revolution: u32,
    /// Column and row of the first pixel; columns count from the prime meridian, rows from the north pole.
    origin: (i64, i64),
    /// The central meridian of its projection: 0 or 180.
    meridian: u16,
    /// How it is told from its neighbours by chance.
    number: u32,
}

impl Scene {
    /// The scene about a centre in degrees (longitude -180 to 360).
    fn about(number: u32, revolution: u32, lon: f64, lat: f64) -> Scene {
        let near = lon.abs() < 90.0;
        let lon = if near { lon } else { lon.rem_euclid(360.0) };
        let snapped = |pixels: f64| ((pixels / GRID).round() * GRID) as i64;
        let lat = lat.clamp(-89.59, 89.59);
        let origin = (
            snapped(lon * SCALE - f64::from(WIDTH) / 2.0),
            snapped((90.0 - lat) * SCALE - f64::from(HEIGHT) / 2.0),
        );
        let hemisphere = if lat < 0.0 { 'S' } else { 'N' };
        let tenths = |degrees: f64| (degrees * 10.0).round() as u32;
        let (north, east) = (tenths(lat.abs()), tenths(lon.rem_euclid(360.0)) % 3600);
        let id = format!("TC1S2B0_01_{revolution:05}{hemisphere}{north:03}E{east:04}");
        Scene { id, revolution, origin, meridian: if near { 0 } else { 180 }, number }
    }

    /// Longitude and latitude of a place in pixels of the scene.
    fn degrees(&self, x: f64, y: f64) -> [f64; 2] {
        let lon = (self.origin.0 as f64 + x) / SCALE;
        let shifted = if self.meridian == 180 && lon > 180.0 + 90.0 { lon - 360.0 } else { lon };
        [shifted, 90.0 - (self.origin.1 as f64 + y) / SCALE]
    }

    fn centre(&self) -> [f64; 2] {
        let [lon, lat] = self.degrees(f64::from(WIDTH) / 2.0, f64::from(HEIGHT) / 2.0);
        [if lon > 180.0 { lon - 360.0 } else { lon }, lat]
    }

    /// The outline, counter-clockwise and closed, with a dozen points on each side as the real ones have. All of
    /// it lies in the same turn around the Moon.
    fn ring(&self) -> Vec<[f64; 2]> {
        const POINTS: u32 = 12;
        let [ul, ur, lr, ll] = CORNERS;
        let side = |from: (f64, f64), to: (f64, f64)| {
            (0..POINTS).map(move |n| {
                let share = f64::from(n) / f64::from(POINTS);
                (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
            })
        };
        let sides = side(ul, ll).chain(side(ll, lr)).chain(side(lr, ur)).chain(side(ur, ul)).chain([ul]);
        let turn = if (self.origin.0 as f64) / SCALE > 180.0 { -360.0 } else { 0.0 };
        sides
            .map(|(x, y)| {
                let (column, row) = (self.origin.0 as f64 + x, self.origin.1 as f64 + y);
                [column / SCALE + turn, 90.0 - row / SCALE]
            })
            .collect()
    }

    /// When it was taken. Revolution 7495 was on 7 June 2009; each takes 118 minutes, from north to south.
    fn start(&self) -> Timestamp {
        let since = i64::from(self.revolution) - 7495;
        let into = (90.0 - self.centre()[1]) / 180.0 * 3540.0 + 0.869268;
        let seconds = SignedDuration::from_secs(since * 118 * 60) + SignedDuration::from_secs_f64(into);
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_244_376_000) + seconds
    }

    /// A number in 0..1 of its own for each `draw`.
    fn chance(&self, draw: u32) -> f64 {
        let mixed = (self.number * 37 + draw * 101 + self.revolution).wrapping_mul(2_654_435_761);
        f64::from(mixed >> 8) / f64::from(1 << 24)
    }

    fn sun_elevation(&self) -> f64 {
        8.0 + 34.0 * self.centre()[1].to_radians().cos() * (0.6 + 0.4 * self.chance(1))
    }

    fn georeference(&self) -> Georeference {
        let from_meridian = self.origin.0 as f64 / SCALE - f64::from(self.meridian);
        Georeference {
            crs: Crs::Moon(self.meridian),
            west: from_meridian * SCALE * PIXEL,
            north: (90.0 - self.origin.1 as f64 / SCALE) * SCALE * PIXEL,
            pixel: PIXEL,
        }
    }

    fn spec(&self) -> Spec {
        Spec {
            width: WIDTH,
            height: HEIGHT,
            bands: 1,
            sample: Sample::I16,
            tile: 512,
            // A few are packed, as real ones are; the others cost nothing to stat.
            compression: if self.number % 16 == 7 { Compression::Deflate } else { Compression::None },
            nodata: Some(NODATA),
            scale: Some((0.013, 0.0)),
            georeference: self.georeference(),
            origin: self.origin,
        }
    }

    fn picture(&self) -> Arc<dyn Picture> {
        Arc::new(Strip { origin: self.origin })
    }

    fn file(&self, kind: Kind) -> File {
        let label = |text: String| File::new(TEXT, text);
        match kind {
            Kind::Image => File::raster(self.spec(), self.picture()),
            Kind::Thumbnail => File::preview(Preview {
                picture: self.picture(),
                window: Window {
                    level: 2,
                    x: self.origin.0 >> 2,
                    y: self.origin.1 >> 2,
                    width: 400,
                    height: 410,
                },
                range: (60.0, 1250.0),
            }),
            Kind::Provenance => label(labels::provenance(self)),
            Kind::IsisLabel => label(labels::isis(self)),
            Kind::PdsLabel => label(labels::pds(self)),
            Kind::Caminfo => label(labels::caminfo(self)),
            Kind::Isd => label(labels::isd(self)),
        }
    }

    fn json(&self) -> Value {
        let ring = self.ring();
        let [west, south, east, north] = super::stac::bbox(&ring);
        let [lon, lat] = self.centre();
        let place = self.georeference();
        let (start, end) = (self.start(), self.start() + SignedDuration::from_millis(15_340));
        let off_nadir = 17.3 + 0.1 * self.chance(2);
        let properties = json!({
            "title": self.id,
            "description": "This is a synthetic scene in the shape of a Kaguya (SELENE) Terrain Camera (TC) \
                observation acquired and released by the Japanese Aerospace Exploration Agency (JAXA).",
            "datetime": start.to_string(), "start_datetime": start.to_string(), "end_datetime": end.to_string(),
            "created": "2023-08-23T19:23:08.918Z", "updated": "2023-11-03T05:49:28.265Z",
            "license": "CC0-1.0",
            "missions": ["Selenological and Engineering Explorer (SELENE)"],
            "instruments": ["Kaguya/SELENE Terrain Camera (TC)"],
            "gsd": PIXEL,
            "ssys:targets": ["Moon"],
            "view:off_nadir": off_nadir, "view:azimuth": 269.3 + 0.5 * self.chance(3),
            "view:sun_azimuth": 292.9, "view:sun_elevation": self.sun_elevation(),
            "proj:epsg": null,
            "proj:wkt2": crs::wkt2(self.meridian),
            "proj:projjson": crs::projjson(self.meridian),
            // In degrees, and the transform in GDAL's order, as the real ones have them.
            "proj:bbox": [west, south, east, north],
            "proj:centroid": {"lat": rounded(lat), "lon": rounded(lon)},
            "proj:shape": [HEIGHT, WIDTH],
            "proj:transform": [place.west, place.pixel, 0, place.north, 0, -place.pixel],
            "cube:dimensions": {
                "x": {"type": "spatial", "axis": "x", "extent": [west, east]},
                "y": {"type": "spatial", "axis": "y", "extent": [south, north]},
            },
        });
        let feature = Feature {
            version: "1.0.0",
            extensions: &[
                "projection/v1.0.0",
                "datacube/v1.0.0",
                "view/v1.0.0",
                "https://raw.githubusercontent.com/thareUSGS/ssys/main/json-schema/schema.json",
                "raster/v1.0.0",
            ],
            id: &self.id,
            collection: ID,
            ring,
            properties,
            assets: ASSETS.iter().map(|asset| (asset.key.to_owned(), self.asset(asset))).collect(),
        };
        feature.json()
    }

    fn asset(&self, asset: &Asset) -> Value {
        let mut json = json!({
            "href": format!("{FOLDER}{0}/{1}", self.id, self.name(asset)),
            "title": asset.title, "type": asset.media_type, "roles": [asset.role],
        });
        if asset.kind == Kind::Image {
            json["raster:bands"] = json!([{
                "data_type": "int16", "nodata": NODATA, "scale": 0.013, "offset": 0,
                "spatial_resolution": PIXEL, "unit": "",
            }]);
        }
        json
    }

    fn name(&self, asset: &Asset) -> String {
        match asset.ending.strip_prefix('.') {
            Some(extension) => format!("{}.{extension}", self.id),
            None => asset.ending.to_owned(),
        }
    }
}

/// A part of the Moon between slanting edges: nothing was seen beside them.
struct Strip {
    origin: (i64, i64),
}

impl Picture for Strip {
    fn paint(&self, window: Window) -> Vec<f32> {
        let mut values = MOON.paint(window);
        let scale = f64::from(1u32 << window.level);
        for (n, value) in values.iter_mut().enumerate() {
            let (column, row) = (window.x + (n % window.width) as i64, window.y + (n / window.width) as i64);
            let x = (column as f64 + 0.5) * scale - self.origin.0 as f64;
            let y = (row as f64 + 0.5) * scale - self.origin.1 as f64;
            let inside = |n: usize| {
                let ((ax, ay), (bx, by)) = (CORNERS[n], CORNERS[(n + 1) % 4]);
                (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0.0
            };
            if !(0..4).all(inside) {
                *value = f32::NAN;
            }
        }
        values
    }
}

/// What a file of a scene is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Thumbnail,
    Image,
    Provenance,
    IsisLabel,
    PdsLabel,
    Caminfo,
    Isd,
}

struct Asset {
    key: &'static str,
    /// What follows the scene's id in the name of the file, from the dot on; or the whole name.
    ending: &'static str,
    title: &'static str,
    media_type: &'static str,
    role: &'static str,
    kind: Kind,
}

const fn metadata(key: &'static str, ending: &'static str, title: &'static str, kind: Kind) -> Asset {
    Asset { key, ending, title, media_type: TEXT, role: "metadata", kind }
}

const ASSETS: [Asset; 7] = [
    Asset {
        key: "thumbnail",
        ending: ".jpg",
        title: "Image Thumbnail",
        media_type: JPEG,
        role: "thumbnail",
        kind: Kind::Thumbnail,
    },
    Asset {
        key: "image",
        ending: ".tif",
        title: "Uncontrolled Image",
        media_type: COG,
        role: "data",
        kind: Kind::Image,
    },
    metadata("provenance", "provenance.txt", "Provenance", Kind::Provenance),
    metadata("isis_label", ".isis.lbl", "ISIS Label", Kind::IsisLabel),
    metadata("pds_label", ".lbl", "JAXA PDS3 Label", Kind::PdsLabel),
    metadata("caminfo_pvl", ".caminfo.pvl", "CamInfo Output", Kind::Caminfo),
    metadata("usgscsm_isd", ".isd.json", "USGSCSM ISD", Kind::Isd),
];

/// The collection.
pub(super) struct Kaguya {
    scenes: Vec<Scene>,
    by_id: HashMap<String, usize>,
}

impl Kaguya {
    /// All 120 scenes, the same each time.
    pub fn new() -> Kaguya {
        let scenes: Vec<Scene> = (0..)
            .zip(places())
            .map(|(n, (revolution, lon, lat))| Scene::about(n, revolution, lon, lat))
            .collect();
        let by_id = scenes.iter().enumerate().map(|(n, scene)| (scene.id.clone(), n)).collect();
        Kaguya { scenes, by_id }
    }
}

/// Revolution and centre of every scene.
fn places() -> Vec<(u32, f64, f64)> {
    let rows = |first: f64, count: i32, columns: Vec<(u32, f64)>| {
        (0..count).flat_map(move |row| {
            columns.clone().into_iter().map(move |(rev, lon)| (rev, lon, first + 0.75 * f64::from(row)))
        })
    };
    // A mosaic about the prime meridian and the equator; a scene of an earlier month lies in it.
    let mut places: Vec<_> =
        rows(-0.3, 5, vec![(7478, 0.5), (7477, 1.2), (7476, 1.9), (7475, 2.6)]).collect();
    if let Some(early) = places.iter_mut().find(|(_, lon, lat)| *lon == 1.9 && (lat - 1.2).abs() < 0.01) {
        early.0 = 5524;
    }
    // A swath at 303° east, another beside it.
    places.extend(rows(7.9, 15, vec![(7495, 303.0), (7494, 303.7)]));
    // Across the antimeridian.
    places.extend(rows(-1.0, 3, vec![(7328, 180.7), (7329, 180.0), (7330, 179.3)]));
    // Near the poles.
    places.extend((0..12).map(|n| {
        (
            7400 + n,
            30.0 * f64::from(n),
            if n % 2 == 0 { 85.0 + 0.38 * f64::from(n) } else { -85.0 - 0.38 * f64::from(n) },
        )
    }));
    // And all over the Moon.
    let turn = |n: u32, step: f64| (f64::from(n) * step).fract();
    places.extend(
        (0..49).map(|n| (5600 + n * 37, 360.0 * turn(n, 0.618_034), 70.0 * (2.0 * turn(n, 0.754_878) - 1.0))),
    );
    places
}

impl Items for Kaguya {
    fn len(&self) -> usize {
        self.scenes.len()
    }

    fn json(&self, index: usize) -> Value {
        self.scenes.get(index).map(Scene::json).unwrap_or_default()
    }
}

impl Series for Kaguya {
    fn collection(&self) -> Value {
        let start = self.scenes.iter().map(Scene::start).min().unwrap_or_default();
        let end = self.scenes.iter().map(Scene::start).max().unwrap_or_default();
        let item_assets: Map<String, Value> = ASSETS
            .iter()
            .map(|a| (a.key.to_owned(), json!({"title": a.title, "type": a.media_type, "roles": [a.role]})))
            .collect();
        json!({
            "type": "Collection", "stac_version": "1.0.0", "id": ID,
            "stac_extensions": [
                "https://stac-extensions.github.io/item-assets/v1.0.0/schema.json",
                "https://raw.githubusercontent.com/thareUSGS/ssys/main/json-schema/schema.json",
            ],
            "title": "Kaguya Terrain Camera Monoscopic Uncontrolled Observations (synthetic)",
            "description": "Synthetic scenes in the shape of the monoscopic observations of the Kaguya (SELENE) \
                Terrain Camera that USGS Astrogeology publishes as analysis-ready data: map-projected, uncontrolled \
                images of the Moon as cloud-optimised GeoTIFFs, each with its ISIS and PDS3 labels, the camera's \
                geometry (`caminfo.pvl`, with the incidence angle) and a camera model state for USGSCSM. The \
                scenes between 0° and 2.5° east and north join in a mosaic.",
            "license": "CC0-1.0",
            "keywords": ["Moon", "Kaguya", "SELENE", "Terrain Camera", "USGS", "planetary", "ARD"],
            "providers": [
                {"name": "JAXA", "roles": ["producer", "licensor"], "url": "https://www.isas.jaxa.jp/"},
                {"name": "USGS Astrogeology Science Center", "roles": ["processor", "host"],
                 "url": "https://www.usgs.gov/centers/astrogeology-science-center"},
            ],
            "extent": {
                "spatial": {"bbox": [[-180, -90, 180, 90]]},
                "temporal": {"interval": [[start.to_string(), end.to_string()]]},
            },
            "ssys:targets": ["Moon"],
            "summaries": {
                "ssys:targets": ["Moon"],
                "missions": ["Selenological and Engineering Explorer (SELENE)"],
                "instruments": ["Kaguya/SELENE Terrain Camera (TC)"],
                "gsd": [PIXEL],
                "view:sun_elevation": {"minimum": 8, "maximum": 42},
            },
            "item_assets": item_assets,
            "links": [
                {"rel": "license", "href": "https://creativecommons.org/publicdomain/zero/1.0/", "type": "text/html"},
                {"rel": "about", "href": "https://stac.astrogeology.usgs.gov/docs/data/moon/kaguyatc/", "type": "text/html"},
            ],
        })
    }

    fn queryables(&self) -> Value {
        queryables(&[
            (
                "gsd",
                json!({"title": "Ground sample distance", "description": "Metres per pixel", "type": "number", "minimum": 0}),
            ),
            (
                "ssys:targets",
                json!({"title": "Body", "type": "array", "items": {"type": "string", "enum": ["Moon"]}}),
            ),
            (
                "view:off_nadir",
                json!({"title": "Off-nadir angle", "type": "number", "minimum": 0, "maximum": 90}),
            ),
            (
                "view:sun_elevation",
                json!({"title": "Elevation of the sun", "type": "number", "minimum": -90, "maximum": 90}),
            ),
            (
                "view:sun_azimuth",
                json!({"title": "Azimuth of the sun", "type": "number", "minimum": 0, "maximum": 360}),
            ),
        ])
    }

    fn folder(&self) -> &'static str {
        FOLDER
    }

    fn file(&self, path: &str) -> Option<File> {
        let (id, name) = path.split_once('/')?;
        let scene = &self.scenes[*self.by_id.get(id)?];
        let asset = ASSETS.iter().find(|asset| scene.name(asset) == name)?;
        Some(scene.file(asset.kind))
    }
}

#[cfg(test)]
mod tests;
