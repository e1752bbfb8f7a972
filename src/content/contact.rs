//! First contact with an object: which version a server has, and how long it is.

use std::io::Read;
use std::ops::Range;

use super::answer::{Head, Part};
use super::fetch::{Answer, ask_range, is_html};
use super::place::{Place, request};
use super::spool::Spool;
use super::{Error, Location, Version};
use crate::cache::BLOCK;
use crate::http::{self, Http, Method, Request, shown};

/// Files up to this size come whole, in the request that looks at their version.
pub const SMALL: u64 = 1024 * 1024;
/// Of larger ones, and of unknown ones, the head comes along: it holds most formats' directories.
pub const HEAD: u64 = 128 * 1024;

/// What a first contact found.
pub struct Contact {
    /// The version the server has now.
    pub version: Version,
    /// Which of its bytes came along.
    pub found: Found,
}

/// Bytes that came along with a first contact.
pub enum Found {
    /// None.
    Nothing,
    /// These, from the first on.
    First(Vec<u8>),
    /// They all come, whatever was asked for.
    Stream(Box<Answer>),
    /// All of them, and only so is it known how many there are.
    All(Spool),
}

/// Looks at an object's version and takes its first bytes along: so many as are said, else all of it, if it is small.
/// `None` where the server does not tell the length.
pub fn meet(
    http: &Http,
    place: &Place,
    expected: Option<u64>,
    first: Option<u64>,
) -> Result<Option<Contact>, Error> {
    let usual = || expected.filter(|size| *size <= SMALL).unwrap_or(HEAD);
    let most = first.map_or_else(usual, |first| first.min(expected.unwrap_or(first))).max(1);
    place.afford(most)?;
    ask(http, place, &(0..most), |answer, url| {
        let Some(version) = answer.head.version() else { return Ok(None) };
        let end = match &answer.head.part {
            Part::Range(range) => range.end,
            Part::Whole if version.size <= most => version.size,
            Part::Whole => return Ok(Some(Contact { version, found: Found::Stream(Box::new(answer)) })),
        };
        let mut first = answer.first;
        first.truncate(end as usize);
        let left = end - first.len() as u64;
        let read = answer.stream.take(left).read_to_end(&mut first);
        match read.map_err(|error| http::Error::of_read(url, first.len() as u64, error)) {
            // What came is kept; whoever reads on asks for the rest of this version.
            Err(error) if error.is_passing() && first.len() as u64 >= BLOCK => {
                tracing::debug!(%error, "a first contact broke off");
            }
            read => drop(read?),
        }
        Ok(Some(Contact { version, found: Found::First(first) }))
    })
}

/// Asks whether an object is still of `version`, by the cheapest request there is. Gives the version the
/// server has now.
pub fn confirm(http: &Http, place: &Place, version: &Version) -> Result<Option<Version>, Error> {
    // A server that tells no length may still tell that nothing changed.
    let judge = |head: &Head| head.version().or_else(|| head.confirms(version).then(|| version.clone()));
    let result = place.ask(http, |location| {
        let condition = match (&version.etag, version.modified) {
            (Some(etag), _) => Some(("If-None-Match", etag.clone())),
            (None, Some(modified)) => {
                let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
                let date = printer.timestamp_to_rfc9110_string(&modified);
                date.ok().map(|date| ("If-Modified-Since", date))
            }
            (None, None) => None,
        };
        let mut asked = request(Method::HEAD, location);
        asked.headers.extend(condition.map(|(name, value)| (name.to_owned(), value)));
        match ask_head(http, place, &asked, judge) {
            Err(error) if error.status() == Some(304) => Ok(Ok(Some(version.clone()))),
            result => result.map(Ok),
        }
    })?;
    match result {
        Some(version) => Ok(Some(version)),
        None => probe(http, place, judge),
    }
}

/// The version a server has, without bytes: by HEAD, else by a range of one byte. `None` where the server does
/// not tell the length.
pub fn measure(http: &Http, place: &Place) -> Result<Option<Version>, Error> {
    let result = place.ask(http, |location| {
        ask_head(http, place, &request(Method::HEAD, location), Head::version).map(Ok)
    })?;
    match result {
        Some(version) => Ok(Some(version)),
        None => probe(http, place, Head::version),
    }
}

/// The version, less its tag, where a server gives another entity tag with every answer, for the same bytes as
/// far as all else tells: several machines behind one name, each with tags of its own.
pub fn restless(http: &Http, place: &Place) -> Result<Option<Version>, Error> {
    let (one, two) = (measure(http, place)?, measure(http, place)?);
    let differ_in_tag = |one: &Version, two: &Version| {
        one.etag != two.etag && one.size == two.size && one.modified == two.modified
    };
    let both = one.zip(two).filter(|(one, two)| differ_in_tag(one, two));
    Ok(both.map(|(version, _)| Version { etag: None, ..version }))
}

/// What HEAD tells; `None` where it does not tell, or is not to be believed.
fn ask_head(
    http: &Http,
    place: &Place,
    asked: &Request,
    judge: impl Fn(&Head) -> Option<Version>,
) -> Result<Option<Version>, http::Error> {
    let stream = match http.stream(asked) {
        Ok(stream) => stream,
        Err(error) if is_about_head(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    if is_html(&stream) && !place.is_web_page() {
        return Ok(None);
    }
    let head = Head::read(stream.status, &stream.headers, &(0..0));
    // Some send no body and say so: a length of 0 is one to doubt.
    Ok(head.ok().as_ref().and_then(judge).filter(|version| version.size > 0))
}

/// The version a server has, by asking for one byte.
fn probe(
    http: &Http,
    place: &Place,
    judge: impl Fn(&Head) -> Option<Version>,
) -> Result<Option<Version>, Error> {
    ask(http, place, &(0..1), |answer, _| Ok(judge(&answer.head)))
}

/// Asks for a range of whatever version there is. A range that cannot be satisfied is that of an empty object.
fn ask<T>(
    http: &Http,
    place: &Place,
    wanted: &Range<u64>,
    mut then: impl FnMut(Answer, String) -> Result<Option<T>, http::Error>,
) -> Result<Option<T>, Error>
where
    T: FromEmpty,
{
    place.ask(http, |location| {
        let url = shown(&location.url);
        match ask_range(http, place, location, wanted, None) {
            Ok(Ok(answer)) => then(answer, url).map(Ok),
            Ok(Err(error)) => Ok(Err(error)),
            Err(error) if error.status() == Some(416) => Ok(Ok(empty(http, location)?.map(T::from_empty))),
            Err(error) => Err(error),
        }
    })
}

/// The version of an object that has no first byte.
fn empty(http: &Http, location: &Location) -> Result<Option<Version>, http::Error> {
    let stream = http.stream(&request(Method::GET, location))?;
    let head = Head::read(stream.status, &stream.headers, &(0..0));
    Ok(head.ok().and_then(|head| head.version()))
}

/// What an empty object gives.
trait FromEmpty {
    fn from_empty(version: Version) -> Self;
}

impl FromEmpty for Version {
    fn from_empty(version: Version) -> Version {
        version
    }
}

impl FromEmpty for Contact {
    fn from_empty(version: Version) -> Contact {
        Contact { version, found: Found::Nothing }
    }
}

/// Whether a failure may be due to the method: signed URLs allow GET only, some servers know no HEAD.
fn is_about_head(error: &http::Error) -> bool {
    matches!(error.status(), Some(400 | 401 | 403 | 404 | 405 | 501))
}
