//! A file that is in the cache: by the mount that fetched it, and by a new mount over the same cache.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, ensure};

use super::Bench;
use crate::bare::{self, Way};
use crate::contestants::{Home, Mount, Mounter, User};
use crate::measure::{Line, Sample, shell, timed};
use crate::world::IMAGE;

/// The name of the task: the file was read by this mount before.
pub const TASK: &str = "re-read";
/// The name of the task: it was read by an earlier mount.
pub const FIRST: &str = "first read of a cached file";
/// What a mount of root is called here.
pub const ROOT: &str = "stacfs, as root";
/// What a mount of an ordinary user is called here.
pub const USER: &str = "stacfs, as a user";
/// What the file itself is called here.
pub const NATIVE: &str = "the file itself";

/// What the least of all FUSE servers is called here …
pub const BARE: &str = "a bare FUSE server";
/// … and the same where it fills the kernel's pages before they are asked for.
pub const PUSHING: &str = "a bare FUSE server that pushes";

/// These are quick and scatter, so each is done so often for each run that is wished.
const OFTEN: usize = 3;
/// How long the cache may take to be whole after the last byte was read.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads the file from the disk's page cache, and from mounts whose cache has all of it.
pub fn run(bench: &Bench) -> Result<Vec<Line>> {
    let local = bench.local.display().to_string();
    // The first read brings it into the page cache.
    read(&local, User::Own)?;
    let often = Often(bench);
    let mut lines = vec![often.line(TASK, NATIVE, || Ok(sample(read(&local, User::Own)?)))?];
    for (contestant, way) in [(BARE, Way::Asked), (PUSHING, Way::Pushed)] {
        lines.extend(of_bare(&often, contestant, way)?);
    }
    let root = rustix::process::geteuid().is_root();
    if root {
        lines.extend(of_user(&often, ROOT, User::Own)?);
    }
    let user = if root { User::Nobody } else { User::Own };
    match may_mount(user) {
        Ok(()) => lines.extend(of_user(&often, USER, user)?),
        Err(error) => eprintln!("left out: {USER}: {error}"),
    }
    Ok(lines)
}

fn of_bare(often: &Often, contestant: &str, way: Way) -> Result<Vec<Line>> {
    let bench = often.0;
    let point = tempfile::tempdir_in(&bench.scratch)?;
    let file = point.path().join(bare::NAME).display().to_string();
    let first = often.line(FIRST, contestant, || {
        let session = bare::mount(&bench.local, point.path(), way)?;
        let took = read(&file, User::Own)?;
        session.umount_and_join()?;
        Ok(sample(took))
    })?;
    let session = bare::mount(&bench.local, point.path(), way)?;
    read(&file, User::Own)?;
    let again = often.line(TASK, contestant, || Ok(sample(read(&file, User::Own)?)))?;
    session.umount_and_join()?;
    Ok(vec![first, again])
}

fn of_user(often: &Often, contestant: &str, user: User) -> Result<Vec<Line>> {
    let bench = often.0;
    let home = Home::new(&bench.scratch, user)?;
    fill(bench, &home, user)?;
    let first = often.line(FIRST, contestant, || {
        let mount = Mount::new(Mounter::Stacfs, &bench.origin, &home, user)?;
        // Names are looked up, which asks the server; then only the bytes are left to be had.
        timed(user.run(&mut shell("stat \"$1\"", &[&mount.name(IMAGE)])))?;
        bench.origin.forget();
        let took = read(&mount.name(IMAGE), user)?;
        Ok(Sample { tally: bench.origin.tally(), usage: Some(mount.usage()?), ..sample(took) })
    })?;
    let mount = Mount::new(Mounter::Stacfs, &bench.origin, &home, user)?;
    read(&mount.name(IMAGE), user)?;
    let again = often.line(TASK, contestant, || {
        bench.origin.forget();
        let took = read(&mount.name(IMAGE), user)?;
        Ok(Sample { tally: bench.origin.tally(), usage: Some(mount.usage()?), ..sample(took) })
    })?;
    Ok(vec![first, again])
}

/// Has a mount of this user keep the whole file.
pub fn fill(bench: &Bench, home: &Home, user: User) -> Result<()> {
    let mount = Mount::new(Mounter::Stacfs, &bench.origin, home, user)?;
    read(&mount.name(IMAGE), user)?;
    wait_until_whole(&mount, bench.size, user)
}

/// Several rounds for each run.
struct Often<'a>(&'a Bench);

impl Often<'_> {
    fn line(&self, task: &'static str, who: &str, mut run: impl FnMut() -> Result<Sample>) -> Result<Line> {
        let mut samples = Vec::new();
        for _ in 0..self.0.runs * OFTEN {
            samples.push(run()?);
        }
        let line = Line { task, contestant: who.to_owned(), size: self.0.size, samples };
        eprintln!("{task}: {who}: {:.1} GB/s", self.0.size as f64 / 1e9 / line.seconds());
        Ok(line)
    }
}

fn sample(took: Duration) -> Sample {
    Sample { seconds: took.as_secs_f64(), ..Sample::default() }
}

/// Reads a file to its end. How long that took is told by the reader: to start a process as another user, this one
/// is copied first, which takes as long as the reading.
pub fn read(path: &str, user: User) -> Result<Duration> {
    let script = "LC_ALL=C exec dd if=\"$1\" of=/dev/null bs=1M 2>&1";
    let (_, said) = timed(user.run(&mut shell(script, &[path])))?;
    let seconds = said.rsplit_once("copied, ").and_then(|(_, rest)| rest.split_once(" s"));
    let seconds = seconds.and_then(|(seconds, _)| seconds.parse().ok()).with_context(|| said.clone())?;
    Ok(Duration::from_secs_f64(seconds))
}

/// The last blocks go to the disk after the reader has them.
fn wait_until_whole(mount: &Mount, size: u64, user: User) -> Result<()> {
    let script = "getfattr --only-values -n user.stac.cached \"$1\"";
    let until = Instant::now() + PATIENCE;
    loop {
        let (_, cached) = timed(user.run(&mut shell(script, &[&mount.name(IMAGE)])))?;
        if cached.trim() == size.to_string() {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{cached} of {size} bytes are in the cache");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether this user may mount here.
fn may_mount(user: User) -> Result<()> {
    let device = Path::new("/dev/fuse");
    fs::metadata(device)?;
    let said = timed(user.run(&mut shell("test -r \"$1\" -a -w \"$1\"", &["/dev/fuse"])));
    ensure!(said.is_ok(), "/dev/fuse is closed to users: chmod 666 /dev/fuse");
    Ok(())
}
