//! Limits per host, with fair turns.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use url::Url;

use super::wire::Lane;
use crate::report::lock;

/// The gates of all hosts.
pub(super) struct Gates {
    per_host: usize,
    hosts: Mutex<HashMap<String, Host>>,
}

/// The gates of one host: every request passes `all`, streams pass `streams` before it. So downloads never
/// take the last turns of a host, and a listing never waits for a download to end.
#[derive(Clone)]
struct Host {
    all: Arc<Gate>,
    streams: Arc<Gate>,
}

/// A turn of one request. Dropping it lets the next one in.
pub(super) struct Permit(#[allow(dead_code, reason = "held for its drop")] Vec<Turn>);

/// Of so many turns, those that streams may take.
pub(super) fn streams(per_host: usize) -> usize {
    (per_host - per_host / 4).max(1)
}

impl Gates {
    pub(super) fn new(per_host: usize) -> Gates {
        Gates { per_host: per_host.max(1), hosts: Mutex::default() }
    }

    /// Waits for a turn at the URL's host; `None` where none came up in time.
    pub(super) fn enter(&self, url: &Url, lane: Lane, most: Duration) -> Option<Permit> {
        let until = Instant::now() + most;
        let host = self.host(url);
        Some(Permit(match lane {
            Lane::Document => vec![host.all.enter(until)?],
            Lane::Stream => vec![host.streams.enter(until)?, host.all.enter(until)?],
        }))
    }

    fn host(&self, url: &Url) -> Host {
        let mut hosts = lock(&self.hosts);
        let new = || Host { all: Gate::new(self.per_host), streams: Gate::new(streams(self.per_host)) };
        hosts.entry(url.origin().ascii_serialization()).or_insert_with(new).clone()
    }
}

/// A counter of turns with a queue: first come, first served.
struct Gate {
    most: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    in_flight: usize,
    queue: VecDeque<u64>,
    next: u64,
}

struct Turn(Arc<Gate>);

impl Gate {
    fn new(most: usize) -> Arc<Gate> {
        Arc::new(Gate { most, state: Mutex::default(), freed: Condvar::new() })
    }

    fn enter(self: &Arc<Gate>, until: Instant) -> Option<Turn> {
        let mut state = lock(&self.state);
        let ticket = state.next;
        state.next += 1;
        state.queue.push_back(ticket);
        while state.in_flight >= self.most || state.queue.front() != Some(&ticket) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.queue.retain(|t| *t != ticket);
                self.freed.notify_all();
                return None;
            }
            state = self.freed.wait_timeout(state, left).map_or_else(|e| e.into_inner().0, |(s, _)| s);
        }
        state.queue.pop_front();
        state.in_flight += 1;
        // The one behind may fit in too.
        self.freed.notify_all();
        Some(Turn(Arc::clone(self)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.0.state).in_flight -= 1;
        self.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn url() -> Url {
        Url::parse("https://a.example/x").unwrap()
    }

    #[test]
    fn streams_leave_turns_to_documents() {
        let gates = Gates::new(4);
        let streams: Vec<_> =
            (0..3).map(|_| gates.enter(&url(), Lane::Stream, LONG).expect("a turn")).collect();
        assert!(gates.enter(&url(), Lane::Stream, Duration::ZERO).is_none());
        let document = gates.enter(&url(), Lane::Document, LONG).expect("the reserved turn");
        assert!(gates.enter(&url(), Lane::Document, Duration::ZERO).is_none());
        drop(document);
        drop(streams);
        assert!(gates.enter(&url(), Lane::Stream, Duration::ZERO).is_some());
    }

    #[test]
    fn hosts_do_not_share_turns() {
        let gates = Gates::new(1);
        let _one = gates.enter(&url(), Lane::Document, LONG).expect("a turn");
        let other = Url::parse("https://b.example/").unwrap();
        assert!(gates.enter(&other, Lane::Document, Duration::ZERO).is_some());
    }

    #[test]
    fn turns_come_in_the_order_of_asking() {
        let gates = Arc::new(Gates::new(1));
        let first = gates.enter(&url(), Lane::Document, LONG).expect("a turn");
        let order = Arc::new(Mutex::new(Vec::new()));
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let (gates, order) = (Arc::clone(&gates), Arc::clone(&order));
                let all = Arc::clone(&gates.host(&url()).all);
                let thread = std::thread::spawn(move || {
                    let _turn = gates.enter(&url(), Lane::Document, LONG).expect("a turn");
                    lock(&order).push(n);
                });
                // The next thread starts once this one stands in the queue.
                while lock(&all.state).queue.len() <= n {
                    std::thread::yield_now();
                }
                thread
            })
            .collect();
        drop(first);
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(*lock(&order), [0, 1, 2, 3]);
    }
}
