//! The FUSE adapter on a real kernel, over a tree made in memory.
//!
//! These tests need `/dev/fuse` and leave to mount; where that is missing they fail and say so.

mod deadlines;
mod listings;
mod mounts;
mod names;
mod objects;
mod posix;
mod readonly;
mod reads;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stacfs::fuse::{Mount, MountOptions};
use stacfs::report::Report;
use tempfile::TempDir;
use tree::{Folder, Handed};

/// A mounted tree, taken down at the end of its test.
struct Mounted {
    mount: Option<Mount>,
    report: Arc<Report>,
    home: TempDir,
}

impl Mounted {
    fn new(root: Arc<Folder>) -> Mounted {
        Mounted::with(root, options())
    }

    fn with(root: Arc<Folder>, options: MountOptions) -> Mounted {
        let home = tempfile::tempdir().expect("a directory to mount on");
        let report = Arc::new(Report::new());
        let mount = Mount::new(home.path(), Arc::new(Handed(root)), options, report.clone())
            .unwrap_or_else(|error| panic!("these tests need FUSE: {error}"));
        Mounted { mount: Some(mount), report, home }
    }

    fn root(&self) -> &Path {
        self.home.path()
    }

    fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Before the directory under it goes.
        drop(self.mount.take());
    }
}

/// Deadlines that no test reaches unless it means to.
fn options() -> MountOptions {
    MountOptions {
        name: "stacfs-tests".to_owned(),
        allow_other: false,
        metadata_silence: Duration::from_secs(60),
        metadata_total: Duration::from_secs(120),
        read_silence: Duration::from_secs(60),
        crawlers: Vec::new(),
        process_budget: None,
    }
}

/// The errno of a failed call.
fn errno<T>(outcome: std::io::Result<T>) -> i32 {
    outcome.err().and_then(|error| error.raw_os_error()).unwrap_or(0)
}
