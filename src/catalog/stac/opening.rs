//! A source that finds out at its first call what it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::{Catalog, Child, Count, Description, Error, Page, Pages, Queryable, Search};
use super::api::Api;
use super::item_file::ItemFile;
use super::landing::{self, Kind};
use super::served::Served;
use super::site::{Remembered, Site};
use super::static_catalog::StaticCatalog;
use crate::content::Origin;
use crate::item::{Asset, Collection, Item};
use crate::query::Evaluator;

/// A source whose document says what it is: an API, a static catalogue, items.
pub(super) struct Opening(Arc<Source>);

struct Source {
    site: Site,
    opened: Remembered<Arc<dyn Catalog>>,
}

impl Opening {
    pub(super) fn new(site: Site) -> Opening {
        Opening(Arc::new(Source { site, opened: Remembered::default() }))
    }
}

impl Source {
    fn catalog(&self) -> Result<Arc<dyn Catalog>, Error> {
        let opened = self.opened.get(Duration::MAX, || {
            let (document, slashes) = landing::fetch(&self.site)?;
            let site = self.site.clone();
            Ok(match landing::kind(&document)? {
                Kind::Api => Arc::new(Served::new(Api::new(site, &document, slashes)?)) as Arc<dyn Catalog>,
                Kind::Static => Arc::new(StaticCatalog::new(site, document)?),
                Kind::Items => Arc::new(ItemFile::new(site, &document)),
            })
        })?;
        Ok(Arc::clone(&opened))
    }
}

/// Pages whose catalogue is opened when the first of them is asked for.
struct Later<T> {
    source: Arc<Source>,
    begin: Begin<T>,
    pages: Option<Box<dyn Pages<T>>>,
}

type Begin<T> = Box<dyn Fn(&dyn Catalog) -> Result<Box<dyn Pages<T>>, Error> + Send>;

impl<T> Pages<T> for Later<T> {
    fn next_page(&mut self) -> Result<Option<Page<T>>, Error> {
        let pages = match &mut self.pages {
            Some(pages) => pages,
            None => self.pages.insert((self.begin)(self.source.catalog()?.as_ref())?),
        };
        pages.next_page()
    }
}

impl Catalog for Opening {
    fn describe(&self) -> Result<Description, Error> {
        self.0.catalog()?.describe()
    }

    fn collections(&self) -> Result<Box<dyn Pages<Collection>>, Error> {
        let begin = Box::new(|catalog: &dyn Catalog| catalog.collections());
        Ok(Box::new(Later { source: Arc::clone(&self.0), begin, pages: None }))
    }

    fn collection(&self, id: &str) -> Result<Option<Collection>, Error> {
        self.0.catalog()?.collection(id)
    }

    fn children(&self) -> Result<Vec<Child>, Error> {
        self.0.catalog()?.children()
    }

    fn search(&self, search: &Search) -> Result<Box<dyn Pages<Item>>, Error> {
        // What can be evaluated neither there nor here is told at once.
        Evaluator::new(&search.query)?;
        let search = search.clone();
        let begin = Box::new(move |catalog: &dyn Catalog| catalog.search(&search));
        Ok(Box::new(Later { source: Arc::clone(&self.0), begin, pages: None }))
    }

    fn item(&self, collection: &str, id: &str) -> Result<Option<Item>, Error> {
        self.0.catalog()?.item(collection, id)
    }

    fn items(&self, collection: &str, ids: &[&str]) -> Result<Vec<Item>, Error> {
        self.0.catalog()?.items(collection, ids)
    }

    fn count(&self, search: &Search) -> Result<Count, Error> {
        self.0.catalog()?.count(search)
    }

    fn queryables(&self, collection: &str) -> Result<BTreeMap<String, Queryable>, Error> {
        self.0.catalog()?.queryables(collection)
    }

    fn origin(&self, item: &Item, asset: &Asset) -> Result<Option<Arc<dyn Origin>>, Error> {
        self.0.catalog()?.origin(item, asset)
    }

    fn address(&self, search: &Search) -> Option<String> {
        self.0.opened.known()?.address(search)
    }

    fn explain(&self, search: &Search) -> Result<Vec<String>, Error> {
        self.0.catalog()?.explain(search)
    }
}
