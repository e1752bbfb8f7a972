//! A river mouth with fields, towns and a coast, as an optical satellite sees it.
//!
//! The land is one and the same for every instrument, date and pixel size; the season colours it and clouds hide
//! it. Metres count from the origin, to the east and to the north.

use super::{Picture, Window};

mod land;
mod sky;
mod spectrum;

use land::{BLOCK, Cover};
use sky::{HIDDEN, Sky};
use spectrum::{CLOUD, Kind, Palette};

pub use spectrum::Wavelength;

/// What a file shows of a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Product {
    /// Reflectance at a wavelength, stored as (reflectance - offset) / scale.
    Band(Wavelength, f32, f32),
    /// Red, green and blue, brightened for the eye: 0 to 255.
    TrueColour,
    /// Sentinel-2's scene classification: 0 to 11.
    SceneClassification,
    /// Landsat's pixel quality bits.
    PixelQuality,
    /// Temperature of the surface, stored as (kelvin - offset) / scale.
    Temperature(f32, f32),
    /// A smooth field about this value: aerosol, water vapour and the like.
    Smooth(f32),
}

/// A scene: the land on a day, under a sky.
pub struct Scene {
    /// Metres of a pixel of the land that is looked at.
    pixel: u32,
    /// The part of the land that is covered, in such pixels.
    bounds: Window,
    /// Corners of what was seen, in such pixels, clockwise on a map; nothing is seen outside.
    corners: [(f64, f64); 4],
    palette: Palette,
    day: u32,
    sky: Sky,
}

/// The clouds of a day.
#[derive(Debug, Clone, Copy)]
pub struct Clouds {
    /// The window (unreduced) in which they hide `share`: scenes that name the same one have one sky.
    pub over: Window,
    /// How much of it they hide, 0 to 1.
    pub share: f32,
    /// What shapes them.
    pub seed: u32,
}

impl Scene {
    /// The scene of `bounds` (unreduced, in pixels of `pixel` metres from the origin) on a day of the year.
    pub fn new(pixel: u32, bounds: Window, day: u32, clouds: Clouds) -> Scene {
        let (west, north) = (bounds.x as f64, bounds.y as f64);
        let (east, south) = (west + bounds.width as f64, north + bounds.height as f64);
        // Clouds are large in a large picture.
        let sky = Sky::over(clouds.over, clouds.seed, clouds.over.width as f64 / 4.4, clouds.share);
        let corners = [(west, north), (east, north), (east, south), (west, south)];
        Scene { pixel, bounds, corners, palette: Palette::on(day), day, sky }
    }

    /// How much of the scene clouds hide, 0 to 1.
    pub fn cloud_cover(&self) -> f32 {
        self.sky.cover(self.bounds)
    }

    /// The same scene, seen between these corners only: pixels of the land, clockwise on a map.
    pub fn between(self, corners: [(f64, f64); 4]) -> Scene {
        Scene { corners, ..self }
    }

    fn seen(&self, x: i64, y: i64) -> bool {
        let at = (x as f64 + 0.5, y as f64 + 0.5);
        (0..4).all(|n| {
            let ((ax, ay), (bx, by)) = (self.corners[n], self.corners[(n + 1) % 4]);
            (bx - ax) * (at.1 - ay) - (by - ay) * (at.0 - ax) >= 0.0
        })
    }

    /// The land in an unreduced window.
    fn cover(&self, window: Window) -> Vec<Cover> {
        let mut cover = Vec::with_capacity(window.pixels());
        for y in window.y..window.y + window.height as i64 {
            let mut x = window.x;
            let end = window.x + window.width as i64;
            while x < end {
                let (column, row) = (x.div_euclid(BLOCK), y.div_euclid(BLOCK));
                let block = land::block(self.pixel, column, row);
                let from = y.rem_euclid(BLOCK) * BLOCK + x.rem_euclid(BLOCK);
                let count = (end - x).min(BLOCK - x.rem_euclid(BLOCK));
                cover.extend_from_slice(&block[from as usize..(from + count) as usize]);
                x += count;
            }
        }
        cover
    }

    /// A file of this scene, in pixels `factor` times as large as those of the land.
    pub fn view(self: std::sync::Arc<Self>, product: Product, factor: u32) -> View {
        View { scene: self, product, factor }
    }
}

/// One file's picture of a scene.
pub struct View {
    scene: std::sync::Arc<Scene>,
    product: Product,
    factor: u32,
}

/// A pixel of the land with the sky above it.
struct Sight {
    cover: Cover,
    cloud: f32,
    shadow: f32,
    seen: bool,
}

impl View {
    fn bands(&self) -> usize {
        if self.product == Product::TrueColour { 3 } else { 1 }
    }

    /// Light that comes back at a wavelength.
    fn reflectance(&self, sight: &Sight, wavelength: Wavelength) -> f32 {
        let band = wavelength as usize;
        let ground = self.scene.palette.of(sight.cover.kind)[band] * f32::from(sight.cover.tone) / 128.0;
        let lit = ground * (1.0 - 0.62 * sight.shadow * (1.0 - sight.cloud));
        lit + (CLOUD[band] * (0.74 + 0.26 * sight.cloud) - lit) * (1.6 * sight.cloud).min(1.0)
    }

