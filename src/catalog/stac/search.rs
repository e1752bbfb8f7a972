//! Items of an API that meet a search, page by page.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use super::super::{Depth, Error, Page, Pages, Search};
use super::api::Api;
use super::items::{ItemPage, Rest};
use super::links::Base;
use super::paging::{Onward, Trail};
use super::params::Step;
use super::plan::{Order, Plan, Refusal};
use super::sorted::Ordered;
use super::{single, trouble, unknown};
use crate::http::{Method, shown};
use crate::item::Item;
use crate::query::Evaluator;

/// Pages are not made smaller than this: what fails then has another reason.
const SMALLEST_PAGE: u32 = 8;

/// Sizes that servers clamp pages to: a page of another size that is not full is the last.
const USUAL_CLAMPS: [u64; 9] = [10, 20, 25, 50, 100, 200, 250, 500, 1000];

/// Items of a page that are asked for by their own URLs.
const NAMED_AT_ONCE: usize = 64;

/// Attempts for a page before a smaller one is tried.
const FEW_ATTEMPTS: u32 = 2;

/// The pages of one search.
pub(super) struct ItemPages {
    api: Arc<Api>,
    search: Search,
    /// What the server refused of it so far, and its first words about it.
    refused: BTreeSet<Refusal>,
    first_words: Option<Error>,
    /// The method tried instead of the usual one.
    method: Option<Method>,
    limit: u32,
    /// Whether pages were made smaller, since larger ones failed.
    shrunk: bool,
    made: Option<Made>,
    place: Place,
    /// When the first page came.
    since: Option<Timestamp>,
    /// Items that were met, each with the way that it was met on last.
    seen: HashMap<String, usize>,
    /// Ways begun so far.
    ways: usize,
    found: u64,
}

/// A plan, made ready.
struct Made {
    plan: Plan,
    here: Evaluator,
    checked: Evaluator,
}

/// Where a listing stands.
enum Place {
    /// Before the first page of a branch.
    Branch(usize),
    /// Before the first of these items, each of which is asked for by its own URL.
    Items(Vec<String>),
    /// Before a later page.
    Page(Box<Walk>),
    /// In a long page of which this is left, and where it leads.
    Within(Rest, Box<Place>),
    /// At a place from which no way leads on, before the server gave all: what to say.
    Stuck(Error),
    /// After the last page.
    End,
}

/// A way through the pages of a branch.
struct Walk {
    branch: usize,
    first: Step,
    step: Step,
    trail: Trail,
    /// Members that came so far in this branch, and the largest page among them.
    read: u64,
    largest: u64,
    /// Whether a page was shorter than others: what leads on from it may be a circle.
    ended: bool,
}

/// The items of a page.
struct Sifted {
    /// Those that meet the search and were not given before.
    members: Vec<Item>,
    /// How many do not meet what the server was asked.
    unmet: u64,
    /// How many were not met before on this way. Another way, into the next branch or anew with smaller pages, may
    /// lead through items that were given long ago.
    fresh: usize,
}

/// A page and where it came from.
struct Answer {
    page: ItemPage,
    url: Url,
    came: Timestamp,
}

impl ItemPages {
    pub(super) fn new(api: Arc<Api>, search: Search) -> ItemPages {
        let wanted = search.wanted.and_then(|wanted| u32::try_from(wanted).ok()).filter(|wanted| *wanted > 0);
        let limit = api.page_size();
        ItemPages {
            limit: wanted.map_or(limit, |wanted| wanted.min(limit)),
            api,
            search,
            refused: BTreeSet::new(),
            first_words: None,
            method: None,
            shrunk: false,
            made: None,
            place: Place::Branch(0),
            since: None,
            seen: HashMap::new(),
            ways: 0,
            found: 0,
        }
    }

    fn made(&mut self) -> Result<&Made, Error> {
        let made = match self.made.take() {
            Some(made) => made,
            None => {
                let plan = self.api.plan(&self.search, &self.refused)?;
                let ready = |query| {
                    Evaluator::new(query).map(|e| match &self.search.collection {
                        Some(collection) => e.within(collection),
                        None => e,
                    })
                };
                let (here, checked) = (ready(&plan.here)?, ready(&plan.checked)?);
                self.limit = if plan.here.is_empty() { self.limit } else { self.api.page_size() };
                Made { plan, here, checked }
            }
        };
        Ok(self.made.insert(made))
    }

    /// The collection whose list of items is read, where there is no search that would do.
    fn list(&self) -> Option<&str> {
        let refused = |refusal| self.refused.contains(&refusal);
        let lists_only = refused(Refusal::Search) || refused(Refusal::Names) || self.api.lists_only();
        self.search.collection.as_deref().filter(|_| lists_only)
    }

    fn method(&self) -> Result<Method, Error> {
        self.method.clone().map_or_else(|| self.api.method(), Ok)
    }

