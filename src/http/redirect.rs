//! Redirects: which are followed, and what goes along.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};

use reqwest::Method;
use url::{Host, Url};

use super::access::Access;
use super::wire::Answer;
use super::{Error, Request, shown};

/// Redirects followed for one request.
pub(super) const MOST: usize = 10;

/// Headers of a caller that say nothing of who asks: they go along to another origin.
const HARMLESS: &[&str] = &[
    "accept",
    "accept-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];

/// One request on its way along redirects.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    /// What the caller asked for.
    first: Url,
}

impl Hop {
    pub(super) fn first(request: &Request) -> Hop {
        Hop {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            first: request.url.clone(),
        }
    }

    /// Whether anything in this request tells who asks.
    fn is_confidential(&self, access: &Access) -> bool {
        access.cover(&self.url)
            || self.url.password().is_some()
            || self.headers.iter().any(|(name, _)| !is_harmless(name))
    }
}

fn is_harmless(name: &str) -> bool {
    HARMLESS.iter().any(|harmless| name.eq_ignore_ascii_case(harmless))
}

/// The next hop, or `None` where the answer is no redirect.
///
/// # Errors
/// [`Error::Redirect`] where it must not be followed.
pub(super) fn next(hop: &Hop, answer: &Answer, access: &Access) -> Result<Option<Hop>, Error> {
    let location = answer.headers().get("location").and_then(|l| std::str::from_utf8(l.as_bytes()).ok());
    match (answer.status(), location) {
        (301 | 302 | 303 | 307 | 308, Some(location)) => {
            follow(hop, answer.status(), location, access).map(Some)
        }
        _ => Ok(None),
    }
}

fn follow(hop: &Hop, status: u16, location: &str, access: &Access) -> Result<Hop, Error> {
    let refuse = |to: String, why: &str| Error::Redirect { url: shown(&hop.url), to, why: why.to_owned() };
    let mut to = hop.url.join(location).map_err(|_| refuse("…".into(), "its target is no URL"))?;
    let refuse = |why: &str| refuse(shown(&to), why);
    if !matches!(to.scheme(), "http" | "https") {
        return Err(refuse("only http and https are followed"));
    }
    if hop.url.scheme() == "https" && to.scheme() == "http" && hop.is_confidential(access) {
        return Err(refuse("it leads from https to plain http, and the request carries credentials"));
    }
    let same_origin = to.origin() == hop.url.origin();
    if !same_origin && is_inside(&to) && !is_inside(&hop.first) {
        return Err(refuse("it leads from a public server to a private address"));
    }
    // 303 means: the answer is over there. All others mean: the request belongs over there.
    let (method, body) = match status {
        303 if hop.method != Method::HEAD => (Method::GET, None),
        _ => (hop.method.clone(), hop.body.clone()),
    };
    let upgrade = hop.url.scheme() == "http" && to.scheme() == "https" && hop.url.host() == to.host();
    if body.is_some() && !same_origin && !upgrade {
        return Err(refuse(
            "a request body is not sent to another server; configure that URL if it is right",
        ));
    }
    let mut headers = hop.headers.clone();
    if !same_origin {
        headers.retain(|(name, _)| is_harmless(name));
        let _ = to.set_username("");
        let _ = to.set_password(None);
    }
    Ok(Hop { method, url: to, headers, body, first: hop.first.clone() })
}

/// Whether what stands at `from`, on a public server, names a private address.
pub fn leads_inside(from: &Url, to: &Url) -> bool {
    !is_inside(from) && is_inside(to)
}

/// Whether a URL leads to this machine or its private network. A name that cannot be resolved here (behind a
/// proxy) is taken for a public one.
fn is_inside(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => is_private(ip.into()),
        Some(Host::Ipv6(ip)) => is_private(ip.into()),
        Some(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => true,
        Some(Host::Domain(name)) => (name, url.port_or_known_default().unwrap_or(443))
            .to_socket_addrs()
            .is_ok_and(|mut addresses| addresses.any(|address| is_private(address.ip()))),
        None => true,
    }
}

