//! The network: one HTTP client for all rooms. `file:` URLs are answered from this machine as a server would.
//!
//! In: requests of `catalog`, `espa` and `content`. Out: whole documents (bounded in size) or bytes as
//! streams. Kept here, and nowhere else: connection pools, deadlines, retries with back-off and `Retry-After`,
//! second tries for what is late, limits per host, redirects, signing (`access`), and the rule that a
//! credential goes to the origin it is configured for and never over a redirect to another. Every request is
//! told to `report`, its URL stripped of secrets, and every byte touches the caller's
//! [`Progress`](crate::report::Progress).

mod access;
mod error;
mod hedge;
mod limit;
mod local;
mod redact;
mod redirect;
mod retry;
#[cfg(test)]
mod tests;
mod wire;
mod words;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use access::s3::{Object as S3Object, object_at_aws};
pub use error::Error;
pub use redact::{is_secret, shown};
pub use redirect::leads_inside;
pub use reqwest::Method;
pub use reqwest::header::HeaderMap;
use url::Url;
pub use words::words;

use crate::config::{Credential, Grant, Reach, S3Store};
use crate::report::{Report, current_progress};
use access::{Access, Dressed};
use redirect::Hop;
use wire::{Answer, Lane, Wire};

/// A request is sent again so often with what its answers taught: a region, that keys are needed, a new token.
const LESSONS: u32 = 4;

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// GET, HEAD, POST or PUT.
    pub method: Method,
    /// Where to; may carry a signature.
    pub url: Url,
    /// Extra headers; the client adds its own and those of the origin's grant.
    pub headers: Vec<(String, String)>,
    /// A body, JSON unless a header says otherwise.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A plain GET.
    pub fn get(url: Url) -> Request {
        Request { method: Method::GET, url, headers: Vec::new(), body: None }
    }

    /// A POST of a JSON value.
    pub fn post(url: Url, body: &serde_json::Value) -> Request {
        let body = Some(body.to_string().into_bytes());
        Request { method: Method::POST, url, headers: Vec::new(), body }
    }

    /// The same request with one more header.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Document {
    /// The URL that answered, after redirects.
    pub url: Url,
    /// Its status: 2xx, but for [`Http::answer`].
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, decoded from gzip.
    pub body: Vec<u8>,
}

/// An answer whose body is still coming in. Dropping it ends the transfer.
pub struct Stream {
    /// The URL that answered, after redirects.
    pub url: Url,
    /// Its status: 200 or 206.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    body: Box<dyn Read + Send>,
}

impl Read for Stream {
    /// Reads on. What fails is an [`Error`] inside of the `io::Error`; [`Error::of_read`] takes it out.
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.body.read(buffer)
    }
}

/// Limits of the client.
#[derive(Debug, Clone)]
pub struct Settings {
    /// To connect.
    pub connect: Duration,
    /// Without a byte of a document, before it is given up. Longer than the wait of a file-system call: the
    /// work goes on after the caller was told ETIMEDOUT.
    pub document_silence: Duration,
    /// Without a byte of an asset.
    pub stream_silence: Duration,
    /// Requests in flight per host. Streams leave a quarter of them to documents.
    pub per_host: usize,
    /// Largest document, in bytes, unpacked.
    pub max_document: u64,
    /// Attempts for a failure that passes.
    pub attempts: u32,
    /// The shortest pause between attempts; it grows from there, with jitter.
    pub pause: Duration,
    /// Object stores whose requests are signed.
    pub stores: Vec<S3Store>,
    /// Offline, every request fails at once with [`Error::Offline`]. Files of this machine are read all the same.
    pub reach: Reach,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            connect: Duration::from_secs(10),
            document_silence: Duration::from_secs(60),
            stream_silence: Duration::from_secs(60),
            per_host: 16,
            max_document: 256 << 20,
            attempts: 4,
            pause: Duration::from_millis(250),
            stores: Vec::new(),
            reach: Reach::Online,
        }
    }
}

/// The client; one per process.
pub struct Http {
    wire: Wire,
    access: Arc<Access>,
    settings: Settings,
    report: Arc<Report>,
    renewals: AtomicU64,
}

