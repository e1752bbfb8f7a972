//! Sensors: which ids they take and which products they make, in the two personalities of the server.

use serde_json::{Map, Value, json};

/// Which collection the server processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personality {
    /// As it was in 2020: Landsat Collection 1, MODIS and VIIRS. What lsru was written for.
    Collection1,
    /// As it is now: Landsat Collection 2, levels 1 and 2 apart, MODIS and VIIRS.
    Collection2,
}

/// A sensor as orders name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sensor {
    /// The key in orders and answers: `olitirs8_collection`.
    pub key: &'static str,
    /// What its ids begin with, in lower case.
    prefix: &'static str,
    kind: Kind,
    /// What can be ordered.
    pub products: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Collection1,
    Level1,
    Level2,
    Sinusoidal,
}

/// Sensors of a personality.
pub fn sensors(personality: Personality) -> impl Iterator<Item = &'static Sensor> {
    let landsat = match personality {
        Personality::Collection1 => COLLECTION_1,
        Personality::Collection2 => COLLECTION_2,
    };
    landsat.iter().chain(SINUSOIDAL)
}

/// The sensor that takes an id; letters count without regard to case.
pub fn sensor_of(personality: Personality, id: &str) -> Option<&'static Sensor> {
    let id = id.to_lowercase();
    sensors(personality).find(|sensor| sensor.takes(&id))
}

impl Sensor {
    /// Whether `id`, in lower case, is one of its own.
    pub fn takes(&self, id: &str) -> bool {
        match self.kind {
            Kind::Sinusoidal => takes_tile(self.prefix, id),
            Kind::Collection1 | Kind::Level1 | Kind::Level2 => self.takes_landsat(id),
        }
    }

    fn takes_landsat(&self, id: &str) -> bool {
        let parts: Vec<&str> = id.split('_').collect();
        let [sensor, level, place, day, made, collection, tier] = parts[..] else { return false };
        let digits =
            |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        let of_kind = match self.kind {
            Kind::Collection1 => level.len() == 4 && collection == "01",
            Kind::Level1 => level.starts_with("l1") && collection == "02",
            Kind::Level2 => level.starts_with("l2") && collection == "02",
            Kind::Sinusoidal => false,
        };
        sensor == self.prefix
            && of_kind
            && digits(place, 6)
            && digits(day, 8)
            && digits(made, 8)
            && ["t1", "t2", "rt"].contains(&tier)
    }

    /// Whether its ids are those of Landsat scenes.
    pub fn is_landsat(&self) -> bool {
        self.kind != Kind::Sinusoidal
    }

    /// The regular expression that messages and the schema show.
    pub fn pattern(&self) -> String {
        let prefix = self.prefix;
        match self.kind {
            Kind::Collection1 => format!(
                "^{prefix}_{{1}}\\w{{4}}_{{1}}[0-9]{{6}}_{{1}}[0-9]{{8}}_{{1}}[0-9]{{8}}_{{1}}[0-9]{{2}}_{{1}}\\w{{2}}$"
            ),
            Kind::Level1 => format!(
                "^{prefix}_{{1}}l1\\w{{2}}_{{1}}[0-9]{{6}}_{{1}}[0-9]{{8}}_{{1}}[0-9]{{8}}_{{1}}02_{{1}}\\w{{2}}$"
            ),
            Kind::Level2 => format!(
                "^{prefix}_{{1}}l2\\w{{2}}_{{1}}[0-9]{{6}}_{{1}}[0-9]{{8}}_{{1}}[0-9]{{8}}_{{1}}02_{{1}}\\w{{2}}$"
            ),
            Kind::Sinusoidal => format!("^{prefix}\\.a\\d{{7}}\\.h\\d{{2}}v\\d{{2}}\\.\\d{{3}}\\.\\d{{13}}$"),
        }
    }

    /// Products that only some days of Landsat 7 lack: reflectance, and what is made of it.
    pub fn is_restricted_by_date(&self, product: &str, id: &str) -> bool {
        let day = id.to_lowercase().split('_').nth(3).and_then(|day| day.parse::<u32>().ok());
        self.key == "etm7_collection"
            && product.starts_with("sr")
            && day.is_some_and(|day| {
                // Days 151 to 164 of 2016, and 71 to 76 of 2017.
                (20_160_530..=20_160_612).contains(&day) || (20_170_312..=20_170_317).contains(&day)
            })
    }
}

