//! Logins that a server refused. Accounts are locked by a few wrong passwords, and a listing asks more often than
//! that: who was refused is left out of requests for a while, so that what is open to all can still be read.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use url::Url;

use super::super::{Error, Request};
use crate::config::{Credential, Grant};
use crate::report::lock;

/// A refused login is tried again after this, or when the configuration is read again.
pub(super) const REST: Duration = Duration::from_secs(300);

/// What is known of the logins that were sent.
#[derive(Default)]
pub(super) struct Logins(Mutex<Vec<(Grant, Standing)>>);

/// How a login stands at its server.
#[derive(Debug, Clone, Default)]
enum Standing {
    /// Nothing was ever asked for with it.
    #[default]
    New,
    /// This was had with it; perhaps everybody has it.
    Served(Url),
    /// It opened what is closed to others: a later refusal is about the one thing that was asked for.
    Proven,
    /// It was refused then. Before that it was served this.
    Refused(Instant, Option<Url>),
}

impl Logins {
    /// Whether a login may be sent. `ask` sends a request without any.
    pub(super) fn may_be_sent(&self, grant: &Grant, ask: &dyn Fn(&Request) -> Result<(), Error>) -> bool {
        let (at, served) = match self.standing(grant) {
            Standing::Refused(at, served) if at.elapsed() < REST => (at, served),
            _ => return true,
        };
        let Some(url) = served else { return false };
        let request = Request::get(url).with_header("Range", "bytes=0-0");
        let closed = ask(&request).is_err_and(|error| matches!(error.status(), Some(401 | 403)));
        self.set(grant, if closed { Standing::Proven } else { Standing::Refused(at, None) });
        closed
    }

    /// Takes in how a request with a login was answered.
    pub(super) fn learn(&self, grant: &Grant, url: &Url, status: u16) {
        match (status, self.standing(grant)) {
            (_, Standing::Proven) => {}
            (401, Standing::Served(served)) => {
                self.set(grant, Standing::Refused(Instant::now(), Some(served)))
            }
            (401, _) => self.set(grant, Standing::Refused(Instant::now(), None)),
            (200..300, Standing::New) => self.set(grant, Standing::Served(url.clone())),
            _ => {}
        }
    }

    /// What was refused may be tried again: the configuration was read again.
    pub(super) fn forgive(&self) {
        lock(&self.0).clear();
    }

    fn standing(&self, grant: &Grant) -> Standing {
        let known = lock(&self.0);
        known
            .iter()
            .find(|(known, _)| known == grant)
            .map(|(_, standing)| standing.clone())
            .unwrap_or_default()
    }

    fn set(&self, grant: &Grant, standing: Standing) {
        let mut known = lock(&self.0);
        known.retain(|(known, _)| known != grant);
        known.push((grant.clone(), standing));
    }
}

/// Whether it is a login that is sent as it is: a password, or a token that was given by hand.
pub(super) fn is_login(credential: &Credential) -> bool {
    matches!(credential, Credential::Basic { .. } | Credential::Bearer(_))
}
