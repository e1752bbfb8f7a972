//! Assets as random-access bytes.
//!
//! In: an [`Object`] (who it is, where its bytes are to be had, what is declared of it). Out: its true size,
//! and an [`OpenFile`] to read from. Between them: versions (the bytes of one open file come from one version
//! of the object), windows and read-ahead, single flight, the block cache on disk.
//!
//! `catalog` and `espa` implement [`Origin`]; `tree` opens; `fuse` reads.
//!
//! ```text
//! OpenFile   how one handle reads        pattern
//!   Body     one version, all handles    segment, memory, cache
//!     fetch  one request for a segment   place, answer; turns says when
//! ```

mod answer;
pub mod archive;
mod body;
mod checksum;
mod contact;
mod error;
mod fetch;
mod file;
mod flight;
mod hints;
mod ledger;
mod means;
mod memory;
mod object;
mod pattern;
mod place;
mod raster;
mod segment;
mod spool;
#[cfg(test)]
mod tests;
pub mod tiff;
mod turns;
mod windows;

pub use archive::{Member, Members};
pub use error::Error;
pub use file::OpenFile;
pub use object::{Location, Object, Origin, Trouble, Version, names_web_page};
pub use tiff::header::RasterHeader;

use std::collections::HashMap;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use archive::Archives;
use body::Body;
use contact::{Contact, Found};
use hints::{Admission, Hints};
use ledger::{Known, Ledger};
use means::Means;
use memory::Memory;
use place::Place;
use turns::{Turns, Urgency};

use crate::cache::Cache;
use crate::http::{self, Http};
use crate::item::Checksum;
use crate::report::{Report, current_allowance, current_progress, lock, with_progress};

/// Most bytes fetched ahead of all readers together …
const AHEAD: u64 = 64 * 1024 * 1024;
/// … and at most this part of the cache: what is fetched ahead must not put out what was fetched before it.
const AHEAD_PART: u64 = 8;
/// Sizes that are asked for beside another are waited for so much longer at least.
const GRACE: Duration = Duration::from_millis(100);

/// The service that opens objects; one per process.
pub struct Content {
    means: Arc<Means>,
    cache: Arc<Cache>,
    /// What is open, by identity, validator and size.
    bodies: Mutex<HashMap<(String, String, u64), Weak<Body>>>,
    /// Objects that are being opened, by identity.
    opening: Mutex<HashMap<String, Weak<Mutex<()>>>>,
    hints: Hints,
    archives: Archives,
}

impl Content {
    /// A content service over a client and a cache. At an open, a version is taken for true for
    /// `version_lifetime` after a server confirmed it.
    pub fn new(
        http: Arc<Http>,
        cache: Arc<Cache>,
        report: Arc<Report>,
        version_lifetime: Duration,
    ) -> Content {
        let turns = Turns::new(http.streams_per_host());
        let room = cache.usage().map_or(AHEAD, |usage| usage.limit / AHEAD_PART);
        let means = Means {
            cache: cache.clone(),
            ledger: Arc::new(Ledger::new(cache.clone(), version_lifetime)),
            http,
            turns,
            memory: Memory::new(memory::MOST),
            most_ahead: room.min(AHEAD),
            report,
        };
        Content {
            means: Arc::new(means),
            archives: Archives::new(cache.clone()),
            cache,
            bodies: Mutex::default(),
            opening: Mutex::default(),
            hints: Hints::default(),
        }
    }

    /// The size where it is known without a request: declared, or met before (also by an earlier mount).
    pub fn known_size(&self, object: &Object) -> Option<u64> {
        let known = self.ledger().get(object.origin.identity());
        let seen = known.as_ref().filter(|known| known.seen_here || object.declared_size.is_none());
        seen.map(|known| known.version.size).or(object.declared_size)
    }

    /// The sizes of several objects, found in parallel where they must be asked for; each fails alone.
    /// `None` is a length that no rung of the ladder gives: such an object is fetched at its first open.
    pub fn sizes(self: &Arc<Content>, objects: &[Object]) -> Vec<Result<Option<u64>, Error>> {
        let mut sizes: Vec<Result<Option<u64>, Error>> =
            objects.iter().map(|object| Ok(self.known_size(object))).collect();
        let (sender, receiver) = mpsc::channel();
        for (at, object) in objects.iter().enumerate().filter(|(at, _)| matches!(sizes[*at], Ok(None))) {
            let sender = sender.clone();
            self.measure_soon(object.clone(), Urgency::Now, move |size| drop(sender.send((at, size))));
        }
        drop(sender);
        receiver.into_iter().for_each(|(at, size)| sizes[at] = size);
        sizes
    }

