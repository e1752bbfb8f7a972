//! Product ids, entity ids, and what of an acquisition exists in which collection.

use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::{Acquisition, Scene};

/// A Landsat satellite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Satellite {
    Landsat4 = 4,
    Landsat5 = 5,
    Landsat7 = 7,
    Landsat8 = 8,
    Landsat9 = 9,
}

impl Satellite {
    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Sensor and number as product ids begin: `LC08`.
    pub fn prefix(self) -> &'static str {
        match self {
            Satellite::Landsat4 => "LT04",
            Satellite::Landsat5 => "LT05",
            Satellite::Landsat7 => "LE07",
            Satellite::Landsat8 => "LC08",
            Satellite::Landsat9 => "LC09",
        }
    }

    /// The sensor as the metadata spell it.
    pub fn sensor(self) -> &'static str {
        match self {
            Satellite::Landsat4 | Satellite::Landsat5 => "TM",
            Satellite::Landsat7 => "ETM",
            Satellite::Landsat8 | Satellite::Landsat9 => "OLI_TIRS",
        }
    }

    /// Days by which it follows Landsat 8 in the 16-day cycle.
    pub(super) fn cycle_offset(self) -> i64 {
        match self {
            Satellite::Landsat5 | Satellite::Landsat8 => 0,
            Satellite::Landsat4 | Satellite::Landsat7 | Satellite::Landsat9 => 8,
        }
    }

    fn station(self) -> &'static str {
        match self {
            Satellite::Landsat4 | Satellite::Landsat5 => "MPS",
            Satellite::Landsat7 => "ASN",
            Satellite::Landsat8 | Satellite::Landsat9 => "LGN",
        }
    }
}

/// A quality tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Tier {
    T1,
    T2,
}

impl Tier {
    /// As ids end: `T1`.
    pub fn name(self) -> &'static str {
        match self {
            Tier::T1 => "T1",
            Tier::T2 => "T2",
        }
    }
}

/// Collection and processing level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Collection 1, level 1; removed from the real archive at the end of 2022.
    Collection1,
    /// Collection 2, level 1.
    Collection2Level1,
    /// Collection 2, level 2: surface reflectance and temperature.
    Collection2Level2,
}

impl Level {
    /// 1 or 2.
    pub fn collection(self) -> u8 {
        match self {
            Level::Collection1 => 1,
            Level::Collection2Level1 | Level::Collection2Level2 => 2,
        }
    }
}

impl Acquisition {
    /// What all entity ids of this acquisition begin with: `LC81970302015163`.
    pub(super) fn entity_stem(&self) -> String {
        let sensor = &self.satellite.prefix()[..2];
        let (number, path, row) = (self.satellite.number(), self.path, self.row);
        format!("{sensor}{number}{path:03}{row:03}{}{:03}", self.date.year(), self.date.day_of_year())
    }
}

/// The entity stem in an upper-case product id; `None` where it is none.
pub(super) fn entity_stem_of(display_id: &str) -> Option<String> {
    let parts: Vec<&str> = display_id.split('_').collect();
    let [satellite, _, place, day, _, _, _] = parts[..] else { return None };
    let day: Date = jiff::fmt::strtime::parse("%Y%m%d", day).ok()?.to_date().ok()?;
    let (sensor, number) = (satellite.get(..2)?, satellite.get(3..4)?);
    Some(format!("{sensor}{number}{place}{}{:03}", day.year(), day.day_of_year()))
}

impl Scene<'_> {
    /// Whether the product was ever made: no Collection 1 of Landsat 9, no level 2 of hopeless scenes.
    pub fn exists(&self) -> bool {
        let made = self.acquisition.satellite;
        match self.level {
            Level::Collection1 => made != Satellite::Landsat9 && self.acquisition.date < date(2022, 1, 1),
            Level::Collection2Level1 => true,
            Level::Collection2Level2 => self.acquisition.chance().up_to(10, 60) != 0,
        }
    }

    /// The product id: `LC08_L2SP_197030_20150612_20200909_02_T1`.
    pub fn display_id(&self) -> String {
        let Acquisition { satellite, path, row, date, tier, .. } = self.acquisition;
        let (processing, tier) = (self.processing(), tier.name());
        let day = compact(*date);
        let made = compact(self.processed());
        let collection = self.level.collection();
        format!("{}_{processing}_{path:03}{row:03}_{day}_{made}_{collection:02}_{tier}", satellite.prefix())
    }

    /// The product id of the level 1 scene that this one was made from.
    pub fn parent_id(&self) -> String {
        let level = match self.level {
            Level::Collection1 => Level::Collection1,
            Level::Collection2Level1 | Level::Collection2Level2 => Level::Collection2Level1,
        };
        Scene { level, acquisition: self.acquisition }.display_id()
    }

    /// The entity id: `LC81970302015163LGN00`.
    pub fn entity_id(&self) -> String {
        let version = match self.level {
            Level::Collection1 => 1,
            Level::Collection2Level1 | Level::Collection2Level2 => 0,
        };
        format!("{}{}{version:02}", self.acquisition.entity_stem(), self.acquisition.satellite.station())
    }

    /// `L1TP`, `L1GT`, `L2SP` or `L2SR`.
    pub fn processing(&self) -> &'static str {
        match (self.level, self.acquisition.tier) {
            (Level::Collection2Level2, _) if self.acquisition.chance().up_to(11, 25) == 0 => "L2SR",
            (Level::Collection2Level2, _) => "L2SP",
            (_, Tier::T1) => "L1TP",
            (_, Tier::T2) => "L1GT",
        }
    }

    /// The day it was processed.
    pub fn processed(&self) -> Date {
        let chance = self.acquisition.chance();
        let (start, draw) = match self.level {
            Level::Collection1 => (date(2017, 3, 1), 12),
            Level::Collection2Level1 | Level::Collection2Level2 => (date(2020, 8, 20), 13),
        };
        let after = start.max(self.acquisition.date.saturating_add(14.days()));
        after.saturating_add(i64::from(chance.up_to(draw, 40)).days())
    }
}

/// `20150612`.
fn compact(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_usgs_writes_them() {
        let acquisition = Acquisition {
            tier: Tier::T1,
            ..Acquisition::new(Satellite::Landsat8, 197, 30, date(2015, 6, 12))
        };
        let scene = |level| Scene { level, acquisition: &acquisition };
        let id = scene(Level::Collection2Level1).display_id();
        assert!(id.starts_with("LC08_L1TP_197030_20150612_2020") && id.ends_with("_02_T1"), "{id}");
        assert_eq!(id.len(), 40);
        assert!(scene(Level::Collection1).display_id().ends_with("_01_T1"));
        assert_eq!(scene(Level::Collection2Level2).entity_id(), "LC81970302015163LGN00");
        assert_eq!(scene(Level::Collection2Level2).parent_id(), id);
        assert_eq!(entity_stem_of(&id).as_deref(), Some("LC81970302015163"));
    }

    #[test]
    fn what_is_no_product_id_has_no_entity() {
        for id in
            ["", "LC8", "LC08_L1TP_197030_20151312_20200101_02_T1", "a_b_c_d_e_f_g", "ÄÄ_b_c_20150612_e_f_g"]
        {
            assert_eq!(entity_stem_of(id), None, "{id}");
        }
    }
}
