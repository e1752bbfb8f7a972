//! An archive, or its checksum, as an object that can be read at any place.

use url::Url;

use super::fetch::published;
use super::{Error, Espa};
use crate::content::{self, Location, Origin, Trouble};
use crate::http::shown;
use crate::item::Checksum;

/// Multihash's code of MD5.
const MD5: u64 = 0xd5;

/// Where a product of an order is. Its URL is good until the order is purged, and wants no login.
pub struct Archive {
    url: Url,
    identity: String,
}

impl Archive {
    /// The product at a URL.
    pub fn new(url: Url) -> Archive {
        Archive { identity: shown(&url), url }
    }
}

impl Origin for Archive {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn locate(&self, trouble: Option<&Trouble>) -> Result<Location, content::Error> {
        let denied = |why: String| content::Error::Denied { identity: self.identity.clone(), why };
        match trouble {
            Some(Trouble::Gone(words)) => Err(content::Error::Gone {
                identity: self.identity.clone(),
                why: format!("{words}; the order may be purged, see its status; order the scene again"),
            }),
            Some(Trouble::Refused(words)) => Err(denied(words.clone())),
            Some(Trouble::Failed(error)) => Err(error.clone().into()),
            None => Ok(Location { url: self.url.clone(), headers: Vec::new(), expires: None }),
        }
    }

    fn is_staged(&self) -> bool {
        true
    }
}

impl Espa {
    /// The MD5 that stands at a URL; `None` where there is none. Asked for once, where there is a cache.
    ///
    /// # Errors
    /// The network's, or where it is no MD5.
    pub fn checksum(&self, url: &Url) -> Result<Option<Checksum>, Error> {
        let hex = match self.receipts().checksum(url) {
            Some(hex) => hex,
            None => published(&self.http, url)?.unwrap_or_default(),
        };
        let pairs = hex.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
        let digest: Vec<u8> = pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
        if !hex.is_empty() {
            self.receipts().see_checksum(url, &hex);
        }
        Ok((!digest.is_empty()).then_some(Checksum { function: MD5, digest }))
    }
}
