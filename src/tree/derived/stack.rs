//! `stack.vrt` in an item: its bands as one raster, those that share the finest grid.

use std::sync::Arc;

use super::tile::{Candidate, Tile, sort};
use super::vrt;
use crate::item::Asset;
use crate::item::raster::is_raster;
use crate::query::View;
use crate::tree::generated::{Made, Spooled, Written};
use crate::tree::item_directory::ItemRef;
use crate::tree::source::{NamedItem, Source};
use crate::tree::{Entry, Error};

/// Pictures made of bands are none themselves.
const PICTURES: [&str; 3] = ["visual", "overview", "thumbnail"];

/// The entry of an item's stack; `None` where it can have none: fewer than two rasters.
pub fn entry(name: &str, item: &ItemRef, named: &NamedItem, view: &Arc<View>) -> Option<Entry> {
    if bands(named, view).count() < 2 {
        return None;
    }
    let (modified, lifetime) = (item.modified, item.source.lifetime());
    let (item, view) = (item.clone(), Arc::clone(view));
    // Headers are remembered, so that making it again at the next open costs no request.
    let written = move || write(&item.source, &*item.load()?, &view);
    Some(Spooled::new(Made::WhenOpened, modified, lifetime, || None, written).entry(name))
}

/// The rasters of an item that a view shows: file name and asset.
fn bands<'a>(named: &'a NamedItem, view: &'a View) -> impl Iterator<Item = &'a (String, Asset)> {
    let is_shown = |name: &str, asset: &Asset| view.shows(&asset.key, name) && is_raster(asset);
    let is_picture = |asset: &Asset| asset.roles().iter().any(|role| PICTURES.contains(role));
    named.files.iter().filter(move |(name, asset)| is_shown(name, asset) && !is_picture(asset))
}

fn write(source: &Source, named: &NamedItem, view: &View) -> Result<Written, Error> {
    let candidate = |(name, asset): &(String, Asset)| {
        (asset.key.clone(), Candidate::new(source, &named.item, asset, name.clone()))
    };
    let (keys, candidates): (Vec<String>, Vec<Candidate>) = bands(named, view).map(candidate).unzip();
    let sorted = sort(source, &candidates)?;
    let key_of = |tile: &Tile| {
        let at = candidates.iter().position(|candidate| candidate.path() == tile.path);
        at.and_then(|at| keys.get(at)).cloned().unwrap_or_default()
    };
    let named: Vec<(String, Tile)> = sorted.tiles.into_iter().map(|tile| (key_of(&tile), tile)).collect();
    let stack = finest(named);
    if stack.is_empty() {
        return Err(Error::Invalid("no two rasters of one band share a grid in this item".into()));
    }
    vrt::write_stack(&stack, &source.services.spool_folder)
}

/// Of the rasters of one band, those on the finest grid that at least two share.
fn finest(bands: Vec<(String, Tile)>) -> Vec<(String, Tile)> {
    let share = |one: &Tile, other: &Tile| one.grid == other.grid && one.crs == other.crs;
    let singles: Vec<(String, Tile)> = bands.into_iter().filter(|(_, tile)| tile.bands == 1).collect();
    let shared = singles
        .iter()
        .map(|(_, tile)| tile)
        .filter(|tile| singles.iter().filter(|(_, other)| share(tile, other)).count() > 1);
    let best = shared.min_by(|one, other| one.grid.pixel()[0].total_cmp(&other.grid.pixel()[0])).cloned();
    let Some(best) = best else { return Vec::new() };
    singles.into_iter().filter(|(_, tile)| share(tile, &best)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::raster::{Crs, Grid, Sample};

    #[test]
    fn the_finest_shared_grid_is_taken() {
        let band = |name: &str, pixel: f64, bands: usize| {
            let grid = Grid { width: 4, height: 4, transform: [0.0, pixel, 0.0, 0.0, 0.0, -pixel] };
            let tile = Tile {
                path: format!("{name}.tif"),
                time: None,
                crs: Crs::epsg(32632),
                grid,
                bands,
                sample: Sample::U16,
                nodata: None,
                scale: None,
                is_rgb: false,
            };
            (name.to_owned(), tile)
        };
        let item = vec![
            band("pan", 5.0, 1),
            band("red", 10.0, 1),
            band("swir", 20.0, 1),
            band("blue", 10.0, 1),
            band("visual", 10.0, 3),
            band("swir 2", 20.0, 1),
        ];
        let names: Vec<String> = finest(item).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["red", "blue"]);
        assert!(finest(vec![band("a", 1.0, 1), band("b", 2.0, 1)]).is_empty());
    }
}
