//! Whose request goes next.
//!
//! Per host, so many run at once. What a reader waits for goes before what is fetched ahead; among files, the
//! one with the fewest running goes first. So many readers share a line fairly, and one that reads far ahead
//! delays nobody.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use crate::report::lock;

/// Slots of a host that work ahead leaves free for readers who wait.
const KEPT_FREE: usize = 2;

/// A piece of work that makes requests.
pub type Job = Box<dyn FnOnce() + Send>;

/// How soon a job is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody waits.
    Now,
    /// Somebody may want it soon.
    Ahead,
}

/// The queue of all work that makes requests, and the threads that do it.
pub struct Turns {
    per_host: usize,
    hosts: Mutex<HashMap<String, Host>>,
}

#[derive(Default)]
struct Host {
    running: usize,
    /// One line per file, in the order they were last served.
    lines: VecDeque<Line>,
}

struct Line {
    /// Whose: the file's number.
    owner: u64,
    running: usize,
    now: VecDeque<(u64, Job)>,
    ahead: VecDeque<(u64, Job)>,
}

impl Turns {
    /// With so many requests at once per host.
    pub fn new(per_host: usize) -> Arc<Turns> {
        Arc::new(Turns { per_host: per_host.max(1), hosts: Mutex::default() })
    }

    /// How many files have work now.
    pub fn active(&self) -> u64 {
        lock(&self.hosts).values().map(|host| host.lines.len() as u64).sum()
    }

    /// Puts a job of a file in line, under a number that is the file's own choice.
    pub fn submit(self: &Arc<Turns>, host: &str, owner: u64, urgency: Urgency, number: u64, job: Job) {
        let mut hosts = lock(&self.hosts);
        let queue = hosts.entry(host.to_owned()).or_default();
        queue.put(owner, urgency, (number, job));
        if let Some((owner, job)) = queue.take(self.per_host) {
            drop(hosts);
            self.start(host.to_owned(), owner, job);
        }
    }

    /// Somebody waits now for a job that was put in line as work ahead, if it has not begun.
    pub fn hurry(self: &Arc<Turns>, host: &str, owner: u64, number: u64) {
        let mut hosts = lock(&self.hosts);
        let Some(queue) = hosts.get_mut(host) else { return };
        let Some(line) = queue.line(owner) else { return };
        let Some(at) = line.ahead.iter().position(|(found, _)| *found == number) else { return };
        line.now.extend(line.ahead.remove(at));
        if let Some((owner, job)) = queue.take(self.per_host) {
            drop(hosts);
            self.start(host.to_owned(), owner, job);
        }
    }

    /// Drops the jobs of a file that have not begun and that nobody waits for.
    pub fn drop_ahead(&self, host: &str, owner: u64) {
        let mut hosts = lock(&self.hosts);
        let dropped = hosts.get_mut(host).and_then(|queue| queue.drop_ahead(owner));
        drop(hosts);
        drop(dropped); // Outside of the lock: a job may hold the last of a file.
    }

    fn start(self: &Arc<Turns>, host: String, owner: u64, job: Job) {
        let turns = self.clone();
        let spawned = std::thread::Builder::new().name("fetch".into()).spawn({
            let host = host.clone();
            move || turns.work(&host, owner, job)
        });
        if let Err(error) = spawned {
            // The job is gone with its thread; whoever waits for it is told by its drop.
            tracing::warn!(%error, "no thread for a request");
            lock(&self.hosts).entry(host).or_default().done(owner);
        }
    }

    /// Works until nothing is left that may run.
    fn work(self: &Arc<Turns>, host: &str, mut owner: u64, mut job: Job) {
        loop {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            let mut hosts = lock(&self.hosts);
            let Some(queue) = hosts.get_mut(host) else { return };
            queue.done(owner);
            match queue.take(self.per_host) {
                Some(next) => (owner, job) = next,
                None => {
                    if queue.running == 0 && queue.lines.is_empty() {
                        hosts.remove(host);
                    }
                    return;
                }
            }
        }
    }
}

impl Host {
    fn put(&mut self, owner: u64, urgency: Urgency, job: (u64, Job)) {
        let at = self.lines.iter().position(|line| line.owner == owner).unwrap_or_else(|| {
            self.lines.push_front(Line { owner, running: 0, now: VecDeque::new(), ahead: VecDeque::new() });
            0
        });
        match urgency {
            Urgency::Now => self.lines[at].now.push_back(job),
            Urgency::Ahead => self.lines[at].ahead.push_back(job),
        }
    }

