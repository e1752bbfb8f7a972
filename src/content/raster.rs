//! The header of a raster, without the rest of it.

use std::cell::{Cell, RefCell};

use super::place::Place;
use super::tiff::header::{RasterHeader, header};
use super::{Content, Error, Object};

impl Content {
    /// What an object says of itself, where it is a GeoTIFF; `None` where it is another kind of file. Usually one
    /// request: headers stand in front. What is staged is not asked for: a header is no reason to have a server
    /// prepare a file.
    ///
    /// # Errors
    /// Where its bytes cannot be had; [`Error::Unordered`] where it is staged and its header is not in the cache.
    pub fn raster_header(&self, object: &Object) -> Result<Option<RasterHeader>, Error> {
        if object.origin.is_staged() {
            return self.cached_raster_header(object);
        }
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

    /// The header of what is in the cache, without a request.
    fn cached_raster_header(&self, object: &Object) -> Result<Option<RasterHeader>, Error> {
        let identity = object.origin.identity();
        let unordered = || Error::Unordered { identity: identity.to_owned() };
        let known = self.ledger().get(identity).ok_or_else(unordered)?;
        let body = self.body(Place::new(object.origin.clone()), &known, object.checksum.clone());
        let missing = Cell::new(false);
        let found = header(body.size(), |range| {
            let length = usize::try_from(range.end - range.start).ok()?;
            let bytes = body.read_now(range.start, length).and_then(Result::ok);
            missing.set(missing.get() || bytes.is_none());
            bytes
        });
        if missing.get() { Err(unordered()) } else { Ok(found) }
    }
}
