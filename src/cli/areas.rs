//! The configuration's areas of interest, as the path language asks for them.

use std::sync::Mutex;

use serde_json::Value;

use crate::config::Config;
use crate::query::Areas;
use crate::report::lock;

/// The `[aoi]` entries and the AOI folder.
pub struct ConfiguredAreas(Mutex<Config>);

impl ConfiguredAreas {
    /// The areas of a configuration.
    pub fn new(config: &Config) -> ConfiguredAreas {
        ConfiguredAreas(Mutex::new(config.clone()))
    }

    /// Goes over to those of another configuration.
    pub fn replace(&self, config: &Config) {
        *lock(&self.0) = config.clone();
    }
}

impl Areas for ConfiguredAreas {
    fn area(&self, name: &str) -> Result<Option<Value>, String> {
        let text = lock(&self.0).area(name).map_err(|error| error.to_string())?;
        let json = text.map(|text| serde_json::from_str(&text)).transpose();
        json.map_err(|error| format!("{name}.geojson is no JSON: {error}"))
    }

    fn names(&self) -> Vec<String> {
        lock(&self.0).area_names()
    }
}
