//! M2M's values as plain ones: numbers and dates come as text of several spellings.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, fmt::strtime};
use serde_json::{Number, Value};

use crate::item;

/// A metadata value as it can be compared: ` 030` and `41.90` are numbers, `2020/12/31` is the date
/// 2020-12-31, everything else is text without blanks around it.
pub fn value(value: &Value) -> Option<Value> {
    let Value::String(text) = value else {
        return Some(value.clone()).filter(|value| value.is_number() || value.is_boolean());
    };
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(
        number(text)
            .map(Value::Number)
            .or_else(|| date(text).map(|day| day.to_string().into()))
            .unwrap_or_else(|| text.into()),
    )
}

/// Digits, at most one point, a sign; not so many digits that a number would lose some.
fn number(text: &str) -> Option<Number> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    if !plain || text.len() > 15 {
        return None;
    }
    let integer = text.parse::<i64>().ok().map(Number::from);
    integer.or_else(|| text.parse().ok().and_then(Number::from_f64))
}

/// `2020/12/31`.
fn date(text: &str) -> Option<Date> {
    strtime::parse("%Y/%m/%d", text).ok()?.to_date().ok()
}

/// The day of `2020-12-31 00:00:00-06`, `2020/12/31`, `20201231`, or of longer text that begins so.
pub fn day(text: &str) -> Option<Date> {
    let text = text.trim();
    let first = text.get(..10).unwrap_or(text);
    first.parse().ok().or_else(|| date(first)).or_else(|| strtime::parse("%Y%m%d", text).ok()?.to_date().ok())
}

/// An instant: RFC 3339, without a zone too, or the year and its day `2020:366:15:38:06.1234567` of older
/// metadata. `None` for a day alone, and for midnight, which is how M2M writes a day.
pub fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let counted = || {
        let at: DateTime = strtime::parse("%Y:%j:%H:%M:%S%.f", text).ok()?.to_datetime().ok()?;
        at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
    };
    if text.len() <= 10 || text.get(11..19) == Some("00:00:00") {
        return None;
    }
    item::instant(text).or_else(counted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_what_they_look_like() {
        for (raw, plain) in [
            (json!(" 030"), Some(json!(30))),
            (json!("41.90"), Some(json!(41.9))),
            (json!("-0.001"), Some(json!(-0.001))),
            (json!(7), Some(json!(7))),
            (json!("2020/12/31"), Some(json!("2020-12-31"))),
            (json!("L2SP "), Some(json!("L2SP"))),
            (json!("12345678901234567890"), Some(json!("12345678901234567890"))),
            (json!("1-2"), Some(json!("1-2"))),
            (json!("  "), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(value(&raw), plain, "{raw}");
        }
    }

    #[test]
    fn times_of_all_kinds() {
        for (text, at) in [
            ("2020-12-31 15:38:06.5", Some("2020-12-31T15:38:06.5Z")),
            ("2020:366:15:38:06.5", Some("2020-12-31T15:38:06.5Z")),
            ("2008-01-31 16:28:42-06", Some("2008-01-31T22:28:42Z")),
            ("2020-12-31T15:38:06Z", Some("2020-12-31T15:38:06Z")),
            ("2020-12-31 00:00:00-06", None),
            ("2020-12-31", None),
            ("Unknown", None),
        ] {
            assert_eq!(instant(text).map(|at| at.to_string()).as_deref(), at, "{text}");
        }
        for text in ["2020-12-31 00:00:00-06", "2020/12/31", "20201231", "2020-12-31"] {
            assert_eq!(day(text).map(|day| day.to_string()).as_deref(), Some("2020-12-31"), "{text}");
        }
        assert_eq!(day("Unknown"), None);
    }
}
