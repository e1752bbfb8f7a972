//! The tree: directories and files made of catalogues.
//!
//! In: names, one component at a time. Out: [`Node`]s: directories that list and find, files that open. Here
//! live the layout (collection / item / asset), the names, the reserved and derived names, and listings as
//! append-only snapshots. Knows nothing of FUSE and is tested without a mount; which errno a failure is, is
//! decided in one table ([`Error::errno`]).

mod error;
mod node;

pub use error::Error;
pub use node::{Attributes, Directory, Entry, EntryKind, File, Found, Identity, Listing, Node, Opened};
