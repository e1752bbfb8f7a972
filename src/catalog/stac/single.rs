//! Items by their ids: one, or several at once.

use std::sync::Arc;

use super::super::{Depth, Error, Pages, Search};
use super::api::{Api, is_absent};
use super::parallel::each;
use super::search::ItemPages;
use crate::http::{Error as HttpError, Method, Request, shown};
use crate::item::Item;
use crate::query::{Predicate, Query};

/// Ids asked for in one request for whole items.
const IDS_AT_ONCE: usize = 100;

/// One item of a collection. `None` where the server says that it is not there.
pub(super) fn item(api: &Arc<Api>, collection: &str, id: &str) -> Result<Option<Item>, Error> {
    let url = api.landing()?.base.endpoint(&["collections", collection, "items", id]);
    // No URL's path can hold such a segment: it would lead up.
    if matches!(id, "." | "..") {
        return by_search(api, collection, id);
    }
    let odd = [collection, id].iter().any(|name| !name.chars().all(is_plain));
    match api.site().get(&url) {
        Ok(document) => match Item::from_json(&document.text) {
            // A server that does not mind case answers with another item than the one of this name.
            Ok(item) => Ok(Some(item).filter(|item| item.id() == id)),
            // Old stac-servers answer 200 with `{}`.
            Err(_) if document.text == "{}" => Ok(None),
            Err(error) => {
                api.site().distrust(&Request::get(url.clone()));
                Err(Error::NotStac { url: shown(&url), why: error.to_string() })
            }
        },
        Err(Error::Http(HttpError::Status { status: 400 | 404 | 405 | 422, .. })) if odd => {
            by_search(api, collection, id)
        }
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Several items of a collection, one request each, side by side. Those that are not there are left out.
pub(super) fn each_item(api: &Arc<Api>, collection: &str, ids: &[&str]) -> Result<Vec<Item>, Error> {
    each(ids, |id| item(api, collection, id)).into_iter().filter_map(Result::transpose).collect()
}

/// Several items of a collection in as few requests as the server takes. Those that are not there are left out.
pub(super) fn items(api: &Arc<Api>, collection: &str, ids: &[&str]) -> Result<Vec<Item>, Error> {
    if api.lists_only() || !by_query(&Method::GET, collection) {
        return each_item(api, collection, ids);
    }
    let (told, untold): (Vec<&str>, Vec<&str>) = ids.iter().partition(|id| by_query(&Method::GET, id));
    let mut found = each_item(api, collection, &untold)?;
    for chunk in told.chunks(IDS_AT_ONCE) {
        let mut pages = ItemPages::new(Arc::clone(api), of_ids(collection, chunk));
        let before = found.len();
        // Found none, it would ask whether the names mean anything.
        while !pages.is_over() {
            match pages.next_page()? {
                Some(page) => found.extend(page.members),
                None => break,
            }
        }
        // A server that trims or folds ids in a query may still know them by their URL.
        let odd =
            |id: &&str| !id.chars().all(is_plain) && found[before..].iter().all(|item| item.id() != *id);
        let missing: Vec<&str> = chunk.iter().copied().filter(odd).collect();
        found.extend(each_item(api, collection, &missing)?);
    }
    Ok(found)
}

/// Whether a search by this method can name an id. By GET a comma parts two of them, nothing escapes it, and many
/// servers trim what stands between.
pub(super) fn by_query(method: &Method, id: &str) -> bool {
    *method == Method::POST || !id.contains(',') && id.trim() == id
}

/// One item by search: for ids that do not survive a URL's path.
fn by_search(api: &Arc<Api>, collection: &str, id: &str) -> Result<Option<Item>, Error> {
    let method = api.method()?;
    if api.lists_only() || !by_query(&method, id) || !by_query(&method, collection) {
        return Ok(None);
    }
    let mut pages = ItemPages::new(Arc::clone(api), of_ids(collection, &[id]));
    while !pages.is_over() {
        let Some(page) = pages.next_page()? else { break };
        if let Some(item) = page.members.into_iter().find(|item| item.id() == id) {
            return Ok(Some(item));
        }
    }
    Ok(None)
}

/// Whether a character survives a URL path on every server.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~')
}

/// The search for some items of a collection, whole.
fn of_ids(collection: &str, ids: &[&str]) -> Search {
    let ids = Predicate::Ids(ids.iter().map(|id| (*id).to_owned()).collect());
    Search {
        collection: Some(collection.to_owned()),
        query: Query::from_iter([ids]),
        sortby: Vec::new(),
        wanted: None,
        depth: Depth::Whole,
    }
}
