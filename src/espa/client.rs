//! The client: one method per resource.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use url::Url;

use super::{Available, Error, Item, Receipts};
use crate::cache::Cache;
use crate::http::{self, Http, Method, Request, words};
use crate::report::lock;

/// ESPA at one address. The password goes out by the grants of the [`Http`] client.
pub struct Espa {
    pub(super) http: Arc<Http>,
    base: Url,
    /// The server's refusal of our login, and how often credentials had been replaced then.
    refusal: Mutex<Option<(u64, String)>>,
    /// What the server said beside its answers.
    said: Mutex<Vec<String>>,
    receipts: Receipts,
}

/// Which orders are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Which {
    /// Those ordered and complete.
    Current,
    /// Purged and cancelled ones too.
    All,
}

impl Espa {
    /// A client of the API at `base`, which ends in `/`. Makes no request.
    pub fn new(http: Arc<Http>, base: Url) -> Espa {
        let receipts = Receipts::new(None);
        Espa { http, base, refusal: Mutex::default(), said: Mutex::default(), receipts }
    }

    /// The same client, which remembers finished scenes in a cache.
    pub fn with_cache(self, cache: Arc<Cache>) -> Espa {
        Espa { receipts: Receipts::new(Some(cache)), ..self }
    }

    /// What is remembered of finished scenes.
    pub fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    /// Who we are to the server.
    ///
    /// # Errors
    /// As for all methods here: the network, the login, or the server's own words.
    pub fn user(&self) -> Result<Value, Error> {
        self.get(&["user"], None)
    }

    /// The formats: `{"formats": {code: label}}`.
    ///
    /// # Errors
    /// See [`Espa::user`].
    pub fn formats(&self) -> Result<Value, Error> {
        self.get(&["formats"], None)
    }

    /// The projections: JSON Schema by name.
    ///
    /// # Errors
    /// See [`Espa::user`].
    pub fn projections(&self) -> Result<Value, Error> {
        self.get(&["projections"], None)
    }

    /// The resampling methods: `{"resampling_methods": {code: label}}`.
    ///
    /// # Errors
    /// See [`Espa::user`].
    pub fn resampling_methods(&self) -> Result<Value, Error> {
        self.get(&["resampling-methods"], None)
    }

    /// The JSON Schema (draft 3) of an order.
    ///
    /// # Errors
    /// See [`Espa::user`].
    pub fn order_schema(&self) -> Result<Value, Error> {
        self.get(&["order-schema"], None)
    }

    /// What can be made of scenes.
    ///
    /// # Errors
    /// See [`Espa::user`].
    pub fn available_products(&self, scenes: &[String]) -> Result<Available, Error> {
        Available::from_value(self.get(&["available-products"], Some(&json!({"inputs": scenes})))?)
    }

    /// The ids of our orders, in the server's order.
    ///
    /// # Errors
    /// See [`Espa::user`].
    pub fn orders(&self, which: Which) -> Result<Vec<String>, Error> {
        let current = json!({"status": ["complete", "ordered"]});
        let filter = (which == Which::Current).then_some(&current);
        // JSON, though its Content-Type says HTML.
        match self.get(&["list-orders"], filter)? {
            Value::Array(ids) => Ok(ids.iter().filter_map(crate::item::text).collect()),
            _ => Err(malformed("list-orders", "no list")),
        }
    }

    /// An order as the server holds it.
    ///
    /// # Errors
    /// [`Error::NoOrder`], or as for [`Espa::user`].
    pub fn order(&self, id: &str) -> Result<Value, Error> {
        self.of_order("order", id)
    }

    /// The word for an order: `ordered`, `complete`, `purged` or `cancelled`.
    ///
    /// # Errors
    /// [`Error::NoOrder`], or as for [`Espa::user`].
    pub fn status(&self, id: &str) -> Result<String, Error> {
        let answer = self.of_order("order-status", id)?;
        let word = answer.get("status").and_then(Value::as_str).map(str::to_owned);
        word.ok_or_else(|| malformed("order-status", "no status"))
    }

    /// The items of an order, by name.
    ///
    /// # Errors
    /// [`Error::NoOrder`], or as for [`Espa::user`].
    pub fn items(&self, id: &str) -> Result<Vec<Item>, Error> {
        let answer = self.get(&["item-status", plain(id)?], None)?;
        match answer.get(id) {
            Some(items) => Ok(Item::list(items)),
            None => Err(Error::NoOrder(id.to_owned())),
        }
    }

