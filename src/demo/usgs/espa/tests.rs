//! ESPA, asked as a client asks it: every row of its table of answers.

use std::collections::HashSet;
use std::io::Read;
use std::time::Duration;

use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::{BOMB, Closed, Fate, Flaw, Personality};
use crate::demo::http::Fault;
use crate::demo::http::probe::{Reply, ask};
use crate::demo::usgs::scenes::{Archive, dataset};
use crate::demo::usgs::{Options, Usgs, start};

/// `demo:demo-password`
const DEMO: &str = "Basic ZGVtbzpkZW1vLXBhc3N3b3Jk";
/// `other person:100%:sure #1; =yes`
const OTHER: &str = "Basic b3RoZXIgcGVyc29uOjEwMCU6c3VyZSAjMTsgPXllcw==";

fn servers() -> Usgs {
    start(Options { standing_at: Some("2026-11-20T12:00:00Z".parse().unwrap()) }).unwrap()
}

fn old_servers() -> Usgs {
    let usgs = servers();
    usgs.espa.quirks().personality = Personality::Collection1;
    usgs
}

fn raw(usgs: &Usgs, method: &str, path: &str, login: &str, body: &str) -> Reply {
    let headers = [("Authorization", login), ("Content-Type", "application/json")];
    ask(method, &format!("{}{path}", usgs.espa_server.url()), &headers, body).unwrap()
}

