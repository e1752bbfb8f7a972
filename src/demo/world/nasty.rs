//! Items that are hard to handle: what names, places, times and links a server may send that no example shows.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::Items;
use super::embedded::Series;
use super::file::{File, TEXT};
use super::stac::queryables;

const FOLDER: &str = "nasty/";

/// The collection. Its items do not all conform to STAC, on purpose.
pub(super) struct Nasty {
    items: Vec<Value>,
}

/// An asset in the folder with this path, which is encoded here.
fn file(path: &str) -> Value {
    let href: Vec<String> =
        path.split('/').map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string()).collect();
    json!({"href": format!("{FOLDER}{}", href.join("/")), "type": TEXT, "roles": ["data"]})
}

/// An item like any other, but for its id.
fn item(id: Value, number: usize) -> Value {
    let (lon, lat) = (number as f64 % 20.0, number as f64 / 20.0);
    json!({
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": id, "collection": "nasty",
        "geometry": {"type": "Point", "coordinates": [lon, lat]}, "bbox": [lon, lat, lon, lat],
        "properties": {"datetime": format!("2018-05-{:02}T06:00:00Z", number % 28 + 1)},
        "assets": {"note": file(&format!("{number}/note.txt"))},
    })
}

/// An item with these assets.
fn with_assets(id: &str, number: usize, assets: &[(&str, Value)]) -> Value {
    let mut item = item(json!(id), number);
    item["assets"] =
        assets.iter().map(|(key, asset)| ((*key).to_owned(), asset.clone())).collect::<Map<_, _>>().into();
    item
}

/// An item without some of its members.
fn lacking(id: &str, number: usize, members: &[&str]) -> Value {
    let mut item = item(json!(id), number);
    if let Some(item) = item.as_object_mut() {
        members.iter().for_each(|member| drop(item.shift_remove(*member)));
    }
    item
}

/// An item with one member changed.
fn changed(id: &str, number: usize, pointer: &str, value: Value) -> Value {
    let mut item = item(json!(id), number);
    if let Some(place) = item.pointer_mut(pointer) {
        *place = value;
    }
    item
}

/// `asset` with another member.
fn and(mut asset: Value, member: &str, value: Value) -> Value {
    asset[member] = value;
    asset
}

/// Ids that make bad names, and ids that are not even text.
fn odd_ids() -> Vec<Value> {
    let (long, accents) = ("long-".repeat(60), "é".repeat(140));
    let texts = [
        "a/b",
        "a/b/c",
        "/",
        "urn:nasa:pds:kaguya::1.0",
        "with space",
        " leading and trailing ",
        "100%",
        "100%25",
        "%2F",
        "x=y",
        "bbox=0,0,1,1",
        ".hidden",
        ".",
        "..",
        "...",
        "käse-文字-ελ",
        "🛰️🌍",
        "tab\tand\nnewline",
        "null\0byte",
        "bell\u{7}",
        "back\\slash",
        "quote\"and'quote",
        "collection.json",
        "count",
        "by-date",
        "items.geojson",
        "mosaics",
        "local",
        "TRUNCATED.txt",
        "README.md",
        "-rf",
        "~",
        "CaseTwin",
        "casetwin",
        "cafe\u{301}",
        "caf\u{e9}",
        "",
        long.as_str(),
        accents.as_str(),
    ];
    texts.into_iter().map(Value::from).chain([json!(42), json!(3.5), json!(-7)]).collect()
}

