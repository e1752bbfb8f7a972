//! Open directories: streams of entries with plain cookies.
//!
//! A cookie is the number of entries passed: 1 after `.`, 2 after `..`, then the place in the listing and
//! three. The listing is append-only, so any cookie ever given can be sought to. What is known goes out at
//! once; only a reply that would be empty waits, for the first missing entry and no more. A page that fails is
//! an error of the call that reaches it, after all that was known before it.

use std::ffi::OsStr;
use std::sync::Arc;

use fuser::{
    Errno, FileHandle, FopenFlags, INodeNo, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyOpen,
};

use super::attributes::{self, file_type, shown};
use super::deadline::Asked;
use super::inodes::{Inode, kind_of};
use super::names::GENERATION;
use super::reply::Refuse;
use super::service::Service;
use crate::tree::{Entry, EntryKind, Listing, Node};

/// Entries asked of the listing at a time. fuser does not say how many fit a reply; 32 KiB hold about 250
/// with attributes.
const BATCH: usize = 256;

/// `.` and `..`, which the listing does not have.
const DOTS: usize = 2;

/// One open directory: a snapshot of its listing.
pub(super) struct OpenDirectory {
    inode: Arc<Inode>,
    listing: Arc<dyn Listing>,
}

/// A directory reply that is being filled.
pub(super) trait Page: Refuse {
    /// Adds `.` or `..`.
    fn dot(&mut self, service: &Service, name: &str, number: u64, cookie: u64) -> bool;
    /// Adds an entry; false where it no longer fits.
    fn entry(&mut self, service: &Service, parent: &Arc<Inode>, entry: &Entry, cookie: u64) -> bool;
    /// Sends what was added.
    fn send(self);
}

impl Page for ReplyDirectory {
    fn dot(&mut self, _: &Service, name: &str, number: u64, cookie: u64) -> bool {
        !self.add(INodeNo(number), cookie, file_type(EntryKind::Directory), name)
    }

    fn entry(&mut self, service: &Service, parent: &Arc<Inode>, entry: &Entry, cookie: u64) -> bool {
        let number = service.inodes.number(parent, entry);
        !self.add(INodeNo(number), cookie, file_type(kind_of(&entry.node)), &entry.name)
    }

    fn send(self) {
        self.ok();
    }
}

impl Page for ReplyDirectoryPlus {
    fn dot(&mut self, service: &Service, name: &str, number: u64, cookie: u64) -> bool {
        let attr = attributes::dot(number, service.owner);
        !self.add(INodeNo(number), cookie, name, &attr.lifetime, &attr.attr, GENERATION)
    }

    fn entry(&mut self, service: &Service, parent: &Arc<Inode>, entry: &Entry, cookie: u64) -> bool {
        let inode = service.inodes.remember(parent, entry);
        let shown = shown(&inode, kind_of(&entry.node), &attributes::known(&entry.node), service.owner);
        // There is one lifetime for name and attributes here.
        let lifetime = entry.lifetime.min(shown.lifetime);
        let full = self.add(
            INodeNo(inode.number),
            cookie,
            OsStr::new(&entry.name),
            &lifetime,
            &shown.attr,
            GENERATION,
        );
        if full {
            // The kernel never hears of it.
            service.inodes.forget(inode.number, 1);
        }
        !full
    }

    fn send(self) {
        self.ok();
    }
}

impl Service {
    /// Opens a directory: takes its listing, which asks nobody.
    pub fn opendir(&self, number: u64, reply: ReplyOpen) {
        let Some(inode) = self.inodes.get(number) else { return reply.error(Errno::ESTALE) };
        let Node::Directory(directory) = inode.node() else { return reply.error(Errno::ENOTDIR) };
        let handle = self.directories.open(OpenDirectory { inode, listing: directory.list() });
        self.report.counters.open_directories.add(1);
        reply.opened(handle, FopenFlags::empty());
    }

    /// Closes a directory.
    pub fn releasedir(&self, handle: FileHandle, reply: ReplyEmpty) {
        if self.directories.release(handle).is_some() {
            self.report.counters.open_directories.sub(1);
        }
        reply.ok();
    }

    /// Answers a readdir of either kind from the place a cookie names.
    pub fn read_directory<P: Page>(self: &Arc<Service>, handle: FileHandle, cookie: u64, page: P) {
        let Some(open) = self.directories.get(handle) else { return page.refuse(libc::EBADF) };
        let Ok(passed) = usize::try_from(cookie) else { return page.refuse(libc::EINVAL) };
        let at = passed.saturating_sub(DOTS);
        match open.listing.read_known(at, BATCH) {
            Some(first) => self.fill(&open, passed, first, page),
            None => {
                let path = open.inode.path();
                let (service, listing) = (self.clone(), open.listing.clone());
                let answer = move |page, first| service.fill(&open, passed, first, page);
                self.ask(Asked::Readdir, path, page, move || listing.read(at, BATCH), answer);
            }
        }
    }

    /// Fills a reply with the dots that are due, `entries`, and all that is known after these.
    fn fill<P: Page>(&self, open: &OpenDirectory, passed: usize, mut entries: Vec<Entry>, mut page: P) {
        let dots = [(".", open.inode.number), ("..", open.inode.parent_number())];
        for (place, (name, number)) in dots.iter().enumerate().skip(passed) {
            if !page.dot(self, name, *number, place as u64 + 1) {
                return page.send();
            }
        }
        let mut place = passed.max(DOTS);
        while !entries.is_empty() {
            for entry in &entries {
                if !page.entry(self, &open.inode, entry, place as u64 + 1) {
                    return page.send();
                }
                place += 1;
            }
            entries = open.listing.read_known(place - DOTS, BATCH).unwrap_or_default();
        }
        page.send();
    }
}
