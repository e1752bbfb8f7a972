//! Collections for measuring: many items, many small files, and one very large file.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::embedded::Series;
use super::file::{COG, File, JPEG, JSON, TEXT};
use super::pvl::{Dialect, object, print, text, value};
use super::raster::moon::Moon;
use super::raster::{Cog, Compression, Crs, Georeference, MOON_RADIUS, Preview, Sample, Spec, Window};
use super::stac::{Feature, queryables};
use super::{Items, Summary};

/// A collection of this room, with what they have in common.
fn collection(id: &str, title: &str, description: &str, bbox: [f64; 4], interval: [&str; 2]) -> Value {
    json!({
        "type": "Collection", "stac_version": "1.0.0", "stac_extensions": [],
        "id": id, "title": title, "description": description, "license": "CC0-1.0",
        "keywords": ["synthetic", "benchmark"],
        "providers": [{"name": "stacfs", "roles": ["producer", "host"]}],
        "extent": {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [interval]}},
        "links": [
            {"rel": "license", "href": "https://creativecommons.org/publicdomain/zero/1.0/", "type": "text/html"},
        ],
    })
}

/// 20,000 small items over ten years, on a grid of places all over the Earth; made from their numbers.
pub(super) struct Many;

impl Many {
    const COUNT: usize = 20_000;
    const PLATFORMS: [&'static str; 3] = ["probe-a", "probe-b", "probe-c"];
    /// 2015-01-01.
    const FIRST: i64 = 1_420_070_400;
    /// Ten years, spread evenly, with a step that shares no divisor with the number of places.
    const SECONDS: i64 = 315_576_000;

    fn place(index: usize) -> [f64; 2] {
        // 200 columns of 1.8°, 100 rows of 1.7°; neighbours in time are far apart.
        let cell = index * 7_919 % Many::COUNT;
        [-179.1 + 1.8 * (cell % 200) as f64, -84.15 + 1.7 * (cell / 200) as f64].map(super::stac::rounded)
    }

    fn time(index: usize) -> Timestamp {
        let second = Many::FIRST + index as i64 * (Many::SECONDS / Many::COUNT as i64);
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    fn id(index: usize) -> String {
        format!("M{index:05}")
    }
}

impl Items for Many {
    fn len(&self) -> usize {
        Many::COUNT
    }

    fn json(&self, index: usize) -> Value {
        let id = Many::id(index);
        let [lon, lat] = Many::place(index);
        let size = note(&id).len();
        let mut assets = json!({
            "note": {"href": format!("many/{id}/{id}.txt"), "type": TEXT, "roles": ["data"], "file:size": size},
        });
        if index.is_multiple_of(2) {
            assets["state"] =
                json!({"href": format!("many/{id}/{id}.json"), "type": JSON, "roles": ["metadata"]});
        }
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": "many",
            "stac_extensions": [super::stac::extension("file/v2.1.0")],
            "geometry": {"type": "Point", "coordinates": [lon, lat]}, "bbox": [lon, lat, lon, lat],
            "properties": {
                "datetime": Many::time(index).to_string(),
                "platform": Many::PLATFORMS[index % 3],
                "eo:cloud_cover": index * 37 % 101,
            },
            "assets": assets,
        })
    }

    fn summary(&self, index: usize) -> Summary {
        let [lon, lat] = Many::place(index);
        Summary {
            id: Many::id(index),
            bbox: Some([lon, lat, lon, lat]),
            datetime: Some(Many::time(index)),
            start: None,
            end: None,
        }
    }
}

fn note(id: &str) -> String {
    format!("This is the note of {id}, one of many.\n")
}

impl Series for Many {
    fn collection(&self) -> Value {
        let mut json = collection(
            "many",
            "Twenty thousand small items",
            "Points all over the Earth through ten years, to see how listings, counts and searches bear numbers.",
            [-180.0, -90.0, 180.0, 90.0],
            ["2015-01-01T00:00:00Z", "2025-01-01T00:00:00Z"],
        );
        json["summaries"] = json!({"platform": Many::PLATFORMS});
        json
    }

