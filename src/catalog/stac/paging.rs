//! From one page to the next.

use std::collections::HashSet;

use serde_json::{Map, Value};
use url::Url;

use super::super::Error;
use super::links::{Base, best};
use super::params::Step;
use crate::http::{Method, shown};
use crate::item::Link;

/// So many pages in a row may bring nothing new before the server is taken to go in a circle.
const MOST_STALE: u32 = 3;

/// Headers that a `next` link may not set: they are the connection's own.
const OURS: &[&str] = &["host", "content-length", "connection", "transfer-encoding", "te", "upgrade"];

/// Follows the pages of one listing, and sees where they go in a circle.
#[derive(Debug, Default)]
pub(super) struct Trail {
    asked: HashSet<String>,
    stale: u32,
}

/// Where a page leads.
#[derive(Debug, PartialEq)]
pub(super) enum Onward {
    /// To this request.
    To(Box<Step>),
    /// It was the last.
    End,
    /// To a place where we have been.
    Circle,
}

impl Trail {
    /// Keeps a request that was made.
    pub(super) fn walked(&mut self, step: &Step) {
        self.asked.insert(step.fingerprint());
    }

    /// Where a page that came from `step`, answered by `document`, leads on to. `first` is the first request
    /// of the listing, over which `merge` lays its body; `fresh` says how many of its members were new.
    ///
    /// # Errors
    /// Where the next page is on another host: credentials and queries are not carried there.
    pub(super) fn onward(
        &mut self,
        links: &[Link],
        first: &Step,
        step: &Step,
        document: &Url,
        base: &Base,
        fresh: usize,
    ) -> Result<Onward, Error> {
        let same = best(links, "next", Some(&step.method));
        let Some(link) = same.or_else(|| best(links, "next", None)) else {
            return Ok(Onward::End);
        };
        self.stale = if fresh == 0 { self.stale + 1 } else { 0 };
        let next = follow(link, first, step, document, base)?;
        if self.stale >= MOST_STALE || self.asked.contains(&next.fingerprint()) {
            return Ok(Onward::Circle);
        }
        Ok(Onward::To(Box::new(next)))
    }
}

fn follow(link: &Link, first: &Step, step: &Step, document: &Url, base: &Base) -> Result<Step, Error> {
    let url = settle(link, step, document, base)?;
    let method = match link.method.as_deref() {
        Some("POST") => Method::POST,
        _ => Method::GET,
    };
    let mut headers: Vec<(String, String)> = link
        .headers
        .iter()
        .filter(|(name, _)| !OURS.contains(&name.to_ascii_lowercase().as_str()))
        .filter_map(|(name, value)| Some((name.clone(), header_text(value)?)))
        .collect();
    if link.merge {
        let kept = first.headers.iter().filter(|(name, _)| !link.headers.contains_key(name));
        headers.extend(kept.cloned());
    }
    if method == Method::GET {
        return Ok(Step { method, url: with_fields_of(first, url), headers, body: None });
    }
    let own = link.body.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    let body = if link.merge { laid_over(first.body.clone().unwrap_or_default(), own) } else { own };
    Ok(Step { method, url, headers, body: Some(body) })
}

/// The URL of a next page with the `fields` of the first, where the server wrote them as JSON: stac-server does, up
/// to 5.0.0 even where none were asked for, and then takes them for names that no item has.
fn with_fields_of(first: &Step, mut url: Url) -> Url {
    if !url.query_pairs().any(|(name, value)| name == "fields" && value.starts_with('{')) {
        return url;
    }
    let pairs = |url: &Url| -> Vec<String> {
        url.query().unwrap_or_default().split('&').map(str::to_owned).collect()
    };
    let (mut query, mut own) = (pairs(&url), pairs(&first.url));
    query.retain(|pair| !pair.starts_with("fields="));
    own.retain(|pair| pair.starts_with("fields="));
    query.append(&mut own);
    url.set_query(Some(&query.join("&")));
    url
}

/// Where the link leads. Some servers behind a balancer name an internal host; where the path is the one that
/// was just asked, only its query is news.
fn settle(link: &Link, step: &Step, document: &Url, base: &Base) -> Result<Url, Error> {
    if let Some(url) = base.settle(document, &link.href) {
        return Ok(url);
    }
    let target = document.join(&link.href).ok();
    let last = |url: &Url| url.path().trim_end_matches('/').rsplit('/').next().map(str::to_owned);
    if let Some(target) = target.as_ref().filter(|target| last(target) == last(&step.url)) {
        let mut url = step.url.clone();
        url.set_query(target.query());
        return Ok(url);
    }
    let to = target.map_or_else(|| link.href.clone(), |target| shown(&target));
    let why =
        format!("its next page is said to be at {to}, another server; if that is right, mount that URL");
    Err(Error::NotStac { url: shown(document), why })
}

fn laid_over(mut body: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    body.extend(over);
    body
}

