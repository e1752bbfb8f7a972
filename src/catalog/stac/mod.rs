//! STAC: APIs, static catalogues, and files of items.
//!
//! In: a base URL or a file. Out: a [`Catalog`](super::Catalog).
