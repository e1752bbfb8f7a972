//! What a draft's sources are logged in with, and where each credential may go.

use url::Url;

use super::document::Part;
use super::draft::Draft;
use super::login::{Login, Pending, variable_part};
use super::{Credential, Error, Grant, Scope, Secret, SourceConfig, SourceKind, value};

impl Draft {
    /// Adds the login of a source, and what it has agreed to. A user and password in its URL are taken out of the URL.
    pub(super) fn with_login(
        &self,
        mut source: SourceConfig,
        part: Option<&Part>,
    ) -> Result<SourceConfig, Error> {
        let mut places = vec![Login::of_environment(&source.name, &self.environment)];
        places.extend(part.map(Login::of_part));
        match &mut source.kind {
            SourceKind::File(_) => return Ok(source),
            SourceKind::Url(url) => places.extend(login_of_url(url)),
            SourceKind::Usgs { .. } => {
                if source.name != "usgs" {
                    places.push(Login::of_environment("usgs", &self.environment));
                }
                let common = self.document.section("usgs");
                places.extend(common.map(Login::of_part));
                places.push(self.lsru_login());
                let accepted = part.into_iter().chain(common).find_map(|part| part.entry("accept_eula"));
                let accepted = accepted.and_then(|entry| value::list(&entry.value).ok());
                source.agreements = accepted.unwrap_or_default();
            }
        }
        let places = Login::of_one_user(places);
        source.credential = match source.kind {
            SourceKind::Usgs { .. } => self.usgs_credential(&places)?,
            _ => match part.map(|part| self.oauth2(part)).transpose()?.flatten() {
                Some(credential) => Some(credential),
                None => self.credential(&source.name, &places)?,
            },
        };
        Ok(source)
    }

    /// HTTP's credential: the first place that has a secret decides which kind it is.
    fn credential(&self, name: &str, places: &[Login]) -> Result<Option<Credential>, Error> {
        let wrong = |why: String| Error::Source { name: name.to_owned(), why };
        let username = places.iter().find_map(|login| login.username.clone());
        let Some(place) = places.iter().find(|login| login.has_secret()) else {
            return match username {
                None => Ok(None),
                Some(_) => Err(wrong(format!(
                    "has a username and no password; set password, password_command or STACFS_{}_PASSWORD",
                    variable_part(name)
                ))),
            };
        };
        match (&place.token, &place.password) {
            (Some(_), Some(_)) => {
                Err(wrong(format!("has a token and a password ({}); take one of them out", place.place)))
            }
            (Some(token), None) => {
                Ok(Some(Credential::Bearer(token.fetch(&place.place, &self.environment)?)))
            }
            (None, Some(password)) => {
                let username =
                    username.ok_or_else(|| wrong("has a password and no username; set username".into()))?;
                let password = password.fetch(&place.place, &self.environment)?;
                Ok(Some(Credential::Basic { username, password }))
            }
            (None, None) => Ok(None),
        }
    }

    /// The credential of a section that names an OAuth 2 server.
    fn oauth2(&self, part: &Part) -> Result<Option<Credential>, Error> {
        let wrong = |line: usize, why: &str| Err(self.document.wrong(line, why));
        let Some(entry) = part.entry("oauth2_token_url") else {
            return match ["client_id", "client_secret", "scope"].iter().find_map(|key| part.entry(key)) {
                Some(entry) => wrong(entry.line, "needs an oauth2_token_url beside it"),
                None => Ok(None),
            };
        };
        let token_url = value::url(&entry.value).map_err(|why| self.document.wrong(entry.line, why))?;
        let Some(client_id) = part.entry("client_id").map(|entry| entry.value.clone()) else {
            return wrong(entry.line, "needs a client_id beside it");
        };
        let secret = |key: &str| -> Result<Option<Secret>, Error> {
            let entry = part.entry(key);
            entry.map(|entry| Pending::of(entry).fetch(&part.header(), &self.environment)).transpose()
        };
        let user = part.entry("username").map(|entry| entry.value.clone()).zip(secret("password")?);
        let client_secret = secret("client_secret")?;
        if user.is_none() && client_secret.is_none() {
            return wrong(entry.line, "needs a client_secret, or username and password, beside it");
        }
        let scope = part.entry("scope").map(|entry| entry.value.clone());
        Ok(Some(Credential::OAuth2 { token_url, client_id, client_secret, user, scope }))
    }

    /// USGS's credential: each part from the first place that has it.
    fn usgs_credential(&self, places: &[Login]) -> Result<Option<Credential>, Error> {
        let Some(username) = places.iter().find_map(|login| login.username.clone()) else { return Ok(None) };
        let first = |part: fn(&Login) -> Option<&Pending>| -> Result<Option<Secret>, Error> {
            let found = places.iter().find_map(|login| part(login).map(|pending| (pending, login)));
            found.map(|(pending, login)| pending.fetch(&login.place, &self.environment)).transpose()
        };
        Ok(Some(Credential::Usgs {
            username,
            token: first(|login| login.token.as_ref())?,
            password: first(|login| login.password.as_ref())?,
        }))
    }

