//! An archive of an order, or its checksum, as a file.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use url::Url;

use super::espa_directory::Desk;
use super::{Archived, Attributes, Entry, Error, File, Identity, Node, Opened};
use crate::content::{self, Object};
use crate::espa::{Archive, Item};

/// A product never changes under its name.
const LIFETIME: Duration = Duration::from_secs(3600);

/// A file of a complete item.
pub struct ProductFile {
    desk: Arc<Desk>,
    object: Object,
    /// Where its MD5 stands, which its bytes are checked against.
    checksum: Option<Url>,
    modified: Timestamp,
    generation: u64,
}

impl ProductFile {
    /// The file at a URL.
    pub fn new(desk: &Arc<Desk>, url: Url, checksum: Option<Url>, item: &Item) -> ProductFile {
        let origin = Arc::new(Archive::new(url));
        let object = Object { origin, declared_size: None, checksum: None };
        let generation = desk.content.generation(object.origin.identity());
        // ESPA's times are the server's own; they are shown as if they were UTC.
        let completed = item.completed.as_ref().and_then(|text| text.parse::<DateTime>().ok());
        let modified = completed.and_then(|time| time.to_zoned(TimeZone::UTC).ok()).map(|at| at.timestamp());
        let modified = modified.unwrap_or(Timestamp::UNIX_EPOCH);
        ProductFile { desk: Arc::clone(desk), object, checksum, modified, generation }
    }

    /// An entry for it.
    pub fn entry(self, name: &str) -> Entry {
        let key = format!("espa\0{}", self.object.origin.identity()).into();
        let identity = Identity::Object { key, generation: self.generation };
        Entry { name: name.into(), node: Node::File(Arc::new(self)), identity, lifetime: LIFETIME }
    }

    /// Its members, where it is an archive.
    pub fn members(self) -> Archived {
        let (content, object) = (Arc::clone(&self.desk.content), self.object.clone());
        let modified = self.modified;
        Archived { content, object, ask: Arc::new(move || self.checked()), modified }
    }

    /// Whether all of it is in the cache.
    pub fn is_here(&self) -> bool {
        let content = &self.desk.content;
        content.known_size(&self.object).is_some_and(|size| content.cached_bytes(&self.object) == size)
    }

    /// The object with the checksum that ESPA publishes beside it: a request, where it has one.
    fn checked(&self) -> Result<Object, Error> {
        let checksum = match &self.checksum {
            Some(url) => self.desk.espa.checksum(url)?,
            None => None,
        };
        Ok(Object { checksum, ..self.object.clone() })
    }

    fn attributes_of(&self, size: Option<u64>) -> Attributes {
        Attributes::of_file(size, self.modified, LIFETIME)
    }
}

impl File for ProductFile {
    fn attributes(&self) -> Attributes {
        self.attributes_of(self.desk.content.known_size(&self.object))
    }

    fn resolve(&self) -> Result<Attributes, Error> {
        let content = &self.desk.content;
        let known = content.known_size(&self.object);
        let size = match known {
            Some(size) => Some(size),
            None => content.sizes(std::slice::from_ref(&self.object)).pop().unwrap_or(Ok(None))?,
        };
        Ok(self.attributes_of(size))
    }

    fn open(&self) -> Result<Opened, Error> {
        let opened = self.desk.content.open(&self.checked()?, self.generation);
        if let (Err(content::Error::Corrupt { .. }), Some(url)) = (&opened, &self.checksum) {
            // The checksum may be what was wrong: the next try asks for it anew.
            self.desk.espa.receipts().forget_checksum(url);
        }
        Ok(Opened::Content(opened?))
    }

    fn as_object(&self) -> Option<Result<Object, Error>> {
        Some(self.checked())
    }
}
