use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use md5::{Digest, Md5};

use super::*;
use crate::cache;
use crate::content::tests::Plain;
use crate::demo::http::{Content as Served, Server, Slice, answer_content};
use crate::demo::usgs::files::{Member as Packed, tar, tar_gz};
use crate::http::{self, Http};
use crate::item::Checksum;
use crate::report::Report;

const MIB: usize = 1 << 20;

/// Bytes that do not shrink.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    (0..length as u64).map(|at| ((at ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

fn contents() -> [(&'static str, Vec<u8>); 4] {
    [
        ("b.tif", noise(3 * MIB + 77, 1)),
        ("deep/er/a.xml", b"<a/>".to_vec()),
        ("empty", Vec::new()),
        ("c.tif", noise(2 * MIB, 2)),
    ]
}

fn members() -> Vec<Packed> {
    contents().map(|(name, bytes)| Packed::file(name, bytes)).into()
}

fn day() -> jiff::civil::Date {
    jiff::civil::date(2020, 1, 2)
}

/// Serves one body, whatever is asked for; `wrong` times with a byte turned.
fn server(bytes: Vec<u8>, wrong: usize) -> Server {
    let (mut spoilt, times) = (bytes.clone(), AtomicUsize::new(0));
    let middle = spoilt.len() / 2;
    spoilt[middle] ^= 1;
    Server::start(move |request: &crate::demo::http::Request| {
        let wanted = request.header("Range").and_then(|range| range.split_once('=')?.1.split_once('-'));
        let wanted = wanted.map(|(from, to)| from.parse().unwrap_or(0)..=to.parse().unwrap_or(usize::MAX));
        let is_hit = request.method == "GET" && wanted.is_none_or(|wanted| wanted.contains(&middle));
        let is_wrong = is_hit && times.fetch_add(1, Ordering::SeqCst) < wrong;
        let served = Served {
            bytes: Arc::new(Slice(if is_wrong { spoilt.clone() } else { bytes.clone() })),
            media_type: "application/x-gzip".into(),
            etag: Some("\"1\"".into()),
            last_modified: None,
        };
        answer_content(request, &served)
    })
    .unwrap()
}

fn content(folder: &Path, max_bytes: u64) -> Content {
    let report = Arc::new(Report::new());
    let http = Arc::new(Http::new(http::Settings::default(), Vec::new(), report.clone()).unwrap());
    let settings = cache::Settings { folder: folder.to_owned(), max_bytes: Some(max_bytes), min_free: 0 };
    let cache = Arc::new(Cache::open(settings, report.clone()));
    Content::new(http, cache, report, Duration::from_secs(3600))
}

fn object(server: &Server, checksum: Option<&[u8]>) -> Object {
    let origin = Arc::new(Plain(format!("{}/a.tar", server.url())));
    let checksum = checksum.map(|bytes| Checksum { function: 0xd5, digest: Md5::digest(bytes).to_vec() });
    Object { origin, declared_size: None, checksum }
}

fn read_all(file: &OpenFile) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    loop {
        match file.read(bytes.len() as u64, 128 << 10)? {
            more if more.is_empty() => return Ok(bytes),
            more => bytes.extend(more),
        }
    }
}

fn read_member(content: &Content, archive: &Object, path: &str) -> Result<Vec<u8>, Error> {
    let generation = content.generation(archive.origin.identity());
    read_all(&*content.open_member(archive, generation, path)?)
}

/// All members are what was packed.
fn assert_members(content: &Content, archive: &Object) {
    let found = content.members(archive).unwrap();
    let paths: Vec<&str> = found.iter().map(|member| member.path.as_str()).collect();
    assert_eq!(paths, ["b.tif", "c.tif", "deep/er/a.xml", "empty"]);
    for (name, bytes) in contents() {
        let member = found.get(name).unwrap();
        assert_eq!(member.size, bytes.len() as u64);
        assert_eq!(member.modified.to_string(), "2020-01-02T00:00:00Z");
        assert!(read_member(content, archive, name).unwrap() == bytes, "{name}");
    }
    let missing = read_member(content, archive, "nothing").unwrap_err();
    assert_eq!(missing.errno(), libc::ENOENT, "{missing}");
}

