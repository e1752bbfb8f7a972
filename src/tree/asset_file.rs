//! An asset's file.

use std::sync::Arc;

use jiff::Timestamp;

use super::item_directory::{ItemRef, OnTheWay};
use super::source::NamedItem;
use super::xattrs;
use super::{Attributes, Error, File, Identity, Opened};
use crate::content::Object;
use crate::item::Asset;

/// Files up to this size are fetched ahead for who walks from item to item, in bytes.
const SMALL: u64 = 1 << 20;

/// An asset of an item, as a file.
pub struct AssetFile {
    item: ItemRef,
    key: Arc<str>,
    /// What to read, or why it cannot be: an asset that fails fails alone.
    object: Result<Object, Error>,
    /// The generation this node stands for; a newer one is another inode.
    generation: u64,
}

impl AssetFile {
    /// The file of one of an item's assets.
    pub fn new(item: ItemRef, named: &NamedItem, asset: &Asset) -> AssetFile {
        let object = object(&item, named, asset);
        let generation = match &object {
            Ok(object) => item.source.services.content.generation(object.origin.identity()),
            Err(_) => 0,
        };
        AssetFile { item, key: asset.key.as_str().into(), object, generation }
    }

    /// One inode on every path that leads to it.
    pub fn identity(&self) -> Identity {
        let parts = [&*self.item.source.name, &self.item.collection, &self.item.id, &self.key];
        Identity::Object { key: parts.join("\0").into(), generation: self.generation }
    }

    fn object(&self) -> Result<&Object, Error> {
        self.object.as_ref().map_err(Clone::clone)
    }

    fn attributes_of(&self, size: Option<u64>) -> Attributes {
        Attributes::of_file(size, self.modified(), self.item.source.lifetime())
    }

    /// Lets what is next on the way of somebody who walks be fetched. It is expected to be as long as this file.
    fn fetch_ahead(&self, expected: u64) {
        self.item.opened(&self.key, |ahead| {
            let find = |next: &OnTheWay| {
                let (_, asset) = next.named.files.iter().find(|(_, asset)| *asset.key == *next.key)?;
                object(&next.item, &next.named, asset).ok()
            };
            let objects: Vec<Option<Object>> = ahead.iter().map(find).collect();
            let lost = objects.iter().filter(|object| object.is_none()).count();
            lost + self.item.source.services.content.prefetch(objects.into_iter().flatten(), expected)
        });
    }

    /// `updated`, else when it was taken, else what the server says of the object.
    fn modified(&self) -> Timestamp {
        if self.item.modified != Timestamp::UNIX_EPOCH {
            return self.item.modified;
        }
        let content = &self.item.source.services.content;
        let version = self.object.as_ref().ok().and_then(|object| content.known_version(object));
        version.and_then(|version| version.modified).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// What to read for an asset.
fn object(item: &ItemRef, named: &NamedItem, asset: &Asset) -> Result<Object, Error> {
    let origin = item.source.catalog.origin(&named.item, asset)?;
    let origin = origin.ok_or_else(|| Error::Invalid(format!("asset {:?} has no href", asset.key)))?;
    Ok(Object { origin, declared_size: asset.size(), checksum: asset.checksum() })
}

/// The objects of all of an item's assets: their sizes are asked for together.
fn siblings(item: &ItemRef, named: &NamedItem) -> Vec<Object> {
    named.files.iter().filter_map(|(_, asset)| object(item, named, asset).ok()).collect()
}

impl File for AssetFile {
    fn attributes(&self) -> Attributes {
        let content = &self.item.source.services.content;
        self.attributes_of(self.object.as_ref().ok().and_then(|object| content.known_size(object)))
    }

    fn resolve(&self) -> Result<Attributes, Error> {
        let content = &self.item.source.services.content;
        let object = self.object()?;
        if let Some(size) = content.known_size(object) {
            return Ok(self.attributes_of(Some(size)));
        }
        // Who walks by this asset alone does not wait for the sizes of the others.
        let named = self.item.known().filter(|_| !content.is_hinted(object));
        let mut others: Vec<Object> = named.iter().flat_map(|named| siblings(&self.item, named)).collect();
        others.retain(|other| {
            other.origin.identity() != object.origin.identity() && content.known_size(other).is_none()
        });
        // While they are asked for, so are those of the items that follow, for who walks.
        let size = content.size_beside(object, &others, || {
            if named.is_some() {
                let ahead = self.item.sized();
                content.sizes_ahead(ahead.iter().flat_map(|(item, named)| siblings(item, named)));
            }
        })?;
        Ok(self.attributes_of(size))
    }

    fn open(&self) -> Result<Opened, Error> {
        let content = &self.item.source.services.content;
        self.item.read();
        let opened = content.open(self.object()?, self.generation)?;
        if opened.size() <= SMALL {
            self.fetch_ahead(opened.size());
        }
        Ok(Opened::Content(opened))
    }

    fn as_object(&self) -> Option<Result<Object, Error>> {
        Some(self.object.clone())
    }

    fn xattrs(&self) -> Vec<(String, Vec<u8>)> {
        let named = self.item.known();
        let asset =
            named.as_ref().and_then(|named| named.files.iter().find(|(_, asset)| *asset.key == *self.key));
        let mut all = asset.map(|(_, asset)| xattrs::of_asset(asset)).unwrap_or_default();
        all.extend(named.iter().flat_map(|named| xattrs::of_item(&self.item, named)));
        if let Ok(object) = &self.object {
            all.extend(xattrs::of_object(&self.item.source.services.content, object));
        }
        all
    }
}
