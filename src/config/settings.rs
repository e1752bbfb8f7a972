//! The configuration as values.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::{S3Store, Scope, Secret};

/// All settings of one process.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it came from, where there was one.
    pub file: Option<PathBuf>,
    /// The sources of this mount: those named, in that order, else those of the file, in its order. At least
    /// one; no name twice.
    pub sources: Vec<SourceConfig>,
    /// Where their collections stand.
    pub layout: Layout,
    /// Areas of interest: name and GeoJSON file (`[aoi]`), beside those in the AOI folder.
    pub areas: BTreeMap<String, PathBuf>,
    /// The folder of `NAME.geojson` areas.
    pub area_folder: PathBuf,
    /// The cache on disk.
    pub cache: Cache,
    /// Time and size limits.
    pub limits: Limits,
    /// Further credentials bound to origins (`[credential NAME]`), beside those of sources.
    /// [`Config::all_grants`] has them all.
    pub grants: Vec<Grant>,
    /// The logins of `~/.netrc`, for hosts that have no other credential.
    pub netrc: Vec<Grant>,
    /// Object stores that speak S3, and their keys. AWS is among them.
    pub stores: Vec<S3Store>,
    /// Whether servers may be asked.
    pub reach: Reach,
    /// Whether other users may look into the mount.
    pub allow_other: bool,
    /// Whether listings show derived files too.
    pub show_derived: bool,
    /// Programs that are given names but no content; `*` is any run of characters.
    pub crawlers: Vec<String>,
    /// Most bytes of files that each process may have fetched; `None`: any number.
    pub process_budget: Option<u64>,
    /// Where a mount in the background logs.
    pub log: Option<PathBuf>,
    /// What works but should be mended, in one line each: a `~/.lsru` that others can read, a password that
    /// would go over plain http.
    pub warnings: Vec<String>,
}

/// Whether servers may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// They may.
    #[default]
    Online,
    /// Only what is cached is served (`--offline`).
    Offline,
}

/// Where the collections of the sources stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One source, named on the command line: at the root.
    Single,
    /// Several, or those of the configuration: one directory per source.
    Several,
}

impl Config {
    /// Every credential with the origin it may go to: what the HTTP client is given. Several may be for one
    /// origin; all of them apply.
    pub fn all_grants(&self) -> Vec<Grant> {
        let of_sources = self.sources.iter().flat_map(SourceConfig::grants);
        of_sources.chain(self.grants.iter().chain(&self.netrc).cloned()).collect()
    }
}

impl SourceConfig {
    /// A source without any settings of its own.
    pub fn new(name: impl Into<String>, kind: SourceKind) -> SourceConfig {
        SourceConfig {
            name: name.into(),
            kind,
            headers: Vec::new(),
            credential: None,
            sas: None,
            max_items: None,
            max_scan: None,
            metadata_lifetime: None,
            page_size: None,
            conformance: Vec::new(),
            agreements: Vec::new(),
        }
    }

    /// Its credentials and headers, bound to its own origin.
    pub(super) fn grants(&self) -> Vec<Grant> {
        let mut grants = Vec::new();
        let origin = match (&self.kind, &self.credential) {
            (SourceKind::File(_), _) => return grants,
            (SourceKind::Url(url), credential) => {
                let origin = url.origin();
                grants.extend(
                    credential.clone().map(|credential| Grant { scope: origin.clone().into(), credential }),
                );
                grants.extend(self.sas.clone().map(|token_url| Grant {
                    scope: Scope::Below(AZURE_BLOBS.to_owned()),
                    credential: Credential::Sas { token_url },
                }));
                origin
            }
            (SourceKind::Usgs { m2m, espa }, credential) => {
                if let Some(Credential::Usgs { username, password: Some(password), .. }) = credential {
                    let (username, password) = (username.clone(), password.clone());
                    let credential = Credential::Basic { username, password };
                    // The products of orders, on the same origin, are had without a login.
                    grants.push(Grant { scope: Scope::tree(espa), credential });
                }
                // M2M is logged in to by a message; the client only learns what it must never show.
                let credential = credential.clone();
                grants.extend(credential.map(|credential| Grant { scope: m2m.origin().into(), credential }));
                m2m.origin()
            }
        };
        let headers = self.headers.iter().cloned();
        grants.extend(headers.map(|(name, value)| Grant {
            scope: origin.clone().into(),
            credential: Credential::Header { name, value },
        }));
        grants
    }
}

