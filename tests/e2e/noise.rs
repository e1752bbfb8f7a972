//! A catalogue of files of any size whose every byte is known without keeping it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use stacfs::demo::http::{Bytes, Content, Entry};
use stacfs::demo::world::{Assets, Collection, World};
use stacfs::demo::{self, Demo};

pub const KIB: u64 = 1024;
pub const MIB: u64 = 1024 * KIB;

/// The one collection.
pub const COLLECTION: &str = "noise";

/// A file of noise.
#[derive(Clone, Copy)]
pub struct Noisy {
    /// Its item.
    pub item: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its length in bytes.
    pub length: u64,
    size: Size,
}

/// Whether the catalogue tells a file's size.
#[derive(Clone, Copy, PartialEq)]
enum Size {
    Told,
    Untold,
}

impl Noisy {
    /// A file whose item tells its size.
    pub const fn told(item: &'static str, name: &'static str, length: u64) -> Noisy {
        Noisy { item, name, length, size: Size::Told }
    }

    /// A file whose size only its server knows.
    pub const fn untold(item: &'static str, name: &'static str, length: u64) -> Noisy {
        Noisy { item, name, length, size: Size::Untold }
    }

    /// Where it is below the mount point.
    pub fn path(&self) -> String {
        format!("{COLLECTION}/{}/{}", self.item, self.name)
    }

    /// Its URL's path, for faults and journals.
    pub fn url_path(&self) -> String {
        format!("/assets/{}/{}", self.item, self.name)
    }

    /// Its bytes.
    pub fn noise(&self) -> Noise {
        let path = format!("{}/{}", self.item, self.name);
        let seed = path.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Noise { length: self.length, seed }
    }

    /// The bytes of a range, cut at the end of the file.
    pub fn expected(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length.min(self.length.saturating_sub(offset) as usize)];
        self.noise().read_at(offset, &mut bytes).unwrap();
        bytes
    }

    /// Whether `bytes` are those at `offset`. Says where they differ.
    pub fn check(&self, offset: u64, bytes: &[u8]) {
        self.check_version(offset, bytes, 0);
    }

    /// As [`Noisy::check`], of the version that `Fault::NewVersion(version)` serves.
    pub fn check_version(&self, offset: u64, bytes: &[u8], version: u8) {
        let mut expected = self.expected(offset, bytes.len());
        expected.iter_mut().for_each(|byte| *byte ^= version);
        assert_eq!(bytes.len(), expected.len(), "{}: length at {offset}", self.name);
        if bytes != expected {
            let wrong = bytes.iter().zip(&expected).position(|(one, other)| one != other).unwrap();
            panic!("{}: the byte at {} is wrong", self.name, offset + wrong as u64);
        }
    }

    /// Reads all of an open file in pieces of 1 MiB, each of which must be right.
    pub fn read_all(&self, file: &File) -> io::Result<()> {
        let mut piece = vec![0; MIB as usize];
        let mut offset = 0;
        loop {
            let count = file.read_at(&mut piece, offset)?;
            self.check(offset, &piece[..count]);
            if count == 0 {
                assert_eq!(offset, self.length, "{}: its end", self.name);
                return Ok(());
            }
            offset += count as u64;
        }
    }
}

/// The bytes of a file: a stretch of random bytes again and again, with every 4 KiB marked by where they are.
pub struct Noise {
    length: u64,
    seed: u64,
}

/// Bytes between two marks.
const MARKED: u64 = 4096;

/// Random bytes; a prime number of them, so that they meet no block twice in the same place.
fn pool() -> &'static [u8] {
    static POOL: OnceLock<Vec<u8>> = OnceLock::new();
    POOL.get_or_init(|| {
        let mut random = Random(7);
        (0..1_000_003).map(|_| random.next() as u8).collect()
    })
}

impl Bytes for Noise {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let pool = pool();
        let mut at = 0;
        while at < buf.len() {
            let place = offset + at as u64;
            let (block, within) = (place / MARKED, (place % MARKED) as usize);
            let count = (MARKED as usize - within).min(buf.len() - at);
            let piece = &mut buf[at..at + count];
            let home = self.seed.wrapping_add(block * MARKED) % (pool.len() as u64 - MARKED);
            let start = home as usize + within;
            piece.copy_from_slice(&pool[start..start + count]);
            let mark = Random(self.seed ^ block).next().to_le_bytes();
            let marks = mark.get(within..).unwrap_or_default();
            let marked = marks.len().min(count);
            piece[..marked].copy_from_slice(&marks[..marked]);
            at += count;
        }
        Ok(())
    }
}

/// Repeatable random numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 for an `end` of 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

/// The files of one catalogue.
struct Files(Vec<Noisy>);

impl Assets for Files {
    fn asset(&self, path: &str) -> Option<Content> {
        let file = self.0.iter().find(|file| path == format!("{}/{}", file.item, file.name))?;
        let noise = file.noise();
        Some(Content {
            etag: Some(format!("\"{:016x}\"", noise.seed)),
            bytes: Arc::new(noise),
            media_type: "application/octet-stream".to_owned(),
            last_modified: Timestamp::from_second(1_600_000_000).ok(),
        })
    }
}

/// A server of these files.
pub fn serve(files: &[Noisy]) -> Demo {
    demo::start(demo::Options { world: Arc::new(world(files)), ..demo::Options::default() }).unwrap()
}

/// The catalogue of these files.
pub fn world(files: &[Noisy]) -> World {
    let mut items: Vec<Value> = Vec::new();
    for file in files {
        if !items.iter().any(|item| item["id"] == file.item) {
            items.push(json!({
                "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": file.item,
                "geometry": {"type": "Point", "coordinates": [0.0, 0.0]}, "bbox": [0.0, 0.0, 0.0, 0.0],
                "properties": {"datetime": "2020-01-01T00:00:00Z"}, "assets": {}, "collection": COLLECTION,
            }));
        }
        let item = items.iter_mut().find(|item| item["id"] == file.item).unwrap();
        let mut asset =
            json!({"href": format!("{}/{}", file.item, file.name), "type": "application/octet-stream"});
        if file.size == Size::Told {
            asset["file:size"] = json!(file.length);
        }
        item["assets"][file.name] = asset;
    }
    let json = json!({
        "type": "Collection", "stac_version": "1.0.0", "stac_extensions": [], "id": COLLECTION,
        "title": "Noise", "description": "Random bytes.", "license": "CC0-1.0", "links": [],
        "extent": {
            "spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]]},
            "temporal": {"interval": [["2020-01-01T00:00:00Z", null]]},
        },
    });
    let collection = Collection { json, queryables: Value::Object(Map::new()), items: Arc::new(items) };
    World {
        id: "noise".to_owned(),
        title: "Noise".to_owned(),
        description: "Files to measure with.".to_owned(),
        collections: vec![collection],
        catalogs: Vec::new(),
        assets: Arc::new(Files(files.to_vec())),
    }
}

/// The requests for the bytes of files.
pub fn asked(demo: &Demo) -> Vec<Entry> {
    demo.server.journal().select(|entry| entry.path().starts_with("/assets/"))
}

/// Bytes of files that were sent.
pub fn sent(demo: &Demo) -> u64 {
    asked(demo).iter().map(|entry| entry.sent).sum()
}