/// Items that lack what an item has, or have it in a form of their own.
fn odd_members(from: usize) -> Vec<Value> {
    let n = |more: usize| from + more;
    let mut interval = changed("interval", n(9), "/properties/datetime", Value::Null);
    interval["properties"]["start_datetime"] = json!("2018-01-01T00:00:00Z");
    interval["properties"]["end_datetime"] = json!("2018-12-31T23:59:59Z");
    vec![
        lacking("no-bbox", n(0), &["bbox"]),
        changed("no-geometry", n(1), "/geometry", Value::Null),
        lacking("nowhere", n(2), &["bbox", "geometry"]),
        lacking("no-collection", n(3), &["collection"]),
        lacking("no-assets", n(4), &["assets"]),
        lacking("no-properties", n(5), &["properties"]),
        changed("no-datetime", n(6), "/properties", json!({})),
        changed("null-datetime", n(7), "/properties/datetime", Value::Null),
        changed("bad-datetime", n(8), "/properties/datetime", json!("yesterday")),
        interval,
        changed("before-1970", n(10), "/properties/datetime", json!("1966-11-24T12:00:00Z")),
        changed("far-future", n(11), "/properties/datetime", json!("2999-12-31T23:59:59.999999Z")),
        changed("offset-time", n(12), "/properties/datetime", json!("2018-05-05T23:30:00-05:00")),
        changed("bbox-in-metres", n(13), "/bbox", json!([500_000.0, 5_990_000.0, 510_000.0, 6_000_000.0])),
        changed("bbox-of-six", n(14), "/bbox", json!([3.0, 1.0, -100.0, 4.0, 2.0, 900.0])),
        changed("bbox-0-360", n(15), "/bbox", json!([302.5, 7.4, 303.4, 8.3])),
        changed("bbox-inverted", n(16), "/bbox", json!([4.0, 2.0, 3.0, 1.0])),
        changed("bbox-of-text", n(17), "/bbox", json!(["1", "2", "3", "4"])),
        changed("old-version", n(18), "/stac_version", json!("0.9.0")),
    ]
}

/// Items whose assets are hard to name or to fetch.
fn odd_assets(from: usize) -> Vec<Value> {
    let n = |more: usize| from + more;
    let path = |more: usize, name: &str| format!("{}/{name}", n(more));
    let query = json!({"href": format!("{FOLDER}{}?token=abc&format=text%2Fplain", path(4, "signed.txt")), "type": TEXT});
    let no_href = json!({"type": TEXT, "title": "Not stored"});
    let long = format!("{}.txt", "n".repeat(251));
    let mut europa = with_assets(
        "europa-s0349875139",
        n(10),
        &[
            ("image", file(&path(10, "s0349875139.equi.photr-cog.txt"))),
            ("pds_label", file(&path(10, "s0349875139.equi.photr-cog.tif.aux.xml"))),
        ],
    );
    europa["properties"]["ssys:targets"] = json!(["Europa"]);
    vec![
        with_assets(
            "reserved-names",
            n(0),
            &[
                ("metadata", file(&path(0, "item.json"))),
                ("vrt", file(&path(0, "stack.vrt"))),
                ("plain", file(&path(0, "plain.txt"))),
            ],
        ),
        with_assets(
            "duplicate-basenames",
            n(1),
            &[
                ("aot-10m", file(&path(1, "R10m/AOT.txt"))),
                ("aot-20m", file(&path(1, "R20m/AOT.txt"))),
                ("aot-60m", file(&path(1, "R60m/AOT.txt"))),
            ],
        ),
        with_assets(
            "odd-keys",
            n(2),
            &[
                ("ortho image", file(&path(2, "ortho.txt"))),
                ("a/b", file(&path(2, "x/same.txt"))),
                ("c=d", file(&path(2, "y/same.txt"))),
                ("", file(&path(2, "empty key.txt"))),
            ],
        ),
        with_assets(
            "no-extension",
            n(3),
            &[
                ("index", file(&path(3, "index"))),
                ("text", and(file(&path(3, "plain")), "type", json!("application/json"))),
            ],
        ),
        with_assets("hrefs-with-queries", n(4), &[("signed", query)]),
        with_assets(
            "local-paths",
            n(5),
            &[
                ("good", and(file(&path(5, "1.txt")), "file:local_path", json!("measurements.txt"))),
                ("nested", and(file(&path(5, "2.txt")), "file:local_path", json!("R10m/B02.txt"))),
                ("climbing", and(file(&path(5, "3.txt")), "file:local_path", json!("../../etc/passwd"))),
            ],
        ),
        with_assets(
            "odd-basenames",
            n(6),
            &[
                ("space", file(&path(6, "with space.txt"))),
                ("percent", file(&path(6, "100%.txt"))),
                ("unicode", file(&path(6, "文字.txt"))),
                ("control", file(&path(6, "bell\u{7}.txt"))),
                ("long", file(&path(6, &long))),
                ("dots", file(&path(6, "..."))),
            ],
        ),
        with_assets("no-href", n(7), &[("stored", file(&path(7, "stored.txt"))), ("gone", no_href)]),
        with_assets(
            "not-there",
            n(8),
            &[("missing", json!({"href": "nasty-but-missing/nothing.txt", "type": TEXT}))],
        ),
        with_assets(
            "foreign-hrefs",
            n(9),
            &[
                ("s3", json!({"href": "s3://usgs-landsat/collection02/a.TIF", "type": "image/tiff"})),
                ("abfs", json!({"href": "abfs://container/store.zarr"})),
                ("file", json!({"href": "file:///etc/passwd", "type": TEXT})),
                ("data", json!({"href": "data:text/plain,hello", "type": TEXT})),
                ("number", json!({"href": 7})),
            ],
        ),
        europa,
        with_assets("empty-file", n(11), &[("empty", file(&path(11, "empty.txt")))]),
        with_assets(
            "wrong-size",
            n(12),
            &[("note", and(file(&path(12, "note.txt")), "file:size", json!(1_000_000)))],
        ),
    ]
}