#[test]
fn a_tar_is_indexed_by_its_headers_and_read_by_range() {
    let (server, folder) = (server(tar(&members(), day()), 0), tempfile::tempdir().unwrap());
    let (content, archive) = (content(folder.path(), 1 << 30), object(&server, None));
    assert!(content.known_members(&archive).is_none());
    assert_eq!(content.members(&archive).unwrap().iter().count(), 4);
    assert!(server.journal().sent() < MIB as u64, "{}", server.journal().sent());
    assert_eq!(read_member(&content, &archive, "deep/er/a.xml").unwrap(), b"<a/>");
    assert!(server.journal().sent() < MIB as u64, "{}", server.journal().sent());
    assert_members(&content, &archive);
    drop(content);
    server.journal().clear();
    assert_members(&self::content(folder.path(), 1 << 30), &archive);
    assert!(server.journal().is_empty(), "another process asks nothing");
}

#[test]
fn a_tar_gz_is_unpacked_once_and_passed_through() {
    let packed = tar_gz(&members(), day());
    let (server, folder) = (server(packed.clone(), 0), tempfile::tempdir().unwrap());
    let (content, archive) = (content(folder.path(), 1 << 30), object(&server, Some(&packed)));
    assert_members(&content, &archive);
    assert!(server.journal().sent() < packed.len() as u64 * 11 / 10, "{}", server.journal().sent());
    let file = content.open_member(&archive, 0, "b.tif").unwrap();
    let backing = file.backing_file().expect("it is whole");
    let mut inode = std::fs::File::from(backing.try_clone_to_owned().unwrap());
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut inode, &mut bytes).unwrap();
    assert!(bytes == noise(3 * MIB + 77, 1));
    drop((file, content));
    server.journal().clear();
    let again = self::content(folder.path(), 1 << 30);
    assert_members(&again, &archive);
    assert!(server.journal().is_empty(), "another process asks nothing");
}

#[test]
fn a_cache_without_room_serves_members_all_the_same() {
    let packed = tar_gz(&members(), day());
    let (server, folder) = (server(packed.clone(), 0), tempfile::tempdir().unwrap());
    let (content, archive) = (content(folder.path(), MIB as u64), object(&server, Some(&packed)));
    assert_members(&content, &archive);
    let usage = content.cache.usage().unwrap();
    assert!(usage.used <= usage.limit, "{usage:?}");
    let held = content.open_member(&archive, 0, "b.tif").unwrap();
    let same = content.open_member(&archive, 0, "b.tif").unwrap();
    server.journal().clear();
    assert!(read_all(&held).unwrap() == read_all(&same).unwrap());
    assert!(server.journal().is_empty(), "what is open stays");
}

#[test]
fn an_archive_that_is_fetched_for_each_member_is_told_of() {
    let packed = tar_gz(&members(), day());
    for (room, told) in [(1, true), (1024, false)] {
        let (server, folder) = (server(packed.clone(), 0), tempfile::tempdir().unwrap());
        let (content, archive) = (content(folder.path(), room << 20), object(&server, Some(&packed)));
        assert_members(&content, &archive);
        let times = server.journal().sent() / packed.len() as u64;
        assert_eq!(times > 1, told, "{times} times with {room} MiB");
        let note = content.means.report.notes().remove("archives").unwrap_or_default();
        assert_eq!(note.contains("max_bytes in [cache]"), told, "{note}");
    }
}

#[test]
fn bytes_that_came_wrong_are_fetched_once_more() {
    let packed = tar_gz(&members(), day());
    let (server, folder) = (server(packed.clone(), 1), tempfile::tempdir().unwrap());
    let (content, archive) = (content(folder.path(), 1 << 30), object(&server, Some(&packed)));
    assert_members(&content, &archive);
    assert_eq!(content.generation(archive.origin.identity()), 1, "the kernel must forget what it read");
    let sent = server.journal().sent();
    assert!(sent > packed.len() as u64 * 19 / 10 && sent < packed.len() as u64 * 22 / 10, "{sent}");
}

