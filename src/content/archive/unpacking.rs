//! A tar.gz streamed through: what comes out goes to the cache.

use std::io::{self, Read};
use std::sync::Arc;

use super::index::Reader;
use super::walk::{Member, Sink, Stopped, walk};
use super::{Known, member_identity};
use crate::cache::{BLOCK, CachedObject};
use crate::content::checksum::Hashing;
use crate::content::segment::{CHUNK, Outcome};
use crate::content::spool::{Spool, new_spool};
use crate::content::{Content, Error, Object, OpenFile};
use crate::report::render::bytes;

impl Content {
    /// Streams through an archive and keeps its members, as far as the cache has room for them; the wanted one
    /// comes as a file of its own, too. Nothing is kept of an archive that is broken, or whose checksum is wrong.
    pub(super) fn unpack(
        &self,
        archive: &Object,
        opened: &Arc<OpenFile>,
        known: &Known,
        wanted: Option<&str>,
    ) -> Result<(Vec<Member>, Option<Spool>), Error> {
        let mut keeping = Keeping {
            content: self,
            archive,
            known,
            wanted,
            spool: None,
            kept: Vec::new(),
            current: None,
            pending: Vec::new(),
            block: 0,
        };
        let walked = self.stream_through(archive, opened, &mut keeping);
        self.archives.linger(opened);
        match walked {
            Ok(members) => {
                if wanted.is_some() && keeping.is_short_of(&members) {
                    self.tell_cost(archive, opened);
                }
                Ok((members, keeping.spool))
            }
            Err(error) => {
                keeping.kept.iter().for_each(|(cached, _)| cached.discard());
                Err(error)
            }
        }
    }

    /// Members are unpacked anew each time they are opened: says what that costs where the archive is not here.
    fn tell_cost(&self, archive: &Object, opened: &OpenFile) {
        let size = opened.size();
        if opened.cached_bytes() == size {
            return;
        }
        let words = format!(
            "{}: the cache has no room for its members, so all of it ({}) may be fetched for each one that is opened; \
             raise max_bytes in [cache] or make room on its disk, or copy the archive and unpack the copy",
            archive.origin.identity(),
            bytes(size)
        );
        self.means.report.note("archives", &words);
    }

    fn stream_through(
        &self,
        archive: &Object,
        opened: &OpenFile,
        keeping: &mut Keeping<'_>,
    ) -> Result<Vec<Member>, Error> {
        let hashing = archive.checksum.as_ref().and_then(Hashing::of);
        let mut source = Hashed { reader: Reader::new(opened), hashing };
        let walked = walk(&mut source, opened.size(), keeping);
        if let Some(error) = source.reader.failed.take() {
            return Err(error);
        }
        // The bytes behind the archive's end belong to its checksum. A broken one is judged by it first.
        io::copy(&mut source, &mut io::sink()).ok();
        if let Some(error) = source.reader.failed.take() {
            return Err(error);
        }
        if let Some((hashing, checksum)) = source.hashing.zip(archive.checksum.as_ref())
            && !hashing.agrees(checksum)
        {
            return Err(opened.body.condemn());
        }
        walked.map_err(|stopped| match stopped {
            Stopped::Archive(why) => Error::Corrupt { identity: archive.origin.identity().to_owned(), why },
            Stopped::Sink(error) => error,
        })
    }
}

/// An open file as a stream that is summed up as it passes.
struct Hashed<'a> {
    reader: Reader<'a>,
    hashing: Option<Hashing>,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        if let Some(hashing) = &mut self.hashing {
            hashing.update(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

/// Keeps members as they come.
struct Keeping<'a> {
    content: &'a Content,
    archive: &'a Object,
    known: &'a Known,
    wanted: Option<&'a str>,
    /// The wanted member.
    spool: Option<Spool>,
    /// What was written to, and how long it is to be.
    kept: Vec<(Arc<CachedObject>, u64)>,
    /// Where the member that is coming goes in the cache; `None` where that has no room for it.
    current: Option<Arc<CachedObject>>,
    /// Its bytes that make no whole chunk yet, and the block they begin with.
    pending: Vec<u8>,
    block: u64,
}

impl Keeping<'_> {
    /// Whether the cache does not have all of these members.
    fn is_short_of(&self, members: &[Member]) -> bool {
        let is_whole =
            |(cached, size): &(Arc<CachedObject>, u64)| cached.missing(0..size.div_ceil(BLOCK)).is_empty();
        self.kept.len() < members.len() || !self.kept.iter().all(is_whole)
    }

    fn flush(&mut self, most: usize) {
        let Some(cached) = &self.current else { return };
        let bytes: Vec<u8> = self.pending.drain(..most.min(self.pending.len())).collect();
        if bytes.is_empty() {
            return;
        }
        let blocks = (bytes.len() as u64).div_ceil(BLOCK);
        if cached.write(self.block, &bytes) {
            self.block += blocks;
        } else {
            self.current = None;
        }
    }
}

impl Sink for Keeping<'_> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<(), Error> {
        let identity = member_identity(self.archive, &member.path);
        let cache = &self.content.means.cache;
        self.current = cache.object(&identity, &self.known.validator(), member.size);
        self.kept.extend(self.current.clone().map(|cached| (cached, member.size)));
        (self.block, self.pending) = (0, Vec::new());
        if self.wanted == Some(&member.path) {
            self.spool = Some(new_spool(cache)?);
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Some(spool) = self.spool.as_ref().filter(|spool| !spool.is_over()) {
            let disk = |error: io::Error| Error::Disk {
                what: "unpacking an archive".to_owned(),
                why: error.to_string(),
            };
            spool.append(bytes).map_err(disk)?;
        }
        if self.current.is_some() {
            self.pending.extend_from_slice(bytes);
            while self.pending.len() as u64 >= CHUNK && self.current.is_some() {
                self.flush(CHUNK as usize);
            }
        }
        Ok(())
    }

    fn end(&mut self, _: &Member) -> Result<(), Error> {
        self.flush(usize::MAX);
        if let Some(spool) = &self.spool {
            spool.end(Outcome::Complete);
        }
        Ok(())
    }
}