    fn queryables(&self) -> Value {
        queryables(&[
            ("platform", json!({"title": "Platform", "type": "string", "enum": Many::PLATFORMS})),
            (
                "eo:cloud_cover",
                json!({"title": "Cloud cover", "type": "number", "minimum": 0, "maximum": 100}),
            ),
        ])
    }

    fn folder(&self) -> &'static str {
        "many/"
    }

    fn file(&self, path: &str) -> Option<File> {
        let (id, name) = path.split_once('/')?;
        let index: usize = id.strip_prefix('M')?.parse().ok()?;
        if index >= Many::COUNT || id != Many::id(index) {
            return None;
        }
        match name.strip_prefix(id)? {
            ".txt" => Some(File::new(TEXT, note(id))),
            ".json" if index.is_multiple_of(2) => Some(File::new(JSON, format!("{{\"id\":\"{id}\"}}\n"))),
            _ => None,
        }
    }
}

/// 100 items with a label and a handful of other small files each.
pub(super) struct SmallFiles;

impl SmallFiles {
    fn id(index: usize) -> String {
        format!("SF_{index:03}")
    }

    /// Key, ending of the name and length of the files that are plain filling.
    const FILLED: [(&'static str, &'static str, usize); 4] = [
        ("profile", "_profile.csv", 2_048),
        ("log", "_log.txt", 5_000),
        ("table", "_table.csv", 20_480),
        ("stack", "_stack.txt", 65_536),
    ];

    /// Lines of numbers, cut to a length.
    fn filling(id: &str, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::with_capacity(length + 64);
        let mut line = 0;
        while bytes.len() < length {
            bytes.extend(format!("{id},{line},{},{}\n", line * 7_919 % 1_000, line * 104_729 % 977).bytes());
            line += 1;
        }
        bytes.truncate(length);
        bytes
    }

    /// A label of about 7 KB.
    fn label(id: &str, index: usize) -> String {
        let angles = (0..195).map(|n| {
            value(&format!("Angle{n:03}"), format!("{:.12}", (index * 31 + n * 17 % 900) as f64 / 10.0))
        });
        let mut inside =
            vec![text("ProductId", id), value("IncidenceAngle", format!("{:.6}", 20.0 + index as f64 * 0.6))];
        inside.extend(angles);
        print(&[object("Caminfo", inside)], Dialect::Isis)
    }
}

impl Items for SmallFiles {
    fn len(&self) -> usize {
        100
    }

    fn json(&self, index: usize) -> Value {
        let id = SmallFiles::id(index);
        let (lon, lat) = (10.0 + 0.1 * (index % 10) as f64, 50.0 + 0.1 * (index / 10) as f64);
        let mut assets = Map::new();
        let mut add = |key: &str, ending: &str, kind: &str| {
            let href = format!("small-files/{id}/{id}{ending}");
            assets.insert(key.to_owned(), json!({"href": href, "type": kind, "roles": ["metadata"]}));
        };
        add("caminfo_pvl", ".caminfo.pvl", TEXT);
        SmallFiles::FILLED.iter().for_each(|(key, ending, _)| add(key, ending, TEXT));
        let feature = Feature {
            version: "1.0.0",
            extensions: &[],
            id: &id,
            collection: "small-files",
            ring: [[0.0, 0.0], [0.1, 0.0], [0.1, 0.1], [0.0, 0.1], [0.0, 0.0]]
                .map(|[x, y]| [lon + x, lat + y])
                .into(),
            properties: json!({
                "datetime": format!("2020-{:02}-{:02}T12:00:00Z", index / 28 + 1, index % 28 + 1),
            }),
            assets,
        };
        feature.json()
    }
}

