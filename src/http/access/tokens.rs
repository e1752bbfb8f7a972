//! Tokens that servers give out for a while: OAuth 2 access tokens, shared access signatures for Azure's blobs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use super::super::redact::hide;
use super::super::{Document, Error, Method, Request, shown};
use super::logins::REST;
use crate::config::{Credential, Secret};
use crate::report::lock;

/// A token is renewed so long before its end …
const MARGIN: Duration = Duration::from_secs(60);
/// … or, where it does not live long, for the last part of its life.
const PART: u32 = 5;
/// A token said to live longer, or for ever, is renewed after this.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The life of a token whose server does not say.
const USUAL: Duration = Duration::from_secs(300);
/// Who has no token for a container is asked again after this.
const NONE: Duration = Duration::from_secs(300);
/// Planetary Computer's container of thumbnails is open to all.
const OPEN_ACCOUNTS: &[&str] = &["ai4edatasetspublicassets"];

/// The tokens held, by who gives them and for what.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, Arc<Mutex<Held>>>>);

#[derive(Default)]
struct Held {
    /// The token; `None` inside where the server has none to give.
    token: Option<Option<Secret>>,
    /// When it is to be renewed.
    until: Option<Instant>,
    /// Whether a request with it has succeeded: only then is a refusal a reason for a new one.
    proven: bool,
    /// When its server refused to give one, and how.
    refused: Option<(Instant, Error)>,
}

/// A token that was put on a request.
pub(super) struct Used {
    held: Arc<Mutex<Held>>,
    token: Secret,
}

/// What a token server answered.
struct Given {
    token: Option<Secret>,
    life: Duration,
}

impl Tokens {
    /// Puts a token on a request, one that is new if need be. Who needs the same waits meanwhile.
    pub(super) fn attach(
        &self,
        credential: &Credential,
        url: &mut Url,
        headers: &mut HeaderMap,
        fetch: &dyn Fn(&Request) -> Result<Document, Error>,
    ) -> Result<Option<Used>, Error> {
        let (key, desk) = match credential {
            Credential::OAuth2 { token_url, client_id, user, scope, .. } => {
                if headers.contains_key("authorization") {
                    return Ok(None);
                }
                let who = user.as_ref().map_or("", |(name, _)| name.as_str());
                let words = [token_url.as_str(), client_id, who, scope.as_deref().unwrap_or_default()];
                (words.join(" "), Desk::OAuth2(credential))
            }
            Credential::Sas { token_url } => {
                let Some(desk) = sas_desk(token_url, url) else { return Ok(None) };
                (desk.to_string(), Desk::Sas(desk))
            }
            _ => return Ok(None),
        };
        let held = Arc::clone(lock(&self.0).entry(key).or_default());
        let Some(token) = current(&held, &desk, fetch)? else { return Ok(None) };
        match desk {
            Desk::OAuth2(_) => {
                let text = format!("Bearer {}", token.reveal());
                let mut value = HeaderValue::from_str(&text).map_err(|_| Error::Denied {
                    url: shown(url),
                    why: "the token given out for it holds characters that HTTP does not allow".into(),
                })?;
                value.set_sensitive(true);
                headers.insert("authorization", value);
            }
            Desk::Sas(_) => {
                let own = url.query().map_or(String::new(), |query| format!("{query}&"));
                url.set_query(Some(&format!("{own}{}", token.reveal())));
            }
        }
        Ok(Some(Used { held, token }))
    }

    /// Takes in how a request with a token went. Whether a new token may help: the old one worked before.
    pub(super) fn learn(&self, used: &Used, status: u16) -> bool {
        // While somebody renews it, an answer to the one before does not wait for that.
        let Ok(mut held) = used.held.try_lock() else { return matches!(status, 401 | 403) };
        let same = held.token.as_ref() == Some(&Some(used.token.clone()));
        match status {
            200..300 if same => held.proven = true,
            // Somebody else has renewed it already.
            401 | 403 if !same => return true,
            401 | 403 if held.proven => {
                *held = Held::default();
                return true;
            }
            _ => {}
        }
        false
    }

    /// What was refused may be tried again: the configuration was read again. Who is being asked right now is asked
    /// with what was configured before.
    pub(super) fn forgive(&self) {
        lock(&self.0).retain(|_, held| held.try_lock().is_ok_and(|held| held.refused.is_none()));
    }

    /// Takes the tokens out of words.
    pub(super) fn hide(&self, words: String) -> String {
        let all: Vec<_> = lock(&self.0).values().cloned().collect();
        // One that is being fetched right now is in nobody's words yet.
        let tokens: Vec<Secret> =
            all.iter().filter_map(|held| held.try_lock().ok()?.token.clone()?).collect();
        hide(words, tokens.iter().map(Secret::reveal))
    }
}

/// Who gives a token.
enum Desk<'a> {
    OAuth2(&'a Credential),
    Sas(Url),
}

/// The token held, or a new one.
fn current(
    held: &Mutex<Held>,
    desk: &Desk<'_>,
    fetch: &dyn Fn(&Request) -> Result<Document, Error>,
) -> Result<Option<Secret>, Error> {
    let mut held = lock(held);
    if let Some(token) =
        held.token.as_ref().filter(|_| held.until.is_some_and(|until| Instant::now() < until))
    {
        return Ok(token.clone());
    }
    if let Some((_, error)) = held.refused.as_ref().filter(|(at, _)| at.elapsed() < REST) {
        return Err(error.clone());
    }
    let given = match desk {
        Desk::OAuth2(credential) => oauth2(credential, fetch),
        Desk::Sas(desk) => sas(desk, fetch),
    };
    if let Err(error @ Error::Denied { .. }) = &given {
        held.refused = Some((Instant::now(), error.clone()));
    }
    let given = given?;
    let life = given.life.min(LONGEST);
    let until = Instant::now() + life - MARGIN.min(life / PART);
    *held = Held { token: Some(given.token.clone()), until: Some(until), ..Held::default() };
    Ok(given.token)
}

