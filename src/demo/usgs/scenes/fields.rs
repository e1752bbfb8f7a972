//! The metadata fields of a scene, as `metadata` lists them and `metadataFilter` asks for them.

use super::{Dataset, Level, Scene, Shelf, Tier, wrs::Place};

/// How a field may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Not at all.
    None,
    /// By a text.
    Text,
    /// By one of a few values.
    Select(&'static [(&'static str, &'static str)]),
    /// By a range.
    Range,
}

/// A metadata field.
pub struct Field {
    /// `fieldName`.
    pub name: &'static str,
    /// The column in `searchSql`.
    pub column: &'static str,
    /// How it may be asked for.
    pub filter: Filter,
    /// Whether `metadataType: summary` shows it.
    pub summary: bool,
    /// Its value.
    pub value: fn(&Scene<'_>) -> String,
}

impl Field {
    /// The id of the field in a dataset: sixteen hexadecimal digits, other ones in every dataset.
    pub fn id(&self, dataset: &Dataset) -> String {
        opaque_id(&[dataset.id, self.name])
    }

    /// Whether scenes of this dataset have the field.
    pub fn is_in(&self, dataset: &Dataset) -> bool {
        dataset.shelf != Shelf::BandFiles
            && (dataset.level == Level::Collection2Level2 || self.name != "Landsat Product Identifier L2")
    }
}

/// The fields that a dataset has.
pub fn fields(dataset: &Dataset) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(|field| field.is_in(dataset))
}

/// Sixteen hexadecimal digits that look like those of USGS and are the same at every start.
pub fn opaque_id(parts: &[&str]) -> String {
    let seed =
        parts.iter().flat_map(|part| part.bytes().chain([0])).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("5e8{:013x}", super::mixed(seed) >> 12)
}