    /// The first page of a branch: here it shows what the server takes.
    fn first_page(&mut self, branch: usize) -> Result<Option<(Walk, Answer)>, Error> {
        loop {
            let list = self.list().map(str::to_owned);
            let method = if list.is_some() { Method::GET } else { self.method()? };
            let endpoint = self.api.endpoint(&method, list.as_deref())?;
            let limit = self.limit;
            let Some(params) = self.made()?.plan.branches.get(branch).cloned() else {
                return Ok(None);
            };
            if let Some(named) = self.made()?.plan.named.clone() {
                self.place = Place::Items(named);
                return Ok(None);
            }
            if list.is_none() && self.search.collection.is_some() && params.is_untold(&method) {
                self.refused.insert(Refusal::Names);
                self.made = None;
                continue;
            }
            let mut step = params.step(&method, &endpoint, limit);
            if list.is_none() && trouble::is_too_long(&step) {
                if !self.refused.contains(&Refusal::Body) && self.api.other_method(&method)?.is_some() {
                    step = params.step(&Method::POST, &self.api.endpoint(&Method::POST, None)?, limit);
                } else if self.boxes_areas()? {
                    continue;
                }
            }
            match self.ask(&step) {
                Ok(answer) => {
                    match list {
                        Some(_) if self.refused.contains(&Refusal::Search) => self.api.has_no_search(),
                        None if step.method == method => self.api.worked(&method),
                        _ => {}
                    }
                    self.ways += 1;
                    let walk = Walk {
                        branch,
                        first: step.clone(),
                        step,
                        trail: Trail::default(),
                        read: 0,
                        largest: 0,
                        ended: false,
                    };
                    return Ok(Some((walk, answer)));
                }
                Err(error) if step.method != method && trouble::of_method(&error) => {
                    self.refused.insert(Refusal::Body);
                }
                Err(error) => self
                    .adapt(error, &step.method, |error, refused| trouble::refusal(error, &params, refused))?,
            }
        }
    }

    /// Asks for smaller pages from now on.
    fn shrink(&mut self) {
        (self.limit, self.shrunk) = ((self.limit / 2).max(SMALLEST_PAGE), true);
    }

    /// Changes something about a search that failed, or gives up with the server's first words.
    fn adapt(
        &mut self,
        error: Error,
        method: &Method,
        refusal: impl Fn(&Error, &BTreeSet<Refusal>) -> Option<Refusal>,
    ) -> Result<(), Error> {
        let untried = match self.method {
            None if self.list().is_none() => self.api.other_method(method)?,
            _ => None,
        };
        if let Some(other) =
            untried.clone().filter(|_| trouble::of_method(&error) && !self.api.knows_method())
        {
            self.method = Some(other);
            self.first_words.get_or_insert(error);
            return Ok(());
        } else if trouble::of_size(&error) && self.limit > SMALLEST_PAGE {
            self.shrink();
            return Ok(());
        } else if let Some(refusal) = refusal(&error, &self.refused) {
            self.refused.insert(refusal);
            self.made = None;
            self.first_words.get_or_insert(error);
            return Ok(());
        } else if let Some(other) = untried.filter(|_| trouble::of_server(&error)) {
            // rustac 0.9 fails at writing the link to the next page, by GET only.
            self.method = Some(other);
            self.limit = self.api.page_size();
            self.first_words.get_or_insert(error);
            return Ok(());
        } else if self.list().is_none()
            && self.search.collection.is_some()
            && !self.api.knows_method()
            && trouble::of_route(&error)
        {
            self.refused.insert(Refusal::Search);
            (self.method, self.made) = (None, None);
            self.first_words.get_or_insert(error);
            return Ok(());
        }
        // The next call begins anew.
        self.method = None;
        Err(self.first_words.take().unwrap_or(error))
    }

    /// Makes a search that is too long for a URL shorter, by a box for the polygon. `false` where there is none.
    fn boxes_areas(&mut self) -> Result<bool, Error> {
        let made = self.made()?;
        let has_area = made.plan.branches.iter().any(|params| params.intersects.is_some());
        if has_area && self.refused.insert(Refusal::Area) {
            self.made = None;
            return Ok(true);
        }
        Ok(false)
    }

    fn ask(&self, step: &Step) -> Result<Answer, Error> {
        let site = self.api.site();
        let ask = |attempts| site.page(step.request(), attempts, self.since);
        let document = if self.limit > SMALLEST_PAGE {
            // What a smaller page may mend is not tried for long; what only time mends is.
            ask(Some(FEW_ATTEMPTS)).or_else(|error| {
                match trouble::of_the_moment(&error) && !trouble::of_size(&error) {
                    true => ask(None),
                    false => Err(error),
                }
            })?
        } else {
            ask(None)?
        };
        let page = ItemPage::of(&document).inspect_err(|_| site.distrust(&step.request()))?;
        Ok(Answer { page, url: document.url, came: document.came })
    }

