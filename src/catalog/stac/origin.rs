//! Where the bytes of an asset come from: its href, else its alternates.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};
use url::Url;

use super::border::Border;
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
    border: Arc<Border>,
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

/// What an asset's hrefs are read with.
pub(super) struct Reading<'a> {
    /// The item it belongs to.
    pub(super) item: &'a Item,
    /// The item's own URL, where it is known.
    pub(super) base: Option<&'a Url>,
    /// How far the source may lead.
    pub(super) border: &'a Arc<Border>,
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
        let (border, desk) = (Arc::clone(self.border), Arc::clone(self.desk));
        Some(HttpOrigin { identity, places, at: AtomicUsize::new(0), is_page, border, desk })
    }

    /// The places that an href of an asset or of its alternate leads to: the URL itself, at each store that is named
    /// for it, and one that is signed where the catalogue says so. With a credential for the URL's own origin, it is
    /// tried as it stands first.
    fn places(&self, href: &str, object: &Map<String, Value>, asset: &Asset) -> Vec<Place> {
        let wanted = storage::wanted(object, self.item);
        let place =
            |target, requester_pays| Place { target, requester_pays, wanted: wanted.clone(), signing: None };
        let Some(resolved) = href::resolve(href, self.base) else {
            let why = format!("{href} is relative, and nothing says to what");
            return vec![place(Target::Nowhere(why), false)];
        };
        let mut plain: Vec<Place> = Vec::new();
        for storage in Storage::all(object, self.item, resolved.scheme()) {
            let target = href::target(&resolved, asset, &storage, self.s3_url);
            let pays = storage.requester_pays;
            if !plain.iter().any(|known| known.target == target && known.requester_pays == pays) {
                plain.push(place(target, pays));
            }
        }
        let Some(url) = plain.iter().find_map(Place::url).cloned() else { return plain };
        let mut found = storage::schemes(object, self.item)
            .filter_map(|scheme| Signing::of(scheme, &resolved).transpose());
        match found.next() {
            None => plain,
            // What cannot be signed may yet be open.
            Some(Err(why)) => {
                tracing::info!(href, why, "cannot be signed");
                plain
            }
            Some(Ok(signing)) => {
                plain.retain(|place| place.url().is_some_and(self.has_credential));
                // Whoever signs pays.
                plain.push(Place { signing: Some(signing), ..place(Target::Url(url), false) });
                plain
            }
        }
    }
}

impl Place {
    /// The URL to ask, where there is one.
    fn url(&self) -> Option<&Url> {
        match &self.target {
            Target::Url(url) => Some(url),
            Target::Nowhere(_) => None,
        }
    }
}

impl HttpOrigin {
    /// The first place from `from` on that has a URL.
    fn usable(&self, from: usize) -> Option<(usize, &Url)> {
        let mut rest = self.places.iter().enumerate().skip(from);
        rest.find_map(|(at, place)| Some((at, place.url()?)))
    }

