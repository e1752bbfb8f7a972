use std::collections::HashSet;

use super::assets::QUALITY;
use super::*;

#[test]
fn scenes_have_ids_places_and_clouds_as_usgs_gives_them() {
    let landsat = Landsat::new();
    assert!((140..160).contains(&landsat.len()), "{}", landsat.len());
    let items: Vec<Value> = (0..landsat.len()).map(|n| landsat.json(n)).collect();
    let ids: HashSet<&str> = items.iter().filter_map(|item| item["id"].as_str()).collect();
    assert_eq!(ids.len(), items.len());
    let count = |of: &dyn Fn(&Value) -> bool| items.iter().filter(|item| of(&item["properties"])).count();
    assert!(count(&|p| p["platform"] == "landsat-9") > 60);
    assert!(count(&|p| p["landsat:wrs_path"] == "197" && p["landsat:wrs_row"] == "022") > 30);
    assert!((1..30).contains(&count(&|p| p.get("eo:cloud_cover").is_none())));
    assert!(count(&|p| p["eo:cloud_cover"].as_f64() == Some(0.0)) > 10);
    assert!(count(&|p| p["eo:cloud_cover"].as_f64() > Some(60.0)) > 10);
    assert!(count(&|p| p["landsat:correction"] == "L2SR") > 0);
    let first = &items[0];
    assert!(ids.iter().all(|id| id.len() == "LC08_L2SP_196022_20240105_02_T1".len()), "{}", first["id"]);
    let (ring, bbox) = (&first["geometry"]["coordinates"][0], &first["bbox"]);
    assert!(ring[3][0].as_f64() > bbox[0].as_f64(), "the footprint is tilted");
}

#[test]
fn files_are_named_alike_on_the_server_and_in_the_bucket() {
    let landsat = Landsat::new();
    for n in [0, 3, 77] {
        let item = landsat.json(n);
        for (key, asset) in item["assets"].as_object().unwrap() {
            let href = asset["href"].as_str().unwrap();
            if key == "index" {
                assert!(!href.rsplit('/').next().unwrap().contains('.'), "{href}");
                continue;
            }
            let s3 = asset["alternate"]["s3"]["href"].as_str().unwrap();
            assert_eq!(s3.strip_prefix("s3://usgs-landsat/"), href.strip_prefix("landsat/data/"));
            assert_eq!(asset["alternate"]["s3"]["storage:requester_pays"], true);
        }
    }
    let path = landsat.json(3)["assets"]["red"]["href"].as_str().unwrap().to_owned();
    let path = path.strip_prefix(FOLDER).unwrap();
    assert!(landsat.file(path).is_some());
    assert!(landsat.file(&path.replace("/2024/", "/2023/")).is_none());
    assert!(landsat.file("").is_none() && landsat.file("data/x").is_none());
}

#[test]
fn bands_are_small_and_neighbours_share_a_grid() {
    let landsat = Landsat::new();
    for granule in &landsat.granules {
        let place = granule.georeference();
        assert_eq!((place.west - ORIGIN.0) % (8.0 * f64::from(GROUND)), 0.0);
        let size = super::super::raster::Cog::plain_len(&granule.spec(&QUALITY));
        assert!((200_000..400_000).contains(&size), "{size}");
    }
}

#[test]
fn quality_and_temperature_are_those_of_the_scene() {
    let landsat = Landsat::new();
    let cloudy = |granule: &&Granule| (20.0..60.0).contains(&granule.cloud_cover().unwrap_or(0.0));
    let granule = landsat.granules.iter().find(cloudy).unwrap();
    let bounds = granule.bounds();
    let (width, height) = (bounds.width / 16, bounds.height / 16);
    let window = Window { level: 3, x: bounds.x / 16, y: bounds.y / 16, width, height };
    let paint =
        |product| super::super::raster::Picture::paint(&granule.ground().view(product, FACTOR), window);
    let quality = paint(Product::PixelQuality);
    assert!(quality[0].is_nan(), "nothing was seen in the corner");
    let seen: Vec<u16> = quality.iter().filter(|v| !v.is_nan()).map(|&v| v as u16).collect();
    let share = |bit: u16| seen.iter().filter(|&&v| v >> bit & 1 == 1).count() as f64 / seen.len() as f64;
    assert!((share(3) * 100.0 - granule.cloud_cover().unwrap()).abs() < 15.0, "{}", share(3));
    assert!(share(7) > 0.02, "there is a sea");
    let kelvin = paint(Product::Temperature(1.0, 0.0));
    assert!(kelvin.iter().filter(|v| !v.is_nan()).all(|v| (240.0..320.0).contains(v)));
}

#[test]
fn metadata_say_the_same_in_three_forms() {
    let landsat = Landsat::new();
    let granule = landsat.granules.iter().find(|granule| granule.cloud_cover().is_none()).unwrap();
    let [odl, json, xml] =
        [mtl::Form::Odl, mtl::Form::Json, mtl::Form::Xml].map(|form| mtl::metadata(granule, form));
    let product = granule.scene().display_id();
    assert!(odl.starts_with("GROUP = LANDSAT_METADATA_FILE\n  GROUP = PRODUCT_CONTENTS\n"));
    assert!(odl.contains(&format!("    LANDSAT_PRODUCT_ID = \"{product}\"\n")));
    assert!(
        odl.contains("    CLOUD_COVER = -1.00\n")
            && odl.ends_with("END_GROUP = LANDSAT_METADATA_FILE\nEND\n")
    );
    let parsed: Value = serde_json::from_str(&json).unwrap();
    let contents = &parsed["LANDSAT_METADATA_FILE"]["PRODUCT_CONTENTS"];
    assert_eq!(contents["LANDSAT_PRODUCT_ID"], product);
    assert_eq!(contents["FILE_NAME_BAND_2"], format!("{product}_SR_B2.TIF"));
    assert!(xml.contains(&format!("<LANDSAT_PRODUCT_ID>{product}</LANDSAT_PRODUCT_ID>\n")));
    assert!(mtl::angles(granule).contains(&granule.scene().entity_id()));
}
