//! What all calls share: the tables, the workers, the watch; and the way a call takes when it must wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::MountOptions;
use super::attributes::Owner;
use super::budgets::Budgets;
use super::crawlers::Crawlers;
use super::deadline::{Asked, Call, Limits, Watch};
use super::directories::OpenDirectory;
use super::files::OpenedFile;
use super::handles::Handles;
use super::inodes::Inodes;
use super::reply::Refuse;
use super::workers::Workers;
use crate::report::{Report, with_progress};
use crate::tree::{Directory, Error};

/// Workers of each kind. They wait on the network nearly all the time; what bounds the load on servers is
/// `http`. One branch of the tree gets at most half of them.
const MOST_THREADS: usize = 192;

/// Calls that may wait for a worker. More than that many processes blocked at once is a storm.
const MOST_QUEUED: usize = 4096;

/// One mount's state, shared by the FUSE threads and the workers.
pub(super) struct Service {
    pub inodes: Inodes,
    pub directories: Handles<OpenDirectory>,
    pub files: Handles<OpenedFile>,
    pub owner: Owner,
    pub crawlers: Crawlers,
    pub budgets: Budgets,
    pub report: Arc<Report>,
    /// Whether the kernel can read backing files without us.
    pub passthrough: AtomicBool,
    /// For names, attributes, listings and opens; apart from `reads`, so that neither starves the other.
    metadata: Workers,
    reads: Workers,
    watch: Arc<Watch>,
    metadata_limits: Limits,
    read_limits: Limits,
}

impl Service {
    /// A service over a tree.
    pub fn new(root: Arc<dyn Directory>, options: &MountOptions, report: Arc<Report>) -> Service {
        Service {
            inodes: Inodes::new(root, report.clone()),
            directories: Handles::default(),
            files: Handles::default(),
            owner: Owner::of_process(),
            crawlers: Crawlers::new(&options.crawlers),
            budgets: Budgets::new(options.process_budget),
            report,
            passthrough: AtomicBool::new(false),
            metadata: Workers::new("stacfs-metadata", MOST_THREADS, MOST_QUEUED),
            reads: Workers::new("stacfs-read", MOST_THREADS, MOST_QUEUED),
            watch: Arc::default(),
            metadata_limits: Limits {
                silence: options.metadata_silence,
                total: Some(options.metadata_total),
            },
            read_limits: Limits { silence: options.read_silence, total: None },
        }
    }

    /// The watch over waiting calls; somebody must run it.
    pub fn watch(&self) -> Arc<Watch> {
        self.watch.clone()
    }

    /// Ends workers and watch once they are done; nobody asks any more.
    pub fn close(&self) {
        self.metadata.close();
        self.reads.close();
        self.watch.close();
    }

    /// Whether opens may try passthrough.
    pub fn passes_through(&self) -> bool {
        self.passthrough.load(Ordering::Relaxed)
    }

    /// Has a worker do `work` on `path`, under a deadline, and `answer` with what comes of it. A failure is
    /// reported and answered with its errno. Returns at once.
    pub fn ask<R: Refuse, T>(
        &self,
        asked: Asked,
        path: String,
        reply: R,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
        answer: impl FnOnce(R, T) + Send + 'static,
    ) {
        let (workers, limits) = match asked {
            Asked::Lookup | Asked::Stat | Asked::Readdir | Asked::Open => {
                (&self.metadata, self.metadata_limits)
            }
            Asked::Read => (&self.reads, self.read_limits),
        };
        let branch = path.split('/').next().unwrap_or_default().to_owned();
        let call = Arc::new(Call::new(asked, path, limits, self.report.clone(), reply));
        let ticket = self.watch.add(call.clone());
        let waiting = call.clone();
        let job = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| with_progress(Some(waiting.progress()), work)));
            drop(ticket);
            match outcome {
                Ok(Ok(found)) => {
                    if let Some(reply) = waiting.take() {
                        answer(reply, found);
                    }
                }
                Ok(Err(error)) => waiting.refuse(error.errno(), &error.to_string()),
                Err(panic) => waiting.refuse(libc::EIO, &fault(&*panic)),
            }
        };
        if workers.submit(&branch, Box::new(job)).is_err() {
            let words = format!(
                "{MOST_QUEUED} calls wait already; see `.stacfs/status` for what they wait for, and try again \
                 with fewer programs at once"
            );
            call.refuse(libc::EBUSY, &words);
        }
    }

    /// Runs what a FUSE thread does itself. A panic must not take the thread along: with the last of them the
    /// mount would fall silent. The reply that `work` holds says EIO when it is dropped.
    pub fn guard(&self, call: &'static str, number: u64, work: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
            let path = self.inodes.get(number).map(|inode| inode.path()).unwrap_or_default();
            self.report.error(&path, libc::EIO, &format!("{call}: {}", fault(&*panic)));
        }
    }
}

/// What a panic said.
fn fault(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words");
    format!("a fault of stacfs itself ({said}); please report it with the path")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use super::*;
    use crate::fuse::inodes::tests::Bare;

    /// A reply that tells the test its errno.
    struct Told(Sender<i32>);

    impl Refuse for Told {
        fn refuse(self, errno: i32) {
            self.0.send(errno).ok();
        }
    }

    fn service() -> Service {
        let long = Duration::from_secs(3600);
        let options = MountOptions {
            name: "test".to_owned(),
            allow_other: false,
            metadata_silence: long,
            metadata_total: long,
            read_silence: long,
            crawlers: Vec::new(),
            process_budget: None,
        };
        Service::new(Arc::new(Bare), &options, Arc::default())
    }

    #[test]
    fn whoever_finds_no_worker_is_told_so() {
        let (service, (sender, errnos)) = (service(), channel());
        service.close();
        let answer = |_: Told, ()| unreachable!("nobody works");
        service.ask(Asked::Read, "a".to_owned(), Told(sender), || Ok(()), answer);
        assert_eq!(errnos.recv(), Ok(libc::EBUSY));
        let said = &service.report.errors()[0];
        assert!(said.path == "a" && said.words.contains("wait already"), "{said:?}");
        assert_eq!(service.report.counters.waiting.get(), 0);
    }

    #[test]
    fn work_runs_under_the_progress_of_its_call() {
        let (service, (sender, errnos), (seen, sights)) = (service(), channel(), channel());
        let work = move || {
            seen.send(crate::report::current_progress().is_some()).ok();
            Ok(())
        };
        let answer = |reply: Told, ()| reply.refuse(0);
        service.ask(Asked::Lookup, String::new(), Told(sender), work, answer);
        assert_eq!((sights.recv(), errnos.recv()), (Ok(true), Ok(0)));
        assert!(service.report.errors().is_empty());
    }
}
