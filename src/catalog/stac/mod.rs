//! STAC: APIs, static catalogues, and files of items.
//!
//! In: a base URL or a file. Out: a [`Catalog`]. What stands at the URL is found out by
//! asking, at the first call.
//!
//! An API is searched in its own dialect (`plan`, `cql`, `params`); what it refuses is asked for in another way
//! (`trouble`) or done here. Its pages are followed wherever they lead but in circles (`paging`). One bad
//! member never hides the others (`items`).

mod api;
mod collections;
mod conformance;
mod cql;
mod href;
mod items;
mod landing;
mod links;
mod origin;
mod paging;
mod params;
mod plan;
mod search;
mod served;
mod site;
mod sorted;
mod trouble;
mod unknown;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::library::Library;
use super::{Catalog, Child, Count, Description, Error, Pages, Queryable, Search};
use crate::config::{Limits, SourceConfig, SourceKind};
use crate::content::Origin;
use crate::http::shown;
use crate::item::{Asset, Collection, Item};
use crate::report::Report;
use api::Api;
use landing::Kind;
use served::Served;
use site::{Remembered, Site};

/// A STAC source. Nothing is asked before something is asked of it.
///
/// Credentials and headers of the source are those of `library`'s client: it holds them as grants.
pub fn open(
    config: &SourceConfig,
    library: Library,
    limits: &Limits,
    report: Arc<Report>,
) -> Arc<dyn Catalog> {
    let url = match &config.kind {
        SourceKind::Url(url) => url.clone(),
        SourceKind::File(path) => file_url(path),
        SourceKind::Usgs { m2m, .. } => m2m.clone(),
    };
    Arc::new(Opening::new(Site::new(config, url, library, limits, report)))
}

/// The URL of a file; one relative to the working directory is made absolute.
fn file_url(path: &std::path::Path) -> Url {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let fallback = || Url::parse("file:///").unwrap_or_else(|_| unreachable!("a constant URL"));
    Url::from_file_path(path).unwrap_or_else(|()| fallback())
}

/// A source that opens itself at the first call: what it is, its document says.
struct Opening {
    site: Site,
    opened: Remembered<Arc<dyn Catalog>>,
}

impl Opening {
    fn new(site: Site) -> Opening {
        Opening { site, opened: Remembered::default() }
    }

    fn catalog(&self) -> Result<Arc<dyn Catalog>, Error> {
        let opened = self.opened.get(Duration::MAX, || {
            let document = landing::fetch(&self.site)?;
            let site = self.site.clone();
            Ok(match landing::kind(&document)? {
                Kind::Api => Arc::new(Served::new(Api::new(site, &document)?)) as Arc<dyn Catalog>,
                Kind::Static | Kind::Items => {
                    return Err(Error::NotStac { url: shown(&document.url), why: "no API".into() });
                }
            })
        })?;
        Ok(Arc::clone(&opened))
    }
}

impl Catalog for Opening {
    fn describe(&self) -> Result<Description, Error> {
        self.catalog()?.describe()
    }

    fn collections(&self) -> Result<Box<dyn Pages<Collection>>, Error> {
        self.catalog()?.collections()
    }

    fn collection(&self, id: &str) -> Result<Option<Collection>, Error> {
        self.catalog()?.collection(id)
    }

    fn children(&self) -> Result<Vec<Child>, Error> {
        self.catalog()?.children()
    }

    fn search(&self, search: &Search) -> Result<Box<dyn Pages<Item>>, Error> {
        self.catalog()?.search(search)
    }

    fn item(&self, collection: &str, id: &str) -> Result<Option<Item>, Error> {
        self.catalog()?.item(collection, id)
    }

    fn items(&self, collection: &str, ids: &[&str]) -> Result<Vec<Item>, Error> {
        self.catalog()?.items(collection, ids)
    }

    fn count(&self, search: &Search) -> Result<Count, Error> {
        self.catalog()?.count(search)
    }

    fn queryables(&self, collection: &str) -> Result<BTreeMap<String, Queryable>, Error> {
        self.catalog()?.queryables(collection)
    }

    fn origin(&self, item: &Item, asset: &Asset) -> Result<Option<Arc<dyn Origin>>, Error> {
        self.catalog()?.origin(item, asset)
    }

    fn explain(&self, search: &Search) -> Result<Vec<String>, Error> {
        self.catalog()?.explain(search)
    }
}
