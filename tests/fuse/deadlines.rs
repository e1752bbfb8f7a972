//! Nothing hangs: calls end in time while their work goes on.

use std::fs::{self, File};
use std::sync::atomic::Ordering;
use std::time::Duration;

use stacfs::fuse::MountOptions;

use crate::tree::{Document, Folder, Kind, file, folder};
use crate::{Mounted, errno, options};

fn impatient() -> MountOptions {
    MountOptions { metadata_silence: Duration::from_millis(150), ..options() }
}

#[test]
fn a_silent_lookup_times_out_and_the_next_try_finds_the_answer() {
    let slow = Folder::unknown(vec![file("x", &Document::new(b"bytes"))]);
    slow.gate.shut();
    let mounted = Mounted::with(Folder::of(vec![folder("slow", &slow)]), impatient());
    let path = mounted.path("slow/x");
    assert_eq!(errno(fs::metadata(&path)), libc::ETIMEDOUT);
    assert_eq!(slow.finds.load(Ordering::SeqCst), 0, "the work still waits");
    assert_eq!(mounted.report.counters.timeouts.get(), 1);
    let said = &mounted.report.errors()[0];
    assert_eq!((said.path.as_str(), said.errno), ("slow/x", libc::ETIMEDOUT));
    assert!(said.words.starts_with("lookup: ") && said.words.contains("goes on"), "{}", said.words);
    slow.gate.open();
    while slow.finds.load(Ordering::SeqCst) == 0 {
        std::thread::yield_now();
    }
    assert_eq!(fs::read(&path).unwrap(), b"bytes");
}

#[test]
fn listings_sizes_and_opens_time_out_too() {
    let slow = Folder::unknown(vec![]);
    slow.gate.shut();
    let size = Document::of(Kind::UnknownSize, b"bytes");
    size.gate.shut();
    let open = Document::new(b"bytes");
    open.gate.shut();
    let root = Folder::of(vec![folder("slow", &slow), file("size", &size), file("open", &open)]);
    let mounted = Mounted::with(root, impatient());
    assert_eq!(errno(fs::read_dir(mounted.path("slow")).unwrap().next().unwrap()), libc::ETIMEDOUT);
    assert_eq!(errno(fs::metadata(mounted.path("size"))), libc::ETIMEDOUT);
    assert_eq!(errno(File::open(mounted.path("open"))), libc::ETIMEDOUT);
    let calls: Vec<_> = mounted.report.errors().iter().map(|error| error.words[..4].to_owned()).collect();
    assert_eq!(calls, ["read", "stat", "open"]);
    for gate in [&slow.gate, &size.gate, &open.gate] {
        gate.open();
    }
    assert_eq!(fs::read_dir(mounted.path("slow")).unwrap().count(), 0);
    assert_eq!(fs::metadata(mounted.path("size")).unwrap().len(), 5);
    assert_eq!(fs::read(mounted.path("open")).unwrap(), b"bytes");
    assert_eq!(mounted.report.counters.waiting.get(), 0);
}

#[test]
fn what_waits_does_not_keep_what_is_known_waiting() {
    let stuck = Folder::unknown(vec![]);
    stuck.gate.shut();
    let root = Folder::of(vec![folder("stuck", &stuck), file("known", &Document::new(b"bytes"))]);
    let mounted = Mounted::new(root);
    std::thread::scope(|scope| {
        for n in 0..64 {
            let path = mounted.path(&format!("stuck/{n}"));
            scope.spawn(move || assert_eq!(errno(fs::metadata(path)), libc::ENOENT));
        }
        while mounted.report.counters.waiting.get() < 64 {
            std::thread::yield_now();
        }
        assert_eq!(fs::read(mounted.path("known")).unwrap(), b"bytes");
        assert_eq!(fs::read_dir(mounted.root()).unwrap().count(), 2);
        stuck.gate.open();
    });
}
