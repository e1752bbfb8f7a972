//! Free text: `q=apollo,"mare imbrium"`.

use super::error::Fault;

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
