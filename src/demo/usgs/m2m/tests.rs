//! M2M, asked as a client asks it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::demo::http::probe::{Reply, ask};
use crate::demo::usgs::{Options, Usgs, start};

fn servers() -> Usgs {
    start(Options { standing_at: Some("2026-11-20T12:00:00Z".parse().unwrap()) }).unwrap()
}

fn raw(usgs: &Usgs, endpoint: &str, key: Option<&str>, input: &Value) -> Reply {
    let mut headers = vec![("User-Agent", "stacfs-test"), ("Content-Type", "application/json")];
    headers.extend(key.map(|key| ("X-Auth-Token", key)));
    ask("POST", &format!("{}{endpoint}", usgs.m2m_url), &headers, &input.to_string()).unwrap()
}

/// The envelope.
fn call(usgs: &Usgs, endpoint: &str, key: &str, input: &Value) -> Value {
    serde_json::from_slice(&raw(usgs, endpoint, Some(key), input).body).unwrap()
}

/// `data` of a request that succeeds.
fn data(usgs: &Usgs, endpoint: &str, key: &str, input: &Value) -> Value {
    let envelope = call(usgs, endpoint, key, input);
    assert_eq!(envelope["errorCode"], Value::Null, "{endpoint}: {envelope}");
    envelope["data"].clone()
}

fn code(usgs: &Usgs, endpoint: &str, key: &str, input: &Value) -> String {
    let envelope = call(usgs, endpoint, key, input);
    assert_eq!(envelope["data"], Value::Null);
    envelope["errorCode"].as_str().unwrap_or_else(|| panic!("{envelope}")).to_owned()
}

fn login_as(usgs: &Usgs, name: &str) -> String {
    let token = format!("{}-token", name.split(' ').next().unwrap());
    let reply = raw(usgs, "login-token", None, &json!({"username": name, "token": token}));
    let envelope: Value = serde_json::from_slice(&reply.body).unwrap();
    envelope["data"].as_str().unwrap_or_else(|| panic!("{envelope}")).to_owned()
}

fn login(usgs: &Usgs) -> String {
    login_as(usgs, "demo")
}

const LEVEL_2: &str = "landsat_ot_c2_l2";

fn montpellier() -> Value {
    json!({"spatialFilter": {"filterType": "mbr", "lowerLeft": {"longitude": 3.5, "latitude": 43.4},
           "upperRight": {"longitude": 4, "latitude": 44}},
           "acquisitionFilter": {"start": "2014-01-01", "end": "2015-12-31"}})
}

fn search(usgs: &Usgs, key: &str, more: Value) -> Value {
    let mut input = json!({"datasetName": LEVEL_2, "sceneFilter": montpellier()});
    for (member, value) in more.as_object().unwrap() {
        input[member] = value.clone();
    }
    data(usgs, "scene-search", key, &input)
}

fn first_scene(usgs: &Usgs, key: &str) -> Value {
    search(usgs, key, json!({"maxResults": 1}))["results"][0].clone()
}

fn options(usgs: &Usgs, key: &str, entity: &Value) -> Vec<Value> {
    let options =
        data(usgs, "download-options", key, &json!({"datasetName": LEVEL_2, "entityIds": [entity]}));
    options.as_array().unwrap().clone()
}

/// The ids by which the bundle of a scene is asked for.
fn bundle_wish(usgs: &Usgs, key: &str, scene: &Value) -> Value {
    let options = options(usgs, key, &scene["entityId"]);
    let bundle = options.iter().find(|option| option["downloadSystem"] == "ls_zip").unwrap();
    json!({"entityId": bundle["entityId"], "productId": bundle["id"]})
}

#[test]
fn a_login_with_a_password_is_refused_and_one_with_a_token_gives_a_key() {
    let usgs = servers();
    let refused = raw(&usgs, "login", None, &json!({"username": "demo", "password": "demo-password"}));
    assert!(String::from_utf8(refused.body).unwrap().contains("ENDPOINT_UNAVAILABLE"));
    let wrong = raw(&usgs, "login-token", None, &json!({"username": "demo", "token": "demo-password"}));
    assert!(String::from_utf8(wrong.body).unwrap().contains("AUTH_INVALID"));
    let key = login(&usgs);
    assert_eq!(data(&usgs, "permissions", &key, &json!({})), json!(["user", "download", "order"]));
    assert_eq!(data(&usgs, "logout", &key, &json!({})), Value::Null);
    assert_eq!(code(&usgs, "permissions", &key, &json!({})), "AUTH_KEY_INVALID");
}