/// Asks an OAuth 2 server (RFC 6749: 4.4 client credentials, 4.3 user and password).
fn oauth2(
    credential: &Credential,
    fetch: &dyn Fn(&Request) -> Result<Document, Error>,
) -> Result<Given, Error> {
    let Credential::OAuth2 { token_url, client_id, client_secret, user, scope } = credential else {
        return Ok(Given { token: None, life: NONE });
    };
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("client_id", client_id);
    if let Some(secret) = client_secret {
        form.append_pair("client_secret", secret.reveal());
    }
    match user {
        None => drop(form.append_pair("grant_type", "client_credentials")),
        Some((name, password)) => {
            form.append_pair("grant_type", "password").append_pair("username", name);
            form.append_pair("password", password.reveal());
        }
    }
    if let Some(scope) = scope {
        form.append_pair("scope", scope);
    }
    let request = Request {
        method: Method::POST,
        url: token_url.clone(),
        headers: vec![
            ("Content-Type".into(), "application/x-www-form-urlencoded".into()),
            ("Accept".into(), "application/json".into()),
        ],
        body: Some(form.finish().into_bytes()),
    };
    let keys =
        if user.is_some() { "client_id, username and password" } else { "client_id and client_secret" };
    let document = fetch(&request).map_err(|error| match error {
        Error::Status { url, status: status @ (400 | 401 | 403), words, .. } => Error::Denied {
            url,
            why: format!(
                "no token is given (HTTP {status}: {words}); check {keys} beside oauth2_token_url in the configuration, then mount again or send the mount SIGHUP"
            ),
        },
        error => error,
    })?;
    let json = json(&document)?;
    let token = json.get("access_token").and_then(Value::as_str).ok_or_else(|| unexpected(&document))?;
    // Some write the number as text.
    let seconds = |life: &Value| life.as_f64().or_else(|| life.as_str()?.parse().ok());
    let seconds = json.get("expires_in").and_then(seconds);
    let life = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(Given { token: Some(Secret::new(token)), life: life.unwrap_or(USUAL) })
}

/// Where the signature for a blob is had: `DESK/ACCOUNT/CONTAINER`. `None` where it needs none, or bears one.
///
/// At Azure the account is the host's first label; elsewhere (Azurite, gateways) the path's first segment.
fn sas_desk(desk: &Url, blob: &Url) -> Option<Url> {
    if blob.query_pairs().any(|(name, _)| name == "sig") {
        return None;
    }
    let mut segments = blob.path_segments()?;
    let account = match blob.host_str()?.strip_suffix(".blob.core.windows.net") {
        Some(account) => account.to_owned(),
        None => segments.next()?.to_owned(),
    };
    let container = segments.next().filter(|container| !container.is_empty())?;
    if OPEN_ACCOUNTS.contains(&account.as_str()) {
        return None;
    }
    let mut desk = desk.clone();
    desk.path_segments_mut().ok()?.pop_if_empty().push(&account).push(container);
    Some(desk)
}

/// Asks for a signature. Who has none for a container says 404: its blobs are public, or somebody else's.
fn sas(desk: &Url, fetch: &dyn Fn(&Request) -> Result<Document, Error>) -> Result<Given, Error> {
    let document = match fetch(&Request::get(desk.clone())) {
        Ok(document) => document,
        Err(error) if matches!(error.status(), Some(400 | 404)) => {
            return Ok(Given { token: None, life: NONE });
        }
        Err(error) => return Err(error),
    };
    let json = json(&document)?;
    let token = json.get("token").and_then(Value::as_str).ok_or_else(|| unexpected(&document))?;
    let expiry = json.get("msft:expiry").and_then(Value::as_str);
    let end: Option<Timestamp> = expiry.and_then(|text| text.parse().ok());
    let life =
        end.map(|end| Duration::try_from(end.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO));
    Ok(Given { token: Some(Secret::new(token.trim_start_matches('?'))), life: life.unwrap_or(USUAL) })
}

fn json(document: &Document) -> Result<Value, Error> {
    serde_json::from_slice(&document.body).map_err(|_| unexpected(document))
}

fn unexpected(document: &Document) -> Error {
    Error::Unexpected {
        url: shown(&document.url),
        why: "the answer holds no token; is this the right URL?".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desk_for_a_blob() {
        let url = |text: &str| Url::parse(text).unwrap();
        let desk = url("https://pc.example/api/sas/v1/token");
        let of = |blob: &str| sas_desk(&desk, &url(blob)).map(String::from);
        let want = |path: &str| Some(format!("https://pc.example/api/sas/v1/token/{path}"));
        assert_eq!(of("https://acct.blob.core.windows.net/box/a/b.tif"), want("acct/box"));
        assert_eq!(of("http://127.0.0.1:1/acct/box/b.tif"), want("acct/box"));
        assert_eq!(of("https://acct.blob.core.windows.net/box/b.tif?st=1&sig=x"), None);
        assert_eq!(of("https://ai4edatasetspublicassets.blob.core.windows.net/assets/x.png"), None);
        assert_eq!(of("https://acct.blob.core.windows.net/"), None);
    }
}
