//! Whether eight processes that search M2M at once take longer than one after another: `scripts/turns`.
//!
//! M2M takes one request of an account at a time, so the least that eight searches can take is eight times its answer.
//! The embedded M2M takes a while for each; each run begins with an empty cache, and a session that is open.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use stacfs::demo::usgs::{Options, Usgs, start};

/// How long the embedded M2M takes for a request, beside the search itself.
const LATENCY: Duration = Duration::from_millis(100);
const RUNS: usize = 5;
const DATASET: &str = "landsat_tm_c2_l2";

/// A mount of the embedded M2M; unmounted when dropped.
struct Bench {
    usgs: Usgs,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Result<Bench> {
        let usgs = start(Options::default())?;
        let folder = tempfile::tempdir()?;
        let bench = Bench { usgs, folder };
        fs::create_dir(bench.point())?;
        let config = bench.folder.path().join("config.ini");
        let login = "username = demo\ntoken = demo-token";
        let urls = format!("m2m_url = {}\nespa_url = {}", bench.usgs.m2m_url, bench.usgs.espa_url);
        fs::write(&config, format!("[usgs]\n{login}\n{urls}\n"))?;
        fs::set_permissions(&config, Permissions::from_mode(0o600))?;
        ensure!(bench.stacfs().args(["mount", "usgs"]).arg(bench.point()).status()?.success(), "no mount");
        bench.usgs.m2m.quirks().latency = LATENCY;
        Ok(bench)
    }

    fn point(&self) -> PathBuf {
        self.folder.path().join("mnt")
    }

    fn stacfs(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stacfs"));
        let folder = self.folder.path();
        command.env("HOME", folder).env("XDG_CACHE_HOME", folder.join("cache"));
        command.env("STACFS_CONFIG", folder.join("config.ini")).env_remove("STACFS_CACHE_DIR");
        command
    }

    fn ls(&self, search: &str) -> Result<Child> {
        let folder = self.point().join(DATASET).join(search);
        Command::new("ls").arg(folder).stdout(Stdio::null()).spawn().context("ls")
    }

    /// Runs `ls` on all, one after another or at once; gives the seconds, and what M2M was busy of them.
    fn time(&self, searches: &[String], at_once: bool) -> Result<(f64, f64)> {
        let journal = self.usgs.m2m_server.journal();
        journal.clear();
        let began = Instant::now();
        let mut children = Vec::new();
        for search in searches {
            let mut child = self.ls(search)?;
            match at_once {
                true => children.push(child),
                false => ensure!(child.wait()?.success(), "{search}"),
            }
        }
        for mut child in children {
            ensure!(child.wait()?.success(), "ls");
        }
        let took = began.elapsed().as_secs_f64();
        ensure!(journal.peak() <= 1 && self.usgs.m2m.overlaps() == 0, "two requests were in flight");
        let busy: Duration = journal.entries().iter().filter_map(|entry| entry.took).sum();
        Ok((took, busy.as_secs_f64()))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let point = self.point();
        let _ = self.stacfs().arg("umount").arg(&point).status();
        wait_until_gone(&point);
    }
}

/// The process behind a mount has the folder open a moment longer.
fn wait_until_gone(point: &Path) {
    for _ in 0..100 {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        if !table.lines().any(|line| line.split(' ').nth(4) == point.to_str()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn main() -> Result<()> {
    let searches: Vec<String> = (1..=8).map(|month| format!("datetime=2010-{month:02}")).collect();
    let (mut serial, mut at_once, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (took, of_m2m) = Bench::new()?.time(&searches, false)?;
        serial.push(took);
        busy.push(of_m2m);
        at_once.push(Bench::new()?.time(&searches, true)?.0);
    }
    let least = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (minimum, serial_least, together) = (least(&busy), least(&serial), median(&mut at_once));
    println!(
        "8 searches by ls, {RUNS} runs, {} ms for each request and the search itself",
        LATENCY.as_millis()
    );
    println!("M2M busy, at least            {minimum:.3} s");
    println!("one after another, at least   {serial_least:.3} s");
    println!("8 processes at once, median   {together:.3} s");
    println!("ratio to one after another    {:.3}", together / serial_least);
    println!("ratio to M2M's own time       {:.3}", together / minimum);

    let bench = Bench::new()?;
    let same = vec!["months=5".to_owned(); 8];
    bench.time(&same, true)?;
    let asked = bench.usgs.m2m_server.journal().select(|entry| entry.path().ends_with("/scene-search"));
    println!("8 equal searches at once      {} scene-search", asked.len());
    Ok(())
}
