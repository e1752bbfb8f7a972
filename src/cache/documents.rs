//! Small metadata documents by key, each in a file of its own that is replaced whole.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Documents take at most one part in so many of the cache.
pub const SHARE: u64 = 8;

const MAGIC: &[u8; 8] = b"stacdoc1";
const HEAD: usize = 16;
/// No document is longer, in bytes: a damaged length must not fill the memory.
const LONGEST: u64 = 512 * 1024 * 1024;

/// A document and what its source said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What to ask with whether it still holds: an entity tag, as written, or `Last-Modified`.
    pub validator: Option<String>,
    /// When it came.
    pub kept: Timestamp,
    /// When it is to be asked for again. It is given out after that, too: the caller decides.
    pub expires: Timestamp,
    /// Its bytes.
    pub body: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Label {
    /// SHA-256 of the key: the key itself may name what is nobody's business.
    key: String,
    validator: Option<String>,
    kept: Timestamp,
    expires: Timestamp,
}

/// Reads the document kept for `key`, if it is there and whole.
pub fn get(folder: &Path, key: &str) -> Option<Document> {
    let name = name(key);
    let file = File::open(path(folder, &name)).ok()?;
    let mut bytes = Vec::new();
    (&file).take(LONGEST).read_to_end(&mut bytes).ok()?;
    let head: &[u8; HEAD] = bytes.get(..HEAD)?.try_into().ok()?;
    let u32_at = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let rest = &bytes[HEAD..];
    if &head[..8] != MAGIC || crc32c::crc32c(rest) != u32_at(8) {
        return None;
    }
    let (label, body) = rest.split_at_checked(u32_at(12) as usize)?;
    let label: Label = serde_json::from_slice(label).ok()?;
    if label.key != name {
        return None;
    }
    let _ = file.set_modified(std::time::SystemTime::now());
    let Label { validator, kept, expires, .. } = label;
    Some(Document { validator, kept, expires, body: body.to_vec() })
}

/// Keeps a document in the place of an earlier one. Readers see the one or the other, whole.
pub fn put(folder: &Path, key: &str, document: &Document) -> io::Result<()> {
    let name = name(key);
    let path = path(folder, &name);
    let Document { validator, kept, expires, body } = document.clone();
    let label = serde_json::to_vec(&Label { key: name, validator, kept, expires })?;
    let mut bytes = Vec::with_capacity(HEAD + label.len() + body.len());
    bytes.extend(MAGIC);
    bytes.extend([0; 4]);
    bytes.extend((label.len() as u32).to_le_bytes());
    bytes.extend(label);
    bytes.extend(body);
    let checksum = crc32c::crc32c(&bytes[HEAD..]);
    bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
    let parent = path.parent().unwrap_or(folder);
    super::make_folder(parent)?;
    let mut file = tempfile::NamedTempFile::new_in(parent)?;
    file.write_all(&bytes)?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Forgets a document.
pub fn remove(folder: &Path, key: &str) {
    let _ = fs::remove_file(path(folder, &name(key)));
}

fn name(key: &str) -> String {
    super::hex(&Sha256::digest(key))
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(&name[..2]).join(&name[2..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(body: &[u8]) -> Document {
        let second = |second| Timestamp::from_second(second).unwrap();
        Document { validator: Some("\"1\"".into()), kept: second(1), expires: second(2), body: body.to_vec() }
    }

    #[test]
    fn a_document_is_kept_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(get(folder.path(), "k"), None);
        for body in [&b"first"[..], b"", b"third"] {
            put(folder.path(), "k", &document(body)).unwrap();
            assert_eq!(get(folder.path(), "k"), Some(document(body)));
        }
        assert_eq!(get(folder.path(), "other"), None);
        remove(folder.path(), "k");
        assert_eq!(get(folder.path(), "k"), None);
    }

    #[test]
    fn a_damaged_document_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "k", &document(b"body")).unwrap();
        let path = path(folder.path(), &name("k"));
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 4;
            fs::write(&path, &bent).unwrap();
            assert_eq!(get(folder.path(), "k"), None, "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(get(folder.path(), "k"), None, "cut at {at}");
        }
        fs::write(&path, &whole).unwrap();
        assert_eq!(get(folder.path(), "k"), Some(document(b"body")));
    }
}
