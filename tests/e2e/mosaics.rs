//! Mosaics as GDAL reads them, against what GDAL itself makes of downloaded files.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::{Value, json};
use stacfs::demo::http::{Content, Fault};
use stacfs::demo::world::raster::{Cog, Compression, Crs, Georeference, Picture, Sample, Spec, Window};
use stacfs::demo::world::{Assets, Collection, World};
use stacfs::demo::{self, Demo};

use crate::mounted::{MOON, Mounted, said};
use crate::python;

/// Runs a program of tests/python/gis.py; it must be content.
pub fn judge(arguments: &[&str]) -> String {
    let environment = python::environment();
    let output = Command::new(environment.join("bin/python3"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/gis.py"))
        .args(arguments)
        .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo/python"))
        .env("STACFS_TEST_VENV", environment)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Downloads an asset of every item of a directory, and lets gdalbuildvrt make `$OUT/<key>.vrt` of them, the
/// newest on top.
fn built_by_gdal(mount: &Mounted, directory: &str, key: &str) {
    mount.sh(&format!(
        r#"python3 - '{directory}' {key} > $OUT/files <<'END'
import glob, json, os, subprocess, sys
items = [json.load(open(path)) for path in glob.glob(sys.argv[1] + "/*/item.json")]
for item in sorted(items, key=lambda item: (item["properties"].get("datetime") or "")):
    file = f"{{os.environ['OUT']}}/{{item['id']}}.tif"
    subprocess.run(["curl", "-sf", "-o", file, item["assets"][sys.argv[2]]["href"]], check=True)
    print(file)
END
test $(wc -l < $OUT/files) -gt 2
gdalbuildvrt -q -input_file_list $OUT/files $OUT/{key}.vrt"#
    ));
}

/// What `gdalinfo` says of size, place, bands and checksums.
fn told(mount: &Mounted, file: &str) -> Value {
    let text = mount.sh(&format!("gdalinfo -json -checksum -nomd '{file}'"));
    let told: Value = serde_json::from_str(&text).unwrap();
    let band = |band: &Value| json!([band["type"], band["noDataValue"], band["checksum"]]);
    let bands: Vec<Value> = told["bands"].as_array().unwrap().iter().map(band).collect();
    json!({"size": told["size"], "place": told["geoTransform"], "bands": bands})
}

#[test]
fn a_mosaic_of_the_moon_is_that_of_gdalbuildvrt() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    // Their boxes are in degrees and their transforms in another order, so that headers must be read.
    let directory = format!("{MOON}/bbox=0,0,2.5,2.5/max_items=3");
    let mosaic = format!("{directory}/mosaics/image.vrt");
    let listed = mount.sh(&format!("ls {directory}/mosaics; stat -c %s {mosaic}"));
    assert_eq!(listed, "image.gti\nimage.vrt\n0\n", "made when it is opened");
    assert!(demo.server.journal().select(|entry| entry.path().ends_with(".tif")).is_empty());
    let text = mount.text(&mosaic);
    assert!(text.contains("STACFS_HEADERS_READ") && text.contains("STACFS_TRUNCATED"), "{text}");
    let headers = demo.server.journal().select(|entry| entry.path().ends_with(".tif"));
    assert_eq!(headers.len(), 3, "one request for each header");
    assert_eq!(mount.sh(&format!("wc -c < {mosaic}")).trim(), text.len().to_string());
    built_by_gdal(&mount, &directory, "image");
    let theirs = mount.place.path("out/image.vrt").display().to_string();
    assert_eq!(told(&mount, &mosaic), told(&mount, &theirs));
    assert!(mount.sh(&format!("gdalinfo {mosaic}")).contains("Moon"));
    let here = |name: &str| mount.path(&format!("{directory}/mosaics/{name}")).display().to_string();
    let judged = judge(&["same-pixels", &here("image.gti"), &here("image.vrt"), "500", "500", "700", "900"]);
    assert!(judged.starts_with("GTI VRT"), "{judged}");
}

/// The embedded world, one for all tests that look at the Earth: its scenes are painted to be listed, which takes
/// a while. Each test has days of its own.
fn earth() -> &'static Demo {
    static EARTH: OnceLock<Demo> = OnceLock::new();
    EARTH.get_or_init(|| demo::start(demo::Options::default()).unwrap())
}

/// Two squares on two days.
const EARTH: &str = "sentinel-2-l2a/datetime=2024-01-01..2024-01-20/bbox=8.9,54.1,8.95,54.2";

#[test]
fn a_mosaic_of_the_earth_needs_no_file_to_be_made() {
    let demo = earth();
    let mount = Mounted::of(&demo.stac_url);
    let names = mount.sh(&format!("ls {EARTH}/mosaics"));
    assert!(names.contains("red.vrt\n") && names.contains("red.gti\n") && !names.contains("thumbnail"));
    let mosaic = format!("{EARTH}/mosaics/visual.vrt");
    let text = mount.text(&mosaic);
    assert!(!text.contains("HEADERS_READ") && !text.contains("TRUNCATED"), "{text}");
    let headers = demo.server.journal().select(|entry| entry.path().ends_with("TCI.tif"));
    assert_eq!(headers.len(), 1, "one file tells how many bands all of them have");
    built_by_gdal(&mount, EARTH, "visual");
    let theirs = mount.place.path("out/visual.vrt").display().to_string();
    assert_eq!(told(&mount, &mosaic), told(&mount, &theirs));
    let here = |name: &str| mount.path(&format!("{EARTH}/mosaics/{name}")).display().to_string();
    judge(&["same-pixels", &here("visual.vrt"), &theirs]);
    judge(&["same-pixels", &here("visual.gti"), &here("visual.vrt")]);
}

#[test]
fn the_bands_of_an_item_are_a_stack() {
    let mount = Mounted::of(&earth().stac_url);
    let item = "sentinel-2-l2a/S2A_T32UNE_20240126T103629_L2A";
    mount.sh(&format!("! ls {item} | grep stack"));
    let stack = mount.sh(&format!("gdalinfo {item}/stack.vrt"));
    for band in ["blue", "green", "red", "nir"] {
        assert!(stack.contains(&format!("Description = {band}\n")), "{stack}");
    }
    assert!(!stack.contains("Description = swir16"), "that one has larger pixels: {stack}");
    let checksum = |file: &str| mount.sh(&format!("gdalinfo -checksum {file} | grep Checksum"));
    mount.sh(&format!("gdal_translate -q -b 3 {item}/stack.vrt $OUT/red.tif"));
    assert_eq!(checksum("$OUT/red.tif"), checksum(&format!("{item}/B04.tif")));
}

/// A slope, so that every pixel tells its place.
struct Slope;

impl Picture for Slope {
    fn paint(&self, window: Window) -> Vec<f32> {
        let row = |y: i64| (0..window.width as i64).map(move |x| ((window.x + x) + 3 * y) as f32);
        (0..window.height as i64)
            .flat_map(|y| row(window.y + y))
            .map(|v| v.rem_euclid(60_000.0) + 1.0)
            .collect()
    }
}

/// Squares of 64 × 64 pixels of 10 m, 40 in a row.
const ACROSS: i64 = 40;
const SIDE: i64 = 64;

fn spec(number: i64) -> Spec {
    let (column, row) = (number % ACROSS, number / ACROSS);
    Spec {
        width: SIDE as u32,
        height: SIDE as u32,
        bands: 1,
        sample: Sample::U16,
        tile: 64,
        compression: Compression::None,
        nodata: Some(0.0),
        scale: None,
        georeference: Georeference {
            crs: Crs::Projected(if number < 1000 { 32632 } else { 32633 }),
            west: 500_000.0 + (10 * SIDE * column) as f64,
            north: 6_000_000.0 - (10 * SIDE * row) as f64,
            pixel: 10.0,
        },
        origin: (column * SIDE, row * SIDE),
    }
}

struct Squares;

impl Assets for Squares {
    fn asset(&self, path: &str) -> Option<Content> {
        let number: i64 = path.strip_prefix("squares/")?.strip_suffix(".tif")?.parse().ok()?;
        if number > 1000 {
            return None;
        }
        Some(Content {
            bytes: Cog::open(spec(number), Arc::new(Slope)),
            media_type: "image/tiff".into(),
            etag: Some(format!("\"{number}\"")),
            last_modified: Timestamp::from_second(1_600_000_000).ok(),
        })
    }
}

/// A thousand squares in a row of rows, and one more in another coordinate reference system.
pub fn squares() -> Demo {
    let item = |number: i64| {
        let spec = spec(number);
        let place = spec.georeference;
        let code = if number < 1000 { "EPSG:32632" } else { "EPSG:32633" };
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": format!("s{number}"),
            "stac_extensions": ["https://stac-extensions.github.io/projection/v2.0.0/schema.json"],
            "collection": "squares", "geometry": {"type": "Point", "coordinates": [9.0, 54.0]},
            "bbox": [9.0, 54.0, 9.0, 54.0],
            "properties": {"datetime": "2024-01-01T00:00:00Z", "proj:code": code},
            "assets": {"data": {
                "href": format!("squares/{number}.tif"), "type": "image/tiff", "file:size": Cog::plain_len(&spec),
                "bands": [{"name": "b"}], "data_type": "uint16", "nodata": 0,
                "proj:shape": [SIDE, SIDE],
                "proj:transform": [10, 0, place.west, 0, -10, place.north],
            }},
        })
    };
    serve((0..=1000).map(item).collect())
}

