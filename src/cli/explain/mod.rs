//! `stacfs explain`: what a path means, the requests it makes, how many items match; or why it means nothing.

mod equivalent;
mod walk;
mod words;

use std::sync::Arc;

use super::areas::ConfiguredAreas;
use super::assemble::{Assembly, Member};
use super::options::{Settings, text};
use super::origin::Origin;
use super::{Failure, Outcome};
use crate::catalog::{Catalog, Count, Depth, Search};
use crate::config::Layout;
use crate::report::render::printable;

use walk::{Place, Walk, What};

/// Say what a path means, which requests it makes, and how other tools ask the same
///
/// PATH is a path under a mount (it need not exist), or begins with the name of a configured source, or with
/// its URL. Nothing of the mount is touched but its .stacfs; the server is asked what stands at the path, and
/// with --count how many items match.
#[derive(Debug, clap::Args)]
#[command(after_help = "stacfs explain /mnt/moon/kaguya/bbox=0,0,2.5,2.5\n\
                        stacfs explain --source https://stac.example.org/api kaguya/bbox=0,0,2.5,2.5")]
pub struct Args {
    /// The path
    #[arg(value_parser = text())]
    path: String,

    /// The path begins at the root of this source: a URL, a file, or a configured name
    #[arg(long, value_name = "SOURCE", value_parser = text())]
    source: Option<String>,

    /// Ask the server how many items match
    #[arg(long)]
    count: bool,

    #[command(flatten)]
    settings: Settings,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    let origin = Origin::find(&args.path, args.source.as_deref(), &args.settings)?;
    let config = origin.draft.resolve(&origin.choice)?;
    let (layout, areas) = (config.layout, ConfiguredAreas::new(&config));
    let assembly = Assembly::new(config)?;
    let walk = match (layout, assembly.sources()) {
        (Layout::Single, [one]) => Walk::in_source(&one.config.name),
        (_, sources) => Walk::at_root(sources.iter().map(|member| member.config.name.as_str())),
    };
    let mut descent = Descent { sources: assembly.sources(), catalog: None };
    let place = walk.along(&origin.below, &areas, &mut |source, id| descent.ask(source, id));
    let place = place.map_err(Failure::Failed)?;

    let mut rows = Vec::new();
    if let Some(point) = &origin.mount {
        rows.push(("mount".to_owned(), point.display().to_string()));
    }
    rows.extend(place.steps.iter().map(|step| (step.name.clone(), step.meaning.clone())));
    rows.push(("search".to_owned(), place.canonical()));
    for member in assembly.sources().iter().filter(|member| place.concerns(&member.config.name)) {
        let catalog = descent.catalog.clone().unwrap_or_else(|| Arc::clone(&member.catalog));
        rows.push(("source".to_owned(), format!("{}: {}", member.config.name, member.config.kind)));
        let requests = requests(catalog.as_ref(), &place, args);
        let root = member.config.kind.to_string();
        let same = requests.iter().flat_map(|(_, request)| equivalent::commands(request, &root));
        let same: Vec<(String, String)> = same.collect();
        rows.extend(requests);
        rows.extend(same);
    }
    rows.extend(origin.last_error().map(|words| ("last error".to_owned(), words)));
    super::print(&table(&rows))
}

/// The way down from a source: a name may be a collection or a child catalogue, which only the server can tell.
struct Descent<'a> {
    sources: &'a [Member],
    /// The child catalogue that the path has come to.
    catalog: Option<Arc<dyn Catalog>>,
}

impl Descent<'_> {
    fn ask(&mut self, source: &str, id: &str) -> What {
        let root = self.sources.iter().find(|member| member.config.name == source);
        let Some(catalog) = self.catalog.clone().or_else(|| root.map(|member| Arc::clone(&member.catalog)))
        else {
            return What::Nothing;
        };
        match catalog.collection(id) {
            Ok(Some(_)) => return What::Collection,
            Ok(None) => {}
            Err(error) => return What::Unknown(error.to_string()),
        }
        match catalog.children() {
            Err(error) => What::Unknown(error.to_string()),
            Ok(children) => match children.into_iter().find(|child| child.id == id) {
                None => What::Nothing,
                Some(child) => {
                    self.catalog = Some(child.catalog);
                    What::Catalogue
                }
            },
        }
    }
}

/// What a catalogue is asked for the search, and how much it finds.
fn requests(catalog: &dyn Catalog, place: &Place, args: &Args) -> Vec<(String, String)> {
    let search = Search {
        collection: place.collection.clone(),
        query: place.query.clone(),
        sortby: place.view.sortby.clone(),
        wanted: place.view.max_items.filter(|most| *most > 0),
        depth: Depth::Outline,
    };
    let requests =
        catalog.explain(&search).unwrap_or_else(|error| vec![format!("none can be made: {error}")]);
    let mut rows: Vec<(String, String)> =
        requests.into_iter().map(|request| ("request".to_owned(), request)).collect();
    if args.count {
        let matches = match catalog.count(&search) {
            Ok(Count::Matched(matched)) => matched.to_string(),
            Ok(Count::Unknown) => {
                "the server does not count; the directory's file count lists and counts".to_owned()
            }
            Err(error) => error.to_string(),
        };
        rows.push(("matches".to_owned(), matches));
    }
    rows
}

/// Names and words in two columns.
fn table(rows: &[(String, String)]) -> String {
    let width =
        rows.iter().map(|(name, _)| name.chars().count()).filter(|width| *width <= 40).max().unwrap_or(0);
    let line =
        |(name, words): &(String, String)| format!("{:<width$}  {}\n", printable(name), printable(words));
    rows.iter().map(line).collect()
}