impl Series for SmallFiles {
    fn collection(&self) -> Value {
        collection(
            "small-files",
            "Many small files",
            "A hundred items with a label of 7 KB, three files of 2 to 20 KB and one of 64 KB each: what a search \
                for an angle in all labels has to read.",
            [10.0, 50.0, 11.0, 51.0],
            ["2020-01-01T00:00:00Z", "2020-12-31T00:00:00Z"],
        )
    }

    fn queryables(&self) -> Value {
        queryables(&[])
    }

    fn folder(&self) -> &'static str {
        "small-files/"
    }

    fn file(&self, path: &str) -> Option<File> {
        let (id, name) = path.split_once('/')?;
        let index = (0..self.len()).find(|&index| SmallFiles::id(index) == id)?;
        let ending = name.strip_prefix(id)?;
        if ending == ".caminfo.pvl" {
            return Some(File::new(TEXT, SmallFiles::label(id, index)));
        }
        let (_, _, length) = SmallFiles::FILLED.iter().find(|(_, own, _)| *own == ending)?;
        Some(File::new(TEXT, SmallFiles::filling(id, *length)))
    }
}

/// Mosaics of the whole Moon at several scales, the largest of 320 MB.
pub(super) struct Mosaics;

/// Pixels per degree of each mosaic.
const SCALES: [u32; 4] = [42, 21, 8, 4];

impl Mosaics {
    fn id(scale: u32) -> String {
        format!("Lunar_Mosaic_{scale:02}ppd")
    }

    fn moon(scale: u32) -> Moon {
        Moon { seed: 7, mare: 52.0 * f64::from(scale), gain: 2_000.0 }
    }

    fn spec(scale: u32) -> Spec {
        let pixel = MOON_RADIUS * std::f64::consts::PI / 180.0 / f64::from(scale);
        let (width, height) = (360 * scale, 180 * scale);
        let (west, north) = (-f64::from(width / 2) * pixel, f64::from(height / 2) * pixel);
        Spec {
            width,
            height,
            bands: 1,
            sample: Sample::U16,
            tile: 512,
            compression: Compression::None,
            nodata: Some(0.0),
            scale: Some((0.0001, 0.0)),
            georeference: Georeference { crs: Crs::Moon(0), west, north, pixel },
            origin: (0, 0),
        }
    }
}

impl Items for Mosaics {
    fn len(&self) -> usize {
        SCALES.len()
    }

    fn json(&self, index: usize) -> Value {
        let Some(&scale) = SCALES.get(index) else { return Value::Null };
        let id = Mosaics::id(scale);
        let spec = Mosaics::spec(scale);
        let assets = json!({
            "image": {
                "href": format!("lunar-mosaics/{id}/{id}.tif"), "type": COG, "title": "Mosaic", "roles": ["data"],
                "file:size": Cog::plain_len(&spec),
                "raster:bands": [{"data_type": "uint16", "nodata": 0, "scale": 0.0001, "offset": 0}],
            },
            "thumbnail": {
                "href": format!("lunar-mosaics/{id}/{id}.jpg"), "type": JPEG, "title": "The Moon", "roles": ["thumbnail"],
            },
        });
        let feature = Feature {
            version: "1.0.0",
            extensions: &["projection/v1.1.0", "raster/v1.1.0", "file/v2.1.0", "ssys/v1.1.0"],
            id: &id,
            collection: "lunar-mosaics",
            ring: vec![[-180.0, -90.0], [180.0, -90.0], [180.0, 90.0], [-180.0, 90.0], [-180.0, -90.0]],
            properties: json!({
                "datetime": null,
                "start_datetime": "2009-11-01T00:00:00Z", "end_datetime": "2011-02-28T00:00:00Z",
                "title": format!("The Moon at {scale} pixels per degree"),
                "gsd": spec.georeference.pixel,
                "ssys:targets": ["Moon"],
                "proj:epsg": null,
                "proj:shape": [spec.height, spec.width],
            }),
            assets: assets.as_object().cloned().unwrap_or_default(),
        };
        feature.json()
    }
}

