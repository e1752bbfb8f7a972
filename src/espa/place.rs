//! Placing an order at most once.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use serde_json::{Map, Value};

use super::client::{is_lost, malformed};
use super::{Error, Espa, Which};
use crate::http::Method;

/// How patiently a lost answer is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placing {
    /// How long the server is given to finish what it may still be doing, before each look.
    pub settle: Duration,
    /// How often is looked before the order is taken to be not there.
    pub looks: u32,
}

impl Default for Placing {
    fn default() -> Placing {
        Placing { settle: Duration::from_secs(3), looks: 2 }
    }
}

/// An order that exists now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its id.
    pub id: String,
    /// Whether the answer was lost, and the order was found by its note.
    pub found_by_note: Option<String>,
}

impl Espa {
    /// Places the order `body` and returns its id.
    ///
    /// It is sent once. Its note gets a mark that no other order has, and where the answer is lost, our orders are
    /// searched for it. One that is not found may still be in the making: only the user can say that it is to be
    /// placed again.
    ///
    /// # Errors
    /// The server's refusal; [`Error::Lost`] where it cannot be found out whether the order exists.
    pub fn place(&self, body: &Map<String, Value>, placing: Placing) -> Result<Placed, Error> {
        let mut body = body.clone();
        let note = marked(body.get("note").and_then(Value::as_str).unwrap_or_default());
        body.insert("note".to_owned(), note.clone().into());
        let request = self.request(Method::POST, &["order"], Some(&Value::Object(body)));
        let error = match self.once(&request).and_then(|answer| id_of(&answer)) {
            Ok(id) => return Ok(Placed { id, found_by_note: None }),
            Err(error) if !is_lost(&error) => return Err(error),
            Err(error) => error,
        };
        match self.look_for(&note, placing) {
            Ok(Some(id)) => Ok(Placed { id, found_by_note: Some(note) }),
            // A server that says it failed has said so.
            Ok(None) if matches!(error.status(), Some(500 | 501)) => Err(error),
            Ok(None) => Err(Error::Lost { cause: Box::new(error), note }),
            Err(cause) => Err(Error::Lost { cause: Box::new(cause), note }),
        }
    }

    /// The order that bears a note.
    fn look_for(&self, note: &str, placing: Placing) -> Result<Option<String>, Error> {
        for _ in 0..placing.looks {
            std::thread::sleep(placing.settle);
            let mut ids = self.orders(Which::Current)?;
            // Ids end in the time of the order, if they are of the usual shape: the newest are looked at first.
            ids.sort_by_key(|id| std::cmp::Reverse(age_key(id)));
            for id in ids {
                let order = match self.order(&id) {
                    Err(Error::NoOrder(_)) => continue,
                    other => other?,
                };
                if order.get("note").and_then(Value::as_str) == Some(note) {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    }
}

/// `MMDDYYYY-HHMMSS-mmm` at the end of an id, as a text that sorts by time. Only an order of looking.
fn age_key(id: &str) -> String {
    let digits: String = id.chars().rev().filter(char::is_ascii_digit).take(17).collect();
    let digits: String = digits.chars().rev().collect();
    match (digits.get(..4), digits.get(4..8), digits.get(8..)) {
        (Some(day), Some(year), Some(time)) => format!("{year}{day}{time}"),
        _ => digits,
    }
}

/// A note with a mark of 16 hex digits.
fn marked(note: &str) -> String {
    // The standard library seeds each `RandomState` anew.
    let number = RandomState::new().build_hasher().finish();
    format!("{note} [stacfs {number:016x}]").trim_start().to_owned()
}

/// So many characters a mark takes of a note.
pub(super) const MARK: usize = " [stacfs 0123456789abcdef]".len();

fn id_of(answer: &Value) -> Result<String, Error> {
    let id = answer.get("orderid").and_then(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| malformed("order", "no orderid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_new_each_time() {
        assert_ne!(marked("a"), marked("a"));
        assert_eq!(marked("a").len(), 1 + MARK);
        assert!(marked("").starts_with("[stacfs "));
    }

    #[test]
    fn newest_orders_first() {
        let mut ids = [
            "espa-a@b.de-01022020-101010-123",
            "a@b.de-12312019-235959",
            "odd",
            "espa-a@b.de-11202026-000000-001",
        ];
        ids.sort_by_key(|id| std::cmp::Reverse(age_key(id)));
        assert_eq!(ids[0], "espa-a@b.de-11202026-000000-001");
    }
}
