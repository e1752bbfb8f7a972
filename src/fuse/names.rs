//! Names and attributes: lookup and getattr.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use fuser::{Errno, FileAttr, Generation, INodeNo, ReplyAttr, ReplyEntry};

use super::attributes::{self, shown};
use super::deadline::Asked;
use super::inodes::{Inode, kind_of};
use super::service::Service;
use crate::report::lock;
use crate::tree::{Attributes, EntryKind, Error, File, Found, Node};

/// The longest name: a segment of the path language. What is listed stays within 255.
const LONGEST_NAME: usize = 1024;

/// Inode numbers are not used again, so one generation does.
pub(super) const GENERATION: Generation = Generation(0);

impl Service {
    /// Answers a lookup: at once where the name is known, else through a worker.
    pub fn lookup(self: &Arc<Service>, parent: u64, name: &OsStr, reply: ReplyEntry) {
        if name.len() > LONGEST_NAME {
            return reply.error(Errno::ENAMETOOLONG);
        }
        let Some(parent) = self.inodes.get(parent) else { return reply.error(Errno::ESTALE) };
        let Node::Directory(directory) = parent.node() else { return reply.error(Errno::ENOTDIR) };
        match directory.find_known(name) {
            Some(Ok(found)) => self.answer_lookup(&parent, found, reply),
            Some(Err(error)) => self.refuse_lookup(&parent, name, &error, reply),
            None => {
                let path = parent.path_of(name);
                let (service, name) = (self.clone(), OsString::from(name));
                let answer = move |reply, found| service.answer_lookup(&parent, found, reply);
                self.ask(Asked::Lookup, path, reply, move || directory.find(&name), answer);
            }
        }
    }

    fn answer_lookup(&self, parent: &Arc<Inode>, found: Found, reply: ReplyEntry) {
        match found {
            Found::Entry(entry) => {
                let inode = self.inodes.remember(parent, &entry);
                let shown = shown(&inode, kind_of(&entry.node), &attributes::known(&entry.node), self.owner);
                reply.entry_with_ttls(&shown.lifetime, &entry.lifetime, &shown.attr, GENERATION);
            }
            // The kernel keeps an entry of inode 0 as "no such name", which ENOENT would not let it.
            Found::Absent(lifetime) if !lifetime.is_zero() => {
                reply.entry(&lifetime, &absent(), GENERATION);
            }
            Found::Absent(_) => reply.error(Errno::ENOENT),
        }
    }

    fn refuse_lookup(&self, parent: &Inode, name: &OsStr, error: &Error, reply: ReplyEntry) {
        self.report.error(&parent.path_of(name), error.errno(), &error.to_string());
        reply.error(Errno::from_i32(error.errno()));
    }

    /// Answers getattr. A size that must be asked for is asked for by a worker, unless somebody reads the file
    /// and so knows it.
    pub fn getattr(self: &Arc<Service>, number: u64, reply: ReplyAttr) {
        let Some(inode) = self.inodes.get(number) else { return reply.error(Errno::ESTALE) };
        let node = inode.node();
        let known = attributes::known(&node);
        match node {
            Node::File(file) if known.size.is_none() && lock(&inode.opens).reading().is_none() => {
                self.resolve(inode, file, reply);
            }
            node => self.answer_getattr(&inode, kind_of(&node), &known, reply),
        }
    }

    fn resolve(self: &Arc<Service>, inode: Arc<Inode>, file: Arc<dyn File>, reply: ReplyAttr) {
        let path = inode.path();
        let service = self.clone();
        let answer = move |reply, resolved: Attributes| {
            service.answer_getattr(&inode, EntryKind::File, &resolved, reply);
        };
        self.ask(Asked::Stat, path, reply, move || file.resolve(), answer);
    }

    fn answer_getattr(&self, inode: &Inode, kind: EntryKind, attributes: &Attributes, reply: ReplyAttr) {
        let shown = shown(inode, kind, attributes, self.owner);
        reply.attr(&shown.lifetime, &shown.attr);
    }
}

/// The attributes of nothing: on the wire only the inode number 0 counts.
fn absent() -> FileAttr {
    FileAttr {
        ino: INodeNo(0),
        size: 0,
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: attributes::file_type(EntryKind::File),
        perm: 0,
        nlink: 0,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 0,
        flags: 0,
    }
}
