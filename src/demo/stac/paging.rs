//! Pages: where one begins, and the `next` link that leads to the one after.

use super::{
    index::{Index, Ref},
    linker::{GEOJSON, Linker},
    params::{Asked, TOKEN_HEADER, Verb, to_get, to_get_with_json},
    problem::Problem,
    quirks::{Next, NextFault, Quirks},
    search::Search,
};
use crate::demo::http::hex;
use serde_json::{Map, Value, json};
use std::ops::Range;
use url::form_urlencoded::Serializer;

/// The parameters that say where a page begins; of them a `next` link has one.
const PLACES: [&str; 4] = ["token", "next", "page", "startIndex"];

/// Undoes what the `next` link packed: a search that is all in its token, or in its path.
pub(super) fn unpack(asked: Asked, quirks: &Quirks) -> Result<Asked, Problem> {
    let packed = match quirks.next {
        Next::Alone if asked.verb == Verb::Post => asked.body.get("token").and_then(Value::as_str),
        Next::Opaque => asked.path.strip_prefix("/search/page/"),
        _ => None,
    };
    let Some(packed) = packed else { return Ok(asked) };
    let body =
        from_hex(packed).and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(bad_token)?;
    Ok(Asked { body, path: "/search".into(), ..asked })
}

/// Which of the `found` items make the page that was asked for.
pub(super) fn page(
    asked: &Asked,
    found: &[Ref],
    search: &Search,
    index: &Index,
    quirks: &Quirks,
) -> Result<Range<usize>, Problem> {
    let limit = search.limit;
    let number = |name: &str| match asked.body.get(name) {
        None => Ok(None),
        Some(value) => value.as_u64().and_then(|n| usize::try_from(n).ok()).map(Some).ok_or_else(bad_token),
    };
    let token = || match asked.body.get("token") {
        None => Ok(0),
        Some(Value::String(token)) => after(token, found, index),
        Some(_) => Err(bad_token()),
    };
    let start = match quirks.next {
        _ if quirks.next_fault == Some(NextFault::Repeated) => 0,
        Next::Page => match number("page")? {
            Some(0) => return Err(bad_token()),
            page => (page.unwrap_or(1) - 1).saturating_mul(limit),
        },
        Next::StartIndex => number("startIndex")?.unwrap_or(0),
        Next::NextParam => match asked.body.get("next").and_then(Value::as_str) {
            Some(place) => after_place(place, found, search, index)?,
            None => 0,
        },
        Next::Header if asked.verb == Verb::Post => match &asked.header {
            Some(header) => after(header, found, index)?,
            None => 0,
        },
        _ => token()?,
    };
    let start = start.min(found.len());
    Ok(start..start.saturating_add(limit).min(found.len()))
}

/// The `next` link of the page `shown` of the `found` items, if there is one.
pub(super) fn next_link(
    asked: &Asked,
    found: &[Ref],
    shown: &Range<usize>,
    search: &Search,
    maker: (&Index, &Linker, &Quirks),
) -> Option<Value> {
    let (index, linker, quirks) = maker;
    let last = shown.end == found.len();
    let step = match &quirks.next_fault {
        Some(NextFault::Looping) if last => Step { token: None, offset: 0, page: 1 },
        Some(NextFault::EmptyLastPage) if !shown.is_empty() => {
            Step::over(found, shown, search, index, quirks)
        }
        _ if last => return None,
        _ => Step::over(found, shown, search, index, quirks),
    };
    let link = step.link(asked, linker, quirks);
    Some(match &quirks.next_fault {
        Some(NextFault::ForeignHost(origin)) => rehost(link, |_, rest| format!("{origin}/{rest}")),
        Some(NextFault::Relative) => rehost(link, |_, rest| {
            let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
            let name = path.rsplit('/').next().unwrap_or(path);
            format!("{name}?{query}")
        }),
        _ => link,
    })
}

/// Where the next page begins, in all the ways in which that can be said.
struct Step {
    token: Option<String>,
    offset: usize,
    page: usize,
}

impl Step {
    fn over(found: &[Ref], shown: &Range<usize>, search: &Search, index: &Index, quirks: &Quirks) -> Step {
        let token = shown.end.checked_sub(1).map(|last| {
            let at = found[last];
            match quirks.next {
                Next::NextParam => search.place_of(at, index),
                _ => format!("next:{}:{}", index.shelves[at.shelf].id, index.summary(at).id),
            }
        });
        Step { token, offset: shown.end, page: shown.end.div_ceil(search.limit.max(1)) + 1 }
    }

