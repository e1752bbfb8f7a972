//! Answers that come late, break off, or do not tell the truth.

use super::*;
use crate::demo::http::Response;

#[test]
fn a_stuck_answer_is_asked_for_once_more() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let patient = http::Settings { stream_silence: Duration::from_secs(600), ..http::Settings::default() };
    let content = content_over(patient, Some(folder.path()), 1 << 30, HOUR);
    let file = content.open(&object(&server, &(100 * MIB).to_string()), 0).unwrap();
    server.faults().add(Fault::Silence.on("*").times(1));
    server.journal().clear();
    // The test would take ten minutes without.
    assert!(file.read(50 * MIB, 1000).unwrap() == painted(50 * MIB..50 * MIB + 1000));
    let ranges: Vec<_> = server.journal().entries().iter().map(|e| e.range().map(str::to_owned)).collect();
    assert!(ranges.len() == 2 && ranges[0] == ranges[1], "{ranges:?}");
    assert_eq!(content.means.report.counters.retries.get(), 0, "nothing failed meanwhile");
}

#[test]
fn a_first_contact_that_breaks_off_is_gone_on_with() {
    let server = server();
    for folder in [Some(tempfile::tempdir().unwrap()), None] {
        let content = content(folder.as_ref().map(tempfile::TempDir::path), 1 << 30, HOUR);
        for (size, cut) in [(MIB, 700_000), (100_000, 70_000), (7_000, 3_000)] {
            server.journal().clear();
            server.faults().add(Fault::CutAfter(cut).on("*").times(1));
            let object = Object { declared_size: Some(size), ..object(&server, &size.to_string()) };
            assert!(read_all(&content.open(&object, 0).unwrap()).unwrap() == painted(0..size));
            let sent = server.journal().sent();
            assert!(sent < size + cache::BLOCK, "{sent} of {size}");
            assert_eq!(server.journal().len(), 2, "{size}");
        }
    }
}

#[test]
fn a_first_contact_goes_on_with_the_same_version_only() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    let content = fresh(folder.path());
    let object = Object { declared_size: Some(MIB), ..object(&server, &MIB.to_string()) };
    server.faults().add(Fault::CutAfter(700_000).on("*").times(1));
    let file = content.open(&object, 0).unwrap();
    server.faults().add(Fault::NewVersion(1).on("*"));
    assert!(file.read(0, 1000).unwrap() == painted(0..1000));
    assert!(matches!(read_all(&file), Err(Error::Changed { .. })));
}

#[test]
fn a_length_of_nothing_in_answer_to_head_is_doubted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request: &crate::demo::http::Request| {
        if request.method == "HEAD" {
            return Response::bytes(200, "image/tiff", "").with("ETag", "\"v1\"");
        }
        let served = Served {
            bytes: Arc::new(Painted(300_000)),
            media_type: "image/tiff".into(),
            etag: Some("\"v1\"".into()),
            last_modified: None,
        };
        answer_content(request, &served)
    })
    .unwrap();
    let content = content(Some(folder.path()), 1 << 30, Duration::ZERO);
    let object = object(&server, "a");
    assert_eq!(*content.sizes(std::slice::from_ref(&object))[0].as_ref().unwrap(), Some(300_000));
    for _ in 0..2 {
        assert!(read_all(&content.open(&object, 0).unwrap()).unwrap() == painted(0..300_000));
    }
}