    /// Cancels an order. Its finished scenes are destroyed too.
    ///
    /// # Errors
    /// [`Error::NoOrder`]; the server's words where the order is not open or not ours.
    pub fn cancel(&self, id: &str) -> Result<Value, Error> {
        let request =
            self.request(Method::PUT, &["order"], Some(&json!({"orderid": id, "status": "cancelled"})));
        // Once only: a lost answer is settled by a look at the order, and a second PUT would be refused.
        match self.once(&request) {
            Err(error) if error.status() == Some(500) && !self.exists(id)? => {
                Err(Error::NoOrder(id.to_owned()))
            }
            Err(error @ (Error::Http(_) | Error::Malformed { .. })) => match self.status(id) {
                Ok(status) if is_lost(&error) && status == "cancelled" => {
                    Ok(json!({"orderid": id, "status": "cancelled"}))
                }
                _ => Err(error),
            },
            other => other,
        }
    }

    /// Takes what the server said beside its answers: warnings and announcements.
    pub fn said(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.said))
    }

    /// One document of an order. The server crashes (500) over an order that it does not know.
    fn of_order(&self, resource: &str, id: &str) -> Result<Value, Error> {
        let request = self.request(Method::GET, &[resource, plain(id)?], None);
        match self.once(&request) {
            Err(Error::Http(error)) if error.status() == Some(500) => match self.exists(id)? {
                true => self.often(&request),
                false => Err(Error::NoOrder(id.to_owned())),
            },
            // What the server's source means to say.
            Err(Error::Said(words)) if words.contains("No results found") => {
                Err(Error::NoOrder(id.to_owned()))
            }
            Err(Error::Http(error)) if error.is_passing() => self.often(&request),
            other => other,
        }
    }

    fn exists(&self, id: &str) -> Result<bool, Error> {
        match self.items(id) {
            Ok(_) => Ok(true),
            Err(Error::NoOrder(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn get(&self, path: &[&str], body: Option<&Value>) -> Result<Value, Error> {
        self.often(&self.request(Method::GET, path, body))
    }

    pub(super) fn request(&self, method: Method, path: &[&str], body: Option<&Value>) -> Request {
        let mut url = self.base.clone();
        // A base that cannot be one has been refused with the configuration.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let body = body.map(|body| body.to_string().into_bytes());
        Request { method, url, headers: Vec::new(), body }
    }

    fn often(&self, request: &Request) -> Result<Value, Error> {
        self.exchange(request, Http::document)
    }

    /// In one attempt.
    pub(super) fn once(&self, request: &Request) -> Result<Value, Error> {
        self.exchange(request, |http, request| http.document_in(1, request))
    }

    fn exchange(
        &self,
        request: &Request,
        send: impl FnOnce(&Http, &Request) -> Result<http::Document, http::Error>,
    ) -> Result<Value, Error> {
        let renewals = self.http.renewals();
        if let Some((_, words)) = lock(&self.refusal).as_ref().filter(|(at, _)| *at == renewals) {
            return Err(Error::Refused(words.clone()));
        }
        let document = match send(&self.http, request) {
            Ok(document) => document,
            Err(http::Error::Status { status: 401, words, .. }) => {
                // Which key to set is told by our own error.
                let said = words.strip_suffix(&self.http.advice(&request.url)).unwrap_or(&words);
                let words = said.trim_end_matches("; ").to_owned();
                *lock(&self.refusal) = Some((renewals, words.clone()));
                return Err(Error::Refused(words));
            }
            Err(error) => return Err(error.into()),
        };
        let what = request.url.path().to_owned();
        let answer = serde_json::from_slice(&document.body)
            .map_err(|error| Error::Malformed { what, why: error.to_string() })?;
        self.without_messages(answer, &document.body)
    }

    /// The answer without `messages`, which may stand beside data; alone they are a refusal, whatever the status.
    fn without_messages(&self, mut answer: Value, body: &[u8]) -> Result<Value, Error> {
        let Value::Object(members) = &mut answer else { return Ok(answer) };
        let is_regret = members.len() == 1 && members.get("msg").is_some_and(Value::is_string);
        if is_regret {
            return Err(Error::Said(words(200, body)));
        }
        if members.shift_remove("messages").is_some() {
            let told = words(200, body);
            if members.is_empty() {
                return Err(Error::Said(told));
            }
            tracing::info!(said = told, "ESPA");
            lock(&self.said).push(told);
        }
        Ok(answer)
    }
}

/// Whether the server may have done what was asked of it, though we have no answer.
pub(super) fn is_lost(error: &Error) -> bool {
    match error {
        Error::Http(
            http::Error::Silent { .. } | http::Error::Broken { .. } | http::Error::Unexpected { .. },
        )
        | Error::Malformed { .. } => true,
        Error::Http(http::Error::Status { status, .. }) => *status >= 500 && *status != 503,
        _ => false,
    }
}

/// An order id as a path segment: URLs swallow empty ones and dots.
fn plain(id: &str) -> Result<&str, Error> {
    match id {
        "" | "." | ".." => Err(Error::NoOrder(format!("{id:?}"))),
        id => Ok(id),
    }
}

pub(super) fn malformed(what: &str, why: &str) -> Error {
    Error::Malformed { what: what.to_owned(), why: why.to_owned() }
}
