//! Tar archives, the honest ones and those that no client should trust.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use jiff::civil::Date;

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