    /// The size of an object that is not known, and side by side with it those of `others`, which will be asked for
    /// next. These are waited for a few times as long and no more: who is dead holds up nobody else. Does something
    /// `meanwhile`, before it waits.
    pub fn size_beside(
        self: &Arc<Content>,
        object: &Object,
        others: &[Object],
        meanwhile: impl FnOnce(),
    ) -> Result<Option<u64>, Error> {
        let (began, (sender, receiver)) = (Instant::now(), mpsc::channel());
        for (at, object) in std::iter::once(object).chain(others).enumerate() {
            let sender = sender.clone();
            self.measure_soon(object.clone(), Urgency::Now, move |size| drop(sender.send((at, size))));
        }
        drop(sender);
        meanwhile();
        let own = receiver.iter().find(|(at, _)| *at == 0);
        let until = Instant::now() + 3 * began.elapsed() + GRACE;
        while receiver.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
        own.map_or(Ok(None), |(_, size)| size)
    }

    /// Asks for the sizes of objects that somebody will likely need soon. Never waits. Of what is staged none is
    /// asked for: a guess must make no server prepare anything.
    pub fn sizes_ahead(self: &Arc<Content>, objects: impl IntoIterator<Item = Object>) {
        if current_allowance().is_some() {
            return;
        }
        for object in objects {
            if self.known_size(&object).is_none() && !object.origin.is_staged() {
                self.measure_soon(object, Urgency::Ahead, drop);
            }
        }
    }

    fn measure_soon(
        self: &Arc<Content>,
        object: Object,
        urgency: Urgency,
        then: impl FnOnce(Result<Option<u64>, Error>) + Send + 'static,
    ) {
        let content = self.clone();
        let host = Place::new(object.origin.clone()).host();
        // What is asked for ahead is no sign of life for who asks for something else.
        let progress = current_progress().filter(|_| urgency == Urgency::Now);
        let job = move || then(with_progress(progress, || content.size(&object)));
        self.means.turns.submit(&host, body::new_number(), urgency, 0, Box::new(job));
    }

    /// The size of an object of unknown size: by a request for it, or by the one that fetches it.
    fn size(&self, object: &Object) -> Result<Option<u64>, Error> {
        if self.is_hinted(object) && self.fetch_small(object).is_ok() {
            return Ok(self.known_size(object));
        }
        // One asks; who comes meanwhile finds what it found.
        let turn = self.turn(object.origin.identity());
        let _turn = lock(&turn);
        if let Some(size) = self.known_size(object) {
            return Ok(Some(size));
        }
        let place = Place::new(object.origin.clone());
        let Some(version) = contact::measure(&self.means.http, &place)? else { return Ok(None) };
        Ok(Some(self.ledger().see(place.identity(), version, None).version.size))
    }

    /// How often an object was seen to change in this process: a new generation is a new inode.
    pub fn generation(&self, identity: &str) -> u64 {
        self.ledger().generation(identity)
    }

    /// The version of an object that was last seen, where one was.
    pub fn known_version(&self, object: &Object) -> Option<Version> {
        self.ledger().get(object.origin.identity()).map(|known| known.version)
    }

    /// Bytes of the object's current version in the cache.
    pub fn cached_bytes(&self, object: &Object) -> u64 {
        let identity = object.origin.identity();
        let bytes = |known: Known| self.cache.cached_bytes(identity, &known.validator(), known.version.size);
        self.ledger().get(identity).map_or(0, bytes)
    }

    /// Whether bytes of the object's current version are here, on disk or in memory.
    fn has_some_of(&self, object: &Object) -> bool {
        let identity = object.origin.identity();
        let Some(known) = self.ledger().get(identity) else { return false };
        let key = (identity.to_owned(), known.validator(), known.version.size);
        let open = lock(&self.bodies).get(&key).and_then(Weak::upgrade);
        open.is_some_and(|body| body.is_in_memory()) || self.cached_bytes(object) > 0
    }

    /// Opens an object as the given generation. Asks the server where the known version is older than its
    /// lifetime.
    ///
    /// # Errors
    /// [`Error::Changed`] where the object is of another generation now.
    pub fn open(&self, object: &Object, generation: u64) -> Result<Arc<OpenFile>, Error> {
        self.open_with(object, generation, None)
    }

