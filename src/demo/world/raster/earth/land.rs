//! What the ground is covered with: sea, flats, a river, towns, woods and fields, at any place and pixel size.

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock, Mutex};

use lru::LruCache;

use super::super::noise::{bits, mix, step, unit, wave, waves};
use super::spectrum::Kind;
use crate::demo::http::lock;

/// What a pixel is, and how bright it is among its kind (128 is the mean).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cover {
    pub kind: Kind,
    pub tone: u8,
}

/// Pixels on a side of a block.
pub(super) const BLOCK: i64 = 256;

/// A square of cover, row by row from the north-west.
pub(super) type Block = Arc<Vec<Cover>>;

/// Blocks by pixel size, column and row.
type Blocks = LruCache<(u32, i64, i64), Block>;

/// The blocks looked at last, by pixel size and place: 128 KiB each.
static BLOCKS: LazyLock<Mutex<Blocks>> =
    LazyLock::new(|| Mutex::new(LruCache::new(const { NonZeroUsize::new(80).unwrap() })));

/// The block in this column and row of blocks, for pixels of `pixel` metres.
pub(super) fn block(pixel: u32, column: i64, row: i64) -> Block {
    let key = (pixel, column, row);
    if let Some(found) = lock(&BLOCKS).get(&key) {
        return Arc::clone(found);
    }
    let made = Arc::new(survey(pixel, column, row));
    lock(&BLOCKS).put(key, Arc::clone(&made));
    made
}

fn survey(pixel: u32, column: i64, row: i64) -> Vec<Cover> {
    let size = f64::from(pixel);
    let east = |x: i64| ((column * BLOCK + x) as f64 + 0.5) * size;
    let north = |y: i64| -((row * BLOCK + y) as f64 + 0.5) * size;
    let rivers = Rivers::over((0..BLOCK).map(east).collect(), north(BLOCK - 1), north(0));
    let mut cover = Vec::with_capacity((BLOCK * BLOCK) as usize);
    for y in 0..BLOCK {
        for x in 0..BLOCK {
            let place = Place { x: east(x), y: north(y), pixel: size };
            cover.push(place.cover(rivers.distance(x as usize, place.y)));
        }
    }
    cover
}

/// Metres between the rivers, north to south.
const RIVER_SPACING: f64 = 31_000.0;

/// The courses of the rivers, sampled at some eastings.
struct Rivers {
    /// By river: its northing and how steep it runs, at each easting.
    courses: Vec<Vec<(f64, f64)>>,
}

impl Rivers {
    /// The rivers that may matter between two northings.
    fn over(eastings: Vec<f64>, south: f64, north: f64) -> Rivers {
        let nearest = |northing: f64| (northing / RIVER_SPACING).round() as i64;
        let course = |river: i64| {
            let at = |x: f64| Rivers::northing(river, x);
            eastings.iter().map(|&x| (at(x), (at(x + 20.0) - at(x - 20.0)) / 40.0)).collect()
        };
        Rivers { courses: (nearest(south)..=nearest(north)).map(course).collect() }
    }

    /// Where a river runs: great bends, bends and meanders.
    fn northing(river: i64, x: f64) -> f64 {
        let bend = |wavelength: f64, height: f64| {
            height * f64::from(wave(0x71u32.wrapping_add(river as u32), x / wavelength, wavelength.fract()))
        };
        river as f64 * RIVER_SPACING
            + bend(23_000.25, 7_000.0)
            + bend(4_700.37, 1_900.0)
            + bend(1_300.5, 330.0)
    }

    /// Metres from the nearest river's middle, at a column of the block.
    fn distance(&self, column: usize, northing: f64) -> f64 {
        let away = |course: &Vec<(f64, f64)>| {
            let (middle, slope) = course[column];
            (northing - middle).abs() / (1.0 + slope * slope).sqrt()
        };
        self.courses.iter().map(away).fold(f64::INFINITY, f64::min)
    }
}

/// A place on the ground: metres east and north of the origin, seen in pixels of this many metres.
struct Place {
    x: f64,
    y: f64,
    pixel: f64,
}

