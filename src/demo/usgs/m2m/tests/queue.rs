//! Asking for downloads, and fetching them.

use super::*;

use sha2::{Digest, Sha256};

use crate::demo::http::{Fault, hex};
use crate::demo::usgs::m2m::Disposition;

fn request(usgs: &Usgs, key: &str, wishes: Value, label: &str) -> Value {
    data(usgs, "download-request", key, &json!({"downloads": wishes, "label": label}))
}

fn retrieve(usgs: &Usgs, key: &str, label: &str) -> Value {
    data(usgs, "download-retrieve", key, &json!({"label": label}))
}

fn fetch(url: &str, headers: &[(&str, &str)]) -> Reply {
    ask("GET", url, headers, "").unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap()
}

#[test]
fn sizes_and_checksums_are_those_of_the_bytes() {
    let usgs = servers();
    let key = login(&usgs);
    let options = options(&usgs, &key, &first_scene(&usgs, &key)["entityId"]);
    let folder = options.iter().find(|option| option["downloadSystem"] == "folder").unwrap();
    assert_eq!(folder["filesize"], 0);
    let parts = folder["secondaryDownloads"].as_array().unwrap();
    let whole: Vec<&Value> =
        parts.iter().chain(options.iter().filter(|o| o["downloadSystem"] == "ls_zip")).collect();
    let wishes: Vec<Value> = whole
        .iter()
        .map(|option| json!({"entityId": option["entityId"], "productId": option["id"]}))
        .collect();
    let reply = request(&usgs, &key, json!(wishes), "all");
    let available = reply["availableDownloads"].as_array().unwrap();
    assert_eq!(available.len(), whole.len());
    for (option, download) in whole.iter().zip(available) {
        let body = fetch(download["url"].as_str().unwrap(), &[]).body;
        assert_eq!(number(&option["filesize"]), body.len() as u64);
        assert_eq!(option["checksum"][1]["value"], json!(hex(&Sha256::digest(&body))));
    }
    let done = data(&usgs, "download-search", &key, &json!({"label": "all"}));
    assert!(done.as_array().unwrap().iter().all(|row| row["statusCode"] == "C"));
}

#[test]
fn php_writes_an_empty_map_as_a_list() {
    let usgs = servers();
    let key = login(&usgs);
    let wish = bundle_wish(&usgs, &key, &first_scene(&usgs, &key));
    let first = request(&usgs, &key, json!([wish]), "one");
    assert!(first["newRecords"].is_object() && first["duplicateProducts"] == json!([]));
    let second = request(&usgs, &key, json!([wish]), "two");
    assert!(second["newRecords"] == json!([]) && second["availableDownloads"] == json!([]));
    let id = first["availableDownloads"][0]["downloadId"].to_string();
    assert_eq!(second["duplicateProducts"][&id], "one", "the old label");
    assert_eq!(retrieve(&usgs, &key, "two")["available"], json!([]));
    assert_eq!(retrieve(&usgs, &key, "one")["available"][0]["downloadId"].to_string(), id);
    assert_eq!(data(&usgs, "download-order-remove", &key, &json!({"label": "one"})), 1);
    assert!(request(&usgs, &key, json!([wish]), "two")["newRecords"].is_object());
}

#[test]
fn a_staged_download_is_available_after_some_polls() {
    let usgs = servers();
    let key = login(&usgs);
    let wish = bundle_wish(&usgs, &key, &first_scene(&usgs, &key));
    usgs.m2m.quirks().staging_polls = 3;
    let reply = request(&usgs, &key, json!([wish]), "slow");
    let staging = reply["preparingDownloads"][0]["url"].as_str().unwrap();
    assert!(staging.contains("/download-staging/"));
    assert!(fetch(staging, &[]).body.starts_with(b"<html>"));
    for left in [1, 1, 0] {
        let state = retrieve(&usgs, &key, "slow");
        assert_eq!(state["requested"].as_array().unwrap().len(), left);
        assert_eq!(state["queueSize"], left);
    }
    let url = retrieve(&usgs, &key, "slow")["available"][0]["url"].as_str().unwrap().to_owned();
    assert_eq!(fetch(&url, &[]).status, 200);
}

