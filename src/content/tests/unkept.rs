//! Checksums of what no cache holds: summed up as the bytes pass.

use super::*;
use sha2::Digest;

const SIZE: u64 = 9 * MIB + 77;

fn promised(bytes: &[u8]) -> Option<Checksum> {
    Some(Checksum { function: 0x12, digest: sha2::Sha256::digest(bytes).to_vec() })
}

/// Without a cache, and with one on a disk that is full.
fn services(folder: &Path) -> [Arc<Content>; 2] {
    let content = content(None, 0, HOUR);
    let settings = cache::Settings { folder: folder.to_owned(), max_bytes: None, min_free: u64::MAX / 2 };
    let cache = Cache::open(settings, content.means.report.clone());
    let (http, report) = (content.means.http.clone(), content.means.report.clone());
    let full = Arc::new(Content::new(http, Arc::new(cache), report, HOUR));
    [content, full]
}

#[test]
fn a_file_read_from_its_first_byte_on_is_checked() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let bytes = painted(0..SIZE);
    for (at, content) in services(folder.path()).into_iter().enumerate() {
        for flags in ["plain", "stream"] {
            if flags == "stream" {
                server.faults().add(Fault::IgnoreRange.on("*"));
            }
            let path = |name: &str| format!("{SIZE}/{at}{flags}{name}");
            let right = Object { checksum: promised(&bytes), ..object(&server, &path("right")) };
            let file = content.open(&right, 0).unwrap();
            assert!(read_all(&file).unwrap() == bytes);
            assert!(file.body.sound.get().is_some(), "{at} {flags}: checked, and found right");

            let wrong = Object { checksum: promised(&bytes[1..]), ..object(&server, &path("wrong")) };
            let file = content.open(&wrong, 0).unwrap();
            let error = read_all(&file).unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{at} {flags}: {error}");
            assert!(content.means.report.notes().iter().all(|(subject, _)| subject != "checksums"));
        }
        server.faults().clear();
    }
}

#[test]
fn a_file_read_elsewhere_first_is_told_of() {
    let server = server();
    let content = content(None, 0, HOUR);
    let wanted = Object { checksum: promised(&[]), ..object(&server, &SIZE.to_string()) };
    let file = content.open(&wanted, 0).unwrap();
    for at in [4 * MIB, SIZE - 10] {
        let length = 64 * KIB as usize;
        assert!(file.read(at, length).unwrap() == painted(at..SIZE.min(at + length as u64)));
    }
    let notes = content.means.report.notes();
    assert!(notes["checksums"].contains("without its checksum having been checked"), "{notes:?}");
    // Whoever reads it through now gets the verdict all the same.
    assert!(matches!(read_all(&file), Err(Error::Corrupt { .. })));
}
