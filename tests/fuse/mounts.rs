//! Mounting and unmounting.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use stacfs::fuse::{self, Mount, MountError};
use stacfs::report::Report;

use crate::tree::{Document, Folder, Handed, file};
use crate::{Mounted, options};

fn one_file() -> Arc<Folder> {
    Folder::of(vec![file("x", &Document::new(b"bytes"))])
}

fn mount(point: &Path) -> Result<Mount, MountError> {
    Mount::new(point, Arc::new(Handed(one_file())), options(), Arc::new(Report::new()))
}

/// The lines of the mount table about a mount point.
fn standing(point: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap();
    let point = point.to_str().unwrap();
    table.lines().filter(|line| line.split(' ').nth(1) == Some(point)).map(str::to_owned).collect()
}

#[test]
fn a_mount_shows_what_it_is_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mounted = mount(home.path()).unwrap();
    let line = standing(home.path()).pop().unwrap();
    assert!(line.starts_with("stacfs-tests "), "{line}");
    assert!(line.contains(" fuse.stacfs ro,nosuid,nodev"), "{line}");
    assert!(line.contains("default_permissions") && !line.contains("allow_other"), "{line}");
    drop(mounted);
    assert_eq!(standing(home.path()), [""; 0]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_second_mount_at_the_same_place_is_refused_in_words() {
    let mounted = Mounted::new(one_file());
    let words = mount(mounted.root()).map(drop).unwrap_err().0;
    assert!(words.contains("already") && words.contains("stacfs umount"), "{words}");
    assert_eq!(fs::read(mounted.path("x")).unwrap(), b"bytes", "the first is unharmed");
}

#[test]
fn waiting_ends_when_somebody_else_unmounts() {
    let home = tempfile::tempdir().unwrap();
    let mounted = mount(home.path()).unwrap();
    let waiting = std::thread::spawn(move || mounted.wait());
    assert!(Command::new("umount").arg(home.path()).status().unwrap().success());
    waiting.join().unwrap();
    assert_eq!(standing(home.path()), [""; 0]);
}

#[test]
fn an_ended_mount_leaves_its_successor_alone() {
    let home = tempfile::tempdir().unwrap();
    let first = mount(home.path()).unwrap();
    fuse::unmount(home.path()).unwrap();
    let second = mount(home.path()).unwrap();
    first.unmounter().unmount().unwrap();
    drop(first);
    assert_eq!(fs::read(home.path().join("x")).unwrap(), b"bytes");
    drop(second);
    assert_eq!(standing(home.path()), [""; 0]);
}

#[test]
fn a_mount_in_use_is_not_unmounted_from_outside_but_is_detached_by_its_owner() {
    let mut mounted = Mounted::new(one_file());
    let mut open = File::open(mounted.path("x")).unwrap();
    let words = fuse::unmount(mounted.root()).unwrap_err().0;
    assert!(words.contains("in use"), "{words}");
    let mount = mounted.mount.take().unwrap();
    mount.unmounter().unmount().unwrap();
    assert_eq!(standing(mounted.root()), [""; 0], "gone from the tree at once");
    let mut bytes = vec![];
    open.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"bytes", "who has it open still reads");
    drop(open);
    mount.wait();
}

#[test]
fn waiting_ends_though_somebody_keeps_a_file_open() {
    let mut mounted = Mounted::new(one_file());
    let open = File::open(mounted.path("x")).unwrap();
    let mount = mounted.mount.take().unwrap();
    let unmounter = mount.unmounter();
    let waiting = std::thread::spawn(move || mount.wait());
    unmounter.unmount().unwrap();
    waiting.join().unwrap();
    drop(open);
}

#[test]
fn nothing_of_ours_is_nothing_to_unmount() {
    let home = tempfile::tempdir().unwrap();
    let words = fuse::unmount(home.path()).unwrap_err().0;
    assert!(words.contains("nothing mounted"), "{words}");
}

#[test]
fn statfs_is_answered_from_memory() {
    let mounted = Mounted::new(one_file());
    let said = rustix::fs::statfs(mounted.root()).unwrap();
    assert_eq!((said.f_blocks, said.f_namelen), (0, 255));
    assert!(Command::new("df").arg(mounted.root()).output().unwrap().status.success());
}
