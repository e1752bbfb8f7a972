//! Landing pages: the document at a source's own URL, and what it is the beginning of.

use serde_json::{Map, Value};
use url::Url;

use super::super::Error;
use super::conformance::{Ability, Conformance};
use super::links::{Base, Slashes, best};
use super::site::{Site, Text};
use crate::http::{self, Method, shown};
use crate::item::Link;

/// What a document at a source's URL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A STAC API.
    Api,
    /// A static catalogue or collection.
    Static,
    /// An ItemCollection, an Item, or items one per line.
    Items,
}

/// An API's landing page, understood.
#[derive(Debug)]
pub(super) struct Landing {
    /// Where it answered.
    pub(super) url: Url,
    pub(super) fields: Map<String, Value>,
    pub(super) links: Vec<Link>,
    pub(super) conformance: Conformance,
    pub(super) base: Base,
}

/// The document at the source's URL. Some servers answer only with a slash at its end, some only without.
pub(super) fn fetch(site: &Site) -> Result<(Text, Slashes), Error> {
    let path = site.url.path().trim_end_matches('/');
    if path.is_empty() || site.url.scheme() == "file" {
        return Ok((site.get(&site.url)?, Slashes::AsLinked));
    }
    let with_path = |path: &str| {
        let mut url = site.url.clone();
        url.set_path(path);
        url
    };
    match site.get(&with_path(path)) {
        Err(Error::Http(error)) if matches!(error.status(), Some(403 | 404)) => {
            // Where that is no better, the first answer is the one to show.
            let document = site.get(&with_path(&format!("{path}/"))).map_err(|_| Error::Http(error))?;
            Ok((document, Slashes::Needed))
        }
        answer => Ok((answer?, Slashes::AsLinked)),
    }
}

/// What a document is, by what is in it: media types lie, and paths say nothing.
///
/// # Errors
/// [`Error::NotStac`] where it is nothing of ours.
pub(super) fn kind(document: &Text) -> Result<Kind, Error> {
    let wrong = |why: String| Error::NotStac { url: shown(&document.url), why };
    // The first value alone: in NDJSON more follow.
    let first = serde_json::Deserializer::from_str(&document.text).into_iter::<Value>().next();
    let value = match first {
        Some(Ok(value)) => value,
        Some(Err(error)) => return Err(wrong(format!("the answer is no JSON: {error}"))),
        None => return Err(wrong("the answer is empty".into())),
    };
    match value.get("type").and_then(Value::as_str) {
        Some("FeatureCollection" | "Feature") => return Ok(Kind::Items),
        _ if value.is_array() => return Ok(Kind::Items),
        _ => {}
    }
    let links = Link::all_of(&value);
    let has = |rel: &str| links.iter().any(|link| link.rel == rel);
    let conformance = Conformance::new(classes(&value), &[]);
    if has("search") || has("data") || conformance.is_api() {
        return Ok(Kind::Api);
    }
    let is_catalog = matches!(value.get("type").and_then(Value::as_str), Some("Catalog" | "Collection"))
        || value.get("stac_version").is_some();
    if has("items") && !has("child") && !has("item") {
        let root = ["root", "parent"].iter().find_map(|rel| links.iter().find(|link| link.rel == *rel));
        let root = root.and_then(|link| document.url.join(&link.href).ok());
        let root = root.map_or_else(|| "the API itself".to_owned(), |url| shown(&url));
        return Err(wrong(format!(
            "it is one collection of an API; name {root} as source, and look into it there"
        )));
    }
    if is_catalog || has("child") || has("item") {
        return Ok(Kind::Static);
    }
    let said = http::words(200, document.text.as_bytes());
    Err(wrong(format!("the answer is JSON but no STAC catalogue, collection or item ({said})")))
}

