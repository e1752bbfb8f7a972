//! End to end: the real command, a real kernel mount, real programs, and the embedded servers.
//!
//! These tests need `/dev/fuse`; where it is missing they fail with a sentence that says so.

mod bounds;
mod espa;
mod fetch;
mod files;
mod gis;
mod life;
mod listings;
mod logins;
mod mosaics;
mod mounted;
mod names;
mod noise;
mod odd;
mod offline;
mod oracle;
mod programs;
#[path = "../support/python.rs"]
mod python;
mod reading;
mod signed;
mod tutorial;
mod versions;
mod walks;
mod windows;
mod words;