    /// The grants of a `[credential NAME]`.
    pub(super) fn part_grants(&self, part: &Part) -> Result<Vec<Grant>, Error> {
        let Some(entry) = part.entry("origin") else {
            return Err(self
                .document
                .wrong(part.line, "needs an origin, e.g. origin = https://data.example.org"));
        };
        let scope = Scope::of(&value::url(&entry.value).map_err(|why| self.document.wrong(entry.line, why))?);
        let mut credentials = Vec::new();
        credentials.extend(match self.oauth2(part)? {
            Some(credential) => Some(credential),
            None => self.credential(&part.header(), &[Login::of_part(part)])?,
        });
        if let Some(entry) = part.entry("sas_url") {
            let token_url = value::url(&entry.value).map_err(|why| self.document.wrong(entry.line, why))?;
            credentials.push(Credential::Sas { token_url });
        }
        for entry in part.entries.iter().filter(|entry| entry.key.name.ends_with('*')) {
            let value = Pending::of(entry).fetch(&part.header(), &self.environment)?;
            let name = entry.rest.clone();
            credentials.push(match entry.key.name {
                "header.*" => Credential::Header { name, value },
                _ => Credential::Query { name, value },
            });
        }
        Ok(credentials.into_iter().map(|credential| Grant { scope: scope.clone(), credential }).collect())
    }

    /// The grants of `~/.netrc`: for each machine its https origin, and the origins of sources on it; of ESPA's only the
    /// API, since its products are had without a login. What has a credential already keeps it.
    ///
    /// # Errors
    /// An address of ESPA's that is none.
    pub(super) fn machine_grants(
        &self,
        sources: &[SourceConfig],
        grants: &[Grant],
    ) -> Result<Vec<Grant>, Error> {
        let own: Vec<Grant> =
            sources.iter().flat_map(SourceConfig::grants).chain(grants.iter().cloned()).collect();
        let usual = self.usgs_kind(None)?;
        let kinds = || sources.iter().map(|source| &source.kind);
        let apis: Vec<&Url> = kinds().chain([&usual]).filter_map(espa).collect();
        let urls =
            kinds().filter_map(|kind| if let SourceKind::Url(url) = kind { Some(url) } else { espa(kind) });
        let urls: Vec<&Url> = urls.filter(|url| url.scheme() == "https" || is_loopback(url)).collect();
        let mut made: Vec<Grant> = Vec::new();
        for machine in &self.machines {
            let host = Url::parse(&format!("https://{}/", machine.host)).ok();
            let of_sources = urls.iter().copied().filter(|url| url.host_str() == Some(machine.host.as_str()));
            for url in host.iter().chain(of_sources) {
                let api = apis.iter().find(|api| api.origin() == url.origin());
                let (place, scope) = match api {
                    Some(api) => (*api, Scope::tree(api)),
                    None => (url, url.origin().into()),
                };
                let taken = |grant: &Grant| {
                    grant.scope.covers(place) && !matches!(grant.credential, Credential::Sas { .. })
                };
                if !own.iter().chain(&made).any(taken) {
                    let (username, password) = (machine.username.clone(), machine.password.clone());
                    made.push(Grant { scope, credential: Credential::Basic { username, password } });
                }
            }
        }
        Ok(made)
    }

    /// What `~/.lsru` says of USGS's login.
    pub(super) fn lsru_login(&self) -> Login {
        Login {
            place: "~/.lsru".to_owned(),
            username: self.lsru.username.clone(),
            password: self.lsru.password.clone().map(Pending::Value),
            token: self.lsru.token.clone().map(Pending::Value),
        }
    }
}

/// ESPA's API of a source that has one.
fn espa(kind: &SourceKind) -> Option<&Url> {
    match kind {
        SourceKind::Usgs { espa, .. } => Some(espa),
        _ => None,
    }
}

/// The user and password of a URL, which leaves it.
fn login_of_url(url: &mut Url) -> Option<Login> {
    let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let username = Some(url.username()).filter(|name| !name.is_empty()).map(plain);
    let password = url.password().map(|word| Pending::Value(Secret::new(plain(word))));
    // Both can only fail on URLs without a host, which are no sources.
    let _ = (url.set_password(None), url.set_username(""));
    let place = "the source's URL".to_owned();
    (username.is_some() || password.is_some()).then_some(Login { place, username, password, token: None })
}

/// A warning where a secret would cross the network unencrypted.
pub(super) fn in_the_clear(grant: &Grant) -> Option<String> {
    let origin = grant.scope.to_string();
    let url = Url::parse(&origin).ok()?;
    (url.scheme() == "http" && !is_loopback(&url)).then(|| {
        format!("{origin}: the credential for it crosses the network in clear text; use https if it can")
    })
}

/// Whether a URL stays on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
