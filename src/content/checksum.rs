//! Checking an object against the checksum its catalogue declares, once all of it is here.

use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

use super::Error;
use super::body::Body;
use crate::item::Checksum;

/// Read from the cache at a time.
const STEP: usize = 1024 * 1024;
/// Multihash codes.
const SHA2_256: u64 = 0x12;
const SHA2_512: u64 = 0x13;
const MD5: u64 = 0xd5;

impl Body {
    /// If all of the object is in the cache and has not been checked: checks it. One that is wrong is put out,
    /// and is an error to all who have it open. Checksums of a kind we cannot compute are taken for right.
    pub(super) fn check(&self) {
        let (Some(checksum), Some(cached)) = (&self.checksum, &self.cached) else { return };
        if self.sound.get().is_some() || cached.cached_bytes() < self.size() {
            return;
        }
        let right = match checksum.function {
            SHA2_256 => self.has_digest::<Sha256>(checksum),
            SHA2_512 => self.has_digest::<Sha512>(checksum),
            MD5 => self.has_digest::<Md5>(checksum),
            _ => Some(true),
        };
        let Some(right) = right else { return };
        let identity = self.place.identity();
        let _ = self.sound.set(if right {
            Ok(())
        } else {
            cached.discard();
            let why = "its bytes are not those its checksum (file:checksum) promises; the file on the server \
                       or the catalogue is wrong; tell its publisher";
            self.means.report.error(identity, libc::EIO, why);
            Err(Error::Corrupt { identity: identity.to_owned(), why: why.to_owned() })
        });
    }

    /// Whether the object's digest is the one declared; `None` where a block went meanwhile.
    fn has_digest<D: Digest>(&self, checksum: &Checksum) -> Option<bool> {
        let mut digest = D::new();
        let mut at = 0;
        while at < self.size() {
            let bytes = self.cached.as_ref()?.read(at, STEP)?;
            digest.update(&bytes);
            at += bytes.len() as u64;
        }
        let found = digest.finalize();
        // A multihash may be cut short.
        Some(found.get(..checksum.digest.len()) == Some(&checksum.digest[..]))
    }

    /// Fails where the object was found not to be what its catalogue promises.
    pub(super) fn be_sound(&self) -> Result<(), Error> {
        self.sound.get().cloned().unwrap_or(Ok(()))
    }
}
