//! Serving an asset as a good file server does: ranges, validators, conditions (RFC 9110, sections 13 to 15).

use super::{Body, Bytes, Request, Response};
use jiff::{Timestamp, fmt::rfc2822};
use std::{ops::Range, sync::Arc};

/// An object with bytes and validators, ready to be served.
#[derive(Clone)]
pub struct Content {
    /// The bytes.
    pub bytes: Arc<dyn Bytes>,
    /// Media type, for `Content-Type`.
    pub media_type: String,
    /// Entity tag with its quotes, for example `"a1b2"`.
    pub etag: Option<String>,
    /// When it was last changed; sub-seconds are dropped on the wire.
    pub last_modified: Option<Timestamp>,
}

/// Answers GET and HEAD for `content`: whole, a single range (206), 304, 412 or 416. Several ranges in one
/// request are answered with the whole object, as S3 does and RFC 9110 allows. Other methods are 405.
pub fn answer_content(request: &Request, content: &Content) -> Response {
    if request.method != "GET" && request.method != "HEAD" {
        return Response::text(405, "Method Not Allowed").with("Allow", "GET, HEAD");
    }
    match precondition(request, content) {
        Some(304) => return dressed(Response::empty(304), content),
        Some(status) => return dressed(Response::text(status, "Precondition Failed"), content),
        None => {}
    }
    let len = content.bytes.len();
    let part = |status, range: Range<u64>| {
        let body = Body::Part(Arc::clone(&content.bytes), range);
        dressed(Response { body, ..Response::empty(status) }, content)
            .with("Content-Type", content.media_type.clone())
    };
    match requested_range(request, content) {
        None => part(200, 0..len),
        Some(Some(range)) => {
            let stated = format!("bytes {}-{}/{len}", range.start, range.end - 1);
            part(206, range).with("Content-Range", stated)
        }
        Some(None) => dressed(Response::text(416, "Requested Range Not Satisfiable"), content)
            .with("Content-Range", format!("bytes */{len}")),
    }
}

/// `response` with the validators of `content`.
fn dressed(mut response: Response, content: &Content) -> Response {
    response.headers.set("Accept-Ranges", "bytes");
    if let Some(etag) = &content.etag {
        response.headers.set("ETag", etag.clone());
    }
    if let Some(date) = content.last_modified.and_then(http_date) {
        response.headers.set("Last-Modified", date);
    }
    response
}

/// The status that a condition of the request calls for: 304, 412 or none.
fn precondition(request: &Request, content: &Content) -> Option<u16> {
    let etag = content.etag.as_deref();
    let lists = |value: &str, weak| {
        value
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || etag.is_some_and(|own| same_tag(tag, own, weak)))
    };
    if let Some(value) = request.header("if-match") {
        if !lists(value, Comparison::Strong) {
            return Some(412);
        }
    } else if let (Some(since), Some(own)) =
        (request.header("if-unmodified-since").and_then(parse_date), content.last_modified)
        && own.as_second() > since.as_second()
    {
        return Some(412);
    }
    if let Some(value) = request.header("if-none-match") {
        return lists(value, Comparison::Weak).then_some(304);
    }
    let since = request.header("if-modified-since").and_then(parse_date)?;
    (content.last_modified?.as_second() <= since.as_second()).then_some(304)
}

/// How two entity tags are compared (RFC 9110, 8.8.3.2).
#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

fn same_tag(left: &str, right: &str, comparison: Comparison) -> bool {
    let bare = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    match comparison {
        Comparison::Strong => left == right && !left.starts_with("W/"),
        Comparison::Weak => bare(left) == bare(right),
    }
}

/// The range asked for: `None` is the whole object, `Some(None)` cannot be satisfied.
fn requested_range(request: &Request, content: &Content) -> Option<Option<Range<u64>>> {
    let spec = request.header("range")?.strip_prefix("bytes=")?;
    if let Some(validator) = request.header("if-range")
        && !range_still_holds(validator.trim(), content)
    {
        return None;
    }
    if spec.contains(',') {
        return None;
    }
    let len = content.bytes.len();
    let (first, last) = spec.trim().split_once('-')?;
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(len),
        (Ok(first), Err(_)) if last.is_empty() => first..len,
        (Err(_), Ok(suffix)) if first.is_empty() && suffix > 0 => len.saturating_sub(suffix)..len,
        (Err(_), Ok(_)) if first.is_empty() => return Some(None),
        _ => return None,
    };
    Some((range.start < range.end).then_some(range))
}

