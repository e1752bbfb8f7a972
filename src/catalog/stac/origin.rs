//! Where the bytes of an asset come from: its href, else its alternates.

use std::sync::atomic::{AtomicUsize, Ordering};

use url::Url;

use super::href::{self, Target};
use crate::content::{Error, Location, Origin, Trouble, names_web_page};
use crate::http::shown;
use crate::item::Asset;

/// An asset at plain URLs. The alternate-assets extension says that alternates hold the same bytes, so a
/// place that fails is followed by the next.
pub(super) struct HttpOrigin {
    identity: String,
    places: Vec<Target>,
    /// The place in use.
    at: AtomicUsize,
    /// Whether the owner of the data wants its readers to pay.
    requester_pays: bool,
    /// Whether its catalogue says that it is a web page.
    is_page: bool,
}

/// Whether a source may point at files of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    /// It is itself a file here.
    Allowed,
    /// It came over the network: `file:` hrefs are somebody else's files, or a trap.
    Refused,
}

impl HttpOrigin {
    /// An origin for an asset of an item whose own URL is known, or is not. `None` without an href.
    pub(super) fn of(asset: &Asset, item: Option<&Url>, files: Files) -> Option<HttpOrigin> {
        let href = asset.href()?;
        let alternates = asset.alternates().into_iter().map(|(_, href)| href);
        let place = |href: &str| match href::resolve(href, item) {
            Some(url) if url.scheme() == "file" && files == Files::Refused => {
                Target::Nowhere(format!("{href} would be a file of this machine, named by a server"))
            }
            Some(url) => href::target(&url, asset),
            None => Target::Nowhere(format!("{href} is relative, and nothing says to what")),
        };
        let places: Vec<Target> = std::iter::once(href).chain(alternates).map(place).collect();
        let identity = href::resolve(href, item).map_or_else(|| href.to_owned(), |url| href::identity(&url));
        let pays = asset.fields.get("storage:requester_pays");
        let requester_pays = pays.and_then(serde_json::Value::as_bool).unwrap_or(false);
        let page = ["text/html", "application/xhtml+xml"];
        let is_page = asset.media_type().is_some_and(|kind| page.iter().any(|page| is_kind(kind, page)));
        Some(HttpOrigin { identity, places, at: AtomicUsize::new(0), requester_pays, is_page })
    }

    /// The first usable place from `from` on.
    fn usable(&self, from: usize) -> Option<(usize, &Url)> {
        let rest = self.places.iter().enumerate().skip(from);
        rest.filter_map(|(at, place)| match place {
            Target::Url(url) => Some((at, url)),
            Target::Nowhere(_) => None,
        })
        .next()
    }

    /// What it means that no place is left.
    fn exhausted(&self, trouble: Option<&Trouble>) -> Error {
        let identity = self.identity.clone();
        let Some(trouble) = trouble else {
            let reasons = self.places.iter().filter_map(|place| match place {
                Target::Nowhere(why) => Some(why.as_str()),
                Target::Url(_) => None,
            });
            return Error::Denied { identity, why: reasons.collect::<Vec<_>>().join("; ") };
        };
        match trouble {
            Trouble::Refused(words) => Error::Denied { identity, why: self.denied(words) },
            Trouble::Gone(_) => Error::Missing { identity, status: 404 },
            Trouble::Failed(error) => Error::Http(error.clone()),
        }
    }

    fn denied(&self, words: &str) -> String {
        if self.requester_pays {
            return format!("{words}; its owner wants readers to pay, and that needs AWS credentials");
        }
        let host = self.usable(0).and_then(|(_, url)| url.host_str()).unwrap_or("its host");
        format!(
            "{words}; if {host} needs a login, add a [credential NAME] section for it to the configuration"
        )
    }
}

/// Whether a media type is of this kind, whatever its parameters.
fn is_kind(media_type: &str, kind: &str) -> bool {
    media_type.split(';').next().is_some_and(|found| found.trim().eq_ignore_ascii_case(kind))
}

