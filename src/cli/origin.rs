//! Where a path begins: at a mount, or at a source that is named.

use std::path::{Component, Path, PathBuf};

use super::Failure;
use super::options::Settings;
use super::standing::Standing;
use crate::config::{Choice, Draft};
use crate::fuse;

/// The sources a path begins at, and the rest of it.
pub struct Origin {
    /// The configuration.
    pub draft: Draft,
    /// Which of its sources.
    pub choice: Choice,
    /// The path below their root.
    pub below: String,
    /// The mount, where it is one's.
    pub mount: Option<PathBuf>,
}

/// Paths that begin at one place.
#[derive(Clone)]
pub struct Tour {
    /// The configuration.
    pub draft: Draft,
    /// Which of its sources.
    pub choice: Choice,
    /// The paths below their root.
    pub paths: Vec<String>,
    /// The mount, where they are one's.
    pub mount: Option<PathBuf>,
}

impl Tour {
    /// Each of its paths alone.
    pub fn singly(&self) -> impl Iterator<Item = Tour> {
        self.paths.iter().map(|path| Tour { paths: vec![path.clone()], ..self.clone() })
    }
}

impl Origin {
    /// Finds where a path begins.
    ///
    /// # Errors
    /// Where it begins nowhere: what to write instead.
    pub fn find(path: &str, source: Option<&str>, settings: &Settings) -> Result<Origin, Failure> {
        if let Some(source) = source {
            let draft = settings.draft()?;
            let choice = settings.choice(vec![source.to_owned()]);
            return Ok(Origin { draft, choice, below: path.to_owned(), mount: None });
        }
        if !path.contains("://")
            && let Some((point, below)) = in_mount(path)
        {
            return Origin::at_mount(point, below, settings);
        }
        let draft = settings.draft()?;
        let Some((name, below)) = in_source(path, &draft)? else {
            let why = format!("{path} is under no mount of stacfs, and begins with no configured source");
            return Err(Failure::Usage(format!(
                "{why}; begin it with a source of the configuration, or name one with --source"
            )));
        };
        let choice = settings.choice(vec![name]);
        Ok(Origin { draft, choice, below, mount: None })
    }

    /// Where the words of a command lead that takes whole directories: paths, each under a mount or beginning
    /// with a configured source; else the first word is a SOURCE as `stacfs mount` takes it, and the others are
    /// the components of one path in it. Paths that begin at one place are together.
    ///
    /// # Errors
    /// Where they lead nowhere: what to write instead.
    pub fn of_words(words: &[String], settings: &Settings) -> Result<Vec<Tour>, Failure> {
        let mut tours: Vec<Tour> = Vec::new();
        for word in words {
            let origin = match Origin::find(word, None, settings) {
                Ok(origin) => origin,
                Err(Failure::Usage(_)) => return Ok(vec![Origin::in_named(words, settings)?]),
                Err(failure) => return Err(failure),
            };
            let begins = (origin.mount.clone(), origin.choice.sources.clone());
            match tours.iter_mut().find(|tour| (tour.mount.clone(), tour.choice.sources.clone()) == begins) {
                Some(tour) => tour.paths.push(origin.below),
                None => tours.push(Tour {
                    paths: vec![origin.below],
                    draft: origin.draft,
                    choice: origin.choice,
                    mount: origin.mount,
                }),
            }
        }
        Ok(tours)
    }

    /// The first word as a SOURCE, the others as one path in it.
    fn in_named(words: &[String], settings: &Settings) -> Result<Tour, Failure> {
        let (source, below) =
            words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let is_place = source.contains("://") || source == "usgs" || Path::new(source).is_file();
        if !is_place {
            return Err(Failure::Usage(format!(
                "{source} is under no mount of stacfs, and no source: write a path under a mount, or a URL, a file \
                 or a configured name and then the segments of the path"
            )));
        }
        Ok(Tour {
            draft: settings.draft()?,
            choice: settings.choice(vec![source.to_owned()]),
            paths: vec![below.join("/")],
            mount: None,
        })
    }

    /// At a mount that stands: its sources are made anew from what it says of itself.
    fn at_mount(point: PathBuf, below: String, settings: &Settings) -> Result<Origin, Failure> {
        let standing = Standing::read(&point).map_err(Failure::Failed)?;
        let config = settings.config.clone().or_else(|| standing.config.clone());
        let draft = Settings { config, ..settings.clone() }.draft()?;
        let choice = standing.choice(&draft);
        Ok(Origin { draft, choice, below, mount: Some(point) })
    }

    /// The last failure that the mount has written down for this very path.
    pub fn last_error(&self) -> Option<String> {
        let errors = std::fs::read_to_string(self.mount.as_ref()?.join(".stacfs/errors")).ok()?;
        let own = self.below.trim_matches('/');
        errors.lines().rev().find_map(|line| match line.splitn(4, '\t').collect::<Vec<_>>()[..] {
            [at, errno, path, words] if path.trim_matches('/') == own => {
                Some(format!("{at} {errno}: {words}"))
            }
            _ => None,
        })
    }
}

/// The mount of ours that a path is under, and the path below it. Works on the words alone: asking the system
/// about the path would ask the mount.
fn in_mount(path: &str) -> Option<(PathBuf, String)> {
    let whole = plain(&std::path::absolute(path).ok()?);
    let mut points: Vec<PathBuf> =
        fuse::mounts().into_iter().filter(|point| whole.starts_with(point)).collect();
    points.sort_by_key(|point| point.components().count());
    let point = points.pop()?;
    let below = whole.strip_prefix(&point).ok()?.to_str()?.to_owned();
    Some((point, below))
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, component| {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
        plain
    })
}

/// The configured source that a path begins with, by name or URL, and the rest.
fn in_source(path: &str, draft: &Draft) -> Result<Option<(String, String)>, Failure> {
    // Secrets are not needed to see where a source is, and a password command is not run for that.
    for (name, place) in draft.places()? {
        let starts =
            [name.as_str(), place.trim_end_matches('/')].into_iter().filter(|start| !start.is_empty());
        let rest =
            |start: &str| path.strip_prefix(start).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(below) = starts.filter_map(rest).next() {
            return Ok(Some((name.clone(), below.to_owned())));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn a_path_may_begin_with_a_sources_name_or_url() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.ini");
        std::fs::write(&file, "[source moon]\nurl = https://moon.example/api/\ntoken_command = exit 1\n")
            .unwrap();
        let draft = Draft::read(Some(&file), Environment::default()).unwrap();
        let found = |path: &str| in_source(path, &draft).unwrap();
        let moon = |below: &str| Some(("moon".to_owned(), below.to_owned()));
        assert_eq!(found("moon/kaguya/bbox=0,0,1,1"), moon("/kaguya/bbox=0,0,1,1"));
        assert_eq!(found("https://moon.example/api/kaguya"), moon("/kaguya"));
        assert_eq!(found("moon"), moon(""));
        assert_eq!(found("moonlight/kaguya"), None);
    }

    #[test]
    fn without_a_configuration_a_path_may_begin_with_astrogeology() {
        let draft = Draft::read(None, Environment::default()).unwrap();
        let found = in_source("astrogeology/mro", &draft).unwrap();
        assert_eq!(found, Some(("astrogeology".to_owned(), "/mro".to_owned())));
    }

    #[test]
    fn dots_are_taken_out_of_words() {
        assert_eq!(plain(Path::new("/mnt/a/../b/./c")), Path::new("/mnt/b/c"));
    }
}
