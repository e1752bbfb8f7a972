//! One source's place on the network: what all parts of its client share.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::super::Error;
use super::super::library::{self, Library};
pub(super) use super::super::remembered::Remembered;
use super::border::Border;
use super::origin::Reading;
use super::signing::Desk;
use crate::config::{Limits, SourceConfig};
use crate::content::Origin;
use crate::http::{self, Request, S3Object, shown};
use crate::item::{Asset, Item};
use crate::report::Report;

/// Media types asked for; some servers send HTML to whoever does not say.
const ACCEPT: &str = "application/json, application/geo+json, application/schema+json;q=0.9, application/x-ndjson;q=0.9, */*;q=0.5";

/// Items asked for per page: a Lambda's answer of 6 MB holds some 650 of 9 KB, and Earth Search failed above
/// 500 of its own (`pystac-client` issue 56). A power of two, so that halving keeps pages aligned.
const PAGE_SIZE: u32 = 256;

/// URLs of catalogues above another, two each: names that grow with every step would lead on for ever.
const MOST_ABOVE: usize = 64;

/// What all parts of one source's client share.
#[derive(Clone)]
pub(super) struct Site {
    /// The source's name, for notes.
    pub(super) name: String,
    /// The URL as configured.
    pub(super) url: Url,
    pub(super) documents: Library,
    pub(super) report: Arc<Report>,
    /// How far its documents may lead.
    border: Arc<Border>,
    /// How long metadata is taken for true.
    pub(super) lifetime: Duration,
    /// Most items read for something done here.
    pub(super) max_scan: u64,
    /// Items asked for per page.
    pub(super) page_size: u32,
    /// Conformance overrides.
    pub(super) overrides: Vec<String>,
    /// Where the catalogues above this one stand: a child that leads back to one of them is none.
    above: Vec<Url>,
}

/// A document that may be JSON.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// The URL that answered: what relative links in it start from.
    pub(super) url: Url,
    pub(super) text: String,
    /// When it came.
    pub(super) came: Timestamp,
}

impl Site {
    pub(super) fn new(
        config: &SourceConfig,
        url: Url,
        documents: Library,
        limits: &Limits,
        report: Arc<Report>,
    ) -> Site {
        Site {
            name: config.name.clone(),
            border: Arc::new(Border::new(url.clone(), documents.is_offline())),
            url,
            documents,
            report,
            lifetime: config.metadata_lifetime.unwrap_or(limits.metadata_lifetime),
            max_scan: config.max_scan.unwrap_or(limits.max_scan),
            page_size: config.page_size.unwrap_or(PAGE_SIZE).max(1),
            overrides: config.conformance.clone(),
            above: Vec::new(),
        }
    }

    /// The same source's settings for a catalogue below it, of which a document at `from` told.
    pub(super) fn below(&self, name: &str, url: Url, from: &Url) -> Site {
        let above = self.above.iter().chain([&self.url, from]).cloned().collect();
        Site {
            name: format!("{}/{name}", self.name),
            border: Arc::new(Border::new(url.clone(), self.documents.is_offline())),
            url,
            documents: self.documents.clone(),
            report: Arc::clone(&self.report),
            lifetime: self.lifetime,
            max_scan: self.max_scan,
            page_size: self.page_size,
            overrides: self.overrides.clone(),
            above,
        }
    }

    /// Whether a URL leads back to this catalogue or to one above it, or deeper than any catalogue goes.
    pub(super) fn leads_back(&self, url: &Url) -> bool {
        let place = |url: &Url| {
            let path = url.path().trim_end_matches('/').to_owned();
            (url.origin(), path, url.query().map(str::to_owned))
        };
        let is_same = |other: &Url| place(other) == place(url);
        is_same(&self.url) || self.above.iter().any(is_same) || self.above.len() > MOST_ABOVE
    }

    /// Whether a URL that a document names may be asked.
    ///
    /// # Errors
    /// Where it is a file of this machine or a private address, and the source stands elsewhere.
    pub(super) fn check(&self, url: &Url) -> Result<(), http::Error> {
        self.border.check(url)
    }

    /// A document by GET, all attempts.
    pub(super) fn get(&self, url: &Url) -> Result<Text, Error> {
        self.request(Request::get(url.clone()))
    }

    /// The answer to a request, all attempts.
    pub(super) fn request(&self, request: Request) -> Result<Text, Error> {
        self.check(&request.url)?;
        text(self.documents.document(&accepting(request))?)
    }

    /// A page of a listing, as [`Library::page`] has it.
    pub(super) fn page(
        &self,
        request: Request,
        attempts: Option<u32>,
        since: Option<Timestamp>,
    ) -> Result<Text, Error> {
        self.check(&request.url)?;
        text(self.documents.page(&accepting(request), attempts, since)?)
    }

    /// An answer was JSON, but not what was asked for (an error with status 200): it is not remembered.
    pub(super) fn distrust(&self, request: &Request) {
        self.documents.forget(request);
    }

    /// Whether this source is a file of this machine, and may point at others.
    pub(super) fn is_here(&self) -> bool {
        self.border.is_here()
    }

    /// The origin of an item's asset, the item's own URL being `base`. `None` without an href.
    pub(super) fn origin(&self, item: &Item, asset: &Asset, base: Option<&Url>) -> Option<Arc<dyn Origin>> {
        let s3_url = |object: &S3Object| self.documents.s3_url(object);
        let (documents, border) = (self.documents.clone(), Arc::clone(&self.border));
        let desk: Desk = Arc::new(move |request| {
            border.check(&request.url)?;
            documents.fresh(request)
        });
        let has_credential = |url: &Url| self.documents.has_credential(url);
        let reading = Reading {
            item,
            base,
            border: &self.border,
            s3_url: &s3_url,
            desk: &desk,
            has_credential: &has_credential,
        };
        reading.origin(asset).map(|origin| Arc::new(origin) as Arc<dyn Origin>)
    }

    /// Where an object of S3 that a document links to is to be asked for.
    pub(super) fn s3_url(&self, bucket: String, key: String) -> Option<Url> {
        self.documents.s3_url(&S3Object { bucket, key, region: None, endpoint: None }).ok()
    }

    /// Notes something lasting about this source; the subject is `NAME: WHAT`.
    pub(super) fn note(&self, what: &str, words: &str) {
        self.report.note(&format!("{}: {what}", self.name), words);
    }

    /// Notes members that were left out because they cannot be used.
    pub(super) fn note_unusable(&self, what: &str, reasons: &[String]) {
        if let Some(first) = reasons.first() {
            let words = format!("{} of one page were left out: {first}", reasons.len());
            self.note(&format!("unusable {what}"), &words);
        }
    }
}

fn accepting(request: Request) -> Request {
    if request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
        return request;
    }
    request.with_header("Accept", ACCEPT)
}

/// JSON of whatever media type: object stores serve it as `text/plain` or `binary/octet-stream`.
fn text(document: library::Text) -> Result<Text, Error> {
    let text = String::from_utf8_lossy(&document.body);
    let text = text.trim_start_matches('\u{feff}').trim();
    if !text.starts_with(['{', '[']) {
        let said = http::words(document.status, text.as_bytes());
        let why = format!("the answer is no JSON but `{said}`; is this the URL of a STAC API or catalogue?");
        return Err(Error::NotStac { url: shown(&document.url), why });
    }
    Ok(Text { url: document.url, text: text.to_owned(), came: document.came })
}
