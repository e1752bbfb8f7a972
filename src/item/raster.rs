//! Rasters as metadata declares them: the projection and raster extensions, in every version seen.
//!
//! What does not fit together is left out: whoever needs it reads the file's header.

mod crs;
mod grid;
mod pixels;

pub use crs::Crs;
pub use grid::Grid;
pub use pixels::{Pixels, Sample};

use serde_json::Value;

use super::{Asset, Item};

/// What an item says of one of its rasters; `None` where it says nothing, or contradicts itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// The coordinate reference system.
    pub crs: Option<Crs>,
    /// Size and place.
    pub grid: Option<Grid>,
    /// Bands, their type and their nodata value.
    pub pixels: Pixels,
}

impl Declared {
    /// What is declared of an asset: by itself, else by its item.
    pub fn of(item: &Item, asset: &Asset) -> Declared {
        let field = |key: &str| asset.fields.get(key).filter(|v| !v.is_null()).or_else(|| item.property(key));
        Declared { crs: Crs::declared(field), grid: grid(asset, field), pixels: Pixels::declared(asset) }
    }
}

/// Whether an asset is a raster with a place on a map, as far as can be told without opening it: a thumbnail is
/// none.
pub fn is_raster(asset: &Asset) -> bool {
    const KINDS: [&str; 5] =
        ["image/tiff", "image/vnd.stac.geotiff", "image/jp2", "image/x.geotiff", "image/geotiff"];
    let essence = asset.media_type().map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let path = asset.href().unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
    let ends = |ending: &str| path.to_ascii_lowercase().ends_with(ending);
    let by_kind = match essence {
        Some(kind) => KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind)),
        None => [".tif", ".tiff", ".jp2"].into_iter().any(ends),
    };
    let by_place = ["proj:transform", "proj:shape"].iter().all(|key| asset.fields.contains_key(*key));
    asset.href().is_some() && (by_kind || by_place) && !asset.roles().contains(&"thumbnail")
}

/// Size and place, where what is said of them agrees.
fn grid<'a>(asset: &'a Asset, field: impl Fn(&str) -> Option<&'a Value>) -> Option<Grid> {
    let (height, width) = match numbers(field("proj:shape")?)?[..] {
        [height, width] => (whole(height)?, whole(width)?),
        _ => return None,
    };
    let bbox = match field("proj:bbox").map(numbers) {
        None => None,
        Some(Some(bbox)) => match bbox[..] {
            [west, south, east, north] | [west, south, _, east, north, _] => Some([west, south, east, north]),
            _ => return None,
        },
        Some(None) => return None,
    };
    let grid = match (field("proj:transform"), bbox) {
        (Some(transform), _) => Grid::declared(width, height, &numbers(transform)?)?,
        (None, Some(bbox)) => Grid::within(width, height, bbox)?,
        (None, None) => return None,
    };
    let resolution = asset
        .fields
        .get("raster:spatial_resolution")
        .or_else(|| asset.fields.get("raster:bands")?.get(0)?.get("spatial_resolution"))
        .and_then(Value::as_f64);
    // A shape of the item's need not be this asset's. Degrees are not compared with metres.
    let pixel = grid.pixel()[0];
    let alike = resolution.is_none_or(|metres| pixel < 0.01 || (metres / pixel - 1.0).abs() < 0.05);
    (alike && bbox.is_none_or(|bbox| grid.agrees_with(bbox))).then_some(grid)
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

