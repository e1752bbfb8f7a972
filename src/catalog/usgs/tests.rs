//! M2M, asked by our client: the embedded server says what is right.

mod catalogue;
mod downloading;
mod remembering;
mod searching;
mod talking;
mod walking;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::answers::Answers;
use super::archive::Settings;
use super::downloads::Patience;
use super::session::{Account, Session};
use super::{Catalog, Usgs};
use crate::cache::Cache;
use crate::catalog::{Depth, Error, Pages, Search};
use crate::config::{Reach, Secret};
use crate::demo;
use crate::http::{self, Http};
use crate::item::Item;
use crate::query::{FieldOrder, Query, Segment};
use crate::report::Report;

/// Landsat 8 and 9, level 2.
const LEVEL_2: &str = "landsat_ot_c2_l2";
/// Landsat 4 and 5, level 2: the smaller one.
const TM: &str = "landsat_tm_c2_l2";

/// The embedded servers, and a client that asks them.
struct Desk {
    servers: demo::usgs::Usgs,
    source: Usgs,
    report: Arc<Report>,
}

fn settings() -> Settings {
    Settings {
        name: "usgs".into(),
        lifetime: Duration::from_secs(600),
        page_size: 200,
        max_scan: 20_000,
        window: 50_000,
        agreements: Vec::new(),
    }
}

impl Desk {
    fn new() -> Desk {
        Desk::of("demo", settings())
    }

    fn of(user: &str, settings: Settings) -> Desk {
        let options = demo::usgs::Options { standing_at: Some("2026-11-20T12:00:00Z".parse().unwrap()) };
        let servers = demo::usgs::start(options).unwrap();
        let report = Arc::new(Report::new());
        let token = Some(Secret::new(format!("{user}-token")));
        let source = client(
            &servers,
            Some(Account { username: user.into(), token, password: None }),
            settings,
            &report,
        );
        Desk { servers, source, report }
    }

    /// How often each endpoint was asked since the last call.
    fn asked(&self) -> Vec<String> {
        let journal = self.servers.m2m_server.journal();
        let asked = journal
            .entries()
            .iter()
            .map(|entry| entry.path().rsplit('/').next().unwrap().to_owned())
            .collect();
        journal.clear();
        asked
    }

    fn items(&self, search: &Search) -> Result<Vec<Item>, Error> {
        all(self.source.search(search)?)
    }

    /// What a path of segments finds in a dataset.
    fn found(&self, dataset: &str, path: &str) -> Vec<Item> {
        self.items(&search(dataset, path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

fn client(
    servers: &demo::usgs::Usgs,
    account: Option<Account>,
    settings: Settings,
    report: &Arc<Report>,
) -> Usgs {
    let session = Arc::new(Session::new(http(report), Url::parse(&servers.m2m_url).unwrap(), account, None));
    let patience = Patience { pause: Duration::from_millis(20), most: Duration::from_secs(20) };
    let answers = answers(&session, Cache::none(Arc::clone(report)), settings.lifetime, Reach::Online);
    Usgs::new(session, answers, settings, patience, Arc::clone(report))
}

fn http(report: &Arc<Report>) -> Arc<Http> {
    let quick = http::Settings { pause: Duration::from_millis(1), ..http::Settings::default() };
    Arc::new(Http::new(quick, Vec::new(), Arc::clone(report)).unwrap())
}

/// What is remembered for a session in a cache.
fn answers(session: &Session, cache: Cache, lifetime: Duration, reach: Reach) -> Answers {
    let report = Arc::clone(cache.report());
    Answers::new(Arc::new(cache), report, "usgs", session.place(), lifetime, reach)
}

fn all<T>(mut pages: Box<dyn Pages<T>>) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    while let Some(page) = pages.next_page()? {
        all.extend(page.members);
    }
    Ok(all)
}

fn query(path: &str) -> Query {
    let predicate = |text: &str| match Segment::parse(text, &()).unwrap_or_else(|error| panic!("{error}")) {
        Segment::Predicate(predicate) => predicate,
        Segment::View(option) => panic!("{option:?}"),
    };
    path.split('/').filter(|segment| !segment.is_empty()).map(predicate).collect()
}

fn search(dataset: &str, path: &str) -> Search {
    Search {
        collection: Some(dataset.into()),
        query: query(path),
        sortby: Vec::new(),
        wanted: None,
        depth: Depth::Outline,
    }
}

fn by(field: &str) -> Vec<FieldOrder> {
    let descending = field.starts_with('-');
    vec![FieldOrder { field: field.trim_start_matches('-').into(), descending }]
}

fn ids(items: &[Item]) -> Vec<String> {
    let mut ids: Vec<String> = items.iter().map(|item| item.id().to_owned()).collect();
    ids.sort_unstable();
    ids
}

fn property(item: &Item, name: &str) -> Value {
    item.property(name).cloned().unwrap_or_default()
}
