//! Inode numbers, and what the kernel remembers by them.
//!
//! A number is a function of what it names: 63 bits of the SHA-256 of parent, kind and name, or of an object's
//! key and generation. So a file keeps its number when the kernel forgets it and looks it up again, and even
//! from mount to mount (backup programs that compare inode numbers do not read an archive anew), and a plain
//! readdir can tell numbers without remembering anything. Two names whose hashes meet do not meet here: the
//! second to come is hashed again. A number is never given to another thing while the kernel knows it.
//!
//! The table holds what the kernel holds: each answer that names an inode counts as one lookup, `forget` takes
//! them back, and at zero the record goes. That bounds its memory by the kernel's own.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use super::opens::Opens;
use crate::report::{Report, lock};
use crate::tree::{Directory, Entry, EntryKind, Identity, Node};

/// The root's number, fixed by the kernel.
const ROOT: u64 = 1;

/// Numbers stay below this, so that programs which keep them in signed integers see what they expect.
const NUMBERS: u64 = 1 << 63;

/// One thing that the kernel knows by a number.
pub(super) struct Inode {
    /// What stat shows as `st_ino`.
    pub number: u64,
    /// How its file is open now; what is known of its size.
    pub opens: Mutex<Opens<fuser::BackingId>>,
    /// Where it was first found; the root has no parent. Kept alive by its children, for their paths.
    parent: Option<Arc<Inode>>,
    name: OsString,
    identity: Identity,
    kind: EntryKind,
    /// The newest node found under this identity.
    node: Mutex<Node>,
}

impl Inode {
    /// What it stands for.
    pub fn node(&self) -> Node {
        lock(&self.node).clone()
    }

    /// The number `..` has in it.
    pub fn parent_number(&self) -> u64 {
        self.parent.as_ref().map_or(ROOT, |parent| parent.number)
    }

    /// Its path below the mount point, as it was first reached; for people.
    pub fn path(&self) -> String {
        let mut names = vec![self.name.to_string_lossy()];
        let mut above = self.parent.as_deref();
        while let Some(inode) = above {
            names.push(inode.name.to_string_lossy());
            above = inode.parent.as_deref();
        }
        names.reverse();
        names.join("/").trim_start_matches('/').to_owned()
    }

    /// The path of a name in it; for people.
    pub fn path_of(&self, name: &OsStr) -> String {
        let mut path = self.path();
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&name.to_string_lossy());
        path
    }

    /// Whether this is the inode of `entry` found in `parent`.
    fn stands_for(&self, parent: &Inode, entry: &Entry) -> bool {
        let kind = kind_of(&entry.node);
        if self.kind != kind {
            return false;
        }
        match identity_of(entry) {
            Identity::Path => {
                self.identity == Identity::Path
                    && self.parent_number() == parent.number
                    && self.name == entry.name
            }
            object => self.identity == object,
        }
    }
}

/// All inodes that the kernel knows.
pub(super) struct Inodes {
    records: Mutex<HashMap<u64, Record>>,
    report: Arc<Report>,
}

struct Record {
    inode: Arc<Inode>,
    /// How often an answer named it, less what was forgotten.
    lookups: u64,
}

impl Inodes {
    /// A table that knows the root.
    pub fn new(root: Arc<dyn Directory>, report: Arc<Report>) -> Inodes {
        let inode = Arc::new(Inode {
            number: ROOT,
            opens: Mutex::default(),
            parent: None,
            name: OsString::new(),
            identity: Identity::Path,
            kind: EntryKind::Directory,
            node: Mutex::new(Node::Directory(root)),
        });
        Inodes { records: Mutex::new(HashMap::from([(ROOT, Record { inode, lookups: 1 })])), report }
    }

    /// The inode of a number that the kernel sent.
    pub fn get(&self, number: u64) -> Option<Arc<Inode>> {
        lock(&self.records).get(&number).map(|record| record.inode.clone())
    }

    /// The inode of an entry, for an answer that the kernel counts as a lookup.
    pub fn remember(&self, parent: &Arc<Inode>, entry: &Entry) -> Arc<Inode> {
        let mut records = lock(&self.records);
        let mut attempt = 0;
        loop {
            let number = number_of(parent, entry, attempt);
            match records.entry(number) {
                Slot::Occupied(mut slot) => {
                    let record = slot.get_mut();
                    if record.inode.stands_for(parent, entry) {
                        record.lookups += 1;
                        *lock(&record.inode.node) = entry.node.clone();
                        return record.inode.clone();
                    }
                    attempt += 1;
                }
                Slot::Vacant(slot) => {
                    let inode = Arc::new(Inode {
                        number,
                        opens: Mutex::default(),
                        parent: Some(parent.clone()),
                        name: entry.name.clone(),
                        identity: identity_of(entry),
                        kind: kind_of(&entry.node),
                        node: Mutex::new(entry.node.clone()),
                    });
                    slot.insert(Record { inode: inode.clone(), lookups: 1 });
                    self.report.counters.inodes.add(1);
                    return inode;
                }
            }
        }
    }

    /// The number an entry has or will have, for an answer that is not counted.
    pub fn number(&self, parent: &Inode, entry: &Entry) -> u64 {
        number_of(parent, entry, 0)
    }

    /// Takes lookups back; at zero the inode goes.
    pub fn forget(&self, number: u64, lookups: u64) {
        if number == ROOT {
            return;
        }
        let mut records = lock(&self.records);
        if let Slot::Occupied(mut slot) = records.entry(number) {
            let left = slot.get().lookups.saturating_sub(lookups);
            slot.get_mut().lookups = left;
            if left == 0 {
                let gone = slot.remove();
                self.report.counters.inodes.sub(1);
                drop(records); // A node may free much: not under the table's lock.
                drop(gone);
            }
        }
    }
}

/// The kind of a node.
pub(super) fn kind_of(node: &Node) -> EntryKind {
    match node {
        Node::Directory(_) => EntryKind::Directory,
        Node::File(_) => EntryKind::File,
    }
}

/// Whom an inode is shared with. Directories never share one: two dentries of one directory inode make the
/// kernel move the first or answer ELOOP.
fn identity_of(entry: &Entry) -> Identity {
    match entry.node {
        Node::Directory(_) => Identity::Path,
        Node::File(_) => entry.identity.clone(),
    }
}

/// The number of an entry; `attempt` counts how often another inode had it already.
fn number_of(parent: &Inode, entry: &Entry, attempt: u64) -> u64 {
    let mut hash = Sha256::new();
    match identity_of(entry) {
        Identity::Path => {
            hash.update([kind_of(&entry.node) as u8]);
            hash.update(parent.number.to_le_bytes());
            hash.update(entry.name.as_bytes());
        }
        Identity::Object { key, generation } => {
            hash.update(b"object");
            hash.update(generation.to_le_bytes());
            hash.update(key.as_bytes());
        }
    }
    if attempt > 0 {
        hash.update(attempt.to_le_bytes());
    }
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    // 0 is "no such name" on the wire and 1 is the root.
    (u64::from_le_bytes(first) % NUMBERS).max(ROOT + 1)
}

#[cfg(test)]
#[path = "inodes/tests.rs"]
pub(super) mod tests;