    /// As [`Content::open`], for one who wants all of the file: where its server must be asked, up to `first` bytes
    /// come along, and so does its size.
    ///
    /// # Errors
    /// As [`Content::open`].
    pub fn open_whole(&self, object: &Object, generation: u64, first: u64) -> Result<Arc<OpenFile>, Error> {
        self.open_with(object, generation, Some(first))
    }

    fn open_with(
        &self,
        object: &Object,
        generation: u64,
        first: Option<u64>,
    ) -> Result<Arc<OpenFile>, Error> {
        let identity = object.origin.identity();
        let changed = || Error::Changed { identity: identity.to_owned() };
        if self.ledger().generation(identity) != generation {
            return Err(changed());
        }
        self.hints.used(identity);
        // One asks; who comes meanwhile finds what it found.
        let turn = self.turn(identity);
        let turn = lock(&turn);
        let place = Place::new(object.origin.clone());
        let (known, found) = self.current(object, &place, first)?;
        if self.ledger().generation(identity) != generation {
            return Err(changed());
        }
        if self.ledger().wrong_before(identity, &known.version) > 1 {
            let why = "its bytes were not those that its checksum promises, twice in a row; it is tried again in \
                       some minutes; tell its publisher";
            return Err(Error::Corrupt { identity: identity.to_owned(), why: why.to_owned() });
        }
        let body = self.body(place, &known, object.checksum.clone());
        match found {
            Found::Nothing => {}
            Found::First(bytes) => body.accept(&bytes),
            Found::All(spool) => body.accept_whole(spool),
            Found::Stream(answer) => {
                body.place.afford(body.size().saturating_sub(contact::HEAD))?;
                body.stream_whole_soon(*answer);
            }
        }
        body.check();
        body.be_sound()?;
        drop(turn);
        Ok(Arc::new(OpenFile::new(body)))
    }

    fn ledger(&self) -> &Arc<Ledger> {
        &self.means.ledger
    }

