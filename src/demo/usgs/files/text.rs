//! The text files of a scene: MTL (as ODL and as JSON) and ANG.

use serde_json::{Value, json};

use crate::demo::usgs::scenes::Scene;
use crate::demo::usgs::scenes::fields::{corner_fields, utm_zone};

/// The metadata in ODL.
pub fn mtl(scene: &Scene<'_>) -> String {
    let mut odl = String::from("GROUP = LANDSAT_METADATA_FILE\n");
    for (group, members) in groups(scene) {
        odl.push_str(&format!("  GROUP = {group}\n"));
        for (name, value) in members {
            odl.push_str(&format!("    {name} = {value}\n"));
        }
        odl.push_str(&format!("  END_GROUP = {group}\n"));
    }
    odl.push_str("END_GROUP = LANDSAT_METADATA_FILE\nEND\n");
    odl
}

/// The metadata in JSON; every value is a string, as in the real file.
pub fn mtl_json(scene: &Scene<'_>) -> String {
    let mut file = json!({});
    for (group, members) in groups(scene) {
        for (name, value) in members {
            let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            file[group][name] = json!(plain);
        }
    }
    format!("{:#}\n", json!({ "LANDSAT_METADATA_FILE": file }))
}

/// A short angle coefficient file.
pub fn ang(scene: &Scene<'_>) -> String {
    format!(
        "GROUP = FILE_HEADER\n  LANDSAT_SCENE_ID = \"{}\"\n  SPACECRAFT_ID = \"LANDSAT_{}\"\n  NUMBER_OF_BANDS = 11\n\
         END_GROUP = FILE_HEADER\nEND\n",
        scene.entity_id(),
        scene.acquisition.satellite.number()
    )
}

type Group = (&'static str, Vec<(String, Value)>);

fn groups(scene: &Scene<'_>) -> [Group; 3] {
    let own = |name: &str, value: Value| (name.to_owned(), value);
    let acquisition = scene.acquisition;
    let cloud = acquisition.cloud.map_or(-1.0, |hundredths| f64::from(hundredths) / 100.0);
    let mut projection = vec![own("MAP_PROJECTION", json!("UTM")), own("UTM_ZONE", json!(utm_zone(scene)))];
    projection.extend(corner_fields(scene).into_iter().map(|(name, degrees)| {
        let name = name.to_ascii_uppercase().replace(' ', "_").replace("LATITUDE", "LAT_PRODUCT");
        (name.replace("LONGITUDE", "LON_PRODUCT"), json!(degrees))
    }));
    [
        (
            "PRODUCT_CONTENTS",
            vec![
                own("ORIGIN", json!("Made up for the demonstration of a file system")),
                own("LANDSAT_PRODUCT_ID", json!(scene.display_id())),
                own("PROCESSING_LEVEL", json!(scene.processing())),
                own("COLLECTION_NUMBER", json!(scene.level.collection())),
                own("COLLECTION_CATEGORY", json!(acquisition.tier.name())),
            ],
        ),
        (
            "IMAGE_ATTRIBUTES",
            vec![
                own("SPACECRAFT_ID", json!(format!("LANDSAT_{}", acquisition.satellite.number()))),
                own("SENSOR_ID", json!(acquisition.satellite.sensor())),
                own("WRS_PATH", json!(acquisition.path)),
                own("WRS_ROW", json!(acquisition.row)),
                own("DATE_ACQUIRED", json!(acquisition.day())),
                own("CLOUD_COVER", json!(cloud)),
            ],
        ),
        ("PROJECTION_ATTRIBUTES", projection),
    ]
}

#[cfg(test)]
mod tests {
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
