//! The text files of a scene: MTL (as ODL and as JSON) and ANG.

use crate::demo::usgs::scenes::Scene;
use crate::demo::usgs::scenes::fields::{corner_fields, utm_zone};
use crate::demo::world::pvl::{self, Dialect, Pvl, group, text, value};

/// The metadata in ODL.
pub fn mtl(scene: &Scene<'_>) -> String {
    pvl::print(&[label(scene)], Dialect::Mtl)
}

/// The metadata in JSON; every value is a string, as in the real file.
pub fn mtl_json(scene: &Scene<'_>) -> String {
    format!("{:#}\n", pvl::json(&[label(scene)]))
}

/// A short angle coefficient file.
pub fn ang(scene: &Scene<'_>) -> String {
    let header = vec![
        text("LANDSAT_SCENE_ID", &scene.entity_id()),
        text("SPACECRAFT_ID", &spacecraft(scene)),
        value("NUMBER_OF_BANDS", 11),
    ];
    pvl::print(&[group("FILE_HEADER", header)], Dialect::Mtl)
}

fn spacecraft(scene: &Scene<'_>) -> String {
    format!("LANDSAT_{}", scene.acquisition.satellite.number())
}

fn label(scene: &Scene<'_>) -> Pvl {
    let acquisition = scene.acquisition;
    let cloud = acquisition.cloud.map_or(-1.0, |hundredths| f64::from(hundredths) / 100.0);
    let corner = |(name, degrees): (String, f64)| {
        let name = name.to_ascii_uppercase().replace(' ', "_").replace("LATITUDE", "LAT_PRODUCT");
        value(&name.replace("LONGITUDE", "LON_PRODUCT"), format!("{degrees:?}"))
    };
    let mut projection = vec![text("MAP_PROJECTION", "UTM"), value("UTM_ZONE", utm_zone(scene))];
    projection.extend(corner_fields(scene).into_iter().map(corner));
    let contents = vec![
        text("ORIGIN", "Made up for the demonstration of a file system"),
        text("LANDSAT_PRODUCT_ID", &scene.display_id()),
        text("PROCESSING_LEVEL", scene.processing()),
        value("COLLECTION_NUMBER", scene.level.collection()),
        text("COLLECTION_CATEGORY", acquisition.tier.name()),
    ];
    let image = vec![
        text("SPACECRAFT_ID", &spacecraft(scene)),
        text("SENSOR_ID", acquisition.satellite.sensor()),
        value("WRS_PATH", acquisition.path),
        value("WRS_ROW", acquisition.row),
        text("DATE_ACQUIRED", &acquisition.day()),
        value("CLOUD_COVER", format!("{cloud:?}")),
    ];
    let groups = vec![
        group("PRODUCT_CONTENTS", contents),
        group("IMAGE_ATTRIBUTES", image),
        group("PROJECTION_ATTRIBUTES", projection),
    ];
    group("LANDSAT_METADATA_FILE", groups)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::demo::usgs::scenes::{Archive, dataset};

    #[test]
    fn both_forms_name_the_product() {
        let archive = Archive::generate();
        let scene = archive.scenes(dataset("landsat_ot_c2_l2").unwrap()).next().unwrap();
        let id = scene.display_id();
        assert!(mtl(&scene).contains(&format!("LANDSAT_PRODUCT_ID = \"{id}\"\n")));
        let json: Value = serde_json::from_str(&mtl_json(&scene)).unwrap();
        assert_eq!(json["LANDSAT_METADATA_FILE"]["PRODUCT_CONTENTS"]["LANDSAT_PRODUCT_ID"], json!(id));
        assert!(json["LANDSAT_METADATA_FILE"]["IMAGE_ATTRIBUTES"]["WRS_PATH"].is_string());
    }
}
