//! The tree: directories and files made of catalogues.
//!
//! In: names, one component at a time. Out: [`Node`]s: directories that list and find, files that open. Here
//! live the layout (collection / item / asset), the names, the reserved and derived names, and listings as
//! append-only snapshots. Knows nothing of FUSE and is tested without a mount; which errno a failure is, is
//! decided in one table ([`Error::errno`]).
//!
//! | file | what it is for |
//! | --- | --- |
//! | `node` | the door to `fuse`: directories, listings, files |
//! | `root`, `source_directory`, `search_directory`, `by_date`, `item_directory`, `archive_directory` | the levels of the tree |
//! | `asset_file`, `product_file`, `generated` | files: of bytes elsewhere, and made here |
//! | `source`, `feed`, `rows`, `spool` | listings, and what is remembered of a catalogue |
//! | `walk` | who goes from file to file, and what is next on the way |
//! | `names`, `xattrs`, `readme`, `citation`, `control` | what things are called, and what is told of them |
//! | `derived` | layers, mosaics, stacks and catalogues made of a listing |
//! | `espa_directory` | `espa/`: orders as directories |

mod archive_directory;
mod asset_file;
mod by_date;
mod citation;
mod control;
mod derived;
mod error;
mod espa_directory;
#[cfg(test)]
mod espa_tests;
mod feed;
mod generated;
mod item_directory;
pub mod names;
mod node;
mod product_file;
mod readme;
mod root;
mod rows;
mod search_directory;
mod source;
mod source_directory;
mod spool;
#[cfg(test)]
mod tests;
mod walk;
mod xattrs;

use std::sync::Arc;

pub use archive_directory::Archived;
pub use control::Control;
pub use error::Error;
pub use espa_directory::Desk;
pub use node::{Attributes, Directory, Entry, EntryKind, File, Found, Identity, Listing, Node, Opened};
pub use source::{Derived, Services, Source};

/// The root of a mount. One source named on the command line stands at the root itself; several, or those of
/// a configuration, get a directory each, so that adding one never moves a path.
pub enum Layout {
    /// Its collections stand at the root.
    Single(Arc<Source>),
    /// One directory per source, by name.
    Several(Vec<Arc<Source>>),
}

impl Layout {
    /// The root directory.
    pub fn root(self, control: Arc<Control>) -> Arc<dyn Directory> {
        match self {
            Layout::Single(source) => Arc::new(root::SingleRoot::new(source, control)),
            Layout::Several(sources) => Arc::new(root::SourcesRoot::new(sources, control)),
        }
    }
}
