//! Where an object's bytes are to be had now: asks its origin, and asks again when a place stops working.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Error, Location, Origin, Trouble};
use crate::http::{self, Http, Method, Request};
use crate::report::{afford, lock};

/// A place is given up this long before it expires: a request takes time to arrive.
const MARGIN: Duration = Duration::from_secs(10);
/// How often an origin is asked for another place within one piece of work.
const PATIENCE: usize = 4;

/// An object's origin, and the location it last gave.
pub struct Place {
    origin: Arc<dyn Origin>,
    location: Mutex<Option<Location>>,
}

impl Place {
    /// The place of an origin's bytes. Asks nothing yet.
    pub fn new(origin: Arc<dyn Origin>) -> Place {
        Place { origin, location: Mutex::default() }
    }

    /// The object's identity.
    pub fn identity(&self) -> &str {
        self.origin.identity()
    }

    /// Whether the object is itself a web page.
    pub fn is_web_page(&self) -> bool {
        self.origin.is_web_page()
    }

    /// The host whose turns its requests take, as far as the identity tells: known without asking.
    pub fn host(&self) -> String {
        url::Url::parse(self.identity())
            .map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }

    /// Takes the bytes of a request from the allowance of whoever is served, where he has one.
    ///
    /// # Errors
    /// [`Error::Quota`] where fewer are left.
    pub fn afford(&self, bytes: u64) -> Result<(), Error> {
        afford(bytes).map_err(|why| Error::Quota { identity: self.identity().to_owned(), why })
    }

    /// Runs `attempt` where the object is to be had: with retries while the failure passes, then at the next
    /// place its origin knows. What `attempt` gives in the outer `Ok` is final, also where it is an error.
    pub fn ask<T>(
        &self,
        http: &Http,
        mut attempt: impl FnMut(&Location) -> Result<Result<T, Error>, http::Error>,
    ) -> Result<T, Error> {
        let mut location = self.current()?;
        for _ in 0..PATIENCE {
            let error = match http.with_retries(|| attempt(&location)) {
                Ok(result) => return result,
                Err(error) => error,
            };
            if matches!(error.status(), Some(304 | 412 | 416)) {
                return Err(self.final_error(error)); // It speaks of the object, not of the place.
            }
            let next = self.next(&location, &error)?;
            if next.url == location.url && next.headers == location.headers {
                return Err(self.final_error(error));
            }
            location = next;
        }
        Err(Error::Denied {
            identity: self.identity().to_owned(),
            why: "every place that the archive names for it refuses or fails; see .stacfs/requests".into(),
        })
    }

    /// Whether its bytes can be asked for at once. Those of a staged object may have to be prepared first, for
    /// minutes, unless its place is known.
    pub fn is_ready(&self) -> bool {
        let known = || self.location.try_lock().is_ok_and(|held| held.as_ref().is_some_and(is_fresh));
        !self.origin.is_staged() || known()
    }

    fn current(&self) -> Result<Location, Error> {
        let mut held = lock(&self.location);
        if let Some(location) = held.as_ref().filter(|location| is_fresh(location)) {
            return Ok(location.clone());
        }
        let location = self.origin.locate(None)?;
        *held = Some(location.clone());
        Ok(location)
    }

    /// The place after `failed`: another thread may have found it already.
    fn next(&self, failed: &Location, error: &http::Error) -> Result<Location, Error> {
        let mut held = lock(&self.location);
        if let Some(location) = held.as_ref().filter(|held| held.url != failed.url) {
            return Ok(location.clone());
        }
        let location = self.origin.locate(Some(&trouble(error)))?;
        *held = Some(location.clone());
        Ok(location)
    }

    /// What a failure means where no other place is left.
    pub fn final_error(&self, error: http::Error) -> Error {
        let identity = self.identity().to_owned();
        match error.status() {
            Some(status @ (404 | 410)) => Error::Missing { identity, status },
            Some(412) => Error::Changed { identity },
            Some(401 | 403 | 407) => Error::Denied { identity, why: error.to_string() },
            _ => Error::Http(error),
        }
    }
}

fn is_fresh(location: &Location) -> bool {
    location.expires.is_none_or(|expires| Instant::now() + MARGIN < expires)
}

fn trouble(error: &http::Error) -> Trouble {
    let words = error.to_string();
    match (error, error.status()) {
        (_, Some(401 | 403 | 407)) | (http::Error::Denied { .. }, _) => Trouble::Refused(words),
        (_, Some(404 | 410)) => Trouble::Gone(words),
        _ => Trouble::Failed(error.clone()),
    }
}

/// A request to a location, with its headers.
pub fn request(method: Method, location: &Location) -> Request {
    Request { method, url: location.url.clone(), headers: location.headers.clone(), body: None }
}