    /// A later page. Where the way to it fails, another way is found; `None` where the branch begins anew, with
    /// smaller pages or in another order.
    fn later_page(&mut self, walk: &mut Walk) -> Result<Option<Answer>, Error> {
        let mut refused: Option<(Step, Error)> = None;
        loop {
            let error = match self.ask(&walk.step) {
                Ok(answer) => return Ok(Some(answer)),
                Err(error) => error,
            };
            let by_get = walk.step.by_get();
            if trouble::of_method(&error) && by_get != walk.step {
                refused = Some((std::mem::replace(&mut walk.step, by_get), error));
            } else if trouble::of_size(&error) && self.limit > SMALLEST_PAGE {
                self.shrink();
                match walk.step.with_limit(self.limit) {
                    Some(smaller) => walk.step = smaller,
                    // What was given already is known by its id and not given twice.
                    None => return Ok(None),
                }
            } else if let Some((step, error)) = refused {
                // The next call asks for the same page, as its link says.
                walk.step = step;
                return Err(error);
            } else if trouble::of_token(&error)
                && self.search.sortby.is_empty()
                && self.refused.insert(Refusal::OwnOrder)
            {
                self.made = None;
                return Ok(None);
            } else {
                return Err(error);
            }
        }
    }

    /// Makes a page of an answer, and finds where it leads. Nothing here may fail: an error would lose what
    /// came.
    fn take(&mut self, mut walk: Walk, answer: Answer, base: &Base) -> Page<Item> {
        self.since.get_or_insert(answer.came);
        let ItemPage { items, rest, links, matched, read, unusable } = answer.page;
        let Sifted { members, unmet, fresh } = self.sift(items);

        walk.trail.walked(&walk.step);
        let next = walk.trail.onward(&links, &walk.first, &walk.step, &answer.url, base, fresh);
        let so_far = walk.read + read;
        let all = matched.is_some_and(|matched| so_far >= matched);
        // Estimates may be too low: a full page never ends the listing by its count.
        let full = read >= u64::from(self.limit) || USUAL_CLAMPS.contains(&read);
        let complete = read == 0 || (all && !full);
        let short = walk.ended || read < walk.largest || !full;
        let following = Place::Branch(walk.branch + 1);
        self.place = match next {
            _ if complete => following,
            Ok(Onward::End) => {
                if let Some(matched) = matched.filter(|matched| so_far < *matched) {
                    let words =
                        format!("{matched} items match, says the server, and its pages end after {so_far}");
                    self.api.site().note("pages", &words);
                }
                following
            }
            Ok(Onward::Circle) if short || all => following,
            Ok(Onward::Circle) => Place::Stuck(Error::NotStac {
                url: shown(&walk.step.url),
                why: format!("its pages go in a circle after {so_far} items; narrow the search"),
            }),
            Ok(Onward::To(step)) => {
                let largest = walk.largest.max(read);
                Place::Page(Box::new(Walk { step: *step, read: so_far, largest, ended: short, ..walk }))
            }
            Err(error) => Place::Stuck(error),
        };
        let scanned = read - rest.len() as u64;
        if !rest.is_empty() {
            let next = std::mem::replace(&mut self.place, Place::End);
            self.place = Place::Within(rest, Box::new(next));
        }
        self.after(read, matched);
        self.note_left_out(&unusable, unmet);
        self.found += members.len() as u64;
        let plan = self.made.as_ref().map(|made| &made.plan);
        let counted = unmet == 0 && plan.is_some_and(|plan| plan.here.is_empty() && plan.branches.len() == 1);
        let depth = self.depth(&members);
        Page { members, matched: matched.filter(|_| counted), scanned, depth }
    }

    /// The next items of a long page.
    fn take_rest(&mut self, mut rest: Rest, next: Box<Place>) -> Page<Item> {
        let before = rest.len();
        let (items, unusable) = rest.next_items();
        let scanned = (before - rest.len()) as u64;
        let Sifted { members, unmet, .. } = self.sift(items);
        self.place = if rest.is_empty() { *next } else { Place::Within(rest, next) };
        self.note_left_out(&unusable, unmet);
        self.found += members.len() as u64;
        let depth = self.depth(&members);
        Page { members, matched: None, scanned, depth }
    }

    /// How much of these items came.
    fn depth(&self, members: &[Item]) -> Depth {
        let plan = self.made.as_ref().map(|made| &made.plan);
        let outlined = plan.is_some_and(|plan| plan.branches.iter().any(|params| params.outline.is_some()));
        let whole = |item: &Item| item.feature().contains_key("assets");
        if outlined && !members.iter().all(whole) { Depth::Outline } else { Depth::Whole }
    }

