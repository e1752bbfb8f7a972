//! Rasters on their way into a mosaic: what is known of them, and what their files must tell.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use crate::content::{self, Object, RasterHeader};
use crate::item::raster::{Crs, Declared, Grid, Pixels, Sample};
use crate::item::{Asset, Item};
use crate::report::{current_progress, with_progress};
use crate::tree::Error;
use crate::tree::source::Source;

/// Headers read side by side; the servers' own limits are kept below this.
const READERS: usize = 32;

/// A raster that has its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// Its path from the directory that lists its item.
    pub path: String,
    /// When it was taken.
    pub time: Option<Timestamp>,
    /// The coordinate reference system.
    pub crs: Crs,
    /// Size and place.
    pub grid: Grid,
    /// Bands.
    pub bands: usize,
    /// Their type.
    pub sample: Sample,
    /// Their nodata value.
    pub nodata: Option<f64>,
    /// Scale and offset of physical values.
    pub scale: Option<(f64, f64)>,
    /// Whether the first three bands are red, green and blue.
    pub is_rgb: bool,
}

/// A raster of which something may be unknown yet.
pub struct Candidate {
    path: String,
    time: Option<Timestamp>,
    declared: Declared,
    object: Result<Object, Error>,
    header: OnceLock<Result<Option<Arc<RasterHeader>>, Error>>,
}

/// What a set of candidates came to.
#[derive(Default)]
pub struct Sorted {
    /// Those with a place, in the order of the candidates.
    pub tiles: Vec<Tile>,
    /// Paths of the others, and why.
    pub left_out: Vec<(String, String)>,
    /// How many did not say by their metadata where they lie.
    pub placed_by_header: usize,
}

/// What metadata says of pixels, as a key: what one file says of itself goes for all that are declared alike.
type Kind = (Option<usize>, Option<Sample>, Option<u64>);

