//! Logins that a server refused. Accounts are locked by a few wrong passwords, and a listing asks more often than
//! that: who was refused is left out of requests for a while, so that what is open to all can still be read.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use url::Url;

use super::super::{Error, Request};
use super::grants::authorization;
use crate::config::Grant;
use crate::report::lock;

/// A refused login is tried again after this, or when the configuration is read again.
pub(super) const REST: Duration = Duration::from_secs(300);

/// What is known of the logins that were sent.
#[derive(Default)]
pub(super) struct Logins(Mutex<Vec<(Grant, Standing)>>);

/// How a login stands at its server.
#[derive(Debug, Clone, Default)]
enum Standing {
    /// Nothing was ever had with it.
    #[default]
    New,
    /// This was had with it last; perhaps everybody has it.
    Served(Url),
    /// This is closed to others, and was had with it.
    Proven(Url),
    /// It was refused then, after this had been had with it.
    Refused(Instant, Option<Url>),
}

impl Logins {
    /// Whether a login may be sent. One that had something before it was refused may be right, and the refusal about
    /// the one thing that was asked for: then `ask` finds out, with a request that bears what it is given.
    pub(super) fn may_be_sent(&self, grant: &Grant, ask: &dyn Fn(&Request) -> Result<(), Error>) -> bool {
        let (at, served) = match self.standing(grant) {
            Standing::Refused(at, served) if at.elapsed() < REST => (at, served),
            _ => return true,
        };
        let Some((url, login)) = served.zip(authorization(&grant.credential)) else { return false };
        let byte = Request::get(url.clone()).with_header("Range", "bytes=0-0");
        let is_closed = ask(&byte).is_err_and(|error| matches!(error.status(), Some(401 | 403)));
        let is_right = is_closed && ask(&byte.with_header("Authorization", login)).is_ok();
        self.set(grant, if is_right { Standing::Proven(url) } else { Standing::Refused(at, None) });
        is_right
    }

    /// Takes in how a request with a login was answered.
    pub(super) fn learn(&self, grant: &Grant, url: &Url, status: u16) {
        match (status, self.standing(grant)) {
            (401, Standing::Served(had) | Standing::Proven(had)) => {
                self.set(grant, Standing::Refused(Instant::now(), Some(had)));
            }
            (401, _) => self.set(grant, Standing::Refused(Instant::now(), None)),
            (200..300, Standing::New | Standing::Served(_)) => self.set(grant, Standing::Served(url.clone())),
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
