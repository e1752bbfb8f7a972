//! The tasks. Each is done by all who can, one after another, each with an empty cache and, where we may, with
//! dropped page caches.

pub mod fetch;
pub mod readahead;
pub mod readers;
pub mod reread;
pub mod sequential;
pub mod small;
pub mod windows;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::contestants::{Home, Mount, Mounter, User};
use super::measure::{Line, Sample, drop_caches};
use super::origin::Origin;

/// A group of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// A whole file, from its start to its end.
    Sequential,
    /// Windows of a cloud-optimised GeoTIFF, and the same again.
    Windows,
    /// Many small files: copied, and searched.
    Small,
    /// A file that is in the cache.
    Reread,
    /// Eight readers at once.
    Readers,
    /// A whole search, downloaded.
    Fetch,
    /// How far the kernel reads ahead; only where it is asked for.
    Readahead,
}

impl Scenario {
    /// Those of every run.
    pub const USUAL: [Scenario; 6] = [
        Scenario::Sequential,
        Scenario::Windows,
        Scenario::Small,
        Scenario::Reread,
        Scenario::Readers,
        Scenario::Fetch,
    ];

    /// Does its tasks.
    pub fn run(self, bench: &Bench) -> Result<Vec<Line>> {
        match self {
            Scenario::Sequential => sequential::run(bench),
            Scenario::Windows => windows::run(bench),
            Scenario::Small => small::run(bench),
            Scenario::Reread => reread::run(bench),
            Scenario::Readers => readers::run(bench),
            Scenario::Fetch => fetch::run(bench),
            Scenario::Readahead => readahead::run(bench),
        }
    }
}

/// What all scenarios share.
pub struct Bench {
    /// The server behind its line.
    pub origin: Origin,
    /// How often each contestant does each task.
    pub runs: usize,
    /// A folder for what is written, on a disk.
    pub scratch: PathBuf,
    /// The large image as a file on that disk.
    pub local: PathBuf,
    /// How long it is, in bytes.
    pub size: u64,
}

impl Bench {
    /// Has a contestant do a task `runs` times: `run` gives each time.
    fn line(
        &self,
        task: &'static str,
        contestant: &str,
        size: u64,
        mut run: impl FnMut() -> Result<Sample>,
    ) -> Result<Line> {
        let mut samples = Vec::new();
        for _ in 0..self.runs {
            samples.push(run()?);
        }
        let line = Line { task, contestant: contestant.to_owned(), size, samples };
        eprintln!("{task}: {contestant}: {:.2} s", line.seconds());
        Ok(line)
    }

    /// Times what asks the server without a mount.
    fn direct(&self, run: impl FnOnce() -> Result<Duration>) -> Result<Sample> {
        drop_caches();
        self.origin.forget();
        let seconds = run()?.as_secs_f64();
        Ok(Sample { seconds, tally: self.origin.tally(), ..Sample::default() })
    }

    /// Times what reads through a new mount. The tally is that of the time from the first read to the end of the
    /// mount: what was fetched in vain counts.
    fn mounted(&self, mounter: Mounter, run: impl FnOnce(&Mount) -> Result<Duration>) -> Result<Sample> {
        let home = Home::new(&self.scratch, User::Own)?;
        let mount = Mount::new(mounter, &self.origin, &home, User::Own)?;
        drop_caches();
        self.origin.forget();
        let seconds = run(&mount)?.as_secs_f64();
        let usage = Some(mount.usage()?);
        drop(mount);
        Ok(Sample { seconds, tally: self.origin.tally(), usage, unfairness: None })
    }
}
