//! The pictures of the embedded world and the files they are served in.
//!
//! In: nothing but fixed seeds. Out: [`Cog`], a cloud-optimised GeoTIFF as random-access bytes, and JPEG
//! thumbnails, of landscapes that are synthesised where they are looked at:
//!
//! - [`moon`]: craters and maria, for any place and scale;
//! - [`earth`]: fields, rivers, towns and a coast, seen by an optical instrument on a given day;
//! - [`relief`]: mountains, as heights.
//!
//! A [`Picture`] is endless and knows no files. Scenes cut windows out of it, and scenes of the same picture
//! join seamlessly, because a pixel depends on nothing but its place.

mod cog;
pub mod earth;
mod geokeys;
mod ifd;
mod lattice;
pub mod moon;
mod noise;
mod preview;
pub mod relief;

pub use cog::{Cog, Compression, Sample, Spec};
pub use geokeys::{Crs, Georeference, MOON_RADIUS};
pub use preview::Preview;

/// A rectangle of pixels on the grid of a picture, reduced by a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The reduction: a pixel here covers 2^level × 2^level pixels of the full grid.
    pub level: u32,
    /// The leftmost column, in reduced pixels.
    pub x: i64,
    /// The topmost row, in reduced pixels; rows count southwards.
    pub y: i64,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Window {
    /// How many pixels are in it.
    pub fn pixels(&self) -> usize {
        self.width * self.height
    }
}

/// An endless picture, the same at every look.
pub trait Picture: Send + Sync {
    /// The values in `window`, row by row, the bands of a pixel side by side. NaN is where nothing was seen.
    fn paint(&self, window: Window) -> Vec<f32>;
}
