//! The documents that a static catalogue is made of, and where they lead.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use url::Url;

use super::super::Error;
use super::href;
use super::landing::{self, Kind};
use super::site::{Site, Text};
use crate::http::shown;
use crate::item::Link;

/// What a document of a static catalogue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// A Catalog, which holds collections, catalogues and items.
    Catalog,
    /// A Collection: all that is below it is of it.
    Collection,
    /// The landing page of an API.
    Api,
}

/// A Catalog or Collection.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where it answered: what its links start from.
    pub(super) url: Url,
    pub(super) rank: Rank,
    pub(super) id: String,
    /// The server's own text.
    pub(super) text: String,
    pub(super) fields: Map<String, Value>,
    links: Vec<Link>,
}

/// Where a link of a node leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// To another catalogue or collection.
    Node(Url),
    /// To an item.
    Item(Leaf),
}

/// An item before it is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) url: Url,
    title: Option<String>,
}

impl Node {
    /// Asks for a document that must be a node.
    pub(super) fn fetch(site: &Site, url: &Url) -> Result<Node, Error> {
        Node::of(site.get(url)?)
    }

    /// Understands a document.
    ///
    /// # Errors
    /// [`Error::NotStac`] where it is neither catalogue nor collection.
    pub(super) fn of(document: Text) -> Result<Node, Error> {
        let wrong = |why: String| Error::NotStac { url: shown(&document.url), why };
        let kind = landing::kind(&document)?;
        let value: Value =
            serde_json::from_str(&document.text).map_err(|e| wrong(format!("the answer is no JSON: {e}")))?;
        let links = Link::all_of(&value);
        let Value::Object(fields) = value else {
            return Err(wrong("the answer is no JSON object".into()));
        };
        let rank = match (kind, fields.get("type").and_then(Value::as_str)) {
            (Kind::Items, _) => return Err(wrong("a catalogue was expected, and here is an item".into())),
            (Kind::Api, _) => Rank::Api,
            (Kind::Static, Some("Collection")) => Rank::Collection,
            // STAC 0.9 gives no type; only collections have an extent.
            (Kind::Static, None) if fields.contains_key("extent") => Rank::Collection,
            (Kind::Static, _) => Rank::Catalog,
        };
        let id = fields.get("id").and_then(crate::item::text).filter(|id| !id.is_empty());
        let id = id.or_else(|| last_folder(&document.url)).unwrap_or_else(|| "catalog".to_owned());
        Ok(Node { url: document.url, rank, id, text: document.text, fields, links })
    }

    /// Where its `child` and `item` links lead, in their order.
    pub(super) fn places(&self, site: &Site) -> Vec<Place> {
        let mut unusable = Vec::new();
        let mut places = Vec::new();
        for link in self.links.iter().filter(|link| matches!(link.rel.as_str(), "child" | "item")) {
            match (self.target(site, link), link.rel.as_str()) {
                (Some(url), "child") => places.push(Place::Node(url)),
                (Some(url), _) => places.push(Place::Item(Leaf { url, title: link.title.clone() })),
                (None, _) => unusable.push(format!("{} leads nowhere", link.href)),
            }
        }
        site.note_unusable("links", &unusable);
        places
    }

    fn target(&self, site: &Site, link: &Link) -> Option<Url> {
        let mut url = self.url.join(&link.href).ok()?;
        url.set_fragment(None);
        match url.scheme() {
            "http" | "https" => Some(url),
            "file" if site.is_here() => Some(url),
            "s3" => href::s3_object(&url).and_then(|(bucket, key)| site.s3_url(bucket, key)),
            _ => None,
        }
    }

    /// A member as text.
    pub(super) fn words(&self, member: &str) -> &str {
        self.fields.get(member).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Leaf {
    /// Whether it is probably the item of this id: by its title, its file's stem or its folder.
    pub(super) fn may_be(&self, id: &str) -> bool {
        self.title.as_deref() == Some(id)
            || stem(&self.url).as_deref() == Some(id)
            || last_folder(&self.url).as_deref() == Some(id)
    }
}

/// A URL's file name without its extension, decoded.
pub(super) fn stem(url: &Url) -> Option<String> {
    let name = decoded(url.path_segments()?.next_back()?);
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    (!stem.is_empty()).then(|| stem.to_owned())
}

/// The folder that a URL's file is in, decoded.
fn last_folder(url: &Url) -> Option<String> {
    let folder = decoded(url.path_segments()?.rev().nth(1)?);
    (!folder.is_empty()).then_some(folder)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_tells_the_item() {
        let leaf = |url: &str, title: Option<&str>| Leaf {
            url: url.parse().unwrap(),
            title: title.map(str::to_owned),
        };
        let named = leaf("https://h.example/c/A%2Fb/A%2Fb.json", None);
        assert!(named.may_be("A/b") && !named.may_be("b"));
        assert!(leaf("https://h.example/c/x.v1.json", None).may_be("x.v1"));
        assert!(leaf("https://h.example/c/scene/item.json", None).may_be("scene"));
        assert!(leaf("https://h.example/1.json", Some("one")).may_be("one"));
    }

    #[test]
    fn ranks_of_all_versions() {
        let rank = |text: &str| {
            let url = "https://h.example/folder/catalog.json".parse().unwrap();
            Node::of(Text { url, text: text.to_owned(), came: Default::default() })
                .map(|node| (node.rank, node.id))
                .ok()
        };
        for (text, want) in [
            (r#"{"type":"Catalog","stac_version":"1.0.0","id":"a","links":[]}"#, Some((Rank::Catalog, "a"))),
            (r#"{"type":"Collection","id":7}"#, Some((Rank::Collection, "7"))),
            (r#"{"stac_version":"0.9.0","id":"c","extent":{}}"#, Some((Rank::Collection, "c"))),
            (r#"{"stac_version":"0.9.0","links":[]}"#, Some((Rank::Catalog, "folder"))),
            (
                r#"{"type":"Catalog","id":"r","conformsTo":["https://api.stacspec.org/v1.0.0/core"],"links":[{"rel":"data","href":"x"}]}"#,
                Some((Rank::Api, "r")),
            ),
            (r#"{"type":"Feature","id":"i"}"#, None),
            (r#"{"error":"none"}"#, None),
        ] {
            assert_eq!(rank(text), want.map(|(rank, id)| (rank, id.to_owned())), "{text}");
        }
    }
}
