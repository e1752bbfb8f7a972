//! Where the text of listed items waits: a file without a name, so that memory holds only their ids.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

use crate::report::lock;

/// A place in a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    offset: u64,
    length: u32,
}

/// An append-only store of texts on disk. Its file is unlinked from the start: it goes with the process.
pub struct Spool {
    file: File,
    end: Mutex<u64>,
}

impl Spool {
    /// A spool in `folder`.
    pub fn new(folder: &Path) -> io::Result<Spool> {
        std::fs::create_dir_all(folder)?;
        Ok(Spool { file: tempfile::tempfile_in(folder)?, end: Mutex::new(0) })
    }

    /// Keeps a batch of texts; one write for all.
    pub fn push<'a>(&self, texts: impl Iterator<Item = &'a str>) -> io::Result<Vec<Place>> {
        let mut end = lock(&self.end);
        let mut batch = Vec::new();
        let mut places = Vec::new();
        for text in texts {
            let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
            places.push(Place { offset: *end + batch.len() as u64, length });
            batch.extend_from_slice(text.as_bytes());
        }
        self.file.write_all_at(&batch, *end)?;
        *end += batch.len() as u64;
        Ok(places)
    }

    /// The text at a place.
    pub fn read(&self, place: Place) -> io::Result<String> {
        let mut bytes = vec![0; place.length as usize];
        self.file.read_exact_at(&mut bytes, place.offset)?;
        String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        let spool = Spool::new(&std::env::temp_dir()).unwrap();
        let first = spool.push(["one", "", "drei ü"].into_iter()).unwrap();
        let second = spool.push(["two"].into_iter()).unwrap();
        let texts: Vec<String> = first.iter().chain(&second).map(|&p| spool.read(p).unwrap()).collect();
        assert_eq!(texts, ["one", "", "drei ü", "two"]);
    }
}
