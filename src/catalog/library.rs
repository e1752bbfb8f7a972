//! Documents of catalogues, remembered on disk.
//!
//! A document is taken for true for its lifetime, also by other mounts and after a restart; then it is asked
//! for again, with its entity tag where it has one. Where the server is out of reach the old one serves on,
//! and a note says so. Offline nothing is ever asked.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use url::Url;

use crate::cache::{Cache, Document as Kept};
use crate::config::Reach;
use crate::http::{self, Http, Request, S3Object, shown};
use crate::report::Report;

/// The documents of one source.
#[derive(Clone)]
pub struct Library {
    /// The source's name: two sources never share a document, since they may see different things.
    source: String,
    http: Arc<Http>,
    cache: Arc<Cache>,
    report: Arc<Report>,
    lifetime: Duration,
}

/// A document's text and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The URL that answered, after redirects: what relative links start from.
    pub url: Url,
    /// The status it came with: 2xx.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// When it came, or was last found to hold.
    pub came: Timestamp,
}

impl Text {
    /// Whether it is JSON from its beginning to its end: one value, or several as in NDJSON.
    fn is_json(&self) -> bool {
        let body = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body).trim_ascii_start();
        let mut values = serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>();
        matches!(body.first(), Some(b'{' | b'[')) && values.all(|value| value.is_ok())
    }
}

type Answer = Result<http::Document, http::Error>;

impl Library {
    /// The library of the source called `source`.
    pub fn new(
        source: &str,
        http: Arc<Http>,
        cache: Arc<Cache>,
        report: Arc<Report>,
        lifetime: Duration,
    ) -> Library {
        Library { source: source.to_owned(), http, cache, report, lifetime }
    }

    /// The document that a request gets: remembered, else asked for.
    ///
    /// # Errors
    /// Any [`http::Error`], where nothing is remembered or the failure is no passing one.
    pub fn document(&self, request: &Request) -> Result<Text, http::Error> {
        self.remembered(request, None, |request| self.http.document(request))
    }

    /// The same for a page of a listing, asked for in at most so many attempts where a number is given. None from
    /// before the listing's first, where that came at `since`: pages are counted from there, and what came in between
    /// would be missed.
    ///
    /// # Errors
    /// As [`Library::document`].
    pub fn page(
        &self,
        request: &Request,
        attempts: Option<u32>,
        since: Option<Timestamp>,
    ) -> Result<Text, http::Error> {
        self.remembered(request, since, |request| match attempts {
            Some(attempts) => self.http.document_in(attempts, request),
            None => self.http.document(request),
        })
    }

    /// What a request gets now, kept nowhere: secrets that last for minutes.
    ///
    /// # Errors
    /// Any [`http::Error`].
    pub fn fresh(&self, request: &Request) -> Result<http::Document, http::Error> {
        self.http.document(request)
    }

    /// Whether a credential is configured for a URL's origin.
    pub fn has_credential(&self, url: &Url) -> bool {
        self.http.has_credential(url)
    }

    /// Where an object of S3 is to be asked for.
    ///
    /// # Errors
    /// As [`Http::s3_url`].
    pub fn s3_url(&self, object: &S3Object) -> Result<Url, String> {
        self.http.s3_url(object)
    }

    fn remembered(
        &self,
        request: &Request,
        since: Option<Timestamp>,
        ask: impl Fn(&Request) -> Answer,
    ) -> Result<Text, http::Error> {
        if request.url.scheme() == "file" {
            // It is here already, and may be written to at any time.
            return ask(request).map(of_now);
        }
        let key = self.key(request);
        let kept = self.cache.document(&key).and_then(|kept| Some((text(&kept)?, kept)));
        match kept {
            None => self.fetch(&key, ask(request)),
            Some((text, _)) if self.is_offline() => Ok(text),
            Some((text, kept))
                if kept.expires > Timestamp::now() && since.is_none_or(|since| kept.kept >= since) =>
            {
                Ok(text)
            }
            Some((text, kept)) => self.renew(&key, text, kept, |validator| match validator {
                Some(etag) => ask(&request.clone().with_header("If-None-Match", etag)),
                None => ask(request),
            }),
        }
    }

