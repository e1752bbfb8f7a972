//! An archive to a file: resumed where it was left, and whole before it gets its name.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};
use url::Url;

use super::Error;
use crate::http::{self, Http, Method, Request, Stream, shown};

/// A read from the network or the disk.
const PIECE: usize = 256 << 10;

/// What is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Where the archive is.
    pub archive: Url,
    /// Where its MD5 is, if anywhere.
    pub checksum: Option<Url>,
    /// The archive's file name: one plain component.
    pub name: String,
}

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is kept where its length is the server's.
    Check,
    /// It is kept.
    Keep,
    /// It is fetched anew.
    Overwrite,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// The file was there.
    Present,
    /// It was fetched, and its MD5 is the server's.
    Verified,
    /// It was fetched; the server has no MD5 of it.
    Unverified,
}

/// How far a transfer is, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It begins, or goes on, at this byte of so many in all (where that is known).
    At(u64, Option<u64>),
    /// So many bytes more.
    More(u64),
}

impl Product {
    /// From what an item says.
    ///
    /// # Errors
    /// Where the archive's URL is none, or does not end in a file name.
    pub fn new(archive: &str, checksum: Option<&str>) -> Result<Product, Error> {
        let wrong = |why: &str| Error::Malformed { what: archive.to_owned(), why: why.to_owned() };
        let url = Url::parse(archive).map_err(|error| wrong(&error.to_string()))?;
        let is_remote = |url: &Url| matches!(url.scheme(), "http" | "https");
        if !is_remote(&url) {
            return Err(wrong("it is on no server"));
        }
        let last = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        let name = percent_encoding::percent_decode_str(last).decode_utf8_lossy().into_owned();
        let is_plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
        if !is_plain || name.chars().any(char::is_control) || name.len() > 200 {
            return Err(wrong("it does not end in a file name"));
        }
        let checksum = checksum.and_then(|text| Url::parse(text).ok()).filter(is_remote);
        Ok(Product { archive: url, checksum, name })
    }

    /// The name without `.tar.gz`: the directory that its members are unpacked to.
    pub fn stem(&self) -> &str {
        self.name.split_once('.').map_or(&self.name, |(stem, _)| stem)
    }
}

/// Fetches an archive into `folder`. Until it is whole and its MD5 is the server's, it is `NAME.part`.
///
/// # Errors
/// The network's, the disk's; [`Error::Corrupt`] where the MD5 is wrong twice.
pub fn fetch(
    http: &Http,
    product: &Product,
    folder: &Path,
    presence: Presence,
    watch: &dyn Fn(Step),
) -> Result<Fetched, Error> {
    let target = folder.join(&product.name);
    if target.exists() && is_good(http, product, &target, presence)? {
        return Ok(Fetched::Present);
    }
    let part = folder.join(format!("{}.part", product.name));
    let expected = product.checksum.as_ref().map(|url| published(http, url)).transpose()?.flatten();
    // A wrong MD5 may be that of a part which was left by another version: the second try begins at zero.
    for _ in 0..2 {
        http.with_retries(|| match transfer(http, product, &part, watch) {
            Ok(()) => Ok(Ok(())),
            Err(Error::Http(error)) => Err(error),
            Err(other) => Ok(Err(other)),
        })??;
        let Some(expected) = &expected else {
            finish(&part, &target)?;
            return Ok(Fetched::Unverified);
        };
        if digest(&part).map_err(|error| Error::disk(&part, &error))? == *expected {
            finish(&part, &target)?;
            return Ok(Fetched::Verified);
        }
        std::fs::remove_file(&part).map_err(|error| Error::disk(&part, &error))?;
    }
    Err(Error::Corrupt(format!(
        "{}: the MD5 is not the one that ESPA publishes, twice; nothing was kept, try again later",
        product.name
    )))
}

/// Whether a file that is there need not be fetched.
fn is_good(http: &Http, product: &Product, target: &Path, presence: Presence) -> Result<bool, Error> {
    match presence {
        Presence::Keep => Ok(true),
        Presence::Overwrite => Ok(false),
        Presence::Check => {
            let head = Request { method: Method::HEAD, ..Request::get(product.archive.clone()) };
            let answer = http.with_retries(|| http.stream(&head))?;
            let length = std::fs::metadata(target).map_err(|error| Error::disk(target, &error))?.len();
            Ok(length_of(&answer).is_none_or(|theirs| theirs == length))
        }
    }
}

