//! The FUSE adapter: inodes, handles, replies. The only room that sees fuser; knows nothing of STAC.
//!
//! In: calls of the kernel. Out: answers from `tree` and `content`. What is known is answered on the FUSE
//! thread; what needs the network goes to workers, who own the reply; whoever waits too long is answered
//! ETIMEDOUT while the work goes on and its answer waits for the next try.
//!
//! | file | what it is for |
//! | --- | --- |
//! | `session` | the life of a mount: start, wait, end |
//! | `mountpoint`, `device` | may we mount here; the system calls of it |
//! | `filesystem` | fuser's trait: each call to the `service`, guarded |
//! | `names`, `directories`, `files`, `xattr` | the calls |
//! | `crawlers`, `budgets` | who gets names but no bytes, or so many only |
//! | `service`, `workers`, `deadline` | how a call waits without anybody else waiting |
//! | `inodes`, `handles`, `opens`, `attributes` | what the kernel holds of us, and what it sees |

mod attributes;
mod budgets;
mod crawlers;
mod deadline;
mod device;
mod directories;
mod files;
mod filesystem;
mod handles;
mod inodes;
mod mountpoint;
mod names;
mod opens;
mod reply;
mod service;
mod session;
mod workers;
mod xattr;

pub use mountpoint::{check, mounts};
pub use session::{Mount, Unmounter, unmount};

use std::time::Duration;

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
    /// Names of programs that may look at names but read nothing; `*` is any run of characters.
    pub crawlers: Vec<String>,
    /// Most bytes of files that each process may have fetched; `None`: any number.
    pub process_budget: Option<u64>,
}

/// Why something was not mounted or unmounted: one line, with the next step.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct MountError(pub String);
