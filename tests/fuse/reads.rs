//! open and read.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::tree::{Document, Folder, Kind, file, folder, object};
use crate::{Mounted, errno};

/// Bytes that tell their place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n / 7 + n % 251) as u8).collect()
}

#[test]
fn bytes_are_read_as_they_are() {
    let bytes = pattern(3 << 20);
    let mounted = Mounted::new(Folder::of(vec![file("x", &Document::new(&bytes))]));
    assert_eq!(fs::read(mounted.path("x")).unwrap(), bytes);
    let copy = tempfile::NamedTempFile::new().unwrap();
    let done = Command::new("cp").arg(mounted.path("x")).arg(copy.path()).status().unwrap();
    assert!(done.success());
    assert_eq!(fs::read(copy.path()).unwrap(), bytes);
    let opened = File::open(mounted.path("x")).unwrap();
    let mut window = [0; 1000];
    for offset in [0, 1, 4095, 1 << 20, bytes.len() - 1000] {
        opened.read_exact_at(&mut window, offset as u64).unwrap();
        assert_eq!(window[..], bytes[offset..offset + 1000]);
    }
    assert_eq!(opened.read_at(&mut window, bytes.len() as u64).unwrap(), 0);
    assert_eq!(mounted.report.counters.open_files.get(), 1);
}

#[test]
fn a_mapping_shows_the_bytes() {
    let bytes = pattern(100_000);
    let mounted = Mounted::new(Folder::of(vec![file("x", &Document::new(&bytes))]));
    let opened = File::open(mounted.path("x")).unwrap();
    // SAFETY: a fresh private mapping, read within its length and unmapped once.
    unsafe {
        use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
        let length = bytes.len();
        let mapping =
            mmap(std::ptr::null_mut(), length, ProtFlags::READ, MapFlags::PRIVATE, &opened, 0).unwrap();
        assert_eq!(std::slice::from_raw_parts(mapping.cast::<u8>(), length), bytes);
        munmap(mapping, length).unwrap();
    }
}

#[test]
fn a_live_file_has_no_size_and_each_handle_its_snapshot() {
    let status = Document::of(Kind::Live, b"one\n");
    let mounted = Mounted::new(Folder::of(vec![file("status", &status)]));
    let path = mounted.path("status");
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    let mut first = File::open(&path).unwrap();
    status.write(b"the second\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), "the second\n");
    let mut text = String::new();
    first.read_to_string(&mut text).unwrap();
    assert_eq!(text, "one\n");
    let output = Command::new("cat").arg(&path).output().unwrap();
    assert_eq!(output.stdout, b"the second\n");
}

#[test]
fn a_size_found_at_open_holds_for_the_handle() {
    let made = Document::of(Kind::UnknownSize, &pattern(5_000));
    let mounted = Mounted::new(Folder::of(vec![file("made", &made)]));
    let mut opened = File::open(mounted.path("made")).unwrap();
    assert_eq!(opened.metadata().unwrap().len(), 5_000);
    assert_eq!(opened.seek(SeekFrom::End(0)).unwrap(), 5_000);
    opened.rewind().unwrap();
    let mut bytes = vec![];
    opened.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, pattern(5_000));
}

#[test]
fn who_reads_a_file_whose_size_must_be_asked_for_asks_once() {
    // Its size is never known, as that of a count.
    let count = Document::of(Kind::Untold, &pattern(300_000));
    let mounted = Mounted::new(Folder::of(vec![file("count", &count)]));
    let mut opened = File::open(mounted.path("count")).unwrap();
    assert_eq!(opened.metadata().unwrap().len(), 300_000);
    let mut bytes = vec![];
    opened.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, pattern(300_000));
    assert_eq!(count.resolves.load(Ordering::SeqCst), 1, "for the permission to open it");
    drop(opened);
    assert_eq!(fs::metadata(mounted.path("count")).unwrap().len(), 300_000);
    count.write(b"longer, and another");
    assert_eq!(fs::read(mounted.path("count")).unwrap(), b"longer, and another");
    count.write(&pattern(300_001));
    assert_eq!(fs::read(mounted.path("count")).unwrap(), pattern(300_001));
}

