//! GDAL, as users run it.

use stacfs::demo;

use crate::mounted::{MOON, Mounted};

#[test]
fn gdal_reads_the_same_pixels_through_the_mount() {
    let demo = demo::start(demo::Options::default()).unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let image = mount.sh(&format!("ls {MOON}/bbox=0,0,2.5,2.5/*/*.tif | head -1"));
    let image = image.trim();
    let item = image.rsplit_once('/').unwrap().0;
    let href = mount.sh(&format!(
        "python3 -c \"import json; print(json.load(open('{item}/item.json'))['assets']['image']['href'])\""
    ));
    mount.sh(&format!("curl -sf -o $OUT/original.tif {}", href.trim()));
    assert!(mount.sh(&format!("gdalinfo {image}")).contains("Moon"));
    let window = "-srcwin 300 200 640 480 -q";
    mount.sh(&format!(
        "gdal_translate {window} {image} $OUT/here.tif; gdal_translate {window} $OUT/original.tif $OUT/there.tif"
    ));
    let checksum = |file: &str| mount.sh(&format!("gdalinfo -checksum {file} | grep Checksum"));
    assert_eq!(checksum("$OUT/here.tif"), checksum("$OUT/there.tif"));
    assert_eq!(checksum(image), checksum("$OUT/original.tif"));
}
