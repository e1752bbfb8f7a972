//! Downloads: asked for when bytes are read, waited for while M2M prepares them, taken off its queue at the end.
//!
//! M2M keeps one live download per product and account; one that is asked for again is a duplicate under its old
//! label. So each product is asked for once, and whoever else wants it waits for the same download.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use super::envelope::{entries, members, number, text};
use super::product::Product;
use super::session::{Session, rest};
use crate::catalog;
use crate::config::Limits;
use crate::content::{Error, Trouble};
use crate::http;
use crate::report::lock;

/// A fresh URL that is refused is not replaced within this time: M2M counts requests.
const RENEWAL: Duration = Duration::from_secs(30);

/// So many looks that do not show a download on M2M's queue mean that it is lost.
const MISSES: usize = 3;

/// A read that follows another's failure so soon is the kernel's second try at it, and is told the same at once.
const REPEAT: Duration = Duration::from_secs(2);

/// How often a product that is lost from the queue is asked for.
const REQUESTS: usize = 2;

/// How long to wait for a download.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Between two looks at the queue; M2M's own clients take 10 to 30 seconds.
    pub pause: Duration,
    /// Until a reader is told that it is not ready; the preparation goes on.
    pub most: Duration,
}

impl Patience {
    /// As configured.
    pub fn of(limits: &Limits) -> Patience {
        Patience { pause: limits.staging_pause, most: limits.staging_wait }
    }
}

/// The downloads of one account in this process.
pub struct Downloads {
    session: Arc<Session>,
    patience: Patience,
    /// Codes of the agreements that the user has accepted.
    agreements: Vec<String>,
    /// What they are asked for under.
    label: String,
    products: Mutex<HashMap<String, Arc<Mutex<State>>>>,
    /// The last look at the queue of each label.
    looks: Mutex<HashMap<String, Arc<Mutex<Option<Look>>>>>,
}

/// Where the download of a product stands.
#[derive(Debug, Clone, PartialEq)]
enum State {
    /// Not asked for.
    Idle,
    /// On M2M's queue under a label.
    Queued(Queued),
    /// It can be had.
    Ready { url: Url, since: Instant, id: Option<u64> },
}

#[derive(Debug, Clone, PartialEq)]
struct Queued {
    id: u64,
    label: String,
    since: Instant,
    /// When a reader was last told that it is not ready.
    told: Option<Instant>,
}

struct Look {
    at: Instant,
    answer: Arc<Value>,
}

/// What has become of a download on M2M's queue.
enum Fate {
    /// It can be had here.
    Ready(Url),
    /// It is not on the queue any more.
    Lost,
}

/// Digits that no other process has.
pub fn nonce() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

impl Downloads {
    pub fn new(session: Arc<Session>, patience: Patience, agreements: Vec<String>) -> Downloads {
        // At most 50 characters.
        let label = format!("stacfs-{}", nonce());
        Downloads {
            session,
            patience,
            agreements,
            label,
            products: Mutex::default(),
            looks: Mutex::default(),
        }
    }

    /// A URL for a product's bytes: asks for the download, waits for it, or asks anew where the last URL no
    /// longer works.
    ///
    /// # Errors
    /// [`Error::NotYet`] where the preparation takes longer than our patience, [`Error::Quota`] where M2M
    /// gives no more for now, [`Error::Denied`] with its words where it gives none, or wants an agreement first.
    pub fn url(&self, identity: &str, product: &Product, trouble: Option<&Trouble>) -> Result<Url, Error> {
        let state = Arc::clone(
            lock(&self.products)
                .entry(identity.to_owned())
                .or_insert_with(|| Arc::new(Mutex::new(State::Idle))),
        );
        if let Some(Trouble::Refused(words) | Trouble::Gone(words)) = trouble {
            self.expire(identity, &mut lock(&state), words)?;
        }
        for _ in 0..REQUESTS {
            let queued = match self.asked_for(identity, product, &mut lock(&state))? {
                State::Ready { url, .. } => return Ok(url),
                State::Queued(queued) => queued,
                State::Idle => break,
            };
            let fate = self.wait(identity, &queued);
            let mut state = lock(&state);
            let own = matches!(&*state, State::Queued(now) if now.id == queued.id);
            match fate {
                Err(error) => {
                    if let State::Queued(now) = &mut *state
                        && own
                        && matches!(error, Error::NotYet { .. })
                    {
                        now.told = Some(Instant::now());
                    }
                    return Err(error);
                }
                Ok(Fate::Ready(url)) => {
                    *state = State::Ready { url: url.clone(), since: Instant::now(), id: Some(queued.id) };
                    return Ok(url);
                }
                // Another reader may have asked for it anew meanwhile.
                Ok(Fate::Lost) if own => *state = State::Idle,
                Ok(Fate::Lost) => {}
            }
        }
        Err(self.not_yet(identity, "M2M took it on, and lost it from its queue again; try again later"))
    }

