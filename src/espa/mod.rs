//! ESPA: orders of processed scenes, placed, watched, cancelled and fetched.
//!
//! In: wishes and order ids from `tree` and `cli`. Out: the server's answers as plain values, and archives as
//! files. [`Espa`] speaks to the server; [`Wish`] becomes the body of an order, checked before it is sent;
//! [`Espa::place`] sends an order once, and looks for it where the answer was lost; [`fetch()`] and
//! [`unpack()`] bring what is complete to disk.
//!
//! Nothing here remembers answers, save that a refused login is not tried again, and [`Receipts`] of finished scenes.

mod archive;
mod available;
mod client;
mod error;
mod fetch;
mod item;
mod options;
mod place;
mod receipts;
mod schema;
#[cfg(test)]
mod tests;
mod unpack;
mod wish;

pub use archive::Archive;
pub use available::{Available, Sensor};
pub use client::{Espa, Which};
pub use error::Error;
pub use fetch::{Fetched, Presence, Product, Step, fetch};
pub use item::{Item, Tally};
pub use options::{Extent, Projection};
pub use place::{Placed, Placing};
pub use receipts::Receipts;
pub use unpack::unpack;
pub use wish::{Draft, Dropped, Products, Wish};
