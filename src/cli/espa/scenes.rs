//! Which scenes are meant: ids, files of ids, and paths in a mount.

use std::io::Read;
use std::path::Path;

use crate::cli::Failure;
use crate::tree::names::RESERVED_IN_SEARCH;

/// All scenes that the words name, in their order.
///
/// A word is a scene's id; `@FILE`, a file with an id on each line (`@-` is standard input); or a path, told by
/// its `/`: of a scene, or of a directory of scenes, such as a search.
pub(super) fn named(words: &[String]) -> Result<Vec<String>, Failure> {
    let mut scenes = Vec::new();
    for word in words {
        match word.strip_prefix('@') {
            Some(file) => scenes.extend(of_file(file)?),
            None if word.contains('/') => scenes.extend(of_path(Path::new(word))?),
            None => scenes.push(word.clone()),
        }
    }
    if scenes.is_empty() {
        return Err(Failure::failed(format!("no scene is named by {}", words.join(" "))));
    }
    Ok(scenes)
}

fn of_file(file: &str) -> Result<Vec<String>, Failure> {
    let mut text = String::new();
    let read = match file {
        "-" => std::io::stdin().read_to_string(&mut text),
        file => std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(|error| Failure::failed(format!("{file}: cannot be read: {error}")))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(lines.filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The items that stand at a path, or below it as directories: items are named by their display ids.
fn of_path(path: &Path) -> Result<Vec<String>, Failure> {
    let failed = |why: String| Failure::failed(format!("{}: {why}", path.display()));
    let listing = std::fs::read_dir(path).map_err(|error| {
        failed(format!("cannot be listed: {error}; stacfs explain {} says why", path.display()))
    })?;
    let (mut scenes, mut is_item) = (Vec::new(), false);
    for entry in listing {
        let entry = entry.map_err(|error| failed(format!("the listing broke off: {error}")))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match name.as_str() {
            "TRUNCATED.txt" => {
                let words =
                    "the listing is cut (see TRUNCATED.txt), so scenes would be missing; narrow the path";
                return Err(failed(words.to_owned()));
            }
            "item.json" => is_item = true,
            // Listed by --show-derived.
            name if RESERVED_IN_SEARCH.contains(&name) => {}
            _ if is_directory => scenes.push(name),
            _ => {}
        }
    }
    if is_item {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        return name.map(|name| vec![name]).ok_or_else(|| failed("has no name".to_owned()));
    }
    scenes.sort_unstable();
    Ok(scenes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn scenes_are_named_by_ids_files_and_paths() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(at("list"), "# mine\nC\n\n  D  # the best\n").unwrap();
        for item in ["c/F", "c/E"] {
            fs::create_dir_all(at(item)).unwrap();
            fs::write(at(&format!("{item}/item.json")), "{}").unwrap();
        }
        fs::write(at("c/collection.json"), "{}").unwrap();
        fs::create_dir(at("c/mosaics")).unwrap();
        let words = ["A".to_owned(), format!("@{}", at("list")), at("c"), at("c/F/")];
        assert_eq!(named(&words).unwrap(), ["A", "C", "D", "E", "F", "F"]);
        fs::write(at("c/TRUNCATED.txt"), "").unwrap();
        assert!(named(&[at("c")]).unwrap_err().words().contains("the listing is cut"));
        assert!(named(&[at("nothing")]).unwrap_err().words().contains("cannot be listed"));
        assert!(named(&[format!("@{}", at("nothing"))]).unwrap_err().words().contains("cannot be read"));
    }
}