/// Squares whose metadata say nothing but where the files are: two in one coordinate reference system, one in
/// another, and one that is gone.
fn silent() -> Demo {
    let item = |number: i64| {
        json!({
            "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": format!("s{number}"),
            "collection": "squares", "geometry": {"type": "Point", "coordinates": [9.0, 54.0]},
            "bbox": [9.0, 54.0, 9.0, 54.0], "properties": {"datetime": "2024-01-01T00:00:00Z"},
            "assets": {"data": {"href": format!("squares/{number}.tif"), "type": "image/tiff"}},
        })
    };
    serve([7, 8, 1000, 9999].map(item).to_vec())
}

fn serve(items: Vec<Value>) -> Demo {
    let world = World {
        id: "squares".into(),
        title: "Squares".into(),
        description: "A thousand squares.".into(),
        collections: vec![Collection {
            json: json!({
                "type": "Collection", "stac_version": "1.1.0", "id": "squares", "license": "CC0-1.0",
                "description": "A thousand squares.", "links": [],
                "extent": {"spatial": {"bbox": [[9, 54, 9, 54]]}, "temporal": {"interval": [[null, null]]}},
            }),
            queryables: json!({"proj:code": {"type": "string"}}),
            items: Arc::new(items),
        }],
        catalogs: Vec::new(),
        assets: Arc::new(Squares),
    };
    demo::start(demo::Options { world: Arc::new(world), ..demo::Options::default() }).unwrap()
}

