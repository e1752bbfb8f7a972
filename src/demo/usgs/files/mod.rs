//! The files of scenes: which there are, what they are called and what is in them.
//!
//! In: a scene. Out: its bundle (an uncompressed tar), its single files, its browse images, always the same
//! bytes for the same name.

mod archive;
mod browse;
mod raster;
mod text;

pub use archive::{Content, Member, Padded, header, tar, tar_gz};
pub use browse::{Size, browse};
pub use raster::{envi_header, geotiff, pixels};

use std::sync::Arc;

use super::scenes::fields::opaque_id;
use super::scenes::{Dataset, Level, Satellite, Scene, Shelf};
use raster::Sight;

/// What a dataset offers for download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// `productName`.
    pub name: &'static str,
    /// `productCode`.
    pub code: &'static str,
    /// `downloadSystem`.
    pub system: &'static str,
    /// What is downloaded.
    pub kind: Kind,
}

/// What a product is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All files of the scene in a tar.
    Bundle,
    /// A folder of single files, the secondary downloads. Has no bytes of its own.
    Folder,
    /// The browse image at full resolution.
    Browse,
    /// Something that must be ordered first; never available.
    OrderOnly,
}

/// The products of a dataset, in the order of `download-options`.
pub fn products(dataset: &Dataset) -> Vec<Product> {
    if dataset.shelf != Shelf::Scenes {
        return Vec::new();
    }
    let product = |name, code, system, kind| Product { name, code, system, kind };
    match dataset.level {
        Level::Collection2Level2 => vec![
            product("Landsat Collection 2 Level-2 Product Bundle", "D694", "ls_zip", Kind::Bundle),
            product("Landsat Collection 2 Level-2 Band File", "D796", "folder", Kind::Folder),
            product("Full-Resolution Browse (Reflective Color) JPEG", "D682", "dds", Kind::Browse),
        ],
        Level::Collection2Level1 | Level::Collection1 => vec![
            product("Landsat Collection 2 Level-1 Product Bundle", "D687", "ls_zip", Kind::Bundle),
            product("Landsat Collection 2 Level-1 Band File", "D795", "folder", Kind::Folder),
            product("Full-Resolution Browse (Reflective Color) JPEG", "D681", "dds", Kind::Browse),
            product("Landsat Level-0 Reformatted Archive", "D140", "dds_zip", Kind::OrderOnly),
        ],
    }
}

/// The file group of a dataset's single files.
pub fn group(dataset: &Dataset) -> &'static str {
    match dataset.level {
        Level::Collection2Level2 => "ls_c2l2_all",
        Level::Collection2Level1 | Level::Collection1 => "ls_c2l1_all",
    }
}

/// A single file of a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What follows the product id in the file's name: `SR_B4.TIF`.
    pub suffix: &'static str,
}

impl Part {
    /// The name of the file.
    pub fn file_name(self, scene: &Scene<'_>) -> String {
        format!("{}_{}", scene.display_id(), self.suffix)
    }

    /// The entity id of the file in the band files' dataset: `L2_LC08_…_SR_B4_TIF`.
    pub fn entity_id(self, scene: &Scene<'_>) -> String {
        let level = if scene.level == Level::Collection2Level2 { "L2" } else { "L1" };
        format!("{level}_{}_{}", scene.display_id(), self.suffix.replace('.', "_"))
    }

    /// The id of the file as a product of the band files' dataset.
    pub fn product_id(self, bands: &Dataset) -> String {
        opaque_id(&[bands.id, self.suffix])
    }

    /// The name of the file as a product.
    pub fn product_name(self) -> String {
        format!("Landsat Collection 2 {}", self.suffix)
    }

    /// Text files come from the old distribution system, rasters from the cloud.
    pub fn system(self) -> &'static str {
        if self.is_raster() { "ls_s3" } else { "dds" }
    }

    /// Whether it is a raster, not a text.
    pub fn is_raster(self) -> bool {
        self.suffix.ends_with(".TIF")
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self.suffix.rsplit_once('.') {
            Some((_, "TIF")) => "image/tiff",
            Some((_, "json")) => "application/json",
            _ => "text/plain",
        }
    }

    /// The bytes.
    pub fn bytes(self, scene: &Scene<'_>) -> Vec<u8> {
        self.bytes_of(&Sight::of(scene.acquisition), scene)
    }

    fn bytes_of(self, sight: &Arc<Sight>, scene: &Scene<'_>) -> Vec<u8> {
        match self.suffix {
            "MTL.txt" => text::mtl(scene).into_bytes(),
            "MTL.json" => text::mtl_json(scene).into_bytes(),
            "ANG.txt" => text::ang(scene).into_bytes(),
            band => raster::geotiff_of(sight, scene, band),
        }
    }
}

/// The files that scenes of a dataset can have.
pub fn parts(dataset: &Dataset) -> impl Iterator<Item = Part> {
    let suffixes = dataset.satellites.first().map_or(&[][..], |first| suffixes(*first, dataset.level));
    let none = dataset.shelf == Shelf::BandFiles;
    suffixes.iter().filter(move |_| !none).map(|suffix| Part { suffix })
}