#[test]
fn a_key_dies_two_hours_after_its_last_use() {
    let usgs = servers();
    let key = login(&usgs);
    for _ in 0..3 {
        usgs.advance(Duration::from_secs(7100));
        data(&usgs, "permissions", &key, &json!({}));
    }
    usgs.advance(Duration::from_secs(7201));
    let dead = call(&usgs, "permissions", &key, &json!({}));
    assert_eq!(dead["errorCode"], "AUTH_EXPIRED");
    assert_eq!((&dead["requestId"], &dead["version"]), (&json!(0), &Value::Null));
    // A login that carries a dead key is refused, one without is not.
    let again = json!({"username": "demo", "token": "demo-token"});
    let carried = raw(&usgs, "login-token", Some(&key), &again);
    assert!(String::from_utf8(carried.body).unwrap().contains("AUTH_KEY_INVALID"));
    login(&usgs);
}

#[test]
fn requests_must_be_well_formed() {
    let usgs = servers();
    let key = login(&usgs);
    let url = format!("{}scene-search", usgs.m2m_url);
    let headers = [("User-Agent", "t"), ("X-Auth-Token", key.as_str())];
    let form = ask("POST", &url, &headers, "jsonRequest=%7B%7D").unwrap();
    assert!(String::from_utf8(form.body).unwrap().contains("INPUT_FORMAT"));
    assert_eq!(ask("POST", &url, &headers[1..], "{}").unwrap().status, 403, "no User-Agent");
    assert_eq!(code(&usgs, "scene-search", &key, &json!({})), "INPUT_PARAMETER_REQUIRED");
    assert_eq!(code(&usgs, "scene-search", &key, &json!({"datasetName": "landsat_8_c1"})), "DATASET_INVALID");
    assert_eq!(code(&usgs, "idLookup", &key, &json!({})), "NOT_FOUND");
    assert_eq!(code(&usgs, "placename", &key, &json!({})), "ENDPOINT_UNAVAILABLE");
    let other = url.replace("/stable/", "/1.4.0/");
    assert!(
        String::from_utf8(ask("POST", &other, &headers, "{}").unwrap().body)
            .unwrap()
            .contains("VERSION_UNKNOWN")
    );
}

#[test]
fn two_requests_of_one_user_at_once_are_one_too_many() {
    let usgs = servers();
    let (key, others) = (login(&usgs), login_as(&usgs, "other person"));
    usgs.m2m.quirks().latency = Duration::from_millis(400);
    let codes: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> = [&key, &key, &others]
            .map(|key| scope.spawn(|| call(&usgs, "permissions", key, &json!({}))["errorCode"].clone()))
            .into_iter()
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| *code == "RATE_LIMIT").count(), 1);
    assert_eq!(codes[2], Value::Null, "another user is not concerned");
    assert_eq!(usgs.m2m.overlaps(), 1);
    data(&usgs, "permissions", &key, &json!({}));
}

#[test]
fn maintenance_is_a_page() {
    let usgs = servers();
    usgs.m2m.quirks().maintenance = true;
    let reply = raw(&usgs, "login-token", None, &json!({}));
    assert_eq!(reply.status, 503);
    assert!(String::from_utf8(reply.body).unwrap().starts_with("<!DOCTYPE html>"));
}

#[test]
fn datasets_are_found_and_described() {
    let usgs = servers();
    let key = login(&usgs);
    let all = data(&usgs, "dataset-search", &key, &json!({}));
    let names: Vec<&str> =
        all.as_array().unwrap().iter().map(|d| d["datasetAlias"].as_str().unwrap()).collect();
    assert!(names.contains(&LEVEL_2) && names.contains(&"landsat_band_files_c2_l2"));
    assert!(!names.contains(&"landsat_8_c1"));
    let some = data(&usgs, "dataset-search", &key, &json!({"datasetName": "_etm_"}));
    assert_eq!(some.as_array().unwrap().len(), 2);
    let one = data(&usgs, "dataset", &key, &json!({"datasetName": LEVEL_2}));
    assert_eq!(one["acquisitionStart"].as_str().unwrap().get(..4), Some("2013"));
    let extent: Vec<String> = serde_json::from_str(one["temporalCoverage"].as_str().unwrap()).unwrap();
    assert_eq!(extent.len(), 2);
    let filters = data(&usgs, "dataset-filters", &key, &json!({"datasetName": LEVEL_2}));
    assert!(
        filters
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f["fieldConfig"]["type"] == "Select" && f["valueList"].is_object())
    );
    let groups = data(&usgs, "dataset-file-groups", &key, &json!({"datasetName": LEVEL_2}));
    assert!(groups["secondary"].is_object());
    let products = data(&usgs, "dataset-download-options", &key, &json!({"datasetName": LEVEL_2}));
    assert_eq!(products.as_array().unwrap().len(), 3);
}

