//! Clocks, and what comes of them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::origin::Tally;

/// Clock ticks of `/proc` in a second (USER_HZ), the same on all machines of today.
const TICKS: f64 = 100.;

/// One run of one contestant.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// How long it took.
    pub seconds: f64,
    /// What the server was asked for it.
    pub tally: Tally,
    /// What the process behind the mount used, where there is one.
    pub usage: Option<Usage>,
    /// With several readers: the time of the slowest over that of the fastest.
    pub unfairness: Option<f64>,
}

/// What a process used since it began.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// The most memory it ever had resident, in bytes.
    pub peak: u64,
    /// Seconds of CPU, user and system.
    pub cpu: f64,
}

impl Usage {
    /// Of a running process.
    pub fn of(process: u32) -> Result<Usage> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name may hold anything, so fields are counted from its end.
        let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
        let ticks: u64 =
            fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Usage { peak: peak.context("no VmHWM")? * 1024, cpu: ticks as f64 / TICKS })
    }
}

/// All runs of one contestant at one task.
pub struct Line {
    /// The task.
    pub task: &'static str,
    /// Who did it.
    pub contestant: String,
    /// Bytes that were to be read.
    pub size: u64,
    /// The runs, in the order they were made.
    pub samples: Vec<Sample>,
}

impl Line {
    /// The median of a figure of the runs that have it.
    pub fn median(&self, figure: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let mut figures: Vec<f64> = self.samples.iter().filter_map(figure).collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        match figures.len() {
            0 => None,
            odd if odd % 2 == 1 => Some(figures[middle]),
            _ => Some((figures[middle - 1] + figures[middle]) / 2.),
        }
    }

    /// The median time in seconds.
    pub fn seconds(&self) -> f64 {
        self.median(|sample| Some(sample.seconds)).unwrap_or(f64::NAN)
    }

    /// The most memory of any run, in bytes.
    pub fn peak(&self) -> Option<u64> {
        self.samples.iter().filter_map(|sample| sample.usage.map(|usage| usage.peak)).max()
    }

    /// Seconds of CPU for each GB that was to be read.
    pub fn cpu_per_gb(&self) -> Option<f64> {
        let cpu = self.median(|sample| sample.usage.map(|usage| usage.cpu))?;
        Some(cpu / (self.size as f64 / 1e9))
    }

    /// As JSON, with all runs.
    pub fn json(&self) -> Value {
        let sample = |sample: &Sample| {
            json!({
                "seconds": sample.seconds, "server": sample.tally.json(), "unfairness": sample.unfairness,
                "peak_rss": sample.usage.map(|usage| usage.peak), "cpu_seconds": sample.usage.map(|usage| usage.cpu),
            })
        };
        json!({
            "task": self.task, "contestant": self.contestant, "size": self.size,
            "median_seconds": self.seconds(), "runs": self.samples.iter().map(sample).collect::<Vec<_>>(),
        })
    }
}

/// A shell script, for `$1`, `$2` … that follow.
pub fn shell(script: &str, words: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-ec", script, "sh"]).args(words);
    command
}

/// Runs a program to its end. Returns how long that took and what it printed.
///
/// # Errors
/// It cannot be run, or fails.
pub fn timed(command: &mut Command) -> Result<(Duration, String)> {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    let took = began.elapsed();
    if !output.status.success() {
        bail!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok((took, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Writes out and drops all page caches of this machine, where we may. Returns whether.
pub fn drop_caches() -> bool {
    rustix::fs::sync();
    std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}
