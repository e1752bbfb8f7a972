//! `-o`: options as `mount` and fstab hand them on.

use std::path::PathBuf;

use crate::query::suggest;

/// Ours.
const OWN: [&str; 7] = ["allow_other", "show_derived", "offline", "config", "cache_dir", "max_items", "log"];

/// Those that `mount` passes on and that hold anyway, or that are for other programs.
const PASSED_OVER: [&str; 19] = [
    "ro", "defaults", "user", "users", "owner", "group", "auto", "noauto", "nofail", "_netdev", "dev",
    "nodev", "suid", "nosuid", "exec", "noexec", "atime", "noatime", "relatime",
];

/// The options of one `-o`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MountWords {
    /// `allow_other`
    pub allow_other: bool,
    /// `show_derived`
    pub show_derived: bool,
    /// `offline`
    pub offline: bool,
    /// `config=FILE`
    pub config: Option<PathBuf>,
    /// `cache_dir=DIR`
    pub cache_dir: Option<PathBuf>,
    /// `max_items=N`
    pub max_items: Option<u64>,
    /// `log=FILE`
    pub log: Option<PathBuf>,
}

impl MountWords {
    /// Reads a list with commas.
    ///
    /// # Errors
    /// What is wrong with the first option that cannot be used.
    pub fn parse(text: &str) -> Result<MountWords, String> {
        let mut words = MountWords::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            words.add(word)?;
        }
        Ok(words)
    }

    fn add(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let needed = || value.filter(|value| !value.is_empty()).ok_or_else(|| format!("write {name}=…"));
        match name {
            "allow_other" => self.allow_other = true,
            "show_derived" => self.show_derived = true,
            "offline" => self.offline = true,
            "config" => self.config = Some(needed()?.into()),
            "cache_dir" => self.cache_dir = Some(needed()?.into()),
            "log" => self.log = Some(needed()?.into()),
            "max_items" => {
                let number =
                    needed()?.parse().map_err(|_| "write max_items=N with a whole number".to_owned())?;
                self.max_items = Some(number);
            }
            "rw" => return Err("a mount of stacfs can only be read; take rw out".to_owned()),
            other
                if PASSED_OVER.contains(&other)
                    || other.starts_with("x-")
                    || other.starts_with("comment") => {}
            other => {
                return Err(match suggest(other, OWN) {
                    Some(near) => format!("there is no option {other}; did you mean {near}?"),
                    None => format!("there is no option {other}; there are {}", OWN.join(", ")),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_as_fstab_has_it() {
        let words =
            MountWords::parse("ro,_netdev,x-systemd.automount,allow_other,max_items=0,log=/l").unwrap();
        let wanted = MountWords {
            allow_other: true,
            max_items: Some(0),
            log: Some("/l".into()),
            ..MountWords::default()
        };
        assert_eq!(words, wanted);
        assert_eq!(MountWords::parse(""), Ok(MountWords::default()));
    }

    #[test]
    fn what_cannot_be_is_told_the_mend() {
        let told = |text| MountWords::parse(text).unwrap_err();
        assert_eq!(told("allow_othr"), "there is no option allow_othr; did you mean allow_other?");
        assert!(told("sync").contains("there are allow_other"));
        assert!(told("ro,rw").contains("only be read"));
        assert_eq!(told("config="), "write config=…");
        assert!(told("max_items=many").contains("whole number"));
    }
}