#[test]
fn a_window_of_a_thousand_files_reads_those_it_touches() {
    let demo = squares();
    let mount = Mounted::of(&demo.stac_url);
    let directory = "squares/proj:code=EPSG:32632";
    let read = || -> BTreeSet<String> {
        let files = demo.server.journal().select(|entry| entry.path().ends_with(".tif"));
        files.iter().map(|entry| entry.path().rsplit('/').next().unwrap().to_owned()).collect()
    };
    let text = mount.text(&format!("{directory}/mosaics/data.vrt"));
    assert!(text.starts_with("<VRTDataset rasterXSize=\"2560\" rasterYSize=\"1600\">"), "{text:.200}");
    assert!(read().is_empty(), "metadata tell it all");
    mount.sh(&format!(
        "gdal_translate -q -srcwin {} {} 64 64 {directory}/mosaics/data.vrt $OUT/window.tif",
        7 * SIDE + 32,
        5 * SIDE + 32,
    ));
    assert_eq!(read(), ["207.tif", "208.tif", "247.tif", "248.tif"].map(str::to_owned).into());
    // The pixels tell their place.
    let value = mount.sh("gdallocationinfo -valonly $OUT/window.tif 10 20");
    assert_eq!(value.trim(), ((7 * SIDE + 42) + 3 * (5 * SIDE + 52) + 1).to_string());
    let here = |name: &str| mount.path(&format!("{directory}/mosaics/{name}")).display().to_string();
    let window = [20 * SIDE + 32, 9 * SIDE + 8, SIDE, SIDE / 2].map(|number| number.to_string());
    let [column, row, width, height] = window.each_ref().map(String::as_str);
    judge(&["same-pixels", &here("data.gti"), &here("data.vrt"), column, row, width, height]);
    assert_eq!(read().len(), 6, "{:?}", read());
}