    /// Where the bytes at a place, which has this URL, are to be had now.
    fn location(&self, place: &Place, url: &Url) -> Result<Location, Error> {
        let signed = match &place.signing {
            None => Signed { url: url.clone(), expires: None },
            Some(signing) => signing.sign(&self.desk).map_err(|error| self.not_signed(error))?,
        };
        self.border
            .check(&signed.url)
            .map_err(|error| Error::Denied { identity: self.identity.clone(), why: error.to_string() })?;
        let payer = || ("x-amz-request-payer".to_owned(), "requester".to_owned());
        let headers = place.requester_pays.then(payer).into_iter().collect();
        Ok(Location { url: signed.url, headers, expires: signed.expires })
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
        let mut refused = None;
        while let Some((at, url)) = self.usable(from) {
            if let Some(trouble) = trouble {
                tracing::info!(identity = self.identity, url = shown(url), ?trouble, "trying another place");
            }
            match self.location(&self.places[at], url) {
                Ok(location) => {
                    self.at.store(at, Ordering::Relaxed);
                    return Ok(location);
                }
                Err(error) => {
                    refused.get_or_insert(error);
                    from = at + 1;
                }
            }
        }
        // The next reader begins anew: what failed may be well again.
        self.at.store(0, Ordering::Relaxed);
        Err(refused.unwrap_or_else(|| self.exhausted(trouble)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::S3Object;
    use serde_json::json;

    /// The origin of an asset of a source at `own`.
    fn origin_of(own: &str, fields: serde_json::Value) -> HttpOrigin {
        let asset = Asset { key: "a".into(), fields: fields.as_object().unwrap().clone() };
        let base = Url::parse("https://h.example/c/i/item.json").unwrap();
        reading(Some(&base), own, &asset).unwrap()
    }

    fn origin(fields: serde_json::Value) -> HttpOrigin {
        origin_of("http://127.0.0.1/catalog.json", fields)
    }

    fn reading(base: Option<&Url>, own: &str, asset: &Asset) -> Option<HttpOrigin> {
        let border = Arc::new(Border::new(own.parse().unwrap(), false));
        let item = json!({ "type": "Feature", "id": "i", "properties": {
            "auth:schemes": { "token": { "type": "http", "scheme": "bearer" } },
            "storage:schemes": {
                "azure": { "type": "ms-azure", "account": "a" },
                "far": { "type": "custom-s3", "platform": "https://far.example" },
                "aws": { "type": "aws-s3", "region": "us-west-2", "requester_pays": true },
            },
        }});
        let item = Item::from_json(&item.to_string()).unwrap();
        let s3_url = |object: &S3Object| {
            let host = object.endpoint.as_ref().and_then(Url::host_str).unwrap_or("s3.example");
            Url::parse(&format!("https://{}.{host}/{}", object.bucket, object.key)).map_err(|e| e.to_string())
        };
        let desk: Desk = Arc::new(|_| panic!("nothing here is signed"));
        let border = &border;
        Reading { item: &item, base, border, s3_url: &s3_url, desk: &desk, has_credential: &|_| false }
            .origin(asset)
    }

    #[test]
    fn alternates_follow_a_place_that_fails() {
        let origin = origin(
            json!({ "href": "x.tif", "alternate": { "odd": { "href": "magnet:x" }, "s3": { "href": "s3://b/x.tif" } } }),
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
        let is_page = |fields| origin(fields).is_web_page();
        assert!(is_page(json!({ "href": "viewer", "type": "Text/HTML; charset=utf-8" })));
        assert!(is_page(json!({ "href": "viewer.html" })));
        assert!(!is_page(json!({ "href": "x.tif", "type": "image/tiff" })));
        assert!(!is_page(json!({ "href": "x" })));
    }

    #[test]
    fn what_cannot_be_asked_says_why() {
        let error = origin(json!({ "href": "ftp://h/x" })).locate(None).err().unwrap();
        assert!(error.to_string().contains("ftp"), "{error}");
        let trap = origin(json!({ "href": "file:///etc/passwd" })).locate(None).err().unwrap();
        assert!(matches!(trap, Error::Denied { .. }));
        let local = origin_of("file:///data/items.json", json!({ "href": "file:///data/x" }));
        assert!(local.locate(None).is_ok());
        let inside = origin_of("https://8.8.8.8/", json!({ "href": "http://127.0.0.1/x" }));
        let error = inside.locate(None).err().unwrap();
        assert!(error.to_string().contains("private address"), "{error}");
        let wants = origin(json!({ "href": "s3://b/k", "auth:refs": ["token"] }));
        let error = wants.locate(Some(&Trouble::Refused("AccessDenied".into()))).err().unwrap();
        assert!(error.to_string().contains("a bearer token (token)"), "{error}");
    }

    #[test]
    fn who_pays_says_so() {
        let pays = origin(json!({ "href": "s3://b/k", "storage:requester_pays": true }));
        let headers = pays.locate(None).unwrap().headers;
        assert_eq!(headers, [("x-amz-request-payer".to_owned(), "requester".to_owned())]);
        assert!(origin(json!({ "href": "s3://b/k" })).locate(None).unwrap().headers.is_empty());
    }

    #[test]
    fn a_store_that_fails_is_followed_by_the_next() {
        let all = origin(json!({ "href": "s3://b/k", "storage:refs": ["azure", "far", "aws"] }));
        assert_eq!(all.locate(None).unwrap().url.as_str(), "https://b.far.example/k");
        let next = all.locate(Some(&Trouble::Gone("404".into()))).unwrap();
        assert_eq!((next.url.as_str(), next.headers.len()), ("https://b.s3.example/k", 1));
        assert!(all.locate(Some(&Trouble::Refused("403".into()))).is_err());
    }

    #[test]
    fn an_asset_without_an_href_has_no_origin() {
        let asset = Asset { key: "a".into(), fields: serde_json::Map::new() };
        assert!(reading(None, "http://127.0.0.1/", &asset).is_none());
    }
}
