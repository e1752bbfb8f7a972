//! M2M's envelope: every answer is `{errorCode, errorMessage, data, …}`, errors mostly with HTTP 200.

use serde_json::Value;

use crate::{catalog, http};

/// What M2M says went wrong, by what it means for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The key is dead: log in again, once, and ask again.
    KeyExpired,
    /// The credential was refused: never try it again (lock-out).
    Refused,
    /// The account lacks the right.
    Unauthorized,
    /// Another request of this account is in flight: wait a little.
    Busy,
    /// A quota is used up.
    Quota,
    /// There is no such thing.
    NotFound,
    /// A value it does not take.
    Invalid,
    /// Trouble of theirs.
    Trouble,
}

/// A code that M2M answered with, and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// `AUTH_INVALID`, `RATE_LIMIT`, …
    pub code: String,
    /// The server's own words.
    pub words: String,
}

impl Complaint {
    /// What it means. The codes are those of the reference and those seen live, typo included.
    pub fn fault(&self) -> Fault {
        match self.code.as_str() {
            "AUTH_KEY_INVALID" | "AUTH_EXPIRED" => Fault::KeyExpired,
            "AUTH_INVALID" | "AUTH_ERROR" => Fault::Refused,
            "AUTH_UNAUTHORIZED" | "AUTH_UNAUTHROIZED" | "UNAUTHORIZED_USER" => Fault::Unauthorized,
            "DATASET_UNAUTHORIZED" | "DATASET_AUTH" | "DOWNLOAD_ERROR" | "ORDER_AUTH" => Fault::Unauthorized,
            "RATE_LIMIT" | "RATE_LIMIT_USER" => Fault::Busy,
            "RATE_LIMIT_USER_DL" => Fault::Quota,
            "NOT_FOUND" | "DATASET_INVALID" => Fault::NotFound,
            code if code.starts_with("INPUT_") => Fault::Invalid,
            _ => Fault::Trouble,
        }
    }

    /// Whether the search service stumbled: asked again it may well answer.
    pub fn is_of_search(&self) -> bool {
        self.code.starts_with("SEARCH_")
    }

    /// As an error of a catalogue: `what` was being done at `url`.
    pub fn error(&self, url: &str, what: &str) -> catalog::Error {
        let words = format!("{}: {}", self.code, self.words);
        let (url, name) = (url.to_owned(), what.to_owned());
        match self.fault() {
            Fault::Refused | Fault::KeyExpired => http::Error::Denied {
                url,
                why: format!(
                    "{words}; check [usgs] username and token (an M2M application token from https://ers.cr.usgs.gov)"
                ),
            }
            .into(),
            Fault::Unauthorized => {
                let missing = match self.code.as_str() {
                    "DOWNLOAD_ERROR" | "ORDER_AUTH" => "it is another account's",
                    code if code.starts_with("DATASET_") => {
                        "the account needs access to this dataset: ask for it at https://ers.cr.usgs.gov/profile/access"
                    }
                    _ => "the account needs MACHINE access: ask for it at https://ers.cr.usgs.gov/profile/access",
                };
                http::Error::Denied { url, why: format!("{words}; {missing}") }.into()
            }
            Fault::Quota => catalog::Error::Limit { what: name, why: words },
            Fault::NotFound => catalog::Error::Gone { name, why: words },
            Fault::Invalid => http::Error::Status { url, status: 400, words, retry_after: None }.into(),
            Fault::Busy => {
                let words = format!("{words}; another program keeps this account busy, try again later");
                http::Error::Status { url, status: 503, words, retry_after: None }.into()
            }
            Fault::Trouble => {
                http::Error::Status { url, status: 503, words, retry_after: None }.into()
            }
        }
    }
}

/// The `data` of an answer, or the complaint in it. `None` where the text is no envelope: an HTML page of
/// maintenance, for example.
pub fn open(body: &[u8]) -> Option<Result<Value, Complaint>> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    let envelope = answer.as_object_mut()?;
    if !envelope.contains_key("errorCode") && !envelope.contains_key("data") {
        return None;
    }
    let text = |value: Option<&Value>| value.and_then(crate::item::text).unwrap_or_default();
    let code = text(envelope.get("errorCode"));
    if !code.is_empty() {
        return Some(Err(Complaint { code, words: text(envelope.get("errorMessage")) }));
    }
    Some(Ok(envelope.remove("data").unwrap_or(Value::Null)))
}

/// A number that may come as text.
pub fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// The members of an object that is `[]` when it is empty (PHP).
pub fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// A member as text, be it a number; `None` where it is absent, null or empty.
pub fn text(value: &Value, member: &str) -> Option<String> {
    value.get(member).and_then(crate::item::text).filter(|text| !text.is_empty())
}

/// The members of an array, of none where it is null or something else.
pub fn members<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(member).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_with_http_200() {
        let body = br#"{"errorCode":"AUTH_EXPIRED","errorMessage":"API key has expired due to inactivity","data":null,"requestId":0,"sessionId":null,"version":null}"#;
        let complaint = open(body).unwrap().unwrap_err();
        assert_eq!(complaint.fault(), Fault::KeyExpired);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (code, missing) in [
            ("AUTH_UNAUTHROIZED", "MACHINE"),
            ("DATASET_AUTH", "access to this dataset"),
            ("DOWNLOAD_ERROR", "another account's"),
        ] {
            let words = Complaint { code: code.into(), words: "no".into() }.error("u", "e").to_string();
            assert!(words.contains(missing) && words.contains(code), "{words}");
        }
    }

    #[test]
    fn samples_of_the_reference_parse() {
        for body in [
            r#"{"requestId":1,"version":"stable","sessionId":1906,"data":{"a":1},"errorCode":null,"errorMessage":null}"#,
            r#"{"errorMessage":"","data":{"a":1},"errorCode":null}"#,
            r#"{"data":{"a":1}}"#,
        ] {
            assert_eq!(open(body.as_bytes()).unwrap().unwrap()["a"], 1);
        }
        assert!(open(b"<html>Maintenance</html>").is_none());
        assert!(open(b"[1]").is_none());
    }

    #[test]
    fn looseness_is_taken_as_it_comes() {
        let numbers = serde_json::json!(["41.90", 41.9, null, "-1", "x"]);
        let read: Vec<Option<f64>> = numbers.as_array().unwrap().iter().map(number).collect();
        assert_eq!(read, [Some(41.9), Some(41.9), None, Some(-1.0), None]);
        assert_eq!(entries(&serde_json::json!([])).count(), 0);
    }
}
