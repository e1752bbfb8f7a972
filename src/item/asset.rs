//! Assets: the files an item offers.

use serde_json::{Map, Value};

/// One asset of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// Its key in the item's `assets` object, as written (may hold spaces and dots).
    pub key: String,
    /// The whole asset object, for extensions (`storage:*`, `alternate`, `auth:refs`, `proj:*`, …).
    pub fields: Map<String, Value>,
}

/// A checksum from `file:checksum`: a multihash in hex (`1220…` is SHA-256, `d50110…` MD5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// The multihash function code (0x12 SHA2-256, 0x11 SHA1, 0xd5 MD5, …).
    pub function: u64,
    /// The digest's bytes.
    pub digest: Vec<u8>,
}

impl Asset {
    /// Where the bytes are, as written: absolute, or relative to the item's own URL. Some real assets
    /// have none (Planetary Computer's `ST_*`).
    pub fn href(&self) -> Option<&str> {
        self.fields.get("href").and_then(Value::as_str).filter(|h| !h.is_empty())
    }

    /// The media type as written. Media types lie: trust it for nothing but a file extension.
    pub fn media_type(&self) -> Option<&str> {
        self.fields.get("type").and_then(Value::as_str)
    }

    /// A title for people.
    pub fn title(&self) -> Option<&str> {
        self.fields.get("title").and_then(Value::as_str)
    }

    /// The roles: `data`, `thumbnail`, `metadata`, `overview`, …
    pub fn roles(&self) -> Vec<&str> {
        let roles = self.fields.get("roles").and_then(Value::as_array);
        roles.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Size in bytes by the file extension (`file:size`), where given and sane.
    pub fn size(&self) -> Option<u64> {
        let size = self.fields.get("file:size")?;
        // Some write 1024.0; up to 2^53 that is exact.
        let float =
            || size.as_f64().filter(|f| f.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(f));
        size.as_u64().or_else(|| float().map(|f| f as u64)).or_else(|| size.as_str()?.parse().ok())
    }

    /// Whether the asset is found by its name only: it holds what other assets of its item hold, and a walk
    /// meets each byte once (`stacfs:unlisted`, which our M2M client writes).
    pub fn is_unlisted(&self) -> bool {
        self.fields.get("stacfs:unlisted").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The file extension's `file:local_path`: where the producer says the file belongs.
    pub fn local_path(&self) -> Option<&str> {
        self.fields.get("file:local_path").and_then(Value::as_str)
    }

    /// The file extension's checksum, where it is a well-formed multihash.
    pub fn checksum(&self) -> Option<Checksum> {
        Checksum::from_multihash(self.fields.get("file:checksum")?.as_str()?)
    }

    /// The alternate-assets extension's (key, href) pairs, in the server's order.
    pub fn alternates(&self) -> Vec<(&str, &str)> {
        let alternates = self.fields.get("alternate").and_then(Value::as_object);
        alternates
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.get("href")?.as_str()?)))
            .collect()
    }
}

impl Checksum {
    /// A checksum from hex multihash text: two variable-length integers (function, length), then the digest.
    pub fn from_multihash(hex: &str) -> Option<Checksum> {
        let bytes = from_hex(hex)?;
        let (function, rest) = varint(&bytes)?;
        let (length, digest) = varint(rest)?;
        (digest.len() as u64 == length && length > 0).then(|| Checksum { function, digest: digest.to_vec() })
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    text.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// An unsigned LEB128 integer and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asset(fields: Value) -> Asset {
        Asset { key: "a".into(), fields: fields.as_object().unwrap().clone() }
    }

    #[test]
    fn sizes_are_taken_where_they_are_sane() {
        for (size, bytes) in [
            (json!(0), Some(0)),
            (json!(5_000_000_000_u64), Some(5_000_000_000)),
            (json!(1024.0), Some(1024)),
            (json!("17"), Some(17)),
            (json!(-1), None),
            (json!(1.5), None),
            (json!(1e300), None),
            (json!("1 MB"), None),
            (json!(null), None),
        ] {
            assert_eq!(asset(json!({"file:size": size.clone()})).size(), bytes, "{size}");
        }
    }

    #[test]
    fn an_asset_is_tolerant_of_what_is_missing() {
        for bare in
            [json!({}), json!({"href": "", "roles": null, "alternate": [], "file:checksum": 5, "type": 7})]
        {
            let bare = asset(bare);
            assert_eq!((bare.href(), bare.media_type(), bare.title(), bare.size()), (None, None, None, None));
            assert_eq!((bare.local_path(), bare.checksum()), (None, None));
            assert!(bare.roles().is_empty() && bare.alternates().is_empty());
        }
        let full = asset(json!({
            "href": "./a.tif", "type": "image/tiff", "roles": ["data", 3],
            "alternate": {"s3": {"href": "s3://b/a.tif"}, "none": {}, "http": {"href": "https://x/a.tif"}},
        }));
        assert_eq!(
            (full.href(), full.media_type(), full.roles()),
            (Some("./a.tif"), Some("image/tiff"), vec!["data"])
        );
        assert_eq!(full.alternates(), [("s3", "s3://b/a.tif"), ("http", "https://x/a.tif")]);
    }

    #[test]
    fn multihashes_of_the_wild() {
        let sha256 = format!("1220{}", "ab".repeat(32));
        assert_eq!(Checksum::from_multihash(&sha256).unwrap().function, 0x12);
        let md5 = format!("d50110{}", "01".repeat(16));
        assert_eq!(Checksum::from_multihash(&md5).unwrap().function, 0xd5);
        for bad in ["", "1220", "12", "zz", "1220abcd", "122"] {
            assert_eq!(Checksum::from_multihash(bad), None, "{bad}");
        }
    }
}
