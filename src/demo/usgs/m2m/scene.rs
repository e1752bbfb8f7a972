//! A scene as M2M writes it, with the looseness of types that clients must bear.

use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::input;
use super::{Call, M2m};
use crate::demo::usgs::scenes::fields::{corner_fields, fields, opaque_id};
use crate::demo::usgs::scenes::{Dataset, Scene};

/// How much of the metadata a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// `null`: none.
    None,
    /// `summary`, and where nothing is said.
    Summary,
    /// `full`, and `fgdc` and `iso`, which differ in the XML only.
    Full,
}

impl Detail {
    /// Reads `metadataType`.
    pub fn of(input: &Value) -> Result<Detail, Failure> {
        match input.get("metadataType") {
            None => Ok(Detail::Summary),
            Some(Value::Null) => Ok(Detail::None),
            Some(Value::String(kind)) => match kind.as_str() {
                "summary" => Ok(Detail::Summary),
                "full" | "fgdc" | "iso" | "export" => Ok(Detail::Full),
                _ => Err(Failure::invalid("metadataType")),
            },
            Some(_) => Err(Failure::invalid("metadataType")),
        }
    }
}

impl M2m {
    /// `scene-metadata`: one scene by entity id, display id or ordering id.
    pub(super) fn scene_metadata(&self, call: &Call) -> Outcome {
        let (dataset, scene) = self.named_scene(&call.input)?;
        Ok(self.scene_json(dataset, &scene, Detail::of(&call.input)?))
    }

    /// `scene-metadata-xml`.
    pub(super) fn scene_metadata_xml(&self, call: &Call) -> Outcome {
        let (dataset, scene) = self.named_scene(&call.input)?;
        let fields: String = fields(dataset)
            .map(|field| format!("  <field name=\"{}\">{}</field>\n", field.name, (field.value)(&scene)))
            .collect();
        let content = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scene entityId=\"{}\" displayId=\"{}\">\n{fields}</scene>\n",
            scene.entity_id(),
            scene.display_id()
        );
        Ok(json!({"entityId": scene.entity_id(), "displayId": scene.display_id(), "exportContent": content}))
    }

    /// The dataset and scene that a request names.
    fn named_scene(&self, input: &Value) -> Result<(&'static Dataset, Scene<'_>), Failure> {
        let dataset = self.dataset_of(input)?;
        let id = input::required_text(input, "entityId")?;
        let scene = match input::text(input, "idType").as_deref() {
            None | Some("entityId" | "orderingId") => self.archive.by_entity(dataset, &id),
            Some("displayId") => self.archive.by_display_id(&id).filter(|scene| {
                dataset.scene(scene.acquisition).is_some_and(|own| own.display_id() == scene.display_id())
            }),
            Some(_) => return Err(Failure::invalid("idType")),
        };
        let scene = scene.ok_or_else(|| Failure::new("NOT_FOUND", format!("Scene {id} was not found")))?;
        Ok((dataset, scene))
    }

    /// The scene object of `scene-search` and `scene-metadata`.
    pub(super) fn scene_json(&self, dataset: &'static Dataset, scene: &Scene<'_>, detail: Detail) -> Value {
        let chance = scene.acquisition.chance();
        let one_in = |draw, n| chance.up_to(draw, n) == 0;
        let (entity, display) = (scene.entity_id(), scene.display_id());
        let selected = if one_in(40, 9) {
            Value::Null
        } else {
            json!({"bulk": false, "order": false, "compare": false})
        };
        json!({
            "browse": self.browse(scene),
            "cloudCover": cloud_cover(scene),
            "entityId": entity,
            "displayId": display,
            "orderingId": entity,
            "metadata": metadata(dataset, scene, detail),
            "hasCustomizedMetadata": if one_in(41, 5) { Value::Null } else { json!(false) },
            "options": {"bulk": true, "download": true, "order": false, "secondary": dataset.band_files().is_some()},
            "selected": selected,
            "spatialBounds": spatial_bounds(scene),
            "spatialCoverage": {"type": "Polygon", "coordinates": [ring(scene)]},
            "temporalCoverage": {
                "startDate": format!("{} 00:00:00{}", scene.acquisition.day(), zone(scene)),
                "endDate": format!("{} 00:00:00{}", scene.acquisition.day(), zone(scene)),
            },
            "publishDate": publish_date(scene),
        })
    }

    fn browse(&self, scene: &Scene<'_>) -> Value {
        let display = scene.display_id();
        let base = self.hosts().downloads;
        let path = |size| format!("{base}/gen-browse?size={size}&type=refl&product_id={display}");
        let rotation = if scene.acquisition.chance().up_to(42, 4) == 0 { Value::Null } else { json!(false) };
        json!([{
            "id": opaque_id(&["browse", &display]),
            "browseRotationEnabled": rotation,
            "browseName": "Level-1 Reflective Browse",
            "browsePath": path("rrb"),
            "overlayPath": format!("{base}/dynamic-tiler/scenes/{display}/tiles/{{z}}/{{x}}/{{y}}.png?layer=natural_color"),
            "overlayType": "ls_chs",
            "thumbnailPath": path("thumb"),
        }])
    }
}

