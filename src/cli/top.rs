//! `stacfs top`: what a mount does now, from its `.stacfs/status.json`.

use std::fmt::Write;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use serde_json::Value;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{Failure, Outcome, print};
use crate::fuse;
use crate::report::render::{bytes, printable};

/// How often keys and signals are looked for.
const GLANCE: Duration = Duration::from_millis(100);
/// Failures shown.
const ERRORS: usize = 3;

/// Show what a mount does: rates, hits, open files, errors
///
/// Renewed every second; q or Ctrl-C ends it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where it is mounted [default: the only mount there is]
    #[arg(value_name = "MOUNTPOINT")]
    point: Option<PathBuf>,

    /// Print it once, without rates, and end
    #[arg(long)]
    once: bool,

    /// Renew it every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    let point = match &args.point {
        Some(point) => point.clone(),
        None => only_mount(fuse::mounts())?,
    };
    let first = Sample::take(&point)?;
    if args.once || !std::io::stdout().is_terminal() {
        return print(&first.show(&point, None));
    }
    watch(&point, first, Duration::from_secs(args.interval))
}

fn only_mount(mounts: Vec<PathBuf>) -> Result<PathBuf, Failure> {
    match mounts.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::failed("nothing is mounted by stacfs; mount something, or name a MOUNTPOINT")),
        several => {
            let points: Vec<String> = several.iter().map(|point| point.display().to_string()).collect();
            Err(Failure::Usage(format!("several are mounted; name one of {}", points.join(", "))))
        }
    }
}

/// Shows it until a key or a signal ends it, or the mount does.
fn watch(point: &Path, first: Sample, interval: Duration) -> Outcome {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
    }
    let screen = Screen::enter()?;
    let mut before = first;
    screen.draw(&before.show(point, None))?;
    let mut due = Instant::now() + interval;
    while !stop.load(Ordering::Relaxed) && !screen.wants_to_quit() {
        if Instant::now() < due {
            continue;
        }
        due = Instant::now() + interval;
        let now = Sample::take(point)?;
        screen.draw(&now.show(point, Some(&before)))?;
        before = now;
    }
    Ok(())
}

/// One look at a mount.
struct Sample {
    at: Instant,
    status: Value,
    errors: Vec<String>,
}

impl Sample {
    fn take(point: &Path) -> Result<Sample, Failure> {
        let inside = point.join(".stacfs");
        let read = |name: &str| {
            let file = inside.join(name);
            std::fs::read_to_string(&file).map_err(|error| {
                let shown = point.display();
                Failure::failed(format!("{shown} is no live mount of stacfs: {}: {error}", file.display()))
            })
        };
        let status = serde_json::from_str(&read("status.json")?)
            .map_err(|error| Failure::failed(format!("{}: {error}", inside.display())))?;
        let errors = read("errors")?.lines().skip(1).map(str::to_owned).collect();
        Ok(Sample { at: Instant::now(), status, errors })
    }

    fn count(&self, name: &str) -> u64 {
        self.status["counters"][name].as_u64().unwrap_or(0)
    }

    fn show(&self, point: &Path, before: Option<&Sample>) -> String {
        let text = |name: &str| printable(self.status[name].as_str().unwrap_or("-"));
        let mut out = format!(
            "stacfs {} on {}, since {}\n\n",
            text("version"),
            printable(&point.display().to_string()),
            text("since")
        );
        for (title, name) in [
            ("from network", "network_bytes"),
            ("from cache", "cache_bytes"),
            ("to readers", "read_bytes"),
            ("evicted", "evicted_bytes"),
        ] {
            row(
                &mut out,
                title,
                &bytes(self.count(name)),
                self.rate(before, name).map(|rate| bytes(rate as u64)),
            );
        }
        for (title, name) in [("requests", "requests"), ("retries", "retries"), ("pages", "pages")] {
            row(
                &mut out,
                title,
                &self.count(name).to_string(),
                self.rate(before, name).map(|rate| format!("{rate:.0}")),
            );
        }
        let (hits, misses) = (self.count("cache_hits"), self.count("cache_misses"));
        let percent =
            (hits * 100).checked_div(hits + misses).map_or("-".to_owned(), |part| format!("{part} %"));
        row(&mut out, "cache hits", &percent, None);
        for (title, name) in [
            ("open files", "open_files"),
            ("open folders", "open_directories"),
            ("calls waiting", "waiting"),
            ("errors", "errors"),
            ("timeouts", "timeouts"),
        ] {
            row(&mut out, title, &self.count(name).to_string(), None);
        }
        for section in ["sources", "cache"] {
            rows(&mut out, section, &self.status["sections"][section]);
        }
        rows(&mut out, "notes", &self.status["notes"]);
        if !self.errors.is_empty() {
            out += "\nlast errors\n";
            for line in self.errors.iter().rev().take(ERRORS) {
                let fields: Vec<&str> = line.split('\t').collect();
                let _ = writeln!(out, "  {}", printable(&fields.join("  ")));
            }
        }
        out
    }

