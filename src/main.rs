//! The `stacfs` command. All it does is in [`stacfs::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    stacfs::cli::run()
}
