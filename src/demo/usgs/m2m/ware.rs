//! What can be downloaded: a bundle, a single file or a browse image of a scene.

use crate::demo::usgs::files::{self, Kind, Part, Size};
use crate::demo::usgs::scenes::fields::opaque_id;
use crate::demo::usgs::scenes::{Archive, DATASETS, Dataset, Scene, Shelf};

/// One thing to download.
#[derive(Debug, Clone, PartialEq)]
pub struct Ware {
    /// The dataset of the scene.
    pub dataset: &'static Dataset,
    /// The entity id of the scene.
    pub scene: String,
    /// What of the scene.
    pub what: What,
}

/// What of a scene is downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// All files, in a tar.
    Bundle,
    /// One file.
    Part(Part),
    /// The browse image at full resolution.
    Browse,
}

/// Why a pair of ids names nothing to download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// The product id is a single file's, the entity id is the scene's: counted, but not named in the answer.
    ParentOfPart,
    /// Anything else.
    Unknown,
}

impl Ware {
    /// What a product id and an entity id name together.
    pub fn named(archive: &Archive, entity: &str, product: &str) -> Result<Ware, Mismatch> {
        if let Some((dataset, scene)) = parent_of_part(archive, entity) {
            let bands = dataset.band_files().ok_or(Mismatch::Unknown)?;
            let part = files::parts_of(&scene)
                .find(|part| part.entity_id(&scene) == entity && part.product_id(bands) == product);
            let part = part.ok_or(Mismatch::Unknown)?;
            return Ok(Ware { dataset, scene: scene.entity_id(), what: What::Part(part) });
        }
        for dataset in shelves() {
            for offered in files::products(dataset) {
                if opaque_id(&[dataset.id, offered.name]) == product {
                    let what = match offered.kind {
                        Kind::Bundle => What::Bundle,
                        Kind::Browse => What::Browse,
                        Kind::Folder | Kind::OrderOnly => return Err(Mismatch::Unknown),
                    };
                    let scene = archive.by_entity(dataset, entity).ok_or(Mismatch::Unknown)?;
                    return Ok(Ware { dataset, scene: scene.entity_id(), what });
                }
            }
        }
        let is_part = shelves().any(|dataset| {
            dataset
                .band_files()
                .is_some_and(|bands| files::parts(dataset).any(|part| part.product_id(bands) == product))
        });
        Err(if is_part { Mismatch::ParentOfPart } else { Mismatch::Unknown })
    }

    /// The scene, from the archive.
    pub fn scene_in<'a>(&self, archive: &'a Archive) -> Option<Scene<'a>> {
        archive.by_entity(self.dataset, &self.scene)
    }

    /// The entity id that requests name it by.
    pub fn entity_id(&self, scene: &Scene<'_>) -> String {
        match self.what {
            What::Part(part) => part.entity_id(scene),
            What::Bundle | What::Browse => scene.entity_id(),
        }
    }

    /// The product id that requests name it by.
    pub fn product_id(&self) -> String {
        let own = |kind| {
            let product = files::products(self.dataset).into_iter().find(|product| product.kind == kind);
            product.map_or_else(String::new, |product| opaque_id(&[self.dataset.id, product.name]))
        };
        match self.what {
            What::Part(part) => {
                self.dataset.band_files().map_or_else(String::new, |bands| part.product_id(bands))
            }
            What::Bundle => own(Kind::Bundle),
            What::Browse => own(Kind::Browse),
        }
    }

    /// Its file name.
    pub fn file_name(&self, scene: &Scene<'_>) -> String {
        match self.what {
            What::Part(part) => part.file_name(scene),
            What::Bundle => files::bundle_name(scene),
            What::Browse => format!("{}.jpg", scene.display_id()),
        }
    }

    /// Its media type.
    pub fn media_type(&self) -> &'static str {
        match self.what {
            What::Part(part) => part.media_type(),
            What::Bundle => "application/x-tar",
            What::Browse => "image/jpeg",
        }
    }

    /// Its bytes, made anew.
    pub fn bytes(&self, scene: &Scene<'_>) -> Vec<u8> {
        match self.what {
            What::Part(part) => part.bytes(scene),
            What::Bundle => files::bundle(scene),
            What::Browse => files::browse(scene, Size::Full),
        }
    }
}

fn shelves() -> impl Iterator<Item = &'static Dataset> {
    DATASETS.iter().filter(|dataset| dataset.shelf == Shelf::Scenes)
}

/// The scene that an entity id of the band files' datasets belongs to: `L2_<display id>_SR_B4_TIF`.
fn parent_of_part<'a>(archive: &'a Archive, entity: &str) -> Option<(&'static Dataset, Scene<'a>)> {
    let display = entity.strip_prefix("L1_").or_else(|| entity.strip_prefix("L2_"))?.get(..40)?;
    let scene = archive.by_display_id(display)?;
    let dataset = shelves().find(|dataset| {
        dataset.level == scene.level && dataset.satellites.contains(&scene.acquisition.satellite)
    })?;
    Some((dataset, scene))
}
