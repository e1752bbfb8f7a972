//! What the head of an answer says: which version, which bytes of it, and whether it is to be believed.
//!
//! Pure: headers in, judgement out. Every answer to a range request passes here before a byte of it is used.

use std::ops::Range;

use jiff::Timestamp;

use super::Version;
use crate::http::HeaderMap;

/// No file of the kernel's is longer.
const LONGEST: u64 = i64::MAX as u64;

/// What the body of an answer is.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// These bytes of the object, in this order, from the first one asked for on. May end early.
    Range(Range<u64>),
    /// All of the object, although a range was asked for.
    Whole,
}

/// The head of an answer, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Which bytes follow.
    pub part: Part,
    /// Size of the whole object, where the answer tells.
    pub size: Option<u64>,
    /// The entity tag, as written.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub modified: Option<Timestamp>,
    /// Whether the body is compressed, though nobody asked for that.
    pub coded: bool,
}

impl Head {
    /// Understands the answer to a request for `wanted` (a HEAD request wants nothing). Errors are words about
    /// what is wrong with it.
    pub fn read(status: u16, headers: &HeaderMap, wanted: &Range<u64>) -> Result<Head, String> {
        let length = text(headers, "content-length").and_then(|length| length.parse::<u64>().ok());
        let length = length.filter(|length| *length <= LONGEST);
        let coding = text(headers, "content-encoding").unwrap_or("identity");
        let coded = !coding.trim().eq_ignore_ascii_case("identity") && !coding.trim().is_empty();
        let (part, size) = match (status, text(headers, "content-range")) {
            (206, Some(range)) => {
                if coded {
                    return Err(format!("a part of a {coding} stream was sent, which cannot be unpacked"));
                }
                let (range, size) = content_range(range)
                    .ok_or_else(|| format!("Content-Range `{range}` cannot be understood"))?;
                if range.start != wanted.start || range.end > wanted.end {
                    return Err(format!(
                        "bytes {}-{} were asked for, and {}-{} were sent",
                        wanted.start,
                        wanted.end - 1,
                        range.start,
                        range.end - 1
                    ));
                }
                if length.is_some_and(|length| length != range.end - range.start) {
                    return Err("Content-Length and Content-Range contradict one another".into());
                }
                (Part::Range(range), size)
            }
            (206, None) => return Err("status 206 without Content-Range".into()),
            (200 | 203, _) => (Part::Whole, length.filter(|_| !coded)),
            (202, _) => return Err("the server is still preparing it (HTTP 202); try again later".into()),
            _ => return Err(format!("HTTP {status} came, which is neither the file nor a part of it")),
        };
        let modified = text(headers, "last-modified").and_then(http_date);
        let etag = text(headers, "etag").map(str::trim).filter(|etag| !etag.is_empty()).map(str::to_owned);
        Ok(Head { part, size, etag, modified, coded })
    }

    /// The version it speaks of, where it tells the size.
    pub fn version(&self) -> Option<Version> {
        Some(Version { size: self.size?, etag: self.etag.clone(), modified: self.modified })
    }

    /// Whether it tells that the object is of `version`, and not only nothing to the contrary.
    pub fn confirms(&self, version: &Version) -> bool {
        let tells = (self.etag.is_some() && version.etag.is_some())
            || (self.modified.is_some() && version.modified.is_some());
        tells && self.is_of(version)
    }

    /// Whether it may speak of `version`. What it does not tell does not count against it.
    pub fn is_of(&self, version: &Version) -> bool {
        let same_size = self.size.is_none_or(|size| size == version.size);
        let same_tag = match (&self.etag, &version.etag) {
            (Some(ours), Some(theirs)) => bare(ours) == bare(theirs),
            _ => match (self.modified, version.modified) {
                (Some(ours), Some(theirs)) => ours.as_second() == theirs.as_second(),
                _ => true,
            },
        };
        same_size && same_tag
    }
}

impl Version {
    /// What tells this version of an object from its others, for the key of its blocks. `None` where the
    /// server says nothing to tell them apart by.
    pub fn validator(&self) -> Option<String> {
        let modified = || self.modified.map(|modified| format!("modified {}", modified.as_second()));
        self.etag.as_deref().map(|etag| format!("etag {}", bare(etag))).or_else(modified)
    }

    /// The entity tag, where `If-Match` may use it: a weak one never matches (RFC 9110, 13.1.1).
    pub fn strong_etag(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| etag.starts_with('"'))
    }

    /// Whether this is the same version as `other`, as far as both tell.
    pub fn is_same(&self, other: &Version) -> bool {
        let head = Head {
            part: Part::Whole,
            size: Some(self.size),
            etag: self.etag.clone(),
            modified: self.modified,
            coded: false,
        };
        head.is_of(other)
    }
}