impl Candidate {
    /// An asset of an item, at `path`.
    pub fn new(source: &Source, item: &Item, asset: &Asset, path: String) -> Candidate {
        let origin = source.catalog.origin(item, asset).map_err(Error::from);
        let object = origin.and_then(|origin| {
            let origin = origin.ok_or_else(|| Error::Invalid("it has no href".into()))?;
            Ok(Object { origin, declared_size: asset.size(), checksum: asset.checksum() })
        });
        let declared = Declared::of(item, asset);
        Candidate { path, time: item.day_instant(), declared, object, header: OnceLock::new() }
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn has_place(&self) -> bool {
        self.declared.grid.is_some() && self.declared.crs.is_some()
    }

    fn kind(&self) -> Kind {
        let Pixels { bands, sample, nodata, .. } = self.declared.pixels;
        (bands, sample, nodata.map(f64::to_bits))
    }

    fn is_whole(&self) -> bool {
        matches!(self.kind(), (Some(_), Some(_), Some(_)))
    }

    fn read(&self, source: &Source) {
        self.header.get_or_init(|| {
            let object = self.object.as_ref().map_err(Clone::clone)?;
            source.raster_header(object)
        });
    }

    /// Whether its header is not here and its server would have to prepare the file for it.
    fn is_unordered(&self) -> bool {
        matches!(self.header.get(), Some(Err(Error::Content(content::Error::Unordered { .. }))))
    }

    /// The header that was read, where the file has one.
    fn header(&self) -> Option<&RasterHeader> {
        self.header.get()?.as_ref().ok()?.as_deref()
    }

    /// The tile, with `alike` the header of a file that is declared alike; or why there is none.
    fn tile(&self, alike: Option<&RasterHeader>) -> Result<Tile, String> {
        if let Some(Err(error)) = self.header.get() {
            return Err(error.to_string());
        }
        let mine = self.header();
        let pixels = &self.declared.pixels;
        let place = match mine {
            Some(header) => header.grid.or(self.declared.grid),
            None => self.declared.grid,
        };
        // A file's own code is what its pixels are in; other words of a header say less than metadata do.
        let coded = mine.and_then(|header| header.crs.clone()).filter(|crs| crs.text().starts_with("EPSG:"));
        let worded = || mine.and_then(|header| header.crs.clone());
        let crs = coded.or_else(|| self.declared.crs.clone()).or_else(worded);
        let told = mine.or(alike);
        let unknown = |what: &str| match self.header.get() {
            Some(Ok(None)) => {
                format!("metadata do not tell {what}, and it is no GeoTIFF, whose header would be read")
            }
            _ => format!("neither metadata nor its header tell {what}"),
        };
        Ok(Tile {
            path: self.path.clone(),
            time: self.time,
            crs: crs.ok_or_else(|| unknown("its coordinate reference system"))?,
            grid: place.ok_or_else(|| unknown("where it lies, with north up"))?,
            bands: told.map(|header| header.bands).or(pixels.bands).unwrap_or(1),
            sample: told
                .and_then(|header| header.sample)
                .or(pixels.sample)
                .ok_or_else(|| unknown("the type of its values"))?,
            nodata: pixels.nodata.or_else(|| told.and_then(|header| header.nodata)),
            scale: pixels.scale,
            is_rgb: told.is_some_and(|header| header.is_rgb),
        })
    }
}

/// Gives each candidate its place. Reads, side by side, the headers of those that do not tell theirs, and of one
/// of each kind that does not tell all of its bands, type and nodata.
///
/// # Errors
/// A header that could not be read now: the next try may read it. A file that is gone is left out instead. Headers
/// of files that would have to be ordered and are not in the cache: no mosaic orders anything.
pub fn sort(source: &Source, candidates: &[Candidate]) -> Result<Sorted, Error> {
    let mut examples: HashMap<Kind, usize> = HashMap::new();
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| !candidate.is_whole()) {
        examples.entry(candidate.kind()).or_insert(at);
    }
    let is_example = |at: usize| candidates.get(at).is_some_and(|c| examples.get(&c.kind()) == Some(&at));
    let wanted: Vec<&Candidate> = candidates
        .iter()
        .enumerate()
        .filter(|(at, candidate)| !candidate.has_place() || is_example(*at))
        .map(|(_, candidate)| candidate)
        .collect();
    read_all(source, &wanted);
    let unordered = wanted.iter().filter(|candidate| candidate.is_unordered()).count();
    if unordered > 0 {
        return Err(unread(unordered, candidates.len()));
    }
    for candidate in &wanted {
        if let Some(Err(error)) = candidate.header.get()
            && !matches!(error.errno(), libc::ENOENT | libc::EACCES | libc::EINVAL)
        {
            return Err(error.clone());
        }
    }
    let mut sorted = Sorted {
        placed_by_header: candidates.iter().filter(|candidate| !candidate.has_place()).count(),
        ..Sorted::default()
    };
    for candidate in candidates {
        let alike = examples.get(&candidate.kind()).and_then(|&at| candidates.get(at)?.header());
        match candidate.tile(alike) {
            Ok(tile) => sorted.tiles.push(tile),
            Err(why) => sorted.left_out.push((candidate.path.clone(), why)),
        }
    }
    Ok(sorted)
}

/// Why rasters whose headers would have to be ordered make no mosaic, and what does.
fn unread(unordered: usize, all: usize) -> Error {
    Error::Invalid(format!(
        "metadata do not say where {unordered} of the {all} files lie, and looking into them would request their \
         downloads, which nothing but reading them does: read them first (`stacfs fetch`, with `assets=` in the \
         path), then open this again"
    ))
}

fn read_all(source: &Source, wanted: &[&Candidate]) {
    let next = AtomicUsize::new(0);
    let progress = current_progress();
    std::thread::scope(|scope| {
        for _ in 0..READERS.min(wanted.len()) {
            let (next, progress) = (&next, progress.clone());
            scope.spawn(move || {
                with_progress(progress, || {
                    while let Some(candidate) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                        candidate.read(source);
                    }
                });
            });
        }
    });
}
