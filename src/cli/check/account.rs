//! A USGS account: which of token, MACHINE access and password is missing or refused, and where to get it.
//!
//! M2M is logged in to and out of again, and asked what it lets the account do; ESPA is asked who we are. Nothing is
//! requested for download and nothing is ordered; a refused secret is tried once.

use std::sync::Arc;
use std::time::Instant;

use url::Url;

use super::finding::Finding;
use crate::cache::Cache;
use crate::catalog::usgs::{self, Login, Usgs};
use crate::catalog::{self, Catalog, Description};
use crate::cli::assemble::{Member, words};
use crate::config::{Credential, Limits};
use crate::espa::{self, Espa};
use crate::http::{self, Http};
use crate::report::Report;

/// Where an account gets its token and its password.
const PROFILE: &str = "https://ers.cr.usgs.gov";
/// Where an account asks for MACHINE access.
const ACCESS: &str = "https://ers.cr.usgs.gov/profile/access";

/// The services of one `usgs` source.
pub(super) struct Services<'a> {
    /// The source.
    pub(super) member: &'a Member,
    /// M2M's base.
    pub(super) m2m: &'a Url,
    /// ESPA's base.
    pub(super) espa: &'a Url,
    /// The client that both are asked by.
    pub(super) http: &'a Arc<Http>,
    /// How long downloads would be waited for; none is.
    pub(super) limits: &'a Limits,
}

impl Services<'_> {
    /// Asks both services.
    pub(super) fn check(&self) -> Vec<Finding> {
        let (config, http) = (&self.member.config, Arc::clone(self.http));
        let report = Arc::new(Report::new());
        let cache = Arc::new(Cache::none(Arc::clone(&report)));
        let usgs = usgs::open(config, self.m2m.clone(), http, cache, self.limits, report);
        let mut findings = self.m2m(&usgs);
        // The key would live on for two hours, and nobody has it.
        usgs.leave();
        findings.push(self.password());
        findings
    }

    fn subject(&self, what: &str) -> String {
        format!("source {}: {what}", self.member.config.name)
    }

    /// What M2M says of token and MACHINE access, and then of itself.
    fn m2m(&self, usgs: &Usgs) -> Vec<Finding> {
        let login = usgs.login();
        let token = self.token(&login, usgs.key_age().is_some());
        if usgs.key_age().is_none() {
            let untold = "not known before M2M lets the account in; without it nothing can be downloaded";
            return vec![token, Finding::doubtful(self.subject("MACHINE access"), untold)];
        }
        let began = Instant::now();
        let source = match usgs.describe() {
            Ok(description) => self.well(&description, began),
            Err(error) => Finding::bad(self.subject("M2M"), error.to_string()),
        };
        vec![source, token, self.machine(&login, usgs)]
    }

    fn well(&self, description: &Description, began: Instant) -> Finding {
        let took = began.elapsed().as_millis();
        Finding::good(self.subject("M2M"), format!("{} ({took} ms)", words(description)))
    }

    /// Whether M2M took the login: it has given a key, even where it refuses all else.
    fn token(&self, login: &Result<Login, catalog::Error>, accepted: bool) -> Finding {
        let subject = self.subject("M2M token");
        let make = format!(
            "make an application token in your profile at {PROFILE}, and set username and token in [usgs] of the \
             configuration"
        );
        let (token, password) = match &self.member.config.credential {
            Some(Credential::Usgs { token, password, .. }) => (token.is_some(), password.is_some()),
            _ => return Finding::bad(subject, format!("no user name is set; {make}")),
        };
        match login {
            _ if accepted && token => Finding::good(subject, "accepted; the key was given back"),
            _ if accepted => Finding::doubtful(
                subject,
                format!("none is set; this server takes the password instead, USGS does not; {make}"),
            ),
            Err(error) if !is_refusal(error) => Finding::bad(subject, format!("not tested: {error}")),
            Err(error) if !token && password => {
                Finding::bad(subject, format!("none is set, and M2M takes no password ({error}); {make}"))
            }
            _ if !token => Finding::bad(subject, format!("none is set; {make}")),
            // The error says where to set it.
            Err(error) => Finding::bad(subject, format!("refused: {error}; a new one is made at {PROFILE}")),
            Ok(_) => Finding::bad(subject, "M2M gave no key"),
        }
    }

    /// Whether M2M gives downloads, by its list of permissions and by a look at what it would offer.
    fn machine(&self, login: &Result<Login, catalog::Error>, usgs: &Usgs) -> Finding {
        let subject = self.subject("MACHINE access");
        let ask = format!(
            "searching may work, reading does not: ask for the MACHINE access type at {ACCESS} (granted by hand, \
             within days)"
        );
        let tested = match login {
            Ok(login) if !login.may_download() => {
                let permissions = login.permissions.join(", ");
                return Finding::bad(subject, format!("missing: M2M permits only: {permissions}; {ask}"));
            }
            Ok(_) => usgs.offers_downloads(),
            Err(error) => Err(error.clone()),
        };
        match tested {
            Ok(()) => Finding::good(subject, "there: M2M gives downloads to this account"),
            Err(error) if is_refusal(&error) => Finding::bad(subject, format!("missing: {error}; {ask}")),
            Err(error) => Finding::doubtful(subject, format!("not tested: {error}")),
        }
    }

    /// Whether ESPA lets us in. It knows the password of the account, not its token.
    fn password(&self) -> Finding {
        let subject = self.subject("ESPA password");
        if !self.http.has_credential(self.espa) {
            return Finding::doubtful(
                subject,
                format!(
                    "none is set; only ESPA (espa/, stacfs espa) needs it: the password of the account at {PROFILE}, as \
                     password in [usgs]"
                ),
            );
        }
        let espa = Espa::new(Arc::clone(self.http), self.espa.clone());
        match espa.user() {
            Ok(_) => Finding::good(subject, "accepted"),
            Err(error @ espa::Error::Refused(_)) => Finding::bad(
                subject,
                format!("{error}; it is the password of the account at {PROFILE}, where it can be set anew"),
            ),
            Err(error) => Finding::bad(subject, format!("not tested: {error}")),
        }
    }
}

/// Whether the server said no, and did not just fail.
fn is_refusal(error: &catalog::Error) -> bool {
    matches!(error, catalog::Error::Http(http::Error::Denied { .. }))
}
