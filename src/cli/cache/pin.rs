//! Pinning whole searches.

use std::collections::HashSet;

use crate::cli::fetch;
use crate::cli::options::{Settings, text};
use crate::cli::origin::{Origin, Tour};
use crate::cli::{Failure, Outcome, print};

/// What to pin.
#[derive(Debug, clap::Args)]
pub(super) struct PinArgs {
    /// A path, or a source and segments, as stacfs fetch takes them
    #[arg(required = true, value_name = "PATH|SOURCE SEGMENT", value_parser = text())]
    words: Vec<String>,

    /// Only these assets, by key, name or glob: red,nir
    #[arg(long, value_name = "NAME,…", value_parser = text())]
    assets: Option<String>,

    #[command(flatten)]
    settings: Settings,
}

/// What to let go.
#[derive(Debug, clap::Args)]
pub(super) struct UnpinArgs {
    /// What was pinned, in the same words
    #[arg(required = true, value_name = "PATH|SOURCE SEGMENT", value_parser = text())]
    words: Vec<String>,

    #[command(flatten)]
    settings: Settings,
}

/// Fetches, and keeps.
pub(super) fn pin(args: &PinArgs) -> Outcome {
    let mut outcomes = Vec::new();
    for tour in Origin::of_words(&args.words, &args.settings)? {
        for one in tour.singly() {
            outcomes.push(fetch::pinned(&one, args.assets.as_deref(), &label(&one)));
        }
    }
    outcomes.into_iter().collect()
}

/// Takes the pins off.
pub(super) fn unpin(args: &UnpinArgs) -> Outcome {
    let mut taken = 0;
    for tour in Origin::of_words(&args.words, &args.settings)? {
        let assembly = fetch::assembled(&tour)?;
        for one in tour.singly() {
            let failed = |error| Failure::failed(format!("the pins cannot be taken off: {error}"));
            let of_this = assembly.cache().unpin(&label(&one), &HashSet::new()).map_err(failed)?;
            if of_this == 0 {
                let why =
                    format!("{} is not pinned; stacfs cache list --pinned --json says what is", label(&one));
                return Err(Failure::Failed(why));
            }
            taken += of_this;
        }
    }
    print(&format!("{taken} files may go when room is needed\n"))
}

/// Who wants it kept: the source and the path in it, as `stacfs fetch` takes them.
fn label(tour: &Tour) -> String {
    let below: Vec<&str> =
        tour.paths.iter().flat_map(|path| path.split('/')).filter(|n| !n.is_empty()).collect();
    let below = below.join("/");
    match tour.choice.sources.as_slice() {
        // The source's own place, whatever a mount calls it.
        [one] => {
            let place = one.split_once('=').filter(|(name, _)| !name.contains(['/', ':']));
            format!("{} {below}", place.map_or(one.as_str(), |(_, place)| place))
        }
        _ => below,
    }
}
