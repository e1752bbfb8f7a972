//! What only the inside can stage: mounts whose process is gone, and the helper where root would not need it.

use super::*;
use crate::fuse::device::mount_by_helper;

fn wanted(point: &Path) -> Wanted<'_> {
    Wanted { point, source: "dead".to_owned(), allow_other: false }
}

/// Leaves a mount as kill -9 leaves it: in the table, its device closed.
fn dead_mount(point: &Path) {
    drop(device::mount(&wanted(point)).expect("these tests need FUSE"));
    assert!(mountpoint::is_dead(point));
    let refused = std::fs::read_dir(point).err().and_then(|error| error.raw_os_error());
    assert_eq!(refused, Some(libc::ENOTCONN), "\"Transport endpoint is not connected\"");
}

#[test]
fn a_dead_mount_is_recovered() {
    let home = tempfile::tempdir().unwrap();
    dead_mount(home.path());
    assert_eq!(mountpoint::prepare(home.path()).unwrap(), home.path().canonicalize().unwrap());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    assert_eq!(mountpoint::standing(home.path()), None);
}

#[test]
fn a_dead_mount_can_be_unmounted() {
    let home = tempfile::tempdir().unwrap();
    dead_mount(home.path());
    unmount(home.path()).unwrap();
    assert_eq!(mountpoint::standing(home.path()), None);
}

#[test]
fn the_helper_mounts_and_hands_the_device_over() {
    let home = tempfile::tempdir().unwrap();
    let device = mount_by_helper(&wanted(home.path())).expect("these tests need fusermount3");
    assert!(mountpoint::standing(home.path()).is_some_and(|standing| standing.is_ours()));
    assert!(device::is_connected(&device));
    device::unmount_by_helper(home.path(), Way::Unused).unwrap();
    assert!(!device::is_connected(&device));
    assert_eq!(mountpoint::standing(home.path()), None);
}

#[test]
fn the_helper_says_why_it_refuses() {
    let home = tempfile::tempdir().unwrap();
    let words = mount_by_helper(&wanted(&home.path().join("missing"))).unwrap_err().0;
    assert!(words.contains("cannot mount on") && words.contains("No such file"), "{words}");
    let refused = device::unmount_by_helper(home.path(), Way::Unused).unwrap_err();
    assert!(matches!(&refused, NotUnmounted::Failed(why) if !why.is_empty()), "{refused:?}");
}
