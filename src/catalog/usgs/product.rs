//! Download products as assets: `download-options`.

use std::collections::HashMap;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::envelope::{members, number, text};
use super::ids::ProductId;

/// The scheme of hrefs that name products: they have no lasting URL.
const SCHEME: &str = "m2m:///";

/// What a part of such an href must not hold as it is.
const RESERVED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'/').add(b'?').add(b'<').add(b'>');

/// The names by which a product is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The entity id; a band file has one of its own.
    pub entity: String,
    /// The product id; these change over time.
    pub product: String,
    /// Its file's name.
    pub name: String,
}

impl Product {
    /// The product that an href names.
    pub fn of_href(href: &str) -> Option<Product> {
        let mut parts = href.strip_prefix(SCHEME)?.split('/').map(|part| {
            percent_decode_str(part)
                .decode_utf8()
                .ok()
                .map(|part| part.into_owned())
                .filter(|part| !part.is_empty())
        });
        let (_dataset, entity, product, name) =
            (parts.next()??, parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(Product { entity, product, name })
    }

    fn href(&self, dataset: &str) -> String {
        let part = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let parts = [part(dataset), part(&self.entity), part(&self.product), part(&self.name)];
        format!("{SCHEME}{}", parts.join("/"))
    }
}

/// The products of each scene of an answer to `download-options`, by entity id. What cannot be downloaded now
/// (only ordered, or a map service) is left out.
pub fn by_entity(dataset: &str, data: &Value) -> HashMap<String, Map<String, Value>> {
    let mut rows: HashMap<String, Vec<&Value>> = HashMap::new();
    for row in data.as_array().into_iter().flatten() {
        if let Some(entity) = text(row, "entityId") {
            rows.entry(entity).or_default().push(row);
        }
    }
    rows.into_iter().map(|(entity, rows)| (entity, of_scene(dataset, &rows))).collect()
}

fn of_scene(dataset: &str, rows: &[&Value]) -> Map<String, Value> {
    let mut assets = Map::new();
    for row in rows {
        let parent = text(row, "displayId").unwrap_or_default();
        for part in members(row, "secondaryDownloads").filter(|part| is_available(part)) {
            let Some(name) = text(part, "displayId").or_else(|| text(part, "downloadName")) else { continue };
            let name = base(&name).to_owned();
            let stem = name.strip_prefix(&parent).map_or(name.as_str(), |rest| rest.trim_start_matches('_'));
            let key = stem.strip_suffix(".TIF").unwrap_or(stem).to_owned();
            if let Some(asset) = asset(dataset, part, name) {
                insert(&mut assets, key, asset);
            }
        }
    }
    let single_files = !assets.is_empty();
    for row in rows.iter().filter(|row| is_available(row)) {
        let system = text(row, "downloadSystem").unwrap_or_default();
        if matches!(system.as_str(), "folder" | "wms") {
            continue;
        }
        let bundle = system.ends_with("zip");
        let name = file_name(row, bundle);
        if let Some(mut asset) = asset(dataset, row, name) {
            if bundle && single_files {
                // It holds what the single files hold: a walk meets each byte once.
                asset["stacfs:unlisted"] = json!(true);
            }
            let key = if bundle { "bundle".to_owned() } else { slug(row) };
            insert(&mut assets, key, asset);
        }
    }
    assets
}

/// `true`, and the `Y` of the reference.
fn is_available(row: &Value) -> bool {
    match row.get("available") {
        Some(Value::Bool(available)) => *available,
        Some(Value::String(word)) => word == "Y",
        Some(_) => false,
        None => true,
    }
}

fn asset(dataset: &str, row: &Value, name: String) -> Option<Value> {
    let product = Product { entity: text(row, "entityId")?, product: text(row, "id")?, name };
    let (kind, role) = media(&product.name);
    let mut asset = json!({"href": product.href(dataset), "type": kind, "roles": [role]});
    if let Some(title) = text(row, "productName") {
        asset["title"] = json!(title);
    }
    let size = row.get("filesize").and_then(number).filter(|size| *size >= 1.0 && size.fract() == 0.0);
    if let Some(size) = size {
        asset["file:size"] = json!(size as u64);
    }
    let sha256 = members(row, "checksum").find(|sum| sum.get("id").is_some_and(|id| id == "sha256sum"));
    let digest = sha256.and_then(|sum| text(sum, "value"));
    if let Some(digest) = digest.filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit())) {
        // A multihash: SHA2-256, 32 bytes.
        asset["file:checksum"] = json!(format!("1220{}", digest.to_ascii_lowercase()));
    }
    Some(asset)
}

/// The name of a product that is no band file.
fn file_name(row: &Value, bundle: bool) -> String {
    if let Some(name) = text(row, "downloadName").filter(|name| name.contains('.')) {
        return base(&name).to_owned();
    }
    let scene = text(row, "displayId").unwrap_or_default();
    let scene = base(&scene);
    if bundle {
        // Bundles of Landsat are plain tars, whatever the system is called; others are what it says.
        let is_landsat = text(row, "downloadSystem").is_some_and(|system| system == "ls_zip");
        let is_landsat = is_landsat || ProductId::read(scene).is_some();
        return format!("{scene}.{}", if is_landsat { "tar" } else { "zip" });
    }
    let product = text(row, "productName").unwrap_or_default().to_ascii_lowercase();
    let ending = [
        ("geotiff", "tif"),
        ("jpeg", "jpg"),
        ("jpg", "jpg"),
        ("png", "png"),
        ("xml", "xml"),
        ("hdf", "hdf"),
        ("netcdf", "nc"),
    ];
    let ending = ending.iter().find(|(word, _)| product.contains(word)).map_or("bin", |(_, ending)| ending);
    format!("{scene}_{}.{ending}", slug(row))
}

