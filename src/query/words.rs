//! Free text: `q=apollo,"mare imbrium"`.

use serde_json::Value;

use super::error::Fault;
use crate::item::Item;

/// The terms of a `q=` value, in one order. Each must hold a word.
pub(super) fn terms(mut terms: Vec<String>) -> Result<Vec<String>, Fault> {
    if let Some(term) = terms.iter().find(|term| words(term).next().is_none()) {
        return Err(Fault::new(format!("{term:?} holds no word"))
            .hint("write q=<words>, with commas between alternatives"));
    }
    terms.sort();
    terms.dedup();
    Ok(terms)
}

/// The words of a text in lower case: runs of letters and digits.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The terms of a search, ready to be looked for.
#[derive(Debug, Clone)]
pub(super) struct Words(Vec<Vec<String>>);

impl Words {
    pub fn new(terms: &[String]) -> Words {
        Words(terms.iter().map(|term| words(term).collect()).collect())
    }

    /// Whether the words of any term stand side by side in one of the item's texts.
    pub fn matches(&self, item: &Item) -> bool {
        let own = |name: &str| item.property(name).and_then(Value::as_str);
        let keywords = item.property("keywords").and_then(Value::as_array);
        let keywords = keywords.into_iter().flatten().filter_map(Value::as_str);
        let mut texts =
            [Some(item.id()), own("title"), own("description")].into_iter().flatten().chain(keywords);
        texts.any(|text| {
            let text: Vec<String> = words(text).collect();
            self.0
                .iter()
                .any(|term| !term.is_empty() && text.windows(term.len()).any(|w| w == term.as_slice()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_found_side_by_side() {
        let item = Item::from_json(
            r#"{"type":"Feature","id":"LC08_L1TP_x","properties":
               {"title":"Mare Imbrium, north","description":null,"keywords":["Ölpest",3]}}"#,
        )
        .unwrap();
        let found = |terms: &[&str]| {
            Words::new(&terms.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()).matches(&item)
        };
        for good in
            [&["mare"][..], &["MARE imbrium"], &["imbrium-north"], &["lc08"], &["ÖLPEST"], &["no", "north"]]
        {
            assert!(found(good), "{good:?}");
        }
        for bad in
            [&["mar"][..], &["imbrium mare"], &["mare north"], &["north lc08"], &["3"], &["mare", "x y"][1..]]
        {
            assert!(!found(bad), "{bad:?}");
        }
    }
}
