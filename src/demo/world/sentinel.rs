//! Sentinel-2 scenes of a river mouth, in the shape of Level-2A at Earth Search: four neighbouring squares, through
//! a year and a half.

use std::sync::{Arc, OnceLock};

use jiff::Span;
use jiff::civil::{Date, date};
use serde_json::{Map, Value, json};

use super::Items;
use super::embedded::Series;
use super::file::{COG, File, JPEG, JSON, XML};
use super::raster::earth::{Clouds, Product, Scene as Ground, Wavelength};
use super::raster::{Cog, Compression, Crs, Georeference, Preview, Sample, Spec, Window};
use super::stac::{Feature, checksum, queryables, rounded};
use super::utm::Utm;

const ID: &str = "sentinel-2-l2a";
const FOLDER: &str = "sentinel-2-l2a/";
/// Where four squares of the military grid meet, in metres of EPSG:32632: the origin of the land.
pub(super) const ORIGIN: (f64, f64) = (500_000.0, 6_000_000.0);
/// Pixels of 10 m on the side of a scene: a multiple of those of 60 m, and of the overviews.
const SIDE: i64 = 768;
/// The whole of the four squares, which has one sky.
const ALL: Window =
    Window { level: 0, x: -SIDE, y: -SIDE, width: 2 * SIDE as usize, height: 2 * SIDE as usize };
/// Squares of the military grid, and column and row of each.
const SQUARES: [(&str, i64, i64); 4] =
    [("32UMF", -1, -1), ("32UNF", 0, -1), ("32UME", -1, 0), ("32UNE", 0, 0)];
/// What makes reflectances of stored values, since processing baseline 04.00.
const SCALE: f64 = 0.0001;
const OFFSET: f64 = -0.1;
const FIRST: Date = date(2024, 1, 4);
/// Days on which the satellites come by, eleven days apart.
const PASSES: usize = 50;

/// A scene: a square on a day.
struct Scene {
    pass: usize,
    square: &'static str,
    column: i64,
    row: i64,
}

impl Scene {
    fn at(index: usize) -> Scene {
        let (square, column, row) = SQUARES[index % 4];
        Scene { pass: index / 4, square, column, row }
    }

    fn day(&self) -> Date {
        FIRST.saturating_add(Span::new().days(11 * self.pass as i64))
    }

