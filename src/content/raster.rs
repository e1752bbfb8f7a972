//! The header of a raster, without the rest of it.

use std::cell::RefCell;

use super::tiff::header::{RasterHeader, header};
use super::{Content, Error, Object};

impl Content {
    /// What an object says of itself, where it is a GeoTIFF; `None` where it is another kind of file. Usually one
    /// request: headers stand in front.
    ///
    /// # Errors
    /// Where its bytes cannot be had.
    pub fn raster_header(&self, object: &Object) -> Result<Option<RasterHeader>, Error> {
        let opened = || self.open(object, self.generation(object.origin.identity()));
        let file = match opened() {
            // It changed since it was seen last; nobody holds on to what it was.
            Err(Error::Changed { .. }) => opened()?,
            other => other?,
        };
        let failure = RefCell::new(None);
        let found = header(file.size(), |range| {
            let length = usize::try_from(range.end - range.start).ok()?;
            file.read(range.start, length).map_err(|error| failure.replace(Some(error))).ok()
        });
        match failure.into_inner() {
            Some(error) => Err(error),
            None => Ok(found),
        }
    }
}
