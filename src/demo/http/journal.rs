//! The journal: every request that reached a server, for tests to read.

use super::{Headers, Request, lock};
use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex},
    time::{Duration, Instant},
};

/// More entries than this are not kept, so that a demo can run for weeks; the oldest go first.
const KEPT: usize = 200_000;

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place among all requests since the server started, from 0.
    pub number: u64,
    /// The method.
    pub method: String,
    /// Path and query, exactly as sent.
    pub target: String,
    /// The headers of the request.
    pub headers: Headers,
    /// The body of the request.
    pub body: Vec<u8>,
    /// The connection it came over.
    pub connection: u64,
    /// When it arrived, since the server started.
    pub arrived: Duration,
    /// How many other requests were being answered when it arrived.
    pub beside: usize,
    /// The status sent; `None` while none was.
    pub status: Option<u16>,
    /// Bytes of the response's body that were handed to the kernel, without chunk framing.
    pub sent: u64,
    /// How long the answer took; `None` while it is under way.
    pub took: Option<Duration>,
}

impl Entry {
    /// The path, not decoded.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The `Range` header, if one was sent.
    pub fn range(&self) -> Option<&str> {
        self.headers.get("range")
    }
}

/// All requests that reached a server.
pub struct Journal {
    started: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    next: u64,
    under_way: usize,
    peak: usize,
}

impl Journal {
    pub(super) fn new() -> Journal {
        Journal { started: Instant::now(), state: Mutex::default(), changed: Condvar::new() }
    }

    /// The requests since the start or the last [`clear`](Self::clear), oldest first, those under way included.
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.state).entries.iter().cloned().collect()
    }

    /// The requests that `wanted` picks.
    pub fn select(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        lock(&self.state).entries.iter().filter(|entry| wanted(entry)).cloned().collect()
    }

    /// How many requests there are.
    pub fn len(&self) -> usize {
        lock(&self.state).entries.len()
    }

    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The greatest number of requests that were being answered at one time.
    pub fn peak(&self) -> usize {
        lock(&self.state).peak
    }

    /// Bytes of bodies sent in all.
    pub fn sent(&self) -> u64 {
        lock(&self.state).entries.iter().map(|entry| entry.sent).sum()
    }

    /// Forgets all entries and the peak. Requests under way are forgotten too.
    pub fn clear(&self) {
        let mut state = lock(&self.state);
        state.entries.clear();
        state.peak = state.under_way;
    }

    /// Waits until `wanted` holds for the entries, at most `timeout`. Returns whether it came to hold.
    pub fn wait_for(&self, timeout: Duration, wanted: impl Fn(&[Entry]) -> bool) -> bool {
        let until = Instant::now() + timeout;
        let mut state = lock(&self.state);
        loop {
            if wanted(state.entries.make_contiguous()) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Notes a request that has just arrived. It is under way until what is returned is dropped.
    pub(super) fn arrived(&self, request: &Request) -> UnderWay<'_> {
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        let entry = Entry {
            number,
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            connection: request.connection,
            arrived: self.started.elapsed(),
            beside: state.under_way,
            status: None,
            sent: 0,
            took: None,
        };
        state.under_way += 1;
        state.peak = state.peak.max(state.under_way);
        state.entries.push_back(entry);
        if state.entries.len() > KEPT {
            state.entries.pop_front();
        }
        self.changed.notify_all();
        UnderWay { journal: self, number }
    }

    /// Notes that the head of the answer is on its way.
    pub(super) fn answered(&self, number: u64, status: u16) {
        self.change(number, |entry| entry.status = Some(status));
    }

    /// Notes `bytes` more of the body.
    pub(super) fn sent_more(&self, number: u64, bytes: u64) {
        self.change(number, |entry| entry.sent += bytes);
    }

    /// Notes that a request is done with.
    fn finished(&self, number: u64) {
        let now = self.started.elapsed();
        self.change(number, |entry| entry.took = Some(now.saturating_sub(entry.arrived)));
        lock(&self.state).under_way -= 1;
        self.changed.notify_all();
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Entry)) {
        let mut state = lock(&self.state);
        let first = state.entries.front().map_or(number, |entry| entry.number);
        let place = number.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| state.entries.get_mut(place)) {
            change(entry);
            self.changed.notify_all();
        }
    }
}

/// A request that is being answered; done with when dropped, well or badly.
pub(super) struct UnderWay<'a> {
    journal: &'a Journal,
    number: u64,
}

impl UnderWay<'_> {
    /// The number of its entry.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.journal.finished(self.number);
    }
}
