//! A tar as it streams by, and the rules for what may come out of it.
//!
//! Refused as a whole: members that would stand outside (`..`, absolute names), links, devices, a name twice, and
//! archives that unpack to more than an honest one would.

use std::collections::HashSet;
use std::io::{self, BufReader, Read};
use std::path::Component;

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tar::{Entry, EntryType};

/// So much may be unpacked of any archive …
const ALLOWANCE: u64 = 32 << 20;
/// … and so many times its own size of a larger one. Rasters of fill values shrink a lot, but not a thousandfold.
const MOST_RATIO: u64 = 100;
/// The most members.
const MOST_MEMBERS: usize = 10_000;
/// The longest name of a member, in bytes.
const LONGEST_NAME: usize = 4096;
/// Bytes handed on at a time.
const PIECE: usize = 128 << 10;

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its path below the archive: plain components joined by `/`.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last modified.
    pub modified: Timestamp,
    /// Where its bytes begin in a tar that is not compressed.
    pub(super) start: Option<u64>,
}

/// Where the members of an archive go as it streams by.
pub trait Sink {
    /// Why it cannot take them.
    type Error;

    /// A member begins.
    fn begin(&mut self, member: &Member) -> Result<(), Self::Error>;

    /// The member's next bytes.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// All of the member has come.
    fn end(&mut self, member: &Member) -> Result<(), Self::Error>;
}

/// Why an archive was not walked to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped<E> {
    /// The archive: it is broken, or must not be trusted. In words that begin with its name or `it`.
    Archive(String),
    /// The sink.
    Sink(E),
}

/// Streams a tar.gz of `packed` bytes through `sink`, up to the archive's last byte. Returns its members in their
/// order.
///
/// # Errors
/// What was taken before the fault is the sink's to throw away.
pub fn walk<S: Sink>(
    archive: impl Read,
    packed: u64,
    sink: &mut S,
) -> Result<Vec<Member>, Stopped<S::Error>> {
    let bound = ALLOWANCE.saturating_add(packed.saturating_mul(MOST_RATIO));
    // This bound holds for what tar reads into memory, too, such as long names.
    let unpacked = MultiGzDecoder::new(BufReader::with_capacity(PIECE, archive)).take(bound);
    let mut tar = tar::Archive::new(unpacked);
    let mut rules = Rules::new(bound);
    let mut members = Vec::new();
    let mut piece = vec![0; PIECE];
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let Some(member) = rules.admit(&entry, None).map_err(Stopped::Archive)? else { continue };
        sink.begin(&member).map_err(Stopped::Sink)?;
        let mut came = 0;
        loop {
            let read = match entry.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(error)),
            };
            sink.take(piece.get(..read).unwrap_or_default()).map_err(Stopped::Sink)?;
            came += read as u64;
        }
        if came != member.size {
            return Err(Stopped::Archive(format!("its member {} breaks off", member.path)));
        }
        sink.end(&member).map_err(Stopped::Sink)?;
        members.push(member);
    }
    // The checksum of the compression stands behind the last member.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(broken)?;
    Ok(members)
}

fn broken<E>(error: io::Error) -> Stopped<E> {
    Stopped::Archive(format!("the archive is broken ({error})"))
}

/// What an archive may hold.
pub(super) struct Rules {
    seen: HashSet<String>,
    total: u64,
    bound: u64,
}

impl Rules {
    /// For an archive whose members may have so many bytes together.
    pub(super) fn new(bound: u64) -> Rules {
        Rules { seen: HashSet::new(), total: 0, bound }
    }

    /// The member that an entry is, with its bytes at `start`; `None` for a directory. An error is a reason not to
    /// trust the archive, in words.
    pub(super) fn admit<R: Read>(
        &mut self,
        entry: &Entry<'_, R>,
        start: Option<u64>,
    ) -> Result<Option<Member>, String> {
        let path = entry.path().map_err(|error| format!("a name in it cannot be read ({error})"))?;
        let shown = path.display().to_string();
        let mut parts = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(format!("its member {shown} would stand outside of it"));
                }
            }
        }
        match entry.header().entry_type() {
            EntryType::Directory => return Ok(None),
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Symlink | EntryType::Link => return Err(format!("its member {shown} is a link")),
            _ => return Err(format!("its member {shown} is a device, or no plain file")),
        }
        let path = parts.join("/");
        if path.is_empty() || path.len() > LONGEST_NAME || path.contains('\0') {
            return Err(format!("its member {shown:.200} has no usable name"));
        }
        let size = entry.size();
        self.total = self.total.saturating_add(size);
        if self.total > self.bound {
            return Err(format!("it would unpack to more than {} bytes", self.bound));
        }
        if self.seen.len() == MOST_MEMBERS || !self.seen.insert(path.clone()) {
            return Err(format!("it has too many members, or {shown} twice"));
        }
        let seconds = entry.header().mtime().ok().and_then(|at| i64::try_from(at).ok());
        let modified = seconds.and_then(|at| Timestamp::from_second(at).ok()).unwrap_or_default();
        Ok(Some(Member { path, size, modified, start }))
    }
}
