//! What is read: one large image, strips of it, and collections of small files. All bytes are in memory, so
//! that the origin is never what a reader waits for.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use stacfs::demo::http::{Bytes, Content, Slice};
use stacfs::demo::world::raster::{
    Cog, Compression, Crs, Georeference, MOON_RADIUS, Picture, Sample, Spec, Window,
};
use stacfs::demo::world::{Assets, Collection, World};

/// Path of the large image below the mount and below the assets.
pub const IMAGE: &str = "mosaic/MOSAIC/MOSAIC.tif";
/// How many strips there are; together they are as long as the large image.
pub const STRIPS: usize = 8;
/// How many files of 65 KB there are.
pub const STACKS: usize = 64;
/// How many notes of 2 to 20 KB there are, and in how many items.
pub const NOTES: (usize, usize) = (300, 60);
/// How many tiles of 0.2 to 2 MB there are, each in an item of its own.
pub const TILES: usize = 200;
/// How many labels of 7 KB there are, each in an item of its own.
pub const LABELS: usize = 100;
/// What one in two labels says.
pub const WORD: &str = "IlluminatedFromTheWest";

/// The world, and the paths of its files by collection, relative to the assets.
pub struct Shelf {
    /// What the server serves.
    pub world: World,
    /// All paths, in order.
    pub paths: Vec<String>,
    /// The large image's bytes.
    pub image: Arc<Slice>,
}

/// Makes the world. The large image has `side` × `side` pixels of two bytes, and overviews.
///
/// # Errors
/// The image cannot be painted.
pub fn build(side: u32) -> io::Result<Shelf> {
    let image = Arc::new(Slice(paint(side)?));
    let mut files = Files::default();
    files.add("mosaic", "MOSAIC", "MOSAIC.tif", image.clone());
    let strip = image.len() / STRIPS as u64;
    let cut = |start: u64, length: u64| Arc::new(Cut { of: image.clone(), start, length });
    for n in 0..STRIPS {
        files.add("strips", &format!("S{n}"), &format!("S{n}.img"), cut(n as u64 * strip, strip));
    }
    // Places and lengths that are the same at every run and follow no simple rule.
    let somewhere = |n: usize| n as u64 * 7_919_111 % (image.len() - strip);
    for n in 0..STACKS {
        let name = format!("stack{}.dat", n % 4);
        files.add("stacks", &format!("K{:02}", n / 4), &name, cut(somewhere(n), 65_536));
    }
    for n in 0..NOTES.0 {
        let each = NOTES.0 / NOTES.1;
        let length = 2_000 + n as u64 * 7_919 % 18_000;
        let name = format!("note{}.dat", n % each);
        files.add("notes", &format!("N{:02}", n / each), &name, cut(somewhere(n), length));
    }
    for n in 0..TILES {
        let (item, length) = (format!("T{n:03}"), 200_000 + n as u64 * 7_919_111 % 1_800_000);
        files.add("tiles", &item, &format!("{item}.dat"), cut(somewhere(n), length));
    }
    for n in 0..LABELS {
        let item = format!("L{n:03}");
        files.add("labels", &item, &format!("{item}.lbl"), Arc::new(Slice(label(n))));
        files.add("labels", &item, &format!("{item}.img"), cut(somewhere(n), strip));
    }
    let paths = files.contents.keys().cloned().collect();
    let world = World {
        id: "bench".into(),
        title: "Files to measure with".into(),
        description: "One large image, strips of it, and small files.".into(),
        collections: files.collections(),
        catalogs: Vec::new(),
        assets: Arc::new(files),
    };
    Ok(Shelf { world, paths, image })
}

/// The items of a collection: the names of each one's files.
type Listed = BTreeMap<String, Vec<String>>;

/// Files in memory, by path: `collection/item/name`.
#[derive(Default)]
struct Files {
    contents: BTreeMap<String, Content>,
    listed: HashMap<String, Listed>,
}

