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
        document.get("links").map(Link::all_in).unwrap_or_default()
    }

    /// All usable links of a `links` array, in its order.
    pub(super) fn all_in(links: &Value) -> Vec<Link> {
        links.as_array().into_iter().flatten().filter_map(Link::from_value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_bad_link_does_not_hide_the_others() {
        let links = Link::all_of(&json!({"links": [
            {"rel": "self"},
            null,
            "https://x",
            {"href": 5},
            {"href": "https://a"},
            {"rel": "next", "href": "https://b", "method": "post", "type": "Application/Geo+JSON", "merge": true,
             "body": {"token": "t"}, "headers": {"X": "1"}, "title": "More"},
            {"rel": "next", "href": "", "body": null, "merge": "yes", "headers": []},
        ]}));
        let next = Link {
            rel: "next".into(),
            href: "https://b".into(),
            media_type: Some("application/geo+json".into()),
            method: Some("POST".into()),
            title: Some("More".into()),
            headers: Map::from_iter([("X".to_owned(), json!("1"))]),
            body: Some(json!({"token": "t"})),
            merge: true,
        };
        assert_eq!(links.len(), 3);
        assert_eq!(
            (links[0].rel.as_str(), links[0].href.as_str(), &links[0].method),
            ("", "https://a", &None)
        );
        assert_eq!(links[1], next);
        assert_eq!((&links[2].body, links[2].merge, links[2].headers.len()), (&None, false, 0));
    }

    #[test]
    fn documents_without_links_have_none() {
        for document in
            [json!({}), json!({"links": null}), json!({"links": {"next": "x"}}), json!([]), json!(null)]
        {
            assert!(Link::all_of(&document).is_empty(), "{document}");
        }
    }
}