#[test]
fn a_wrong_checksum_is_told_after_two_fetches_and_nothing_is_kept() {
    let packed = tar_gz(&members(), day());
    let (server, folder) = (server(packed.clone(), usize::MAX), tempfile::tempdir().unwrap());
    let (content, archive) = (content(folder.path(), 1 << 30), object(&server, Some(&packed)));
    let told = content.members(&archive).unwrap_err();
    assert!(told.errno() == libc::EIO && told.to_string().contains("twice in a row"), "{told}");
    let sent = server.journal().sent();
    assert!(sent < packed.len() as u64 * 22 / 10, "{sent}");
    server.journal().clear();
    assert!(content.members(&archive).is_err());
    assert!(server.journal().is_empty(), "it is not fetched for ever");
    assert_eq!(content.cached_bytes(&archive), 0);
}

#[test]
fn whoever_reads_to_the_end_is_told_of_a_wrong_checksum() {
    let packed = tar_gz(&members(), day());
    let (server, folder) = (server(packed.clone(), 1), tempfile::tempdir().unwrap());
    let (content, archive) = (content(folder.path(), 1 << 30), object(&server, Some(&packed)));
    let first = content.open(&archive, 0).unwrap();
    let told = read_all(&first).unwrap_err();
    assert!(told.errno() == libc::EIO && told.to_string().contains("fetched once more"), "{told}");
    assert_eq!(content.open(&archive, 0).err().unwrap().errno(), libc::ESTALE);
    let second = content.open(&archive, 1).unwrap();
    assert!(read_all(&second).unwrap() == packed);
}

#[test]
fn archives_that_must_not_be_trusted_are_refused_with_words() {
    let outside =
        |name: &str| vec![Packed::file("good.tif", noise(MIB, 3)), Packed::file(name, b"x".to_vec())];
    let twice = [members(), members()].concat();
    for (what, words) in [
        (outside("../../outside"), "would stand outside"),
        (outside("a/../../outside"), "would stand outside"),
        (outside("/tmp/outside"), "would stand outside"),
        (vec![Packed::symlink("link", "/etc/passwd")], "is a link"),
        (vec![Packed::hardlink("link", "/etc/passwd")], "is a link"),
        (vec![Packed::file("zeros", vec![0; 64 * MIB])], "unpack to more than"),
        (twice, "twice"),
    ] {
        let (gz, plain) = (tar_gz(&what, day()), tar(&what, day()));
        for bytes in [gz, plain].into_iter().filter(|bytes| bytes.len() < 16 * MIB) {
            let (server, folder) = (server(bytes, 0), tempfile::tempdir().unwrap());
            let (content, archive) = (content(folder.path(), 32 << 20), object(&server, None));
            let told = content.members(&archive).unwrap_err();
            assert!(told.errno() == libc::EIO && told.to_string().contains(words), "{told}");
            assert!(content.open_member(&archive, 0, "good.tif").is_err(), "nothing of it is served");
            let usage = content.cache.usage().unwrap();
            assert!(usage.used <= usage.limit, "{usage:?}");
        }
    }
}

#[test]
fn what_is_no_archive_or_breaks_off_is_told() {
    let (gz, plain) = (tar_gz(&members(), day()), tar(&members(), day()));
    for (bytes, words) in [
        (gz[..gz.len() / 2].to_vec(), "broken"),
        (gz[..gz.len() - 3].to_vec(), "broken"),
        (plain[..2 * MIB].to_vec(), "breaks off"),
        (b"<html>Please log in</html>".repeat(100), "neither a tar nor a tar.gz"),
    ] {
        let (server, folder) = (server(bytes, 0), tempfile::tempdir().unwrap());
        let (content, archive) = (content(folder.path(), 1 << 30), object(&server, None));
        let told = content.members(&archive).unwrap_err();
        assert!(told.errno() == libc::EIO && told.to_string().contains(words), "{words}: {told}");
    }
}
