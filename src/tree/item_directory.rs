//! An item: its `item.json` and its assets' files, a closed set.

use std::ffi::OsStr;
use std::sync::{Arc, OnceLock, Weak};

use jiff::Timestamp;

use super::archive_directory::Archived;
use super::asset_file::AssetFile;
use super::derived::stack;
use super::feed::Feed;
use super::generated::{Asked, Fixed, Generated};
use super::rows::{ItemRow, modified};
use super::source::{NamedItem, Source};
use super::walk::{self, Trail, part};
use super::xattrs;
use super::{Attributes, Directory, Entry, Error, File, Found, Listing, Node};
use crate::catalog::Depth;
use crate::item::Asset;
use crate::query::View;

/// Which item, and how to get at it without keeping its text in memory.
#[derive(Clone)]
pub struct ItemRef {
    /// Where it is from.
    pub source: Arc<Source>,
    /// Its collection's id.
    pub collection: Arc<str>,
    /// Its id.
    pub id: Arc<str>,
    /// The time its files bear.
    pub modified: Timestamp,
    row: Option<(ItemRow, Weak<Feed<ItemRow>>)>,
}

impl ItemRef {
    /// An item as a listing has it.
    pub fn listed(
        source: &Arc<Source>,
        collection: &Arc<str>,
        row: ItemRow,
        feed: &Weak<Feed<ItemRow>>,
    ) -> ItemRef {
        ItemRef {
            source: Arc::clone(source),
            collection: Arc::clone(collection),
            id: Arc::clone(&row.id),
            modified: row.modified,
            row: Some((row, Weak::clone(feed))),
        }
    }

    /// An item that was asked for by its id, and is remembered by the source.
    pub fn met(source: &Arc<Source>, collection: &Arc<str>, item: &NamedItem) -> ItemRef {
        ItemRef {
            source: Arc::clone(source),
            collection: Arc::clone(collection),
            id: item.item.id().into(),
            modified: modified(&item.item),
            row: None,
        }
    }

    /// The item, where it is here.
    pub fn known(&self) -> Option<Arc<NamedItem>> {
        if let Some(known) = self.source.known_item(&self.collection, &self.id) {
            return known;
        }
        let (row, _) = self.row.as_ref().filter(|(row, _)| row.depth == Depth::Whole)?;
        let item = Arc::new(NamedItem::new(row.item()?));
        self.source.remember_item(&self.collection, &self.id, Some(Arc::clone(&item)));
        Some(item)
    }

    /// The asset of this key was opened. Where somebody walks through a listing that way, or through this
    /// item's assets, `fetch` is given the files worth fetching ahead, each as its item and key; it must not
    /// wait, and tells how many of them, from the first on, it took up.
    pub fn opened(&self, key: &Arc<str>, fetch: impl Fn(Vec<OnTheWay>) -> usize) {
        let walks = &self.source.walks;
        if let Some((row, feed)) = self.row.as_ref()
            && let Some(listing) = feed.upgrade()
            && let Some(place) = listing.place(row)
        {
            let part = part(key, &self.id);
            let trail = Trail::Items(Arc::as_ptr(&listing) as usize, part.clone());
            let on_the_way = |at: &usize| {
                let item = ItemRef::listed(&self.source, &self.collection, listing.row(*at)?, feed);
                let named = item.known()?;
                let same = |asset: &Asset| walk::part(&asset.key, &item.id) == part;
                let key = named.files.iter().find(|(_, asset)| same(asset))?.1.key.as_str().into();
                Some(OnTheWay { named, item, key })
            };
            walks.opened(trail, place, listing.len(), |ahead| {
                fetch_known(ahead.iter().map(on_the_way).collect(), &fetch)
            });
        }
        if let Some(named) = self.known()
            && let Some(place) = named.files.iter().position(|(_, asset)| *asset.key == **key)
        {
            let trail = Trail::Assets(Arc::clone(&self.collection), Arc::clone(&self.id));
            let on_the_way = |at: &usize| {
                let key = named.files.get(*at)?.1.key.as_str().into();
                Some(OnTheWay { named: Arc::clone(&named), item: self.clone(), key })
            };
            walks.opened(trail, place, named.files.len(), |ahead| {
                fetch_known(ahead.iter().map(on_the_way).collect(), &fetch)
            });
        }
    }