/// The product's name in letters that keys and file names are happy with.
fn slug(row: &Value) -> String {
    let name =
        text(row, "productName").or_else(|| text(row, "productCode")).unwrap_or_else(|| "product".into());
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// The last component of a name that may hold a path.
fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn media(name: &str) -> (&'static str, &'static str) {
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "tif" | "tiff" => ("image/tiff; application=geotiff", "data"),
        "jpg" | "jpeg" => ("image/jpeg", "overview"),
        "png" => ("image/png", "overview"),
        "txt" => ("text/plain", "metadata"),
        "xml" => ("application/xml", "metadata"),
        "json" => ("application/json", "metadata"),
        "tar" => ("application/x-tar", "data"),
        "zip" => ("application/zip", "data"),
        _ => ("application/octet-stream", "data"),
    }
}

/// Puts an asset under its key, or under one nobody has.
fn insert(assets: &mut Map<String, Value>, key: String, asset: Value) {
    let free = |key: &String| !assets.contains_key(key);
    let numbered = (2..).map(|n| format!("{key}-{n}"));
    if let Some(key) = std::iter::once(key.clone()).chain(numbered).find(free) {
        assets.insert(key, asset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the reference.
    fn rows() -> Value {
        json!([
            {"id": "5e83d14f30ea90a9", "downloadName": null, "displayId": "LC09_X_T1", "entityId": "LC9",
             "available": true, "filesize": "1005120", "productName": "Landsat Collection 2 Level-2 Product Bundle",
             "productCode": "D694", "downloadSystem": "ls_zip", "secondaryDownloads": [],
             "checksum": [{"id": "cksum", "value": 1876874104}, {"id": "sha256sum", "value": "AB".repeat(32)}]},
            {"id": "p1", "displayId": "LC09_X_T1", "entityId": "LC9", "available": false, "filesize": 1,
             "productName": "On demand", "downloadSystem": "dds"},
            {"id": "p2", "displayId": "LC09_X_T1", "entityId": "LC9", "available": "Y", "filesize": 7,
             "productName": "Full-Resolution Browse (Natural Color) GeoTIFF", "downloadSystem": "dds", "secondaryDownloads": null},
            {"id": "f", "displayId": "LC09_X_T1", "entityId": "LC9", "available": true, "filesize": 0,
             "downloadSystem": "folder", "productName": "Band File", "secondaryDownloads": [
               {"id": "gy7bvmukhtkl910o", "downloadName": "ANG.txt", "displayId": "LC09_X_T1_ANG.txt",
                "entityId": "L1_LC09_X_T1_ANG_TXT", "available": true, "filesize": 117391, "downloadSystem": "dds"},
               {"id": "b4", "displayId": "../LC09_X_T1_SR_B4.TIF", "entityId": "L1_B4", "available": true, "filesize": 9},
             ]},
        ])
    }

    fn with(rows: &Value) -> Map<String, Value> {
        by_entity("landsat_ot_c2_l2", rows).remove("LC9").unwrap()
    }

    #[test]
    fn single_files_are_listed_and_the_bundle_found_by_name() {
        let assets = with(&rows());
        let keys: Vec<&str> = assets.keys().map(String::as_str).collect();
        assert_eq!(keys, ["ANG.txt", "SR_B4", "bundle", "full-resolution-browse-natural-color-geotiff"]);
        assert_eq!(
            assets["ANG.txt"]["href"],
            "m2m:///landsat_ot_c2_l2/L1_LC09_X_T1_ANG_TXT/gy7bvmukhtkl910o/LC09_X_T1_ANG.txt"
        );
        assert_eq!(assets["SR_B4"]["href"], "m2m:///landsat_ot_c2_l2/L1_B4/b4/LC09_X_T1_SR_B4.TIF");
        assert_eq!(
            (&assets["bundle"]["file:size"], &assets["bundle"]["stacfs:unlisted"]),
            (&json!(1_005_120), &json!(true))
        );
        assert_eq!(assets["bundle"]["file:checksum"], json!(format!("1220{}", "ab".repeat(32))));
        assert!(assets["bundle"]["href"].as_str().unwrap().ends_with("/LC09_X_T1.tar"));
    }

    #[test]
    fn without_single_files_the_bundle_is_listed() {
        let mut rows = rows();
        rows.as_array_mut().unwrap().pop();
        assert!(with(&rows)["bundle"].get("stacfs:unlisted").is_none());
        assert!(by_entity("d", &Value::Null).is_empty());
    }

    #[test]
    fn bundles_of_others_are_zips() {
        let bundle = |scene: &str, system: &str| {
            let row = json!({"id": "p", "displayId": scene, "entityId": "E", "filesize": 9, "downloadSystem": system});
            let assets = by_entity("d", &json!([row])).remove("E").unwrap();
            assets["bundle"]["href"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
        };
        let (sentinel, landsat) = ("L1C_T31TEJ_A001", "LC08_L1TP_012025_20201231_20210308_02_T1");
        assert_eq!(bundle(sentinel, "dds_zip"), format!("{sentinel}.zip"));
        assert_eq!(bundle(sentinel, "ls_zip"), format!("{sentinel}.tar"));
        assert_eq!(bundle(landsat, "dds_zip"), format!("{landsat}.tar"));
    }

    #[test]
    fn an_href_names_its_product() {
        let product = Product { entity: "a/b c".into(), product: "5e%".into(), name: "ü.tar".into() };
        assert_eq!(Product::of_href(&product.href("d")), Some(product));
        for other in ["https://x/a/b/c/d", "m2m:///a/b/c", "m2m:///a/b/c/d/e", "m2m:///a//c/d"] {
            assert_eq!(Product::of_href(other), None, "{other}");
        }
    }
}