    /// Asks for the download of a product where that was not done yet. `state` is held while M2M is asked: who
    /// wants the same product waits for the answer.
    fn asked_for(&self, identity: &str, product: &Product, state: &mut State) -> Result<State, Error> {
        if *state == State::Idle {
            *state = self.request(identity, product)?;
        }
        Ok(state.clone())
    }

    /// Gives up a URL that no longer works.
    fn expire(&self, identity: &str, state: &mut State, words: &str) -> Result<(), Error> {
        let State::Ready { since, id, .. } = &*state else { return Ok(()) };
        if since.elapsed() < RENEWAL {
            return Err(Error::Denied {
                identity: identity.to_owned(),
                why: format!("M2M's download host refuses the URL that M2M gave just now: {words}"),
            });
        }
        // Else the new request would be a duplicate of this one.
        self.remove(*id);
        *state = State::Idle;
        Ok(())
    }

    /// Asks for a download.
    fn request(&self, identity: &str, product: &Product) -> Result<State, Error> {
        let wish = json!({"entityId": product.entity, "productId": product.product, "label": self.label});
        let body = json!({"downloads": [wish], "label": self.label});
        let answer = self.session.act("download-request", &body).map_err(|error| failed(identity, error))?;
        let since = Instant::now();
        let rows = members(&answer, "availableDownloads").chain(members(&answer, "preparingDownloads"));
        for row in rows {
            if let Err(error) = self.agreed(identity, row) {
                // What nobody fetches counts against the account.
                self.remove(download(row));
                return Err(error);
            }
        }
        if let Some(row) = members(&answer, "availableDownloads").next() {
            let url = address(row);
            let url = url.ok_or_else(|| self.not_yet(identity, "M2M says it is available, and not where"))?;
            return Ok(State::Ready { url, since, id: download(row) });
        }
        if let Some(id) = members(&answer, "preparingDownloads").find_map(download) {
            return Ok(State::Queued(Queued { id, label: self.label.clone(), since, told: None }));
        }
        let duplicates = answer.get("duplicateProducts").map(entries).into_iter().flatten();
        let duplicate = duplicates.filter_map(|(id, label)| Some((id.parse().ok()?, label.as_str()?))).next();
        if let Some((id, label)) = duplicate {
            // Asked for before, by another mount of ours or by another program.
            return Ok(State::Queued(Queued { id, label: label.to_owned(), since, told: None }));
        }
        Err(refused(identity, &answer))
    }

    /// Takes a download off the queue. Best effort.
    fn remove(&self, id: Option<u64>) {
        if let Some(id) = id {
            let _ = self.session.act("download-remove", &json!({"downloadId": id}));
        }
    }

    /// Whether a download wants no agreement, or one that the user has accepted: M2M tells its terms, and leaves it to
    /// us that they are met.
    fn agreed(&self, identity: &str, row: &Value) -> Result<(), Error> {
        let Some(code) = text(row, "eulaCode") else { return Ok(()) };
        if self.agreements.iter().any(|own| own.eq_ignore_ascii_case(&code)) {
            return Ok(());
        }
        let told = self.session.ask("download-eula", &json!({"eulaCodes": [code]})).unwrap_or_default();
        let terms = told.get(0).and_then(|told| text(told, "agreementContent")).unwrap_or_default();
        let terms = terms.split_whitespace().collect::<Vec<_>>().join(" ");
        let terms = if terms.is_empty() { String::new() } else { format!(" (\"{terms}\")") };
        let why = format!(
            "M2M gives it under the agreement {code}{terms}, which https://earthexplorer.usgs.gov shows too; if you \
             agree, set accept_eula = {code} in section [usgs] of the configuration, and mount again"
        );
        Err(Error::Denied { identity: identity.to_owned(), why })
    }

