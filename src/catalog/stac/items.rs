//! Pages of items as servers send them.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::Error;
use super::site::Text;
use crate::http::shown;
use crate::item::{Item, Link};

/// Bytes of features that are taken apart at once: an item takes some ten times its text once it is parsed, and
/// some servers give a million items on one page.
const AT_ONCE: usize = 8 << 20;

/// An ItemCollection, taken apart.
#[derive(Debug, Default)]
pub(super) struct ItemPage {
    /// Its usable items, each with the server's own text: all of them, but for those in `rest`.
    pub(super) items: Vec<Item>,
    /// Where it is a very long page, the features that come after these items.
    pub(super) rest: Rest,
    pub(super) links: Vec<Link>,
    /// How many match in all, where it says.
    pub(super) matched: Option<u64>,
    /// Features in it, unusable ones included.
    pub(super) read: u64,
    /// What is wrong with the unusable ones, those in `rest` left out.
    pub(super) unusable: Vec<String>,
}

/// Features of a long page that are not yet taken apart.
#[derive(Debug, Default)]
pub(super) struct Rest(std::vec::IntoIter<Box<RawValue>>);

impl Rest {
    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// How many features these are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes the next of them apart: usable items, and what is wrong with the others.
    pub(super) fn next_items(&mut self) -> (Vec<Item>, Vec<String>) {
        let (mut items, mut unusable) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while bytes < AT_ONCE
            && let Some(feature) = self.0.next()
        {
            bytes += feature.get().len();
            match Item::from_json(feature.get()) {
                Ok(item) => items.push(item),
                Err(error) => unusable.push(error.to_string()),
            }
        }
        (items, unusable)
    }
}

#[derive(Deserialize)]
struct Envelope {
    features: Option<Vec<Box<RawValue>>>,
    links: Option<Value>,
    #[serde(rename = "numberMatched")]
    number_matched: Option<Value>,
    context: Option<Value>,
}

impl ItemPage {
    /// Takes a page apart. One bad feature does not hide the others.
    ///
    /// # Errors
    /// [`Error::NotStac`] where it has no features at all, or breaks off.
    pub(super) fn of(document: &Text) -> Result<ItemPage, Error> {
        let wrong = |why: String| Error::NotStac { url: shown(&document.url), why };
        let envelope: Envelope = serde_json::from_str(&document.text).map_err(|e| match e.classify() {
            serde_json::error::Category::Eof => wrong(format!("{BREAKS_OFF} ({e})")),
            _ => wrong(format!("the answer is no ItemCollection: {e}")),
        })?;
        let features = envelope.features.ok_or_else(|| {
            let said = crate::http::words(200, document.text.as_bytes());
            wrong(format!("the answer is no ItemCollection: it has no features ({said})"))
        })?;
        let read = features.len() as u64;
        let mut rest = Rest(features.into_iter());
        let (items, unusable) = rest.next_items();
        Ok(ItemPage {
            items,
            rest,
            links: envelope.links.map(links).unwrap_or_default(),
            matched: matched(envelope.number_matched.as_ref(), envelope.context.as_ref()),
            read,
            unusable,
        })
    }
}

/// The words of a page that ends in the middle: gateways cut answers that are too large.
const BREAKS_OFF: &str = "the answer breaks off";

/// Whether a page could not be read because it ends in the middle.
pub(super) fn breaks_off(error: &Error) -> bool {
    matches!(error, Error::NotStac { why, .. } if why.starts_with(BREAKS_OFF))
}

/// The links of a `links` member.
pub(super) fn links(links: Value) -> Vec<Link> {
    Link::all_of(&serde_json::json!({ "links": links }))
}

/// `numberMatched`, else `matched` of the older context extension; some servers write numbers as text.
pub(super) fn matched(number_matched: Option<&Value>, context: Option<&Value>) -> Option<u64> {
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number_matched.and_then(number).or_else(|| context?.get("matched").and_then(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Result<ItemPage, Error> {
        ItemPage::of(&Text {
            url: "https://h.example/search".parse().unwrap(),
            text: text.to_owned(),
            came: Default::default(),
        })
    }

    #[test]
    fn one_bad_feature_does_not_hide_the_others() {
        let page = page(
            r#"{"type":"FeatureCollection","context":{"matched":7},"links":[{"rel":"next","href":"x"},3],
                "features":[{"type":"Feature","id":"a", "properties":{"x": 1.50}},{"id":null},42,{"type":"Feature","id":9}]}"#,
        )
        .unwrap();
        let ids: Vec<_> = page.items.iter().map(Item::id).collect();
        assert_eq!((ids, page.read, page.unusable.len()), (vec!["a", "9"], 4, 2));
        assert_eq!((page.matched, page.links.len()), (Some(7), 1));
        assert_eq!(page.items[0].raw(), r#"{"type":"Feature","id":"a", "properties":{"x": 1.50}}"#);
    }

    #[test]
    fn a_long_page_is_taken_apart_bit_by_bit() {
        let features: Vec<String> = (0..40)
            .map(|n| format!(r#"{{"id":"{n}","properties":{{"x":"{}"}}}}"#, "x".repeat(1 << 20)))
            .collect();
        let mut page = page(&format!(r#"{{"features":[{}, 7]}}"#, features.join(","))).unwrap();
        assert_eq!((page.read, page.items.len()), (41, 8));
        let mut ids: Vec<String> = page.items.iter().map(|item| item.id().to_owned()).collect();
        let mut unusable = page.unusable;
        while !page.rest.is_empty() {
            let (items, wrong) = page.rest.next_items();
            assert!(items.len() <= 8);
            ids.extend(items.iter().map(|item| item.id().to_owned()));
            unusable.extend(wrong);
        }
        assert_eq!(ids, (0..40).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(unusable.len(), 1);
    }

    #[test]
    fn counts_of_all_kinds() {
        for (text, want) in [
            (r#"{"features":[],"numberMatched":3,"context":{"matched":9}}"#, Some(3)),
            (r#"{"features":[],"numberMatched":"4"}"#, Some(4)),
            (r#"{"features":[],"numberMatched":null}"#, None),
            (r#"{"features":[],"context":{"returned":1}}"#, None),
        ] {
            assert_eq!(page(text).unwrap().matched, want, "{text}");
        }
    }

    #[test]
    fn other_answers_are_told_from_pages_that_break_off() {
        let cut = page(r#"{"type":"FeatureCollection","features":[{"id":"a"#).unwrap_err();
        assert!(breaks_off(&cut), "{cut}");
        let other = page(r#"{"code":"Oops","description":"not today"}"#).unwrap_err();
        assert!(!breaks_off(&other) && other.to_string().contains("not today"), "{other}");
    }
}
