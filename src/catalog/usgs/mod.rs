//! USGS M2M: scene search as a catalogue.
//!
//! In: an account, and searches. Out: a [`Catalog`]: datasets are collections, scenes are items named by their
//! display id, download products are assets.
//!
//! M2M takes one request of an account at a time, so all calls pass one [`session`], and all processes of a user take
//! [`turns`]. A search is asked for in
//! M2M's own filters (`plan`) and every scene that comes back is tested here once more (`pages`): M2M knows days
//! and whole percents only, and returns scenes across the antimeridian for foreign places. Listing and looking
//! download nothing: a product is asked for when its bytes are read (`downloads`).

mod answers;
mod archive;
mod dataset;
mod downloads;
mod envelope;
mod fields;
mod footprint;
mod ids;
mod origin;
mod pages;
mod plan;
mod product;
mod scene;
mod session;
#[cfg(test)]
mod tests;
mod tidy;
mod turns;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::{Catalog, Count, Description, Error, Pages, Queryable, Search};
use crate::cache::Cache;
use crate::config::{Credential, Limits, SourceConfig};
use crate::content::Origin;
use crate::http::{self, Http, shown};
use crate::item::{Asset, Collection, Item};
use crate::query::Evaluator;
use crate::report::Report;
use answers::Answers;
use archive::{Archive, Settings};
use downloads::{Downloads, Patience};
pub use ids::is_valid;
use pages::{Listed, ScenePages};
use plan::{Branch, Plan, Said};
use session::{Account, Session};
use turns::Turns;

/// What M2M says of a scene, as it says it.
const METADATA_JSON: &str = "metadata.json";
/// The same as an XML export.
const METADATA_XML: &str = "metadata.xml";

/// A USGS source: M2M behind one account.
pub struct Usgs {
    archive: Arc<Archive>,
    downloads: Arc<Downloads>,
}

/// A USGS source over the M2M at `base` (which ends in `/`), whose answers are remembered in `cache`. Makes no
/// request.
pub fn open(
    config: &SourceConfig,
    base: Url,
    http: Arc<Http>,
    cache: Arc<Cache>,
    limits: &Limits,
    report: Arc<Report>,
) -> Arc<Usgs> {
    let account = match &config.credential {
        Some(Credential::Usgs { username, token, password }) => {
            Some(Account { username: username.clone(), token: token.clone(), password: password.clone() })
        }
        _ => None,
    };
    let reach = http.reach();
    let turns = account.as_ref().and_then(|account| Turns::of(&cache, &base, &account.username));
    let session = Arc::new(Session::new(http, base, account, turns));
    let settings = Settings::of(config, limits);
    let answers =
        Answers::new(cache, Arc::clone(&report), &settings.name, session.place(), settings.lifetime, reach);
    Arc::new(Usgs::new(session, answers, settings, Patience::of(limits), report))
}

/// What a login has brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// The ERS user name.
    pub username: String,
    /// What the account may do: `user`, `download`, `order`.
    pub permissions: Vec<String>,
    /// How old the key is. It lives for two hours after its last use.
    pub age: Duration,
}

impl Login {
    /// Whether the account may download: it has MACHINE access.
    pub fn may_download(&self) -> bool {
        self.permissions.iter().any(|permission| permission == "download")
    }
}

impl Usgs {
    fn new(
        session: Arc<Session>,
        answers: Answers,
        settings: Settings,
        patience: Patience,
        report: Arc<Report>,
    ) -> Usgs {
        let agreements = settings.agreements.clone();
        let downloads = Arc::new(Downloads::new(Arc::clone(&session), patience, agreements));
        Usgs { archive: Arc::new(Archive::new(session, answers, settings, report)), downloads }
    }

    /// Logs in, where that was not done yet, and asks what the account may do.
    ///
    /// # Errors
    /// Whatever M2M says: which of user, token and permission is missing.
    pub fn login(&self) -> Result<Login, Error> {
        let permissions = self.archive.session().ask("permissions", &json!({}))?;
        let permissions = permissions.as_array().into_iter().flatten().filter_map(Value::as_str);
        let (_, username) = self.archive.session().place();
        Ok(Login {
            username: username.unwrap_or_default().to_owned(),
            permissions: permissions.map(str::to_owned).collect(),
            age: self.archive.session().key_age().unwrap_or_default(),
        })
    }

    /// Time since the login; `None` where M2M gave no key.
    pub fn key_age(&self) -> Option<Duration> {
        self.archive.session().key_age()
    }