/// Whether the validator of `If-Range` is that of `content`; a weak tag never is.
fn range_still_holds(validator: &str, content: &Content) -> bool {
    if validator.starts_with('"') {
        content.etag.as_deref() == Some(validator)
    } else {
        let own = content.last_modified.map(|own| own.as_second());
        own.is_some() && own == parse_date(validator).map(|date| date.as_second())
    }
}

/// A date as HTTP writes it: `Tue, 15 Nov 1994 08:12:31 GMT`.
fn http_date(time: Timestamp) -> Option<String> {
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()
}

fn parse_date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::{super::Slice, *};

    fn content() -> Content {
        Content {
            bytes: Arc::new(Slice((0..100).collect())),
            media_type: "image/tiff".into(),
            etag: Some("\"v1\"".into()),
            last_modified: Some(Timestamp::from_second(1_700_000_000).unwrap()),
        }
    }

    fn ask(headers: &[(&str, &str)]) -> Response {
        let mut request = Request { method: "GET".into(), target: "/a".into(), ..Request::default() };
        headers.iter().for_each(|(name, value)| request.headers.set(name, *value));
        answer_content(&request, &content())
    }

    fn range(headers: &[(&str, &str)]) -> (u16, Option<String>, u64) {
        let response = ask(headers);
        (response.status, response.headers.get("Content-Range").map(str::to_owned), response.body.len())
    }

    #[test]
    fn ranges() {
        assert_eq!(range(&[]), (200, None, 100));
        assert_eq!(range(&[("range", "bytes=0-0")]), (206, Some("bytes 0-0/100".into()), 1));
        assert_eq!(range(&[("range", "bytes=90-")]), (206, Some("bytes 90-99/100".into()), 10));
        assert_eq!(range(&[("range", "bytes=-7")]), (206, Some("bytes 93-99/100".into()), 7));
        assert_eq!(range(&[("range", "bytes=50-1000")]), (206, Some("bytes 50-99/100".into()), 50));
        assert_eq!(range(&[("range", "bytes=100-")]).0, 416);
        assert_eq!(range(&[("range", "bytes=100-")]).1, Some("bytes */100".into()));
        assert_eq!(range(&[("range", "bytes=-0")]).0, 416);
        // Several ranges, a reversed range and an unknown unit are answered whole.
        for odd in ["bytes=0-1,5-6", "bytes=9-3", "lines=0-1"] {
            assert_eq!(range(&[("range", odd)]), (200, None, 100), "{odd}");
        }
    }

    #[test]
    fn if_range_guards_the_range() {
        let with = |validator| range(&[("range", "bytes=0-9"), ("if-range", validator)]).0;
        assert_eq!(with("\"v1\""), 206);
        assert_eq!(with("\"v2\""), 200);
        assert_eq!(with("W/\"v1\""), 200);
        assert_eq!(with("Tue, 14 Nov 2023 22:13:20 GMT"), 206);
        assert_eq!(with("Tue, 14 Nov 2023 22:13:21 GMT"), 200);
    }

    #[test]
    fn conditions() {
        assert_eq!(ask(&[("if-match", "\"v1\"")]).status, 200);
        assert_eq!(ask(&[("if-match", "\"v2\"")]).status, 412);
        assert_eq!(ask(&[("if-match", "*")]).status, 200);
        assert_eq!(ask(&[("if-none-match", "W/\"v1\", \"x\"")]).status, 304);
        assert_eq!(ask(&[("if-none-match", "\"v2\"")]).status, 200);
        assert_eq!(ask(&[("if-modified-since", "Tue, 14 Nov 2023 22:13:20 GMT")]).status, 304);
        assert_eq!(ask(&[("if-unmodified-since", "Tue, 14 Nov 2023 22:13:19 GMT")]).status, 412);
    }

    #[test]
    fn validators_are_sent() {
        let response = ask(&[]);
        assert_eq!(response.headers.get("etag"), Some("\"v1\""));
        assert_eq!(response.headers.get("last-modified"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        assert_eq!(response.headers.get("accept-ranges"), Some("bytes"));
    }
}
