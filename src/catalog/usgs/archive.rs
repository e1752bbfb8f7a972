//! What is known of one M2M: its datasets, their fields, scenes that were met.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use lru::LruCache;
use serde_json::{Map, Value, json};

use super::answers::{Answers, Kept};
use super::envelope::{members, text};
use super::fields::Fields;
use super::session::Session;
use super::{dataset, product, scene};
use crate::catalog::remembered::Remembered;
use crate::catalog::{Error, Search, absent};
use crate::config::{Limits, SourceConfig};
use crate::http;
use crate::item::{Collection, Item};
use crate::report::{Report, lock};

/// Scenes whose text is remembered, so that looking into a listed one asks for its products only.
const MOST_SCENES: NonZeroUsize = NonZeroUsize::new(2048).unwrap();

/// Scenes asked for by `scene-metadata`, one by one; more go by a scene list.
const FEW: usize = 3;

/// Scenes whose products are asked for in one request.
const OPTIONS_AT_ONCE: usize = 100;

/// Settings of one source.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The source's name, for notes.
    pub name: String,
    /// How long metadata are taken for true.
    pub lifetime: Duration,
    /// Scenes per page: M2M takes 50,000, and is slow with more than some hundreds.
    pub page_size: u64,
    /// Most scenes read for something done here.
    pub max_scan: u64,
    /// No scene beyond this one of a search can be had.
    pub window: u64,
    /// Codes of the agreements that the user has accepted.
    pub agreements: Vec<String>,
}

impl Settings {
    /// Those of a configured source.
    pub fn of(config: &SourceConfig, limits: &Limits) -> Settings {
        Settings {
            name: config.name.clone(),
            lifetime: config.metadata_lifetime.unwrap_or(limits.metadata_lifetime),
            page_size: config.page_size.map_or(500, u64::from).clamp(1, 10_000),
            max_scan: config.max_scan.unwrap_or(limits.max_scan),
            window: 50_000,
            agreements: config.agreements.clone(),
        }
    }
}

/// The archive behind one account.
pub struct Archive {
    session: Arc<Session>,
    answers: Answers,
    settings: Settings,
    report: Arc<Report>,
    datasets: Remembered<Vec<Value>>,
    fields: Mutex<HashMap<String, Arc<Remembered<Fields>>>>,
    samples: Mutex<HashMap<String, Arc<Remembered<Option<Item>>>>>,
    scenes: Mutex<LruCache<(String, String), Arc<str>>>,
}

