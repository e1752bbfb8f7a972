//! Which files paths hold: a walk through the tree, as `find` would take it, without the kernel.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::assemble::Assembly;
use crate::content::{Content, Object};
use crate::query::is_segment;
use crate::tree::{Directory, Entry, Error, File, Found, Node};

/// Entries read of a listing at a time.
const MANY: usize = 1000;
/// What a listing that was cut has at its end.
const TRUNCATED: &str = "TRUNCATED.txt";

/// The files of some paths.
#[derive(Default)]
pub struct Survey {
    /// Each once, in the order of the listings.
    pub files: Vec<Wanted>,
    /// What could not be looked at, in words.
    pub failures: Vec<String>,
}

impl Survey {
    /// Asks for the sizes that nobody knows yet, many at once.
    pub fn measure(&mut self, content: &Arc<Content>) {
        let unknown: Vec<&mut Wanted> =
            self.files.iter_mut().filter(|file| file.size.is_none() && file.object.is_some()).collect();
        let objects: Vec<Object> = unknown.iter().filter_map(|file| file.object.clone()).collect();
        for (file, size) in unknown.into_iter().zip(content.sizes(&objects)) {
            // A size that cannot be had is told when the file is opened.
            file.size = size.ok().flatten();
        }
    }
}

/// A file that is wanted.
pub struct Wanted {
    /// Where it stands in a copy of the tree: without the segments of the path, and without `by-date/…`.
    pub place: PathBuf,
    /// The file.
    pub file: Arc<dyn File>,
    /// The object it shows; `None` where it is made here.
    pub object: Option<Object>,
    /// Its size in bytes, where it is known.
    pub size: Option<u64>,
    /// Bytes of it that are in the cache.
    pub cached: u64,
    /// Its time.
    pub modified: Timestamp,
}

/// Walks through paths below the root of an assembly. What cannot be listed is among the failures, and the walk
/// goes on.
pub fn survey(assembly: &Assembly, paths: &[String], assets: Option<&str>) -> Survey {
    let mut walk = Walk { content: assembly.content(), survey: Survey::default(), seen: HashSet::new() };
    for path in paths {
        let whole = match assets {
            // Of two, the last in the path wins: that of the path itself.
            Some(assets) => format!("assets={assets}/{path}"),
            None => path.clone(),
        };
        match descend(assembly.root(), &whole) {
            Ok((place, node)) => walk.node(place, node),
            Err(why) => walk.survey.failures.push(format!("{path}: {why}")),
        }
    }
    let Walk { content, mut survey, .. } = walk;
    for file in &mut survey.files {
        file.cached = file.object.as_ref().map_or(0, |object| content.cached_bytes(object));
    }
    survey
}

/// Follows a path to what stands there, and where that stands in a copy of the tree.
pub(in crate::cli) fn descend(root: Arc<dyn Directory>, path: &str) -> Result<(PathBuf, Node), String> {
    let mut node = Node::Directory(root);
    let mut place = Vec::new();
    let mut days = 0;
    for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
        let Node::Directory(directory) = &node else { return Err("is a file, not a directory".to_owned()) };
        let name_in_tree = OsStr::new(name);
        let found = match directory.find_known(name_in_tree) {
            Some(found) => found,
            None => directory.find(name_in_tree),
        };
        node = match found.map_err(|error| error.to_string())? {
            Found::Entry(entry) => entry.node,
            Found::Absent(_) => return Err(format!("there is no {name}; stacfs explain says more")),
        };
        let in_espa = place.first().is_some_and(|first| first == "espa");
        let is_search = matches!(node, Node::Directory(_)) && is_segment(name) && !in_espa;
        match name {
            "by-date" if !place.is_empty() => days = 3,
            _ if days > 0 => days -= 1,
            _ if is_search => {}
            _ => place.push(name.to_owned()),
        }
    }
    Ok((place.iter().collect(), node))
}

struct Walk {
    content: Arc<Content>,
    survey: Survey,
    /// Where files stand already: two paths may lead to one.
    seen: HashSet<PathBuf>,
}

impl Walk {
    fn node(&mut self, place: PathBuf, node: Node) {
        match node {
            Node::File(file) => self.file(place, file),
            Node::Directory(directory) => self.directory(place, directory.as_ref()),
        }
    }

    fn directory(&mut self, place: PathBuf, directory: &dyn Directory) {
        let listing = directory.list();
        let mut at = 0;
        loop {
            match listing.read(at, MANY) {
                Err(error) => return self.failed(place, &error),
                Ok(entries) if entries.is_empty() => return,
                Ok(entries) => {
                    at += entries.len();
                    entries.into_iter().for_each(|entry| self.entry(&place, entry));
                }
            }
        }
    }

    fn entry(&mut self, parent: &std::path::Path, entry: Entry) {
        if entry.name == TRUNCATED {
            let shown = parent.display();
            let words = format!("{shown}: the listing was cut, so that more may match; use --max-items 0");
            return self.survey.failures.push(words);
        }
        self.node(parent.join(&entry.name), entry.node);
    }

    fn file(&mut self, place: PathBuf, file: Arc<dyn File>) {
        if !self.seen.insert(place.clone()) {
            return;
        }
        let object = match file.as_object().transpose() {
            Ok(object) => object,
            Err(error) => return self.failed(place, &error),
        };
        let attributes = file.attributes();
        self.survey.files.push(Wanted {
            place,
            object,
            size: attributes.size,
            cached: 0,
            modified: attributes.modified,
            file,
        });
    }

    fn failed(&mut self, place: PathBuf, error: &Error) {
        self.survey.failures.push(format!("{}: {error}", place.display()));
    }
}
