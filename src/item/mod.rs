//! STAC values: [`Collection`], [`Item`], [`Asset`], [`Link`] as plain data.
//!
//! In: JSON as real servers send it (ids that are numbers, items without bbox, geometry,
//! datetime, links or collection, STAC 0.9 to 1.1). Out: accessors that answer `None` where a server
//! left something out, and the server's own bytes where a file shows them. No I/O, no opinions on names
//! or paths; one bad member never hides the others.

mod asset;
mod bbox;
mod collection;
mod feature;
mod link;
pub mod raster;
mod time;

pub use asset::{Asset, Checksum};
pub use bbox::Bbox;
pub use collection::Collection;
pub use feature::Item;
pub use link::Link;
pub use time::Span;
pub(crate) use time::instant;

use serde_json::Value;

/// Why a JSON value is not the STAC object it should be.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Malformed {
    /// The text is not JSON at all.
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON, but of another kind: an error envelope, `{}` for a missing item, an HTML page's wrapper.
    #[error("not a STAC {expected}: {why}")]
    Kind {
        /// What was looked for: `Item` or `Collection`.
        expected: &'static str,
        /// What was found instead, in words.
        why: String,
    },
}

/// A string, or a number or boolean written as one: servers give ids of both kinds.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
