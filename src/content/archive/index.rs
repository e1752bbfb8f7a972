//! The members of a tar that is not compressed, by reading its headers alone.

use std::io::{self, Read, Seek, SeekFrom};

use super::walk::{Member, Rules};
use crate::content::{Error, OpenFile};

/// Most bytes of headers and of long names.
const MOST_HEADERS: u64 = 64 << 20;
/// Read at a time where somebody asks for more.
const PIECE: usize = 1 << 20;

/// The members of an open tar, in its order. Their bytes are not read.
///
/// # Errors
/// The file's; [`Error::Corrupt`] where it is no tar, breaks off, or must not be trusted.
pub(super) fn members(identity: &str, file: &OpenFile) -> Result<Vec<Member>, Error> {
    let mut reader = Reader { left: MOST_HEADERS, ..Reader::new(file) };
    let found = read(&mut tar::Archive::new(&mut reader), file.size());
    match reader.failed.take() {
        Some(error) => Err(error),
        None => found.map_err(|why| Error::Corrupt { identity: identity.to_owned(), why }),
    }
}

fn read(tar: &mut tar::Archive<&mut Reader<'_>>, size: u64) -> Result<Vec<Member>, String> {
    let broken = |error: io::Error| format!("it is neither a tar nor a tar.gz, or is broken ({error})");
    let mut rules = Rules::new(u64::MAX);
    let mut members = Vec::new();
    for entry in tar.entries_with_seek().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let start = entry.raw_file_position();
        let Some(member) = rules.admit(&entry, Some(start))? else { continue };
        if start.checked_add(member.size).is_none_or(|end| end > size) {
            return Err(format!("its member {} breaks off", member.path));
        }
        members.push(member);
    }
    Ok(members)
}

/// An open file as a stream. What the file says when it fails is kept: an [`io::Error`] would lose it.
pub(super) struct Reader<'a> {
    file: &'a OpenFile,
    at: u64,
    /// Bytes that may still be read.
    left: u64,
    /// Why the file could not be read.
    pub(super) failed: Option<Error>,
}

impl<'a> Reader<'a> {
    /// The file from its start.
    pub(super) fn new(file: &'a OpenFile) -> Reader<'a> {
        Reader { file, at: 0, left: u64::MAX, failed: None }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(PIECE);
        if length as u64 > self.left {
            return Err(io::Error::other("its headers are too long"));
        }
        let bytes = self.file.read(self.at, length).map_err(|error| {
            let words = error.to_string();
            self.failed = Some(error);
            io::Error::other(words)
        })?;
        buffer.iter_mut().zip(&bytes).for_each(|(to, from)| *to = *from);
        self.at += bytes.len() as u64;
        self.left -= bytes.len() as u64;
        Ok(bytes.len())
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.size().checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
