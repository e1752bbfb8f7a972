//! The bytes of one version of an object, shared by all who have it open in this process.
//!
//! A wanted block is in the cache, on its way in a [`Segment`], or missing; then a segment is made for it. So
//! two readers of a block make one request.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock, Weak};

use super::checksum::Passing;
use super::flight::{Flight, pieces, uncovered};
use super::means::Means;
use super::pattern::Pattern;
use super::place::Place;
use super::segment::{CHUNK, Held, Outcome, Segment};
use super::spool::Spool;
use super::tiff::{self, Look, Tiles};
use super::turns::{Job, Urgency};
use super::{Error, Version};
use crate::cache::{BLOCK, CachedObject, blocks_of, blocks_over};
use crate::item::Checksum;
use crate::report::{afford, lock};

/// How often a read goes back for blocks that were put out between arriving and being read, before it fetches
/// them for itself alone.
const PATIENCE: usize = 3;

/// Readers who wait for much are served in requests of at most this size, side by side: one that is never over
/// would hold its memory for too long.
const WAITED_FOR: u64 = 8 * 1024 * 1024;

/// What is known of a file's tiles.
enum Index {
    /// Not yet enough is here to tell; so often more was fetched.
    Sought(usize),
    /// It has these, or none.
    Found(Option<Arc<Tiles>>),
}

/// How often a file's directories are followed to where nothing is here yet.
const LOOKS: usize = 8;

