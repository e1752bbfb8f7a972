//! Percent signs: from the text of a path to values and back.

use std::fmt::Write;

use super::error::Fault;

/// The longest segment in bytes, as it stands in a path (design section 2).
pub(super) const LONGEST: usize = 1024;

/// A value with its `%XX` resolved. `+` stays what it is.
pub(super) fn decode(raw: &str) -> Result<String, Fault> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match first {
            b'%' => escape(after).ok_or_else(|| stray(rest))?,
            plain => (plain, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes)
        .map_err(|_| Fault::new("its % escapes do not decode to UTF-8").hint("write a percent sign as %25"))
}

/// Like [`decode`], for CQL2 text: an escape inside a quoted string must be ASCII.
///
/// `LIKE 'SCHLO%DF%'` is more likely to mean a wildcard before `DF` than a broken letter, and
/// `LIKE '%c3%a9%'` might mean either, so neither is guessed at: other letters are written as they are.
pub(super) fn decode_filter(raw: &str) -> Result<String, Fault> {
    let mut rest = raw.as_bytes();
    let mut open: Option<u8> = None;
    while let Some((&first, after)) = rest.split_first() {
        let (byte, next) = match first {
            b'%' => escape(after).ok_or_else(|| stray(rest))?,
            plain => (plain, after),
        };
        if first == b'%' && byte >= 0x80 && open == Some(b'\'') {
            let shown = String::from_utf8_lossy(&rest[..3]);
            return Err(Fault::new(format!("{shown} inside quotes could be a wildcard or a letter"))
                .hint("write the wildcard as %25, and the letter as it is"));
        }
        open = match open {
            None if byte == b'\'' || byte == b'"' => Some(byte),
            Some(quote) if quote == byte => None,
            same => same,
        };
        rest = next;
    }
    decode(raw)
}

/// The byte that two hex digits stand for, and what follows them.
fn escape(after: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, rest @ ..] = after else { return None };
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some((digit(*high)? << 4 | digit(*low)?, rest))
}

fn stray(rest: &[u8]) -> Fault {
    let text = String::from_utf8_lossy(rest);
    let shown: String = text.chars().take(3).collect();
    Fault::new(format!("{shown} is no escape: two hex digits must follow a %"))
        .hint("write a percent sign as %25")
}

/// Which characters of a value are escaped when it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// All that a shell would take for its own: the text can be pasted without quotes.
    Shell,
    /// Only what cannot stand in a name, for segments that would grow too long.
    Least,
}

/// A value as it stands in a path; letters outside ASCII stay as they are.
pub(super) fn encode(text: &str, style: Style) -> String {
    escaped(text, style, "")
}

/// A member of a comma list.
pub(super) fn encode_member(text: &str, style: Style) -> String {
    escaped(text, style, ",")
}

/// What stands before the `=`.
pub(super) fn encode_key(text: &str, style: Style) -> String {
    escaped(text, style, "=")
}

fn escaped(text: &str, style: Style, separators: &str) -> String {
    let keep = |char: char| match char {
        _ if separators.contains(char) => false,
        char if !char.is_ascii() => true,
        char if char.is_ascii_control() => false,
        '/' | '%' => false,
        char if char.is_ascii_alphanumeric() => true,
        char => style == Style::Least || "-_.:=+@,".contains(char),
    };
    // Spaces at an end would be taken for the writer's own.
    let (inner, end) = (text.trim_ascii_start(), text.trim_ascii_end().len());
    let start = text.len() - inner.len();
    let mut out = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        if keep(char) && (start..end).contains(&at) {
            out.push(char);
        } else {
            let _ = write!(out, "%{:02X}", char as u32);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_strict() {
        assert_eq!(decode("a%20b+c").unwrap(), "a b+c");
        assert_eq!(decode("%C3%a9é").unwrap(), "éé");
        for bad in ["%", "100%", "%2", "%zz", "%+1", "% 1", "%é", "%ff", "%c3", "%25%"] {
            assert!(decode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wildcard_is_not_taken_for_a_letter() {
        assert_eq!(decode_filter("id LIKE '%25c%25'").unwrap(), "id LIKE '%c%'");
        assert_eq!(decode_filter("id%20=%20'a'").unwrap(), "id = 'a'");
        assert_eq!(decode_filter("\"it's\" = %c3%a9").unwrap(), "\"it's\" = é");
        for bad in ["id LIKE '%c3%a9'", "id LIKE %27%c3%a9%27", "id LIKE '%c%'"] {
            assert!(decode_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_printed_is_read_back() {
        let text = "a/b%c d,e=f'g\"h*i\u{1}é\u{7f}";
        for style in [Style::Shell, Style::Least] {
            for printed in [encode(text, style), encode_member(text, style), encode_key(text, style)] {
                assert_eq!(decode(&printed).unwrap(), text);
                assert!(!printed.contains(['/', '\u{1}', '\u{7f}']));
            }
        }
        assert_eq!(encode("*COLOR* 'x'", Style::Shell), "%2ACOLOR%2A%20%27x%27");
        assert_eq!(encode("*COLOR* 'x'", Style::Least), "*COLOR* 'x'");
    }
}
