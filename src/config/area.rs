//! Areas of interest: GeoJSON files that a path calls by name.

use std::collections::BTreeSet;

use super::{Config, Error};

impl Config {
    /// The GeoJSON text of an area: an `[aoi]` entry, else `NAME.geojson` in the AOI folder. `None` where there
    /// is no such area. Read anew at each call, so that an area may be mended while a mount stands.
    ///
    /// # Errors
    /// A file that is there and cannot be read, or that `[aoi]` names and is not there.
    pub fn area(&self, name: &str) -> Result<Option<String>, Error> {
        // One plain component: a path never reaches a file outside of the folder.
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return Ok(None);
        }
        let configured = self.areas.get(name);
        let file = configured.cloned().unwrap_or_else(|| self.area_folder.join(format!("{name}.geojson")));
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && configured.is_none() => Ok(None),
            Err(error) => Err(Error::File { file, why: format!("the area {name} cannot be read: {error}") }),
        }
    }

    /// The names of all areas, sorted: for "did you mean" and for listings.
    pub fn area_names(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.area_folder).into_iter().flatten().flatten();
        let stems =
            files.filter_map(|file| file.file_name().to_str()?.strip_suffix(".geojson").map(str::to_owned));
        let visible = stems.filter(|name| !name.is_empty() && !name.starts_with('.'));
        let names: BTreeSet<String> = self.areas.keys().cloned().chain(visible).collect();
        names.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Choice, Config, Draft, Environment};

    fn config(home: &std::path::Path) -> Config {
        let environment = Environment::from_iter([("HOME", home)]);
        Draft::read(None, environment).unwrap().resolve(&Choice::default()).unwrap()
    }

    #[test]
    fn areas_are_found_by_name() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/stacfs");
        std::fs::create_dir_all(folder.join("aoi")).unwrap();
        std::fs::write(folder.join("aoi/copernicus.geojson"), "{1}").unwrap();
        std::fs::write(folder.join("tycho.json"), "{2}").unwrap();
        std::fs::write(folder.join("config.ini"), "[aoi]\ntycho = tycho.json\ngone = nowhere.geojson\n")
            .unwrap();

        let config = config(home.path());
        assert_eq!(config.area("copernicus").unwrap().as_deref(), Some("{1}"));
        assert_eq!(config.area("tycho").unwrap().as_deref(), Some("{2}"));
        assert!(config.area("gone").unwrap_err().to_string().contains("nowhere.geojson"));
        assert_eq!(config.area("plato").unwrap(), None);
        assert_eq!(config.area("../tycho").unwrap(), None);
        assert_eq!(config.area_names(), ["copernicus", "gone", "tycho"]);
    }
}
