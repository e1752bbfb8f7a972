//! A disk that can fall ill: a folder, served as a file system by this process.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirEntryExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
    WriteFlags,
};
use rustix::fs::{CWD, FallocateFlags, OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use tempfile::TempDir;

/// How a disk is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// As it should be.
    Well,
    /// Reads of files whose names end so are EIO.
    Unreadable(&'static str),
    /// Writes end in this errno.
    Unwritable(i32),
    /// Every call is EIO.
    Gone,
}

/// A disk of its own, taken down when dropped. What is on it outlives no test.
pub struct Disk {
    folder: TempDir,
    condition: Arc<Mutex<Condition>>,
    _session: BackgroundSession,
}

impl Disk {
    /// A disk that is well, and empty.
    pub fn new() -> Disk {
        let folder = tempfile::Builder::new().prefix("stacfs-disk-").tempdir().unwrap();
        let (below, point) = (folder.path().join("below"), folder.path().join("disk"));
        fs::create_dir(&below).unwrap();
        fs::create_dir(&point).unwrap();
        let condition = Arc::new(Mutex::new(Condition::Well));
        let root = Arc::new(pinned(&below).unwrap());
        let served = Served {
            condition: condition.clone(),
            nodes: Mutex::new(HashMap::from([(INodeNo::ROOT.0, root)])),
            files: Mutex::default(),
            last: AtomicU64::new(0),
        };
        let session = fuser::spawn_mount(served, &point, &Config::default()).unwrap();
        Disk { folder, condition, _session: session }
    }

    /// Where it stands.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// From now on it is so.
    pub fn becomes(&self, condition: Condition) {
        *self.condition.lock().unwrap() = condition;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.becomes(Condition::Well);
        // A mount that has just gone may still close what it had open here.
        let _ = Command::new("fusermount3").arg("-uz").arg(self.path()).output();
    }
}

/// The calls of the kernel. It keeps nothing: what it asks for twice, it asks us twice.
struct Served {
    condition: Arc<Mutex<Condition>>,
    /// Every inode that was looked up, held so that its number is nobody else's.
    nodes: Mutex<HashMap<u64, Arc<File>>>,
    files: Mutex<HashMap<u64, Arc<File>>>,
    last: AtomicU64,
}

const NOTHING: Duration = Duration::ZERO;

/// Holds a file or folder without opening it.
fn pinned(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags((OFlags::PATH | OFlags::NOFOLLOW).bits() as i32).open(path)
}

/// The way to what a descriptor holds, also where it has no name any more.
fn way(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

impl Served {
    /// Every call but a close begins with this.
    fn node(&self, inode: INodeNo) -> io::Result<Arc<File>> {
        if *self.condition.lock().unwrap() == Condition::Gone {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        let nodes = self.nodes.lock().unwrap();
        nodes.get(&inode.0).cloned().ok_or_else(|| io::Error::from_raw_os_error(libc::ESTALE))
    }

    fn place(&self, parent: INodeNo, name: &OsStr) -> io::Result<PathBuf> {
        Ok(way(&*self.node(parent)?).join(name))
    }

    fn find(&self, path: &Path) -> io::Result<FileAttr> {
        let node = pinned(path)?;
        let attributes = attributes(&node.metadata()?);
        self.nodes.lock().unwrap().entry(attributes.ino.0).or_insert_with(|| Arc::new(node));
        Ok(attributes)
    }

    fn hold(&self, file: File) -> FileHandle {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        self.files.lock().unwrap().insert(number, Arc::new(file));
        FileHandle(number)
    }

    fn file(&self, handle: FileHandle) -> Arc<File> {
        self.files.lock().unwrap()[&handle.0].clone()
    }

    fn read_file(&self, inode: INodeNo, handle: FileHandle, offset: u64, size: u32) -> io::Result<Vec<u8>> {
        let name = fs::read_link(way(&*self.node(inode)?))?;
        let unreadable = match *self.condition.lock().unwrap() {
            Condition::Unreadable(ending) => name.as_os_str().as_encoded_bytes().ends_with(ending.as_bytes()),
            _ => false,
        };
        if unreadable {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        let mut bytes = vec![0; size as usize];
        let count = self.file(handle).read_at(&mut bytes, offset)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    fn write_file(&self, inode: INodeNo, handle: FileHandle, offset: u64, bytes: &[u8]) -> io::Result<u32> {
        self.node(inode)?;
        if let Condition::Unwritable(errno) = *self.condition.lock().unwrap() {
            return Err(io::Error::from_raw_os_error(errno));
        }
        self.file(handle).write_all_at(bytes, offset)?;
        Ok(bytes.len() as u32)
    }

    fn names(&self, inode: INodeNo) -> io::Result<Vec<fs::DirEntry>> {
        fs::read_dir(way(&*self.node(inode)?))?.collect()
    }
}

fn attributes(metadata: &fs::Metadata) -> FileAttr {
    let time = |seconds: i64, nanos: i64| UNIX_EPOCH + Duration::new(seconds as u64, nanos as u32);
    FileAttr {
        ino: INodeNo(metadata.ino()),
        size: metadata.size(),
        blocks: metadata.blocks(),
        atime: time(metadata.atime(), metadata.atime_nsec()),
        mtime: time(metadata.mtime(), metadata.mtime_nsec()),
        ctime: time(metadata.ctime(), metadata.ctime_nsec()),
        crtime: UNIX_EPOCH,
        kind: FileType::from_std(metadata.file_type()).unwrap(),
        perm: metadata.permissions().mode() as u16 & 0o7777,
        nlink: metadata.nlink() as u32,
        uid: metadata.uid(),
        gid: metadata.gid(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn timespec(time: Option<TimeOrNow>) -> Timespec {
    match time {
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        Some(TimeOrNow::Now) => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
        Some(TimeOrNow::SpecificTime(time)) => {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            Timespec { tv_sec: since.as_secs() as i64, tv_nsec: since.subsec_nanos().into() }
        }
    }
}

fn tried<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    call()
}

/// Answers with what came of a call: its value is handed to `$tell`, an error is an errno.
macro_rules! answer {
    ($reply:ident, $call:expr, |$value:pat_param| $tell:expr) => {
        match tried($call) {
            Ok($value) => $tell,
            Err(error) => $reply.error(error.into()),
        }
    };
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer!(reply, || self.find(&self.place(parent, name)?), |found| {
            reply.entry(&NOTHING, &found, Generation(0))
        });
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer!(reply, || Ok(attributes(&self.node(inode)?.metadata()?)), |found| reply
            .attr(&NOTHING, &found));
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        last_access: Option<TimeOrNow>,
        last_modification: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = || {
            let node = self.node(inode)?;
            if let Some(mode) = mode {
                fs::set_permissions(way(&node), fs::Permissions::from_mode(mode))?;
            }
            if let Some(size) = size {
                OpenOptions::new().write(true).open(way(&node))?.set_len(size)?;
            }
            let times = Timestamps {
                last_access: timespec(last_access),
                last_modification: timespec(last_modification),
            };
            rustix::fs::utimensat(CWD, way(&node), &times, rustix::fs::AtFlags::empty())?;
            Ok(attributes(&node.metadata()?))
        };
        answer!(reply, set, |found| reply.attr(&NOTHING, &found));
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        let make = || {
            let path = self.place(parent, name)?;
            fs::create_dir(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o7777))?;
            self.find(&path)
        };
        answer!(reply, make, |found| reply.entry(&NOTHING, &found, Generation(0)));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, || fs::remove_file(self.place(parent, name)?), |()| reply.ok());
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, || fs::remove_dir(self.place(parent, name)?), |()| reply.ok());
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let flags = rustix::fs::RenameFlags::from_bits_retain(flags.bits());
        let rename = || {
            let (from, to) = (self.place(parent, name)?, self.place(new_parent, new_name)?);
            Ok(rustix::fs::renameat_with(CWD, from, CWD, to, flags)?)
        };
        answer!(reply, rename, |()| reply.ok());
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let create = || {
            let path = self.place(parent, name)?;
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(mode);
            let file = options.custom_flags(flags & libc::O_EXCL).open(&path)?;
            Ok((self.find(&path)?, self.hold(file)))
        };
        answer!(reply, create, |(found, handle)| {
            reply.created(&NOTHING, &found, Generation(0), handle, FopenFlags::FOPEN_DIRECT_IO)
        });
    }

    fn open(&self, _: &Request, inode: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let open = || OpenOptions::new().read(true).write(true).open(way(&*self.node(inode)?));
        answer!(reply, open, |file| reply.opened(self.hold(file), FopenFlags::FOPEN_DIRECT_IO));
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        answer!(reply, || self.read_file(inode, handle, offset, size), |bytes| reply.data(&bytes));
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        handle: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        answer!(reply, || self.write_file(inode, handle, offset, bytes), |count| reply.written(count));
    }

    fn fallocate(
        &self,
        _: &Request,
        inode: INodeNo,
        handle: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let mode = FallocateFlags::from_bits_retain(mode as u32);
        let allocate = || {
            self.node(inode)?;
            Ok(rustix::fs::fallocate(&*self.file(handle), mode, offset, length)?)
        };
        answer!(reply, allocate, |()| reply.ok());
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.files.lock().unwrap().remove(&handle.0);
        reply.ok();
    }

    fn readdir(&self, _: &Request, inode: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        answer!(reply, || self.names(inode), |names| {
            for (at, name) in (1..).zip(names).skip(offset as usize) {
                let kind = FileType::from_std(name.file_type().unwrap()).unwrap();
                if reply.add(INodeNo(name.ino()), at, kind, name.file_name()) {
                    break;
                }
            }
            reply.ok()
        });
    }

    fn statfs(&self, _: &Request, inode: INodeNo, reply: ReplyStatfs) {
        answer!(reply, || Ok(rustix::fs::statvfs(way(&*self.node(inode)?))?), |found| reply.statfs(
            found.f_blocks,
            found.f_bfree,
            found.f_bavail,
            found.f_files,
            found.f_ffree,
            found.f_bsize as u32,
            found.f_namemax as u32,
            found.f_frsize as u32,
        ));
    }
}