/// An entity tag without its weakness: servers that compress now and then answer with both.
fn bare(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `bytes 0-9/100`: the bytes, and the size where it is told (`*` is not).
fn content_range(value: &str) -> Option<(Range<u64>, Option<u64>)> {
    let (range, size) = value.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let (first, last) = range.trim().split_once('-')?;
    let (first, last) = (first.trim().parse::<u64>().ok()?, last.trim().parse::<u64>().ok()?);
    let size = match size.trim() {
        "*" => None,
        size => Some(size.parse::<u64>().ok()?),
    };
    let possible = first <= last && last < LONGEST && size.is_none_or(|size| last < size && size <= LONGEST);
    possible.then_some((first..last + 1, size))
}

fn http_date(value: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(value.trim()).ok()
}

/// Whether these first bytes are a web page: a login or error page in the place of an asset.
pub fn is_web_page(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let begins =
        |with: &str| start.get(..with.len()).is_some_and(|found| found.eq_ignore_ascii_case(with.as_bytes()));
    begins("<!doctype html") || begins("<html")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn head(status: u16, pairs: &[(&'static str, &str)]) -> Result<Head, String> {
        Head::read(status, &headers(pairs), &(10..20))
    }

    #[test]
    fn a_range_must_be_the_one_asked_for() {
        let range = |value: &str| head(206, &[("content-range", value)]);
        assert_eq!(range("bytes 10-19/100").unwrap().part, Part::Range(10..20));
        assert_eq!(range("bytes 10-19/100").unwrap().size, Some(100));
        assert_eq!(range("bytes 10-14/15").unwrap().part, Part::Range(10..15));
        assert_eq!(range("bytes 10-19/*").unwrap().size, None);
        for wrong in
            ["bytes 11-19/100", "bytes 10-20/100", "bytes 0-9/100", "bytes 10-19/15", "bytes */100", "10-19"]
        {
            assert!(range(wrong).is_err(), "{wrong}");
        }
        for size in [u64::MAX, 1 << 63] {
            assert!(range(&format!("bytes 10-19/{size}")).is_err());
            assert_eq!(head(200, &[("content-length", &size.to_string())]).unwrap().size, None);
        }
        for status in [201, 202, 204, 226] {
            assert!(head(status, &[("content-length", "10")]).is_err(), "{status} is no file");
        }
        assert!(head(206, &[]).is_err());
        assert!(head(206, &[("content-range", "bytes 10-19/100"), ("content-length", "12")]).is_err());
        assert!(head(206, &[("content-range", "bytes 10-19/100"), ("content-encoding", "gzip")]).is_err());
    }

    #[test]
    fn a_compressed_body_does_not_tell_the_size() {
        let plain = head(200, &[("content-length", "100")]).unwrap();
        assert_eq!((plain.part, plain.size, plain.coded), (Part::Whole, Some(100), false));
        let coded = head(200, &[("content-length", "50"), ("content-encoding", "gzip")]).unwrap();
        assert_eq!((coded.size, coded.coded), (None, true));
    }

    #[test]
    fn versions_are_told_apart_by_what_both_sides_tell() {
        let version = |etag: Option<&str>, modified: Option<i64>, size| Version {
            size,
            etag: etag.map(str::to_owned),
            modified: modified.map(|second| Timestamp::from_second(second).unwrap()),
        };
        let one = version(Some("\"1\""), Some(5), 10);
        assert!(one.is_same(&version(Some("W/\"1\""), Some(6), 10)), "the tag decides");
        assert!(!one.is_same(&version(Some("\"2\""), Some(5), 10)));
        assert!(!one.is_same(&version(Some("\"1\""), Some(5), 11)));
        assert!(one.is_same(&version(None, Some(5), 10)));
        assert!(!one.is_same(&version(None, Some(6), 10)));
        assert!(one.is_same(&version(None, None, 10)));
        assert_eq!(version(None, None, 10).validator(), None);
        assert_ne!(one.validator(), version(None, Some(5), 10).validator());
        assert_eq!(version(Some("W/\"1\""), None, 1).strong_etag(), None);
    }

    #[test]
    fn web_pages_are_known_by_their_first_bytes() {
        assert!(is_web_page(b"\n <!DOCTYPE HTML PUBLIC"));
        assert!(is_web_page(b"<html lang=en>"));
        assert!(!is_web_page(b"II*\0"));
        assert!(!is_web_page(b"<?xml version=\"1.0\"?>"));
        assert!(!is_web_page(b"<ht"));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(value in "[ -~]{0,40}", numbers in "bytes [0-9]{0,21}-[0-9]{0,21}/[0-9*]{0,21}") {
            let _ = head(206, &[("content-range", value.trim())]);
            if let Ok(head) = head(206, &[("content-range", &numbers)]) {
                prop_assert!(matches!(head.part, Part::Range(range) if range.start == 10 && range.end <= 20));
            }
        }
    }
}
