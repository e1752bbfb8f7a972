//! TIFF's image file directories, as bytes: little-endian, classic (32-bit offsets).

/// A tag's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// 16-bit numbers.
    Shorts(Vec<u16>),
    /// 32-bit numbers.
    Longs(Vec<u32>),
    /// 64-bit floating point numbers.
    Doubles(Vec<f64>),
    /// ASCII; the NUL that ends it is added.
    Text(String),
}

impl Value {
    /// TIFF's type code and how many values there are.
    fn kind(&self) -> (u16, usize) {
        match self {
            Value::Text(text) => (2, text.len() + 1),
            Value::Shorts(all) => (3, all.len()),
            Value::Longs(all) => (4, all.len()),
            Value::Doubles(all) => (12, all.len()),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Value::Text(text) => text.bytes().chain([0]).collect(),
            Value::Shorts(all) => all.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Value::Longs(all) => all.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Value::Doubles(all) => all.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }
}

/// A tag with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    tag: u16,
    value: Value,
}

impl Entry {
    pub(super) fn new(tag: u16, value: Value) -> Entry {
        Entry { tag, value }
    }

    pub(super) fn short(tag: u16, value: u16) -> Entry {
        Entry::new(tag, Value::Shorts(vec![value]))
    }
}

/// Whether another directory follows the one that is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Next {
    /// Right behind it.
    Follows,
    /// It is the last one.
    None,
}

/// A directory of `entries` (ascending by tag) that begins at `offset`, which is even, with the values that do
/// not fit into it right behind. Its length is even and does not depend on `offset` or on any value.
pub(super) fn write(entries: &[Entry], offset: usize, next: Next) -> Vec<u8> {
    debug_assert!(entries.is_sorted_by(|a, b| a.tag < b.tag), "TIFF wants ascending tags");
    let table = 2 + 12 * entries.len() + 4;
    let mut behind: Vec<u8> = Vec::new();
    let mut bytes = (entries.len() as u16).to_le_bytes().to_vec();
    for entry in entries {
        let (kind, count) = entry.value.kind();
        let mut value = entry.value.bytes();
        bytes.extend(entry.tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend((count as u32).to_le_bytes());
        if value.len() <= 4 {
            value.resize(4, 0);
            bytes.extend(value);
        } else {
            bytes.extend(((offset + table + behind.len()) as u32).to_le_bytes());
            behind.extend(value);
            behind.resize(behind.len().next_multiple_of(2), 0);
        }
    }
    let end = match next {
        Next::Follows => offset + table + behind.len(),
        Next::None => 0,
    };
    bytes.extend((end as u32).to_le_bytes());
    bytes.extend(behind);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_stand_inside_and_large_ones_behind() {
        let entries = [Entry::short(256, 7), Entry::new(33550, Value::Doubles(vec![1.5]))];
        let bytes = write(&entries, 100, Next::Follows);
        assert_eq!(bytes[..2], 2u16.to_le_bytes());
        assert_eq!(bytes[2..14], [0, 1, 3, 0, 1, 0, 0, 0, 7, 0, 0, 0]);
        assert_eq!(bytes[22..26], 130u32.to_le_bytes(), "100 and a table of 30 bytes");
        assert_eq!(bytes[26..30], 138u32.to_le_bytes(), "the next one follows the value");
        assert_eq!(bytes[30..], 1.5f64.to_le_bytes());
        assert_eq!(write(&entries, 100, Next::None)[26..30], [0; 4]);
    }

    #[test]
    fn odd_text_is_padded() {
        let bytes = write(&[Entry::new(42113, Value::Text("-32768".into()))], 0, Next::None);
        assert_eq!(bytes.len(), 2 + 12 + 4 + 8);
        assert!(bytes.ends_with(b"-32768\0\0"));
    }
}
