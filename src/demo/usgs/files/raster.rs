//! The pixels of a scene, and the GeoTIFF around them.

use std::sync::Arc;

use crate::demo::usgs::scenes::fields::utm_zone;
use crate::demo::usgs::scenes::{Acquisition, Scene, wrs};
use crate::demo::world::raster::{Cog, Compression, Crs, Georeference, Picture, Sample, Spec, Window};
use crate::demo::world::utm::Utm;

/// Pixels on a side.
const SIDE: u32 = 64;
/// Pixels on a side of a tile.
const TILE: u32 = SIDE / 2;
/// Metres on a side of a pixel, so that the whole footprint is seen.
const PIXEL: f64 = 3600.0;

/// What is seen at one spot, in all bands.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    ground: f64,
    /// How much of it a cloud hides, 0 to 1.
    cloud: f64,
}

impl Spot {
    /// The spot at shares `x` and `y` of the image's width and height from its upper left. `None` outside of the
    /// tilted footprint.
    pub fn at(seen: &Acquisition, x: f64, y: f64) -> Option<Spot> {
        let (across, down) = (x - 0.5, y - 0.5);
        let (sin, cos) = 12.0f64.to_radians().sin_cos();
        let (u, v) = (across * cos + down * sin, down * cos - across * sin);
        if u.abs() > 0.4 || v.abs() > 0.39 {
            return None;
        }
        let phase = f64::from(seen.path) * 1.7 + f64::from(seen.row) * 0.9;
        let ground = 0.16 + 0.06 * (u * 31.0 + phase).sin() * (v * 23.0 - phase).cos();
        let cover = seen.cloud.map_or(0.2, |hundredths| f64::from(hundredths) / 10_000.0);
        let day = f64::from(seen.date.day_of_year());
        let haze = 0.5 + 0.5 * (u * 11.0 + day).sin() * (v * 13.0 + day * 0.7).sin();
        Some(Spot { ground, cloud: ((cover - haze) * 4.0).clamp(0.0, 1.0) })
    }

    /// What part of the light it returns in a band, 0 to 1.
    pub fn reflectance(self, band: u32) -> f64 {
        let ground = self.ground + 0.01 * f64::from(band);
        ground + (0.85 - ground) * self.cloud
    }
}

/// What one acquisition shows, at full resolution and at each reduction: looked at once for all its bands.
pub struct Sight(Vec<Vec<Option<Spot>>>);

impl Sight {
    /// What `seen` shows.
    pub fn of(seen: &Acquisition) -> Arc<Sight> {
        let level = |level: u32| {
            let side = SIDE >> level;
            let share = |n: u32| (f64::from(n) + 0.5) / f64::from(side);
            let spots = (0..side * side).map(|n| Spot::at(seen, share(n % side), share(n / side)));
            spots.collect()
        };
        // A file is reduced until it fits into one tile.
        Arc::new(Sight((0..=(SIDE / TILE).ilog2()).map(level).collect()))
    }

    /// The spot of a pixel. `None` outside of the footprint.
    fn spot(&self, level: u32, column: i64, row: i64) -> Option<Spot> {
        let side = i64::from(SIDE >> level);
        let inside = (0..side).contains(&column) && (0..side).contains(&row);
        let place = inside.then(|| (row * side + column) as usize)?;
        *self.0.get(level as usize)?.get(place)?
    }
}

/// What a file shows: a band, or the mask that says what its pixels are.
struct Layer {
    sight: Arc<Sight>,
    band: u32,
    shows: Shows,
}

#[derive(Clone, Copy, PartialEq)]
enum Shows {
    /// Reflectance as Collection 2 scales it.
    Light,
    /// The bits of QA_PIXEL: fill, clear or cloud.
    Quality,
}

impl Layer {
    fn of(sight: &Arc<Sight>, name: &str) -> Layer {
        let digits = name.bytes().filter(u8::is_ascii_digit);
        let band = digits.fold(0, |n, digit| (n * 10 + u32::from(digit - b'0')) % 100);
        let quality = name.to_ascii_uppercase().contains("QA");
        let shows = if quality { Shows::Quality } else { Shows::Light };
        Layer { sight: Arc::clone(sight), band, shows }
    }

    /// The stored value of a spot.
    fn value(&self, spot: Option<Spot>) -> f32 {
        match (self.shows, spot.map(|spot| spot.reflectance(self.band))) {
            (Shows::Light, None) => 0.0,
            (Shows::Light, Some(share)) => (share * 36_363.0 + 7_273.0) as f32,
            (Shows::Quality, None) => 1.0,
            (Shows::Quality, Some(share)) if share > 0.5 => 22_280.0,
            (Shows::Quality, Some(_)) => 21_824.0,
        }
    }
}

