//! Fetching a segment: one request, and more only where an answer ends early.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::answer::{Head, Part, is_web_page};
use super::body::Body;
use super::place::{Place, request};
use super::segment::{CHUNK, Outcome, Segment};
use super::{Error, Location, Version, contact};
use crate::cache::{BLOCK, CachedObject, Claim, blocks_over};
use crate::http::{self, Http, Method, Request, Stream, shown};

/// Read from the network at a time.
const PIECE: usize = 64 * 1024;
/// Another process that fetches the same is waited for, for so long without a byte …
const OTHERS: Duration = Duration::from_secs(5);
/// … and looked after this often.
const GLANCE: Duration = Duration::from_millis(10);
/// So many first bytes tell a web page.
const SNIFF: usize = 256;

/// An answer that may be used: its head, and its body with the first bytes already read.
pub struct Answer {
    /// What it says of itself.
    pub head: Head,
    /// The rest of the body.
    pub stream: Stream,
    /// The body's first bytes.
    pub first: Vec<u8>,
}

/// Asks for a range. With `of`, the answer is of that version, or [`Error::Changed`]. A web page in the place
/// of the bytes is a refusal, for the origin to see to.
pub fn ask_range(
    http: &Http,
    place: &Place,
    location: &Location,
    wanted: &Range<u64>,
    of: Option<&Version>,
) -> Result<Result<Answer, Error>, http::Error> {
    let range = format!("bytes={}-{}", wanted.start, wanted.end - 1);
    ask(http, place, location, wanted, request(Method::GET, location).with_header("Range", range), of)
}

/// Asks for all of an object. With `of`, the answer is of that version, or [`Error::Changed`].
pub fn ask_whole(
    http: &Http,
    place: &Place,
    location: &Location,
    of: Option<&Version>,
) -> Result<Result<Answer, Error>, http::Error> {
    ask(http, place, location, &(0..u64::MAX), request(Method::GET, location), of)
}

fn ask(
    http: &Http,
    place: &Place,
    location: &Location,
    wanted: &Range<u64>,
    mut asked: Request,
    of: Option<&Version>,
) -> Result<Result<Answer, Error>, http::Error> {
    if let Some(etag) = of.and_then(Version::strong_etag) {
        asked = asked.with_header("If-Match", etag);
    }
    let mut stream = http.stream(&asked)?;
    let url = shown(&location.url);
    let unexpected = |why: String| http::Error::Unexpected { url: url.clone(), why };
    let head = Head::read(stream.status, &stream.headers, wanted).map_err(unexpected)?;
    let mut first = Vec::new();
    if !place.is_web_page() && is_html(&stream) {
        (&mut stream)
            .take(SNIFF as u64)
            .read_to_end(&mut first)
            .map_err(|e| http::Error::of_read(url.clone(), 0, e))?;
        if is_web_page(&first) {
            let advice = http.advice(&stream.url);
            let why =
                format!("a web page came in the place of the file: it wants a login or a token; {advice}");
            return Err(http::Error::Denied { url, why });
        }
    }
    if of.is_some_and(|version| !head.is_of(version)) {
        return Ok(Err(Error::Changed { identity: place.identity().to_owned() }));
    }
    Ok(Ok(Answer { head, stream, first }))
}

/// Whether an answer calls itself a web page.
pub fn is_html(stream: &Stream) -> bool {
    let kind = stream.headers.get("content-type").and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

/// What came of pulling at a segment.
enum Pulled {
    /// It is over.
    Over(Outcome),
    /// The server sends the whole object instead: here it comes.
    Whole(Box<Answer>),
}

/// A chunk on its way: what has come of it survives a broken connection.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
}

