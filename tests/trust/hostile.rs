//! Answers to a search that no good server gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use stacfs::demo::http::{Body, Bytes, Request, Response};

use crate::noise::COLLECTION;

/// What answers each search.
pub type Answers = Box<dyn Fn(&Request) -> Response + Send + Sync>;

/// The same text each time.
pub fn text(media_type: &'static str, body: impl Into<Vec<u8>>) -> Answers {
    let body = body.into();
    Box::new(move |_| Response::bytes(200, media_type, body.clone()))
}

/// A page of these features, as text, so that it may be no JSON.
pub fn page(features: &str) -> Answers {
    text(
        "application/geo+json",
        format!(r#"{{"type":"FeatureCollection","features":{features},"links":[]}}"#),
    )
}

fn item(id: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.0.0", "id": id, "collection": COLLECTION,
        "geometry": {"type": "Point", "coordinates": [0.0, 0.0]}, "bbox": [0.0, 0.0, 0.0, 0.0],
        "properties": {"datetime": "2020-01-01T00:00:00Z"}, "assets": {}, "links": [],
    })
}

/// Pages without end: each brings what `features` makes of its number, and a new `next`.
pub fn endless(features: impl Fn(u64) -> Vec<Value> + Send + Sync + 'static) -> Answers {
    let asked = AtomicU64::new(0);
    Box::new(move |request| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let next = json!({
            "rel": "next", "method": "GET", "type": "application/geo+json",
            "href": format!("{}/stac/search?token={number}", request.origin()),
        });
        Response::json(
            200,
            &json!({"type": "FeatureCollection", "features": features(number), "links": [next]}),
        )
    })
}

/// Empty pages.
pub fn nothing(_: u64) -> Vec<Value> {
    Vec::new()
}

/// The same item on each page.
pub fn the_same(_: u64) -> Vec<Value> {
    vec![item("again")]
}

/// New items on each page.
pub fn ever_more(page: u64) -> Vec<Value> {
    (0..1000).map(|n| item(&format!("{page}-{n}"))).collect()
}

/// So many items, a thousand to a page.
pub fn pages(items: usize) -> Answers {
    Box::new(move |request| {
        let from = request.param("from").and_then(|from| from.parse().ok()).unwrap_or(0);
        let to = items.min(from + 1000);
        let features: Vec<Value> = (from..to).map(|n| item(&format!("item-{n:07}"))).collect();
        let next = json!({"rel": "next", "href": format!("{}/search?from={to}", request.origin())});
        let links = if to < items { vec![next] } else { Vec::new() };
        Response::json(200, &json!({"type": "FeatureCollection", "features": features, "links": links}))
    })
}

/// One page of so many items.
pub fn one_page(items: usize) -> Answers {
    let features: Vec<Value> = (0..items).map(|n| item(&format!("item-{n:07}"))).collect();
    text("application/geo+json", json!({"type": "FeatureCollection", "features": features}).to_string())
}

/// Items whose members are of other types than they should be.
pub fn wrong_types() -> Answers {
    let mut odd = item("odd");
    odd["properties"] = json!([1, 2]);
    odd["assets"] = json!(["a"]);
    odd["bbox"] = json!("0,0,1,1");
    odd["geometry"] = json!(7);
    odd["links"] = json!({"next": true});
    let features = json!([1, null, "text", [], {}, {"id": {}}, {"id": 12}, odd, item("good")]);
    page(&features.to_string())
}

/// An item whose properties are nested so deep.
pub fn nested(depth: usize) -> Answers {
    let deep = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    page(&format!(
        r#"[{{"type":"Feature","id":"deep","collection":"{COLLECTION}","properties":{{"a":{deep}}}}}]"#
    ))
}

/// Spaces, as many as wanted, without being in memory.
struct Spaces(u64);

impl Bytes for Spaces {
    fn len(&self) -> u64 {
        self.0
    }

    fn read_at(&self, _: u64, buf: &mut [u8]) -> std::io::Result<()> {
        buf.fill(b' ');
        Ok(())
    }
}

/// A document of so many bytes.
pub fn huge(bytes: u64) -> Response {
    Response {
        body: Body::Part(Arc::new(Spaces(bytes)), 0..bytes),
        ..Response::bytes(200, "application/json", "")
    }
}