/// One source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceConfig {
    /// Its name: the directory it gets where there are several.
    pub name: String,
    /// What and where it is.
    pub kind: SourceKind,
    /// Headers sent to its own origin with every request.
    pub headers: Vec<(String, Secret)>,
    /// How it is logged in to, if at all.
    pub credential: Option<Credential>,
    /// Where tokens for its blobs at Azure are had.
    pub sas: Option<Url>,
    /// Cut of its listings; `None` is the mount's default, 0 none.
    pub max_items: Option<u64>,
    /// Most items read for a filter done here; `None` is the mount's default.
    pub max_scan: Option<u64>,
    /// Lifetime of its metadata; `None` is the mount's default.
    pub metadata_lifetime: Option<Duration>,
    /// Items asked for per page; `None` lets the client choose.
    pub page_size: Option<u32>,
    /// Conformance overrides: `+filter`, `-post`, …
    pub conformance: Vec<String>,
    /// Codes of USGS's agreements that the user has accepted.
    pub agreements: Vec<String>,
}

/// What a source is.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceKind {
    /// A STAC API or catalogue at a URL (which of them is found out by asking).
    Url(url::Url),
    /// A catalogue, ItemCollection, NDJSON, Item or Collection file.
    File(PathBuf),
    /// USGS M2M and ESPA; the URLs are the real ones unless the configuration says others.
    Usgs {
        /// M2M's base, ending in `/`.
        m2m: url::Url,
        /// ESPA's base, ending in `/`.
        espa: url::Url,
    },
}

/// The URL, the file, or `usgs`: what names it on the command line. No secret is in it.
impl std::fmt::Display for SourceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SourceKind::Url(url) => url.fmt(f),
            SourceKind::File(path) => path.display().fmt(f),
            SourceKind::Usgs { .. } => f.write_str("usgs"),
        }
    }
}

/// A way to prove who we are.
#[derive(Debug, Clone, PartialEq)]
pub enum Credential {
    /// HTTP Basic.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
    /// `Authorization: Bearer`.
    Bearer(Secret),
    /// A header of the server's own, e.g. `X-Api-Key`.
    Header {
        /// The header's name.
        name: String,
        /// Its value.
        value: Secret,
    },
    /// A query parameter of the server's own.
    Query {
        /// The parameter's name.
        name: String,
        /// Its value.
        value: Secret,
    },
    /// A bearer token that an OAuth 2 server gives out for a while.
    OAuth2 {
        /// Where tokens are had.
        token_url: Url,
        /// Who asks.
        client_id: String,
        /// The client's secret; public clients have none.
        client_secret: Option<Secret>,
        /// On behalf of whom: user and password. Without, the client asks for itself.
        user: Option<(String, Secret)>,
        /// What for, where the server wants to know.
        scope: Option<String>,
    },
    /// Shared access signatures for blobs at Azure, given out per container for a while, to anybody.
    Sas {
        /// Where they are had; `/ACCOUNT/CONTAINER` is added.
        token_url: Url,
    },
    /// USGS: user name, M2M application token (search, download), ERS password (ESPA); each may be missing.
    Usgs {
        /// User name.
        username: String,
        /// M2M application token.
        token: Option<Secret>,
        /// ERS password.
        password: Option<Secret>,
    },
}

/// The domain of blobs at Azure.
const AZURE_BLOBS: &str = "blob.core.windows.net";

/// A credential and where it may be sent to.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Where it may go.
    pub scope: Scope,
    /// What to send there.
    pub credential: Credential,
}

/// The cache on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Cache {
    /// Its folder, mode 0700.
    pub folder: PathBuf,
    /// Most bytes; `None` is a tenth of the file system.
    pub max_bytes: Option<u64>,
    /// Bytes of the file system always left free.
    pub min_free: u64,
}

/// Time and size limits of a mount.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// A metadata call ends in ETIMEDOUT after so long without a byte from the server.
    pub metadata_silence: Duration,
    /// … or after so long in all, queueing included.
    pub metadata_total: Duration,
    /// A read ends in ETIMEDOUT after so long without a byte.
    pub read_silence: Duration,
    /// A read of a product that must be prepared first ends in ETIMEDOUT after so long.
    pub staging_wait: Duration,
    /// Between two questions whether it is ready.
    pub staging_pause: Duration,
    /// Items per listing; 0 is no limit.
    pub max_items: u64,
    /// Items read for a filter done here.
    pub max_scan: u64,
    /// How long metadata is taken for true.
    pub metadata_lifetime: Duration,
    /// How long the version of an object is taken for true at an open.
    pub version_lifetime: Duration,
    /// Requests in flight per host.
    pub per_host: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            metadata_silence: Duration::from_secs(10),
            metadata_total: Duration::from_secs(60),
            read_silence: Duration::from_secs(60),
            staging_wait: Duration::from_secs(10 * 60),
            staging_pause: Duration::from_secs(10),
            max_items: 10_000,
            max_scan: 20_000,
            metadata_lifetime: Duration::from_secs(15 * 60),
            version_lifetime: Duration::from_secs(5 * 60),
            per_host: 16,
        }
    }
}
