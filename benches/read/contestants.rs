//! The programs that are compared: how each is called, tuned as its users tune it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::measure::{Usage, timed};
use super::origin::Origin;

/// How long a mount may take to stand, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// User and group `nobody`: an ordinary user.
const NOBODY: u32 = 65_534;

/// How GDAL reads a remote file: as the guides to cloud-optimised GeoTIFFs tell, with parallel ranges.
pub const VSICURL: [(&str, &str); 6] = [
    ("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR"),
    ("GDAL_HTTP_MULTIPLEX", "YES"),
    ("GDAL_HTTP_MERGE_CONSECUTIVE_RANGES", "YES"),
    ("GDAL_INGESTED_BYTES_AT_OPEN", "32768"),
    ("CPL_VSIL_CURL_ALLOWED_EXTENSIONS", ".tif"),
    ("VSI_CACHE", "TRUE"),
];

/// How GDAL reads a file in a folder.
pub const LOCAL: [(&str, &str); 1] = [("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR")];

/// A program that mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounter {
    /// rclone with its http remote.
    Rclone,
    /// The same with `--vfs-cache-mode full`.
    RcloneFull,
    /// Ours.
    Stacfs,
}

/// Whose a mount is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Whoever runs the benchmark.
    Own,
    /// An ordinary user.
    Nobody,
}

impl User {
    /// Has `command` run as this user.
    pub fn run(self, command: &mut Command) -> &mut Command {
        match self {
            User::Own => command,
            User::Nobody => command.uid(NOBODY).gid(NOBODY),
        }
    }
}

impl Mounter {
    /// All of them.
    pub const ALL: [Mounter; 3] = [Mounter::Rclone, Mounter::RcloneFull, Mounter::Stacfs];

    /// What it is called in the table.
    pub fn name(self) -> &'static str {
        match self {
            Mounter::Rclone => "rclone mount",
            Mounter::RcloneFull => "rclone mount, full cache",
            Mounter::Stacfs => "stacfs",
        }
    }

    fn command(self, origin: &Origin, home: &Home) -> Command {
        let mut command;
        match self {
            Mounter::Stacfs => {
                command = Command::new(env!("CARGO_BIN_EXE_stacfs"));
                command.args(["mount", "--foreground", "--config", "/dev/null", "--cache-dir"]);
                command.arg(&home.cache).arg(origin.stac()).arg(&home.point);
            }
            Mounter::Rclone | Mounter::RcloneFull => {
                command = Command::new("rclone");
                command.args(["mount", ":http:"]).arg(&home.point);
                command.args(["--config", "", "--read-only", "--http-url", &origin.assets("")]);
                command.arg("--cache-dir").arg(&home.cache);
                let mode = if self == Mounter::RcloneFull { "full" } else { "off" };
                command.args(["--vfs-cache-mode", mode]);
            }
        }
        command.env("HOME", &home.cache).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command
    }
}

/// An empty mount point and an empty cache. Dropping it removes both.
pub struct Home {
    point: PathBuf,
    cache: PathBuf,
    words: PathBuf,
    _folder: tempfile::TempDir,
}

impl Home {
    /// A new one below `scratch`, for this user.
    pub fn new(scratch: &Path, user: User) -> Result<Home> {
        let folder = tempfile::tempdir_in(scratch)?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let [point, cache] = ["mount", "cache"].map(|name| folder.path().join(name));
        for made in [&point, &cache] {
            fs::create_dir(made)?;
            if user == User::Nobody {
                std::os::unix::fs::chown(made, Some(NOBODY), Some(NOBODY))?;
            }
        }
        Ok(Home { point, cache, words: folder.path().join("words"), _folder: folder })
    }
}

/// A mount that stands. Dropping it unmounts.
pub struct Mount<'a> {
    home: &'a Home,
    process: Child,
}