fn tone(share: f32) -> u8 {
    (128.0 * share).clamp(0.0, 255.0) as u8
}

impl Place {
    fn waves(&self, seed: u32, octaves: u32, wavelength: f64) -> f32 {
        waves(seed, octaves, 0.5, self.x / wavelength, self.y / wavelength)
    }

    /// A number in 0..1 for the square of `size` metres around the place.
    fn grain(&self, seed: u32, size: f64) -> f32 {
        unit(seed, (self.x / size).floor() as i64, (self.y / size).floor() as i64)
    }

    fn is(&self, kind: Kind, brightness: f32) -> Cover {
        Cover { kind, tone: tone(brightness + 0.05 * (self.grain(0x9a, self.pixel) - 0.5)) }
    }

    /// What is here, `river` metres from the nearest river's middle.
    fn cover(&self, river: f64) -> Cover {
        let inland = self.inland();
        let width = 65.0 + 420.0 * f64::from(step(5_500.0, -800.0, inland as f32)).powi(2);
        if inland < 0.0 {
            return self.sea(-inland, river);
        }
        if river < width.max(0.55 * self.pixel) {
            let silt = mix(1.15, 0.85, step(0.0, 1.0, (river / width) as f32));
            return self.is(Kind::River, silt + 0.1 * self.waves(0x51, 2, 400.0));
        }
        if inland < 45.0 || river < width + 25.0 {
            return self.is(Kind::Meadow, 0.95);
        }
        self.town(river).or_else(|| self.wood(river, width)).unwrap_or_else(|| self.farmland(river, width))
    }

    /// Metres from the coast, negative at sea. The coast runs north and south, with bays of all sizes.
    fn inland(&self) -> f64 {
        let bay = |seed, wavelength: f64, size: f64| {
            size * f64::from(wave(seed, self.x / wavelength, self.y / wavelength))
        };
        self.x
            + 5_200.0
            + bay(0xc0, 190_000.0, 90_000.0)
            + bay(0xc1, 14_000.0, 2_600.0)
            + bay(0xc2, 3_100.0, 500.0)
    }

    /// Water that gets deeper, with mud flats and their creeks near the coast.
    fn sea(&self, from_coast: f64, river: f64) -> Cover {
        let flat = 1_500.0 + 1_300.0 * f64::from(self.waves(0xf1, 3, 2_600.0));
        let channel = river < 420.0 + 0.05 * from_coast;
        if from_coast < flat && !channel {
            let ripple = self.waves(0xf2, 2, 1_100.0);
            if ripple.abs() < 0.07 * (from_coast / flat) as f32 + 0.012 {
                return self.is(Kind::Shallows, 0.95);
            }
            return self.is(Kind::Mud, 0.92 + 0.35 * self.waves(0xf3, 3, 350.0) + 0.1 * ripple);
        }
        let swirl = 0.12 * self.waves(0xf4, 4, 2_200.0);
        let deep = step(0.0, 9_000.0, (from_coast - flat.max(0.0)) as f32);
        match deep + 2.0 * swirl {
            ..0.22 => self.is(Kind::Shallows, 1.05 - 1.4 * deep + swirl),
            _ => self.is(Kind::Sea, 1.25 - 0.4 * deep + swirl),
        }
    }

