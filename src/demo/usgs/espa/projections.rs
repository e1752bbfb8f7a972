//! The parts of an order that have one shape for all sensors: formats, resampling methods, projections; and the
//! replies that list them.

use serde_json::{Map, Value, json};

use super::sensors::{Personality, sensors};

/// Codes and names of the formats.
pub const FORMATS: [(&str, &str); 4] =
    [("gtiff", "GeoTiff"), ("envi", "ENVI"), ("hdf-eos2", "HDF-EOS2"), ("netcdf", "NetCDF")];

/// Codes and names of the resampling methods.
pub const RESAMPLING: [(&str, &str); 3] =
    [("nn", "Nearest Neighbor"), ("bil", "Bilinear Interpolation"), ("cc", "Cubic Convolution")];

/// The most ids in one order, and for one sensor.
pub const MOST_INPUTS: usize = 5000;
/// The most pixels of a product.
pub const MOST_PIXELS: u64 = 200_000_000;
/// Sizes of pixels: metres, degrees.
pub const PIXEL_METRES: [f64; 2] = [30.0, 5000.0];
/// See [`PIXEL_METRES`].
pub const PIXEL_DEGREES: [f64; 2] = [0.000_269_5, 0.044_915_5];

/// What a projection's parameter may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Domain {
    /// Any number.
    Free,
    /// A number within these.
    Range(f64, f64),
    /// A whole number within these; `15.0` is not one.
    Whole(i64, i64),
    /// A number whose size without sign lies within these.
    Absolute(i64, i64),
    /// One of some words.
    Word(&'static [&'static str]),
}

/// A parameter: name, title, domain.
pub type Parameter = (&'static str, &'static str, Domain);

/// A projection that orders may ask for.
pub struct Projection {
    /// Its key.
    pub key: &'static str,
    /// Its name.
    pub title: &'static str,
    /// Its parameters, all required. None: the value is null.
    pub parameters: &'static [Parameter],
}

const LON: Domain = Domain::Range(-180.0, 180.0);
const LAT: Domain = Domain::Range(-90.0, 90.0);

/// All of them.
pub const PROJECTIONS: [Projection; 5] = [
    Projection {
        key: "aea",
        title: "Albers Equal Area",
        parameters: &[
            ("central_meridian", "Central Meridian", LON),
            ("latitude_of_origin", "Latitude of Origin", LAT),
            ("standard_parallel_1", "1st Standard Parallel", LAT),
            ("standard_parallel_2", "2nd Standard Parallel", LAT),
            ("false_easting", "False Easting (meters)", Domain::Free),
            ("false_northing", "False Northing (meters)", Domain::Free),
            ("datum", "Datum", Domain::Word(&["wgs84", "nad27", "nad83"])),
        ],
    },
    Projection {
        key: "utm",
        title: "Universal Transverse Mercator",
        parameters: &[
            ("zone", "UTM Grid Zone Number", Domain::Whole(1, 60)),
            ("zone_ns", "UTM Hemisphere", Domain::Word(&["north", "south"])),
        ],
    },
    Projection { key: "lonlat", title: "Geographic", parameters: &[] },
    Projection {
        key: "sinu",
        title: "Sinusoidal",
        parameters: &[
            ("central_meridian", "Central Meridian", LON),
            ("false_easting", "False Easting (meters)", Domain::Free),
            ("false_northing", "False Northing (meters)", Domain::Free),
        ],
    },
    Projection {
        key: "ps",
        title: "Polar Stereographic",
        parameters: &[
            ("longitudinal_pole", "Longitudinal Pole", LON),
            ("latitude_true_scale", "Latitude of True Scale", Domain::Absolute(60, 90)),
            ("false_easting", "False Easting (meters)", Domain::Free),
            ("false_northing", "False Northing (meters)", Domain::Free),
        ],
    },
];

/// `GET formats`.
pub fn formats() -> Value {
    json!({"formats": map(&FORMATS)})
}

/// `GET resampling-methods`.
pub fn resampling_methods() -> Value {
    json!({"resampling_methods": map(&RESAMPLING)})
}

fn map(pairs: &[(&str, &str)]) -> Value {
    Value::Object(pairs.iter().map(|(key, name)| ((*key).to_owned(), json!(name))).collect())
}

/// `GET projections`.
pub fn projections() -> Value {
    let named = PROJECTIONS.iter().enumerate().map(|(rank, projection)| {
        let schema = if projection.parameters.is_empty() {
            // A text where the others have a list.
            json!({"type": "null", "pixel_units": "dd", "title": projection.title, "display_rank": rank})
        } else {
            json!({"type": "object", "title": projection.title, "pixel_units": ["meters", "dd"],
                   "display_rank": rank, "properties": properties(projection.parameters)})
        };
        (projection.key.to_owned(), schema)
    });
    Value::Object(named.collect())
}

