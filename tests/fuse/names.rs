//! Lookup and stat.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use crate::tree::{Document, Folder, Kind, file, folder, object};
use crate::{Mounted, errno};

#[test]
fn stat_tells_the_truth() {
    let mut old = Arc::into_inner(Document::new(&[7; 1300])).unwrap();
    old.modified = Timestamp::from_millisecond(-1_234_567_890_250).unwrap();
    let inner = Folder::of(vec![file("old", &Arc::new(old))]);
    let mounted = Mounted::new(Folder::of(vec![folder("a", &inner)]));
    let stat = fs::metadata(mounted.path("a/old")).unwrap();
    assert_eq!((stat.len(), stat.blocks(), stat.nlink()), (1300, 3, 1));
    assert_eq!(stat.permissions().mode(), libc::S_IFREG | 0o644);
    assert_eq!((stat.mtime(), stat.mtime_nsec()), (-1_234_567_891, 750_000_000), "before 1970 too");
    assert_eq!((stat.mtime(), stat.mtime_nsec()), (stat.ctime(), stat.ctime_nsec()));
    assert_eq!(stat.blksize(), 8192);
    assert_eq!(stat.uid(), rustix::process::geteuid().as_raw());
    let directory = fs::metadata(mounted.path("a")).unwrap();
    assert_eq!(directory.permissions().mode(), libc::S_IFDIR | 0o755);
    assert_eq!(directory.blksize(), 1 << 20);
}

#[test]
fn an_absent_name_is_asked_for_once() {
    let inner = Folder::unknown(vec![]);
    let mounted = Mounted::new(Folder::of(vec![folder("a", &inner)]));
    for _ in 0..100 {
        assert_eq!(errno(fs::metadata(mounted.path("a/x.aux.xml"))), libc::ENOENT);
    }
    assert_eq!(inner.finds.load(Ordering::SeqCst), 1);

    *inner.absent.lock().unwrap() = std::time::Duration::ZERO;
    for _ in 0..3 {
        assert_eq!(errno(fs::metadata(mounted.path("a/y"))), libc::ENOENT);
    }
    assert_eq!(inner.finds.load(Ordering::SeqCst), 4, "what may not be kept is asked for each time");
}

#[test]
fn one_object_has_one_inode_and_one_directory_has_two() {
    let scene = Document::new(b"bytes");
    let item = Folder::of(vec![object("scene.tif", &scene, "moon/a/scene", 0)]);
    let mounted = Mounted::new(Folder::of(vec![folder("here", &item), folder("there", &item)]));
    let number = |path: &str| fs::metadata(mounted.path(path)).unwrap().ino();
    assert_ne!(number("here"), number("there"));
    assert_eq!(number("here/scene.tif"), number("there/scene.tif"));
    assert_eq!(fs::metadata(mounted.path("here/..")).unwrap().ino(), number(""));
}

#[test]
fn an_unknown_size_is_asked_for_by_the_first_stat_only() {
    let document = Document::of(Kind::UnknownSize, &[1; 4321]);
    let mounted = Mounted::new(Folder::of(vec![file("x", &document)]));
    let names = fs::read_dir(mounted.root()).unwrap().count();
    assert_eq!((names, document.resolves.load(Ordering::SeqCst)), (1, 0), "a listing asks for no size");
    for _ in 0..5 {
        assert_eq!(fs::metadata(mounted.path("x")).unwrap().len(), 4321);
    }
    assert_eq!(document.resolves.load(Ordering::SeqCst), 1);
}

#[test]
fn long_names_are_refused_without_asking() {
    let root = Folder::of(vec![]);
    let mounted = Mounted::new(root.clone());
    let segment = format!("bbox={}", "1".repeat(1019));
    assert_eq!(errno(fs::metadata(mounted.path(&segment))), libc::ENOENT, "1,024 bytes are a segment");
    assert_eq!(root.finds.load(Ordering::SeqCst), 1);
    assert_eq!(errno(fs::metadata(mounted.path(&format!("{segment}1")))), libc::ENAMETOOLONG);
    assert_eq!(root.finds.load(Ordering::SeqCst), 1);
}

#[test]
fn a_panic_is_an_error_of_one_call() {
    let known = Folder::of(vec![]);
    let asked = Folder::unknown(vec![]);
    let mounted = Mounted::new(Folder::of(vec![folder("known", &known), folder("asked", &asked)]));
    for folder in [&known, &asked] {
        folder.panics.store(true, Ordering::SeqCst);
    }
    for n in 0..20 {
        assert_eq!(errno(fs::metadata(mounted.path(&format!("known/{n}")))), libc::EIO);
        assert_eq!(errno(fs::metadata(mounted.path(&format!("asked/{n}")))), libc::EIO);
    }
    let said = mounted.report.errors();
    assert!(said.iter().any(|error| error.words.contains("panics on purpose")), "{said:?}");
    asked.panics.store(false, Ordering::SeqCst);
    assert_eq!(errno(fs::metadata(mounted.path("asked/again"))), libc::ENOENT, "the mount lives on");
}

#[test]
fn extended_attributes_are_read_and_others_are_absent() {
    let document = Document::new(b"bytes");
    let mounted = Mounted::new(Folder::of(vec![file("x", &document)]));
    let (file, root) = (mounted.path("x"), mounted.root());
    let get = |path: &std::path::Path, name: &str, room: usize| {
        let mut value = vec![0; room];
        let outcome = rustix::fs::getxattr(path, name, &mut value[..]);
        outcome.map(|length| {
            value.truncate(length);
            value
        })
    };
    assert_eq!(get(&file, "user.stac.href", 100).unwrap(), b"https://example.org/a.tif");
    assert_eq!(get(&file, "user.stac.item", 1).unwrap(), b"a");
    assert_eq!(get(&file, "user.stac.href", 3), Err(rustix::io::Errno::RANGE));
    assert_eq!(get(&file, "user.stac.none", 3), Err(rustix::io::Errno::NODATA));
    assert_eq!(get(&file, "user.other", 3), Err(rustix::io::Errno::NODATA));
    for never in ["security.selinux", "system.posix_acl_access"] {
        assert_eq!(get(&file, never, 3), Err(rustix::io::Errno::OPNOTSUPP), "{never}");
    }
    assert_eq!(get(root, "user.stac.collection", 9).unwrap(), b"moon");
    let mut names = [0; 100];
    let length = rustix::fs::listxattr(&file, &mut names[..]).unwrap();
    assert_eq!(&names[..length], b"user.stac.href\0user.stac.item\0");
}