    /// The next job that may run.
    fn take(&mut self, most: usize) -> Option<(u64, Job)> {
        if self.running >= most {
            return None;
        }
        let most_ahead = if most > 2 * KEPT_FREE { most - KEPT_FREE } else { most };
        let least = |lines: &VecDeque<Line>, ready: fn(&Line) -> bool| {
            let ready = lines.iter().enumerate().filter(|(_, line)| ready(line));
            ready.min_by_key(|(_, line)| line.running).map(|(at, _)| at)
        };
        let now = least(&self.lines, |line| !line.now.is_empty());
        let at = match now {
            Some(at) => at,
            None if self.running < most_ahead => least(&self.lines, |line| !line.ahead.is_empty())?,
            None => return None,
        };
        let mut line = self.lines.remove(at)?;
        let job = line.now.pop_front().or_else(|| line.ahead.pop_front());
        line.running += 1;
        self.running += 1;
        let owner = line.owner;
        self.lines.push_back(line);
        job.map(|(_, job)| (owner, job))
    }

    fn done(&mut self, owner: u64) {
        self.running -= 1;
        if let Some(line) = self.line(owner) {
            line.running -= 1;
        }
        self.drop_empty(owner);
    }

    /// Takes out the jobs of a file that nobody waits for.
    fn drop_ahead(&mut self, owner: u64) -> Option<VecDeque<(u64, Job)>> {
        let dropped = std::mem::take(&mut self.line(owner)?.ahead);
        self.drop_empty(owner);
        Some(dropped)
    }

    fn line(&mut self, owner: u64) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.owner == owner)
    }

    /// A file without work has no line: those that have one share what may be fetched ahead.
    fn drop_empty(&mut self, owner: u64) {
        let is_empty = |line: &Line| line.running == 0 && line.now.is_empty() && line.ahead.is_empty();
        self.lines.retain(|line| line.owner != owner || !is_empty(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn job() -> (u64, Job) {
        (0, Box::new(|| ()))
    }

    fn owners(host: &mut Host, most: usize) -> Vec<u64> {
        std::iter::from_fn(|| host.take(most)).map(|(owner, _)| owner).collect()
    }

    #[test]
    fn files_share_the_turns_and_waiting_readers_go_first() {
        let mut host = Host::default();
        for _ in 0..10 {
            host.put(1, Urgency::Ahead, job());
        }
        host.put(2, Urgency::Now, job());
        host.put(3, Urgency::Ahead, job());
        host.put(3, Urgency::Ahead, job());
        let taken = owners(&mut host, 6);
        assert_eq!(taken[0], 2, "somebody waits");
        assert_eq!(taken.len(), 4, "two turns stay free");
        let count = |owner| taken.iter().filter(|taken| **taken == owner).count();
        assert!(count(1) <= 2 && count(3) >= 1, "{taken:?}");
        host.put(9, Urgency::Now, job());
        assert_eq!(owners(&mut host, 6), [9]);
    }

    #[test]
    fn a_file_that_is_done_leaves_nothing_behind() {
        let mut host = Host::default();
        host.put(1, Urgency::Now, job());
        assert_eq!(owners(&mut host, 1), [1]);
        host.done(1);
        assert!(host.lines.is_empty() && host.running == 0);
        host.put(2, Urgency::Ahead, job());
        assert_eq!(host.drop_ahead(2).map(|dropped| dropped.len()), Some(1));
        assert!(host.lines.is_empty(), "closed before its turn came");
        host.put(3, Urgency::Ahead, job());
        assert_eq!(owners(&mut host, 1), [3]);
        host.drop_ahead(3);
        assert_eq!(host.lines.len(), 1, "its work goes on");
    }

    #[test]
    fn all_that_is_submitted_is_done_once() {
        let turns = Turns::new(3);
        let (sender, receiver) = mpsc::channel();
        for n in 0..100 {
            let sender = sender.clone();
            let urgency = if n % 2 == 0 { Urgency::Now } else { Urgency::Ahead };
            turns.submit("h", n % 7, urgency, n, Box::new(move || sender.send(n).unwrap()));
        }
        drop(sender);
        let mut done: Vec<u64> = receiver.iter().collect();
        done.sort_unstable();
        assert_eq!(done, (0..100).collect::<Vec<_>>());
    }
}