    fn satellite(&self) -> &'static str {
        ["A", "B"][self.pass % 2]
    }

    fn time(&self) -> String {
        format!("{}T10:36:{:02}.024000Z", self.day(), 21 + 3 * self.row.abs() + self.column.abs())
    }

    fn id(&self) -> String {
        format!("S2{}_T{}_{}T103629_L2A", self.satellite(), self.square, self.day().strftime("%Y%m%d"))
    }

    fn folder(&self) -> String {
        let square = &self.square[3..];
        let day = self.day();
        format!("{FOLDER}32/U/{square}/{}/{}/{}/", day.year(), day.month(), self.id())
    }

    fn bounds(&self) -> Window {
        Window {
            level: 0,
            x: self.column * SIDE,
            y: self.row * SIDE,
            width: SIDE as usize,
            height: SIDE as usize,
        }
    }

    /// The last day is cloudless, as every fourth or so is.
    fn ground(&self) -> Arc<Ground> {
        let draw = (self.pass * 29 + 11) % 17;
        let share = if self.pass + 1 == PASSES || draw < 4 { 0.0 } else { (draw as f32 - 3.0) / 14.0 };
        let clouds = Clouds { over: ALL, share, seed: 900 + self.pass as u32 };
        Arc::new(Ground::new(10, self.bounds(), self.day().day_of_year() as u32, clouds))
    }

    fn georeference(&self, pixel: f64) -> Georeference {
        let bounds = self.bounds();
        Georeference {
            crs: Crs::Projected(32632),
            west: ORIGIN.0 + 10.0 * bounds.x as f64,
            north: ORIGIN.1 - 10.0 * bounds.y as f64,
            pixel,
        }
    }

    fn spec(&self, raster: &Raster) -> Spec {
        let factor = i64::from(raster.resolution / 10);
        let bounds = self.bounds();
        let (sample, nodata, scale) = match raster.product {
            Product::TrueColour => (Sample::U8, None, None),
            Product::SceneClassification => (Sample::U8, Some(0.0), None),
            Product::Band(..) => (Sample::U16, Some(0.0), Some((SCALE, OFFSET))),
            _ => (Sample::U16, Some(0.0), Some((0.001, 0.0))),
        };
        Spec {
            width: (SIDE / factor) as u32,
            height: (SIDE / factor) as u32,
            bands: if raster.product == Product::TrueColour { 3 } else { 1 },
            sample,
            tile: if raster.resolution == 60 { 128 } else { 256 },
            compression: Compression::None,
            nodata,
            scale,
            georeference: self.georeference(f64::from(raster.resolution)),
            origin: (bounds.x / factor, bounds.y / factor),
        }
    }

    fn raster(&self, raster: &Raster) -> File {
        let view = self.ground().view(raster.product, raster.resolution / 10);
        File::raster(self.spec(raster), Arc::new(view))
    }

    fn thumbnail(&self) -> File {
        let bounds = self.bounds();
        let window = Window {
            level: 1,
            x: bounds.x >> 1,
            y: bounds.y >> 1,
            width: bounds.width / 2,
            height: bounds.height / 2,
        };
        let picture = Arc::new(self.ground().view(Product::TrueColour, 1));
        File::preview(Preview { picture, window, range: (0.0, 255.0) })
    }

    fn metadata(&self, name: &str) -> Option<File> {
        let (id, time) = (self.id(), self.time());
        let xml = |root: &str, inside: String| {
            File::new(
                XML,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<n1:{root} xmlns:n1=\"urn:stacfs:{root}\">\n{inside}</n1:{root}>\n"
                ),
            )
        };
        let angles = || {
            let row = |n: usize| {
                (0..23)
                    .map(|m| format!("{:.4}", 30.0 + 0.01 * (n * 23 + m) as f64))
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            (0..23).map(|n| format!("      <VALUES>{}</VALUES>\n", row(n))).collect::<String>()
        };
        match name {
            "metadata.xml" => Some(xml(
                "Level-2A_Tile_ID",
                format!(
                    "  <TILE_ID>{id}</TILE_ID>\n  <SENSING_TIME>{time}</SENSING_TIME>\n  <Sun_Angles_Grid>\n    <Zenith>\n{0}    </Zenith>\n    <Azimuth>\n{0}    </Azimuth>\n  </Sun_Angles_Grid>\n",
                    angles()
                ),
            )),
            "product_metadata.xml" => Some(xml(
                "Level-2A_User_Product",
                format!(
                    "  <PRODUCT_URI>{id}.SAFE</PRODUCT_URI>\n  <PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL>\n  <PROCESSING_BASELINE>05.11</PROCESSING_BASELINE>\n  <BOA_ADD_OFFSET>-1000</BOA_ADD_OFFSET>\n"
                ),
            )),
            "tileInfo.json" => {
                let info = json!({"path": self.folder(), "timestamp": time, "utmZone": 32, "latitudeBand": "U", "gridSquare": &self.square[3..]});
                Some(File::new(JSON, format!("{info}\n")))
            }
            _ => None,
        }
    }

    fn file(&self, name: &str) -> Option<File> {
        if name == THUMBNAIL {
            return Some(self.thumbnail());
        }
        let raster = RASTERS.iter().find(|raster| raster.name() == name);
        raster.map(|raster| self.raster(raster)).or_else(|| self.metadata(name))
    }

    /// Whether every asset tells its checksum; elsewhere only the small ones do, as a sum needs all bytes.
    fn summed(&self) -> bool {
        self.pass + 1 == PASSES && self.square == "32UNE"
    }

    fn assets(&self) -> Map<String, Value> {
        let folder = self.folder();
        let mut assets = Map::new();
        for raster in &RASTERS {
            let spec = self.spec(raster);
            let place = spec.georeference;
            let mut asset = json!({
                "href": format!("{folder}{}", raster.name()), "type": COG, "title": raster.title,
                "roles": [if matches!(raster.product, Product::Band(..)) { "reflectance" } else { "data" }],
                "gsd": raster.resolution,
                "proj:shape": [spec.height, spec.width],
                "proj:transform": [place.pixel, 0, place.west, 0, -place.pixel, place.north],
                "data_type": spec.sample.name(),
                "file:size": Cog::plain_len(&spec),
            });
            if let Some(nodata) = spec.nodata {
                asset["nodata"] = json!(nodata);
            }
            if let Some((scale, offset)) = spec.scale {
                asset["raster:scale"] = json!(scale);
                asset["raster:offset"] = json!(offset);
            }
            if let Some((micrometres, common)) = raster.band {
                asset["bands"] = json!([{"name": raster.file, "eo:common_name": common, "eo:center_wavelength": micrometres}]);
            }
            if self.summed() {
                asset["file:checksum"] = json!(sum(self.raster(raster)));
            }
            assets.insert(raster.key.to_owned(), asset);
        }
        assets.insert("thumbnail".into(), json!({
            "href": format!("{folder}{THUMBNAIL}"), "type": JPEG, "title": "Thumbnail", "roles": ["thumbnail"],
        }));
        for (key, name) in METADATA {
            if let Some(file) = self.metadata(name) {
                let media_type = file.media_type;
                let bytes = file.bytes();
                assets.insert(
                    key.to_owned(),
                    json!({
                        "href": format!("{folder}{name}"), "type": media_type, "roles": ["metadata"],
                        "file:size": bytes.len(), "file:checksum": checksum(&*bytes).ok(),
                    }),
                );
            }
        }
        assets
    }

    fn json(&self) -> Value {
        let id = self.id();
        let (west, north) = (10.0 * self.bounds().x as f64, -10.0 * self.bounds().y as f64);
        let length = 10.0 * SIDE as f64;
        let corner = |x: f64, y: f64| Utm { easting: ORIGIN.0 + x, northing: ORIGIN.1 + y }.degrees();
        let (east, south) = (west + length, north - length);
        let ring = vec![
            corner(west, south),
            corner(east, south),
            corner(east, north),
            corner(west, north),
            corner(west, south),
        ];
        let [lon, lat] = corner(west + length / 2.0, north - length / 2.0);
        let mut properties = json!({
            "datetime": self.time(),
            "created": format!("{}T14:12:58.710Z", self.day()), "updated": format!("{}T14:12:58.710Z", self.day()),
            "platform": format!("sentinel-2{}", self.satellite().to_lowercase()),
            "constellation": "sentinel-2", "instruments": ["msi"], "gsd": 10,
            "eo:cloud_cover": f64::from((self.ground().cloud_cover() * 1e4).round()) / 100.0,
            "grid:code": format!("MGRS-{}", self.square),
            "mgrs:utm_zone": 32, "mgrs:latitude_band": "U", "mgrs:grid_square": &self.square[3..],
            "s2:mgrs_tile": self.square, "s2:product_type": "S2MSI2A", "s2:processing_baseline": "05.11",
            "proj:code": "EPSG:32632",
            "proj:bbox": [ORIGIN.0 + west, ORIGIN.1 + south, ORIGIN.0 + east, ORIGIN.1 + north],
            "proj:centroid": {"lat": rounded(lat), "lon": rounded(lon)},
            "view:sun_azimuth": 165.2,
            "view:sun_elevation": 36.0 - 23.4 * (f64::from(self.day().day_of_year() + 10) * std::f64::consts::TAU / 365.25).cos(),
        });
        // Of a few scenes nobody knows how cloudy they were.
        if (self.pass * 4 + self.square.len()).is_multiple_of(17)
            && let Some(properties) = properties.as_object_mut()
        {
            properties.shift_remove("eo:cloud_cover");
        }
        let feature = Feature {
            version: "1.1.0",
            extensions: &[
                "eo/v2.0.0",
                "file/v2.1.0",
                "grid/v1.1.0",
                "mgrs/v1.0.0",
                "projection/v2.0.0",
                "raster/v2.0.0",
                "sentinel-2/v1.0.0",
                "view/v1.0.0",
            ],
            id: &id,
            collection: ID,
            ring,
            properties,
            assets: self.assets(),
        };
        feature.json()
    }
}

