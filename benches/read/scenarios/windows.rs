//! Windows of a cloud-optimised GeoTIFF, read by one GDAL process, and by a second one.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Bench;
use crate::contestants::{Home, LOCAL, Mount, Mounter, User, VSICURL};
use crate::measure::{Line, Sample, timed};
use crate::world::IMAGE;

/// The task's name.
pub const TASK: &str = "windows";
/// The name of the task for a second process.
pub const AGAIN: &str = "windows again";

/// stacfs where GDAL has its options for remote files set: it then reads in pieces of 32 KiB (`VSI_CACHE`).
const TUNED: &str = "stacfs, GDAL with the options for /vsicurl/";

const COUNT: &str = "32";
const SEED: &str = "20260921";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/read/windows.py");
/// A window of 512 × 512 pixels of two bytes, without the overview.
pub const ASKED: u64 = 32 * 512 * 512 * 2;

/// Each contestant reads the windows; all must see the same pixels as in the file.
pub fn run(bench: &Bench) -> Result<Vec<Line>> {
    let local = bench.local.display().to_string();
    // The first run warms the page cache, and the interpreter.
    let (_, pixels) = read(&local, &LOCAL)?;
    let check = |(took, seen): (Duration, String)| {
        ensure!(seen == pixels, "other pixels than those of the file");
        Ok(took)
    };
    let mut lines = vec![bench.line(TASK, "GDAL /vsicurl/", ASKED, || {
        let path = format!("/vsicurl/{}", bench.origin.assets(IMAGE));
        bench.direct(|| check(read(&path, &VSICURL)?))
    })?];
    for mounter in Mounter::ALL {
        lines.push(bench.line(TASK, mounter.name(), ASKED, || {
            bench.mounted(mounter, |mount| check(read(&mount.name(IMAGE), &LOCAL)?))
        })?);
    }
    lines.push(bench.line(TASK, TUNED, ASKED, || {
        bench.mounted(Mounter::Stacfs, |mount| check(read(&mount.name(IMAGE), &VSICURL)?))
    })?);
    let home = Home::new(&bench.scratch, User::Own)?;
    let mount = Mount::new(Mounter::Stacfs, &bench.origin, &home, User::Own)?;
    check(read(&mount.name(IMAGE), &LOCAL)?)?;
    lines.push(bench.line(AGAIN, "local file", ASKED, || {
        Ok(Sample { seconds: check(read(&local, &LOCAL)?)?.as_secs_f64(), ..Sample::default() })
    })?);
    lines.push(bench.line(AGAIN, "stacfs", ASKED, || {
        bench.origin.forget();
        let seconds = check(read(&mount.name(IMAGE), &LOCAL)?)?.as_secs_f64();
        Ok(Sample { seconds, tally: bench.origin.tally(), usage: Some(mount.usage()?), unfairness: None })
    })?);
    Ok(lines)
}

/// Has GDAL read. Returns how long that took, without the start of the interpreter, and a checksum of the pixels.
pub fn read(path: &str, options: &[(&str, &str)]) -> Result<(Duration, String)> {
    // Debian's package is for Debian's interpreter, whichever else comes first.
    let python = std::env::var("STACFS_BENCH_PYTHON").unwrap_or_else(|_| "/usr/bin/python3".to_owned());
    let mut command = Command::new(python);
    command.args([SCRIPT, path, COUNT, SEED]).envs(options.iter().copied()).env("NO_PROXY", "127.0.0.1");
    let (_, said) = timed(&mut command)?;
    let said: Value = serde_json::from_str(&said).with_context(|| said.clone())?;
    let seconds = said["seconds"].as_f64().context("no seconds")?;
    Ok((Duration::from_secs_f64(seconds), said["checksum"].to_string()))
}
