//! A session with M2M: one account, one key, one request in flight.
//!
//! The server answers RATE_LIMIT when two requests of a user overlap, so all calls of an account stand in one
//! line, in the order they came, and equal calls that wait at the same time are asked once. Between processes the
//! account's `turns` do the same.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use super::envelope::{self, Complaint, Fault};
use super::turns::Turns;
use crate::catalog::Error;
use crate::config::{Credential, Secret};
use crate::http::{self, Document, Http, Request, shown};
use crate::report::{current_progress, lock};

/// Idle time after which a key is taken for dead: the server says two hours.
const KEY_IDLE: Duration = Duration::from_secs(100 * 60);
/// Pause after RATE_LIMIT, or a search that stumbled; then one more after each, up to the longest. M2M's own clients
/// take one to three seconds.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// So many pauses, three quarters of a minute: another machine's search of this account may take half of one.
const PAUSES: u32 = 16;
/// How often somebody in line shows a sign of life.
const GLANCE: Duration = Duration::from_millis(500);

/// Who logs in, and with what.
#[derive(Debug, Clone)]
pub struct Account {
    /// ERS user name.
    pub username: String,
    /// M2M application token.
    pub token: Option<Secret>,
    /// ERS password: only for servers that still offer the old login.
    pub password: Option<Secret>,
}

/// A key and when it was last used.
struct Key {
    text: Secret,
    made: Instant,
    used: Instant,
}

/// One account's conversation with M2M.
pub struct Session {
    http: Arc<Http>,
    base: Url,
    account: Option<Account>,
    key: Mutex<Option<Key>>,
    /// Why the credential was refused, and how often credentials had been replaced then: it is not tried again.
    refused: Mutex<Option<(u64, Error)>>,
    line: Line,
    /// Those among the processes of this user, where they have a cache in common.
    turns: Option<Turns>,
    asking: Mutex<HashMap<String, Arc<Shared>>>,
}

/// An answer that several wait for.
#[derive(Default)]
struct Shared {
    answer: Mutex<Option<Result<Value, Error>>>,
    there: Condvar,
}

/// Callers one after another, in the order they came.
#[derive(Default)]
struct Line {
    state: Mutex<Tickets>,
    moved: Condvar,
}

#[derive(Default)]
struct Tickets {
    given: u64,
    served: u64,
}

impl Line {
    /// Waits for its turn, and holds it while `work` runs.
    fn wait<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut state = lock(&self.state);
        let ticket = state.given;
        state.given += 1;
        while state.served != ticket {
            // Others are being answered: that is no silence of the server.
            if let Some(progress) = current_progress() {
                progress.touch(0);
            }
            state = match self.moved.wait_timeout(state, GLANCE) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        drop(state);
        let _turn = Turn(self);
        work()
    }
}

/// A turn in the line; the next one's begins when it is dropped, also by a panic.
struct Turn<'a>(&'a Line);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).served += 1;
        self.0.moved.notify_all();
    }
}

impl Session {
    /// A session that has not logged in: it does so at the first call.
    pub fn new(http: Arc<Http>, base: Url, account: Option<Account>, turns: Option<Turns>) -> Session {
        Session {
            http,
            base,
            account,
            key: Mutex::default(),
            refused: Mutex::default(),
            line: Line::default(),
            turns,
            asking: Mutex::default(),
        }
    }

    /// The base of its endpoints, and who it logs in as.
    pub fn place(&self) -> (&Url, Option<&str>) {
        (&self.base, self.account.as_ref().map(|account| account.username.as_str()))
    }

    /// Time since the login; `None` where there was none.
    pub fn key_age(&self) -> Option<Duration> {
        lock(&self.key).as_ref().map(|key| key.made.elapsed())
    }

