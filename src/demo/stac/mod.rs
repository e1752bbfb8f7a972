//! A STAC API 1.0 on loopback, as well-behaved or as odd as the real ones.
//!
//! In: a [`World`](super::world::World) and [`Quirks`], which a [`Personality`] chooses together. Out: a
//! [`StacApi`], which is the service of a [`Server`](super::http::Server). It has core, collections with paging and
//! search, features, item search by GET and POST, fields, sort, query, filter (CQL2 as text and JSON), free
//! text, aggregation, and the bytes of the assets. A [`StaticCatalog`] is the same world without an API.

mod aggregate;
mod api;
mod collections;
mod documents;
mod fields;
mod files;
mod filter;
mod index;
mod landing;
mod linker;
mod paging;
mod params;
mod problem;
mod quirks;
mod search;
mod shape;
mod sort;
mod stacql;
mod time;
mod words;

pub use api::StacApi;
pub use files::{Layout, StaticCatalog};
pub use quirks::*;
pub use time::TimeRule;

#[cfg(test)]
mod tests;
