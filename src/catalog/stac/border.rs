//! How far a source's documents may lead: what a server names is not always the reader's to ask.

use std::collections::HashMap;
use std::sync::Mutex;

use url::{Origin, Url};

use crate::http::{self, shown};
use crate::report::lock;

/// Keeps a source that came over the network from files of this machine, and one from a public server from
/// private addresses.
pub(super) struct Border {
    /// Where the source is.
    own: Url,
    /// Whether no server may be asked, not even for a name: none is reached then, wherever it is.
    is_offline: bool,
    /// Whether a server leads inside: asked once of each.
    inside: Mutex<HashMap<Origin, bool>>,
}

impl Border {
    pub(super) fn new(own: Url, is_offline: bool) -> Border {
        Border { own, is_offline, inside: Mutex::default() }
    }

    /// Whether the source is itself a file of this machine, and may point at others.
    pub(super) fn is_here(&self) -> bool {
        self.own.scheme() == "file"
    }

    /// Whether a URL that the source names may be asked.
    ///
    /// # Errors
    /// [`http::Error::Denied`] where not.
    pub(super) fn check(&self, url: &Url) -> Result<(), http::Error> {
        let why = match url.scheme() {
            "file" if !self.is_here() => "a server named this file of this machine; it is not read",
            "http" | "https" if self.leads_inside(url) => {
                "a public server names this private address; it is not asked"
            }
            _ => return Ok(()),
        };
        Err(http::Error::Denied { url: shown(url), why: why.to_owned() })
    }

    fn leads_inside(&self, url: &Url) -> bool {
        let origin = url.origin();
        if self.is_offline || self.is_here() || origin == self.own.origin() {
            return false;
        }
        if let Some(known) = lock(&self.inside).get(&origin) {
            return *known;
        }
        // A name is looked up for it: nobody else waits for that.
        let inside = http::leads_inside(&self.own, url);
        lock(&self.inside).insert(origin, inside);
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_source_leads_to_no_private_address() {
        let may = |own: &str, url: &str| {
            Border::new(own.parse().unwrap(), false).check(&url.parse().unwrap()).is_ok()
        };
        let public = "https://8.8.8.8/catalog.json";
        assert!(may(public, "https://8.8.8.8/item.json") && may(public, "https://9.9.9.9/item.json"));
        for inside in ["http://127.0.0.1:80/x", "http://10.1.2.3/x", "http://[::1]/x", "file:///etc/passwd"] {
            assert!(!may(public, inside), "{inside}");
        }
        assert!(may("http://10.0.0.1/catalog.json", "http://127.0.0.1/x"), "the source is inside itself");
        assert!(may("file:///a/catalog.json", "http://10.1.2.3/x") && may("file:///a/b.json", "file:///c"));
    }
}
