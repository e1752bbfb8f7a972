//! Links: how STAC documents point at each other.

use serde_json::{Map, Value};

/// One member of a `links` array.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The relation: `next`, `search`, `child`, `item`, … Empty where the server gave none.
    pub rel: String,
    /// The target, as written: absolute or relative to the document's own URL.
    pub href: String,
    /// The media type, lower case, where given.
    pub media_type: Option<String>,
    /// The HTTP method, upper case; absent means GET (STAC API 1.0, item-search, paging).
    pub method: Option<String>,
    /// A title for people.
    pub title: Option<String>,
    /// Headers that must be sent when following the link.
    pub headers: Map<String, Value>,
    /// The body of a POST link; see `merge`.
    pub body: Option<Value>,
    /// Whether `body` is to be laid over the original request's body (absent means no).
    pub merge: bool,
}

impl Link {
    /// A link from one member of a `links` array; `None` without an href.
    pub fn from_value(value: &Value) -> Option<Link> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Link {
            rel: text("rel").unwrap_or_default(),
            href: text("href")?,
            media_type: text("type").map(|t| t.to_ascii_lowercase()),
            method: text("method").map(|m| m.to_ascii_uppercase()),
            title: text("title"),
            headers: value.get("headers").and_then(Value::as_object).cloned().unwrap_or_default(),
            body: value.get("body").filter(|b| !b.is_null()).cloned(),
            merge: value.get("merge").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// All usable links of a document, in its order; `links` may be missing or hold other things.
    pub fn all_of(document: &Value) -> Vec<Link> {
        let links = document.get("links").and_then(Value::as_array);
        links.into_iter().flatten().filter_map(Link::from_value).collect()
    }
}
