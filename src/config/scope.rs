//! Where a credential may go.

use url::{Origin, Url};

/// The origins that a credential may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// This one: scheme, host and port.
    Origin(Origin),
    /// What is at or below this path of an origin: an API, and not what else its server has.
    Tree(Origin, String),
    /// https at its usual port, at every host below this domain (`https://*.earthdata.nasa.gov`).
    Below(String),
}

impl Scope {
    /// That of a URL as configured: `https://*.DOMAIN` is every host below the domain.
    pub fn of(url: &Url) -> Scope {
        let domain = url.host_str().and_then(|host| host.strip_prefix("*."));
        match domain.filter(|domain| url.scheme() == "https" && domain.contains('.')) {
            Some(domain) => Scope::Below(domain.to_owned()),
            None => Scope::Origin(url.origin()),
        }
    }

    /// That of an API whose base is `url`.
    pub fn tree(url: &Url) -> Scope {
        Scope::Tree(url.origin(), url.path().trim_end_matches('/').to_owned())
    }

    /// Whether the credential may be sent to this URL.
    pub fn covers(&self, url: &Url) -> bool {
        match self {
            Scope::Origin(origin) => *origin == url.origin(),
            Scope::Tree(origin, path) => {
                let below = url.path().strip_prefix(path.as_str());
                *origin == url.origin() && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Scope::Below(domain) => {
                let host = url.host_str().and_then(|host| host.strip_suffix(domain.as_str()));
                let usual = url.scheme() == "https" && url.port().is_none();
                usual && host.is_some_and(|host| host.len() > 1 && host.ends_with('.'))
            }
        }
    }
}

impl From<Origin> for Scope {
    fn from(origin: Origin) -> Scope {
        Scope::Origin(origin)
    }
}

/// As it is written in the configuration.
impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::Origin(origin) => f.write_str(&origin.ascii_serialization()),
            Scope::Tree(origin, path) => write!(f, "{}{path}/", origin.ascii_serialization()),
            Scope::Below(domain) => write!(f, "https://*.{domain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_what_it_names() {
        let url = |text: &str| Url::parse(text).unwrap();
        let below = Scope::of(&url("https://*.earthdata.example"));
        assert_eq!(below.to_string(), "https://*.earthdata.example");
        for inside in ["https://urs.earthdata.example/x", "https://a.b.earthdata.example/"] {
            assert!(below.covers(&url(inside)), "{inside}");
        }
        for outside in [
            "http://urs.earthdata.example/",
            "https://urs.earthdata.example:8443/",
            "https://earthdata.example/",
            "https://evilearthdata.example/",
            "https://earthdata.example.evil.org/",
        ] {
            assert!(!below.covers(&url(outside)), "{outside}");
        }
        assert!(!Scope::of(&url("https://*.org")).covers(&url("https://a.org/")), "a whole top-level domain");
        assert!(Scope::of(&url("http://h:8/x")).covers(&url("http://h:8/y")));
        let api = Scope::tree(&url("https://h/api/v1/"));
        assert!(api.covers(&url("https://h/api/v1/user")) && api.covers(&url("https://h/api/v1")));
        for outside in
            ["https://h/orders/a.tar.gz", "https://h/api/v10", "https://h:8/api/v1/user", "http://h/api/v1/"]
        {
            assert!(!api.covers(&url(outside)), "{outside}");
        }
        assert!(
            !api.covers(&url("https://h/api/v1/../../orders/a")) && api.to_string() == "https://h/api/v1/"
        );
        assert!(Scope::tree(&url("https://h")).covers(&url("https://h/user")));
    }
}
