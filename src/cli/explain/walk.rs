//! Along a path, component by component: where it stands, and what each means.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::words;
use crate::item::Span;
use crate::query::{Areas, Predicate, Query, Segment, View, is_segment};
use crate::tree::names::{Of, RESERVED_AT_ROOT, RESERVED_IN_ITEM, RESERVED_IN_SEARCH, unescape};

/// What stands at a name in a source, as far as the server can be asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// A collection.
    Collection,
    /// A child catalogue: names below it are looked up there.
    Catalogue,
    /// Nothing: the server said so.
    Nothing,
    /// The server cannot be asked.
    Unknown(String),
}

/// Who is asked what stands at a name: the source's name and an id, each below the one before.
pub(super) type Ask<'a> = &'a mut dyn FnMut(&str, &str) -> What;

/// Where a path has led.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// The source, where the path is in one.
    pub(super) source: Option<String>,
    /// The collection, where the path is in one.
    pub(super) collection: Option<String>,
    /// The conditions.
    pub(super) query: Query,
    /// The view in force.
    pub(super) view: View,
    /// The item, where the path is at or in one.
    pub(super) item: Option<String>,
    /// Each component's meaning.
    pub(super) steps: Vec<Step>,
}

/// One component.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// As written.
    pub(super) name: String,
    /// What it means.
    pub(super) meaning: String,
}

/// What a name may be at the place that the path has come to.
#[derive(Debug, Clone, PartialEq)]
enum Level {
    /// Above the sources.
    Root(Vec<String>),
    /// In a source or a child catalogue.
    Source,
    /// In a collection, or a search in it.
    Search,
    /// In a by-date: the year and the month so far.
    ByDate(Option<i16>, Option<i8>),
    /// On a day of a by-date: no by-date below it.
    Day,
    /// In an item.
    Item,
    /// At a file, or in a directory whose names are nobody's segments.
    End,
}

/// A walk that has not begun.
pub(super) struct Walk {
    level: Level,
    place: Place,
}

impl Walk {
    /// From the root of one source.
    pub(super) fn in_source(name: &str) -> Walk {
        Walk { level: Level::Source, place: Place { source: Some(name.to_owned()), ..Place::default() } }
    }

