//! A small world that takes no time to make: what tests of protocols need, and nothing to look at.

use super::{Assets, Catalog, Collection, World};
use crate::demo::http::{Content, Slice};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

/// How many bytes an image of the small world has.
const IMAGE: usize = 5_000;

/// Four collections: `moon` (25 scenes, one of them across the antimeridian, with colliding basenames), `fields`
/// (12 scenes with cloud cover), `odd` (ids and items that are hard to handle) and `empty`. The first two stand in
/// child catalogues. Always the same.
pub fn small() -> World {
    let mut assets = Memory::default();
    let collections = vec![
        collection("moon", "Scenes of the Moon", moon(&mut assets)),
        collection("fields", "Fields on Earth", fields(&mut assets)),
        collection("odd", "Items that are hard to handle", odd()),
        collection("empty", "Nothing at all", Vec::new()),
    ];
    let catalog = |id: &str, title: &str, collections: &[&str], catalogs| Catalog {
        id: id.to_owned(),
        title: title.to_owned(),
        description: format!("{title}."),
        collections: collections.iter().map(|&id| id.to_owned()).collect(),
        catalogs,
    };
    World {
        id: "small".into(),
        title: "A small world".into(),
        description: "Four collections that take no time to make.".into(),
        collections,
        catalogs: vec![
            catalog("planets", "Planets", &[], vec![catalog("lunar", "Moons", &["moon"], Vec::new())]),
            catalog("earth", "Earth", &["fields"], Vec::new()),
        ],
        assets: Arc::new(assets),
    }
}

/// Assets in memory, by path.
#[derive(Default)]
struct Memory(HashMap<String, Content>);

impl Memory {
    fn add(&mut self, path: &str, media_type: &str, bytes: Vec<u8>) {
        let content = Content {
            etag: Some(format!("\"{:08x}\"", crc32c::crc32c(&bytes))),
            bytes: Arc::new(Slice(bytes)),
            media_type: media_type.to_owned(),
            last_modified: Timestamp::from_second(1_600_000_000).ok(),
        };
        self.0.insert(path.to_owned(), content);
    }
}

impl Assets for Memory {
    fn asset(&self, path: &str) -> Option<Content> {
        self.0.get(path).cloned()
    }
}

fn collection(id: &str, title: &str, items: Vec<Value>) -> Collection {
    let json = json!({
        "type": "Collection", "stac_version": "1.0.0", "id": id, "title": title,
        "description": format!("{title}."), "license": "CC0-1.0", "keywords": ["test", id],
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2009-01-01T00:00:00Z", null]]}
        },
        "links": [{"rel": "license", "href": "https://creativecommons.org/publicdomain/zero/1.0/", "type": "text/html"}]
    });
    let queryables = json!({
        "gsd": {"title": "Ground sample distance", "type": "number"},
        "platform": {"title": "Platform", "type": "string"},
        "eo:cloud_cover": {"title": "Cloud cover", "type": "number", "minimum": 0, "maximum": 100}
    });
    Collection { json, queryables, items: Arc::new(items) }
}

fn item(id: Value, bbox: [f64; 4], properties: Value, assets: Value) -> Value {
    let [west, south, east, north] = bbox;
    let ring = |west: f64, east: f64| {
        json!([[[west, south], [east, south], [east, north], [west, north], [west, south]]])
    };
    let geometry = if west <= east {
        json!({"type": "Polygon", "coordinates": ring(west, east)})
    } else {
        json!({"type": "MultiPolygon", "coordinates": [ring(west, 180.), ring(-180., east)]})
    };
    json!({
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": id,
        "geometry": geometry, "bbox": bbox, "properties": properties, "assets": assets,
    })
}

