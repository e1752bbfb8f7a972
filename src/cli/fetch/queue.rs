//! What is to be done next: pieces of files that are open, before files that are not.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::report::lock;

/// Work of two kinds. Opening a file finds how many pieces it has.
pub struct Queue<P> {
    state: Mutex<State<P>>,
    changed: Condvar,
}

struct State<P> {
    pieces: VecDeque<P>,
    next_file: usize,
    files: usize,
    /// Files that are being opened: they may yet make pieces.
    opening: usize,
    stopped: bool,
}

/// One thing to do.
pub enum Task<P> {
    /// Open the file of this number, and then say so by [`Queue::opened`].
    Open(usize),
    /// Fetch a piece.
    Piece(P),
}

impl<P> Queue<P> {
    /// A queue of files, by number.
    pub fn new(files: usize) -> Queue<P> {
        let state = State { pieces: VecDeque::new(), next_file: 0, files, opening: 0, stopped: false };
        Queue { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The next task; waits where there may yet be one. `None` is the end.
    pub fn next(&self) -> Option<Task<P>> {
        let mut state = lock(&self.state);
        loop {
            if state.stopped {
                return None;
            }
            if let Some(piece) = state.pieces.pop_front() {
                return Some(Task::Piece(piece));
            }
            if state.next_file < state.files {
                state.next_file += 1;
                state.opening += 1;
                return Some(Task::Open(state.next_file - 1));
            }
            if state.opening == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A file was opened, and has these pieces; none where it failed or needs nothing.
    pub fn opened(&self, pieces: impl IntoIterator<Item = P>) {
        let mut state = lock(&self.state);
        state.pieces.extend(pieces);
        state.opening -= 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Ends it: nobody gets another task.
    pub fn stop(&self) {
        lock(&self.state).stopped = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_file_is_opened_and_every_piece_fetched_once() {
        let queue = Queue::new(20);
        let (opened, pieces) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(task) = queue.next() {
                        match task {
                            Task::Open(number) => {
                                opened.fetch_add(1, Ordering::Relaxed);
                                queue.opened(0..number);
                            }
                            Task::Piece(_) => {
                                pieces.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                });
            }
        });
        assert_eq!((opened.into_inner(), pieces.into_inner()), (20, 190));
    }

    #[test]
    fn a_stopped_queue_gives_nothing() {
        let queue: Queue<u8> = Queue::new(3);
        assert!(matches!(queue.next(), Some(Task::Open(0))));
        queue.stop();
        assert!(queue.next().is_none());
    }
}
