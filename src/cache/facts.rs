//! What was found out about objects: sizes and validators, so that they survive mounts.
//!
//! One file of fixed size, sparse until it fills: a table of buckets, found by the hash of the identity, each
//! of as many slots as a page holds. A full bucket forgets the fact seen longest ago. Nothing is loaded, so it
//! opens at once; every slot has a checksum, so a torn or foreign one is an empty one.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// What was found out about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Size in bytes.
    pub size: u64,
    /// The entity tag, as the server wrote it.
    pub etag: Option<String>,
    /// `Last-Modified`; kept to the second.
    pub modified: Option<Timestamp>,
    /// When the server last said so.
    pub seen: Timestamp,
}

const BUCKETS: u64 = 8192;
const BUCKET: usize = 4096;
const SLOT: usize = 128;
const ETAG_AT: usize = 49;
const USED: u32 = 1 << 31;
const HAS_ETAG: u32 = 1;
const HAS_MODIFIED: u32 = 2;

type Key = [u8; 16];

/// The table on disk. Processes may write at once: a slot is written whole, and the worst of a race is that
/// one fact is asked for again.
#[derive(Debug)]
pub struct FactTable {
    file: File,
}

impl FactTable {
    /// Opens or makes the table.
    pub fn open(path: &Path) -> io::Result<FactTable> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        if file.metadata()?.len() != BUCKETS * BUCKET as u64 {
            file.set_len(BUCKETS * BUCKET as u64)?;
        }
        Ok(FactTable { file })
    }

    /// What is known of an object.
    pub fn get(&self, identity: &str) -> Option<Facts> {
        let key = key(identity);
        let bucket = self.bucket(&key).ok()?;
        bucket.chunks(SLOT).filter_map(decode).find(|(found, _)| *found == key).map(|(_, facts)| facts)
    }

    /// Keeps what is known of an object. Validators too long for a slot (79 bytes) are not kept, and then
    /// neither is the fact.
    pub fn put(&self, identity: &str, facts: &Facts) -> io::Result<()> {
        let key = key(identity);
        let Some(slot) = encode(&key, facts) else { return Ok(()) };
        let bucket = self.bucket(&key)?;
        let rank = |slot: &[u8]| match decode(slot) {
            Some((found, _)) if found == key => (0, 0),
            None => (1, 0),
            Some((_, facts)) => (2, facts.seen.as_second()),
        };
        let place =
            bucket.chunks(SLOT).enumerate().min_by_key(|(_, slot)| rank(slot)).map_or(0, |(at, _)| at);
        self.file.write_all_at(&slot, place_of(&key) + (place * SLOT) as u64)
    }

    fn bucket(&self, key: &Key) -> io::Result<Vec<u8>> {
        let mut bucket = vec![0; BUCKET];
        self.file.read_exact_at(&mut bucket, place_of(key))?;
        Ok(bucket)
    }
}

fn key(identity: &str) -> Key {
    let digest = Sha256::digest(identity);
    std::array::from_fn(|at| digest[at])
}

/// Where a key's bucket begins.
fn place_of(key: &Key) -> u64 {
    u64::from(u16::from_le_bytes([key[0], key[1]])) % BUCKETS * BUCKET as u64
}

fn encode(key: &Key, facts: &Facts) -> Option<[u8; SLOT]> {
    let etag = facts.etag.as_deref().unwrap_or_default().as_bytes();
    if etag.len() > SLOT - ETAG_AT {
        return None;
    }
    let mut flags = USED;
    flags |= if facts.etag.is_some() { HAS_ETAG } else { 0 };
    flags |= if facts.modified.is_some() { HAS_MODIFIED } else { 0 };
    let mut slot = [0; SLOT];
    slot[4..8].copy_from_slice(&flags.to_le_bytes());
    slot[8..24].copy_from_slice(key);
    slot[24..32].copy_from_slice(&facts.size.to_le_bytes());
    slot[32..40].copy_from_slice(&facts.modified.map_or(0, |time| time.as_second()).to_le_bytes());
    // To the nanosecond: it tells versions apart that have no validator.
    let seen = i64::try_from(facts.seen.as_nanosecond()).unwrap_or(0);
    slot[40..48].copy_from_slice(&seen.to_le_bytes());
    slot[48] = etag.len() as u8;
    slot[ETAG_AT..ETAG_AT + etag.len()].copy_from_slice(etag);
    let checksum = crc32c::crc32c(&slot[4..]);
    slot[..4].copy_from_slice(&checksum.to_le_bytes());
    Some(slot)
}