impl Origin for HttpOrigin {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn is_web_page(&self) -> bool {
        self.is_page || names_web_page(&self.identity)
    }

    fn locate(&self, trouble: Option<&Trouble>) -> Result<Location, Error> {
        let at = self.at.load(Ordering::Relaxed);
        let from = if trouble.is_some() { at + 1 } else { at };
        match self.usable(from) {
            Some((at, url)) => {
                if let Some(trouble) = trouble {
                    tracing::info!(
                        identity = self.identity,
                        url = shown(url),
                        ?trouble,
                        "trying an alternate"
                    );
                }
                self.at.store(at, Ordering::Relaxed);
                Ok(Location { url: url.clone(), headers: Vec::new(), expires: None })
            }
            None => {
                // The next reader begins anew: what failed may be well again.
                self.at.store(0, Ordering::Relaxed);
                Err(self.exhausted(trouble))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn origin(fields: serde_json::Value, files: Files) -> HttpOrigin {
        let asset = Asset { key: "a".into(), fields: fields.as_object().unwrap().clone() };
        let item = Url::parse("https://h.example/c/i/item.json").unwrap();
        HttpOrigin::of(&asset, Some(&item), files).unwrap()
    }

    #[test]
    fn alternates_follow_a_place_that_fails() {
        let origin = origin(
            json!({ "href": "x.tif", "alternate": { "odd": { "href": "magnet:x" }, "s3": { "href": "s3://b/x.tif" } } }),
            Files::Refused,
        );
        assert_eq!(origin.identity(), "https://h.example/c/i/x.tif");
        assert_eq!(origin.locate(None).unwrap().url.as_str(), "https://h.example/c/i/x.tif");
        let next = origin.locate(Some(&Trouble::Refused("403".into()))).unwrap();
        assert_eq!(next.url.as_str(), "https://b.s3.amazonaws.com/x.tif");
        assert_eq!(origin.locate(None).unwrap().url, next.url);
        let end = origin.locate(Some(&Trouble::Refused("403 Forbidden".into()))).unwrap_err();
        assert!(
            end.to_string().contains("403 Forbidden") && end.to_string().contains("[credential"),
            "{end}"
        );
        assert_eq!(origin.locate(None).unwrap().url.as_str(), "https://h.example/c/i/x.tif");
    }

    #[test]
    fn a_page_is_known_by_its_declared_type_or_its_name() {
        let is_page = |fields| origin(fields, Files::Refused).is_web_page();
        assert!(is_page(json!({ "href": "viewer", "type": "Text/HTML; charset=utf-8" })));
        assert!(is_page(json!({ "href": "viewer.html" })));
        assert!(!is_page(json!({ "href": "x.tif", "type": "image/tiff" })));
        assert!(!is_page(json!({ "href": "x" })));
    }

    #[test]
    fn what_cannot_be_asked_says_why() {
        let error = origin(json!({ "href": "ftp://h/x" }), Files::Refused).locate(None).err().unwrap();
        assert!(error.to_string().contains("ftp"), "{error}");
        let trap =
            origin(json!({ "href": "file:///etc/passwd" }), Files::Refused).locate(None).err().unwrap();
        assert!(matches!(trap, Error::Denied { .. }));
        assert!(origin(json!({ "href": "file:///data/x" }), Files::Allowed).locate(None).is_ok());
        let pays = origin(json!({ "href": "s3://b/k", "storage:requester_pays": true }), Files::Refused);
        let error = pays.locate(Some(&Trouble::Refused("AccessDenied".into()))).err().unwrap();
        assert!(error.to_string().contains("pay"), "{error}");
    }

    #[test]
    fn an_asset_without_an_href_has_no_origin() {
        let asset = Asset { key: "a".into(), fields: serde_json::Map::new() };
        assert!(HttpOrigin::of(&asset, None, Files::Refused).is_none());
    }
}
