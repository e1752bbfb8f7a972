//! From one path segment to what it means.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::area::{self, Areas};
use super::ast::{Predicate, Segment, ViewOption};
use super::error::{Error, Fault};
use super::escape::{LONGEST, decode, decode_filter};
use super::{comparison, degrees, filter, period, view, words};

/// Whether a name is a segment: by syntax alone, an `=` anywhere. In an item's name that is `%3D`.
pub fn is_segment(name: impl AsRef<OsStr>) -> bool {
    name.as_ref().as_bytes().contains(&b'=')
}

impl Segment {
    /// What a segment means, as it stands in a path. `areas` knows the areas of interest by name; it is asked
    /// for `intersects=NAME` only.
    ///
    /// # Errors
    /// [`Error`] where it means nothing: one line that says what is wrong and what to write.
    pub fn parse(text: &str, areas: &dyn Areas) -> Result<Segment, Error> {
        parse(text, areas).map_err(|fault| fault.of(text))
    }

    /// The same of a name as the kernel gives it.
    ///
    /// # Errors
    /// Also where the name is not UTF-8.
    pub fn from_name(name: &OsStr, areas: &dyn Areas) -> Result<Segment, Error> {
        match name.to_str() {
            Some(text) => Segment::parse(text, areas),
            None => Err(Fault::new("it is not UTF-8")
                .hint("type it where the locale is UTF-8")
                .of(&name.to_string_lossy())),
        }
    }

    /// The segment in its one canonical spelling.
    pub fn text(&self) -> String {
        match self {
            Segment::Predicate(predicate) => predicate.segment(),
            Segment::View(option) => option.segment(),
        }
    }
}

fn parse(text: &str, areas: &dyn Areas) -> Result<Segment, Fault> {
    let Some((key, raw)) = text.split_once('=') else {
        return Err(Fault::new("there is no = in it").hint("write <name>=<value>"));
    };
    if text.len() > LONGEST {
        let hint = match key {
            "intersects" => "save the shape as NAME.geojson in the AOI folder and write intersects=NAME",
            "filter" => "split it at its ANDs: each filter= directory narrows further",
            _ => "shorten it",
        };
        return Err(Fault::new(format!("it is longer than {LONGEST} bytes")).hint(hint));
    }
    let predicate = match key {
        "sortby" => return view::sort_by(raw).map(Segment::View),
        "max_items" => return view::max_items(raw).map(Segment::View),
        "assets" => return view::assets(raw).map(Segment::View),
        "bbox" => Predicate::Bbox(bbox(raw)?),
        "intersects" => Predicate::Intersects(area::parse(&value(raw)?, areas)?),
        "datetime" => Predicate::Datetime(period::parse(&value(raw)?)?),
        "collections" => Predicate::Collections(members(raw)?.into_iter().collect()),
        "ids" => Predicate::Ids(members(raw)?.into_iter().collect()),
        "max_cloud_cover" => Predicate::MaxCloudCover(percent(raw)?),
        "months" => Predicate::Months(months(raw)?),
        "path" => Predicate::WrsPath(wrs(raw, "path", 233)?),
        "row" => Predicate::WrsRow(wrs(raw, "row", 248)?),
        "filter" => Predicate::Filter(filter::check(&decode_filter(raw)?)?),
        "q" => Predicate::FreeText(words::terms(members(raw)?)?),
        _ => Predicate::Property(comparison::parse(key, raw)?),
    };
    Ok(Segment::Predicate(predicate))
}

/// A value that is there, decoded.
fn value(raw: &str) -> Result<String, Fault> {
    let value = decode(raw)?.trim().to_owned();
    if value.is_empty() {
        Err(Fault::new("there is no value after the =").hint("write one, or leave the segment out"))
    } else {
        Ok(value)
    }
}

/// The members of a comma list, decoded one by one; none of them empty. Spaces around a member are no part of it,
/// unless they are escaped.
pub(super) fn members(raw: &str) -> Result<Vec<String>, Fault> {
    value(raw)?;
    let member = |raw: &str| {
        let text = decode(raw.trim_matches(|c: char| c.is_ascii_whitespace()))?;
        if text.trim().is_empty() {
            return Err(Fault::new("a comma has nothing on one side")
                .hint("write a comma that belongs to a name as %2C"));
        }
        Ok(text)
    };
    raw.split(',').map(member).collect()
}

fn bbox(raw: &str) -> Result<crate::item::Bbox, Fault> {
    let text = value(raw)?;
    if text.starts_with(['[', '(']) {
        let bare = text.trim_matches(['[', ']', '(', ')']).replace(' ', "");
        return Err(Fault::new("a box has no brackets").hint(format!("did you mean bbox={bare}?")));
    }
    degrees::parse(&text.split(',').collect::<Vec<_>>())
}

fn percent(raw: &str) -> Result<f64, Fault> {
    let form = |text: &str| format!("write the number alone: max_cloud_cover={text}");
    if let Some(number) = raw.strip_suffix('%').or_else(|| raw.strip_suffix("%25")) {
        return Err(Fault::new("percent goes without saying").hint(form(number)));
    }
    let text = value(raw)?;
    let number = degrees::number(&text)
        .ok_or_else(|| Fault::new(format!("{text:?} is no number")).hint(form("20")))?;
    match number {
        0.0..=100.0 => Ok(number),
        _ => Err(Fault::new("percent is 0 to 100").hint(form("20"))),
    }
}

fn months(raw: &str) -> Result<BTreeSet<u8>, Fault> {
    const NAMES: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = |text: &String| {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        if let Some(month) = text.parse().ok().filter(|m| digits && (1..=12).contains(m)) {
            return Ok(month);
        }
        let fault = Fault::new(format!("{text:?} is no month"));
        let start: String = text.to_lowercase().chars().take(3).collect();
        Err(match NAMES.iter().position(|name| *name == start) {
            Some(at) => fault.hint(format!("write its number: months={}", at + 1)),
            None => fault.hint("write numbers from 1 to 12, as in months=6,7,8"),
        })
    };
    members(raw)?.iter().map(month).collect()
}

/// A WRS-2 path or row: of Landsat's grid, from 1.
fn wrs(raw: &str, name: &str, last: u16) -> Result<u16, Fault> {
    let text = value(raw)?;
    if text.contains(',') {
        return Err(Fault::new(format!("one {name} is wanted"))
            .hint(format!("write several as landsat:wrs_{name}.in={text}")));
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|n| digits && (1..=last).contains(n));
    number.ok_or_else(|| {
        Fault::new(format!("{text:?} is no WRS-2 {name}"))
            .hint(format!("write a number from 1 to {last}; {name}.eq= asks for a property of that name"))
    })
}

impl From<Predicate> for Segment {
    fn from(predicate: Predicate) -> Segment {
        Segment::Predicate(predicate)
    }
}

impl From<ViewOption> for Segment {
    fn from(option: ViewOption) -> Segment {
        Segment::View(option)
    }
}
