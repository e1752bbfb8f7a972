//! Files of this machine, answered as a server would: ranges, conditions, entity tags.
//!
//! Only a request for a `file:` URL comes here. Redirects never do, and whoever asks sees to it that no
//! server chose the URL.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{Document, Error, Request, Stream, shown};
use crate::report::current_progress;

/// Whether a URL names a file of this machine.
pub(super) fn is_local(url: &Url) -> bool {
    url.scheme() == "file"
}

/// The whole of a file of at most `most` bytes.
///
/// # Errors
/// As [`stream`], and [`Error::Unexpected`] where it is larger.
pub(super) fn document(request: &Request, most: u64) -> Result<Document, Error> {
    let Stream { url, status, headers, body } = stream(request)?;
    let mut bytes = Vec::new();
    let read = body.take(most.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| Error::of_read(shown(&url), bytes.len() as u64, error))?;
    if bytes.len() as u64 > most {
        let why = format!("the file is larger than the {most} bytes allowed");
        return Err(Error::Unexpected { url: shown(&url), why });
    }
    Ok(Document { url, status, headers, body: bytes })
}

/// A file as an answer: 200 or 206 and its bytes.
///
/// # Errors
/// [`Error::Status`] with the status a server would give: 404 (no such file), 304, 412, 416, 405.
/// [`Error::Denied`] where it may not be read.
pub(super) fn stream(request: &Request) -> Result<Stream, Error> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(status(request, 405, "a file is only read"));
    }
    let (mut file, version) = open(request)?;
    let tag = version.tag();
    if header(request, "if-match").is_some_and(|wanted| !names(wanted, &tag)) {
        return Err(status(request, 412, "the file has changed"));
    }
    if header(request, "if-none-match").is_some_and(|known| names(known, &tag)) {
        return Err(status(request, 304, "the file has not changed"));
    }
    let mut headers = HeaderMap::new();
    let range = header(request, "range").filter(|_| request.method == Method::GET).and_then(range);
    let (code, bytes) = match range {
        Some((first, _)) if first >= version.size => {
            return Err(status(request, 416, "the file ends before that"));
        }
        Some((first, last)) => {
            let bytes = first..last.map_or(version.size, |last| last.saturating_add(1).min(version.size));
            put(&mut headers, "content-range", &content_range(&bytes, version.size));
            (206, bytes)
        }
        None => (200, 0..version.size),
    };
    put(&mut headers, "content-length", &(bytes.end - bytes.start).to_string());
    put(&mut headers, "accept-ranges", "bytes");
    put(&mut headers, "etag", &tag);
    if let Some(modified) = version.modified() {
        put(&mut headers, "last-modified", &modified);
    }
    file.seek(SeekFrom::Start(bytes.start)).map_err(|error| unreadable(request, &error))?;
    let length = if request.method == Method::HEAD { 0 } else { bytes.end - bytes.start };
    let body = Box::new(Body(file.take(length)));
    Ok(Stream { url: request.url.clone(), status: code, headers, body })
}

fn open(request: &Request) -> Result<(File, Version), Error> {
    let path: PathBuf =
        request.url.to_file_path().map_err(|()| status(request, 404, "this names no file"))?;
    // Without O_NONBLOCK the opening of a pipe would wait for its writer.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = opened.map_err(|error| unreadable(request, &error))?;
    let metadata = file.metadata().map_err(|error| unreadable(request, &error))?;
    if !metadata.is_file() {
        return Err(status(request, 404, "this is no file"));
    }
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    Ok((file, Version { size: metadata.len(), inode: metadata.ino(), seconds, nanoseconds }))
}

/// What tells one state of a file from another.
struct Version {
    size: u64,
    inode: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Version {
    fn tag(&self) -> String {
        format!("\"{:x}-{:x}-{:x}.{:x}\"", self.inode, self.size, self.seconds, self.nanoseconds)
    }

    fn modified(&self) -> Option<String> {
        let at = Timestamp::from_second(self.seconds).ok()?;
        jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
    }
}

/// The bytes of a file as they are read; whoever waits sees that they come.
struct Body(io::Take<File>);

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        if let Some(progress) = current_progress() {
            progress.touch(read as u64);
        }
        Ok(read)
    }
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// Whether a list of entity tags names this one.
fn names(list: &str, tag: &str) -> bool {
    list.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// `bytes=FIRST-LAST` or `bytes=FIRST-`, both ends included. What else may be written is not asked for here.
pub(super) fn range(value: &str) -> Option<(u64, Option<u64>)> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse().ok()?;
    match last {
        "" => Some((first, None)),
        last => last.parse().ok().filter(|last| *last >= first).map(|last| (first, Some(last))),
    }
}

