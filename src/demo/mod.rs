//! The embedded servers: what `stacfs demo` mounts and the tests' fixture.
//!
//! In: requests over loopback. Out: answers as the real servers give them, quirks included, and faults on
//! demand; a journal of all requests. None of the client's code is used here, so that it can testify against
//! the client.
//!
//! - [`http`]: a small HTTP/1.1 server whose every answer can be spoilt on purpose;
//! - [`usgs`]: M2M, the inventory API before it, and ESPA;
//! - [`link`]: a line with delay and rates, to put in front of any server here;
//! - [`world`]: the collections, items and assets that are served;

pub mod http;
pub mod link;
pub mod stac;
pub mod usgs;
pub mod world;
