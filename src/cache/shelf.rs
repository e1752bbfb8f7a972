//! The cache's folder, and the objects of it that are open in this process.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

use super::map::{BLOCK, BlockMap, Description};
use super::object::CachedObject;
use super::space::Space;
use super::{Settings, hex, make_folder};
use crate::report::{Report, lock};

/// The format's version: another one lives beside it and is never read nor touched.
const FORMAT: u32 = 1;
/// How often an object is opened anew that is put out under our hands.
const PATIENCE: usize = 8;

/// The folder of a cache.
pub struct Shelf {
    pub objects: PathBuf,
    pub documents: PathBuf,
    pub facts: PathBuf,
    pub space: Arc<Space>,
    may_write: bool,
    open: Mutex<HashMap<PathBuf, Weak<CachedObject>>>,
}

impl Shelf {
    /// Opens or makes the folder.
    pub fn open(settings: &Settings, report: &Arc<Report>) -> io::Result<Shelf> {
        let folder = settings.folder.join(format!("v{FORMAT}"));
        let (objects, documents) = (folder.join("objects"), folder.join("documents"));
        let may_write = match make_private(&settings.folder, &[&objects, &documents]) {
            Ok(()) => true,
            Err(error) if objects.is_dir() => {
                let folder = settings.folder.display();
                report.note("cache", &format!("{folder}: {error}; what is in it is used, nothing is added"));
                false
            }
            Err(error) => return Err(error),
        };
        tell_older(&settings.folder, report);
        let space = Space::new(&folder, settings.max_bytes, settings.min_free, report.clone())?;
        Ok(Shelf {
            objects,
            documents,
            facts: folder.join("facts"),
            space: Arc::new(space),
            may_write,
            open: Mutex::default(),
        })
    }

    /// One version of an object: the one that is open, or one opened or made now. `None` where it cannot be
    /// told from a damaged one that somebody has open.
    pub fn object(
        &self,
        identity: &str,
        validator: &str,
        size: u64,
    ) -> io::Result<Option<Arc<CachedObject>>> {
        let description = describe(identity, validator, size);
        let path = self.map_path(&description);
        let mut open = lock(&self.open);
        if let Some(object) = open.get(&path).and_then(Weak::upgrade) {
            return Ok(Some(object));
        }
        let Some(object) = self.take(&path, &description)?.map(Arc::new) else { return Ok(None) };
        open.retain(|_, object| object.strong_count() > 0);
        open.insert(path, Arc::downgrade(&object));
        Ok(Some(object))
    }

    /// Bytes here of one version of an object.
    pub fn cached_bytes(&self, identity: &str, validator: &str, size: u64) -> u64 {
        let path = self.map_path(&describe(identity, validator, size));
        let known = lock(&self.open).get(&path).and_then(Weak::upgrade);
        match known {
            Some(object) => object.cached_bytes(),
            None if path.exists() => self
                .object(identity, validator, size)
                .ok()
                .flatten()
                .map_or(0, |object| object.cached_bytes()),
            None => 0,
        }
    }

    /// The objects open in this process, by the paths of their maps.
    pub fn open_objects(&self) -> HashMap<PathBuf, Arc<CachedObject>> {
        let open = lock(&self.open);
        open.iter().filter_map(|(path, object)| Some((path.clone(), object.upgrade()?))).collect()
    }

    fn map_path(&self, description: &Description) -> PathBuf {
        let Description { identity, validator, size, .. } = description;
        let name = hex(&Sha256::digest(format!("{identity}\0{validator}\0{size}"))[..20]);
        self.objects.join(&name[..2]).join(&name[2..]).with_extension("map")
    }

    /// Opens or makes an object's files and shares their lock.
    fn take(&self, path: &Path, description: &Description) -> io::Result<Option<CachedObject>> {
        for _ in 0..PATIENCE {
            let file = match OpenOptions::new().read(true).write(self.may_write).open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.may_write => {
                    create(path, description)?;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            rustix::fs::flock(&file, FlockOperation::LockShared)?;
            if file.metadata()?.nlink() == 0 {
                continue; // It was put out between opening and locking.
            }
            match BlockMap::open(file.try_clone()?, description)? {
                Some(map) => return self.with_data(map, path, description.size).map(Some),
                None if self.may_write && discard(&file, path)? => {}
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    fn with_data(&self, map: BlockMap, path: &Path, size: u64) -> io::Result<CachedObject> {
        let path = path.with_extension("data");
        let data = OpenOptions::new()
            .read(true)
            .write(self.may_write)
            .create(self.may_write)
            .truncate(false)
            .mode(0o600)
            .open(&path)?;
        if self.may_write && data.metadata()?.len() != size {
            data.set_len(size)?;
        }
        Ok(CachedObject::new(map, data, path, size, self.may_write, self.space.clone()))
    }
}

fn describe(identity: &str, validator: &str, size: u64) -> Description {
    Description { identity: identity.to_owned(), validator: validator.to_owned(), size, block: BLOCK }
}

/// Says that an older stacfs left something here: it is of no use any more, but may be of use to that one.
fn tell_older(folder: &Path, report: &Report) {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let format = |name: &std::ffi::OsStr| name.to_str()?.strip_prefix('v')?.parse::<u32>().ok();
    for name in names.filter(|name| format(name).is_some_and(|format| format < FORMAT)) {
        let left = folder.join(name);
        let words =
            format!("{} is of an older stacfs and not used any more; it may be removed", left.display());
        report.note("older cache", &words);
    }
}

/// Makes the folders, for their owner only; also the outermost where it was there before, if it is ours.
fn make_private(outermost: &Path, folders: &[&Path]) -> io::Result<()> {
    for folder in folders {
        make_folder(folder)?;
    }
    let mode = std::fs::metadata(outermost)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(outermost, std::fs::Permissions::from_mode(0o700))?;
    }
    tempfile::tempfile_in(folders[0]).map(drop)
}

/// Makes a map under another name and gives it its own when it is whole. Another process may be first.
fn create(path: &Path, description: &Description) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    make_folder(folder)?;
    let file = tempfile::NamedTempFile::new_in(folder)?;
    BlockMap::create(file.as_file(), description)?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// Unlinks a map that is damaged, unless another process has it open.
fn discard(file: &File, path: &Path) -> io::Result<bool> {
    if rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(false);
    }
    tracing::warn!(path = %path.display(), "a damaged block map is thrown away");
    std::fs::remove_file(path)?;
    Ok(true)
}
