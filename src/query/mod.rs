//! The path language: what `<key>=<value>` directories mean.
//!
//! In: one path segment, or a whole query, as text. Out: a [`Query`] (predicates, ANDed, in canonical
//! order), [`View`] options, their canonical spelling, and [`Query::matches`], which evaluates a query on an
//! item here where a server cannot. Errors say what was meant ("did you mean"). No I/O: areas of interest
//! named in a path come in through [`Areas`].
//!
//! A segment is read by [`Segment::parse`] and printed by [`Segment::text`]; what is printed reads back as the
//! same. [`Query::key`] is a search's identity.

mod area;
mod ast;
mod compare;
mod comparison;
mod cql;
mod degrees;
mod error;
mod escape;
mod evaluate;
mod filter;
mod footprint;
mod glob;
mod names;
mod order;
mod period;
mod print;
mod segment;
mod set;
mod shape;
mod view;
mod words;

pub use area::Areas;
pub use ast::{Area, Comparison, FieldOrder, Literal, Predicate, Query, Segment, Test, View, ViewOption};
pub use comparison::Kind;
pub use error::Error;
pub use evaluate::Evaluator;
pub use names::{OPERATORS, PREDICATES, VIEW_OPTIONS, suggest};
pub use order::in_order;
pub use segment::is_segment;

#[cfg(test)]
mod tests;
