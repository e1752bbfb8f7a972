//! The embedded M2M server: scene search and downloads, `/api/api/json/{version}/{endpoint}`.
//!
//! In: POSTs with JSON bodies and an `X-Auth-Token`. Out: envelopes. A user may have one request under way; a
//! second one at the same time is refused with RATE_LIMIT. See [`Quirks`] for what can be made to go wrong.

mod catalogue;
mod dataset;
mod downloads;
mod failure;
mod filter;
mod grid;
mod input;
mod limits;
mod lists;
mod options;
mod quirks;
mod scene;
mod search;
mod session;
mod ware;

pub use downloads::Download;
pub use quirks::{Disposition, Quirks, Quota};
pub use session::KEY_LIFETIME;
pub use ware::{Ware, What};

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};

use lru::LruCache;
use serde_json::{Value, json};

use super::accounts::{Account, by_name};
use super::clock::Clock;
use super::scenes::Archive;
use crate::demo::http::{Request, Response, Service, lock};
use failure::{Failure, Outcome, enveloped};
use options::Measures;

/// The server's memory, and what it was told to do wrong.
pub struct M2m {
    archive: Arc<Archive>,
    clock: Arc<Clock>,
    hosts: Mutex<Hosts>,
    quirks: Mutex<Quirks>,
    state: Mutex<State>,
    measures: Mutex<LruCache<(&'static str, String), Arc<Measures>>>,
}

/// Scenes whose products' sizes and checksums are remembered.
const MEASURED: NonZeroUsize = NonZeroUsize::new(2048).unwrap();

/// Where URLs in answers lead.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// Scheme and authority of the download host, without a final slash.
    pub downloads: String,
}

/// What the server remembers.
#[derive(Default)]
struct State {
    requests: u64,
    keys: i64,
    sessions: HashMap<String, session::Session>,
    under_way: HashMap<String, usize>,
    overlaps: u64,
    lists: HashMap<(String, String), Vec<(String, String)>>,
    downloads: Vec<Download>,
}

/// One request to an endpoint.
struct Call {
    endpoint: String,
    input: Value,
    key: Option<String>,
    account: Option<Account>,
}

impl Call {
    /// Who asks; empty at a login.
    fn user(&self) -> &str {
        self.account.map_or("", |account| account.username)
    }
}

impl M2m {
    /// A server over an archive.
    pub fn new(archive: Arc<Archive>, clock: Arc<Clock>) -> M2m {
        let (quirks, state) = (Mutex::default(), Mutex::default());
        let measures = Mutex::new(LruCache::new(MEASURED));
        M2m { archive, clock, hosts: Mutex::default(), quirks, state, measures }
    }

    /// Says where downloads are to be had: at their host, or at a line emulator before it.
    pub fn set_hosts(&self, hosts: Hosts) {
        *lock(&self.hosts) = hosts;
    }

    fn hosts(&self) -> Hosts {
        lock(&self.hosts).clone()
    }

    /// What goes wrong; to be changed by tests.
    pub fn quirks(&self) -> MutexGuard<'_, Quirks> {
        lock(&self.quirks)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// How often two requests of one user overlapped, and one was refused for it.
    pub fn overlaps(&self) -> u64 {
        self.state().overlaps
    }

    /// How many keys were given out so far.
    pub fn keys_given(&self) -> u64 {
        u64::try_from(self.state().keys).unwrap_or(0)
    }

    /// How many keys are alive, for as far as logouts count.
    pub fn open_sessions(&self) -> usize {
        self.state().sessions.len()
    }

    /// Makes all keys unknown, as a restart of the server does.
    pub fn forget_keys(&self) {
        self.state().sessions.clear();
    }

    /// The downloads that were requested and not removed.
    pub fn downloads(&self) -> Vec<Download> {
        self.state().downloads.clone()
    }

    /// Empties the queue, as a user does on the web site.
    pub fn forget_downloads(&self) {
        self.state().downloads.clear();
    }