    /// Asks an endpoint (`scene-search`) with a JSON body, and returns the envelope's `data`. Equal questions
    /// that wait at the same time are asked once.
    pub fn ask(&self, endpoint: &str, body: &Value) -> Result<Value, Error> {
        let question = format!("{endpoint} {body}");
        let (shared, first) = {
            let mut asking = lock(&self.asking);
            match asking.get(&question) {
                Some(shared) => (Arc::clone(shared), false),
                None => {
                    let shared = Arc::new(Shared::default());
                    asking.insert(question.clone(), Arc::clone(&shared));
                    (shared, true)
                }
            }
        };
        if !first {
            return shared.wait();
        }
        let answer = self.act(endpoint, body);
        lock(&self.asking).remove(&question);
        *lock(&shared.answer) = Some(answer.clone());
        shared.there.notify_all();
        answer
    }

    /// The same for a call that does something: never shared with an equal one.
    pub fn act(&self, endpoint: &str, body: &Value) -> Result<Value, Error> {
        self.line.wait(|| {
            let _turn = self.turns.as_ref().and_then(Turns::take);
            self.login_if_needed()?;
            match self.call(endpoint, body)? {
                Ok(data) => Ok(data),
                Err(complaint) if complaint.fault() == Fault::KeyExpired => {
                    *lock(&self.key) = None;
                    self.login_if_needed()?;
                    self.call(endpoint, body)?.map_err(|complaint| self.error(endpoint, &complaint))
                }
                Err(complaint) if complaint.is_of_search() => {
                    rest(PAUSE);
                    self.call(endpoint, body)?.map_err(|complaint| self.error(endpoint, &complaint))
                }
                Err(complaint) => Err(self.error(endpoint, &complaint)),
            }
        })
    }

    /// Ends the session at the server, where there is one. Best effort: nobody waits for it at unmount.
    pub fn logout(&self) {
        self.line.wait(|| {
            if lock(&self.key).is_some() {
                let _turn = self.turns.as_ref().and_then(Turns::take);
                let _ = self.call_once("logout", &Value::Null);
                *lock(&self.key) = None;
            }
        });
    }

    fn login_if_needed(&self) -> Result<(), Error> {
        if lock(&self.key).as_ref().is_some_and(|key| key.used.elapsed() < KEY_IDLE) {
            return Ok(());
        }
        let renewals = self.http.renewals();
        if let Some((_, refused)) = lock(&self.refused).as_ref().filter(|(at, _)| *at == renewals) {
            return Err(refused.clone());
        }
        let result = self.login();
        if let Err(error @ Error::Http(http::Error::Denied { .. })) = &result {
            *lock(&self.refused) = Some((renewals, error.clone()));
        }
        result
    }

    fn login(&self) -> Result<(), Error> {
        // A login that carries an expired key is refused (since 2022-12): send none.
        *lock(&self.key) = None;
        let missing = |what: &str| {
            Error::from(http::Error::Denied {
                url: self.base.to_string(),
                why: format!("no {what}; set username and token in section [usgs] of the configuration"),
            })
        };
        let account = self.account_now();
        let account = account.as_ref().ok_or_else(|| missing("USGS account is configured"))?;
        let answer = match (&account.token, &account.password) {
            (Some(token), _) => {
                self.call("login-token", &json!({"username": account.username, "token": token.reveal()}))?
            }
            (None, Some(password)) => self.legacy_login(&account.username, password)?,
            (None, None) => return Err(missing("M2M application token is configured")),
        };
        let data = answer.map_err(|complaint| self.error("login", &complaint))?;
        let text =
            data.as_str().map(Secret::new).ok_or_else(|| self.odd("login", "the answer holds no key"))?;
        *lock(&self.key) = Some(Key { text, made: Instant::now(), used: Instant::now() });
        Ok(())
    }

    /// The account, with the secrets that are configured now. Another user's are for another mount: what is remembered
    /// is this one's.
    fn account_now(&self) -> Option<Account> {
        let renewed = match self.http.usgs_account(&self.base) {
            Some(Credential::Usgs { username, token, password }) => {
                Some(Account { username, token, password })
            }
            _ => None,
        };
        let own = self.account.as_ref()?;
        Some(renewed.filter(|renewed| renewed.username == own.username).unwrap_or_else(|| own.clone()))
    }