    /// How much more each second.
    fn rate(&self, before: Option<&Sample>, name: &str) -> Option<f64> {
        let before = before?;
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        (seconds > 0.0).then(|| self.count(name).saturating_sub(before.count(name)) as f64 / seconds)
    }
}

fn row(out: &mut String, title: &str, value: &str, rate: Option<String>) {
    let rate = rate.map(|rate| format!("{rate:>12}/s")).unwrap_or_default();
    let _ = writeln!(out, "{title:<14}{value:>12}{rate}");
}

/// A section's names and words.
fn rows(out: &mut String, title: &str, section: &Value) {
    let Some(members) = section.as_object().filter(|members| !members.is_empty()) else { return };
    let _ = writeln!(out, "\n{title}");
    for (name, words) in members {
        let _ = writeln!(out, "  {}  {}", printable(name), printable(words.as_str().unwrap_or_default()));
    }
}

/// The terminal's other screen, without a cursor and without echo; as it was before once this is dropped.
struct Screen {
    before: Option<Termios>,
}

impl Screen {
    fn enter() -> Result<Screen, Failure> {
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut plain = before.clone();
            plain.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            plain.special_codes[SpecialCodeIndex::VMIN] = 0;
            plain.special_codes[SpecialCodeIndex::VTIME] = 1; // Tenths of a second.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &plain);
        }
        let screen = Screen { before };
        print("\x1b[?1049h\x1b[?25l")?;
        Ok(screen)
    }

    /// Draws it cut to the terminal: a line that wraps would push the first one out.
    fn draw(&self, text: &str) -> Outcome {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
        let (columns, rows) = size.map_or((80, 24), |size| (size.ws_col.max(20), size.ws_row.max(5)));
        let mut out = "\x1b[H".to_owned();
        for line in text.lines().take(usize::from(rows) - 1) {
            out.extend(line.chars().take(usize::from(columns)));
            out += "\x1b[K\r\n";
        }
        out += "\x1b[J";
        print(&out)
    }

    /// Whether q was typed; waits for a moment.
    fn wants_to_quit(&self) -> bool {
        if self.before.is_none() {
            std::thread::sleep(GLANCE);
            return false;
        }
        let mut keys = [0; 16];
        let read = std::io::stdin().read(&mut keys).unwrap_or(0);
        keys[..read].iter().any(|key| matches!(key, b'q' | b'Q'))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
        let _ = print("\x1b[?25h\x1b[?1049l");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample(requests: u64, at: Instant) -> Sample {
        let status = json!({
            "version": "1", "since": "2026", "notes": {"moon": "away\u{1b}[2J"},
            "sections": {"sources": {"moon": "a STAC API"}},
            "counters": {"requests": requests, "cache_hits": 3, "cache_misses": 1, "network_bytes": 2048},
        });
        Sample { at, status, errors: vec!["2026\tEIO\tmoon/a\tbroken".to_owned()] }
    }

    #[test]
    fn rates_are_between_two_looks() {
        let now = Instant::now();
        let (first, second) = (sample(10, now), sample(30, now + Duration::from_secs(2)));
        let text = second.show(Path::new("/mnt"), Some(&first));
        let line = |name: &str| {
            text.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>()
        };
        assert_eq!(line("requests"), ["requests", "30", "10/s"]);
        assert_eq!(line("cache hits"), ["cache", "hits", "75", "%"]);
        assert!(
            text.contains("from network       2.0 KiB") && text.contains("  2026  EIO  moon/a  broken"),
            "{text}"
        );
        assert!(text.contains("moon  away\\u{1b}[2J"), "a server cannot draw here: {text}");
        assert!(!first.show(Path::new("/mnt"), None).contains("/s"));
    }

    #[test]
    fn one_of_several_must_be_named() {
        assert_eq!(only_mount(vec!["/a".into()]), Ok("/a".into()));
        assert!(only_mount(vec![]).unwrap_err().words().contains("name a MOUNTPOINT"));
        assert!(only_mount(vec!["/a".into(), "/b".into()]).unwrap_err().words().contains("/a, /b"));
    }
}
