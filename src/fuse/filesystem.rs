//! The one implementation of fuser's trait: each call goes to the [`Service`], guarded against panics.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, Filesystem, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr,
    Request, TimeOrNow, WriteFlags,
};

use super::service::Service;

/// What we ask of every kernel. Listed one by one: fuser 0.18 accepts bits it cannot honour.
const WANTED: [InitFlags; 3] =
    [InitFlags::FUSE_PARALLEL_DIROPS, InitFlags::FUSE_DO_READDIRPLUS, InitFlags::FUSE_READDIRPLUS_AUTO];

/// Background requests (read-ahead) the kernel keeps in flight; its default of 16 starves parallel readers.
const MAX_BACKGROUND: u16 = 64;

/// The longest name that is listed.
const NAME_MAX: u32 = 255;

/// The unit of `statfs`.
const STATFS_BLOCK: u32 = 4096;

/// fuser's view of a mount.
pub(super) struct Adapter(pub Arc<Service>);

impl Adapter {
    /// Asks for passthrough, which needs privileges, and says how it went.
    fn ask_passthrough(&self, config: &mut KernelConfig) {
        if !rustix::process::geteuid().is_root() {
            return self.0.refuse_passthrough("only root may hand files to the kernel");
        }
        if config.add_capabilities(InitFlags::FUSE_PASSTHROUGH).is_err() {
            return self.0.refuse_passthrough("this kernel does not offer it (it comes with Linux 6.9)");
        }
        if config.set_max_stack_depth(1).is_ok() {
            self.0.passthrough.store(true, Ordering::Relaxed);
            self.0.report.note("passthrough", "available: wholly cached files are read by the kernel itself");
        }
    }
}

impl Service {
    /// Says why files are served rather than passed through.
    pub fn refuse_passthrough(&self, why: &str) {
        self.passthrough.store(false, Ordering::Relaxed);
        self.report.note("passthrough", &format!("not available: {why}; files are served, at 2-3 GB/s"));
    }
}

impl Filesystem for Adapter {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        for flag in WANTED {
            // An old kernel goes without.
            let _ = config.add_capabilities(flag);
        }
        let _ = config.set_max_background(MAX_BACKGROUND);
        self.ask_passthrough(config);
        Ok(())
    }

    fn destroy(&mut self) {
        self.0.close();
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.0.guard("lookup", parent.0, || self.0.lookup(parent.0, name, reply));
    }

    fn forget(&self, _: &Request, ino: INodeNo, lookups: u64) {
        self.0.guard("forget", ino.0, || self.0.inodes.forget(ino.0, lookups));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        self.0.guard("stat", ino.0, || self.0.getattr(ino.0, reply));
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        self.0.guard("opendir", ino.0, || self.0.opendir(ino.0, reply));
    }

    fn readdir(&self, _: &Request, ino: INodeNo, handle: FileHandle, cookie: u64, reply: ReplyDirectory) {
        self.0.guard("readdir", ino.0, || self.0.read_directory(handle, cookie, reply));
    }

    fn readdirplus(
        &self,
        _: &Request,
        ino: INodeNo,
        handle: FileHandle,
        cookie: u64,
        reply: ReplyDirectoryPlus,
    ) {
        self.0.guard("readdir", ino.0, || self.0.read_directory(handle, cookie, reply));
    }

    fn releasedir(&self, _: &Request, ino: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.0.guard("closedir", ino.0, || self.0.releasedir(handle, reply));
    }

    fn open(&self, asks: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        self.0.guard("open", ino.0, || self.0.open(asks.pid(), ino.0, flags, reply));
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.0.guard("read", ino.0, || self.0.read(handle, offset, size as usize, flags, reply));
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.0.guard("close", ino.0, || self.0.release(handle, reply));
    }

    /// A close never fails.
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    /// From memory only: `df` must never hang. How much an archive holds is not known, so it says 0 as `/proc`
    /// does, and no monitor sees a full disk.
    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(0, 0, 0, 0, 0, STATFS_BLOCK, NAME_MAX, STATFS_BLOCK);
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        self.0.guard("getxattr", ino.0, || self.0.getxattr(ino.0, name, size, reply));
    }

    fn listxattr(&self, _: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        self.0.guard("listxattr", ino.0, || self.0.listxattr(ino.0, size, reply));
    }

    fn access(&self, _: &Request, _: INodeNo, mask: AccessFlags, reply: ReplyEmpty) {
        match mask.contains(AccessFlags::W_OK) {
            true => reply.error(Errno::EROFS),
            false => reply.ok(),
        }
    }

    /// ENOSYS once, and the kernel answers SEEK_DATA and SEEK_HOLE itself: all data, no holes.
    fn lseek(&self, _: &Request, _: INodeNo, _: FileHandle, _: i64, _: i32, reply: ReplyLseek) {
        reply.error(Errno::ENOSYS);
    }

    // What would change something. The kernel answers EROFS itself on a read-only mount; a remount as
    // read-write by root is answered here.

    fn setattr(
        &self,
        _: &Request,
        _: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        reply.error(Errno::EROFS);
    }

    fn mknod(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, _: u32, reply: ReplyEntry) {
        reply.error(Errno::EROFS);
    }

    fn mkdir(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        reply.error(Errno::EROFS);
    }

    fn unlink(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }

    fn rmdir(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }

    fn symlink(&self, _: &Request, _: INodeNo, _: &OsStr, _: &Path, reply: ReplyEntry) {
        reply.error(Errno::EROFS);
    }

    fn rename(
        &self,
        _: &Request,
        _: INodeNo,
        _: &OsStr,
        _: INodeNo,
        _: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        reply.error(Errno::EROFS);
    }

    fn link(&self, _: &Request, _: INodeNo, _: INodeNo, _: &OsStr, reply: ReplyEntry) {
        reply.error(Errno::EROFS);
    }

    fn create(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, _: u32, _: i32, reply: ReplyCreate) {
        reply.error(Errno::EROFS);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        _: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        reply.error(Errno::EROFS);
    }

    fn fallocate(&self, _: &Request, _: INodeNo, _: FileHandle, _: u64, _: u64, _: i32, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }

    fn copy_file_range(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        _: u64,
        _: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        reply.error(Errno::EROFS);
    }

    fn setxattr(&self, _: &Request, _: INodeNo, _: &OsStr, _: &[u8], _: i32, _: u32, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }

    fn removexattr(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::EROFS);
    }
}
