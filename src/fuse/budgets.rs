//! What each process may have fetched, where a budget is set.
//!
//! The process that opens a file pays for what is fetched to read it, ahead of it too. What is cached is free.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};

use crate::report::render::bytes;
use crate::report::{Allowance, Progress, current_progress, lock, with_progress};

/// Accounts are looked through for processes that ended once there are so many, and then at twice as many as
/// were left.
const MANY: usize = 256;

/// A process: its number, and when it began, since numbers come again.
type Process = (u32, u64);

/// The accounts of all processes.
pub(super) struct Budgets {
    most: Option<u64>,
    accounts: Mutex<Accounts>,
}

#[derive(Default)]
struct Accounts {
    open: HashMap<Process, Arc<Allowance>>,
    /// So many, and those of ended processes go.
    many: usize,
}

impl Budgets {
    /// Of `most` bytes for each process; `None` is without bounds.
    pub fn new(most: Option<u64>) -> Budgets {
        Budgets { most, accounts: Mutex::default() }
    }

    /// The account of the process that a call comes from. `thread` is as the kernel names it: 0 for one of
    /// another namespace, of whom nothing is known.
    pub fn of(&self, thread: u32) -> Option<Arc<Allowance>> {
        let most = self.most.filter(|_| thread != 0)?;
        let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let number = field("Tgid:")?.parse().ok()?;
        let process = (number, began(number)?);
        let mut accounts = lock(&self.accounts);
        if let Some(allowance) = accounts.open.get(&process) {
            return Some(allowance.clone());
        }
        if accounts.open.len() >= accounts.many.max(MANY) {
            accounts.open.retain(|(number, begun), _| began(*number) == Some(*begun));
            accounts.many = accounts.open.len() * 2;
        }
        let refusal = format!(
            "{} (process {number}) has had fetched what process_budget in [mount] allows each process ({}); what \
             is cached can still be read; raise it, or fetch what is wanted with stacfs fetch",
            field("Name:").unwrap_or_default(),
            bytes(most)
        );
        let allowance = Arc::new(Allowance::new(most, refusal));
        accounts.open.insert(process, allowance.clone());
        Some(allowance)
    }
}

/// When a process began, in the kernel's ticks; `None` where there is none.
fn began(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in brackets may hold anything; what follows the last of them is fields 3 and up.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Runs `work` at the cost of `allowance`, where there is one.
pub(super) fn paid_by<T>(allowance: Option<&Arc<Allowance>>, work: impl FnOnce() -> T) -> T {
    let Some(allowance) = allowance else { return work() };
    let progress: Progress = current_progress().unwrap_or_default();
    with_progress(Some(progress.paid_by(allowance.clone())), work)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn each_process_has_an_account_and_all_its_threads_share_it() {
        let budgets = Budgets::new(Some(100));
        let own = budgets.of(std::process::id()).unwrap();
        let thread = std::thread::scope(|scope| {
            // SAFETY: gettid takes nothing and always works.
            let of_thread = || budgets.of(unsafe { libc::gettid() }.unsigned_abs());
            scope.spawn(of_thread).join().unwrap().unwrap()
        });
        assert!(Arc::ptr_eq(&own, &thread));
        own.take(60).unwrap();
        let words = thread.take(60).unwrap_err();
        assert!(words.contains("process_budget") && words.contains("100"), "{words}");
        assert!(budgets.of(0).is_none(), "of another namespace");
        assert!(Budgets::new(None).of(std::process::id()).is_none());
    }

    #[test]
    fn accounts_of_processes_that_ended_go() {
        let budgets = Budgets::new(Some(1));
        for _ in 0..MANY + 10 {
            let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            assert!(budgets.of(cat.id()).is_some());
            cat.kill().unwrap();
            cat.wait().unwrap();
        }
        assert!(lock(&budgets.accounts).open.len() <= 11);
    }
}
