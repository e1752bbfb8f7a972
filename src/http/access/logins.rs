//! Logins that a server refused. Accounts are locked by a few wrong passwords, and a listing asks more often than
//! that: who was refused is left out of requests for a while, so that what is open to all can still be read. The first
//! request with a login goes alone, since sixteen at once would be sixteen wrong passwords.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use url::Url;

use super::super::{Error, Request};
use super::grants::authorization;
use crate::config::Grant;
use crate::report::lock;

/// A refused login is tried again after this, or when the configuration is read again.
pub(super) const REST: Duration = Duration::from_secs(300);

/// So long others wait for the answer to the first request with a login.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of the logins that were sent.
#[derive(Default)]
pub(super) struct Logins {
    known: Mutex<Vec<(Grant, Standing)>>,
    changed: Condvar,
}

/// How a login stands at its server.
#[derive(Debug, Clone, Default)]
enum Standing {
    /// No answer to it is known.
    #[default]
    New,
    /// It was sent for the first time then.
    Tried(Instant),
    /// This was answered last, perhaps to everybody.
    Served(Url),
    /// This is closed to others, and was had with it.
    Proven(Url),
    /// It was refused then, after this had been had with it.
    Refused(Instant, Option<Url>),
    /// Since then somebody finds out whether the refusal was about the login.
    Doubted(Instant),
}

impl Logins {
    /// Whether a login may be sent. One that had something before it was refused may be right, and the refusal about
    /// the one thing that was asked for: then `ask` finds out, with a request that bears what it is given. Waits while
    /// somebody else finds out, or sends the first request of all.
    pub(super) fn may_be_sent(&self, grant: &Grant, ask: &dyn Fn(&Request) -> Result<(), Error>) -> bool {
        let (at, served) = match self.turn(grant) {
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
            // Of several that were under way the first counts.
            (401, Standing::Refused(at, _) | Standing::Doubted(at)) if at.elapsed() < REST => {}
            (401, _) => self.set(grant, Standing::Refused(Instant::now(), None)),
            (_, Standing::New | Standing::Tried(_)) | (200..300, Standing::Served(_)) => {
                self.set(grant, Standing::Served(url.clone()));
            }
            _ => {}
        }
    }

    /// No answer came to a request with a login.
    pub(super) fn unanswered(&self, grant: &Grant) {
        if matches!(self.standing(grant), Standing::Tried(_)) {
            self.set(grant, Standing::New);
        }
    }

    /// What was refused may be tried again: the configuration was read again.
    pub(super) fn forgive(&self) {
        lock(&self.known).clear();
        self.changed.notify_all();
    }

    /// How a login stands when it is one's turn to send it.
    fn turn(&self, grant: &Grant) -> Standing {
        let mut known = lock(&self.known);
        loop {
            match of(&known, grant) {
                Standing::New => {
                    put(&mut known, grant, Standing::Tried(Instant::now()));
                    return Standing::New;
                }
                Standing::Refused(at, Some(had)) if at.elapsed() < REST => {
                    put(&mut known, grant, Standing::Doubted(Instant::now()));
                    return Standing::Refused(at, Some(had));
                }
                Standing::Tried(at) | Standing::Doubted(at) if at.elapsed() < PATIENCE => {
                    let waited = self.changed.wait_timeout(known, PATIENCE.saturating_sub(at.elapsed()));
                    known = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                standing => return standing,
            }
        }
    }

    fn standing(&self, grant: &Grant) -> Standing {
        of(&lock(&self.known), grant)
    }

    fn set(&self, grant: &Grant, standing: Standing) {
        put(&mut lock(&self.known), grant, standing);
        self.changed.notify_all();
    }
}

fn of(known: &[(Grant, Standing)], grant: &Grant) -> Standing {
    known.iter().find(|(known, _)| known == grant).map(|(_, standing)| standing.clone()).unwrap_or_default()
}

fn put(known: &mut Vec<(Grant, Standing)>, grant: &Grant, standing: Standing) {
    known.retain(|(known, _)| known != grant);
    known.push((grant.clone(), standing));
}
