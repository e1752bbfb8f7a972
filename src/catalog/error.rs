//! Why a catalogue has no answer.

use crate::item::Collection;
use crate::{http, query};

/// A failed call on a catalogue.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The network or the server.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The search cannot be evaluated, there or here; or the server refused a value in it.
    #[error(transparent)]
    Query(#[from] query::Error),
    /// The answer is no STAC.
    #[error("{url}: {why}")]
    NotStac {
        /// What was asked for, without secrets.
        url: String,
        /// What came instead, and what to do.
        why: String,
    },
    /// A name that is another thing now: an alias without a successor, a renamed collection.
    #[error("{name}: {why}")]
    Gone {
        /// The name that was asked for.
        name: String,
        /// What became of it.
        why: String,
    },
    /// A limit of ours or theirs was reached: quota, scan bound.
    #[error("{what}: {why}")]
    Limit {
        /// What was being done.
        what: String,
        /// Which limit, and how to raise it or wait.
        why: String,
    },
}

/// The answer to who asks for a collection that is not there: none, or [`Error::Gone`] where one of `ids` was probably
/// meant.
pub(super) fn absent<'a>(
    id: &str,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<Option<Collection>, Error> {
    match query::suggest(id, ids) {
        Some(meant) => Err(Error::Gone {
            name: id.to_owned(),
            why: format!("no such collection; did you mean {meant}?"),
        }),
        None => Ok(None),
    }
}
