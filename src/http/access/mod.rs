//! How requests are signed: which credential goes where, tokens that are renewed, S3's signatures, session
//! cookies. A request is dressed anew each time it is sent, so a signature never expires in mid-read.

mod cookies;
mod grants;
mod logins;
pub(super) mod s3;
mod tokens;

use std::sync::{Arc, Mutex};

use reqwest::Method;
use reqwest::header::HeaderMap;
use url::Url;

use super::redact::hide;
use super::{Document, Error, Request, shown};
use crate::config::{Credential, Grant, S3Store, Secret};
use crate::report::lock;
use cookies::Cookies;
use grants::Grants;
use logins::Logins;
use s3::{Purse, Stores};
use tokens::Tokens;

/// All credentials of the process, and what is known of them.
pub(super) struct Access {
    held: Mutex<Arc<Held>>,
    /// Those that were replaced: an answer that is under way may still name their secrets.
    former: Mutex<Vec<Arc<Held>>>,
    logins: Logins,
    tokens: Tokens,
    cookies: Cookies,
}

/// What a configuration gives.
struct Held {
    grants: Grants,
    stores: Stores,
}

/// A request with everything on it that says who asks.
pub(super) struct Dressed {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// What was used, to learn from the answer.
    used: Used,
}

/// What was put on a request.
#[derive(Default)]
struct Used {
    login: Option<Grant>,
    tokens: Vec<tokens::Used>,
    /// With the stores that signed it: others may have taken their place when the answer comes.
    s3: Option<(Arc<Held>, s3::Used)>,
}

impl Dressed {
    /// One that says nothing of who asks.
    pub(super) fn plain(url: Url, headers: HeaderMap) -> Dressed {
        Dressed { url, headers, used: Used::default() }
    }

    /// Who pays for the bytes, where we do.
    pub(super) fn purse(&self) -> Option<Arc<Purse>> {
        self.used.s3.as_ref().and_then(|(_, used)| used.purse.clone())
    }
}

impl Access {
    pub(super) fn new(grants: Vec<Grant>, stores: Vec<S3Store>) -> Access {
        let held = Held { grants: Grants::new(grants), stores: Stores::new(stores) };
        Access {
            held: Mutex::new(Arc::new(held)),
            former: Mutex::default(),
            logins: Logins::default(),
            tokens: Tokens::default(),
            cookies: Cookies::default(),
        }
    }

    /// Puts other credentials in the place of all, from the next request on.
    pub(super) fn replace(&self, grants: Vec<Grant>, stores: Vec<S3Store>) {
        let held = Arc::new(Held { grants: Grants::new(grants), stores: Stores::new(stores) });
        let before = std::mem::replace(&mut *lock(&self.held), held);
        lock(&self.former).push(before);
        self.logins.forgive();
        self.tokens.forgive();
    }

    fn held(&self) -> Arc<Held> {
        Arc::clone(&lock(&self.held))
    }

    /// The USGS account for a URL's origin.
    pub(super) fn usgs_account(&self, url: &Url) -> Option<Credential> {
        self.held().grants.usgs_account(url).cloned()
    }

    /// Whether anything secret goes to this URL's origin.
    pub(super) fn cover(&self, url: &Url) -> bool {
        self.held().grants.cover(url) || self.cookies.cover(url)
    }

    /// Puts on a request what its origin is to be shown. `fetch` gets a token, where one is needed; it is given
    /// requests that must be sent undressed.
    ///
    /// # Errors
    /// Where a credential is missing or cannot be sent, or its token is refused.
    pub(super) fn dress(
        &self,
        method: &Method,
        mut url: Url,
        mut headers: HeaderMap,
        fetch: &dyn Fn(&Request) -> Result<Document, Error>,
    ) -> Result<Dressed, Error> {
        let (place, held) = (url.clone(), self.held());
        let ask = |request: &Request| fetch(request).map(drop);
        let may_be_sent = |grant: &Grant| self.logins.may_be_sent(grant, &ask);
        let login = held.grants.attach(&mut url, &mut headers, &may_be_sent)?;
        let mut used = Used { login, ..Used::default() };
        for credential in held.grants.renewable(&place) {
            used.tokens.extend(self.tokens.attach(credential, &mut url, &mut headers, fetch)?);
        }
        self.cookies.attach(&place, &mut headers);
        let signed = held.stores.sign(method, &mut url, &mut headers)?;
        used.s3 = signed.map(|signed| (held, signed));
        Ok(Dressed { url, headers, used })
    }

