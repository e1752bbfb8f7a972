//! Chance and noise from nothing but a place and a seed.
//!
//! Only additions, multiplications and comparisons are used (no `sin`, no `powf`), so that every machine makes
//! the same bytes.

/// 32 random bits for a cell of a lattice.
pub(super) fn bits(seed: u32, x: i64, y: i64) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77) ^ seed;
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// A number in 0..1 for a cell of a lattice.
pub(super) fn unit(seed: u32, x: i64, y: i64) -> f32 {
    (bits(seed, x, y) >> 8) as f32 / (1 << 24) as f32
}

/// The slope of the noise at a corner of the lattice: one of eight directions, times what lies between.
fn gradient(hash: u32, dx: f32, dy: f32) -> f32 {
    const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;
    match hash >> 29 {
        0 => dx,
        1 => -dx,
        2 => dy,
        3 => -dy,
        4 => (dx + dy) * DIAGONAL,
        5 => (dx - dy) * DIAGONAL,
        6 => (dy - dx) * DIAGONAL,
        _ => -(dx + dy) * DIAGONAL,
    }
}

/// From 0 to 1 with level ends.
pub(super) fn ease(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

/// From 0 at `low` to 1 at `high`, level outside.
pub(super) fn step(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// From `a` to `b` as `t` goes from 0 to 1.
pub(super) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// Gradient noise: about -1 to 1, zero at whole numbers, features of the size 1.
pub(super) fn wave(seed: u32, x: f64, y: f64) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let (dx, dy) = ((x - column) as f32, (y - row) as f32);
    let (column, row) = (column as i64, row as i64);
    let corner = |i: i64, j: i64| gradient(bits(seed, column + i, row + j), dx - i as f32, dy - j as f32);
    let (u, v) = (ease(dx), ease(dy));
    1.5 * mix(mix(corner(0, 0), corner(1, 0), u), mix(corner(0, 1), corner(1, 1), u), v)
}

/// Waves upon waves, each half as long and `roughness` times as high as the one before: about -1 to 1.
pub(super) fn waves(seed: u32, octaves: u32, roughness: f32, x: f64, y: f64) -> f32 {
    let (mut sum, mut height, mut total, mut scale) = (0.0, 1.0, 0.0, 1.0);
    for octave in 0..octaves {
        // Shifted, so that the zeros of the octaves do not meet.
        let shift = 17.31 * f64::from(octave);
        sum += height * wave(seed.wrapping_add(octave), x * scale + shift, y * scale - shift);
        total += height;
        height *= roughness;
        scale *= 2.0;
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_continuous_across_cells_and_stays_in_bounds() {
        let mut extremes = (0f32, 0f32);
        for n in -2000..2000 {
            let (x, y) = (f64::from(n) * 0.0173, f64::from(n) * -0.0291);
            let here = wave(7, x, y);
            assert!((here - wave(7, x + 1e-4, y + 1e-4)).abs() < 2e-3, "a jump at {x}, {y}");
            extremes = (extremes.0.min(here), extremes.1.max(here));
        }
        assert!(extremes.0 < -0.4 && extremes.1 > 0.4, "{extremes:?}");
        assert!(extremes.0 > -1.3 && extremes.1 < 1.3, "{extremes:?}");
    }

    #[test]
    fn chance_is_even() {
        let all: Vec<f32> = (0..10_000).map(|n| unit(3, n % 100, n / 100)).collect();
        assert!(all.iter().all(|v| (0.0..1.0).contains(v)));
        let mean = all.iter().sum::<f32>() / all.len() as f32;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(bits(1, 5, 5), bits(2, 5, 5));
        assert_ne!(bits(1, 5, 5), bits(1, 5, 6));
        assert_ne!(bits(1, -5, 5), bits(1, 5, 5));
    }
}
