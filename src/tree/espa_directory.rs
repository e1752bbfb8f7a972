//! `espa/`: what ESPA says of itself, and orders as directories. Looking at it places and cancels nothing.
//!
//! Answers are remembered: lists and open orders for a minute, finished orders for an hour. Nothing logs in before
//! something below `espa/` is asked for.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lru::LruCache;
use serde_json::Value;

use super::generated::{Asked, Generated};
use super::names::never_asked;
use super::product_file::ProductFile;
use super::{Attributes, Directory, Entry, Error, Found, Listing};
use crate::content::{self, Content};
use crate::espa::{self, Espa, Item, Product, Tally, Which};
use crate::report::{Turns, lock};

/// How long the state of what is worked on is taken for true.
const OPEN: Duration = Duration::from_secs(60);
/// The same for what hardly changes.
const SETTLED: Duration = Duration::from_secs(3600);
/// Answers kept of each kind.
const KEPT: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// A document that ESPA has one of.
type Resource = fn(&Espa) -> Result<Value, espa::Error>;
/// What stands at the top, and the resource that answers for it.
const LISTS: [(&str, Resource); 5] = [
    ("user.json", Espa::user),
    ("formats.json", Espa::formats),
    ("projections.json", Espa::projections),
    ("resampling-methods.json", Espa::resampling_methods),
    ("order-schema.json", Espa::order_schema),
];

/// ESPA as part of the tree, with what is remembered of its answers.
pub struct Desk {
    pub(super) espa: Arc<Espa>,
    pub(super) content: Arc<Content>,
    mounted: Timestamp,
    documents: Memory<Value>,
    orders: Memory<Vec<String>>,
    items: Memory<Vec<Item>>,
    listings: Mutex<LruCache<Place, (Instant, Arc<Asked>)>>,
}

impl Desk {
    /// A desk that has asked for nothing yet.
    pub fn new(espa: Arc<Espa>, content: Arc<Content>, mounted: Timestamp) -> Arc<Desk> {
        Arc::new(Desk {
            espa,
            content,
            mounted,
            documents: Memory::default(),
            orders: Memory::default(),
            items: Memory::default(),
            listings: Mutex::new(LruCache::new(KEPT)),
        })
    }

    /// The entry `espa` of a source's root.
    pub fn entry(self: &Arc<Desk>) -> Entry {
        self.directory("espa", Place::Top)
    }

    fn directory(self: &Arc<Desk>, name: &str, place: Place) -> Entry {
        let directory = Arc::new(EspaDirectory { desk: Arc::clone(self), place });
        Entry::directory(OsStr::new(name), directory, OPEN)
    }

    /// A file whose text is asked for when it is looked at.
    fn file(
        self: &Arc<Desk>,
        name: &str,
        text: impl Fn(&Desk) -> Result<String, Error> + Send + Sync + 'static,
    ) -> Entry {
        let this = Arc::clone(self);
        Generated::asked(self.mounted, OPEN, move || Ok(text(&this)?.into_bytes())).entry(name)
    }

    fn order(&self, id: &str) -> Result<Value, Error> {
        Ok(self.documents.get(&format!("order/{id}"), || {
            let order = self.espa.order(id)?;
            let is_open = status(&order) == "ordered";
            Ok((order, if is_open { OPEN } else { SETTLED }))
        })?)
    }

    fn items(&self, id: &str) -> Result<Vec<Item>, Error> {
        Ok(self.items.get(id, || {
            let items = self.espa.items(id)?;
            self.espa.receipts().see_items(id, &items);
            let is_final = |item: &Item| {
                ["complete", "unavailable", "cancelled", "purged"].contains(&item.status.as_str())
            };
            let lifetime = if items.iter().all(is_final) { SETTLED } else { OPEN };
            Ok((items, lifetime))
        })?)
    }

    fn orders(&self, which: Which) -> Result<Vec<String>, Error> {
        Ok(self.orders.get(&format!("{which:?}"), || Ok((self.espa.orders(which)?, OPEN)))?)
    }