    /// Keeps what came, where it is JSON: a page of maintenance or of a login, or an answer that breaks off, must
    /// not last.
    fn fetch(&self, key: &str, answer: Answer) -> Result<Text, http::Error> {
        let document = answer?;
        self.well();
        let header = |name: &str| document.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let etag = header("etag");
        let text = of_now(document);
        if text.is_json() {
            self.keep(key, etag, &text);
        }
        Ok(text)
    }

    /// Asks whether an old document still holds.
    fn renew(
        &self,
        key: &str,
        old: Text,
        kept: Kept,
        ask: impl FnOnce(Option<&str>) -> Answer,
    ) -> Result<Text, http::Error> {
        match self.fetch(key, ask(kept.validator.as_deref())) {
            Err(error) if error.status() == Some(304) => {
                self.well();
                let held = Text { came: Timestamp::now(), ..old };
                self.keep(key, kept.validator, &held);
                Ok(held)
            }
            Err(error) if error.is_passing() => {
                let words = format!("{error}; what was met at {} is served meanwhile", kept.kept);
                self.report.note(&self.subject(), &words);
                Ok(old)
            }
            Ok(new) if !new.is_json() && old.is_json() => {
                let words = format!(
                    "{} answers with something that is no JSON; what was met at {} is served meanwhile",
                    shown(&new.url),
                    kept.kept
                );
                self.report.note(&self.subject(), &words);
                Ok(old)
            }
            outcome => outcome,
        }
    }

    /// Forgets a document that turned out not to be what was asked for.
    pub fn forget(&self, request: &Request) {
        self.cache.forget_document(&self.key(request));
    }

    fn keep(&self, key: &str, validator: Option<String>, text: &Text) {
        let expires = text.came.checked_add(self.lifetime).unwrap_or(text.came);
        let mut body = text.url.as_str().as_bytes().to_vec();
        body.push(b'\n');
        body.extend_from_slice(&text.body);
        self.cache.keep_document(key, &Kept { validator, kept: text.came, expires, body });
    }

    /// Whether no server may be asked.
    pub fn is_offline(&self) -> bool {
        self.http.reach() == Reach::Offline
    }

    fn subject(&self) -> String {
        format!("{}: stale", self.source)
    }

    fn well(&self) {
        self.report.clear_note(&self.subject());
    }

    /// Whether anything was ever remembered of a request.
    pub fn remembers(&self, request: &Request) -> bool {
        self.cache.document(&self.key(request)).is_some()
    }

    /// What a request is known by: credentials are added to it later, in `http`, so none is in it.
    fn key(&self, request: &Request) -> String {
        let body = Sha256::digest(request.body.as_deref().unwrap_or_default());
        let body: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} {} {} {body}", self.source, request.method, request.url)
    }
}

/// A kept body: the URL that answered, a newline, what it said.
fn text(kept: &Kept) -> Option<Text> {
    let end = kept.body.iter().position(|&byte| byte == b'\n')?;
    let url = Url::parse(std::str::from_utf8(&kept.body[..end]).ok()?).ok()?;
    Some(Text { url, status: 200, body: kept.body[end + 1..].to_vec(), came: kept.kept })
}

