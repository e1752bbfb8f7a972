//! USGS M2M through a real kernel mount: the embedded servers, the command, and the programs that users run.

mod answers;
mod bench;
mod bundles;
mod checking;
mod downloads;
mod lsru;
#[path = "../e2e/mounted.rs"]
#[allow(dead_code)] // the other end-to-end tests use the rest of it
mod mounted;
#[path = "../support/python.rs"]
mod python;
mod restarts;
mod walks;