const fn field(
    name: &'static str,
    column: &'static str,
    filter: Filter,
    value: fn(&Scene<'_>) -> String,
) -> Field {
    Field { name, column, filter, summary: false, value }
}

const fn shown(
    name: &'static str,
    column: &'static str,
    filter: Filter,
    value: fn(&Scene<'_>) -> String,
) -> Field {
    Field { name, column, filter, summary: true, value }
}

const TIERS: &[(&str, &str)] = &[("", "All"), ("T1", "Tier 1"), ("T2", "Tier 2"), ("RT", "Real-Time")];
const DAY_NIGHT: &[(&str, &str)] = &[("", "All"), ("DAY", "Day"), ("NIGHT", "Night")];
const SATELLITES: &[(&str, &str)] =
    &[("", "All"), ("4", "4"), ("5", "5"), ("7", "7"), ("8", "8"), ("9", "9")];

static FIELDS: [Field; 26] = [
    shown("Landsat Product Identifier L2", "LANDSAT_PRODUCT_ID_L2", Filter::Text, |s| s.display_id()),
    // In level 2 datasets this names the parent scene: who takes it for the product's own id is led astray.
    shown("Landsat Product Identifier L1", "LANDSAT_PRODUCT_ID", Filter::Text, |s| s.parent_id()),
    shown("Landsat Scene Identifier", "LANDSAT_SCENE_ID", Filter::Text, |s| s.entity_id()),
    shown("Date Acquired", "DATE_ACQUIRED", Filter::None, |s| slashed(s.acquisition.date)),
    field("Collection Category", "COLLECTION_CATEGORY", Filter::Select(TIERS), |s| {
        s.acquisition.tier.name().into()
    }),
    field("Collection Number", "COLLECTION_NUMBER", Filter::None, |s| s.level.collection().to_string()),
    shown("WRS Path", "WRS_PATH", Filter::Range, |s| format!(" {:03}", s.acquisition.path)),
    shown("WRS Row", "WRS_ROW", Filter::Range, |s| format!(" {:03}", s.acquisition.row)),
    field("Nadir/Off Nadir", "NADIR_OFFNADIR", Filter::None, |_| "NADIR".into()),
    field("Roll Angle", "ROLL_ANGLE", Filter::None, |s| thousandths(s, 20, 2, -1.0)),
    field("Date Product Generated L1", "DATE_PRODUCT_GENERATED", Filter::None, |s| slashed(s.processed())),
    field("Start Time", "START_TIME", Filter::None, |s| format!("{} {}", s.acquisition.day(), time(s, 0))),
    field("Stop Time", "STOP_TIME", Filter::None, |s| format!("{} {}", s.acquisition.day(), time(s, 31))),
    field("Station Identifier", "STATION_ID", Filter::None, |s| {
        s.entity_id().get(16..19).unwrap_or("LGN").into()
    }),
    field("Day/Night Indicator", "DAY_NIGHT", Filter::Select(DAY_NIGHT), |_| "DAY".into()),
    field("Land Cloud Cover", "LAND_CLOUD_COVER", Filter::Range, cloud),
    shown("Scene Cloud Cover L1", "SCENE_CLOUD_COVER", Filter::Range, cloud),
    field("Geometric RMSE Model", "GEOMETRIC_RMSE_MODEL", Filter::None, |s| thousandths(s, 21, 8, 3.0)),
    field("Image Quality", "IMAGE_QUALITY", Filter::Range, |s| quality(s.acquisition.tier).into()),
    field("Sun Elevation L0RA", "SUN_ELEVATION", Filter::None, sun_elevation),
    field("Sun Azimuth L0RA", "SUN_AZIMUTH", Filter::None, |s| thousandths(s, 22, 40, 130.0)),
    field("Sensor Identifier", "SENSOR_ID", Filter::None, |s| s.acquisition.satellite.sensor().into()),
    field("Satellite", "SATELLITE", Filter::Select(SATELLITES), |s| {
        s.acquisition.satellite.number().to_string()
    }),
    field("Map Projection L1", "MAP_PROJECTION", Filter::None, |_| "UTM".into()),
    field("UTM Zone", "UTM_ZONE", Filter::None, |s| utm_zone(s).to_string()),
    field("Datum", "DATUM", Filter::None, |_| "WGS84".into()),
];

/// The corners as full metadata name them: `Corner Upper Left Latitude`, in decimal degrees.
pub fn corner_fields(scene: &Scene<'_>) -> Vec<(String, f64)> {
    let corners = scene.acquisition.corners;
    let named: [(&str, Place); 4] = [
        ("Upper Left", corners.upper_left),
        ("Upper Right", corners.upper_right),
        ("Lower Left", corners.lower_left),
        ("Lower Right", corners.lower_right),
    ];
    named
        .into_iter()
        .flat_map(|(name, place)| {
            [(format!("Corner {name} Latitude"), place.lat), (format!("Corner {name} Longitude"), place.lon)]
        })
        .collect()
}

/// The UTM zone of the scene's centre.
pub fn utm_zone(scene: &Scene<'_>) -> u8 {
    let centre = super::wrs::centre(scene.acquisition.path, scene.acquisition.row);
    ((centre.lon + 180.0) / 6.0).floor().clamp(0.0, 59.0) as u8 + 1
}

fn slashed(date: jiff::civil::Date) -> String {
    date.strftime("%Y/%m/%d").to_string()
}

/// `10:28:31`, `after` seconds into the scene.
fn time(scene: &Scene<'_>, after: u32) -> String {
    let second = (scene.acquisition.second + after) % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

fn cloud(scene: &Scene<'_>) -> String {
    scene.acquisition.cloud.map_or("-1".into(), |cloud| format!("{:.2}", f64::from(cloud) / 100.0))
}

fn quality(tier: Tier) -> &'static str {
    match tier {
        Tier::T1 => "9",
        Tier::T2 => "7",
    }
}

/// Higher in summer; rough, but of the right sign.
fn sun_elevation(scene: &Scene<'_>) -> String {
    let centre = super::wrs::centre(scene.acquisition.path, scene.acquisition.row);
    let season = (f64::from(scene.acquisition.date.day_of_year()) - 172.0) / 365.25 * std::f64::consts::TAU;
    let declination = 23.44 * season.cos();
    format!("{:.8}", (78.0 - (centre.lat - declination).abs()).max(5.0))
}

fn thousandths(scene: &Scene<'_>, draw: u64, span: u32, from: f64) -> String {
    let share = f64::from(scene.acquisition.chance().up_to(draw, span * 1000)) / 1000.0;
    format!("{:.3}", from + share)
}

#[cfg(test)]
mod tests {
    use super::super::{Archive, dataset};
    use super::*;

    #[test]
    fn ids_differ_between_datasets() {
        let (one, two) = (dataset("landsat_ot_c2_l1").unwrap(), dataset("landsat_ot_c2_l2").unwrap());
        let path = fields(one).find(|f| f.name == "WRS Path").unwrap();
        assert_ne!(path.id(one), path.id(two));
        assert_eq!(path.id(one).len(), 16);
    }

    #[test]
    fn level_2_names_its_parent() {
        let archive = Archive::generate();
        let two = dataset("landsat_ot_c2_l2").unwrap();
        let scene = archive.scenes(two).next().unwrap();
        let value = |name| fields(two).find(|f| f.name == name).map(|f| (f.value)(&scene)).unwrap();
        assert_eq!(value("Landsat Product Identifier L2"), scene.display_id());
        assert!(value("Landsat Product Identifier L1").contains("_L1"));
        assert_eq!(corner_fields(&scene).len(), 8);
        let one = dataset("landsat_ot_c2_l1").unwrap();
        assert!(!fields(one).any(|f| f.name == "Landsat Product Identifier L2"));
    }
}