    /// A town with streets, roofs and gardens. Each square of 8 km has room for one.
    fn town(&self, river: f64) -> Option<Cover> {
        const CELL: f64 = 8_000.0;
        let (column, row) = ((self.x / CELL).floor() as i64, (self.y / CELL).floor() as i64);
        // The one at the river mouth is large.
        let seat = (column, row) == (0, 0);
        if !seat && unit(0x70, column, row) > 0.6 {
            return None;
        }
        let at = |draw, cell: i64| (cell as f64 + 0.28 + 0.44 * f64::from(unit(draw, column, row))) * CELL;
        let (dx, dy) = (self.x - at(0x71, column), self.y - at(0x72, row));
        let radius = if seat { 1_650.0 } else { 350.0 + 900.0 * f64::from(unit(0x73, column, row)).powi(2) };
        let density =
            1.0 - (dx * dx + dy * dy).sqrt() / radius + 0.35 * f64::from(self.waves(0x74, 3, 900.0));
        if density < 0.0 {
            return None;
        }
        let turn = Turn::of(bits(0x75, column, row));
        let (u, v) = turn.apply(dx, dy);
        let street = |w: f64, spacing: f64, width: f64| w.rem_euclid(spacing) < width;
        if self.pixel < 60.0 && (street(u, 620.0, 24.0) || street(v, 540.0, 24.0)) {
            return Some(self.is(Kind::Asphalt, 1.1));
        }
        if self.pixel < 60.0 && (street(u, 124.0, 11.0) || street(v, 90.0, 11.0)) {
            return Some(self.is(Kind::Asphalt, 0.95));
        }
        let lot = unit(0x76, (u / 22.0).floor() as i64, (v / 18.0).floor() as i64);
        let quarter = unit(0x77, (u / 248.0).floor() as i64, (v / 180.0).floor() as i64);
        let built =
            if quarter < 0.07 || river < 160.0 { 0.0 } else { mix(0.3, 0.85, density.min(1.0) as f32) };
        Some(match lot < built {
            true if quarter > 0.88 => self.is(Kind::Hall, 0.9 + 0.4 * quarter),
            true => self.is(Kind::Roof, 0.75 + 0.5 * unit(0x78, (u / 22.0) as i64, (v / 18.0) as i64)),
            false => self.is(Kind::Garden, 0.85 + 0.3 * lot),
        })
    }

    /// Woods where the noise is high, and along brooks.
    fn wood(&self, river: f64, width: f64) -> Option<Cover> {
        let region = 0.45 * self.waves(0x39, 3, 37_000.0);
        let shape = self.waves(0x3a, 5, 4_300.0) + region - if river < width + 700.0 { 0.2 } else { 0.0 };
        let brook = self.pixel < 60.0 && self.waves(0x3b, 2, 3_400.0).abs() < 0.009;
        if shape < 0.2 && !brook {
            return None;
        }
        let crowns = 0.8 + 0.35 * self.grain(0x3c, self.pixel) + 0.15 * self.waves(0x3d, 2, 300.0);
        let broadleaved = self.waves(0x3e, 2, 2_000.0) > -0.05;
        Some(self.is(if broadleaved || brook { Kind::Broadleaf } else { Kind::Conifer }, crowns))
    }

    /// Fields in strips, each part of the land with a direction of its own.
    fn farmland(&self, river: f64, width: f64) -> Cover {
        if self.pixel >= 60.0 {
            let field = bits(0x40, (self.x / 480.0).floor() as i64, (self.y / 400.0).floor() as i64);
            let region = self.waves(0x41, 4, 46_000.0);
            let by_the_river = river < width + 900.0;
            let kind = match field >> 8 & 7 {
                _ if region < -0.16 => Kind::Meadow,
                0..3 => crop(field, by_the_river),
                _ if by_the_river => Kind::Meadow,
                _ => Kind::Mosaic,
            };
            return self.is(kind, 0.95 + 0.3 * region + 0.1 * unit(field, 1, 1));
        }
        let (parish, edge) = self.parish();
        if edge < 9.0 {
            return self.is(Kind::Track, 1.0);
        }
        let turn = Turn::of(parish);
        let (u, v) = turn.apply(self.x, self.y);
        let share = |shift: u32| f64::from(parish >> shift & 255) / 255.0;
        let (long, broad) = (230.0 + 330.0 * share(3), 75.0 + 110.0 * share(11));
        let strip = (v / broad).floor();
        let shifted = u + long * f64::from(unit(parish, strip as i64, 7));
        let field = bits(parish ^ 0x42, (shifted / long).floor() as i64, strip as i64);
        let (along, across) = (shifted.rem_euclid(long), v.rem_euclid(broad));
        if across < 9.0 && field & 3 == 0 || along < 9.0 && field & 12 == 0 {
            return self.is(Kind::Broadleaf, 0.85);
        }
        let rows = 0.05 * (unit(field, (v / 21.0).floor() as i64, 0) - 0.5);
        let soil = 0.14 * self.waves(0x43, 3, 450.0);
        let own = 0.9 + 0.2 * (field >> 24) as f32 / 255.0;
        self.is(crop(field >> 5, river < width + 650.0 * share(17)), own + rows + soil)
    }

