//! What is in the cache, for people: seen without changing it, checked, put out on command.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::keeper::{self, Kept};
use super::map::{self, BLOCK, BlockMap, Description, blocks_of, is_here};
use super::{Cache, Shelf, pins};

/// One version of one object in the cache.
#[derive(Debug, Clone, PartialEq)]
pub struct Stocked {
    /// Its canonical href.
    pub identity: String,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes of it that are here.
    pub here: u64,
    /// When it was last used.
    pub used_at: SystemTime,
    /// The searches it is pinned for.
    pub pins: BTreeSet<String>,
    validator: String,
}

/// What was put out on command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PutOut {
    /// Objects and documents.
    pub files: u64,
    /// Bytes of disk.
    pub bytes: u64,
    /// Objects that stay since somebody has them open.
    pub in_use: u64,
}

/// Which of what could go goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All objects that are not pinned, and all documents.
    Unpinned,
    /// Pinned ones too.
    All,
}

impl Cache {
    /// All objects, least recently used first. Opens none of them: their order of use stays. Those whose maps cannot
    /// be read are left out; then [`Cache::keeps`] says no.
    pub fn stock(&self) -> Vec<Stocked> {
        let Some(shelf) = &self.shelf else { return Vec::new() };
        let look = |kept: Kept| match stocked(&kept) {
            Ok(stocked) => stocked,
            // It has just gone, or whoever put it out died in the midst.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => None,
            Err(error) => {
                shelf.space.trouble("reading a block map", &error);
                None
            }
        };
        let mut stock: Vec<Stocked> = keeper::survey(&shelf.objects).into_iter().filter_map(look).collect();
        stock.sort_by_key(|stocked| stocked.used_at);
        stock
    }

    /// Metadata documents: how many, and their bytes of disk.
    pub fn stock_of_documents(&self) -> (u64, u64) {
        let documents = self.shelf.iter().flat_map(|shelf| keeper::survey_documents(&shelf.documents));
        documents.fold((0, 0), |(count, bytes), (_, more, _)| (count + 1, bytes + more))
    }

    /// Checks every block of an object; wrong ones are forgotten, to be fetched again. How many were right and
    /// wrong; `None` where it is not here any more.
    pub fn verify(&self, stocked: &Stocked) -> Option<(u64, u64)> {
        self.judge(stocked, u64::MAX)
    }

    /// Checks a few blocks of each object, as many objects as there is time for, old and new ones alike; wrong ones
    /// are forgotten. How many were right and wrong.
    pub fn sample(&self, time: Duration) -> (u64, u64) {
        /// Objects are taken in leaps: those that stand together were used together.
        const LEAP: usize = 7919;
        const BLOCKS_OF_EACH: u64 = 8;
        let (began, stock) = (Instant::now(), self.stock());
        let in_leaps = (0..stock.len()).filter_map(|at| stock.get(at * LEAP % stock.len()));
        let judged = in_leaps.take_while(|_| began.elapsed() < time);
        let judged = judged.filter_map(|stocked| self.judge(stocked, BLOCKS_OF_EACH));
        judged.fold((0, 0), |(right, wrong), (well, bad)| (right + well, wrong + bad))
    }

    /// Checks at most so many blocks of an object.
    fn judge(&self, stocked: &Stocked, most: u64) -> Option<(u64, u64)> {
        let shelf = self.shelf.as_ref()?;
        let object = shelf.object(&stocked.identity, &stocked.validator, stocked.size).ok()??;
        let map = object.data_path().with_extension("map");
        let found = object.verify_some(most);
        drop(object);
        // To look at a thing is no use of it.
        let file = File::options().write(true).open(map);
        let _ = file.and_then(|file| file.set_modified(stocked.used_at));
        Some(found)
    }

