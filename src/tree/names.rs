//! Names: how ids and hrefs become one path component, and back.
//!
//! A name is the server's bytes with as few escapes as a path allows (`%XX`, upper case). The spelling is
//! canonical: [`escape`] is injective below 255 bytes, and only what it prints resolves.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use crate::item::{Asset, Item};

/// Longest name a directory may hold, in bytes.
const NAME_MAX: usize = 255;
/// Bytes kept of a name that is longer.
const KEPT: usize = 200;

/// What a name is of: the rules differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A collection or a child catalogue, beside `README.md`, `.stacfs`, `espa`, `count`.
    Collection,
    /// An item, beside the reserved names of a search directory.
    Item,
    /// An asset's file.
    Asset,
}

/// Names reserved at a root and at a source.
pub const RESERVED_AT_ROOT: [&str; 4] = ["README.md", ".stacfs", "espa", "count"];

/// Names reserved in a collection and in a search.
pub const RESERVED_IN_SEARCH: [&str; 10] = [
    "collection.json",
    "TRUNCATED.txt",
    "count",
    "by-date",
    "items.geojson",
    "mosaics",
    "local",
    "CITATION.bib",
    "LICENSE.txt",
    "QUERYABLES.md",
];

/// Names reserved in an item; the last two are M2M's.
pub const RESERVED_IN_ITEM: [&str; 4] = ["item.json", "stack.vrt", "metadata.json", "metadata.xml"];

/// The one spelling of an id as a name.
pub fn escape(id: &str, of: Of) -> String {
    shorten(escape_whole(id, of))
}

fn escape_whole(id: &str, of: Of) -> String {
    let dots = id == "." || id == "..";
    let reserved = match of {
        Of::Collection => RESERVED_AT_ROOT.contains(&id),
        Of::Item => RESERVED_IN_SEARCH.contains(&id),
        Of::Asset => false,
    };
    let mut name = String::with_capacity(id.len());
    for (at, character) in id.char_indices() {
        let segment_like = of != Of::Asset && (character == '=' || at == 0 && (character == '.' || reserved));
        let byte_is_special = matches!(character, '/' | '%') || character.is_ascii_control();
        if byte_is_special || segment_like || dots {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("%{byte:02X}"));
            }
        } else {
            name.push(character);
        }
    }
    name
}

