//! The embedded servers: what `stacfs demo` mounts and the tests' fixture.
//!
//! In: requests over loopback. Out: answers as the real servers give them, quirks included, and faults on
//! demand; a journal of all requests. None of the client's code is used here, so that it can testify against
//! the client.
//!
//! - [`http`]: a small HTTP/1.1 server whose every answer can be spoilt on purpose;
//! - [`stac`]: a STAC API and a static catalogue;
//! - [`tokens`]: OAuth 2 and shared access signatures, and files behind them;
//! - [`usgs`]: M2M, the inventory API before it, and ESPA;
//! - [`link`]: a line with delay and rates, to put in front of any server here;
//! - [`world`]: the collections, items and assets that are served;

pub mod http;
pub mod link;
pub mod stac;
pub mod tokens;
pub mod usgs;
pub mod world;

use http::Server;
use link::{Line, Link};
use stac::{Layout, Personality, Quirks, StacApi, StaticCatalog};
use std::{io, sync::Arc};
use world::World;

/// What [`start`] starts.
pub struct Options {
    /// What is served.
    pub world: Arc<World>,
    /// The server to take after.
    pub personality: Personality,
    /// Single quirks instead of the personality's.
    pub quirks: Option<Quirks>,
    /// How a static catalogue links its documents.
    pub layout: Layout,
    /// A line to put between the clients and the server.
    pub line: Option<Line>,
}

impl Default for Options {
    /// A server that conforms, over the whole world.
    fn default() -> Options {
        Options {
            world: Arc::new(world::embedded()),
            personality: Personality::default(),
            quirks: None,
            layout: Layout::default(),
            line: None,
        }
    }
}

/// The running STAC server, with all that tests and benchmarks read of it. Dropping it stops it.
pub struct Demo {
    /// Where a client begins: the landing page, or `catalog.json`.
    pub stac_url: String,
    /// The line before the server, if there is one.
    pub link: Option<Link>,
    /// The server: its journal, its faults.
    pub server: Server,
    /// The API, whose quirks can be changed; `None` for a static catalogue.
    pub api: Option<Arc<StacApi>>,
}

/// Starts a STAC server on a free port of loopback.
///
/// # Errors
/// No port or thread is to be had.
pub fn start(options: Options) -> io::Result<Demo> {
    let (server, api, path) = match options.personality {
        Personality::Static => {
            (Server::start(StaticCatalog::new(options.world, options.layout))?, None, "/stac/catalog.json")
        }
        personality => {
            let quirks = options.quirks.unwrap_or_else(|| personality.quirks());
            let api = Arc::new(StacApi::new(options.world, quirks));
            (Server::start(Arc::clone(&api))?, Some(api), "/stac")
        }
    };
    let link = options.line.map(|line| Link::start(server.address(), line)).transpose()?;
    let origin = link.as_ref().map_or_else(|| server.url(), Link::url);
    Ok(Demo { stac_url: format!("{origin}{path}"), link, server, api })
}

impl Demo {
    /// Changes the quirks, from the next request on. A static catalogue has none to change.
    pub fn set_quirks(&self, quirks: Quirks) {
        if let Some(api) = &self.api {
            api.set_quirks(quirks);
        }
    }
}
