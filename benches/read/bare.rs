//! The least that a FUSE server can do: one local file, read and handed on. What an ordinary user's mount can reach on
//! this machine and kernel, whoever wrote it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Once, OnceLock};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Result;
use fuser::{
    BackgroundSession, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    LockOwner, MountOption, Notifier, OpenFlags, ReplyAttr, ReplyData, ReplyEntry, ReplyOpen, Request,
};

/// The name of the file below the mount.
pub const NAME: &str = "file";
const FILE: INodeNo = INodeNo(2);
/// Names and attributes hold for the whole benchmark.
const LONG: Duration = Duration::from_secs(86_400);
/// What is pushed at a time; larger pieces are slower.
const PUSHED: usize = 1 << 20;
/// What the reader has for himself before the first push.
const LEAD: u64 = 4 << 20;

/// How the kernel comes by the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It asks for them.
    Asked,
    /// They are pushed into its page cache ahead of the first reader (FUSE_NOTIFY_STORE).
    Pushed,
}

/// Mounts `file` at `point` until it is dropped.
///
/// # Errors
/// The file cannot be opened, or nothing can be mounted there.
pub fn mount(file: &Path, point: &Path, way: Way) -> Result<BackgroundSession> {
    let file = Arc::new(File::open(file)?);
    let notifier = Arc::new(OnceLock::new());
    let bare =
        Bare { size: file.metadata()?.len(), file, way, notifier: notifier.clone(), push: Once::new() };
    let mut config = fuser::Config::default();
    config.mount_options = vec![MountOption::RO];
    config.n_threads = Some(2);
    let session = fuser::spawn_mount(bare, point, &config)?;
    let _ = notifier.set(session.notifier());
    Ok(session)
}

struct Bare {
    file: Arc<File>,
    size: u64,
    way: Way,
    notifier: Arc<OnceLock<Notifier>>,
    push: Once,
}

impl Bare {
    fn attributes(&self, ino: INodeNo) -> FileAttr {
        let (kind, perm, size) = if ino == FILE {
            (FileType::RegularFile, 0o444, self.size)
        } else {
            (FileType::Directory, 0o755, 0)
        };
        let [atime, mtime, ctime, crtime] = [UNIX_EPOCH; 4];
        let (blocks, nlink, uid, gid, rdev, flags, blksize) = (0, 1, 0, 0, 0, 0, 4096);
        FileAttr {
            ino,
            size,
            blocks,
            atime,
            mtime,
            ctime,
            crtime,
            kind,
            perm,
            nlink,
            uid,
            gid,
            rdev,
            flags,
            blksize,
        }
    }

    /// Pushes all of the file but its head, on a thread of its own: the kernel may wait for a page that is being read.
    fn push_ahead(&self) {
        let (file, size, notifier) = (self.file.clone(), self.size, self.notifier.clone());
        thread::spawn(move || {
            let Some(notifier) = notifier.get() else { return };
            let mut bytes = vec![0; PUSHED];
            for at in (LEAD..size).step_by(PUSHED) {
                let length = (size - at).min(PUSHED as u64) as usize;
                let read = file.read_exact_at(&mut bytes[..length], at);
                if read.and_then(|()| notifier.store(FILE, at, &bytes[..length])).is_err() {
                    return;
                }
            }
        });
    }
}

impl Filesystem for Bare {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name == NAME {
            true => reply.entry(&LONG, &self.attributes(FILE), Generation(0)),
            false => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&LONG, &self.attributes(ino));
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        if self.way == Way::Pushed {
            self.push.call_once(|| self.push_ahead());
        }
        let mut bytes = vec![0; self.size.saturating_sub(offset).min(u64::from(length)) as usize];
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => reply.data(&bytes),
            Err(_) => reply.error(Errno::EIO),
        }
    }
}