    /// Asks what could be downloaded of a scene that nobody has: whether the account may ask at all. Requests no
    /// download.
    ///
    /// # Errors
    /// What M2M says to an account without MACHINE access; or whatever keeps it from saying so.
    pub fn offers_downloads(&self) -> Result<(), Error> {
        let datasets = self.archive.datasets()?;
        let Some(dataset) = datasets.iter().find_map(dataset::alias) else { return Ok(()) };
        let nothing = json!({"datasetName": dataset, "entityIds": ["stacfs-check"]});
        match self.archive.session().ask("download-options", &nothing) {
            // That there is no such scene is what was to be expected.
            Ok(_) | Err(Error::Gone { .. }) => Ok(()),
            Err(Error::Http(http::Error::Status { status: 400, .. })) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn plan(&self, search: &Search) -> Result<Plan, Error> {
        Plan::of(&self.archive, search)
    }
}

impl Catalog for Usgs {
    fn describe(&self) -> Result<Description, Error> {
        let datasets = self.archive.datasets()?.len();
        let (base, username) = self.archive.session().place();
        let facts = [
            ("datasets", datasets.to_string()),
            ("user", username.unwrap_or_default().to_owned()),
            ("search", "POST scene-search, one request at a time".to_owned()),
        ];
        Ok(Description {
            title: "USGS M2M".to_owned(),
            text: "Datasets of the USGS EROS archive, by its machine-to-machine API.".to_owned(),
            kind: "USGS M2M",
            url: shown(base),
            facts: facts.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect(),
        })
    }

    fn collections(&self) -> Result<Box<dyn Pages<Collection>>, Error> {
        Ok(Box::new(Listed::new(Arc::clone(&self.archive))))
    }

    /// By its alias; lsru's names and spacecraft numbers stand for today's datasets.
    fn collection(&self, id: &str) -> Result<Option<Collection>, Error> {
        self.archive.collection(id)
    }

    fn search(&self, search: &Search) -> Result<Box<dyn Pages<Item>>, Error> {
        let evaluator = Evaluator::new(&search.query)?;
        Ok(Box::new(ScenePages::new(Arc::clone(&self.archive), search.clone(), evaluator)))
    }

    fn item(&self, collection: &str, id: &str) -> Result<Option<Item>, Error> {
        let Some(scene) = self.archive.scene(collection, id)? else { return Ok(None) };
        Ok(self.archive.complete(collection, vec![scene])?.pop())
    }

    fn items(&self, collection: &str, ids: &[&str]) -> Result<Vec<Item>, Error> {
        let scenes = self.archive.scenes(collection, ids)?;
        self.archive.complete(collection, scenes)
    }

    fn count(&self, search: &Search) -> Result<Count, Error> {
        let plan = self.plan(search)?;
        match plan.branches.as_slice() {
            [] => Ok(Count::Matched(0)),
            [Branch::Filter(filter)] if plan.said == Said::Exactly => {
                let hits = self.archive.ask("scene-search", &plan.request(filter, 1, 1))?;
                let hits = hits.get("totalHits").and_then(envelope::number);
                Ok(hits.map_or(Count::Unknown, |hits| Count::Matched(hits.max(0.0) as u64)))
            }
            _ => Ok(Count::Unknown),
        }
    }

    fn queryables(&self, collection: &str) -> Result<BTreeMap<String, Queryable>, Error> {
        Ok(self.archive.fields(collection)?.queryables())
    }

    fn origin(&self, _: &Item, asset: &Asset) -> Result<Option<Arc<dyn Origin>>, Error> {
        Ok(asset.href().map(|href| origin::of(href, &self.downloads)))
    }

    fn documents(&self) -> &'static [&'static str] {
        &[METADATA_JSON, METADATA_XML]
    }

    fn document(&self, item: &Item, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some(dataset) = item.collection() else { return Ok(None) };
        match name {
            METADATA_JSON => self.archive.metadata_json(&dataset, item.id()),
            METADATA_XML => self.archive.metadata_xml(&dataset, item.id()),
            _ => Ok(None),
        }
    }

    fn leave(&self) {
        self.downloads.clear();
        self.archive.session().logout();
    }

    fn explain(&self, search: &Search) -> Result<Vec<String>, Error> {
        let plan = self.plan(search)?;
        let (base, _) = self.archive.session().place();
        let line = |branch: &Branch| match branch {
            Branch::Filter(filter) => {
                vec![format!(
                    "POST {base}scene-search {}",
                    plan.request(filter, 1, self.archive.page_size(search))
                )]
            }
            Branch::Named(ids) => {
                let line = |id: &String| format!("POST {base}scene-metadata {}", plan.named(id));
                ids.iter().map(line).collect()
            }
        };
        Ok(plan.branches.iter().flat_map(line).collect())
    }
}
