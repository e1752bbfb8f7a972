//! `download-options`: what of a scene can be had, how large it is, and its checksums.

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::failure::{Failure, Outcome};
use super::ware::{Ware, What};
use super::{Call, M2m, Quirks, input};
use crate::demo::http::{Bytes, Slice, hex, lock};
use crate::demo::usgs::files::{self, Content, Kind, Member, Padded, Product, Size};
use crate::demo::usgs::scenes::fields::opaque_id;
use crate::demo::usgs::scenes::{Dataset, Scene};

impl M2m {
    /// `download-options` for entity ids or for a scene list; null where nothing matches.
    pub(super) fn download_options(&self, call: &Call) -> Outcome {
        let dataset = self.dataset_of(&call.input)?;
        let mut ids = input::list(&call.input, "entityIds");
        if input::text(&call.input, "listId").is_some() {
            let listed = self.entries(call)?.into_iter().filter(|(name, _)| name == dataset.alias);
            ids.extend(listed.map(|(_, entity)| entity));
        } else if ids.is_empty() {
            return Err(Failure::required("entityIds"));
        }
        let quirks = self.quirks().clone();
        let scenes = ids.iter().filter_map(|id| self.archive.by_entity(dataset, id));
        let rows: Vec<Value> = scenes
            .flat_map(|scene| {
                let products = files::products(dataset);
                let measures = self.measures(dataset, &scene);
                let offered =
                    products.into_iter().filter(|p| !(quirks.bundles_only && p.kind == Kind::Folder));
                offered.map(|product| row(dataset, &scene, &product, &measures, &quirks)).collect::<Vec<_>>()
            })
            .collect();
        Ok(if rows.is_empty() { Value::Null } else { Value::Array(rows) })
    }

    /// The size of a download in bytes.
    pub(super) fn size(&self, ware: &Ware) -> u64 {
        let Some(scene) = ware.scene_in(&self.archive) else { return 0 };
        let measures = self.measures(ware.dataset, &scene);
        match ware.what {
            What::Bundle => measures.padded(self.quirks().bundle_padding).size,
            What::Browse => measures.browse.size,
            What::Part(part) => {
                let place = files::parts_of(&scene).position(|other| other == part);
                place.and_then(|place| measures.parts.get(place)).map_or(0, |measure| measure.size)
            }
        }
    }

    /// The measures of a scene, remembered: a walk asks for those of hundreds, and of the same ones again.
    fn measures(&self, dataset: &'static Dataset, scene: &Scene<'_>) -> Arc<Measures> {
        let key = (dataset.alias, scene.entity_id());
        if let Some(known) = lock(&self.measures).get(&key) {
            return Arc::clone(known);
        }
        let measures = Arc::new(Measures::of(scene));
        lock(&self.measures).put(key, Arc::clone(&measures));
        measures
    }

    /// The bundle of a scene, as large as the quirks want it.
    pub fn bundle(&self, scene: &Scene<'_>) -> Arc<dyn Bytes> {
        match self.quirks().bundle_padding {
            0 => Arc::new(Slice(files::bundle(scene))),
            padding => Arc::new(Padded::new(&files::members(scene), padding, scene.processed())),
        }
    }
}

fn is_available(scene: &Scene<'_>, quirks: &Quirks) -> bool {
    !quirks.unavailable.contains(&scene.entity_id())
}

fn row(
    dataset: &'static Dataset,
    scene: &Scene<'_>,
    product: &Product,
    measures: &Measures,
    quirks: &Quirks,
) -> Value {
    let available = product.kind != Kind::OrderOnly && is_available(scene, quirks);
    let mut row = json!({
        "id": opaque_id(&[dataset.id, product.name]),
        "downloadName": null,
        "displayId": scene.display_id(),
        "entityId": scene.entity_id(),
        "datasetId": dataset.id,
        "available": available,
        "filesize": 0,
        "productName": product.name,
        "productCode": product.code,
        "bulkAvailable": available,
        "downloadSystem": product.system,
        "secondaryDownloads": [],
    });
    match product.kind {
        Kind::Bundle => tell(&mut row, &measures.padded(quirks.bundle_padding), scene, quirks),
        Kind::Browse => tell(&mut row, &measures.browse, scene, quirks),
        Kind::OrderOnly => row["filesize"] = json!(61_440_000),
        Kind::Folder => row["secondaryDownloads"] = secondaries(dataset, scene, measures, quirks),
    }
    row
}

