//! `stacfs path`: from flags, or from a search as pystac-client knows it, to the path that means the same.
//!
//! | file | what it is for |
//! | --- | --- |
//! | `wish` | what is searched for, as segments |
//! | `stac_client` | the command line of `stac-client search` |
//! | `python` | `client.search(…)` |
//! | `area` | shapes in files, kept as areas of interest |

mod area;
mod python;
mod stac_client;
mod wish;

use std::path::{Path, PathBuf};

use super::options::text;
use super::standing::Standing;
use super::{Failure, Outcome};
use crate::config::{Draft, Environment};
use crate::fuse;
use crate::tree::names::{Of, escape};
use area::Shape;
use wish::Wish;

/// Print the path of a search
///
/// The search is given by options, or as it stands in a notebook or a shell: the words of a stac-client command, or
/// a Python call in one word (- reads it from stdin). Where its catalogue is mounted, the whole path is printed, else
/// the part below the mount point. No request is made.
#[derive(Debug, clap::Args)]
#[command(after_help = "stacfs path -c kaguya --bbox 0,0,2.5,2.5 --query 'eo:cloud_cover<20'
stacfs path stac-client search https://stac.example.org -c kaguya --ids a b
stacfs path 'client.search(collections=[\"kaguya\"], max_items=10)'")]
pub struct Args {
    /// A pasted search: stac-client search URL …, or a call of pystac-client's search(…)
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SEARCH")]
    search: Vec<String>,

    /// In this collection; more than one: in any of them
    #[arg(short, long, value_name = "ID", value_parser = text())]
    collection: Vec<String>,

    /// A box in degrees: west,south,east,north
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true, value_parser = meaning(Wish::bbox))]
    bbox: Option<String>,

    /// A shape: a GeoJSON file, which is kept as an area of interest, or WKT
    #[arg(long, value_name = "FILE|WKT", value_parser = text())]
    intersects: Option<String>,

    /// The name that the shape is kept by [default: that of the file]
    #[arg(long, value_name = "NAME", requires = "intersects", value_parser = text())]
    name: Option<String>,

    /// A time or a span of time: 2018, 2018-01/2018-03, 2018-01-05/..
    #[arg(long, value_name = "TIME", value_parser = meaning(Wish::datetime))]
    datetime: Option<String>,

    /// Only these items
    #[arg(long, value_name = "ID,…", value_delimiter = ',', value_parser = text())]
    ids: Vec<String>,

    /// A condition on a property: eo:cloud_cover<20
    #[arg(long, value_name = "KEY=VALUE", value_parser = condition)]
    query: Vec<String>,

    /// A condition in CQL2 text
    #[arg(long, value_name = "CQL2", value_parser = meaning(|wish, text| wish.add("filter", text)))]
    filter: Vec<String>,

    /// At most so many percent of clouds; unknown cover is kept
    #[arg(long, value_name = "PERCENT", value_parser = meaning_of("max_cloud_cover"))]
    max_cloud_cover: Option<String>,

    /// Months of any year: 6,7,8
    #[arg(long, value_name = "N,…", value_parser = meaning_of("months"))]
    months: Option<String>,

    /// The order of the listing: -datetime
    #[arg(long, value_name = "FIELD,…", allow_hyphen_values = true, value_parser = meaning_of("sortby"))]
    sortby: Option<String>,

    /// At most so many items
    #[arg(long, value_name = "N")]
    max_items: Option<u64>,

    /// Only these assets, by key, name or glob
    #[arg(long, value_name = "NAME,…", value_parser = meaning_of("assets"))]
    assets: Option<String>,

    /// The catalogue's URL, to print the whole path where it is mounted
    #[arg(long, value_name = "URL", value_parser = text())]
    source: Option<String>,

    /// Begin the path at this mount point
    #[arg(long, value_name = "DIR", conflicts_with = "source")]
    mount: Option<PathBuf>,

    /// Read this configuration file [default: $XDG_CONFIG_HOME/stacfs/config.ini, or STACFS_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    let mut wish = pasted(&args.search)?;
    flags(args, &mut wish).map_err(Failure::Usage)?;
    let mut components = Vec::new();
    match wish.collections.as_slice() {
        [one] => components.push(escape(one, Of::Collection)),
        [] => {}
        several => wish.list("collections", several.to_vec().iter()),
    }
    let shape = wish.area.as_deref().map(|text| Shape::read(text, args.name.as_deref())).transpose()?;
    if let Some(shape) = &shape {
        wish.add("intersects", shape.spelling());
    }
    let segments = wish.segments(shape.as_ref()).map_err(Failure::Usage)?;
    if components.is_empty() && segments.is_empty() {
        return Err(Failure::Usage(
            "nothing is searched for; see stacfs path --help, or paste a stac-client command".to_owned(),
        ));
    }
    components.extend(segments);
    if let Some(shape) = &shape {
        let draft = Draft::read(args.config.as_deref(), Environment::of_process())?;
        shape.keep(&draft.area_folder())?;
    }
    let below: PathBuf = components.iter().collect();
    let root = match (&args.mount, &wish.source) {
        (Some(point), _) => Some(point.clone()),
        (None, Some(url)) => mounted(url),
        (None, None) => None,
    };
    if let (None, Some(url)) = (&root, &wish.source) {
        eprintln!("stacfs: {url} is not mounted; the path is that below its mount point");
    }
    super::print(&format!("{}\n", root.unwrap_or_default().join(below).display()))
}