/// A string as a rule, a number now and then; the unknown is null, a string or a number below zero.
fn cloud_cover(scene: &Scene<'_>) -> Value {
    let draw = scene.acquisition.chance().up_to(43, 6);
    match (scene.acquisition.cloud, draw) {
        (None, 0 | 1) => Value::Null,
        (None, 2 | 3) => json!("-1"),
        (None, _) => json!(-1),
        (Some(hundredths), 0) => json!(f64::from(hundredths) / 100.0),
        (Some(hundredths), _) => json!(format!("{:.2}", f64::from(hundredths) / 100.0)),
    }
}

fn ring(scene: &Scene<'_>) -> Value {
    scene.acquisition.corners.ring().iter().map(|place| json!([place.lon, place.lat])).collect()
}

/// The bounding box as a polygon; missing now and then, and now and then only the centre.
fn spatial_bounds(scene: &Scene<'_>) -> Value {
    let [w, s, e, n] = scene.acquisition.corners.bounds();
    match scene.acquisition.chance().up_to(44, 20) {
        0 => Value::Null,
        1 => {
            let centre =
                crate::demo::usgs::scenes::wrs::centre(scene.acquisition.path, scene.acquisition.row);
            json!({"type": "Point", "coordinates": [centre.lon, centre.lat]})
        }
        _ => json!({"type": "Polygon", "coordinates": [[[w, s], [w, n], [e, n], [e, s], [w, s]]]}),
    }
}

/// Level 2 dates come without a zone, those of level 1 with that of Sioux Falls.
fn zone(scene: &Scene<'_>) -> &'static str {
    if scene.processing().starts_with("L2") { "" } else { "-06" }
}

fn publish_date(scene: &Scene<'_>) -> Value {
    let day = scene.processed();
    match scene.acquisition.chance().up_to(45, 4) {
        0 => json!("Unknown"),
        1 => json!(format!("{day}T16:28:42Z")),
        _ => json!(format!("{day} 16:28:42{}", zone(scene))),
    }
}

fn metadata(dataset: &'static Dataset, scene: &Scene<'_>, detail: Detail) -> Value {
    let link = |name: &str| {
        let anchor = name.to_ascii_lowercase().replace([' ', '/'], "_");
        format!("https://www.usgs.gov/centers/eros/science/landsat-collection-2-data-dictionary#{anchor}")
    };
    let entry = |id: String, name: &str, value: Value| json!({"id": id, "fieldName": name, "dictionaryLink": link(name), "value": value});
    let wanted = fields(dataset).filter(|field| match detail {
        Detail::None => false,
        Detail::Summary => field.summary,
        Detail::Full => true,
    });
    let mut entries: Vec<Value> =
        wanted.map(|field| entry(field.id(dataset), field.name, json!((field.value)(scene)))).collect();
    if detail == Detail::Full {
        let corners = corner_fields(scene);
        entries.extend(
            corners
                .into_iter()
                .map(|(name, degrees)| entry(opaque_id(&[dataset.id, &name]), &name, json!(degrees))),
        );
    }
    Value::Array(entries)
}
