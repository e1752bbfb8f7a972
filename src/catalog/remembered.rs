//! What was fetched once and is taken for true for a while.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Error;
use crate::report::lock;

/// Something fetched once and taken for true for a while.
pub(super) struct Remembered<T> {
    slot: Mutex<Option<(Instant, Arc<T>)>>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Remembered<T> {
        Remembered { slot: Mutex::new(None) }
    }
}

impl<T> Remembered<T> {
    /// Something that was fetched just now.
    pub(super) fn of(value: T) -> Remembered<T> {
        Remembered { slot: Mutex::new(Some((Instant::now(), Arc::new(value)))) }
    }

    /// What is remembered, however old.
    pub(super) fn known(&self) -> Option<Arc<T>> {
        lock(&self.slot).as_ref().map(|(_, value)| Arc::clone(value))
    }

    /// What is remembered, else what `fetch` gets; callers at the same time share one fetch. Where a refresh
    /// fails by a failure that passes, the old answer serves on.
    pub(super) fn get(
        &self,
        lifetime: Duration,
        fetch: impl FnOnce() -> Result<T, Error>,
    ) -> Result<Arc<T>, Error> {
        let mut slot = lock(&self.slot);
        if let Some((_, value)) = slot.as_ref().filter(|(at, _)| at.elapsed() <= lifetime) {
            return Ok(Arc::clone(value));
        }
        match (fetch(), slot.as_ref()) {
            (Ok(value), _) => {
                let value = Arc::new(value);
                *slot = Some((Instant::now(), Arc::clone(&value)));
                Ok(value)
            }
            (Err(Error::Http(error)), Some((_, old))) if error.is_passing() => Ok(Arc::clone(old)),
            (Err(error), _) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;

    fn unreachable() -> Error {
        Error::Http(http::Error::Unreachable { url: String::new(), why: String::new() })
    }

    #[test]
    fn an_old_answer_serves_while_the_server_is_away() {
        let remembered = Remembered::default();
        let never = || -> Result<i32, Error> { panic!("fetched again") };
        assert!(remembered.get(Duration::MAX, || Err(unreachable())).is_err());
        assert_eq!(*remembered.get(Duration::MAX, || Ok(1)).unwrap(), 1);
        assert_eq!(*remembered.get(Duration::MAX, never).unwrap(), 1);
        assert_eq!(*remembered.get(Duration::ZERO, || Err(unreachable())).unwrap(), 1);
        assert_eq!(*remembered.get(Duration::ZERO, || Ok(2)).unwrap(), 2);
        let refused =
            remembered.get(Duration::ZERO, || Err(Error::NotStac { url: String::new(), why: String::new() }));
        assert!(refused.is_err());
    }
}
