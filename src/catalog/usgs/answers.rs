//! M2M's answers, remembered on disk: for one account, for a lifetime, also after a restart.
//!
//! What one account is shown is no other's business, and need not be what another would be shown: the account is part
//! of every key. Keys of sessions, and anything that M2M did for us, are never kept. Where M2M is out of reach the old
//! answer serves on, and a note says so. Offline nothing is ever asked.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use crate::cache::{Cache, Document};
use crate::catalog::Error;
use crate::config::Reach;
use crate::report::Report;

/// How what is kept is written. Another number where an older one's must not be read.
const FORM: &str = "m2m 1";

/// The answers to one account.
pub struct Answers {
    cache: Arc<Cache>,
    report: Arc<Report>,
    /// Where the note on old answers stands.
    subject: String,
    /// What all keys begin with: the server, and the account.
    owner: String,
    lifetime: Duration,
    reach: Reach,
}

/// An answer that is remembered.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What it says.
    pub value: Value,
    /// When it came.
    pub at: Timestamp,
    /// Whether it is taken for true.
    pub is_fresh: bool,
}

impl Answers {
    /// Those of the server at `base` to `username`, for the source called `source`.
    pub fn new(
        cache: Arc<Cache>,
        report: Arc<Report>,
        source: &str,
        (base, username): (&Url, Option<&str>),
        lifetime: Duration,
        reach: Reach,
    ) -> Answers {
        let owner = format!("{FORM}\0{base}\0{}", username.unwrap_or_default());
        Answers { cache, report, subject: format!("{source}: stale"), owner, lifetime, reach }
    }

    /// The answer to a question: remembered, else asked for.
    ///
    /// # Errors
    /// Those of `ask`, where nothing is remembered or the failure is no passing one.
    pub fn get(&self, question: &str, ask: impl FnOnce() -> Result<Value, Error>) -> Result<Value, Error> {
        self.get_since(None, question, ask).map(|(value, _)| value)
    }

    /// The same, and when it came. What came before `since` is asked for again: a page of a listing is counted from
    /// the listing's first, and what came in between would be missed.
    ///
    /// # Errors
    /// As [`Answers::get`].
    pub fn get_since(
        &self,
        since: Option<Timestamp>,
        question: &str,
        ask: impl FnOnce() -> Result<Value, Error>,
    ) -> Result<(Value, Timestamp), Error> {
        let kept = self.look(question);
        let since = since.filter(|_| self.reach != Reach::Offline);
        let holds = |kept: &&Kept| kept.is_fresh && since.is_none_or(|since| kept.at >= since);
        if let Some(kept) = kept.as_ref().filter(holds) {
            return Ok((kept.value.clone(), kept.at));
        }
        match self.or_old(ask(), kept)? {
            (value, None) => {
                self.keep(question, &value);
                Ok((value, Timestamp::now()))
            }
            (value, Some(at)) => Ok((value, at)),
        }
    }

    /// An answer that came, else the old one where the failure may pass; then with the time that one came.
    pub fn or_old(
        &self,
        came: Result<Value, Error>,
        kept: Option<Kept>,
    ) -> Result<(Value, Option<Timestamp>), Error> {
        match (came, kept) {
            (Err(Error::Http(error)), Some(kept)) if error.is_passing() => {
                let words = format!("{error}; what was met at {} is served meanwhile", kept.at);
                self.report.note(&self.subject, &words);
                Ok((kept.value, Some(kept.at)))
            }
            (came, _) => {
                let value = came?;
                self.report.clear_note(&self.subject);
                Ok((value, None))
            }
        }
    }

    /// What is remembered, however old.
    pub fn look(&self, question: &str) -> Option<Kept> {
        let document = self.cache.document(&self.key(question))?;
        let is_fresh = self.reach == Reach::Offline || document.expires > Timestamp::now();
        Some(Kept { value: serde_json::from_slice(&document.body).ok()?, at: document.kept, is_fresh })
    }

    /// Remembers an answer.
    pub fn keep(&self, question: &str, value: &Value) {
        let now = Timestamp::now();
        let expires = now.checked_add(self.lifetime).unwrap_or(now);
        let document = Document { validator: None, kept: now, expires, body: value.to_string().into_bytes() };
        self.cache.keep_document(&self.key(question), &document);
    }

    fn key(&self, question: &str) -> String {
        format!("{}\0{question}", self.owner)
    }
}
