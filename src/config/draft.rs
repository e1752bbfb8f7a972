//! From what is written to what is meant: [`Draft`] is the checked file with its surroundings, and
//! [`Draft::resolve`] makes the [`Config`] of one mount of it. Only that fetches secrets, and only those that
//! this mount needs: a password command may ask for a finger on a key.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::document::{Document, Entry, Part};
use super::keys::Section;
use super::lsru::Lsru;
use super::netrc::Machine;
use super::{Cache, Config, Environment, Error, Layout, Limits, Reach, lsru, netrc, source, value};

/// A configuration that has been read and checked, its secrets not yet fetched.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(super) document: Document,
    pub(super) environment: Environment,
    pub(super) lsru: Lsru,
    pub(super) machines: Vec<Machine>,
    warnings: Vec<String>,
}

/// What the command line says; it wins over the file.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The SOURCEs; none means all that are configured.
    pub sources: Vec<String>,
    /// `--cache-dir`.
    pub cache_folder: Option<PathBuf>,
    /// `--max-items`.
    pub max_items: Option<u64>,
    /// `--offline`.
    pub reach: Reach,
    /// `--allow-other`, or `-o allow_other`; otherwise as configured.
    pub allow_other: Option<bool>,
    /// `--show-derived`; otherwise as configured.
    pub show_derived: Option<bool>,
    /// `--log`.
    pub log: Option<PathBuf>,
}

