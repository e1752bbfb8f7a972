//! Scenes as STAC Items.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::envelope::{members, number, text};
use super::ids::ProductId;
use super::{footprint, tidy};
use crate::item::Item;

/// The scene's entity id, as a property of its item.
pub const ENTITY: &str = "usgs:entity_id";

/// A scene as an item of its dataset's collection: everything but its products. `None` where it has no name.
///
/// M2M's metadata fields are properties under their own names, their values tidied.
pub fn item(dataset: &str, scene: &Value) -> Option<Item> {
    let id = text(scene, "displayId").or_else(|| text(scene, "entityId"))?;
    let footprint = scene.get("spatialCoverage").and_then(footprint::of);
    let footprint = footprint.or_else(|| scene.get("spatialBounds").and_then(footprint::of));
    let (geometry, bbox) = match footprint {
        Some(footprint) => (footprint.geometry, json!(footprint.bbox)),
        None => (Value::Null, Value::Null),
    };
    let mut feature = json!({
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
            "https://stac-extensions.github.io/file/v2.1.0/schema.json",
            "https://landsat.usgs.gov/stac/landsat-extension/v1.1.1/schema.json",
        ],
        "id": id,
        "collection": dataset,
        "geometry": geometry,
        "bbox": bbox,
        "properties": properties(&id, scene),
        "links": [],
        "assets": pictures(&id, scene),
    });
    if feature["bbox"].is_null() {
        feature.as_object_mut()?.remove("bbox");
    }
    Item::from_json(&feature.to_string()).ok()
}

/// The item with more assets.
pub fn with_assets(item: &Item, more: Map<String, Value>) -> Option<Item> {
    let mut feature = item.feature().clone();
    match feature.get_mut("assets").and_then(Value::as_object_mut) {
        Some(assets) => assets.extend(more),
        None => {
            feature.insert("assets".to_owned(), Value::Object(more));
        }
    }
    Item::from_json(&Value::Object(feature).to_string()).ok()
}

fn properties(id: &str, scene: &Value) -> Map<String, Value> {
    let own = members(scene, "metadata").filter_map(|entry| {
        let name = text(entry, "fieldName")?.trim().to_owned();
        Some((name, tidy::value(entry.get("value")?)?))
    });
    let own: Map<String, Value> = own.collect();
    let mut properties = times(id, scene, &own);
    let mut put = |name: &str, value: Option<Value>| {
        properties.extend(value.map(|value| (name.to_owned(), value)));
    };
    let cloud = scene.get("cloudCover").and_then(number).filter(|cover| *cover >= 0.0);
    put("eo:cloud_cover", cloud.map(Value::from));
    let name = ProductId::read(id);
    let three = |label: &str, named: Option<&str>| {
        let number = own.get(label).and_then(Value::as_u64).or_else(|| named?.parse().ok());
        number.map(|number| Value::from(format!("{number:03}")))
    };
    put("landsat:wrs_path", three("WRS Path", name.as_ref().and_then(|name| name.path_row.get(..3))));
    put("landsat:wrs_row", three("WRS Row", name.as_ref().and_then(|name| name.path_row.get(3..))));
    if let Some(name) = name {
        put("platform", Some(format!("landsat-{}", name.spacecraft).into()));
        put("instruments", Some(json!(name.instruments)));
        put("landsat:correction", Some(name.level.into()));
        put("landsat:collection_number", Some(name.collection.into()));
        put("landsat:collection_category", Some(name.tier.into()));
    }
    put(ENTITY, text(scene, "entityId").map(Value::from));
    let published = text(scene, "publishDate").and_then(|at| tidy::instant(&at));
    put("updated", published.map(|at| Value::from(at.to_string())));
    properties.extend(own);
    properties
}

/// When it was taken: the instant that its metadata name, else the days that it covers.
fn times(id: &str, scene: &Value, own: &Map<String, Value>) -> Map<String, Value> {
    let metadata = |label: &str| own.get(label).and_then(Value::as_str).and_then(tidy::instant);
    let coverage = |member: &str| text(scene.get("temporalCoverage")?, member);
    let exact = |label: &str, member: &str| {
        metadata(label).or_else(|| coverage(member).and_then(|at| tidy::instant(&at)))
    };
    let day = |member: &str| coverage(member).and_then(|at| tidy::day(&at));
    let acquired = own.get("Date Acquired").and_then(Value::as_str).and_then(tidy::day);
    let named = || ProductId::read(id).and_then(|name| tidy::day(name.acquired));
    let first = day("startDate").or(acquired).or_else(named);
    let last = day("endDate").or(first);
    let start = exact("Start Time", "startDate");
    let end = exact("Stop Time", "endDate");
    let text = |at: Timestamp| at.to_string();
    let of_day = |day: Option<Date>, time: &str| day.map(|day| format!("{day}T{time}Z"));
    // A day is no instant: STAC then wants null, and the span.
    Map::from_iter([
        ("datetime".to_owned(), json!(start.map(text))),
        ("start_datetime".to_owned(), json!(start.map(text).or_else(|| of_day(first, "00:00:00")))),
        ("end_datetime".to_owned(), json!(end.map(text).or_else(|| of_day(last, "23:59:59")))),
    ])
}

