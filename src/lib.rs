//! stacfs mounts satellite archives as a file system.
//!
//! A STAC API, a static STAC catalogue, USGS M2M scene search and ESPA orders appear as one kind of
//! tree: collection / item / asset. A search is a path. Nothing is fetched before it is looked at.
//!
//! Data goes one way through the rooms of this house:
//!
//! ```text
//! kernel → fuse → tree → catalog (stac | usgs), espa      metadata
//!                      → content → cache                   bytes
//!           catalog, espa, content → http → network
//! ```
//!
//! Each room's `mod.rs` opens with its doorplate: what it is for, what comes in, what goes out.

pub mod cache;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod content;
pub mod demo;
pub mod espa;
pub mod fuse;
pub mod http;
pub mod item;
pub mod query;
pub mod report;
#[cfg(test)]
mod rooms;
pub mod tree;
