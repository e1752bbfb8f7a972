//! The keeper: a thread that knows how much is here and puts out what was used least recently.
//!
//! Readers never wait for it. Whole objects that nobody has open go first, oldest use first; if that is not
//! enough, extents of open ones, oldest use first. Files lent to the kernel stay, and so does what is pinned.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::FlockOperation;

use super::Shelf;
use super::map::{self, BlockMap};
use super::object::{self, CachedObject};
use super::pins;
use super::space::Call;

/// The keeper looks around at least this often, to see what other processes did.
const ROUND: Duration = Duration::from_secs(60);
/// What died half-made is swept away after this.
const STALE: Duration = Duration::from_secs(3600);

/// One object on disk.
#[derive(Debug)]
pub(super) struct Kept {
    /// Its block map.
    pub(super) map: PathBuf,
    data: PathBuf,
    /// Bytes both files take.
    pub(super) bytes: u64,
    /// When it was last opened or closed.
    pub(super) used_at: SystemTime,
}

/// An extent of an object that is open somewhere.
struct OpenExtent {
    /// Its last use: 0 where another process knows it.
    used: u64,
    kept: usize,
    extent: u64,
    bytes: u64,
}

/// Surveys and evicts until the cache is closed.
pub(super) fn keep(shelf: &Arc<Shelf>) {
    loop {
        round(shelf);
        if shelf.space.next_call(ROUND) == Call::Stop {
            return;
        }
    }
}

/// Looks at all that is here, and makes room where it is short.
pub(super) fn round(shelf: &Shelf) {
    let before = shelf.space.used();
    let mut kept = survey(&shelf.objects);
    let documents = survey_documents(&shelf.documents);
    let bytes = |sum: u64, bytes: u64| sum + bytes;
    let found = kept.iter().map(|k| k.bytes).fold(0, bytes) + documents.iter().map(|d| d.1).fold(0, bytes);
    shelf.space.correct(before, found);
    trim_documents(shelf, documents);
    if shelf.space.shortage() > 0 {
        kept.retain(|kept| !pins::is_pinned(&kept.map));
        kept.sort_by_key(|kept| kept.used_at);
        let open = put_out_whole(shelf, kept);
        put_out_extents(shelf, &open);
    }
    shelf.space.tell_room();
}

/// Every object below `folder`, and a sweep of what died half-made.
pub(super) fn survey(folder: &Path) -> Vec<Kept> {
    let mut kept = Vec::new();
    for path in files_below(folder) {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("map") => {
                let data = path.with_extension("data");
                let data_bytes = fs::metadata(&data).map_or(0, |data| data.blocks() * 512);
                kept.push(Kept {
                    data,
                    bytes: metadata.blocks() * 512 + data_bytes,
                    used_at: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    map: path,
                });
            }
            Some("data" | pins::EXTENSION) if path.with_extension("map").exists() => {}
            _ => sweep(&path, &metadata),
        }
    }
    kept
}

/// Removes a file that nothing belongs to any more, once it is old enough to be sure of it.
fn sweep(path: &Path, metadata: &fs::Metadata) {
    let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
    if age.is_some_and(|age| age > STALE) {
        let _ = fs::remove_file(path);
    }
}

/// The files in the folders of `folder`.
fn files_below(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let list = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    list(folder).flat_map(move |path| list(&path).collect::<Vec<_>>())
}

/// Unlinks objects, oldest first, until there is room. Gives back those that are open somewhere.
fn put_out_whole(shelf: &Shelf, kept: Vec<Kept>) -> Vec<Kept> {
    let mut open = Vec::new();
    for kept in kept {
        if shelf.space.shortage() == 0 {
            break;
        }
        match unlink(&kept) {
            Ok(true) => put_out(shelf, kept.bytes),
            Ok(false) => open.push(kept),
            Err(error) => tracing::debug!(path = %kept.map.display(), %error, "not put out"),
        }
    }
    open
}