impl<'a> Mount<'a> {
    /// Mounts the origin, and waits until the mount stands.
    ///
    /// # Errors
    /// It does not come to stand; with what the program said.
    pub fn new(mounter: Mounter, origin: &Origin, home: &'a Home, user: User) -> Result<Mount<'a>> {
        let mut command = mounter.command(origin, home);
        let words = File::create(&home.words)?;
        user.run(&mut command).stdin(Stdio::null()).stdout(words.try_clone()?).stderr(words);
        let process = command.spawn().with_context(|| format!("{command:?}"))?;
        let mut mount = Mount { home, process };
        let until = Instant::now() + PATIENCE;
        while !is_mounted(&home.point) {
            let ended = mount.process.try_wait()?;
            if ended.is_some() || Instant::now() > until {
                let said = fs::read_to_string(&home.words).unwrap_or_default();
                bail!("{} does not mount: {said}", mounter.name());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(mount)
    }

    /// A path below the mount.
    pub fn path(&self, below: &str) -> PathBuf {
        self.home.point.join(below)
    }

    /// The same, as text.
    pub fn name(&self, below: &str) -> String {
        self.path(below).display().to_string()
    }

    /// What the process behind it used so far.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.process.id())
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let mut unmount = Command::new("fusermount3");
        unmount.arg("-u").arg(&self.home.point);
        let until = Instant::now() + PATIENCE;
        // Somebody may still look at it for a moment, an indexer or a process that ends.
        while is_mounted(&self.home.point) && timed(&mut unmount).is_err() && Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
        }
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > until {
                let _ = self.process.kill();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Whether something is mounted there. Another user's mount may not be looked at, and so is there.
fn is_mounted(point: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
    match (device(point), point.parent().map(device)) {
        (Ok(own), Some(Ok(parent))) => own != parent,
        (Err(_), _) => true,
        _ => false,
    }
}

/// One curl, one stream, to nowhere.
pub fn curl(url: &str) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--output", "/dev/null", url]);
    command
}

/// aria2c over eight connections into a folder.
pub fn aria2c(url: &str, folder: &Path) -> Command {
    let mut command = Command::new("aria2c");
    command.args(["-x8", "-s8", "--min-split-size=1M", "--file-allocation=none", "--quiet", "--no-conf"]);
    command.args(["--no-proxy=127.0.0.1", "--allow-overwrite=true", "--dir"]).arg(folder);
    command.args(["--out", "whole", url]);
    command
}

/// aria2c with a list of URLs, as many at once as stacfs asks a host for, each in one piece: with more it fetches a
/// quarter of such files twice, and is slower.
pub fn aria2c_list(list: &Path, folder: &Path) -> Command {
    let mut command = Command::new("aria2c");
    command.args(["-j16", "-x1", "-s1", "--file-allocation=none", "--quiet", "--no-conf"]);
    command.args(["--no-proxy=127.0.0.1", "--dir"]).arg(folder).arg("-i").arg(list);
    command
}

/// stac-asset with the items of a search in a file. `None` where it is not installed.
pub fn stac_asset(items: &Path, folder: &Path) -> Option<Command> {
    let program =
        std::env::var_os("STACFS_BENCH_STAC_ASSET").map(PathBuf::from).filter(|file| file.is_file())?;
    let mut command = Command::new(program);
    command.args(["download", "--quiet", "--path-template", "${collection}/${id}"]).arg(items).arg(folder);
    command.env("NO_PROXY", "127.0.0.1");
    Some(command)
}

/// `stacfs fetch` of the same items, with an empty cache, and into a folder where one is named.
pub fn stacfs_fetch(stac: &str, cache: &Path, to: Option<&Path>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stacfs"));
    command
        .args(["fetch", "--quiet", "--config", "/dev/null", "--cache-dir"])
        .arg(cache)
        .args([stac, "tiles"]);
    if let Some(to) = to {
        command.arg("--to").arg(to);
    }
    command.env("HOME", cache).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command
}

/// The first lines of what the programs say of their versions.
pub fn versions() -> Vec<String> {
    let first = |program: &str, option: &str| {
        let said = timed(Command::new(program).arg(option)).map(|(_, said)| said);
        said.ok().and_then(|said| said.lines().next().map(str::to_owned))
    };
    let programs =
        [("curl", "--version"), ("aria2c", "--version"), ("rclone", "version"), ("gdalinfo", "--version")];
    let short = |line: String| line.split(['(', ',']).next().unwrap_or_default().trim().to_owned();
    programs.iter().filter_map(|(program, option)| first(program, option)).map(short).collect()
}
