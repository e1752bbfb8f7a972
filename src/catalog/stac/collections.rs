//! Listings of an API's collections.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::{Depth, Error, Page, Pages};
use super::api::{Api, is_absent};
use super::items::{links, matched};
use super::links::best;
use super::paging::{Onward, Trail};
use super::params::Step;
use super::site::Text;
use super::trouble;
use crate::http::shown;
use crate::item::{Collection, Link};

/// Collections asked for per page: pgstac's default of 10 would make hundreds of requests of a large
/// catalogue, and stac-server's own documentation recommends 100.
const PAGE_SIZE: u32 = 100;

/// One page of `/collections`.
struct CollectionPage {
    collections: Vec<Collection>,
    links: Vec<Link>,
    matched: Option<u64>,
    read: u64,
    unusable: Vec<String>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    collections: Option<Vec<&'a RawValue>>,
    links: Option<Value>,
    #[serde(rename = "numberMatched")]
    number_matched: Option<Value>,
    context: Option<Value>,
}

impl CollectionPage {
    fn of(document: &Text) -> Result<CollectionPage, Error> {
        let wrong = |why: String| Error::NotStac { url: shown(&document.url), why };
        // A few servers answer with the bare array.
        let envelope: Envelope<'_> = if document.text.starts_with('[') {
            let collections = serde_json::from_str(&document.text);
            collections.map(|c| Envelope {
                collections: Some(c),
                links: None,
                number_matched: None,
                context: None,
            })
        } else {
            serde_json::from_str(&document.text)
        }
        .map_err(|e| wrong(format!("the answer is no list of collections: {e}")))?;
        let members = envelope.collections.ok_or_else(|| {
            let said = crate::http::words(200, document.text.as_bytes());
            wrong(format!("the answer is no list of collections ({said})"))
        })?;
        let mut page = CollectionPage {
            collections: Vec::new(),
            links: envelope.links.map(links).unwrap_or_default(),
            matched: matched(envelope.number_matched.as_ref(), envelope.context.as_ref()),
            read: members.len() as u64,
            unusable: Vec::new(),
        };
        for member in members {
            match Collection::from_json(member.get()) {
                Ok(collection) => page.collections.push(collection),
                Err(error) => page.unusable.push(error.to_string()),
            }
        }
        Ok(page)
    }
}

/// The collections of an API, page by page.
pub(super) struct Collections {
    api: Arc<Api>,
    state: State,
    trail: Trail,
    seen: HashSet<String>,
}

/// Whether a page of another size may come: servers refuse a limit, or fail at so large an answer.
fn is_of_the_size(error: &Error) -> bool {
    trouble::of_size(error) || matches!(error, Error::Http(e) if matches!(e.status(), Some(400 | 422)))
}

/// The next request of a listing, and its first.
struct Steps {
    step: Step,
    first: Step,
}

enum State {
    /// Nothing was asked yet.
    New,
    /// At a later page.
    At(Box<Steps>),
    /// At a page that leads where nobody should go: what to say.
    Stuck(Error),
    /// All were given.
    Done,
}

impl Collections {
    pub(super) fn new(api: Arc<Api>) -> Collections {
        Collections { api, state: State::New, trail: Trail::default(), seen: HashSet::new() }
    }

    /// The first page. Servers that refuse a page size get no wish. `None` where an API points to no collections
    /// and has none: CMR's root has only roots below it.
    fn begin(&self) -> Result<Option<(Step, Text)>, Error> {
        let landing = self.api.landing()?;
        let plain = landing.collections();
        let mut sized = plain.clone();
        sized.query_pairs_mut().append_pair("limit", &PAGE_SIZE.to_string());
        let step = Step::get(sized);
        match self.api.site().get(&step.url) {
            Ok(document) => Ok(Some((step, document))),
            Err(error) if is_of_the_size(&error) => {
                Ok(Some((Step::get(plain.clone()), self.api.site().get(&plain)?)))
            }
            Err(error) if is_absent(&error) && best(&landing.links, "data", None).is_none() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Pages<Collection> for Collections {
    fn next_page(&mut self) -> Result<Option<Page<Collection>>, Error> {
        let (step, first, document) = match &self.state {
            State::Done => return Ok(None),
            State::Stuck(error) => return Err(error.clone()),
            State::New => {
                let Some((step, document)) = self.begin()? else {
                    self.state = State::Done;
                    return Ok(None);
                };
                (step.clone(), step, document)
            }
            State::At(steps) => {
                (steps.step.clone(), steps.first.clone(), self.api.site().request(steps.step.request())?)
            }
        };
        let page =
            CollectionPage::of(&document).inspect_err(|_| self.api.site().distrust(&step.request()))?;
        let landing = self.api.landing()?;
        self.trail.walked(&step);
        let (matched, read, unusable) = (page.matched, page.read, page.unusable);
        let links = page.links;
        let members: Vec<Collection> =
            page.collections.into_iter().filter(|c| self.seen.insert(c.id().to_owned())).collect();
        let onward = self.trail.onward(&links, &first, &step, &document.url, &landing.base, members.len());
        self.state = match onward {
            Ok(Onward::To(step)) if read > 0 => State::At(Box::new(Steps { step: *step, first })),
            Ok(_) => State::Done,
            Err(error) => State::Stuck(error),
        };
        let more = match matched {
            Some(all) if all > self.seen.len() as u64 && unusable.is_empty() => Some(format!("of {all}")),
            // stac-server lists so many and says nothing of the others.
            None if self.seen.len() == PAGE_SIZE as usize => Some("of perhaps more".to_owned()),
            _ => None,
        };
        if let (State::Done, Some(more)) = (&self.state, more) {
            let words = format!(
                "the server lists {} {more}, and leads to no more; the others are found by name",
                self.seen.len()
            );
            self.api.site().note("collections", &words);
        }
        self.api.site().note_unusable("collections", &unusable);
        self.api.knows(members.iter().map(Collection::id));
        self.api.site().report.counters.pages.add(1);
        Ok(Some(Page { members, matched, scanned: read, depth: Depth::Whole }))
    }
}