fn properties(parameters: &[Parameter]) -> Map<String, Value> {
    let schema = |rank: usize, title: &str, domain: &Domain| {
        let base = json!({"type": "number", "title": title, "display_rank": rank, "required": true});
        let mut schema = base;
        match domain {
            Domain::Free => {}
            Domain::Range(low, high) => {
                schema["minimum"] = json!(*low as i64);
                schema["maximum"] = json!(*high as i64);
            }
            Domain::Whole(low, high) => {
                schema["type"] = json!("integer");
                schema["minimum"] = json!(low);
                schema["maximum"] = json!(high);
            }
            Domain::Absolute(low, high) => schema["abs_rng"] = json!([low, high]),
            Domain::Word(words) => {
                schema["type"] = json!("string");
                schema["enum"] = json!(words);
            }
        }
        schema
    };
    let named = parameters.iter().enumerate();
    named.map(|(rank, (name, title, domain))| ((*name).to_owned(), schema(rank, title, domain))).collect()
}

/// `GET order-schema`: JSON Schema draft 3 with keywords of ESPA's own.
pub fn order_schema(personality: Personality) -> Value {
    let codes = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, _)| json!(key)).collect::<Value>();
    let number = || json!({"type": "number", "required": true});
    let mut properties = Map::new();
    for sensor in sensors(personality) {
        let schema = json!({"type": "object", "properties": {
            "inputs": {"type": "array", "required": true, "uniqueItems": true, "minItems": 1,
                       "maxItems": MOST_INPUTS, "items": {"type": "string", "pattern": sensor.pattern()}},
            "products": {"type": "array", "required": true, "uniqueItems": true, "minItems": 1,
                         "restricted": true, "stats": true,
                         "items": {"type": "string", "enum": sensor.products}}}});
        properties.insert(sensor.key.into(), schema);
    }
    let keys: Vec<String> = properties.keys().cloned().collect();
    let units = json!({"type": "string", "required": true, "enum": ["dd", "meters"]});
    let own = [
        ("projection", json!({"type": "object", "single_obj": true, "properties": projections()})),
        (
            "image_extents",
            json!({"type": "object", "properties": {"north": number(), "south": number(), "east": number(),
                   "west": number(), "units": units}}),
        ),
        ("format", json!({"type": "string", "required": true, "enum": codes(&FORMATS)})),
        (
            "resize",
            json!({"type": "object", "properties": {
                "pixel_size": {"type": "number", "required": true, "ps_dd_rng": PIXEL_DEGREES,
                               "ps_meters_rng": [30, 5000]},
                "pixel_size_units": units}}),
        ),
        ("resampling_method", json!({"type": "string", "enum": codes(&RESAMPLING)})),
        ("plot_statistics", json!({"type": "boolean"})),
        ("note", json!({"type": "string", "required": false, "blank": true})),
    ];
    properties.extend(own.map(|(key, schema)| (key.to_owned(), schema)));
    json!({
        "$schema": "http://json-schema.org/draft-03/schema#",
        "type": "object",
        "additionalProperties": false,
        "max_items": MOST_INPUTS,
        "pixel_count": MOST_PIXELS,
        "properties": properties,
        "dependencies": {"image_extents": ["projection"]},
        "oneormoreobjects": keys,
    })
}

/// `GET product-groups`.
pub fn product_groups() -> Value {
    let product = |title: &str, plots: bool, rank: usize| json!({"title": title, "is_plotable": plots, "required_customizations": [], "display_rank": rank});
    json!({
        "l2p": {"title": "Level-2 Products", "display_rank": 1, "products": {
            "sr": product("Surface Reflectance", true, 0),
            "pixel_qa": product("Pixel QA", false, 1),
            "et": product("Provisional Evapotranspiration", true, 2)}},
        "spectral-indices": {"title": "Spectral Indices", "display_rank": 2, "products": {
            "sr_ndvi": product("NDVI", true, 0), "sr_evi": product("EVI", true, 1)}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_replies_have_espas_shapes() {
        assert_eq!(formats()["formats"]["hdf-eos2"], "HDF-EOS2");
        assert_eq!(resampling_methods()["resampling_methods"]["cc"], "Cubic Convolution");
        let projections = projections();
        assert_eq!(projections["lonlat"]["pixel_units"], "dd");
        assert_eq!(projections["aea"]["pixel_units"], json!(["meters", "dd"]));
        assert_eq!(projections["ps"]["properties"]["latitude_true_scale"]["abs_rng"], json!([60, 90]));
        assert_eq!(projections["utm"]["properties"]["zone"]["type"], "integer");
    }

    #[test]
    fn the_schema_is_draft_3() {
        let schema = order_schema(Personality::Collection1);
        assert_eq!(schema["properties"]["format"]["required"], true);
        assert!(schema["oneormoreobjects"].as_array().unwrap().contains(&json!("olitirs8_collection")));
        assert_eq!(schema["dependencies"], json!({"image_extents": ["projection"]}));
    }
}
