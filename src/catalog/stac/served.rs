//! A STAC API as a catalogue.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use url::Url;

use super::super::{Catalog, Child, Count, Depth, Description, Error, Pages, Queryable, Search, absent};
use super::api::Api;
use super::collections::Collections;
use super::conformance::Ability;
use super::links::readable;
use super::opening::Opening;
use super::plan::Order;
use super::search::ItemPages;
use super::single;
use super::site::Site;
use super::sorted::{Ordered, Sorted};
use super::trouble;
use super::unscoped::Unscoped;
use crate::content::Origin;
use crate::http::{Method, shown};
use crate::item::{Asset, Collection, Item};
use crate::query::Evaluator;

/// A STAC API as a catalogue.
pub(super) struct Served {
    api: Arc<Api>,
}

impl Served {
    pub(super) fn new(api: Api) -> Served {
        Served::of(Arc::new(api))
    }

    /// An API that others ask, too.
    pub(super) fn of(api: Arc<Api>) -> Served {
        Served { api }
    }

    fn site(&self) -> &Site {
        self.api.site()
    }

    /// Pages in the order that a search wants.
    fn in_order(&self, pages: impl Ordered + 'static, search: &Search) -> Box<dyn Pages<Item>> {
        match search.sortby.is_empty() {
            true => Box::new(pages),
            false => Box::new(Sorted::new(pages, search.sortby.clone(), self.site().max_scan)),
        }
    }

    /// What an item's relative hrefs start from: its own URL where it stands on the API, else the URL by
    /// convention. Copied items name places they no longer stand at.
    fn item_url(&self, item: &Item) -> Option<Url> {
        let own = item.links().into_iter().find(|link| link.rel == "self");
        let own = own.and_then(|link| Url::parse(&link.href).ok()).filter(|url| self.api.is_own(url));
        own.or_else(|| Some(self.api.item_url(&item.collection()?, item.id())))
    }
}

/// What a child catalogue may be called, by its URL alone: the last part of it that tells something, else its host.
fn child_names(url: &Url) -> Vec<String> {
    let version = |part: &str| {
        part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let tells = |part: &&str| {
        !matches!(*part, "" | "catalog.json" | "collection.json" | "api" | "stac") && !version(part)
    };
    let part = url.path().rsplit('/').find(tells);
    let part = part.map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned());
    part.into_iter().chain(url.host_str().map(str::to_owned)).collect()
}

impl Catalog for Served {
    fn describe(&self) -> Result<Description, Error> {
        let landing = self.api.landing()?;
        let title = [landing.text("title"), landing.text("id")].into_iter().find(|t| !t.is_empty());
        let method = self.api.method()?;
        let has = |ability| landing.conformance.has(ability);
        let filter = match (has(Ability::Filter), has(Ability::Query)) {
            (true, _) => "by the server (CQL2)",
            (false, true) => "by the server (query extension), what that cannot say here",
            (false, false) => "here",
        };
        let by = |ability| if has(ability) { "by the server" } else { "here" };
        let facts = [
            ("search", method.to_string()),
            ("filter", filter.to_owned()),
            ("sort", by(Ability::Sort).to_owned()),
            ("free text", by(Ability::FreeText).to_owned()),
            ("page size", self.api.page_size().to_string()),
            ("abilities", landing.conformance.claimed().join(" ")),
        ];
        Ok(Description {
            title: title.unwrap_or(&self.site().name).to_owned(),
            text: landing.text("description").to_owned(),
            kind: "STAC API",
            url: shown(landing.base.url()),
            facts: facts.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect(),
        })
    }

    fn collections(&self) -> Result<Box<dyn Pages<Collection>>, Error> {
        Ok(Box::new(Collections::new(Arc::clone(&self.api))))
    }

    fn collection(&self, id: &str) -> Result<Option<Collection>, Error> {
        match self.api.collection(id)?.as_ref() {
            Some(collection) => Ok(Some(collection.clone())),
            None => absent(id, self.api.known_ids().iter().map(String::as_str)),
        }
    }

    fn children(&self) -> Result<Vec<Child>, Error> {
        let landing = self.api.landing()?;
        let (mut children, mut unusable): (Vec<Child>, Vec<String>) = (Vec::new(), Vec::new());
        let mut met = HashSet::new();
        for link in landing.links.iter().filter(|link| link.rel == "child" && readable(link)) {
            let Some(url) = landing.target(Some(link)) else {
                unusable.push(format!("{} leads nowhere", link.href));
                continue;
            };
            let path = url.path().trim_end_matches('/');
            let is_own = url.origin() == landing.base.url().origin();
            let is_new = met.insert((url.origin(), path.to_owned()));
            if !is_new || is_own && url.path() == landing.url.path() || self.site().leads_back(&url) {
                continue;
            }
            // `…/collections/ID` is one of an API's collections: of this one's, or of another that has its items.
            if path.rsplit('/').nth(1) == Some("collections") {
                if !is_own {
                    unusable.push(format!("{} is a collection of another API; mount that", link.href));
                }
                continue;
            }
            if let Err(error) = self.site().check(&url) {
                unusable.push(error.to_string());
                continue;
            }
            let mut names = child_names(&url).into_iter();
            match names.find(|id| children.iter().all(|child| child.id != *id)) {
                Some(id) => {
                    let catalog = Arc::new(Opening::new(self.site().below(&id, url, &landing.url)));
                    children.push(Child { id, catalog });
                }
                None => unusable.push(format!("{} has the name of another", link.href)),
            }
        }
        self.site().note_unusable("children", &unusable);
        Ok(children)
    }