    /// What a place lists.
    fn entries(self: &Arc<Desk>, place: &Place) -> Result<Vec<Entry>, Error> {
        match place {
            Place::Top => Ok(self.top()),
            Place::Products => Ok(Vec::new()),
            Place::Orders(which) => {
                let mut ids = self.orders(*which)?;
                ids.sort_unstable();
                ids.dedup();
                let ids = ids.iter().filter(|id| is_plain(id));
                Ok(ids.map(|id| self.directory(id, Place::Order(id.clone()))).collect())
            }
            Place::Order(id) => {
                let items = self.items(id)?;
                let products = items.iter().flat_map(|item| self.files(item));
                // What the server has no more is listed where it is here.
                let outlived = self.outlived(id, &items);
                let outlived = outlived.iter().flat_map(|item| self.files(item));
                let files = products.chain(outlived.filter(|(_, file)| file.is_here()));
                let mut entries = self.order_files(id);
                entries.extend(files.map(|(name, file)| file.entry(&name)));
                Ok(entries)
            }
        }
    }

    fn top(self: &Arc<Desk>) -> Vec<Entry> {
        let lists = LISTS.map(|(name, ask)| {
            self.file(name, move |desk| {
                Ok(pretty(&desk.documents.get(name, || Ok((ask(&desk.espa)?, SETTLED)))?))
            })
        });
        let orders = self.directory("orders", Place::Orders(Which::Current));
        lists.into_iter().chain([orders]).collect()
    }

    fn order_files(self: &Arc<Desk>, id: &str) -> Vec<Entry> {
        let id = || id.to_owned();
        let (order, items, word, progress, urls) = (id(), id(), id(), id(), id());
        vec![
            self.file("order.json", move |desk| Ok(pretty(&desk.order(&order)?))),
            self.file("items.json", move |desk| {
                Ok(pretty(&desk.items(&items)?.iter().map(Item::to_json).collect()))
            }),
            self.file("status", move |desk| Ok(format!("{}\n", status(&desk.order(&word)?)))),
            self.file("progress", move |desk| Ok(told(&desk.items(&progress)?))),
            self.file("urls.txt", move |desk| {
                let items = desk.items(&urls)?;
                let urls = items.iter().filter(|item| item.is_complete()).filter_map(|i| i.archive.as_ref());
                Ok(urls.map(|url| format!("{url}\n")).collect())
            }),
        ]
    }

    /// The items of an order that were seen complete and are so no more.
    fn outlived(&self, id: &str, items: &[Item]) -> Vec<Item> {
        let is_there = |name: &str| items.iter().any(|item| item.name == name && item.is_complete());
        let mut seen = self.espa.receipts().items(id);
        seen.retain(|item| !is_there(&item.name));
        seen
    }

    /// The archive of a complete item, and its checksum, by name.
    fn files(self: &Arc<Desk>, item: &Item) -> Vec<(String, ProductFile)> {
        let Some(product) = product(item) else { return Vec::new() };
        let checksum = product
            .checksum
            .as_ref()
            .map(|url| (format!("{}.md5", product.stem()), ProductFile::new(self, url.clone(), None, item)));
        let archive = ProductFile::new(self, product.archive.clone(), product.checksum.clone(), item);
        std::iter::once((product.name, archive)).chain(checksum).collect()
    }

    /// What a name stands for in an order: a file, or the directory of an archive's members.
    fn find_product(self: &Arc<Desk>, id: &str, name: &str) -> Result<Option<Entry>, Error> {
        let items = self.items(id)?;
        let outlived = self.outlived(id, &items);
        for item in items.iter().chain(&outlived) {
            let Some(product) = product(item) else { continue };
            if product.stem() == name {
                let archive = ProductFile::new(self, product.archive, product.checksum, item);
                let is_here = archive.is_here();
                let members = archive.members();
                if outlived.contains(item) && !is_here && !members.is_known() {
                    return Err(purged(name));
                }
                return Ok(Some(members.entry(name)));
            }
            let Some((_, file)) = self.files(item).into_iter().find(|(file, _)| file == name) else {
                continue;
            };
            if outlived.contains(item) && !file.is_here() {
                return Err(purged(name));
            }
            return Ok(Some(file.entry(name)));
        }
        Ok(None)
    }
}

/// Why a file that was there is there no more.
fn purged(name: &str) -> Error {
    let why = "the order is purged or cancelled, and this was not fetched before; order the scene again";
    content::Error::Gone { identity: name.to_owned(), why: why.to_owned() }.into()
}

/// The archive of an item that is complete.
fn product(item: &Item) -> Option<Product> {
    let archive = item.archive.as_ref().filter(|_| item.is_complete())?;
    Product::new(archive, item.checksum.as_deref()).ok()
}

/// One line on all items, then one for each that has something to say.
fn told(items: &[Item]) -> String {
    let noted = items.iter().filter_map(|item| {
        let note = item.note.as_ref()?;
        Some(format!("{}: {}: {note}\n", item.name, item.status))
    });
    std::iter::once(format!("{}\n", Tally::of(items))).chain(noted).collect()
}

