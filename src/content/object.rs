//! Objects: what can be read, and where from.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use url::Url;

use super::Error;
use crate::http;
use crate::item::Checksum;

/// Something with bytes: an asset, an archive, a browse image.
#[derive(Clone)]
pub struct Object {
    /// Where its bytes are to be had; its identity.
    pub origin: Arc<dyn Origin>,
    /// The size the catalogue declares (`file:size`, `filesize`), in bytes: the first rung of the ladder.
    pub declared_size: Option<u64>,
    /// The checksum the catalogue declares; verified once all bytes are here.
    pub checksum: Option<Checksum>,
}

/// Where an object's next range is to be had.
///
/// A trait because real origins differ in what a URL is: a plain href for ever, a signed one for minutes,
/// one of several mirrors, a product that must be requested and staged first.
pub trait Origin: Send + Sync {
    /// The object's identity across searches, mounts and signatures: the canonical href, without query
    /// secrets. Two items that share an href share it, and so the bytes on disk. It names no credential.
    fn identity(&self) -> &str;

    /// Where to send the next range request. May make requests (a token, staging), so only workers call it.
    /// After a failure it is called again with what went wrong, and may renew, move on to an alternate, or
    /// give up with words.
    fn locate(&self, trouble: Option<&Trouble>) -> Result<Location, Error>;

    /// Whether it is itself a web page. Any other object that comes as one is a login page in its place.
    fn is_web_page(&self) -> bool {
        names_web_page(self.identity())
    }

    /// Whether it is a product made to order: locating it may make its server work (a download is requested,
    /// counted, prepared), and it does not change under its name. Then nothing is asked when it is opened, only
    /// when bytes are read, and what its catalogue declares, or a first look found, is taken for true.
    fn is_staged(&self) -> bool {
        false
    }
}

/// Whether an object is a web page, by its name.
pub fn names_web_page(identity: &str) -> bool {
    let path = identity.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    [".html", ".htm", ".xhtml"].iter().any(|ending| path.ends_with(ending))
}

/// A place to send a range request to.
#[derive(Debug, Clone)]
pub struct Location {
    /// The URL, signature included. Shown to nobody.
    pub url: Url,
    /// Extra headers (payer, version, authorisation made by a signer).
    pub headers: Vec<(String, String)>,
    /// When the URL stops working, where that is known.
    pub expires: Option<Instant>,
}

/// What went wrong with a [`Location`].
#[derive(Debug, Clone)]
pub enum Trouble {
    /// 401, 403, or a login page: expired, or never allowed.
    Refused(String),
    /// 404 or 410.
    Gone(String),
    /// Unreachable, broken, silent, 5xx, not what was asked for; retries are used up.
    Failed(http::Error),
}

/// What is known of one version of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Size in bytes.
    pub size: u64,
    /// The entity tag, as the server wrote it.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub modified: Option<Timestamp>,
}
