//! Each rule, with its words.

use super::*;

const SCENE: &str = "lc08_l1tp_197030_20150612_20170408_01_t1";

fn order(more: Value) -> Value {
    let mut order =
        json!({"olitirs8_collection": {"inputs": [SCENE], "products": ["sr"]}, "format": "gtiff"});
    for (key, value) in more.as_object().unwrap() {
        if value.is_null() && key != "note" {
            order.as_object_mut().unwrap().shift_remove(key);
        } else {
            order[key] = value.clone();
        }
    }
    order
}

fn refused(order: Value) -> Vec<String> {
    match checked(Personality::Collection1, lowered(order)) {
        Err(Refusal::Invalid(words)) => words,
        other => panic!("{other:?}"),
    }
}

fn accepted(order: Value) -> Value {
    checked(Personality::Collection1, lowered(order)).unwrap()
}

fn says(more: Value, words: &str) {
    let said = refused(order(more));
    assert!(said.iter().any(|text| text == words), "{said:#?}");
}

#[test]
fn case_counts_for_nothing_but_in_the_note() {
    let kept =
        accepted(json!({"OliTirs8_Collection": {"Inputs": [SCENE.to_uppercase()], "PRODUCTS": ["SR"]},
        "Format": "GTIFF", "Note": "Keep Me\nÄ"}));
    assert_eq!(kept["olitirs8_collection"], json!({"inputs": [SCENE.to_uppercase()], "products": ["sr"]}));
    assert_eq!(kept["note"], "Keep Me\nÄ");
}

#[test]
fn sensors_and_their_ids() {
    says(json!({"foo": 1}), "Additional properties are not allowed ('foo' was unexpected)");
    says(json!({"olitirs8_collection": null}), "No requests for products were submitted");
    let with = |inputs: Value, products: Value| json!({"olitirs8_collection": {"inputs": inputs, "products": products}});
    says(with(json!([]), json!(["sr"])), "olitirs8_collection.inputs requires at least 1 item(s)");
    says(with(json!([SCENE, SCENE]), json!(["sr"])), "olitirs8_collection.inputs has non-unique elements");
    let said =
        refused(order(with(json!([SCENE, "le07_l1tp_197030_20150605_20161009_01_t1"]), json!(["sr"]))));
    assert!(
        said[0].starts_with("Unrecognized ID \"le07_") && said[0].ends_with("in olitirs8_collection.inputs")
    );
    assert!(said[0].contains("does not match ^lc08_"));
    says(with(json!([SCENE, "junk"]), json!(["sr"])), "Requested IDs are not recognized. Remove: ['junk']");
    let nobodys = checked(Personality::Collection1, order(with(json!(["junk"]), json!(["sr"]))));
    assert_eq!(nobodys, Err(Refusal::Crash));
}

#[test]
fn no_more_than_5000_ids() {
    let ids = |prefix: &str, count: u32| -> Vec<String> {
        (0..count).map(|n| format!("{prefix}_l1tp_{n:06}_20150612_20170408_01_t1")).collect()
    };
    let one = json!({"olitirs8_collection": {"inputs": ids("lc08", 5001), "products": ["sr"]}});
    says(one.clone(), "Single sensor input count exceeds maximum of 5000 in olitirs8_collection.inputs");
    says(one, "Order exceeds maximum allowable inputs of 5000");
    let two = json!({"olitirs8_collection": {"inputs": ids("lc08", 2501), "products": ["sr"]},
                     "tm5_collection": {"inputs": ids("lt05", 2500), "products": ["sr"]}});
    assert_eq!(refused(order(two)), ["Order exceeds maximum allowable inputs of 5000"]);
}

#[test]
fn products() {
    let with = |products: Value| json!({"olitirs8_collection": {"inputs": [SCENE], "products": products}});
    let said = refused(order(with(json!(["st"]))));
    assert!(said[0].starts_with(
        "Remove invalid product request 'st' in olitirs8_collection.products - Available products: ['l1', 'source_metadata'"
    ));
    says(
        with(json!(["l1"])),
        "order includes non-customized products, please contact User Services for other available options",
    );
    let mut customised = with(json!(["l1"]));
    customised["format"] = json!("envi");
    accepted(order(customised));
    let restricted = json!({"olitirs8_collection": null,
        "etm7_collection": {"inputs": ["le07_l1tp_197030_20160605_20161009_01_t1"], "products": ["sr"]}});
    says(
        restricted,
        "Requested sr products are restricted by date. Remove etm7_collection scenes: \
         ['LE07_L1TP_197030_20160605_20161009_01_T1']",
    );
    let mut plots = with(json!(["pixel_qa"]));
    plots["plot_statistics"] = json!(true);
    assert!(
        refused(order(plots))[0].starts_with("You must request valid products for statistics: ['sr', 'toa'")
    );
    assert_eq!(
        accepted(order(json!({"plot_statistics": true})))["olitirs8_collection"]["products"],
        json!(["sr", "stats"])
    );
}

