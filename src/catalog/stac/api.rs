//! What is known of one STAC API: what it says of itself, and what was learned by asking.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use url::Url;

use super::super::{Error, Queryable, Search};
use super::conformance::Ability;
use super::cql::Kinds;
use super::landing::{self, Landing};
use super::links::{Base, Slashes, best};
use super::plan::{self, Plan, Refusal};
use super::site::{Remembered, Site, Text};
use crate::http::{self, Method, Request, shown};
use crate::item::{Collection, Item};
use crate::query::{Kind, Predicate};
use crate::report::lock;

/// The names of a collection's properties and what each may be.
pub(super) type Queryables = BTreeMap<String, Queryable>;

/// Collections remembered at once.
const MOST_REMEMBERED: usize = 4096;

/// One STAC API.
pub(super) struct Api {
    site: Site,
    landing: Remembered<Landing>,
    collections: PerCollection<Option<Collection>>,
    queryables: PerCollection<Queryables>,
    samples: PerCollection<Option<Item>>,
    learned: Mutex<Learned>,
}

type PerCollection<T> = Mutex<HashMap<String, Arc<Remembered<T>>>>;

/// What asking has shown, since the landing page was asked for last.
#[derive(Debug, Default)]
struct Learned {
    /// The method that searches work with.
    method: Option<Method>,
    /// The largest page that came through after a larger one did not.
    page_size: Option<u32>,
    /// Whether there is no search, and only the lists of items are left.
    lists_only: bool,
    /// Whether searches bring a number of matches.
    counts: Option<bool>,
    /// Ids of collections that were listed, for "did you mean".
    ids: BTreeSet<String>,
}

