//! The members of an archive as files: a directory found by name beside it.
//!
//! Finding the directory costs nothing. Looking into it fetches what tells the members: the headers of a tar, all of
//! a tar.gz, which is unpacked into the cache.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::generated::Asked;
use super::names::{Of, escape, is_probe};
use super::{Attributes, Directory, Entry, Error, File, Found, Identity, Listing, Node, Opened};
use crate::content::{Content, Member, Members, Object};

/// An archive does not change under its name; where it does, its generation is another.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Gives the archive's object as it is to be opened, with its checksum. May make a request.
pub type Ask = Arc<dyn Fn() -> Result<Object, Error> + Send + Sync>;

/// An archive, as what shows its members knows it.
pub struct Archived {
    /// Opens it.
    pub content: Arc<Content>,
    /// The object, as far as it is known without a request.
    pub object: Object,
    /// The object as it is to be opened.
    pub ask: Ask,
    /// When it was made: the time of its directories.
    pub modified: Timestamp,
}

impl Archived {
    /// A directory of this name with the archive's members.
    pub fn entry(self, name: &str) -> Entry {
        let directory = ArchiveDirectory { archive: Arc::new(self), below: String::new() };
        Entry::directory(OsStr::new(name), Arc::new(directory), LIFETIME)
    }

    /// Whether its members are known without a request.
    pub fn is_known(&self) -> bool {
        self.content.remembers_members(&self.object)
    }

    fn generation(&self) -> u64 {
        self.content.generation(self.object.origin.identity())
    }

    /// What stands at a place in it, by name.
    fn entries(self: &Arc<Archived>, members: &Members, below: &str) -> BTreeMap<String, Entry> {
        let generation = self.generation();
        let mut entries = BTreeMap::new();
        for member in members.iter() {
            let Some(rest) = member.path.strip_prefix(below) else { continue };
            let (name, entry) = match rest.split_once('/') {
                Some((folder, _)) => {
                    let name = escape(folder, Of::Asset);
                    let below = format!("{below}{folder}/");
                    let directory = ArchiveDirectory { archive: Arc::clone(self), below };
                    let entry = Entry::directory(OsStr::new(&name), Arc::new(directory), LIFETIME);
                    (name, entry)
                }
                None => {
                    let name = escape(rest, Of::Asset);
                    let key = format!("member\0{}\0{}", self.object.origin.identity(), member.path).into();
                    let identity = Identity::Object { key, generation };
                    let (archive, member) = (Arc::clone(self), member.clone());
                    let node = Node::File(Arc::new(MemberFile { archive, member, generation }));
                    (name.clone(), Entry { name: name.into(), node, identity, lifetime: LIFETIME })
                }
            };
            entries.insert(name, entry);
        }
        entries
    }
}

/// A directory of an archive: its top, or one in it.
struct ArchiveDirectory {
    archive: Arc<Archived>,
    /// Its path in the archive: empty, or with a `/` at its end.
    below: String,
}

impl ArchiveDirectory {
    fn found(&self, members: &Members, name: &OsStr) -> Found {
        let name = name.to_str().unwrap_or_default();
        let entry = self.archive.entries(members, &self.below).remove(name);
        entry.map_or(Found::Absent(LIFETIME), Found::Entry)
    }
}

impl Directory for ArchiveDirectory {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.archive.modified, lifetime: LIFETIME }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        if let Some(members) = self.archive.content.known_members(&self.archive.object) {
            return Some(Ok(self.found(&members, name)));
        }
        let is_probe = name.to_str().is_none_or(is_probe);
        is_probe.then_some(Ok(Found::Absent(Duration::ZERO)))
    }

    fn ask(&self, name: &OsStr) -> Result<Found, Error> {
        let members = self.archive.content.members(&(self.archive.ask)()?)?;
        Ok(self.found(&members, name))
    }

    fn list(&self) -> Arc<dyn Listing> {
        let (archive, below) = (Arc::clone(&self.archive), self.below.clone());
        Arc::new(Asked::new(move || {
            let content = &archive.content;
            let members = match content.known_members(&archive.object) {
                Some(members) => members,
                None => content.members(&(archive.ask)()?)?,
            };
            Ok(archive.entries(&members, &below).into_values().collect())
        }))
    }
}

/// A member as a file.
struct MemberFile {
    archive: Arc<Archived>,
    member: Member,
    generation: u64,
}

impl File for MemberFile {
    fn attributes(&self) -> Attributes {
        Attributes::of_file(Some(self.member.size), self.member.modified, LIFETIME)
    }

    fn resolve(&self) -> Result<Attributes, Error> {
        Ok(self.attributes())
    }

    fn open(&self) -> Result<Opened, Error> {
        let object = (self.archive.ask)()?;
        let opened = self.archive.content.open_member(&object, self.generation, &self.member.path)?;
        Ok(Opened::Content(opened))
    }
}