/// The published MD5, in small letters; `None` where there is none.
pub(super) fn published(http: &Http, url: &Url) -> Result<Option<String>, Error> {
    let document = match http.document(&Request::get(url.clone())) {
        Err(http::Error::Status { status: 404 | 410, .. }) => return Ok(None),
        other => other?,
    };
    let text = String::from_utf8_lossy(&document.body).to_lowercase();
    let hex = text.split_whitespace().next().unwrap_or_default();
    if hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Some(hex.to_owned()));
    }
    Err(Error::Malformed { what: shown(url), why: "it is no MD5".to_owned() })
}

/// Brings the rest of the archive to its part.
fn transfer(http: &Http, product: &Product, part: &Path, watch: &dyn Fn(Step)) -> Result<(), Error> {
    let disk = |error: std::io::Error| Error::disk(part, &error);
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(part).map_err(disk)?;
    let have = file.seek(SeekFrom::End(0)).map_err(disk)?;
    let mut request = Request::get(product.archive.clone());
    if have > 0 {
        request = request.with_header("Range", format!("bytes={have}-"));
    }
    let answer = match http.stream(&request) {
        // Nothing is left to fetch, or the part is longer than the archive: the MD5 tells which.
        Err(http::Error::Status { status: 416, .. }) => {
            let size =
                http.stream(&Request { method: Method::HEAD, ..Request::get(product.archive.clone()) })?;
            if length_of(&size) == Some(have) {
                return Ok(());
            }
            file.set_len(0).map_err(disk)?;
            file.rewind().map_err(disk)?;
            http.stream(&Request::get(product.archive.clone()))?
        }
        other => other?,
    };
    let at = match start_of(&answer) {
        Some(at) if at == have => at,
        _ if answer.status == 200 => {
            file.set_len(0).map_err(disk)?;
            file.rewind().map_err(disk)?;
            0
        }
        _ => {
            // The next try asks for all of it.
            file.set_len(0).map_err(disk)?;
            let why = "the server sent another range than was asked for".to_owned();
            return Err(http::Error::Broken { url: shown(&product.archive), got: 0, why }.into());
        }
    };
    let rest = length_of(&answer);
    watch(Step::At(at, rest.map(|rest| at + rest)));
    let written = copy(answer, &mut file, part, product, watch)?;
    if rest.is_some_and(|rest| rest != written) {
        let why = format!("{written} bytes of {} came", rest.unwrap_or_default());
        return Err(http::Error::Broken { url: shown(&product.archive), got: written, why }.into());
    }
    file.sync_all().map_err(disk)
}

fn copy(
    mut answer: Stream,
    file: &mut File,
    part: &Path,
    product: &Product,
    watch: &dyn Fn(Step),
) -> Result<u64, Error> {
    let mut piece = vec![0; PIECE];
    let mut written = 0;
    loop {
        let read = match answer.read(&mut piece) {
            Ok(0) => return Ok(written),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(http::Error::of_read(shown(&product.archive), written, error).into()),
        };
        file.write_all(piece.get(..read).unwrap_or_default()).map_err(|error| Error::disk(part, &error))?;
        written += read as u64;
        watch(Step::More(read as u64));
    }
}

fn length_of(answer: &Stream) -> Option<u64> {
    answer.headers.get("content-length")?.to_str().ok()?.parse().ok()
}

/// The first byte of a partial answer.
fn start_of(answer: &Stream) -> Option<u64> {
    if answer.status != 206 {
        return None;
    }
    let range = answer.headers.get("content-range")?.to_str().ok()?;
    range.trim().strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

fn digest(path: &PathBuf) -> std::io::Result<String> {
    let (mut file, mut digest, mut piece) = (File::open(path)?, Md5::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => digest.update(piece.get(..read).unwrap_or_default()),
        }
    }
}

fn finish(part: &Path, target: &Path) -> Result<(), Error> {
    std::fs::rename(part, target).map_err(|error| Error::disk(target, &error))
}
