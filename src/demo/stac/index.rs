//! What is served, in the order in which it is served.

use super::{shape, time::parse_instant};
use crate::demo::world::{Items, Summary, World};
use geo::Geometry;
use jiff::Timestamp;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

/// All items of a world, sorted as results are unless asked otherwise: newest first, then id and collection,
/// both descending (stac-server's order).
pub(super) struct Index {
    pub world: Arc<World>,
    pub shelves: Vec<Shelf>,
    /// All items of all collections in order.
    order: Vec<Ref>,
}

/// The items of one collection.
pub(super) struct Shelf {
    pub id: String,
    /// In order.
    pub entries: Vec<Entry>,
    by_id: HashMap<String, usize>,
}

/// Names an item by the places of its collection and of itself in there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ref {
    pub shelf: usize,
    pub entry: usize,
}

/// An item, as far as searches look at it.
pub(super) struct Entry {
    pub summary: Summary,
    /// Its place in the collection's [`Items`].
    source: usize,
    detail: OnceLock<Detail>,
}

/// What is kept of an item once a search has looked closer.
pub(super) struct Detail {
    /// Its `properties`; an empty object where it has none.
    pub properties: Value,
    pub geometry: Option<Geometry>,
}

impl Index {
    /// Sorts the items of `world`.
    pub fn new(world: Arc<World>) -> Index {
        let shelves: Vec<Shelf> =
            world.collections.iter().map(|one| Shelf::new(one.id(), one.items.as_ref())).collect();
        let mut order: Vec<Ref> = Vec::new();
        for (shelf, one) in shelves.iter().enumerate() {
            order.extend((0..one.entries.len()).map(|entry| Ref { shelf, entry }));
        }
        order.sort_by(|left, right| place(&shelves, *right).cmp(&place(&shelves, *left)));
        Index { world, shelves, order }
    }

    /// Sorts `items` as all results are.
    pub fn put_in_order(&self, items: &mut [Ref]) {
        items.sort_by(|left, right| place(&self.shelves, *right).cmp(&place(&self.shelves, *left)));
    }

    /// The place of the collection called `id`.
    pub fn shelf(&self, id: &str) -> Option<usize> {
        self.shelves.iter().position(|shelf| shelf.id == id)
    }

    /// The item called `id` in the collection at `shelf`.
    pub fn find(&self, shelf: usize, id: &str) -> Option<Ref> {
        let entry = *self.shelves[shelf].by_id.get(id)?;
        Some(Ref { shelf, entry })
    }

    /// All items of the collections at `shelves`, in order.
    pub fn in_order(&self, shelves: &[usize]) -> Vec<Ref> {
        match *shelves {
            [shelf] => (0..self.shelves[shelf].entries.len()).map(|entry| Ref { shelf, entry }).collect(),
            _ => self.order.iter().copied().filter(|at| shelves.contains(&at.shelf)).collect(),
        }
    }

    /// The summary of an item.
    pub fn summary(&self, at: Ref) -> &Summary {
        &self.shelves[at.shelf].entries[at.entry].summary
    }

    /// The properties and geometry of an item, read the first time they are needed.
    pub fn detail(&self, at: Ref) -> &Detail {
        self.shelves[at.shelf].entries[at.entry].detail.get_or_init(|| {
            let mut item = self.item(at);
            let geometry = shape::item_geometry(&item);
            let properties = item.get_mut("properties").map(Value::take).filter(Value::is_object);
            Detail { properties: properties.unwrap_or_else(|| Value::Object(Default::default())), geometry }
        })
    }

    /// The whole item.
    pub fn item(&self, at: Ref) -> Value {
        let source = self.shelves[at.shelf].entries[at.entry].source;
        self.world.collections[at.shelf].items.json(source)
    }
}

impl Shelf {
    fn new(id: &str, items: &dyn Items) -> Shelf {
        let entry = |source| Entry { summary: items.summary(source), source, detail: OnceLock::new() };
        let mut entries: Vec<Entry> = (0..items.len()).map(entry).collect();
        entries.sort_by(|left, right| {
            let times = first_time(&right.summary).cmp(&first_time(&left.summary));
            times.then_with(|| right.summary.id.cmp(&left.summary.id))
        });
        let by_id =
            entries.iter().enumerate().map(|(place, entry)| (entry.summary.id.clone(), place)).collect();
        Shelf { id: id.to_owned(), entries, by_id }
    }
}

/// What decides the place of an item, the greatest first.
fn place(shelves: &[Shelf], at: Ref) -> (Option<Timestamp>, &str, &str) {
    let shelf = &shelves[at.shelf];
    let summary = &shelf.entries[at.entry].summary;
    (first_time(summary), &summary.id, &shelf.id)
}

/// The time an item is sorted by.
pub(super) fn first_time(summary: &Summary) -> Option<Timestamp> {
    summary.datetime.or(summary.start)
}

/// The time in a property, if it is one.
pub(super) fn time_of(value: &Value) -> Option<Timestamp> {
    parse_instant(value.as_str()?).ok()
}
