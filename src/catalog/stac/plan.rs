//! What of a search goes to the server, in its dialect, and what is done here.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::{Depth, Error, Search};
use super::conformance::{Ability, Conformance};
use super::cql::{self, Kinds, Like, Said};
use super::params::{Language, Params};
use crate::item::Span;
use crate::query::{Comparison, FieldOrder, Predicate, Query, Test};

/// Properties that a listing shows: times, and when the metadata changed.
const OUTLINE: [&str; 4] = ["datetime", "start_datetime", "end_datetime", "updated"];

/// Ids sent in one request, and bytes of them: more make URLs that gateways refuse.
const IDS_AT_ONCE: usize = 100;
const ID_BYTES_AT_ONCE: usize = 5_000;

/// What a server refused, and is not asked for again in this search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// Filters and queries.
    Filter,
    /// An order.
    Order,
    /// An order that goes on by id among equals.
    Ties,
    /// A page that follows in its own order: the ids make one.
    OwnOrder,
    /// The polygon: too long a URL, where only GET works.
    Area,
    /// A search by POST, for one that is too long for a URL.
    Body,
    /// A box without area.
    ThinBox,
    /// Choosing fields.
    Fields,
    /// Searching at all: there are only the lists of each collection's items (OGC API Features), which know a box
    /// and a time.
    Search,
    /// An id that its query cannot carry: the collection's list and its items' own URLs are asked.
    Names,
}

/// How a search is made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// One search each; their results are joined. None at all: nothing can match.
    pub(super) branches: Vec<Params>,
    /// The ids of all items that can match, where each is asked for by its own URL instead.
    pub(super) named: Option<Vec<String>>,
    /// What the server is not asked and is evaluated here.
    pub(super) here: Query,
    /// What the server is asked and is cheap to check: some servers say that they filter, and do not.
    pub(super) checked: Query,
    /// Whether the order is made here.
    pub(super) order: Order,
}

/// Who puts items into order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The server, or nobody.
    There,
    /// All items are read and sorted here.
    Here,
}

/// A plan for a search on a server of these abilities.
///
/// # Errors
/// [`Error::Query`] for values that cannot be of their property's type.
pub(super) fn plan(
    search: &Search,
    conformance: &Conformance,
    kinds: &Kinds,
    refused: &BTreeSet<Refusal>,
) -> Result<Plan, Error> {
    let mut draft = Draft {
        conformance,
        kinds,
        refused,
        params: Params::default(),
        collections: search.collection.iter().map(|c| BTreeSet::from([c.clone()])).collect(),
        ids: Vec::new(),
        boxes: Vec::new(),
        conditions: Vec::new(),
        query: Map::new(),
        here: Vec::new(),
        checked: Vec::new(),
    };
    let has_area = search.query.predicates().iter().any(|p| matches!(p, Predicate::Intersects(_)));
    for predicate in search.query.predicates() {
        draft.place(predicate, has_area)?;
    }
    Ok(draft.finish(search))
}

/// A plan in the making.
struct Draft<'a> {
    conformance: &'a Conformance,
    kinds: &'a Kinds,
    refused: &'a BTreeSet<Refusal>,
    params: Params,
    collections: Vec<BTreeSet<String>>,
    ids: Vec<BTreeSet<String>>,
    boxes: Vec<[f64; 4]>,
    /// CQL2 JSON, to be joined by `and`.
    conditions: Vec<Value>,
    /// STACQL.
    query: Map<String, Value>,
    here: Vec<Predicate>,
    checked: Vec<Predicate>,
}

