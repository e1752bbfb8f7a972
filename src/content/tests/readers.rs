//! Several handles on one file.

use super::*;

#[test]
fn readers_who_share_the_kernels_pages_are_seen_as_one() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let size = 24 * MIB;
    let object = object(&server, &size.to_string());
    let files: Vec<_> = (0..8).map(|_| content.open(&object, 0).unwrap()).collect();
    // Whoever comes first to a page asks for it, and the others find it: no handle sees more than a part.
    let mut random = 7u64;
    for at in (0..size).step_by(128 * KIB as usize) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let file = &files[(random >> 60) as usize % files.len()];
        assert!(file.read(at, 128 * KIB as usize).unwrap() == painted(at..at + 128 * KIB));
    }
    let requests = server.journal().len();
    assert!(requests < 40, "{requests} requests for {} reads", size / (128 * KIB));
    assert!(server.journal().sent() <= size * 101 / 100, "{} of {size}", server.journal().sent());
}

#[test]
fn readers_at_different_places_are_told_apart() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let size = 64 * MIB;
    let object = object(&server, &size.to_string());
    let files: Vec<_> = (0..4).map(|_| content.open(&object, 0).unwrap()).collect();
    for step in 0..48 {
        for (part, file) in (0..).zip(&files) {
            let at = part * 16 * MIB + step * 128 * KIB;
            assert!(file.read(at, 128 * KIB as usize).unwrap() == painted(at..at + 128 * KIB));
        }
    }
    let requests = server.journal().len();
    assert!(requests < 96, "{requests} requests for {} reads", 4 * 48);
}

#[test]
fn a_large_file_is_verified_beside_its_readers_and_lent_to_the_next() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let size = 12 * MIB;
    let object = object(&server, &size.to_string());
    let file = content.open(&object, 0).unwrap();
    assert!(read_all(&file).unwrap() == painted(0..size));
    file.check().unwrap();
    assert!(file.backing_file_soon().is_none(), "it was not verified yet");
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while content.open(&object, 0).unwrap().backing_file_soon().is_none() {
        assert!(std::time::Instant::now() < deadline, "never lent");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(file.backing_file_soon().is_none(), "a handle stays as it was opened");
    drop(file);
    let again = fresh(folder.path());
    assert!(again.open(&object, 0).unwrap().backing_file_soon().is_some(), "another process knows");
}