/// A header's value; some servers give lists.
fn header_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(members) => {
            Some(members.iter().filter_map(crate::item::text).collect::<Vec<_>>().join(", "))
        }
        other => crate::item::text(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn get(text: &str) -> Step {
        Step::get(url(text))
    }

    fn post(body: Value) -> Step {
        let body = body.as_object().cloned();
        Step { method: Method::POST, body, ..get("https://h.example/api/search") }
    }

    fn onward(link: Value, first: &Step) -> Result<Onward, Error> {
        let base = Base::new(&url("https://h.example/api"), &[]);
        let links = Link::all_of(&json!({ "links": [link] }));
        Trail::default().onward(&links, first, first, &first.url, &base, 1)
    }

    fn to(link: Value, first: &Step) -> Step {
        match onward(link, first) {
            Ok(Onward::To(step)) => *step,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_get_link_is_followed_verbatim() {
        let first = get("https://h.example/api/search?limit=2");
        let href = "https://h.example/api/search?limit=2&token=next:c:%2Fx";
        assert_eq!(to(json!({ "rel": "next", "href": href, "method": "GET" }), &first).url.as_str(), href);
        let relative = to(json!({ "rel": "next", "href": "?page=2" }), &first);
        assert_eq!(relative.url.as_str(), "https://h.example/api/search?page=2");
    }

    #[test]
    fn fields_that_the_server_wrote_as_json_are_written_anew() {
        let next = |query: &str, href: &str| {
            let first = get(&format!("https://h.example/api/search?{query}"));
            to(json!({ "rel": "next", "href": href }), &first).url.query().unwrap().to_owned()
        };
        let json = "?fields=%7B%22include%22%3A%5B%22id%22%5D%7D&limit=2&next=a";
        assert_eq!(next("limit=2&fields=id,-links", json), "limit=2&next=a&fields=id,-links");
        assert_eq!(next("limit=2", "?limit=2&fields=%7B%7D&next=a"), "limit=2&next=a");
        assert_eq!(next("fields=id", "?fields=id&next=a"), "fields=id&next=a");
    }

    #[test]
    fn post_bodies_with_and_without_merge() {
        let first = post(json!({ "collections": ["c"], "limit": 2 }));
        let link = |merge: Option<bool>| {
            let mut link = json!({
                "rel": "next", "href": "https://h.example/api/search", "method": "POST",
                "body": { "token": "t", "limit": 5 }, "headers": { "X-Page": 2, "Host": "evil" },
            });
            if let Some(merge) = merge {
                link["merge"] = json!(merge);
            }
            to(link, &first)
        };
        let alone = json!({ "token": "t", "limit": 5 }).as_object().cloned();
        assert_eq!(link(None).body, alone);
        assert_eq!(link(Some(false)).body, alone);
        let merged = json!({ "collections": ["c"], "limit": 5, "token": "t" }).as_object().cloned();
        assert_eq!(link(Some(true)).body, merged);
        assert_eq!(link(None).headers, [("X-Page".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn a_post_may_lead_to_a_get() {
        let first = post(json!({ "limit": 2 }));
        let next = to(json!({ "rel": "next", "href": "https://h.example/api/search?token=a" }), &first);
        assert_eq!((next.method, next.body), (Method::GET, None));
    }

    #[test]
    fn an_internal_host_is_not_asked() {
        let first = get("https://h.example/api/search?limit=2");
        let next = to(json!({ "rel": "next", "href": "http://10.0.0.7:8080/search?page=2&limit=2" }), &first);
        assert_eq!(next.url.as_str(), "https://h.example/api/search?page=2&limit=2");
        let error = onward(json!({ "rel": "next", "href": "https://evil.example/steal?page=2" }), &first);
        assert!(error.unwrap_err().to_string().contains("evil.example"));
    }

    #[test]
    fn circles_are_seen() {
        let base = Base::new(&url("https://h.example/api"), &[]);
        let first = get("https://h.example/api/search?limit=2");
        let links = |href: &str| Link::all_of(&json!({ "links": [{ "rel": "next", "href": href }] }));
        let mut trail = Trail::default();
        trail.walked(&first);
        let again = links("https://h.example/api/search?limit=2");
        let found = trail.onward(&again, &first, &first, &first.url, &base, 2).unwrap();
        assert_eq!(found, Onward::Circle);
        // New tokens for ever, but never a new item.
        let mut trail = Trail::default();
        let found: Vec<_> = (0..3)
            .map(|n| {
                let href = format!("?token={n}");
                trail.onward(&links(&href), &first, &first, &first.url, &base, 0).unwrap()
            })
            .collect();
        assert!(matches!(found[..], [Onward::To(_), Onward::To(_), Onward::Circle]), "{found:?}");
        assert_eq!(trail.onward(&[], &first, &first, &first.url, &base, 2).unwrap(), Onward::End);
    }
}
