//! Tar archives, the honest ones and those that no client should trust.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use jiff::civil::Date;

use crate::demo::http::Bytes;

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, written as it is: it may climb (`../`) or be absolute.
    pub name: String,
    /// What it is.
    pub content: Content,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file.
    File(Vec<u8>),
    /// A symbolic link to this target.
    Symlink(String),
    /// A hard link to this member or path.
    Hardlink(String),
}

impl Member {
    /// A plain file.
    pub fn file(name: impl Into<String>, bytes: Vec<u8>) -> Member {
        Member { name: name.into(), content: Content::File(bytes) }
    }

    /// A symbolic link.
    pub fn symlink(name: impl Into<String>, target: impl Into<String>) -> Member {
        Member { name: name.into(), content: Content::Symlink(target.into()) }
    }

    /// A hard link.
    pub fn hardlink(name: impl Into<String>, target: impl Into<String>) -> Member {
        Member { name: name.into(), content: Content::Hardlink(target.into()) }
    }
}

/// An uncompressed tar of `members`, all of one day.
pub fn tar(members: &[Member], day: Date) -> Vec<u8> {
    let mut archive = Vec::new();
    for member in members {
        entry(&mut archive, member, day);
    }
    archive.extend([0; 1024]);
    archive
}

/// A gzip-compressed tar of `members`, all of one day.
pub fn tar_gz(members: &[Member], day: Date) -> Vec<u8> {
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
    let written = gzip.write_all(&tar(members, day)).and_then(|()| gzip.finish());
    written.unwrap_or_default() // a Vec takes all
}

/// A tar of members, each followed by one of noise (`NAME.noise`), which is made when it is read: as large as a real
/// bundle, and no memory holds it.
pub struct Padded {
    /// By where they begin, in order and without gaps.
    pieces: Vec<(u64, Piece)>,
    len: u64,
}

enum Piece {
    Held(Vec<u8>),
    Noise,
}

impl Padded {
    /// Noise of `padding` bytes, a multiple of 512, after each of the members.
    pub fn new(members: &[Member], padding: u64, day: Date) -> Padded {
        let mut padded = Padded { pieces: Vec::new(), len: 0 };
        for member in members {
            let mut held = Vec::new();
            entry(&mut held, member, day);
            held.extend(header(&format!("{}.noise", member.name), padding, day));
            padded.push(Piece::Held(held.clone()), held.len() as u64);
            padded.push(Piece::Noise, padding);
        }
        padded.push(Piece::Held(vec![0; 1024]), 1024);
        padded
    }

    /// By how much the padding makes a tar of so many members larger.
    pub fn surplus(members: usize, padding: u64) -> u64 {
        members as u64 * (512 + padding)
    }

    fn push(&mut self, piece: Piece, length: u64) {
        self.pieces.push((self.len, piece));
        self.len += length;
    }
}

impl Bytes for Padded {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let (mut at, mut left) = (offset, buf);
        while !left.is_empty() {
            let next = self.pieces.partition_point(|(start, _)| *start <= at);
            let (start, piece) = self.pieces.get(next.wrapping_sub(1)).ok_or(io::ErrorKind::UnexpectedEof)?;
            let end = self.pieces.get(next).map_or(self.len, |(start, _)| *start);
            let length = left.len().min(usize::try_from(end.saturating_sub(at)).map_err(io::Error::other)?);
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (now, later) = left.split_at_mut(length);
            match piece {
                Piece::Held(bytes) => {
                    let from = usize::try_from(at - start).map_err(io::Error::other)?;
                    now.copy_from_slice(&bytes[from..from + length]);
                }
                Piece::Noise => (at..).zip(now).for_each(|(at, byte)| *byte = noise(at)),
            }
            (at, left) = (at + length as u64, later);
        }
        Ok(())
    }
}

/// The byte at a place of the archive: no block is like another.
fn noise(at: u64) -> u8 {
    let mixed = (at / 8 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)) >> (at % 8 * 8)) as u8
}

/// Writes the header by hand, because a tar library rightly refuses the names that clients must be tested with.
fn entry(archive: &mut Vec<u8>, member: &Member, day: Date) {
    let (kind, bytes, target): (_, &[u8], _) = match &member.content {
        Content::File(bytes) => (::tar::EntryType::Regular, bytes, ""),
        Content::Symlink(target) => (::tar::EntryType::Symlink, &[], target.as_str()),
        Content::Hardlink(target) => (::tar::EntryType::Link, &[], target.as_str()),
    };
    archive.extend(block(&member.name, kind, target, bytes.len() as u64, day).as_bytes());
    archive.extend(bytes);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

/// The header of a plain file of `size` bytes, which are to follow it.
pub fn header(name: &str, size: u64, day: Date) -> [u8; 512] {
    *block(name, ::tar::EntryType::Regular, "", size, day).as_bytes()
}

fn block(name: &str, kind: ::tar::EntryType, target: &str, size: u64, day: Date) -> ::tar::Header {
    let mut header = ::tar::Header::new_ustar();
    let raw = header.as_old_mut();
    fill(&mut raw.name, name);
    fill(&mut raw.linkname, target);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |at| at.timestamp().as_second());
    header.set_mtime(u64::try_from(midnight).unwrap_or(0));
    header.set_cksum();
    header
}

fn fill(field: &mut [u8; 100], text: &str) {
    for (place, byte) in field.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn padding_stands_between_the_members_wherever_one_reads() {
        let members = [Member::file("a", vec![7; 700]), Member::file("b", b"y".to_vec())];
        let padded = Padded::new(&members, 2048, date(2020, 1, 1));
        let mut whole = vec![0; padded.len() as usize];
        padded.read_at(0, &mut whole).unwrap();
        assert_eq!(padded.len(), tar(&members, date(2020, 1, 1)).len() as u64 + Padded::surplus(2, 2048));
        let mut archive = ::tar::Archive::new(&whole[..]);
        let sizes: Vec<u64> = archive.entries().unwrap().map(|entry| entry.unwrap().size()).collect();
        assert_eq!(sizes, [700, 2048, 1, 2048]);
        for (at, length) in [(0, 1), (511, 2), (1700, 3000), (whole.len() - 1, 1)] {
            let mut part = vec![0; length];
            padded.read_at(at as u64, &mut part).unwrap();
            assert_eq!(part, whole[at..at + length], "{at}");
        }
        assert!(padded.read_at(whole.len() as u64, &mut [0]).is_err());
    }

    #[test]
    fn climbing_and_absolute_names_are_written_as_they_are() {
        let members = [
            Member::file("../outside", b"x".to_vec()),
            Member::file("/etc/absolute", b"y".to_vec()),
            Member::symlink("link", "/etc/passwd"),
            Member::hardlink("hard", "../outside"),
        ];
        let bytes = tar_gz(&members, date(2020, 1, 1));
        let mut archive = ::tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
        let names: Vec<(String, Option<String>)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                (text(&entry.path_bytes()), entry.link_name_bytes().map(|target| text(&target)))
            })
            .collect();
        assert_eq!(names[0].0, "../outside");
        assert_eq!(names[1].0, "/etc/absolute");
        assert_eq!(names[2], ("link".into(), Some("/etc/passwd".into())));
        assert_eq!(names[3], ("hard".into(), Some("../outside".into())));
    }
}
