//! Files of the user's: the configuration, secrets, areas, the cache folder.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::finding::Finding;
use crate::config::{Config, Draft};
use crate::report::render::bytes;

/// The configuration file itself: it has been read, so it is well.
pub(super) fn configuration(draft: &Draft) -> Finding {
    match draft.file() {
        Some(file) => {
            let names = draft.source_names();
            let sources = if names.is_empty() { "no source".to_owned() } else { names.join(", ") };
            Finding::good("configuration", format!("{}: {sources}", file.display()))
        }
        None => Finding::good("configuration", "no file, so the defaults; stacfs config init writes one"),
    }
}

/// What the configuration names.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        config.warnings.iter().map(|warning| Finding::doubtful("credentials", warning.as_str())).collect();
    findings.extend(areas(config));
    findings.push(cache_folder(&config.cache.folder, config.cache.min_free));
    findings
}

/// The areas that cannot be read; where all can, how many there are.
fn areas(config: &Config) -> Vec<Finding> {
    let names = config.area_names();
    let wrong: Vec<Finding> = names.iter().filter_map(|name| area(config, name)).collect();
    match (names.is_empty(), wrong.is_empty()) {
        (true, _) => Vec::new(),
        (false, false) => wrong,
        (false, true) => vec![Finding::good("areas of interest", names.join(", "))],
    }
}

/// What is wrong with an area, if anything.
fn area(config: &Config, name: &str) -> Option<Finding> {
    match config.area(name) {
        Ok(Some(text)) => {
            let error = serde_json::from_str::<serde_json::Value>(&text).err()?;
            Some(Finding::bad("areas of interest", format!("{name}: is no GeoJSON: {error}")))
        }
        Ok(None) => None,
        Err(error) => Some(Finding::bad("areas of interest", error.to_string())),
    }
}

/// Whether the cache can be written, by us alone, and how much room there is.
fn cache_folder(folder: &Path, min_free: u64) -> Finding {
    const SUBJECT: &str = "cache";
    let shown = folder.display();
    // What is not there yet will be made in the nearest folder that is.
    let Some(existing) = folder.ancestors().find(|folder| folder.exists()) else {
        return Finding::bad(
            SUBJECT,
            format!("{shown}: no part of this path exists; choose another with --cache-dir"),
        );
    };
    if let Err(error) =
        rustix::fs::access(existing, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
    {
        let at = existing.display();
        return Finding::bad(
            SUBJECT,
            format!("{shown}: {at} cannot be written: {error}; choose another with --cache-dir"),
        );
    }
    if existing == folder
        && let Ok(metadata) = folder.metadata()
        && metadata.mode() & 0o077 != 0
    {
        return Finding::doubtful(
            SUBJECT,
            format!("{shown}: others can look into it; run: chmod 700 '{shown}'"),
        );
    }
    match rustix::fs::statvfs(existing) {
        Err(error) => Finding::doubtful(SUBJECT, format!("{shown}: its free space is not known: {error}")),
        Ok(space) => {
            let free = space.f_bavail * space.f_frsize;
            match free > min_free {
                true => Finding::good(SUBJECT, format!("{shown}: {} free", bytes(free))),
                false => Finding::doubtful(
                    SUBJECT,
                    format!(
                        "{shown}: {} free, {} stay free, so little is kept; make room, or choose another with --cache-dir",
                        bytes(free),
                        bytes(min_free)
                    ),
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_cache_folder_is_ours_alone_and_has_room() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("a/b");
        assert_eq!(cache_folder(&new, 0).state, State::Good);
        assert_eq!(cache_folder(&new, u64::MAX).state, State::Doubtful);
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let open = cache_folder(folder.path(), 0);
        assert!(open.state == State::Doubtful && open.words.contains("chmod 700"), "{open:?}");
    }
}
