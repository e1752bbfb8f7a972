//! Which sources there are: SOURCE as written on the command line or in `[source NAME]`.

use std::path::{Path, PathBuf};

use url::Url;

use super::document::Part;
use super::draft::{Choice, Draft, PartSettings};
use super::keys::{ESPA, M2M};
use super::login::Pending;
use super::value::{self, nearest};
use super::{Credential, Error, Grant, SourceConfig, SourceKind};

/// The built-in source, where nothing else is configured or named.
pub(super) const BUILT_IN: (&str, &str) = ("astrogeology", "https://stac.astrogeology.usgs.gov/api");

impl Draft {
    /// The chosen sources, and credentials that do not fit into a [`SourceConfig`].
    pub(super) fn sources(&self, choice: &Choice) -> Result<(Vec<SourceConfig>, Vec<Grant>), Error> {
        let configured = self.source_names();
        let named = if !choice.sources.is_empty() {
            let usgs = self.usgs_kind(None)?;
            choice.sources.iter().map(|text| parse(text, &configured, &usgs)).collect::<Result<_, _>>()?
        } else if configured.is_empty() {
            let (name, url) = BUILT_IN;
            vec![Named::New {
                name: name.to_owned(),
                kind: SourceKind::Url(
                    value::url(url).map_err(|why| Error::Source { name: url.to_owned(), why })?,
                ),
            }]
        } else {
            configured.iter().map(|name| Named::Configured((*name).to_owned())).collect()
        };
        let (mut sources, mut grants) = (Vec::<SourceConfig>::new(), Vec::new());
        for named in named {
            let (source, more) = match named {
                Named::Configured(name) => self.configured(&name)?,
                Named::New { name, kind } => {
                    let mut source = SourceConfig::new(name, kind);
                    if let SourceKind::Url(url) = &source.kind {
                        source.sas = built_in_sas(url);
                    }
                    (self.with_login(source, None)?, Vec::new())
                }
            };
            if sources.iter().any(|other| other.name == source.name) {
                let why = "two sources of this name; write NAME=… before one of them";
                return Err(Error::Source { name: source.name, why: why.to_owned() });
            }
            sources.push(source);
            grants.extend(more);
        }
        Ok((sources, grants))
    }

    /// Name and place of every source that a mount without a SOURCE would have. No secret is fetched.
    ///
    /// # Errors
    /// None that reading the configuration has not met.
    pub fn places(&self) -> Result<Vec<(String, String)>, Error> {
        let mut places = Vec::new();
        for part in self.document.named("source") {
            places.push((part.name.clone(), self.kind_of(part)?.to_string()));
        }
        if places.is_empty() {
            places.push((BUILT_IN.0.to_owned(), BUILT_IN.1.to_owned()));
        }
        Ok(places)
    }

    /// A source of the file.
    fn configured(&self, name: &str) -> Result<(SourceConfig, Vec<Grant>), Error> {
        let Some(part) = self.document.named("source").find(|part| part.name == name) else {
            return Err(Error::Source { name: name.to_owned(), why: "is not configured".to_owned() });
        };
        let kind = self.kind_of(part)?;
        let mut grants = Vec::new();
        let mut source = SourceConfig::new(name, kind);
        for entry in part.entries.iter().filter(|entry| entry.key.name.ends_with('*')) {
            let value = Pending::of(entry).fetch(&part.header(), &self.environment)?;
            match (entry.key.name, &source.kind) {
                ("header.*", _) => source.headers.push((entry.rest.clone(), value)),
                (_, SourceKind::Url(url)) => {
                    let credential = Credential::Query { name: entry.rest.clone(), value };
                    grants.push(Grant { scope: url.origin().into(), credential });
                }
                _ => {
                    return Err(self
                        .document
                        .wrong(entry.line, "a query parameter needs a source with a url"));
                }
            }
        }
        let own = PartSettings { draft: self, part };
        source.max_items = own.optional("max_items", value::count)?;
        source.max_scan = own.optional("max_scan", value::count)?;
        source.metadata_lifetime = own.optional("metadata_lifetime", value::duration)?;
        source.page_size =
            own.optional("page_size", value::count)?.map(|size| size.min(u32::MAX.into()) as u32);
        source.sas = match (own.optional("sas_url", value::url)?, &source.kind) {
            (Some(url), _) => Some(url),
            (None, SourceKind::Url(url)) => built_in_sas(url),
            _ => None,
        };
        source.conformance = own.optional("conformance", value::abilities)?.unwrap_or_default();
        Ok((self.with_login(source, Some(part))?, grants))
    }

