//! The archives that completed items are downloaded as, honest or not.

use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use serde_json::json;

use super::order::{Item, Order, PLOT};
use super::sensors::Personality;
use crate::demo::http::hex;
use crate::demo::usgs::files::{self, Member};
use crate::demo::usgs::scenes::{Archive, Scene};

/// What is wrong with an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// The `.md5` is that of other bytes.
    WrongMd5,
    /// The archive ends in its middle, and its `.md5` agrees.
    Truncated,
    /// A member climbs out: `../../outside.tif`.
    Climbing,
    /// A member is absolute: `/tmp/outside.tif`.
    Absolute,
    /// Members are symbolic and hard links out of the archive, and a file below one of them.
    Links,
    /// A member of 128 MiB that is less than a megabyte here.
    Bomb,
}

/// The size of the member of a [`Flaw::Bomb`].
pub const BOMB: u64 = 128 << 20;

/// The bytes of an item's archive.
pub fn archive(
    scenes: &Archive,
    personality: Personality,
    order: &Order,
    item: &Item,
    flaw: Flaw,
) -> Vec<u8> {
    let day = item
        .completed
        .map_or(jiff::civil::date(2020, 1, 1), |at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
    let mut members =
        if item.name == PLOT { plots(order) } else { products(scenes, personality, order, item) };
    let outside = |name: &str| Member::file(name, b"this must not be written".to_vec());
    match flaw {
        Flaw::Bomb => return BOMB_ARCHIVE.clone(),
        Flaw::Climbing => members.insert(0, outside("../../outside.tif")),
        Flaw::Absolute => members.insert(0, outside("/tmp/stacfs-outside.tif")),
        Flaw::Links => {
            members.insert(0, Member::symlink("escape", "/tmp"));
            members.insert(1, outside("escape/stacfs-outside.tif"));
            members.insert(2, Member::hardlink("passwords", "/etc/passwd"));
        }
        Flaw::None | Flaw::WrongMd5 | Flaw::Truncated => {}
    }
    let mut bytes = files::tar_gz(&members, day);
    if flaw == Flaw::Truncated {
        bytes.truncate(bytes.len() / 2);
    }
    bytes
}

/// The text of the `.md5` beside an archive.
pub fn md5_file(file_name: &str, bytes: &[u8], flaw: Flaw) -> String {
    let extra: &[u8] = if flaw == Flaw::WrongMd5 { b"!" } else { b"" };
    let digest = Md5::new().chain_update(bytes).chain_update(extra).finalize();
    format!("{}  {file_name}\n", hex(&digest))
}

/// The members of a scene's archive: a raster for each product, and metadata. Formats other than ENVI come as
/// GeoTIFF.
fn products(scenes: &Archive, personality: Personality, order: &Order, item: &Item) -> Vec<Member> {
    let Some(scene) = scenes.by_display_id(&item.name) else {
        // MODIS and VIIRS have no scenes here: their tiles are metadata only.
        return vec![Member::file(format!("{}.xml", item.name), xml(&item.name).into_bytes())];
    };
    let envi = order.options["format"] == json!("envi");
    let mut members = Vec::new();
    for product in order.products(&item.name, personality) {
        for layer in layers(&scene, &product) {
            let stem = format!("{}_{layer}", item.name);
            if envi {
                members.push(Member::file(format!("{stem}.img"), files::pixels(&scene, &layer)));
                members.push(Member::file(
                    format!("{stem}.hdr"),
                    files::envi_header(&scene, &layer).into_bytes(),
                ));
            } else {
                members.push(Member::file(format!("{stem}.tif"), files::geotiff(&scene, &layer)));
            }
        }
    }
    members.push(Member::file(format!("{}.xml", item.name), xml(&item.name).into_bytes()));
    members
}

/// The rasters of a product, as their names end. Collection 1 writes them small, Collection 2 in capitals.
fn layers(scene: &Scene<'_>, product: &str) -> Vec<String> {
    let bands = |prefix: &str| (1..=7).map(|band| format!("{prefix}{band}")).collect::<Vec<_>>();
    match (product, scene.level.collection()) {
        ("sr", _) => bands("sr_band"),
        ("toa", _) => bands("toa_band"),
        ("bt", _) => vec!["bt_band10".into(), "bt_band11".into()],
        ("l1", 1) => bands("b"),
        ("l1", _) => {
            let rasters = files::parts_of(scene).filter(|part| part.is_raster());
            rasters.map(|part| part.suffix.trim_end_matches(".TIF").to_owned()).collect()
        }
        ("stats" | "source_metadata", _) => Vec::new(),
        (index, 1) => vec![index.to_owned()],
        ("et", _) => vec!["ETF".into()],
        (index, _) => vec![index.to_uppercase()],
    }
}

fn plots(order: &Order) -> Vec<Member> {
    let rows: String = order.scenes.iter().map(|(name, _)| format!("{name},0.16,0.06\n")).collect();
    vec![Member::file("statistics.csv", format!("scene,mean,deviation\n{rows}").into_bytes())]
}

fn xml(name: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<espa_metadata version=\"2.0\">\n  <product_id>{name}</product_id>\n\
         </espa_metadata>\n"
    )
}

/// Made once: it takes a while.
static BOMB_ARCHIVE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let day = jiff::civil::date(2020, 1, 1);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    let header = files::header("bomb.tif", BOMB, day);
    let written = gzip.write_all(&header).and_then(|()| {
        (0..BOMB >> 20).try_for_each(|_| gzip.write_all(&zeros))?;
        gzip.write_all(&[0; 1024])
    });
    written.and_then(|()| gzip.finish()).unwrap_or_default() // a Vec takes all
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_md5_is_that_of_md5sum() {
        assert_eq!(md5_file("a.tar.gz", b"abc", Flaw::None), "900150983cd24fb0d6963f7d28e17f72  a.tar.gz\n");
        assert_ne!(md5_file("a", b"abc", Flaw::WrongMd5), md5_file("a", b"abc", Flaw::None));
    }

    #[test]
    fn a_bomb_is_small_here_and_large_there() {
        assert!(BOMB_ARCHIVE.len() < 1 << 20);
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&BOMB_ARCHIVE[..]));
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.header().size().unwrap(), BOMB);
    }
}