fn content_range(bytes: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", bytes.start, bytes.end - 1)
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn status(request: &Request, status: u16, words: &str) -> Error {
    Error::Status { url: shown(&request.url), status, words: words.to_owned(), retry_after: None }
}

fn unreadable(request: &Request, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => status(request, 404, "no such file"),
        io::ErrorKind::PermissionDenied => {
            Error::Denied { url: shown(&request.url), why: format!("the file may not be read: {error}") }
        }
        _ => Error::Unexpected { url: shown(&request.url), why: format!("the file cannot be read: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Desk {
        _folder: tempfile::TempDir,
        path: PathBuf,
        url: Url,
    }

    impl Desk {
        fn of(bytes: &[u8]) -> Desk {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a b%.bin");
            std::fs::write(&path, bytes).unwrap();
            let url = Url::from_file_path(&path).unwrap();
            Desk { _folder: folder, path, url }
        }

        fn ask(&self, headers: &[(&str, &str)]) -> Result<Stream, Error> {
            let get = Request::get(self.url.clone());
            stream(&headers.iter().fold(get, |request, (name, value)| request.with_header(*name, *value)))
        }

        fn tag(&self) -> String {
            self.ask(&[]).unwrap().headers["etag"].to_str().unwrap().to_owned()
        }
    }

    fn bytes(mut stream: Stream) -> Vec<u8> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn ranges_are_those_asked_for() {
        let desk = Desk::of(b"0123456789");
        for (range, want, told) in [
            ("bytes=2-4", &b"234"[..], "bytes 2-4/10"),
            ("bytes=7-99", b"789", "bytes 7-9/10"),
            ("bytes=9-", b"9", "bytes 9-9/10"),
        ] {
            let stream = desk.ask(&[("Range", range)]).unwrap();
            assert_eq!(
                (stream.status, stream.headers["content-range"].to_str().unwrap()),
                (206, told),
                "{range}"
            );
            assert_eq!(stream.headers["content-length"], want.len().to_string().as_str());
            assert_eq!(bytes(stream), want);
        }
        assert_eq!(desk.ask(&[("Range", "bytes=10-11")]).err().unwrap().status(), Some(416));
        let whole = desk.ask(&[]).unwrap();
        assert_eq!((whole.status, whole.headers["content-length"].to_str().unwrap()), (200, "10"));
        assert_eq!(bytes(whole), b"0123456789");
    }

    #[test]
    fn a_head_has_no_body_and_an_empty_file_no_range() {
        let desk = Desk::of(b"0123456789");
        let head = stream(&Request { method: Method::HEAD, ..Request::get(desk.url.clone()) }).unwrap();
        assert_eq!(head.headers["content-length"], "10");
        assert!(bytes(head).is_empty());
        let empty = Desk::of(b"");
        assert_eq!(empty.ask(&[("Range", "bytes=0-0")]).err().unwrap().status(), Some(416));
        assert!(bytes(empty.ask(&[]).unwrap()).is_empty());
    }

    #[test]
    fn conditions_hold_until_the_file_changes() {
        let desk = Desk::of(b"one");
        let tag = desk.tag();
        let asked = |name: &str| desk.ask(&[(name, &tag)]).map(bytes).map_err(|error| error.status());
        assert_eq!((asked("If-Match"), asked("If-None-Match")), (Ok(b"one".to_vec()), Err(Some(304))));
        std::fs::write(&desk.path, b"other").unwrap();
        assert_eq!((asked("If-Match"), asked("If-None-Match")), (Err(Some(412)), Ok(b"other".to_vec())));
    }

    #[test]
    fn what_is_no_file_is_not_there() {
        let desk = Desk::of(b"");
        let at = |path: &std::path::Path| Request::get(Url::from_file_path(path).unwrap());
        for path in [desk.path.with_file_name("nothing"), desk.path.join("below"), std::env::temp_dir()] {
            assert_eq!(stream(&at(&path)).err().unwrap().status(), Some(404), "{path:?}");
        }
        let post = Request::post(desk.url.clone(), &serde_json::Value::Null);
        assert_eq!(stream(&post).err().unwrap().status(), Some(405));
    }

    #[test]
    fn documents_are_bounded() {
        let desk = Desk::of(b"12345");
        assert_eq!(document(&Request::get(desk.url.clone()), 5).unwrap().body, b"12345");
        let error = document(&Request::get(desk.url.clone()), 4).unwrap_err();
        assert!(error.to_string().contains("larger"), "{error}");
    }
}
