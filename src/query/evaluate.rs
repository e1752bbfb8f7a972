//! Searches evaluated here, on items.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::ast::{Predicate, Query};
use super::cql::Filter;
use super::error::{Error, Fault};
use super::footprint::Region;
use super::words::Words;
use super::{compare, cql, degrees};
use crate::item::{Collection, Item};

/// A search made ready to be asked of many items: shapes and CQL2 text are read once.
#[derive(Debug, Clone)]
pub struct Evaluator {
    conditions: Vec<Condition>,
    collection: Option<String>,
}

#[derive(Debug, Clone)]
enum Condition {
    Meets(Region),
    Filter(Filter),
    Words(Words),
    Plain(Predicate),
}

impl Evaluator {
    /// An evaluator of some predicates: a [`Query`], or those of it that a server cannot evaluate.
    ///
    /// # Errors
    /// Only for a filter or an area that [`super::Segment::parse`] would not have made.
    pub fn new<'a>(predicates: impl IntoIterator<Item = &'a Predicate>) -> Result<Evaluator, Error> {
        let conditions = predicates.into_iter().map(condition).collect::<Result<_, _>>()?;
        Ok(Evaluator { conditions, collection: None })
    }

    /// The same for items found in this collection: those that name none are taken to be of it.
    #[must_use]
    pub fn within(mut self, collection: impl Into<String>) -> Evaluator {
        self.collection = Some(collection.into());
        self
    }

    /// Whether an item meets all of the predicates; see [`Predicate::matches`] for what each asks.
    pub fn matches(&self, item: &Item) -> bool {
        let seen = Seen { item, collection: self.collection.as_deref() };
        let mut footprint = None;
        self.conditions.iter().all(|condition| match condition {
            Condition::Meets(region) => {
                let own: &Option<Region> = footprint.get_or_insert_with(|| Region::of_item(item));
                own.as_ref().is_some_and(|own| own.meets(region))
            }
            Condition::Filter(filter) => filter.matches(&seen),
            Condition::Words(words) => words.matches(item),
            Condition::Plain(predicate) => plain(predicate, &seen),
        })
    }
}

fn condition(predicate: &Predicate) -> Result<Condition, Error> {
    let broken = |why: &str| Fault::new(why).of(&predicate.segment());
    Ok(match predicate {
        Predicate::Bbox(bbox) => Condition::Meets(Region::of_box(bbox)),
        Predicate::Intersects(area) => {
            Condition::Meets(Region::of_area(area).ok_or_else(|| broken("its area is no GeoJSON geometry"))?)
        }
        Predicate::Filter(text) => {
            Condition::Filter(Filter::new(text).map_err(|f| f.of(&predicate.segment()))?)
        }
        Predicate::FreeText(terms) => Condition::Words(Words::new(terms)),
        plain => Condition::Plain(plain.clone()),
    })
}

/// An item, and the collection it was found in.
pub(super) struct Seen<'a> {
    /// The item itself.
    pub item: &'a Item,
    /// Its collection, where it names none.
    pub collection: Option<&'a str>,
}

impl Seen<'_> {
    /// The collection it names, else that it was found in.
    fn collection(&self) -> Option<String> {
        self.item.collection().or_else(|| self.collection.map(str::to_owned))
    }

    /// A property; `id` and `collection` are the item's own. Null is absent.
    pub fn property(&self, name: &str) -> Option<Cow<'_, Value>> {
        match name {
            "id" => Some(Cow::Owned(Value::from(self.item.id()))),
            "collection" => self.collection().map(|c| Cow::Owned(Value::from(c))),
            _ => self.item.property(name).map(Cow::Borrowed),
        }
    }
}

fn plain(predicate: &Predicate, seen: &Seen<'_>) -> bool {
    let item = seen.item;
    match predicate {
        Predicate::Datetime(wanted) => item.span().is_some_and(|span| span.overlaps(wanted)),
        Predicate::Collections(ids) => seen.collection().is_some_and(|c| ids.contains(&c)),
        Predicate::Ids(ids) => ids.contains(item.id()),
        Predicate::MaxCloudCover(most) => cloud_cover(item).is_none_or(|cover| cover <= *most),
        Predicate::Months(months) => item.day_instant().is_some_and(|at| {
            let month = at.to_zoned(TimeZone::UTC).month();
            u8::try_from(month).is_ok_and(|month| months.contains(&month))
        }),
        Predicate::WrsPath(path) => wrs(item, "landsat:wrs_path") == Some(*path),
        Predicate::WrsRow(row) => wrs(item, "landsat:wrs_row") == Some(*row),
        Predicate::Property(c) => compare::meets(&c.test, seen.property(&c.property).as_deref()),
        // Conditions of their own.
        Predicate::Bbox(_) | Predicate::Intersects(_) | Predicate::Filter(_) | Predicate::FreeText(_) => true,
    }
}

