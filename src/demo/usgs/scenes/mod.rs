//! The Landsat archive behind the embedded USGS servers.
//!
//! In: nothing but a fixed seed. Out: some thousand [`Acquisition`]s on real WRS-2 places and cycle days, each of
//! which stands as a [`Scene`] in several datasets: Collection 1 (the old inventory API and ESPA's old
//! personality) and Collection 2, levels 1 and 2 (M2M and today's ESPA).
//!
//! - around lsru's README box 3.5,43.4,4,44: 2009 to 2018 and 2022;
//! - around Baja California Sur, lsru's documented polygon: autumn 2017 to summer 2018;
//! - across ±180: Fiji, the Aleutians and Chukotka, 2018.

mod dataset;
pub mod fields;
mod ids;
pub mod wrs;

pub use dataset::{DATASETS, Dataset, Shelf, dataset};
pub use ids::{Level, Satellite, Tier};

use std::collections::HashMap;

use jiff::civil::{Date, date};
use jiff::{Span, ToSpan};

use wrs::Corners;

/// The days on which path 12 was overflown: Landsat 8 on 2020-12-31, the others as many days later.
const REFERENCE: Date = date(2020, 12, 31);

/// One overpass of one place by one satellite.
#[derive(Debug, Clone, PartialEq)]
pub struct Acquisition {
    /// Which satellite.
    pub satellite: Satellite,
    /// WRS-2 path, 1 to 233.
    pub path: u16,
    /// WRS-2 row, 1 to 248.
    pub row: u16,
    /// The day, UTC.
    pub date: Date,
    /// Seconds into that day.
    pub second: u32,
    /// Cloud cover in hundredths of a percent; `None` where it was never determined.
    pub cloud: Option<u16>,
    /// The quality tier.
    pub tier: Tier,
    /// The footprint.
    pub corners: Corners,
}

/// An acquisition as a dataset holds it.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Collection and processing level.
    pub level: Level,
    /// What was acquired.
    pub acquisition: &'a Acquisition,
}

/// Everything there is to find, oldest first.
#[derive(Debug)]
pub struct Archive {
    acquisitions: Vec<Acquisition>,
    by_entity: HashMap<String, usize>,
}

impl Archive {
    /// The one archive of the demo, the same at every start.
    pub fn generate() -> Archive {
        let grid = grid();
        let mut acquisitions: Vec<Acquisition> =
            CAMPAIGNS.iter().flat_map(|campaign| campaign.acquisitions(&grid)).collect();
        acquisitions.sort_by_key(|a| (a.date, a.second, a.path, a.row, a.satellite));
        let by_entity = acquisitions.iter().enumerate().map(|(i, a)| (a.entity_stem(), i)).collect();
        Archive { acquisitions, by_entity }
    }

    /// The scenes of a dataset, oldest first.
    pub fn scenes<'a>(&'a self, dataset: &'static Dataset) -> impl Iterator<Item = Scene<'a>> + 'a {
        self.acquisitions.iter().filter_map(move |acquisition| dataset.scene(acquisition))
    }

    /// The scenes of a dataset that were taken back, oldest first.
    pub fn withdrawn<'a>(&'a self, dataset: &'static Dataset) -> impl Iterator<Item = Scene<'a>> + 'a {
        let theirs =
            |a: &&Acquisition| dataset.shelf == Shelf::Scenes && dataset.satellites.contains(&a.satellite);
        let scene = |acquisition| Scene { level: dataset.level, acquisition };
        self.acquisitions.iter().filter(theirs).map(scene).filter(|scene| !scene.exists())
    }

    /// The scene of this entity id in a dataset.
    pub fn by_entity(&self, dataset: &'static Dataset, entity_id: &str) -> Option<Scene<'_>> {
        let stem = entity_id.get(..16)?;
        let scene = dataset.scene(self.acquisitions.get(*self.by_entity.get(stem)?)?)?;
        (scene.entity_id() == entity_id).then_some(scene)
    }

    /// The scene with this product id, whatever dataset it is in. Letters count without regard to case.
    pub fn by_display_id(&self, display_id: &str) -> Option<Scene<'_>> {
        let display_id = display_id.to_ascii_uppercase();
        let stem = ids::entity_stem_of(&display_id)?;
        let acquisition = self.acquisitions.get(*self.by_entity.get(&stem)?)?;
        let levels = [Level::Collection1, Level::Collection2Level1, Level::Collection2Level2];
        levels
            .into_iter()
            .map(|level| Scene { level, acquisition })
            .find(|scene| scene.exists() && scene.display_id() == display_id)
    }
}

