//! `.stacfs`: the mount seen from inside. Found by name at the root, never listed there.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::generated::{Fixed, Live};
use super::{Attributes, Directory, Entry, Error, Found, Listing};

/// How long its names are good for: they never change.
const LIFETIME: Duration = Duration::from_secs(3600);

type Text = Arc<dyn Fn() -> String + Send + Sync>;

/// The directory `.stacfs` and its live files.
pub struct Control {
    began: Timestamp,
    files: Vec<(&'static str, Text)>,
}

impl Control {
    /// A `.stacfs` with these files, each made anew at every open.
    pub fn new(began: Timestamp, files: Vec<(&'static str, Text)>) -> Control {
        Control { began, files }
    }

    /// The entry of the directory itself.
    pub fn entry(self: &Arc<Self>) -> Entry {
        Entry::directory(OsStr::new(".stacfs"), Arc::clone(self) as Arc<dyn Directory>, LIFETIME)
    }

    fn file(&self, name: &str, text: &Text) -> Entry {
        let text = Arc::clone(text);
        Live::new(self.began, move || text()).entry(name)
    }
}

impl Directory for Control {
    fn attributes(&self) -> Attributes {
        Attributes { size: Some(0), modified: self.began, lifetime: LIFETIME }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        let file = self.files.iter().find(|(file, _)| OsStr::new(file) == name);
        Some(Ok(file.map_or(Found::Absent(LIFETIME), |(name, text)| Found::Entry(self.file(name, text)))))
    }

    fn list(&self) -> Arc<dyn Listing> {
        Arc::new(Fixed(self.files.iter().map(|(name, text)| self.file(name, text)).collect()))
    }
}
