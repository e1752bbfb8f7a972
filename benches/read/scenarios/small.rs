//! Many small files: two collections copied, labels of a third searched. The rival is a loop over curl, which is
//! what a downloading script is.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::Bench;
use crate::contestants::Mounter;
use crate::measure::{Line, shell, timed};
use crate::world::{LABELS, NOTES, STACKS, WORD};

/// The names of the tasks.
pub const STACK_TASK: &str = "64 files of 65 KB";
/// 300 files of 2 to 20 KB.
pub const NOTE_TASK: &str = "300 files of 2-20 KB";
/// A search in 100 labels.
pub const LABEL_TASK: &str = "grep in 100 labels";

/// Calls curl for each URL from `$2` on, into numbered files of the folder `$1`.
const CURL_LOOP: &str = r#"cd "$1"; shift; n=0
for url; do n=$((n + 1)); curl --silent --show-error --fail --noproxy '*' --output "$n" "$url"; done"#;

/// Searches for `$1` in what curl brings of each URL from `$2` on; prints those that have it.
const CURL_GREP: &str = r#"word=$1; shift
for url; do if curl --silent --show-error --fail --noproxy '*' "$url" | grep -q "$word"; then echo "$url"; fi; done"#;

/// All three tasks.
pub fn run(bench: &Bench) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (task, collection, count) in [(STACK_TASK, "stacks", STACKS), (NOTE_TASK, "notes", NOTES.0)] {
        lines.extend(copy(bench, task, collection, count)?);
    }
    lines.extend(search(bench)?);
    Ok(lines)
}

fn copy(bench: &Bench, task: &'static str, collection: &str, count: usize) -> Result<Vec<Line>> {
    let urls = bench.origin.urls(collection, ".dat");
    ensure!(urls.len() == count, "{} files instead of {count}", urls.len());
    let line = bench.line(task, "curl, in a loop", 0, || {
        let folder = tempfile::tempdir_in(&bench.scratch)?;
        bench.direct(|| Ok(timed(with_urls(&mut shell(CURL_LOOP, &[&text(folder.path())]), &urls))?.0))
    })?;
    let size = line.samples.first().map_or(0, |sample| sample.tally.asset_bytes);
    let mut lines = vec![Line { size, ..line }];
    for mounter in Mounter::ALL {
        lines.push(bench.line(task, mounter.name(), size, || {
            let folder = tempfile::tempdir_in(&bench.scratch)?;
            let sample = bench.mounted(mounter, |mount| {
                let words = [mount.name(collection), text(folder.path())];
                Ok(timed(&mut shell("cp -r \"$1\" \"$2\"", &words.each_ref().map(String::as_str)))?.0)
            })?;
            let (_, found) = timed(&mut shell("find \"$1\" -name '*.dat' | wc -l", &[&text(folder.path())]))?;
            ensure!(found.trim() == count.to_string(), "{found} files came instead of {count}");
            Ok(sample)
        })?);
    }
    Ok(lines)
}

fn search(bench: &Bench) -> Result<Vec<Line>> {
    let urls = bench.origin.urls("labels", ".lbl");
    ensure!(urls.len() == LABELS, "{} labels instead of {LABELS}", urls.len());
    let check = |(took, said): (Duration, String)| {
        let found = said.lines().count();
        ensure!(found == LABELS / 2, "{found} labels have the word instead of {}", LABELS / 2);
        Ok(took)
    };
    let line = bench.line(LABEL_TASK, "curl, in a loop", 0, || {
        bench.direct(|| check(timed(with_urls(&mut shell(CURL_GREP, &[WORD]), &urls))?))
    })?;
    let size = line.samples.first().map_or(0, |sample| sample.tally.asset_bytes);
    let mut lines = vec![Line { size, ..line }];
    for mounter in Mounter::ALL {
        lines.push(bench.line(LABEL_TASK, mounter.name(), size, || {
            bench.mounted(mounter, |mount| {
                let script = "cd \"$1\"; grep -l \"$2\" labels/*/*.lbl";
                check(timed(&mut shell(script, &[&mount.name(""), WORD]))?)
            })
        })?);
    }
    Ok(lines)
}

fn with_urls<'a>(command: &'a mut Command, urls: &[String]) -> &'a mut Command {
    command.args(urls)
}

fn text(path: &std::path::Path) -> String {
    path.display().to_string()
}