    fn endpoint(&self, call: &Call) -> Outcome {
        let forbidden = call.endpoint.starts_with("download-") || call.endpoint == "dataset-download-options";
        if forbidden && call.account.is_some_and(|account| !account.machine) {
            let words = "User does not have access to this endpoint; \
                         MACHINE access can be requested at https://ers.cr.usgs.gov/profile/access";
            return Err(Failure::new("AUTH_UNAUTHROIZED", words).with_status(403));
        }
        match catalogue::ENDPOINTS.iter().find(|(name, _)| *name == call.endpoint) {
            Some((_, answer)) => answer(self, call),
            None if catalogue::NOT_SIMULATED.contains(&call.endpoint.as_str()) => {
                Err(Failure::new("ENDPOINT_UNAVAILABLE", format!("{} is unavailable here", call.endpoint)))
            }
            None => Err(Failure::new("NOT_FOUND", format!("Endpoint {} was not found", call.endpoint))
                .with_status(404)),
        }
    }

    /// Reads the request, finds out who asks, and lets one request of each user at a time through.
    fn admitted(&self, endpoint: &str, version: &str, request: &Request) -> Outcome {
        if !["stable", "development", "experimental", "1.5.0"].contains(&version) {
            return Err(Failure::new("VERSION_UNKNOWN", format!("Unknown version: {version}")));
        }
        if request.method != "POST" && (request.method != "GET" || endpoint.starts_with("login")) {
            return Err(Failure::new("ENDPOINT_UNAVAILABLE", "Invalid request method").with_status(405));
        }
        let input = body(&request.body)?;
        let key = request.header("x-auth-token").map(str::to_owned);
        let login = endpoint.starts_with("login");
        let account = match &key {
            _ if login => None,
            None => return Err(Failure::new("AUTH_KEY_INVALID", "API key was not provided").with_status(401)),
            Some(key) => Some(self.session(key)?),
        };
        let user = account.map(|account| account.username).or_else(|| by_login(&input));
        let _turn = self.turn(user)?;
        let latency = self.quirks().latency;
        std::thread::sleep(latency);
        self.endpoint(&Call { endpoint: endpoint.to_owned(), input, key, account })
    }

    /// A user's turn; refused while another request of theirs is under way.
    fn turn(&self, user: Option<&str>) -> Result<Option<Turn<'_>>, Failure> {
        let Some(user) = user else { return Ok(None) };
        let mut state = self.state();
        let under_way = state.under_way.entry(user.to_owned()).or_default();
        *under_way += 1;
        let turn = Turn { server: self, user: user.to_owned() };
        if *under_way == 1 {
            return Ok(Some(turn));
        }
        state.overlaps += 1;
        drop(state);
        drop(turn);
        Err(Failure::new("RATE_LIMIT", "User is currently running another request"))
    }
}

/// The account that a login names, for the count of requests under way.
fn by_login(input: &Value) -> Option<&'static str> {
    by_name(&input::text(input, "username")?).map(|account| account.username)
}

struct Turn<'a> {
    server: &'a M2m,
    user: String,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(under_way) = self.server.state().under_way.get_mut(&self.user) {
            *under_way -= 1;
        }
    }
}

/// The JSON of a body; nothing and null are an empty object. The forms of the old API are not understood.
fn body(bytes: &[u8]) -> Result<Value, Failure> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Null) => Ok(json!({})),
        Ok(input @ Value::Object(_)) => Ok(input),
        _ => Err(Failure::new("INPUT_FORMAT", "Invalid JSON in request body").with_status(400)),
    }
}

impl Service for M2m {
    fn answer(&self, request: &Request) -> Response {
        let (maintenance, longest) = {
            let quirks = self.quirks();
            (quirks.maintenance, quirks.longest_body)
        };
        if maintenance {
            return Response::html(503, MAINTENANCE);
        }
        if request.header("user-agent").is_none() {
            return Response::html(403, "<html><body><h1>Forbidden</h1></body></html>");
        }
        if request.body.len() > longest {
            return Response::html(404, "<html><body><h1>Not Found</h1></body></html>");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["api", "api", "json", version, endpoint] = segments[..] else {
            return Response::html(404, "<html><body><h1>Not Found</h1></body></html>");
        };
        let number = {
            let mut state = self.state();
            state.requests += 1;
            725_448_000 + state.requests
        };
        enveloped(endpoint, version, number, self.admitted(endpoint, version, request))
    }
}

const MAINTENANCE: &str = "<!DOCTYPE html><html><head><title>USGS - Maintenance</title></head><body>\
    <h1>System Maintenance</h1><p>The Machine-to-Machine API is currently unavailable due to scheduled \
    maintenance. We apologize for the inconvenience.</p></body></html>";

#[cfg(test)]
mod tests;
