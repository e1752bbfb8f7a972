//! readdir: streams, cookies, errors in their place.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;

use crate::tree::{Document, Folder, file, folder};
use crate::{Mounted, errno};

/// A directory of `count` files named by their number.
fn numbered(count: usize) -> Vec<stacfs::tree::Entry> {
    let document = Document::new(b"x");
    (0..count).map(|n| file(&format!("{n:06}"), &document)).collect()
}

/// An open directory of libc, for what std does not offer.
struct Stream(*mut libc::DIR);

impl Stream {
    fn open(path: &Path) -> Stream {
        let path = CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
        // SAFETY: `path` is a C string.
        let stream = unsafe { libc::opendir(path.as_ptr()) };
        assert!(!stream.is_null());
        Stream(stream)
    }

    /// The next name, with its inode number and cookie; `Err` holds the errno.
    fn next(&self) -> Result<Option<(String, u64, i64)>, i32> {
        // SAFETY: errno is this thread's own; the stream is open; an entry lives until the next call.
        unsafe {
            *libc::__errno_location() = 0;
            let entry = libc::readdir64(self.0);
            if entry.is_null() {
                let errno = *libc::__errno_location();
                return if errno == 0 { Ok(None) } else { Err(errno) };
            }
            let name = CStr::from_ptr((*entry).d_name.as_ptr()).to_str().unwrap().to_owned();
            Ok(Some((name, (*entry).d_ino, (*entry).d_off)))
        }
    }

    fn rest(&self) -> Vec<String> {
        std::iter::from_fn(|| self.next().unwrap().map(|(name, ..)| name)).collect()
    }

    fn seek(&self, cookie: i64) {
        // SAFETY: the stream is open.
        unsafe { libc::seekdir(self.0, cookie) };
    }

    fn rewind(&self) {
        // SAFETY: the stream is open.
        unsafe { libc::rewinddir(self.0) };
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the stream is open, and closed once.
        unsafe { libc::closedir(self.0) };
    }
}

#[test]
fn a_hundred_thousand_names_come_once_each() {
    let big = Folder::of(numbered(100_000));
    let mounted = Mounted::new(Folder::of(vec![folder("big", &big)]));
    let names: HashSet<_> = Stream::open(&mounted.path("big")).rest().into_iter().collect();
    assert_eq!(names.len(), 100_002);
    let output = Command::new("find").arg(mounted.root()).args(["-type", "f"]).output().unwrap();
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 100_000);
    let known = mounted.report.counters.inodes.get();
    assert!((1..=100_001).contains(&known), "counted once each, however often they came: {known}");
}

#[test]
fn numbers_and_kinds_of_a_listing_are_those_of_stat() {
    let inner = Folder::of(numbered(600));
    let mounted = Mounted::new(Folder::of(vec![folder("a", &inner), file("f", &Document::new(b""))]));
    let check = |path: &Path| {
        for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
            let stat = fs::symlink_metadata(entry.path()).unwrap();
            assert_eq!((entry.ino(), entry.file_type().unwrap()), (stat.ino(), stat.file_type()));
        }
    };
    check(mounted.root());
    // Twice: the second time the kernel asks without attributes.
    check(&mounted.path("a"));
    check(&mounted.path("a"));
    let stream = Stream::open(&mounted.path("a"));
    let dots = [stream.next().unwrap().unwrap(), stream.next().unwrap().unwrap()];
    let number = |path: &Path| fs::metadata(path).unwrap().ino();
    assert_eq!((dots[0].0.as_str(), dots[0].1), (".", number(&mounted.path("a"))));
    assert_eq!((dots[1].0.as_str(), dots[1].1), ("..", number(mounted.root())));
}

#[test]
fn any_cookie_can_be_sought_and_a_handle_keeps_its_snapshot() {
    let big = Folder::of(numbered(5_000));
    let mounted = Mounted::new(Folder::of(vec![folder("big", &big)]));
    let stream = Stream::open(&mounted.path("big"));
    let mut seen = vec![];
    while let Some((name, _, cookie)) = stream.next().unwrap() {
        seen.push((name, cookie));
    }
    let cookies: HashSet<i64> = seen.iter().map(|(_, cookie)| *cookie).collect();
    assert_eq!(cookies.len(), seen.len(), "each place has its own");
    assert!(seen.iter().all(|(_, cookie)| *cookie > 0));
    for place in [0, 1, 2, 3, 255, 256, 257, 2_500, 4_999, 5_000] {
        stream.seek(seen[place].1);
        let after = stream.next().unwrap().map(|(name, ..)| name);
        assert_eq!(after.as_ref(), seen.get(place + 1).map(|(name, _)| name), "after place {place}");
    }
    stream.seek(seen[5_001].1);
    assert_eq!(stream.next(), Ok(None));
    stream.rewind();
    assert_eq!(stream.rest().len(), 5_002);
}

#[test]
fn what_is_known_comes_at_once_and_the_rest_as_it_arrives() {
    let slow = Folder::unknown(numbered(1_000));
    slow.known.store(10, Ordering::SeqCst);
    slow.gate.shut();
    let mounted = Mounted::new(Folder::of(vec![folder("slow", &slow)]));
    let stream = Stream::open(&mounted.path("slow"));
    let first: Vec<_> = (0..12).map(|_| stream.next().unwrap().unwrap().0).collect();
    assert_eq!(first[11], "000009", "with the gate shut");
    slow.gate.open();
    assert_eq!(stream.rest().len(), 990);
}

#[test]
fn a_page_that_fails_is_an_error_in_its_place_and_the_next_try_goes_on() {
    let broken = Folder::unknown(numbered(300));
    broken.known.store(40, Ordering::SeqCst);
    *broken.breaks_at.lock().unwrap() = Some(40);
    let mounted = Mounted::new(Folder::of(vec![folder("broken", &broken)]));
    let stream = Stream::open(&mounted.path("broken"));
    for _ in 0..42 {
        stream.next().unwrap().unwrap();
    }
    assert_eq!(stream.next(), Err(libc::EIO), "never a short listing");
    assert_eq!(stream.next(), Err(libc::EIO));
    let said = &mounted.report.errors()[0];
    assert_eq!(said.path, "broken");
    assert!(said.words.contains("broken on purpose"), "{}", said.words);
    *broken.breaks_at.lock().unwrap() = None;
    assert_eq!(stream.rest().len(), 260);
}

#[test]
fn a_directory_that_fails_at_once_is_an_error() {
    let broken = Folder::unknown(numbered(3));
    *broken.breaks_at.lock().unwrap() = Some(0);
    let mounted = Mounted::new(Folder::of(vec![folder("broken", &broken)]));
    let mut listing = fs::read_dir(mounted.path("broken")).unwrap();
    assert_eq!(errno(listing.next().unwrap()), libc::EIO);
}

#[test]
fn an_empty_directory_is_empty() {
    let mounted = Mounted::new(Folder::of(vec![folder("e", &Folder::unknown(vec![]))]));
    assert_eq!(fs::read_dir(mounted.path("e")).unwrap().count(), 0);
    assert!(Command::new("ls").arg("-lR").arg(mounted.root()).status().unwrap().success());
}
