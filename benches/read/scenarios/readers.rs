//! Eight readers at once: of eight files, and of one.

use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::Bench;
use crate::contestants::Mounter;
use crate::measure::{Line, shell, timed};
use crate::world::{IMAGE, STRIPS};

/// The name of the task: each reader has a file of its own.
pub const APART: &str = "8 readers of 8 files";
/// The name of the task: all read the same file.
pub const TOGETHER: &str = "8 readers of one file";

/// Both tasks.
pub fn run(bench: &Bench) -> Result<Vec<Line>> {
    let strips: Vec<String> = (0..STRIPS).map(|n| format!("strips/S{n}/S{n}.img")).collect();
    let same = vec![IMAGE.to_owned(); STRIPS];
    let task = |task, files: &[String]| {
        bench.line(task, Mounter::Stacfs.name(), bench.size, || {
            let mut unfairness = None;
            let mut sample = bench.mounted(Mounter::Stacfs, |mount| {
                let paths: Vec<String> = files.iter().map(|file| mount.name(file)).collect();
                let times = at_once(&paths)?;
                let (fastest, slowest) = (times.iter().min(), times.iter().max());
                let (fastest, slowest) = fastest.zip(slowest).ok_or_else(|| anyhow!("no readers"))?;
                unfairness = Some(slowest.as_secs_f64() / fastest.as_secs_f64());
                Ok(*slowest)
            })?;
            sample.unfairness = unfairness;
            Ok(sample)
        })
    };
    Ok(vec![task(APART, &strips)?, task(TOGETHER, &same)?])
}

/// Reads all files at once. Returns how long each took.
fn at_once(paths: &[String]) -> Result<Vec<Duration>> {
    thread::scope(|scope| {
        let read = |path: &String| {
            let path = path.clone();
            scope.spawn(move || Ok(timed(&mut shell("cat \"$1\" >/dev/null", &[&path]))?.0))
        };
        let readers: Vec<_> = paths.iter().map(read).collect();
        readers.into_iter().map(|reader| reader.join().map_err(|_| anyhow!("a reader panicked"))?).collect()
    })
}
