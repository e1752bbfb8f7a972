//! How one inode is open, and which size that makes it show.
//!
//! Two rules of the kernel meet here. A passthrough open and an open through the page cache must not stand on
//! one inode at a time: the kernel answers the second with EIO (Linux 6.9, fs/fuse/iomode.c). And the page
//! cache and the size belong to the inode, not to the handle: two different snapshots of a generated file must
//! not meet in it.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Weak};

/// The bytes of a generated file, as they were when it was opened.
#[derive(Debug, Clone)]
pub(super) enum Snapshot {
    /// In memory.
    Memory(Arc<[u8]>),
    /// On local disk, of this size.
    Disk(Arc<File>, u64),
}

impl Snapshot {
    fn size(&self) -> u64 {
        match self {
            Snapshot::Memory(bytes) => bytes.len() as u64,
            Snapshot::Disk(_, size) => *size,
        }
    }

    /// Up to `length` bytes from `offset`; fewer at the end.
    pub fn read(&self, offset: u64, length: usize) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Snapshot::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let end = start.saturating_add(length).min(bytes.len());
                Ok(Cow::Borrowed(&bytes[start..end]))
            }
            Snapshot::Disk(file, size) => {
                let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
                let mut bytes = vec![0; length.min(left)];
                file.read_exact_at(&mut bytes, offset)?;
                Ok(Cow::Owned(bytes))
            }
        }
    }

    fn seen(&self) -> Seen {
        match self {
            Snapshot::Memory(bytes) => Seen::Memory(Arc::downgrade(bytes)),
            Snapshot::Disk(file, _) => Seen::Disk(Arc::downgrade(file)),
        }
    }
}

/// A snapshot that went through the page cache, as long as somebody else keeps it.
#[derive(Debug)]
enum Seen {
    Memory(Weak<[u8]>),
    Disk(Weak<File>),
}

impl Seen {
    /// Whether these are the same bytes.
    fn is(&self, snapshot: &Snapshot) -> bool {
        match (self, snapshot) {
            (Seen::Memory(seen), Snapshot::Memory(bytes)) => {
                seen.upgrade().is_some_and(|seen| Arc::ptr_eq(&seen, bytes) || seen == *bytes)
            }
            (Seen::Disk(seen), Snapshot::Disk(file, _)) => {
                seen.upgrade().is_some_and(|seen| Arc::ptr_eq(&seen, file))
            }
            _ => false,
        }
    }
}

/// How a handle reads.
#[derive(Debug)]
pub(super) enum Mode<B> {
    /// Through the kernel's page cache; `kept`: what the cache holds from earlier is still right.
    Cached {
        /// Whether the kernel may keep the pages it has.
        kept: bool,
    },
    /// Past the page cache.
    Direct,
    /// From the backing file, without us.
    Passthrough(Arc<B>),
}

/// The open handles of one inode. `B` is the kernel's name of a backing file.
#[derive(Debug)]
pub(super) struct Opens<B> {
    /// Handles that read through the page cache.
    cached: usize,
    /// The last snapshot that went through the page cache.
    snapshot: Option<Seen>,
    /// Alive while a passthrough handle is open.
    backing: Weak<B>,
    /// The last size that was known.
    size: Option<u64>,
}

impl<B> Default for Opens<B> {
    fn default() -> Opens<B> {
        Opens { cached: 0, snapshot: None, backing: Weak::new(), size: None }
    }
}

impl<B> Opens<B> {
    /// The size to show where the tree says `known`. While a handle reads through the page cache, the size is
    /// that of what it reads; a known size is never taken back, since the kernel would cut off cached pages.
    pub fn size(&mut self, known: Option<u64>) -> Option<u64> {
        if self.cached == 0 || self.size.is_none() {
            self.size = known.or(self.size);
        }
        self.size
    }

    /// The size of what is read through the page cache now: what the tree says does not change it.
    pub fn reading(&self) -> Option<u64> {
        self.size.filter(|_| self.cached > 0)
    }

    /// Opens a snapshot of a generated file.
    pub fn snapshot(&mut self, snapshot: &Snapshot) -> Mode<B> {
        let same = self.snapshot.as_ref().is_some_and(|seen| seen.is(snapshot));
        if self.cached > 0 && !same {
            return Mode::Direct;
        }
        self.cached += 1;
        self.snapshot = Some(snapshot.seen());
        self.size = Some(snapshot.size());
        Mode::Cached { kept: same }
    }

