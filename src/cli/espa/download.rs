//! `stacfs espa download`: all complete archives of an order, several at once.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::connect::Link;
use super::{pretty, reports, say};
use crate::cli::{Failure, Outcome, print};
use crate::espa::{Error, Fetched, Presence, Product, Step, fetch, unpack};
use crate::report::lock;

/// Download the complete archives of an order
///
/// An order that is still worked on gives those that are complete. Archives come several at once, go on where an
/// earlier try ended (NAME.part), and are checked against ESPA's MD5. A file that is there already is kept where
/// its length is right.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The order's id
    order: String,

    /// The folder; it is made where it does not exist
    folder: PathBuf,

    /// Unpack each archive into a directory of its own, and keep no archive
    #[arg(long)]
    unpack: bool,

    /// Download again what is there already
    #[arg(long)]
    overwrite: bool,

    /// Keep what is there already without asking for its length
    #[arg(long, conflicts_with = "overwrite")]
    no_check: bool,

    /// So many archives at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    parallel: u8,

    /// Print [{"scene", "path", "outcome"}, …]
    #[arg(long)]
    json: bool,
}

/// One archive, and what came of it.
struct Job {
    scene: String,
    product: Product,
}

/// What stands on disk now, and how it came there.
type Done = Result<(PathBuf, &'static str), Error>;

/// Runs the command.
pub(super) fn run(link: &Link, args: &Args) -> Outcome {
    let items = link.espa.items(&args.order)?;
    let mut jobs = Vec::new();
    for item in items.iter().filter(|item| item.is_complete()) {
        if let Some(archive) = &item.archive {
            let product = Product::new(archive, item.checksum.as_deref())?;
            jobs.push(Job { scene: item.name.clone(), product });
        }
    }
    if jobs.is_empty() {
        return Err(reports::nothing_to_fetch(&args.order, &items));
    }
    let mut names = HashSet::new();
    if let Some(twin) = jobs.iter().find(|job| !names.insert(job.product.name.clone())) {
        return Err(Failure::failed(format!("two archives of this order are named {}", twin.product.name)));
    }
    let folder = &args.folder;
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::failed(format!("{}: cannot be made: {error}", folder.display())))?;
    let done = all(link, args, &jobs);
    tell(args, &jobs, &done)
}

/// Fetches all of them, so many at once; in the order of the jobs.
fn all(link: &Link, args: &Args, jobs: &[Job]) -> Vec<Option<Done>> {
    let bars = Bars::new();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(jobs.iter().map(|_| None).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for _ in 0..usize::from(args.parallel).min(jobs.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { return };
                    let outcome = one(link, args, &job.product, &bars);
                    if let Some(place) = lock(&done).get_mut(at) {
                        *place = Some(outcome);
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn one(link: &Link, args: &Args, product: &Product, bars: &Bars) -> Done {
    let (archive, members) = (args.folder.join(&product.name), args.folder.join(product.stem()));
    if args.unpack && members.exists() && !args.overwrite {
        return Ok((members, "present"));
    }
    let presence = match (args.overwrite, args.no_check) {
        (true, _) => Presence::Overwrite,
        (_, true) => Presence::Keep,
        _ => Presence::Check,
    };
    let bar = bars.bar(&product.name);
    let fetched = fetch(&link.http, product, &args.folder, presence, &|step| bar.step(step))?;
    let word = match fetched {
        Fetched::Present => "present",
        Fetched::Verified => "downloaded",
        Fetched::Unverified => "downloaded, but ESPA has no MD5 to check it by",
    };
    if !args.unpack {
        return Ok((archive, word));
    }
    unpack(&archive, &members)?;
    // One that was there before is not ours to remove.
    if fetched != Fetched::Present {
        remove(&archive)?;
    }
    Ok((members, "unpacked"))
}

fn remove(file: &Path) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::Disk { path: file.to_owned(), why: error.to_string() };
    std::fs::remove_file(file).map_err(failed)
}

/// Says what came of each; a failure where any failed.
fn tell(args: &Args, jobs: &[Job], done: &[Option<Done>]) -> Outcome {
    let mut rows: Vec<Value> = Vec::new();
    let mut lines = String::new();
    let mut failures = Vec::new();
    for (job, outcome) in jobs.iter().zip(done) {
        match outcome {
            Some(Ok((path, word))) => {
                lines += &format!("{}  {word}\n", path.display());
                rows.push(json!({"scene": job.scene, "path": path, "outcome": word}));
            }
            Some(Err(error)) => {
                rows.push(json!({"scene": job.scene, "path": null, "outcome": error.to_string()}));
                failures.push(format!("{}: {error}", job.scene));
            }
            None => failures.push(format!("{}: was not tried", job.scene)),
        }
    }
    print(&if args.json { pretty(&json!(rows)) } else { lines })?;
    match failures.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::failed(one)),
        several => {
            several.iter().for_each(|words| say(words));
            let (failed, all) = (several.len(), jobs.len());
            Err(Failure::failed(format!(
                "{failed} of {all} archives are not there; the same command goes on where this one ended"
            )))
        }
    }
}

/// Progress bars, where a person looks.
struct Bars(MultiProgress);

impl Bars {
    fn new() -> Bars {
        let bars = MultiProgress::new();
        if !std::io::stderr().is_terminal() {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        Bars(bars)
    }

    fn bar(&self, name: &str) -> Bar {
        let template = "{msg:40!} {bar:20} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Bar(self.0.add(ProgressBar::new(0).with_style(style).with_message(name.to_owned())))
    }
}

struct Bar(ProgressBar);

impl Bar {
    fn step(&self, step: Step) {
        match step {
            Step::At(at, all) => {
                self.0.set_length(all.unwrap_or(at));
                self.0.set_position(at);
            }
            Step::More(bytes) => self.0.inc(bytes),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
