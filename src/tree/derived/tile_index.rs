//! Mosaics as GDAL's tile indexes (GTI, since GDAL 3.9): for thousands of rasters.

use std::path::Path;

use serde_json::{Value, json};

use super::mosaic::Mosaic;
use super::vrt::{metadata, number};
use super::writing::{Writing, xml};
use crate::tree::Error;
use crate::tree::generated::Written;

/// The field of a tile's path.
const LOCATION: &str = "location";
/// The field that tells what is on top.
const ORDER: &str = "order";

/// Writes a mosaic; `up` leads from the index's directory to the one that lists the items.
///
/// The outlines stand in the file itself, as GeoJSON that GDAL reads in place of a file's name: a name would be
/// relative to wherever the program was started (GDAL 3.9 to 3.11).
pub fn write(mosaic: &Mosaic, up: &str, folder: &Path) -> Result<Written, Error> {
    let mut text = Writing::begin(folder)?;
    text.add(format_args!("<GDALTileIndexDataset>\n  <IndexDataset>"));
    outlines(&mut text, mosaic, up);
    let [west, south, east, north] = mosaic.grid.bounds();
    let [across, down] = mosaic.grid.pixel();
    // GDAL rounds up to whole pixels: what is too much by a rounding error would add one.
    let (east, south) = (east - across * 1e-4, south + down * 1e-4);
    text.add(format_args!(
        "</IndexDataset>\n  \
         <LocationField>{LOCATION}</LocationField>\n  <SortField>{ORDER}</SortField>\n  \
         <SortFieldAsc>true</SortFieldAsc>\n  <SRS>{}</SRS>\n  <ResX>{across}</ResX>\n  <ResY>{down}</ResY>\n  \
         <MinX>{west}</MinX>\n  <MinY>{south}</MinY>\n  <MaxX>{east}</MaxX>\n  <MaxY>{north}</MaxY>\n  \
         <BandCount>{}</BandCount>\n  <DataType>{}</DataType>\n",
        xml(mosaic.crs.text()),
        mosaic.bands,
        mosaic.sample.gdal(),
    ));
    if let Some(nodata) = mosaic.tiles.last().and_then(|tile| tile.nodata) {
        text.add(format_args!("  <NoDataValue>{}</NoDataValue>\n", number(nodata)));
    }
    metadata(&mut text, mosaic);
    text.add(format_args!("</GDALTileIndexDataset>\n"));
    text.end()
}

/// An outline per raster, in the mosaic's own coordinates, as GeoJSON.
fn outlines(text: &mut Writing, mosaic: &Mosaic, up: &str) {
    let system = match mosaic.crs.text().strip_prefix("EPSG:") {
        Some(code) => {
            let name = format!("urn:ogc:def:crs:EPSG::{code}");
            format!("\"crs\":{},", json!({"type": "name", "properties": {"name": name}}))
        }
        None => String::new(),
    };
    text.add(format_args!("{}", xml(&format!("{{\"type\":\"FeatureCollection\",{system}\"features\":["))));
    for (order, tile) in mosaic.tiles.iter().enumerate() {
        let [w, s, e, n] = tile.grid.bounds();
        let outline = json!([[[w, s], [e, s], [e, n], [w, n], [w, s]]]);
        let feature = json!({
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": outline},
            "properties": {
                LOCATION: format!("{up}{}", tile.path),
                ORDER: order,
                "datetime": tile.time.map_or(Value::Null, |time| time.to_string().into()),
            },
        });
        let comma = if order == 0 { "\n" } else { ",\n" };
        text.add(format_args!("{comma}{}", xml(&feature.to_string())));
    }
    text.add(format_args!("\n]}}"));
}
