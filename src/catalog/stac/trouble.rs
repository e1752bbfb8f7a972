//! What a failed search means: another method, smaller pages, or something the server cannot do.

use std::collections::BTreeSet;

use super::super::Error;
use super::items::breaks_off;
use super::params::{Params, Step};
use super::plan::Refusal;
use crate::http;

/// Whether the method is what failed: 405 and 501 say so; CloudFront says 403 with a page of HTML; gateways
/// that know no such route say 404 or answer with their front page.
pub(super) fn of_method(error: &Error) -> bool {
    match error {
        Error::Http(http::Error::Status { status, .. }) => {
            matches!(status, 403 | 404 | 405 | 411 | 414 | 501)
        }
        Error::NotStac { .. } => !breaks_off(error),
        _ => false,
    }
}

/// Whether there is nothing at this URL for any method.
pub(super) fn of_route(error: &Error) -> bool {
    matches!(error, Error::Http(http::Error::Status { status: 404 | 405 | 501, .. }))
}

/// Whether a later page was refused. stac-server up to 5.0.0 and stac-fastapi-opensearch cannot read their own tokens
/// after an item without `datetime`, by which they sort.
pub(super) fn of_token(error: &Error) -> bool {
    matches!(error, Error::Http(http::Error::Status { status: 400, .. }))
}

/// Whether the server failed at what may be asked for in another way.
pub(super) fn of_server(error: &Error) -> bool {
    matches!(error, Error::Http(http::Error::Status { status: 500, .. }))
}

/// Whether a smaller page may come through: gateways and Lambdas bound time and bytes of an answer.
pub(super) fn of_size(error: &Error) -> bool {
    match error {
        Error::Http(http::Error::Status { status, words, .. }) => match status {
            413 | 500 | 502 | 504 => true,
            400 | 422 => words.to_ascii_lowercase().contains("limit"),
            _ => false,
        },
        Error::Http(
            http::Error::Silent { .. } | http::Error::Broken { .. } | http::Error::Unexpected { .. },
        ) => true,
        error => breaks_off(error),
    }
}

/// Whether it is worth more attempts as it is.
pub(super) fn of_the_moment(error: &Error) -> bool {
    matches!(error, Error::Http(error) if error.is_passing())
}

/// What the server may have refused of a search, where it refused something: the likeliest first, by its
/// words, else by how often servers lack it.
pub(super) fn refusal(error: &Error, params: &Params, refused: &BTreeSet<Refusal>) -> Option<Refusal> {
    let Error::Http(http::Error::Status { status: 400 | 422 | 500 | 501, words, .. }) = error else {
        return None;
    };
    let words = words.to_ascii_lowercase();
    let thin = params.bbox.is_some_and(|[west, south, east, north]| west >= east || south >= north);
    let mut asked = vec![
        (params.outline.is_some(), Refusal::Fields, "field"),
        (params.filter.is_some() || params.query.is_some(), Refusal::Filter, "filter"),
        (thin, Refusal::ThinBox, "bbox"),
        (params.sortby.len() > 1, Refusal::Ties, "sort"),
        (!params.sortby.is_empty(), Refusal::Order, "sort"),
    ];
    asked.retain(|(asked, refusal, _)| *asked && !refused.contains(refusal));
    let named = asked.iter().find(|(_, _, word)| words.contains(word));
    named.or(asked.first()).map(|(_, refusal, _)| *refusal)
}

/// The longest URL sent by GET: CDNs refuse more than 8 KiB, and the links to later pages have a token as well.
const LONGEST_URL: usize = 7_500;

/// Whether a step's URL is too long for gateways, or will be in the server's links to later pages: these escape
/// what may stand as it is.
pub(super) fn is_too_long(step: &Step) -> bool {
    let url = step.url.as_str();
    let escaped = url.bytes().filter(|byte| b",:/@$!*'()".contains(byte)).count();
    url.len() + 2 * escaped > LONGEST_URL
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::FieldOrder;

    fn status(status: u16, words: &str) -> Error {
        let words = words.to_owned();
        Error::Http(http::Error::Status { url: String::new(), status, words, retry_after: None })
    }

    #[test]
    fn failures_are_told_apart() {
        assert!(of_method(&status(405, "")) && of_method(&status(403, "ERROR: cachable requests")));
        assert!(!of_method(&status(401, "")) && !of_method(&status(400, "")));
        assert!(of_size(&status(502, "")) && of_size(&status(400, "limit must be at most 100")));
        assert!(!of_size(&status(400, "bad bbox")) && !of_size(&status(429, "")));
    }

    #[test]
    fn the_servers_words_say_what_it_refuses() {
        let params = Params {
            query: Some(serde_json::json!({})),
            sortby: vec![FieldOrder { field: "x".into(), descending: false }],
            bbox: Some([1.0, 1.0, 1.0, 1.0]),
            ..Params::default()
        };
        let none = BTreeSet::new();
        assert_eq!(refusal(&status(400, "Unsupported sort field"), &params, &none), Some(Refusal::Order));
        assert_eq!(refusal(&status(400, "bbox must have area"), &params, &none), Some(Refusal::ThinBox));
        assert_eq!(refusal(&status(400, "no"), &params, &none), Some(Refusal::Filter));
        let all = BTreeSet::from([Refusal::Filter, Refusal::Order, Refusal::ThinBox]);
        assert_eq!(refusal(&status(400, "no"), &params, &all), None);
        assert_eq!(refusal(&status(403, "no"), &params, &none), None);
    }
}