    /// The sizes of this item's assets are needed. Where somebody walks through a listing that way, the items that
    /// he will likely come to, as far as they are here.
    pub fn sized(&self) -> Vec<(ItemRef, Arc<NamedItem>)> {
        let Some((row, feed)) = self.row.as_ref() else { return Vec::new() };
        let Some(listing) = feed.upgrade() else { return Vec::new() };
        let Some(place) = listing.place(row) else { return Vec::new() };
        let trail = Trail::Sizes(Arc::as_ptr(&listing) as usize);
        let places = self.source.walks.sized(trail, place, listing.len());
        let item = |at: usize| {
            let item = ItemRef::listed(&self.source, &self.collection, listing.row(at)?, feed);
            Some((item.clone(), item.known()?))
        };
        places.into_iter().filter_map(item).collect()
    }

    /// A file of it was opened.
    pub fn read(&self) {
        if let Some(listing) = self.row.as_ref().and_then(|(_, feed)| feed.upgrade()) {
            self.source.walks.read(&Trail::Sizes(Arc::as_ptr(&listing) as usize));
        }
    }

    /// The item: from here, else one request.
    pub fn load(&self) -> Result<Arc<NamedItem>, Error> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let listing = self.row.as_ref().and_then(|(row, feed)| Some((row, feed.upgrade()?)));
        let item = match listing {
            Some((row, feed)) => self.source.look_into(&self.collection, row, &feed)?,
            None => self.source.item(&self.collection, &self.id)?,
        };
        item.ok_or_else(|| Error::Vanished(format!("{}/{}", self.collection, self.id)))
    }
}

/// A file that may be worth fetching ahead.
pub struct OnTheWay {
    /// The item it is of.
    pub item: ItemRef,
    /// The same, as it is here.
    pub named: Arc<NamedItem>,
    /// Which of its assets.
    pub key: Arc<str>,
}

/// Has what is known of fetched; what is not known here is passed over. Tells how many of all were dealt with.
fn fetch_known(all: Vec<Option<OnTheWay>>, fetch: impl Fn(Vec<OnTheWay>) -> usize) -> usize {
    let unknown = all.iter().filter(|one| one.is_none()).count();
    let known: Vec<OnTheWay> = all.into_iter().flatten().collect();
    if known.is_empty() { unknown } else { unknown + fetch(known) }
}

/// The directory of one item.
pub struct ItemDirectory {
    item: ItemRef,
    /// Says which assets show.
    view: Arc<View>,
}

impl ItemDirectory {
    /// A directory of an item, seen as the path above it says.
    pub fn new(item: ItemRef, view: Arc<View>) -> ItemDirectory {
        ItemDirectory { item, view }
    }

    fn item_json(&self, item: &NamedItem) -> Entry {
        let text = item.item.raw().as_bytes().to_vec();
        Generated::fixed(text, self.item.modified, self.item.source.lifetime()).entry("item.json")
    }

    fn asset(&self, item: &NamedItem, at: usize) -> Option<Entry> {
        let (name, asset) = item.files.get(at)?;
        let file = AssetFile::new(self.item.clone(), item, asset);
        let identity = file.identity();
        let lifetime = self.item.source.lifetime();
        Some(Entry { name: name.into(), node: Node::File(Arc::new(file)), identity, lifetime })
    }