fn sum(file: File) -> Option<String> {
    checksum(&*file.bytes()).ok()
}

/// A GeoTIFF of each scene.
struct Raster {
    key: &'static str,
    /// The name before the dot.
    file: &'static str,
    title: &'static str,
    /// Metres: 10, 20 or 60.
    resolution: u32,
    product: Product,
    /// Micrometres, and STAC's common name.
    band: Option<(f64, &'static str)>,
}

impl Raster {
    fn name(&self) -> String {
        format!("R{}m/{}.tif", self.resolution, self.file)
    }
}

const fn band(
    key: &'static str,
    file: &'static str,
    resolution: u32,
    wavelength: Wavelength,
    micrometres: f64,
    common: &'static str,
) -> Raster {
    let product = Product::Band(wavelength, SCALE as f32, OFFSET as f32);
    Raster { key, file, title: key, resolution, product, band: Some((micrometres, common)) }
}

const fn other(
    key: &'static str,
    file: &'static str,
    title: &'static str,
    resolution: u32,
    product: Product,
) -> Raster {
    Raster { key, file, title, resolution, product, band: None }
}

const AEROSOL: Product = Product::Smooth(120.0);
const VAPOUR: Product = Product::Smooth(1_400.0);

const RASTERS: [Raster; 19] = [
    band("coastal", "B01", 60, Wavelength::Coastal, 0.443, "coastal"),
    band("blue", "B02", 10, Wavelength::Blue, 0.49, "blue"),
    band("green", "B03", 10, Wavelength::Green, 0.56, "green"),
    band("red", "B04", 10, Wavelength::Red, 0.665, "red"),
    band("rededge1", "B05", 20, Wavelength::RedEdge1, 0.704, "rededge071"),
    band("rededge2", "B06", 20, Wavelength::RedEdge2, 0.74, "rededge075"),
    band("rededge3", "B07", 20, Wavelength::RedEdge3, 0.783, "rededge078"),
    band("nir", "B08", 10, Wavelength::Nir, 0.842, "nir"),
    band("nir08", "B8A", 20, Wavelength::Nir08, 0.865, "nir08"),
    band("nir09", "B09", 60, Wavelength::Nir09, 0.945, "nir09"),
    band("swir16", "B11", 20, Wavelength::Swir16, 1.61, "swir16"),
    band("swir22", "B12", 20, Wavelength::Swir22, 2.19, "swir22"),
    other("visual", "TCI", "True colour image", 10, Product::TrueColour),
    other("scl", "SCL", "Scene classification", 20, Product::SceneClassification),
    other("aot", "AOT", "Aerosol optical thickness", 20, AEROSOL),
    other("aot-10m", "AOT", "Aerosol optical thickness", 10, AEROSOL),
    other("aot-60m", "AOT", "Aerosol optical thickness", 60, AEROSOL),
    other("wvp", "WVP", "Water vapour", 20, VAPOUR),
    other("wvp-10m", "WVP", "Water vapour", 10, VAPOUR),
];
const THUMBNAIL: &str = "L2A_PVI.jpg";
const METADATA: [(&str, &str); 3] = [
    ("granule_metadata", "metadata.xml"),
    ("product_metadata", "product_metadata.xml"),
    ("tileinfo_metadata", "tileInfo.json"),
];

/// The collection. Items are kept once they are made: their cloud cover and checksums take a while.
pub(super) struct Sentinel {
    items: Vec<OnceLock<Value>>,
}

impl Sentinel {
    /// All 200 scenes, none of them made yet.
    pub fn new() -> Sentinel {
        Sentinel { items: std::iter::repeat_with(OnceLock::new).take(4 * PASSES).collect() }
    }
}

impl Items for Sentinel {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn json(&self, index: usize) -> Value {
        self.items
            .get(index)
            .map(|item| item.get_or_init(|| Scene::at(index).json()).clone())
            .unwrap_or_default()
    }

