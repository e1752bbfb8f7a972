//! Checking an object against the checksum its catalogue declares, once all of it is here.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use md5::Md5;
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha384, Sha512};

use super::Error;
use super::body::Body;
use super::segment::CHUNK;
use crate::item::Checksum;
use crate::report::lock;

/// Read from the cache at a time.
const STEP: usize = 1024 * 1024;
const WRONG: &str = "its bytes are not those its checksum (file:checksum, or the .md5 beside it) promises";
/// Multihash codes.
const SHA1: u64 = 0x11;
const SHA2_256: u64 = 0x12;
const SHA2_512: u64 = 0x13;
const SHA2_384: u64 = 0x20;
const MD5: u64 = 0xd5;

/// How far a body was summed up whose bytes the cache does not keep.
#[derive(Default)]
pub(super) struct Passing {
    hashing: Option<Hashing>,
    at: u64,
}

/// A digest in the making.
pub(super) struct Hashing(Box<dyn DynDigest + Send>);

impl Hashing {
    /// The kind of a checksum; `None` where we cannot compute it.
    pub fn of(checksum: &Checksum) -> Option<Hashing> {
        Some(Hashing(match checksum.function {
            SHA1 => Box::new(Sha1::default()),
            SHA2_256 => Box::new(Sha256::default()),
            SHA2_384 => Box::new(Sha384::default()),
            SHA2_512 => Box::new(Sha512::default()),
            MD5 => Box::new(Md5::default()),
            _ => return None,
        }))
    }

    /// More bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Whether these were the bytes that the checksum promises. It may be cut short, as a multihash.
    pub fn agrees(self, checksum: &Checksum) -> bool {
        self.0.finalize().get(..checksum.digest.len()) == Some(&checksum.digest[..])
    }
}

impl Body {
    /// If all of the object is in the cache and has not been checked: checks it, once for all who open it while its
    /// file there stays as it is. What the cache has no room for is summed up as it passes, from the first byte on.
    /// One that is wrong is put out, and is an error to all who have it open. Checksums of a kind we cannot compute
    /// are taken for right.
    pub(super) fn check(&self) {
        let Some(checksum) = &self.checksum else { return };
        // Who condemns it just now has put it out already, and not said so yet.
        let mut judging = lock(&self.judging);
        if self.sound.get().is_some() {
            return;
        }
        let whole = self.cached.as_ref().filter(|cached| cached.cached_bytes() == self.size());
        let verdict = match whole {
            Some(cached) => {
                let name = [&checksum.function.to_le_bytes(), &checksum.digest[..]].concat();
                cached.agrees(&name, || agrees(checksum, self.size(), |at| cached.read(at, STEP)))
            }
            None if self.is_unkept() => self.agrees_in_passing(checksum, &mut judging),
            None => None,
        };
        match verdict {
            Some(true) => drop(self.sound.set(Ok(()))),
            Some(false) => drop(self.condemn()),
            None => {}
        }
    }

    /// Sums up what is here of the bytes that come next. `None` until that was all of them; where one of them was
    /// given up before its turn came, for good.
    fn agrees_in_passing(&self, checksum: &Checksum, passing: &mut Passing) -> Option<bool> {
        let mut hashing = match passing.hashing.take() {
            Some(hashing) => hashing,
            None => match Hashing::of(checksum) {
                Some(hashing) => hashing,
                None => return Some(true),
            },
        };
        while passing.at < self.size() {
            let Some(bytes) = self.here(passing.at..(passing.at + CHUNK).min(self.size())) else {
                passing.hashing = Some(hashing);
                return None;
            };
            hashing.update(&bytes);
            passing.at += bytes.len() as u64;
        }
        passing.at = 0;
        Some(hashing.agrees(checksum))
    }

    /// The end of an object was read that could not be checked, since the cache keeps too little of it.
    pub(super) fn tell_unchecked(&self) {
        if self.checksum.is_some() && self.sound.get().is_none() && self.is_unkept() {
            let words = format!(
                "{}: read without its checksum having been checked: the cache has no room for it, and it was not read \
                 from its first byte on; make room, or copy it with stacfs fetch --to",
                self.place.identity()
            );
            self.means.report.note("checksums", &words);
        }
    }