impl Draft {
    /// Reads the configuration: `file` (`--config`), else `STACFS_CONFIG`, else the user's own, which need not
    /// exist; and `~/.lsru` and `~/.netrc`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn read(file: Option<&Path>, environment: Environment) -> Result<Draft, Error> {
        let usual = environment.config_file();
        let wanted = file.is_some() || environment.get("STACFS_CONFIG").is_some();
        let file = file.map_or(usual, Path::to_owned);
        let document =
            if wanted || file.exists() { Document::read(&absolute(&file))? } else { Document::default() };
        let mut draft = Draft {
            document,
            environment,
            lsru: Lsru::default(),
            machines: Vec::new(),
            warnings: Vec::new(),
        };
        draft.read_lsru()?;
        draft.read_netrc()?;
        draft.check()?;
        Ok(draft)
    }

    /// The names of the configured sources, in the file's order.
    pub fn source_names(&self) -> Vec<&str> {
        self.document.named("source").map(|part| part.name.as_str()).collect()
    }

    /// The file it came from, where there was one.
    pub fn file(&self) -> Option<&Path> {
        self.document.file.as_deref()
    }

    /// What should be mended although it works.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Makes the configuration of one process: chooses the sources and fetches their secrets.
    ///
    /// # Errors
    /// A SOURCE that is none, or two of one name; a secret that cannot be fetched.
    pub fn resolve(&self, choice: &Choice) -> Result<Config, Error> {
        let mut warnings = self.warnings.clone();
        let (sources, mut grants) = self.sources(choice)?;
        for part in self.document.named("credential") {
            grants.extend(self.part_grants(part)?);
        }
        let netrc = self.machine_grants(&sources, &grants)?;
        let stores = self.stores()?;
        let mount = Settings { draft: self, section: "mount" };
        let limits = Settings { draft: self, section: "limits" };
        let config = Config {
            file: self.document.file.clone(),
            layout: if choice.sources.len() == 1 { Layout::Single } else { Layout::Several },
            sources,
            areas: self.areas(),
            area_folder: self.area_folder(),
            cache: self.cache(choice)?,
            limits: Limits {
                metadata_silence: limits.value("metadata_silence", value::duration)?,
                metadata_total: limits.value("metadata_total", value::duration)?,
                read_silence: limits.value("read_silence", value::duration)?,
                staging_wait: limits.value("staging_wait", value::duration)?,
                staging_pause: limits.value("staging_pause", value::duration)?,
                max_items: match choice.max_items {
                    Some(most) => most,
                    None => mount.value("max_items", value::count)?,
                },
                max_scan: mount.value("max_scan", value::count)?,
                metadata_lifetime: mount.value("metadata_lifetime", value::duration)?,
                version_lifetime: mount.value("version_lifetime", value::duration)?,
                per_host: limits.value("per_host", value::count)? as usize,
            },
            grants,
            netrc,
            stores,
            reach: choice.reach,
            allow_other: match choice.allow_other {
                Some(allowed) => allowed,
                None => mount.value("allow_other", value::boolean)?,
            },
            show_derived: match choice.show_derived {
                Some(shown) => shown,
                None => mount.value("show_derived", value::boolean)?,
            },
            crawlers: mount.value("crawlers", value::list)?,
            process_budget: mount.optional("process_budget", value::size)?,
            log: choice.log.as_deref().map(absolute).or_else(|| mount.path("log")),
            warnings: Vec::new(),
        };
        warnings.extend(config.all_grants().iter().filter_map(super::grant::in_the_clear));
        Ok(Config { warnings, ..config })
    }

    /// The cache of one process. Fetches no secret.
    ///
    /// # Errors
    /// A value that is none.
    pub fn cache(&self, choice: &Choice) -> Result<Cache, Error> {
        let cache = Settings { draft: self, section: "cache" };
        Ok(Cache {
            folder: match (&choice.cache_folder, self.environment.get("STACFS_CACHE_DIR")) {
                (Some(folder), _) => absolute(folder),
                (None, Some(folder)) => absolute(Path::new(folder)),
                (None, None) => cache.path("folder").unwrap_or_else(|| self.environment.cache_folder()),
            },
            max_bytes: cache.optional("max_bytes", value::size)?,
            min_free: cache.value("min_free", value::size)?,
        })
    }

    /// The folder of `NAME.geojson` areas.
    pub fn area_folder(&self) -> PathBuf {
        let mount = Settings { draft: self, section: "mount" };
        mount.path("aoi_folder").unwrap_or_else(|| self.environment.area_folder())
    }

    /// The `[aoi]` entries.
    fn areas(&self) -> BTreeMap<String, PathBuf> {
        let entries = self.document.section("aoi").into_iter().flat_map(|part| &part.entries);
        entries.map(|entry| (entry.rest.clone(), self.path(&entry.value))).collect()
    }

    /// A path as written: `~/` is the home folder, a relative one begins at the file's folder.
    pub(super) fn path(&self, written: &str) -> PathBuf {
        if let Some(rest) = written.strip_prefix("~/") {
            return self.environment.home().join(rest);
        }
        let folder = self.document.file.as_deref().and_then(Path::parent).unwrap_or(Path::new("/"));
        folder.join(written)
    }

    /// `~/.lsru`, where it exists.
    fn read_lsru(&mut self) -> Result<(), Error> {
        let file = self.environment.home().join(".lsru");
        let Some(text) = self.private_text(&file) else { return Ok(()) };
        self.lsru = lsru::parse(&text).map_err(|(line, why)| Error::Line { file, line, why })?;
        Ok(())
    }

    /// `~/.netrc`, where it exists and is wanted.
    fn read_netrc(&mut self) -> Result<(), Error> {
        if !(Settings { draft: self, section: "mount" }).value("netrc", value::boolean)? {
            return Ok(());
        }
        let file = match self.environment.get("NETRC") {
            Some(file) => PathBuf::from(file),
            None => self.environment.home().join(".netrc"),
        };
        self.machines = self.private_text(&file).map(|text| netrc::parse(&text)).unwrap_or_default();
        Ok(())
    }

    /// The text of another program's file of passwords; a warning where others can read it too. (Ours is
    /// refused then; theirs may be what the user has lived with for years.)
    fn private_text(&mut self, file: &Path) -> Option<String> {
        let metadata = std::fs::metadata(file).ok()?;
        match std::fs::read_to_string(file) {
            Ok(text) => {
                if metadata.mode() & 0o044 != 0 {
                    let name = file.display();
                    self.warnings.push(format!(
                        "{name}: others can read this file of passwords; run: chmod 600 '{name}'"
                    ));
                }
                Some(text)
            }
            Err(error) => {
                self.warnings.push(format!("{}: cannot be read, so it is not used: {error}", file.display()));
                None
            }
        }
    }

    /// Checks what the table cannot: that each source is one, and each credential has an origin.
    fn check(&self) -> Result<(), Error> {
        for part in self.document.named("source") {
            source::check_name(&part.name).map_err(|why| self.document.wrong(part.line, why))?;
            self.kind_of(part)?;
        }
        for part in self.document.named("credential") {
            let secret = |entry: &Entry| entry.key.kind == value::Kind::Secret;
            match (part.entry("origin"), part.entries.iter().any(secret)) {
                (None, _) => {
                    return Err(self
                        .document
                        .wrong(part.line, "needs an origin, e.g. origin = https://data.example.org"));
                }
                (_, false) if part.entry("sas_url").is_none() && part.entry("oauth2_token_url").is_none() => {
                    return Err(self.document.wrong(
                        part.line,
                        "needs a token, password, header, query, oauth2_token_url or sas_url",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The values of a section without a name.
struct Settings<'a> {
    draft: &'a Draft,
    section: &'static str,
}

impl Settings<'_> {
    /// The value written, or the table's default.
    fn value<T>(&self, key: &str, parse: fn(&str) -> Result<T, String>) -> Result<T, Error> {
        if let Some(value) = self.optional(key, parse)? {
            return Ok(value);
        }
        let row =
            Section::find(self.section).and_then(|section| section.keys.iter().find(|row| row.name == key));
        let default = row.map_or("", |row| row.default);
        parse(default).map_err(|why| Error::Source { name: key.to_owned(), why })
    }

    /// The value, where one is written.
    fn optional<T>(&self, key: &str, parse: fn(&str) -> Result<T, String>) -> Result<Option<T>, Error> {
        match self.draft.document.section(self.section) {
            Some(part) => PartSettings { draft: self.draft, part }.optional(key, parse),
            None => Ok(None),
        }
    }

    /// The path, where one is written.
    fn path(&self, key: &str) -> Option<PathBuf> {
        let entry = self.draft.document.section(self.section)?.entry(key)?;
        Some(self.draft.path(&entry.value))
    }
}

/// The values of one section of the file.
pub(super) struct PartSettings<'a> {
    pub(super) draft: &'a Draft,
    pub(super) part: &'a Part,
}

impl PartSettings<'_> {
    /// The value, where one is written.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        parse: fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Error> {
        let Some(entry) = self.part.entry(key) else { return Ok(None) };
        parse(&entry.value)
            .map(Some)
            .map_err(|why| self.draft.document.wrong(entry.line, format!("{key}: {why}")))
    }
}

/// A path that stays right when the process changes its folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
