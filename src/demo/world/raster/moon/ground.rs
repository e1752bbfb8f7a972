//! Ready-made ground: a tile of small craters that repeats without a seam.

use super::super::Window;
use super::super::noise::{mix, unit};
use super::away_from_sun;

/// Slopes towards the sun, at full size and reduced by halves as long as the length of the tile allows.
pub(super) struct Ground {
    levels: Vec<(usize, Vec<f32>)>,
}

impl Ground {
    /// A tile of `length` pixels with craters of radius `smallest` to `largest`; `strength` scales the slopes.
    pub fn make(length: usize, smallest: f32, largest: f32, strength: f32) -> Ground {
        let mut slopes = vec![0.0; length * length];
        let area = (length * length) as f32;
        // As many as cover the ground once, most of them small.
        let typical = smallest * (largest / smallest).powi(1).sqrt() * 0.8;
        let count = (1.1 * area / (std::f32::consts::PI * typical * typical)) as i64;
        for n in 0..count {
            let chance = |draw: u32| unit(draw, n, length as i64);
            let size = chance(3);
            let radius = mix(smallest, largest, size * size * size);
            let freshness = 0.2 + 0.8 * chance(4) * chance(5);
            stamp(&mut slopes, length, (chance(1), chance(2)), radius, strength * freshness);
        }
        let mut levels = vec![(length, slopes)];
        while let Some((length, last)) = levels.last()
            && length % 2 == 0
            && *length > 16
        {
            let half = length / 2;
            let reduced = halved(last, *length);
            levels.push((half, reduced));
        }
        Ground { levels }
    }

    /// Adds the ground to `slopes` of `window`; in maria (`calm` of 1) it is gentler.
    pub fn add(&self, window: Window, calm: &[f32], slopes: &mut [f32]) {
        let Some((length, tile)) = self.levels.get(window.level as usize) else { return };
        let width = window.width.max(1);
        for (row, (line, calm)) in slopes.chunks_mut(width).zip(calm.chunks(width)).enumerate() {
            let y = (window.y + row as i64).rem_euclid(*length as i64) as usize;
            let source = &tile[y * length..(y + 1) * length];
            let mut at = window.x.rem_euclid(*length as i64) as usize;
            let mut done = 0;
            while done < line.len() {
                let count = (length - at).min(line.len() - done);
                let part = done..done + count;
                for ((value, add), calm) in
                    line[part.clone()].iter_mut().zip(&source[at..at + count]).zip(&calm[part])
                {
                    *value += add * (1.0 - 0.45 * calm);
                }
                done += count;
                at = 0;
            }
        }
    }
}

/// Adds a crater at `place` (shares of the length) to a tile, across its edges.
fn stamp(slopes: &mut [f32], length: usize, place: (f32, f32), radius: f32, depth: f32) {
    let centre = (place.0 * length as f32, place.1 * length as f32);
    let reach = (2.0 * radius).ceil() as i64;
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let (x, y) = (centre.0 as i64 + dx, centre.1 as i64 + dy);
            let (east, south) = (x as f32 + 0.5 - centre.0, y as f32 + 0.5 - centre.1);
            let distance = (east * east + south * south).sqrt().max(0.1);
            let t = distance / radius;
            let slope = match t {
                ..0.8 => t,
                ..1.0 => 4.0 * (1.0 - t),
                ..2.0 => -0.4 * (2.0 - t).powi(2) * (t - 1.0).min(0.25) * 4.0,
                _ => 0.0,
            };
            let wrapped = |v: i64| v.rem_euclid(length as i64) as usize;
            slopes[wrapped(y) * length + wrapped(x)] += depth * slope * away_from_sun(east, south) / distance;
        }
    }
}

/// A tile of half the length: the means of two by two.
fn halved(tile: &[f32], length: usize) -> Vec<f32> {
    let half = length / 2;
    let mean = |n: usize| {
        let at = n / half * 2 * length + n % half * 2;
        (tile[at] + tile[at + 1] + tile[at + length] + tile[at + length + 1]) / 4.0
    };
    (0..half * half).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_repeats_and_is_reduced() {
        let ground = Ground::make(64, 2.0, 6.0, 1.0);
        assert_eq!(ground.levels.iter().map(|level| level.0).collect::<Vec<_>>(), [64, 32, 16]);
        let paint = |x, y| {
            let window = Window { level: 0, x, y, width: 100, height: 3 };
            let mut slopes = vec![0.0; 300];
            ground.add(window, &[0.0; 300], &mut slopes);
            slopes
        };
        assert_eq!(paint(5, 7), paint(5 - 64, 7 + 128));
        assert!(paint(0, 0).iter().any(|slope| slope.abs() > 0.2));
        let sum =
            |level: usize| ground.levels[level].1.iter().sum::<f32>() / ground.levels[level].1.len() as f32;
        assert!((sum(0) - sum(2)).abs() < 1e-4);
    }
}
