//! Clouds over a scene, and the shadows that they cast.

use super::super::Window;
use super::super::lattice::Lattice;
use super::super::noise::{step, waves};

/// The sky above a scene on its day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sky {
    seed: u32,
    /// Pixels from one cloud to the next.
    spacing: f64,
    /// Where clouds begin, in the noise.
    threshold: f32,
}

/// The noise of clear skies.
const CLEAR: f32 = 9.0;
/// From the edge of a cloud to where it is thickest, in the noise.
const EDGE: f32 = 0.34;
/// The opacity above which the ground is hidden.
pub(super) const HIDDEN: f32 = 0.3;

impl Sky {
    /// A sky whose clouds hide `cover` (0 to 1) of the window `scene`.
    pub fn over(scene: Window, seed: u32, spacing: f64, cover: f32) -> Sky {
        let open = Sky { seed, spacing, threshold: CLEAR };
        if cover <= 0.0 {
            return open;
        }
        const SIDE: i64 = 24;
        let at =
            |from: i64, length: usize, n: i64| from as f64 + length as f64 * (n as f64 + 0.5) / SIDE as f64;
        let mut samples: Vec<f32> = (0..SIDE * SIDE)
            .map(|n| open.noise(at(scene.x, scene.width, n % SIDE), at(scene.y, scene.height, n / SIDE)))
            .collect();
        samples.sort_by(f32::total_cmp);
        let clear = ((1.0 - cover) * (SIDE * SIDE) as f32) as usize;
        let threshold = samples.get(clear).map_or(CLEAR, |value| value - 0.36 * EDGE);
        Sky { threshold, ..open }
    }

    fn noise(&self, x: f64, y: f64) -> f32 {
        waves(self.seed, 6, 0.55, x / self.spacing, y / self.spacing)
    }

    /// How much of the window `part` the clouds hide: 0 to 1.
    pub fn cover(&self, part: Window) -> f32 {
        const SIDE: usize = 32;
        let at =
            |from: i64, length: usize, n: usize| from as f64 + length as f64 * (n as f64 + 0.5) / SIDE as f64;
        let hidden = (0..SIDE * SIDE)
            .map(|n| self.noise(at(part.x, part.width, n % SIDE), at(part.y, part.height, n / SIDE)))
            .filter(|noise| self.opacity(*noise) > HIDDEN)
            .count();
        hidden as f32 / (SIDE * SIDE) as f32
    }

    fn opacity(&self, noise: f32) -> f32 {
        step(self.threshold, self.threshold + EDGE, noise)
    }

    /// How opaque the clouds are over each pixel of `window` (unreduced): 0 to 1.
    pub fn clouds(&self, window: Window) -> Vec<f32> {
        if self.threshold == CLEAR {
            return vec![0.0; window.pixels()];
        }
        let mut opacity = Lattice::over(window, 4).fill(|x, y| self.noise(x as f64, y as f64)).spread(window);
        opacity.iter_mut().for_each(|value| *value = self.opacity(*value));
        opacity
    }

    /// How dark the shadows of clouds are on each pixel of `window` (unreduced): 0 to 1. The sun stands in the
    /// south-east.
    pub fn shadows(&self, window: Window) -> Vec<f32> {
        let shift = (self.spacing / 9.0) as i64;
        self.clouds(Window { x: window.x + shift, y: window.y + shift, ..window })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: Window = Window { level: 0, x: -768, y: 0, width: 768, height: 768 };

    #[test]
    fn clouds_hide_about_what_is_said() {
        for cover in [0.0, 0.1, 0.45, 0.9] {
            let clouds = Sky::over(SCENE, 5, 350.0, cover).clouds(SCENE);
            let hidden =
                clouds.iter().filter(|opacity| **opacity > HIDDEN).count() as f32 / clouds.len() as f32;
            assert!((hidden - cover).abs() < 0.06, "{cover} became {hidden}");
            assert!((hidden - Sky::over(SCENE, 5, 350.0, cover).cover(SCENE)).abs() < 0.05);
        }
    }

    #[test]
    fn a_shadow_is_a_cloud_moved_away_from_the_sun() {
        let sky = Sky::over(SCENE, 8, 360.0, 0.4);
        let (clouds, shadows) = (sky.clouds(SCENE), sky.shadows(SCENE));
        let at = |x: usize, y: usize| y * 768 + x;
        assert!((0..700).all(|n| shadows[at(n, n / 2)] == clouds[at(n + 40, n / 2 + 40)]));
    }
}