impl Api {
    /// An API whose landing page was just fetched.
    pub(super) fn new(site: Site, document: &Text, slashes: Slashes) -> Result<Api, Error> {
        let landing = Remembered::of(Landing::of(&site, document, slashes)?);
        Ok(Api {
            site,
            landing,
            collections: Mutex::default(),
            queryables: Mutex::default(),
            samples: Mutex::default(),
            learned: Mutex::default(),
        })
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    pub(super) fn landing(&self) -> Result<Arc<Landing>, Error> {
        self.landing.get(self.site.lifetime, || {
            let (document, slashes) = landing::fetch(&self.site)?;
            let landing = Landing::of(&self.site, &document, slashes)?;
            // What was learned may have been a bad hour's: it lasts as long as the page.
            let mut learned = lock(&self.learned);
            *learned = Learned { ids: std::mem::take(&mut learned.ids), ..Learned::default() };
            Ok(landing)
        })
    }

    /// A collection's own document; `None` where the server says that there is none.
    pub(super) fn collection(&self, id: &str) -> Result<Arc<Option<Collection>>, Error> {
        slot(&self.collections, id).get(self.site.lifetime, || {
            let url = self.landing()?.base.endpoint(&["collections", id]);
            let document = match self.site.get(&url) {
                Ok(document) => document,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
            match Collection::from_json(&document.text) {
                Ok(collection) => Ok(Some(collection).filter(|collection| collection.id() == id)),
                // Old servers answer 200 with `{}` for what is not there; what else is no collection says nothing.
                Err(_) if document.text == "{}" => Ok(None),
                Err(error) => {
                    self.site.distrust(&Request::get(url.clone()));
                    Err(Error::NotStac { url: shown(&url), why: error.to_string() })
                }
            }
        })
    }

    /// What a collection's items may be asked for; of all collections for `""`. Empty where the server does
    /// not say.
    pub(super) fn queryables(&self, collection: &str) -> Result<Arc<Queryables>, Error> {
        slot(&self.queryables, collection).get(self.site.lifetime, || {
            let landing = self.landing()?;
            const REL: &str = "http://www.opengis.net/def/rel/ogc/1.0/queryables";
            let links = |rel: &str| best(&landing.links, rel, None).is_some();
            if !landing.conformance.has(Ability::Filter) && !links(REL) && !links("queryables") {
                return Ok(Queryables::new());
            }
            let url = match collection {
                "" => landing.base.endpoint(&["queryables"]),
                id => landing.base.endpoint(&["collections", id, "queryables"]),
            };
            match self.site.get(&url) {
                Ok(document) => Ok(queryables(&document.text)),
                Err(Error::NotStac { .. }) => Ok(Queryables::new()),
                Err(Error::Http(error)) if !error.is_passing() => Ok(Queryables::new()),
                Err(error) => Err(error),
            }
        })
    }

    /// One item of a collection, whatever it is: what properties look like there.
    pub(super) fn sample(&self, collection: &str) -> Result<Arc<Option<Item>>, Error> {
        slot(&self.samples, collection).get(self.site.lifetime, || {
            let landing = self.landing()?;
            let mut url = landing.base.endpoint(&["collections", collection, "items"]);
            url.query_pairs_mut().append_pair("limit", "1");
            let page = super::items::ItemPage::of(&self.site.get(&url)?)?;
            Ok(page.items.into_iter().next())
        })
    }

    /// A plan for a search, with what the server refused before.
    pub(super) fn plan(&self, search: &Search, refused: &BTreeSet<Refusal>) -> Result<Plan, Error> {
        let mut refused = refused.clone();
        refused.extend(self.refused_always(search));
        plan::plan(search, &self.landing()?.conformance, &self.kinds(search)?, &refused)
    }

    /// The same by what is known. Asks nothing.
    pub(super) fn known_plan(&self, search: &Search) -> Option<Plan> {
        let refused = self.refused_always(search).into_iter().collect();
        plan::plan(search, &self.landing.known()?.conformance, &self.known_kinds(search)?, &refused).ok()
    }

    fn refused_always(&self, search: &Search) -> Option<Refusal> {
        (search.collection.is_some() && self.lists_only()).then_some(Refusal::Search)
    }

    /// The kinds of the properties that a search compares: from queryables, else from the collection's
    /// summaries. Asks nothing where nothing is compared.
    fn kinds(&self, search: &Search) -> Result<Kinds, Error> {
        let compared = compared(search);
        if compared.is_empty() {
            return Ok(Kinds::new());
        }
        let collection = search.collection.as_deref();
        let mut kinds = declared(&compared, &*self.queryables(collection.unwrap_or_default())?);
        if let Some(id) = collection.filter(|_| compared.iter().any(|name| !kinds.contains_key(*name)))
            && let Some(collection) = self.collection(id)?.as_ref()
        {
            add_summarised(&mut kinds, &compared, collection);
        }
        Ok(kinds)
    }

    /// The same, where it is known. Asks nothing.
    fn known_kinds(&self, search: &Search) -> Option<Kinds> {
        let compared = compared(search);
        if compared.is_empty() {
            return Some(Kinds::new());
        }
        let id = search.collection.as_deref().unwrap_or_default();
        let mut kinds = declared(&compared, &*slot(&self.queryables, id).known()?);
        if let Some(collection) = slot(&self.collections, id).known()
            && let Some(collection) = collection.as_ref()
        {
            add_summarised(&mut kinds, &compared, collection);
        }
        Some(kinds)
    }

    /// Where a search in a collection is asked for: at the search, or at the collection's list of items.
    pub(super) fn endpoint(&self, method: &Method, list_of: Option<&str>) -> Result<Url, Error> {
        Ok(endpoint(&*self.landing()?, method, list_of))
    }

    /// Where a search is asked for by GET, where that is known. Asks nothing.
    pub(super) fn known_endpoint(&self, list_of: Option<&str>) -> Option<Url> {
        let landing = self.landing.known()?;
        Some(endpoint(&landing, &Method::GET, list_of))
    }

    /// Whether there is no search, as far as asking has shown.
    pub(super) fn lists_only(&self) -> bool {
        lock(&self.learned).lists_only
    }

    /// Keeps that a list of items came where no search was to be had.
    pub(super) fn has_no_search(&self) {
        lock(&self.learned).lists_only = true;
        self.site.note("search", "the server has none; the lists of its collections' items are read instead");
    }

    /// The method to search with now.
    pub(super) fn method(&self) -> Result<Method, Error> {
        let learned = lock(&self.learned).method.clone();
        learned.map_or_else(|| Ok(self.landing()?.first_method()), Ok)
    }

    /// The other method, where nobody forbids it and neither is known to be the right one.
    pub(super) fn other_method(&self, method: &Method) -> Result<Option<Method>, Error> {
        let (other, ability) = match *method {
            Method::POST => (Method::GET, Ability::Get),
            _ => (Method::POST, Ability::Post),
        };
        Ok(self.landing()?.conformance.has(ability).then_some(other))
    }

    /// Keeps the method that a search worked with.
    pub(super) fn worked(&self, method: &Method) {
        lock(&self.learned).method = Some(method.clone());
    }

    /// Whether a method is known to work.
    pub(super) fn knows_method(&self) -> bool {
        lock(&self.learned).method.is_some()
    }

    /// Items to ask for per page.
    pub(super) fn page_size(&self) -> u32 {
        lock(&self.learned).page_size.unwrap_or(self.site.page_size).min(self.site.page_size)
    }

    /// Keeps that a page of this size came through where a larger one did not.
    pub(super) fn shrank(&self, page_size: u32) {
        lock(&self.learned).page_size = Some(page_size);
        self.site.note(
            "page size",
            &format!("the server fails on larger pages; {page_size} items are asked for at once"),
        );
    }

    /// Whether searches bring a number of matches; `None` where none was made yet.
    pub(super) fn counts(&self) -> Option<bool> {
        lock(&self.learned).counts
    }

    /// Keeps whether a search brought a number of matches.
    pub(super) fn counted(&self, counts: bool) {
        lock(&self.learned).counts = Some(counts);
    }

    /// Keeps ids of collections.
    pub(super) fn knows<'a>(&self, ids: impl Iterator<Item = &'a str>) {
        lock(&self.learned).ids.extend(ids.map(str::to_owned));
    }

    /// The ids of collections that were listed.
    pub(super) fn known_ids(&self) -> BTreeSet<String> {
        lock(&self.learned).ids.clone()
    }

    /// The URL of an item by convention. Asks nothing.
    pub(super) fn item_url(&self, collection: &str, id: &str) -> Url {
        let segments = ["collections", collection, "items", id];
        match self.landing.known() {
            Some(landing) => landing.base.endpoint(&segments),
            None => Base::new(&self.site.url, &[]).endpoint(&segments),
        }
    }

    /// Whether a URL is on the API's own host. Asks nothing.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        let landing = self.landing.known();
        let answered = landing.is_some_and(|landing| landing.url.origin() == url.origin());
        answered || self.site.url.origin() == url.origin()
    }
}