impl Picture for Layer {
    fn paint(&self, window: Window) -> Vec<f32> {
        let at = |n: usize| {
            let (column, row) = (window.x + (n % window.width) as i64, window.y + (n / window.width) as i64);
            self.value(self.sight.spot(window.level, column, row))
        };
        (0..window.pixels()).map(at).collect()
    }
}

/// The upper left corner in metres of the UTM zone, on Landsat's grid.
fn corner(scene: &Scene<'_>) -> (f64, f64) {
    let centre = wrs::centre(scene.acquisition.path, scene.acquisition.row);
    let meridian = f64::from(utm_zone(scene)) * 6.0 - 183.0;
    // Zones differ by their meridian only, and `Utm` knows that of zone 32.
    let centre = Utm::from_degrees(9.0 + wrs::wrapped(centre.lon - meridian), centre.lat);
    let half = f64::from(SIDE) * PIXEL / 2.0;
    let snapped = |metres: f64| (metres / 30.0).round() * 30.0;
    (snapped(centre.easting - half), snapped(centre.northing + half))
}

/// The 16-bit pixels of one layer, row by row, little-endian.
pub fn pixels(scene: &Scene<'_>, layer: &str) -> Vec<u8> {
    let side = SIDE as usize;
    let whole = Window { level: 0, x: 0, y: 0, width: side, height: side };
    Layer::of(&Sight::of(scene.acquisition), layer)
        .paint(whole)
        .into_iter()
        .flat_map(|value| (value as u16).to_le_bytes())
        .collect()
}

/// The header that goes with [`pixels`] in ENVI's format.
pub fn envi_header(scene: &Scene<'_>, layer: &str) -> String {
    let (west, north) = corner(scene);
    let zone = utm_zone(scene);
    format!(
        "ENVI\ndescription = {{{layer}}}\nsamples = {SIDE}\nlines = {SIDE}\nbands = 1\nheader offset = 0\n\
         file type = ENVI Standard\ndata type = 12\ninterleave = bsq\nbyte order = 0\n\
         map info = {{UTM, 1, 1, {west}, {north}, {PIXEL}, {PIXEL}, {zone}, North, WGS-84}}\n"
    )
}

/// One layer as a cloud-optimised GeoTIFF in the UTM zone of the scene's centre, north of the equator also where
/// it lies south of it, as USGS does.
pub fn geotiff(scene: &Scene<'_>, layer: &str) -> Vec<u8> {
    geotiff_of(&Sight::of(scene.acquisition), scene, layer)
}

/// The same, of a sight that serves all layers.
pub fn geotiff_of(sight: &Arc<Sight>, scene: &Scene<'_>, layer: &str) -> Vec<u8> {
    let picture = Layer::of(sight, layer);
    let (west, north) = corner(scene);
    let spec = Spec {
        width: SIDE,
        height: SIDE,
        bands: 1,
        sample: Sample::U16,
        tile: TILE,
        compression: Compression::None,
        nodata: Some(if picture.shows == Shows::Light { 0.0 } else { 1.0 }),
        scale: layer.starts_with("SR_B").then_some((2.75e-5, -0.2)),
        georeference: Georeference {
            crs: Crs::Projected(32_600 + u16::from(utm_zone(scene))),
            west,
            north,
            pixel: PIXEL,
        },
        origin: (0, 0),
    };
    let file = Cog::open(spec, Arc::new(picture));
    let mut bytes = vec![0; usize::try_from(file.len()).unwrap_or(0)];
    match file.read_at(0, &mut bytes) {
        Ok(()) => bytes,
        Err(_) => Vec::new(), // made in memory, from the first byte to the last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::usgs::scenes::{Archive, dataset};

    #[test]
    fn the_footprint_lies_in_the_middle_of_the_image() {
        let archive = Archive::generate();
        let scene = archive.scenes(dataset("landsat_ot_c2_l2").unwrap()).next().unwrap();
        let values: Vec<u16> = pixels(&scene, "SR_B4.TIF")
            .chunks(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        assert_eq!(values.len(), 64 * 64);
        assert!(values[0] == 0 && values[64 * 32 + 32] > 7_273);
        let (west, north) = corner(&scene);
        assert!((300_000.0..700_000.0).contains(&(west + 115_200.0)) && north > 4_000_000.0);
        assert!(geotiff(&scene, "SR_B4.TIF").starts_with(b"II\x2a\0"));
        assert!(envi_header(&scene, "SR_B4").contains("map info = {UTM"));
    }
}
