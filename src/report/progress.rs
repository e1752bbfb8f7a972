//! When a byte last came in for the work a caller waits on.
//!
//! A call is answered ETIMEDOUT after some seconds *without a byte from the server*, so whoever waits must
//! see what the network room sees. The work of one call carries one [`Progress`]; `http` touches the one in
//! force on its thread at every byte; work that spreads over threads hands it on with [`with_progress`].

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Allowance, lock};

/// Tells how long ago the last byte came in. Clones share one clock.
#[derive(Debug, Clone)]
pub struct Progress {
    began: Instant,
    shared: Arc<Shared>,
    /// Who pays for what the work fetches.
    allowance: Option<Arc<Allowance>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Milliseconds from `began` to the last byte.
    last: AtomicU64,
    /// Bytes so far.
    bytes: AtomicU64,
    /// The last failure that did not end the work.
    stumble: Mutex<Option<String>>,
}

impl Progress {
    /// A clock that starts now.
    pub fn new() -> Progress {
        Progress { began: Instant::now(), shared: Arc::default(), allowance: None }
    }

    /// The same clock, for work at the cost of `allowance`.
    pub fn paid_by(self, allowance: Arc<Allowance>) -> Progress {
        Progress { allowance: Some(allowance), ..self }
    }

    /// Who pays for what the work fetches; nobody counts it where there is none.
    pub fn allowance(&self) -> Option<Arc<Allowance>> {
        self.allowance.clone()
    }

    /// Says that `bytes` came in now. Zero bytes count as a sign of life, e.g. response headers.
    pub fn touch(&self, bytes: u64) {
        self.shared.last.fetch_max(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Says why something is tried again, for whoever waits in vain.
    pub fn stumble(&self, words: &str) {
        *lock(&self.shared.stumble) = Some(words.to_owned());
    }

    /// Why something was last tried again.
    pub fn last_stumble(&self) -> Option<String> {
        lock(&self.shared.stumble).clone()
    }

    /// How long ago the last sign of life was; from the start, where there was none.
    pub fn silence(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.shared.last.load(Ordering::Relaxed)))
    }

    /// Since the work began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Bytes that came in so far.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Progress>> = const { RefCell::new(None) };
}

/// The progress of the work this thread does now, where somebody waits for it.
pub fn current_progress() -> Option<Progress> {
    CURRENT.with(|current| current.borrow().clone())
}

/// Runs `work` with `progress` in force on this thread.
pub fn with_progress<T>(progress: Option<Progress>, work: impl FnOnce() -> T) -> T {
    /// Puts the earlier progress back, also when `work` panics.
    struct Restore(Option<Progress>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| *current.borrow_mut() = self.0.take());
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.replace(progress)));
    work()
}
