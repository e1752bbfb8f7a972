//! The command line: clap commands, messages, exit status.

use std::process::ExitCode;

/// Runs the command line of this process. 0 done, 1 failed, 2 wrong usage.
pub fn run() -> ExitCode {
    ExitCode::SUCCESS
}
