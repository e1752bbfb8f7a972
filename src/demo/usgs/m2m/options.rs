//! `download-options`: what of a scene can be had, how large it is, and its checksums.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::failure::{Failure, Outcome};
use super::ware::{Ware, What};
use super::{Call, M2m, Quirks, input};
use crate::demo::usgs::files::{self, Kind, Product};
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
                let offered =
                    products.into_iter().filter(|p| !(quirks.bundles_only && p.kind == Kind::Folder));
                offered.map(|product| row(dataset, &scene, &product, &quirks)).collect::<Vec<_>>()
            })
            .collect();
        Ok(if rows.is_empty() { Value::Null } else { Value::Array(rows) })
    }
}

fn row(dataset: &'static Dataset, scene: &Scene<'_>, product: &Product, quirks: &Quirks) -> Value {
    let available = product.kind != Kind::OrderOnly && !quirks.unavailable.contains(&scene.entity_id());
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
    let ware = |what| Ware { dataset, scene: scene.entity_id(), what };
    match product.kind {
        Kind::Bundle => measure(&mut row, &ware(What::Bundle), scene, quirks),
        Kind::Browse => measure(&mut row, &ware(What::Browse), scene, quirks),
        Kind::OrderOnly => row["filesize"] = json!(61_440_000),
        Kind::Folder => row["secondaryDownloads"] = secondaries(dataset, scene, available, quirks),
    }
    row
}

fn secondaries(dataset: &'static Dataset, scene: &Scene<'_>, available: bool, quirks: &Quirks) -> Value {
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
            let ware = Ware { dataset, scene: scene.entity_id(), what: What::Part(part) };
            measure(&mut row, &ware, scene, quirks);
            row
        })
        .collect()
}

/// Sets size and checksums; now and then the size is a string. Browse images have no checksum.
fn measure(row: &mut Value, ware: &Ware, scene: &Scene<'_>, quirks: &Quirks) {
    let bytes = ware.bytes(scene);
    let size = (bytes.len() as u64).saturating_add_signed(quirks.size_error);
    let as_text = scene.acquisition.chance().up_to(50, 8) == 0;
    row["filesize"] = if as_text { json!(size.to_string()) } else { json!(size) };
    if ware.what != What::Browse {
        let flaw: &[u8] = if quirks.wrong_checksums { b"!" } else { b"" };
        let sha256 = Sha256::new().chain_update(&bytes).chain_update(flaw).finalize();
        let hex: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let sum = cksum(bytes.iter().chain(flaw).copied());
        row["checksum"] = json!([{"id": "cksum", "value": sum}, {"id": "sha256sum", "value": hex}]);
    }
}

/// The checksum of POSIX `cksum`: a CRC over the bytes and their number.
fn cksum(bytes: impl Iterator<Item = u8>) -> u32 {
    const POLYNOMIAL: u32 = 0x04c1_1db7;
    let table: [u32; 256] = std::array::from_fn(|n| {
        (0..8).fold((n as u32) << 24, |crc, _| crc << 1 ^ if crc >> 31 == 1 { POLYNOMIAL } else { 0 })
    });
    let step = |crc: u32, byte: u8| crc << 8 ^ table[usize::from((crc >> 24) as u8 ^ byte)];
    let (mut crc, mut length) = (0, 0u64);
    for byte in bytes {
        crc = step(crc, byte);
        length += 1;
    }
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
        assert_eq!(cksum(b"".iter().copied()), 4_294_967_295);
        assert_eq!(cksum(b"123456789".iter().copied()), 930_766_865);
    }
}