/// Percent; `None` where it is not known, which some write as a negative number.
fn cloud_cover(item: &Item) -> Option<f64> {
    let cover = item.property("eo:cloud_cover")?;
    let number = cover.as_f64().or_else(|| degrees::number(cover.as_str()?));
    number.filter(|cover| *cover >= 0.0)
}

/// A path or row: a number, or text with or without leading zeros.
fn wrs(item: &Item, property: &str) -> Option<u16> {
    let value = item.property(property)?;
    let number = value.as_f64().or_else(|| degrees::number(value.as_str()?))?;
    (number.fract() == 0.0 && (0.0..1000.0).contains(&number)).then_some(number as u16)
}

impl Query {
    /// Whether an item meets all predicates. For many items make an [`Evaluator`] once.
    ///
    /// # Errors
    /// As [`Evaluator::new`].
    pub fn matches(&self, item: &Item) -> Result<bool, Error> {
        Ok(Evaluator::new(self)?.matches(item))
    }

    /// The properties that the search names, `properties.` left out: those of comparisons and of filters. What
    /// every item has (`id`, `collection`, `datetime`, `geometry`, `bbox`) is not among them. A search that
    /// finds nothing is worth a word where one of these is known nowhere.
    pub fn properties(&self) -> BTreeSet<String> {
        let named = |predicate: &Predicate| match predicate {
            Predicate::Property(comparison) => BTreeSet::from([comparison.property.clone()]),
            Predicate::Filter(text) => cql::properties(text).unwrap_or_default(),
            _ => BTreeSet::new(),
        };
        self.predicates.iter().flat_map(named).filter(|name| !OWN.contains(&name.as_str())).collect()
    }

    /// Whether items of a collection may meet the search, by what the collection says of itself: its name, and
    /// its boxes where all are in degrees. What it does not say never speaks against it, nor does its time,
    /// which is often out of date.
    pub fn may_be_in(&self, collection: &Collection) -> bool {
        let boxes = collection.bboxes();
        let told = !boxes.is_empty() && boxes.iter().all(|b| b.south <= b.north && *b != NOWHERE);
        let regions: Vec<Region> = boxes.iter().map(Region::of_box).collect();
        let id = Value::from(collection.id());
        let near = |wanted: Option<Region>| {
            !told || wanted.is_none_or(|wanted| regions.iter().any(|own| own.meets(&wanted)))
        };
        self.predicates.iter().all(|predicate| match predicate {
            Predicate::Bbox(bbox) => near(Some(Region::of_box(bbox))),
            Predicate::Intersects(area) => near(Region::of_area(area)),
            Predicate::Collections(ids) => ids.contains(collection.id()),
            Predicate::Property(c) if c.property == "collection" => compare::meets(&c.test, Some(&id)),
            _ => true,
        })
    }
}

/// What every item has, whatever its properties.
const OWN: [&str; 5] = ["id", "collection", "datetime", "geometry", "bbox"];

/// What is written where nobody knew the box.
const NOWHERE: crate::item::Bbox = crate::item::Bbox { west: 0.0, south: 0.0, east: 0.0, north: 0.0 };

impl Predicate {
    /// Whether an item meets this predicate.
    ///
    /// - `bbox`, `intersects`: its geometry, else its box, shares a point with the region, edges included;
    ///   longitudes are the same after a turn. An item without either in degrees does not match.
    /// - `datetime`: its instant, or the span from start to end, shares an instant with the span asked for. An
    ///   item without any time does not match.
    /// - `collections`, `ids`: it is one of them, exactly. An item that names no collection is of none, unless
    ///   [`Evaluator::within`] says which.
    /// - `max_cloud_cover`: `eo:cloud_cover` is at most that, or unknown (absent, null, negative, no number).
    /// - `months`: the month, UTC, of the day it stands on: that of `datetime`, else of `start_datetime`.
    /// - `path`, `row`: `landsat:wrs_path`, `landsat:wrs_row`, number or text, leading zeros or none.
    /// - `<property>`: compared as its own type says. A number is compared with numbers, a date (text
    ///   that begins with one) with dates and periods, other text as text, case included. Of an array any
    ///   member may match. `id` and `collection` are the item's own. An absent property matches only
    ///   `isnull=true`; one that cannot be compared with the value only `ne`.
    /// - `filter`: CQL2 with its three-valued logic: what is said of an absent property is neither true nor
    ///   false, and an item matches where the whole is true. Comparisons are those of `<property>`.
    /// - `q`: the words of any of the terms stand side by side, case aside, in its id, title, description or
    ///   keywords.
    ///
    /// # Errors
    /// As [`Evaluator::new`].
    pub fn matches(&self, item: &Item) -> Result<bool, Error> {
        Ok(Evaluator::new([self])?.matches(item))
    }
}