/// A document that came just now.
fn of_now(document: http::Document) -> Text {
    Text { url: document.url, status: document.status, body: document.body, came: Timestamp::now() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Settings;
    use crate::demo::http::{Fault, Request as Asked, Response, Server};

    struct Desk {
        server: Server,
        report: Arc<Report>,
        folder: tempfile::TempDir,
    }

    impl Desk {
        fn new() -> Desk {
            let answer = |request: &Asked| match request.header("if-none-match") {
                Some("\"1\"") => Response::empty(304),
                _ => Response::text(200, "{}").with("ETag", "\"1\""),
            };
            let server = Server::start(answer).unwrap();
            Desk { server, report: Arc::default(), folder: tempfile::tempdir().unwrap() }
        }

        /// A library over the folder, as another process would open it.
        fn opened(&self, lifetime: Duration, reach: Reach) -> Library {
            let settings = http::Settings { attempts: 1, reach, ..http::Settings::default() };
            let http = Arc::new(Http::new(settings, Vec::new(), Arc::clone(&self.report)).unwrap());
            let folder = self.folder.path().join("cache");
            let settings = Settings { folder, max_bytes: Some(1 << 24), min_free: 0 };
            let cache = Arc::new(Cache::open(settings, Arc::clone(&self.report)));
            Library::new("here", http, cache, Arc::clone(&self.report), lifetime)
        }

        fn request(&self) -> Request {
            Request::get(Url::parse(&format!("{}/page", self.server.url())).unwrap())
        }

        fn asked(&self) -> Vec<Option<u16>> {
            let asked = self.server.journal().entries().iter().map(|entry| entry.status).collect();
            self.server.journal().clear();
            asked
        }
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_document_is_asked_for_once_in_its_lifetime_by_all_mounts() {
        let desk = Desk::new();
        for _ in 0..2 {
            let text = desk.opened(LONG, Reach::Online).document(&desk.request()).unwrap();
            assert_eq!((text.body.as_slice(), text.url), (&b"{}"[..], desk.request().url));
        }
        assert_eq!(desk.asked().len(), 1);
    }

    #[test]
    fn an_old_document_is_renewed_by_its_tag() {
        let desk = Desk::new();
        desk.opened(Duration::ZERO, Reach::Online).document(&desk.request()).unwrap();
        assert_eq!(desk.opened(LONG, Reach::Online).document(&desk.request()).unwrap().body, b"{}");
        assert_eq!(desk.asked(), [Some(200), Some(304)]);
        desk.opened(LONG, Reach::Online).document(&desk.request()).unwrap();
        assert!(desk.asked().is_empty(), "renewed is fresh");
    }

    #[test]
    fn an_old_document_serves_while_the_server_is_away_and_says_so() {
        let desk = Desk::new();
        let library = desk.opened(Duration::ZERO, Reach::Online);
        library.document(&desk.request()).unwrap();
        desk.server.faults().add(Fault::status(503).on("*"));
        assert_eq!(library.document(&desk.request()).unwrap().body, b"{}");
        assert!(desk.report.notes().contains_key("here: stale"));
        desk.server.faults().clear();
        library.document(&desk.request()).unwrap();
        assert!(desk.report.notes().is_empty(), "well again");
        desk.server.faults().add(Fault::status(404).on("*"));
        assert_eq!(library.document(&desk.request()).unwrap_err().status(), Some(404), "gone is gone");
    }

    #[test]
    fn what_is_no_json_does_not_last() {
        let desk = Desk::new();
        let library = desk.opened(LONG, Reach::Online);
        for body in ["{\"features\":[{\"id\":", "{\"bbox\":[NaN]}", "<html></html>", ""] {
            desk.server.faults().add(Fault::Answer(Box::new(Response::text(200, body))).on("*").times(1));
            assert_eq!(library.document(&desk.request()).unwrap().body, body.as_bytes());
        }
        assert_eq!(library.document(&desk.request()).unwrap().body, b"{}", "asked again, and well");
        library.forget(&desk.request());
        desk.asked();
        library.document(&desk.request()).unwrap();
        assert_eq!(desk.asked().len(), 1);
    }

    #[test]
    fn an_old_document_outlasts_a_page_of_maintenance() {
        let desk = Desk::new();
        let library = desk.opened(Duration::ZERO, Reach::Online);
        library.document(&desk.request()).unwrap();
        desk.server.faults().add(Fault::html(200).on("*"));
        assert_eq!(library.document(&desk.request()).unwrap().body, b"{}");
        assert!(desk.report.notes()["here: stale"].contains("no JSON"));
    }

    #[test]
    fn a_page_from_before_its_listings_first_is_asked_for_again() {
        let desk = Desk::new();
        let library = desk.opened(LONG, Reach::Online);
        let came = library.document(&desk.request()).unwrap().came;
        let page = |since| library.page(&desk.request(), None, Some(since)).unwrap();
        assert_eq!(page(came).came, came);
        assert_eq!(desk.asked(), [Some(200)]);
        assert!(page(came + Duration::from_nanos(1)).came > came);
        assert_eq!(desk.asked(), [Some(304)]);
        desk.server.faults().add(Fault::status(503).on("*"));
        assert_eq!(page(Timestamp::now()).body, b"{}", "what is old serves while the server is away");
    }

    #[test]
    fn offline_nothing_is_asked() {
        let desk = Desk::new();
        let offline = desk.opened(LONG, Reach::Offline);
        assert!(offline.document(&desk.request()).unwrap_err().to_string().contains("--offline"));
        desk.opened(Duration::ZERO, Reach::Online).document(&desk.request()).unwrap();
        desk.asked();
        assert_eq!(offline.document(&desk.request()).unwrap().body, b"{}");
        assert!(desk.asked().is_empty());
    }
}