    /// Opens a version of an object. `backing` makes a backing file of it, where that can be had.
    pub fn object(&mut self, size: u64, backing: impl FnOnce() -> Option<B>) -> Mode<B> {
        self.size = Some(size);
        if let Some(backing) = self.backing.upgrade() {
            return Mode::Passthrough(backing);
        }
        if self.cached == 0
            && let Some(backing) = backing()
        {
            let backing = Arc::new(backing);
            self.backing = Arc::downgrade(&backing);
            return Mode::Passthrough(backing);
        }
        self.cached += 1;
        // The inode stands for one version, so whatever the kernel has of it is right.
        Mode::Cached { kept: true }
    }

    /// Closes a handle.
    pub fn close(&mut self, mode: &Mode<B>) {
        if let Mode::Cached { .. } = mode {
            self.cached = self.cached.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Snapshot {
        Snapshot::Memory(Arc::from(text.as_bytes()))
    }

    fn spooled(text: &str) -> Snapshot {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(text.as_bytes(), 0).unwrap();
        Snapshot::Disk(Arc::new(file), text.len() as u64)
    }

    #[test]
    fn a_read_stays_inside() {
        for snapshot in [bytes("0123456789"), spooled("0123456789")] {
            let read = |offset, length| snapshot.read(offset, length).unwrap().into_owned();
            assert_eq!(read(0, 4), b"0123");
            assert_eq!(read(8, 4), b"89");
            assert_eq!(read(10, 1), b"");
            assert_eq!(read(u64::MAX, usize::MAX), b"");
        }
    }

    #[test]
    fn a_spooled_file_is_itself_only() {
        let mut opens = Opens::<u32>::default();
        let (one, other) = (spooled("one"), spooled("one"));
        assert!(matches!(opens.snapshot(&one), Mode::Cached { kept: false }));
        assert!(matches!(opens.snapshot(&one.clone()), Mode::Cached { kept: true }));
        assert!(matches!(opens.snapshot(&other), Mode::Direct));
    }

    #[test]
    fn passthrough_and_page_cache_never_meet() {
        let mut opens = Opens::default();
        let served = opens.object(9, || None::<u32>);
        assert!(matches!(served, Mode::Cached { kept: true }));
        assert!(matches!(opens.object(9, || Some(7)), Mode::Cached { .. }), "one more served handle");
        opens.close(&served);
        opens.close(&served);

        let first = opens.object(9, || Some(7));
        let second = opens.object(9, || unreachable!("the backing file is open already"));
        assert!(
            matches!((&first, &second), (Mode::Passthrough(a), Mode::Passthrough(b)) if Arc::ptr_eq(a, b))
        );
        drop(first);
        assert!(matches!(opens.object(9, || None), Mode::Passthrough(_)), "the second still stands");
        drop(second);
        assert!(matches!(opens.object(9, || None), Mode::Cached { .. }), "all closed: the mode may change");
    }

    #[test]
    fn different_snapshots_do_not_share_pages() {
        let mut opens = Opens::<u32>::default();
        let (old, new) = (bytes("old"), bytes("newer"));
        let first = opens.snapshot(&old);
        assert!(matches!(first, Mode::Cached { kept: false }));
        assert!(matches!(opens.snapshot(&bytes("old")), Mode::Cached { kept: true }), "equal bytes");
        assert!(matches!(opens.snapshot(&new), Mode::Direct));
        assert_eq!(opens.size(Some(5)), Some(3), "the size is what the cached handles read");
        assert_eq!(opens.reading(), Some(3));
        opens.close(&first);
        opens.close(&first);
        assert_eq!(opens.reading(), None);
        assert!(matches!(opens.snapshot(&new), Mode::Cached { kept: false }));
        assert_eq!(opens.size(None), Some(5));
    }

    #[test]
    fn a_known_size_is_not_taken_back() {
        let mut opens = Opens::<u32>::default();
        assert_eq!(opens.size(None), None);
        assert_eq!(opens.size(Some(12)), Some(12));
        assert_eq!(opens.size(None), Some(12));
        assert_eq!(opens.size(Some(13)), Some(13));
    }
}