impl Default for Archive {
    fn default() -> Archive {
        Archive::generate()
    }
}

/// What one satellite acquired of one region over a time.
struct Campaign {
    satellite: Satellite,
    /// West, south, east, north; west > east crosses the antimeridian. Scenes whose centre lies within.
    region: [f64; 4],
    first: Date,
    last: Date,
}

const MONTPELLIER: [f64; 4] = [1.0, 42.0, 6.5, 45.5];
const BAJA: [f64; 4] = [-117.5, 21.5, -107.5, 29.5];
const FIJI: [f64; 4] = [178.3, -19.5, -178.3, -15.5];
const ALEUTIANS: [f64; 4] = [178.0, 50.5, -178.0, 53.0];
const CHUKOTKA: [f64; 4] = [177.0, 66.0, -177.0, 69.5];

const fn campaign(satellite: Satellite, region: [f64; 4], first: Date, last: Date) -> Campaign {
    Campaign { satellite, region, first, last }
}

const CAMPAIGNS: [Campaign; 11] = [
    campaign(Satellite::Landsat5, MONTPELLIER, date(2009, 1, 1), date(2011, 10, 31)),
    campaign(Satellite::Landsat4, MONTPELLIER, date(1988, 4, 1), date(1988, 9, 30)),
    campaign(Satellite::Landsat7, MONTPELLIER, date(2013, 1, 1), date(2018, 3, 31)),
    campaign(Satellite::Landsat8, MONTPELLIER, date(2013, 4, 11), date(2018, 12, 31)),
    campaign(Satellite::Landsat9, MONTPELLIER, date(2022, 1, 1), date(2022, 12, 31)),
    campaign(Satellite::Landsat8, BAJA, date(2017, 10, 1), date(2018, 6, 30)),
    campaign(Satellite::Landsat7, BAJA, date(2017, 12, 1), date(2018, 3, 31)),
    campaign(Satellite::Landsat8, FIJI, date(2018, 1, 1), date(2018, 12, 31)),
    campaign(Satellite::Landsat8, ALEUTIANS, date(2018, 3, 1), date(2018, 10, 31)),
    campaign(Satellite::Landsat7, ALEUTIANS, date(2018, 5, 1), date(2018, 8, 31)),
    campaign(Satellite::Landsat8, CHUKOTKA, date(2018, 5, 1), date(2018, 9, 30)),
];

/// What a satellite acquired between two days (both counted) of the places whose centres lie within a region:
/// west, south, east, north in degrees.
pub(in crate::demo) fn acquisitions(
    satellite: Satellite,
    region: [f64; 4],
    first: Date,
    last: Date,
) -> Vec<Acquisition> {
    campaign(satellite, region, first, last).acquisitions(&grid())
}

/// Paths and rows of the daylight side, with their centres.
fn grid() -> Vec<(u16, u16, wrs::Place)> {
    let rows = (1..=120).flat_map(|row| (1..=233).map(move |path| (path, row)));
    rows.map(|(path, row)| (path, row, wrs::centre(path, row))).collect()
}

impl Campaign {
    fn acquisitions(&self, grid: &[(u16, u16, wrs::Place)]) -> Vec<Acquisition> {
        grid.iter()
            .filter(|(.., centre)| within(self.region, *centre))
            .flat_map(|&(path, row, _)| self.overpasses(path).map(move |date| (path, row, date)))
            .map(|(path, row, date)| Acquisition::new(self.satellite, path, row, date))
            .collect()
    }

    /// The days on which the satellite flew over a path.
    fn overpasses(&self, path: u16) -> impl Iterator<Item = Date> + use<'_> {
        let offset = self.satellite.cycle_offset() + wrs::cycle_day(path);
        let anchor = REFERENCE.saturating_add(days(offset));
        let first = self.first.saturating_add(days(days_between(self.first, anchor).rem_euclid(16)));
        let mut next = Some(first);
        std::iter::from_fn(move || {
            let day = next?;
            next = day.checked_add(16.days()).ok();
            (day <= self.last).then_some(day)
        })
    }
}

fn days(count: i64) -> Span {
    Span::new().days(count)
}

fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

fn within([west, south, east, north]: [f64; 4], place: wrs::Place) -> bool {
    let across = west > east;
    let lon =
        if across { place.lon >= west || place.lon <= east } else { (west..=east).contains(&place.lon) };
    lon && (south..=north).contains(&place.lat)
}

