//! What a program saw: an errno, and how long it was kept waiting.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::noise::Noisy;

/// What came of some calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// The first errno; 0 where all went well.
    pub errno: i32,
    /// The longest any of the calls took.
    pub longest: Duration,
}

impl Outcome {
    /// Makes a call, and keeps its errno and its time. `None` where it fails.
    pub fn of<T>(&mut self, call: impl FnOnce() -> io::Result<T>) -> Option<T> {
        let start = Instant::now();
        let result = call();
        self.longest = self.longest.max(start.elapsed());
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.errno = error.raw_os_error().unwrap_or(libc::EIO);
                None
            }
        }
    }

    /// Lists a directory; the names as far as they came.
    pub fn list(&mut self, folder: &Path) -> Vec<String> {
        let Some(mut entries) = self.of(|| fs::read_dir(folder)) else { return Vec::new() };
        let mut names = Vec::new();
        while let Some(Some(entry)) = self.of(|| entries.next().transpose()) {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names
    }

    /// Looks at a file and reads all of it. A wrong byte is a panic.
    pub fn read(&mut self, path: &Path, file: &Noisy) {
        let Some(metadata) = self.of(|| fs::metadata(path)) else { return };
        let Some(handle) = self.of(|| File::open(path)) else { return };
        let mut piece = vec![0; 128 << 10];
        let mut offset = 0;
        while let Some(count) = self.of(|| handle.read_at(&mut piece, offset)) {
            file.check(offset, &piece[..count]);
            offset += count as u64;
            if count == 0 {
                assert_eq!(offset, file.length, "{}: its end (stat said {})", path.display(), metadata.len());
                return;
            }
        }
    }
}