impl Draft<'_> {
    /// Whether only the lists of items are asked.
    fn lists_only(&self) -> bool {
        self.refused.contains(&Refusal::Search) || self.refused.contains(&Refusal::Names)
    }

    fn place(&mut self, predicate: &Predicate, has_area: bool) -> Result<(), Error> {
        let lists_only = self.lists_only();
        match predicate {
            Predicate::Collections(ids) => self.collections.push(ids.clone()),
            Predicate::Ids(ids) => self.ids.push(ids.clone()),
            Predicate::Property(comparison) if exact_names(comparison).is_some() => {
                let names = exact_names(comparison).unwrap_or_default();
                if comparison.property == "id" { self.ids.push(names) } else { self.collections.push(names) }
            }
            Predicate::Property(_) if lists_only => self.here.push(predicate.clone()),
            // The API specification forbids both together.
            Predicate::Bbox(_) if !has_area && self.boxes.is_empty() => self.bbox(predicate),
            Predicate::Intersects(area) if self.params.intersects.is_none() && self.boxes.is_empty() => {
                if lists_only || self.refused.contains(&Refusal::Area) {
                    self.boxes.extend(envelope(&area.geometry));
                    self.here.push(predicate.clone());
                } else {
                    self.params.intersects = Some(area.geometry.clone());
                }
            }
            Predicate::Datetime(span) if self.params.datetime.is_none() => {
                self.params.datetime = Some(interval(span));
            }
            Predicate::FreeText(words) if self.params.q.is_empty() && self.can(Ability::FreeText) => {
                self.params.q = words.clone();
            }
            Predicate::MaxCloudCover(_)
            | Predicate::WrsPath(_)
            | Predicate::WrsRow(_)
            | Predicate::Property(_)
            | Predicate::Filter(_) => self.condition(predicate)?,
            Predicate::Bbox(_)
            | Predicate::Intersects(_)
            | Predicate::Datetime(_)
            | Predicate::FreeText(_)
            | Predicate::Months(_) => self.here.push(predicate.clone()),
        }
        Ok(())
    }

    fn bbox(&mut self, predicate: &Predicate) {
        // A tenth of a metre: servers that refuse boxes without area take this one.
        const SLIVER: f64 = 1e-6;
        let boxes = predicate.boxes();
        self.boxes = boxes.iter().map(|b| [b.west, b.south, b.east, b.north]).collect();
        if self.refused.contains(&Refusal::ThinBox) {
            for [west, south, east, north] in &mut self.boxes {
                (*west, *south) = ((*west - SLIVER).max(-180.0), (*south - SLIVER).max(-90.0));
                (*east, *north) = ((*east + SLIVER).min(180.0), (*north + SLIVER).min(90.0));
            }
            self.here.push(predicate.clone());
        }
    }

    fn condition(&mut self, predicate: &Predicate) -> Result<(), Error> {
        let said = if self.refused.contains(&Refusal::Filter) {
            Said::Unsayable
        } else if self.can(Ability::Filter) {
            let like = if self.can(Ability::Like) { Like::Known } else { Like::Unknown };
            cql::cql2(predicate, self.kinds, like)?
        } else if self.can(Ability::Query) {
            cql::add_stacql(&mut self.query, predicate, self.kinds)?
        } else {
            Said::Unsayable
        };
        match said {
            Said::Unsayable => self.here.push(predicate.clone()),
            Said::As(condition) => {
                if self.can(Ability::Filter) {
                    self.conditions.push(condition);
                }
                // What CQL2 text means is the server's to say.
                if !matches!(predicate, Predicate::Filter(_)) {
                    self.checked.push(predicate.clone());
                }
            }
        }
        Ok(())
    }

    fn can(&self, ability: Ability) -> bool {
        !self.lists_only() && self.conformance.has(ability)
    }

    fn finish(mut self, search: &Search) -> Plan {
        if !self.conditions.is_empty() {
            match cql::joined(std::mem::take(&mut self.conditions)) {
                Some(filter) => self.params.filter = Some((filter, self.language())),
                None => self.take_back_conditions(search),
            }
        }
        if !self.query.is_empty() {
            self.params.query = Some(Value::Object(std::mem::take(&mut self.query)));
        }
        let collections = common(&self.collections);
        let ids = common(&self.ids);
        self.checked.extend(collections.clone().map(Predicate::Collections));
        self.checked.extend(ids.clone().map(Predicate::Ids));
        let lists_only = self.lists_only();
        // A list of items is its collection's already.
        self.params.collections = collections.iter().flatten().filter(|_| !lists_only).cloned().collect();
        let empty = |set: &Option<BTreeSet<String>>| set.as_ref().is_some_and(BTreeSet::is_empty);
        let named = ids.as_ref().filter(|_| lists_only).map(|ids| ids.iter().cloned().collect());
        let branches = if empty(&collections) || empty(&ids) {
            Vec::new()
        } else {
            branches(&self.params, &self.boxes, &ids.into_iter().flatten().collect::<Vec<_>>())
        };
        let (conformance, refused) = (self.conformance, self.refused);
        let sorts = self.can(Ability::Sort) && !refused.contains(&Refusal::Order);
        let mut plan = Plan {
            branches,
            named,
            here: self.here.into_iter().collect(),
            checked: self.checked.into_iter().collect(),
            order: Order::There,
        };
        // Two branches come one after the other, each in order: together they are not.
        if !search.sortby.is_empty() {
            if sorts && plan.branches.len() < 2 {
                let sortby = settled(&search.sortby, refused);
                plan.branches.iter_mut().for_each(|params| params.sortby.clone_from(&sortby));
            } else {
                plan.order = Order::Here;
            }
        } else if sorts && refused.contains(&Refusal::OwnOrder) {
            plan.branches.iter_mut().for_each(|params| params.sortby = settled(&[], refused));
        }
        if search.depth == Depth::Outline
            && conformance.has(Ability::Fields)
            && !lists_only
            && !refused.contains(&Refusal::Fields)
            && plan.here.is_empty()
            && plan.order == Order::There
        {
            let shown = outline(&plan.checked, &search.sortby);
            plan.branches.iter_mut().for_each(|params| params.outline = Some(shown.clone()));
        }
        plan
    }

    fn language(&self) -> Language {
        match (self.can(Ability::Cql2Text), self.can(Ability::Cql2Json)) {
            (false, true) => Language::Json,
            (true, false) => Language::Text,
            _ => Language::Usual,
        }
    }

    /// No text could be made of the conditions (a number that is no number): all of them are met here.
    fn take_back_conditions(&mut self, search: &Search) {
        self.checked.clear();
        let conditions = search.query.predicates().iter().filter(|p| {
            matches!(p, Predicate::MaxCloudCover(_) | Predicate::WrsPath(_) | Predicate::WrsRow(_))
                || matches!(p, Predicate::Filter(_))
                || matches!(p, Predicate::Property(c) if exact_names(c).is_none())
        });
        self.here.extend(conditions.cloned());
    }
}