    fn summary(&self, index: usize) -> super::Summary {
        let scene = Scene::at(index);
        let (west, north) = (10.0 * scene.bounds().x as f64, -10.0 * scene.bounds().y as f64);
        let length = 10.0 * SIDE as f64;
        let corners = [(0.0, 0.0), (length, 0.0), (length, -length), (0.0, -length)]
            .map(|(x, y)| Utm { easting: ORIGIN.0 + west + x, northing: ORIGIN.1 + north + y }.degrees());
        super::Summary {
            id: scene.id(),
            bbox: Some(super::stac::bbox(&corners)),
            datetime: scene.time().parse().ok(),
            start: None,
            end: None,
        }
    }
}

impl Series for Sentinel {
    fn collection(&self) -> Value {
        let item_assets: Map<String, Value> = RASTERS
            .iter()
            .map(|r| {
                (
                    r.key.to_owned(),
                    json!({"title": r.title, "type": COG, "roles": ["data"], "gsd": r.resolution}),
                )
            })
            .collect();
        let last = Scene::at(self.len() - 1).day();
        json!({
            "type": "Collection", "stac_version": "1.1.0", "id": ID,
            "stac_extensions": [super::stac::extension("scientific/v1.0.0")],
            "title": "Sentinel-2 Level-2A (synthetic)",
            "description": "Surface reflectance of a synthetic river mouth in the shape of Sentinel-2 Level-2A: \
                twelve bands at 10, 20 and 60 m, a true colour image, a scene classification and clouds that come and \
                go. Four squares of 7.68 km, cut where 32UMF, 32UNF, 32UME and 32UNE meet at 9° east, 54.15° north, join \
                in a mosaic; fields follow the seasons from January 2024 to June 2025.",
            "license": "CC0-1.0",
            "keywords": ["Sentinel-2", "Copernicus", "ESA", "MSI", "surface reflectance", "fields"],
            "providers": [
                {"name": "ESA", "roles": ["producer"], "url": "https://sentinels.copernicus.eu/"},
                {"name": "stacfs", "roles": ["processor", "host"]},
            ],
            "extent": {
                "spatial": {"bbox": [[8.88, 54.07, 9.12, 54.22]]},
                "temporal": {"interval": [[format!("{FIRST}T00:00:00Z"), format!("{last}T23:59:59Z")]]},
            },
            "summaries": {
                "platform": ["sentinel-2a", "sentinel-2b"], "constellation": ["sentinel-2"], "instruments": ["msi"],
                "gsd": [10, 20, 60], "eo:cloud_cover": {"minimum": 0, "maximum": 100},
                "grid:code": SQUARES.map(|(square, ..)| format!("MGRS-{square}")),
                "proj:code": ["EPSG:32632"],
            },
            "sci:doi": "10.5270/S2_-znk9xsj",
            "sci:citation": "Copernicus Sentinel-2 (processed by ESA), MSI Level-2A BOA Reflectance Product, Collection 1. (The shape only; the scenes here are synthetic.)",
            "item_assets": item_assets,
            "links": [
                {"rel": "license", "href": "https://creativecommons.org/publicdomain/zero/1.0/", "type": "text/html"},
                {"rel": "cite-as", "href": "https://doi.org/10.5270/S2_-znk9xsj"},
            ],
        })
    }