#[test]
fn what_cannot_be_had_is_said() {
    let usgs = servers();
    let key = login(&usgs);
    let scene = first_scene(&usgs, &key);
    let entity = scene["entityId"].as_str().unwrap();
    let wish = bundle_wish(&usgs, &key, &scene);
    let options = options(&usgs, &key, &scene["entityId"]);
    let part = &options.iter().find(|o| o["downloadSystem"] == "folder").unwrap()["secondaryDownloads"][0];
    let mispaired = request(&usgs, &key, json!([{"entityId": entity, "productId": part["id"]}]), "a");
    assert_eq!((&mispaired["numInvalidScenes"], &mispaired["failed"]), (&json!(1), &json!([])));
    let unknown = request(&usgs, &key, json!([{"entityId": "LC8", "productId": "x"}]), "a");
    assert_eq!(unknown["failed"].as_array().unwrap().len(), 1);
    usgs.m2m.quirks().failing.insert(entity.to_owned());
    let disabled = request(&usgs, &key, json!([wish]), "a");
    assert!(disabled["failed"][0]["errorMessage"].as_str().unwrap().contains("temporarily disabled"));
    usgs.m2m.quirks().failing.clear();
    usgs.m2m.quirks().unavailable.insert(entity.to_owned());
    let rows = super::options(&usgs, &key, &scene["entityId"]);
    assert!(rows.iter().all(|row| row["available"] == false));
    let nothing = json!({"datasetName": LEVEL_2, "entityIds": "LC80000002000001LGN00"});
    assert_eq!(data(&usgs, "download-options", &key, &nothing), Value::Null);
    let long = json!({"downloads": [wish], "label": "x".repeat(51)});
    assert_eq!(code(&usgs, "download-request", &key, &long), "INPUT_PARAMETER_INVALID");
    usgs.m2m.quirks().bundles_only = true;
    assert_eq!(super::options(&usgs, &key, &scene["entityId"]).len(), 2);
}

#[test]
fn an_account_without_machine_access_may_search_but_not_download() {
    let usgs = servers();
    let key = login_as(&usgs, "browser");
    let scene = first_scene(&usgs, &key);
    let reply = raw(
        &usgs,
        "download-options",
        Some(&key),
        &json!({"datasetName": LEVEL_2, "entityIds": [scene["entityId"]]}),
    );
    assert_eq!(reply.status, 403);
    assert!(String::from_utf8(reply.body).unwrap().contains("AUTH_UNAUTHROIZED"));
    assert_eq!(data(&usgs, "permissions", &key, &json!({})), json!(["user"]));
}

#[test]
fn quotas_are_counted_and_refused() {
    let usgs = servers();
    let key = login(&usgs);
    usgs.m2m.quirks().quota.recent = 1;
    let page = search(&usgs, &key, json!({"maxResults": 2}));
    let wish = |place: usize| bundle_wish(&usgs, &key, &page["results"][place]);
    request(&usgs, &key, json!([wish(0)]), "a");
    assert_eq!(code(&usgs, "download-request", &key, &json!({"downloads": [wish(1)]})), "RATE_LIMIT_USER_DL");
    let left = data(&usgs, "rate-limit-summary", &key, &json!({}));
    assert_eq!(left["remainingLimits"][0]["recentDownloadCount"], 0);
    usgs.advance(Duration::from_secs(15 * 60));
    request(&usgs, &key, json!([wish(1)]), "b");
    let labels = data(&usgs, "download-labels", &key, &json!({}));
    assert_eq!(labels.as_array().unwrap().len(), 2);
    let summary = data(&usgs, "download-summary", &key, &json!({"label": "b", "downloadApplication": "M2M"}));
    assert!(
        summary["totalEstimatedSize"].is_string() && summary["summary"][0]["totalEstimatedSize"].is_number()
    );
}