fn put_out(shelf: &Shelf, bytes: u64) {
    shelf.space.give_back(bytes);
    shelf.space.report.counters.evicted_bytes.add(bytes);
}

/// Unlinks an object nobody has open. First its map no longer says that anything is here, should we die in the
/// midst; then the data goes: while the map stands, nobody can begin anew.
pub(super) fn unlink(kept: &Kept) -> io::Result<bool> {
    let map = OpenOptions::new().read(true).write(true).open(&kept.map)?;
    if rustix::fs::flock(&map, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(false);
    }
    map.set_len(0)?;
    match fs::remove_file(&kept.data) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A pin that is left behind would pin whatever comes here next.
    let _ = fs::remove_file(kept.map.with_extension(pins::EXTENSION));
    fs::remove_file(&kept.map)?;
    Ok(true)
}

/// Punches extents out of open objects, least recently used first, until there is room.
fn put_out_extents(shelf: &Shelf, open: &[Kept]) {
    let ours = shelf.open_objects();
    let mut extents: Vec<OpenExtent> = open
        .iter()
        .enumerate()
        .flat_map(|(at, kept)| extents_of(at, kept, &ours).unwrap_or_default())
        .collect();
    extents.sort_by_key(|extent| (extent.used, extent.kept, extent.extent));
    for extent in extents {
        if shelf.space.shortage() == 0 {
            return;
        }
        match punch(&open[extent.kept], extent.extent) {
            Ok(true) => put_out(shelf, extent.bytes),
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(path = %open[extent.kept].data.display(), %error, "not punched");
            }
        }
    }
}

fn extents_of(
    at: usize,
    kept: &Kept,
    ours: &HashMap<PathBuf, Arc<CachedObject>>,
) -> io::Result<Vec<OpenExtent>> {
    let Some((map, size)) = open_map(kept)? else { return Ok(Vec::new()) };
    let uses = ours.get(&kept.map).map(|object| object.uses()).unwrap_or_default();
    let extents = object::extents(&map, size)?.into_iter().map(|(extent, bytes)| {
        let used = uses.get(&extent).copied().unwrap_or(0);
        OpenExtent { used, kept: at, extent, bytes }
    });
    Ok(extents.collect())
}

fn open_map(kept: &Kept) -> io::Result<Option<(BlockMap, u64)>> {
    let file = OpenOptions::new().read(true).write(true).open(&kept.map)?;
    let Some(description) = map::description(&file)? else { return Ok(None) };
    Ok(BlockMap::open(file, &description)?.map(|map| (map, description.size)))
}

/// Puts one extent out, unless the file is lent to the kernel by whomever.
fn punch(kept: &Kept, extent: u64) -> io::Result<bool> {
    let data = OpenOptions::new().read(true).write(true).open(&kept.data)?;
    if rustix::fs::flock(&data, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(false);
    }
    let Some((map, size)) = open_map(kept)? else { return Ok(false) };
    object::punch(&map, &data, size, extent)?;
    Ok(true)
}

/// Path, bytes and last use of each document.
pub(super) fn survey_documents(folder: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let measure = |path: PathBuf| {
        let metadata = File::open(&path).and_then(|file| file.metadata()).ok()?;
        let used_at = metadata.modified().ok()?;
        Some((path, metadata.blocks() * 512, used_at))
    };
    files_below(folder).filter_map(measure).collect()
}

/// Documents have a share of the cache of their own: oldest go first.
fn trim_documents(shelf: &Shelf, mut documents: Vec<(PathBuf, u64, SystemTime)>) {
    let most = shelf.space.limit() / super::documents::SHARE;
    let mut sum: u64 = documents.iter().map(|(_, bytes, _)| bytes).sum();
    documents.sort_by_key(|(_, _, used_at)| *used_at);
    for (path, bytes, _) in documents {
        if sum <= most {
            return;
        }
        if fs::remove_file(&path).is_ok() {
            sum -= bytes;
            put_out(shelf, bytes);
        }
    }
}
