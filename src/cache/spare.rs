//! Documents that the disk has no room for: kept in memory, within a bound, the least recently used go first.

use std::sync::Mutex;

use lru::LruCache;

use super::Document;
use crate::report::lock;

/// Most bytes of all documents so kept …
const MOST: usize = 16 * 1024 * 1024;
/// … and of one.
const LONGEST: usize = MOST / 4;
/// What a document takes beside its body and its key, about.
const FRAME: usize = 256;

/// Documents in memory, by key.
pub struct Spare(Mutex<State>);

struct State {
    documents: LruCache<String, Document>,
    bytes: usize,
}

impl Default for Spare {
    fn default() -> Spare {
        Spare(Mutex::new(State { documents: LruCache::unbounded(), bytes: 0 }))
    }
}

impl Spare {
    /// The document kept for `key`.
    pub fn get(&self, key: &str) -> Option<Document> {
        lock(&self.0).documents.get(key).cloned()
    }

    /// Keeps a document in the place of an earlier one, unless it is too long.
    pub fn put(&self, key: &str, document: &Document) {
        self.remove(key);
        let bytes = weight(key, document);
        if bytes > LONGEST {
            return;
        }
        let mut state = lock(&self.0);
        state.documents.put(key.to_owned(), document.clone());
        state.bytes += bytes;
        while state.bytes > MOST {
            let Some((key, document)) = state.documents.pop_lru() else { return };
            state.bytes -= weight(&key, &document);
        }
    }

    /// Forgets a document.
    pub fn remove(&self, key: &str) {
        let mut state = lock(&self.0);
        if let Some(document) = state.documents.pop(key) {
            state.bytes -= weight(key, &document);
        }
    }
}

fn weight(key: &str, document: &Document) -> usize {
    document.body.len() + key.len() + FRAME
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn document(bytes: usize) -> Document {
        let now = Timestamp::UNIX_EPOCH;
        Document { validator: None, kept: now, expires: now, body: vec![7; bytes] }
    }

    #[test]
    fn what_was_used_last_stays_within_the_bound() {
        let spare = Spare::default();
        for n in 0..100 {
            spare.put(&format!("{n}"), &document(1 << 20));
            assert!(spare.get("0").is_some(), "it is in use");
            assert!(lock(&spare.0).bytes <= MOST);
        }
        assert!(spare.get("1").is_none());
        assert!(spare.get("99").is_some());
        spare.put("too long", &document(LONGEST + 1));
        assert!(spare.get("too long").is_none());
        spare.put("99", &document(5));
        assert_eq!(spare.get("99"), Some(document(5)));
        (0..100).for_each(|n| spare.remove(&format!("{n}")));
        assert_eq!(lock(&spare.0).bytes, 0);
    }
}
