//! Browse images: what a scene looks like, as a JPEG.

use jpeg_encoder::{ColorType, Encoder};

use super::raster::Spot;
use crate::demo::usgs::scenes::Scene;

/// How large a browse image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 100 pixels wide.
    Thumbnail,
    /// 192 pixels wide.
    Browse,
    /// 256 pixels wide.
    Full,
}

impl Size {
    fn pixels(self) -> u16 {
        match self {
            Size::Thumbnail => 100,
            Size::Browse => 192,
            Size::Full => 256,
        }
    }
}

/// Pixels on a side of what is painted; a larger image is this one enlarged, as the scene itself has no more.
const PAINTED: u16 = 128;

/// A JPEG in natural colours, white where clouds are and black outside of the footprint.
pub fn browse(scene: &Scene<'_>, size: Size) -> Vec<u8> {
    let side = size.pixels();
    let times = (side / PAINTED).max(1);
    let painted = side / times;
    let mut pixels = Vec::with_capacity(usize::from(side) * usize::from(side) * 3);
    for y in 0..painted {
        let begin = pixels.len();
        for x in 0..painted {
            let at = |n: u16| (f64::from(n) + 0.5) / f64::from(painted);
            let spot = Spot::at(scene.acquisition, at(x), at(y));
            let colour = [4, 3, 2].map(|band| {
                let share = spot.map_or(0.0, |spot| spot.reflectance(band));
                (share.sqrt() * 255.0).round().clamp(0.0, 255.0) as u8
            });
            (0..times).for_each(|_| pixels.extend(colour));
        }
        let row = begin..pixels.len();
        (1..times).for_each(|_| pixels.extend_from_within(row.clone()));
    }
    let mut jpeg = Vec::new();
    match Encoder::new(&mut jpeg, 80).encode(&pixels, side, side, ColorType::Rgb) {
        Ok(()) => jpeg,
        Err(_) => Vec::new(), // a Vec takes all, and the sizes above are legal
    }
}