    fn queryables(&self) -> Value {
        queryables(&[
            (
                "eo:cloud_cover",
                json!({"title": "Cloud cover", "description": "Percent", "type": "number", "minimum": 0, "maximum": 100}),
            ),
            (
                "platform",
                json!({"title": "Platform", "type": "string", "enum": ["sentinel-2a", "sentinel-2b"]}),
            ),
            (
                "grid:code",
                json!({"title": "Square of the military grid", "type": "string", "pattern": "^MGRS-[0-9]{2}[A-Z]{3}$"}),
            ),
            ("s2:mgrs_tile", json!({"title": "MGRS tile", "type": "string"})),
            ("view:sun_elevation", json!({"title": "Elevation of the sun", "type": "number"})),
        ])
    }

    fn folder(&self) -> &'static str {
        FOLDER
    }

    fn file(&self, path: &str) -> Option<File> {
        let whole = format!("{FOLDER}{path}");
        let scene = (0..self.len()).map(Scene::at).find(|scene| whole.starts_with(&scene.folder()))?;
        scene.file(whole.strip_prefix(&scene.folder())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_meet_and_days_differ() {
        let sentinel = Sentinel::new();
        let all: Vec<_> = (0..200).map(|n| sentinel.summary(n)).collect();
        let ids: std::collections::HashSet<_> = all.iter().map(|one| &one.id).collect();
        assert_eq!(ids.len(), 200);
        let bbox = |n: usize| all[n].bbox.unwrap();
        assert!((bbox(0)[2] - bbox(1)[0]).abs() < 2e-3 && (bbox(0)[1] - bbox(2)[3]).abs() < 2e-3);
        assert!((9.0 - bbox(3)[0]).abs() < 1e-6);
        assert_eq!(all[6], super::super::Summary::of(&sentinel.json(6)));
    }

    #[test]
    fn sizes_and_sums_are_those_of_the_bytes() {
        let sentinel = Sentinel::new();
        let item = sentinel.json(5);
        let mut cheap = 0;
        for (key, asset) in item["assets"].as_object().unwrap() {
            let path = asset["href"].as_str().unwrap().strip_prefix(FOLDER).unwrap();
            let bytes = sentinel.file(path).unwrap().bytes();
            if let Some(size) = asset["file:size"].as_u64() {
                assert_eq!(bytes.len(), size, "{key}");
            }
            if let Some(sum) = asset["file:checksum"].as_str() {
                assert_eq!(checksum(&*bytes).unwrap(), sum, "{key}");
                cheap += 1;
            }
        }
        assert_eq!(cheap, 3);
        let basenames = ["aot", "aot-10m", "aot-60m"]
            .map(|key| item["assets"][key]["href"].as_str().unwrap().rsplit('/').next().unwrap().to_owned());
        assert!(basenames.iter().all(|name| name == "AOT.tif"), "they collide on purpose");
    }

    #[test]
    fn some_cloud_cover_is_unknown() {
        let sentinel = Sentinel::new();
        let unknown = (0..200).filter(|&n| {
            let scene = Scene::at(n);
            (scene.pass * 4 + scene.square.len()).is_multiple_of(17)
        });
        let unknown: Vec<usize> = unknown.collect();
        assert!((4..40).contains(&unknown.len()), "{}", unknown.len());
        assert!(sentinel.json(unknown[0])["properties"].get("eo:cloud_cover").is_none());
    }
}
