//! The items of an order: one scene each, or its plots.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One item as `item-status` tells of it. Empty texts are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The scene's id, or `plot`.
    pub name: String,
    /// The server's word: `submitted`, `oncache`, …, `complete`, `unavailable`, `cancelled`, `purged`.
    pub status: String,
    /// Why it is what it is, in the server's words.
    pub note: Option<String>,
    /// When it was completed, as the server writes it: a space for the `T`, no zone.
    pub completed: Option<String>,
    /// Where its archive is.
    pub archive: Option<String>,
    /// Where the archive's MD5 is.
    pub checksum: Option<String>,
}

impl Item {
    /// One member of the server's list; `None` where it has no name.
    fn from_value(value: &Value) -> Option<Item> {
        let text = |key: &str| {
            let text = value.get(key).and_then(Value::as_str)?.trim();
            // The server writes some empty notes as two quotes.
            Some(text).filter(|text| !text.is_empty() && *text != "''").map(str::to_owned)
        };
        Some(Item {
            name: text("name")?,
            status: text("status").unwrap_or_else(|| "unknown".to_owned()),
            note: text("note"),
            completed: text("completion_date"),
            archive: text("product_dload_url"),
            checksum: text("cksum_download_url"),
        })
    }

    /// The items of a list, by name: the server's order changes from answer to answer.
    pub fn list(value: &Value) -> Vec<Item> {
        let mut items: Vec<Item> =
            value.as_array().into_iter().flatten().filter_map(Item::from_value).collect();
        items.sort_by(|a, b| a.name.cmp(&b.name));
        items
    }

    /// Whether its archive can be fetched. Items of an open order may be complete already.
    pub fn is_complete(&self) -> bool {
        self.status == "complete"
    }

    /// As JSON, with `null` for what there is none of.
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "name": self.name, "status": self.status, "note": self.note, "completed": self.completed,
            "url": self.archive, "md5_url": self.checksum,
        })
    }
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Items in all.
    pub items: usize,
    /// Those whose archive is there.
    pub complete: usize,
    /// Those that cannot be processed.
    pub unavailable: usize,
    /// Those that wait for somebody to look after them; they hold the order up.
    pub in_error: usize,
}

impl Tally {
    /// Counts.
    pub fn of(items: &[Item]) -> Tally {
        let count = |status: &str| items.iter().filter(|item| item.status == status).count();
        Tally {
            items: items.len(),
            complete: count("complete"),
            unavailable: count("unavailable"),
            in_error: count("error"),
        }
    }
}

impl std::fmt::Display for Tally {
    /// `2 of 3 complete, 1 unavailable`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} complete", self.complete, self.items)?;
        for (count, word) in [(self.unavailable, "unavailable"), (self.in_error, "in error")] {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_are_sorted_and_empty_texts_are_none() {
        let items = Item::list(&json!([
            {"name": "B", "status": "complete", "note": "''", "product_dload_url": "http://h/b.tar.gz"},
            {"name": "A", "status": "unavailable", "note": "Night scene", "product_dload_url": ""},
            {"status": "complete"}, 7,
        ]));
        assert_eq!(items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!((items[0].note.as_deref(), items[0].archive.as_deref()), (Some("Night scene"), None));
        assert_eq!((items[1].note.as_deref(), items[1].is_complete()), (None, true));
        assert_eq!(Tally::of(&items).to_string(), "1 of 2 complete, 1 unavailable");
    }
}