fn status(order: &Value) -> &str {
    order.get("status").and_then(Value::as_str).unwrap_or("unknown")
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Whether an id can be a name as it is. ESPA's own are.
fn is_plain(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 255
        && !id.starts_with('.')
        && !id.contains(['/', '%', '\\'])
        && id != "all"
        && !id.chars().any(char::is_control)
}

/// A directory of `espa/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Top,
    Orders(Which),
    Order(String),
    Products,
}

struct EspaDirectory {
    desk: Arc<Desk>,
    place: Place,
}

impl EspaDirectory {
    /// What is there by name whatever a listing says.
    fn fixed(&self, name: &str) -> Option<Entry> {
        let desk = &self.desk;
        let listed = match &self.place {
            Place::Top if name == "available-products" => return Some(desk.directory(name, Place::Products)),
            Place::Orders(Which::Current) if name == "all" => {
                return Some(desk.directory(name, Place::Orders(Which::All)));
            }
            Place::Top => desk.top(),
            Place::Order(id) => desk.order_files(id),
            Place::Orders(_) | Place::Products => return None,
        };
        listed.into_iter().find(|entry| entry.name == name)
    }
}

impl Directory for EspaDirectory {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.desk.mounted, lifetime: OPEN }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        let Some(name) = name.to_str() else { return Some(Ok(Found::Absent(OPEN))) };
        if let Some(entry) = self.fixed(name) {
            return Some(Ok(Found::Entry(entry)));
        }
        let is_askable = match &self.place {
            Place::Top => false,
            Place::Products => name.ends_with(".json") && is_plain(name),
            Place::Orders(_) => is_plain(name),
            Place::Order(_) => is_plain(name),
        };
        (!is_askable || never_asked(name)).then_some(Ok(Found::Absent(OPEN)))
    }

    fn ask(&self, name: &OsStr) -> Result<Found, Error> {
        let (desk, Some(name)) = (&self.desk, name.to_str()) else { return Ok(Found::Absent(OPEN)) };
        let entry = match &self.place {
            Place::Top => None,
            Place::Orders(_) => match desk.items(name) {
                Ok(_) => Some(desk.directory(name, Place::Order(name.to_owned()))),
                Err(Error::Espa(espa::Error::NoOrder(_))) => None,
                Err(error) => return Err(error),
            },
            Place::Order(id) => desk.find_product(id, name)?,
            Place::Products => {
                let scene = name.trim_end_matches(".json").to_owned();
                let available = desk.documents.get(name, || {
                    let available = desk.espa.available_products(std::slice::from_ref(&scene))?;
                    Ok((available.raw, SETTLED))
                })?;
                let is_unknown = available.get("not_implemented").is_some();
                (!is_unknown).then(|| desk.file(name, move |_| Ok(pretty(&available))))
            }
        };
        Ok(entry.map_or(Found::Absent(OPEN), Found::Entry))
    }

    fn list(&self) -> Arc<dyn Listing> {
        let mut listings = lock(&self.desk.listings);
        if let Some((made, listing)) = listings.get(&self.place)
            && made.elapsed() < OPEN
        {
            return Arc::clone(listing) as Arc<dyn Listing>;
        }
        let (desk, place) = (Arc::clone(&self.desk), self.place.clone());
        let listing = Arc::new(Asked::new(move || desk.entries(&place)));
        listings.put(self.place.clone(), (Instant::now(), Arc::clone(&listing)));
        listing
    }
}

/// Answers by what was asked, each good until some time. Equal questions at the same time are asked once.
struct Memory<V> {
    kept: Mutex<LruCache<String, (Instant, V)>>,
    asking: Turns<String>,
}

impl<V> Default for Memory<V> {
    fn default() -> Memory<V> {
        Memory { kept: Mutex::new(LruCache::new(KEPT)), asking: Turns::default() }
    }
}

impl<V: Clone> Memory<V> {
    fn get(
        &self,
        key: &str,
        ask: impl FnOnce() -> Result<(V, Duration), espa::Error>,
    ) -> Result<V, espa::Error> {
        let key = key.to_owned();
        self.asking.run(&key, || {
            if let Some((until, value)) = lock(&self.kept).get(&key)
                && *until > Instant::now()
            {
                return Ok(value.clone());
            }
            let (value, lifetime) = ask()?;
            lock(&self.kept).put(key.clone(), (Instant::now() + lifetime, value.clone()));
            Ok(value)
        })
    }
}
