//! Whether logins are taken: one item is searched for, and one byte read of its files, as the configuration says
//! and without any login. What is open to all says nothing of a login.

use std::sync::{Arc, Mutex};

use url::Url;

use super::finding::Finding;
use crate::catalog::{Depth, Search};
use crate::cli::Failure;
use crate::cli::assemble::{Assembly, Member};
use crate::config::{Config, Credential, Grant, S3Store, Scope, SourceKind};
use crate::content::{Location, names_web_page};
use crate::http::{self, Error, Http, Request, S3Object, shown};
use crate::item::Item;
use crate::query::Query;
use crate::report::{Report, lock};

/// Files of so many servers are tried for each source.
const SERVERS: usize = 3;

/// Two clients: one that is logged in, and one that is nobody.
pub(super) struct Trial<'a> {
    known: &'a Http,
    nobody: Http,
    grants: Vec<Grant>,
    /// Where something was asked for.
    places: Mutex<Vec<Url>>,
}

/// How a server took us.
#[derive(Debug, Clone, PartialEq)]
enum Taken {
    /// It lets nobody in who is not logged in, and let us in.
    Accepted,
    /// It lets everybody in.
    Open,
    /// It did not let us in; its words.
    Refused(String),
    /// Something else is wrong.
    Failed(String),
}

