//! Several listings as one, read side by side: the lists of all collections of an API that has no search, and
//! child catalogues.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

use super::super::{Error, Page, Pages};
use super::parallel::{AT_ONCE, each};
use super::plan::Order;
use super::sorted::Ordered;
use crate::item::Item;
use crate::report::lock;

/// Pages of one of the listings.
pub(super) type Part = Box<dyn Pages<Item>>;

/// Finds the listings, when the first page is asked for.
type Begin = Box<dyn Fn() -> Result<Vec<Part>, Error> + Send>;

/// Listings whose pages come in turns. An item that stands in two of them comes once.
pub(super) struct Together {
    begin: Option<Begin>,
    waiting: VecDeque<Part>,
    open: Vec<Mutex<Part>>,
    ready: VecDeque<Page<Item>>,
    seen: HashSet<String>,
}

impl Together {
    pub(super) fn new(begin: Begin) -> Together {
        Together {
            begin: Some(begin),
            waiting: VecDeque::new(),
            open: Vec::new(),
            ready: VecDeque::new(),
            seen: HashSet::new(),
        }
    }

    /// One page of each listing that is open. What failed is asked again in the next round.
    fn round(&mut self) -> Option<Error> {
        while self.open.len() < AT_ONCE
            && let Some(part) = self.waiting.pop_front()
        {
            self.open.push(Mutex::new(part));
        }
        let pages = each(&self.open, |part| lock(part).next_page());
        let mut failed = None;
        for (part, page) in std::mem::take(&mut self.open).into_iter().zip(pages) {
            match page {
                Ok(Some(page)) => self.ready.push_back(page),
                // What one collection knows nothing of, another may.
                Ok(None) | Err(Error::Query(_)) => continue,
                Err(error) => failed = failed.or(Some(error)),
            }
            self.open.push(part);
        }
        failed
    }
}

impl Pages<Item> for Together {
    fn next_page(&mut self) -> Result<Option<Page<Item>>, Error> {
        if let Some(begin) = &self.begin {
            self.waiting = begin()?.into();
            self.begin = None;
        }
        loop {
            if let Some(mut page) = self.ready.pop_front() {
                let known = |item: &Item| format!("{}\n{}", item.collection().unwrap_or_default(), item.id());
                page.members.retain(|item| self.seen.insert(known(item)));
                return Ok(Some(Page { matched: None, ..page }));
            }
            if self.open.is_empty() && self.waiting.is_empty() {
                return Ok(None);
            }
            match self.round() {
                Some(error) if self.ready.is_empty() => return Err(error),
                _ => {}
            }
        }
    }
}

impl Ordered for Together {
    fn order(&self) -> Order {
        Order::Here
    }
}
