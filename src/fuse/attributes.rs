//! What stat shows.

use std::time::{Duration, SystemTime};

use fuser::{FileAttr, FileType, INodeNo};

use super::inodes::Inode;
use crate::report::lock;
use crate::tree::{Attributes, EntryKind, Node};

/// Shown as `st_blksize` of directories: glibc makes its getdents buffer of it, and with 1 MiB a listing of
/// 100,000 names takes 5 calls rather than 124.
const DIRECTORY_BLOCK: u32 = 1 << 20;

/// The same of files: Python reads so much at a time, also of a file from which it wants the first line. glibc's
/// stdio takes no more than this, and whoever copies takes more of himself.
const FILE_BLOCK: u32 = 8192;

/// To whom everything belongs: the user who mounted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub uid: u32,
    pub gid: u32,
}

impl Owner {
    /// The user of this process.
    pub fn of_process() -> Owner {
        Owner { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
    }
}

/// Attributes as the kernel takes them, and how long it may keep them.
pub(super) struct Shown {
    pub attr: FileAttr,
    pub lifetime: Duration,
}

/// What a node says of itself without waiting.
pub(super) fn known(node: &Node) -> Attributes {
    match node {
        Node::Directory(directory) => directory.attributes(),
        Node::File(file) => file.attributes(),
    }
}

/// The kind of a node on the wire.
pub(super) fn file_type(kind: EntryKind) -> FileType {
    match kind {
        EntryKind::Directory => FileType::Directory,
        EntryKind::File => FileType::RegularFile,
    }
}

/// Attributes of an inode. A size that must still be asked for is shown as the last one known, else 0, with
/// lifetime 0, so that the kernel asks before a program sees it.
pub(super) fn shown(inode: &Inode, kind: EntryKind, attributes: &Attributes, owner: Owner) -> Shown {
    let size = match kind {
        EntryKind::Directory => Some(0),
        EntryKind::File => lock(&inode.opens).size(attributes.size),
    };
    let asked = kind == EntryKind::Directory || attributes.size.is_some();
    Shown {
        attr: attr(inode.number, kind, size.unwrap_or(0), attributes.modified.into(), owner),
        lifetime: if asked { attributes.lifetime } else { Duration::ZERO },
    }
}

fn attr(number: u64, kind: EntryKind, size: u64, modified: SystemTime, owner: Owner) -> FileAttr {
    // Nothing here can be written, as the mount table says; a copy shall be one that can, and be deleted.
    let (perm, blksize) = match kind {
        EntryKind::Directory => (0o755, DIRECTORY_BLOCK),
        EntryKind::File => (0o644, FILE_BLOCK),
    };
    FileAttr {
        ino: INodeNo(number),
        size,
        // With less, `tar -S` archives a hole instead of the bytes.
        blocks: size.div_ceil(512),
        atime: modified,
        mtime: modified,
        ctime: modified,
        crtime: modified,
        kind: file_type(kind),
        perm,
        // For directories this says "subdirectories not counted", as btrfs does; with 2, programs that trust
        // link counts take a directory for a leaf.
        nlink: 1,
        uid: owner.uid,
        gid: owner.gid,
        rdev: 0,
        blksize,
        flags: 0,
    }
}

/// Attributes of `.` and `..` in a listing with attributes: the kernel looks at the number and kind only.
pub(super) fn dot(number: u64, owner: Owner) -> Shown {
    let attr = attr(number, EntryKind::Directory, 0, SystemTime::UNIX_EPOCH, owner);
    Shown { attr, lifetime: Duration::ZERO }
}
