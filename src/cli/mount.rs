//! `stacfs mount`: makes the services, mounts, and stays until it is unmounted.

use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::assemble::Assembly;
use super::daemon::{self, Ready};
use super::mount_options::MountWords;
use super::options::{Settings, text};
use super::{Failure, Outcome, log, notify};
use crate::config::{Choice, Config, Reach};
use crate::fuse::{self, Mount, MountOptions, Unmounter};

/// Mount sources as a directory tree; returns when the mount answers
///
/// SOURCE is a STAC API or catalogue URL, a file (catalogue, ItemCollection, NDJSON), usgs, or a name from the
/// configuration; NAME=SOURCE names it. One SOURCE stands at the root of the mount, several get a directory
/// each. Without one, all configured sources are mounted, and without a configuration the built-in source
/// astrogeology (https://stac.astrogeology.usgs.gov/api).
#[derive(Debug, clap::Args)]
#[command(override_usage = "stacfs mount [OPTIONS] [SOURCE]... <MOUNTPOINT>")]
#[command(after_help = "Unmount with stacfs umount MOUNTPOINT. MOUNTPOINT/README.md tells how to search.")]
pub struct Args {
    /// What to mount: URLs, files, configured names, or NAME=URL; and last an empty directory
    // One list, since options may stand between its words.
    #[arg(value_name = "MOUNTPOINT", required = true, value_parser = text())]
    words: Vec<String>,

    /// Stay in the foreground until it is unmounted, or until Ctrl-C
    #[arg(short, long)]
    foreground: bool,

    /// Mount options as in fstab: allow_other, config=FILE, cache_dir=DIR, max_items=N, log=FILE, show_derived,
    /// offline
    #[arg(short = 'o', value_name = "OPTION,…", value_parser = MountWords::parse)]
    options: Vec<MountWords>,

    #[command(flatten)]
    settings: Settings,

    /// Ask no server: serve what is cached, however old
    #[arg(long)]
    offline: bool,

    /// Let other users look in
    #[arg(long)]
    allow_other: bool,

    /// List items.geojson and mosaics/ too, for file dialogs; walks then meet them
    #[arg(long)]
    show_derived: bool,

    /// Log to this file [default: to the terminal in the foreground, else nowhere]
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// Log more: what happens, then (-vv) requests, then (-vvv) everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,

    /// How the process in the background says that it is ready
    #[arg(long, hide = true, value_name = "FD")]
    ready_fd: Option<RawFd>,
}

impl Args {
    /// The sources that are named.
    pub(super) fn sources(&self) -> &[String] {
        self.words.split_last().map_or(&[], |(_, sources)| sources)
    }

    /// Where to mount.
    pub(super) fn point(&self) -> &Path {
        Path::new(self.words.last().map_or("", String::as_str))
    }

    /// The file of the configuration: `--config`, else `-o config=`.
    fn settings(&self) -> Settings {
        let mut settings = self.settings.clone();
        for words in &self.options {
            settings.config = settings.config.or_else(|| words.config.clone());
            settings.cache_dir = settings.cache_dir.or_else(|| words.cache_dir.clone());
            settings.max_items = settings.max_items.or(words.max_items);
        }
        settings
    }

    /// Reads the configuration as it was read at first. A process in the background has left the folder it was
    /// started in.
    fn again(&self) -> impl Fn() -> Result<Config, Failure> + Send + 'static {
        let (mut settings, mut choice) = (self.settings(), self.choice());
        settings.config = settings.config.map(|file| std::path::absolute(&file).unwrap_or(file));
        choice.cache_folder =
            choice.cache_folder.map(|folder| std::path::absolute(&folder).unwrap_or(folder));
        for source in &mut choice.sources {
            let (name, place) = match source.split_once('=') {
                Some((name, place)) => (Some(name), place),
                None => (None, source.as_str()),
            };
            if let Some(file) = std::path::absolute(place).ok().filter(|file| file.is_file()) {
                let name = name.map(|name| format!("{name}=")).unwrap_or_default();
                *source = format!("{name}{}", file.display());
            }
        }
        move || Ok(settings.draft()?.resolve(&choice)?)
    }

    /// What the command line chooses.
    fn choice(&self) -> Choice {
        let any = |flag: fn(&MountWords) -> bool| self.options.iter().any(flag);
        let offline = self.offline || any(|words| words.offline);
        Choice {
            reach: if offline { Reach::Offline } else { Reach::Online },
            allow_other: (self.allow_other || any(|words| words.allow_other)).then_some(true),
            show_derived: (self.show_derived || any(|words| words.show_derived)).then_some(true),
            log: self.log.clone().or_else(|| self.options.iter().find_map(|words| words.log.clone())),
            ..self.settings().choice(self.sources().to_vec())
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    if args.ready_fd.is_none() && !args.foreground {
        daemon::launch()?;
        return tell_mounted(args.point());
    }
    let ready = args.ready_fd.map(Ready::inherit).transpose()?;
    let config = args.settings().draft()?.resolve(&args.choice())?;
    log::begin(args.verbose, config.log.as_deref())?;
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let point = args.point().to_owned();
    serve(config, &point, args.again(), |_| match ready {
        Some(ready) => ready.tell(),
        None => Ok(()),
    })
}

/// What a person wants to know next; a script is told by the exit status.
fn tell_mounted(point: &Path) -> Outcome {
    if !std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        return Ok(());
    }
    let shown = point.display();
    super::print(&format!("{shown} is mounted: see {shown}/README.md; stacfs umount {shown} ends it\n"))
}

