//! The files of `--to`: reflinks of the cache's where the file system can, else copies. Never hard links: the
//! cache punches holes into its own files.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use rustix::fs::ioctl_ficlone;

use crate::cache::Cache;
use crate::cli::Failure;
use crate::content::OpenFile;

/// The folder that files are made in.
pub struct Folder {
    root: PathBuf,
    reflinks: bool,
}

/// A file that is being made: `NAME.part` until it is whole.
pub struct Part {
    part: PathBuf,
    place: PathBuf,
    modified: Timestamp,
    file: File,
    /// Its bytes are linked when all are in the cache, not written as they come.
    links: bool,
}

impl Folder {
    /// Opens or makes the folder, and tries whether files of the cache can be linked into it.
    ///
    /// # Errors
    /// Where it cannot be made or written.
    pub fn open(root: &Path, cache: &Cache) -> Result<Folder, Failure> {
        let failed = |error: io::Error| {
            Failure::failed(format!("{}: cannot be written: {error}; choose another --to", root.display()))
        };
        fs::create_dir_all(root).map_err(failed)?;
        let here = tempfile::tempfile_in(root).map_err(failed)?;
        let reflinks = cache.unnamed_file().and_then(|mut there| {
            there.write_all(&[1; 4096])?;
            ioctl_ficlone(&here, &there).map_err(io::Error::from)
        });
        Ok(Folder { root: root.to_owned(), reflinks: reflinks.is_ok() })
    }

    /// Whether any file stands in a place.
    pub fn has_some(&self, place: &Path) -> bool {
        self.root.join(place).is_file()
    }

    /// Whether a file is there already, by its length and time.
    pub fn has(&self, place: &Path, size: u64, modified: Timestamp) -> bool {
        let found = fs::metadata(self.root.join(place));
        found.is_ok_and(|found| {
            found.is_file() && found.len() == size && found.mtime() == modified.as_second()
        })
    }

    /// Begins a file of `size` bytes. Of one that was begun before, nothing is kept: the cache has its bytes.
    pub fn begin(&self, place: &Path, size: u64, modified: Timestamp) -> io::Result<Part> {
        let place = self.root.join(place);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut name = place.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = place.with_file_name(name);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&part)?;
        file.set_len(size)?;
        Ok(Part { part, place, modified, file, links: self.reflinks })
    }
}

impl Part {
    /// Whether it is made of the pieces as they come, not of the cache's file in the end.
    pub fn wants_bytes(&self) -> bool {
        !self.links
    }

    /// A piece came.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.links {
            return Ok(());
        }
        self.file.write_all_at(bytes, offset)
    }

    /// All pieces came: checks them where the cache does not have them, and gives the file its name and time.
    ///
    /// # Errors
    /// In words.
    pub fn finish(&self, source: Option<&OpenFile>) -> Result<(), String> {
        let failed = |error: io::Error| format!("{}: {error}", self.part.display());
        if let Some(source) = source {
            let linked = self.links && self.link(source);
            if self.links && !linked {
                self.copy(source)?;
            }
            if !linked && source.cached_bytes() < source.size() {
                source.check_copy(&self.file).map_err(|error| error.to_string())?;
            }
        }
        let modified = SystemTime::from(self.modified);
        self.file.set_times(FileTimes::new().set_modified(modified)).map_err(failed)?;
        fs::rename(&self.part, &self.place).map_err(failed)
    }

    fn link(&self, source: &OpenFile) -> bool {
        source.backing_file().is_some_and(|backing| ioctl_ficlone(&self.file, backing).is_ok())
    }

    /// Where a link could not be made after all: it left the cache meanwhile.
    fn copy(&self, source: &OpenFile) -> Result<(), String> {
        const STEP: usize = 1 << 20;
        let mut at = 0;
        while at < source.size() {
            let bytes = source.read_piece(at, STEP).map_err(|error| error.to_string())?;
            self.file
                .write_all_at(&bytes, at)
                .map_err(|error| format!("{}: {error}", self.part.display()))?;
            at += bytes.len() as u64;
        }
        Ok(())
    }

    /// Writes bytes that were made here.
    pub fn write_made(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.set_len(bytes.len() as u64)?;
        self.file.write_all_at(bytes, 0)
    }

    /// Writes what stands in a file here.
    pub fn copy_made(&self, from: &File, size: u64) -> io::Result<()> {
        self.file.set_len(size)?;
        let mut step = vec![0; 1 << 16];
        let mut at = 0;
        while at < size {
            let read = from.read_at(&mut step, at)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.file.write_all_at(&step[..read], at)?;
            at += read as u64;
        }
        Ok(())
    }
}
