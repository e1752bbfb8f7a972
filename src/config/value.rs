//! The kinds of values that keys take: how each is written, and how it is read.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use url::Url;

/// What a key's value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// Text nobody may see. The key has two more forms, `_env` and `_command`.
    Secret,
    /// `yes` or `no`.
    Boolean,
    /// A time that may be zero.
    Duration,
    /// A time that must pass, longer than zero.
    Wait,
    /// Bytes.
    Size,
    /// A whole number from 0.
    Count,
    /// A whole number from 1.
    Positive,
    /// An http or https URL.
    Url,
    /// A file or folder.
    Path,
    /// Words with commas between.
    List,
    /// `+` or `-` and an ability of an API, with commas between.
    Abilities,
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// Whether `text` is such a value; else what to write.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        match self {
            Kind::Text | Kind::Secret | Kind::Path if text.is_empty() => Err("has no value".to_owned()),
            Kind::Text | Kind::Secret | Kind::Path | Kind::List => Ok(()),
            Kind::Boolean => boolean(text).map(drop),
            Kind::Duration => duration(text).map(drop),
            Kind::Wait => match duration(text)? {
                Duration::ZERO => Err("must be longer than 0, e.g. 10s".to_owned()),
                _ => Ok(()),
            },
            Kind::Size => size(text).map(drop),
            Kind::Count => count(text).map(drop),
            Kind::Positive => match count(text)? {
                0 => Err("must be 1 or more".to_owned()),
                _ => Ok(()),
            },
            Kind::Url => url(text).map(drop),
            Kind::Abilities => abilities(text).map(drop),
            Kind::Choice(words) if words.contains(&text) => Ok(()),
            Kind::Choice(words) => Err(format!("write {}", words.join(" or "))),
        }
    }

    /// What to call it in the reference.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Secret => "secret",
            Kind::Boolean => "yes or no",
            Kind::Duration | Kind::Wait => "time",
            Kind::Size => "size",
            Kind::Count | Kind::Positive => "number",
            Kind::Url => "URL",
            Kind::Path => "path",
            Kind::List | Kind::Abilities => "list with commas",
            Kind::Choice(_) => "word",
        }
    }
}

/// What an API can be said to know, or not to know.
pub const ABILITIES: [&str; 11] = [
    "get",
    "post",
    "sort",
    "query",
    "filter",
    "cql2-text",
    "cql2-json",
    "like",
    "free-text",
    "fields",
    "count",
];

/// Overrides: `+filter, -post`.
pub(super) fn abilities(text: &str) -> Result<Vec<String>, String> {
    let words = list(text)?;
    for word in &words {
        let name = word.strip_prefix(['+', '-']).map(str::to_ascii_lowercase);
        match name {
            None => return Err(format!("write +{word} or -{word}")),
            Some(name) if ABILITIES.contains(&name.as_str()) => {}
            Some(name) => {
                return Err(match nearest(&name, ABILITIES) {
                    Some(near) => format!("there is no ability {name}; did you mean {near}?"),
                    None => format!("there is no ability {name}; there are {}", ABILITIES.join(", ")),
                });
            }
        }
    }
    Ok(words)
}

/// `yes`, `no` and their usual synonyms.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err("write yes or no".to_owned()),
    }
}

/// A whole number.
pub(super) fn count(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number, e.g. 10000".to_owned())
}

/// A time with its unit: `500ms`, `10s`, `5m`, `1h30m`, `2d`. A lone `0` needs none.
pub fn duration(text: &str) -> Result<Duration, String> {
    const MEND: &str = "write a time with its unit, e.g. 10s, 5m, 2h or 1d";
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    // jiff also reads ISO 8601 ("PT5M"), which nobody means here.
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(MEND.to_owned());
    }
    let span: Span = text.parse().map_err(|_| MEND.to_owned())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| MEND.to_owned())?;
    Duration::try_from(length).map_err(|_| MEND.to_owned())
}

/// Bytes: a number and `K`, `M`, `G` or `T` (powers of 1024, also written `KiB` …; `KB` … are powers of 1000).
pub fn size(text: &str) -> Result<u64, String> {
    const MEND: &str = "write a size with its unit, e.g. 500M, 10G or 2T";
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| MEND.to_owned())?;
    let unit = unit.trim().to_ascii_uppercase();
    let (letter, base) = match unit.strip_suffix("IB").or(unit.strip_suffix('B')) {
        Some(letter) if !unit.ends_with("IB") && !letter.is_empty() => (letter, 1000u64),
        Some(letter) => (letter, 1024),
        None => (unit.as_str(), 1024),
    };
    let power = match letter {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err(MEND.to_owned()),
    };
    Ok((number * base.pow(power) as f64) as u64)
}

/// An http or https URL with a host.
pub(super) fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is no URL ({error}); write https://…"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        other => Err(format!("{other} is not spoken here; write https://…")),
    }
}

/// Words with commas between; empty ones are dropped.
pub(super) fn list(text: &str) -> Result<Vec<String>, String> {
    Ok(text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

/// The nearest of `known` to `written`, within two edits (a swap is one) and a third of its length.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let most = (written.chars().count() / 3).clamp(1, 2);
    let near =
        known.into_iter().map(|word| (strsim::damerau_levenshtein(&written, &word.to_lowercase()), word));
    near.filter(|(edits, _)| *edits <= most).min_by_key(|(edits, _)| *edits).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(2 * 86_400)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in ["10", "", "-5m", "5 parsecs", "PT5M", "1y"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("10G"), Ok(10 << 30));
        assert_eq!(size("10GiB"), Ok(10 << 30));
        assert_eq!(size("1.5 k"), Ok(1536));
        assert_eq!(size("10GB"), Ok(10_000_000_000));
        assert_eq!(size("7B"), Ok(7));
        for wrong in ["", "G", "10X", "-1G", "1.2.3G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn booleans_are_words() {
        assert_eq!(boolean("Yes"), Ok(true));
        assert_eq!(boolean("off"), Ok(false));
        assert!(boolean("maybe").is_err());
    }

    #[test]
    fn only_the_web_is_a_url() {
        assert!(url("https://a.example/api").is_ok());
        assert!(url("ftp://a.example/").unwrap_err().contains("ftp"));
        assert!(url("a.example/api").is_err());
    }

    #[test]
    fn slips_of_the_pen_are_near() {
        let keys = ["max_items", "max_scan", "url"];
        assert_eq!(nearest("max_itmes", keys), Some("max_items"));
        assert_eq!(nearest("URL", keys), Some("url"));
        assert_eq!(nearest("colour", keys), None);
    }
}
