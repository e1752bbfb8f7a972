//! Session cookies, as Earthdata's servers set them in the middle of their log-in.
//!
//! Each goes back to exactly the origin that set it, whatever its `Domain` says, and none outlives the process:
//! that is all a log-in needs, and less than a browser gives away.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use reqwest::header::{HeaderMap, HeaderValue};
use url::{Origin, Url};

use crate::report::lock;

/// A server that sets more than this forgets the first.
const MOST: usize = 32;

/// Cookies by origin and name.
#[derive(Default)]
pub(super) struct Cookies(Mutex<HashMap<Origin, BTreeMap<String, String>>>);

impl Cookies {
    /// Whether any is kept for this origin.
    pub(super) fn cover(&self, url: &Url) -> bool {
        lock(&self.0).contains_key(&url.origin())
    }

    /// Puts an origin's cookies on a request to it.
    pub(super) fn attach(&self, url: &Url, headers: &mut HeaderMap) {
        let kept = lock(&self.0);
        let Some(cookies) = kept.get(&url.origin()) else { return };
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if let Ok(mut value) = HeaderValue::from_str(&pairs.join("; ")) {
            value.set_sensitive(true);
            headers.entry("cookie").or_insert(value);
        }
    }

    /// Keeps what an answer from `url` sets, and drops what it takes back.
    pub(super) fn keep(&self, url: &Url, headers: &HeaderMap) {
        let set = headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let mut kept = lock(&self.0);
        for line in set {
            let mut parts = line.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let ended = parts.filter_map(|part| part.split_once('=')).any(|(key, value)| {
                key.eq_ignore_ascii_case("max-age") && value.parse::<i64>().is_ok_and(|age| age <= 0)
                    || key.eq_ignore_ascii_case("expires") && value.contains(" 1970 ")
            });
            let cookies = kept.entry(url.origin()).or_default();
            match ended || value.is_empty() {
                true => drop(cookies.remove(name)),
                false => drop(cookies.insert(name.to_owned(), value.to_owned())),
            }
            while cookies.len() > MOST {
                cookies.pop_first();
            }
        }
        kept.retain(|_, cookies| !cookies.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_goes_back_to_its_origin_until_it_is_taken_back() {
        let url = |text: &str| Url::parse(text).unwrap();
        let cookies = Cookies::default();
        let set = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.append("set-cookie", HeaderValue::from_str(line).unwrap());
            cookies.keep(&url("https://d.example/login"), &headers);
        };
        let sent = |to: &str| {
            let mut headers = HeaderMap::new();
            cookies.attach(&url(to), &mut headers);
            headers.get("cookie").map(|value| value.to_str().unwrap().to_owned())
        };
        set("session=a=b; Path=/; Domain=.example; HttpOnly");
        set("other=2; Max-Age=60");
        assert_eq!(sent("https://d.example/x").as_deref(), Some("other=2; session=a=b"));
        for elsewhere in ["https://e.example/", "http://d.example/", "https://d.example:8/"] {
            assert_eq!(sent(elsewhere), None, "{elsewhere}");
        }
        set("other=; Max-Age=0");
        set("session=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert!(!cookies.cover(&url("https://d.example/")));
    }
}
