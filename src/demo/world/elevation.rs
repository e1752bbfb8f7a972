//! Tiles of one degree with heights, in the shape of the Copernicus DEM.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Items;
use super::embedded::Series;
use super::file::{COG, File, JPEG};
use super::raster::relief::Relief;
use super::raster::{Compression, Crs, Georeference, Preview, Sample, Spec, Window};
use super::stac::{Feature, queryables};

const ID: &str = "elevation";
const FOLDER: &str = "elevation/";
/// The south-west corner of the first tile, and how many tiles there are from west to east and south to north.
const WEST: i64 = 6;
const SOUTH: i64 = 44;
const COLUMNS: usize = 7;
const ROWS: usize = 5;
/// Pixels per degree: 6 arc-seconds.
const SCALE: i64 = 600;
const RELIEF: Relief = Relief { seed: 4, range: 900.0 };

/// The collection.
pub(super) struct Elevation;

/// A tile by its south-west corner, in degrees.
struct Tile {
    lon: i64,
    lat: i64,
}

impl Tile {
    fn at(index: usize) -> Tile {
        Tile { lon: WEST + (index % COLUMNS) as i64, lat: SOUTH + (index / COLUMNS) as i64 }
    }

    fn id(&self) -> String {
        format!("Copernicus_DSM_COG_60_N{:02}_00_E{:03}_00_DEM", self.lat, self.lon)
    }

    fn spec(&self) -> Spec {
        let georeference = Georeference {
            crs: Crs::Geographic(4326),
            west: self.lon as f64,
            north: (self.lat + 1) as f64,
            pixel: 1.0 / SCALE as f64,
        };
        Spec {
            width: SCALE as u32,
            height: SCALE as u32,
            bands: 1,
            sample: Sample::F32,
            tile: 256,
            compression: Compression::None,
            nodata: None,
            scale: None,
            georeference,
            origin: self.origin(),
        }
    }

    fn origin(&self) -> (i64, i64) {
        (self.lon * SCALE, (90 - self.lat - 1) * SCALE)
    }

    fn file(&self, name: &str) -> Option<File> {
        let id = self.id();
        if name == format!("{id}.tif") {
            return Some(File::raster(self.spec(), Arc::new(RELIEF)));
        }
        let (x, y) = self.origin();
        let window = Window { level: 1, x: x >> 1, y: y >> 1, width: 300, height: 300 };
        let preview = Preview { picture: Arc::new(RELIEF), window, range: (0.0, 3200.0) };
        (name == format!("{id}_QL.jpg")).then(|| File::preview(preview))
    }

    fn json(&self) -> Value {
        let id = self.id();
        let (west, south) = (self.lon as f64, self.lat as f64);
        let (east, north) = (west + 1.0, south + 1.0);
        let pixel = 1.0 / SCALE as f64;
        let assets = json!({
            "data": {
                "href": format!("{FOLDER}{id}/{id}.tif"), "type": COG, "title": "Data", "roles": ["data"],
                "file:size": super::raster::Cog::plain_len(&self.spec()),
                "data_type": "float32", "unit": "m", "raster:spatial_resolution": 180, "raster:sampling": "area",
            },
            "quicklook": {
                "href": format!("{FOLDER}{id}/{id}_QL.jpg"), "type": JPEG, "title": "Quicklook", "roles": ["thumbnail"],
            },
        });
        let feature = Feature {
            version: "1.1.0",
            extensions: &["projection/v2.0.0", "grid/v1.1.0", "raster/v2.0.0", "file/v2.1.0"],
            id: &id,
            collection: ID,
            ring: vec![[west, south], [east, south], [east, north], [west, north], [west, south]],
            properties: json!({
                "datetime": "2021-04-22T00:00:00Z",
                "created": "2023-03-28T15:22:59.882Z", "updated": "2023-04-20T18:14:10.698Z",
                "platform": "tandem-x", "gsd": 180,
                "grid:code": format!("CDEM-N{:02}E{:03}", self.lat, self.lon),
                "proj:code": "EPSG:4326",
                "proj:shape": [SCALE, SCALE],
                "proj:transform": [pixel, 0, west, 0, -pixel, north],
                "proj:bbox": [west, south, east, north],
            }),
            assets: assets.as_object().cloned().unwrap_or_default(),
        };
        feature.json()
    }
}

