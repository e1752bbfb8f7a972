//! The ids of Landsat scenes, and what they say.

use jiff::civil::Date;

use super::tidy;

/// What a product id says: `LC08_L2SP_012025_20201231_20210308_02_T1`.
pub struct ProductId<'a> {
    /// STAC's names of the sensors.
    pub instruments: &'static [&'static str],
    /// 1 to 9.
    pub spacecraft: u8,
    /// Processing level: `L1TP`, `L2SP`, …
    pub level: &'a str,
    /// WRS path and row, three digits each.
    pub path_row: &'a str,
    /// The day it was taken, as eight digits.
    pub acquired: &'a str,
    /// `01` or `02`.
    pub collection: &'a str,
    /// `RT`, `T1`, `T2`, …
    pub tier: &'a str,
}

impl ProductId<'_> {
    /// Reads an id; `None` where it is of another kind.
    pub fn read(id: &str) -> Option<ProductId<'_>> {
        let parts: Vec<&str> = id.split('_').collect();
        let [spacecraft, level, path_row, acquired, processed, collection, tier] = parts[..] else {
            return None;
        };
        let instruments = instruments(spacecraft.get(..2)?)?;
        let number: u8 = digits(spacecraft.get(2..)?, 2)?.parse().ok()?;
        let days = digits(acquired, 8).and(digits(processed, 8));
        digits(path_row, 6).and(days).and(digits(collection, 2))?;
        (1..=9).contains(&number).then_some(ProductId {
            instruments,
            spacecraft: number,
            level,
            path_row,
            acquired,
            collection,
            tier,
        })
    }

    fn is_valid(&self) -> bool {
        let level =
            self.level.len() == 4 && self.level.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        level
            && is_place(self.path_row)
            && tidy::day(self.acquired).is_some()
            && matches!(self.collection, "01" | "02")
            && matches!(self.tier, "RT" | "T1" | "T2")
    }
}

/// Whether this is the id of a Landsat scene: a product id of Collection 1 or 2, or an entity id
/// (`LC80120252020366LGN00`). Letters are upper case. It says nothing of whether there is such a scene.
pub fn is_valid(id: &str) -> bool {
    ProductId::read(id).is_some_and(|id| id.is_valid()) || is_entity_id(id)
}

/// Sensor, spacecraft, path, row, year, day of the year, station, version.
fn is_entity_id(id: &str) -> bool {
    let valid = || {
        instruments(id.get(..2)?)?;
        let spacecraft = digits(id.get(2..3)?, 1)?;
        let (year, day) = (digits(id.get(9..13)?, 4)?, digits(id.get(13..16)?, 3)?);
        let first = Date::new(year.parse().ok()?, 1, 1).ok()?;
        let days = if first.in_leap_year() { 366 } else { 365 };
        let day: u16 = day.parse().ok()?;
        let station = id.get(16..19)?.bytes().all(|b| b.is_ascii_uppercase());
        digits(id.get(19..)?, 2)?;
        let place = is_place(id.get(3..9)?);
        Some(spacecraft != "0" && (1..=days).contains(&day) && station && place)
    };
    valid().unwrap_or(false)
}

fn instruments(letters: &str) -> Option<&'static [&'static str]> {
    Some(match letters {
        "LC" => &["oli", "tirs"],
        "LO" => &["oli"],
        "LE" => &["etm+"],
        "LT" => &["tm"],
        "LM" => &["mss"],
        _ => return None,
    })
}

/// Whether six digits are a path and a row: WRS-1 has 251 paths, both have 248 rows.
fn is_place(path_row: &str) -> bool {
    let within = |text: Option<&str>, most: u16| {
        let number = text.and_then(|text| digits(text, 3)?.parse::<u16>().ok());
        number.is_some_and(|number| (1..=most).contains(&number))
    };
    within(path_row.get(..3), 251) && within(path_row.get(3..), 248)
}

fn digits(text: &str, length: usize) -> Option<&str> {
    (text.len() == length && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_both_collections_and_entities_are_valid() {
        for id in [
            "LC08_L1TP_197030_20180715_20180730_01_T1",
            "LC08_L2SP_012025_20201231_20210308_02_T1",
            "LE07_L1GT_001001_20010101_20170101_01_RT",
            "LT04_L1TP_197030_19880715_20200917_02_T2",
            "LC09_L2SP_197030_20220715_20230101_02_T1",
            "LC80120252020366LGN00",
            "LT41970301988197AAA01",
        ] {
            assert!(is_valid(id), "{id}");
        }
    }

    #[test]
    fn others_are_not() {
        for id in [
            "",
            "LC08_L1TP_197030_20180715_20180730_01_T1.tar.gz",
            "lc08_l1tp_197030_20180715_20180730_01_t1",
            "LC08_L1TP_197030_20181315_20180730_01_T1",
            "LC08_L1TP_000030_20180715_20180730_01_T1",
            "LC08_L1TP_197249_20180715_20180730_01_T1",
            "LC08_L1TP_197030_20180715_20180730_03_T1",
            "XX08_L1TP_197030_20180715_20180730_01_T1",
            "LC80120252020367LGN00",
            "LC80120252019366LGN00",
            "LC80120252020366LGN0",
            "LC8é120252020366LGN0",
        ] {
            assert!(!is_valid(id), "{id}");
        }
    }
}
