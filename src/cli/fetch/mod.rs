//! `stacfs fetch`: whole searches, files or items into the cache, or into a folder.
//!
//! In: paths. Out: their bytes, in the cache or below `--to`, each checked against the checksum its catalogue
//! declares, and an exit status that says whether all of it is there. The cache keeps what came of a file, so an
//! interrupted fetch goes on where it was.
//!
//! | file | what it is for |
//! | --- | --- |
//! | `survey` | which files the paths hold |
//! | `queue`, `pull` | pieces of files, fetched side by side |
//! | `folder` | the files of `--to` |
//! | `bars` | what a person sees of it |

mod bars;
mod folder;
mod pull;
mod queue;
mod survey;

use std::path::PathBuf;

use super::assemble::Assembly;
use super::options::{Settings, text};
use super::origin::{Origin, Tour};
use super::{Failure, Outcome, log};
use crate::config::parse_size;
use crate::report::render::{bytes, printable};
use bars::Bars;
use folder::Folder;
use pull::{Done, Haul, Order, pull};
use survey::{Survey, survey};

/// Failures that are told one by one; of more, how many there were.
const TOLD: usize = 10;

/// Fetch whole searches into the cache, or into a folder
///
/// PATH is a directory or a file under a mount, or begins with the name of a configured source; no mount is
/// needed for that. Or the first word is a SOURCE (a URL, a file) and the others are the segments of a path in it.
/// What is here already is not fetched again: an interrupted fetch goes on where it was.
#[derive(Debug, clap::Args)]
#[command(after_help = "stacfs fetch ~/moon/kaguya/bbox=0,0,2.5,2.5
stacfs fetch https://stac.example.org/api kaguya bbox=0,0,2.5,2.5 --to data
Exit status: 0 all of it is there, 1 something is not.")]
pub struct Args {
    /// What to fetch
    #[arg(required = true, value_name = "PATH|SOURCE SEGMENT", value_parser = text())]
    words: Vec<String>,

    /// Make the files in this folder, as DIR/collection/item/file, beside keeping them in the cache
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,

    /// Only these assets, by key, name or glob: red,nir
    #[arg(long, value_name = "NAME,…", value_parser = text())]
    assets: Option<String>,

    /// Fetch at most so many bytes now, e.g. 20G; files that go beyond that are left for another time
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_bytes: Option<u64>,

    /// Only say how many files and bytes there are, and how much of it is here
    #[arg(long)]
    dry_run: bool,

    /// So many requests at once [default: per_host of the configuration]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: Option<u16>,

    /// Say nothing of single files
    #[arg(short, long)]
    quiet: bool,

    /// Log more: what happens, then (-vv) requests, then (-vvv) everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,

    #[command(flatten)]
    settings: Settings,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    // What goes wrong is told anyway, once.
    if args.verbose > 0 {
        log::begin(args.verbose, None)?;
    }
    let mut haul = Haul::default();
    for tour in Origin::of_words(&args.words, &args.settings)? {
        let assembly = assembled(&tour)?;
        let mut survey = survey(&assembly, &tour.paths, args.assets.as_deref());
        if args.to.is_none() {
            // What is made here needs no fetching.
            survey.files.retain(|file| file.object.is_some());
        }
        if args.dry_run || args.max_bytes.is_some() {
            survey.measure(&assembly.content());
        }
        if args.dry_run {
            super::print(&told(&survey))?;
            haul.failures.extend(survey.failures);
            continue;
        }
        let left = args.max_bytes.map(|most| most.saturating_sub(haul.fetched));
        haul.add(one(args, assembly, survey, left)?);
        if haul.interrupted {
            break;
        }
    }
    if !args.dry_run {
        super::print(&format!("{}\n", summary(&haul)))?;
    }
    outcome(&haul)
}

/// The services of a tour's sources.
pub(super) fn assembled(tour: &Tour) -> Result<Assembly, Failure> {
    Assembly::new(tour.draft.resolve(&tour.choice)?)
}

/// Fetches the files of one tour.
fn one(args: &Args, assembly: Assembly, survey: Survey, most: Option<u64>) -> Result<Haul, Failure> {
    if args.to.is_none() {
        needs_cache(&assembly)?;
    }
    let order = Order {
        content: assembly.content(),
        folder: args.to.as_deref().map(|folder| Folder::open(folder, &assembly.cache())).transpose()?,
        pin: None,
        most,
        parallel: args.parallel.map_or(assembly.config().limits.per_host, usize::from),
    };
    let haul = pull(order, survey, &Bars::new(args.quiet))?;
    assembly.leave();
    Ok(haul)
}

