//! The report as text: what `.stacfs/status`, `errors` and `requests` hold, and `status.json`.
//!
//! One line is one thing, and nothing that a server says can end a line, move a cursor or colour a terminal.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Report, Row};

/// `.stacfs/status`: the sections other rooms registered, the notes in force, all totals.
pub fn status(report: &Report) -> String {
    let age = report.began.elapsed().unwrap_or_default();
    let mut text =
        format!("stacfs {} since {} ({})\n", env!("CARGO_PKG_VERSION"), seconds(report.began), span(age));
    for (title, rows) in report.sections() {
        section(&mut text, &title, &rows);
    }
    let notes: Vec<Row> = report.notes().into_iter().collect();
    if !notes.is_empty() {
        section(&mut text, "notes", &notes);
    }
    text.push_str("\ncounters\n");
    for (name, explanation, value) in report.counters.all() {
        let size = if name.ends_with("bytes") { format!(" ({})", bytes(value)) } else { String::new() };
        line(&mut text, format_args!("  {name:<18} {value:>12}{size}  {explanation}"));
    }
    text
}

/// The same for programs: `{"version", "since", "sections": {title: {name: words}}, "notes", "counters"}`.
pub fn status_json(report: &Report) -> String {
    let rows = |rows: Vec<Row>| -> Value {
        rows.into_iter().map(|(name, words)| (name, Value::String(words))).collect::<Map<_, _>>().into()
    };
    let sections = report.sections().into_iter().map(|(title, list)| (title, rows(list)));
    let counters = report.counters.all().into_iter().map(|(name, _, value)| (name.to_owned(), json!(value)));
    let status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "since": seconds(report.began),
        "sections": sections.collect::<Map<_, _>>(),
        "notes": rows(report.notes().into_iter().collect()),
        "counters": counters.collect::<Map<_, _>>(),
    });
    format!("{status:#}\n")
}

/// `.stacfs/errors`: a line per failure, oldest first, with tabs between: time, errno, path, words.
pub fn errors(report: &Report) -> String {
    let mut text = String::from("# time\terrno\tpath\twords\n");
    for record in report.errors() {
        let (path, words) = (printable(&record.path), printable(&record.words));
        line(
            &mut text,
            format_args!("{}\t{}\t{path}\t{words}", seconds(record.at), errno_name(record.errno)),
        );
    }
    text
}

/// `.stacfs/requests`: a line per request, oldest first, with tabs between: time, method, outcome, bytes,
/// milliseconds, range (`-` for none), URL.
pub fn requests(report: &Report) -> String {
    let mut text = String::from("# time\tmethod\toutcome\tbytes\tms\trange\turl\n");
    for record in report.requests() {
        let at = timestamp(record.at).map_or_else(|| "-".to_owned(), |at| format!("{at:.3}"));
        let (method, outcome) = (printable(&record.method), printable(&record.outcome));
        let range = record.range.as_deref().map_or_else(|| "-".to_owned(), printable);
        let (bytes, took, url) = (record.bytes, record.took.as_millis(), printable(&record.url));
        line(&mut text, format_args!("{at}\t{method}\t{outcome}\t{bytes}\t{took}\t{range}\t{url}"));
    }
    text
}

/// Text of a server or a user as one harmless line: control characters, and those that turn the writing
/// direction, as `\n`, `\t` or `\u{1b}`.
pub fn printable(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                plain.extend(sign.escape_unicode());
            }
            sign if sign.is_control() => plain.extend(sign.escape_default()),
            sign => plain.push(sign),
        }
    }
    plain
}

/// A number of bytes for people: `0 B`, `1.5 KiB`, `20 GiB`.
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        // What would be printed as 1024 belongs to the next unit.
        if value < 1023.5 {
            return if value < 9.95 && unit != "B" {
                format!("{value:.1} {unit}")
            } else {
                format!("{value:.0} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} PiB")
}

/// The name of an errno, for those that a mount answers; else its number.
pub fn errno_name(errno: i32) -> String {
    let name = match errno {
        libc::EACCES => "EACCES",
        libc::EAGAIN => "EAGAIN",
        libc::EBUSY => "EBUSY",
        libc::EDQUOT => "EDQUOT",
        libc::EINVAL => "EINVAL",
        libc::EIO => "EIO",
        libc::EISDIR => "EISDIR",
        libc::ENAMETOOLONG => "ENAMETOOLONG",
        libc::ENODATA => "ENODATA",
        libc::ENOENT => "ENOENT",
        libc::ENOSPC => "ENOSPC",
        libc::ENOSYS => "ENOSYS",
        libc::ENOTDIR => "ENOTDIR",
        libc::ENOTSUP => "ENOTSUP",
        libc::EPERM => "EPERM",
        libc::EROFS => "EROFS",
        libc::ESTALE => "ESTALE",
        libc::ETIMEDOUT => "ETIMEDOUT",
        other => return other.to_string(),
    };
    name.to_owned()
}

/// A title and its rows, the names as wide as the widest.
fn section(text: &mut String, title: &str, rows: &[Row]) {
    line(text, format_args!("\n{}", printable(title)));
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, words) in rows {
        let (name, words) = (printable(name), printable(words));
        line(text, format_args!("  {name:<width$}  {words}"));
    }
}

