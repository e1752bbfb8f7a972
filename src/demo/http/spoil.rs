//! What a fault does to a request before it is answered and to the response after.

use super::{
    Body, Bytes, Request, Response,
    fault::{Detour, Fault},
};
use flate2::{Compression, write::GzEncoder};
use jiff::{Timestamp, ToSpan, fmt::rfc2822};
use std::{
    io::{self, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Applies `fault` to `request`; the response, where the service is not to be asked.
pub(super) fn before(fault: &Fault, request: &mut Request) -> Option<Response> {
    match fault {
        Fault::Answer(response) => Some((**response).clone()),
        Fault::NoHead(status) => (request.method == "HEAD").then(|| Response::empty(*status)),
        Fault::IgnoreRange => {
            request.headers.remove("range");
            None
        }
        Fault::NewVersion(version) => new_conditions(request, &version_tag(*version)),
        Fault::Redirect(status, detour) => {
            location(request, detour).map(|url| Response::redirect(*status, &url))
        }
        Fault::Guarded(credential) => credential.refuse(request),
        Fault::Signed(signatures) => signatures.check(request),
        _ => None,
    }
}

/// Applies `fault` to `response`.
pub(super) fn after(fault: &Fault, mut response: Response) -> Response {
    match fault {
        Fault::WrongContentRange(shift) => shift_range(&mut response, *shift),
        Fault::NewVersion(version) => replace_object(&mut response, *version),
        Fault::RestlessEtag => {
            static COUNT: AtomicU64 = AtomicU64::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            response.headers.set("ETag", format!("\"restless-{count}\""));
        }
        Fault::NoValidators => {
            response.headers.remove("ETag");
            response.headers.remove("Last-Modified");
        }
        Fault::Gzip => {
            if let Ok(packed) = gzip(&response.body) {
                response.body = Body::Whole(packed);
                response.headers.set("Content-Encoding", "gzip");
            }
        }
        _ => {}
    }
    response
}

/// Where a redirect of `request` leads; `None` where it has been taken already.
fn location(request: &Request, detour: &Detour) -> Option<String> {
    const TAKEN: &str = "detour=taken";
    match detour {
        Detour::Here if request.query().contains(TAKEN) => None,
        Detour::Here => {
            let sign = if request.query().is_empty() { '?' } else { '&' };
            Some(format!("{}{}{sign}{TAKEN}", request.origin(), request.target))
        }
        Detour::Origin(origin) => Some(format!("{origin}{}", request.target)),
        Detour::Loop => Some(format!("{}{}", request.origin(), request.target)),
        Detour::Url(url) => Some(url.clone()),
    }
}

fn version_tag(version: u8) -> String {
    format!("\"version-{version}\"")
}

/// Judges the conditions of `request` by the new version's `tag`, and takes them away.
fn new_conditions(request: &mut Request, tag: &str) -> Option<Response> {
    let named = |value: Option<&str>| value.map(|value| value.split(',').any(|one| one.trim() == tag));
    if named(request.header("if-match")) == Some(false) {
        return Some(Response::text(412, "Precondition Failed"));
    }
    if named(request.header("if-none-match")) == Some(true) {
        return Some(Response::empty(304));
    }
    if named(request.header("if-range")) == Some(false) {
        request.headers.remove("range");
    }
    for name in ["if-match", "if-none-match", "if-range", "if-modified-since", "if-unmodified-since"] {
        request.headers.remove(name);
    }
    None
}

/// Puts other bytes and other validators in place of those of `response`.
fn replace_object(response: &mut Response, version: u8) {
    response.headers.set("ETag", version_tag(version));
    let own = response.headers.get("Last-Modified").and_then(|text| rfc2822::parse(text).ok());
    let own = own.map_or_else(Timestamp::now, |zoned| zoned.timestamp());
    if let Ok(later) = own.checked_add((i64::from(version) * 60).seconds())
        && let Ok(date) = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&later)
    {
        response.headers.set("Last-Modified", date);
    }
    match &mut response.body {
        Body::Whole(bytes) => bytes.iter_mut().for_each(|byte| *byte ^= version),
        Body::Part(bytes, _) => *bytes = Arc::new(Altered { original: Arc::clone(bytes), mask: version }),
    }
}

/// Bytes of another version of an object: each is the original's, exclusive-or a mask.
struct Altered {
    original: Arc<dyn Bytes>,
    mask: u8,
}

impl Bytes for Altered {
    fn len(&self) -> u64 {
        self.original.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.original.read_at(offset, buf)?;
        buf.iter_mut().for_each(|byte| *byte ^= self.mask);
        Ok(())
    }
}

/// Makes `Content-Range` say that the part lies `shift` bytes further on.
fn shift_range(response: &mut Response, shift: u64) {
    let shifted = response.headers.get("Content-Range").and_then(|value| {
        let (first, rest) = value.strip_prefix("bytes ")?.split_once('-')?;
        let (last, total) = rest.split_once('/')?;
        let further = |text: &str| text.parse::<u64>().ok().map(|number| number + shift);
        Some(format!("bytes {}-{}/{total}", further(first)?, further(last)?))
    });
    if let Some(shifted) = shifted {
        response.headers.set("Content-Range", shifted);
    }
}

/// `body`, compressed.
pub(super) fn gzip(body: &Body) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    match body {
        Body::Whole(bytes) => encoder.write_all(bytes)?,
        Body::Part(bytes, range) => {
            let mut at = range.start;
            while at < range.end {
                let mut chunk = vec![0; usize::try_from((range.end - at).min(1 << 16)).unwrap_or(1 << 16)];
                bytes.read_at(at, &mut chunk)?;
                encoder.write_all(&chunk)?;
                at += chunk.len() as u64;
            }
        }
    }
    encoder.finish()
}

/// 256 MiB of valid JSON, mostly spaces, compressed. Made once.
pub(super) fn bomb() -> Vec<u8> {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let spaces = vec![b' '; 1 << 20];
        encoder.write_all(br#"{"type":"FeatureCollection","features":["#)?;
        (0..256).try_for_each(|_| encoder.write_all(&spaces))?;
        encoder.write_all(br#"],"links":[]}"#)?;
        encoder.finish()
    };
    // Writing to memory does not fail.
    BOMB.get_or_init(|| make().unwrap_or_else(|_: io::Error| Vec::new())).clone()
}
