//! `stacfs demo`: the embedded servers with their sample data, mounted.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::RawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::TempDir;

use super::daemon::{self, Ready};
use super::{Failure, Outcome, log, mount};
use crate::config::{Choice, Config, Draft, Environment};
use crate::demo::stac::Personality;
use crate::demo::usgs::Usgs;
use crate::demo::usgs::accounts::{Account, DEMO};
use crate::demo::{self, Demo, Options};

/// Mount embedded servers with sample data: everything to try, and no network
///
/// MOUNTPOINT/stac shows a STAC server, MOUNTPOINT/usgs USGS M2M, MOUNTPOINT/usgs/espa ESPA.
/// Returns when the mount answers; stacfs umount MOUNTPOINT ends the mount and the servers.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An empty directory [default: stacfs-demo-UID in the temporary folder, which is made]
    #[arg(value_name = "MOUNTPOINT", conflicts_with = "serve_only")]
    point: Option<PathBuf>,

    /// Start the servers only, in the foreground until Ctrl-C, and print their URLs
    #[arg(long)]
    serve_only: bool,

    /// Let the STAC server take after this one: plain, stac-server, pgstac, geoserver or static
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
    let servers = Servers::start(args.personality)?;
    let scratch = Scratch::new(&servers)?;
    let config = scratch.config(args.cache_dir.as_deref())?;
    let again = config.clone();
    mount::serve(
        config,
        &point,
        move || Ok(again.clone()),
        |mount| {
            let (shown, file) = (mount.point().display(), scratch.config_file());
            super::print(&format!(
                "{shown} shows embedded servers: stac/ is a STAC server, usgs/ is M2M, usgs/espa/ is ESPA\n\
             Read {shown}/stac/README.md; end it with stacfs umount {shown}\n\
             Orders are placed by command: stacfs espa order --config {} …\n",
                file.display()
            ))?;
            match ready {
                Some(ready) => ready.tell(),
                None => Ok(()),
            }
        },
    )
}

/// The servers alone, until a signal.
fn serve_only(personality: Personality) -> Outcome {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
    let Servers { stac, usgs } = Servers::start(personality)?;
    let Account { username, token, password, .. } = DEMO;
    super::print(&format!(
        "STAC: {}\nM2M: {}\nESPA: {}\nInventory API of 2020: {}\n\
         USGS account: {username}, application token {token}, password {password}\nCtrl-C ends it\n",
        stac.stac_url, usgs.m2m_url, usgs.espa_url, usgs.legacy_url
    ))?;
    signals.forever().next();
    Ok(())
}

/// All that the demo serves.
struct Servers {
    stac: Demo,
    usgs: Usgs,
}

impl Servers {
    fn start(personality: Personality) -> Result<Servers, Failure> {
        let failed =
            |error: io::Error| Failure::failed(format!("the embedded servers cannot start: {error}"));
        let world = Arc::new(demo::world::embedded());
        let stac = demo::start(Options { personality, world, ..Options::default() }).map_err(failed)?;
        let usgs = demo::usgs::start(demo::usgs::Options::default()).map_err(failed)?;
        Ok(Servers { stac, usgs })
    }

    /// A configuration that leads to them.
    fn ini(&self) -> String {
        let Account { username, token, password, .. } = DEMO;
        format!(
            "# The embedded servers of stacfs demo. They, and this file, go with the mount.\n\
             [source stac]\nurl = {}\n\n\
             [source usgs]\ntype = usgs\nm2m_url = {}\nespa_url = {}\n\
             username = {username}\ntoken = {token}\npassword = {password}\n",
            self.stac.stac_url, self.usgs.m2m_url, self.usgs.espa_url
        )
    }
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

/// What a demo keeps on disk, all of which goes with the process: its configuration and, unless the user names
/// a folder, its cache.
struct Scratch(TempDir);

impl Scratch {
    fn new(servers: &Servers) -> Result<Scratch, Failure> {
        let failed = |error: io::Error| Failure::failed(format!("no temporary folder can be used: {error}"));
        let scratch =
            Scratch(tempfile::Builder::new().prefix("stacfs-demo-files-").tempdir().map_err(failed)?);
        let file = File::options().write(true).create_new(true).mode(0o600).open(scratch.config_file());
        file.and_then(|mut file| file.write_all(servers.ini().as_bytes())).map_err(failed)?;
        Ok(scratch)
    }

    fn config_file(&self) -> PathBuf {
        self.0.path().join("config.ini")
    }

    /// The configuration of the mount: nothing but the servers, whatever the user has configured.
    fn config(&self, cache: Option<&Path>) -> Result<Config, Failure> {
        let own = |(name, _): &(OsString, OsString)| !name.as_encoded_bytes().starts_with(b"STACFS_");
        let environment: Environment = std::env::vars_os().filter(own).collect();
        let cache = cache.map_or_else(|| self.0.path().join("cache"), Path::to_owned);
        let choice = Choice { cache_folder: Some(cache), ..Choice::default() };
        Ok(Draft::read(Some(&self.config_file()), environment)?.resolve(&choice)?)
    }
}
