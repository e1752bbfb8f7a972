//! A whole search into a folder: what downloading programs are for.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Bench;
use crate::contestants::{aria2c_list, stac_asset, stacfs_fetch};
use crate::measure::{Line, timed};
use crate::world::TILES;

/// The task's name.
pub const TASK: &str = "200 files of 0.2-2 MB";
/// What aria2c is called here.
pub const RIVAL: &str = "aria2c -i -j16";
/// What stac-asset is called here.
pub const STAC_ASSET: &str = "stac-asset download";
/// What `stacfs fetch --to` is called here.
pub const OURS: &str = "stacfs fetch --to";
/// What it is called where it fills the cache alone.
pub const CACHE_ONLY: &str = "stacfs fetch";

/// Each contestant fetches all files; every byte must be there.
pub fn run(bench: &Bench) -> Result<Vec<Line>> {
    let urls = bench.origin.urls("tiles", ".dat");
    ensure!(urls.len() == TILES, "{} files instead of {TILES}", urls.len());
    let given = tempfile::tempdir_in(&bench.scratch)?;
    let list = given.path().join("urls");
    fs::write(&list, urls.join("\n"))?;
    let items = given.path().join("items.json");
    let (_, found) =
        timed(&mut search(&format!("{}/search?collections=tiles&limit=1000", bench.origin.stac())))?;
    fs::write(&items, found)?;

    let mut lines = vec![fetch(bench, RIVAL, |folder| aria2c_list(&list, folder))?];
    match stac_asset(&items, Path::new("/nowhere")) {
        Some(_) => lines.push(fetch(bench, STAC_ASSET, |folder| {
            stac_asset(&items, folder).unwrap_or_else(|| Command::new("false"))
        })?),
        None => {
            eprintln!("left out: stac-asset: pip install 'stac-asset[cli]', and set STACFS_BENCH_STAC_ASSET")
        }
    }
    lines.push(fetch(bench, OURS, |folder| {
        stacfs_fetch(&bench.origin.stac(), &folder.join("cache"), Some(&folder.join("to")))
    })?);
    lines.push(bench.line(TASK, CACHE_ONLY, 0, || {
        let folder = tempfile::tempdir_in(&bench.scratch)?;
        bench.direct(|| {
            Ok(timed(&mut stacfs_fetch(&bench.origin.stac(), &folder.path().join("cache"), None))?.0)
        })
    })?);
    // Nobody fetches less than all of it.
    let all = lines.iter().flat_map(|line| &line.samples).map(|sample| sample.tally.asset_bytes);
    let size = all.min().unwrap_or(0);
    let sized = |line| Line { size, ..line };
    Ok(lines.into_iter().map(sized).collect())
}

fn search(url: &str) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", url]);
    command
}

fn fetch(bench: &Bench, contestant: &str, command: impl Fn(&Path) -> Command) -> Result<Line> {
    bench.line(TASK, contestant, 0, || {
        let folder = tempfile::tempdir_in(&bench.scratch)?;
        let sample = bench.direct(|| Ok(timed(&mut command(folder.path()))?.0))?;
        let (files, bytes) = count(folder.path()).context("what came")?;
        ensure!(files == TILES, "{contestant}: {files} files came instead of {TILES}");
        ensure!(bytes <= sample.tally.asset_bytes, "{contestant}: {bytes} bytes stand there");
        Ok(sample)
    })
}

/// How many of the files stand below a folder, and their bytes, without a cache of its own.
fn count(folder: &Path) -> std::io::Result<(usize, u64)> {
    let mut sum = (0, 0);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() && entry.file_name() != "cache" {
            let (files, bytes) = count(&entry.path())?;
            sum = (sum.0 + files, sum.1 + bytes);
        } else if entry.file_name().as_encoded_bytes().ends_with(b".dat") {
            sum = (sum.0 + 1, sum.1 + metadata.len());
        }
    }
    Ok(sum)
}