    fn search(&self, search: &Search) -> Result<Box<dyn Pages<Item>>, Error> {
        // What can be evaluated neither there nor here is told at once.
        Evaluator::new(&search.query)?;
        let api = Arc::clone(&self.api);
        Ok(match &search.collection {
            Some(_) => self.in_order(ItemPages::new(api, search.clone()), search),
            None => self.in_order(Unscoped::new(api, search.clone()), search),
        })
    }

    fn item(&self, collection: &str, id: &str) -> Result<Option<Item>, Error> {
        single::item(&self.api, collection, id)
    }

    fn items(&self, collection: &str, ids: &[&str]) -> Result<Vec<Item>, Error> {
        single::items(&self.api, collection, ids)
    }

    fn count(&self, search: &Search) -> Result<Count, Error> {
        let landing = self.api.landing()?;
        if self.api.counts() == Some(false) || !landing.conformance.has(Ability::Count) {
            return Ok(Count::Unknown);
        }
        let search = Search { sortby: Vec::new(), wanted: Some(1), depth: Depth::Outline, ..search.clone() };
        let plan = self.api.plan(&search, &Default::default())?;
        if plan.branches.is_empty() {
            return Ok(Count::Matched(0));
        }
        if !plan.here.is_empty() || plan.branches.len() > 1 {
            return Ok(Count::Unknown);
        }
        let (unscoped, no_search) = (search.collection.is_none(), self.api.lists_only());
        if unscoped && no_search {
            return Ok(Count::Unknown);
        }
        let mut pages = ItemPages::new(Arc::clone(&self.api), search);
        let page = match pages.next_page() {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(Count::Matched(0)),
            // The caller lists, and finds another way.
            Err(error) if unscoped && trouble::of_route(&error) => return Ok(Count::Unknown),
            Err(error) => return Err(error),
        };
        let all = pages.is_over().then_some(page.members.len() as u64);
        Ok(page.matched.or(all).map_or(Count::Unknown, Count::Matched))
    }

    fn queryables(&self, collection: &str) -> Result<BTreeMap<String, Queryable>, Error> {
        self.api.queryables(collection).map(|found| found.as_ref().clone())
    }

    fn origin(&self, item: &Item, asset: &Asset) -> Result<Option<Arc<dyn Origin>>, Error> {
        let relative = asset.href().is_some_and(|href| Url::parse(href).is_err())
            || asset.alternates().iter().any(|(_, href)| Url::parse(href).is_err());
        let base = if relative { self.item_url(item) } else { None };
        Ok(self.site().origin(item, asset, base.as_ref()))
    }

    /// The search by GET, however it is made here.
    fn address(&self, search: &Search) -> Option<String> {
        let plan = self.api.known_plan(search)?;
        let [params] = plan.branches.as_slice() else { return None };
        let list = search.collection.as_deref().filter(|_| self.api.lists_only());
        let step = params.step(&Method::GET, &self.api.known_endpoint(list)?, self.api.page_size());
        Some(shown(&step.url))
    }

    fn explain(&self, search: &Search) -> Result<Vec<String>, Error> {
        let plan = self.api.plan(search, &Default::default())?;
        let list = search.collection.as_deref().filter(|_| self.api.lists_only());
        let method = if list.is_some() { Method::GET } else { self.api.method()? };
        let limit = search.wanted.and_then(|w| u32::try_from(w).ok()).unwrap_or(u32::MAX);
        let limit = limit.clamp(1, self.api.page_size());
        let mut lines: Vec<String> = Vec::new();
        let collection = search.collection.as_deref().unwrap_or_default();
        let by_id = plan
            .named
            .iter()
            .flatten()
            .map(|id| format!("GET {}", shown(&self.api.item_url(collection, id))));
        lines.extend(by_id);
        for params in plan.branches.iter().filter(|_| plan.named.is_none()) {
            let step = params.step(&method, &self.api.endpoint(&method, list)?, limit);
            let body = step.body.map(|body| format!(" {}", Value::Object(body))).unwrap_or_default();
            lines.push(format!("{} {}{body}", step.method, shown(&step.url)));
        }
        if plan.branches.is_empty() {
            lines.push("no request: the conditions exclude one another".into());
        }
        lines.extend(plan.here.segments().iter().map(|segment| format!("here, on the results: {segment}")));
        if plan.order == Order::Here {
            lines.push(format!("here: sorted, after all of at most {} items are read", self.site().max_scan));
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_called_by_what_tells_it_from_others() {
        for (url, want) in [
            ("https://h.example/stac/LPCLOUD", "LPCLOUD"),
            ("https://h.example/stac/a%20b/", "a b"),
            ("https://b.s3.example/cat/venus/catalog.json", "venus"),
            ("https://earth.example/v1", "earth.example"),
            ("https://planet.example/api/stac/v1.0/?f=json", "planet.example"),
        ] {
            assert_eq!(child_names(&url.parse().unwrap())[0], want, "{url}");
        }
    }
}
