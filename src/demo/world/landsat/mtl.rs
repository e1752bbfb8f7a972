//! The text files of a Landsat scene: MTL in its three forms, and the angle coefficients.

use super::super::pvl::{self, Dialect, Pvl, group, text, value};
use super::assets::{ASSETS, KELVIN, Kind, REFLECTANCE};
use super::{FACTOR, Granule, PIXEL};
use crate::demo::usgs::scenes::Acquisition;

/// How the metadata are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// `MTL.txt`.
    Odl,
    /// `MTL.json`.
    Json,
    /// `MTL.xml`.
    Xml,
}

/// The metadata of a scene.
pub(super) fn metadata(granule: &Granule, form: Form) -> String {
    let label = [label(granule)];
    match form {
        Form::Odl => pvl::print(&label, Dialect::Mtl),
        Form::Json => format!("{:#}\n", pvl::json(&label)),
        Form::Xml => format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", pvl::xml(&label)),
    }
}

fn label(granule: &Granule) -> Pvl {
    let groups = vec![
        contents(granule),
        attributes(granule),
        projection(granule),
        surface_reflectance(),
        surface_temperature(granule),
    ];
    group("LANDSAT_METADATA_FILE", groups.into_iter().flatten().collect())
}

fn contents(granule: &Granule) -> Option<Pvl> {
    let scene = granule.scene();
    let mut members = vec![
        text("ORIGIN", "Made up for the demonstration of a file system"),
        text("DIGITAL_OBJECT_IDENTIFIER", "https://doi.org/10.5066/P9OGBGM6"),
        text("LANDSAT_PRODUCT_ID", &scene.display_id()),
        text("PROCESSING_LEVEL", scene.processing()),
        value("COLLECTION_NUMBER", "02"),
        text("COLLECTION_CATEGORY", granule.acquisition.tier.name()),
        text("OUTPUT_FORMAT", "GEOTIFF"),
    ];
    for asset in granule.assets().filter(|asset| matches!(asset.kind, Kind::Band(_))) {
        let key = match asset.ending.trim_end_matches(".TIF") {
            "QA_PIXEL" => "FILE_NAME_QUALITY_L1_PIXEL".to_owned(),
            name => format!("FILE_NAME_BAND_{}", name.replace("SR_B", "")),
        };
        members.push(text(&key, &granule.name(asset)));
    }
    let metadata = ASSETS.iter().filter(|asset| matches!(asset.kind, Kind::Metadata(_) | Kind::Angles));
    for asset in metadata {
        let key = match asset.kind {
            Kind::Metadata(Form::Odl) => "FILE_NAME_METADATA_ODL",
            Kind::Metadata(Form::Json) => "FILE_NAME_METADATA_JSON",
            Kind::Metadata(Form::Xml) => "FILE_NAME_METADATA_XML",
            _ => "FILE_NAME_ANGLE_COEFFICIENT",
        };
        members.push(text(key, &granule.name(asset)));
    }
    Some(group("PRODUCT_CONTENTS", members))
}

fn attributes(granule: &Granule) -> Option<Pvl> {
    let scene = granule.scene();
    let Acquisition { satellite, path, row, date, .. } = granule.acquisition;
    let time = granule.time().to_string();
    let clock = time.split_once('T').map_or("", |(_, clock)| clock);
    let members = vec![
        text("SPACECRAFT_ID", &format!("LANDSAT_{}", satellite.number())),
        text("SENSOR_ID", satellite.sensor()),
        value("WRS_TYPE", 2),
        value("WRS_PATH", path),
        value("WRS_ROW", row),
        text("NADIR_OFFNADIR", "NADIR"),
        value("DATE_ACQUIRED", date),
        text("SCENE_CENTER_TIME", clock),
        text("LANDSAT_SCENE_ID", &scene.entity_id()),
        // -1: nobody knows.
        value("CLOUD_COVER", format!("{:.2}", granule.cloud_cover().unwrap_or(-1.0))),
        value("SUN_ELEVATION", format!("{:.8}", granule.sun_elevation())),
    ];
    Some(group("IMAGE_ATTRIBUTES", members))
}

fn projection(granule: &Granule) -> Option<Pvl> {
    let bounds = granule.bounds();
    let corners = granule.acquisition.corners;
    let mut members = vec![
        text("MAP_PROJECTION", "UTM"),
        text("DATUM", "WGS84"),
        text("ELLIPSOID", "WGS84"),
        value("UTM_ZONE", 32),
        value("GRID_CELL_SIZE_REFLECTIVE", format!("{PIXEL}.00")),
        value("REFLECTIVE_LINES", bounds.height as u32 / FACTOR),
        value("REFLECTIVE_SAMPLES", bounds.width as u32 / FACTOR),
        text("ORIENTATION", "NORTH_UP"),
    ];
    for (corner, place) in [
        ("UL", corners.upper_left),
        ("UR", corners.upper_right),
        ("LL", corners.lower_left),
        ("LR", corners.lower_right),
    ] {
        members.push(value(&format!("CORNER_{corner}_LAT_PRODUCT"), format!("{:.5}", place.lat)));
        members.push(value(&format!("CORNER_{corner}_LON_PRODUCT"), format!("{:.5}", place.lon)));
    }
    Some(group("PROJECTION_ATTRIBUTES", members))
}

fn surface_reflectance() -> Option<Pvl> {
    let (scale, offset) = REFLECTANCE;
    let members = (2..=7).flat_map(|band| {
        [
            value(&format!("REFLECTANCE_MULT_BAND_{band}"), scale),
            value(&format!("REFLECTANCE_ADD_BAND_{band}"), offset),
        ]
    });
    Some(group("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", members.collect()))
}

/// Where there is a temperature.
fn surface_temperature(granule: &Granule) -> Option<Pvl> {
    let (scale, offset) = KELVIN;
    let members =
        vec![value("TEMPERATURE_MULT_BAND_ST_B10", scale), value("TEMPERATURE_ADD_BAND_ST_B10", offset)];
    (granule.scene().processing() == "L2SP").then(|| group("LEVEL2_SURFACE_TEMPERATURE_PARAMETERS", members))
}

/// The angle coefficient file, short.
pub(super) fn angles(granule: &Granule) -> String {
    let Acquisition { satellite, .. } = granule.acquisition;
    let header = group(
        "FILE_HEADER",
        vec![
            text("LANDSAT_SCENE_ID", &granule.scene().entity_id()),
            text("SPACECRAFT_ID", &format!("LANDSAT_{}", satellite.number())),
            value("NUMBER_OF_BANDS", 11),
            value("BAND_LIST", "(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)"),
        ],
    );
    let sun = group("SOLAR_VECTOR", vec![value("SUN_ELEVATION", format!("{:.8}", granule.sun_elevation()))]);
    pvl::print(&[header, sun], Dialect::Mtl)
}
