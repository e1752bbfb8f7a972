//! Pages: every form of `next` link leads through all items; the faulty ones go wrong as they should.

use super::*;
use crate::demo::http::{
    Response, Server,
    probe::{ask, post},
};
use serde_json::{Map, json};

/// Follows a `next` link as the specification says, given the body of the first request.
fn follow(link: &Value, first: &Value) -> Value {
    let merged = |own: &Value| -> Value {
        let mut all: Map<String, Value> = first.as_object().cloned().unwrap_or_default();
        all.extend(own.as_object().cloned().unwrap_or_default());
        Value::Object(all)
    };
    if link["method"] != "POST" {
        return get(href(link)).json();
    }
    let body = if link["merge"] == true { merged(&link["body"]) } else { link["body"].clone() };
    let headers: Vec<(&str, &str)> = link["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let reply = ask("POST", href(link), &headers, &body.to_string()).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// The ids of all pages of a search, and how many pages there were; at most 12.
fn walk(mut page: Value, body: &Value) -> (Vec<String>, usize) {
    let (mut all, mut pages) = (ids(&page), 1);
    while !link(&page, "next").is_null() && pages < 12 {
        page = follow(&link(&page, "next").clone(), body);
        all.extend(ids(&page));
        pages += 1;
    }
    (all, pages)
}

/// The same search by POST, by GET, and of a collection's items, in pages of four.
fn walks(demo: &Demo) -> [(Vec<String>, usize); 3] {
    let body = json!({"collections": ["moon"], "limit": 4, "sortby": [{"field": "gsd", "direction": "asc"}]});
    let posted = walk(post(&format!("{}/search", demo.stac_url), &body).json(), &body);
    let gotten = walk(demo.search("collections=moon&limit=4&sortby=+gsd").json(), &body);
    let items = walk(demo.get("/collections/moon/items?limit=4&sortby=%2Bgsd").json(), &body);
    [posted, gotten, items]
}

fn moon() -> Vec<String> {
    (0..25).map(|number| format!("TC_{number:02}")).collect()
}

#[test]
fn every_form_of_next_leads_through_all_items_once() {
    for next in [
        Next::Token,
        Next::NextParam,
        Next::Page,
        Next::StartIndex,
        Next::Merge,
        Next::Alone,
        Next::Header,
        Next::GetAfterPost,
        Next::Opaque,
    ] {
        for (all, pages) in walks(&with(|quirks| quirks.next = next)) {
            assert_eq!((all, pages), (moon(), 7), "{next:?}");
        }
    }
}

#[test]
fn the_forms_look_as_recorded() {
    let body = json!({"collections": ["moon"], "limit": 2});
    let first = |next| {
        let demo = with(|quirks| quirks.next = next);
        let page = post(&format!("{}/search", demo.stac_url), &body).json();
        link(&page, "next").clone()
    };
    let token = first(Next::Token);
    assert_eq!((&token["body"]["token"], token.get("merge")), (&json!("next:moon:TC_11"), None));
    assert_eq!(token["body"]["collections"], json!(["moon"]));
    let stac_server = first(Next::NextParam);
    assert_eq!((&stac_server["merge"], &stac_server["body"]["limit"]), (&json!(false), &json!(2)));
    assert_eq!(stac_server["body"]["next"], "2009-12-07T10:11:00Z,TC_11,moon");
    let merge = first(Next::Merge);
    assert_eq!((&merge["merge"], &merge["body"]), (&json!(true), &json!({"token": "next:moon:TC_11"})));
    assert_eq!(first(Next::Alone)["body"].as_object().unwrap().len(), 1);
    assert_eq!(first(Next::Header)["headers"], json!({"X-Page-Token": "next:moon:TC_11"}));
    assert_eq!(first(Next::GetAfterPost)["method"], "GET");
    assert!(href(&first(Next::Opaque)).contains("/search/page/"));
    assert_eq!(first(Next::StartIndex)["body"]["startIndex"], 2);
    assert_eq!(first(Next::Page)["body"]["page"], 2);
}

#[test]
fn stac_server_writes_links_that_it_cannot_read() {
    let demo = like(Personality::StacServer);
    for params in ["", "&fields=id,properties.gsd"] {
        let first = demo.search(&format!("collections=moon&limit=4{params}")).json();
        assert_eq!(ids(&first).len(), 4, "{params}");
        let next = href(link(&first, "next")).to_owned();
        let second = get(&next).json();
        assert_eq!(second["features"], json!([{}, {}, {}, {}]), "{next}");
    }
    let body = json!({"collections": ["moon"], "limit": 4, "sortby": [{"field": "properties.platform"}]});
    let (all, _) = walk(post(&format!("{}/search", demo.stac_url), &body).json(), &body);
    assert_eq!(all.len(), 4, "all others are equal in the order");
    let years = demo.search("collections=odd&ids=all-year&limit=1").json();
    assert_eq!(get(href(link(&years, "next"))).status, 400, "it has no datetime");
}

#[test]
fn no_page_follows_where_the_order_is_not_shown() {
    let demo = with(|quirks| quirks.next_fault = Some(NextFault::SortHidden));
    let leads_on = |params: &str| !link(&demo.search(params).json(), "next").is_null();
    assert!(leads_on("") && leads_on("sortby=-properties.gsd&fields=properties.gsd"));
    assert!(!leads_on("sortby=-properties.gsd&fields=id") && !leads_on("fields=id"));
}

#[test]
fn a_token_that_is_none_is_refused() {
    let demo = plain();
    assert_eq!(demo.search("token=next:moon:nothing").status, 400);
    assert_eq!(demo.search("token=rubbish").status, 400);
    assert_eq!(with(|quirks| quirks.next = Next::Page).search("page=0").status, 400);
    assert_eq!(with(|quirks| quirks.next = Next::Opaque).get("/search/page/zz").status, 400);
}

#[test]
fn an_empty_last_page() {
    let demo = with(|quirks| quirks.next_fault = Some(NextFault::EmptyLastPage));
    let page = demo.search("collections=moon&limit=25").json();
    let last = follow(link(&page, "next"), &Value::Null);
    assert_eq!((ids(&last).len(), link(&last, "next")), (0, &Value::Null));
}

#[test]
fn pages_that_never_end() {
    let repeated = with(|quirks| quirks.next_fault = Some(NextFault::Repeated));
    let (all, pages) = walk(repeated.search("collections=moon&limit=20").json(), &Value::Null);
    assert_eq!((pages, &all[..20]), (12, &all[20..40]), "the first page for ever");

    let looping = with(|quirks| quirks.next_fault = Some(NextFault::Looping));
    let (all, pages) = walk(looping.search("collections=moon&limit=10").json(), &Value::Null);
    assert_eq!((pages, &all[..25]), (12, &all[25..50]), "all pages again and again");
}

#[test]
fn next_leads_to_another_host() {
    let other = Server::start(|_: &_| Response::text(200, "not you")).unwrap();
    let fault = NextFault::ForeignHost(other.url());
    let demo = with(|quirks| quirks.next_fault = Some(fault));
    let page = demo.search("collections=moon").json();
    assert!(href(link(&page, "next")).starts_with(&format!("{}/stac/search?", other.url())));
    assert!(href(link(&page, "root")).starts_with(&demo.stac_url));
}

#[test]
fn next_is_relative() {
    let demo = with(|quirks| quirks.next_fault = Some(NextFault::Relative));
    let page = demo.search("collections=moon").json();
    let relative = href(link(&page, "next"));
    assert!(relative.starts_with("search?"), "{relative}");
    assert_eq!(ids(&demo.get(&format!("/{relative}")).json()).len(), 10);
}

#[test]
fn limits_are_clamped_rejected_or_too_much() {
    let size = |demo: &Demo, limit: u32| {
        let reply = demo.search(&format!("limit={limit}"));
        (reply.status, if reply.status == 200 { ids(&reply.json()).len() } else { 0 })
    };
    let clamped = with(|quirks| quirks.max_limit = 5);
    assert_eq!(size(&clamped, 100), (200, 5));
    let rejecting = with(|quirks| (quirks.max_limit, quirks.over_limit) = (5, OverLimit::Rejected));
    assert_eq!((size(&rejecting, 5), size(&rejecting, 6)), ((200, 5), (400, 0)));
    let breaking = with(|quirks| quirks.breaks_above = Some(20));
    assert_eq!((size(&breaking, 20), size(&breaking, 21)), ((200, 20), (502, 0)));
    assert_eq!(breaking.search("limit=100&ids=TC_01").status, 200, "few items pass at any limit");
}
