//! How fast stacfs reads, beside curl, aria2c, rclone and GDAL, in one run on one machine: `scripts/bench`.
//!
//! A server of this process, with all its files in memory, stands behind a line with delay and rates. Each
//! contestant does each task several times with an empty cache; the medians are compared. Requests and bytes are
//! those that the server's journal shows.
//!
//! - [`origin`], [`world`]: the server, its line, what it serves;
//! - [`contestants`], [`bare`]: the programs and how they are called, and a file system that does the least;
//! - [`scenarios`]: the tasks;
//! - [`measure`], [`table`], [`aims`]: what comes of it.

mod aims;
mod bare;
mod contestants;
mod measure;
mod origin;
mod scenarios;
mod table;
mod world;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::json;

use origin::Origin;
use scenarios::{Bench, Scenario};

/// The large image is 343 MB long with this side, in pixels.
const SIDE: u32 = 11_264;
/// … and 90 MB with this one.
const QUICK_SIDE: u32 = 5_632;

/// Measures how fast stacfs reads, beside curl, aria2c, rclone and GDAL
#[derive(Parser)]
struct Args {
    /// How often each contestant does each task
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Only these scenarios, with commas between them; readahead is run only so
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,

    /// Write all runs to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// One run with a file of a quarter of the length: to see that it works, not how fast it is
    #[arg(long)]
    quick: bool,

    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let scenarios = if args.only.is_empty() { Scenario::USUAL.to_vec() } else { args.only.clone() };
    let began = Instant::now();
    let scratch = tempfile::tempdir().context("a folder for what is written")?;
    // Other users mount below it.
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o755))?;
    let shelf = world::build(if args.quick { QUICK_SIDE } else { SIDE })?;
    let local = scratch.path().join("native.tif");
    fs::write(&local, &shelf.image.0)?;
    fs::set_permissions(&local, Permissions::from_mode(0o644))?;
    let bench = Bench {
        size: shelf.image.0.len() as u64,
        origin: Origin::start(shelf)?,
        runs: if args.quick { 1 } else { args.runs as usize },
        scratch: scratch.path().to_owned(),
        local,
    };
    let surroundings = surroundings(&bench)?;
    println!("{surroundings}\n");
    let mut lines = Vec::new();
    for scenario in scenarios {
        lines.extend(scenario.run(&bench)?);
    }
    let aims = aims::judge(&lines);
    println!("{}\n{}\n{}", table::summary(&lines), table::aims(&aims), table::details(&lines));
    println!("Load at the end {}; {:.0} s in all.", load(), began.elapsed().as_secs_f64());
    if let Some(path) = args.json {
        let all = json!({
            "surroundings": surroundings, "file_bytes": bench.size, "runs": bench.runs,
            "lines": lines.iter().map(measure::Line::json).collect::<Vec<_>>(),
            "aims": aims.iter().map(aims::Aim::json).collect::<Vec<_>>(),
        });
        fs::write(&path, format!("{all:#}\n")).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// What the figures hold for: line, machine, programs.
fn surroundings(bench: &Bench) -> Result<String> {
    // How fast the server is without its line: where that is near the line's rate, the figures are worthless.
    let (took, _) = measure::timed(&mut contestants::curl(&bench.origin.assets_nearby(world::IMAGE)))?;
    let line = origin::LINE;
    let mega = |rate: Option<u64>| rate.unwrap_or_default() / 125_000;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let dropped = if measure::drop_caches() { "dropped" } else { "NOT dropped (only root may)" };
    Ok(format!(
        "{}: a line of {} ms, {} Mbit/s for each connection, {} Mbit/s in all; a file of {:.0} MB, which the server \
         sends at {:.0} MB/s without the line; {} CPUs, Linux {}, load {}; page caches {dropped}; {}; medians of {} \
         runs.",
        jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
        line.rtt.as_millis(),
        mega(line.per_connection),
        mega(line.in_all),
        bench.size as f64 / 1e6,
        bench.size as f64 / 1e6 / took.as_secs_f64(),
        std::thread::available_parallelism().map_or(0, usize::from),
        kernel.trim(),
        load(),
        contestants::versions().join(", "),
        bench.runs,
    ))
}

/// The machine's load of the last minute.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
