//! Where the bytes of a scene's assets come from.

use std::sync::Arc;

use url::Url;

use super::downloads::Downloads;
use super::product::Product;
use crate::content::{Error, Location, Origin, Trouble};

/// The origin behind an href: a product that must be asked for, or a picture at a plain URL.
pub fn of(href: &str, downloads: &Arc<Downloads>) -> Arc<dyn Origin> {
    match Product::of_href(href) {
        Some(product) => {
            Arc::new(Staged { identity: href.to_owned(), product, downloads: Arc::clone(downloads) })
        }
        None => Arc::new(Plain { href: href.to_owned() }),
    }
}

/// A product: asked for by `download-request` when its bytes are read.
struct Staged {
    identity: String,
    product: Product,
    downloads: Arc<Downloads>,
}

impl Origin for Staged {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn locate(&self, trouble: Option<&Trouble>) -> Result<Location, Error> {
        let url = self.downloads.url(&self.identity, &self.product, trouble)?;
        Ok(Location { url, headers: Vec::new(), expires: None })
    }

    fn is_staged(&self) -> bool {
        true
    }
}

/// A picture: its URL is for ever.
struct Plain {
    href: String,
}

impl Origin for Plain {
    fn identity(&self) -> &str {
        &self.href
    }

    fn locate(&self, _: Option<&Trouble>) -> Result<Location, Error> {
        let url = Url::parse(&self.href).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Error::Denied {
            identity: self.href.clone(),
            why: "no URL that can be asked; M2M says it is here".to_owned(),
        })?;
        Ok(Location { url, headers: Vec::new(), expires: None })
    }
}