    /// The parameter that says where the page begins, and its value.
    fn param(&self, quirks: &Quirks) -> Option<(&'static str, Value)> {
        match quirks.next {
            Next::Page => Some(("page", json!(self.page))),
            Next::StartIndex => Some(("startIndex", json!(self.offset))),
            Next::NextParam => self.token.clone().map(|token| ("next", json!(token))),
            _ => self.token.clone().map(|token| ("token", json!(token))),
        }
    }

    /// `body` with the parameter.
    fn body(&self, body: &Map<String, Value>, quirks: &Quirks) -> Map<String, Value> {
        let mut body = body.clone();
        PLACES.iter().for_each(|name| drop(body.shift_remove(*name)));
        body.extend(self.param(quirks).map(|(name, value)| (name.to_owned(), value)));
        body
    }

    fn link(&self, asked: &Asked, linker: &Linker, quirks: &Quirks) -> Value {
        let get = |path: &str, params: Vec<(String, String)>| {
            let kept = params.into_iter().filter(|(name, _)| !PLACES.contains(&name.as_str()) && name != "f");
            let place = self.param(quirks).map(|(name, value)| {
                (name.to_owned(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            });
            let query = Serializer::new(String::new()).extend_pairs(kept.chain(place)).finish();
            json!({"rel": "next", "type": GEOJSON, "method": "GET", "href": linker.url(&format!("{path}?{query}"))})
        };
        let post = |more: Value| {
            let href = linker.url("/search");
            let mut link = json!({"rel": "next", "type": GEOJSON, "method": "POST", "href": href});
            if let (Value::Object(link), Value::Object(more)) = (&mut link, more) {
                link.extend(more);
            }
            link
        };
        let packed = || hex(Value::Object(self.body(&asked.body, quirks)).to_string().as_bytes());
        match (quirks.next, asked.verb) {
            (Next::Opaque, _) if asked.path == "/search" => {
                get(&format!("/search/page/{}", packed()), Vec::new())
            }
            (Next::NextParam, Verb::Get) => get(&asked.path, to_get_with_json(&asked.body)),
            (_, Verb::Get) => get(&asked.path, asked.params.clone()),
            (Next::GetAfterPost, Verb::Post) => get(&asked.path, to_get(&asked.body)),
            (Next::Merge, Verb::Post) => post(json!({"body": {"token": self.token}, "merge": true})),
            (Next::Alone, Verb::Post) => post(json!({"body": {"token": packed()}})),
            (Next::Header, Verb::Post) => {
                post(json!({"headers": {TOKEN_HEADER: self.token}, "body": asked.body}))
            }
            (Next::NextParam, Verb::Post) => {
                post(json!({"merge": false, "body": self.body(&asked.body, quirks)}))
            }
            (_, Verb::Post) => post(json!({"body": self.body(&asked.body, quirks)})),
        }
    }
}

/// The place after the item that `token` names.
fn after(token: &str, found: &[Ref], index: &Index) -> Result<usize, Problem> {
    let named = |shelf: usize| {
        let rest = token.strip_prefix("next:")?;
        let id = rest.strip_prefix(index.shelves[shelf].id.as_str())?.strip_prefix(':')?;
        index.find(shelf, id)
    };
    let last = (0..index.shelves.len()).find_map(named).ok_or_else(bad_token)?;
    let place = found.iter().position(|&at| at == last).ok_or_else(bad_token)?;
    Ok(place + 1)
}

/// The place after all items that stand at `place` in the order: those of them that were not shown are left out, as
/// OpenSearch's `search_after` does it.
fn after_place(place: &str, found: &[Ref], search: &Search, index: &Index) -> Result<usize, Problem> {
    if place.starts_with(',') {
        return Err(Problem::Invalid(
            "failed to parse date field [] with format [strict_date_optional_time]".into(),
        ));
    }
    let last = found.iter().rposition(|&at| search.place_of(at, index) == place).ok_or_else(bad_token)?;
    Ok(last + 1)
}

fn bad_token() -> Problem {
    Problem::Invalid("the page token is not valid".into())
}

/// Changes the href of `link`, given its origin and the rest without the slash between.
fn rehost(mut link: Value, change: impl Fn(&str, &str) -> String) -> Value {
    let href = link["href"].as_str().unwrap_or_default();
    let start = href.find("://").map_or(0, |at| at + 3);
    let end = href[start..].find('/').map_or(href.len(), |at| start + at);
    let changed = change(&href[..end], href.get(end + 1..).unwrap_or_default());
    link["href"] = json!(changed);
    link
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
