//! One exchange with a server: a turn, a connection, a record.

use std::io::Read;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use flate2::read::MultiGzDecoder;
use reqwest::blocking::{Client, ClientBuilder, RequestBuilder, Response};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::access::s3::Purse;
use super::access::{Access, Dressed};
use super::hedge::Hedges;
use super::limit::{Gates, Permit};
use super::redirect::Hop;
use super::{Document, Error, Settings, Stream, redact, retry, shown, words};
use crate::report::{Report, RequestRecord, current_progress, with_progress};

/// The longest wait for a turn at a busy host.
const LONGEST_QUEUE: Duration = Duration::from_secs(600);

/// A document that is never silent, yet not through after so many times its silence, is given up.
const DRIPPING: u32 = 15;

/// Of an error's body, so much is read for the server's words.
const ERROR_BODY: u64 = 64 << 10;

/// What an exchange is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Metadata: compressed, multiplexed.
    Document,
    /// Assets: as they are, one connection each, since multiplexed ranges would wait for one another.
    Stream,
}

/// The two pools of connections.
pub(super) struct Wire {
    documents: Client,
    streams: Client,
    settings: Settings,
    access: Arc<Access>,
    gates: Gates,
    hedges: Hedges,
    report: Arc<Report>,
}

impl Wire {
    pub(super) fn new(settings: &Settings, access: Arc<Access>, report: Arc<Report>) -> Result<Wire, Error> {
        // The time-out of the blocking client covers the head of an answer and then each read of its body
        // anew: it bounds silence, not the transfer.
        let common = |silence: Duration| {
            Client::builder()
                .user_agent(concat!("stacfs/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .connect_timeout(settings.connect)
                .timeout(silence)
                .tcp_nodelay(true)
                .pool_max_idle_per_host(settings.per_host)
                .no_gzip()
        };
        let build = |builder: ClientBuilder| {
            builder.build().map_err(|e| Error::Unexpected {
                url: "TLS".into(),
                why: format!("cannot be set up: {}; are the system's CA certificates installed?", cause(&e)),
            })
        };
        Ok(Wire {
            documents: build(common(settings.document_silence))?,
            streams: build(common(settings.stream_silence).http1_only())?,
            settings: settings.clone(),
            access,
            gates: Gates::new(settings.per_host),
            hedges: Hedges::default(),
            report,
        })
    }

    fn silence(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Document => self.settings.document_silence,
            Lane::Stream => self.settings.stream_silence,
        }
    }

    /// Sends one request and waits for the head of its answer, whatever its status. A small range whose answer is
    /// late is asked for once more.
    pub(super) fn exchange(&self, hop: &Hop, dressed: &Dressed, lane: Lane) -> Result<Answer, Error> {
        let sending = self
            .prepare(hop, dressed, lane, LONGEST_QUEUE)
            .ok_or_else(|| Error::Silent { url: shown(&hop.url), after: LONGEST_QUEUE })?;
        let patience = self.hedges.patience(hop, lane).filter(|_| dressed.purse().is_none());
        let again = || self.prepare(hop, dressed, lane, Duration::ZERO);
        let answer = match patience {
            None => sending.send(),
            Some(patience) => self.hedges.race(&hop.url, sending, patience, again),
        };
        if lane == Lane::Stream {
            self.hedges.learn(&hop.url, &answer);
        }
        answer
    }

    /// One request with its turn; `None` where none came up in time.
    fn prepare(&self, hop: &Hop, dressed: &Dressed, lane: Lane, most: Duration) -> Option<Sending> {
        let permit = self.gates.enter(&hop.url, lane, most)?;
        let client = match lane {
            Lane::Document => &self.documents,
            Lane::Stream => &self.streams,
        };
        let mut request =
            client.request(hop.method.clone(), dressed.url.clone()).headers(dressed.headers.clone());
        if let Some(body) = &hop.body {
            request = request.body(body.clone());
        }
        let transfer = Transfer::start(hop, self.silence(lane), Arc::clone(&self.report), permit);
        let drips = self.settings.document_silence * DRIPPING;
        Some(Sending {
            request,
            until: (lane == Lane::Document).then(|| transfer.began + drips),
            transfer,
            url: hop.url.clone(),
            access: Arc::clone(&self.access),
            purse: dressed.purse(),
        })
    }
}

/// A request that is ready to go.
pub(super) struct Sending {
    request: RequestBuilder,
    transfer: Transfer,
    url: Url,
    access: Arc<Access>,
    until: Option<Instant>,
    purse: Option<Arc<Purse>>,
}

impl Sending {
    /// Sends it, and waits for the head of its answer.
    fn send(self) -> Result<Answer, Error> {
        let Sending { request, mut transfer, url, access, until, purse } = self;
        match request.send() {
            Ok(response) => {
                transfer.outcome = response.status().as_u16().to_string();
                touch(0);
                let headers = response.headers().clone();
                Ok(Answer { url, headers, access, body: Body { response, transfer, until, purse } })
            }
            Err(error) => Err(transfer.unanswered(&error)),
        }
    }