/// An order in which no two items of a collection are equal: stac-server before 5 begins a page after all that equal
/// the last item of the page before.
fn settled(sortby: &[FieldOrder], refused: &BTreeSet<Refusal>) -> Vec<FieldOrder> {
    let by_id = || FieldOrder { field: "id".into(), descending: false };
    let settles = !refused.contains(&Refusal::Ties) && sortby.iter().all(|order| order.field != "id");
    sortby.iter().cloned().chain(settles.then(by_id)).collect()
}

/// What an outline must show so that the checked predicates can be met on it, and so that the server can lead on
/// from it: stac-server before 5 makes the link to the next page of what an item shows of its order.
fn outline(checked: &Query, sortby: &[FieldOrder]) -> Vec<String> {
    let asked = checked.predicates().iter().filter_map(|predicate| match predicate {
        Predicate::Property(comparison) => Some(comparison.property.as_str()),
        Predicate::MaxCloudCover(_) => Some("eo:cloud_cover"),
        Predicate::WrsPath(_) => Some("landsat:wrs_path"),
        Predicate::WrsRow(_) => Some("landsat:wrs_row"),
        _ => None,
    });
    let sorted = sortby.iter().map(|order| order.field.as_str()).filter(|field| !OUTLINE.contains(field));
    OUTLINE.into_iter().chain(asked).chain(sorted).map(str::to_owned).collect()
}

