//! Mosaics and stacks as GDAL's virtual rasters.
//!
//! Each source tells its size and type, so that opening the VRT opens none of them, and a window opens only those
//! it touches.

use std::path::Path;

use super::mosaic::Mosaic;
use super::tile::Tile;
use super::writing::{Writing, xml};
use crate::item::raster::{Crs, Grid};
use crate::tree::Error;
use crate::tree::generated::Written;

/// Paths that are left out and told of one by one.
const TOLD: usize = 20;

/// Writes a mosaic; `up` leads from the VRT's directory to the one that lists the items.
pub fn write(mosaic: &Mosaic, up: &str, folder: &Path) -> Result<Written, Error> {
    let mut text = Writing::begin(folder)?;
    head(&mut text, &mosaic.crs, &mosaic.grid);
    metadata(&mut text, mosaic);
    for band in 1..=mosaic.bands {
        // The one on top speaks for all.
        if let Some(top) = mosaic.tiles.last() {
            begin_band(&mut text, top, band, None);
        }
        for tile in &mosaic.tiles {
            source(&mut text, &mosaic.grid, tile, up, band);
        }
        text.add(format_args!("  </VRTRasterBand>\n"));
    }
    text.add(format_args!("</VRTDataset>\n"));
    text.end()
}

/// Writes the bands of an item, each a raster of its own on the same grid, with the names they get.
pub fn write_stack(bands: &[(String, Tile)], folder: &Path) -> Result<Written, Error> {
    let mut text = Writing::begin(folder)?;
    if let Some((_, first)) = bands.first() {
        head(&mut text, &first.crs, &first.grid);
    }
    for (number, (name, tile)) in (1..).zip(bands) {
        begin_band(&mut text, tile, number, Some(name));
        source(&mut text, &tile.grid, tile, "", 1);
        text.add(format_args!("  </VRTRasterBand>\n"));
    }
    text.add(format_args!("</VRTDataset>\n"));
    text.end()
}

fn head(text: &mut Writing, crs: &Crs, grid: &Grid) {
    let [a, b, c, d, e, f] = grid.transform;
    text.add(format_args!(
        "<VRTDataset rasterXSize=\"{}\" rasterYSize=\"{}\">\n  <SRS>{}</SRS>\n  \
         <GeoTransform>{a}, {b}, {c}, {d}, {e}, {f}</GeoTransform>\n",
        grid.width,
        grid.height,
        xml(crs.text())
    ));
}

/// What the mosaic is made of, in words, as `gdalinfo` shows it.
pub fn metadata(text: &mut Writing, mosaic: &Mosaic) {
    text.add(format_args!("  <Metadata>\n"));
    let mut say = |key: &str, words: &str| {
        text.add(format_args!("    <MDI key=\"{key}\">{}</MDI>\n", xml(words)));
    };
    say("STACFS_RASTERS", &mosaic.tiles.len().to_string());
    if mosaic.placed_by_header > 0 {
        let words = format!("{}: their metadata do not tell where they lie", mosaic.placed_by_header);
        say("STACFS_HEADERS_READ", &words);
    }
    if !mosaic.left_out.is_empty() {
        let told: Vec<String> =
            mosaic.left_out.iter().take(TOLD).map(|(path, why)| format!("{path}: {why}")).collect();
        say("STACFS_LEFT_OUT", &format!("{}: {}", mosaic.left_out.len(), told.join("; ")));
    }
    if let Some(why) = &mosaic.truncated {
        say("STACFS_TRUNCATED", why);
    }
    text.add(format_args!("  </Metadata>\n"));
}

fn begin_band(text: &mut Writing, tile: &Tile, band: usize, name: Option<&str>) {
    text.add(format_args!("  <VRTRasterBand dataType=\"{}\" band=\"{band}\">\n", tile.sample.gdal()));
    if let Some(name) = name {
        text.add(format_args!("    <Description>{}</Description>\n", xml(name)));
    }
    if let Some(nodata) = tile.nodata {
        text.add(format_args!("    <NoDataValue>{}</NoDataValue>\n", number(nodata)));
    }
    let colour = match band {
        1 if tile.is_rgb => Some("Red"),
        2 if tile.is_rgb => Some("Green"),
        3 if tile.is_rgb => Some("Blue"),
        1 => Some("Gray"),
        _ => None,
    };
    if let Some(colour) = colour {
        text.add(format_args!("    <ColorInterp>{colour}</ColorInterp>\n"));
    }
    if let Some((scale, offset)) = tile.scale {
        text.add(format_args!("    <Offset>{offset}</Offset>\n    <Scale>{scale}</Scale>\n"));
    }
}

/// One raster in a band of a grid.
fn source(text: &mut Writing, grid: &Grid, tile: &Tile, up: &str, band: usize) {
    let kind = if tile.nodata.is_some() { "ComplexSource" } else { "SimpleSource" };
    let (width, height) = (tile.grid.width, tile.grid.height);
    let [across, down] = grid.pixel();
    let [west, _, _, north] = grid.bounds();
    let [tile_west, _, _, tile_north] = tile.grid.bounds();
    let [tile_across, tile_down] = tile.grid.pixel();
    text.add(format_args!(
        "    <{kind}>\n      <SourceFilename relativeToVRT=\"1\">{up}{path}</SourceFilename>\n      \
         <SourceBand>{band}</SourceBand>\n      \
         <SourceProperties RasterXSize=\"{width}\" RasterYSize=\"{height}\" DataType=\"{sample}\"/>\n      \
         <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{width}\" ySize=\"{height}\"/>\n      \
         <DstRect xOff=\"{x}\" yOff=\"{y}\" xSize=\"{dst_width}\" ySize=\"{dst_height}\"/>\n",
        path = xml(&tile.path),
        sample = tile.sample.gdal(),
        x = snapped((tile_west - west) / across),
        y = snapped((north - tile_north) / down),
        dst_width = snapped(f64::from(width) * tile_across / across),
        dst_height = snapped(f64::from(height) * tile_down / down),
    ));
    if let Some(nodata) = tile.nodata {
        text.add(format_args!("      <NODATA>{}</NODATA>\n", number(nodata)));
    }
    text.add(format_args!("    </{kind}>\n"));
}

/// A number of pixels, whole where only rounding keeps it from that.
fn snapped(pixels: f64) -> f64 {
    let whole = pixels.round();
    if (pixels - whole).abs() < 1e-6 { whole } else { pixels }
}

/// A number as GDAL writes it.
pub fn number(number: f64) -> String {
    if number.is_nan() { "nan".into() } else { number.to_string() }
}
