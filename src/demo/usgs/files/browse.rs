//! Browse images: what a scene looks like, as a JPEG.

use jpeg_encoder::{ColorType, Encoder};

use super::raster::reflectance;
use crate::demo::usgs::scenes::Scene;

/// How large a browse image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 100 pixels wide.
    Thumbnail,
    /// 256 pixels wide.
    Browse,
    /// 384 pixels wide.
    Full,
}

impl Size {
    fn pixels(self) -> u16 {
        match self {
            Size::Thumbnail => 100,
            Size::Browse => 256,
            Size::Full => 384,
        }
    }
}

/// A JPEG in natural colours, white where clouds are and black outside of the footprint.
pub fn browse(scene: &Scene<'_>, size: Size) -> Vec<u8> {
    let side = size.pixels();
    let mut pixels = Vec::with_capacity(usize::from(side) * usize::from(side) * 3);
    for y in 0..side {
        for x in 0..side {
            let at = |n: u16| (f64::from(n) + 0.5) / f64::from(side);
            for band in [4, 3, 2] {
                let share = reflectance(scene.acquisition, band, at(x), at(y)).unwrap_or(0.0);
                pixels.push((share.sqrt() * 255.0).round().clamp(0.0, 255.0) as u8);
            }
        }
    }
    let mut jpeg = Vec::new();
    match Encoder::new(&mut jpeg, 80).encode(&pixels, side, side, ColorType::Rgb) {
        Ok(()) => jpeg,
        Err(_) => Vec::new(), // a Vec takes all, and the sizes above are legal
    }
}