fn moon(assets: &mut Memory) -> Vec<Value> {
    let scene = |number: usize| {
        let id = format!("TC_{number:02}");
        let (column, row) = ((number % 5) as f64, (number / 5) as f64);
        let (west, south) = (-178. + column * 80., -50. + row * 20.);
        let bbox = if number == 24 { [179., 0., -179., 2.] } else { [west, south, west + 2., south + 2.] };
        let base = format!("moon/{id}");
        assets.add(&format!("{base}/{id}.tif"), "image/tiff; application=geotiff", image(number));
        assets.add(
            &format!("{base}/{id}.lbl"),
            "text/plain",
            format!("PRODUCT_ID = {id}\nEND\n").into_bytes(),
        );
        assets.add(&format!("{base}/a/provenance.txt"), "text/plain", b"one".to_vec());
        assets.add(&format!("{base}/b/provenance.txt"), "text/plain", b"another".to_vec());
        let properties = json!({
            "datetime": format!("2009-{:02}-07T10:{number:02}:00Z", number % 12 + 1),
            "created": "2023-01-01T00:00:00Z", "updated": "2023-02-01T00:00:00Z",
            "platform": "SELENE", "gsd": 7.4 + number as f64 / 10., "ssys:targets": ["Moon"],
            "title": format!("Scene {number}")
        });
        let href = |name: &str| format!("{base}/{name}");
        let files = json!({
            "image": {"href": href(&format!("{id}.tif")), "type": "image/tiff; application=geotiff", "roles": ["data"]},
            "pds_label": {"href": href(&format!("{id}.lbl")), "type": "text/plain", "roles": ["metadata"]},
            "provenance": {"href": href("a/provenance.txt"), "type": "text/plain"},
            "history": {"href": href("b/provenance.txt"), "type": "text/plain"}
        });
        item(json!(id), bbox, properties, files)
    };
    (0..25).map(scene).collect()
}

fn fields(assets: &mut Memory) -> Vec<Value> {
    let scene = |number: usize| {
        let id = format!("S2_{number:02}");
        let west = 10. + number as f64;
        for band in ["B02", "B03", "B04"] {
            assets.add(&format!("fields/{id}/{band}.tif"), "image/tiff", image(number));
        }
        let mut properties = json!({
            "datetime": format!("2021-07-{:02}T10:00:00Z", number + 1), "platform": if number.is_multiple_of(2) { "sentinel-2a" } else { "sentinel-2b" },
            "gsd": 10, "eo:cloud_cover": number * 8
        });
        if number == 11 {
            properties["eo:cloud_cover"] = Value::Null;
        }
        let band = |band: &str| json!({"href": format!("fields/{id}/{band}.tif"), "type": "image/tiff", "file:size": IMAGE, "roles": ["data"]});
        item(
            json!(id),
            [west, 45., west + 1.5, 46.],
            properties,
            json!({"blue": band("B02"), "green": band("B03"), "red": band("B04")}),
        )
    };
    (0..12).map(scene).collect()
}

/// Items with odd ids, and items that lack things.
fn odd() -> Vec<Value> {
    let long = "long".repeat(75);
    let ids = [
        "a/b",
        "with space",
        "100%",
        "100%25",
        "käse",
        "urn:nasa:pds:x",
        ".hidden",
        "x=y",
        "count",
        "12345",
        &long,
    ];
    let at = |second: usize| json!({"datetime": format!("2015-05-05T00:00:{second:02}Z")});
    let mut items: Vec<Value> =
        (0..).zip(ids).map(|(number, id)| item(json!(id), [0., 0., 1., 1.], at(number), json!({}))).collect();
    let mut nowhere = item(json!("nowhere"), [0., 0., 1., 1.], at(30), json!({}));
    nowhere["geometry"] = Value::Null;
    if let Some(nowhere) = nowhere.as_object_mut() {
        nowhere.shift_remove("bbox");
    }
    items.push(nowhere);
    let span = json!({
        "datetime": null, "start_datetime": "2015-01-01T00:00:00Z", "end_datetime": "2015-12-31T00:00:00Z"
    });
    items.push(item(json!("all-year"), [5., 5., 6., 6.], span, json!({})));
    items
}

fn image(seed: usize) -> Vec<u8> {
    (0..IMAGE).map(|at| (at * 31 + seed * 7) as u8).collect()
}