    /// The object is not what its catalogue promises: nothing of it stays, and nothing more is kept. Whoever
    /// meets the error finds it gone; whoever opens the object again gets it fetched once more, and then no more
    /// for a while.
    pub(super) fn condemn(&self) -> Error {
        let _nobody_keeps = self.keeping.write().unwrap_or_else(PoisonError::into_inner);
        self.cached.iter().for_each(|cached| cached.discard());
        self.forget_memory();
        let (identity, ledger) = (self.place.identity(), &self.means.ledger);
        let next = match ledger.wrong_before(identity, &self.version) {
            0 => "it is fetched once more when it is opened again",
            _ => "twice in a row; the file on the server or the checksum is wrong; tell its publisher",
        };
        let error = Error::Corrupt { identity: identity.to_owned(), why: format!("{WRONG}: {next}") };
        if self.sound.get().is_none() {
            // Whoever sees the verdict finds the generation changed already.
            ledger.was_wrong(identity, &self.version);
        }
        if self.sound.set(Err(error.clone())).is_ok() {
            self.means.report.error(identity, error.errno(), &error.to_string());
        }
        self.be_sound().err().unwrap_or(error)
    }

    /// Keeps whole blocks from block `first` on, unless the object was found not to be sound. Tells whether
    /// they are on disk now.
    pub(super) fn keep(&self, first: u64, bytes: &[u8]) -> bool {
        let Some(cached) = &self.cached else { return false };
        // A read that missed blocks just condemned may bring them once more: they must not come back.
        let _keeping = self.keeping.read().unwrap_or_else(PoisonError::into_inner);
        if self.be_sound().is_err() {
            return false;
        }
        let kept = cached.write(first, bytes);
        if !kept {
            self.unkept.store(true, Ordering::Relaxed);
        }
        kept
    }

    /// Checks a copy that was made of the object outside of the cache.
    pub(super) fn check_copy(&self, copy: &File) -> Result<(), Error> {
        let Some(checksum) = &self.checksum else { return Ok(()) };
        let read = |at: u64| {
            let mut bytes = vec![0; STEP.min(usize::try_from(self.size() - at).unwrap_or(STEP))];
            copy.read_exact_at(&mut bytes, at).ok().map(|()| bytes)
        };
        match agrees(checksum, self.size(), read) {
            Some(true) => Ok(()),
            Some(false) => {
                let (identity, why) = (self.place.identity().to_owned(), WRONG.to_owned());
                Err(Error::Corrupt { identity, why })
            }
            None => Err(Error::Disk {
                what: self.place.identity().to_owned(),
                why: "the copy cannot be read back to be checked".to_owned(),
            }),
        }
    }

    /// Fails where the object was found not to be what its catalogue promises.
    pub(super) fn be_sound(&self) -> Result<(), Error> {
        self.sound.get().cloned().unwrap_or(Ok(()))
    }

    /// The same, once a condemnation under way is spoken: bytes it just put out are not worth fetching again.
    pub(super) fn be_beyond_doubt(&self) -> Result<(), Error> {
        let _spoken = self.keeping.read().unwrap_or_else(PoisonError::into_inner);
        self.be_sound()
    }

    /// Whether the end of the object is asked for, and it is not checked yet: whoever gets that has all of it, as
    /// programs read, and takes it for good.
    pub(super) fn awaits_check(&self, end: u64) -> bool {
        self.checksum.is_some() && self.sound.get().is_none() && end == self.size()
    }
}

/// Whether bytes, read in steps from an offset on, have the digest declared. A checksum of a kind we cannot
/// compute is taken for right; `None` where a step cannot be read.
fn agrees(checksum: &Checksum, size: u64, read: impl Fn(u64) -> Option<Vec<u8>>) -> Option<bool> {
    let Some(mut hashing) = Hashing::of(checksum) else { return Some(true) };
    let mut at = 0;
    while at < size {
        let bytes = read(at).filter(|bytes| !bytes.is_empty())?;
        hashing.update(&bytes);
        at += bytes.len() as u64;
    }
    Some(hashing.agrees(checksum))
}