#[test]
fn two_snapshots_of_one_file_do_not_mix() {
    let document = Document::new(&[b'a'; 10_000]);
    let mounted = Mounted::new(Folder::of(vec![file("x", &document)]));
    let path = mounted.path("x");
    let old = File::open(&path).unwrap();
    document.write(&[b'b'; 9_000]);
    let new = File::open(&path).unwrap();
    for (handle, byte, length) in [(&old, b'a', 10_000), (&new, b'b', 9_000), (&old, b'a', 10_000)] {
        let mut bytes = vec![0; 20_000];
        let mut filled = 0;
        loop {
            match handle.read_at(&mut bytes[filled..], filled as u64).unwrap() {
                0 => break,
                count => filled += count,
            }
        }
        assert_eq!(filled, length);
        assert!(bytes[..filled].iter().all(|have| *have == byte));
    }
    drop((old, new));
    assert_eq!(fs::read(&path).unwrap(), [b'b'; 9_000], "nothing of the old one is left in the page cache");
}

#[test]
fn a_changed_object_is_a_new_inode_and_the_program_sees_no_error() {
    let before = Document::new(b"before");
    let item = Folder::of(vec![object("scene.tif", &before, "moon/a/scene", 0)]);
    let mounted = Mounted::new(Folder::of(vec![folder("a", &item)]));
    let path = mounted.path("a/scene.tif");
    assert_eq!(fs::read(&path).unwrap(), b"before");
    let number = fs::metadata(&path).unwrap().ino();

    let after = Document::new(b"afterwards");
    *item.entries.lock().unwrap() = vec![object("scene.tif", &after, "moon/a/scene", 1)];
    before.stale.store(true, Ordering::SeqCst);
    assert_eq!(fs::read(&path).unwrap(), b"afterwards");
    let stat = fs::metadata(&path).unwrap();
    assert_ne!(stat.ino(), number);
    assert_eq!(stat.len(), 10);
    assert!(mounted.report.errors().is_empty(), "{:?}", mounted.report.errors());
}

#[test]
fn an_object_that_always_changes_is_an_error_in_the_end() {
    let wild = Document::new(b"x");
    wild.stale.store(true, Ordering::SeqCst);
    let mounted = Mounted::new(Folder::of(vec![object("wild", &wild, "k", 0)]));
    assert_eq!(errno(File::open(mounted.path("wild"))), libc::ESTALE);
}

#[test]
fn empty_files_and_far_offsets_are_no_trouble() {
    let mounted = Mounted::new(Folder::of(vec![file("empty", &Document::new(b""))]));
    assert!(fs::read(mounted.path("empty")).unwrap().is_empty());
    let opened = File::open(mounted.path("empty")).unwrap();
    assert_eq!(opened.read_at(&mut [0; 10], i64::MAX as u64 - 4096).unwrap(), 0);
}

#[test]
fn many_programs_at_once_see_what_one_sees() {
    let documents: Vec<Arc<Document>> = (0..20).map(|n| Document::new(&pattern(1000 * n))).collect();
    let entries: Vec<_> =
        documents.iter().enumerate().map(|(n, document)| file(&format!("f{n}"), document)).collect();
    let folders = ["a", "b", "c"].map(|name| (name, Folder::unknown(entries.clone())));
    let mounted = Mounted::new(Folder::of(folders.iter().map(|(name, inner)| folder(name, inner)).collect()));
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (mounted, documents) = (&mounted, &documents);
            scope.spawn(move || {
                for round in 0..30 {
                    let place = ["a", "b", "c"][(thread + round) % 3];
                    let n = (thread * 7 + round) % documents.len();
                    let path = mounted.path(&format!("{place}/f{n}"));
                    assert_eq!(fs::metadata(&path).unwrap().len(), 1000 * n as u64);
                    assert_eq!(fs::read(&path).unwrap(), pattern(1000 * n));
                    assert_eq!(fs::read_dir(mounted.path(place)).unwrap().count(), documents.len());
                    assert_eq!(errno(fs::metadata(path.join("x"))), libc::ENOTDIR);
                    assert_eq!(
                        errno(fs::metadata(mounted.path(&format!("{place}/no{round}")))),
                        libc::ENOENT
                    );
                }
            });
        }
    });
    assert!(mounted.report.errors().is_empty(), "{:?}", mounted.report.errors());
}