    /// The part of the land with its own direction of fields: its chance, and metres to its edge.
    fn parish(&self) -> (u32, f64) {
        const CELL: f64 = 1_500.0;
        let (column, row) = ((self.x / CELL).floor() as i64, (self.y / CELL).floor() as i64);
        let (mut nearest, mut next, mut own) = (f64::INFINITY, f64::INFINITY, 0);
        for (i, j) in (-1..=1).flat_map(|i| (-1..=1).map(move |j| (column + i, row + j))) {
            let at = |draw, cell: i64| (cell as f64 + 0.1 + 0.8 * f64::from(unit(draw, i, j))) * CELL;
            let (dx, dy) = (self.x - at(0x44, i), self.y - at(0x45, j));
            let distance = (dx * dx + dy * dy).sqrt();
            if distance < nearest {
                (next, nearest, own) = (nearest, distance, bits(0x46, i, j));
            } else if distance < next {
                next = distance;
            }
        }
        (own, (next - nearest) / 2.0)
    }
}

/// What grows in a field.
fn crop(chance: u32, by_the_river: bool) -> Kind {
    const CROPS: [Kind; 16] = [
        Kind::Wheat,
        Kind::Wheat,
        Kind::Wheat,
        Kind::Wheat,
        Kind::Rapeseed,
        Kind::Rapeseed,
        Kind::Meadow,
        Kind::Maize,
        Kind::Maize,
        Kind::Maize,
        Kind::Beet,
        Kind::Beet,
        Kind::Meadow,
        Kind::Meadow,
        Kind::Meadow,
        Kind::Fallow,
    ];
    if by_the_river && chance & 0x70 != 0 { Kind::Meadow } else { CROPS[chance as usize & 15] }
}

/// A turn about the origin.
struct Turn {
    cos: f64,
    sin: f64,
}

impl Turn {
    /// One by chance.
    fn of(chance: u32) -> Turn {
        let cos = f64::from(chance >> 8) / f64::from(1 << 23) - 1.0;
        Turn { cos, sin: (1.0 - cos * cos).max(0.0).sqrt() }
    }

    fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        (self.cos * x + self.sin * y, self.cos * y - self.sin * x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mouth_of_the_river_has_everything() {
        let all: Vec<Cover> = [(-4, -4), (-3, -1), (-1, -1), (0, -1), (1, -2), (1, 0)]
            .iter()
            .flat_map(|&(c, r)| survey(10, c, r))
            .collect();
        for kind in
            [Kind::Sea, Kind::Mud, Kind::River, Kind::Roof, Kind::Broadleaf, Kind::Wheat, Kind::Meadow]
        {
            let share = all.iter().filter(|cover| cover.kind == kind).count() as f64 / all.len() as f64;
            assert!(share > 0.003, "{kind:?}: {share}");
        }
    }

    #[test]
    fn blocks_are_the_same_each_time() {
        assert_eq!(survey(240, 3, -2), survey(240, 3, -2));
        assert_eq!(*block(240, 3, -2), survey(240, 3, -2));
    }

    #[test]
    fn rivers_run_on_from_block_to_block() {
        let at = |x: f64| Rivers::northing(0, x);
        let steepest = (-400..400)
            .map(|n| f64::from(n) * 10.0)
            .map(|x| (at(x + 10.0) - at(x)).abs())
            .fold(0.0, f64::max);
        assert!(steepest < 40.0, "{steepest}");
        let rivers = Rivers::over(vec![0.0], -50_000.0, 50_000.0);
        assert!(rivers.courses.len() >= 3);
        assert!(rivers.distance(0, at(0.0)) < 1e-9);
    }
}