    /// Waits until a download can be had, or is found to be lost.
    fn wait(&self, identity: &str, queued: &Queued) -> Result<Fate, Error> {
        let repeated = queued.told.is_some_and(|told| told.elapsed() < REPEAT);
        let until = Instant::now() + if repeated { Duration::ZERO } else { self.patience.most };
        let mut missed = 0;
        loop {
            let look = self.look(&queued.label).map_err(|error| failed(identity, error))?;
            let own = |row: &&Value| download(row) == Some(queued.id);
            if let Some(row) = members(&look, "available").find(own)
                && let Some(url) = address(row)
            {
                self.agreed(identity, row)?;
                return Ok(Fate::Ready(url));
            }
            // Its own request may not have arrived everywhere yet.
            missed = if members(&look, "requested").any(|row| own(&row)) { 0 } else { missed + 1 };
            if missed == MISSES {
                return Ok(Fate::Lost);
            }
            if Instant::now() + self.patience.pause > until {
                let minutes = queued.since.elapsed().as_secs() / 60;
                let ahead = look.get("queueSize").and_then(number).unwrap_or(0.0);
                let words = format!(
                    "M2M has been preparing it for {minutes} minutes ({ahead} downloads in the queue) and goes on; try again later"
                );
                return Err(self.not_yet(identity, &words));
            }
            rest(self.patience.pause);
        }
    }

    /// What the queue says of a label: all who wait share a look, so that M2M is asked once per pause.
    fn look(&self, label: &str) -> Result<Arc<Value>, catalog::Error> {
        let slot = Arc::clone(lock(&self.looks).entry(label.to_owned()).or_default());
        let mut slot = lock(&slot);
        // A little less than the pause, so that the one who waited one out looks anew.
        let fresh = self.patience.pause.mul_f64(0.9);
        if let Some(look) = slot.as_ref().filter(|look| look.at.elapsed() < fresh) {
            return Ok(Arc::clone(&look.answer));
        }
        let answer = Arc::new(self.session.act("download-retrieve", &json!({"label": label}))?);
        *slot = Some(Look { at: Instant::now(), answer: Arc::clone(&answer) });
        Ok(answer)
    }

    /// Takes everything that was put on the queue under our label off it. Best effort.
    pub fn clear(&self) {
        let asked = lock(&self.products).values().any(|state| *lock(state) != State::Idle);
        if asked {
            let _ = self.session.act("download-order-remove", &json!({"label": self.label}));
            lock(&self.products).clear();
        }
    }

    fn not_yet(&self, identity: &str, why: &str) -> Error {
        Error::NotYet { identity: identity.to_owned(), why: why.to_owned() }
    }
}

fn download(row: &Value) -> Option<u64> {
    row.get("downloadId").and_then(number).filter(|id| *id >= 0.0).map(|id| id as u64)
}

/// Why a request brought no download.
fn refused(identity: &str, answer: &Value) -> Error {
    let identity = identity.to_owned();
    let words = members(answer, "failed").find_map(|row| text(row, "errorMessage"));
    match words {
        // The distribution system is down.
        Some(words) if words.to_ascii_lowercase().contains("try again") => {
            Error::NotYet { identity, why: words }
        }
        Some(words) => Error::Denied { identity, why: format!("M2M gives no download: {words}") },
        None => Error::Denied {
            identity,
            why: "M2M knows no such product of this scene (any more); look at the scene's directory again"
                .into(),
        },
    }
}

fn failed(identity: &str, error: catalog::Error) -> Error {
    let identity = identity.to_owned();
    match error {
        catalog::Error::Http(http::Error::Denied { why, .. }) => Error::Denied { identity, why },
        catalog::Error::Http(error) => Error::Http(error),
        catalog::Error::Limit { why, .. } => Error::Quota {
            identity,
            why: format!("{why}; M2M counts the downloads of 15 minutes: wait that long, then try again"),
        },
        error => Error::Denied { identity, why: error.to_string() },
    }
}

/// Where a download is to be had: on the network, since a server names no file of this machine.
fn address(row: &Value) -> Option<Url> {
    text(row, "url")
        .and_then(|url| Url::parse(&url).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https"))
}
