//! What is remembered of finished scenes in the cache: where their archives were, and their MD5s.
//!
//! ESPA forgets both when it purges an order. What was fetched until then stays readable.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use lru::LruCache;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::Item;
use crate::cache::{Cache, Document};
use crate::report::lock;

/// The memory of finished scenes.
pub struct Receipts {
    cache: Option<Arc<Cache>>,
    /// MD5s by URL, for as long as the process lives: a cache without room keeps none.
    checksums: Mutex<LruCache<String, String>>,
}

/// MD5s that are remembered in memory.
const KEPT: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

impl Receipts {
    /// Over a cache; without one nothing is remembered for longer than the process lives.
    pub fn new(cache: Option<Arc<Cache>>) -> Receipts {
        Receipts { cache, checksums: Mutex::new(LruCache::new(KEPT)) }
    }

    /// The items of an order that were seen complete.
    pub fn items(&self, order: &str) -> Vec<Item> {
        self.get(&items_key(order)).unwrap_or_default()
    }

    /// Remembers the complete ones among an order's items, beside those seen before.
    pub fn see_items(&self, order: &str, items: &[Item]) {
        let before = self.items(order);
        let complete: Vec<&Item> =
            items.iter().filter(|item| item.is_complete() && item.archive.is_some()).collect();
        let is_news = |item: &&Item| !complete.iter().any(|new| new.name == item.name);
        let all: Vec<&Item> = complete.iter().copied().chain(before.iter().filter(is_news)).collect();
        if all.len() != before.len() || complete.iter().any(|item| !before.contains(item)) {
            self.keep(&items_key(order), &all);
        }
    }

    /// The MD5 that stood at a URL, in hex.
    pub fn checksum(&self, url: &Url) -> Option<String> {
        let known = lock(&self.checksums).get(url.as_str()).cloned();
        known.or_else(|| self.get(&checksum_key(url)))
    }

    /// Remembers an MD5, in hex.
    pub fn see_checksum(&self, url: &Url, hex: &str) {
        if self.checksum(url).as_deref() != Some(hex) {
            lock(&self.checksums).put(url.to_string(), hex.to_owned());
            self.keep(&checksum_key(url), &hex);
        }
    }

    /// Forgets an MD5: what it is of was found to be another.
    pub fn forget_checksum(&self, url: &Url) {
        lock(&self.checksums).pop(url.as_str());
        if let Some(cache) = &self.cache {
            cache.forget_document(&checksum_key(url));
        }
    }

    fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_slice(&self.cache.as_ref()?.document(key)?.body).ok()
    }

    fn keep<T: Serialize>(&self, key: &str, value: &T) {
        if let (Some(cache), Ok(body)) = (&self.cache, serde_json::to_vec(value)) {
            let document =
                Document { validator: None, kept: Timestamp::now(), expires: Timestamp::MAX, body };
            cache.keep_document(key, &document);
        }
    }
}

fn items_key(order: &str) -> String {
    format!("espa items\0{order}")
}

fn checksum_key(url: &Url) -> String {
    format!("espa md5\0{url}")
}
