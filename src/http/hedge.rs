//! Asking twice: a small range whose answer is late is asked for once more, on another connection.
//!
//! Behind one name stand many machines, and now and then one is stuck. Whoever waits for it is better served by
//! another try; the first good answer wins. So that a server in trouble is never asked twice as much, answers in
//! time earn second tries, one for every [`PRICE`], and a failure takes away all that was earned.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use reqwest::Method;
use url::Url;

use super::local::range;
use super::redirect::Hop;
use super::retry::is_trouble;
use super::wire::{Answer, Lane, Sending};
use super::{Error, shown};
use crate::report::lock;

/// Longer ranges are asked for once, in bytes.
const LONGEST: u64 = 1 << 20;
/// No answer is late before this …
const SOON: Duration = Duration::from_secs(2);
/// … nor before so many times what nineteen of twenty answers of its host took of late.
const TIMES: u32 = 4;
/// So many answers are remembered.
const REMEMBERED: usize = 64;
/// So many answers pay for a second try. The first one at a host is free.
const PRICE: u32 = 20;
/// What is earned is saved up to so much.
const SAVINGS: u32 = 3 * PRICE;

/// What the hosts' answers took, and what they earned.
#[derive(Default)]
pub(super) struct Hedges(Mutex<HashMap<String, Host>>);

struct Host {
    took: VecDeque<Duration>,
    earned: u32,
}

impl Default for Host {
    fn default() -> Host {
        Host { took: VecDeque::new(), earned: PRICE }
    }
}

impl Hedges {
    /// How long to wait for an answer before it is late. `None` for what is never asked for twice: all but small
    /// ranges of files.
    pub(super) fn patience(&self, hop: &Hop, lane: Lane) -> Option<Duration> {
        let wanted = hop.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("range"));
        let (first, last) = wanted.and_then(|(_, value)| range(value))?;
        let is_small = last.is_some_and(|last| last - first < LONGEST);
        if lane != Lane::Stream || hop.method != Method::GET || hop.body.is_some() || !is_small {
            return None;
        }
        Some(self.of(&hop.url, |host| host.patience()))
    }

    /// Takes in what came of a request for a file's bytes.
    pub(super) fn learn(&self, url: &Url, answer: &Result<Answer, Error>) {
        let took = answer.as_ref().ok().filter(|answer| is_good(answer)).map(Answer::took);
        self.of(url, |host| host.learn(took));
    }

    fn of<T>(&self, url: &Url, look: impl FnOnce(&mut Host) -> T) -> T {
        look(lock(&self.0).entry(url.origin().ascii_serialization()).or_default())
    }

    /// Sends a small range, and once more as `again` where its answer is late.
    pub(super) fn race(
        &self,
        url: &Url,
        first: Sending,
        patience: Duration,
        again: impl FnOnce() -> Option<Sending>,
    ) -> Result<Answer, Error> {
        let (sender, answers) = mpsc::channel();
        first.send_to(sender.clone());
        let in_time = answers.recv_timeout(patience).ok();
        if in_time.is_none()
            && self.of(url, Host::pay)
            && let Some(second) = again()
        {
            tracing::debug!(url = shown(url), ?patience, "late; asked for once more");
            second.send_to(sender.clone());
        }
        drop(sender);
        // The first good answer; where there is none, the last.
        let mut answers = in_time.into_iter().chain(answers);
        let why = "no thread for a request".to_owned();
        let mut answer = answers.next().unwrap_or_else(|| Err(Error::Unreachable { url: shown(url), why }));
        while !answer.as_ref().is_ok_and(is_good)
            && let Some(next) = answers.next()
        {
            answer = next;
        }
        answer
    }
}

impl Host {
    /// So long an answer is waited for.
    fn patience(&self) -> Duration {
        let mut took: Vec<Duration> = self.took.iter().copied().collect();
        took.sort_unstable();
        let slow = took.get(took.len() * 19 / 20).copied().unwrap_or_default();
        SOON.max(slow * TIMES)
    }

    /// Takes what a second try costs, if it was earned.
    fn pay(&mut self) -> bool {
        let left = self.earned.checked_sub(PRICE);
        self.earned = left.unwrap_or(self.earned);
        left.is_some()
    }

    /// An answer took so long; `None` where it was a failure.
    fn learn(&mut self, took: Option<Duration>) {
        let Some(took) = took else {
            self.earned = 0;
            return;
        };
        self.earned = (self.earned + 1).min(SAVINGS);
        self.took.push_back(took);
        if self.took.len() > REMEMBERED {
            self.took.pop_front();
        }
    }
}

/// Whether an answer is about what was asked for: no failure of the server.
fn is_good(answer: &Answer) -> bool {
    !is_trouble(answer.status())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Request;

    const QUICK: Option<Duration> = Some(Duration::from_millis(100));

    #[test]
    fn second_tries_are_few_and_none_follows_a_failure() {
        let mut host = Host::default();
        assert!(host.pay() && !host.pay(), "the first is free");
        (1..PRICE).for_each(|_| host.learn(QUICK));
        assert!(!host.pay());
        host.learn(QUICK);
        assert!(host.pay());
        (0..10 * PRICE).for_each(|_| host.learn(QUICK));
        assert_eq!((0..10).filter(|_| host.pay()).count() as u32, SAVINGS / PRICE);
        (0..10 * PRICE).for_each(|_| host.learn(QUICK));
        host.learn(None);
        assert!(!host.pay(), "after a failure, nothing is asked for twice");
    }

    #[test]
    fn what_is_late_depends_on_the_host() {
        let mut host = Host::default();
        assert_eq!(host.patience(), SOON);
        (0..100).for_each(|_| host.learn(QUICK));
        host.learn(Some(Duration::from_secs(50)));
        assert_eq!(host.patience(), SOON, "one of a hundred");
        (0..10).for_each(|_| host.learn(Some(Duration::from_secs(3))));
        assert_eq!(host.patience(), Duration::from_secs(12), "it is slow by nature");
    }

    #[test]
    fn only_small_ranges_of_files_are_asked_for_twice() {
        let hedges = Hedges::default();
        let patience = |request: &Request, lane| hedges.patience(&Hop::first(request), lane).is_some();
        let get = Request::get(Url::parse("https://a.example/b.tif").unwrap());
        let small = get.clone().with_header("Range", format!("bytes=5-{}", LONGEST + 4));
        assert!(patience(&small, Lane::Stream));
        assert!(!patience(&small, Lane::Document));
        assert!(!patience(&get, Lane::Stream), "all of it");
        for range in [format!("bytes=5-{}", LONGEST + 5), "bytes=5-".into(), "bytes=9-5".into()] {
            assert!(!patience(&get.clone().with_header("Range", &range), Lane::Stream), "{range}");
        }
        for method in [Method::HEAD, Method::POST, Method::PUT] {
            assert!(!patience(&Request { method, ..small.clone() }, Lane::Stream));
        }
    }
}
