//! Extended attributes: `user.stac.*` from the tree, and a quick no to all others.
//!
//! `ls -l` asks every file for its SELinux context and its ACL. Told that this file system does not support
//! such attributes at all, it asks once and no more, which makes a long listing four times as fast.

use std::ffi::OsStr;

use fuser::{Errno, ReplyXattr};

use super::service::Service;
use crate::tree::Node;

/// The namespace of attributes there may be. Of `security`, `system` and `trusted` there are none, ever.
const NAMESPACE: &[u8] = b"user.";

/// What all our names begin with.
const PREFIX: &[u8] = b"user.stac.";

/// The longest value that Linux lets through, in bytes (`XATTR_SIZE_MAX`): an href may hold a whole picture.
const LONGEST: usize = 65_536;

impl Service {
    /// Answers getxattr.
    pub fn getxattr(&self, number: u64, name: &OsStr, room: u32, reply: ReplyXattr) {
        let bytes = name.as_encoded_bytes();
        if !bytes.starts_with(NAMESPACE) {
            return reply.error(Errno::EOPNOTSUPP);
        }
        if !bytes.starts_with(PREFIX) {
            return reply.error(Errno::ENODATA);
        }
        let Some(xattrs) = self.xattrs(number) else { return reply.error(Errno::ESTALE) };
        match xattrs.iter().find(|(known, _)| OsStr::new(known) == name) {
            Some((_, value)) => answer(value, room, reply),
            None => reply.error(Errno::ENODATA),
        }
    }

    /// Answers listxattr.
    pub fn listxattr(&self, number: u64, room: u32, reply: ReplyXattr) {
        let Some(xattrs) = self.xattrs(number) else { return reply.error(Errno::ESTALE) };
        let mut names = Vec::new();
        for (name, _) in xattrs {
            names.extend_from_slice(name.as_bytes());
            names.push(0);
        }
        answer(&names, room, reply);
    }

    fn xattrs(&self, number: u64) -> Option<Vec<(String, Vec<u8>)>> {
        let mut all = match self.inodes.get(number)?.node() {
            Node::Directory(directory) => directory.xattrs(),
            Node::File(file) => file.xattrs(),
        };
        all.retain(|(_, value)| value.len() <= LONGEST);
        Some(all)
    }
}

/// Answers with a value, or with its length where no room was given.
fn answer(value: &[u8], room: u32, reply: ReplyXattr) {
    match u32::try_from(value.len()) {
        Err(_) => reply.error(Errno::E2BIG),
        Ok(length) if room == 0 => reply.size(length),
        Ok(length) if length > room => reply.error(Errno::ERANGE),
        Ok(_) => reply.data(value),
    }
}
