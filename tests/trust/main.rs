//! The worst days: faults, hostile servers, crawlers, load, and what a read-only file system owes its callers.
//!
//! Through the real command and a real kernel mount, as in `tests/e2e`. What takes minutes looks for
//! `STACFS_TEST_LONG`. The figures of the last runs are in README.md beside this file.

mod crawlers;
mod disk;
mod door;
mod faults;
mod hostile;
mod interrupts;
mod kills;
mod load;
mod machine;
mod model;
#[allow(dead_code, reason = "shared with tests/e2e, which uses all of it")]
#[path = "../e2e/mounted.rs"]
mod mounted;
mod names;
#[allow(dead_code, reason = "shared with tests/e2e, which uses all of it")]
#[path = "../e2e/noise.rs"]
mod noise;
mod outcome;
mod secrets;
