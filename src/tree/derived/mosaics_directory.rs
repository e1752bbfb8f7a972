//! `mosaics/`: each asset key as one raster.
//!
//! `<key>.vrt` for every GDAL; `<key>.gti` for GDAL 3.9 and later, which holds thousands of rasters in an index.
//! Where items stand in several coordinate reference systems, a file for each: `<key>.EPSG-32632.vrt`.

use std::ffi::OsStr;
use std::sync::Arc;

use super::survey::{Survey, Wanted};
use super::{mosaic, tile_index, vrt};
use crate::query::View;
use crate::tree::generated::{Asked, Fixed, Made, Written};
use crate::tree::search_directory::Scope;
use crate::tree::{Attributes, Directory, Entry, Error, Found, Listing};

/// From `mosaics/` to the directory that lists the items.
const UP: &str = "../";

/// A kind of file for each mosaic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Vrt,
    Gti,
}

const KINDS: [Kind; 2] = [Kind::Vrt, Kind::Gti];

impl Kind {
    fn ending(self) -> &'static str {
        match self {
            Kind::Vrt => ".vrt",
            Kind::Gti => ".gti",
        }
    }
}

/// The directory `mosaics`.
#[derive(Clone)]
pub struct Mosaics(Scope);

impl Mosaics {
    /// The mosaics of what is listed in a scope.
    pub fn new(scope: Scope) -> Mosaics {
        Mosaics(scope)
    }

    fn view(&self) -> &View {
        &self.0.view
    }

    fn file(&self, wanted: Wanted, kind: Kind) -> Entry {
        let name = wanted.file_name(kind.ending());
        let write = move |scope: &Scope, source: &Arc<_>| -> Result<Written, Error> {
            let mosaic = mosaic::of_listing(source, &scope.selection(), &scope.view, &wanted)?;
            let folder = &source.services.spool_folder;
            match kind {
                Kind::Vrt => vrt::write(&mosaic, UP, folder),
                Kind::Gti => tile_index::write(&mosaic, UP, folder),
            }
        };
        self.0.derived(&name, Made::WhenOpened, format!("mosaics/{name}"), write)
    }

    fn entries(&self, survey: &Survey) -> Vec<Entry> {
        let kinds = |wanted: Wanted| KINDS.map(|kind| self.file(wanted.clone(), kind));
        survey.mosaics(self.view()).flat_map(kinds).collect()
    }

    fn found(&self, survey: &Survey, name: &str) -> Result<Found, Error> {
        for kind in KINDS.into_iter().filter(|kind| name.ends_with(kind.ending())) {
            if let Some(wanted) = survey.find(name, kind.ending(), self.view())? {
                return Ok(Found::Entry(self.file(wanted, kind)));
            }
        }
        Ok(self.absent())
    }

    fn absent(&self) -> Found {
        Found::Absent(self.0.source.lifetime())
    }
}

impl Directory for Mosaics {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.0.modified(), lifetime: self.0.source.lifetime() }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        // What GDAL and file managers probe for beside a mosaic is never there.
        let name = name.to_str().filter(|name| KINDS.iter().any(|kind| name.ends_with(kind.ending())));
        let Some(name) = name else { return Some(Ok(self.absent())) };
        let survey = self.0.source.known_survey(&self.0.selection())?;
        Some(self.found(&survey, name))
    }

    fn ask(&self, name: &OsStr) -> Result<Found, Error> {
        let survey = self.0.source.survey(&self.0.selection())?;
        self.found(&survey, name.to_str().unwrap_or_default())
    }

    /// All mosaics: known once the items are.
    fn list(&self) -> Arc<dyn Listing> {
        let selection = self.0.selection();
        if let Some(survey) = self.0.source.known_survey(&selection) {
            return Arc::new(Fixed(self.entries(&survey)));
        }
        let this = self.clone();
        Arc::new(Asked::new(move || Ok(this.entries(&*this.0.source.survey(&selection)?))))
    }
}
