//! Links: where a document is, as a client sees it.

use super::quirks::Quirks;
use crate::demo::http::Request;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What stays as it is in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path under which the API stands.
pub(super) const API: &str = "/stac";

/// JSON.
pub(super) const JSON: &str = "application/json";
/// GeoJSON.
pub(super) const GEOJSON: &str = "application/geo+json";
/// JSON Schema.
pub(super) const SCHEMA: &str = "application/schema+json";

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Makes links for the answer to one request.
pub(super) struct Linker {
    /// Scheme and authority of links to documents.
    origin: String,
    /// Scheme and authority of links to assets.
    assets: String,
    /// Path of the API root, without a final slash: `/stac`, or `/stac/<provider>`.
    root: String,
    format_param: Option<&'static str>,
}

impl Linker {
    /// Links as `request` should see them.
    pub fn new(request: &Request, quirks: &Quirks) -> Linker {
        Linker {
            origin: quirks.link_origin.clone().unwrap_or_else(|| request.origin()),
            assets: request.origin(),
            root: API.to_owned(),
            format_param: quirks.format_param,
        }
    }

    /// Links within the API root of a child catalogue.
    pub fn below(self, catalog: &str) -> Linker {
        Linker { root: format!("{}/{}", self.root, segment(catalog)), ..self }
    }

    /// The URL of `path` below the API root (empty: the root itself), percent-encoded already.
    pub fn url(&self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        let format = self.format_param.map(|param| format!("{sign}{param}")).unwrap_or_default();
        format!("{}{}{path}{format}", self.origin, self.root)
    }

    /// The URL of an asset whose path in the world is `href`; a URL stays as it is.
    pub fn asset(&self, href: &str) -> String {
        if href.contains("://") { href.to_owned() } else { format!("{}/assets/{href}", self.assets) }
    }

    /// The links to `path` as `rel`: one, or with a format parameter an HTML twin too.
    pub fn links(&self, rel: &str, media_type: &str, path: &str) -> Vec<Value> {
        let mut links = vec![json!({"rel": rel, "type": media_type, "href": self.url(path)})];
        if self.format_param.is_some() {
            let sign = if path.contains('?') { '&' } else { '?' };
            let href = format!("{}{}{path}{sign}f=text%2Fhtml", self.origin, self.root);
            links.push(json!({"rel": rel, "type": "text/html", "href": href}));
        }
        links
    }

    /// The links that every document has: to itself and to the root.
    pub fn common(&self, media_type: &str, path: &str) -> Vec<Value> {
        [self.links("self", media_type, path), self.links("root", JSON, "")].concat()
    }
}
