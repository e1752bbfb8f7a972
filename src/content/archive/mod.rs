//! Archives: their members as files, without unpacking to the user's disk.
//!
//! In: the [`Object`] of an archive, and a member's path. Out: [`Members`], and an [`OpenFile`] on one of them.
//!
//! - A tar is indexed by its headers, read by range; a member is a part of it, read by range.
//! - A tar.gz is streamed through once; its members go to the cache, each an object of its own there, so that they
//!   are put out and passed through as any other. One that was put out is unpacked again. A member that is open
//!   stays: it is lent by the cache, or in an unnamed file.
//!
//! What members an archive has is remembered in the cache, for the version it was found in.

mod index;
#[cfg(test)]
mod tests;
mod unpacking;
mod walk;

pub use walk::{Member, Sink, Stopped, walk};

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use lru::LruCache;

use super::body::Body;
use super::ledger::Known;
use super::place::Place;
use super::{Content, Error, Location, Object, OpenFile, Origin, Trouble, Version};
use crate::cache::{Cache, Document};
use crate::report::{Turns, lock};

/// Archives whose members are remembered in memory.
const KEPT: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// What a gzip stream begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The members of one version of an archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Members {
    list: Vec<Member>,
    places: HashMap<String, usize>,
}

impl Members {
    fn new(mut list: Vec<Member>) -> Members {
        list.sort_by(|a, b| a.path.cmp(&b.path));
        let places = list.iter().enumerate().map(|(at, member)| (member.path.clone(), at)).collect();
        Members { list, places }
    }

    /// The member at a path.
    pub fn get(&self, path: &str) -> Option<&Member> {
        self.list.get(*self.places.get(path)?)
    }

    /// All members, by path.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.list.iter()
    }
}

/// What is known of archives.
pub(super) struct Archives {
    cache: Arc<Cache>,
    members: Mutex<LruCache<String, Arc<Members>>>,
    /// The last archive that was streamed through and that the cache does not hold: open, so that what is in memory
    /// of it serves its next member.
    lingering: Mutex<Option<Arc<OpenFile>>>,
    turns: Turns<String>,
}

impl Archives {
    pub(super) fn new(cache: Arc<Cache>) -> Archives {
        Archives {
            cache,
            members: Mutex::new(LruCache::new(KEPT)),
            lingering: Mutex::default(),
            turns: Turns::default(),
        }
    }

    /// An archive was streamed through.
    fn linger(&self, opened: &Arc<OpenFile>) {
        let is_kept = opened.cached_bytes() == opened.size();
        *lock(&self.lingering) = Some(opened).filter(|_| !is_kept).cloned();
    }

    fn in_memory(&self, key: &str) -> Option<Arc<Members>> {
        lock(&self.members).get(key).cloned()
    }

    fn get(&self, key: &str) -> Option<Arc<Members>> {
        if let Some(members) = self.in_memory(key) {
            return Some(members);
        }
        let document = self.cache.document(key)?;
        let members = Arc::new(Members::new(serde_json::from_slice(&document.body).ok()?));
        lock(&self.members).put(key.to_owned(), Arc::clone(&members));
        Some(members)
    }

    fn keep(&self, key: &str, members: &Arc<Members>) {
        lock(&self.members).put(key.to_owned(), Arc::clone(members));
        if let Ok(body) = serde_json::to_vec(&members.list) {
            let document =
                Document { validator: None, kept: Timestamp::now(), expires: Timestamp::MAX, body };
            self.cache.keep_document(key, &document);
        }
    }
}

/// What the members of a version are remembered by.
fn key(identity: &str, known: &Known) -> String {
    format!("members\0{identity}\0{}\0{}", known.validator(), known.version.size)
}

impl Content {
    /// The members of an archive where they are in memory: no request, no disk.
    pub fn known_members(&self, archive: &Object) -> Option<Arc<Members>> {
        let identity = archive.origin.identity();
        self.archives.in_memory(&key(identity, &self.ledger().get(identity)?))
    }

    /// Whether the members of an archive are known, from an earlier mount too. No request.
    pub fn remembers_members(&self, archive: &Object) -> bool {
        let identity = archive.origin.identity();
        let known = self.ledger().get(identity);
        known.is_some_and(|known| self.archives.get(&key(identity, &known)).is_some())
    }