impl Landing {
    /// Understands an API's landing page. Where it says nothing of conformance but links to it, one more
    /// request asks.
    pub(super) fn of(site: &Site, document: &Text, slashes: Slashes) -> Result<Landing, Error> {
        let wrong = |why: String| Error::NotStac { url: shown(&document.url), why };
        let value: Value =
            serde_json::from_str(&document.text).map_err(|e| wrong(format!("the answer is no JSON: {e}")))?;
        let links = Link::all_of(&value);
        let base = Base::new(&document.url, &links).with_slashes(slashes);
        let mut classes = classes(&value);
        if classes.is_empty()
            && let Some(url) =
                best(&links, "conformance", None).and_then(|l| base.settle(&document.url, &l.href))
            && let Ok(page) = site.get(&url)
        {
            classes = serde_json::from_str(&page.text).map(|page| self::classes(&page)).unwrap_or_default();
        }
        let Value::Object(fields) = value else {
            return Err(wrong("the answer is no JSON object".into()));
        };
        let conformance = Conformance::new(classes, &site.overrides);
        Ok(Landing { url: document.url.clone(), fields, links, conformance, base })
    }

    /// Where searches go by a method; by convention where no link says.
    pub(super) fn search(&self, method: &Method) -> Url {
        let link = best(&self.links, "search", Some(method)).or_else(|| best(&self.links, "search", None));
        self.target(link).unwrap_or_else(|| self.base.endpoint(&["search"]))
    }

    /// Where collections are listed.
    pub(super) fn collections(&self) -> Url {
        self.target(best(&self.links, "data", None)).unwrap_or_else(|| self.base.endpoint(&["collections"]))
    }

    /// A link's target: rewritten to the base where it is the API's other name for itself. A third place is
    /// believed here, since the landing page is what the user chose; credentials do not go there.
    pub(super) fn target(&self, link: Option<&Link>) -> Option<Url> {
        let href = &link?.href;
        self.base
            .settle(&self.url, href)
            .or_else(|| self.url.join(href).ok().filter(|url| matches!(url.scheme(), "http" | "https")))
    }

    /// The method to try first: GET, which caches and CDNs let through, unless only POST is offered.
    pub(super) fn first_method(&self) -> Method {
        let offered = |method: &Method| best(&self.links, "search", Some(method)).is_some();
        let post_only = offered(&Method::POST) && !offered(&Method::GET);
        let allowed = |ability| self.conformance.has(ability);
        if allowed(Ability::Post) && (post_only || !allowed(Ability::Get)) {
            Method::POST
        } else {
            Method::GET
        }
    }

    /// A member as text.
    pub(super) fn text(&self, member: &str) -> &str {
        self.fields.get(member).and_then(Value::as_str).unwrap_or_default()
    }
}

fn classes(value: &Value) -> Vec<String> {
    let classes = value.get("conformsTo").and_then(Value::as_array).into_iter().flatten();
    classes.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(text: &str) -> Option<Kind> {
        kind(&Text {
            url: "https://h.example/".parse().unwrap(),
            text: text.to_owned(),
            came: Default::default(),
        })
        .ok()
    }

    #[test]
    fn a_document_says_what_it_is() {
        for (text, want) in [
            (
                r#"{"type":"Catalog","conformsTo":["https://api.stacspec.org/v1.0.0/core"],"links":[]}"#,
                Some(Kind::Api),
            ),
            // Earth Search v0: no conformance, no type.
            (
                r#"{"stac_version":"1.0.0-beta.2","links":[{"rel":"search","href":"/v0/search"}]}"#,
                Some(Kind::Api),
            ),
            (
                r#"{"type":"Catalog","stac_version":"1.0.0","links":[{"rel":"child","href":"a"}]}"#,
                Some(Kind::Static),
            ),
            (r#"{"type":"Collection","id":"c"}"#, Some(Kind::Static)),
            // It has no items of its own: they are the API's to list.
            (r#"{"type":"Collection","id":"c","links":[{"rel":"items","href":"c/items"}]}"#, None),
            (r#"{"type":"FeatureCollection","features":[]}"#, Some(Kind::Items)),
            ("{\"type\":\"Feature\",\"id\":\"a\"}\n{\"type\":\"Feature\",\"id\":\"b\"}\n", Some(Kind::Items)),
            (r#"[{"type":"Feature","id":"a"}]"#, Some(Kind::Items)),
            (r#"{"name":"some other API"}"#, None),
            (r#"{"message":"Forbidden"}"#, None),
        ] {
            assert_eq!(kind_of(text), want, "{text}");
        }
    }
}