#[test]
fn each_coordinate_reference_system_has_a_mosaic_of_its_own() {
    let demo = squares();
    let mount = Mounted::of(&demo.stac_url);
    let names = mount.list("squares/mosaics").unwrap();
    assert_eq!(
        names,
        ["data.EPSG-32632.vrt", "data.EPSG-32632.gti", "data.EPSG-32633.vrt", "data.EPSG-32633.gti"]
    );
    assert!(mount.sh("gdalinfo -nofl squares/mosaics/data.EPSG-32633.vrt").contains("Size is 64, 64"));
    let error = std::fs::read(mount.path("squares/mosaics/data.vrt")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(22));
    let words = mount.text(".stacfs/errors");
    assert!(words.contains("open data.EPSG-32632.vrt or data.EPSG-32633.vrt"), "{words}");
    assert!(!mount.run("ls squares/mosaics/nothing.vrt").status.success());
    assert_eq!(mount.text("squares/mosaics/data.EPSG-32632.vrt").len() as u64, {
        std::fs::metadata(mount.path("squares/mosaics/data.EPSG-32632.vrt")).unwrap().len()
    });
}

#[test]
fn a_stack_that_could_not_be_made_is_made_at_the_next_open() {
    let band = json!({"href": "squares/7.tif", "type": "image/tiff"});
    let item = json!({
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": "s7", "collection": "squares",
        "geometry": null, "properties": {"datetime": "2024-01-01T00:00:00Z"},
        "assets": {"red": band, "nir": band},
    });
    let demo = serve(vec![item]);
    let mount = Mounted::of(&demo.stac_url);
    let stack = mount.path("squares/s7/stack.vrt");
    demo.server.faults().add(Fault::status(503).on("/assets/*"));
    assert!(std::fs::read(&stack).is_err());
    demo.server.faults().clear();
    let text = std::fs::read_to_string(&stack).unwrap_or_else(|error| panic!("{error}"));
    assert!(text.contains("red__7.tif") && text.contains("nir__7.tif"), "{text}");
}

#[test]
fn headers_tell_what_metadata_do_not() {
    let demo = silent();
    let mount = Mounted::of(&demo.stac_url);
    let open = |name: &str| std::fs::read_to_string(mount.path(&format!("squares/mosaics/{name}")));
    assert_eq!(mount.list("squares/mosaics").unwrap(), ["data.vrt", "data.gti"]);
    // A server that is in trouble makes no mosaic with holes.
    demo.server.faults().add(Fault::status(503).on("/assets/squares/8.tif"));
    assert!(open("data.EPSG-32632.vrt").is_err());
    demo.server.faults().clear();
    let mosaic = open("data.EPSG-32632.vrt").unwrap();
    assert!(mosaic.starts_with("<VRTDataset rasterXSize=\"128\" rasterYSize=\"64\">"), "{mosaic}");
    assert!(
        mosaic.contains("STACFS_HEADERS_READ\">4:") && mosaic.contains("dataType=\"UInt16\""),
        "{mosaic}"
    );
    let left_out = mosaic.lines().find(|line| line.contains("STACFS_LEFT_OUT")).unwrap();
    assert!(left_out.contains(">1: s9999/9999.tif: "), "{left_out}");
    let error = open("data.vrt").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(22), "there are two: {error}");
    assert!(mount.text(".stacfs/errors").contains("open data.EPSG-32632.vrt or data.EPSG-32633.vrt"));
    assert!(open("data.EPSG-32633.vrt").unwrap().contains("s1000/1000.tif"));
    let checksum = mount.sh("gdalinfo -checksum squares/mosaics/data.EPSG-32633.vrt | grep Checksum");
    assert_eq!(checksum, mount.sh("gdalinfo -checksum squares/s1000/1000.tif | grep Checksum"));
}