#[test]
fn formats_and_methods() {
    says(json!({"format": null}), "Required field \"format\" is missing");
    says(
        json!({"format": "JPEG"}),
        "Unrecognized value 'jpeg' in format - Allowed values: ['gtiff', 'envi', 'hdf-eos2', 'netcdf']",
    );
    says(
        json!({"resampling_method": "x"}),
        "Unrecognized value 'x' in resampling_method - Allowed values: ['nn', 'bil', 'cc']",
    );
}

#[test]
fn projections() {
    let utm = |zone: Value| json!({"projection": {"utm": {"zone": zone, "zone_ns": "North"}}});
    accepted(order(utm(json!(31))));
    says(utm(json!(15.0)), "15.0 is not of type 'integer' in projection.utm.zone");
    says(utm(json!(61)), "61 is greater than the maximum of 60 in projection.utm.zone");
    says(
        json!({"projection": {"utm": {}, "lonlat": null}}),
        "projection field only accepts one object, not 2",
    );
    accepted(order(json!({"projection": {"lonlat": null}})));
    says(json!({"projection": {"lonlat": {}}}), "{} is not of type 'null' in projection.lonlat");
    says(
        json!({"projection": {"utm": {"zone": 31}}}),
        "Required field \"projection.utm.zone_ns\" is missing",
    );
    let ps = json!({"projection": {"ps": {"longitudinal_pole": 0, "latitude_true_scale": -45, "false_easting": 0,
        "false_northing": 0}}});
    says(ps, "Absolute value of projection.ps.latitude_true_scale must fall between 60 and 90");
    // These two pass, as they do at the real server.
    accepted(order(json!({"projection": {}})));
    accepted(order(json!({"projection": {"mercator": {}}})));
}

#[test]
fn extents_need_a_projection_near_by() {
    let extents = |units: &str| json!({"north": 44, "south": 43.4, "east": 4, "west": 3.5, "units": units});
    says(json!({"image_extents": extents("dd")}), "'projection' is a dependency of 'image_extents'");
    let utm = |zone: i64| json!({"utm": {"zone": zone, "zone_ns": "north"}});
    accepted(order(json!({"image_extents": extents("dd"), "projection": utm(31)})));
    says(
        json!({"image_extents": extents("dd"), "projection": utm(15)}),
        "image_extents (East: 4, West: 3.5) are not near the requested UTM zone (15)",
    );
    says(
        json!({"image_extents": extents("meters"), "projection": {"lonlat": null}}),
        "image_extents units must be in \"dd\" for projection \"lonlat\"",
    );
}

#[test]
fn pixels_have_a_size_and_a_number() {
    let resize =
        |size: Value, units: &str| json!({"resize": {"pixel_size": size, "pixel_size_units": units}});
    accepted(order(resize(json!(60), "meters")));
    says(
        resize(json!(10), "meters"),
        "Value of 10 for resize.pixel_size must fall between 30 and 5000 Meters",
    );
    let mut lonlat = resize(json!(60), "meters");
    lonlat["projection"] = json!({"lonlat": null});
    says(lonlat, "resize units must be in \"dd\" for projection \"lonlat\"");
    let extents = |north: f64, south: f64, east: f64| {
        json!({"image_extents": {"north": north, "south": south, "east": east, "west": 3, "units": "dd"},
               "projection": {"sinu": {"central_meridian": 0, "false_easting": 0, "false_northing": 0}}})
    };
    says(extents(60.0, 40.0, 30.0), "pixel count is greater than maximum size of 200000000 pixels");
    says(extents(40.0, 41.0, 4.0), "pixel count value falls below acceptable threshold of 1 pixel");
}

mod any {
    use super::*;
    use proptest::prelude::*;

    /// JSON of any shape, with the words that orders are made of.
    fn value() -> impl Strategy<Value = Value> {
        let words = [
            "olitirs8_collection",
            "inputs",
            "products",
            "projection",
            "utm",
            "zone",
            "resize",
            "pixel_size",
            "image_extents",
            "north",
            "units",
            "dd",
            "format",
            "gtiff",
            "note",
            "sr",
            SCENE,
        ];
        let word = prop::sample::select(words.to_vec());
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            word.clone().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((word.clone(), inner), 0..6).prop_map(|members| {
                    Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_judged(order in value()) {
            for personality in [Personality::Collection1, Personality::Collection2] {
                if let Err(Refusal::Invalid(words)) = checked(personality, lowered(order.clone())) {
                    prop_assert!(!words.is_empty());
                }
            }
        }

        #[test]
        fn an_order_that_was_accepted_is_accepted_again(more in value()) {
            let mut whole = order(json!({}));
            whole["projection"] = more;
            if let Ok(kept) = checked(Personality::Collection1, lowered(whole)) {
                prop_assert!(checked(Personality::Collection1, lowered(kept)).is_ok());
            }
        }
    }
}