/// A number that nothing else in the queue has.
pub(super) fn new_number() -> u64 {
    static NUMBERS: AtomicU64 = AtomicU64::new(0);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// One version of one object.
pub struct Body {
    /// Tells files apart in the queue.
    number: u64,
    host: String,
    pub(super) place: Place,
    pub(super) version: Version,
    pub(super) checksum: Option<Checksum>,
    /// Held by the one who compares the checksum.
    pub(super) judging: Mutex<Passing>,
    /// Set where the cache has no room for all of it.
    pub(super) unkept: AtomicBool,
    /// Whether the checksum was found to be right.
    pub(super) sound: OnceLock<Result<(), Error>>,
    /// Shared by whoever keeps blocks, taken alone to put them all out for good.
    pub(super) keeping: RwLock<()>,
    pub(super) cached: Option<Arc<CachedObject>>,
    /// Blocks on their way, and those that arrived and are not on disk: by first block, disjoint.
    flights: Mutex<BTreeMap<u64, Arc<Segment>>>,
    /// The object as one stream, where its server gives nothing else.
    pub(super) spool: Mutex<Option<Arc<Spool>>>,
    /// Tiles, by where the file that has them begins: the object, or a member of it.
    index: Mutex<BTreeMap<u64, Index>>,
    /// Open handles.
    handles: AtomicUsize,
    /// How it is being read, by where the part of it that is open begins.
    patterns: Mutex<HashMap<u64, Weak<Mutex<Pattern>>>>,
    /// Whether its server gives another entity tag with every answer.
    pub(super) tag_is_restless: AtomicBool,
    pub(super) means: Arc<Means>,
}

impl Body {
    /// The bytes of a version, with the room the cache gives them.
    pub fn new(
        place: Place,
        version: Version,
        checksum: Option<Checksum>,
        cached: Option<Arc<CachedObject>>,
        means: Arc<Means>,
    ) -> Body {
        let has_room = means.cache.usage().is_some_and(|usage| version.size <= usage.limit);
        Body {
            number: new_number(),
            host: place.host(),
            place,
            version,
            checksum,
            judging: Mutex::default(),
            unkept: AtomicBool::new(!has_room),
            sound: OnceLock::new(),
            keeping: RwLock::default(),
            cached,
            flights: Mutex::default(),
            spool: Mutex::default(),
            index: Mutex::default(),
            handles: AtomicUsize::new(0),
            patterns: Mutex::default(),
            tag_is_restless: AtomicBool::new(false),
            means,
        }
    }

    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.version.size
    }

    /// Reads what is here: `None` where the network, or the verdict on the checksum, is needed.
    pub fn read_now(&self, offset: u64, length: usize) -> Option<Result<Vec<u8>, Error>> {
        if let Err(error) = self.be_sound() {
            return Some(Err(error));
        }
        let range = self.clip(offset, length);
        if self.awaits_check(range.end) {
            return None;
        }
        let bytes = self.here(range.clone())?;
        self.was_read(&range);
        Some(Ok(bytes))
    }

    /// A reader has these bytes: what is in memory of them may go.
    fn was_read(&self, range: &Range<u64>) {
        let blocks = blocks_over(range.start, range.end - range.start);
        let flights = lock(&self.flights);
        let read: Vec<Arc<Segment>> = flights
            .range(..blocks.end)
            .rev()
            .map(|(_, segment)| segment)
            .take_while(|segment| segment.blocks.end > blocks.start)
            .filter(|segment| segment.was_read(range))
            .cloned()
            .collect();
        drop(flights);
        read.iter().for_each(|segment| self.means.memory.used(segment));
    }

    /// Reads, and fetches what is missing of `blocks`, which the read must lie in. The last bytes wait for the
    /// verdict on the checksum, so that no copy of a broken file ends well.
    pub fn read(self: &Arc<Body>, offset: u64, length: usize, blocks: Range<u64>) -> Result<Vec<u8>, Error> {
        self.be_sound()?;
        let range = self.clip(offset, length);
        let bytes = self.read_unchecked(&range, blocks)?;
        if self.awaits_check(range.end) {
            self.settle();
            self.check();
            self.tell_unchecked();
        }
        // The verdict may have come while these bytes were read, which may then be any.
        self.be_sound()?;
        Ok(bytes)
    }

    fn read_unchecked(self: &Arc<Body>, range: &Range<u64>, blocks: Range<u64>) -> Result<Vec<u8>, Error> {
        if let Some(bytes) = self.read_cached(range) {
            return Ok(bytes);
        }
        for _ in 0..PATIENCE {
            if let Some(spool) = self.stream()
                && let Some(bytes) = spool.read(range)?
            {
                return Ok(bytes);
            }
            self.be_beyond_doubt()?;
            self.fetch(blocks.clone(), u64::MAX, Urgency::Now);
            if let Some(bytes) = self.assemble(range, Segment::wait_for)? {
                self.was_read(range);
                return Ok(bytes);
            }
        }
        self.read_alone(range)
    }

    /// Fetches past the cache, for one reader: where blocks leave it faster than they can be read.
    fn read_alone(&self, range: &Range<u64>) -> Result<Vec<u8>, Error> {
        let segment = Segment::private(blocks_over(range.start, range.end - range.start), self.size());
        self.place.afford(segment.bytes.end - segment.bytes.start)?;
        self.pull(&segment)?;
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        while bytes.len() as u64 + range.start < range.end {
            let at = range.start + bytes.len() as u64;
            let Held::Memory(chunk, start) = segment.held(at) else {
                let what = self.place.identity().to_owned();
                return Err(Error::Disk {
                    what,
                    why: "its blocks leave the cache before they are read".into(),
                });
            };
            let end = (start + chunk.len() as u64).min(range.end);
            bytes.extend(&chunk[(at - start) as usize..(end - start) as usize]);
        }
        Ok(bytes)
    }

    /// A range that is here, in the cache or in memory.
    pub(super) fn here(&self, range: Range<u64>) -> Option<Vec<u8>> {
        self.read_cached(&range)
            .or_else(|| self.stream().and_then(|spool| spool.read_now(&range)))
            .or_else(|| self.assemble(&range, Segment::held).ok().flatten())
    }

    /// Whether the cache does not keep all of it.
    pub(super) fn is_unkept(&self) -> bool {
        self.unkept.load(Ordering::Relaxed)
    }

    /// The stream of the whole object, where there is one that is not lost.
    fn stream(&self) -> Option<Arc<Spool>> {
        lock(&self.spool).clone().filter(|spool| !spool.is_lost())
    }

    /// Whether it has streamed in whole.
    pub(super) fn is_spooled(&self) -> bool {
        self.stream().is_some()
    }

    fn read_cached(&self, range: &Range<u64>) -> Option<Vec<u8>> {
        self.cached.as_ref()?.read(range.start, (range.end - range.start) as usize)
    }

    fn clip(&self, offset: u64, length: usize) -> Range<u64> {
        let size = self.size();
        offset.min(size)..offset.saturating_add(length as u64).min(size)
    }

    /// Puts a range together out of segments and the cache; `ask` tells where a segment's byte is, and may
    /// wait for it. `None` where a byte is neither here nor coming.
    fn assemble(
        &self,
        range: &Range<u64>,
        ask: impl Fn(&Segment, u64) -> Held,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        let mut at = range.start;
        while at < range.end {
            let piece = match self.flight_at(at / BLOCK) {
                Some(segment) => match ask(&segment, at) {
                    Held::Memory(chunk, start) => {
                        let end = (start + chunk.len() as u64).min(range.end);
                        bytes.extend(&chunk[(at - start) as usize..(end - start) as usize]);
                        at = end;
                        continue;
                    }
                    Held::Disk(end) => at..end.min(range.end),
                    Held::Failed(error) => return Err(error),
                    Held::Coming | Held::Lost => return Ok(None),
                },
                None => at..self.next_flight(at / BLOCK).min(range.end),
            };
            let Some(read) = self.read_cached(&piece) else { return Ok(None) };
            bytes.extend(&read);
            at = piece.end;
        }
        Ok(Some(bytes))
    }

    fn flight_at(&self, block: u64) -> Option<Arc<Segment>> {
        let flights = lock(&self.flights);
        let (_, segment) = flights.range(..=block).next_back()?;
        segment.blocks.contains(&block).then(|| segment.clone())
    }

    /// Where the first segment after `block` begins, in bytes.
    fn next_flight(&self, block: u64) -> u64 {
        lock(&self.flights).range(block + 1..).next().map_or(u64::MAX, |(_, segment)| segment.bytes.start)
    }

    /// Sees to it that `blocks` are here or on their way, with requests of about `most` bytes each. Tells how
    /// many requests that takes.
    pub fn fetch(self: &Arc<Body>, blocks: Range<u64>, most: u64, urgency: Urgency) -> usize {
        let blocks = blocks.start..blocks.end.min(blocks_of(self.size()));
        if blocks.is_empty() || self.stream().is_some() {
            return 0;
        }
        let mut flights = lock(&self.flights);
        // Under the lock: a segment leaves the flights only after its blocks are in the cache.
        let missing = match &self.cached {
            Some(cached) => cached.missing(blocks.clone()),
            None => vec![blocks.clone()],
        };
        let gaps: Vec<Range<u64>> = missing.into_iter().flat_map(|run| uncovered(&flights, run)).collect();
        let step = (most.min(WAITED_FOR) / BLOCK).max(1);
        let mut new: Vec<Arc<Segment>> = gaps
            .into_iter()
            .flat_map(|gap| pieces(gap, step))
            .map(|blocks| Arc::new(Segment::new(blocks, self.size())))
            .collect();
        // Who cannot pay for it is told when he comes to read it.
        if afford(new.iter().map(|segment| segment.bytes.end - segment.bytes.start).sum()).is_err() {
            new.clear();
        }
        flights.extend(new.iter().map(|segment| (segment.blocks.start, segment.clone())));
        let waiting: Vec<u64> = flights
            .range(..blocks.end)
            .rev()
            .map(|(_, segment)| segment)
            .take_while(|segment| segment.blocks.end > blocks.start)
            .filter(|segment| !segment.is_over())
            .map(|segment| segment.blocks.start)
            .collect();
        drop(flights);
        let requests = new.len();
        for segment in new {
            let start = segment.blocks.start;
            let flight = Flight { body: self.clone(), segment };
            self.submit(urgency, start, Box::new(move || flight.run()));
        }
        if urgency == Urgency::Now {
            for (start, line) in waiting.iter().flat_map(|start| self.lines().map(|line| (start, line))) {
                self.means.turns.hurry(line, self.number, *start);
            }
        }
        requests
    }

    /// Whether all of these blocks are here or on their way.
    pub fn is_coming(&self, blocks: Range<u64>) -> bool {
        let missing = match &self.cached {
            Some(cached) => cached.missing(blocks),
            None => vec![blocks],
        };
        let flights = lock(&self.flights);
        missing.into_iter().all(|run| uncovered(&flights, run).is_empty())
    }

    /// Whether bytes of it are in memory.
    pub fn is_in_memory(&self) -> bool {
        lock(&self.flights).values().any(|segment| segment.in_memory() > 0)
    }

    /// Gives up what is in memory of it and on no disk.
    pub(super) fn forget_memory(&self) {
        let mut flights = lock(&self.flights);
        let (over, under_way) = std::mem::take(&mut *flights).into_iter().partition(|(_, s)| s.is_over());
        *flights = under_way;
        drop(flights);
        let over: BTreeMap<u64, Arc<Segment>> = over;
        over.values().for_each(|segment| segment.forget());
    }

    /// Waits until nothing of it is on its way any more. Readers get bytes before the disk does.
    pub fn settle(&self) {
        let flights: Vec<Arc<Segment>> = lock(&self.flights).values().cloned().collect();
        flights.iter().for_each(|segment| segment.settle());
        if let Some(spool) = self.stream() {
            spool.settle();
        }
    }

    /// Fetches all of a small object on this thread, which has a turn already.
    pub(super) fn fetch_here(self: &Arc<Body>) -> Result<(), Error> {
        let mut flights = lock(&self.flights);
        let segment = Arc::new(Segment::new(0..blocks_of(self.size()), self.size()));
        let here =
            self.cached.as_ref().is_some_and(|cached| cached.missing(segment.blocks.clone()).is_empty());
        if here || self.size() == 0 || !flights.is_empty() {
            return Ok(());
        }
        flights.insert(0, segment.clone());
        drop(flights);
        Flight { body: self.clone(), segment }.run();
        Ok(())
    }

    /// Puts work for this object in line, under a number of its own: in that of its host, but in one for itself as
    /// long as it may have to be prepared, since nobody else is to wait for that.
    pub(super) fn submit(&self, urgency: Urgency, number: u64, job: Job) {
        let [host, itself] = self.lines();
        let line = if self.place.is_ready() { host } else { itself };
        self.means.turns.submit(line, self.number, urgency, number, job);
    }

    /// The lines that its work may stand in.
    fn lines(&self) -> [&str; 2] {
        [&self.host, self.place.identity()]
    }

    /// Bytes from the start of the object that came with another answer.
    pub fn accept(self: &Arc<Body>, bytes: &[u8]) {
        let whole = if bytes.len() as u64 == self.size() {
            bytes.len()
        } else {
            bytes.len() / BLOCK as usize * BLOCK as usize
        };
        let bytes = &bytes[..whole];
        if bytes.is_empty() || self.keep(0, bytes) {
            return;
        }
        let segment = Arc::new(Segment::new(0..blocks_of(whole as u64), self.size()));
        let Some(loan) = self.means.memory.lend_now(bytes.len() as u64) else { return };
        segment.stand_on(loan);
        for chunk in bytes.chunks(CHUNK as usize) {
            segment.push(Arc::new(chunk.to_vec()));
        }
        segment.end(Outcome::Complete);
        let mut flights = lock(&self.flights);
        if uncovered(&flights, segment.blocks.clone()) == [segment.blocks.clone()] {
            flights.insert(0, segment.clone());
            drop(flights);
            self.means.memory.hold(self, &segment);
        }
    }

    /// A segment's memory is needed elsewhere.
    pub(super) fn give_up(&self, segment: &Arc<Segment>) {
        segment.forget();
        self.land(segment);
    }

    /// A segment is over and is no longer to be found.
    pub(super) fn land(&self, segment: &Segment) {
        let mut flights = lock(&self.flights);
        if flights.get(&segment.blocks.start).is_some_and(|found| std::ptr::eq(&**found, segment)) {
            flights.remove(&segment.blocks.start);
        }
    }

    /// Who waits for a segment must look elsewhere.
    pub(super) fn turn_away(&self, segment: &Segment) {
        self.land(segment);
        segment.end(Outcome::Abandoned);
    }

    /// Stops what is fetched ahead and nobody waits for.
    pub fn stop_ahead(&self) {
        lock(&self.flights).values().for_each(|segment| segment.cancel());
        lock(&self.spool).iter().for_each(|spool| spool.cancel());
        self.lines().into_iter().for_each(|line| self.means.turns.drop_ahead(line, self.number));
    }

    /// How the part that begins at `start` is being read, by all handles that are open now.
    pub fn pattern_of(&self, start: u64) -> Arc<Mutex<Pattern>> {
        let mut patterns = lock(&self.patterns);
        if let Some(pattern) = patterns.get(&start).and_then(Weak::upgrade) {
            return pattern;
        }
        patterns.retain(|_, pattern| pattern.strong_count() > 0);
        let pattern = Arc::default();
        patterns.insert(start, Arc::downgrade(&pattern));
        pattern
    }

    /// One more handle.
    pub fn opened(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// One handle fewer. With the last one, nothing more is fetched.
    pub fn closed(&self) {
        if self.handles.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.stop_ahead();
        }
    }

    /// The tiles of the file that is this part of the object, as soon as its directories are here. They begin at
    /// the part's start. Fetches what is missing of them.
    pub fn tiles(self: &Arc<Body>, part: &Range<u64>) -> Option<Arc<Tiles>> {
        let mut indices = lock(&self.index);
        let index = indices.entry(part.start).or_insert(Index::Sought(0));
        let times = match index {
            Index::Found(tiles) => return tiles.clone(),
            Index::Sought(times) => *times,
        };
        let here = |range: Range<u64>| {
            self.read_now(part.start + range.start, (range.end - range.start) as usize)?.ok()
        };
        match tiff::look(part.end - part.start, here) {
            Look::Tiles(tiles) => *index = Index::Found(Some(Arc::new(tiles))),
            Look::Other => *index = Index::Found(None),
            Look::Needs(range) if range.start == 0 => {} // Nobody has read the file's first byte.
            Look::Needs(_) if times >= LOOKS => *index = Index::Found(None),
            Look::Needs(range) => {
                let blocks = blocks_over(part.start + range.start, range.end - range.start);
                *index = Index::Sought(times + self.fetch(blocks, u64::MAX, Urgency::Ahead).min(1));
            }
        }
        match index {
            Index::Found(tiles) => tiles.clone(),
            Index::Sought(_) => None,
        }
    }

    /// The blocks a read touches.
    pub fn blocks(&self, offset: u64, length: usize) -> Range<u64> {
        let range = self.clip(offset, length);
        blocks_over(range.start, range.end - range.start)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.means.memory.let_go();
    }
}