fn secondaries(dataset: &'static Dataset, scene: &Scene<'_>, measures: &Measures, quirks: &Quirks) -> Value {
    let available = is_available(scene, quirks);
    let Some(bands) = dataset.band_files() else { return json!([]) };
    files::parts_of(scene)
        .enumerate()
        .map(|(place, part)| {
            let mut row = json!({
                "id": part.product_id(bands),
                "downloadName": part.suffix,
                "displayId": part.file_name(scene),
                "entityId": part.entity_id(scene),
                "datasetId": bands.id,
                "available": available,
                "filesize": 0,
                "productName": part.product_name(),
                "productCode": "D687",
                "bulkAvailable": available,
                "downloadSystem": part.system(),
                "fileGroups": [files::group(dataset)],
                "displayOrder": place + 1,
                "secondaryDownloads": [],
            });
            if let Some(measure) = measures.parts.get(place) {
                tell(&mut row, measure, scene, quirks);
            }
            row
        })
        .collect()
}

/// Sets size and checksums; now and then the size is a string. Browse images have no checksum.
fn tell(row: &mut Value, measure: &Measure, scene: &Scene<'_>, quirks: &Quirks) {
    let size = measure.size.saturating_add_signed(quirks.size_error);
    let as_text = scene.acquisition.chance().up_to(50, 8) == 0;
    row["filesize"] = if as_text { json!(size.to_string()) } else { json!(size) };
    if let Some((sum, sha256)) = &measure.sums {
        let flawed = |text: &String| text.chars().rev().collect::<String>();
        let sha256 = if quirks.wrong_checksums { flawed(sha256) } else { sha256.clone() };
        let sum = if quirks.wrong_checksums { !sum } else { *sum };
        row["checksum"] = json!([{"id": "cksum", "value": sum}, {"id": "sha256sum", "value": sha256}]);
    }
}

/// What is known of a product's bytes.
#[derive(Debug, Clone)]
pub struct Measure {
    size: u64,
    /// `cksum` and SHA-256 in hexadecimal.
    sums: Option<(u32, String)>,
}

impl Measure {
    fn of(bytes: &[u8]) -> Measure {
        Measure { size: bytes.len() as u64, sums: Some((cksum(bytes), hex(&Sha256::digest(bytes)))) }
    }
}

/// The measures of a scene's products.
#[derive(Debug)]
pub struct Measures {
    bundle: Measure,
    browse: Measure,
    /// In the order of [`files::parts_of`].
    parts: Vec<Measure>,
}

impl Measures {
    /// Those of the bundle with this padding.
    fn padded(&self, padding: u64) -> Measure {
        match padding {
            0 => self.bundle.clone(),
            _ => Measure { size: self.bundle.size + Padded::surplus(self.parts.len(), padding), sums: None },
        }
    }

    /// Makes all products of a scene, once, to measure them.
    fn of(scene: &Scene<'_>) -> Measures {
        let members = files::members(scene);
        let bundle = Measure::of(&files::tar(&members, scene.processed()));
        let browse = files::browse(scene, Size::Full).len() as u64;
        let part = |member: &Member| match &member.content {
            Content::File(bytes) => Measure::of(bytes),
            Content::Symlink(_) | Content::Hardlink(_) => Measure { size: 0, sums: None },
        };
        let parts = members.iter().map(part).collect();
        Measures { bundle, browse: Measure { size: browse, sums: None }, parts }
    }
}

/// The checksum of POSIX `cksum`: a CRC over the bytes and their number.
fn cksum(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x04c1_1db7;
    static TABLE: LazyLock<[u32; 256]> = LazyLock::new(|| {
        std::array::from_fn(|n| {
            (0..8).fold((n as u32) << 24, |crc, _| crc << 1 ^ if crc >> 31 == 1 { POLYNOMIAL } else { 0 })
        })
    });
    let table = &*TABLE;
    let step = |crc: u32, byte: u8| crc << 8 ^ table[usize::from((crc >> 24) as u8 ^ byte)];
    let mut crc = 0;
    for byte in bytes {
        crc = step(crc, *byte);
    }
    let mut length = bytes.len() as u64;
    while length > 0 {
        crc = step(crc, length as u8);
        length >>= 8;
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cksum_is_that_of_posix() {
        assert_eq!(cksum(b""), 4_294_967_295);
        assert_eq!(cksum(b"123456789"), 930_766_865);
    }
}
