//! Searches of all collections of an API: by its search, else by the lists of all collections' items.

use std::sync::Arc;

use super::super::{Catalog, Error, Page, Pages, Search};
use super::api::Api;
use super::collections::Collections;
use super::parallel::each;
use super::plan::Order;
use super::search::ItemPages;
use super::served::Served;
use super::single::by_query;
use super::sorted::Ordered;
use super::together::{Part, Together};
use super::trouble;
use crate::item::Item;
use crate::query::Predicate;

/// The pages of a search that names no collection.
pub(super) struct Unscoped {
    api: Arc<Api>,
    search: Search,
    pages: ItemPages,
    /// What is read instead, where there is no search that would do.
    lists: Option<Together>,
}

impl Unscoped {
    pub(super) fn new(api: Arc<Api>, search: Search) -> Unscoped {
        let pages = ItemPages::new(Arc::clone(&api), search.clone());
        Unscoped { api, search, pages, lists: None }
    }

    /// Whether the search cannot carry an id that it asks for.
    fn is_untold(&self) -> Result<bool, Error> {
        let method = self.api.method()?;
        Ok(self.search.query.predicates().iter().any(|predicate| match predicate {
            Predicate::Ids(ids) | Predicate::Collections(ids) => ids.iter().any(|id| !by_query(&method, id)),
            _ => false,
        }))
    }

    fn lists(&mut self) -> &mut Together {
        let (api, search) = (Arc::clone(&self.api), self.search.clone());
        self.lists.get_or_insert_with(|| Together::new(Box::new(move || parts(&api, &search))))
    }
}

/// The same search in every collection that may have something, and in every child catalogue.
fn parts(api: &Arc<Api>, search: &Search) -> Result<Vec<Part>, Error> {
    let mut parts: Vec<Part> = Vec::new();
    let mut pages = Collections::new(Arc::clone(api));
    while let Some(page) = pages.next_page()? {
        for collection in page.members.iter().filter(|collection| search.query.may_be_in(collection)) {
            let within = Search { collection: Some(collection.id().to_owned()), ..search.clone() };
            parts.push(Box::new(ItemPages::new(Arc::clone(api), within)));
        }
    }
    let children = Served::of(Arc::clone(api)).children()?;
    for child in each(&children, |child| child.catalog.search(search)) {
        parts.push(child?);
    }
    Ok(parts)
}

impl Pages<Item> for Unscoped {
    fn next_page(&mut self) -> Result<Option<Page<Item>>, Error> {
        if self.lists.is_some() || self.api.lists_only() || self.is_untold()? {
            return self.lists().next_page();
        }
        match self.pages.next_page() {
            Err(error) if trouble::of_route(&error) && !self.api.knows_method() => {
                self.api.has_no_search();
                self.lists().next_page()
            }
            page => page,
        }
    }
}

impl Ordered for Unscoped {
    fn order(&self) -> Order {
        self.lists.as_ref().map_or_else(|| self.pages.order(), Ordered::order)
    }
}
