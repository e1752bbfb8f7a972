//! The configuration for people: the commented file of `config init`, the effective one of `config show`.

use std::fmt::Write;

use super::Draft;
use super::document::{Document, Entry};
use super::keys::{Form, SECTIONS, Section};
use super::login::Login;
use super::value::Kind;

/// A configuration in which every key stands with its meaning and default, commented out.
pub fn sample() -> String {
    let mut text = String::from(
        "# stacfs: where satellite archives are and how to reach them. A line that begins with # is a comment.\n\
         # Times: 500ms, 10s, 5m, 2h, 1d. Sizes: 500M, 10G, 2T. Paths: ~/ is the home folder, a relative path\n\
         # begins at this file's folder. Values stand as they are, without quotes.\n",
    );
    for section in SECTIONS {
        let mark = if section.named { "#" } else { "" };
        text.push('\n');
        for line in section.doc.lines() {
            push(&mut text, &format!("# {line}"));
        }
        push(&mut text, &format!("{mark}[{}{}]", section.name, if section.named { " NAME" } else { "" }));
        for key in section.keys {
            for line in format!("{} ({})", key.doc, key.kind.word()).lines() {
                push(&mut text, &format!("# {line}"));
            }
            let default = if key.default.is_empty() { "" } else { " " };
            push(&mut text, &format!("#{} ={default}{}", key.name.replace('*', "NAME"), key.default));
        }
    }
    text
}

impl Draft {
    /// The configuration in force, without secrets. Defaults are commented out.
    pub fn show(&self) -> String {
        let mut text = match self.file() {
            Some(file) => format!("# {}\n", file.display()),
            None => format!("# no file; {} would be read\n", self.environment.config_file().display()),
        };
        text.push_str("# a line that begins with # is a default\n");
        for section in SECTIONS.iter().filter(|section| !section.named && section.name != "aoi") {
            self.show_section(section, &mut text);
        }
        for part in
            self.document.sections.iter().filter(|part| part.section.named || part.section.name == "aoi")
        {
            push(&mut text, &format!("\n{}", part.header()));
            part.entries.iter().for_each(|entry| push(&mut text, &shown(entry)));
            if part.section.name == "source" {
                let login = Login::of_environment(&part.name, &self.environment);
                if login.has_secret() || login.username.is_some() {
                    push(&mut text, &format!("# login from the environment: {}", login.place));
                }
            }
        }
        if let Some(keys) = super::s3::told(&self.environment) {
            push(&mut text, &format!("\n# {keys}"));
        }
        if self.source_names().is_empty() {
            let (name, url) = super::source::BUILT_IN;
            push(&mut text, &format!("\n# built in\n[source {name}]\nurl = {url}"));
        }
        text
    }

    /// A section without a name: every key, written or not.
    fn show_section(&self, section: &Section, text: &mut String) {
        push(text, &format!("\n[{}]", section.name));
        let cache_folder = self.environment.get("STACFS_CACHE_DIR").filter(|_| section.name == "cache");
        for key in section.keys {
            let written = find(&self.document, section, key.name);
            match (written, cache_folder.filter(|_| key.name == "folder")) {
                (_, Some(folder)) => push(text, &format!("folder = {}", folder.to_string_lossy())),
                (Some(entry), None) => push(text, &shown(entry)),
                (None, None) => {
                    let default = match key.name {
                        "folder" => self.environment.cache_folder().display().to_string(),
                        "aoi_folder" => self.environment.area_folder().display().to_string(),
                        _ => key.default.to_owned(),
                    };
                    push(text, format!("# {} = {default}", key.name).trim_end());
                }
            }
        }
        if section.name == "usgs" && self.lsru_login().username.is_some() {
            push(text, "# login from ~/.lsru");
        }
    }
}

/// The entry of a key in a section without a name.
fn find<'a>(document: &'a Document, section: &Section, key: &str) -> Option<&'a Entry> {
    document.section(section.name)?.entry(key)
}

/// An entry as written, a secret as `***`.
fn shown(entry: &Entry) -> String {
    let suffix = match entry.form {
        Form::Plain => "",
        Form::Environment => "_env",
        Form::Command => "_command",
    };
    let (stem, rest) = match entry.key.name.strip_suffix('*') {
        Some(stem) => (stem.trim_end_matches('.'), entry.rest.as_str()),
        None => (entry.key.name, ""),
    };
    let dot = if stem.is_empty() || rest.is_empty() { "" } else { "." };
    let value = match () {
        () if entry.is_secret() => "***".to_owned(),
        () if entry.key.kind == Kind::Url => without_login(&entry.value),
        () => entry.value.clone(),
    };
    format!("{stem}{suffix}{dot}{rest} = {value}")
}

/// A URL without a password in it.
fn without_login(text: &str) -> String {
    let Ok(mut url) = url::Url::parse(text) else { return text.to_owned() };
    match url.password().is_some() && url.set_password(Some("***")).is_ok() {
        true => url.into(),
        false => text.to_owned(),
    }
}

/// Adds a line.
fn push(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use std::path::Path;

    #[test]
    fn the_sample_is_a_configuration_and_so_it_is_uncommented() {
        assert!(Document::parse(Path::new("config.ini"), &sample()).is_ok());
        for key in SECTIONS.iter().flat_map(|section| section.keys) {
            assert!(sample().contains(&format!("#{} =", key.name.replace('*', "NAME"))), "{}", key.name);
        }
        let keys = sample().lines().filter(|line| line.starts_with("#max_items")).count();
        assert_eq!(keys, 2, "in [mount] and in [source NAME]");
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = "[mount]\nmax_items = 5\n[source x]\nurl = https://u:hunter2@x.example/\ntoken = hunter2\n\
                    header.X-Key = hunter2\nheader_env.Y = VARIABLE\n[aoi]\nhome = h.geojson\n";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.ini");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let environment =
            Environment::from_iter([("STACFS_CACHE_DIR", "/fast"), ("STACFS_X_TOKEN", "hunter2")]);
        let shown = Draft::read(Some(&file), environment).unwrap().show();
        assert!(!shown.contains("hunter2"), "{shown}");
        for line in [
            "max_items = 5",
            "# max_scan = 20000",
            "folder = /fast",
            "token = ***",
            "header.X-Key = ***",
            "header_env.Y = VARIABLE",
            "home = h.geojson",
            "url = https://u:***@x.example/",
            "# login from the environment: STACFS_X_…",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line} in\n{shown}");
        }
        assert!(Document::parse(Path::new("shown.ini"), &shown).is_ok());
    }
}
