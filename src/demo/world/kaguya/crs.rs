//! The projection of the scenes, in the words of their items.

use serde_json::{Value, json};

use super::MOON_RADIUS;

/// The code in the IAU's list of 2015.
fn code(meridian: u16) -> u32 {
    if meridian == 180 { 30115 } else { 30110 }
}

/// WKT 2, without blanks in names, as the real items have it.
pub(super) fn wkt2(meridian: u16) -> String {
    let degree = "ANGLEUNIT[\"degree\",0.0174532925199433]";
    let metre = "LENGTHUNIT[\"metre\",1]";
    let code = code(meridian);
    format!(
        "PROJCRS[\"Moon(2015)-Sphere/Ocentric/Equirectangular,clon={meridian}\",\
         BASEGEODCRS[\"Moon(2015)-Sphere/Ocentric\",DATUM[\"Moon(2015)-Sphere\",\
         ELLIPSOID[\"Moon(2015)-Sphere\",{MOON_RADIUS},0,{metre}]],PRIMEM[\"ReferenceMeridian\",0,{degree}]],\
         CONVERSION[\"Equirectangular,clon={meridian}\",METHOD[\"EquidistantCylindrical\",ID[\"EPSG\",1028]],\
         PARAMETER[\"Latitudeof1ststandardparallel\",0,{degree},ID[\"EPSG\",8823]],\
         PARAMETER[\"Longitudeofnaturalorigin\",{meridian},{degree},ID[\"EPSG\",8802]],\
         PARAMETER[\"Falseeasting\",0,{metre},ID[\"EPSG\",8806]],\
         PARAMETER[\"Falsenorthing\",0,{metre},ID[\"EPSG\",8807]]],\
         CS[Cartesian,2],AXIS[\"(E)\",east,ORDER[1],{metre}],AXIS[\"(N)\",north,ORDER[2],{metre}],\
         ID[\"IAU\",{code},2015]]"
    )
}

/// PROJJSON.
pub(super) fn projjson(meridian: u16) -> Value {
    let parameter = |code: u32, name: &str, value: u16, unit: &str| json!({"name": name, "value": value, "unit": unit, "id": {"authority": "EPSG", "code": code}});
    let axis = |name: &str, abbreviation: &str, direction: &str, unit: &str| json!({"name": name, "abbreviation": abbreviation, "direction": direction, "unit": unit});
    json!({
        "$schema": "https://proj.org/schemas/v0.7/projjson.schema.json",
        "type": "ProjectedCRS",
        "name": format!("Moon (2015) - Sphere / Ocentric / Equirectangular, clon = {meridian}"),
        "base_crs": {
            "name": "Moon (2015) - Sphere / Ocentric",
            "datum": {
                "type": "GeodeticReferenceFrame",
                "name": "Moon (2015) - Sphere",
                "ellipsoid": {"name": "Moon (2015) - Sphere", "radius": MOON_RADIUS},
                "prime_meridian": {"name": "Reference Meridian", "longitude": 0},
            },
            "coordinate_system": {
                "subtype": "ellipsoidal",
                "axis": [
                    axis("Geodetic latitude", "Lat", "north", "degree"),
                    axis("Geodetic longitude", "Lon", "east", "degree"),
                ],
            },
            "remarks": "Source of IAU Coordinate systems: https://doi.org/10.1007/s10569-017-9805-5",
            "id": {"authority": "IAU", "code": 30100, "version": 2015},
        },
        "conversion": {
            "name": format!("Equirectangular, clon = {meridian}"),
            "method": {"name": "Equidistant Cylindrical", "id": {"authority": "EPSG", "code": 1028}},
            "parameters": [
                parameter(8823, "Latitude of 1st standard parallel", 0, "degree"),
                parameter(8802, "Longitude of natural origin", meridian, "degree"),
                parameter(8806, "False easting", 0, "metre"),
                parameter(8807, "False northing", 0, "metre"),
            ],
        },
        "coordinate_system": {
            "subtype": "Cartesian",
            "axis": [axis("Easting", "E", "east", "metre"), axis("Northing", "N", "north", "metre")],
        },
        "id": {"authority": "IAU", "code": code(meridian), "version": 2015},
    })
}
