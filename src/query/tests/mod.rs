//! The path language as a whole.

mod brute_force;
mod corpus;
mod evaluation;
mod round_trip;

use serde_json::{Value, json};

use super::{Areas, Predicate, Query, Segment};

/// Two areas of interest.
pub(super) struct Folder;

impl Areas for Folder {
    fn area(&self, name: &str) -> Result<Option<Value>, String> {
        match name {
            "alps" | "alpen" => {
                Ok(Some(json!({"type":"Polygon","coordinates":[[[5,44],[16,44],[16,48],[5,48],[5,44]]]})))
            }
            "crater" => Ok(Some(json!({"type":"Point","coordinates":[-43.3,-11.4]}))),
            "locked" => Err("permission denied".into()),
            _ => Ok(None),
        }
    }

    fn names(&self) -> Vec<String> {
        ["alpen", "alps", "crater"].map(String::from).to_vec()
    }
}

pub(super) fn segment(text: &str) -> Segment {
    Segment::parse(text, &Folder).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn predicate(text: &str) -> Predicate {
    match segment(text) {
        Segment::Predicate(predicate) => predicate,
        Segment::View(_) => panic!("{text} is a view option"),
    }
}

pub(super) fn query(segments: &[&str]) -> Query {
    segments.iter().map(|text| predicate(text)).collect()
}