impl Items for Elevation {
    fn len(&self) -> usize {
        COLUMNS * ROWS
    }

    fn json(&self, index: usize) -> Value {
        Tile::at(index).json()
    }
}

impl Series for Elevation {
    fn collection(&self) -> Value {
        let asset =
            json!({"title": "Data", "type": COG, "roles": ["data"], "data_type": "float32", "unit": "m"});
        json!({
            "type": "Collection", "stac_version": "1.1.0", "id": ID,
            "stac_extensions": ["https://stac-extensions.github.io/scientific/v1.0.0/schema.json"],
            "title": "Elevation mosaic (synthetic)",
            "description": "Heights in metres as one-degree tiles of 6 arc-seconds, in the shape of the Copernicus \
                DEM: a mountain range between plains, from 6° to 13° east and 44° to 49° north. Neighbours join \
                without a seam, so that a virtual mosaic can be shaded as one picture.",
            "license": "CC0-1.0",
            "keywords": ["DEM", "DSM", "elevation", "heights", "mosaic", "Copernicus"],
            "providers": [{"name": "stacfs", "roles": ["producer", "host"]}],
            "extent": {
                "spatial": {"bbox": [[WEST, SOUTH, WEST + COLUMNS as i64, SOUTH + ROWS as i64]]},
                "temporal": {"interval": [["2021-04-22T00:00:00Z", "2021-04-22T00:00:00Z"]]},
            },
            "summaries": {"gsd": [180], "platform": ["tandem-x"], "proj:code": ["EPSG:4326"]},
            "sci:doi": "10.5270/ESA-c5d3d65",
            "sci:citation": "European Space Agency (2024). Copernicus Global Digital Elevation Model. (The shape only; the heights here are synthetic.)",
            "item_assets": Map::from_iter([("data".to_owned(), asset)]),
            "links": [
                {"rel": "license", "href": "https://creativecommons.org/publicdomain/zero/1.0/", "type": "text/html"},
                {"rel": "cite-as", "href": "https://doi.org/10.5270/ESA-c5d3d65"},
            ],
        })
    }

    fn queryables(&self) -> Value {
        queryables(&[
            ("gsd", json!({"title": "Ground sample distance", "type": "number", "minimum": 0})),
            ("grid:code", json!({"title": "Tile", "type": "string"})),
            ("platform", json!({"title": "Platform", "type": "string", "enum": ["tandem-x"]})),
        ])
    }

    fn folder(&self) -> &'static str {
        FOLDER
    }

    fn file(&self, path: &str) -> Option<File> {
        let (id, name) = path.split_once('/')?;
        (0..self.len()).map(Tile::at).find(|tile| tile.id() == id)?.file(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_neighbours_and_their_files_are_found() {
        let items: Vec<Value> = (0..Elevation.len()).map(|n| Elevation.json(n)).collect();
        assert_eq!(items[0]["bbox"], json!([6.0, 44.0, 7.0, 45.0]));
        assert_eq!(items[1]["bbox"][0], items[0]["bbox"][2]);
        assert_eq!(items[COLUMNS]["bbox"][1], items[0]["bbox"][3]);
        for item in &items {
            for asset in item["assets"].as_object().unwrap().values() {
                let path = asset["href"].as_str().unwrap().strip_prefix(FOLDER).unwrap();
                let file = Elevation.file(path).unwrap();
                assert_eq!(file.media_type, asset["type"].as_str().unwrap());
                if let Some(size) = asset["file:size"].as_u64() {
                    assert_eq!(file.bytes().len(), size);
                }
            }
        }
    }
}