    /// From the root of several.
    pub(super) fn at_root<'a>(names: impl Iterator<Item = &'a str>) -> Walk {
        Walk { level: Level::Root(names.map(str::to_owned).collect()), place: Place::default() }
    }

    /// Follows all components of a path.
    ///
    /// # Errors
    /// In words with the errno, where one cannot be followed.
    pub(super) fn along(mut self, path: &str, areas: &dyn Areas, ask: Ask<'_>) -> Result<Place, String> {
        for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
            let meaning = self.step(name, areas, ask)?;
            self.place.steps.push(Step { name: name.to_owned(), meaning });
        }
        Ok(self.place)
    }

    fn step(&mut self, name: &str, areas: &dyn Areas, ask: Ask<'_>) -> Result<String, String> {
        if !matches!(self.level, Level::Item | Level::End | Level::ByDate(..)) && is_segment(name) {
            return self.segment(name, areas);
        }
        match self.level.clone() {
            Level::Root(sources) => self.choose_source(name, &sources),
            Level::Source => self.at_source(name, ask),
            Level::Search | Level::Day => self.at_search(name),
            Level::ByDate(year, month) => self.at_date(name, year, month),
            Level::Item => {
                self.level = Level::End;
                Ok(match RESERVED_IN_ITEM.contains(&name) {
                    true => "made of the item".to_owned(),
                    false => "a file of the item: an asset".to_owned(),
                })
            }
            Level::End => Ok("below what stacfs makes there".to_owned()),
        }
    }

    fn segment(&mut self, name: &str, areas: &dyn Areas) -> Result<String, String> {
        let segment = Segment::parse(name, areas).map_err(|error| format!("EINVAL: {error}"))?;
        let mut meaning = words::meaning(&segment);
        let canonical = segment.text();
        if canonical != name {
            meaning = format!("{meaning}; canonical: {canonical}");
        }
        match segment {
            Segment::Predicate(predicate) => self.place.query = self.place.query.and(predicate),
            Segment::View(option) => self.place.view = self.place.view.with(option),
        }
        Ok(meaning)
    }

    fn choose_source(&mut self, name: &str, sources: &[String]) -> Result<String, String> {
        if sources.iter().any(|source| source == name) {
            self.place.source = Some(name.to_owned());
            self.level = Level::Source;
            return Ok("a source".to_owned());
        }
        if RESERVED_AT_ROOT.contains(&name) {
            self.level = Level::End;
            return Ok("made by stacfs".to_owned());
        }
        Err(format!("ENOENT: {name} is no source of this mount; there are {}", sources.join(", ")))
    }

    fn at_source(&mut self, name: &str, ask: Ask<'_>) -> Result<String, String> {
        if RESERVED_AT_ROOT.contains(&name) {
            self.level = Level::End;
            return Ok("made by stacfs".to_owned());
        }
        let id = unescape(name, Of::Collection).ok_or_else(|| misspelt(name))?;
        let source = self.place.source.clone().unwrap_or_default();
        let (level, meaning) = match ask(&source, &id) {
            What::Collection => (Level::Search, "a collection".to_owned()),
            What::Catalogue => (Level::Source, "a child catalogue".to_owned()),
            What::Nothing => return Err(format!("ENOENT: {source} has no collection or catalogue {id}")),
            What::Unknown(why) => (Level::Search, format!("a collection, if there is one ({why})")),
        };
        if level == Level::Search {
            self.place.collection = Some(id);
        }
        self.level = level;
        Ok(meaning)
    }

    fn at_search(&mut self, name: &str) -> Result<String, String> {
        if name == "by-date" && self.level == Level::Search {
            self.level = Level::ByDate(None, None);
            return Ok("the time span as directories: year, month, day".to_owned());
        }
        if RESERVED_IN_SEARCH.contains(&name) {
            self.level = Level::End;
            return Ok("made of what the directory lists".to_owned());
        }
        self.place.item = Some(unescape(name, Of::Item).ok_or_else(|| misspelt(name))?);
        self.level = Level::Item;
        Ok("an item: one request by its id, and it must meet the search".to_owned())
    }

    fn at_date(&mut self, name: &str, year: Option<i16>, month: Option<i8>) -> Result<String, String> {
        let none = || {
            format!(
                "ENOENT: {name} is no {} of a by-date",
                ["year", "month", "day"][usize::from(year.is_some()) + usize::from(month.is_some())]
            )
        };
        let digits = if year.is_none() { 4 } else { 2 };
        let number: i16 = name.parse().ok().filter(|_| name.len() == digits).ok_or_else(none)?;
        match (year, month) {
            (None, _) => {
                self.level = Level::ByDate(Some(number), None);
                Ok("the year".to_owned())
            }
            (Some(_), None) => {
                let month =
                    i8::try_from(number).ok().filter(|month| (1..=12).contains(month)).ok_or_else(none)?;
                self.level = Level::ByDate(year, Some(month));
                Ok("the month".to_owned())
            }
            (Some(year), Some(month)) => {
                let day = i8::try_from(number)
                    .ok()
                    .and_then(|day| Date::new(year, month, day).ok())
                    .ok_or_else(none)?;
                self.place.query = self.place.query.and(Predicate::Datetime(whole(day).ok_or_else(none)?));
                self.level = Level::Day;
                Ok(format!("the items that stand on {day} (UTC)"))
            }
        }
    }
}

impl Place {
    /// Whether a source is searched at this place.
    pub(super) fn concerns(&self, source: &str) -> bool {
        self.source.as_deref().is_none_or(|own| own == source)
    }