/// `mod09a1.a2016001.h09v05.006.2016012345678`
fn takes_tile(prefix: &str, id: &str) -> bool {
    let parts: Vec<&str> = id.split('.').collect();
    let [name, day, tile, version, made] = parts[..] else { return false };
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let tile: Vec<&str> = tile.strip_prefix('h').unwrap_or_default().split('v').collect();
    name == prefix
        && day.strip_prefix('a').is_some_and(|day| digits(day, 7))
        && matches!(tile[..], [h, v] if digits(h, 2) && digits(v, 2))
        && digits(version, 3)
        && digits(made, 13)
}

const fn landsat(
    key: &'static str,
    prefix: &'static str,
    kind: Kind,
    products: &'static [&'static str],
) -> Sensor {
    Sensor { key, prefix, kind, products }
}

const fn tile(key: &'static str, products: &'static [&'static str]) -> Sensor {
    Sensor { key, prefix: key, kind: Kind::Sinusoidal, products }
}

const C1: &[&str] = &[
    "l1",
    "source_metadata",
    "toa",
    "bt",
    "sr",
    "pixel_qa",
    "stats",
    "sr_ndvi",
    "sr_evi",
    "sr_savi",
    "sr_msavi",
    "sr_ndmi",
    "sr_nbr",
    "sr_nbr2",
];
const C1_OLI_ONLY: &[&str] = &["source_metadata", "l1", "toa", "stats", "pixel_qa"];
const C2_LEVEL_1: &[&str] = &["l1", "stats"];
const C2_LEVEL_1_OLI: &[&str] = &["l1", "aq_refl", "stats"];
const C2_LEVEL_2: &[&str] = &[
    "l1", "sr_ndvi", "sr_evi", "sr_savi", "sr_msavi", "sr_ndmi", "sr_nbr", "sr_nbr2", "sr_ndsi", "stats",
    "et",
];

const COLLECTION_1: &[Sensor] = &[
    landsat("tm4_collection", "lt04", Kind::Collection1, C1),
    landsat("tm5_collection", "lt05", Kind::Collection1, C1),
    landsat("etm7_collection", "le07", Kind::Collection1, C1),
    landsat("olitirs8_collection", "lc08", Kind::Collection1, C1),
    landsat("oli8_collection", "lo08", Kind::Collection1, C1_OLI_ONLY),
];

const COLLECTION_2: &[Sensor] = &[
    landsat("tm4_collection_2_l1", "lt04", Kind::Level1, C2_LEVEL_1),
    landsat("tm4_collection_2_l2", "lt04", Kind::Level2, C2_LEVEL_2),
    landsat("tm5_collection_2_l1", "lt05", Kind::Level1, C2_LEVEL_1),
    landsat("tm5_collection_2_l2", "lt05", Kind::Level2, C2_LEVEL_2),
    landsat("etm7_collection_2_l1", "le07", Kind::Level1, C2_LEVEL_1),
    landsat("etm7_collection_2_l2", "le07", Kind::Level2, C2_LEVEL_2),
    landsat("olitirs8_collection_2_l1", "lc08", Kind::Level1, C2_LEVEL_1_OLI),
    landsat("olitirs8_collection_2_l2", "lc08", Kind::Level2, C2_LEVEL_2),
    landsat("olitirs9_collection_2_l1", "lc09", Kind::Level1, C2_LEVEL_1_OLI),
    landsat("olitirs9_collection_2_l2", "lc09", Kind::Level2, C2_LEVEL_2),
];

const TILE: &[&str] = &["l1", "stats"];
const TILE_NDVI: &[&str] = &["l1", "stats", "modis_ndvi"];
const SINUSOIDAL: &[Sensor] = &[
    tile("mod09a1", TILE),
    tile("mod09ga", TILE_NDVI),
    tile("mod09gq", TILE),
    tile("mod09q1", TILE),
    tile("mod11a1", TILE),
    tile("mod13a1", TILE),
    tile("mod13a2", TILE),
    tile("mod13a3", TILE),
    tile("mod13q1", TILE),
    tile("myd09a1", TILE),
    tile("myd09ga", TILE_NDVI),
    tile("myd09gq", TILE),
    tile("myd09q1", TILE),
    tile("myd11a1", TILE),
    tile("myd13a1", TILE),
    tile("myd13a2", TILE),
    tile("myd13a3", TILE),
    tile("myd13q1", TILE),
    tile("vnp09ga", &["l1", "stats", "viirs_ndvi"]),
];

/// What `available-products` says about some ids. `restricted` are sensors that cannot be ordered just now.
pub fn available(personality: Personality, ids: &[String], restricted: &[String]) -> Value {
    let mut answer = Map::new();
    let mut unknown = Vec::new();
    let mut by_date: Map<String, Value> = Map::new();
    let mut closed: Map<String, Value> = Map::new();
    let mut groups: Vec<(&Sensor, Vec<&String>)> = Vec::new();
    for id in ids {
        match sensor_of(personality, id) {
            None => unknown.push(id),
            Some(sensor) if restricted.iter().any(|key| key == sensor.key) => {
                push(&mut closed, sensor.key, id);
            }
            Some(sensor) => match groups.iter_mut().find(|(known, _)| known.key == sensor.key) {
                Some((_, inputs)) => inputs.push(id),
                None => groups.push((sensor, vec![id])),
            },
        }
    }
    for (sensor, inputs) in groups {
        // One scene of a restricted day takes the product from the whole group.
        let mut products = sensor.products.to_vec();
        for id in &inputs {
            for product in sensor.products.iter().filter(|product| sensor.is_restricted_by_date(product, id))
            {
                products.retain(|kept| kept != product);
                push(&mut by_date, product, id);
            }
        }
        answer.insert(sensor.key.into(), json!({"products": products, "inputs": inputs}));
    }
    for (key, value) in [("date_restricted", by_date), ("ordering_restricted", closed)] {
        if !value.is_empty() {
            answer.insert(key.into(), Value::Object(value));
        }
    }
    if !unknown.is_empty() {
        answer.insert("not_implemented".into(), json!(unknown));
    }
    Value::Object(answer)
}

fn push(map: &mut Map<String, Value>, key: &str, id: &str) {
    if let Some(ids) = map.entry(key).or_insert_with(|| json!([])).as_array_mut() {
        ids.push(json!(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn ids_keep_their_case_and_find_their_sensor() {
        let some = ids(&[
            "lc08_l2sp_197030_20150612_20200909_02_t1",
            "LC09_L1TP_197030_20220612_20230909_02_T1",
            "junk",
        ]);
        let answer = available(Personality::Collection2, &some, &[]);
        assert_eq!(answer["olitirs8_collection_2_l2"]["inputs"], json!([some[0]]));
        assert_eq!(answer["olitirs9_collection_2_l1"]["products"], json!(["l1", "aq_refl", "stats"]));
        assert_eq!(answer["not_implemented"], json!(["junk"]));
        let old = available(Personality::Collection1, &some, &[]);
        assert_eq!(old["not_implemented"].as_array().unwrap().len(), 3);
        assert_eq!(available(Personality::Collection1, &[], &[]), json!({}));
    }

    #[test]
    fn a_restricted_day_takes_the_product_from_the_group() {
        let some =
            ids(&["LE07_L1TP_197030_20160605_20161009_01_T1", "LE07_L1TP_197030_20150605_20161009_01_T1"]);
        let answer = available(Personality::Collection1, &some, &[]);
        assert!(!answer["etm7_collection"]["products"].as_array().unwrap().contains(&json!("sr")));
        assert_eq!(answer["etm7_collection"]["inputs"].as_array().unwrap().len(), 2);
        assert_eq!(answer["date_restricted"]["sr"], json!([some[0]]));
        let closed = available(Personality::Collection1, &some, &ids(&["etm7_collection"]));
        assert_eq!(closed, json!({"ordering_restricted": {"etm7_collection": some}}));
    }

    #[test]
    fn tiles_are_recognised() {
        let tile = "MOD09GA.A2016001.h09v05.006.2016012345678";
        assert_eq!(sensor_of(Personality::Collection2, tile).map(|s| s.key), Some("mod09ga"));
        assert_eq!(sensor_of(Personality::Collection2, "MOD09GA.A2016001.h9v05.006.2016012345678"), None);
    }
}