    /// The members of an archive. Of a tar, its headers are fetched; a tar.gz is fetched whole, unless its members
    /// are known from before, and unpacked into the cache.
    ///
    /// # Errors
    /// Those of the archive; [`Error::Corrupt`] where it is broken or must not be trusted.
    pub fn members(&self, archive: &Object) -> Result<Arc<Members>, Error> {
        if let Some(members) = self.known_members(archive) {
            return Ok(members);
        }
        let identity = archive.origin.identity();
        let opened = self.open(archive, self.generation(identity))?;
        self.with_another_try(archive, opened, |opened| self.members_of(archive, opened))
    }

    /// Opens a member of an archive, as [`Content::open`] opens an object. The generation is the archive's.
    ///
    /// # Errors
    /// Those of [`Content::members`]; [`Error::Gone`] where it has no such member.
    pub fn open_member(&self, archive: &Object, generation: u64, path: &str) -> Result<Arc<OpenFile>, Error> {
        let opened = self.open(archive, generation)?;
        self.with_another_try(archive, opened, |opened| {
            let members = self.members_of(archive, opened)?;
            let member = members.get(path).ok_or_else(|| Error::Gone {
                identity: archive.origin.identity().to_owned(),
                why: format!("the archive has no member {path}; list its directory again"),
            })?;
            match member.start {
                Some(start) => Ok(Arc::new(opened.part(start..start + member.size))),
                None => self.open_unpacked(archive, opened, member),
            }
        })
    }

    /// Bytes whose checksum is wrong may have been damaged on their way: they are fetched once more.
    fn with_another_try<T>(
        &self,
        archive: &Object,
        opened: Arc<OpenFile>,
        work: impl Fn(&Arc<OpenFile>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let identity = archive.origin.identity();
        let generation = self.generation(identity);
        match work(&opened) {
            Err(Error::Corrupt { .. }) if self.generation(identity) != generation => {
                drop(opened);
                work(&self.open(archive, self.generation(identity))?)
            }
            other => other,
        }
    }

    fn members_of(&self, archive: &Object, opened: &Arc<OpenFile>) -> Result<Arc<Members>, Error> {
        let known = self.known_of(archive, opened);
        let key = key(archive.origin.identity(), &known);
        if let Some(members) = self.archives.get(&key) {
            return Ok(members);
        }
        self.archives.turns.run(&key, || {
            if let Some(members) = self.archives.in_memory(&key) {
                return Ok(members);
            }
            let list = if opened.read(0, GZIP.len())? == GZIP {
                self.unpack(archive, opened, &known, None)?.0
            } else {
                index::members(archive.origin.identity(), opened)?
            };
            let members = Arc::new(Members::new(list));
            self.archives.keep(&key, &members);
            Ok(members)
        })
    }

    /// What the version of an open archive is kept under.
    fn known_of(&self, archive: &Object, opened: &OpenFile) -> Known {
        let version = opened.body.version.clone();
        let known = self.ledger().get(archive.origin.identity()).filter(|known| known.version == version);
        known.unwrap_or(Known { version, checked: Timestamp::UNIX_EPOCH, seen_here: true })
    }

    /// A member of a tar.gz: from the cache, else by streaming through the archive again.
    fn open_unpacked(
        &self,
        archive: &Object,
        opened: &Arc<OpenFile>,
        member: &Member,
    ) -> Result<Arc<OpenFile>, Error> {
        let known = self.known_of(archive, opened);
        let identity = member_identity(archive, &member.path);
        self.archives.turns.run(&key(&identity, &known), || {
            let body = self.member_body(&identity, &known, member);
            let file = OpenFile::new(Arc::clone(&body));
            // What the cache lends or an unnamed file holds stays for as long as somebody has it open.
            if file.backing_file().is_some() || body.is_spooled() {
                return Ok(Arc::new(file));
            }
            drop(file);
            if let (_, Some(spool)) = self.unpack(archive, opened, &known, Some(&member.path))? {
                body.accept_whole(spool);
            }
            Ok(Arc::new(OpenFile::new(body)))
        })
    }

    fn member_body(&self, identity: &str, archive: &Known, member: &Member) -> Arc<Body> {
        let origin = Arc::new(Unpacked { identity: identity.to_owned() });
        let version = Version { size: member.size, ..archive.version.clone() };
        self.body(Place::new(origin), &Known { version, ..archive.clone() }, None)
    }
}

/// What a member of a tar.gz is known by.
fn member_identity(archive: &Object, path: &str) -> String {
    format!("{}!/{path}", archive.origin.identity())
}

/// A member of a tar.gz by itself: it is on no server.
struct Unpacked {
    identity: String,
}

impl Origin for Unpacked {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn locate(&self, _: Option<&Trouble>) -> Result<Location, Error> {
        let why = "it left the disk while it was open; open it again".to_owned();
        Err(Error::Disk { what: self.identity.clone(), why })
    }
}