    /// The same on a thread of its own. An answer that nobody takes ends its transfer.
    pub(super) fn send_to(self, to: mpsc::Sender<Result<Answer, Error>>) {
        let progress = current_progress();
        let send = move || with_progress(progress, || drop(to.send(self.send())));
        if let Err(error) = std::thread::Builder::new().name("ask".into()).spawn(send) {
            tracing::warn!(%error, "no thread for a request");
        }
    }
}

impl Hop {
    /// Its headers, and the client's own, without what says who asks.
    pub(super) fn headers(&self, lane: Lane) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let header = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
            let (name, value) = header.ok_or_else(|| Error::Denied {
                url: shown(&self.url),
                why: format!("the header `{name}` holds characters that HTTP does not allow"),
            })?;
            headers.append(name, value);
        }
        let coding = match lane {
            Lane::Document => "gzip",
            Lane::Stream => "identity",
        };
        headers.entry("accept-encoding").or_insert(HeaderValue::from_static(coding));
        if self.body.is_some() {
            headers.entry("content-type").or_insert(HeaderValue::from_static("application/json"));
        }
        Ok(headers)
    }
}

/// An answer whose body has not been read yet.
pub(super) struct Answer {
    /// Where it came from, without the grant's query parameters.
    url: Url,
    headers: HeaderMap,
    access: Arc<Access>,
    body: Body,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.body.response.status().as_u16()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// How long ago it was asked for.
    pub(super) fn took(&self) -> Duration {
        self.body.transfer.began.elapsed()
    }

    /// Itself where the status is 2xx, else an error with the server's words.
    pub(super) fn into_success(self) -> Result<Answer, Error> {
        let status = self.status();
        if (200..300).contains(&status) {
            return Ok(self);
        }
        let (url, headers, access) = (self.url.clone(), self.headers.clone(), Arc::clone(&self.access));
        let mut body = Vec::new();
        // Words that do not come through are no reason to lose the status.
        let _ = self.decoded().take(ERROR_BODY).read_to_end(&mut body);
        // Cut last: half a secret is not found.
        let said = redact::hide(words::line(status, &body), redact::secrets(&url).iter().map(String::as_str));
        let words = words::cut(access.hide(said));
        let retry_after = headers.get("retry-after").and_then(|v| retry::retry_after(v.to_str().ok()?));
        Err(Error::Status { url: shown(&url), status, words, retry_after })
    }

    /// The whole body, at most `most` bytes of it unpacked.
    pub(super) fn into_document(self, most: u64) -> Result<Document, Error> {
        let (url, status, headers) = (self.url.clone(), self.status(), self.headers.clone());
        let too_long = || Error::Unexpected {
            url: shown(&url),
            why: format!("the document is larger than the {most} bytes allowed"),
        };
        if self.body.response.content_length().is_some_and(|length| length > most) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        let read = self.decoded().take(most.saturating_add(1)).read_to_end(&mut body);
        read.map_err(|e| Error::of_read(shown(&url), body.len() as u64, e))?;
        if body.len() as u64 > most {
            return Err(too_long());
        }
        Ok(Document { url, status, headers, body })
    }

    pub(super) fn into_stream(self) -> Stream {
        let status = self.status();
        Stream { url: self.url, status, headers: self.headers, body: Box::new(self.body) }
    }

