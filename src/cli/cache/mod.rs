//! `stacfs cache`: what is in the cache, whether it is well, and what is to stay.

mod pin;
mod show;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;

use super::{Failure, Outcome};
use crate::cache::{self, Cache, Which};
use crate::config::{Choice, Draft, Environment, parse_duration, parse_size};
use crate::report::Report;
use crate::report::render::bytes;

/// Look into the cache, check it, make room, and pin what is to stay
///
/// Mounts may use the cache meanwhile.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "stacfs cache info\nstacfs cache pin ~/moon/kaguya/bbox=0,0,2.5,2.5\nstacfs cache prune --to 10G"
)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say how full the cache is, and of what
    Info {
        #[command(flatten)]
        place: Place,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List what is in the cache, least recently used first
    List {
        #[command(flatten)]
        place: Place,
        /// Only what is pinned
        #[arg(long)]
        pinned: bool,
        /// Print JSON: [{"href", "size", "cached", "used", "pins"}, …]
        #[arg(long)]
        json: bool,
    },
    /// Check every block against its checksum; wrong ones are forgotten, to be fetched again
    ///
    /// Ends with 1 where some were wrong.
    Verify {
        #[command(flatten)]
        place: Place,
    },
    /// Make room: put out what was used least recently, but not what is pinned or open
    Prune {
        #[command(flatten)]
        place: Place,
        /// Until so much is left, e.g. 10G
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        to: Option<u64>,
        /// What was not used for so long, e.g. 30d
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        unused_for: Option<Duration>,
    },
    /// Empty the cache, but for what is pinned or open
    Clear {
        #[command(flatten)]
        place: Place,
        /// Pinned files too
        #[arg(long)]
        pinned: bool,
    },
    /// Fetch whole searches and keep them whatever else comes; again, to take up what changed
    Pin(pin::PinArgs),
    /// Let what was pinned go when room is needed
    Unpin(pin::UnpinArgs),
}

/// Which cache.
#[derive(Debug, Clone, clap::Args)]
struct Place {
    /// Read this configuration file [default: $XDG_CONFIG_HOME/stacfs/config.ini, or STACFS_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The cache's folder [default: $XDG_CACHE_HOME/stacfs, or STACFS_CACHE_DIR]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    match &args.action {
        Action::Info { place, json } => {
            let (folder, cache) = place.open()?;
            show::info(&folder, &cache, *json)
        }
        Action::List { place, pinned, json } => show::list(&place.open()?.1, *pinned, *json),
        Action::Verify { place } => verify(&place.open()?.1),
        Action::Prune { place, to, unused_for } => put_out(&place.open()?.1.prune(*to, *unused_for)),
        Action::Clear { place, pinned } => {
            let which = if *pinned { Which::All } else { Which::Unpinned };
            put_out(&place.open()?.1.clear(which))
        }
        Action::Pin(args) => pin::pin(args),
        Action::Unpin(args) => pin::unpin(args),
    }
}

impl Place {
    /// The cache and its folder. No secret is fetched for it.
    fn open(&self) -> Result<(PathBuf, Cache), Failure> {
        let draft = Draft::read(self.config.as_deref(), Environment::of_process())?;
        let choice = Choice { cache_folder: self.cache_dir.clone(), ..Choice::default() };
        let config = draft.cache(&choice)?;
        let report = Arc::new(Report::new());
        let settings = cache::Settings {
            folder: config.folder.clone(),
            max_bytes: config.max_bytes,
            min_free: config.min_free,
        };
        let cache = Cache::open(settings, Arc::clone(&report));
        match (cache.usage(), report.notes().remove("cache")) {
            (Some(_), _) => Ok((config.folder, cache)),
            (None, why) => Err(Failure::Failed(why.unwrap_or_else(|| "the cache cannot be used".to_owned()))),
        }
    }
}

fn verify(cache: &Cache) -> Outcome {
    let (mut right, mut wrong, mut text) = (0, 0, String::new());
    for stocked in cache.stock() {
        let Some((well, bad)) = cache.verify(&stocked) else { continue };
        right += well;
        wrong += bad;
        if bad > 0 {
            text += &format!("{bad} blocks wrong: {}\n", crate::report::render::printable(&stocked.identity));
        }
    }
    let blocks = bytes(right * cache::BLOCK);
    super::print(&format!("{text}{right} blocks are right ({blocks}), {wrong} were wrong\n"))?;
    if let Some(trouble) = cache.report().notes().remove("cache").filter(|_| !cache.keeps()) {
        return Err(Failure::failed(format!("the cache's disk fails: {trouble}")));
    }
    match wrong {
        0 => Ok(()),
        _ => Err(Failure::failed(
            "the wrong blocks are forgotten, and fetched again when they are read; if this \
                                  comes again, look after the disk",
        )),
    }
}

fn put_out(gone: &cache::PutOut) -> Outcome {
    let mut text = format!("{} files went, {} are free again", gone.files, bytes(gone.bytes));
    if gone.in_use > 0 {
        text += &format!("; {} stay, since something has them open", gone.in_use);
    }
    super::print(&format!("{text}\n"))
}
