//! `stacfs umount`.

use std::path::PathBuf;

use super::{Failure, Outcome};

/// Unmount what stacfs mounted
///
/// Returns when it is gone. fusermount3 -u and umount do the same.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where it is mounted
    #[arg(value_name = "MOUNTPOINT")]
    point: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    crate::fuse::unmount(&args.point).map_err(Failure::failed)
}
