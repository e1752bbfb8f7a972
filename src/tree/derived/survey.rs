//! Which mosaics a listing makes, by metadata alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::item::raster::{Declared, is_raster};
use crate::query::View;
use crate::tree::Error;
use crate::tree::names::{Of, asset_files, escape};
use crate::tree::source::{Selection, Source};

/// Names of a key's files that are kept.
const NAMES: usize = 256;

/// The rasters of a listing: by asset key, the coordinate reference systems they are declared to stand in.
pub struct Survey(BTreeMap<String, Stands>);

/// Where the rasters of one key stand.
#[derive(Default)]
struct Stands {
    /// The labels of the systems that are declared.
    declared: Vec<String>,
    /// Whether some files must be opened to know.
    open: bool,
    /// A file's name, for views that show assets by name.
    names: Vec<String>,
}

impl Survey {
    /// Reads a listing to its end.
    pub fn of(source: &Arc<Source>, selection: &Selection) -> Result<Survey, Error> {
        let feed = source.whole_listing(selection)?;
        let mut keys: BTreeMap<String, Stands> = BTreeMap::new();
        feed.each(|row| {
            let item = source.item_of(selection, row)?;
            for (name, asset) in asset_files(&item).into_iter().filter(|(_, asset)| is_raster(asset)) {
                let stands = keys.entry(asset.key.clone()).or_default();
                stands.meet(Declared::of(&item, &asset), name);
            }
            Ok(())
        })?;
        Ok(Survey(keys))
    }

    /// The mosaics that a view shows: one per key, and where its rasters stand in several systems, one for each.
    pub fn mosaics(&self, view: &View) -> impl Iterator<Item = Wanted> {
        let shown = self.0.iter().filter(|(key, stands)| stands.is_shown(key, view));
        shown.flat_map(|(key, stands)| stands.mosaics(key))
    }

    /// The mosaic that a file's name with this ending stands for.
    ///
    /// # Errors
    /// A key without a system, where there are several: in words.
    pub fn find(&self, name: &str, ending: &str, view: &View) -> Result<Option<Wanted>, Error> {
        if let Some(wanted) = self.mosaics(view).find(|wanted| wanted.file_name(ending) == name) {
            return Ok(Some(wanted));
        }
        for (key, stands) in self.0.iter().filter(|(key, stands)| stands.is_shown(key, view)) {
            let bare = Wanted { key: key.clone(), label: None };
            if bare.file_name(ending) == name {
                return Err(several_systems(key, &stands.declared));
            }
            // Only their files know in which systems these stand.
            let named = name.strip_prefix(key.as_str()).and_then(|rest| rest.strip_prefix('.'));
            let label = named.and_then(|rest| rest.strip_suffix(ending)).filter(|label| !label.is_empty());
            if let Some(label) = label.filter(|_| stands.open) {
                return Ok(Some(Wanted { label: Some(label.to_owned()), ..bare }));
            }
        }
        Ok(None)
    }
}

/// Which mosaic is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The assets' key.
    pub key: String,
    /// The label of the coordinate reference system; `None` is the only one.
    pub label: Option<String>,
}

impl Wanted {
    /// The name of its file with an ending: `red.vrt`, `red.EPSG-32632.vrt`.
    pub fn file_name(&self, ending: &str) -> String {
        let label = self.label.as_ref().map(|label| format!(".{label}")).unwrap_or_default();
        escape(&format!("{}{label}{ending}", self.key), Of::Asset)
    }
}

/// Why there is no one mosaic of a key, and what there is.
pub fn several_systems(key: &str, labels: &[String]) -> Error {
    let names: Vec<String> = labels.iter().map(|label| format!("{key}.{label}.vrt")).collect();
    Error::Invalid(format!(
        "the items stand in {} coordinate reference systems, with a mosaic each: open {}",
        labels.len(),
        names.join(" or ")
    ))
}

impl Stands {
    fn meet(&mut self, declared: Declared, name: String) {
        match declared.crs.map(|crs| crs.label()) {
            Some(label) if !self.declared.contains(&label) => {
                self.declared.push(label);
                self.declared.sort();
            }
            Some(_) => {}
            None => self.open = true,
        }
        // A view that names files is met by some of them; a few names are enough for patterns on endings.
        if self.names.len() < NAMES {
            self.names.push(name);
        }
    }

    fn is_shown(&self, key: &str, view: &View) -> bool {
        view.assets.is_none() || self.names.iter().any(|name| view.shows(key, name))
    }

    fn mosaics(&self, key: &str) -> Vec<Wanted> {
        let wanted = |label| Wanted { key: key.to_owned(), label };
        match self.declared.as_slice() {
            [] | [_] => vec![wanted(None)],
            several => several.iter().map(|label| wanted(Some(label.clone()))).collect(),
        }
    }
}
