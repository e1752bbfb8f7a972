//! Many documents at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::super::Error;
use crate::report::{current_progress, with_progress};

/// Documents asked for at once: what `http` has in flight per host.
pub(super) const AT_ONCE: usize = 16;

/// Does `work` on every task, on several threads; the results are in the order of the tasks. Whoever waits
/// for this thread sees the progress of all.
pub(super) fn each<T: Sync, R: Send>(tasks: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let progress = current_progress();
    let labour = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(at) else { return done };
            done.push((at, work(task)));
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let begin = |_| scope.spawn(|| with_progress(progress.clone(), labour));
        let others: Vec<_> = (1..tasks.len().min(AT_ONCE)).map(begin).collect();
        let mut done = labour();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Whether a failure is one of the moment, and not of the document: then nothing may be left out for it.
pub(super) fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Http(error) if error.is_passing())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Progress;

    #[test]
    fn results_are_in_order_and_progress_is_seen() {
        let progress = Progress::new();
        let tasks: Vec<u64> = (0..100).collect();
        let squares = with_progress(Some(progress.clone()), || {
            each(&tasks, |n| {
                current_progress().unwrap().touch(1);
                n * n
            })
        });
        assert_eq!(squares, tasks.iter().map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(progress.bytes(), 100);
        assert!(each(&[] as &[u64], |n| *n).is_empty());
    }
}
