//! The embedded world under the programs that judge items and rasters.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use stacfs::demo::{self, Demo};

use crate::{PYTHON, run};

fn whole() -> Demo {
    demo::start(demo::Options::default()).expect("a demo server")
}

/// Debian's GDAL comes with this Python; `scripts/test` installs it.
const GDAL_PYTHON: &str = "/usr/bin/python3";

#[test]
fn pystac_validates_the_items_of_the_world() {
    let demo = whole();
    let program = format!("{PYTHON}/validate_items.py");
    let text = run("python3", &[&program, &demo.stac_url, "nasty"]);
    let counts: Vec<(&str, usize)> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(id, n)| (id, n.parse().unwrap()))
        .collect();
    assert!(counts.len() >= 6 && counts.iter().all(|(_, n)| *n > 0), "{text}");
    assert!(counts.contains(&("kaguya_terrain_camera_monoscopic_uncontrolled_observations", 60)), "{text}");
}

/// The smallest raster of each kind: collection, data type, bands, predictor of the file's name.
fn rasters(demo: &Demo, folder: &Path) -> Vec<PathBuf> {
    let get = |url: &str| reqwest::blocking::get(url).unwrap().error_for_status().unwrap();
    let json = |url: &str| -> Value { serde_json::from_slice(&get(url).bytes().unwrap()).unwrap() };
    let collections = json(&format!("{}/collections", demo.stac_url));
    let mut files = Vec::new();
    for collection in collections["collections"].as_array().unwrap() {
        let id = collection["id"].as_str().unwrap();
        if ["nasty", "lunar-mosaics"].contains(&id) {
            continue;
        }
        let page = json(&format!("{}/collections/{id}/items?limit=1", demo.stac_url));
        let assets = page["features"][0]["assets"].as_object().cloned().unwrap_or_default();
        for (key, asset) in assets
            .iter()
            .filter(|(key, _)| ["image", "data", "B02", "blue", "visual", "scl"].contains(&key.as_str()))
        {
            let Some(href) = asset["href"].as_str().filter(|href| href.ends_with(".tif")) else { continue };
            let file = folder.join(format!("{id}-{key}.tif"));
            std::fs::write(&file, get(href).bytes().unwrap()).unwrap();
            files.push(file);
        }
    }
    files
}

#[test]
fn gdal_takes_the_rasters_for_cloud_optimised() {
    let demo = whole();
    let folder = tempfile::tempdir().unwrap();
    let files = rasters(&demo, folder.path());
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let mut command = Command::new(GDAL_PYTHON);
        command
            .args(["-m", "osgeo_utils.samples.validate_cloud_optimized_geotiff", "--full-check=yes"])
            .arg(&file);
        let output = command.output().expect("python3-gdal, which scripts/test installs");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.contains("is a valid cloud optimized GeoTIFF"),
            "{file:?}: {said}"
        );
        assert!(!said.contains("warning"), "{file:?}: {said}");
    }
}