    /// What and where a configured source is.
    pub(super) fn kind_of(&self, part: &Part) -> Result<SourceKind, Error> {
        let wrong = |line: usize, why: &str| Err(self.document.wrong(line, why));
        let (url, file) = (part.entry("url"), part.entry("file"));
        if part.entry("type").is_some_and(|entry| entry.value == "usgs") {
            return match url.or(file) {
                Some(entry) => {
                    wrong(entry.line, "type = usgs has addresses of its own; use m2m_url and espa_url")
                }
                None => self.usgs_kind(Some(part)),
            };
        }
        if let Some(entry) = ["m2m_url", "espa_url", "accept_eula"].iter().find_map(|key| part.entry(key)) {
            return wrong(entry.line, "is for type = usgs");
        }
        match (url, file) {
            (Some(url), None) => {
                let text = value::url(&url.value).map_err(|why| self.document.wrong(url.line, why))?;
                Ok(SourceKind::Url(text))
            }
            (None, Some(file)) => {
                match ["username", "password", "token"].iter().find_map(|key| part.entry(key)) {
                    Some(entry) => wrong(entry.line, "a file needs no login; take this out, or name a url"),
                    None => Ok(SourceKind::File(self.path(&file.value))),
                }
            }
            (Some(_), Some(file)) => wrong(file.line, "a source has a url or a file, not both"),
            (None, None) => wrong(part.line, "this source needs a url or a file, or type = usgs"),
        }
    }

    /// USGS's addresses: of the source, of `[usgs]`, or the real ones.
    pub(super) fn usgs_kind(&self, part: Option<&Part>) -> Result<SourceKind, Error> {
        let places = [part, self.document.section("usgs")];
        let address = |key: &str| -> Result<Option<Url>, Error> {
            let Some(entry) = places.iter().flatten().find_map(|part| part.entry(key)) else {
                return Ok(None);
            };
            let mut url = value::url(&entry.value).map_err(|why| self.document.wrong(entry.line, why))?;
            if !url.path().ends_with('/') {
                url.set_path(&format!("{}/", url.path()));
            }
            Ok(Some(url))
        };
        let (own_m2m, own_espa) = (address("m2m_url")?, address("espa_url")?);
        Ok(match usgs() {
            SourceKind::Usgs { m2m, espa } => {
                SourceKind::Usgs { m2m: own_m2m.unwrap_or(m2m), espa: own_espa.unwrap_or(espa) }
            }
            other => other,
        })
    }
}

/// One SOURCE of the command line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Named {
    /// The name of a configured source.
    Configured(String),
    /// One that the configuration does not have.
    New {
        /// Its directory, where there are several.
        name: String,
        /// What and where it is.
        kind: SourceKind,
    },
}

/// Understands one SOURCE: `NAME=…`, a configured name, `usgs`, a URL, or an existing file.
pub(super) fn parse(text: &str, configured: &[&str], usgs: &SourceKind) -> Result<Named, Error> {
    let wrong = |why: String| Error::Source { name: text.to_owned(), why };
    if configured.contains(&text) {
        return Ok(Named::Configured(text.to_owned()));
    }
    // The `=` of a URL's query has a `:` before it, that of a path a `/`.
    let (name, what) = match text.split_once('=') {
        Some((name, what)) if !name.contains([':', '/']) => {
            check_name(name).map_err(wrong)?;
            (Some(name.to_owned()), what)
        }
        _ => (None, text),
    };
    let (default_name, kind) = if what == "usgs" {
        ("usgs".to_owned(), usgs.clone())
    } else if let Some(path) = what.strip_prefix("file://") {
        of_file(Path::new(path)).map_err(wrong)?
    } else if what.contains("://") {
        let url = value::url(what).map_err(wrong)?;
        (host_name(&url), SourceKind::Url(url))
    } else if Path::new(what).exists() {
        of_file(Path::new(what)).map_err(wrong)?
    } else {
        return Err(wrong(unknown(what, configured)));
    };
    let name = name.unwrap_or(default_name);
    check_name(&name).map_err(|why| wrong(format!("{why}; write NAME={what}")))?;
    Ok(Named::New { name, kind })
}

/// Planetary Computer gives tokens for its blobs to anybody who asks here.
const PLANETARY_COMPUTER: &str = "https://planetarycomputer.microsoft.com/api/sas/v1/token";