    /// Adds up what a pixel of the land gives to the values of a pixel of the file.
    fn add(&self, sight: &Sight, values: &mut [f32]) {
        match self.product {
            Product::Band(wavelength, scale, offset) => {
                values[0] += (self.reflectance(sight, wavelength) - offset) / scale;
            }
            Product::TrueColour => {
                for (value, band) in
                    values.iter_mut().zip([Wavelength::Red, Wavelength::Green, Wavelength::Blue])
                {
                    *value += visible(self.reflectance(sight, band));
                }
            }
            Product::SceneClassification => values[0] = classified(sight, &self.scene.palette),
            Product::PixelQuality => values[0] = quality(sight),
            Product::Temperature(scale, offset) => {
                let warm = season_warmth(self.scene.day);
                let ground = match sight.cover.kind {
                    Kind::Roof | Kind::Hall | Kind::Asphalt => 303.0,
                    kind if kind.wet() => 289.0,
                    Kind::Broadleaf | Kind::Conifer => 292.0,
                    _ => 297.0,
                };
                let kelvin = ground - 22.0 * (1.0 - warm) - 4.0 * sight.shadow;
                values[0] += (kelvin + (262.0 - kelvin) * sight.cloud - offset) / scale;
            }
            Product::Smooth(mean) => values[0] += mean * (0.8 + 0.4 * sight.cloud),
        }
    }

    /// Whether values are averaged; codes are taken from one pixel.
    fn blends(&self) -> bool {
        !matches!(self.product, Product::SceneClassification | Product::PixelQuality)
    }
}

/// From 0 in the middle of January to 1 in the middle of July.
fn season_warmth(day: u32) -> f32 {
    let from_july = (day as f32 - 196.0).abs().min(366.0 - (day as f32 - 196.0).abs());
    (1.0 - from_july / 183.0).clamp(0.0, 1.0)
}

/// A reflectance as the eye likes it: bright and a little soft in the lights.
fn visible(reflectance: f32) -> f32 {
    let v = 4.6 * reflectance;
    255.0 * v / (1.0 + 0.98 * v * v).sqrt()
}

/// Sentinel-2's class of a pixel.
fn classified(sight: &Sight, palette: &Palette) -> f32 {
    let spectrum = palette.of(sight.cover.kind);
    let (red, nir) = (spectrum[Wavelength::Red as usize], spectrum[Wavelength::Nir as usize]);
    match sight {
        Sight { cloud: 0.6.., .. } => 9.0,
        Sight { cloud: HIDDEN.., .. } => 8.0,
        Sight { cloud: 0.1.., .. } => 10.0,
        Sight { shadow: HIDDEN.., .. } => 3.0,
        Sight { cover, .. } if cover.kind.wet() => 6.0,
        _ if nir - red > 0.45 * (nir + red) => 4.0,
        _ => 5.0,
    }
}

/// Landsat's QA_PIXEL: bit 3 cloud, 4 cloud shadow, 6 clear, 7 water, and the confidences of clouds and shadows.
fn quality(sight: &Sight) -> f32 {
    let (cloud, shadow) = (sight.cloud > HIDDEN, sight.shadow > HIDDEN);
    let level = |high: bool| if high { 3 } else { 1 };
    let bits = u16::from(cloud) << 3
        | u16::from(shadow && !cloud) << 4
        | u16::from(!cloud && !shadow) << 6
        | u16::from(sight.cover.kind.wet()) << 7
        | level(cloud) << 8
        | level(shadow) << 10
        | 1 << 12
        | 1 << 14;
    f32::from(bits)
}

impl Picture for View {
    fn paint(&self, window: Window) -> Vec<f32> {
        let side = i64::from(self.factor) << window.level;
        // What a tile has beyond the scene is padding that nobody looks at.
        let bounds = self.scene.bounds;
        let clip = |from: i64, count: usize, first: i64, length: usize| {
            let begin = (from * side).max(first);
            let end = ((from + count as i64) * side).min(first + length as i64);
            (begin, (end - begin).max(0) as usize)
        };
        let (x, width) = clip(window.x, window.width, bounds.x, bounds.width);
        let (y, height) = clip(window.y, window.height, bounds.y, bounds.height);
        let source = Window { level: 0, x, y, width, height };
        let bands = self.bands();
        let mut values = vec![0.0; window.pixels() * bands];
        let mut counts = vec![0u32; window.pixels()];
        let cover = self.scene.cover(source);
        let (clouds, shadows) = (self.scene.sky.clouds(source), self.scene.sky.shadows(source));
        for (n, cover) in cover.into_iter().enumerate() {
            let (column, row) = (x + (n % width) as i64, y + (n / width) as i64);
            let sight =
                Sight { cover, cloud: clouds[n], shadow: shadows[n], seen: self.scene.seen(column, row) };
            let place = (row.div_euclid(side) - window.y) as usize * window.width
                + (column.div_euclid(side) - window.x) as usize;
            if sight.seen && (self.blends() || counts[place] == 0) {
                self.add(&sight, &mut values[place * bands..(place + 1) * bands]);
                counts[place] += 1;
            }
        }
        for (pixel, count) in values.chunks_mut(bands).zip(counts) {
            let share = if count == 0 { f32::NAN } else { 1.0 / count as f32 };
            pixel.iter_mut().for_each(|value| *value *= share);
        }
        values
    }
}

#[cfg(test)]
mod tests;
