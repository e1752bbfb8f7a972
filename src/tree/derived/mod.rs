//! What is made of a directory's items: layers, mosaics, a catalogue of their own.
//!
//! In: a listing with whole items (one that was read as outlines is read once more, whole), and for rasters whose
//! metadata does not tell where they lie, the headers of their files. Out: files on local disk, the same bytes
//! for the same listing, remembered while that listing is the live one.

pub mod items_geojson;
pub mod local;
mod mosaic;
pub mod mosaics_directory;
mod shelf;
pub mod stack;
mod survey;
mod tile;
mod tile_index;
mod vrt;
mod writing;

pub use shelf::Shelf;