/// Where tokens for a source's blobs are had, where that is known of its host.
fn built_in_sas(source: &Url) -> Option<Url> {
    Url::parse(PLANETARY_COMPUTER).ok().filter(|tokens| tokens.origin() == source.origin())
}

/// USGS at its real addresses.
pub(super) fn usgs() -> SourceKind {
    // The constants are URLs: a test of `keys` sees to that. Were they none, no request would leave.
    let url = |text: &str| Url::parse(text).unwrap_or_else(|_| unreachable!("{text} is a URL"));
    SourceKind::Usgs { m2m: url(M2M), espa: url(ESPA) }
}

/// A name must be one plain component, since it becomes a directory beside `README.md` and `.stacfs`.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > 100 || !name.chars().all(plain) || name.starts_with(['.', '-']) {
        return Err(format!("{name:?} cannot name a source: letters, digits, . _ and - make a name"));
    }
    if ["README.md", "espa", "count"].contains(&name) {
        return Err(format!("{name} is a name of stacfs's own; choose another"));
    }
    Ok(())
}

/// The host, as a name.
fn host_name(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    host.trim_matches(['[', ']']).replace(':', "-")
}

/// An existing file, and its stem as a name.
fn of_file(path: &Path) -> Result<(String, SourceKind), String> {
    let path: PathBuf = path.canonicalize().map_err(|error| format!("cannot be opened: {error}"))?;
    if path.is_dir() {
        return Err("is a folder; name the catalogue file in it, e.g. catalog.json".to_owned());
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((stem, SourceKind::File(path)))
}

/// Why a word is no source, and what to write.
fn unknown(what: &str, configured: &[&str]) -> String {
    if let Some(near) = nearest(what, configured.iter().copied().chain(["usgs"])) {
        return format!("is no URL, no file and no configured source; did you mean {near}?");
    }
    let host = what.split(['/', ':']).next().unwrap_or_default();
    if host.contains('.') && !host.starts_with('.') && !what.ends_with("json") {
        return format!("is no URL and no file; write https://{what}");
    }
    let known = match configured {
        [] => "no source is configured".to_owned(),
        names => format!("the configuration has {}", names.join(", ")),
    };
    format!("is no URL, no file and no configured source ({known}); see stacfs mount --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Result<(String, SourceKind), String> {
        match parse(text, &["moon"], &usgs()).map_err(|error| error.to_string())? {
            Named::Configured(name) => Err(format!("configured: {name}")),
            Named::New { name, kind } => Ok((name, kind)),
        }
    }

    fn url(text: &str) -> SourceKind {
        SourceKind::Url(Url::parse(text).unwrap())
    }

    #[test]
    fn a_source_is_a_url_a_file_usgs_or_a_name() {
        assert_eq!(
            named("https://a.example:8/api?x=1"),
            Ok(("a.example".into(), url("https://a.example:8/api?x=1")))
        );
        assert_eq!(named("mars=https://a.example"), Ok(("mars".into(), url("https://a.example"))));
        assert_eq!(named("http://[fe80::1]:8/"), Ok(("fe80--1".into(), url("http://[fe80::1]:8/"))));
        assert_eq!(named("usgs"), Ok(("usgs".into(), usgs())));
        assert_eq!(named("eros=usgs"), Ok(("eros".into(), usgs())));
        assert_eq!(named("moon"), Err("configured: moon".into()));
    }

    #[test]
    fn files_are_taken_by_their_stem() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("items.json");
        std::fs::write(&file, "{}").unwrap();
        let expected = SourceKind::File(file.canonicalize().unwrap());
        assert_eq!(named(file.to_str().unwrap()), Ok(("items".into(), expected.clone())));
        assert_eq!(named(&format!("file://{}", file.display())), Ok(("items".into(), expected.clone())));
        assert_eq!(named(&format!("x={}", file.display())), Ok(("x".into(), expected)));
        assert!(named(folder.path().to_str().unwrap()).unwrap_err().contains("is a folder"));
    }

    #[test]
    fn what_is_no_source_is_told_the_mend() {
        assert!(named("mooon").unwrap_err().ends_with("did you mean moon?"));
        assert!(named("stac.example.com/api").unwrap_err().ends_with("write https://stac.example.com/api"));
        assert!(named("s3://bucket/catalog.json").unwrap_err().contains("s3 is not spoken here"));
        assert!(named("nothing-like-it").unwrap_err().contains("the configuration has moon"));
        assert!(named("count=https://a.example").unwrap_err().contains("name of stacfs's own"));
        assert!(named("a b=https://a.example").unwrap_err().contains("cannot name a source"));
    }
}
