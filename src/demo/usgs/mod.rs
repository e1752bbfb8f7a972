//! The embedded USGS servers: M2M, the inventory API that it replaced, ESPA, and the hosts of their downloads.
//!
//! In: requests over loopback; from tests, faults and turns of the clock. Out: answers with the shapes, the
//! words and the quirks of the real services, taken from those and not from our client.
//!
//! All servers show one archive of scenes and know the same [`accounts`]: user `demo` has the password
//! `demo-password` (ESPA, inventory API) and the application token `demo-token` (M2M).

pub mod accounts;
mod base64;
pub mod clock;
pub mod downloads;
pub mod espa;
pub mod files;
pub mod legacy;
pub mod m2m;
pub mod scenes;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::http::{Request, Response, Server, Service};
use clock::Clock;
use downloads::Downloads;
use espa::{Espa, Pace};
use legacy::Legacy;
use m2m::{Hosts, M2m};
use scenes::Archive;

/// How the servers are to run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// When it is; `None`: the real time, and it runs.
    pub standing_at: Option<Timestamp>,
}

/// The running servers, and what tests do to them. Dropping it stops them.
pub struct Usgs {
    /// The base of M2M's endpoints, with a final slash: `…/api/api/json/stable/`.
    pub m2m_url: String,
    /// The base of the old inventory API, without a final slash: `…/inventory/json/v/stable`.
    pub legacy_url: String,
    /// The base of ESPA's resources, without a final slash: `…/api/v1`.
    pub espa_url: String,
    /// The clock of all servers.
    pub clock: Arc<Clock>,
    /// M2M: its quirks, its queue of downloads.
    pub m2m: Arc<M2m>,
    /// The server of M2M and of the inventory API: its journal, its faults.
    pub m2m_server: Server,
    /// The server of M2M's downloads and browse images.
    pub download_server: Server,
    /// ESPA: its quirks, its orders.
    pub espa: Arc<Espa>,
    /// The server of ESPA and of the products of its orders.
    pub espa_server: Server,
}

/// Starts all servers on free ports of loopback.
///
/// # Errors
/// No port or thread is to be had.
pub fn start(options: Options) -> io::Result<Usgs> {
    let clock = Arc::new(options.standing_at.map_or_else(Clock::running, Clock::standing_at));
    let archive = Arc::new(Archive::generate());
    let m2m = Arc::new(M2m::new(Arc::clone(&archive), Arc::clone(&clock)));
    let download_server = Server::start(Downloads(Arc::clone(&m2m)))?;
    m2m.set_hosts(Hosts { downloads: download_server.url() });
    let legacy = Legacy::new(Arc::clone(&archive), Arc::clone(&clock), download_server.url());
    let m2m_server = Server::start(Explorer { m2m: Arc::clone(&m2m), legacy })?;
    let espa = Arc::new(Espa::new(archive, Arc::clone(&clock)));
    espa.quirks().pace = if options.standing_at.is_some() { Pace::REAL } else { Pace::DEMO };
    let espa_server = Server::start(Arc::clone(&espa))?;
    Ok(Usgs {
        m2m_url: format!("{}/api/api/json/stable/", m2m_server.url()),
        legacy_url: format!("{}/inventory/json/v/stable", m2m_server.url()),
        clock,
        m2m,
        espa_url: format!("{}/api/v1", espa_server.url()),
        m2m_server,
        download_server,
        espa,
        espa_server,
    })
}

impl Usgs {
    /// Turns the clock of all servers forward.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

impl Service for Arc<Espa> {
    fn answer(&self, request: &Request) -> Response {
        Espa::answer(self, request)
    }
}

/// M2M and the inventory API on one host.
struct Explorer {
    m2m: Arc<M2m>,
    legacy: Legacy,
}

impl Service for Explorer {
    fn answer(&self, request: &Request) -> Response {
        if request.path().starts_with("/inventory/") {
            self.legacy.answer(request)
        } else {
            self.m2m.answer(request)
        }
    }
}
