//! Links between documents: which one to follow, and where it really leads.

use url::Url;

use crate::http::Method;
use crate::item::Link;

/// How an API's own idea of its URL maps to where it was configured. Behind a proxy or a CDN the links name
/// another host, a wrong scheme or a stage path (`https://…execute-api…/prod/search`).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Base {
    /// Where the landing page answered, without a slash at the end.
    url: Url,
    /// What the API calls itself, where that is another place.
    alias: Option<Url>,
    slashes: Slashes,
}

/// Whether a server answers at paths without a slash at their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slashes {
    /// It does, or its links say what it wants.
    AsLinked,
    /// Only with one, whatever its links say.
    Needed,
}

impl Base {
    /// A base from where the landing page answered and its links `self` or `root`: the root of a root below another
    /// is somewhere else.
    pub(super) fn new(url: &Url, links: &[Link]) -> Base {
        let url = without_slash(url);
        let own = ["self", "root"].iter().find_map(|rel| links.iter().find(|link| link.rel == *rel));
        let alias = own.and_then(|link| url.join(&link.href).ok()).map(|alias| without_slash(&alias));
        let alias = alias.filter(|alias| alias.origin() != url.origin());
        Base { url, alias, slashes: Slashes::AsLinked }
    }

    /// The same for a server that needs slashes, or does not.
    pub(super) fn with_slashes(self, slashes: Slashes) -> Base {
        Base { slashes, ..self }
    }

    fn slashed(&self, mut url: Url) -> Url {
        if self.slashes == Slashes::Needed && !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        url
    }

    /// The base itself.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// An endpoint by its path segments; the base's own query (`?f=application/json`) is kept.
    pub(super) fn endpoint(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            // `extend` percent-encodes `/`, `%`, `?` and spaces, which is what ids need.
            path.pop_if_empty().extend(segments);
        }
        self.slashed(url)
    }

    /// Where a link of a document at `document` leads: same origin as it stands, the API's other name for
    /// itself rewritten to the base. `None` where it leads to a third place.
    pub(super) fn settle(&self, document: &Url, href: &str) -> Option<Url> {
        let target = document.join(href).ok()?;
        if target.origin() == document.origin() || target.origin() == self.url.origin() {
            return Some(self.slashed(target));
        }
        let alias = self.alias.as_ref().filter(|alias| alias.origin() == target.origin())?;
        let rest = target.path().strip_prefix(alias.path().trim_end_matches('/'))?;
        // `/production` is not below `/prod`.
        let rest = Some(rest).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
        let mut settled = self.url.clone();
        settled.set_path(&format!("{}{rest}", self.url.path().trim_end_matches('/')));
        settled.set_query(target.query());
        Some(self.slashed(settled))
    }
}

fn without_slash(url: &Url) -> Url {
    let mut url = url.clone();
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url.set_fragment(None);
    url
}

/// The best link of a relation for a client that reads JSON: servers offer the same thing as HTML, XML and
/// JSON, several times, in any order.
pub(super) fn best<'a>(links: &'a [Link], rel: &str, method: Option<&Method>) -> Option<&'a Link> {
    let of_method =
        |link: &&Link| method.is_none_or(|m| link.method.as_deref().unwrap_or("GET") == m.as_str());
    let found = links.iter().filter(|link| link.rel == rel && readable(link)).filter(of_method);
    // `min_by_key` takes the first of equals.
    found.min_by_key(|link| rank(link))
}

/// Whether a link leads to something that may be JSON.
pub(super) fn readable(link: &Link) -> bool {
    rank(link) < 3
}

fn rank(link: &Link) -> u8 {
    match link.media_type.as_deref().map(|kind| kind.split(';').next().unwrap_or_default().trim()) {
        Some("application/geo+json") => 0,
        Some("application/json" | "application/schema+json") => 1,
        None => 2,
        Some(kind) if kind.contains("json") => 2,
        Some(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn links(value: serde_json::Value) -> Vec<Link> {
        Link::all_of(&json!({ "links": value }))
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn endpoints_keep_the_query_and_encode_ids() {
        let base = Base::new(&url("https://h.example/stac/?f=application%2Fjson"), &[]);
        let want = "https://h.example/stac/collections/a%2Fb%20c/items/50%25?f=application%2Fjson";
        assert_eq!(base.endpoint(&["collections", "a/b c", "items", "50%"]).as_str(), want);
        assert_eq!(Base::new(&url("https://h.example"), &[]).endpoint(&["search"]).path(), "/search");
    }

    #[test]
    fn another_name_for_itself_is_rewritten() {
        let landing = url("https://stac.example/api");
        let own = links(json!([{ "rel": "self", "href": "https://x.execute-api.example/prod/" }]));
        let base = Base::new(&landing, &own);
        let settled = base.settle(&landing, "https://x.execute-api.example/prod/search?next=a").unwrap();
        assert_eq!(settled.as_str(), "https://stac.example/api/search?next=a");
        assert_eq!(base.settle(&landing, "https://evil.example/search"), None);
        assert_eq!(base.settle(&landing, "https://x.execute-api.example/production/search"), None);
        let same = base.settle(&url("https://stac.example/api/search"), "?page=2").unwrap();
        assert_eq!(same.as_str(), "https://stac.example/api/search?page=2");
    }

    #[test]
    fn a_root_elsewhere_is_no_other_name() {
        let landing = url("https://child.example/stac");
        let links = links(json!([{ "rel": "root", "href": "https://parent.example/" },
                                 { "rel": "self", "href": "https://child.example/stac" }]));
        let base = Base::new(&landing, &links);
        assert_eq!(base.settle(&landing, "https://parent.example/search"), None);
    }

    #[test]
    fn slashes_are_added_where_they_are_needed() {
        let base = Base::new(&url("https://h.example/api/"), &[]).with_slashes(Slashes::Needed);
        assert_eq!(base.endpoint(&["collections", "c"]).as_str(), "https://h.example/api/collections/c/");
        let next = base.settle(&url("https://h.example/api/search/"), "../search?page=2").unwrap();
        assert_eq!(next.as_str(), "https://h.example/api/search/?page=2");
    }

    #[test]
    fn plain_http_behind_a_proxy_is_rewritten() {
        let landing = url("https://stac.example/v1");
        let base = Base::new(&landing, &links(json!([{ "rel": "root", "href": "http://stac.example/v1" }])));
        let settled = base.settle(&landing, "http://stac.example/v1/collections").unwrap();
        assert_eq!(settled.as_str(), "https://stac.example/v1/collections");
    }

    #[test]
    fn json_wins_over_html_and_xml() {
        let found = links(json!([
            { "rel": "search", "href": "xml", "type": "application/opensearchdescription+xml" },
            { "rel": "search", "href": "html", "type": "text/html" },
            { "rel": "search", "href": "untyped" },
            { "rel": "search", "href": "geo", "type": "application/geo+json; charset=utf-8" },
            { "rel": "search", "href": "post", "type": "application/geo+json", "method": "post" },
        ]));
        assert_eq!(best(&found, "search", None).unwrap().href, "geo");
        assert_eq!(best(&found, "search", Some(&Method::POST)).unwrap().href, "post");
        assert_eq!(best(&found[..2], "search", None), None);
    }
}