    /// Puts out what was not used for `unused`, and then the least recently used until at most `most` bytes are
    /// left; neither touches what is pinned or open. Then brings the cache within its bounds.
    pub fn prune(&self, most: Option<u64>, unused: Option<Duration>) -> PutOut {
        let Some(shelf) = &self.shelf else { return PutOut::default() };
        let mut kept = keeper::survey(&shelf.objects);
        kept.sort_by_key(|kept| kept.used_at);
        let documents = keeper::survey_documents(&shelf.documents);
        let mut used: u64 =
            kept.iter().map(|kept| kept.bytes).chain(documents.iter().map(|(_, bytes, _)| *bytes)).sum();
        let is_old =
            |at: SystemTime| unused.is_some_and(|unused| at.elapsed().is_ok_and(|elapsed| elapsed >= unused));
        let mut gone = PutOut::default();
        for kept in &kept {
            if (is_old(kept.used_at) || most.is_some_and(|most| used > most)) && !pins::is_pinned(&kept.map) {
                used -= put_out(shelf, kept, &mut gone);
            }
        }
        for (path, bytes, used_at) in documents {
            if is_old(used_at) && fs::remove_file(path).is_ok() {
                shelf.space.give_back(bytes);
                gone = PutOut { files: gone.files + 1, bytes: gone.bytes + bytes, ..gone };
            }
        }
        keeper::round(shelf);
        gone
    }

    /// Empties the cache, as far as nobody has its objects open.
    pub fn clear(&self, which: Which) -> PutOut {
        let Some(shelf) = &self.shelf else { return PutOut::default() };
        let mut gone = PutOut::default();
        for kept in keeper::survey(&shelf.objects) {
            if which == Which::All || !pins::is_pinned(&kept.map) {
                put_out(shelf, &kept, &mut gone);
            }
        }
        for (path, bytes, _) in keeper::survey_documents(&shelf.documents) {
            if fs::remove_file(path).is_ok() {
                gone = PutOut { files: gone.files + 1, bytes: gone.bytes + bytes, ..gone };
            }
        }
        keeper::round(shelf);
        gone
    }

    /// Takes the pins of a search off, but for those in `keep`. Tells how many objects had one.
    ///
    /// # Errors
    /// Where a pin cannot be written.
    pub fn unpin(&self, label: &str, keep: &HashSet<PathBuf>) -> io::Result<usize> {
        let pins = self.shelf.iter().flat_map(|shelf| keeper::survey(&shelf.objects));
        pins::take_off(pins.map(|kept| kept.map.with_extension(pins::EXTENSION)), label, keep)
    }
}

/// Unlinks an object; gives the bytes that went.
fn put_out(shelf: &Shelf, kept: &Kept, gone: &mut PutOut) -> u64 {
    match keeper::unlink(kept) {
        Ok(true) => {
            shelf.space.give_back(kept.bytes);
            gone.files += 1;
            gone.bytes += kept.bytes;
            kept.bytes
        }
        Ok(false) => {
            gone.in_use += 1;
            0
        }
        Err(error) => {
            tracing::warn!(path = %kept.map.display(), %error, "not put out");
            0
        }
    }
}

/// An object as it stands; `None` where its map is damaged.
fn stocked(kept: &Kept) -> io::Result<Option<Stocked>> {
    let file = File::open(&kept.map)?;
    let Some(description) = map::description(&file)? else { return Ok(None) };
    let Some(map) = BlockMap::open(file, &description)? else { return Ok(None) };
    let Description { identity, validator, size, .. } = description;
    let all = blocks_of(size);
    let slots = map.slots(0..all)?;
    let here = slots.iter().filter(|slot| is_here(**slot)).count() as u64 * BLOCK;
    // The last block may be short.
    let short = slots.last().filter(|slot| is_here(**slot)).map_or(0, |_| all * BLOCK - size);
    let pins = pins::labels(&kept.map.with_extension(pins::EXTENSION));
    Ok(Some(Stocked { identity, size, here: here - short, used_at: kept.used_at, pins, validator }))
}