/// What was pasted.
fn pasted(words: &[String]) -> Result<Wish, Failure> {
    let text = match words {
        [] => return Ok(Wish::default()),
        // clap takes them for the beginning of a pasted search.
        [option, ..] if option.starts_with("--") => {
            return Err(Failure::Usage(format!("unexpected argument '{option}'; see stacfs path --help")));
        }
        [dash] if dash == "-" => std::io::read_to_string(std::io::stdin())
            .map_err(|error| Failure::failed(format!("stdin cannot be read: {error}")))?,
        [one] => one.clone(),
        several => return stac_client::parse(several).map_err(Failure::Usage),
    };
    if text.contains("search(") || text.contains("open(") {
        return python::parse(&text).map_err(Failure::Usage);
    }
    stac_client::parse(&stac_client::words(&text).map_err(Failure::Usage)?).map_err(Failure::Usage)
}

/// What parses the value of an option: it stays text, but what makes no segment is refused.
fn meaning(write: fn(&mut Wish, &str)) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync {
    move |text| {
        let mut wish = Wish::default();
        write(&mut wish, text);
        wish.segments(None).map(|_| text.to_owned())
    }
}

/// The same for a value that stands in a segment as it is.
fn meaning_of(key: &'static str) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync {
    move |text| {
        let mut wish = Wish::default();
        wish.raw(key, text.to_owned());
        wish.segments(None).map(|_| text.to_owned())
    }
}

/// The same for a condition.
fn condition(text: &str) -> Result<String, String> {
    let mut wish = Wish::default();
    wish.condition(text)?;
    wish.segments(None).map(|_| text.to_owned())
}

/// What the options say.
fn flags(args: &Args, wish: &mut Wish) -> Result<(), String> {
    wish.collections.extend(args.collection.iter().cloned());
    wish.source = args.source.clone().or(wish.source.take());
    wish.area = args.intersects.clone().or(wish.area.take());
    if let Some(bbox) = &args.bbox {
        wish.bbox(bbox);
    }
    if let Some(time) = &args.datetime {
        wish.datetime(time);
    }
    if !args.ids.is_empty() {
        wish.list("ids", args.ids.iter());
    }
    for condition in &args.query {
        wish.condition(condition)?;
    }
    for filter in &args.filter {
        wish.add("filter", filter);
    }
    for (key, text) in [
        ("max_cloud_cover", &args.max_cloud_cover),
        ("months", &args.months),
        ("sortby", &args.sortby),
        ("assets", &args.assets),
    ] {
        if let Some(text) = text {
            wish.raw(key, text.clone());
        }
    }
    if let Some(most) = args.max_items {
        wish.raw("max_items", most.to_string());
    }
    Ok(())
}

/// Where a catalogue is mounted, and its directory there.
fn mounted(url: &str) -> Option<PathBuf> {
    let plain = |url: &str| url.trim_end_matches('/').to_owned();
    let directory = |point: PathBuf| {
        let standing = Standing::read(&point).ok()?;
        let source = standing.sources.iter().find(|source| plain(&source.place) == plain(url))?;
        Some(if standing.single { point } else { point.join(&source.name) })
    };
    fuse::mounts().into_iter().find_map(directory)
}

/// A file's text, or why there is none.
fn text_of(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        Failure::Usage(format!(
            "--intersects {}: cannot be read: {error}; name a GeoJSON file, or write WKT, e.g. 'POINT(2 44)'",
            file.display()
        ))
    })
}
