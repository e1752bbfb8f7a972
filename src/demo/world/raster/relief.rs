//! Mountains, hills and a plain, as heights in metres.

use super::lattice::Lattice;
use super::noise::{mix, step, wave, waves};
use super::{Picture, Window};

/// A landscape of heights.
#[derive(Debug, Clone, Copy)]
pub struct Relief {
    /// Another seed is another landscape.
    pub seed: u32,
    /// How wide a mountain range is, in pixels.
    pub range: f64,
}

/// Halvings from the width of a range to the smallest ravine.
const OCTAVES: u32 = 8;

impl Relief {
    /// Sharp crests over valleys, 0 to about 1: each octave of folds is high where the one before was.
    fn ridges(&self, octaves: u32, x: f64, y: f64) -> f32 {
        let (mut sum, mut weight, mut height, mut scale) = (0.0, 1.0, 0.55, 1.0);
        for octave in 0..octaves {
            let shift = 11.7 * f64::from(octave);
            let fold = 1.0 - wave(self.seed.wrapping_add(100 + octave), x * scale + shift, y * scale).abs();
            let crest = fold * fold * weight;
            sum += height * crest;
            weight = (1.6 * crest).clamp(0.0, 1.0);
            height *= 0.52;
            scale *= 2.03;
        }
        sum
    }

    /// How far ranges bend aside at a place, in ranges.
    fn bend(&self, u: f64, v: f64) -> f32 {
        waves(self.seed ^ 0xbe, 2, 0.5, 0.7 * u, 0.7 * v)
    }

    /// How much of a mountain range a place is: 0 in the plain, 1 in the middle.
    fn lift(&self, u: f64, v: f64) -> f32 {
        let bend = f64::from(self.bend(u, v));
        step(-0.42, 0.34, waves(self.seed ^ 0x11f7, 3, 0.5, 0.45 * u + 0.4 * bend, 0.6 * v - 0.3 * bend))
    }

    /// The height of the plain.
    fn plain(&self, u: f64, v: f64) -> f32 {
        90.0 + 60.0 * waves(self.seed ^ 0x97, 2, 0.5, u, v)
    }
}

impl Picture for Relief {
    fn paint(&self, window: Window) -> Vec<f32> {
        let scale = f64::from(1u32 << window.level) / self.range;
        // An overview has no use for what is smaller than its pixels.
        let octaves = OCTAVES.saturating_sub(window.level).max(3);
        let smooth = |value: &dyn Fn(f64, f64) -> f32| {
            let step = (16 >> window.level).max(1);
            Lattice::over(window, step).fill(|x, y| value(x as f64 * scale, y as f64 * scale)).spread(window)
        };
        let bend = smooth(&|u, v| self.bend(u, v));
        let lift = smooth(&|u, v| self.lift(u, v));
        let mut heights = smooth(&|u, v| self.plain(u, v));
        for (n, height) in heights.iter_mut().enumerate() {
            let (x, y) = (window.x + (n % window.width) as i64, window.y + (n / window.width) as i64);
            let (u, v) = ((x as f64 + 0.5) * scale, (y as f64 + 0.5) * scale);
            let aside = 0.35 * f64::from(bend[n]);
            let crest = self.ridges(octaves, 2.6 * u + aside, 2.6 * v + aside);
            let hills = waves(self.seed ^ 0x417, octaves.min(4), 0.5, 8.0 * u, 8.0 * v);
            let mountains = 250.0 + 3900.0 * crest * crest + 60.0 * hills;
            *height = mix(*height + 26.0 * hills, mountains, lift[n]);
        }
        heights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELIEF: Relief = Relief { seed: 4, range: 900.0 };

    fn paint(level: u32, x: i64, y: i64, width: usize, height: usize) -> Vec<f32> {
        RELIEF.paint(Window { level, x, y, width, height })
    }

    #[test]
    fn neighbours_join() {
        let whole = paint(0, -30, 70, 60, 2);
        let parts = [paint(0, -30, 70, 30, 2), paint(0, 0, 70, 30, 2)];
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.05);
        assert!(near(&whole[..30], &parts[0][..30]));
        assert!(near(&whole[90..], &parts[1][30..]));
    }

    #[test]
    fn there_are_plains_and_summits_and_no_cliffs_between_pixels() {
        let side = 400;
        let heights = paint(3, 0, 0, side, side);
        let (low, high) = heights.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        assert!(low > -50.0 && low < 200.0, "{low}");
        assert!(high > 1500.0 && high < 6000.0, "{high}");
        let fine = paint(0, 0, 0, 200, 200);
        assert!(fine.chunks(200).all(|row| row.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 400.0)));
    }
}
