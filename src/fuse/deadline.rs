//! Calls that wait, and the watch that ends the wait in time.
//!
//! A process blocked in a metadata call cannot be killed before it is answered, so every call that goes to a
//! worker has a deadline. Its reply can be taken once: by the worker that has the answer, or by the watch that
//! answers ETIMEDOUT. In the second case the work goes on, and what it finds is kept by the tree for the next
//! try.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::reply::Refuse;
use crate::report::{Progress, Report, lock};

/// How long a call may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Without a byte from the server.
    pub silence: Duration,
    /// In all; for ever as long as bytes come in, where there is none.
    pub total: Option<Duration>,
}

impl Limits {
    /// How much longer a call may wait, as things stand now.
    fn left(&self, progress: &Progress) -> Duration {
        let silence = self.silence.saturating_sub(progress.silence());
        match self.total {
            Some(total) => silence.min(total.saturating_sub(progress.elapsed())),
            None => silence,
        }
    }
}

/// A call that may wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Asked {
    /// What a name stands for.
    Lookup,
    /// A size.
    Stat,
    /// Entries of a directory.
    Readdir,
    /// A file to read from.
    Open,
    /// Bytes.
    Read,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Asked::Lookup => "lookup",
            Asked::Stat => "stat",
            Asked::Readdir => "readdir",
            Asked::Open => "open",
            Asked::Read => "read",
        })
    }
}

/// A call of the kernel that a worker answers.
pub(super) struct Call<R> {
    asked: Asked,
    path: String,
    limits: Limits,
    progress: Progress,
    report: Arc<Report>,
    reply: Mutex<Option<R>>,
}

impl<R: Refuse> Call<R> {
    /// A call about `path` (below the mount point) whose wait begins now.
    pub fn new(asked: Asked, path: String, limits: Limits, report: Arc<Report>, reply: R) -> Call<R> {
        report.counters.waiting.add(1);
        Call { asked, path, limits, progress: Progress::new(), report, reply: Mutex::new(Some(reply)) }
    }

    /// The clock that the work touches.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The reply, unless it was given already.
    pub fn take(&self) -> Option<R> {
        let reply = lock(&self.reply).take();
        if reply.is_some() {
            self.report.counters.waiting.sub(1);
        }
        reply
    }

    /// Answers with an errno, and says why. ESTALE from an open is no failure and needs no words: the kernel
    /// looks the name up again, opens the new inode, and the program sees nothing of it. ENOENT from a listing
    /// would be taken by the C library for its end.
    pub fn refuse(&self, errno: i32, words: &str) {
        let errno = match (self.asked, errno) {
            (Asked::Readdir, libc::ENOENT) => libc::EIO,
            _ => errno,
        };
        match (self.asked, errno) {
            (Asked::Open, libc::ESTALE) => tracing::debug!(path = self.path, "{words}"),
            _ => self.report.error(&self.path, errno, words),
        }
        if let Some(reply) = self.take() {
            reply.refuse(errno);
        }
    }
}

impl<R> Drop for Call<R> {
    /// A call that nobody answered (the mount ends) waits no longer; its reply says EIO of itself.
    fn drop(&mut self) {
        if lock(&self.reply).is_some() {
            self.report.counters.waiting.sub(1);
        }
    }
}

/// What the watch sees of a call.
pub(super) trait Waiting: Send + Sync {
    /// How much longer it may wait, as things stand now.
    fn left(&self) -> Duration;

    /// Ends the wait.
    fn give_up(&self);
}

impl<R: Refuse> Waiting for Call<R> {
    fn left(&self) -> Duration {
        self.limits.left(&self.progress)
    }

    fn give_up(&self) {
        let Some(reply) = self.take() else { return };
        let (seconds, bytes) = (self.progress.elapsed().as_secs_f32(), self.progress.bytes());
        let silence = self.progress.silence().as_secs_f32();
        let stumble = self.progress.last_stumble();
        let why = stumble.map(|words| format!("; last it failed with: {words}")).unwrap_or_default();
        let words = format!(
            "{}: no answer after {seconds:.1} s ({bytes} bytes so far, the last sign of life {silence:.1} s \
             ago); the work goes on, try again{why}",
            self.asked
        );
        self.report.counters.timeouts.add(1);
        self.report.error(&self.path, libc::ETIMEDOUT, &words);
        reply.refuse(libc::ETIMEDOUT);
    }
}

/// Looks after the deadlines of all waiting calls.
#[derive(Default)]
pub(super) struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    calls: HashMap<u64, Arc<dyn Waiting>>,
    next: u64,
    /// When the watch looks again.
    wakes: Option<Instant>,
    closed: bool,
}

/// A call's place in the watch; dropping it takes the call out.
pub(super) struct Ticket {
    watch: Arc<Watch>,
    number: u64,
}

impl Watch {
    /// Watches a call until the ticket is dropped.
    pub fn add(self: &Arc<Watch>, call: Arc<dyn Waiting>) -> Ticket {
        let due = Instant::now() + call.left();
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        state.calls.insert(number, call);
        let sooner = state.wakes.is_none_or(|wakes| due < wakes);
        drop(state);
        if sooner {
            self.changed.notify_one();
        }
        Ticket { watch: self.clone(), number }
    }

    /// Ends overdue calls until the watch is closed. Runs on a thread of its own.
    pub fn run(&self) {
        let mut state = lock(&self.state);
        while !state.closed {
            let (overdue, next) = state.sweep();
            if !overdue.is_empty() {
                drop(state); // Replying and reporting take other locks.
                overdue.iter().for_each(|call| call.give_up());
                state = lock(&self.state);
                continue;
            }
            state.wakes = next.map(|left| Instant::now() + left);
            state = match next {
                Some(left) => {
                    self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Lets `run` end, and lets go of all calls.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let calls = std::mem::take(&mut state.calls);
        drop(state);
        self.changed.notify_all();
        drop(calls);
    }
}

impl State {
    /// Takes the overdue calls out; how long the most pressing of the others may still wait.
    fn sweep(&mut self) -> (Vec<Arc<dyn Waiting>>, Option<Duration>) {
        let mut next: Option<Duration> = None;
        let mut overdue = Vec::new();
        self.calls.retain(|_, call| {
            let left = call.left();
            if left.is_zero() {
                overdue.push(call.clone());
                return false;
            }
            next = Some(next.map_or(left, |next| next.min(left)));
            true
        });
        (overdue, next)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let call = lock(&self.watch.state).calls.remove(&self.number);
        drop(call);
    }
}

#[cfg(test)]
#[path = "deadline/tests.rs"]
mod tests;
