//! One open file is one version of an object, and what an unruly server says is never taken for its bytes.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use stacfs::demo::http::{Fault, Lifetime, Rule, Signatures};

use crate::mounted::{Mounted, Place};
use crate::noise::{KIB, MIB, Noisy, serve};

/// A mount with these lines in its configuration.
fn configured(lines: &str, url: &str) -> Mounted {
    let place = Place::new();
    place.configure(lines);
    place.mount(&[url])
}

#[test]
fn a_handle_reads_one_version_and_a_new_open_the_new_one() {
    const FILE: Noisy = Noisy::told("one", "one.bin", 12 * MIB);
    let demo = serve(&[FILE]);
    let mount = Mounted::of(&demo.stac_url);
    let path = mount.path(&FILE.path());
    let old = File::open(&path).unwrap();
    let inode = old.metadata().unwrap().ino();
    let mut piece = vec![0; MIB as usize];
    old.read_exact_at(&mut piece, 0).unwrap();
    FILE.check(0, &piece);

    demo.server.faults().add(Fault::NewVersion(9).on(&FILE.url_path()));
    let mut refused = None;
    for megabyte in 1..12 {
        match old.read_at(&mut piece, megabyte * MIB) {
            // Fetched ahead, before it changed.
            Ok(count) => FILE.check(megabyte * MIB, &piece[..count]),
            Err(error) => refused = error.raw_os_error(),
        }
    }
    // The kernel's read-ahead knows no other error than EIO.
    assert!(matches!(refused, Some(libc::ESTALE | libc::EIO)), "{refused:?}");
    let errors = mount.text(".stacfs/errors");
    assert!(errors.contains("ESTALE") && errors.contains("the object changed"), "{errors}");

    // Another program opens it: all new, and no error.
    let new = File::open(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    FILE.check_version(0, &bytes, 9);
    assert_eq!(bytes.len() as u64, FILE.length);
    assert_ne!(new.metadata().unwrap().ino(), inode, "a new version is a new inode");
    // The old handle has no byte of it.
    for megabyte in 0..12 {
        if let Ok(count) = old.read_at(&mut piece, megabyte * MIB) {
            FILE.check(megabyte * MIB, &piece[..count]);
        }
    }
}

#[test]
fn a_version_is_asked_for_again_when_its_lifetime_is_over() {
    const FILES: [Noisy; 2] =
        [Noisy::told("two", "small.bin", 100 * KIB), Noisy::untold("two", "large.bin", 4 * MIB)];
    let demo = serve(&FILES);
    let mount = configured("[mount]\nversion_lifetime = 1s\n", &demo.stac_url);
    for file in &FILES {
        let path = mount.path(&file.path());
        file.check(0, &fs::read(&path).unwrap());
        let inode = fs::metadata(&path).unwrap().ino();
        demo.server.faults().add(Fault::NewVersion(3).on(&file.url_path()));
        let start = Instant::now();
        loop {
            // Each read is of one version, from the first byte to the last.
            let bytes = fs::read(&path).unwrap();
            let is_new = bytes[0] != file.expected(0, 1)[0];
            file.check_version(0, &bytes, if is_new { 3 } else { 0 });
            if is_new {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "the new version never came");
            thread::sleep(Duration::from_millis(50));
        }
        assert_ne!(fs::metadata(&path).unwrap().ino(), inode);
    }
}

#[test]
fn without_validators_or_a_lifetime_a_file_can_be_read() {
    const FILES: [Noisy; 2] =
        [Noisy::told("two", "told.bin", 2 * MIB), Noisy::untold("two", "untold.bin", 3 * MIB)];
    let demo = serve(&FILES);
    demo.server.faults().add(Fault::NoValidators.on("/assets/*"));
    let mount = configured("[mount]\nversion_lifetime = 0s\n", &demo.stac_url);
    for file in FILES.iter().chain(&FILES) {
        assert_eq!(read(&mount, file), Ok(()), "{}", mount.text(".stacfs/errors"));
    }
}

#[test]
fn a_server_whose_tags_change_with_every_answer_is_seen_through() {
    const FILE: Noisy = Noisy::told("one", "one.bin", 4 * MIB);
    let demo = serve(&[FILE]);
    demo.server.faults().add(Fault::RestlessEtag.on("/assets/*"));
    let mount = Mounted::of(&demo.stac_url);
    // It looks like a change to the first reader, if it is not known yet what such a tag is worth.
    let first = read(&mount, &FILE);
    assert!(matches!(first, Ok(()) | Err(Some(libc::ESTALE | libc::EIO))), "{first:?}");
    for _ in 0..2 {
        assert_eq!(read(&mount, &FILE), Ok(()), "{}", mount.text(".stacfs/errors"));
    }
}

/// What becomes of reading a file whose server has a fault.
#[derive(Debug)]
enum Outcome {
    /// The bytes, all of them right.
    Right,
    /// One of these errors, with words.
    Fails(&'static [i32]),
}

use Outcome::{Fails, Right};

/// Unruly servers. Each has two files: one whose item tells the size, and one whose item does not.
fn unruly() -> Vec<(&'static str, Vec<Fault>, Outcome)> {
    // What is tried again may take longer than a call may wait.
    const RETRIED: &[i32] = &[libc::EIO, libc::ETIMEDOUT];
    let expiring = || Fault::Signed(Arc::new(Signatures::new(Lifetime::Requests(2))));
    vec![
        ("ignores-range", vec![Fault::IgnoreRange], Right),
        ("ignores-range-chunked", vec![Fault::IgnoreRange, Fault::Chunked], Right),
        ("chunked", vec![Fault::Chunked], Right),
        ("close-delimited", vec![Fault::CloseDelimited], Right),
        ("no-head", vec![Fault::NoHead(405)], Right),
        ("head-forbidden", vec![Fault::NoHead(403)], Right),
        ("no-validators", vec![Fault::NoValidators], Right),
        ("neither", vec![Fault::NoValidators, Fault::IgnoreRange, Fault::NoHead(501)], Right),
        ("closes-early", vec![Fault::CutAfter(300_000)], Right),
        ("resets-early", vec![Fault::ResetAfter(300_000)], Right),
        ("hangs-up", vec![Fault::HangUp], Right),
        ("gzip-unasked", vec![Fault::IgnoreRange, Fault::Gzip], Right),
        ("expiring-redirect", vec![expiring()], Right),
        ("closes-at-once", vec![Fault::CutAfter(0)], Fails(RETRIED)),
        ("gzip-of-a-part", vec![Fault::Gzip], Fails(&[libc::EIO])),
        ("wrong-part", vec![Fault::WrongContentRange(100)], Fails(&[libc::EIO])),
        ("a-login-page", vec![Fault::html(200)], Fails(&[libc::EACCES])),
        ("forbidden", vec![Fault::status(403)], Fails(&[libc::EACCES])),
        ("broken", vec![Fault::status(500)], Fails(RETRIED)),
        ("gone", vec![Fault::status(404)], Fails(&[libc::ENOENT])),
        ("falls-silent", vec![Fault::StallAfter(0)], Fails(&[libc::ETIMEDOUT])),
        ("is-silent", vec![Fault::Silence], Fails(&[libc::ETIMEDOUT])),
    ]
}

/// Reads a file whole. Every byte that comes must be right, also before an error.
fn read(mount: &Mounted, file: &Noisy) -> Result<(), Option<i32>> {
    let handle = File::open(mount.path(&file.path())).map_err(|error| error.raw_os_error())?;
    file.read_all(&handle).map_err(|error| error.raw_os_error())
}

#[test]
fn unruly_servers_give_right_bytes_or_an_error_in_words() {
    const LENGTH: u64 = 2 * MIB + 321;
    let cases = unruly();
    let files: Vec<Noisy> = cases
        .iter()
        .flat_map(|(name, ..)| {
            [Noisy::told(name, "told.tif", LENGTH), Noisy::untold(name, "untold.tif", LENGTH)]
        })
        .collect();
    let demo = serve(&files);
    for (name, faults, _) in &cases {
        let rule = |fault: &Fault| -> Rule { fault.clone().on(&format!("/assets/{name}/*")) };
        faults.iter().for_each(|fault| demo.server.faults().add(rule(fault)));
    }
    let lines = "[limits]\nmetadata_silence = 3s\nread_silence = 3s\n";
    let mount = configured(lines, &demo.stac_url);
    let wrong: Vec<String> = thread::scope(|scope| {
        let readers: Vec<_> = cases
            .iter()
            .zip(files.chunks(2))
            .map(|((name, _, outcome), files)| {
                let mount = &mount;
                scope.spawn(move || {
                    let mut wrong = Vec::new();
                    for file in files {
                        let start = Instant::now();
                        let result = read(mount, file);
                        let (took, file) = (start.elapsed(), file.name);
                        let expected = match (&result, outcome) {
                            (Ok(()), Right) => true,
                            // The page cache knows no other error than EIO for what it reads ahead.
                            (Err(Some(errno)), Fails(these)) => these.contains(errno) || *errno == libc::EIO,
                            _ => false,
                        };
                        if !expected || took > Duration::from_secs(40) {
                            wrong.push(format!("{name}/{file}: {result:?} after {took:?}, not {outcome:?}"));
                        }
                    }
                    wrong
                })
            })
            .collect();
        readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
    });
    let errors = mount.text(".stacfs/errors");
    assert!(wrong.is_empty(), "{}\n{errors}", wrong.join("\n"));
    for (name, _, outcome) in &cases {
        if matches!(outcome, Fails(_)) {
            let line = errors.lines().find(|line| line.contains(&format!("/{name}/")));
            let words = line.and_then(|line| line.split('\t').nth(3));
            assert!(words.is_some_and(|words| words.len() > 20), "{name}: {line:?}\n{errors}");
        }
    }

    // The next good answer works. Who comes while an old request still waits in vain is told so once more.
    demo.server.faults().clear();
    let deadline = Instant::now() + Duration::from_secs(180);
    for file in &files {
        while let Err(errno) = read(&mount, file) {
            let (item, name) = (file.item, file.name);
            assert!(
                errno == Some(libc::ETIMEDOUT) && Instant::now() < deadline,
                "{item}/{name}: {errno:?}\n{}",
                mount.text(".stacfs/errors")
            );
        }
    }
}