fn decode(slot: &[u8]) -> Option<(Key, Facts)> {
    let flags = u32::from_le_bytes(slot.get(4..8)?.try_into().ok()?);
    let checksum = u32::from_le_bytes(slot.get(..4)?.try_into().ok()?);
    if flags & USED == 0 || crc32c::crc32c(&slot[4..]) != checksum {
        return None;
    }
    let number = |at: usize| Some(i64::from_le_bytes(slot.get(at..at + 8)?.try_into().ok()?));
    let etag = slot.get(ETAG_AT..ETAG_AT + usize::from(*slot.get(48)?))?;
    let facts = Facts {
        size: u64::from_le_bytes(slot.get(24..32)?.try_into().ok()?),
        etag: (flags & HAS_ETAG != 0).then(|| String::from_utf8_lossy(etag).into_owned()),
        modified: match flags & HAS_MODIFIED {
            0 => None,
            _ => Some(Timestamp::from_second(number(32)?).ok()?),
        },
        seen: Timestamp::from_nanosecond(number(40)?.into()).ok()?,
    };
    Some((slot.get(8..24)?.try_into().ok()?, facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(size: u64, seen: i64) -> Facts {
        let second = |second| Timestamp::from_second(second).unwrap();
        Facts { size, etag: Some("\"abc\"".into()), modified: Some(second(-5)), seen: second(seen) }
    }

    #[test]
    fn facts_survive_and_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts");
        let table = FactTable::open(&path).unwrap();
        assert_eq!(table.get("a"), None);
        table.put("a", &facts(1, 10)).unwrap();
        table.put("a", &facts(2, 5)).unwrap();
        let seen = Timestamp::new(7, 123_456_789).unwrap();
        table.put("b", &Facts { etag: None, modified: None, seen, ..facts(3, 7) }).unwrap();
        let again = FactTable::open(&path).unwrap();
        assert_eq!(again.get("a"), Some(facts(2, 5)));
        assert_eq!(again.get("b"), Some(Facts { etag: None, modified: None, seen, ..facts(3, 7) }));
    }

    #[test]
    fn a_full_bucket_forgets_what_was_seen_longest_ago() {
        let folder = tempfile::tempdir().unwrap();
        let table = FactTable::open(&folder.path().join("facts")).unwrap();
        let first = key("0");
        let mut names: Vec<String> = Vec::new();
        for n in 0u32.. {
            let name = n.to_string();
            if place_of(&key(&name)) == place_of(&first) {
                names.push(name);
            }
            if names.len() > BUCKET / SLOT {
                break;
            }
        }
        for (seen, name) in (100..).zip(&names) {
            table.put(name, &facts(1, seen)).unwrap();
        }
        assert_eq!(table.get(&names[0]), None);
        assert!(names[1..].iter().all(|name| table.get(name).is_some()));
    }

    #[test]
    fn a_bent_slot_is_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let table = FactTable::open(&folder.path().join("facts")).unwrap();
        table.put("a", &facts(1, 10)).unwrap();
        let at = place_of(&key("a"));
        for bent in 0..SLOT as u64 {
            let mut byte = [0];
            table.file.read_exact_at(&mut byte, at + bent).unwrap();
            table.file.write_all_at(&[byte[0] ^ 1], at + bent).unwrap();
            assert_eq!(table.get("a"), None, "{bent}");
            table.file.write_all_at(&byte, at + bent).unwrap();
        }
        assert_eq!(table.get("a"), Some(facts(1, 10)));
    }
}
