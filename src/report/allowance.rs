//! How much somebody may still have fetched.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::current_progress;

/// Bytes of files that somebody may still have fetched from servers.
///
/// The work of a call carries it in its [`super::Progress`]; whoever is about to ask a server for bytes of a file
/// takes them from it first.
#[derive(Debug)]
pub struct Allowance {
    left: AtomicU64,
    refusal: String,
}

impl Allowance {
    /// Of `most` bytes; `refusal` says what to do once they are used up.
    pub fn new(most: u64, refusal: String) -> Allowance {
        Allowance { left: AtomicU64::new(most), refusal }
    }

    /// Takes so many bytes, or none.
    ///
    /// # Errors
    /// The words of refusal, where fewer are left.
    pub fn take(&self, bytes: u64) -> Result<(), String> {
        let less = |left: u64| left.checked_sub(bytes);
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.map(drop).map_err(|_| self.refusal.clone())
    }

    /// Takes what came already: what is left, where that is less.
    pub fn charge(&self, bytes: u64) {
        let less = |left: u64| Some(left.saturating_sub(bytes));
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// The allowance of the work that this thread does, where somebody counts.
pub fn current_allowance() -> Option<Arc<Allowance>> {
    current_progress()?.allowance()
}

/// Takes so many bytes from the allowance of the work that this thread does, where there is one.
///
/// # Errors
/// The words of refusal, where fewer are left.
pub fn afford(bytes: u64) -> Result<(), String> {
    current_allowance().map_or(Ok(()), |allowance| allowance.take(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Progress, with_progress};

    #[test]
    fn what_is_taken_is_never_more_than_all() {
        let allowance = Arc::new(Allowance::new(10, "no more".to_owned()));
        let within = |work: &dyn Fn() -> Result<(), String>| {
            with_progress(Some(Progress::new().paid_by(allowance.clone())), work)
        };
        assert_eq!(within(&|| afford(7)), Ok(()));
        assert_eq!(within(&|| afford(4)), Err("no more".to_owned()), "none of it is taken");
        assert_eq!(within(&|| afford(3)), Ok(()));
        assert!(within(&|| afford(1)).is_err());
        assert_eq!(afford(1 << 40), Ok(()), "nobody counts here");
        let other = Allowance::new(10, String::new());
        other.charge(11);
        assert_eq!((other.take(0), other.take(1).is_err()), (Ok(()), true));
    }
}
