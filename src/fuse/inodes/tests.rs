use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::tree::{Attributes, Error, File, Found, Listing, Opened};

/// A node of no contents.
pub(in crate::fuse) struct Bare;

impl Directory for Bare {
    fn attributes(&self) -> Attributes {
        Attributes { size: None, modified: Timestamp::UNIX_EPOCH, lifetime: Duration::ZERO }
    }
    fn find_known(&self, _: &OsStr) -> Option<Result<Found, Error>> {
        None
    }
    fn find(&self, _: &OsStr) -> Result<Found, Error> {
        Ok(Found::Absent(Duration::ZERO))
    }
    fn list(&self) -> Arc<dyn Listing> {
        unreachable!("not listed")
    }
}

impl File for Bare {
    fn attributes(&self) -> Attributes {
        Directory::attributes(self)
    }
    fn resolve(&self) -> Result<Attributes, Error> {
        Ok(Directory::attributes(self))
    }
    fn open(&self) -> Result<Opened, Error> {
        Ok(Opened::Snapshot(Arc::from([])))
    }
}

fn directory(name: &str) -> Entry {
    let node = Node::Directory(Arc::new(Bare));
    Entry { name: name.into(), node, identity: Identity::Path, lifetime: Duration::ZERO }
}

fn file(name: &str) -> Entry {
    Entry { node: Node::File(Arc::new(Bare)), ..directory(name) }
}

fn object(name: &str, key: &str, generation: u64) -> Entry {
    Entry { identity: Identity::Object { key: key.into(), generation }, ..file(name) }
}

fn table() -> (Inodes, Arc<Inode>) {
    let inodes = Inodes::new(Arc::new(Bare), Arc::default());
    let root = inodes.get(ROOT).unwrap();
    (inodes, root)
}

#[test]
fn directories_are_one_per_path_and_objects_one_on_all_paths() {
    let (inodes, root) = table();
    let (here, there) = (inodes.remember(&root, &directory("a")), inodes.remember(&root, &directory("b")));
    assert_ne!(here.number, there.number);
    let same = [inodes.remember(&here, &directory("c")), inodes.remember(&there, &directory("c"))];
    assert_ne!(same[0].number, same[1].number, "two paths to one directory");

    let scene = object("scene.tif", "source/scene", 0);
    let shared = [inodes.remember(&here, &scene), inodes.remember(&there, &scene)];
    assert!(Arc::ptr_eq(&shared[0], &shared[1]));
    assert_eq!(shared[1].path(), "a/scene.tif", "told as it was first reached");
    let changed = inodes.remember(&here, &object("scene.tif", "source/scene", 1));
    assert_ne!(changed.number, shared[0].number, "a new generation is a new inode");
    assert_ne!(inodes.remember(&here, &file("scene.tif")).number, shared[0].number);
    assert_eq!(here.path_of(OsStr::new("x")), "a/x");
    assert_eq!(root.path_of(OsStr::new("x")), "x");
}

#[test]
fn a_name_that_changes_its_kind_changes_its_inode() {
    let (inodes, root) = table();
    assert_ne!(inodes.remember(&root, &file("x")).number, inodes.remember(&root, &directory("x")).number);
}

#[test]
fn a_directory_is_never_shared_whatever_identity_it_claims() {
    let (inodes, root) = table();
    let a = inodes.remember(&root, &directory("a"));
    let claimed = Entry { identity: Identity::Object { key: "k".into(), generation: 0 }, ..directory("d") };
    assert_ne!(inodes.remember(&root, &claimed).number, inodes.remember(&a, &claimed).number);
}

#[test]
fn what_the_kernel_forgets_is_forgotten_and_keeps_its_number() {
    let (inodes, root) = table();
    let entry = file("x");
    let number = inodes.number(&root, &entry);
    let inode = inodes.remember(&root, &entry);
    assert_eq!(inode.number, number, "d_ino of a listing is st_ino of the file");
    inodes.remember(&root, &entry);
    inodes.forget(number, 1);
    assert!(inodes.get(number).is_some(), "one lookup is left");
    inodes.forget(number, 1);
    assert!(inodes.get(number).is_none());
    assert_eq!(inodes.report.counters.inodes.get(), 0);
    inodes.forget(number, 7);
    inodes.forget(ROOT, 99);
    assert_eq!(inodes.report.counters.inodes.get(), 0, "the root stays");
    assert_eq!(inodes.remember(&root, &entry).number, number);
}

#[test]
fn a_hundred_thousand_names_come_and_go_without_growth() {
    let (inodes, root) = table();
    let mut numbers: Vec<u64> =
        (0..100_000).map(|n| inodes.remember(&root, &file(&n.to_string())).number).collect();
    assert_eq!(inodes.report.counters.inodes.get(), 100_000);
    numbers.iter().for_each(|number| inodes.forget(*number, 1));
    assert_eq!(inodes.report.counters.inodes.get(), 0);
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 100_000);
    assert!(numbers.iter().all(|number| (2..NUMBERS).contains(number)));
}

#[test]
fn an_inode_keeps_its_parents_for_its_path() {
    let (inodes, root) = table();
    let a = inodes.remember(&root, &directory("a"));
    let b = inodes.remember(&a, &directory("b"));
    inodes.forget(a.number, 1);
    assert_eq!(b.path(), "a/b");
    assert_eq!(b.parent_number(), a.number);
    assert_eq!(a.parent_number(), ROOT);
    assert_eq!(root.parent_number(), ROOT);
}