    /// No answer came to a request.
    pub(super) fn unanswered(&self, dressed: &Dressed) {
        dressed.used.login.iter().for_each(|login| self.logins.unanswered(login));
    }

    /// Takes in what an answer tells. Whether the request may now succeed, sent again.
    pub(super) fn learn(&self, url: &Url, dressed: &Dressed, status: u16, headers: &HeaderMap) -> bool {
        self.cookies.keep(url, headers);
        if let Some(login) = &dressed.used.login {
            self.logins.learn(login, url, status);
        }
        let learned: Vec<bool> =
            dressed.used.tokens.iter().map(|used| self.tokens.learn(used, status)).collect();
        let renewed = learned.contains(&true);
        let s3 = dressed.used.s3.as_ref();
        s3.is_some_and(|(held, used)| held.stores.learn(used, status, headers)) || renewed
    }

    /// Takes every secret out of words that a server may have echoed.
    pub(super) fn hide(&self, words: String) -> String {
        let held: Vec<Arc<Held>> = lock(&self.former).iter().cloned().chain([self.held()]).collect();
        let secrets = held.iter().flat_map(|held| held.grants.secrets());
        self.tokens.hide(hide(words, secrets.map(Secret::reveal)))
    }

    /// Where an object of S3 is to be asked for.
    pub(super) fn object_url(&self, object: &s3::Object) -> Result<Url, String> {
        self.held().stores.url(object)
    }

    /// What to do about a refusal: which key to set where.
    pub(super) fn advice(&self, url: &Url) -> String {
        let held = self.held();
        if let Some(advice) = held.stores.advice(url) {
            return advice;
        }
        let origin = url.origin().ascii_serialization();
        let refused = |what: &str, key: &str, also: &str| {
            format!(
                "the {what} configured for {origin} was refused; set a new {key} in its [source …] or [credential …] \
                 section{also}, then mount again or send the mount SIGHUP"
            )
        };
        match held.grants.first(url) {
            Some(Credential::Basic { .. }) => refused("login", "user name and password", " or in ~/.netrc"),
            Some(Credential::Bearer(_)) => refused("token", "token", ""),
            Some(Credential::Header { name, .. }) => refused("key", &format!("header.{name}"), ""),
            Some(Credential::Query { name, .. }) => refused("key", &format!("query.{name}"), ""),
            Some(Credential::OAuth2 { token_url, .. }) => {
                refused(&format!("token of {}", shown(token_url)), "client_id and client_secret", "")
            }
            Some(Credential::Sas { token_url }) => {
                format!("the shared access signature of {} was refused; it may not be public", shown(token_url))
            }
            Some(Credential::Usgs { .. }) => "try stacfs usgs login".to_owned(),
            None if url.host_str() == Some("urs.earthdata.nasa.gov") => {
                "it wants an Earthdata login: write machine urs.earthdata.nasa.gov login NAME password WORD into \
                 ~/.netrc, or add a [credential NAME] section with origin = https://*.earthdata.nasa.gov and token"
                    .to_owned()
            }
            None if is_ers(url) => {
                "its log-in (ERS) is for browsers only; read the same files from s3://usgs-landsat at your own cost \
                 (requester_pays = yes in an [s3 NAME] section with buckets = usgs-landsat, and AWS keys), or mount the \
                 source usgs"
                    .to_owned()
            }
            None => format!(
                "no credential is configured for it; if it needs one, add a [credential NAME] section with origin = \
                 {origin} and token, or username and password"
            ),
        }
    }
}

/// Whether it is USGS's log-in for browsers, or what stands behind it: its files want a session that only a person
/// can begin.
fn is_ers(url: &Url) -> bool {
    matches!(url.host_str(), Some("ers.cr.usgs.gov" | "landsatlook.usgs.gov"))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
