//! The root of a mount: one source's collections, or one directory per source; and `.stacfs`, found by name.

use std::ffi::OsStr;
use std::sync::Arc;

use super::control::Control;
use super::generated::{Fixed, Generated};
use super::readme;
use super::source::Source;
use super::source_directory::{SourceDirectory, narrow};
use super::{Attributes, Directory, Entry, Error, Found, Listing};
use crate::query::{Query, View, is_segment};

/// The root of the tree of one source: its directory, with `.stacfs` beside.
pub struct SingleRoot {
    directory: SourceDirectory,
    control: Arc<Control>,
}

impl SingleRoot {
    /// The root of a mount with one source.
    pub fn new(source: Arc<Source>, control: Arc<Control>) -> SingleRoot {
        SingleRoot { directory: SourceDirectory::new(source, Query::default(), View::default()), control }
    }
}

impl Directory for SingleRoot {
    fn attributes(&self) -> Attributes {
        self.directory.attributes()
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        if name == ".stacfs" {
            return Some(Ok(Found::Entry(self.control.entry())));
        }
        self.directory.find_known(name)
    }

    fn ask(&self, name: &OsStr) -> Result<Found, Error> {
        self.directory.ask(name)
    }

    fn list(&self) -> Arc<dyn Listing> {
        self.directory.list()
    }

    fn xattrs(&self) -> Vec<(String, Vec<u8>)> {
        self.directory.xattrs()
    }
}

/// The root of several sources: a directory for each. A predicate here narrows all of them.
#[derive(Clone)]
pub struct SourcesRoot {
    sources: Arc<[Arc<Source>]>,
    query: Query,
    view: View,
    /// Only the mount's own root has it.
    control: Option<Arc<Control>>,
}

impl SourcesRoot {
    /// The root of a mount with several sources; their names differ, and there is at least one.
    pub fn new(sources: Vec<Arc<Source>>, control: Arc<Control>) -> SourcesRoot {
        let (query, view) = (Query::default(), View::default());
        SourcesRoot { sources: sources.into(), query, view, control: Some(control) }
    }

    fn directories(&self) -> impl Iterator<Item = SourceDirectory> {
        let (query, view) = (self.query.clone(), self.view.clone());
        self.sources
            .iter()
            .map(move |source| SourceDirectory::new(Arc::clone(source), query.clone(), view.clone()))
    }

    fn entry(&self, name: &OsStr, directory: Arc<dyn Directory>) -> Entry {
        let lifetime = self.sources.first().map(|source| source.lifetime()).unwrap_or_default();
        Entry::directory(name, directory, lifetime)
    }

    fn readme(&self) -> Entry {
        let names: Vec<&str> = self.sources.iter().map(|source| source.name.as_str()).collect();
        let attributes = self.attributes();
        Generated::fixed(readme::of_sources(&names), attributes.modified, attributes.lifetime)
            .entry("README.md")
    }

    fn count(&self) -> Entry {
        let directories: Vec<SourceDirectory> = self.directories().collect();
        let text = move || {
            let mut sum = super::source::Counted::Exactly(0);
            for directory in &directories {
                sum = sum + directory.source().count(&directory.selection())?;
            }
            Ok(format!("{sum}\n").into_bytes())
        };
        let attributes = self.attributes();
        Generated::asked(attributes.modified, attributes.lifetime, text).entry("count")
    }

    fn segment(&self, name: &str) -> Result<Found, Error> {
        let Some(any) = self.sources.first() else { return Ok(self.absent()) };
        let (query, view) = narrow(&self.query, &self.view, name, any)?;
        let narrowed = SourcesRoot { sources: Arc::clone(&self.sources), query, view, control: None };
        Ok(Found::Entry(self.entry(OsStr::new(name), Arc::new(narrowed))))
    }

    fn absent(&self) -> Found {
        Found::Absent(self.attributes().lifetime)
    }

    fn found(&self, name: &OsStr) -> Result<Found, Error> {
        let Some(text) = name.to_str() else { return Ok(self.absent()) };
        match (text, &self.control) {
            (".stacfs", Some(control)) => return Ok(Found::Entry(control.entry())),
            ("README.md", _) => return Ok(Found::Entry(self.readme())),
            ("count", _) => return Ok(Found::Entry(self.count())),
            _ => {}
        }
        if is_segment(text) {
            return self.segment(text);
        }
        let directory = self.directories().find(|directory| directory.source().name == text);
        let entry = directory.map(|directory| Found::Entry(self.entry(name, Arc::new(directory))));
        Ok(entry.unwrap_or_else(|| self.absent()))
    }
}

impl Directory for SourcesRoot {
    fn attributes(&self) -> Attributes {
        let (modified, lifetime) = self
            .sources
            .first()
            .map(|source| (source.services.mounted, source.lifetime()))
            .unwrap_or_default();
        Attributes { size: Some(0), modified, lifetime }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        Some(self.found(name))
    }

    fn list(&self) -> Arc<dyn Listing> {
        let directories = self.directories().map(|directory| {
            let name = directory.source().name.clone();
            self.entry(OsStr::new(&name), Arc::new(directory))
        });
        Arc::new(Fixed(std::iter::once(self.readme()).chain(directories).collect()))
    }
}
