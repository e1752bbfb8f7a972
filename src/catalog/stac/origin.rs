//! Where the bytes of an asset come from: its href, else its alternates.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};
use url::Url;

use super::href::{self, S3Url, Target};
use super::signing::{Desk, Signed, Signing};
use super::storage::{self, Storage};
use crate::content::{Error, Location, Origin, Trouble, names_web_page};
use crate::http::{self, shown};
use crate::item::{Asset, Item};

/// An asset at plain URLs. The alternate-assets extension says that alternates hold the same bytes, so a
/// place that fails is followed by the next.
pub(super) struct HttpOrigin {
    identity: String,
    places: Vec<Place>,
    /// The place in use.
    at: AtomicUsize,
    /// Whether its catalogue says that it is a web page.
    is_page: bool,
    /// Whom those are asked through that sign URLs.
    desk: Desk,
}

/// One of an asset's places.
struct Place {
    target: Target,
    /// Whether the owner of the data wants its readers to pay.
    requester_pays: bool,
    /// What it wants, as its catalogue says.
    wanted: Option<String>,
    /// Who signs its URL, where somebody must.
    signing: Option<Signing>,
}

/// Whether a source may point at files of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    /// It is itself a file here.
    Allowed,
    /// It came over the network: `file:` hrefs are somebody else's files, or a trap.
    Refused,
}

/// What an asset's hrefs are read with.
pub(super) struct Reading<'a> {
    /// The item it belongs to.
    pub(super) item: &'a Item,
    /// The item's own URL, where it is known.
    pub(super) base: Option<&'a Url>,
    pub(super) files: Files,
    /// Where objects of S3 are to be asked for.
    pub(super) s3_url: &'a S3Url<'a>,
    /// Whom those are asked through that sign URLs.
    pub(super) desk: &'a Desk,
    /// Whether a credential is configured for a URL's origin.
    pub(super) has_credential: &'a dyn Fn(&Url) -> bool,
}

impl Reading<'_> {
    /// The origin of an asset. `None` without an href.
    pub(super) fn origin(&self, asset: &Asset) -> Option<HttpOrigin> {
        let href = asset.href()?;
        let alternates = asset.fields.get("alternate").and_then(Value::as_object);
        let objects = alternates.into_iter().flat_map(Map::values).filter_map(Value::as_object);
        let others = objects.filter_map(|object| Some((object.get("href")?.as_str()?, object)));
        let all = std::iter::once((href, &asset.fields)).chain(others);
        let places = all.flat_map(|(href, object)| self.places(href, object, asset)).collect();
        let resolved = href::resolve(href, self.base);
        let identity = resolved.map_or_else(|| href.to_owned(), |url| href::identity(&url));
        let page = ["text/html", "application/xhtml+xml"];
        let is_page = asset.media_type().is_some_and(|kind| page.iter().any(|page| is_kind(kind, page)));
        let desk = Arc::clone(self.desk);
        Some(HttpOrigin { identity, places, at: AtomicUsize::new(0), is_page, desk })
    }

    /// The places that an href of an asset or of its alternate leads to: the URL itself, and one that is signed
    /// where the catalogue says so. With a credential for the URL's own origin, it is tried as it stands first.
    fn places(&self, href: &str, object: &Map<String, Value>, asset: &Asset) -> Vec<Place> {
        let storage = Storage::of(object, self.item);
        let resolved = href::resolve(href, self.base);
        let target = match &resolved {
            Some(url) if url.scheme() == "file" && self.files == Files::Refused => {
                Target::Nowhere(format!("{href} would be a file of this machine, named by a server"))
            }
            Some(url) => href::target(url, asset, &storage, self.s3_url),
            None => Target::Nowhere(format!("{href} is relative, and nothing says to what")),
        };
        let wanted = storage::wanted(object, self.item);
        let plain = |target| Place {
            target,
            requester_pays: storage.requester_pays,
            wanted: wanted.clone(),
            signing: None,
        };
        let Target::Url(url) = &target else { return vec![plain(target)] };
        let mut found = storage::schemes(object, self.item)
            .filter_map(|scheme| Signing::of(scheme, resolved.as_ref().unwrap_or(url)).transpose());
        match found.next() {
            None => vec![plain(target)],
            // What cannot be signed may yet be open.
            Some(Err(why)) => {
                tracing::info!(href, why, "cannot be signed");
                vec![plain(target)]
            }
            Some(Ok(signing)) => {
                let before = (self.has_credential)(url).then(|| plain(target.clone()));
                // Whoever signs pays.
                let signed = Place { requester_pays: false, signing: Some(signing), ..plain(target) };
                before.into_iter().chain([signed]).collect()
            }
        }
    }
}

impl Place {
    /// Where its bytes are to be had now.
    fn location(&self, url: &Url, desk: &Desk) -> Result<Location, http::Error> {
        let payer = || ("x-amz-request-payer".to_owned(), "requester".to_owned());
        let headers = self.requester_pays.then(payer).into_iter().collect();
        match &self.signing {
            None => Ok(Location { url: url.clone(), headers, expires: None }),
            Some(signing) => {
                let Signed { url, expires } = signing.sign(desk)?;
                Ok(Location { url, headers, expires })
            }
        }
    }
}