/// Fetches the files of one path, and pins them for `label`; what was pinned for it before and is not among them
/// any more is let go.
pub(super) fn pinned(tour: &Tour, assets: Option<&str>, label: &str) -> Outcome {
    let assembly = assembled(tour)?;
    needs_cache(&assembly)?;
    let mut survey = survey(&assembly, &tour.paths, assets);
    survey.files.retain(|file| file.object.is_some());
    let order = Order {
        content: assembly.content(),
        folder: None,
        pin: Some(label.to_owned()),
        most: None,
        parallel: assembly.config().limits.per_host,
    };
    let haul = pull(order, survey, &Bars::new(true))?;
    assembly.leave();
    super::print(&format!("{}\n", summary(&haul)))?;
    outcome(&haul)?;
    let failed = |error| Failure::failed(format!("earlier pins cannot be taken off: {error}"));
    assembly.cache().unpin(label, &haul.pins).map_err(failed).map(drop)
}

/// Where nothing is written but the cache, it must be there.
fn needs_cache(assembly: &Assembly) -> Outcome {
    if assembly.cache().usage().is_some() {
        return Ok(());
    }
    let folder = assembly.config().cache.folder.display();
    Err(Failure::failed(format!(
        "{folder}: the cache cannot be written; choose another with --cache-dir, or fetch to a folder with --to"
    )))
}

/// What a dry run says.
fn told(survey: &Survey) -> String {
    let sum = |count: fn(&survey::Wanted) -> u64| survey.files.iter().map(count).sum::<u64>();
    let all = sum(|file| file.size.unwrap_or(0));
    let here = sum(|file| file.cached);
    let unknown = survey.files.iter().filter(|file| file.size.is_none()).count();
    let mut text = format!(
        "{} files, {} ({all} bytes); {} of them are in the cache, {} to fetch\n",
        survey.files.len(),
        bytes(all),
        bytes(here),
        bytes(all.saturating_sub(here))
    );
    if unknown > 0 {
        text += &format!("{unknown} of the files are of unknown size, and not counted in the bytes\n");
    }
    text
}

/// The line at the end.
fn summary(haul: &Haul) -> String {
    let Haul { files, done, present, fetched, .. } = haul;
    let mut line = format!("{done} of {files} files are there: {} fetched now", bytes(*fetched));
    if *present > 0 {
        line += &format!(", {} were here already", bytes(*present));
    }
    line
}

/// Success where all is there; else the failures, one by one or how many.
fn outcome(haul: &Haul) -> Outcome {
    const AGAIN: &str = "the same command goes on where this one ended";
    let missing = haul.files.saturating_sub(haul.done);
    let failed = haul.failures.len();
    for words in haul.failures.iter().take(if failed > 1 { TOLD } else { 0 }) {
        eprintln!("stacfs: {}", printable(words));
    }
    match (haul.interrupted, haul.failures.as_slice()) {
        (true, _) => Err(Failure::failed(format!("interrupted: {missing} files are not there; {AGAIN}"))),
        (false, []) if haul.left > 0 => {
            Err(Failure::failed(format!("{} files are left, by --max-bytes; {AGAIN}", haul.left)))
        }
        (false, []) => Ok(()),
        (false, [one]) => Err(Failure::failed(one)),
        (false, _) => Err(Failure::failed(format!("{failed} failures; {AGAIN}"))),
    }
}

impl Haul {
    /// Adds what another tour brought.
    fn add(&mut self, other: Haul) {
        self.files += other.files;
        self.done += other.done;
        self.left += other.left;
        self.present += other.present;
        self.fetched += other.fetched;
        self.interrupted |= other.interrupted;
        self.failures.extend(other.failures);
    }

    /// A file came to its end.
    fn note(&mut self, name: &str, done: Result<Done, String>) {
        match done {
            Ok(Done::Present) | Ok(Done::Fetched) => self.done += 1,
            Ok(Done::Left) => self.left += 1,
            Err(why) => self.failures.push(format!("{name}: {why}")),
        }
    }
}
