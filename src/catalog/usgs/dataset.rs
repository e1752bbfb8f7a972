//! Datasets as collections, and the names they had before.

use serde_json::{Map, Value, json};

use super::envelope::{number, text};
use super::tidy;
use crate::catalog::Error;
use crate::item::Collection;

/// Names of lsru and of the inventory API, and today's datasets of the same level; spacecraft numbers, as
/// lsru's `get_collection_name` took them, and the surface reflectance of that spacecraft. Collection 1 was
/// removed at the end of 2022.
const OLDER: [(&str, &str); 8] = [
    ("landsat_8_c1", "landsat_ot_c2_l1"),
    ("landsat_etm_c1", "landsat_etm_c2_l1"),
    ("landsat_tm_c1", "landsat_tm_c2_l1"),
    ("4", "landsat_tm_c2_l2"),
    ("5", "landsat_tm_c2_l2"),
    ("7", "landsat_etm_c2_l2"),
    ("8", "landsat_ot_c2_l2"),
    ("9", "landsat_ot_c2_l2"),
];

/// What an older name stands for; in any case, as the servers took them.
pub fn successor(name: &str) -> Option<&'static str> {
    OLDER.iter().find(|(older, _)| older.eq_ignore_ascii_case(name)).map(|(_, today)| *today)
}

/// What to say of an older name whose successor this server does not have.
pub fn gone(name: &str, today: &str) -> Error {
    Error::Gone {
        name: name.to_owned(),
        why: format!(
            "Landsat Collection 1 was removed in 2022; its successor {today} is not among the datasets of this account"
        ),
    }
}

/// The alias of a dataset: its collection's id.
pub fn alias(dataset: &Value) -> Option<String> {
    text(dataset, "datasetAlias")
}

/// A dataset as a STAC Collection; what M2M says of it stands under `usgs:dataset`.
pub fn collection(dataset: &Value) -> Option<Collection> {
    let id = alias(dataset)?;
    let title = text(dataset, "collectionLongName").or_else(|| text(dataset, "collectionName"));
    let title = title.unwrap_or_else(|| id.clone());
    let keywords: Vec<String> = text(dataset, "keywords")
        .iter()
        .flat_map(|words| words.split(','))
        .map(|word| word.trim().to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    let mut document = json!({
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": id,
        "title": title,
        "description": text(dataset, "abstractText").unwrap_or_else(|| title.clone()),
        "keywords": keywords,
        "license": "various",
        "providers": [{"name": "USGS EROS", "roles": ["host"], "url": "https://www.usgs.gov/centers/eros"}],
        "extent": {"spatial": {"bbox": [bbox(dataset)]}, "temporal": {"interval": [interval(dataset)]}},
        "links": [],
    });
    let members = document.as_object_mut()?;
    if let Some(doi) = text(dataset, "doiNumber") {
        let href = if doi.starts_with("http") { doi } else { format!("https://doi.org/{doi}") };
        members.insert("links".to_owned(), json!([{"rel": "cite-as", "href": href}]));
    }
    members.insert(
        "usgs:dataset".to_owned(),
        Value::Object(dataset.as_object().cloned().unwrap_or_else(Map::new)),
    );
    Collection::from_json(&document.to_string()).ok()
}

fn bbox(dataset: &Value) -> [f64; 4] {
    let bounds = dataset.get("spatialBounds");
    let side = |name: &str| bounds.and_then(|bounds| number(bounds.get(name)?));
    let told = || Some([side("west")?, side("south")?, side("east")?, side("north")?]);
    told().unwrap_or([-180.0, -90.0, 180.0, 90.0])
}

/// The days of the first and the last scene; a dataset that still grows has no last one.
fn interval(dataset: &Value) -> [Option<String>; 2] {
    let day = |member: &str| text(dataset, member).and_then(|text| tidy::day(&text));
    let start = day("acquisitionStart").map(|day| format!("{day}T00:00:00Z"));
    let end = day("acquisitionEnd").map(|day| format!("{day}T23:59:59Z"));
    [start, end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_a_collection() {
        let collection = collection(&json!({
            "datasetAlias": "landsat_ot_c2_l2", "collectionName": "Landsat 8-9 OLI/TIRS C2 L2", "abstractText": null,
            "keywords": "Landsat, surface", "acquisitionStart": "2013-03-18", "acquisitionEnd": null,
            "spatialBounds": {"north": "82.7", "east": 180, "south": -82.7, "west": -180}, "sceneCount": "17",
            "doiNumber": "10.5066/P9OGBGM6",
        }))
        .unwrap();
        assert_eq!(
            (collection.id(), collection.title()),
            ("landsat_ot_c2_l2", Some("Landsat 8-9 OLI/TIRS C2 L2"))
        );
        let bbox = collection.bbox().unwrap();
        assert_eq!((bbox.west, bbox.north), (-180.0, 82.7));
        let fields = collection.fields();
        assert_eq!(fields["extent"]["temporal"]["interval"], json!([["2013-03-18T00:00:00Z", null]]));
        assert_eq!(fields["links"][0]["href"], "https://doi.org/10.5066/P9OGBGM6");
        assert!(super::collection(&json!({"datasetId": "5e83d14f227af8c6"})).is_none());
    }

    #[test]
    fn older_names_have_successors() {
        assert_eq!(successor("LANDSAT_8_C1"), Some("landsat_ot_c2_l1"));
        assert_eq!(successor("5"), Some("landsat_tm_c2_l2"));
        assert_eq!(successor("6"), None);
        assert!(gone("LANDSAT_8_C1", "landsat_ot_c2_l1").to_string().contains("removed in 2022"));
    }
}
