//! Checking an object against the checksum its catalogue declares, once all of it is here.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::PoisonError;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::Error;
use super::body::Body;
use crate::cache::CachedObject;
use crate::item::Checksum;

/// Read from the cache at a time.
const STEP: usize = 1024 * 1024;
const WRONG: &str = "its bytes are not those its checksum (file:checksum) promises; the file on the server or the \
                     catalogue is wrong; tell its publisher";
/// Multihash codes.
const SHA1: u64 = 0x11;
const SHA2_256: u64 = 0x12;
const SHA2_512: u64 = 0x13;
const SHA2_384: u64 = 0x20;
const MD5: u64 = 0xd5;

impl Body {
    /// If all of the object is in the cache and has not been checked: checks it. One that is wrong is put out,
    /// and is an error to all who have it open. Checksums of a kind we cannot compute are taken for right.
    pub(super) fn check(&self) {
        let (Some(checksum), Some(cached)) = (&self.checksum, &self.cached) else { return };
        if self.sound.get().is_some() || cached.cached_bytes() < self.size() {
            return;
        }
        let step = |at: u64| cached.read(at, STEP);
        match agrees(checksum, self.size(), step) {
            Some(true) => drop(self.sound.set(Ok(()))),
            Some(false) => self.condemn(cached),
            None => {}
        }
    }

    /// The object is not what its catalogue promises: nothing of it stays, and nothing more is kept. Whoever
    /// meets the error finds it gone.
    fn condemn(&self, cached: &CachedObject) {
        let _nobody_keeps = self.keeping.write().unwrap_or_else(PoisonError::into_inner);
        cached.discard();
        if self.sound.set(Err(self.corrupt())).is_ok() {
            self.means.report.error(self.place.identity(), libc::EIO, WRONG);
        }
    }

    /// Keeps whole blocks from block `first` on, unless the object was found not to be sound. Tells whether
    /// they are on disk now.
    pub(super) fn keep(&self, first: u64, bytes: &[u8]) -> bool {
        let Some(cached) = &self.cached else { return false };
        // A read that missed blocks just condemned may bring them once more: they must not come back.
        let _keeping = self.keeping.read().unwrap_or_else(PoisonError::into_inner);
        self.be_sound().is_ok() && cached.write(first, bytes)
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
            Some(false) => Err(self.corrupt()),
            None => Err(Error::Disk {
                what: self.place.identity().to_owned(),
                why: "the copy cannot be read back to be checked".to_owned(),
            }),
        }
    }

    fn corrupt(&self) -> Error {
        Error::Corrupt { identity: self.place.identity().to_owned(), why: WRONG.to_owned() }
    }

    /// Fails where the object was found not to be what its catalogue promises.
    pub(super) fn be_sound(&self) -> Result<(), Error> {
        self.sound.get().cloned().unwrap_or(Ok(()))
    }
}

/// Whether bytes, read in steps from an offset on, have the digest declared. A checksum of a kind we cannot
/// compute is taken for right; `None` where a step cannot be read.
fn agrees(checksum: &Checksum, size: u64, read: impl Fn(u64) -> Option<Vec<u8>>) -> Option<bool> {
    match checksum.function {
        SHA1 => has_digest::<Sha1>(checksum, size, read),
        SHA2_256 => has_digest::<Sha256>(checksum, size, read),
        SHA2_384 => has_digest::<Sha384>(checksum, size, read),
        SHA2_512 => has_digest::<Sha512>(checksum, size, read),
        MD5 => has_digest::<Md5>(checksum, size, read),
        _ => Some(true),
    }
}

fn has_digest<D: Digest>(
    checksum: &Checksum,
    size: u64,
    read: impl Fn(u64) -> Option<Vec<u8>>,
) -> Option<bool> {
    let mut digest = D::new();
    let mut at = 0;
    while at < size {
        let bytes = read(at).filter(|bytes| !bytes.is_empty())?;
        digest.update(&bytes);
        at += bytes.len() as u64;
    }
    let found = digest.finalize();
    // A multihash may be cut short.
    Some(found.get(..checksum.digest.len()) == Some(&checksum.digest[..]))
}