    /// The body without its content coding.
    fn decoded(self) -> Box<dyn Read> {
        let coding = self.headers.get("content-encoding").and_then(|v| v.to_str().ok());
        let empty = self.body.response.content_length() == Some(0);
        match coding {
            Some(coding) if !empty && coding.to_ascii_lowercase().contains("gzip") => {
                Box::new(MultiGzDecoder::new(self.body))
            }
            _ => Box::new(self.body),
        }
    }
}

/// A body as it comes in: counted, timed, recorded when it is dropped.
struct Body {
    response: Response,
    transfer: Transfer,
    /// When it is given up although bytes still drip in.
    until: Option<Instant>,
    /// Who pays, where we do.
    purse: Option<Arc<Purse>>,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.until.is_some_and(|until| Instant::now() > until) {
            return Err(std::io::Error::other(self.transfer.broken("it came in too slowly".into())));
        }
        match self.response.read(buffer) {
            Ok(read) => {
                self.transfer.bytes += read as u64;
                touch(read as u64);
                if let Some(purse) = &self.purse {
                    purse.pay(&self.transfer.url, read as u64).map_err(std::io::Error::other)?;
                }
                Ok(read)
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.transfer.interrupted(&error)),
        }
    }
}

/// The record of one exchange; told to the report when it is over.
struct Transfer {
    at: SystemTime,
    began: Instant,
    method: String,
    url: String,
    range: Option<String>,
    outcome: String,
    bytes: u64,
    silence: Duration,
    report: Arc<Report>,
    _permit: Permit,
}

impl Transfer {
    fn start(hop: &Hop, silence: Duration, report: Arc<Report>, permit: Permit) -> Transfer {
        let range = hop.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("range"));
        Transfer {
            at: SystemTime::now(),
            began: Instant::now(),
            method: hop.method.to_string(),
            url: shown(&hop.url),
            range: range.map(|(_, value)| value.clone()),
            outcome: String::new(),
            bytes: 0,
            silence,
            report,
            _permit: permit,
        }
    }

    /// What it means that no head of an answer came.
    fn unanswered(&mut self, error: &reqwest::Error) -> Error {
        let url = self.url.clone();
        if error.is_timeout() && !error.is_connect() {
            self.outcome = "timeout".into();
            return Error::Silent { url, after: self.silence };
        }
        let why = if error.is_timeout() { "no connection in time".to_owned() } else { cause(error) };
        self.outcome = why.clone();
        match (error.is_builder(), error.is_connect()) {
            (true, _) => Error::Unexpected { url, why },
            (false, true) => Error::Unreachable { url, why },
            (false, false) => Error::Broken { url, got: 0, why },
        }
    }

    /// What it means that a read of the body failed.
    fn interrupted(&mut self, error: &std::io::Error) -> std::io::Error {
        let timed_out = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<reqwest::Error>())
            .is_some_and(reqwest::Error::is_timeout);
        if timed_out || error.kind() == std::io::ErrorKind::TimedOut {
            self.outcome += ", timeout";
            let silent = Error::Silent { url: self.url.clone(), after: self.silence };
            return std::io::Error::new(std::io::ErrorKind::TimedOut, silent);
        }
        let why = cause(error);
        std::io::Error::other(self.broken(why))
    }

    fn broken(&mut self, why: String) -> Error {
        self.outcome += ", broken";
        Error::Broken { url: self.url.clone(), got: self.bytes, why }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.report.request(RequestRecord {
            at: self.at,
            method: std::mem::take(&mut self.method),
            url: std::mem::take(&mut self.url),
            range: self.range.take(),
            outcome: std::mem::take(&mut self.outcome),
            bytes: self.bytes,
            took: self.began.elapsed(),
        });
    }
}

fn touch(bytes: u64) {
    if let Some(progress) = current_progress() {
        progress.touch(bytes);
    }
}

/// The innermost cause in words: outer layers only name the layer, and the URL with its secrets.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let innermost = std::iter::successors(Some(error), |e| e.source()).last();
    innermost.map_or_else(String::new, ToString::to_string)
}