/// The names of `id=`, `id.in=`, `collection=`, `collection.in=`: these have parameters of their own.
fn exact_names(comparison: &Comparison) -> Option<BTreeSet<String>> {
    if !matches!(comparison.property.as_str(), "id" | "collection") {
        return None;
    }
    match &comparison.test {
        Test::Eq(name) => Some(BTreeSet::from([name.text().to_owned()])),
        Test::In(names) => Some(names.iter().map(|name| name.text().to_owned()).collect()),
        _ => None,
    }
}

/// What all sets share; `None` of no sets is everything.
fn common(sets: &[BTreeSet<String>]) -> Option<BTreeSet<String>> {
    let (first, rest) = sets.split_first()?;
    Some(rest.iter().fold(first.clone(), |common, set| common.intersection(set).cloned().collect()))
}

fn branches(params: &Params, boxes: &[[f64; 4]], ids: &[String]) -> Vec<Params> {
    let boxes: Vec<Option<[f64; 4]>> =
        if boxes.is_empty() { vec![None] } else { boxes.iter().copied().map(Some).collect() };
    let chunks = chunks(ids);
    let of = |bbox: &Option<[f64; 4]>| {
        let bbox = *bbox;
        chunks.iter().map(move |ids| Params { bbox, ids: ids.to_vec(), ..params.clone() })
    };
    boxes.iter().flat_map(of).collect()
}

/// Ids in as many parts as requests are made for them: one at least.
fn chunks(ids: &[String]) -> Vec<&[String]> {
    let (mut chunks, mut rest) = (Vec::new(), ids);
    loop {
        let mut bytes = 0;
        let fits = |id: &&String| {
            bytes += id.len() + 1;
            bytes <= ID_BYTES_AT_ONCE
        };
        let count = rest.iter().take(IDS_AT_ONCE).take_while(fits).count().max(1).min(rest.len());
        let (chunk, others) = rest.split_at(count);
        chunks.push(chunk);
        rest = others;
        if rest.is_empty() {
            return chunks;
        }
    }
}

/// A span as an interval in RFC 3339, upper case. Fractions finer than microseconds are cut: PostgreSQL would
/// round the last nanosecond of a year up into the next.
fn interval(span: &Span) -> String {
    let end = |at: Option<Timestamp>| {
        let text = |at: Timestamp| {
            let whole = at.subsec_nanosecond() / 1000 == 0;
            if whole { format!("{at:.0}") } else { format!("{at:.6}") }
        };
        at.map_or_else(|| "..".to_owned(), text)
    };
    format!("{}/{}", end(span.start), end(span.end))
}

/// The box around a GeoJSON geometry; `None` where it is not in degrees, or empty.
fn envelope(geometry: &Value) -> Option<[f64; 4]> {
    fn positions<'a>(value: &'a Value, found: &mut Vec<&'a [Value]>) {
        let Some(members) = value.as_array() else { return };
        if members.first().is_some_and(Value::is_number) {
            found.push(members);
        } else {
            members.iter().for_each(|member| positions(member, found));
        }
    }
    let mut found = Vec::new();
    positions(geometry.get("coordinates")?, &mut found);
    let mut bbox = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for position in found {
        let (lon, lat) = (position.first()?.as_f64()?, position.get(1)?.as_f64()?);
        bbox = [bbox[0].min(lon), bbox[1].min(lat), bbox[2].max(lon), bbox[3].max(lat)];
    }
    let degrees = bbox[0] >= -180.0 && bbox[2] <= 180.0 && bbox[1] >= -90.0 && bbox[3] <= 90.0;
    (degrees && bbox[0] <= bbox[2]).then_some(bbox)
}

#[cfg(test)]
mod tests;
