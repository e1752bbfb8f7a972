//! Threads that may wait, so that the FUSE threads never do.
//!
//! Threads come when work waits and none is idle, up to a bound, and go when they were idle for a while. The
//! queue is bounded too: who finds it full is told so at once rather than made to wait for ever.
//!
//! Work is of branches (of the tree: a source, a collection). A branch whose server is dead keeps its threads for
//! a minute or more; so that it takes none from the others, it gets at most half of what they leave free.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::report::lock;

/// What a worker does once.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// An idle thread goes after this.
const IDLE: Duration = Duration::from_secs(20);

/// Address space of a worker's stack; only what is used of it is memory. JSON and geometry are parsed on it.
const STACK: usize = 2 << 20;

/// The queue is full, or no thread can be had.
#[derive(Debug, PartialEq)]
pub(super) struct Busy;

/// A pool of workers for one kind of work. Clones are the same pool.
#[derive(Clone)]
pub(super) struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    name: &'static str,
    most_threads: usize,
    most_queued: usize,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    /// Jobs and their branches, first come, first served.
    queue: VecDeque<(Arc<str>, Job)>,
    /// Threads at work, by branch.
    running: HashMap<Arc<str>, usize>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Workers {
    /// A pool of at most `most_threads` threads, with at most `most_queued` jobs waiting for one.
    pub fn new(name: &'static str, most_threads: usize, most_queued: usize) -> Workers {
        let (state, work) = (Mutex::default(), Condvar::new());
        Workers { shared: Arc::new(Shared { name, most_threads, most_queued, state, work }) }
    }

    /// Hands a job of a branch to a worker.
    pub fn submit(&self, branch: &str, job: Job) -> Result<(), Busy> {
        let mut state = lock(&self.shared.state);
        if state.closed || state.queue.len() >= self.shared.most_queued {
            return Err(Busy);
        }
        let may_run = state.may_run(branch, self.shared.most_threads);
        if may_run && state.idle <= state.queue.len() && state.threads < self.shared.most_threads {
            let shared = self.shared.clone();
            let thread = thread::Builder::new().name(shared.name.to_owned()).stack_size(STACK);
            match thread.spawn(move || shared.run()) {
                Ok(_) => state.threads += 1,
                Err(error) if state.threads == 0 => {
                    tracing::error!("no thread for {}: {error}", self.shared.name);
                    return Err(Busy);
                }
                // The threads there are will come to it.
                Err(error) => tracing::warn!("no further thread for {}: {error}", self.shared.name),
            }
        }
        state.queue.push_back((branch.into(), job));
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }

    /// Takes no more jobs and drops those that wait; threads go when they are done.
    pub fn close(&self) {
        let mut state = lock(&self.shared.state);
        state.closed = true;
        let unbegun = std::mem::take(&mut state.queue);
        drop(state);
        self.shared.work.notify_all();
        drop(unbegun);
    }
}

impl State {
    /// Whether one more job of a branch may run now: it has less than half of what the others leave free.
    fn may_run(&self, branch: &str, most: usize) -> bool {
        let own = self.running.get(branch).copied().unwrap_or_default();
        let others = self.running.values().sum::<usize>() - own;
        own < (most.saturating_sub(others) / 2).max(1)
    }

    /// The first job that may run.
    fn take(&mut self, most: usize) -> Option<(Arc<str>, Job)> {
        let at = (0..self.queue.len())
            .find(|&at| self.queue.get(at).is_some_and(|(branch, _)| self.may_run(branch, most)))?;
        let (branch, job) = self.queue.remove(at)?;
        *self.running.entry(branch.clone()).or_default() += 1;
        Some((branch, job))
    }

    fn done(&mut self, branch: &Arc<str>) {
        if let Some(running) = self.running.get_mut(branch) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(branch);
            }
        }
    }
}

impl Shared {
    fn run(&self) {
        while let Some((branch, job)) = self.next() {
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a job of {} panicked", self.name);
            }
            lock(&self.state).done(&branch);
            // What this one kept from running may be for an idle thread.
            self.work.notify_one();
        }
    }

    /// The next job; `None` once this thread is no longer needed.
    fn next(&self) -> Option<(Arc<str>, Job)> {
        let mut state = lock(&self.state);
        loop {
            if let Some(next) = state.take(self.most_threads) {
                return Some(next);
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let (woken, waited) =
                self.work.wait_timeout(state, IDLE).unwrap_or_else(std::sync::PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn jobs_run_side_by_side_up_to_the_bound_and_then_queue() {
        let workers = Workers::new("test", 4, 1);
        let (begun, beginnings) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let job = |n: u32| -> Job {
            let (begun, gate) = (begun.clone(), gate.clone());
            Box::new(move || {
                begun.send(n).unwrap();
                lock(&gate).recv().ok();
            })
        };
        workers.submit("a", job(1)).unwrap();
        beginnings.recv().unwrap();
        workers.submit("a", job(2)).unwrap();
        beginnings.recv().unwrap();
        workers.submit("a", job(3)).unwrap();
        assert_eq!(workers.submit("a", job(4)), Err(Busy), "the queue holds one");
        assert_eq!(lock(&workers.shared.state).threads, 2);
        release.send(()).unwrap();
        assert_eq!(beginnings.recv().unwrap(), 3, "a freed thread takes the waiting job");
        drop(release);
    }

    #[test]
    fn an_idle_thread_is_used_again_and_a_panic_costs_none() {
        let workers = Workers::new("test", 8, 8);
        let (done, ends) = mpsc::channel();
        for n in 0..5 {
            let done = done.clone();
            workers.submit("a", Box::new(move || done.send(n).unwrap())).unwrap();
            ends.recv().unwrap();
            workers.submit("a", Box::new(|| panic!("on purpose"))).unwrap();
        }
        workers.submit("a", Box::new(move || done.send(99).unwrap())).unwrap();
        assert_eq!(ends.recv().unwrap(), 99);
    }

    #[test]
    fn branches_that_are_stuck_leave_threads_to_the_others() {
        let workers = Workers::new("test", 8, 1000);
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        for branch in ["dead", "dying", "ill"] {
            for _ in 0..50 {
                let gate = gate.clone();
                workers
                    .submit(
                        branch,
                        Box::new(move || {
                            let _ = lock(&gate).recv();
                        }),
                    )
                    .unwrap();
            }
        }
        let (done, ends) = mpsc::channel();
        for _ in 0..5 {
            let done = done.clone();
            workers.submit("well", Box::new(move || done.send(()).unwrap())).unwrap();
        }
        (0..5).for_each(|_| ends.recv_timeout(Duration::from_secs(60)).expect("the others are served"));
        let running = lock(&workers.shared.state).running.get("dead").copied();
        assert!(running <= Some(4), "{running:?}");
        drop(release);
        workers.submit("dead", Box::new(move || done.send(()).unwrap())).unwrap();
        ends.recv_timeout(Duration::from_secs(60)).expect("freed threads take what waits");
    }

    #[test]
    fn a_closed_pool_takes_nothing() {
        let workers = Workers::new("test", 1, 1);
        workers.close();
        assert_eq!(workers.submit("a", Box::new(|| ())), Err(Busy));
    }
}