impl Nasty {
    /// All of them, the same each time.
    pub fn new() -> Nasty {
        let mut items: Vec<Value> = odd_ids().into_iter().enumerate().map(|(n, id)| item(id, n)).collect();
        items.extend(odd_members(items.len()));
        items.extend(odd_assets(items.len()));
        Nasty { items }
    }
}

impl Items for Nasty {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn json(&self, index: usize) -> Value {
        self.items.get(index).cloned().unwrap_or_default()
    }
}

impl Series for Nasty {
    fn collection(&self) -> Value {
        json!({
            "type": "Collection", "stac_version": "1.0.0", "stac_extensions": [], "id": "nasty",
            "title": "Items that are hard to handle",
            "description": "Ids with slashes, percent signs and emoji, items without a place or a time, assets that \
                share a name: everything that servers have been seen to send, in one place.",
            "license": "CC0-1.0", "keywords": ["synthetic", "test"],
            "providers": [{"name": "stacfs", "roles": ["producer", "host"]}],
            "extent": {
                "spatial": {"bbox": [[-180, -90, 180, 90]]},
                "temporal": {"interval": [[null, null]]},
            },
            "links": [],
        })
    }

    fn queryables(&self) -> Value {
        queryables(&[])
    }

    fn folder(&self) -> &'static str {
        FOLDER
    }

    /// The number of the item and a name: whatever the name is, the file says which it is.
    fn file(&self, path: &str) -> Option<File> {
        let (number, name) = path.split_once('/')?;
        let number: usize = number.parse().ok()?;
        let item = self.items.get(number)?;
        let ours = |asset: &Value| {
            let href = asset["href"].as_str().unwrap_or_default();
            let bare = href.split('?').next().unwrap_or_default();
            percent_encoding::percent_decode_str(bare).decode_utf8_lossy() == format!("{FOLDER}{path}")
        };
        let known = item["assets"].as_object().is_some_and(|assets| assets.values().any(ours));
        let text = if name == "empty.txt" { String::new() } else { format!("file {number}: {name}\n") };
        known.then(|| File::new(TEXT, text))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_all_different() {
        let nasty = Nasty::new();
        let ids: HashSet<String> = (0..nasty.len()).map(|n| nasty.json(n)["id"].to_string()).collect();
        assert_eq!(ids.len(), nasty.len());
        assert!(ids.iter().any(|id| id.len() > 290));
    }

    #[test]
    fn every_file_of_ours_is_there_but_the_missing_one() {
        let nasty = Nasty::new();
        let mut served = 0;
        for item in &nasty.items {
            for asset in item["assets"].as_object().into_iter().flat_map(Map::values) {
                let href = asset["href"].as_str().unwrap_or_default().split('?').next().unwrap();
                let Some(path) = href.strip_prefix(FOLDER) else { continue };
                let path = percent_encoding::percent_decode_str(path).decode_utf8().unwrap();
                assert!(nasty.file(&path).is_some(), "{path}");
                served += 1;
            }
        }
        assert!(served > 70, "{served}");
        assert!(nasty.file("0/other.txt").is_none());
        assert!(nasty.file("../note.txt").is_none());
    }
}
