//! Credentials and the origins they may be sent to.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{Error, shown};
use crate::config::{Credential, Grant, Secret};

/// All grants of the process.
pub(super) struct Grants(Vec<Grant>);

impl Grants {
    pub(super) fn new(grants: Vec<Grant>) -> Grants {
        Grants(grants)
    }

    fn covering<'a>(&'a self, url: &'a Url) -> impl Iterator<Item = &'a Grant> {
        self.0.iter().filter(move |grant| grant.scope.covers(url))
    }

    fn of<'a>(&'a self, url: &'a Url) -> impl Iterator<Item = &'a Credential> {
        self.covering(url).map(|grant| &grant.credential)
    }

    /// The USGS account for a URL's origin.
    pub(super) fn usgs_account<'a>(&'a self, url: &'a Url) -> Option<&'a Credential> {
        self.of(url).find(|credential| matches!(credential, Credential::Usgs { .. }))
    }

    /// Whether anything secret goes to this URL's origin.
    pub(super) fn cover(&self, url: &Url) -> bool {
        self.of(url).next().is_some()
    }

    /// Those of a URL's origin that are had for a while from somebody else.
    pub(super) fn renewable<'a>(&'a self, url: &'a Url) -> impl Iterator<Item = &'a Credential> {
        self.of(url)
            .filter(|credential| matches!(credential, Credential::OAuth2 { .. } | Credential::Sas { .. }))
    }

    /// The first that goes to a URL's origin.
    pub(super) fn first<'a>(&'a self, url: &'a Url) -> Option<&'a Credential> {
        self.of(url).next()
    }

    /// Puts the origin's credentials on a request, logins only where `may_be_sent` says so; gives the login that was
    /// put on. What the caller already set wins: a signer knows better.
    ///
    /// # Errors
    /// [`Error::Denied`] where a credential holds what HTTP cannot carry.
    pub(super) fn attach(
        &self,
        url: &mut Url,
        headers: &mut HeaderMap,
        may_be_sent: &dyn Fn(&Grant) -> bool,
    ) -> Result<Option<Grant>, Error> {
        let place = url.clone();
        let mut login = None;
        for grant in self.covering(&place) {
            if let Some(text) = authorization(&grant.credential) {
                if headers.contains_key("authorization") {
                    continue;
                }
                insert(headers, "authorization", &text, &place)?;
                match may_be_sent(grant) {
                    true => login = Some(grant.clone()),
                    false => drop(headers.remove("authorization")),
                }
                continue;
            }
            match &grant.credential {
                Credential::Header { name, value } => insert(headers, name, value.reveal(), &place)?,
                Credential::Query { name, value } => {
                    url.query_pairs_mut().append_pair(name, value.reveal());
                }
                Credential::Basic { .. } | Credential::Bearer(_) => {}
                // M2M is logged in to by messages of its own.
                Credential::Usgs { .. } => {}
                // Fetched and put on by `tokens`.
                Credential::OAuth2 { .. } | Credential::Sas { .. } => {}
            }
        }
        Ok(login)
    }

    /// What no words may show.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter().flat_map(|grant| secrets(&grant.credential))
    }
}

fn secrets(credential: &Credential) -> Vec<&Secret> {
    match credential {
        Credential::Basic { password, .. } => vec![password],
        Credential::Bearer(token) => vec![token],
        Credential::Header { value, .. } | Credential::Query { value, .. } => vec![value],
        Credential::OAuth2 { client_secret, user, .. } => {
            client_secret.iter().chain(user.iter().map(|(_, password)| password)).collect()
        }
        Credential::Sas { .. } => Vec::new(),
        Credential::Usgs { token, password, .. } => token.iter().chain(password).collect(),
    }
}

/// A login as it is sent: a password, or a token that was given by hand.
pub(super) fn authorization(credential: &Credential) -> Option<String> {
    match credential {
        Credential::Basic { username, password } => {
            Some(format!("Basic {}", base64(&format!("{username}:{}", password.reveal()))))
        }
        Credential::Bearer(token) => Some(format!("Bearer {}", token.reveal())),
        _ => None,
    }
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str, url: &Url) -> Result<(), Error> {
    let denied = |what: &str| Error::Denied {
        url: shown(url),
        why: format!(
            "the {what} of the credential for this origin holds characters that HTTP does not allow; check the header `{name}` in the configuration"
        ),
    };
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| denied("header name"))?;
    let mut value = HeaderValue::from_str(value).map_err(|_| denied("value"))?;
    value.set_sensitive(true);
    headers.entry(name).or_insert(value);
    Ok(())
}

/// RFC 4648 base64 with padding.
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| char::from(DIGITS[(bits & 63) as usize]);
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.push(digit(bits >> 18));
        out.push(digit(bits >> 12));
        out.push(if chunk.len() > 1 { digit(bits >> 6) } else { '=' });
        out.push(if chunk.len() > 2 { digit(bits) } else { '=' });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(origin: &str, credential: Credential) -> Grant {
        Grant { scope: Url::parse(origin).unwrap().origin().into(), credential }
    }

    #[test]
    fn base64_of_rfc_4648() {
        for (text, want) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text), want);
        }
    }

    #[test]
    fn a_credential_goes_to_its_origin_only() {
        let grants = Grants::new(vec![
            grant(
                "https://a.example",
                Credential::Basic { username: "u".into(), password: Secret::new("p:ss") },
            ),
            grant(
                "https://a.example",
                Credential::Query { name: "apikey".into(), value: Secret::new("k&y") },
            ),
        ]);
        let mut headers = HeaderMap::new();
        let mut url = Url::parse("https://a.example/x?f=a%20b").unwrap();
        grants.attach(&mut url, &mut headers, &|_| true).unwrap();
        assert_eq!(headers["authorization"], "Basic dTpwOnNz");
        assert_eq!(url.as_str(), "https://a.example/x?f=a%20b&apikey=k%26y");

        for other in ["http://a.example/x", "https://a.example:444/x", "https://b.a.example/x"] {
            let (mut headers, mut url) = (HeaderMap::new(), Url::parse(other).unwrap());
            grants.attach(&mut url, &mut headers, &|_| true).unwrap();
            assert!(headers.is_empty() && url.query().is_none(), "{other}");
        }
    }

    #[test]
    fn what_the_caller_set_wins() {
        let grants = Grants::new(vec![grant("https://a.example", Credential::Bearer(Secret::new("mine")))]);
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("AWS4-HMAC-SHA256 x"));
        let mut url = Url::parse("https://a.example/").unwrap();
        assert_eq!(grants.attach(&mut url, &mut headers, &|_| true).unwrap(), None);
        assert!(headers["authorization"].to_str().unwrap().starts_with("AWS4"));
    }
}
