//! Checksums that a catalogue declares.

use sha2::{Digest, Sha256};

use super::*;

#[test]
fn a_declared_checksum_is_checked_once_all_is_here() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    for size in [5_000, 3 * MIB] {
        let checksum = |bytes: Vec<u8>| {
            Some(crate::item::Checksum { function: 0x12, digest: Sha256::digest(bytes).to_vec() })
        };
        let older = crate::item::Checksum { function: 0x11, digest: vec![1; 20] };
        let older = Object { checksum: Some(older), ..object(&server, &format!("{size}/sha1")) };
        let read = content.open(&older, 0).and_then(|file| read_all(&file).and(file.read(0, 1)));
        assert!(size > MIB || matches!(read, Err(Error::Corrupt { .. })), "SHA-1 is verified too");
        let right =
            Object { checksum: checksum(painted(0..size)), ..object(&server, &format!("{size}/right")) };
        let file = content.open(&right, 0).unwrap();
        assert!(read_all(&file).unwrap() == painted(0..size));
        assert!(read_all(&file).unwrap() == painted(0..size));

        let wrong = Object { checksum: checksum(vec![1]), ..object(&server, &format!("{size}/wrong")) };
        let error = match content.open(&wrong, 0) {
            Err(error) => error,
            Ok(file) => {
                let _ = read_all(&file);
                let deadline = std::time::Instant::now() + Duration::from_secs(60);
                loop {
                    assert!(std::time::Instant::now() < deadline);
                    if let Err(error) = file.read(0, 1) {
                        break error;
                    }
                    std::thread::yield_now();
                }
            }
        };
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        assert_eq!(content.cached_bytes(&wrong), 0, "nothing of it stays");
    }
}

#[test]
fn a_checksum_is_summed_up_once_and_not_at_each_open() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let size = 8 * MIB;
    let object = |digest: Vec<u8>| Object {
        checksum: Some(crate::item::Checksum { function: 0x12, digest }),
        ..object(&server, &size.to_string())
    };
    let right = object(Sha256::digest(painted(0..size)).to_vec());
    let content = fresh(folder.path());
    let file = content.open(&right, 0).unwrap();
    assert!(read_all(&file).unwrap() == painted(0..size));
    drop(file);
    for content in [content, fresh(folder.path())] {
        let before = read_by_this_thread();
        drop(content.open(&right, 0).unwrap());
        let read = read_by_this_thread() - before;
        assert!(read < size / 2, "{read} bytes were read to open it");
    }
    let error = fresh(folder.path()).open(&object(vec![1; 32]), 0).err().unwrap();
    assert!(matches!(error, Error::Corrupt { .. }), "another checksum is another question: {error}");
}

/// Bytes that this thread has read so far, of whatever.
fn read_by_this_thread() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/io").unwrap();
    told.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok()).unwrap()
}
