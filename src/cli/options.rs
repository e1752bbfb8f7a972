//! Options that several commands share.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::config::{Choice, Draft, Environment, Error};

/// What parses free text: any but none.
pub fn text() -> NonEmptyStringValueParser {
    NonEmptyStringValueParser::new()
}

/// The source of type usgs that is meant: the one named, else the first that is configured, else USGS with the login of
/// `[usgs]`.
///
/// # Errors
/// None that reading the configuration has not met.
pub fn usgs_source(draft: &Draft, named: Option<&str>) -> Result<String, Error> {
    if let Some(name) = named {
        return Ok(name.to_owned());
    }
    let first = draft.places()?.into_iter().find(|(_, place)| place == "usgs");
    Ok(first.map_or_else(|| "usgs".to_owned(), |(name, _)| name))
}

/// Which configuration, and what wins over it.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    /// Read this configuration file [default: $XDG_CONFIG_HOME/stacfs/config.ini, or STACFS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Keep the cache in this folder [default: $XDG_CACHE_HOME/stacfs, or STACFS_CACHE_DIR]
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// Cut listings at so many items; 0 is no limit [default: 10000]
    #[arg(long, value_name = "N")]
    pub max_items: Option<u64>,
}

impl Settings {
    /// The configuration as written.
    pub fn draft(&self) -> Result<Draft, Error> {
        Draft::read(self.config.as_deref(), Environment::of_process())
    }

    /// What the command line says, with these sources.
    pub fn choice(&self, sources: Vec<String>) -> Choice {
        Choice {
            sources,
            cache_folder: self.cache_dir.clone(),
            max_items: self.max_items,
            ..Choice::default()
        }
    }
}