fn whole(number: f64) -> Option<u32> {
    (number.fract() == 0.0 && (1.0..=f64::from(i32::MAX)).contains(&number)).then_some(number as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn declared(properties: Value, asset: Value) -> Declared {
        let item = json!({"type": "Feature", "id": "i", "properties": properties, "assets": {"a": asset}});
        let item = Item::from_json(&item.to_string()).unwrap();
        Declared::of(&item, &item.assets()[0])
    }

    #[test]
    fn a_band_of_sentinel_2_is_known_without_its_file() {
        let band = declared(
            json!({"proj:epsg": 32720}),
            json!({
                "proj:shape": [5490, 5490], "proj:transform": [20, 0, 600000, 0, -20, 3300040],
                "raster:bands": [{"data_type": "uint16", "nodata": 0, "spatial_resolution": 20}],
            }),
        );
        assert_eq!(band.crs.unwrap().text(), "EPSG:32720");
        let grid = band.grid.unwrap();
        assert_eq!(grid.transform, [600000.0, 20.0, 0.0, 3300040.0, 0.0, -20.0]);
        assert_eq!(grid.bounds(), [600000.0, 3190240.0, 709800.0, 3300040.0]);
        assert_eq!(
            (band.pixels.bands, band.pixels.sample, band.pixels.nodata),
            (Some(1), Some(Sample::U16), Some(0.0))
        );
    }

    #[test]
    fn what_contradicts_itself_is_left_out() {
        let utm = |more: Value| {
            let mut properties = json!({
                "proj:code": "EPSG:32632", "proj:shape": [100, 200], "proj:transform": [30, 0, 0, 0, -30, 3000],
            });
            properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            properties
        };
        assert!(declared(utm(json!({})), json!({})).grid.is_some());
        assert!(declared(utm(json!({"proj:bbox": [0, 0, 6000, 3000]})), json!({})).grid.is_some());
        for bad in [
            json!({"proj:bbox": [9.0, 53.0, 9.1, 53.1]}),
            json!({"proj:bbox": "far"}),
            json!({"proj:shape": [100]}),
            json!({"proj:shape": [0, 200]}),
            json!({"proj:transform": [0, 0, 0, 0, 0, 0]}),
            json!({"proj:transform": [30, 0]}),
        ] {
            assert_eq!(declared(utm(bad.clone()), json!({})).grid, None, "{bad}");
        }
        // The item's shape is that of another resolution.
        let pan = json!({"raster:bands": [{"spatial_resolution": 15}]});
        assert_eq!(declared(utm(json!({})), pan).grid, None);
    }

    #[test]
    fn a_box_and_a_shape_are_enough() {
        let grid = declared(json!({"proj:shape": [10, 20], "proj:bbox": [0, 0, 40, 20]}), json!({})).grid;
        assert_eq!(grid.unwrap().transform, [0.0, 2.0, 0.0, 20.0, 0.0, -2.0]);
    }

    #[test]
    fn kaguya_has_its_box_in_degrees_and_its_transform_in_another_order() {
        let real = json!({
            "proj:epsg": null, "proj:wkt2": "PROJCRS[\"Moon\",ID[\"IAU\",30115,2015]]", "proj:shape": [3191, 3278],
            "proj:transform": [3716779.764603, 7.6079177890965, 0, 250498.30112379, 0, -7.6079177890965],
            "proj:bbox": [-57.428, 7.46, -56.605, 8.26],
        });
        let image = declared(real.clone(), json!({}));
        assert_eq!((image.grid, image.crs.unwrap().label()), (None, "IAU-30115".into()));
        let mut honest = real;
        honest.as_object_mut().unwrap().remove("proj:bbox");
        assert_eq!(declared(honest, json!({})).grid.unwrap().transform[0], 3716779.764603);
    }

    #[test]
    fn thumbnails_and_labels_are_no_rasters() {
        let is = |fields: Value| {
            is_raster(&Asset { key: "a".into(), fields: fields.as_object().unwrap().clone() })
        };
        assert!(is(json!({"href": "a.tif"})) && is(json!({"href": "a", "type": "image/tiff; profile=cog"})));
        assert!(is(json!({"href": "a.JP2?x=1"})));
        assert!(is(json!({"href": "a.nc", "type": "x", "proj:shape": [1, 1], "proj:transform": [1]})));
        assert!(!is(json!({"href": "a.jpg", "type": "image/jpeg"})) && !is(json!({"type": "image/tiff"})));
        assert!(!is(json!({"href": "a.tif", "roles": ["thumbnail"]})));
    }
}