impl Series for Mosaics {
    fn collection(&self) -> Value {
        let mut json = collection(
            "lunar-mosaics",
            "Mosaics of the Moon (synthetic)",
            "Maria, highlands and rayed craters of a synthetic Moon as global mosaics at four scales. The largest \
                is an uncompressed image of 320 MB, painted as it is read: a file to measure with.",
            [-180.0, -90.0, 180.0, 90.0],
            ["2009-11-01T00:00:00Z", "2011-02-28T00:00:00Z"],
        );
        json["stac_extensions"] = json!([super::stac::extension("ssys/v1.1.0")]);
        json["ssys:targets"] = json!(["Moon"]);
        json["summaries"] = json!({"ssys:targets": ["Moon"]});
        json
    }

    fn queryables(&self) -> Value {
        queryables(&[("gsd", json!({"title": "Ground sample distance", "type": "number", "minimum": 0}))])
    }

    fn folder(&self) -> &'static str {
        "lunar-mosaics/"
    }

    fn file(&self, path: &str) -> Option<File> {
        let (id, name) = path.split_once('/')?;
        let scale = *SCALES.iter().find(|&&scale| Mosaics::id(scale) == id)?;
        match name.strip_prefix(id)? {
            ".tif" => Some(File::raster(Mosaics::spec(scale), Arc::new(Mosaics::moon(scale)))),
            ".jpg" => {
                // Between 480 and 750 pixels wide.
                let level = (scale / 4).ilog2() + 1;
                let (width, height) = (((360 * scale) >> level) as usize, ((180 * scale) >> level) as usize);
                let window = Window { level, x: 0, y: 0, width, height };
                Some(File::preview(Preview {
                    picture: Arc::new(Mosaics::moon(scale)),
                    window,
                    range: (200.0, 4_000.0),
                }))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn many_are_spread_and_told_apart() {
        let all: Vec<Summary> = (0..Many.len()).map(|n| Many.summary(n)).collect();
        assert_eq!(all.len(), 20_000);
        let places: HashSet<String> = all.iter().map(|one| format!("{:?}", one.bbox)).collect();
        assert_eq!(places.len(), 20_000);
        let year = |one: &Summary| one.datetime.unwrap().to_string()[..4].to_owned();
        let years: HashSet<String> = all.iter().map(year).collect();
        assert_eq!(years.len(), 10);
        for n in [0, 1, 777, 19_999] {
            assert_eq!(all[n], Summary::of(&Many.json(n)));
        }
    }

    #[test]
    fn the_files_of_items_exist_and_no_others() {
        let series: [&dyn Series; 3] = [&Many, &SmallFiles, &Mosaics];
        for one in series {
            let item = one.json(1);
            for asset in item["assets"].as_object().unwrap().values() {
                let path = asset["href"].as_str().unwrap().strip_prefix(one.folder()).unwrap();
                let file = one.file(path).unwrap();
                assert_eq!(file.media_type, asset["type"].as_str().unwrap());
                if let Some(size) = asset["file:size"].as_u64() {
                    assert_eq!(file.bytes().len(), size, "{path}");
                }
                assert!(one.file(&format!("{path}x")).is_none());
            }
        }
        assert!(Many.file("M00001/M00001.json").is_none(), "odd ones have no state");
        assert!(Many.file("M20000/M20000.txt").is_none());
    }

    #[test]
    fn small_files_have_the_sizes_that_matter() {
        let size = |ending: &str| SmallFiles.file(&format!("SF_042/SF_042{ending}")).unwrap().bytes().len();
        assert!((6_000..8_000).contains(&size(".caminfo.pvl")), "{}", size(".caminfo.pvl"));
        assert_eq!(size("_stack.txt"), 65_536);
    }

    #[test]
    fn the_largest_mosaic_is_large() {
        let size = Mosaics.json(0)["assets"]["image"]["file:size"].as_u64().unwrap();
        assert!((290_000_000..330_000_000).contains(&size), "{size}");
    }
}