    fn entry(&self, item: &NamedItem, name: &OsStr) -> Found {
        let lifetime = self.item.source.lifetime();
        if name == "item.json" {
            return Found::Entry(self.item_json(item));
        }
        if name == "stack.vrt" {
            let stack = stack::entry("stack.vrt", &self.item, item, &self.view);
            return stack.map_or(Found::Absent(lifetime), Found::Entry);
        }
        let at = item
            .files
            .iter()
            .position(|(file, asset)| OsStr::new(file) == name && self.view.shows(&asset.key, file));
        let asset = at.and_then(|at| self.asset(item, at));
        let entry = asset.or_else(|| self.document(name)).or_else(|| self.members(item, name));
        entry.map_or(Found::Absent(lifetime), Found::Entry)
    }

    /// The members of a tar among the assets, as files: a directory of the tar's name without its ending.
    fn members(&self, item: &NamedItem, name: &OsStr) -> Option<Entry> {
        let name = name.to_str()?;
        let is_its_tar = |file: &str| file.strip_suffix(".tar") == Some(name);
        let (_, asset) =
            item.files.iter().find(|(file, asset)| is_its_tar(file) && self.view.shows(&asset.key, file))?;
        let object = AssetFile::new(self.item.clone(), item, asset).as_object()?.ok()?;
        let whole = object.clone();
        let archive = Archived {
            content: Arc::clone(&self.item.source.services.content),
            object,
            ask: Arc::new(move || Ok(whole.clone())),
            modified: self.item.modified,
        };
        Some(archive.entry(name))
    }

    /// A document that the source has of each item.
    fn document(&self, name: &OsStr) -> Option<Entry> {
        let source = &self.item.source;
        let name = *source.catalog.documents().iter().find(|document| OsStr::new(document) == name)?;
        let item = self.item.clone();
        // `stat` asks for it, and the read that follows has it.
        let remembered = OnceLock::new();
        let text = move || {
            if let Some(text) = remembered.get() {
                return Ok(Vec::clone(text));
            }
            let named = item.load()?;
            let document = item.source.catalog.document(&named.item, name)?;
            let text =
                document.ok_or_else(|| Error::Vanished(format!("{}/{}/{name}", item.collection, item.id)))?;
            Ok(remembered.get_or_init(|| text).clone())
        };
        Some(Generated::asked(self.item.modified, source.lifetime(), text).entry(name))
    }

    fn entries(&self, item: &NamedItem) -> Vec<Entry> {
        // Who names assets by `assets=` gets what was named.
        let named = self.view.assets.is_some();
        let listed = item.files.iter().enumerate().filter(|(_, (_, asset))| named || !asset.is_unlisted());
        let shown = listed.filter(|(_, (name, asset))| self.view.shows(&asset.key, name));
        let assets = shown.filter_map(|(at, _)| self.asset(item, at));
        std::iter::once(self.item_json(item)).chain(assets).collect()
    }
}

impl Directory for ItemDirectory {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.item.modified, lifetime: self.item.source.lifetime() }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        self.item.known().map(|item| Ok(self.entry(&item, name)))
    }

    fn ask(&self, name: &OsStr) -> Result<Found, Error> {
        let item = self.item.load()?;
        Ok(self.entry(&item, name))
    }

    fn list(&self) -> Arc<dyn Listing> {
        match self.item.known() {
            Some(item) => Arc::new(Fixed(self.entries(&item))),
            None => {
                let this = ItemDirectory::new(self.item.clone(), Arc::clone(&self.view));
                Arc::new(Asked::new(move || Ok(this.entries(&*this.item.load()?))))
            }
        }
    }

    fn xattrs(&self) -> Vec<(String, Vec<u8>)> {
        self.item.known().map(|item| xattrs::of_item(&self.item, &item)).unwrap_or_default()
    }
}

/// An item's directory as an entry of its parent.
pub fn entry(name: String, item: ItemRef, view: Arc<View>) -> Entry {
    let lifetime = item.source.lifetime();
    Entry::directory(OsStr::new(&name), Arc::new(ItemDirectory::new(item, view)), lifetime)
}