fn is_private(ip: IpAddr) -> bool {
    let v4 = |ip: Ipv4Addr| {
        let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
        ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || shared
    };
    match ip {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.to_ipv4_mapped().is_some_and(v4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Credential, Grant, Secret};

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn hop(from: &str) -> Hop {
        Hop::first(&Request::get(url(from)))
    }

    fn none() -> Access {
        Access::new(Vec::new(), Vec::new())
    }

    #[test]
    fn private_addresses_are_known() {
        for inside in [
            "http://127.0.0.1/",
            "http://10.1.2.3/",
            "http://192.168.0.1/",
            "http://169.254.169.254/latest",
            "http://100.64.0.1/",
            "http://[::1]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://localhost/",
            "http://0.0.0.0/",
        ] {
            assert!(is_inside(&url(inside)), "{inside}");
        }
        for outside in ["http://8.8.8.8/", "http://[2001:db8::1]/", "http://100.128.0.1/"] {
            assert!(!is_inside(&url(outside)), "{outside}");
        }
    }

    #[test]
    fn a_public_server_may_not_lead_inside() {
        let error = follow(&hop("https://8.8.8.8/"), 302, "http://169.254.169.254/x", &none()).unwrap_err();
        assert!(error.to_string().contains("private address"), "{error}");
        assert!(follow(&hop("http://127.0.0.1:1/"), 302, "http://127.0.0.1:2/x", &none()).is_ok());
        assert!(follow(&hop("http://127.0.0.1/"), 302, "file:///etc/passwd", &none()).is_err());
        assert!(leads_inside(&url("https://8.8.8.8/"), &url("http://10.0.0.1/sign")));
        assert!(!leads_inside(&url("http://127.0.0.1:1/"), &url("http://127.0.0.1:2/sign")));
    }

    #[test]
    fn headers_of_the_caller_stay_with_the_origin() {
        let mut from = hop("https://8.8.8.8/a");
        from.headers = vec![("X-Api-Key".into(), "k".into()), ("Range".into(), "bytes=0-1".into())];
        let other = follow(&from, 302, "https://8.8.4.4/b", &none()).unwrap();
        assert_eq!(other.headers, [("Range".to_owned(), "bytes=0-1".to_owned())]);
        let same = follow(&from, 307, "/b?c", &none()).unwrap();
        assert_eq!(same.headers.len(), 2);
        assert_eq!(same.url.as_str(), "https://8.8.8.8/b?c");
    }

    #[test]
    fn no_downgrade_with_credentials() {
        let grant = Grant {
            scope: url("https://8.8.8.8/").origin().into(),
            credential: Credential::Bearer(Secret::new("token")),
        };
        let grants = Access::new(vec![grant], Vec::new());
        assert!(follow(&hop("https://8.8.8.8/a"), 302, "http://8.8.8.8/a", &grants).is_err());
        assert!(follow(&hop("https://8.8.8.8/a"), 302, "http://8.8.8.8/a", &none()).is_ok());
    }

    #[test]
    fn a_body_stays_with_its_server() {
        let mut post = hop("http://8.8.8.8/search");
        (post.method, post.body) = (Method::POST, Some(b"{}".to_vec()));
        assert!(follow(&post, 307, "https://8.8.4.4/search", &none()).is_err());
        let slash = follow(&post, 301, "/search/", &none()).unwrap();
        assert_eq!((slash.method, slash.body.as_deref()), (Method::POST, Some(&b"{}"[..])));
        let upgraded = follow(&post, 308, "https://8.8.8.8/search", &none()).unwrap();
        assert!(upgraded.body.is_some());
        let elsewhere = follow(&post, 303, "https://8.8.4.4/result", &none()).unwrap();
        assert_eq!((elsewhere.method, elsewhere.body), (Method::GET, None));
    }

    #[test]
    fn refusals_show_no_secret() {
        let error = follow(&hop("https://8.8.8.8/?token=abc"), 302, "ftp://h/?sig=abc", &none()).unwrap_err();
        assert!(!error.to_string().contains("abc"), "{error}");
    }
}
