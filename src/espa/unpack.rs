//! The members of an archive as files in a directory, and nowhere else.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Error;
use crate::content::archive::{Member, Sink, Stopped, walk};

/// Unpacks a tar.gz into `folder`, which is new or replaced, and returns how many files came out.
///
/// All or nothing: the members are unpacked beside `folder`, which takes their place when all are there.
///
/// # Errors
/// [`Error::Corrupt`] where the archive is broken, would put anything elsewhere (`..`, absolute names, links), or
/// unpacks to more than an honest one would.
pub fn unpack(archive: &Path, folder: &Path) -> Result<usize, Error> {
    let mut aside = folder.as_os_str().to_owned();
    aside.push(".unpacking");
    let aside = PathBuf::from(aside);
    remove(&aside)?;
    fs::create_dir(&aside).map_err(|error| Error::disk(&aside, &error))?;
    let unpacked = members(archive, &aside).and_then(|count| {
        remove(folder)?;
        fs::rename(&aside, folder).map_err(|error| Error::disk(folder, &error))?;
        Ok(count)
    });
    if unpacked.is_err() {
        remove(&aside)?;
    }
    unpacked
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::disk(folder, &error)),
        _ => Ok(()),
    }
}

fn members(archive: &Path, folder: &Path) -> Result<usize, Error> {
    let file = File::open(archive).map_err(|error| Error::disk(archive, &error))?;
    let packed = file.metadata().map_err(|error| Error::disk(archive, &error))?.len();
    match walk(file, packed, &mut Folder { folder, open: None }) {
        Ok(members) => Ok(members.len()),
        Err(Stopped::Sink(error)) => Err(error),
        Err(Stopped::Archive(why)) => {
            Err(Error::Corrupt(format!("{}: {why}; nothing was unpacked", archive.display())))
        }
    }
}

/// Writes members below a directory. They come with plain paths, and only this makes anything there, and no links: no
/// name leads out of it.
struct Folder<'a> {
    folder: &'a Path,
    open: Option<(PathBuf, File)>,
}

impl Sink for Folder<'_> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<(), Error> {
        let path = self.folder.join(&member.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::disk(parent, &error))?;
        }
        let file = File::create_new(&path).map_err(|error| Error::disk(&path, &error))?;
        self.open = Some((path, file));
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.open {
            Some((path, file)) => file.write_all(bytes).map_err(|error| Error::disk(&*path, &error)),
            None => Ok(()),
        }
    }

    fn end(&mut self, member: &Member) -> Result<(), Error> {
        let Some((path, file)) = self.open.take() else { return Ok(()) };
        let modified = SystemTime::from(member.modified);
        file.set_modified(modified).map_err(|error| Error::disk(path, &error))
    }
}