    /// What is to be remembered after a page.
    fn after(&mut self, read: u64, matched: Option<u64>) {
        self.api.counted(matched.is_some());
        if self.shrunk && self.search.wanted.is_none() && read > 0 {
            self.api.shrank(self.limit);
        }
    }

    /// Says what of a page is not shown.
    fn note_left_out(&self, unusable: &[String], unmet: u64) {
        self.api.site().note_unusable("items", unusable);
        if unmet > 0 {
            let words = format!(
                "the server returns items that do not meet {}; they are left out here, and its counts are not used",
                self.search.query.canonical()
            );
            self.api.site().note("filter", &words);
        }
    }

    /// Takes a page's items apart into those that are shown and others.
    fn sift(&mut self, items: Vec<Item>) -> Sifted {
        let (mut unmet, mut fresh) = (0, 0);
        let mut members = Vec::with_capacity(items.len());
        for item in items {
            let collection = item.collection().or_else(|| self.search.collection.clone()).unwrap_or_default();
            let before = self.seen.insert(format!("{collection}\n{}", item.id()), self.ways);
            fresh += usize::from(before != Some(self.ways));
            if before.is_some() {
                continue;
            }
            let made = self.made.as_ref();
            if made.is_some_and(|made| !made.checked.matches(&item)) {
                unmet += 1;
            } else if made.is_none_or(|made| made.here.matches(&item)) {
                members.push(item);
            }
        }
        Sifted { members, unmet, fresh }
    }

    /// The next of the items that are asked for by their own URLs.
    fn named_page(&mut self, ids: &[String]) -> Result<Page<Item>, Error> {
        let collection = self.search.collection.clone().unwrap_or_default();
        let here = Evaluator::new(&self.search.query)?.within(&collection);
        let (now, later) = ids.split_at(ids.len().min(NAMED_AT_ONCE));
        let asked: Vec<&str> = now.iter().map(String::as_str).collect();
        let items = single::each_item(&self.api, &collection, &asked)?;
        if !items.is_empty() && self.refused.contains(&Refusal::Search) {
            self.api.has_no_search();
        }
        self.place = Place::Items(later.to_vec());
        let members: Vec<Item> = items.into_iter().filter(|item| here.matches(item)).collect();
        self.found += members.len() as u64;
        Ok(Page { members, matched: None, scanned: now.len() as u64, depth: Depth::Whole })
    }

    /// Whether the server has no more.
    pub(super) fn is_over(&self) -> bool {
        let branches = self.made.as_ref().map_or(usize::MAX, |made| made.plan.branches.len());
        match &self.place {
            Place::End => true,
            Place::Items(ids) => ids.is_empty(),
            Place::Branch(branch) => *branch >= branches,
            Place::Page(_) | Place::Within(..) | Place::Stuck(_) => false,
        }
    }

    /// What is done here, for people.
    fn note_here(&self) {
        let here = self.made.as_ref().map(|made| made.plan.here.segments()).unwrap_or_default();
        if !here.is_empty() {
            let words = format!("done here, on all items that the server returns: {}", here.join(", "));
            self.api.site().note("search", &words);
        }
    }
}

impl Ordered for ItemPages {
    fn order(&self) -> Order {
        self.made.as_ref().map_or(Order::There, |made| made.plan.order)
    }
}

impl Pages<Item> for ItemPages {
    fn next_page(&mut self) -> Result<Option<Page<Item>>, Error> {
        loop {
            self.made()?;
            let landing = self.api.landing()?;
            match std::mem::replace(&mut self.place, Place::End) {
                Place::End => {
                    if self.found == 0 {
                        unknown::check(&self.api, &self.search)?;
                    }
                    return Ok(None);
                }
                Place::Stuck(error) => {
                    self.place = Place::Stuck(error.clone());
                    return Err(error);
                }
                Place::Branch(branch) => {
                    // An error moves nothing.
                    self.place = Place::Branch(branch);
                    match self.first_page(branch)? {
                        Some((walk, answer)) => {
                            self.note_here();
                            return Ok(Some(self.take(walk, answer, &landing.base)));
                        }
                        None if matches!(self.place, Place::Items(_)) => {}
                        None => self.place = Place::End,
                    }
                }
                Place::Items(ids) if ids.is_empty() => {}
                Place::Items(ids) => {
                    self.place = Place::Items(ids.clone());
                    return self.named_page(&ids).map(Some);
                }
                Place::Within(rest, next) => return Ok(Some(self.take_rest(rest, next))),
                Place::Page(mut walk) => match self.later_page(&mut walk) {
                    Ok(Some(answer)) => return Ok(Some(self.take(*walk, answer, &landing.base))),
                    Ok(None) => self.place = Place::Branch(walk.branch),
                    Err(error) => {
                        self.place = Place::Page(walk);
                        return Err(error);
                    }
                },
            }
        }
    }
}
