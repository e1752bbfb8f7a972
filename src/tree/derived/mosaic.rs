//! A mosaic: rasters of one key in one coordinate reference system, one over the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::survey::{Wanted, several_systems};
use super::tile::{Candidate, Tile, sort};
use crate::item::raster::{Crs, Grid, Sample, is_raster};
use crate::query::View;
use crate::tree::Error;
use crate::tree::feed::{End, Named};
use crate::tree::names::asset_files;
use crate::tree::source::{Selection, Source};

/// Rasters as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Mosaic {
    /// The coordinate reference system of all.
    pub crs: Crs,
    /// Size and place of the whole: pixels as small as the smallest.
    pub grid: Grid,
    /// Bands of each.
    pub bands: usize,
    /// Their type.
    pub sample: Sample,
    /// The rasters, in the order they are painted: the last is on top.
    pub tiles: Vec<Tile>,
    /// Paths that are not in it, and why.
    pub left_out: Vec<(String, String)>,
    /// How many had to be opened to know where they lie.
    pub placed_by_header: usize,
    /// Why the listing it is made of does not hold all that match.
    pub truncated: Option<String>,
}

/// Makes a mosaic of a listing.
///
/// # Errors
/// Where the rasters turn out to stand in several coordinate reference systems and none is named, or there are
/// none of the named one, or headers cannot be read.
pub fn of_listing(
    source: &Arc<Source>,
    selection: &Selection,
    view: &View,
    wanted: &Wanted,
) -> Result<Mosaic, Error> {
    let feed = source.whole_listing(selection)?;
    let mut candidates = Vec::new();
    feed.each(|row| {
        let item = source.item_of(selection, row)?;
        let mut files = asset_files(&item).into_iter();
        let file = files.find(|(name, asset)| asset.key == wanted.key && view.shows(&asset.key, name));
        if let Some((name, asset)) = file.filter(|(_, asset)| is_raster(asset)) {
            let path = format!("{}/{name}", row.name());
            candidates.push(Candidate::new(source, &item, &asset, path));
        }
        Ok(())
    })?;
    let sorted = sort(source, &candidates)?;
    let mut groups: BTreeMap<Crs, Vec<Tile>> = BTreeMap::new();
    for tile in sorted.tiles {
        groups.entry(tile.crs.clone()).or_default().push(tile);
    }
    let labels: Vec<String> = groups.keys().map(Crs::label).collect();
    let mut fitting = groups.into_iter().filter(|(crs, _)| match &wanted.label {
        Some(label) => crs.label() == *label,
        None => true,
    });
    let Some((crs, tiles)) = fitting.next() else { return Err(nothing(&wanted.key, &sorted.left_out)) };
    if fitting.next().is_some() {
        return Err(several_systems(&wanted.key, &labels));
    }
    let truncated = match feed.end() {
        Some(End::Cut(why)) => Some(why),
        Some(End::All) | None => None,
    };
    let order = if selection.sortby.is_empty() { Order::NewestOnTop } else { Order::AsListed };
    let mosaic = Mosaic::of(crs, tiles, order)?;
    let left_out = [sorted.left_out, mosaic.left_out].concat();
    Ok(Mosaic { left_out, truncated, placed_by_header: sorted.placed_by_header, ..mosaic })
}

fn nothing(key: &str, left_out: &[(String, String)]) -> Error {
    let why = left_out.first().map(|(path, why)| format!(": {path}: {why}")).unwrap_or_default();
    Error::Invalid(format!("no raster of {key} can be part of a mosaic{why}"))
}

/// What is on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// What was taken last; of equal times, what is listed first.
    NewestOnTop,
    /// What is listed first.
    AsListed,
}

impl Mosaic {
    /// Tiles of one coordinate reference system, in the order of a listing, as one. What differs from most in
    /// bands or type is left out.
    pub fn of(crs: Crs, tiles: Vec<Tile>, order: Order) -> Result<Mosaic, Error> {
        let mut kinds: Vec<((usize, Sample), usize)> = Vec::new();
        for tile in &tiles {
            let kind = (tile.bands, tile.sample);
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += 1,
                None => kinds.push((kind, 1)),
            }
        }
        // The first of the most frequent.
        let most = kinds.iter().rev().max_by_key(|(_, count)| *count);
        let (bands, sample) = most.map(|(kind, _)| *kind).ok_or_else(|| nothing("this", &[]))?;
        let (mut tiles, others): (Vec<Tile>, Vec<Tile>) =
            tiles.into_iter().partition(|tile| (tile.bands, tile.sample) == (bands, sample));
        let left_out = others.into_iter().map(|tile| {
            let why = format!("it has {} bands of {}", tile.bands, tile.sample.gdal());
            (tile.path, format!("{why}, most have {bands} of {}", sample.gdal()))
        });
        let left_out = left_out.collect();
        tiles.reverse();
        if order == Order::NewestOnTop {
            tiles.sort_by_key(|tile| tile.time);
        }
        let grid = around(&tiles).ok_or_else(|| Error::Invalid("the mosaic would be too large".into()))?;
        Ok(Mosaic { crs, grid, bands, sample, tiles, left_out, placed_by_header: 0, truncated: None })
    }
}