/// A name longer than 255 bytes: its first 200 bytes (no escape or character split), `~`, and 16 hex digits
/// of the SHA-256 of all of it.
fn shorten(name: String) -> String {
    if name.len() <= NAME_MAX {
        return name;
    }
    let mut cut = KEPT;
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    let tail = &name.as_bytes()[cut.saturating_sub(2)..cut];
    if let Some(at) = tail.iter().position(|&b| b == b'%') {
        cut = cut - tail.len() + at;
    }
    format!("{}~{}", &name[..cut], hash(&name))
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// The id that a name spells; `None` where the name is not the canonical spelling of any id, or is a
/// shortened one, which only a listing can resolve.
pub fn unescape(name: &str, of: Of) -> Option<String> {
    if is_shortened(name) {
        return None;
    }
    let id = percent_decode_str(name).decode_utf8().ok()?.into_owned();
    (!id.is_empty() && escape(&id, of) == name).then_some(id)
}

/// Whether a name has the shape of a shortened one.
pub fn is_shortened(name: &str) -> bool {
    let tail = name.rsplit_once('~').map(|(head, tail)| (head.len(), tail));
    let hexadecimal =
        |tail: &str| tail.len() == 16 && tail.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    tail.is_some_and(|(kept, tail)| (KEPT - 5..=KEPT).contains(&kept) && hexadecimal(tail))
}

/// Files that programs look for in every directory, in lower case.
///
/// From traces of GNOME, KDE, Windows and macOS clients, git and vim; all that begin with a dot are probes too.
const PROBED: [&str; 11] = [
    "autorun.inf",
    "cachedir.tag",
    "config",
    "desktop.ini",
    "folder.jpg",
    "head",
    "lost+found",
    "objects",
    "refs",
    "tags",
    "thumbs.db",
];

/// Endings of the side files that GDAL looks for beside anything it opens.
const SIDE_FILES: [&str; 5] = [".aux.xml", ".ovr", ".msk", ".aux", ".tfw"];

/// By these GDAL tells whether a directory that it is asked to open is a dataset.
const DATASETS: [&str; 12] = [
    "blob",
    "hdr.adf",
    "hdr.txt",
    "image_data",
    "manifest.safe",
    "metadata.dim",
    "product.xml",
    "rpc.txt",
    "summary.txt",
    "vol_phr.xml",
    "vol_pneo.xml",
    "zarr.json",
];

/// Stems of generated files: a name with such a stem and another extension is some program's guess.
const GENERATED_STEMS: [&str; 4] = ["items", "collection", "count", "readme"];

/// Whether programs look for a name wherever they are: not worth the download of an archive.
pub fn is_probe(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with('.')
        || PROBED.contains(&name.as_str())
        || SIDE_FILES.iter().any(|ending| name.ends_with(ending))
}

/// Whether a name can be answered "not there" without asking any server: no collection or item is called so.
pub fn never_asked(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_guess = |(stem, _): (&str, &str)| GENERATED_STEMS.contains(&stem);
    is_probe(name) || DATASETS.contains(&lower.as_str()) || lower.split_once('.').is_some_and(is_guess)
}

/// The files of an item's assets: name and asset, in the item's order. Assets without an href have none.
pub fn asset_files(item: &Item) -> Vec<(String, Asset)> {
    let named: Vec<(String, Asset)> = item
        .assets()
        .into_iter()
        .filter(|asset| asset.href().is_some())
        .map(|asset| (basename(&asset), asset))
        .collect();
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for (name, _) in &named {
        *uses.entry(name).or_default() += 1;
    }
    let shared: Vec<bool> = named
        .iter()
        .map(|(name, _)| {
            uses.get(name.as_str()).is_some_and(|&n| n > 1) || RESERVED_IN_ITEM.contains(&name.as_str())
        })
        .collect();
    let mut files: Vec<(String, Asset)> = Vec::with_capacity(named.len());
    for ((name, asset), shared) in named.into_iter().zip(shared) {
        let name = if shared { format!("{}__{name}", asset.key) } else { name };
        let name = escape(&name, Of::Asset);
        // Two assets may still meet (a key that contains "__"): the later one is told apart by its key's hash.
        let taken = files.iter().any(|(other, _)| *other == name);
        let name = if taken { shorten_with(&name, &asset.key) } else { name };
        files.push((name, asset));
    }
    files
}

fn shorten_with(name: &str, key: &str) -> String {
    let cut = (0..=KEPT.min(name.len())).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
    format!("{}~{}", &name[..cut], hash(key))
}

/// The name an asset would like: `file:local_path`, else the basename of its href, else of an alternate,
/// else its key with an extension.
fn basename(asset: &Asset) -> String {
    let local = asset.local_path().filter(|path| is_component(path)).map(str::to_owned);
    let primary = || asset.href().and_then(useful_basename);
    let alternate = || asset.alternates().into_iter().find_map(|(_, href)| useful_basename(href));
    local.or_else(primary).or_else(alternate).unwrap_or_else(|| keyed_name(asset))
}

fn is_component(path: &str) -> bool {
    !path.is_empty() && !path.contains('/') && path != "." && path != ".."
}

/// The decoded basename of an href, where it names a file: it has an extension, and the path is no asset
/// proxy's (`/collections/c/items/i/assets/key`).
fn useful_basename(href: &str) -> Option<String> {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let (folder, last) = path.rsplit_once('/').unwrap_or(("", path));
    let name = percent_decode_str(last).decode_utf8().ok()?.into_owned();
    let (stem, extension) = name.rsplit_once('.')?;
    let plausible = !stem.is_empty() && (1..=8).contains(&extension.len());
    (plausible && !folder.ends_with("/assets") && is_component(&name)).then_some(name)
}

fn keyed_name(asset: &Asset) -> String {
    let extension = asset.media_type().and_then(extension_for).unwrap_or("");
    // A directory with a name of no length cannot be listed.
    let key = if asset.key.is_empty() { "asset" } else { &asset.key };
    if key.to_ascii_lowercase().ends_with(extension) {
        return key.to_owned();
    }
    format!("{key}{extension}")
}

/// A file extension for a media type; parameters (`; profile=cloud-optimized`) do not matter.
fn extension_for(media_type: &str) -> Option<&'static str> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "image/tiff" | "image/vnd.stac.geotiff" => ".tif",
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/jp2" => ".jp2",
        "image/webp" => ".webp",
        "application/json" => ".json",
        "application/geo+json" => ".geojson",
        "application/xml" | "text/xml" => ".xml",
        "text/html" => ".html",
        "text/plain" => ".txt",
        "text/csv" => ".csv",
        "application/pdf" => ".pdf",
        "application/zip" => ".zip",
        "application/gzip" => ".gz",
        "application/x-tar" => ".tar",
        "application/x-hdf" | "application/x-hdf5" => ".h5",
        "application/netcdf" | "application/x-netcdf" => ".nc",
        "application/vnd.laszip+copc" => ".copc.laz",
        "application/vnd.apache.parquet" | "application/x-parquet" => ".parquet",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_of_the_wild() {
        let cases = [
            ("TC1S2B0_01_05524N012E0019", "TC1S2B0_01_05524N012E0019"),
            ("urn:nasa:pds:m", "urn:nasa:pds:m"),
            ("a/b", "a%2Fb"),
            ("100%", "100%25"),
            ("k=v", "k%3Dv"),
            (".hidden", "%2Ehidden"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("count", "%63ount"),
            ("tab\there", "tab%09here"),
            ("mit Leer", "mit Leer"),
            ("日本", "日本"),
        ];
        for (id, name) in cases {
            assert_eq!(escape(id, Of::Item), name);
            assert_eq!(unescape(name, Of::Item).as_deref(), Some(id));
        }
    }

    #[test]
    fn only_the_canonical_spelling_resolves() {
        for name in ["a%2fb", "%61", "a%20b", "%", "%zz", "count", ".git", "k=v"] {
            assert_eq!(unescape(name, Of::Item), None, "{name}");
        }
        assert_eq!(escape("k=v.tif", Of::Asset), "k=v.tif", "below an item = is an ordinary character");
    }

    #[test]
    fn what_programs_look_for_everywhere_is_asked_of_nobody() {
        for name in [".git", "Desktop.ini", "tags", "x.tif.AUX.XML", "x.OVR"] {
            assert!(is_probe(name) && never_asked(name), "{name}");
        }
        for name in [
            "items.qml",
            "ITEMS.HDR",
            "COLLECTION.HDR",
            "README",
            "README.txt",
            "VOL_PHR.XML",
            "manifest.safe",
        ] {
            assert!(!is_probe(name), "{name} may be in an archive");
            assert!(never_asked(name) || name == "README", "{name}");
        }
        for name in ["items", "items_2020", "S2B_T32UME.SAFE", "moon", "counts.x"] {
            assert!(!never_asked(name), "{name}");
        }
    }

    #[test]
    fn long_names_end_in_their_hash() {
        let id = "é%".repeat(200);
        let name = escape(&id, Of::Item);
        assert!(name.len() <= 200 + 17 && name.contains('~'), "{name}");
        assert!(!name.contains("%~") && !name.contains("%2~"));
        assert_eq!(unescape(&name, Of::Item), None);
        assert_ne!(name, escape(&(id + "x"), Of::Item));
    }

    fn files(assets: serde_json::Value) -> Vec<String> {
        let item = json!({"type": "Feature", "id": "i", "properties": {}, "assets": assets}).to_string();
        asset_files(&Item::from_json(&item).unwrap()).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn assets_are_named_as_urlretrieve_would() {
        let names = files(json!({
            "image": {"href": "https://h/moon/TC1.tif?sig=x"},
            "a b": {"href": "./R10m/AOT.jp2"},
            "c": {"href": "./R20m/AOT.jp2"},
            "index": {"href": "https://h/stac-browser/x", "type": "text/html"},
            "proxied": {"href": "https://h/collections/c/items/i/assets/red.x", "alternate": {"s3": {"href": "s3://b/B04.tif"}}},
            "evil": {"href": "https://h/..%2F..%2Fetc.d", "type": "text/plain"},
            "none": {"title": "no href"},
            "local": {"href": "https://h/1", "file:local_path": "granule.h5"},
            "up": {"href": "https://h/up.txt", "file:local_path": "../x"},
            "mine": {"href": "https://h/item.json"},
            "": {"href": "https://h/", "type": "image/png"},
        }));
        let expected = [
            "TC1.tif",
            "a b__AOT.jp2",
            "c__AOT.jp2",
            "index.html",
            "B04.tif",
            "evil.txt",
            "granule.h5",
            "up.txt",
            "mine__item.json",
            "asset.png",
        ];
        assert_eq!(names, expected);
    }

    proptest! {
        #[test]
        fn escaping_is_reversible_and_safe(id in "\\PC{1,60}|[./%=~a-c\u{0}\n]{1,90}") {
            for of in [Of::Collection, Of::Item, Of::Asset] {
                let name = escape(&id, of);
                prop_assert!(name.len() <= NAME_MAX && !name.contains(['/', '\0', '\n']));
                prop_assert!(name != "." && name != "..");
                prop_assert!(of == Of::Asset || !name.contains('=') && !name.starts_with('.'));
                if !name.contains('~') {
                    prop_assert_eq!(unescape(&name, of), Some(id.clone()));
                }
            }
        }

        #[test]
        fn asset_names_are_unique(keys in proptest::collection::vec("[ab_]{1,5}", 1..8), base in "[ab_]{1,3}") {
            let assets: serde_json::Map<_, _> =
                keys.iter().map(|k| (k.clone(), json!({"href": format!("https://h/{k}/{base}.tif")}))).collect();
            let names = files(assets.into());
            let mut unique = names.clone();
            unique.sort();
            unique.dedup();
            prop_assert_eq!(unique.len(), names.len());
        }
    }
}