impl Http {
    /// A client with credentials bound to their origins.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(settings: Settings, grants: Vec<Grant>, report: Arc<Report>) -> Result<Http, Error> {
        let access = Arc::new(Access::new(grants, settings.stores.clone()));
        let wire = Wire::new(&settings, Arc::clone(&access), Arc::clone(&report))?;
        Ok(Http { wire, access, settings, report, renewals: AtomicU64::new(0) })
    }

    /// Replaces all credentials, from the next request on.
    pub fn replace_credentials(&self, grants: Vec<Grant>, stores: Vec<S3Store>) {
        self.access.replace(grants, stores);
        self.renewals.fetch_add(1, Ordering::Relaxed);
    }

    /// How often credentials were replaced: what was refused before may be taken now.
    pub fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Relaxed)
    }

    /// The USGS account that is configured for a URL's origin now; its services are logged in to by messages.
    pub fn usgs_account(&self, url: &Url) -> Option<Credential> {
        self.access.usgs_account(url)
    }

    /// Whether servers may be asked.
    pub fn reach(&self) -> Reach {
        self.settings.reach
    }

    /// Where an object of S3 is to be asked for: at the endpoint configured for its bucket, else at the one its
    /// catalogue names, else at AWS.
    ///
    /// # Errors
    /// In words, where that makes no URL.
    pub fn s3_url(&self, object: &S3Object) -> Result<Url, String> {
        self.access.object_url(object)
    }

    /// Whether a credential is configured for a URL's origin.
    pub fn has_credential(&self, url: &Url) -> bool {
        self.access.cover(url)
    }

    /// What to do where a URL's server refuses us: which key to set where.
    pub fn advice(&self, url: &Url) -> String {
        self.access.advice(url)
    }

    /// Streams in flight per host.
    pub fn streams_per_host(&self) -> usize {
        limit::streams(self.settings.per_host)
    }

    /// A whole document: retried where the failure passes, gzip allowed, bounded by `max_document`.
    ///
    /// # Errors
    /// Any [`Error`]; a status of 400 or more is [`Error::Status`] with the server's own words.
    pub fn document(&self, request: &Request) -> Result<Document, Error> {
        self.document_in(self.settings.attempts, request)
    }

    /// As [`Http::document`], in at most so many attempts: for callers that would rather ask for less.
    ///
    /// # Errors
    /// As [`Http::document`].
    pub fn document_in(&self, attempts: u32, request: &Request) -> Result<Document, Error> {
        if local::is_local(&request.url) {
            return local::document(request, self.settings.max_document);
        }
        self.retry(attempts, || {
            self.success(request, Lane::Document)?.into_document(self.settings.max_document)
        })
    }

    /// A whole document whatever its status, in one attempt: for servers whose errors are documents too.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::Status`].
    pub fn answer(&self, request: &Request) -> Result<Document, Error> {
        self.follow(request, Lane::Document)?.into_document(self.settings.max_document)
    }

    /// The head of an answer as a stream: one attempt, no content coding, redirects followed under the same
    /// rules. Meant for assets: ranges are asked for by header, and checked by the caller.
    ///
    /// # Errors
    /// Any [`Error`]; a status of 300 or more is an error.
    pub fn stream(&self, request: &Request) -> Result<Stream, Error> {
        if local::is_local(&request.url) {
            return local::stream(request);
        }
        self.success(request, Lane::Stream).map(Answer::into_stream)
    }

    /// Runs `attempt` until it succeeds, fails for good, or the attempts are used up, with back-off between.
    pub fn with_retries<T>(&self, attempt: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        self.retry(self.settings.attempts, attempt)
    }

    fn retry<T>(&self, attempts: u32, attempt: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        let again = |error: &Error| {
            self.report.counters.retries.add(1);
            if let Some(progress) = current_progress() {
                progress.stumble(&error.to_string());
            }
        };
        retry::run(attempts, self.settings.pause, again, attempt)
    }

    /// Sends a request and follows redirects to an answer of 2xx. A refusal says what to do about it.
    fn success(&self, request: &Request, lane: Lane) -> Result<Answer, Error> {
        let answer = self.follow(request, lane)?;
        let url = answer.url().clone();
        answer.into_success().map_err(|error| match error {
            Error::Status { url: shown, status: status @ (401 | 403), words, retry_after } => {
                let words = format!("{words}; {}", self.advice(&url));
                Error::Status { url: shown, status, words, retry_after }
            }
            error => error,
        })
    }

    /// Sends a request and follows redirects to an answer of any status.
    fn follow(&self, request: &Request, lane: Lane) -> Result<Answer, Error> {
        if self.settings.reach == Reach::Offline {
            return Err(Error::Offline { url: shown(&request.url) });
        }
        let undressed = |request: &Request| {
            self.retry(self.settings.attempts, || {
                let dress = |hop: &Hop, lane| Ok(Dressed::plain(hop.url.clone(), hop.headers(lane)?));
                self.travel(request, Lane::Document, &dress)?
                    .into_success()?
                    .into_document(self.settings.max_document)
            })
        };
        let dress =
            |hop: &Hop, lane| self.access.dress(&hop.method, hop.url.clone(), hop.headers(lane)?, &undressed);
        self.travel(request, lane, &dress)
    }

    /// Sends a request from server to server; `dress` puts the credentials of each on it.
    fn travel(
        &self,
        request: &Request,
        lane: Lane,
        dress: &dyn Fn(&Hop, Lane) -> Result<Dressed, Error>,
    ) -> Result<Answer, Error> {
        let mut hop = Hop::first(request);
        let (mut hops, mut again) = (0, 0);
        while hops <= redirect::MOST {
            let dressed = dress(&hop, lane)?;
            let answer = self.wire.exchange(&hop, &dressed, lane);
            let answer = answer.inspect_err(|_| self.access.unanswered(&dressed))?;
            if self.access.learn(&hop.url, &dressed, answer.status(), answer.headers()) && again < LESSONS {
                again += 1;
                continue;
            }
            match redirect::next(&hop, &answer, &self.access)? {
                Some(next) => hop = next,
                None => return Ok(answer),
            }
            hops += 1;
        }
        Err(Error::Redirect {
            url: shown(&request.url),
            to: shown(&hop.url),
            why: format!("more than {} redirects", redirect::MOST),
        })
    }
}