impl Acquisition {
    fn new(satellite: Satellite, path: u16, row: u16, date: Date) -> Acquisition {
        let chance = Chance::of(satellite, path, row, date);
        let cloud = match chance.up_to(0, 100) {
            0..3 => None,
            3..9 => Some(0),
            9..13 => Some(10_000),
            _ => Some(cloud_of(chance.up_to(1, 10_000))),
        };
        let cloudy = cloud.is_some_and(|cloud| cloud > 9_000);
        let tier = if cloudy || chance.up_to(2, 12) == 0 { Tier::T2 } else { Tier::T1 };
        // About ten o'clock local solar time.
        let local = 10.2 - wrs::centre(path, row).lon / 15.0;
        let second = (local.rem_euclid(24.0) * 3600.0) as u32 + chance.up_to(3, 40);
        let corners = wrs::footprint(path, row);
        Acquisition { satellite, path, row, date, second, cloud, tier, corners }
    }

    /// Chance, the same at every start, for what else is made of this acquisition.
    pub fn chance(&self) -> Chance {
        Chance::of(self.satellite, self.path, self.row, self.date)
    }

    /// The overpass in words: `2018-01-05`.
    pub fn day(&self) -> String {
        self.date.to_string()
    }
}

/// Clear skies and overcast ones are commoner than what is between.
fn cloud_of(draw: u32) -> u16 {
    let share = f64::from(draw) / 10_000.0;
    let shaped = if share < 0.6 { share * share / 0.6 } else { 1.0 - (1.0 - share) * (1.0 - share) / 0.4 };
    (shaped * 10_000.0).round() as u16
}

/// Deterministic chance.
#[derive(Debug, Clone, Copy)]
pub struct Chance(u64);

impl Chance {
    fn of(satellite: Satellite, path: u16, row: u16, date: Date) -> Chance {
        let day = date.year() as u64 * 400 + date.day_of_year() as u64;
        Chance(mixed(day << 32 | u64::from(path) << 20 | u64::from(row) << 8 | satellite as u64))
    }

    /// A number below `limit`; each `draw` is independent of the others.
    pub fn up_to(self, draw: u64, limit: u32) -> u32 {
        (mixed(self.0 ^ mixed(draw)) % u64::from(limit.max(1))) as u32
    }
}

/// One round of SplitMix64.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_holds_some_thousand_scenes_and_each_id_once() {
        let archive = Archive::generate();
        assert!((2_500..8_000).contains(&archive.acquisitions.len()), "{}", archive.acquisitions.len());
        assert_eq!(archive.by_entity.len(), archive.acquisitions.len());
        assert_eq!(archive.acquisitions, Archive::generate().acquisitions);
    }

    #[test]
    fn every_scene_is_found_by_its_ids() {
        let archive = Archive::generate();
        for dataset in &DATASETS {
            for scene in archive.scenes(dataset) {
                let found = archive.by_display_id(&scene.display_id()).unwrap();
                assert_eq!(found.display_id(), scene.display_id());
                let found = archive.by_entity(dataset, &scene.entity_id()).unwrap();
                assert_eq!(found.entity_id(), scene.entity_id());
            }
        }
        assert!(archive.by_display_id("LC08_L2SP_197030_20150613_20200909_02_T1").is_none());
        assert!(archive.by_display_id("öööööööööööööööööööööööö").is_none());
    }

    #[test]
    fn a_path_is_overflown_every_sixteen_days_and_satellites_take_turns() {
        let archive = Archive::generate();
        let dates = |satellite: Satellite| -> Vec<Date> {
            let of = |a: &&Acquisition| (a.satellite, a.path, a.row) == (satellite, 197, 30);
            archive.acquisitions.iter().filter(of).map(|a| a.date).collect()
        };
        let eight = dates(Satellite::Landsat8);
        assert!(eight.len() > 100);
        assert!(eight.windows(2).all(|pair| days_between(pair[0], pair[1]) == 16));
        let seven = dates(Satellite::Landsat7);
        assert_eq!(days_between(seven[0], eight[0]).rem_euclid(16), 8);
    }

    #[test]
    fn clouds_are_of_all_kinds() {
        let archive = Archive::generate();
        let count = |of: fn(&Acquisition) -> bool| archive.acquisitions.iter().filter(|a| of(a)).count();
        assert!(count(|a| a.cloud.is_none()) > 20);
        assert!(count(|a| a.cloud.is_some_and(|c| c <= 3_000)) > 500);
        assert!(count(|a| a.cloud.is_some_and(|c| c > 7_000)) > 500);
        assert!(count(|a| a.corners.crosses_antimeridian()) > 50);
    }
}