/// Status and JSON.
fn call(usgs: &Usgs, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let reply = raw(usgs, method, &format!("/api/v1/{path}"), DEMO, &body);
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

fn get(usgs: &Usgs, path: &str) -> (u16, Value) {
    call(usgs, "GET", path, &Value::Null)
}

fn error(words: &str) -> Value {
    json!({"messages": {"errors": [words]}})
}

fn warning(words: &str) -> Value {
    json!({"messages": {"warnings": [words]}})
}

fn crash() -> (u16, Value) {
    (500, json!({"message": "Internal Server Error"}))
}

/// Product ids of scenes that exist.
fn scenes(alias: &str, count: usize) -> Vec<String> {
    let archive = Archive::generate();
    archive.scenes(dataset(alias).unwrap()).take(count).map(|scene| scene.display_id()).collect()
}

fn order_of(sensor: &str, ids: &[String], products: &[&str]) -> Value {
    json!({sensor: {"inputs": ids, "products": products}, "format": "gtiff", "note": "Note ä"})
}

fn place(usgs: &Usgs, order: &Value) -> String {
    let (status, answer) = call(usgs, "POST", "order", order);
    assert_eq!((status, &answer["status"]), (201, &json!("ordered")), "{answer}");
    answer["orderid"].as_str().unwrap().to_owned()
}

/// An order of two Collection 2 scenes.
fn place_two(usgs: &Usgs) -> (String, Vec<String>) {
    let ids = scenes("landsat_ot_c2_l2", 2);
    (place(usgs, &order_of("olitirs8_collection_2_l2", &ids, &["sr_ndvi"])), ids)
}

fn items(usgs: &Usgs, order: &str) -> Vec<Value> {
    get(usgs, &format!("item-status/{order}")).1[order].as_array().unwrap().clone()
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn nobody_gets_in_without_the_password() {
    let usgs = servers();
    let anonymous = ask("GET", &format!("{}/user", usgs.espa_url), &[], "").unwrap();
    assert_eq!(anonymous.status, 401);
    assert_eq!(anonymous.header("www-authenticate"), "Basic realm=\"Authentication Required\"");
    assert_eq!(serde_json::from_slice::<Value>(&anonymous.body).unwrap(), error("Invalid username/password"));
    // demo:demo-token
    assert_eq!(raw(&usgs, "GET", "/api/v1/user", "Basic ZGVtbzpkZW1vLXRva2Vu", "").status, 401);
    let user = get(&usgs, "user/").1;
    assert_eq!((&user["username"], &user["roles"]), (&json!("demo"), &json!(["active"])));
    let other = raw(&usgs, "GET", "/api/v1/user", OTHER, "");
    assert!(String::from_utf8(other.body).unwrap().contains("other person"));
}

#[test]
fn the_server_may_be_closed() {
    let usgs = servers();
    for (closed, status, words) in [
        (Closed::RegistrationDown, 503, warning("ERS connection failed")),
        (Closed::DatabaseDown, 503, warning("Database connection failed")),
        (Closed::Blacklisted, 403, error("Access Denied")),
    ] {
        usgs.espa.quirks().closed = closed;
        assert_eq!(get(&usgs, "user"), (status, words));
    }
}

#[test]
fn paths_versions_and_verbs() {
    let usgs = servers();
    let at = |method: &str, path: &str| {
        let reply = raw(&usgs, method, path, DEMO, "");
        (reply.status, serde_json::from_slice::<Value>(&reply.body).unwrap())
    };
    assert_eq!(at("GET", "/api/").1["v1"], "Version 1 of the ESPA API");
    assert!(at("GET", "/api/v1").1["operations"]["/api/v1/order"]["methods"].is_array());
    assert_eq!(at("GET", "/api/v0/user").0, 200);
    assert_eq!(at("GET", "/api/v7/user"), (404, error("Invalid API version 7")));
    assert_eq!(at("GET", "/api/v1/list-order"), (404, error("/api/v1/list-order not found on the server")));
    assert_eq!(at("GET", "/api/v1/formats/").0, 404);
    assert_eq!(at("POST", "/api/v1/formats"), (405, error("Invalid method. Try GET instead")));
    let refused = json!({"message": "The method is not allowed for the requested URL."});
    assert_eq!(at("DELETE", "/api/v1/order"), (405, refused));
    assert_eq!(get(&usgs, "info/backlog"), (200, json!(0)));
    assert_eq!(get(&usgs, "info/status").1["display_system_message"], "True");
    for (path, key) in [
        ("formats", "formats"),
        ("resampling-methods", "resampling_methods"),
        ("projections", "aea"),
        ("order-schema", "properties"),
        ("product-groups", "l2p"),
    ] {
        let (status, answer) = get(&usgs, path);
        assert!(status == 200 && answer.get(key).is_some(), "{path}");
    }
}

#[test]
fn available_products_takes_a_body_with_get() {
    let usgs = servers();
    assert_eq!(get(&usgs, "available-products"), (400, error("No input products supplied")));
    assert_eq!(call(&usgs, "GET", "available-products", &json!({"inputs": []})), (200, json!({})));
    let id = &scenes("landsat_ot_c2_l1", 1)[0];
    let answer = call(&usgs, "GET", "available-products", &json!({"inputs": [id, "junk"]})).1;
    assert_eq!(answer["olitirs8_collection_2_l1"]["inputs"], json!([id]));
    assert_eq!(answer["not_implemented"], json!(["junk"]));
    let one = get(&usgs, &format!("available-products/{id}")).1;
    assert!(one["olitirs8_collection_2_l1"]["products"].is_array());
    let comma = get(&usgs, &format!("available-products/{id},{id}")).1;
    assert_eq!(comma["not_implemented"].as_array().unwrap().len(), 1);
    usgs.espa.quirks().restricted_sensors.push("olitirs8_collection_2_l1".into());
    let closed = get(&usgs, &format!("available-products/{id}")).1;
    assert_eq!(closed, json!({"ordering_restricted": {"olitirs8_collection_2_l1": [id]}}));
    usgs.espa.quirks().regrets = true;
    assert!(get(&usgs, &format!("available-products/{id}")).1["msg"].is_string());
}

#[test]
fn an_unknown_order_is_a_crash_in_some_places() {
    let usgs = servers();
    let cancel = json!({"orderid": "x", "status": "cancelled"});
    assert_eq!(get(&usgs, "order/x"), crash());
    assert_eq!(get(&usgs, "order-status/x"), crash());
    assert_eq!(call(&usgs, "PUT", "order", &cancel), crash());
    assert_eq!(get(&usgs, "item-status/x"), (200, json!({})));
    usgs.espa.quirks().unknown_orders_are_warned_of = true;
    assert_eq!(get(&usgs, "order-status/x"), (200, warning("No results found.")));
    let (id, _) = place_two(&usgs);
    assert_eq!(get(&usgs, &format!("item-status/{id}/LC08_X")), (200, json!({&id: []})));
}

#[test]
fn orders_are_placed_shown_and_listed_as_html() {
    let usgs = servers();
    let (id, ids) = place_two(&usgs);
    let (second, _) = place_two(&usgs);
    assert_ne!(id, second);
    assert_eq!(id, "espa-demo@stacfs.example-11202026-060000-000");
    let order = get(&usgs, &format!("order/{id}")).1;
    assert_eq!((&order["status"], &order["note"]), (&json!("ordered"), &json!("Note ä")));
    assert_eq!(order["product_opts"]["olitirs8_collection_2_l2"]["inputs"], json!(ids));
    assert_eq!(call(&usgs, "GET", "order", &json!({"orderid": id})).1, order);
    assert_eq!(get(&usgs, "order"), (400, error("No orderid supplied")));
    assert_eq!(get(&usgs, &format!("order-status/{id}")).1, json!({"orderid": id, "status": "ordered"}));
    let list = raw(&usgs, "GET", "/api/v1/list-orders", DEMO, r#"{"status": ["complete", "ordered"]}"#);
    assert!(list.header("content-type").starts_with("text/html"));
    let listed: HashSet<String> = serde_json::from_slice(&list.body).unwrap();
    assert_eq!(listed, HashSet::from([id.clone(), second]));
    assert_eq!(call(&usgs, "GET", "list-orders", &json!({"status": "purged"})), (200, json!([])));
    assert_eq!(call(&usgs, "GET", "list-orders", &json!({"colour": "red"})), crash());
    assert_eq!(call(&usgs, "GET", "list-orders", &json!(["ordered"])), crash());
    assert_eq!(get(&usgs, "list-orders/nobody"), (200, warning("Username/email nobody not found")));
    assert_eq!(get(&usgs, "list-orders/demo@stacfs.example").1.as_array().unwrap().len(), 2);
    // Everybody may look.
    assert_eq!(raw(&usgs, "GET", &format!("/api/v1/order/{id}"), OTHER, "").status, 200);
    assert_eq!(get(&usgs, "list-orders/other+one@stacfs.example").1, json!([]));
}

#[test]
fn orders_that_are_not_orders() {
    let usgs = servers();
    let post = |body: &str| {
        let reply = raw(&usgs, "POST", "/api/v1/order", DEMO, body);
        (reply.status, serde_json::from_slice::<Value>(&reply.body).unwrap())
    };
    assert_eq!(post("{"), (400, error("Could not parse request into JSON")));
    assert_eq!(post("{}"), (400, error("Must supply order JSON")));
    let (status, two) = post(r#"{"foo": 1, "format": "gtiff"}"#);
    assert_eq!(status, 400);
    let words = [
        "Additional properties are not allowed ('foo' was unexpected)",
        "No requests for products were submitted",
    ];
    assert_eq!(two, json!({"messages": {"errors": [{"2 validation errors": words}]}}));
    assert_eq!(post(r#"{"olitirs8_collection_2_l2": {"inputs": ["junk"], "products": ["et"]}}"#), crash());
    let unknown = "LC08_L2SP_197030_19990101_20200909_02_T1".to_owned();
    let absent = order_of("olitirs8_collection_2_l2", std::slice::from_ref(&unknown), &["et"]);
    assert_eq!(
        call(&usgs, "POST", "order", &absent),
        (400, json!({"messages": {"errors": [{"Inputs Not Available": [unknown]}]}}))
    );
    let mut long = order_of("olitirs8_collection_2_l2", &scenes("landsat_ot_c2_l2", 1), &["et"]);
    long["note"] = json!("x".repeat(2049));
    assert_eq!(call(&usgs, "POST", "order", &long), crash());
    usgs.espa.quirks().inventory_down = true;
    assert_eq!(call(&usgs, "POST", "order", &absent), (400, warning("Could not connect to data source")));
    assert!(usgs.espa.orders().is_empty());
}

#[test]
fn no_more_than_so_many_open_scenes() {
    let usgs = servers();
    usgs.espa.quirks().open_scene_limit = 3;
    let ids = scenes("landsat_ot_c2_l2", 8);
    let order = |range: std::ops::Range<usize>| order_of("olitirs8_collection_2_l2", &ids[range], &["et"]);
    // Nobody looks while no order is open.
    place(&usgs, &order(0..5));
    let words = "Order will exceed open scene limit of 3, please reduce number of ordered scenes by 3";
    assert_eq!(call(&usgs, "POST", "order", &order(5..6)), (400, error(words)));
    usgs.advance(HOUR);
    place(&usgs, &order(5..6));
    usgs.espa.quirks().open_scenes_elsewhere = 10_000;
    usgs.espa.quirks().open_scene_limit = 10_000;
    let words = "Order will exceed open scene limit of 10000, please reduce number of ordered scenes by 2";
    assert_eq!(call(&usgs, "POST", "order", &order(6..7)), (400, error(words)));
}

#[test]
fn an_order_lives_completes_and_is_purged() {
    let usgs = servers();
    let ids = scenes("landsat_ot_c2_l2", 3);
    let night = "Solar zenith angle out of range, cannot process night scene";
    usgs.espa.quirks().fates.insert(ids[1].clone(), Fate::Unavailable(night.into()));
    let mut body = order_of("olitirs8_collection_2_l2", &ids, &["sr_ndvi"]);
    body["plot_statistics"] = json!(true);
    let id = place(&usgs, &body);
    assert!(
        items(&usgs, &id).iter().all(|item| item["status"] == "submitted" && item["product_dload_url"] == "")
    );
    let mut seen = HashSet::new();
    for _ in 0..60 {
        usgs.advance(Duration::from_secs(60));
        seen.extend(items(&usgs, &id).into_iter().map(|item| item["status"].as_str().unwrap().to_owned()));
    }
    let expected = ["submitted", "oncache", "queued", "processing", "complete", "unavailable"];
    assert_eq!(seen, expected.map(str::to_owned).into());
    assert_eq!(get(&usgs, &format!("order-status/{id}")).1["status"], "complete");
    let done = items(&usgs, &id);
    assert_eq!(done.iter().filter(|item| item["status"] == "complete" && item["note"] == "''").count(), 3);
    let unavailable = done.iter().find(|item| item["status"] == "unavailable").unwrap();
    assert_eq!(unavailable["note"], night);
    assert_eq!(done.last().unwrap()["name"], "plot");
    let filter = |filter: Value| call(&usgs, "GET", &format!("item-status/{id}"), &filter);
    assert_eq!(filter(json!({"status": "complete"})).1[&id].as_array().unwrap().len(), 3);
    assert_eq!(filter(json!({"status": ["complete"]})), crash());
    assert_eq!(filter(json!(["complete"])), (400, error("Invalid filters supplied")));
    assert_eq!(get(&usgs, "item-status").1.as_object().unwrap().len(), 1);
    let url = done[0]["product_dload_url"].as_str().unwrap().to_owned();
    assert_eq!(ask("HEAD", &url, &[], "").unwrap().status, 200);
    usgs.advance(HOUR * 24 * 11);
    assert_eq!(get(&usgs, &format!("order-status/{id}")).1["status"], "purged");
    assert!(
        items(&usgs, &id).iter().all(|item| item["status"] == "purged" && item["product_dload_url"] == "")
    );
    assert_eq!(ask("GET", &url, &[], "").unwrap().status, 404);
    assert_eq!(call(&usgs, "GET", "list-orders", &json!({"status": ["complete", "ordered"]})).1, json!([]));
}

#[test]
fn cancelling_is_for_owners_and_takes_finished_scenes_along() {
    let usgs = servers();
    let ids = scenes("landsat_ot_c2_l2", 2);
    usgs.espa.quirks().fates.insert(ids[1].clone(), Fate::Fails("internal".into()));
    let id = place(&usgs, &order_of("olitirs8_collection_2_l2", &ids, &["sr_ndvi"]));
    usgs.advance(HOUR);
    let url =
        items(&usgs, &id).iter().find(|item| item["status"] == "complete").unwrap()["product_dload_url"]
            .as_str()
            .unwrap()
            .to_owned();
    let cancel = json!({"orderid": id, "status": "cancelled"});
    let empty =
        json!({"message": "The browser (or proxy) sent a request that this server could not understand."});
    assert_eq!(call(&usgs, "PUT", "order", &Value::Null), (400, empty));
    assert_eq!(call(&usgs, "PUT", "order", &json!({})), (400, error("No orderid supplied")));
    assert_eq!(
        call(&usgs, "PUT", "order", &json!({"orderid": id, "status": "gone"})),
        (400, error("Invalid status supplied"))
    );
    let theirs = raw(&usgs, "PUT", "/api/v1/order", OTHER, &cancel.to_string());
    assert_eq!(theirs.status, 403);
    let words = format!("User other person is not allowed to cancel order {id}");
    assert_eq!(serde_json::from_slice::<Value>(&theirs.body).unwrap(), error(&words));
    assert_eq!(call(&usgs, "PUT", "order", &cancel), (202, cancel.clone()));
    let done = items(&usgs, &id);
    assert!(done.iter().all(|item| item["status"] == "cancelled" && item["note"] == "Cancelled"), "{done:?}");
    assert_eq!(ask("GET", &url, &[], "").unwrap().status, 404);
    let words = format!("Order {id} is already in a \"cancelled\" state");
    assert_eq!(call(&usgs, "PUT", "order", &cancel), (400, error(&words)));
}

#[test]
fn a_lost_answer_leaves_an_order_behind() {
    let usgs = servers();
    usgs.espa_server.faults().add(Fault::LostAnswer.on("/api/v1/order").method("POST").times(1));
    let order = order_of("olitirs8_collection_2_l2", &scenes("landsat_ot_c2_l2", 1), &["et"]);
    let url = format!("{}/order", usgs.espa_url);
    assert!(ask("POST", &url, &[("Authorization", DEMO)], &order.to_string()).is_err());
    assert_eq!(usgs.espa.orders().len(), 1);
    assert_eq!(usgs.espa_server.journal().select(|entry| entry.method == "POST").len(), 1);
}

fn unpacked(bytes: &[u8]) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    archive
        .entries()?
        .map(|entry| {
            let mut entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            Ok((name, content))
        })
        .collect()
}

/// A finished item: the archive, the `.md5`.
fn finished(usgs: &Usgs, id: &str, place: usize) -> (Reply, String) {
    let item = &items(usgs, id)[place];
    let fetch = |member: &str| ask("GET", item[member].as_str().unwrap(), &[], "").unwrap();
    (fetch("product_dload_url"), String::from_utf8(fetch("cksum_download_url").body).unwrap())
}

fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn products_are_archives_of_rasters_with_a_checksum() {
    let usgs = old_servers();
    let ids = scenes("landsat_8_c1", 2);
    let id = place(&usgs, &order_of("olitirs8_collection", &ids, &["sr", "pixel_qa"]));
    usgs.advance(HOUR);
    let (archive, md5_file) = finished(&usgs, &id, 0);
    let url = items(&usgs, &id)[0]["product_dload_url"].as_str().unwrap().to_owned();
    let name = url.rsplit('/').next().unwrap();
    assert!(
        name.starts_with("LC08")
            && name.contains("01T")
            && name.contains("-SC2026112006")
            && name.ends_with(".tar.gz")
    );
    assert_eq!(url.split('/').nth(4), Some(id.as_str()), "where the bulk downloader looks for it");
    assert_eq!(md5_file, format!("{}  {name}\n", md5(&archive.body)));
    let members = unpacked(&archive.body).unwrap();
    assert_eq!(members.len(), 9);
    assert!(members.iter().any(|(name, bytes)| name.ends_with("_sr_band1.tif") && bytes.starts_with(b"II")));
    let part = ask("GET", &url, &[("Range", "bytes=100-199")], "").unwrap();
    assert_eq!((part.status, &part.body[..]), (206, &archive.body[100..200]));
    let envi = place(&usgs, &{
        let mut order = order_of("olitirs8_collection", &ids[..1], &["sr_ndvi"]);
        order["format"] = json!("ENVI");
        order
    });
    usgs.advance(HOUR);
    let members = unpacked(&finished(&usgs, &envi, 0).0.body).unwrap();
    assert!(
        members.iter().any(|(name, bytes)| name.ends_with("_sr_ndvi.hdr") && bytes.starts_with(b"ENVI\n"))
    );
}

#[test]
fn archives_can_be_bad_in_every_way() {
    let usgs = servers();
    let (id, ids) = place_two(&usgs);
    usgs.advance(HOUR);
    let with = |flaw: Flaw| {
        usgs.espa.quirks().flaws.insert(ids[0].clone(), flaw);
        let place = items(&usgs, &id).iter().position(|item| item["name"] == ids[0]).unwrap();
        let (archive, text) = finished(&usgs, &id, place);
        let agrees = text.starts_with(&md5(&archive.body));
        (archive.body, agrees)
    };
    let names = |bytes: &[u8]| unpacked(bytes).unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert!(!with(Flaw::WrongMd5).1);
    let (truncated, agrees) = with(Flaw::Truncated);
    assert!(agrees && unpacked(&truncated).is_err());
    assert!(names(&with(Flaw::Climbing).0).contains(&"../../outside.tif".to_owned()));
    assert!(names(&with(Flaw::Absolute).0).contains(&"/tmp/stacfs-outside.tif".to_owned()));
    assert!(names(&with(Flaw::Links).0).contains(&"escape".to_owned()));
    let (bomb, agrees) = with(Flaw::Bomb);
    assert!(agrees && (bomb.len() as u64) < BOMB / 100);
}