impl Archive {
    pub fn new(session: Arc<Session>, answers: Answers, settings: Settings, report: Arc<Report>) -> Archive {
        Archive {
            session,
            answers,
            settings,
            report,
            datasets: Remembered::default(),
            fields: Mutex::default(),
            samples: Mutex::default(),
            scenes: Mutex::new(LruCache::new(MOST_SCENES)),
        }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Scenes per page of a search.
    pub fn page_size(&self, search: &Search) -> u64 {
        let wanted = search.wanted.filter(|wanted| *wanted > 0).unwrap_or(u64::MAX);
        self.settings.page_size.min(wanted).min(self.settings.window)
    }

    /// The `data` of the answer to a question that changes nothing there: remembered, else asked for.
    pub fn ask(&self, endpoint: &str, body: &Value) -> Result<Value, Error> {
        self.answers.get(&format!("{endpoint} {body}"), || self.session.ask(endpoint, body))
    }

    /// A page of a listing, and when it came: none from before the listing's first page, where that came at `since`.
    pub fn page(&self, body: &Value, since: Option<Timestamp>) -> Result<(Value, Timestamp), Error> {
        let question = format!("scene-search {body}");
        self.answers.get_since(since, &question, || self.session.ask("scene-search", body))
    }

    /// All datasets of the account.
    pub fn datasets(&self) -> Result<Arc<Vec<Value>>, Error> {
        self.datasets.get(self.settings.lifetime, || {
            let data = self.ask("dataset-search", &json!({}))?;
            Ok(data.as_array().cloned().unwrap_or_default())
        })
    }

    /// A collection by its alias, or by a name from before.
    pub fn collection(&self, id: &str) -> Result<Option<Collection>, Error> {
        let datasets = self.datasets()?;
        let find = |id: &str| {
            datasets.iter().find(|dataset| dataset::alias(dataset).is_some_and(|alias| alias == id))
        };
        if let Some(dataset) = find(id) {
            return Ok(dataset::collection(dataset));
        }
        let Some(today) = dataset::successor(id) else {
            let aliases: Vec<String> = datasets.iter().filter_map(dataset::alias).collect();
            return absent(id, aliases.iter().map(String::as_str));
        };
        match find(today) {
            Some(dataset) => Ok(dataset::collection(dataset)),
            None => Err(dataset::gone(id, today)),
        }
    }

    /// The fields that scenes of a dataset can be asked for.
    pub fn fields(&self, dataset: &str) -> Result<Arc<Fields>, Error> {
        slot(&self.fields, dataset).get(self.settings.lifetime, || {
            Ok(Fields::of(&self.ask("dataset-filters", &json!({"datasetName": dataset}))?))
        })
    }

    /// Some scene of a dataset: what properties look like there.
    pub fn sample(&self, dataset: &str) -> Result<Arc<Option<Item>>, Error> {
        slot(&self.samples, dataset).get(self.settings.lifetime, || {
            let wanted = json!({"datasetName": dataset, "maxResults": 1, "metadataType": "full"});
            let page = self.ask("scene-search", &wanted)?;
            Ok(members(&page, "results").find_map(|found| scene::item(dataset, found)))
        })
    }

    /// A scene that came in, as an item without products; remembered.
    pub fn met(&self, dataset: &str, found: &Value) -> Option<Item> {
        let item = scene::item(dataset, found)?;
        lock(&self.scenes).put((dataset.to_owned(), item.id().to_owned()), item.raw().into());
        Some(item)
    }

    /// One scene by display id, without products: met before, else asked for.
    pub fn scene(&self, dataset: &str, id: &str) -> Result<Option<Item>, Error> {
        if let Some(item) = self.remembered(dataset, id) {
            return Ok(Some(item));
        }
        // Looked into before: M2M was asked for it by another question then.
        if let Some(kept) = self.answers.look(&looked_into(dataset, id)).filter(|kept| kept.is_fresh)
            && let Some(item) = self.of_before(dataset, &kept.value)
        {
            return Ok(Some(item));
        }
        let wanted = named(dataset, id);
        match self.ask("scene-metadata", &wanted) {
            Ok(found) => Ok(self.met(dataset, &found).filter(|item| item.id() == id)),
            Err(Error::Gone { .. }) => Ok(None),
            Err(error) => {
                let old = self.answers.look(&looked_into(dataset, id));
                let (old, _) = self.answers.or_old(Err(error), old)?;
                Ok(self.of_before(dataset, &old))
            }
        }
    }

    /// The item of a scene that was looked into before.
    fn of_before(&self, dataset: &str, kept: &Value) -> Option<Item> {
        let item = Item::from_json(&kept.get("scene")?.to_string()).ok()?;
        lock(&self.scenes).put((dataset.to_owned(), item.id().to_owned()), item.raw().into());
        Some(item)
    }

    /// A scene as M2M has it. `None` where it has none of this display id.
    pub fn metadata_json(&self, dataset: &str, id: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.ask("scene-metadata", &named(dataset, id)) {
            Ok(Value::Null) | Err(Error::Gone { .. }) => Ok(None),
            Ok(scene) => Ok(Some(format!("{scene:#}\n").into_bytes())),
            Err(error) => Err(error),
        }
    }

    /// The XML of a scene's metadata. `None` where M2M has none of this display id.
    pub fn metadata_xml(&self, dataset: &str, id: &str) -> Result<Option<Vec<u8>>, Error> {
        let wanted = json!({"datasetName": dataset, "entityId": id, "idType": "displayId"});
        match self.ask("scene-metadata-xml", &wanted) {
            Ok(answer) => Ok(text(&answer, "exportContent").map(String::into_bytes)),
            Err(Error::Gone { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Several scenes by display id, without products; those that are not there are left out.
    pub fn scenes(&self, dataset: &str, ids: &[&str]) -> Result<Vec<Item>, Error> {
        let (mut items, mut missing) = (Vec::new(), Vec::new());
        for id in ids {
            match self.remembered(dataset, id) {
                Some(item) => items.push(item),
                None => missing.push(*id),
            }
        }
        if missing.len() <= FEW {
            for id in missing {
                items.extend(self.scene(dataset, id)?);
            }
            return Ok(items);
        }
        items.extend(self.listed(dataset, &missing)?.into_iter().filter(|item| missing.contains(&item.id())));
        Ok(items)
    }

    /// Many scenes at once, by way of a scene list of ours.
    fn listed(&self, dataset: &str, ids: &[&str]) -> Result<Vec<Item>, Error> {
        let list = format!("stacfs-{}", super::downloads::nonce());
        let add = json!({"listId": list, "datasetName": dataset, "idField": "displayId", "entityIds": ids, "timeToLive": "PT1H"});
        self.session.act("scene-list-add", &add)?;
        let wanted = json!({"listId": list, "datasetName": dataset, "metadataType": "full"});
        let found = self.session.ask("scene-metadata-list", &wanted);
        // The list would go by itself, an hour later.
        let _ = self.session.act("scene-list-remove", &json!({"listId": list}));
        let found = found?;
        // By dataset; some answers are the bare array.
        let rows = found.get(dataset).unwrap_or(&found).as_array();
        Ok(rows.into_iter().flatten().filter_map(|found| self.met(dataset, found)).collect())
    }

    fn remembered(&self, dataset: &str, id: &str) -> Option<Item> {
        let raw = lock(&self.scenes).get(&(dataset.to_owned(), id.to_owned())).cloned()?;
        Item::from_json(&raw).ok()
    }

    /// Items with their products: one request for up to a hundred of those that were not looked into before. Where
    /// the account may not download, they stand without, and a note says why.
    pub fn complete(&self, dataset: &str, items: Vec<Item>) -> Result<Vec<Item>, Error> {
        let mut complete = Vec::with_capacity(items.len());
        for batch in items.chunks(OPTIONS_AT_ONCE) {
            let before: Vec<Option<Kept>> =
                batch.iter().map(|item| self.answers.look(&looked_into(dataset, item.id()))).collect();
            let is_due = |kept: &Option<Kept>| !kept.as_ref().is_some_and(|kept| kept.is_fresh);
            let due: Vec<String> = batch
                .iter()
                .zip(&before)
                .filter(|(_, kept)| is_due(kept))
                .filter_map(|(item, _)| entity(item))
                .collect();
            let mut came = self.products(dataset, &due).map(|products| products.map(Value::Object));
            for (item, kept) in batch.iter().zip(before) {
                let products = match kept {
                    Some(kept) if kept.is_fresh => kept.value.get("products").cloned(),
                    kept => self.came(dataset, item, &mut came, kept)?,
                };
                let products = products.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
                complete.push(scene::with_assets(item, products).unwrap_or_else(|| item.clone()));
            }
        }
        Ok(complete)
    }

    /// The products of one scene out of an answer that came; where it failed in passing, those of before.
    fn came(
        &self,
        dataset: &str,
        item: &Item,
        came: &mut Result<Option<Value>, Error>,
        kept: Option<Kept>,
    ) -> Result<Option<Value>, Error> {
        match came {
            Ok(None) => Ok(None),
            Ok(Some(products)) => {
                let own = entity(item).and_then(|entity| Some(products.get_mut(&entity)?.take()));
                let own = own.unwrap_or_else(|| json!({}));
                let kept = json!({"scene": item.feature(), "products": own});
                self.answers.keep(&looked_into(dataset, item.id()), &kept);
                Ok(Some(own))
            }
            Err(error) => {
                let (old, _) = self.answers.or_old(Err(error.clone()), kept)?;
                Ok(old.get("products").cloned())
            }
        }
    }

    /// The products of scenes, by entity id; `None` where the account may not know.
    fn products(&self, dataset: &str, entities: &[String]) -> Result<Option<Map<String, Value>>, Error> {
        if entities.is_empty() {
            return Ok(Some(Map::new()));
        }
        let subject = format!("{}: products", self.settings.name);
        // Remembered scene by scene.
        match self.session.ask("download-options", &json!({"datasetName": dataset, "entityIds": entities})) {
            Ok(data) => {
                self.report.clear_note(&subject);
                let by_entity = product::by_entity(dataset, &data).into_iter();
                Ok(Some(by_entity.map(|(entity, products)| (entity, Value::Object(products))).collect()))
            }
            Err(Error::Http(error @ http::Error::Denied { .. })) => {
                self.report.note(&subject, &format!("scenes stand without their products: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// The scene's entity id.
fn entity(item: &Item) -> Option<String> {
    item.property(scene::ENTITY).and_then(Value::as_str).map(str::to_owned)
}

/// What a scene that was looked into is remembered by: its item, and its products.
fn looked_into(dataset: &str, id: &str) -> String {
    format!("scene and products {dataset} {id}")
}

/// The question for one scene by its display id.
pub fn named(dataset: &str, id: &str) -> Value {
    json!({"datasetName": dataset, "entityId": id, "idType": "displayId", "metadataType": "full"})
}

fn slot<T>(slots: &Mutex<HashMap<String, Arc<Remembered<T>>>>, dataset: &str) -> Arc<Remembered<T>> {
    Arc::clone(lock(slots).entry(dataset.to_owned()).or_default())
}
