//! Items put in order here, where the server cannot: all of them are read first.

use super::super::{Depth, Error, Page, Pages};
use super::plan::Order;
use crate::item::Item;
use crate::query::{FieldOrder, in_order};

/// Pages of items whose order somebody knows.
pub(super) trait Ordered: Pages<Item> {
    /// Who puts the items into order, as far as is known now: the server, unless a page has shown otherwise.
    fn order(&self) -> Order;
}

/// The pages of a search in order: as they come where the server sorts, else one page after all was read.
pub(super) struct Sorted<P> {
    pages: P,
    order: Vec<FieldOrder>,
    /// Most items read to be sorted.
    most: u64,
    gathered: Vec<Item>,
    scanned: u64,
    given: bool,
}

impl<P: Ordered> Sorted<P> {
    /// Sorts at most `most` items.
    pub(super) fn new(pages: P, order: Vec<FieldOrder>, most: u64) -> Sorted<P> {
        Sorted { pages, order, most, gathered: Vec::new(), scanned: 0, given: false }
    }

    fn too_many(&self) -> Error {
        Error::Limit {
            what: "sorting".into(),
            why: format!(
                "the server cannot sort, and more than {} items would have to be read to do it here; narrow the \
                 search, or raise max_scan in the configuration",
                self.most
            ),
        }
    }
}

impl<P: Ordered> Pages<Item> for Sorted<P> {
    fn next_page(&mut self) -> Result<Option<Page<Item>>, Error> {
        if self.given {
            return Ok(None);
        }
        // What was gathered before an error stays: the next call goes on there.
        loop {
            if self.scanned > self.most {
                return Err(self.too_many());
            }
            let Some(page) = self.pages.next_page()? else { break };
            // Known after the first page: the server may refuse the order.
            if self.pages.order() == Order::There {
                return Ok(Some(page));
            }
            self.scanned += page.scanned;
            self.gathered.extend(page.members);
        }
        self.given = true;
        if self.pages.order() == Order::There {
            return Ok(None);
        }
        let mut members = std::mem::take(&mut self.gathered);
        members.sort_by(|a, b| in_order(&self.order, a, b));
        Ok(Some(Page { members, matched: None, scanned: self.scanned, depth: Depth::Whole }))
    }
}