impl HttpOrigin {
    /// The first usable place from `from` on.
    fn usable(&self, from: usize) -> Option<(usize, &Url)> {
        let rest = self.places.iter().enumerate().skip(from);
        rest.filter_map(|(at, place)| match &place.target {
            Target::Url(url) => Some((at, url)),
            Target::Nowhere(_) => None,
        })
        .next()
    }

    /// What it means that no place is left.
    fn exhausted(&self, trouble: Option<&Trouble>) -> Error {
        let identity = self.identity.clone();
        let Some(trouble) = trouble else {
            let reasons = self.places.iter().filter_map(|place| match &place.target {
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

    /// What it means that nobody signs its URL.
    fn not_signed(&self, error: http::Error) -> Error {
        match error.errno() {
            libc::EACCES => Error::Denied {
                identity: self.identity.clone(),
                why: format!("its URL must be signed, which is refused: {error}"),
            },
            _ => Error::Http(error),
        }
    }

    /// The words of a refusal, and what the catalogue says that the place wants.
    fn denied(&self, words: &str) -> String {
        match self.places.iter().find_map(|place| place.wanted.as_ref()) {
            Some(wanted) => format!("{words}; {wanted}"),
            None => words.to_owned(),
        }
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
        let signing = self.places.get(at).and_then(|place| place.signing.as_ref());
        // A signature may only have come to its end.
        let again = matches!(trouble, Some(Trouble::Refused(_))) && signing.is_some_and(Signing::may_help);
        let mut from = if trouble.is_some() && !again { at + 1 } else { at };
        let mut unsigned = None;
        while let Some((at, url)) = self.usable(from) {
            if let Some(trouble) = trouble {
                tracing::info!(identity = self.identity, url = shown(url), ?trouble, "trying another place");
            }
            match self.places[at].location(url, &self.desk) {
                Ok(location) => {
                    self.at.store(at, Ordering::Relaxed);
                    return Ok(location);
                }
                Err(error) => {
                    unsigned.get_or_insert(error);
                    from = at + 1;
                }
            }
        }
        // The next reader begins anew: what failed may be well again.
        self.at.store(0, Ordering::Relaxed);
        Err(match unsigned {
            Some(error) => self.not_signed(error),
            None => self.exhausted(trouble),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::S3Object;
    use serde_json::json;

    fn origin(fields: serde_json::Value, files: Files) -> HttpOrigin {
        let asset = Asset { key: "a".into(), fields: fields.as_object().unwrap().clone() };
        let base = Url::parse("https://h.example/c/i/item.json").unwrap();
        reading(Some(&base), files, &asset).unwrap()
    }

    fn reading(base: Option<&Url>, files: Files, asset: &Asset) -> Option<HttpOrigin> {
        let item = json!({ "type": "Feature", "id": "i", "properties": {
            "auth:schemes": { "token": { "type": "http", "scheme": "bearer" } },
        }});
        let item = Item::from_json(&item.to_string()).unwrap();
        let s3_url = |object: &S3Object| {
            Url::parse(&format!("https://{}.s3.example/{}", object.bucket, object.key))
                .map_err(|e| e.to_string())
        };
        let desk: Desk = Arc::new(|_| panic!("nothing here is signed"));
        Reading { item: &item, base, files, s3_url: &s3_url, desk: &desk, has_credential: &|_| false }
            .origin(asset)
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
        assert_eq!(next.url.as_str(), "https://b.s3.example/x.tif");
        assert_eq!(origin.locate(None).unwrap().url, next.url);
        let end = origin.locate(Some(&Trouble::Refused("403 Forbidden".into()))).unwrap_err();
        assert!(end.to_string().contains("403 Forbidden"), "{end}");
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
        let wants = origin(json!({ "href": "s3://b/k", "auth:refs": ["token"] }), Files::Refused);
        let error = wants.locate(Some(&Trouble::Refused("AccessDenied".into()))).err().unwrap();
        assert!(error.to_string().contains("a bearer token (token)"), "{error}");
    }

    #[test]
    fn who_pays_says_so() {
        let pays = origin(json!({ "href": "s3://b/k", "storage:requester_pays": true }), Files::Refused);
        let headers = pays.locate(None).unwrap().headers;
        assert_eq!(headers, [("x-amz-request-payer".to_owned(), "requester".to_owned())]);
        assert!(
            origin(json!({ "href": "s3://b/k" }), Files::Refused).locate(None).unwrap().headers.is_empty()
        );
    }

    #[test]
    fn an_asset_without_an_href_has_no_origin() {
        let asset = Asset { key: "a".into(), fields: serde_json::Map::new() };
        assert!(reading(None, Files::Refused, &asset).is_none());
    }
}
