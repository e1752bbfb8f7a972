//! How far the kernel reads ahead of a reader (`read_ahead_kb` of the mount's device), and what each length costs and
//! gains. 128 KiB is what a mount gets; more only root can give it, so this is root's to measure.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Bench, reread, windows};
use crate::contestants::{Home, LOCAL, Mount, Mounter, User};
use crate::measure::{Line, Sample, shell, timed};
use crate::world::IMAGE;

/// The names of the tasks: as those of the other scenarios, but for the length.
pub const TASKS: [&str; 3] = ["read-ahead: whole file", "read-ahead: windows", "read-ahead: cached file"];

/// The lengths that are compared, in KiB.
const LENGTHS: [u32; 6] = [0, 32, 64, 128, 512, 1024];

/// Reads a whole file and windows of it from the server, and the file from the cache as an ordinary user.
pub fn run(bench: &Bench) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for length in LENGTHS {
        let who = format!("{length} KiB");
        lines.push(bench.line(TASKS[0], &who, bench.size, || {
            bench.mounted(Mounter::Stacfs, |mount| {
                set(mount, length)?;
                Ok(timed(&mut shell("cat \"$1\" >/dev/null", &[&mount.name(IMAGE)]))?.0)
            })
        })?);
        lines.push(bench.line(TASKS[1], &who, windows::ASKED, || {
            bench.mounted(Mounter::Stacfs, |mount| {
                set(mount, length)?;
                Ok(windows::read(&mount.name(IMAGE), &LOCAL)?.0)
            })
        })?);
    }
    let home = Home::new(&bench.scratch, User::Nobody)?;
    reread::fill(bench, &home, User::Nobody)?;
    for length in LENGTHS {
        lines.push(bench.line(TASKS[2], &format!("{length} KiB"), bench.size, || {
            let mount = Mount::new(Mounter::Stacfs, &bench.origin, &home, User::Nobody)?;
            set(&mount, length)?;
            let took = reread::read(&mount.name(IMAGE), User::Nobody)?;
            Ok(Sample { seconds: took.as_secs_f64(), usage: Some(mount.usage()?), ..Sample::default() })
        })?);
    }
    Ok(lines)
}

/// Says to the kernel how far to read ahead on this mount.
fn set(mount: &Mount, length: u32) -> Result<()> {
    // The folder above is everybody's; a mount of another user may not be looked into.
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let point = mount.name("");
    let device = device(&table, Path::new(&point)).with_context(|| format!("{point} is not mounted"))?;
    let file = format!("/sys/class/bdi/{device}/read_ahead_kb");
    fs::write(&file, length.to_string()).with_context(|| format!("{file}: only root may"))
}

/// The device of a mount point, as `major:minor`.
fn device<'a>(table: &'a str, point: &Path) -> Option<&'a str> {
    table.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(2);
        let device = fields.next()?;
        (Path::new(fields.nth(1)?) == point).then_some(device)
    })
}
