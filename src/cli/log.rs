//! Logs: to stderr, also as the journal of systemd wants it, or to a file.

use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

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
        None if std::env::var_os("JOURNAL_STREAM").is_some() => {
            let plain = tracing_subscriber::fmt::format().without_time().with_level(false).with_ansi(false);
            format.event_format(Journal(plain)).with_writer(std::io::stderr).try_init()
        }
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

/// Lines as journald takes them from a service's stderr: the priority of syslog first (sd-daemon(3)), and no time,
/// which the journal has itself.
struct Journal<F>(F);

impl<S, N, F> FormatEvent<S, N> for Journal<F>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> std::fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        write!(writer, "<{priority}>")?;
        self.0.format_event(context, writer, event)
    }
}
