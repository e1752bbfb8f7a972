//! The Moon: highlands and maria under craters of all sizes, lit from the west.
//!
//! Brightness is taken as linear in the slope, so that the shading of several reliefs is the sum of theirs: large
//! craters are drawn one by one on a lattice, small ones come from two tiles of ready-made ground that repeat at
//! different lengths. That paints hundreds of megabytes a second.

use std::ops::Range;
use std::sync::LazyLock;

use super::lattice::Lattice;
use super::noise::{bits, mix, step, unit, wave, waves};
use super::{Picture, Window};

mod ground;

use ground::Ground;

/// A view of the Moon at one scale.
#[derive(Debug, Clone, Copy)]
pub struct Moon {
    /// Another seed is another Moon.
    pub seed: u32,
    /// How wide a mare is, in pixels.
    pub mare: f64,
    /// What is put out for the brightness 1, that of a level highland.
    pub gain: f32,
}

/// Radius of the smallest craters that are drawn one by one, in pixels; each class has twice the size of the one
/// before.
const SMALLEST: f64 = 22.0;
/// The share of places that bear a crater, class by class.
const DENSITY: [f32; 6] = [0.55, 0.42, 0.34, 0.26, 0.18, 0.12];
/// The pixels between the points at which these classes are drawn: enough for their rims, and no more.
const STEPS: [(i64, Range<usize>); 4] = [(32, 5..6), (16, 3..5), (8, 2..3), (4, 0..2)];
/// How far a crater's slopes and a young crater's rays reach, in radii.
const APRON: f64 = 2.0;
const RAYS: f64 = 6.0;

/// A crater.
#[derive(Debug, Clone, Copy)]
struct Crater {
    /// Where it lies, in full pixels.
    centre: (f64, f64),
    /// In full pixels.
    radius: f64,
    /// From 0, worn away, to 1.
    freshness: f32,
    /// Its own chance.
    seed: u32,
}

impl Crater {
    /// A few are so young that their rays still shine.
    fn rayed(&self) -> bool {
        self.freshness > 0.93 && self.radius > 40.0
    }

    /// No large rim is a circle.
    fn wobble(&self, u: f32, v: f32) -> f32 {
        if self.radius < 40.0 {
            return 1.0;
        }
        1.0 + 0.09 * wave(self.seed, 1.3 * f64::from(u), 1.3 * f64::from(v))
    }

    /// The slope along the radius, upwards outwards, at `t` radii from the centre.
    fn slope(&self, t: f32) -> f32 {
        let bowl = if self.radius > 110.0 { floored(t) } else { t };
        self.freshness
            * match t {
                ..0.82 => bowl,
                ..1.0 => mix(bowl, 0.0, (t - 0.82) / 0.18),
                ..1.12 => -2.9 * (t - 1.0),
                _ => -0.35 * (1.0 - (t - 1.12) / 0.8).max(0.0).powi(2),
            }
    }
}

/// The bowl of a large crater: a flat floor with a central peak, and a steep wall.
fn floored(t: f32) -> f32 {
    match t {
        ..0.16 => -4.0 * t * (0.16 - t) / 0.08,
        _ => 1.25 * step(0.5, 0.78, t),
    }
}

impl Moon {
    /// How much of a mare a place is: 0 in the highlands, 1 in a mare.
    fn mare(&self, x: f64, y: f64) -> f32 {
        let shape = waves(self.seed ^ 0x5ea, 5, 0.52, x / self.mare, y / self.mare);
        step(0.02, 0.16, shape)
    }

    /// The craters of a class whose apron (or rays) may reach into `window`.
    fn craters(&self, class: usize, window: Window) -> Vec<Crater> {
        let smallest = SMALLEST * f64::from(1 << class);
        let cell = 4.0 * smallest;
        let reach = 2.0 * smallest * RAYS;
        let scale = f64::from(1u32 << window.level);
        let cells = |from: i64, count: usize| {
            let low = (from as f64 * scale - reach) / cell;
            let high = ((from + count as i64) as f64 * scale + reach) / cell;
            low.floor() as i64..=high.floor() as i64
        };
        let columns = cells(window.x, window.width);
        cells(window.y, window.height)
            .flat_map(|row| columns.clone().map(move |column| (column, row)))
            .filter_map(|(column, row)| self.crater(class, column, row))
            .collect()
    }

    /// The crater in a cell of a class, if there is one. Maria are younger and bear fewer.
    fn crater(&self, class: usize, column: i64, row: i64) -> Option<Crater> {
        let smallest = SMALLEST * f64::from(1 << class);
        let seed = self.seed.wrapping_mul(31).wrapping_add(class as u32 * 977);
        let chance = |draw: u32| unit(seed.wrapping_add(draw << 20), column, row);
        if chance(1) > DENSITY[class] {
            return None;
        }
        let at = |index: i64, draw| (index as f64 + f64::from(chance(draw))) * 4.0 * smallest;
        let centre = (at(column, 2), at(row, 3));
        if chance(1) > DENSITY[class] * mix(1.0, 0.25, self.mare(centre.0, centre.1)) {
            return None;
        }
        let age = chance(5);
        Some(Crater {
            centre,
            radius: smallest * (1.0 + f64::from(chance(4)).powi(2)),
            freshness: 0.22 + 0.78 * age * age,
            seed: bits(seed, column, row),
        })
    }

    /// Adds the slopes of `crater` to `relief`, a lattice at `scale` full pixels per pixel.
    fn raise(&self, crater: &Crater, scale: f64, relief: &mut Lattice) {
        let centre = (crater.centre.0 / scale, crater.centre.1 / scale);
        let radius = (crater.radius / scale) as f32;
        relief.near(centre, crater.radius / scale * APRON * 1.1, |x, y, value| {
            let (dx, dy) = ((x as f64 - centre.0) as f32, (y as f64 - centre.1) as f32);
            let distance = (dx * dx + dy * dy).sqrt().max(1e-3);
            let t = distance / radius;
            if t < 2.2 {
                let t = t * crater.wobble(dx / radius, dy / radius);
                *value += crater.slope(t) * away_from_sun(dx, dy) / distance;
            }
        });
    }