#[test]
fn a_download_of_somebody_else_cannot_be_removed() {
    let usgs = servers();
    let (key, other) = (login(&usgs), login_as(&usgs, "other person"));
    let wish = bundle_wish(&usgs, &key, &first_scene(&usgs, &key));
    let id = request(&usgs, &key, json!([wish]), "a")["availableDownloads"][0]["downloadId"].clone();
    assert_eq!(code(&usgs, "download-remove", &other, &json!({"downloadId": id})), "DOWNLOAD_ERROR");
    assert_eq!(data(&usgs, "download-remove", &key, &json!({"downloadId": id})), true);
    assert_eq!(code(&usgs, "download-remove", &key, &json!({"downloadId": id})), "NOT_FOUND");
    assert!(usgs.m2m.downloads().is_empty());
}

#[test]
fn a_data_group_asks_for_the_files_of_a_list() {
    let usgs = servers();
    let key = login(&usgs);
    let scene = first_scene(&usgs, &key);
    data(
        &usgs,
        "scene-list-add",
        &key,
        &json!({"listId": "l", "datasetName": LEVEL_2, "entityId": scene["entityId"]}),
    );
    let group = json!({"dataGroups": [{"datasetName": LEVEL_2, "fileGroups": ["ls_c2l2_all"], "listId": "l", "label": "g"}]});
    let reply = data(&usgs, "download-request", &key, &group);
    assert!(reply["availableDownloads"].as_array().unwrap().len() > 10);
}

#[test]
fn urls_need_no_login_honour_ranges_and_expire() {
    let usgs = servers();
    let key = login(&usgs);
    let wish = bundle_wish(&usgs, &key, &first_scene(&usgs, &key));
    let reply = request(&usgs, &key, json!([wish]), "a");
    let url = reply["availableDownloads"][0]["url"].as_str().unwrap().to_owned();
    assert!(url.contains("/gen-bundle?landsat_product_id=LC0"));
    let whole = fetch(&url, &[]);
    let disposition = whole.header("content-disposition").to_owned();
    assert!(disposition.starts_with("attachment; filename=\"LC0") && disposition.ends_with(".tar\""));
    let part = fetch(&url, &[("Range", "bytes=512-1023")]);
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[512..1024]));
    usgs.m2m.quirks().disposition = Disposition::Climbing;
    assert!(fetch(&url, &[]).header("content-disposition").contains("../../tmp/"));
    usgs.m2m.quirks().disposition = Disposition::Absent;
    assert_eq!(fetch(&url, &[]).header("content-disposition"), "");
    usgs.advance(Duration::from_secs(25 * 3600));
    assert_eq!(fetch(&url, &[("Range", "bytes=1024-")]).status, 403);
}

#[test]
fn sizes_checksums_and_bodies_can_be_wrong() {
    let usgs = servers();
    let key = login(&usgs);
    let scene = first_scene(&usgs, &key);
    let bundle = || {
        let options = options(&usgs, &key, &scene["entityId"]);
        let bundle = options.into_iter().find(|option| option["downloadSystem"] == "ls_zip").unwrap();
        (number(&bundle["filesize"]), bundle["checksum"].clone())
    };
    let (size, checksum) = bundle();
    usgs.m2m.quirks().size_error = -1;
    usgs.m2m.quirks().wrong_checksums = true;
    let (smaller, other) = bundle();
    assert_eq!(smaller, size - 1);
    assert_ne!(other, checksum);
    let wish = bundle_wish(&usgs, &key, &scene);
    let reply = request(&usgs, &key, json!([wish]), "a");
    let url = reply["availableDownloads"][0]["url"].as_str().unwrap();
    usgs.download_server.faults().add(Fault::IgnoreRange.on("/gen-bundle*"));
    usgs.download_server.faults().add(Fault::CloseDelimited.on("/gen-bundle*"));
    let whole = fetch(url, &[("Range", "bytes=512-1023")]);
    assert_eq!((whole.status, whole.body.len() as u64), (200, size));
    assert_eq!(whole.header("content-length"), "");
}

#[test]
fn browse_images_are_jpegs_for_everybody() {
    let usgs = servers();
    let key = login(&usgs);
    let browse = first_scene(&usgs, &key)["browse"][0].clone();
    for member in ["browsePath", "thumbnailPath"] {
        let reply = fetch(browse[member].as_str().unwrap(), &[]);
        assert_eq!(reply.header("content-type"), "image/jpeg");
        assert!(reply.body.starts_with(&[0xff, 0xd8]));
    }
}
