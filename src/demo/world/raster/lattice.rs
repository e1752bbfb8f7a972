//! Slowly varying values, computed on a coarse lattice and drawn out to pixels in between.

use super::Window;

/// Values at every `step`-th pixel of a window, and one column and row beyond it on each side they are needed.
///
/// The points stand at multiples of `step` of the picture's grid, so that neighbouring windows share theirs and
/// agree about all pixels.
pub(super) struct Lattice {
    /// Pixels between points.
    step: i64,
    /// The first point, in steps.
    first: (i64, i64),
    /// Points per row.
    columns: usize,
    /// Row by row.
    pub values: Vec<f32>,
}

impl Lattice {
    /// A lattice over `window` with a point every `step` pixels, all zero.
    pub fn over(window: Window, step: i64) -> Lattice {
        let first = (window.x.div_euclid(step), window.y.div_euclid(step));
        let points = |from: i64, first: i64, count: usize| {
            ((from + count as i64 - 1).div_euclid(step) - first + 2) as usize
        };
        let columns = points(window.x, first.0, window.width);
        let rows = points(window.y, first.1, window.height);
        Lattice { step, first, columns, values: vec![0.0; columns * rows] }
    }

    /// The pixel at which the point `index` stands.
    pub fn place(&self, index: usize) -> (i64, i64) {
        let (column, row) = ((index % self.columns) as i64, (index / self.columns) as i64);
        ((self.first.0 + column) * self.step, (self.first.1 + row) * self.step)
    }

    /// Sets every point to what `value` gives for its pixel.
    pub fn fill(mut self, value: impl Fn(i64, i64) -> f32) -> Lattice {
        for index in 0..self.values.len() {
            let (x, y) = self.place(index);
            self.values[index] = value(x, y);
        }
        self
    }

    /// Calls `change` with the pixel and the value of each point within `reach` pixels of `centre`.
    pub fn near(&mut self, centre: (f64, f64), reach: f64, mut change: impl FnMut(i64, i64, &mut f32)) {
        let rows = (self.values.len() / self.columns) as i64;
        let bound = |at: f64, first: i64, count: i64| {
            let low = ((at - reach) / self.step as f64).ceil() as i64 - first;
            let high = ((at + reach) / self.step as f64).floor() as i64 - first;
            low.max(0)..(high + 1).min(count)
        };
        let columns = bound(centre.0, self.first.0, self.columns as i64);
        for row in bound(centre.1, self.first.1, rows) {
            for column in columns.clone() {
                let (x, y) = ((self.first.0 + column) * self.step, (self.first.1 + row) * self.step);
                change(x, y, &mut self.values[row as usize * self.columns + column as usize]);
            }
        }
    }

    /// Adds the values of `coarser`, a lattice over the same window.
    pub fn add(&mut self, coarser: &Lattice) {
        for index in 0..self.values.len() {
            let (x, y) = self.place(index);
            self.values[index] += coarser.at(x, y);
        }
    }

    /// The value at a pixel. The last points stand for what lies beyond them.
    fn at(&self, x: i64, y: i64) -> f32 {
        let rows = self.values.len() / self.columns;
        let column = ((x.div_euclid(self.step) - self.first.0).max(0) as usize).min(self.columns - 2);
        let row = ((y.div_euclid(self.step) - self.first.1).max(0) as usize).min(rows - 2);
        let share = |at: i64, first: i64, point: usize| {
            (at - (first + point as i64) * self.step) as f32 / self.step as f32
        };
        let (right, down) = (share(x, self.first.0, column), share(y, self.first.1, row));
        let corner = row * self.columns + column;
        let line = |from: usize| self.values[from] + (self.values[from + 1] - self.values[from]) * right;
        let (upper, lower) = (line(corner), line(corner + self.columns));
        upper + (lower - upper) * down
    }

    /// The value of every pixel of `window`, which is the one the lattice was made over or lies within it.
    pub fn spread(&self, window: Window) -> Vec<f32> {
        let mut out = vec![0.0; window.pixels()];
        let step = self.step as f32;
        let mut line = vec![0.0; self.columns];
        for (j, row) in out.chunks_mut(window.width.max(1)).enumerate() {
            let y = window.y + j as i64;
            let above = (y.div_euclid(self.step) - self.first.1) as usize * self.columns;
            let down = y.rem_euclid(self.step) as f32 / step;
            let (upper, lower) = self.values[above..above + 2 * self.columns].split_at(self.columns);
            for (value, (u, l)) in line.iter_mut().zip(upper.iter().zip(lower)) {
                *value = u + (l - u) * down;
            }
            self.stretch(window.x, &line, row);
        }
        out
    }

    /// Draws a line of points out to the pixels of a row that begins at `x`.
    fn stretch(&self, x: i64, line: &[f32], row: &mut [f32]) {
        let step = self.step as usize;
        let share = 1.0 / step as f32;
        let mut at = x.rem_euclid(self.step) as usize;
        let mut point = (x.div_euclid(self.step) - self.first.0) as usize;
        let mut rest = row;
        while !rest.is_empty() {
            let (now, later) = rest.split_at_mut(rest.len().min(step - at));
            let (from, slope) = (line[point], (line[point + 1] - line[point]) * share);
            for (n, value) in now.iter_mut().enumerate() {
                *value = from + slope * (at + n) as f32;
            }
            (rest, at, point) = (later, 0, point + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(x: i64, y: i64, width: usize, height: usize) -> Window {
        Window { level: 0, x, y, width, height }
    }

    #[test]
    fn a_plane_stays_a_plane() {
        for step in [1, 4, 32] {
            let w = window(-37, 101, 70, 9);
            let spread = Lattice::over(w, step).fill(|x, y| (2 * x - 3 * y) as f32).spread(w);
            for (n, value) in spread.iter().enumerate() {
                let (x, y) = (w.x + (n % 70) as i64, w.y + (n / 70) as i64);
                assert!((value - (2 * x - 3 * y) as f32).abs() < 1e-3, "step {step} at {x}, {y}: {value}");
            }
        }
    }

    #[test]
    fn a_finer_lattice_takes_over_a_coarser_one() {
        let w = window(-9, 14, 33, 21);
        let coarse = Lattice::over(w, 8).fill(|x, y| (x + 2 * y) as f32);
        let mut fine = Lattice::over(w, 4);
        fine.add(&coarse);
        assert!(fine.spread(w).iter().zip(coarse.spread(w)).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn windows_agree_where_they_overlap() {
        let wave = |x: i64, y: i64| ((x * x + 7 * y) % 61) as f32;
        let (left, right) = (window(-20, -7, 40, 20), window(3, -2, 40, 10));
        let a = Lattice::over(left, 8).fill(wave).spread(left);
        let b = Lattice::over(right, 8).fill(wave).spread(right);
        for y in -2..8 {
            for x in 3..20 {
                let value = |w: Window, all: &[f32]| all[(y - w.y) as usize * w.width + (x - w.x) as usize];
                assert_eq!(value(left, &a), value(right, &b), "{x}, {y}");
            }
        }
    }

    #[test]
    fn near_reaches_all_points_within_and_no_others() {
        let w = window(0, 0, 64, 64);
        let mut lattice = Lattice::over(w, 4);
        lattice.near((30.0, 22.0), 9.0, |_, _, value| *value += 1.0);
        for index in 0..lattice.values.len() {
            let (x, y) = lattice.place(index);
            let within = (x - 30).abs() <= 9 && (y - 22).abs() <= 9;
            assert_eq!(lattice.values[index] == 1.0, within, "{x}, {y}");
        }
    }
}