#[test]
fn pages_join_without_gap_and_the_next_record_is_capped() {
    let usgs = servers();
    let key = login(&usgs);
    let ids = |page: &Value| -> Vec<String> {
        page["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["displayId"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = search(&usgs, &key, json!({"maxResults": "50000"}));
    let total = all["totalHits"].as_u64().unwrap();
    assert!(total > 40 && all["recordsReturned"] == total && all["nextRecord"] == total);
    let mut joined = Vec::new();
    for start in (1..=total).step_by(20) {
        let page = search(&usgs, &key, json!({"maxResults": 20, "startingNumber": start}));
        assert_eq!(page["nextRecord"].as_u64().unwrap(), (start + 20).min(total));
        joined.extend(ids(&page));
    }
    assert_eq!(joined, ids(&all));
    let beyond = search(&usgs, &key, json!({"startingNumber": total + 1}));
    assert_eq!(beyond["recordsReturned"], 0);
    usgs.m2m.quirks().hits_drift = 1;
    let drifted = search(&usgs, &key, json!({"maxResults": 20, "startingNumber": 21}));
    assert_eq!(drifted["totalHits"], total + 20);
    usgs.m2m.quirks().result_window = 30;
    assert_eq!(search(&usgs, &key, json!({"maxResults": 100}))["recordsReturned"], 30);
    assert_eq!(search(&usgs, &key, json!({"maxResults": 100, "startingNumber": 21}))["recordsReturned"], 10);
    let input = json!({"datasetName": LEVEL_2, "sceneFilter": montpellier(), "startingNumber": 31});
    assert_eq!(code(&usgs, "scene-search", &key, &input), "SEARCH_ERROR");
}

#[test]
fn a_search_of_everything_is_approximate_and_sorted_newest_first() {
    let usgs = servers();
    let key = login(&usgs);
    let all = data(
        &usgs,
        "scene-search",
        &key,
        &json!({"datasetName": LEVEL_2, "maxResults": 50_000, "metadataType": null}),
    );
    assert_eq!(all["totalHitsAccuracy"], "approximate");
    assert!(all["totalHits"].as_u64() > all["recordsReturned"].as_u64());
    let days: Vec<String> = all["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["temporalCoverage"]["startDate"].as_str().unwrap()[..10].to_owned())
        .collect();
    assert!(days.is_sorted_by(|a, b| a >= b));
    let up = search(&usgs, &key, json!({"sortField": "acquisitionDate", "sortDirection": "ASC"}));
    let down = search(&usgs, &key, json!({"sortDirection": "DESC"}));
    assert_ne!(up["results"][0], down["results"][0]);
}

#[test]
fn scenes_come_in_all_the_loose_types() {
    let usgs = servers();
    let key = login(&usgs);
    let all = data(
        &usgs,
        "scene-search",
        &key,
        &json!({"datasetName": LEVEL_2, "maxResults": 50_000, "metadataType": null}),
    );
    let scenes = all["results"].as_array().unwrap();
    let some = |of: &dyn Fn(&Value) -> bool| assert!(scenes.iter().any(of));
    some(&|s| s["cloudCover"].is_null());
    some(&|s| s["cloudCover"].is_number() && s["cloudCover"] != -1);
    some(&|s| s["cloudCover"] == "-1");
    some(&|s| s["cloudCover"] == -1);
    some(&|s| s["cloudCover"].as_str().is_some_and(|text| text.contains('.')));
    some(&|s| s["selected"].is_null());
    some(&|s| s["spatialBounds"].is_null());
    some(&|s| s["spatialBounds"]["type"] == "Point");
    some(&|s| s["publishDate"] == "Unknown");
    some(&|s| s["publishDate"].as_str().is_some_and(|text| text.ends_with('Z')));
    some(&|s| s["browse"][0]["browseRotationEnabled"].is_null());
    for scene in scenes {
        let ring = scene["spatialCoverage"]["coordinates"][0].as_array().unwrap();
        assert!(ring.len() == 5 && ring[0] == ring[4]);
    }
}

#[test]
fn a_scene_is_found_by_each_of_its_ids() {
    let usgs = servers();
    let key = login(&usgs);
    let scene = first_scene(&usgs, &key);
    for (kind, id) in [
        ("displayId", &scene["displayId"]),
        ("entityId", &scene["entityId"]),
        ("orderingId", &scene["orderingId"]),
    ] {
        let input = json!({"datasetName": LEVEL_2, "entityId": id, "idType": kind});
        assert_eq!(data(&usgs, "scene-metadata", &key, &input)["displayId"], scene["displayId"]);
        let xml = data(&usgs, "scene-metadata-xml", &key, &input);
        assert!(xml["exportContent"].as_str().unwrap().contains(scene["displayId"].as_str().unwrap()));
    }
    let full = json!({"datasetName": LEVEL_2, "entityId": scene["entityId"], "metadataType": "full"});
    let names: Vec<Value> = data(&usgs, "scene-metadata", &key, &full)["metadata"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["fieldName"].clone())
        .collect();
    assert!(names.contains(&json!("Corner Upper Left Latitude")));
    let other =
        json!({"datasetName": "landsat_etm_c2_l2", "entityId": scene["displayId"], "idType": "displayId"});
    assert_eq!(code(&usgs, "scene-metadata", &key, &other), "NOT_FOUND");
}

#[test]
fn scene_lists_select_exclude_and_remember() {
    let usgs = servers();
    let key = login(&usgs);
    let page = search(&usgs, &key, json!({"maxResults": 4}));
    let ids: Vec<Value> = page["results"].as_array().unwrap().iter().map(|s| s["entityId"].clone()).collect();
    let list = |more: Value| {
        let mut input = json!({"listId": "mine"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let added =
        data(&usgs, "scene-list-add", &key, &list(json!({"datasetName": LEVEL_2, "entityIds": ids[..3]})));
    assert_eq!(added, 3);
    let again = list(json!({"datasetName": LEVEL_2, "entityIds": ids.clone()}));
    assert_eq!(data(&usgs, "scene-list-add", &key, &again), 1);
    assert_eq!(
        data(&usgs, "scene-list-get", &key, &list(json!({"maxResults": 2}))).as_array().unwrap().len(),
        2
    );
    assert_eq!(data(&usgs, "scene-list-summary", &key, &list(json!({})))["summary"]["sceneCount"], "4");
    assert_eq!(
        data(&usgs, "scene-metadata-list", &key, &list(json!({})))[LEVEL_2].as_array().unwrap().len(),
        4
    );
    let without = search(&usgs, &key, json!({"excludeListName": "mine", "maxResults": 1}));
    assert_eq!(without["numExcluded"], 4);
    let marked = search(&usgs, &key, json!({"compareListName": "mine", "maxResults": 1}));
    assert_eq!(marked["results"][0]["selected"]["compare"], true);
    data(&usgs, "scene-list-remove", &key, &list(json!({"datasetName": LEVEL_2, "entityId": ids[0]})));
    assert_eq!(data(&usgs, "scene-list-get", &key, &list(json!({}))).as_array().unwrap().len(), 3);
    data(&usgs, "scene-list-remove", &key, &list(json!({})));
    assert_eq!(code(&usgs, "scene-list-get", &key, &list(json!({}))), "NOT_FOUND");
}

#[test]
fn a_grid_cell_has_a_place() {
    let usgs = servers();
    let key = login(&usgs);
    let cell = |shape: &str| json!({"gridType": "WRS2", "path": "197", "row": 30, "responseShape": shape});
    let point = data(&usgs, "grid2ll", &key, &cell("point"));
    assert!((point["coordinates"][0]["latitude"].as_f64().unwrap() - 43.2).abs() < 0.4);
    assert_eq!(data(&usgs, "grid2ll", &key, &cell("polygon"))["coordinates"].as_array().unwrap().len(), 5);
    assert_eq!(
        code(&usgs, "grid2ll", &key, &json!({"gridType": "WRS2", "path": 234, "row": 1})),
        "INPUT_PARAMETER_INVALID"
    );
}

mod queue;