/// The grid of all tiles: their outline, in the smallest of their pixels.
fn around(tiles: &[Tile]) -> Option<Grid> {
    let least = |of: fn(&Tile) -> f64| tiles.iter().map(of).reduce(f64::min);
    let most = |of: fn(&Tile) -> f64| tiles.iter().map(of).reduce(f64::max);
    let (across, down) = (least(|tile| tile.grid.pixel()[0])?, least(|tile| tile.grid.pixel()[1])?);
    let (west, south) = (least(|tile| tile.grid.bounds()[0])?, least(|tile| tile.grid.bounds()[1])?);
    let (east, north) = (most(|tile| tile.grid.bounds()[2])?, most(|tile| tile.grid.bounds()[3])?);
    let pixels = |length: f64, pixel: f64| {
        let count = (length / pixel).round();
        (1.0..=f64::from(i32::MAX)).contains(&count).then_some(count as u32)
    };
    let (width, height) = (pixels(east - west, across)?, pixels(north - south, down)?);
    Grid { width, height, transform: [west, across, 0.0, north, 0.0, -down] }.sound()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(path: &str, day: Option<&str>, west: f64, pixel: f64, sample: Sample) -> Tile {
        let time = day.map(|day| format!("{day}T00:00:00Z").parse().unwrap());
        let grid = Grid { width: 10, height: 10, transform: [west, pixel, 0.0, 100.0, 0.0, -pixel] };
        Tile {
            path: path.into(),
            time,
            crs: Crs::epsg(32632),
            grid,
            bands: 1,
            sample,
            nodata: None,
            scale: None,
            is_rgb: false,
        }
    }

    fn paths(mosaic: &Mosaic) -> Vec<&str> {
        mosaic.tiles.iter().map(|tile| tile.path.as_str()).collect()
    }

    #[test]
    fn the_newest_is_painted_last() {
        let tiles = vec![
            tile("old", Some("2020-01-01"), 0.0, 10.0, Sample::U8),
            tile("new", Some("2024-01-01"), 50.0, 10.0, Sample::U8),
            tile("new too", Some("2024-01-01"), 50.0, 10.0, Sample::U8),
            tile("undated", None, 50.0, 10.0, Sample::U8),
        ];
        let newest = Mosaic::of(Crs::epsg(32632), tiles.clone(), Order::NewestOnTop).unwrap();
        assert_eq!(paths(&newest), ["undated", "old", "new too", "new"]);
        let listed = Mosaic::of(Crs::epsg(32632), tiles, Order::AsListed).unwrap();
        assert_eq!(paths(&listed), ["undated", "new too", "new", "old"]);
        assert_eq!((listed.grid.width, listed.grid.height), (15, 10));
        assert_eq!(listed.grid.bounds(), [0.0, 0.0, 150.0, 100.0]);
    }

    #[test]
    fn the_finest_pixel_counts_and_another_type_is_left_out() {
        let tiles = vec![
            tile("fine", None, 0.0, 5.0, Sample::U16),
            tile("coarse", None, 0.0, 10.0, Sample::U16),
            tile("other", None, 0.0, 1.0, Sample::F32),
        ];
        let mosaic = Mosaic::of(Crs::epsg(32632), tiles, Order::AsListed).unwrap();
        assert_eq!((mosaic.grid.width, mosaic.grid.height), (20, 20));
        assert_eq!(paths(&mosaic), ["coarse", "fine"]);
        assert_eq!(mosaic.left_out[0].1, "it has 1 bands of Float32, most have 1 of UInt16");
    }

    #[test]
    fn what_would_be_too_large_is_refused() {
        let tiles = vec![tile("a", None, 0.0, 1.0, Sample::U8), tile("b", None, 1e12, 1.0, Sample::U8)];
        assert!(Mosaic::of(Crs::epsg(32632), tiles, Order::AsListed).is_err());
        assert!(Mosaic::of(Crs::epsg(32632), Vec::new(), Order::AsListed).is_err());
    }
}