impl<'a> Trial<'a> {
    /// # Errors
    /// Where a second client cannot be made.
    pub(super) fn new(assembly: &'a Assembly) -> Result<Trial<'a>, Failure> {
        let nobody = Http::new(http::Settings::default(), Vec::new(), Arc::new(Report::new()));
        let nobody = nobody.map_err(Failure::failed)?;
        let grants = assembly.config().all_grants();
        Ok(Trial { known: assembly.http(), nobody, grants, places: Mutex::default() })
    }

    /// Searches for one item of a source, and reads of its files. USGS has looks of its own.
    pub(super) fn source(&self, member: &Member) -> Vec<Finding> {
        let name = &member.config.name;
        let SourceKind::Url(url) = &member.config.kind else { return Vec::new() };
        let described = member.catalog.describe();
        if !described.is_ok_and(|described| described.kind == "STAC API") {
            return self.login(member, std::slice::from_ref(url)).into_iter().collect();
        }
        let search = Search {
            collection: None,
            query: Query::default(),
            sortby: Vec::new(),
            wanted: Some(1),
            depth: Depth::Whole,
        };
        let page = member.catalog.search(&search).and_then(|mut pages| pages.next_page());
        let line = member.catalog.explain(&search).ok().and_then(|lines| lines.into_iter().next());
        let (method, place) = line.as_deref().and_then(|line| line.split_once(' ')).unwrap_or_default();
        let mut findings: Vec<Finding> = Vec::new();
        let mut places = vec![url.clone()];
        places.extend(Url::parse(place.trim()).ok().filter(|_| method == "GET"));
        findings.extend(self.login(member, &places));
        match page {
            Err(error) => findings.push(Finding::bad(format!("search of {name}"), error.to_string())),
            Ok(page) => {
                let item = page.and_then(|page| page.members.into_iter().next());
                let found = if item.is_some() { "works" } else { "works, and found nothing" };
                findings.push(Finding::good(format!("search of {name}"), format!("{found} (by {method})")));
                findings.extend(item.iter().flat_map(|item| self.files(member, item)));
            }
        }
        findings
    }

    /// Whether the login of a source is taken, by what its API says to us and to nobody.
    fn login(&self, member: &Member, places: &[Url]) -> Option<Finding> {
        let config = &member.config;
        if config.credential.is_none() && config.headers.is_empty() {
            return None;
        }
        let subject = format!("login to {}", config.name);
        let mut open = None;
        for url in places {
            match self.ask(&Request::get(url.clone())) {
                Taken::Accepted => {
                    return Some(Finding::good(
                        subject,
                        format!("is accepted; without it {} is closed", shown(url)),
                    ));
                }
                Taken::Refused(words) => return Some(Finding::bad(subject, words)),
                Taken::Failed(words) => return Some(Finding::doubtful(subject, words)),
                Taken::Open => open = Some(url),
            }
        }
        if matches!(config.credential, Some(Credential::OAuth2 { .. })) {
            return Some(Finding::good(subject, "its token server gives tokens; the API asks for none"));
        }
        let words = format!("may not be needed: {} answers everybody", shown(open?));
        Some(Finding::doubtful(subject, words))
    }

    /// One byte of a file of an item, from each of its servers.
    fn files(&self, member: &Member, item: &Item) -> Vec<Finding> {
        let mut hosts = Vec::new();
        let mut findings = Vec::new();
        for asset in item.assets() {
            let Ok(Some(origin)) = member.catalog.origin(item, &asset) else { continue };
            if origin.is_staged() || hosts.len() >= SERVERS {
                continue;
            }
            let Ok(location) = origin.locate(None) else { continue };
            let host = location.url.origin().ascii_serialization();
            if !matches!(location.url.scheme(), "http" | "https") || hosts.contains(&host) {
                continue;
            }
            findings.push(self.file(&format!("files at {host}"), &location));
            hosts.push(host);
        }
        findings
    }

    fn file(&self, subject: &str, location: &Location) -> Finding {
        let mut request = Request::get(location.url.clone()).with_header("Range", "bytes=0-0");
        request.headers.extend(location.headers.iter().cloned());
        let place = shown(&location.url);
        match self.ask(&request) {
            Taken::Accepted => Finding::good(subject, format!("login accepted: {place} can be read")),
            Taken::Open => Finding::good(subject, format!("{place} can be read")),
            Taken::Refused(words) => {
                match self.grants.iter().any(|grant| grant.scope.covers(&location.url)) {
                    true => Finding::bad(subject, words),
                    false => Finding::doubtful(subject, words),
                }
            }
            Taken::Failed(words) => Finding::doubtful(subject, words),
        }
    }

    /// What is configured for places that no file of the sources led to. Stores whose buckets are named are asked
    /// for a list of one name.
    pub(super) fn rest(&self, config: &Config) -> Vec<Finding> {
        let places = lock(&self.places).clone();
        let named = config.stores.iter().filter(|store| store.keys.is_some() && !store.name.is_empty());
        let mut findings: Vec<Finding> = named.filter_map(|store| self.store(store)).collect();
        let untried = |grants: &[Grant]| {
            let scopes = grants.iter().map(|grant| &grant.scope);
            let mut words: Vec<String> = scopes
                .filter(|scope| !places.iter().any(|url| scope.covers(url)))
                .map(Scope::to_string)
                .collect();
            words.dedup();
            (!words.is_empty()).then(|| words.join(", "))
        };
        if let Some(scopes) = untried(&config.grants) {
            let words = format!("not tried, since no file looked at lies there: {scopes}");
            findings.push(Finding::doubtful("credentials", words));
        }
        // The file names hosts of many a purpose, and their passwords are no business of ours.
        if let Some(scopes) = untried(&config.netrc) {
            let words = format!(
                "has logins that are sent only where a source leads to their hosts, and none did: {scopes}"
            );
            findings.push(Finding::good("~/.netrc", words));
        }
        findings
    }

    fn store(&self, store: &S3Store) -> Option<Finding> {
        let bucket = store.buckets.first()?;
        let subject = format!("keys of {}", store.name);
        let object = S3Object { bucket: bucket.clone(), ..S3Object::default() };
        let mut url = match self.known.s3_url(&object) {
            Ok(url) => url,
            Err(why) => return Some(Finding::bad(subject, why)),
        };
        url.query_pairs_mut().append_pair("list-type", "2").append_pair("max-keys", "1");
        Some(match self.ask(&Request::get(url)) {
            Taken::Accepted => Finding::good(subject, format!("are accepted for {bucket}")),
            Taken::Open => {
                Finding::doubtful(subject, format!("may not be needed: {bucket} answers everybody"))
            }
            // Keys that may read need not be allowed to list.
            Taken::Refused(words) | Taken::Failed(words) => {
                Finding::doubtful(subject, format!("{bucket}: {words}"))
            }
        })
    }

    fn ask(&self, request: &Request) -> Taken {
        lock(&self.places).push(request.url.clone());
        match look(self.known, request) {
            Err(error) if is_refusal(&error) => Taken::Refused(error.to_string()),
            Err(error) => Taken::Failed(error.to_string()),
            Ok(()) => match look(&self.nobody, request) {
                Err(error) if is_refusal(&error) => Taken::Accepted,
                _ => Taken::Open,
            },
        }
    }
}

/// Asks, and takes no more than the head of the answer.
fn look(http: &Http, request: &Request) -> Result<(), Error> {
    let stream = http.stream(request)?;
    let is_page =
        stream.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    match is_page
        && !names_web_page(stream.url.path())
        && request.headers.iter().any(|(name, _)| name == "Range")
    {
        true => Err(Error::Denied {
            url: shown(&request.url),
            why: format!("a page to log in comes in the place of the file; {}", http.advice(&request.url)),
        }),
        false => Ok(()),
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Denied { .. }) || matches!(error.status(), Some(401 | 403 | 407))
}