    /// Adds the rays of `crater` to `albedo`.
    fn shine(&self, crater: &Crater, scale: f64, albedo: &mut Lattice) {
        let centre = (crater.centre.0 / scale, crater.centre.1 / scale);
        let radius = crater.radius / scale;
        albedo.near(centre, radius * RAYS, |x, y, value| {
            let (dx, dy) = (x as f64 - centre.0, y as f64 - centre.1);
            let distance = (dx * dx + dy * dy).sqrt().max(1e-3);
            let t = (distance / radius) as f32;
            let fade = (1.0 - t / RAYS as f32).max(0.0);
            let ray = wave(crater.seed, 5.0 * dx / distance, 5.0 * dy / distance)
                + 0.5 * wave(crater.seed ^ 9, 13.0 * dx / distance, 13.0 * dy / distance);
            let halo = (1.0 - (t - 1.0) / 1.2).clamp(0.0, 1.0);
            *value += 0.3 * halo + 0.42 * fade * fade * step(0.0, 0.8, ray) * step(0.5, 1.0, t);
        });
    }
}

/// Ready-made ground with the craters of 5 to 22 pixels, and with those below.
static GROUNDS: LazyLock<[Ground; 2]> =
    LazyLock::new(|| [Ground::make(768, 5.0, 22.0, 0.9), Ground::make(448, 1.4, 5.0, 0.55)]);

impl Picture for Moon {
    fn paint(&self, window: Window) -> Vec<f32> {
        let scale = f64::from(1u32 << window.level);
        let coarse = (32 >> window.level).max(1);
        let full = |v: i64| v as f64 * scale;
        let maria = Lattice::over(window, coarse).fill(|x, y| self.mare(full(x), full(y)));
        let mut albedo = Lattice::over(window, coarse).fill(|x, y| {
            let blotches = waves(self.seed ^ 0xa1b, 3, 0.6, full(x) / 700.0, full(y) / 700.0);
            mix(1.0, 0.5, self.mare(full(x), full(y))) * (1.0 + 0.1 * blotches)
        });
        let mut relief = Lattice::over(window, coarse);
        for (step, classes) in STEPS {
            let coarser =
                std::mem::replace(&mut relief, Lattice::over(window, (step >> window.level).max(1)));
            relief.add(&coarser);
            for crater in classes.flat_map(|class| self.craters(class, window)) {
                // What is smaller than a pixel or two would only be noise.
                if crater.radius > 1.5 * scale {
                    self.raise(&crater, scale, &mut relief);
                }
                if crater.rayed() {
                    self.shine(&crater, scale, &mut albedo);
                }
            }
        }
        let mut slopes = relief.spread(window);
        let calm = maria.spread(window);
        GROUNDS.iter().for_each(|ground| ground.add(window, &calm, &mut slopes));
        for (value, albedo) in slopes.iter_mut().zip(albedo.spread(window)) {
            *value = self.gain * albedo * lit(*value);
        }
        slopes
    }
}

/// The share of a way east and south that leads away from the sun, which stands in the west-north-west, low: a
/// picture lit from the upper left is seen as hollows and not as domes.
fn away_from_sun(east: f32, south: f32) -> f32 {
    0.92 * east + 0.39 * south
}

/// Brightness of a slope towards the sun: linear on gentle slopes, never quite black and never glaring.
fn lit(slope: f32) -> f32 {
    let s = 0.85 * slope;
    if s < 0.0 { 0.06 + 0.94 / (1.0 - s / 0.94 + 0.9 * s * s) } else { 1.0 + s / (1.0 + 0.45 * s) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOON: Moon = Moon { seed: 1, mare: 5000.0, gain: 640.0 };

    fn window(level: u32, x: i64, y: i64) -> Window {
        Window { level, x, y, width: 48, height: 40 }
    }

    #[test]
    fn windows_join_and_repeat() {
        let whole = MOON.paint(Window { width: 96, ..window(0, 5000, -300) });
        let left = MOON.paint(window(0, 5000, -300));
        let right = MOON.paint(window(0, 5048, -300));
        for row in 0..40 {
            let line = &whole[row * 96..(row + 1) * 96];
            let parts = [&left[row * 48..(row + 1) * 48], &right[row * 48..(row + 1) * 48]].concat();
            for (n, (a, b)) in line.iter().zip(&parts).enumerate() {
                assert!((a - b).abs() < 0.01, "row {row}, column {n}: {a} and {b}");
            }
        }
        assert_eq!(left, MOON.paint(window(0, 5000, -300)));
    }

    #[test]
    fn an_overview_shows_the_same_ground() {
        let mean = |all: &[f32]| all.iter().sum::<f32>() / all.len() as f32;
        let (full, reduced) = (MOON.paint(window(0, 9600, 4000)), {
            let w = Window { level: 2, x: 2400, y: 1000, width: 12, height: 10 };
            MOON.paint(w)
        });
        assert!((mean(&full) / mean(&reduced) - 1.0).abs() < 0.12, "{} {}", mean(&full), mean(&reduced));
    }

    #[test]
    fn it_is_neither_flat_nor_black() {
        let values = MOON.paint(Window { level: 0, x: 0, y: 0, width: 256, height: 256 });
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt();
        assert!(values.iter().all(|v| *v > 0.0 && *v < 4000.0));
        assert!(spread > 0.1 * mean, "{spread} around {mean}");
    }
}