/// Mounts, calls `ready` once the mount answers, and stays until it is unmounted, by whomever. At SIGHUP `again`
/// gives the configuration as it is then.
///
/// # Errors
/// Why nothing was mounted, or what `ready` says; then it is unmounted again.
pub(super) fn serve(
    config: Config,
    point: &Path,
    again: impl Fn() -> Result<Config, Failure> + Send + 'static,
    ready: impl FnOnce(&Mount) -> Outcome,
) -> Outcome {
    let options = MountOptions {
        name: mount_name(&config),
        allow_other: config.allow_other,
        metadata_silence: config.limits.metadata_silence,
        metadata_total: config.limits.metadata_total,
        read_silence: config.limits.read_silence,
        crawlers: config.crawlers.clone(),
        process_budget: config.process_budget,
    };
    fuse::check(point).map_err(Failure::failed)?;
    share_heaps();
    let assembly = Arc::new(Assembly::new(config)?);
    assembly.greet()?;
    // From here on a signal unmounts; one that comes before the mount stands ends it right after.
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM])
        .map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
    let mount = Mount::new(point, assembly.root(), options, assembly.report()).map_err(Failure::failed)?;
    let shown = mount.point().display().to_string();
    let (renewed, point) = (Arc::clone(&assembly), shown.clone());
    let renew = move || {
        notify::reloading();
        renew(&renewed, again());
        notify::ready(&point);
    };
    obey_signals(signals, mount.unmounter(), renew)?;
    ready(&mount)?;
    notify::ready(&shown);
    mount.wait();
    assembly.leave();
    Ok(())
}

/// Has the threads share two heaps. glibc gives each its own, eight for each processor, and what is free in one is of
/// no use to the others: that took 30 MB more where nothing could be kept on disk.
fn share_heaps() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it sets a number in the allocator, under its own lock.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Takes over a configuration that was read again; one that is wrong changes nothing.
fn renew(assembly: &Assembly, config: Result<Config, Failure>) {
    match config {
        Ok(config) => {
            config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            match assembly.renew(&config) {
                false => tracing::info!("credentials and areas are read again"),
                true => tracing::warn!(
                    "credentials and areas are read again; sources, limits and the cache stay as they are until the \
                     next mount"
                ),
            }
        }
        Err(failure) => tracing::error!("nothing is changed: {}", failure.words()),
    }
}

/// Unmounts at SIGINT and SIGTERM, and reads the configuration again at SIGHUP, also where that comes of a terminal
/// that closes: it must not leave a dead mount behind.
fn obey_signals(mut signals: Signals, unmounter: Unmounter, renew: impl Fn() + Send + 'static) -> Outcome {
    let wait = move || {
        for signal in signals.forever() {
            if signal == SIGHUP {
                renew();
                continue;
            }
            tracing::info!(signal, "unmounting");
            notify::stopping();
            if let Err(error) = unmounter.unmount() {
                tracing::error!("{error}");
            }
        }
    };
    let thread = std::thread::Builder::new().name("stacfs-signals".to_owned()).spawn(wait);
    thread.map(drop).map_err(|error| Failure::failed(format!("cannot start a thread: {error}")))
}

/// What the mount table shows as the device: the one source's place, else the names of all.
fn mount_name(config: &Config) -> String {
    match config.sources.as_slice() {
        [source] => source.kind.to_string(),
        sources => sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join("+"),
    }
}