/// Adds a line.
fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{words}");
}

/// A time as RFC 3339, UTC, whole seconds.
fn seconds(at: SystemTime) -> String {
    timestamp(at).map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"))
}

/// A clock far outside of the calendar has no time.
fn timestamp(at: SystemTime) -> Option<Timestamp> {
    Timestamp::try_from(at).ok()
}

/// A length of time for people: `42 s`, `3 min`, `5 h 7 min`, `2 d 3 h`.
fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if minutes == 0 => format!("{seconds} s"),
        () if hours == 0 => format!("{minutes} min"),
        () if days == 0 => format!("{hours} h {} min", minutes % 60),
        () => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::RequestRecord;

    #[test]
    fn a_server_cannot_draw_on_the_terminal() {
        let report = Report::new();
        report.error("/moon/a\nb", libc::EIO, "the server says: \u{1b}[2J\u{9b}31m\u{202e}olleh\ttab");
        let text = errors(&report);
        let mut lines = text.lines().skip(1);
        let told: Vec<_> = lines.next().unwrap().split('\t').collect();
        assert_eq!(lines.next(), None);
        assert_eq!(
            told[1..],
            ["EIO", "/moon/a\\nb", "the server says: \\u{1b}[2J\\u{9b}31m\\u{202e}olleh\\ttab"]
        );
        assert!(told[0].ends_with('Z') && told[0].len() == "2026-01-01T00:00:00Z".len(), "{}", told[0]);
        assert_eq!(printable("Ünïcode 月 stays"), "Ünïcode 月 stays");
    }

    #[test]
    fn requests_are_lines_of_fields() {
        let report = Report::new();
        report.request(RequestRecord {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_234),
            method: "GET".to_owned(),
            url: "https://a.example/x".to_owned(),
            range: Some("bytes=0-9".to_owned()),
            outcome: "206".to_owned(),
            bytes: 10,
            took: Duration::from_millis(7),
        });
        assert_eq!(
            requests(&report).lines().nth(1),
            Some("1970-01-01T00:00:01.234Z\tGET\t206\t10\t7\tbytes=0-9\thttps://a.example/x")
        );
    }

    #[test]
    fn status_has_the_sections_of_the_rooms() {
        let report = Report::new();
        report.section("cache", || {
            vec![("folder".to_owned(), "/c".to_owned()), ("used".to_owned(), "1".to_owned())]
        });
        report.section("cache", || vec![("folder".to_owned(), "/d\u{7}".to_owned())]);
        report.note("moon", "out of reach");
        report.counters.cache_bytes.add(3 << 20);
        let text = status(&report);
        assert!(text.contains("\ncache\n  folder  /d\\u{7}\n"), "{text}");
        assert!(!text.contains("used"), "the later section of a title replaces the earlier");
        assert!(text.contains("\nnotes\n  moon  out of reach\n"), "{text}");
        assert!(text.contains(" 3145728 (3.0 MiB)"), "{text}");

        let json: Value = serde_json::from_str(&status_json(&report)).unwrap();
        assert_eq!(json["sections"]["cache"]["folder"], "/d\u{7}");
        assert_eq!(json["counters"]["cache_bytes"], 3 << 20);
        assert_eq!(json["notes"]["moon"], "out of reach");
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            [0, 1023, 1024, 1536, 10 << 20, (1 << 30) - 1].map(bytes),
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "10 MiB", "1.0 GiB"]
        );
        assert_eq!(
            [59, 60, 3_660, 90_000].map(|seconds| span(Duration::from_secs(seconds))),
            ["59 s", "1 min", "1 h 1 min", "1 d 1 h"]
        );
        assert_eq!((errno_name(libc::ESTALE), errno_name(9999)), ("ESTALE".to_owned(), "9999".to_owned()));
    }
}
