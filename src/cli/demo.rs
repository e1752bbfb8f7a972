//! `stacfs demo`: the embedded servers with their sample data, mounted.

use std::os::fd::RawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::daemon::{self, Ready};
use super::{Failure, Outcome, log, mount};
use crate::config::{Choice, Config, Draft, Environment};
use crate::demo::stac::Personality;
use crate::demo::{self, Demo, Options};

/// Mount embedded servers with sample data: everything to try, and no network
///
/// Returns when the mount answers; stacfs umount MOUNTPOINT ends the mount and the servers.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An empty directory [default: stacfs-demo-UID in the temporary folder, which is made]
    #[arg(value_name = "MOUNTPOINT", conflicts_with = "serve_only")]
    point: Option<PathBuf>,

    /// Start the servers only, in the foreground until Ctrl-C, and print their URLs
    #[arg(long)]
    serve_only: bool,

    /// Take after this server: plain, stac-server, pgstac, geoserver or static
    #[arg(long, value_name = "NAME", default_value = "plain")]
    personality: Personality,

    /// Keep the cache here [default: a temporary folder that goes with the mount]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,

    /// Stay in the foreground until it is unmounted, or until Ctrl-C
    #[arg(short, long)]
    foreground: bool,

    /// Log more, in the foreground: what happens, then (-vv) requests, then (-vvv) everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,

    /// How the process in the background says that it is ready
    #[arg(long, hide = true, value_name = "FD")]
    ready_fd: Option<RawFd>,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    if args.serve_only {
        log::begin(args.verbose, None)?;
        return serve_only(args.personality);
    }
    if args.ready_fd.is_none() && !args.foreground {
        return daemon::launch();
    }
    let ready = args.ready_fd.map(Ready::inherit).transpose()?;
    log::begin(args.verbose, None)?;
    let point = match &args.point {
        Some(point) => point.clone(),
        None => default_point()?,
    };
    let demo = start(args.personality)?;
    let cache = Scratch::new(args.cache_dir.as_deref())?;
    let config = config(&demo, cache.folder())?;
    mount::serve(config, &point, |mount| {
        let (shown, url) = (mount.point().display(), &demo.stac_url);
        super::print(&format!(
            "{shown} shows the embedded STAC server {url}\nRead {shown}/README.md; end it with stacfs umount {shown}\n"
        ))?;
        match ready {
            Some(ready) => ready.tell(),
            None => Ok(()),
        }
    })
}

fn start(personality: Personality) -> Result<Demo, Failure> {
    let world = Arc::new(demo::world::embedded());
    demo::start(Options { personality, world, ..Options::default() })
        .map_err(|error| Failure::failed(format!("the embedded servers cannot start: {error}")))
}

/// The servers alone, until a signal.
fn serve_only(personality: Personality) -> Outcome {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
    let demo = start(personality)?;
    super::print(&format!("STAC: {}\nCtrl-C ends it\n", demo.stac_url))?;
    signals.forever().next();
    Ok(())
}

/// One source, named on the command line, whatever the user has configured.
fn config(demo: &Demo, cache: &Path) -> Result<Config, Failure> {
    let choice = Choice {
        sources: vec![format!("demo={}", demo.stac_url)],
        cache_folder: Some(cache.to_owned()),
        ..Choice::default()
    };
    Ok(Draft::read(Some(Path::new("/dev/null")), Environment::of_process())?.resolve(&choice)?)
}

/// A folder of this user's in the temporary one.
fn default_point() -> Result<PathBuf, Failure> {
    let user = rustix::process::geteuid().as_raw();
    let point = std::env::temp_dir().join(format!("stacfs-demo-{user}"));
    let shown = point.display();
    match std::fs::DirBuilder::new().mode(0o700).create(&point) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::failed(format!("{shown} cannot be made: {error}; name a MOUNTPOINT")));
        }
        _ => {}
    }
    // In a folder that all may write to, somebody else may have been there first.
    match point.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() && metadata.uid() != user => {
            Err(Failure::failed(format!("{shown} is another user's; name a MOUNTPOINT")))
        }
        _ => Ok(point),
    }
}

/// The cache of a demo.
enum Scratch {
    /// It goes with the process.
    Temporary(tempfile::TempDir),
    /// The user's own, which stays.
    Named(PathBuf),
}

impl Scratch {
    fn new(named: Option<&Path>) -> Result<Scratch, Failure> {
        match named {
            Some(folder) => Ok(Scratch::Named(folder.to_owned())),
            None => tempfile::Builder::new()
                .prefix("stacfs-demo-cache-")
                .tempdir()
                .map(Scratch::Temporary)
                .map_err(|error| Failure::failed(format!("no temporary folder: {error}; use --cache-dir"))),
        }
    }

    fn folder(&self) -> &Path {
        match self {
            Scratch::Temporary(folder) => folder.path(),
            Scratch::Named(folder) => folder,
        }
    }
}