    /// The password login, which USGS switched off on 2025-02-26 but a server may still offer.
    fn legacy_login(&self, username: &str, password: &Secret) -> Result<Result<Value, Complaint>, Error> {
        let answer = self.call("login", &json!({"username": username, "password": password.reveal()}))?;
        Ok(answer.map_err(|complaint| Complaint {
            words: format!(
                "{} (passwords are no longer accepted by M2M: make an application token at https://ers.cr.usgs.gov and set \
                 [usgs] token)",
                complaint.words
            ),
            code: if complaint.fault() == Fault::Trouble || complaint.fault() == Fault::NotFound {
                "AUTH_INVALID".into()
            } else {
                complaint.code
            },
        }))
    }

    /// One call, again after RATE_LIMIT.
    fn call(&self, endpoint: &str, body: &Value) -> Result<Result<Value, Complaint>, Error> {
        for count in 1..=PAUSES {
            match self.call_once(endpoint, body)? {
                Err(complaint) if complaint.fault() == Fault::Busy => {
                    rest((PAUSE * count).min(LONGEST_PAUSE));
                }
                answer => return Ok(answer),
            }
        }
        self.call_once(endpoint, body)
    }

    fn call_once(&self, endpoint: &str, body: &Value) -> Result<Result<Value, Complaint>, Error> {
        let url = self.base.join(endpoint).map_err(|error| self.odd(endpoint, &error.to_string()))?;
        let mut request = Request::post(url, body);
        if body.is_null() {
            request.body = None;
        }
        if let Some(key) = lock(&self.key).as_mut() {
            key.used = Instant::now();
            request.headers.push(("X-Auth-Token".into(), key.text.reveal().to_owned()));
        }
        // Errors may come with any status: the envelope counts, the status only where there is none.
        let answer = self.http.with_retries(|| {
            let document = self.http.answer(&request)?;
            envelope::open(&document.body).ok_or_else(|| no_envelope(&document))
        });
        Ok(answer?)
    }

    fn error(&self, endpoint: &str, complaint: &Complaint) -> Error {
        // Should the server repeat what it was told, nobody else reads it.
        let now = self.account_now();
        let accounts = self.account.iter().chain(&now);
        let secrets = accounts.flat_map(|account| account.token.iter().chain(&account.password));
        let words = secrets
            .filter(|secret| !secret.reveal().is_empty())
            .fold(complaint.words.clone(), |words, secret| words.replace(secret.reveal(), "***"));
        let complaint = Complaint { words, code: complaint.code.clone() };
        complaint.error(&format!("{}{endpoint}", self.base), endpoint)
    }

    fn odd(&self, endpoint: &str, why: &str) -> Error {
        Error::NotStac { url: format!("{}{endpoint}", self.base), why: why.to_owned() }
    }
}

impl Shared {
    /// Waits for the one who asks.
    fn wait(&self) -> Result<Value, Error> {
        let mut answer = lock(&self.answer);
        loop {
            if let Some(answer) = answer.as_ref() {
                return answer.clone();
            }
            if let Some(progress) = current_progress() {
                progress.touch(0);
            }
            answer = match self.there.wait_timeout(answer, GLANCE) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

/// What an answer is that holds no envelope: a page of maintenance, or of a gateway.
fn no_envelope(document: &Document) -> http::Error {
    let words = http::words(document.status, &document.body);
    let (status, words) = match document.status {
        // A page that says it is well is not what was asked for either.
        status if status < 400 => {
            (503, format!("{words}; M2M is probably under maintenance, try again later"))
        }
        status if status >= 500 => {
            (status, format!("{words}; M2M may be under maintenance, try again later"))
        }
        status => (status, words),
    };
    http::Error::Status { url: shown(&document.url), status, words, retry_after: None }
}

/// Waits between two attempts; the one who waits for us sees that we live.
pub(super) fn rest(pause: Duration) {
    let end = Instant::now() + pause;
    while Instant::now() < end {
        if let Some(progress) = current_progress() {
            progress.touch(0);
        }
        std::thread::sleep(GLANCE.min(end.saturating_duration_since(Instant::now())));
    }
}
