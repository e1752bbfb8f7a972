//! Windows of a tiled image, read by GDAL through a mount, beside GDAL's own remote reader.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stacfs::demo::http::{Bytes, Content};
use stacfs::demo::world::Assets;
use stacfs::demo::{self, Demo};

use crate::mosaics::judge;
use crate::mounted::Mounted;
use crate::noise::{Noise, Noisy, sent, world};

/// Tiles in a row, and rows.
const ACROSS: u32 = 22;
/// Pixels of a tile's side, of two bytes each.
const TILE: u32 = 512;
const TILE_BYTES: u32 = TILE * TILE * 2;
/// Between tiles, as the leaders of cloud-optimised GeoTIFFs are: no tile begins with a page.
const LEADER: u32 = 8;
const COUNT: u32 = ACROSS * ACROSS;

/// A tiled TIFF of noise.
struct Image {
    head: Vec<u8>,
    noise: Noise,
}

impl Image {
    const NAME: &str = "image.tif";

    /// Its directory: one image, no compression.
    fn head() -> Vec<u8> {
        let mut head = b"II*\0".to_vec();
        head.extend(8u32.to_le_bytes());
        let (long, short) = (4u16, 3u16);
        let arrays = 8 + 2 + 10 * 12 + 4;
        let side = ACROSS * TILE;
        let fields = [
            (256u16, long, 1, side),
            (257, long, 1, side),
            (258, short, 1, 16),
            (259, short, 1, 1),
            (262, short, 1, 1),
            (277, short, 1, 1),
            (322, long, 1, TILE),
            (323, long, 1, TILE),
            (324, long, COUNT, arrays),
            (325, long, COUNT, arrays + 4 * COUNT),
        ];
        head.extend((fields.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in fields {
            head.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            head.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
        }
        head.extend(0u32.to_le_bytes());
        let first = arrays + 8 * COUNT + LEADER / 2;
        (0..COUNT).for_each(|n| head.extend((first + n * (TILE_BYTES + LEADER)).to_le_bytes()));
        (0..COUNT).for_each(|_| head.extend(TILE_BYTES.to_le_bytes()));
        head
    }

    fn file() -> Noisy {
        let length = Image::head().len() as u64 + u64::from(COUNT) * u64::from(TILE_BYTES + LEADER);
        Noisy::untold("image", Image::NAME, length)
    }
}

impl Bytes for Image {
    fn len(&self) -> u64 {
        self.noise.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.noise.read_at(offset, buf)?;
        let start = self.head.len().min(offset as usize);
        let head = &self.head[start..];
        let count = head.len().min(buf.len());
        buf[..count].copy_from_slice(&head[..count]);
        Ok(())
    }
}

struct Shelf;

impl Assets for Shelf {
    fn asset(&self, path: &str) -> Option<Content> {
        let image = Image { head: Image::head(), noise: Image::file().noise() };
        (path == format!("image/{}", Image::NAME)).then(|| Content {
            bytes: Arc::new(image),
            media_type: "image/tiff; application=geotiff; profile=cloud-optimized".to_owned(),
            etag: Some("\"1\"".to_owned()),
            last_modified: Timestamp::from_second(1_600_000_000).ok(),
        })
    }
}

fn serve() -> Demo {
    let mut world = world(&[Image::file()]);
    world.assets = Arc::new(Shelf);
    demo::start(demo::Options { world: Arc::new(world), ..demo::Options::default() }).unwrap()
}

#[test]
fn who_reads_past_the_page_cache_is_refused_nothing() {
    const PIECE: usize = 128 << 10;
    let demo = serve();
    let mount = Mounted::of(&demo.stac_url);
    let direct =
        OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(mount.path(&Image::file().path()));
    let (direct, mut bytes) = (direct.unwrap(), vec![0; PIECE]);
    direct.read_exact_at(&mut bytes[..16_384], 0).unwrap();
    // A bit of a tile, and on from there into the next one, as the kernel's read-ahead would.
    for tile in [7, 200, 41, 300, 9, 450] {
        let start = Image::head().len() as u64 + u64::from(tile * (TILE_BYTES + LEADER) + LEADER / 2);
        let (mut offset, mut length) = (start & !4095, 8192);
        while offset < start + u64::from(2 * TILE_BYTES) {
            let read = direct.read_exact_at(&mut bytes[..length], offset);
            read.unwrap_or_else(|error| panic!("{length} bytes from {offset}: {error}"));
            assert_eq!(bytes[..length], Image::file().expected(offset, length));
            offset += length as u64;
            length = PIECE;
        }
    }
}

#[test]
fn windows_take_hardly_more_bytes_than_gdals_own_remote_reader() {
    let demo = serve();
    let url = format!("{}{}", demo.server.url(), Image::file().url_path());
    let remote = judge(&["windows", &format!("/vsicurl/{url}"), "32"]);
    // What is on its way when a reader has gone still counts.
    let settled = || {
        let ended = |entries: &[demo::http::Entry]| entries.iter().all(|entry| entry.took.is_some());
        demo.server.journal().wait_for(Duration::from_secs(60), ended);
        sent(&demo)
    };
    let theirs = settled();
    assert!(theirs > 32 * u64::from(TILE_BYTES), "{theirs} bytes by /vsicurl/");
    demo.server.journal().clear();
    let mount = Mounted::of(&demo.stac_url);
    let image = mount.path(&Image::file().path()).display().to_string();
    assert_eq!(judge(&["windows", &image, "32"]), remote, "the same pixels");
    let ours = settled();
    assert!(ours * 10 <= theirs * 11, "{ours} bytes, {theirs} by /vsicurl/");
    demo.server.journal().clear();
    assert_eq!(judge(&["windows", &image, "32"]), remote);
    assert_eq!(sent(&demo), 0, "a second process asks for nothing");
}