/// Whether the server said that a thing is not there.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(error, Error::Http(http::Error::Status { status: 404 | 410, .. }))
}

fn slot<T>(slots: &PerCollection<T>, id: &str) -> Arc<Remembered<T>> {
    let mut slots = lock(slots);
    // Names that are no collections land here too; a program that tries thousands must not fill the memory.
    if slots.len() >= MOST_REMEMBERED && !slots.contains_key(id) {
        slots.clear();
    }
    Arc::clone(slots.entry(id.to_owned()).or_default())
}

fn endpoint(landing: &Landing, method: &Method, list_of: Option<&str>) -> Url {
    match list_of {
        Some(collection) => landing.base.endpoint(&["collections", collection, "items"]),
        None => landing.search(method),
    }
}

/// The properties that a search compares with values.
fn compared(search: &Search) -> Vec<&str> {
    let properties = search.query.predicates().iter().filter_map(|predicate| match predicate {
        Predicate::Property(comparison) => Some(comparison.property.as_str()),
        Predicate::WrsPath(_) => Some("landsat:wrs_path"),
        Predicate::WrsRow(_) => Some("landsat:wrs_row"),
        _ => None,
    });
    properties.collect()
}

/// The kinds of properties that queryables tell.
fn declared(names: &[&str], queryables: &Queryables) -> Kinds {
    let kind = |name: &str| queryables.get(name)?.kind.as_deref().and_then(Kind::of_schema);
    names.iter().filter_map(|name| Some(((*name).to_owned(), kind(name)?))).collect()
}

/// Adds, of properties whose kinds are not known yet, those that a collection's summaries tell.
fn add_summarised(kinds: &mut Kinds, names: &[&str], collection: &Collection) {
    let unknown: Vec<&str> = names.iter().copied().filter(|name| !kinds.contains_key(*name)).collect();
    let kind = |name: &str| collection.summary(name).and_then(kind_of_summary);
    kinds.extend(unknown.into_iter().filter_map(|name| Some((name.to_owned(), kind(name)?))));
}

/// A summary is a list of values, or a range.
fn kind_of_summary(summary: &Value) -> Option<Kind> {
    match summary {
        Value::Object(range) => range.get("minimum").and_then(Kind::of_value),
        other => Kind::of_value(other),
    }
}

fn queryables(text: &str) -> Queryables {
    let Ok(Value::Object(document)) = serde_json::from_str::<Value>(text) else {
        return Queryables::new();
    };
    let Some(Value::Object(properties)) = document.get("properties") else {
        return Queryables::new();
    };
    let of = |schema: &Value| {
        let word = |key: &str| schema.get(key).and_then(Value::as_str).map(str::to_owned);
        Queryable {
            kind: schema.get("type").and_then(schema_type),
            title: word("title").or_else(|| word("description")),
            schema: schema.clone(),
        }
    };
    // pgstac writes `properties.gsd` in some versions.
    let plain = |name: &str| name.strip_prefix("properties.").unwrap_or(name).to_owned();
    properties.iter().map(|(name, schema)| (plain(name), of(schema))).collect()
}

/// `"number"`, or the first of `["number", "null"]` that says something.
fn schema_type(kind: &Value) -> Option<String> {
    let first =
        |kinds: &Vec<Value>| kinds.iter().filter_map(Value::as_str).find(|k| *k != "null").map(str::to_owned);
    kind.as_str().map(str::to_owned).or_else(|| kind.as_array().and_then(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn queryables_of_the_wild() {
        let document = json!({ "properties": {
            "gsd": { "type": "number", "title": "Ground sample distance", "minimum": 0 },
            "properties.platform": { "type": ["null", "string"], "enum": ["a"] },
            "eo:cloud_cover": { "$ref": "https://stac-extensions.github.io/eo/v1.0.0/schema.json#/x" },
        }});
        let found = queryables(&document.to_string());
        assert_eq!(found["gsd"].kind.as_deref(), Some("number"));
        assert_eq!(found["gsd"].title.as_deref(), Some("Ground sample distance"));
        assert_eq!(found["platform"].kind.as_deref(), Some("string"));
        assert_eq!(found["eo:cloud_cover"].kind, None);
        assert!(queryables("[]").is_empty() && queryables(r#"{"properties":3}"#).is_empty());
    }

    #[test]
    fn summaries_tell_types() {
        assert_eq!(kind_of_summary(&json!({ "minimum": 1, "maximum": 2 })), Some(Kind::Number));
        assert_eq!(kind_of_summary(&json!(["a", "b"])), Some(Kind::Text));
        assert_eq!(kind_of_summary(&json!([])), None);
    }
}
