//! Logs: to stderr, or to a file.

use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use super::Failure;

/// Begins to log. `verbose` is how often `-v` was given: warnings, then what happens, then requests, then all.
/// `STACFS_LOG` (as `RUST_LOG`: `stacfs::http=debug`) wins.
///
/// # Errors
/// Where the file cannot be written.
pub fn begin(verbose: u8, file: Option<&Path>) -> Result<(), Failure> {
    let level = match (verbose, file) {
        (0, None) => "warn",
        (0, Some(_)) | (1, _) => "warn,stacfs=info",
        (2, _) => "warn,stacfs=debug",
        _ => "debug,stacfs=trace",
    };
    let filter = EnvFilter::try_from_env("STACFS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let format = tracing_subscriber::fmt().with_env_filter(filter);
    // A second call in one process (tests) changes nothing, and that is fine.
    let _ = match file {
        None => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            format.with_ansi(colours).with_writer(std::io::stderr).try_init()
        }
        Some(path) => {
            let out = File::options().append(true).create(true).open(path).map_err(|error| {
                Failure::failed(format!("{}: the log cannot be written: {error}", path.display()))
            })?;
            format.with_ansi(false).with_writer(Mutex::new(out)).try_init()
        }
    };
    Ok(())
}