/// Browse images and thumbnails.
fn pictures(id: &str, scene: &Value) -> Map<String, Value> {
    let mut assets = Map::new();
    for (at, browse) in members(scene, "browse").enumerate() {
        let key = |name: &str| if at == 0 { name.to_owned() } else { format!("{name}-{}", at + 1) };
        let title = text(browse, "browseName");
        for (name, member, role) in
            [("browse", "browsePath", "overview"), ("thumbnail", "thumbnailPath", "thumbnail")]
        {
            let Some(href) = text(browse, member).filter(|href| href.starts_with("http")) else { continue };
            let key = key(name);
            let mut asset = json!({
                "href": href, "type": "image/jpeg", "roles": [role],
                // The last part of the URL is that of a program.
                "file:local_path": format!("{id}_{key}.jpg"),
            });
            if let Some(title) = &title {
                asset["title"] = json!(title);
            }
            assets.insert(key, asset);
        }
    }
    assets
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "LC08_L2SP_012025_20201231_20210308_02_T1";

    /// The scene of the reference.
    fn scene() -> Value {
        json!({
            "browse": [{"id": "5fb4ba12d7ec307f", "browseRotationEnabled": false,
                "browseName": "Level-1 Reflective Browse",
                "browsePath": "https://landsatlook.usgs.gov/gen-browse?size=rrb&type=refl&product_id=LC08_L1TP_012025_20201231_20210308_02_T1",
                "overlayPath": "https://landsatlook.usgs.gov/dynamic-tiler/x", "overlayType": "ls_chs",
                "thumbnailPath": "https://landsatlook.usgs.gov/gen-browse?size=thumb&x"}],
            "cloudCover": "41.90", "entityId": "LC80120252020366LGN00", "displayId": ID,
            "orderingId": "LC80120252020366LGN00",
            "metadata": [
                {"id": "5e83d1507bc900d5", "fieldName": "Landsat Product Identifier L1", "value": "LC08_L1TP_012025_20201231_20210308_02_T1"},
                {"fieldName": "WRS Path", "value": " 012"},
                {"fieldName": "Date Acquired", "value": "2020/12/31"},
            ],
            "hasCustomizedMetadata": false, "selected": null,
            "spatialBounds": null,
            "spatialCoverage": {"type": "Polygon", "coordinates":
                [[[-70.0, 49.0], [-67.0, 49.0], [-67.0, 51.0], [-70.0, 51.0], [-70.0, 49.0]]]},
            "temporalCoverage": {"startDate": "2020-12-31 00:00:00-06", "endDate": "2020-12-31 00:00:00-06"},
            "publishDate": "2021-03-08 16:28:42-06",
        })
    }

    #[test]
    fn the_scene_of_the_reference_is_an_item() {
        let item = item("landsat_ot_c2_l2", &scene()).unwrap();
        assert_eq!((item.id(), item.collection().as_deref()), (ID, Some("landsat_ot_c2_l2")));
        let property = |name: &str| item.property(name).cloned().unwrap_or_default();
        assert_eq!(property("eo:cloud_cover"), 41.9);
        assert_eq!((property("landsat:wrs_path"), property("landsat:wrs_row")), (json!("012"), json!("025")));
        assert_eq!(
            (property("platform"), property(ENTITY)),
            (json!("landsat-8"), json!("LC80120252020366LGN00"))
        );
        assert_eq!((property("WRS Path"), property("Date Acquired")), (json!(12), json!("2020-12-31")));
        assert_eq!(property("updated"), "2021-03-08T22:28:42Z");
        assert_eq!(item.property("datetime"), None, "a day is no instant");
        let span = item.span().unwrap();
        assert_eq!(span.start.unwrap().to_string(), "2020-12-31T00:00:00Z");
        assert_eq!(span.end.unwrap().to_string(), "2020-12-31T23:59:59Z");
        assert_eq!(item.bbox().map(|b| (b.west, b.north)), Some((-70.0, 51.0)));
        let names: Vec<_> = item.assets().iter().map(|a| a.local_path().unwrap().to_owned()).collect();
        assert_eq!(names, [format!("{ID}_browse.jpg"), format!("{ID}_thumbnail.jpg")]);
    }

    #[test]
    fn looseness_is_taken_as_it_comes() {
        for unknown in [json!(null), json!("-1"), json!(-1), json!("")] {
            let mut scene = scene();
            scene["cloudCover"] = unknown.clone();
            assert_eq!(item("d", &scene).unwrap().property("eo:cloud_cover"), None, "{unknown}");
        }
        let bare = item(
            "d",
            &json!({"displayId": "MOD09A1.A2000049.h00v08", "cloudCover": 5, "publishDate": "Unknown",
            "spatialCoverage": null, "temporalCoverage": null, "metadata": null, "browse": null}),
        )
        .unwrap();
        assert_eq!((bare.bbox(), bare.span(), bare.assets().len()), (None, None, 0));
        assert_eq!(bare.property("eo:cloud_cover"), Some(&json!(5.0)));
        assert!(item("d", &json!({"cloudCover": 5})).is_none());
    }

    #[test]
    fn the_metadata_know_the_instant() {
        let mut scene = scene();
        scene["metadata"] = json!([{"fieldName": "Start Time", "value": "2020:366:15:38:06.5"},
            {"fieldName": "Stop Time", "value": "2020-12-31 15:38:38"}]);
        let item = item("d", &scene).unwrap();
        assert_eq!(item.property("datetime"), Some(&json!("2020-12-31T15:38:06.5Z")));
        assert_eq!(item.property("end_datetime"), Some(&json!("2020-12-31T15:38:38Z")));
    }
}