impl Body {
    /// Fetches a segment to its end, or until it is cancelled.
    pub(super) fn pull(&self, segment: &Segment) -> Result<Outcome, Error> {
        let _claim = self.claim(segment);
        if segment.arrived() == segment.bytes.end {
            return Ok(Outcome::Complete);
        }
        let mut pending = Pending::default();
        let mut pull =
            || self.place.ask(&self.means.http, |location| self.pull_from(location, segment, &mut pending));
        let pulled = match pull() {
            Err(Error::Changed { .. }) if self.is_only_restless() => pull()?,
            pulled => pulled?,
        };
        match pulled {
            Pulled::Over(outcome) => Ok(outcome),
            Pulled::Whole(answer) => {
                // Who waits for the segment turns to the stream.
                self.turn_away(segment);
                self.stream_whole(*answer);
                Ok(Outcome::Abandoned)
            }
        }
    }

    /// The version that an answer must be of.
    pub(super) fn pinned(&self) -> Version {
        let etag = self.version.etag.clone().filter(|_| !self.tag_is_restless.load(Ordering::Relaxed));
        Version { etag, ..self.version.clone() }
    }

    /// An answer seems to be of another version. Finds out whether nothing but the entity tag says so, of a
    /// server that gives another with every answer. Then the date has to tell versions apart from now on.
    fn is_only_restless(&self) -> bool {
        let identity = self.place.identity();
        let dated = Version { etag: None, ..self.version.clone() };
        let is_restless = self.pinned().etag.is_some()
            && dated.modified.is_some()
            && contact::restless(&self.means.http, &self.place)
                .is_ok_and(|version| version.is_some_and(|version| version.is_same(&dated)));
        // Another thread may have found it out meanwhile.
        if is_restless || self.tag_is_restless.load(Ordering::Relaxed) {
            self.means.ledger.ignore_tag(identity);
            self.tag_is_restless.store(true, Ordering::Relaxed);
            return true;
        }
        false
    }

