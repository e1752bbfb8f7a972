//! A whole file that nobody has read before.

use anyhow::Result;

use super::Bench;
use crate::contestants::{Mounter, aria2c, curl};
use crate::measure::{Line, shell, timed};
use crate::world::IMAGE;

/// The task's name.
pub const TASK: &str = "sequential";

/// Each contestant reads the large image.
pub fn run(bench: &Bench) -> Result<Vec<Line>> {
    let url = bench.origin.assets(IMAGE);
    let mut lines = vec![
        bench
            .line(TASK, "curl, one stream", bench.size, || bench.direct(|| Ok(timed(&mut curl(&url))?.0)))?,
    ];
    lines.push(bench.line(TASK, "aria2c -x8", bench.size, || {
        let folder = tempfile::tempdir_in(&bench.scratch)?;
        bench.direct(|| Ok(timed(&mut aria2c(&url, folder.path()))?.0))
    })?);
    for mounter in Mounter::ALL {
        lines.push(bench.line(TASK, mounter.name(), bench.size, || {
            bench.mounted(mounter, |mount| {
                Ok(timed(&mut shell("cat \"$1\" >/dev/null", &[&mount.name(IMAGE)]))?.0)
            })
        })?);
    }
    Ok(lines)
}