    /// The search in its one canonical spelling.
    pub(super) fn canonical(&self) -> String {
        let segments = self.query.segments().into_iter().chain(self.view.segments());
        let all: Vec<String> = self.collection.clone().into_iter().chain(segments).collect();
        if all.is_empty() { "all".to_owned() } else { all.join("/") }
    }
}

/// From the first to the last instant of a day, UTC.
fn whole(day: Date) -> Option<Span> {
    let midnight = |day: Date| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp());
    Some(Span {
        start: midnight(day),
        end: Some(midnight(day.tomorrow().ok()?)?.checked_sub(1.nanosecond()).ok()?),
    })
}

fn misspelt(name: &str) -> String {
    format!(
        "ENOENT: {name} is not the one spelling of a name: copy it from a listing, or write %XX in capitals"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `planets` and, in it, `lunar` are catalogues; `moon` and `fields` are collections.
    fn ask(_: &str, id: &str) -> What {
        match id {
            "planets" | "lunar" => What::Catalogue,
            "moon" | "fields" => What::Collection,
            _ => What::Nothing,
        }
    }

    fn place(path: &str) -> Result<Place, String> {
        Walk::in_source("s").along(path, &(), &mut ask)
    }

    #[test]
    fn a_path_leads_to_a_search() {
        let place =
            place("/bbox=0,0,2,2//planets/lunar/moon/datetime=2018/max_items=5/TC_00/TC_00.tif").unwrap();
        assert_eq!((place.collection.as_deref(), place.item.as_deref()), (Some("moon"), Some("TC_00")));
        assert_eq!(place.canonical(), "moon/bbox=0,0,2,2/datetime=2018/max_items=5");
        let names: Vec<_> = place.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "bbox=0,0,2,2",
                "planets",
                "lunar",
                "moon",
                "datetime=2018",
                "max_items=5",
                "TC_00",
                "TC_00.tif"
            ]
        );
        assert_eq!(place.steps[7].meaning, "a file of the item: an asset");
    }

    #[test]
    fn a_day_of_a_by_date_is_a_search() {
        assert_eq!(place("moon/by-date/2018/02/03").unwrap().canonical(), "moon/datetime=2018-02-03");
        for (path, told) in [
            ("moon/by-date/18", "ENOENT: 18 is no year"),
            ("moon/by-date/2018/13", "ENOENT: 13 is no month"),
            ("moon/by-date/2018/02/30", "ENOENT: 30 is no day"),
        ] {
            assert!(place(path).unwrap_err().starts_with(told), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_told_why() {
        let told = |path| place(path).unwrap_err();
        assert!(told("moon/bbx=0,0,2,2").contains("did you mean bbox=0,0,2,2?"));
        assert!(told("moon/bbx=0,0,2,2").starts_with("EINVAL: "));
        assert_eq!(told("mars"), "ENOENT: s has no collection or catalogue mars");
        assert!(told("moon/a%2fb").contains("capitals"));
        // In an item `=` is an ordinary character.
        assert!(place("moon/TC_00/a=b").is_ok());
    }

    #[test]
    fn above_several_sources_only_they_and_segments_stand() {
        let root = |path: &str| Walk::at_root(["a", "b"].into_iter()).along(path, &(), &mut ask);
        let narrowed = root("datetime=2018").unwrap();
        assert!(narrowed.concerns("a") && narrowed.concerns("b"));
        let one = root("datetime=2018/b/moon").unwrap();
        assert!(!one.concerns("a") && one.concerns("b"));
        assert!(root("c").unwrap_err().contains("there are a, b"));
    }

    #[test]
    fn a_server_that_is_away_leaves_it_open() {
        let mut away = |_: &str, _: &str| What::Unknown("away".to_owned());
        let place = Walk::in_source("s").along("moon/datetime=2018", &(), &mut away).unwrap();
        assert_eq!(place.collection.as_deref(), Some("moon"));
        assert_eq!(place.steps[0].meaning, "a collection, if there is one (away)");
    }
}
