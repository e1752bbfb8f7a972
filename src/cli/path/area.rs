//! Shapes for `intersects=`: WKT stands in the path itself, GeoJSON is kept as an area of interest.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use geo::{BoundingRect, Geometry};
use serde_json::Value;
use wkt::ToWkt;

use super::text_of;
use crate::cli::Failure;
use crate::query::{Areas, Predicate, Segment};

/// WKT up to this length, in bytes, stands in the path itself: a segment has 1,024, and some signs take three.
const LONGEST: usize = 600;

/// A shape, and how a path spells it.
pub(super) enum Shape {
    /// WKT.
    Written(String),
    /// An area of interest: its name and its GeoJSON.
    Named(String, String, Value),
}

impl Shape {
    /// Reads a shape: WKT, GeoJSON, or a file of it, which gives its name where `name` does not.
    ///
    /// # Errors
    /// Where it is none of these.
    pub(super) fn read(text: &str, name: Option<&str>) -> Result<Shape, Failure> {
        let is_json = text.trim_start().starts_with('{');
        if !is_json && text.contains('(') {
            return Ok(Shape::Written(text.to_owned()));
        }
        let (json, own_name) = match is_json {
            true => (text.to_owned(), None),
            false => (text_of(Path::new(text))?, Path::new(text).file_stem().and_then(|stem| stem.to_str())),
        };
        let wrong = |error: serde_json::Error| Failure::failed(format!("{text}: is no GeoJSON: {error}"));
        let value: Value = serde_json::from_str(&json).map_err(wrong)?;
        let Some(name) = name.or(own_name) else {
            return written(value).map(Shape::Written).ok_or_else(|| {
                Failure::Usage(
                    "this shape has no place in a path: say with --name how it is to be kept as an area of interest"
                        .to_owned(),
                )
            });
        };
        Ok(Shape::Named(name.to_owned(), json, value))
    }

    /// What stands behind `intersects=`.
    pub(super) fn spelling(&self) -> &str {
        match self {
            Shape::Written(text) => text,
            Shape::Named(name, ..) => name,
        }
    }

    /// Keeps it in the folder of areas, and says on stderr where it lies. One of the same name that is another
    /// shape is left alone.
    ///
    /// # Errors
    /// Where that cannot be.
    pub(super) fn keep(&self, folder: &Path) -> Result<(), Failure> {
        let Shape::Named(name, json, _) = self else { return Ok(()) };
        let file = folder.join(format!("{name}.geojson"));
        let shown = file.display();
        let failed = |error: std::io::Error| Failure::failed(format!("{shown}: cannot be written: {error}"));
        match std::fs::read_to_string(&file) {
            Ok(there) if there == *json => {}
            Ok(_) => {
                return Err(Failure::failed(format!(
                    "{shown} is another shape already; choose another name with --name"
                )));
            }
            Err(_) => {
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
                std::fs::write(&file, json).map_err(failed)?;
            }
        }
        eprintln!(
            "stacfs: {shown}{}",
            self.bounds().map(|bounds| format!(" lies within {bounds}")).unwrap_or_default()
        );
        Ok(())
    }

    /// West, south, east, north.
    fn bounds(&self) -> Option<String> {
        let Ok(Segment::Predicate(Predicate::Intersects(area))) =
            Segment::parse(&format!("intersects={}", self.spelling()), self)
        else {
            return None;
        };
        let around = geometry(area.geometry)?.bounding_rect()?;
        let (low, high) = (around.min(), around.max());
        Some(format!("{},{},{},{}", low.x, low.y, high.x, high.y))
    }
}

/// A GeoJSON geometry, or that of a feature, as WKT; `None` where it is none, or too long for a path.
fn written(json: Value) -> Option<String> {
    let json = json.get("geometry").cloned().unwrap_or(json);
    let text = geometry(json)?.wkt_string();
    (text.len() <= LONGEST).then_some(text)
}

fn geometry(json: Value) -> Option<Geometry> {
    let geometry: geojson::Geometry = serde_json::from_value(json).ok()?;
    geometry.try_into().ok()
}

impl Areas for Shape {
    fn area(&self, name: &str) -> Result<Option<Value>, String> {
        match self {
            Shape::Named(own, _, value) if own == name => Ok(Some(value.clone())),
            _ => Ok(None),
        }
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
