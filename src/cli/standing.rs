//! What a mount that stands is made of: `.stacfs/mount.json`, which lets `stacfs explain PATH` make the same
//! sources anew in its own process.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{Choice, Config, Draft, Layout, Reach, SourceConfig};

/// A mount's configuration, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The configuration file it was made with.
    pub config: Option<PathBuf>,
    /// Its cache.
    pub cache: PathBuf,
    /// Its cut of listings.
    pub max_items: u64,
    /// Whether its one source stands at the root.
    pub single: bool,
    /// Whether it asks no server.
    #[serde(default)]
    pub offline: bool,
    /// Its sources.
    pub sources: Vec<Place>,
}

/// A source of a mount.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its URL, its file, or `usgs`.
    pub place: String,
}

impl Standing {
    /// Its name in `.stacfs`.
    pub const FILE: &'static str = "mount.json";

    /// That of a configuration.
    pub fn of(config: &Config) -> Standing {
        Standing {
            config: config.file.clone(),
            cache: config.cache.folder.clone(),
            max_items: config.limits.max_items,
            single: config.layout == Layout::Single,
            offline: config.reach == Reach::Offline,
            sources: config.sources.iter().map(Place::of).collect(),
        }
    }

    /// That of the mount at `point`.
    ///
    /// # Errors
    /// In words, where the mount does not answer.
    pub fn read(point: &Path) -> Result<Standing, String> {
        let file = point.join(".stacfs").join(Standing::FILE);
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// As text of JSON.
    pub fn to_json(&self) -> String {
        // Numbers and texts always have a JSON form.
        format!("{:#}\n", serde_json::json!(self))
    }

    /// The choice that makes it anew: a source that the configuration has is taken from there, credentials and
    /// all.
    pub fn choice(&self, draft: &Draft) -> Choice {
        let configured = draft.source_names();
        let word = |source: &Place| match configured.contains(&source.name.as_str()) {
            true => source.name.clone(),
            false => format!("{}={}", source.name, source.place),
        };
        Choice {
            sources: self.sources.iter().map(word).collect(),
            cache_folder: Some(self.cache.clone()),
            max_items: Some(self.max_items),
            reach: if self.offline { Reach::Offline } else { Reach::Online },
            ..Choice::default()
        }
    }
}

impl Place {
    fn of(source: &SourceConfig) -> Place {
        Place { name: source.name.clone(), place: source.kind.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn a_mount_can_be_made_anew_without_its_secrets() {
        let draft = Draft::read(None, Environment::default()).unwrap();
        let sources = vec!["moon=https://u:hunter2@moon.example/api".to_owned()];
        let config = draft.resolve(&Choice { sources, max_items: Some(7), ..Choice::default() }).unwrap();
        let standing = Standing::of(&config);
        assert!(!standing.to_json().contains("hunter2"));
        let read: Standing = serde_json::from_str(&standing.to_json()).unwrap();
        assert_eq!(read, standing);
        let again = draft.resolve(&read.choice(&draft)).unwrap();
        assert_eq!(again.sources[0].kind, config.sources[0].kind);
        assert_eq!((again.layout, again.limits.max_items), (Layout::Single, 7));
    }
}
