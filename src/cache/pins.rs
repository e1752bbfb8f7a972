//! Pins: what the keeper leaves alone.
//!
//! A pin is a small file beside an object's map, `….pin`, with a line for each search that wants the object kept.
//! It holds between processes and mounts, and goes with its last line.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::object::CachedObject;

/// The ending of a pin's name.
pub const EXTENSION: &str = "pin";

impl CachedObject {
    /// Pins it for `label`, one line of text that says who wants it. Tells where the pin is.
    ///
    /// # Errors
    /// Where the pin cannot be written.
    pub fn pin(&self, label: &str) -> io::Result<PathBuf> {
        let path = self.data_path().with_extension(EXTENSION);
        let mut labels = labels(&path);
        if labels.insert(label.to_owned()) {
            write(&path, &labels)?;
        }
        Ok(path)
    }
}

/// Whether the object of a map is pinned.
pub fn is_pinned(map: &Path) -> bool {
    map.with_extension(EXTENSION).exists()
}

/// Who wants an object kept, by the path of its pin; nobody where there is none.
pub fn labels(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Takes a label off pins, but for those in `keep`. Tells how many had it.
pub fn take_off(
    pins: impl Iterator<Item = PathBuf>,
    label: &str,
    keep: &HashSet<PathBuf>,
) -> io::Result<usize> {
    let mut taken = 0;
    for path in pins.filter(|path| !keep.contains(path)) {
        let mut labels = labels(&path);
        if !labels.remove(label) {
            continue;
        }
        taken += 1;
        match labels.is_empty() {
            true => fs::remove_file(&path)?,
            false => write(&path, &labels)?,
        }
    }
    Ok(taken)
}

/// Writes a pin whole or not at all.
fn write(path: &Path, labels: &BTreeSet<String>) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(path))?;
    for label in labels {
        // A label is a line.
        writeln!(file, "{}", label.replace(['\n', '\r'], " "))?;
    }
    file.persist(path).map(drop).map_err(|error| error.error)
}
