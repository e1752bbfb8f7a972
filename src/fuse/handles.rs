//! Open handles by number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use fuser::FileHandle;

use crate::report::lock;

/// Things the kernel opened and has not released yet. Numbers are never used again.
pub(super) struct Handles<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    open: HashMap<u64, Arc<T>>,
    next: u64,
}

impl<T> Default for Handles<T> {
    fn default() -> Handles<T> {
        Handles { state: Mutex::new(State { open: HashMap::new(), next: 1 }) }
    }
}

impl<T> Handles<T> {
    /// Takes a thing in; the number the kernel will use for it.
    pub fn open(&self, thing: T) -> FileHandle {
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        state.open.insert(number, Arc::new(thing));
        FileHandle(number)
    }

    /// The thing of a number.
    pub fn get(&self, handle: FileHandle) -> Option<Arc<T>> {
        lock(&self.state).open.get(&handle.0).cloned()
    }

    /// Lets a thing go.
    pub fn release(&self, handle: FileHandle) -> Option<Arc<T>> {
        lock(&self.state).open.remove(&handle.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_not_used_again() {
        let handles = Handles::default();
        let first = handles.open("first");
        assert_eq!(handles.release(first).as_deref(), Some(&"first"));
        let second = handles.open("second");
        assert_ne!(first, second);
        assert!(handles.get(first).is_none());
        assert_eq!(handles.get(second).as_deref(), Some(&"second"));
    }
}
