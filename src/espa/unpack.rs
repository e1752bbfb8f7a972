//! The members of an archive as files in a directory, and nowhere else.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::Error;

/// So much may be unpacked of any archive …
const ALLOWANCE: u64 = 32 << 20;

/// … and so many times its own size of a larger one. Rasters of fill values shrink a lot, but not a thousandfold.
const MOST_RATIO: u64 = 100;

/// The most members.
const MOST_MEMBERS: usize = 10_000;

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
    let corrupt = |why: String| Error::Corrupt(format!("{}: {why}; nothing was unpacked", archive.display()));
    let broken = |error: io::Error| corrupt(format!("the archive is broken ({error})"));
    let file = File::open(archive).map_err(|error| Error::disk(archive, &error))?;
    let packed = file.metadata().map_err(|error| Error::disk(archive, &error))?.len();
    let bound = ALLOWANCE + packed.saturating_mul(MOST_RATIO);
    let too_much = || corrupt(format!("it would unpack to more than {bound} bytes"));
    // The second bound holds for what tar reads into memory, such as long names.
    let mut archive = tar::Archive::new(MultiGzDecoder::new(BufReader::new(file)).take(bound));
    let (mut total, mut seen) = (0_u64, HashSet::new());
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.into_owned();
        let Some(name) = inside(&name) else {
            return Err(corrupt(format!("its member {} would stand outside of it", name.display())));
        };
        match entry.header().entry_type() {
            EntryType::Directory => continue,
            EntryType::Regular | EntryType::Continuous => {}
            _ => return Err(corrupt(format!("its member {} is a link or no file", name.display()))),
        }
        total = total.saturating_add(entry.size());
        if total > bound {
            return Err(too_much());
        }
        if seen.len() == MOST_MEMBERS || !seen.insert(name.clone()) {
            return Err(corrupt(format!("it has too many members, or {} twice", name.display())));
        }
        let (path, size) = (folder.join(&name), entry.size());
        let modified =
            entry.header().mtime().ok().and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
        let mut out = create(&path)?;
        let copied = io::copy(&mut entry, &mut out).map_err(|error| {
            // A full disk is no fault of the archive.
            let of_disk = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            if of_disk { Error::disk(&path, &error) } else { broken(error) }
        })?;
        if copied != size {
            return Err(corrupt(format!("its member {} breaks off", name.display())));
        }
        if let Some(modified) = modified {
            out.set_modified(modified).map_err(|error| Error::disk(&path, &error))?;
        }
    }
    Ok(seen.len())
}

/// A member's path below the directory; `None` where it leads out of it or nowhere.
fn inside(name: &Path) -> Option<PathBuf> {
    let mut below = PathBuf::new();
    for component in name.components() {
        match component {
            Component::Normal(part) => below.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(below)
}

/// Only this function makes anything below the directory, and it makes no links: no name leads out of it.
fn create(path: &Path) -> Result<File, Error> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Error::disk(parent, &error))?;
    }
    File::create_new(path).map_err(|error| Error::disk(path, &error))
}
