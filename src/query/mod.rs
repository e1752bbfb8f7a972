//! The path language: what `<key>=<value>` directories mean.
//!
//! In: one path segment, or a whole query, as text. Out: a [`Query`] (predicates, ANDed, in canonical
//! order), [`View`] options, their canonical spelling, and [`Query::matches`], which evaluates a query on an
//! item here where a server cannot. Errors say what was meant ("did you mean"). No I/O: areas of interest
//! named in a path come in through [`Areas`].

mod ast;
mod error;

pub use ast::{Area, Comparison, FieldOrder, Literal, Predicate, Query, Segment, Test, View, ViewOption};
pub use error::Error;
