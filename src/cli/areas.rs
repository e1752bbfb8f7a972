//! The configuration's areas of interest, as the path language asks for them.

use serde_json::Value;

use crate::config::Config;
use crate::query::Areas;

/// The `[aoi]` entries and the AOI folder.
pub struct ConfiguredAreas(Config);

impl ConfiguredAreas {
    /// The areas of a configuration.
    pub fn new(config: &Config) -> ConfiguredAreas {
        ConfiguredAreas(config.clone())
    }
}

impl Areas for ConfiguredAreas {
    fn area(&self, name: &str) -> Result<Option<Value>, String> {
        let text = self.0.area(name).map_err(|error| error.to_string())?;
        let json = text.map(|text| serde_json::from_str(&text)).transpose();
        json.map_err(|error| format!("{name}.geojson is no JSON: {error}"))
    }

    fn names(&self) -> Vec<String> {
        self.0.area_names()
    }
}
