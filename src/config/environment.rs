//! What surrounds the process: environment variables and the folders they name.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Environment variables as they were when the process began. A value of its own, so that tests bring theirs.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: HashMap<OsString, OsString>,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Environment {
        std::env::vars_os().collect()
    }

    /// A variable, where it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A variable as text, where it is set, not empty and valid UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(OsStr::to_str)
    }

    /// The user's home folder (`HOME`; `/` where there is none, as for a system service).
    pub fn home(&self) -> &Path {
        self.get("HOME").map_or(Path::new("/"), Path::new)
    }

    /// The configuration file: `STACFS_CONFIG`, else `$XDG_CONFIG_HOME/stacfs/config.ini`.
    pub fn config_file(&self) -> PathBuf {
        match self.get("STACFS_CONFIG") {
            Some(file) => file.into(),
            None => self.xdg("XDG_CONFIG_HOME", ".config").join("config.ini"),
        }
    }

    /// The folder of areas of interest: `$XDG_CONFIG_HOME/stacfs/aoi`.
    pub fn area_folder(&self) -> PathBuf {
        self.xdg("XDG_CONFIG_HOME", ".config").join("aoi")
    }

    /// The cache: `STACFS_CACHE_DIR`, else `$XDG_CACHE_HOME/stacfs`.
    pub fn cache_folder(&self) -> PathBuf {
        match self.get("STACFS_CACHE_DIR") {
            Some(folder) => folder.into(),
            None => self.xdg("XDG_CACHE_HOME", ".cache"),
        }
    }

    /// Our folder in a base directory. The XDG rules say that a relative one is to be ignored.
    fn xdg(&self, variable: &str, default: &str) -> PathBuf {
        let base = self.get(variable).map(PathBuf::from).filter(|base| base.is_absolute());
        base.unwrap_or_else(|| self.home().join(default)).join("stacfs")
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Environment {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Environment { variables }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_follow_xdg() {
        let plain = Environment::from_iter([("HOME", "/home/u")]);
        assert_eq!(plain.config_file(), Path::new("/home/u/.config/stacfs/config.ini"));
        assert_eq!(plain.cache_folder(), Path::new("/home/u/.cache/stacfs"));
        assert_eq!(plain.area_folder(), Path::new("/home/u/.config/stacfs/aoi"));

        let moved = Environment::from_iter([
            ("HOME", "/home/u"),
            ("XDG_CONFIG_HOME", "/etc/xdg"),
            ("XDG_CACHE_HOME", "relative"),
            ("STACFS_CONFIG", ""),
        ]);
        assert_eq!(moved.config_file(), Path::new("/etc/xdg/stacfs/config.ini"));
        assert_eq!(moved.cache_folder(), Path::new("/home/u/.cache/stacfs"));
    }

    #[test]
    fn our_own_variables_win() {
        let own = Environment::from_iter([("STACFS_CONFIG", "/c.ini"), ("STACFS_CACHE_DIR", "/fast/cache")]);
        assert_eq!(own.config_file(), Path::new("/c.ini"));
        assert_eq!(own.cache_folder(), Path::new("/fast/cache"));
    }
}
