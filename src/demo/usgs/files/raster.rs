//! The pixels of a scene, and the GeoTIFF around them.

use crate::demo::usgs::scenes::Scene;

/// Pixels on a side.
const SIDE: u32 = 64;

/// What part of the light a pixel returns, 0 to 1; `x` and `y` are shares of the image's width and height from its
/// upper left. `None` outside of the tilted footprint.
pub fn reflectance(scene: &Scene<'_>, band: u32, x: f64, y: f64) -> Option<f64> {
    let (across, down) = (x - 0.5, y - 0.5);
    let (sin, cos) = 12.0f64.to_radians().sin_cos();
    let (u, v) = (across * cos + down * sin, down * cos - across * sin);
    if u.abs() > 0.4 || v.abs() > 0.39 {
        return None;
    }
    let phase = f64::from(scene.acquisition.path) * 1.7 + f64::from(scene.acquisition.row) * 0.9;
    let ground = 0.16 + 0.06 * (u * 31.0 + phase).sin() * (v * 23.0 - phase).cos() + 0.01 * f64::from(band);
    let cover = scene.acquisition.cloud.map_or(0.2, |hundredths| f64::from(hundredths) / 10_000.0);
    let day = f64::from(scene.acquisition.date.day_of_year());
    let haze = 0.5 + 0.5 * (u * 11.0 + day).sin() * (v * 13.0 + day * 0.7).sin();
    let cloud = ((cover - haze) * 4.0).clamp(0.0, 1.0);
    Some(ground + (0.85 - ground) * cloud)
}

/// The 16-bit pixels of one layer, row by row, little-endian; 0 where there is nothing.
pub fn pixels(scene: &Scene<'_>, layer: &str) -> Vec<u8> {
    let number =
        layer.bytes().filter(u8::is_ascii_digit).fold(0, |n, digit| (n * 10 + u32::from(digit - b'0')) % 100);
    let at = |n: u32| (f64::from(n) + 0.5) / f64::from(SIDE);
    let stored = |n| {
        let share = reflectance(scene, number, at(n % SIDE), at(n / SIDE));
        share.map_or(0, |share| (share * 36_363.0 + 7_273.0) as u16)
    };
    (0..SIDE * SIDE).flat_map(|n| stored(n).to_le_bytes()).collect()
}

/// The header that goes with [`pixels`] in ENVI's format.
pub fn envi_header(layer: &str) -> String {
    format!(
        "ENVI\ndescription = {{{layer}}}\nsamples = {SIDE}\nlines = {SIDE}\nbands = 1\nheader offset = 0\n\
         file type = ENVI Standard\ndata type = 12\ninterleave = bsq\nbyte order = 0\n"
    )
}

/// One layer as a TIFF of 16-bit pixels.
pub fn geotiff(scene: &Scene<'_>, layer: &str) -> Vec<u8> {
    let entries: [(u16, u16, u32); 9] = [
        (256, 3, SIDE),
        (257, 3, SIDE),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8 + 2 + 12 * 9 + 4),
        (277, 3, 1),
        (278, 3, SIDE),
        (279, 4, SIDE * SIDE * 2),
    ];
    let mut tiff = b"II\x2a\0\x08\0\0\0\x09\0".to_vec();
    for (tag, kind, value) in entries {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(kind.to_le_bytes());
        tiff.extend(1u32.to_le_bytes());
        tiff.extend(value.to_le_bytes());
    }
    tiff.extend([0; 4]);
    tiff.extend(pixels(scene, layer));
    tiff
}
