//! Where a raster's pixels lie.

/// Size and place of a raster, in the units of its coordinate reference system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// From pixels to coordinates, in GDAL's order: x of the upper left corner, width of a pixel, 0, y of that
    /// corner, 0, height of a pixel (negative where rows run south).
    pub transform: [f64; 6],
}

impl Grid {
    /// A grid by `proj:transform`: `[width, 0, x, 0, height, y]` or a 3 × 3 matrix by rows. Some catalogues write
    /// GDAL's order, which cannot be taken for the other. `None` for a rotated one, and for garbage.
    pub(super) fn declared(width: u32, height: u32, numbers: &[f64]) -> Option<Grid> {
        let transform = match *numbers {
            [a, 0.0, c, 0.0, e, f] | [a, 0.0, c, 0.0, e, f, 0.0, 0.0, 1.0] if a != 0.0 && e != 0.0 => {
                [c, a, 0.0, f, 0.0, e]
            }
            [c, a, 0.0, f, 0.0, e] => [c, a, 0.0, f, 0.0, e],
            _ => return None,
        };
        Grid { width, height, transform }.sound()
    }

    /// A grid of so many pixels within a box: west, south, east, north.
    pub(super) fn within(width: u32, height: u32, [west, south, east, north]: [f64; 4]) -> Option<Grid> {
        let (across, down) = ((east - west) / f64::from(width), (north - south) / f64::from(height));
        Grid { width, height, transform: [west, across, 0.0, north, 0.0, -down] }.sound()
    }

    /// Itself, where it can be part of a mosaic: north is up, and pixels have a size.
    pub fn sound(self) -> Option<Grid> {
        let [_, across, skew, _, tilt, down] = self.transform;
        let finite = self.transform.iter().all(|number| number.is_finite());
        let upright = skew == 0.0 && tilt == 0.0 && across > 0.0 && down < 0.0;
        (finite && upright && self.width > 0 && self.height > 0).then_some(self)
    }

    /// Width and height of a pixel, both positive.
    pub fn pixel(&self) -> [f64; 2] {
        [self.transform[1], -self.transform[5]]
    }

    /// West, south, east, north.
    pub fn bounds(&self) -> [f64; 4] {
        let [west, across, _, north, _, down] = self.transform;
        [west, north + down * f64::from(self.height), west + across * f64::from(self.width), north]
    }

    /// Whether a box is that of this grid, to within two pixels.
    pub(super) fn agrees_with(&self, bbox: [f64; 4]) -> bool {
        let room = 2.0 * self.pixel()[0].max(self.pixel()[1]);
        self.bounds().iter().zip(bbox).all(|(mine, theirs)| (mine - theirs).abs() <= room)
    }
}
