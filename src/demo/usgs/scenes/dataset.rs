//! The datasets, by the names of M2M and by those of the old inventory API.

use super::{Acquisition, Level, Satellite, Scene};

use Satellite::{Landsat4, Landsat5, Landsat7, Landsat8, Landsat9};

/// A dataset: one level of one sensor family.
#[derive(Debug, PartialEq)]
pub struct Dataset {
    /// Sixteen hexadecimal digits.
    pub id: &'static str,
    /// The name that requests use; any case is understood.
    pub alias: &'static str,
    /// The name for people.
    pub title: &'static str,
    /// Collection and processing level.
    pub level: Level,
    /// Whose scenes it holds.
    pub satellites: &'static [Satellite],
    /// What it stands for.
    pub shelf: Shelf,
    /// The number it had in the old API.
    pub legacy_id: Option<u32>,
}

/// Where a dataset is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// Scenes on M2M.
    Scenes,
    /// Single files of another dataset's scenes; searching it finds nothing.
    BandFiles,
    /// Collection 1: only the old inventory API still shows it.
    Retired,
}

impl Dataset {
    /// What the dataset makes of an acquisition; `None` where it is another sensor's, or was never processed.
    pub fn scene<'a>(&self, acquisition: &'a Acquisition) -> Option<Scene<'a>> {
        let scene = Scene { level: self.level, acquisition };
        let held = self.shelf != Shelf::BandFiles && self.satellites.contains(&acquisition.satellite);
        (held && scene.exists()).then_some(scene)
    }

    /// The dataset of this one's single files, if they are offered.
    pub fn band_files(&self) -> Option<&'static Dataset> {
        let alias = match (self.shelf, self.level) {
            (Shelf::Scenes, Level::Collection2Level1) => "landsat_band_files_c2_l1",
            (Shelf::Scenes, Level::Collection2Level2) => "landsat_band_files_c2_l2",
            _ => return None,
        };
        dataset(alias)
    }
}

/// The dataset of this name or id, in any case, as both APIs look it up.
pub fn dataset(name: &str) -> Option<&'static Dataset> {
    DATASETS.iter().find(|known| known.alias.eq_ignore_ascii_case(name) || known.id == name)
}

const OLI: &[Satellite] = &[Landsat8, Landsat9];
const ETM: &[Satellite] = &[Landsat7];
const TM: &[Satellite] = &[Landsat4, Landsat5];

const fn scenes(
    id: &'static str,
    alias: &'static str,
    title: &'static str,
    level: Level,
    satellites: &'static [Satellite],
) -> Dataset {
    Dataset { id, alias, title, level, satellites, shelf: Shelf::Scenes, legacy_id: None }
}

const fn bands(id: &'static str, alias: &'static str, title: &'static str, level: Level) -> Dataset {
    Dataset { shelf: Shelf::BandFiles, ..scenes(id, alias, title, level, OLI) }
}

const fn retired(
    id: &'static str,
    alias: &'static str,
    title: &'static str,
    satellites: &'static [Satellite],
    legacy_id: u32,
) -> Dataset {
    let base = scenes(id, alias, title, Level::Collection1, satellites);
    Dataset { shelf: Shelf::Retired, legacy_id: Some(legacy_id), ..base }
}

/// All of them.
pub static DATASETS: [Dataset; 11] = [
    scenes(
        "5e81f14f59432a27",
        "landsat_ot_c2_l1",
        "Landsat 8-9 OLI/TIRS C2 L1",
        Level::Collection2Level1,
        OLI,
    ),
    scenes(
        "5e83d14f227af8c6",
        "landsat_ot_c2_l2",
        "Landsat 8-9 OLI/TIRS C2 L2",
        Level::Collection2Level2,
        OLI,
    ),
    scenes("5e83a3efe0103743", "landsat_etm_c2_l1", "Landsat 7 ETM+ C2 L1", Level::Collection2Level1, ETM),
    scenes("5e83d12aa7fa3b7c", "landsat_etm_c2_l2", "Landsat 7 ETM+ C2 L2", Level::Collection2Level2, ETM),
    scenes("5e83a38098e6a5f6", "landsat_tm_c2_l1", "Landsat 4-5 TM C2 L1", Level::Collection2Level1, TM),
    scenes("5e83d1191a4e8b02", "landsat_tm_c2_l2", "Landsat 4-5 TM C2 L2", Level::Collection2Level2, TM),
    bands(
        "5f6a6f5ef51d2a03",
        "landsat_band_files_c2_l1",
        "Landsat C2 L1 Band Files",
        Level::Collection2Level1,
    ),
    bands(
        "5f6a6fb2137a6c80",
        "landsat_band_files_c2_l2",
        "Landsat C2 L2 Band Files",
        Level::Collection2Level2,
    ),
    retired("5e7c4182d6a0f1b4", "landsat_8_c1", "Landsat 8 OLI/TIRS C1 Level-1", &[Landsat8], 12864),
    retired("5e7c41825b1c7d21", "landsat_etm_c1", "Landsat 7 ETM+ C1 Level-1", ETM, 12267),
    retired("5e7c4182c8b2a9e3", "landsat_tm_c1", "Landsat 4-5 TM C1 Level-1", TM, 12266),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_by_id() {
        assert_eq!(dataset("LANDSAT_8_C1").map(|d| d.legacy_id), Some(Some(12864)));
        assert_eq!(dataset("5e83d14f227af8c6").map(|d| d.alias), Some("landsat_ot_c2_l2"));
        assert_eq!(dataset("landsat_ot_c2_l3"), None);
    }

    #[test]
    fn ids_and_names_are_unique() {
        let mut names: Vec<_> = DATASETS.iter().flat_map(|d| [d.id, d.alias]).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 2 * DATASETS.len());
    }

    #[test]
    fn scenes_have_companions_for_their_bands() {
        let companion = |name| dataset(name).and_then(Dataset::band_files).map(|d| d.alias);
        assert_eq!(companion("landsat_etm_c2_l2"), Some("landsat_band_files_c2_l2"));
        assert_eq!(companion("landsat_8_c1"), None);
        assert_eq!(companion("landsat_band_files_c2_l2"), None);
    }
}
