//! Open files and their bytes.

use std::sync::Arc;

use fuser::{
    BackingId, Errno, FileHandle, FopenFlags, OpenAccMode, OpenFlags, ReplyData, ReplyEmpty, ReplyOpen,
};

use super::budgets::paid_by;
use super::deadline::Asked;
use super::inodes::Inode;
use super::opens::{Mode, Snapshot};
use super::service::Service;
use crate::content::OpenFile;
use crate::report::{Allowance, lock};
use crate::tree::{Error, Node, Opened};

/// One open file.
pub(super) struct OpenedFile {
    inode: Arc<Inode>,
    bytes: Bytes,
    mode: Mode<BackingId>,
    /// Who pays for what is fetched to read it.
    allowance: Option<Arc<Allowance>>,
}

/// Where a handle's bytes come from; one version for its whole life.
enum Bytes {
    /// Made at the open.
    Snapshot(Snapshot),
    /// An object.
    Content(Arc<OpenFile>),
}

impl Service {
    /// Opens a file. Only a worker may: an open may ask the server whether the version still stands.
    /// `thread` is who asks.
    pub fn open(self: &Arc<Service>, thread: u32, number: u64, flags: OpenFlags, reply: ReplyOpen) {
        if flags.acc_mode() != OpenAccMode::O_RDONLY || flags.0 & libc::O_TRUNC != 0 {
            return reply.error(Errno::EROFS);
        }
        let Some(inode) = self.inodes.get(number) else { return reply.error(Errno::ESTALE) };
        let Node::File(file) = inode.node() else { return reply.error(Errno::EISDIR) };
        let path = inode.path();
        if self.crawlers.refuse(thread, &path, &self.report) {
            return reply.error(Errno::EACCES);
        }
        let passes_through = self.passes_through();
        let allowance = self.budgets.of(thread);
        let payer = allowance.clone();
        let work = move || {
            let opened = paid_by(payer.as_ref(), || file.open())?;
            if let Opened::Content(content) = &opened
                && passes_through
            {
                // The first call may read and check all of the file, so it belongs to the work that may take
                // its time; later calls know.
                content.backing_file_soon();
            }
            Ok(opened)
        };
        let service = self.clone();
        let answer = move |reply, opened| service.answer_open(inode, opened, allowance, reply);
        self.ask(Asked::Open, path, reply, work, answer);
    }

    fn answer_open(
        &self,
        inode: Arc<Inode>,
        opened: Opened,
        allowance: Option<Arc<Allowance>>,
        reply: ReplyOpen,
    ) {
        let (bytes, mode) = match opened {
            Opened::Live(bytes) => (Bytes::Snapshot(Snapshot::Memory(bytes)), Mode::Direct),
            Opened::Snapshot(bytes) => generated(&inode, Snapshot::Memory(bytes)),
            Opened::Spooled(file, size) => generated(&inode, Snapshot::Disk(file, size)),
            Opened::Content(file) => {
                let mode = lock(&inode.opens).object(file.size(), || self.backing(&file, &reply));
                (Bytes::Content(file), mode)
            }
        };
        self.report.counters.open_files.add(1);
        let (how, backing) = match &mode {
            Mode::Cached { kept: true } => (FopenFlags::FOPEN_KEEP_CACHE, None),
            Mode::Cached { kept: false } => (FopenFlags::empty(), None),
            Mode::Direct => (FopenFlags::FOPEN_DIRECT_IO, None),
            Mode::Passthrough(backing) => (FopenFlags::empty(), Some(backing.clone())),
        };
        // The kernel never asks for a flush at close, so a close never fails, not even after a crash.
        let flags = how | FopenFlags::FOPEN_NOFLUSH;
        let handle = self.files.open(OpenedFile { inode, bytes, mode, allowance });
        match backing {
            Some(backing) => {
                self.report.counters.passthrough_opens.add(1);
                reply.opened_passthrough(handle, flags, &backing);
            }
            None => reply.opened(handle, flags),
        }
    }

    /// Hands a wholly cached file to the kernel, where it takes it.
    fn backing(&self, file: &OpenFile, reply: &ReplyOpen) -> Option<BackingId> {
        if !self.passes_through() {
            return None;
        }
        match reply.open_backing(file.backing_file_soon()?) {
            Ok(backing) => Some(backing),
            Err(error) => {
                self.refuse_passthrough(&error.to_string());
                None
            }
        }
    }

    /// Closes a file.
    pub fn release(&self, handle: FileHandle, reply: ReplyEmpty) {
        if let Some(file) = self.files.release(handle) {
            lock(&file.inode.opens).close(&file.mode);
            self.report.counters.open_files.sub(1);
        }
        reply.ok();
    }

    /// Reads: at once what is here, else through a worker.
    pub fn read(&self, handle: FileHandle, offset: u64, length: usize, flags: OpenFlags, reply: ReplyData) {
        let Some(open) = self.files.get(handle) else { return reply.error(Errno::EBADF) };
        let file = match &open.bytes {
            Bytes::Snapshot(snapshot) => match snapshot.read(offset, length) {
                Ok(bytes) => {
                    self.report.counters.read_bytes.add(bytes.len() as u64);
                    return reply.data(&bytes);
                }
                Err(error) => {
                    let words = format!("the file it was made into cannot be read: {error}; open it again");
                    self.report.error(&open.inode.path(), libc::EIO, &words);
                    return reply.error(Errno::EIO);
                }
            },
            Bytes::Content(file) => file.clone(),
        };
        match paid_by(open.allowance.as_ref(), || file.read_cached(offset, length)) {
            Some(Ok(bytes)) => {
                self.report.counters.read_bytes.add(bytes.len() as u64);
                reply.data(&bytes);
            }
            Some(Err(error)) => {
                self.report.error(&open.inode.path(), error.errno(), &error.to_string());
                reply.error(Errno::from_i32(error.errno()));
            }
            // Nobody waits for it, and who wants these bytes after all asks for them again. Past the page cache
            // it is the program itself that reads.
            None if flags.0 & libc::O_DIRECT == 0 && file.is_read_ahead(offset, length) => {
                reply.error(Errno::EAGAIN);
            }
            None => {
                let path = open.inode.path();
                let payer = open.allowance.clone();
                let work = move || paid_by(payer.as_ref(), || file.read(offset, length)).map_err(Error::from);
                let report = self.report.clone();
                let answer = move |reply: ReplyData, bytes: Vec<u8>| {
                    report.counters.read_bytes.add(bytes.len() as u64);
                    reply.data(&bytes);
                };
                self.ask(Asked::Read, path, reply, work, answer);
            }
        }
    }
}

/// Opens a generated file.
fn generated(inode: &Inode, snapshot: Snapshot) -> (Bytes, Mode<BackingId>) {
    let mode = lock(&inode.opens).snapshot(&snapshot);
    (Bytes::Snapshot(snapshot), mode)
}
