//! The FUSE adapter: inodes, handles, replies. The only room that sees fuser; knows nothing of STAC.
//!
//! In: calls of the kernel. Out: answers from `tree` and `content`. What is known is answered on the FUSE
//! thread; what needs the network goes to workers, who own the reply; whoever waits too long is answered
//! ETIMEDOUT while the work goes on and its answer waits for the next try.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::report::Report;
use crate::tree::Directory;

/// How to mount.
#[derive(Debug, Clone)]
pub struct MountOptions {
    /// Shown in the mount table as the device; no secrets, no commas.
    pub name: String,
    /// Whether other users may look in.
    pub allow_other: bool,
    /// A metadata call ends in ETIMEDOUT after so long without a byte.
    pub metadata_silence: Duration,
    /// … or after so long in all, queueing included.
    pub metadata_total: Duration,
    /// A read ends in ETIMEDOUT after so long without a byte.
    pub read_silence: Duration,
}

/// A mount that answers. Dropping it unmounts.
pub struct Mount {
    _point: PathBuf,
}

/// Why nothing was mounted: one line, with the next step.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct MountError(pub String);

impl Mount {
    /// Mounts `root` at `point`. Returns once the mount answers. A mount point left dead by a crash is
    /// recovered first.
    pub fn new(
        _point: &Path,
        _root: Arc<dyn Directory>,
        _options: MountOptions,
        _report: Arc<Report>,
    ) -> Result<Mount, MountError> {
        unimplemented!()
    }

    /// Waits until it is unmounted, by whomever.
    pub fn wait(self) {
        unimplemented!()
    }
}