    /// Waits while another process fetches any of these blocks, and takes over what it puts into the cache. A
    /// process that gets nowhere is not waited for.
    fn claim(&self, segment: &Segment) -> Option<Claim> {
        let cached = self.cached.as_ref().filter(|_| segment.is_shared)?;
        let mut since = Instant::now();
        loop {
            let claim = cached.claim(&segment.blocks).ok()?;
            let before = segment.arrived();
            self.skip_cached(segment, cached);
            if segment.arrived() > before {
                since = Instant::now();
            }
            if claim.is_some() || segment.arrived() == segment.bytes.end || segment.may_stop() {
                return claim;
            }
            if since.elapsed() > OTHERS {
                return None;
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// Takes the next chunks as arrived, as far as they are in the cache.
    fn skip_cached(&self, segment: &Segment, cached: &CachedObject) {
        loop {
            let chunk = segment.next_chunk();
            let blocks = blocks_over(chunk.start, chunk.end - chunk.start);
            if chunk.is_empty() || !cached.missing(blocks).is_empty() {
                return;
            }
            segment.skip();
        }
    }

    /// Where the next chunks begin that another process has put into the cache meanwhile; else the segment's end.
    fn next_found(&self, segment: &Segment) -> u64 {
        let end = segment.bytes.end;
        let Some(cached) = self.cached.as_ref().filter(|_| segment.is_shared) else { return end };
        let missing = cached.missing(blocks_over(segment.arrived(), end - segment.arrived()));
        let gap = missing.first().map_or(end, |gap| gap.end * BLOCK);
        // Bytes come in whole chunks, counted from the segment's start.
        (segment.bytes.start + (gap - segment.bytes.start).next_multiple_of(CHUNK)).min(end)
    }

    /// Goes over what another process has put into the cache meanwhile, unless a chunk has begun to arrive.
    fn skip_found(&self, segment: &Segment, pending: &Pending) {
        if let Some(cached) = self.cached.as_ref().filter(|_| segment.is_shared && pending.bytes.is_empty()) {
            self.skip_cached(segment, cached);
        }
    }

    /// Fetches what is left of a segment; goes on at once for as long as something comes.
    fn pull_from(
        &self,
        location: &Location,
        segment: &Segment,
        pending: &mut Pending,
    ) -> Result<Result<Pulled, Error>, http::Error> {
        loop {
            let before = segment.arrived() + pending.bytes.len() as u64;
            let result = self.pull_once(location, segment, pending);
            let progress = segment.arrived() + pending.bytes.len() as u64 > before;
            match result {
                Err(error) if progress && error.is_passing() => {
                    tracing::debug!(%error, "going on where it broke");
                    self.means.report.counters.retries.add(1);
                }
                Ok(Ok(None)) => {
                    self.skip_found(segment, pending);
                    if segment.arrived() == segment.bytes.end {
                        return Ok(Ok(Pulled::Over(Outcome::Complete)));
                    }
                }
                Ok(Ok(Some(pulled))) => return Ok(Ok(pulled)),
                Ok(Err(error)) => return Ok(Err(error)),
                Err(error) => return Err(error),
            }
        }
    }

    /// One request. `None` where its answer ended before the segment.
    fn pull_once(
        &self,
        location: &Location,
        segment: &Segment,
        pending: &mut Pending,
    ) -> Result<Result<Option<Pulled>, Error>, http::Error> {
        let wanted = segment.arrived() + pending.bytes.len() as u64..self.next_found(segment);
        if segment.may_stop() {
            return Ok(Ok(Some(Pulled::Over(Outcome::Abandoned))));
        }
        let answer = match ask_range(&self.means.http, &self.place, location, &wanted, Some(&self.pinned()))?
        {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        let url = || shown(&location.url);
        let part = match &answer.head.part {
            Part::Range(range) => range.clone(),
            Part::Whole if wanted == (0..self.size()) && !answer.head.coded => wanted.clone(),
            Part::Whole => return Ok(Ok(Some(Pulled::Whole(Box::new(answer))))),
        };
        let Answer { mut stream, first, .. } = answer;
        let mut left = (part.end - wanted.start).saturating_sub(first.len() as u64);
        self.take_in(segment, pending, &first);
        let mut buffer = vec![0; PIECE];
        while left > 0 {
            if segment.may_stop() {
                return Ok(Ok(Some(Pulled::Over(Outcome::Abandoned))));
            }
            let most = left.min(PIECE as u64) as usize;
            let got = part.end - left - wanted.start;
            match stream.read(&mut buffer[..most]) {
                Ok(0) => {
                    let why = "the body ended early".to_owned();
                    return Err(http::Error::Broken { url: url(), got, why });
                }
                Ok(read) => {
                    left -= read as u64;
                    self.take_in(segment, pending, &buffer[..read]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(http::Error::of_read(url(), got, error)),
            }
        }
        Ok(Ok((segment.arrived() == segment.bytes.end).then_some(Pulled::Over(Outcome::Complete))))
    }

    /// Bytes came in: whole chunks go to those who wait, and then to the disk.
    fn take_in(&self, segment: &Segment, pending: &mut Pending, mut bytes: &[u8]) {
        segment.receive(bytes.len() as u64);
        while !bytes.is_empty() {
            let chunk = segment.next_chunk();
            let length = (chunk.end - chunk.start) as usize;
            if pending.bytes.is_empty() {
                pending.bytes.reserve_exact(length);
            }
            let take = bytes.len().min(length - pending.bytes.len());
            if take == 0 {
                return; // More came than was asked for.
            }
            pending.bytes.extend(&bytes[..take]);
            bytes = &bytes[take..];
            if pending.bytes.len() == length {
                let whole = Arc::new(std::mem::take(&mut pending.bytes));
                let place = segment.push(whole.clone());
                if segment.is_shared && self.keep(chunk.start / BLOCK, &whole) {
                    segment.is_on_disk(place);
                } else {
                    self.stay_in_memory(segment, chunk.start);
                }
            }
        }
    }

    /// The disk did not take a chunk: before more of the segment comes, there must be room in memory for all that is
    /// left of it. Where there is none for what nobody waits for, the segment is given up.
    fn stay_in_memory(&self, segment: &Segment, from: u64) {
        if segment.lent() > 0 {
            return;
        }
        match self.means.memory.lend(segment.bytes.end - from, || segment.wish()) {
            Some(loan) => segment.stand_on(loan),
            None => segment.cancel(),
        }
    }
}