impl Files {
    fn add(&mut self, collection: &str, item: &str, name: &str, bytes: Arc<dyn Bytes>) {
        let path = format!("{collection}/{item}/{name}");
        let items = self.listed.entry(collection.to_owned()).or_default();
        items.entry(item.to_owned()).or_default().push(name.to_owned());
        let content = Content {
            bytes,
            media_type: media_type(name).to_owned(),
            etag: Some(format!("\"{path}\"")),
            last_modified: Timestamp::from_second(1_600_000_000).ok(),
        };
        self.contents.insert(path, content);
    }

    fn collections(&self) -> Vec<Collection> {
        let mut names: Vec<&String> = self.listed.keys().collect();
        names.sort();
        names.into_iter().map(|name| collection(name, &self.listed[name])).collect()
    }
}

impl Assets for Files {
    fn asset(&self, path: &str) -> Option<Content> {
        self.contents.get(path).cloned()
    }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "tif")) => "image/tiff; application=geotiff; profile=cloud-optimized",
        Some((_, "lbl")) => "text/plain",
        _ => "application/octet-stream",
    }
}

fn collection(id: &str, listed: &Listed) -> Collection {
    let items: Vec<Value> = listed.iter().map(|(item, names)| feature(id, item, names)).collect();
    let json = json!({
        "type": "Collection", "stac_version": "1.0.0", "id": id, "title": id,
        "description": "Files to measure with.", "license": "CC0-1.0",
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2020-01-01T00:00:00Z", null]]}
        },
    });
    Collection { json, queryables: json!({}), items: Arc::new(items) }
}

/// An item. It tells no sizes, as most catalogues do not.
fn feature(collection: &str, item: &str, names: &[String]) -> Value {
    let asset = |name: &String| {
        let href = format!("{collection}/{item}/{name}");
        (name.replace('.', "_"), json!({"href": href, "type": media_type(name), "roles": ["data"]}))
    };
    json!({
        "type": "Feature", "stac_version": "1.0.0", "id": item, "bbox": [0, 0, 1, 1],
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]},
        "properties": {"datetime": "2020-01-01T00:00:00Z"},
        "assets": names.iter().map(asset).collect::<Map<_, _>>(),
    })
}

/// A label of about 7 KB.
fn label(n: usize) -> Vec<u8> {
    let mut text = format!("Object = Label\n  Number = {n}\n");
    for line in 0..190 {
        text.push_str(&format!("  Angle{line:03} = {:>20.12}\n", (n * 31 + line * 17 % 900) as f64 / 7.));
    }
    if n.is_multiple_of(2) {
        text.push_str(&format!("  Remark = {WORD}\n"));
    }
    text.push_str("End_Object\n");
    text.into_bytes()
}

/// A part of other bytes.
struct Cut {
    of: Arc<Slice>,
    start: u64,
    length: u64,
}

impl Bytes for Cut {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.of.read_at(self.start + offset, buf)
    }
}

/// The large image's bytes.
fn paint(side: u32) -> io::Result<Vec<u8>> {
    let spec = Spec {
        width: side,
        height: side,
        bands: 1,
        sample: Sample::U16,
        tile: 512,
        compression: Compression::None,
        nodata: None,
        scale: None,
        georeference: Georeference {
            crs: Crs::Moon(0),
            west: 0.,
            north: 0.,
            pixel: MOON_RADIUS / f64::from(side),
        },
        origin: (0, 0),
    };
    let image = Cog::open(spec, Arc::new(Grain));
    let length = usize::try_from(image.len()).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    // Tile for tile, or each is painted once for every piece of it.
    for (n, piece) in bytes.chunks_mut(1 << 20).enumerate() {
        image.read_at((n as u64) << 20, piece)?;
    }
    Ok(bytes)
}

/// Grain that nothing can compress and that costs next to nothing to paint.
struct Grain;

impl Picture for Grain {
    fn paint(&self, window: Window) -> Vec<f32> {
        let (width, height) = (window.width as i64, window.height as i64);
        let rows = window.y..window.y + height;
        rows.flat_map(|y| (window.x..window.x + width).map(move |x| grain(x, y))).collect()
    }
}

fn grain(x: i64, y: i64) -> f32 {
    let mixed =
        (x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (y as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 48) as f32
}
