//! `grid2ll`: where a WRS path and row lie.

use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::input;
use super::{Call, M2m};
use crate::demo::usgs::scenes::wrs;

impl M2m {
    /// `grid2ll`. Only WRS-2 is known here.
    pub(super) fn grid2ll(&self, call: &Call) -> Outcome {
        match input::text(&call.input, "gridType").as_deref() {
            Some("WRS2") => {}
            Some("WRS1") => return Err(Failure::new("ENDPOINT_UNAVAILABLE", "WRS1 is not available")),
            _ => return Err(Failure::invalid("gridType")),
        }
        let cell = |member, last| match input::count(&call.input, member, 1)? {
            Some(number) if number <= last => Ok(number as u16),
            Some(_) => Err(Failure::invalid(member)),
            None => Err(Failure::required(member)),
        };
        let (path, row) = (cell("path", 233)?, cell("row", 248)?);
        match input::text(&call.input, "responseShape").as_deref() {
            None | Some("point") => {
                Ok(json!({"shape": "point", "coordinates": [wrs::centre(path, row).json()]}))
            }
            Some("polygon") => {
                let ring: Vec<Value> = wrs::footprint(path, row).ring().map(wrs::Place::json).to_vec();
                Ok(json!({"shape": "polygon", "coordinates": ring}))
            }
            Some(_) => Err(Failure::invalid("responseShape")),
        }
    }
}
