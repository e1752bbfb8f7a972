//! The doors between the rooms: which room uses which. A new door is a change of the house, and is made here first.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms that it may use. Tests may use any.
const DOORS: [(&str, &[&str]); 13] = [
    ("cache", &["report"]),
    ("catalog", &["cache", "config", "content", "http", "item", "query", "report"]),
    (
        "cli",
        &[
            "cache", "catalog", "config", "content", "demo", "espa", "fuse", "http", "item", "query",
            "report", "tree",
        ],
    ),
    ("config", &[]),
    ("content", &["cache", "http", "item", "report"]),
    ("demo", &[]),
    ("espa", &["cache", "config", "content", "http", "item", "report"]),
    ("fuse", &["content", "report", "tree"]),
    ("http", &["config", "report"]),
    ("item", &[]),
    ("query", &["item"]),
    ("report", &[]),
    ("tree", &["catalog", "config", "content", "espa", "item", "query", "report"]),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of a folder and of those below it that are no tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if stem == "tests" || stem.ends_with("_tests") {
            continue;
        }
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// The text of a file in front of its tests.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// The rooms that a text names, by `crate::room` and by `crate::{room, other}`.
fn named(text: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut rooms = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        let Some(list) = after.strip_prefix('{') else {
            rooms.insert(word(after));
            continue;
        };
        let mut depth = 0;
        let mut part = String::new();
        for c in list.chars() {
            match c {
                '}' if depth == 0 => break,
                ',' if depth == 0 => rooms.extend([word(&std::mem::take(&mut part))]),
                '{' => depth += 1,
                '}' => depth -= 1,
                other => part.push(other),
            }
        }
        rooms.insert(word(&part));
    }
    rooms
}

#[test]
fn every_room_uses_only_its_doors() {
    let folders =
        fs::read_dir(src()).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir());
    let rooms: BTreeSet<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(rooms.iter().eq(DOORS.map(|(room, _)| room).iter()), "a row for each of {rooms:?}");
    let mut wrong = Vec::new();
    for (room, doors) in DOORS {
        for file in sources(&src().join(room)) {
            let used = named(&code(&file)).into_iter().filter(|name| rooms.contains(name));
            let others = used.filter(|used| used != room && !doors.contains(&used.as_str()));
            wrong.extend(others.map(|other| format!("{}: {room} may not use {other}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_fuse_sees_fuser() {
    let is_named = |line: &str| line.starts_with("use fuser") || line.contains(" fuser::");
    let sees = |file: &PathBuf| code(file).lines().any(is_named);
    for (room, _) in DOORS {
        let files = sources(&src().join(room));
        let seen: Vec<&PathBuf> = files.iter().filter(|file| sees(file)).collect();
        assert_eq!(!seen.is_empty(), room == "fuse", "{seen:?}");
    }
}

#[test]
fn rooms_are_found_in_text() {
    let text = "use crate::item::{Asset, Item};\nuse crate::{catalog, http::{self, Http},\n    query};\ncrate::report::lock(&x)";
    let found: Vec<String> = named(text).into_iter().collect();
    assert_eq!(found, ["catalog", "http", "item", "query", "report"]);
}