    /// The turn to open an object: whoever holds its lock, opens.
    fn turn(&self, identity: &str) -> Arc<Mutex<()>> {
        let mut turns = lock(&self.opening);
        if let Some(turn) = turns.get(identity).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Mutex::new(()));
        turns.insert(identity.to_owned(), Arc::downgrade(&turn));
        turn
    }

    /// Small objects that will likely be opened soon, such as the same asset of the next items: fetches them
    /// ahead, as far as they stay a small share of what such hints brought to use. `expected` bytes each where
    /// their lengths are not known. Never waits. Tells how many of them, from the
    /// first on, need not be hinted at again. What is staged is left alone: a guess must make no server prepare
    /// anything. Whoever has an allowance gets only what he asks for.
    pub fn prefetch(self: &Arc<Content>, objects: impl IntoIterator<Item = Object>, expected: u64) -> usize {
        if current_allowance().is_some() {
            return 0;
        }
        let mut dealt_with = 0;
        for object in objects {
            let identity = object.origin.identity();
            let expected = self.known_size(&object).unwrap_or(expected);
            let known = self.ledger().get(identity).is_some_and(|known| self.ledger().is_fresh(&known));
            let is_of_use = !object.origin.is_staged()
                && expected <= contact::SMALL
                && !(known && self.has_some_of(&object));
            if is_of_use {
                match self.hints.admit(identity, expected) {
                    Admission::Granted => self.fetch_small_soon(object),
                    Admission::Known => {}
                    Admission::TooMuch => break,
                }
            }
            dealt_with += 1;
        }
        dealt_with
    }

    /// Whether an object was hinted at and not opened since: then its size comes with its bytes.
    pub fn is_hinted(&self, object: &Object) -> bool {
        self.hints.is_unused(object.origin.identity())
    }

    fn fetch_small_soon(self: &Arc<Content>, object: Object) {
        let content = self.clone();
        let host = Place::new(object.origin.clone()).host();
        let job = move || {
            if let Err(error) = content.fetch_small(&object) {
                tracing::debug!(identity = object.origin.identity(), %error, "not fetched ahead");
            }
        };
        self.means.turns.submit(&host, body::new_number(), Urgency::Ahead, 0, Box::new(job));
    }

    /// Fetches an object that nobody has opened yet.
    fn fetch_small(&self, object: &Object) -> Result<(), Error> {
        let turn = self.turn(object.origin.identity());
        let _turn = lock(&turn);
        let place = Place::new(object.origin.clone());
        let (known, found) = self.current(object, &place, None)?;
        self.hints.took(object.origin.identity(), known.version.size.min(contact::SMALL));
        let body = self.body(place, &known, object.checksum.clone());
        match found {
            Found::First(bytes) => body.accept(&bytes),
            Found::All(spool) => body.accept_whole(spool),
            // Its size is known and its bytes are not: one request for them.
            Found::Nothing if known.version.size <= contact::SMALL => body.fetch_here()?,
            Found::Nothing | Found::Stream(_) => {}
        }
        Ok(())
    }

    /// The version an object has now, and those of its bytes that came along: `first` at most, where that is said.
    fn current(&self, object: &Object, place: &Place, first: Option<u64>) -> Result<(Known, Found), Error> {
        let identity = place.identity();
        let known = self.ledger().get(identity);
        if let Some(known) = known.as_ref().filter(|known| self.ledger().is_good(identity, known)) {
            return Ok((known.clone(), Found::Nothing));
        }
        if let Some(declared) = self.declared(object, known.as_ref()) {
            return Ok((declared, Found::Nothing));
        }
        let shown = self.known_size(object);
        match (self.look(object, place, known.as_ref(), shown, first), known) {
            (Ok(Contact { version, found }), _) => Ok((self.ledger().see(identity, version, shown), found)),
            (Err(Error::Http(http::Error::Offline { .. })), Some(known)) if self.has_some_of(object) => {
                Ok((known, Found::Nothing))
            }
            (Err(Error::Http(error)), Some(known)) if self.has_some_of(object) => {
                let words = format!("not confirmed to be current: {error}; what is cached is served");
                self.means.report.note(identity, &words);
                Ok((known, Found::Nothing))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The version of a staged object, as far as it is known without asking; `None` where its server must be
    /// asked: its size is not declared, or was found to be another.
    fn declared(&self, object: &Object, known: Option<&Known>) -> Option<Known> {
        if !object.origin.is_staged() {
            return None;
        }
        match known {
            Some(known) if self.ledger().is_doubted(known) => None,
            Some(known) => Some(known.clone()),
            None => {
                let version = Version { size: object.declared_size?, etag: None, modified: None };
                Some(self.ledger().see(object.origin.identity(), version, None))
            }
        }
    }

    /// Asks the server. Where bytes of the version known are here, only whether it still holds; else the first
    /// bytes come along, or all of them where the server does not tell how many there are.
    fn look(
        &self,
        object: &Object,
        place: &Place,
        known: Option<&Known>,
        shown: Option<u64>,
        first: Option<u64>,
    ) -> Result<Contact, Error> {
        let http = &self.means.http;
        if known.is_some_and(|known| self.ledger().is_doubted(known))
            && contact::restless(http, place)?.is_some()
        {
            self.ledger().ignore_tag(place.identity());
        }
        let held = known.filter(|known| known.version.validator().is_some() && self.has_some_of(object));
        if let Some(known) = held
            && let Some(version) = contact::confirm(http, place, &known.version)?
        {
            self.means.report.clear_note(place.identity());
            return Ok(Contact { version, found: Found::Nothing });
        }
        if let Some(contact) = contact::meet(http, place, shown, first)? {
            return Ok(contact);
        }
        let (version, spool) = spool::fetch_whole(http, place, &self.cache)?;
        // How much it would be, nobody could tell; its head is paid for.
        if let Some(allowance) = current_allowance() {
            allowance.charge(version.size.saturating_sub(contact::HEAD));
        }
        Ok(Contact { version, found: Found::All(spool) })
    }

    /// The bytes of a version: those that are open already, or opened now.
    fn body(&self, place: Place, known: &Known, checksum: Option<Checksum>) -> Arc<Body> {
        let identity = place.identity();
        let key = (identity.to_owned(), known.validator(), known.version.size);
        let mut bodies = lock(&self.bodies);
        let open = bodies.get(&key).and_then(Weak::upgrade);
        if let Some(body) = open.filter(|body| body.be_sound().is_ok()) {
            return body;
        }
        let cached = self.cache.object(identity, &key.1, key.2);
        let body = Arc::new(Body::new(place, known.version.clone(), checksum, cached, self.means.clone()));
        bodies.retain(|_, body| body.strong_count() > 0);
        bodies.insert(key, Arc::downgrade(&body));
        body
    }
}