/// The files of a scene: `L2SR` scenes have no surface temperature.
pub fn parts_of(scene: &Scene<'_>) -> impl Iterator<Item = Part> + use<> {
    let reflectance_only = scene.processing() == "L2SR";
    suffixes(scene.acquisition.satellite, scene.level)
        .iter()
        .map(|suffix| Part { suffix })
        .filter(move |part| !(reflectance_only && part.suffix.starts_with("ST_")))
}

/// All files of a scene: the members of its bundle, in the order of [`parts_of`].
pub fn members(scene: &Scene<'_>) -> Vec<Member> {
    let sight = Sight::of(scene.acquisition);
    let member = |part: Part| Member::file(part.file_name(scene), part.bytes_of(&sight, scene));
    parts_of(scene).map(member).collect()
}

/// The bundle of a scene, uncompressed.
pub fn bundle(scene: &Scene<'_>) -> Vec<u8> {
    tar(&members(scene), scene.processed())
}

/// The name of the bundle.
pub fn bundle_name(scene: &Scene<'_>) -> String {
    format!("{}.tar", scene.display_id())
}

#[rustfmt::skip]
const fn suffixes(satellite: Satellite, level: Level) -> &'static [&'static str] {
    match (satellite, level) {
        (Satellite::Landsat8 | Satellite::Landsat9, Level::Collection2Level2) => &[
            "SR_B1.TIF", "SR_B2.TIF", "SR_B3.TIF", "SR_B4.TIF", "SR_B5.TIF", "SR_B6.TIF", "SR_B7.TIF",
            "SR_QA_AEROSOL.TIF", "ST_B10.TIF", "ST_QA.TIF", "QA_PIXEL.TIF", "QA_RADSAT.TIF",
            "ANG.txt", "MTL.txt", "MTL.json",
        ],
        (Satellite::Landsat8 | Satellite::Landsat9, _) => &[
            "B1.TIF", "B2.TIF", "B3.TIF", "B4.TIF", "B5.TIF", "B6.TIF", "B7.TIF", "B8.TIF", "B9.TIF", "B10.TIF",
            "B11.TIF", "QA_PIXEL.TIF", "QA_RADSAT.TIF", "ANG.txt", "MTL.txt", "MTL.json",
        ],
        (Satellite::Landsat7, Level::Collection2Level2) => &[
            "SR_B1.TIF", "SR_B2.TIF", "SR_B3.TIF", "SR_B4.TIF", "SR_B5.TIF", "SR_B7.TIF", "SR_ATMOS_OPACITY.TIF",
            "ST_B6.TIF", "ST_QA.TIF", "QA_PIXEL.TIF", "QA_RADSAT.TIF", "ANG.txt", "MTL.txt", "MTL.json",
        ],
        (Satellite::Landsat7, _) => &[
            "B1.TIF", "B2.TIF", "B3.TIF", "B4.TIF", "B5.TIF", "B6_VCID_1.TIF", "B6_VCID_2.TIF", "B7.TIF", "B8.TIF",
            "QA_PIXEL.TIF", "QA_RADSAT.TIF", "ANG.txt", "MTL.txt", "MTL.json",
        ],
        (_, Level::Collection2Level2) => &[
            "SR_B1.TIF", "SR_B2.TIF", "SR_B3.TIF", "SR_B4.TIF", "SR_B5.TIF", "SR_B7.TIF", "SR_ATMOS_OPACITY.TIF",
            "ST_B6.TIF", "ST_QA.TIF", "QA_PIXEL.TIF", "QA_RADSAT.TIF", "ANG.txt", "MTL.txt", "MTL.json",
        ],
        _ => &[
            "B1.TIF", "B2.TIF", "B3.TIF", "B4.TIF", "B5.TIF", "B6.TIF", "B7.TIF", "QA_PIXEL.TIF", "QA_RADSAT.TIF",
            "ANG.txt", "MTL.txt", "MTL.json",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenes::{Archive, dataset};
    use super::*;
    use std::io::Read;

    #[test]
    fn a_bundle_holds_every_file_under_its_name() {
        let archive = Archive::generate();
        let dataset = dataset("landsat_ot_c2_l2").unwrap();
        let scene = archive.scenes(dataset).find(|scene| scene.processing() == "L2SP").unwrap();
        let bytes = bundle(&scene);
        assert_eq!(bytes, bundle(&scene));
        let mut names = Vec::new();
        for entry in ::tar::Archive::new(&bytes[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            names.push(entry.path().unwrap().display().to_string());
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            if names.last().unwrap().ends_with(".TIF") {
                assert!(content.starts_with(b"II\x2a\0"));
            }
        }
        let expected: Vec<String> = parts_of(&scene).map(|part| part.file_name(&scene)).collect();
        assert_eq!(names, expected);
        assert!(names.iter().any(|name| name.ends_with("_ST_B10.TIF")));
    }

    #[test]
    fn reflectance_only_scenes_have_no_temperature() {
        let archive = Archive::generate();
        let dataset = dataset("landsat_etm_c2_l2").unwrap();
        let scene = archive.scenes(dataset).find(|scene| scene.processing() == "L2SR").unwrap();
        assert!(!parts_of(&scene).any(|part| part.suffix.starts_with("ST_")));
        assert!(parts(dataset).any(|part| part.suffix.starts_with("ST_")));
    }
}
