//! What is fetched before anybody reads it.

use super::*;

#[test]
fn hinted_small_files_are_here_when_they_are_opened() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let objects: Vec<Object> = (0..8).map(|n| object(&server, &format!("7000/{n}"))).collect();
    assert_eq!(content.prefetch(objects.clone(), 7000), 8);
    let all = |entries: &[crate::demo::http::Entry]| {
        entries.len() == 8 && entries.iter().all(|entry| entry.took.is_some())
    };
    assert!(server.journal().wait_for(Duration::from_secs(20), all));
    for object in &objects {
        // Opening waits for a fetch that is still being kept.
        assert!(read_all(&content.open(object, 0).unwrap()).unwrap() == painted(0..7000));
    }
    assert_eq!(server.journal().len(), 8);
    assert_eq!(content.prefetch(objects, 7000), 8);
    assert_eq!(server.journal().len(), 8, "they are here");
    content.prefetch([Object { declared_size: Some(50 * MIB), ..object(&server, "52428800") }], 7000);
    assert_eq!(server.journal().len(), 8, "too large for a guess");
}

#[test]
fn a_size_is_not_asked_for_beside_the_request_that_fetches_the_file() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    server.faults().add(Fault::Latency(Duration::from_millis(100)).on("*"));
    let objects: Vec<Object> = (0..20).map(|n| object(&server, &format!("7000/{n}"))).collect();
    content.prefetch(objects.clone(), 7000);
    assert!(content.sizes(&objects).into_iter().all(|size| size.unwrap() == Some(7000)));
    let all = |entries: &[crate::demo::http::Entry]| entries.iter().all(|entry| entry.took.is_some());
    assert!(server.journal().wait_for(Duration::from_secs(60), all));
    let entries = server.journal().entries();
    assert!(entries.len() == 20 && entries.iter().all(|entry| entry.method == "GET"), "{entries:?}");
}

#[test]
fn hints_that_come_to_nothing_end_and_may_be_given_again() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let objects: Vec<Object> = (0..40).map(|n| object(&server, &format!("100000/{n}"))).collect();
    let taken = content.prefetch(objects.clone(), 100_000);
    assert!((10..30).contains(&taken), "{taken} of 40");
    assert_eq!(content.prefetch(objects[taken..].to_vec(), 100_000), 0);
    for object in &objects[..taken] {
        assert!(read_all(&content.open(object, 0).unwrap()).unwrap() == painted(0..100_000));
    }
    assert!(content.prefetch(objects[taken..].to_vec(), 100_000) > 0, "they were of use");
}

#[test]
fn closing_ends_what_is_fetched_ahead() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let size = 200 * MIB;
    let file = content.open(&object(&server, &size.to_string()), 0).unwrap();
    server.faults().add(Fault::Rate(2_000_000).on("*"));
    for step in 0..20 {
        file.read(step * 128 * KIB, 128 * KIB as usize).unwrap();
    }
    drop(file);
    let idle = |entries: &[crate::demo::http::Entry]| entries.iter().all(|entry| entry.took.is_some());
    assert!(server.journal().wait_for(Duration::from_secs(20), idle));
    assert!(server.journal().sent() < 24 * MIB, "{}", server.journal().sent());
}
