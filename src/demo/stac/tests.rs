//! The servers, seen over plain HTTP.

mod conforming;
mod files;
mod oddities;
mod pages;

use super::*;
use crate::demo::{
    Demo, Options,
    http::probe::{Reply, get},
    start, world,
};
use serde_json::Value;
use std::sync::Arc;
use url::form_urlencoded::byte_serialize;

/// What is served here: the small world.
fn small() -> Options {
    Options { world: Arc::new(world::small()), ..Options::default() }
}

/// A server with the default quirks changed.
fn with(change: impl FnOnce(&mut Quirks)) -> Demo {
    let mut quirks = Quirks::default();
    change(&mut quirks);
    start(Options { quirks: Some(quirks), ..small() }).unwrap()
}

fn like(personality: Personality) -> Demo {
    start(Options { personality, ..small() }).unwrap()
}

fn plain() -> Demo {
    like(Personality::Plain)
}

impl Demo {
    /// GET of `path` below the API root.
    fn get(&self, path: &str) -> Reply {
        get(&format!("{}{path}", self.stac_url))
    }

    /// GET of /search with `params`, written `name=value` and joined by `&`, values not encoded.
    fn search(&self, params: &str) -> Reply {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').expect("name=value");
            format!("{name}={}", byte_serialize(value.as_bytes()).collect::<String>())
        };
        let query: Vec<String> = params.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
        self.get(&format!("/search?{}", query.join("&")))
    }
}

/// The ids of a page.
fn ids(page: &Value) -> Vec<String> {
    let text = |item: &Value| item["id"].as_str().map_or_else(|| item["id"].to_string(), str::to_owned);
    page["features"].as_array().expect("features").iter().map(text).collect()
}

/// The first link of `rel`.
fn link<'a>(document: &'a Value, rel: &str) -> &'a Value {
    links(document, rel).first().copied().unwrap_or(&Value::Null)
}

fn links<'a>(document: &'a Value, rel: &str) -> Vec<&'a Value> {
    document["links"].as_array().expect("links").iter().filter(|link| link["rel"] == rel).collect()
}

fn href(link: &Value) -> &str {
    link["href"].as_str().expect("an href")
}
