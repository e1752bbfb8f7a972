//! The INI file as written: sections and entries with the lines they stand in, checked against the table.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ini::{Ini, ParseOption};

use super::Error;
use super::keys::{Form, Key, SECTIONS, Section};
use super::value::{Kind, nearest};

/// A checked file, or none: then it has no sections, and every key its default.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    /// The file, where there is one.
    pub(super) file: Option<PathBuf>,
    /// In the file's order.
    pub(super) sections: Vec<Part>,
}

/// One section of a file.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// What may stand in it.
    pub(super) section: &'static Section,
    /// The user's own name for it (`[source NAME]`), else empty.
    pub(super) name: String,
    /// The line of its header, from 1.
    pub(super) line: usize,
    /// In the file's order.
    pub(super) entries: Vec<Entry>,
}

/// One `key = value`.
#[derive(Clone)]
pub(super) struct Entry {
    /// The key's row.
    pub(super) key: &'static Key,
    /// How it was written.
    pub(super) form: Form,
    /// What stood for the `*` of the row's name.
    pub(super) rest: String,
    /// The value; may be a secret, so it is never shown unless the row's kind allows it.
    pub(super) value: String,
    /// Its line, from 1.
    pub(super) line: usize,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = if self.is_secret() { "***" } else { &self.value };
        write!(f, "{}:{} {:?} = {value:?}", self.key.name, self.rest, self.form)
    }
}

impl Entry {
    /// Whether the value itself must not be shown.
    pub(super) fn is_secret(&self) -> bool {
        self.key.kind == Kind::Secret && self.form == Form::Plain
    }
}

impl Part {
    /// The entry of a key without a `*`, in any form.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.name == key)
    }

    /// The header as written.
    pub(super) fn header(&self) -> String {
        match self.section.named {
            true => format!("[{} {}]", self.section.name, self.name),
            false => format!("[{}]", self.section.name),
        }
    }
}

impl Document {
    /// Reads and checks a file.
    pub(super) fn read(file: &Path) -> Result<Document, Error> {
        let wrong = |why: String| Error::File { file: file.to_owned(), why };
        let text =
            std::fs::read_to_string(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let document = Document::parse(file, &text)?;
        let mode = std::fs::metadata(file).map_err(|error| wrong(error.to_string()))?.mode();
        if document.sections.iter().flat_map(|part| &part.entries).any(Entry::is_secret) && mode & 0o044 != 0
        {
            let name = file.display();
            return Err(wrong(format!(
                "holds secrets, and others can read it (mode {:04o}); run: chmod 600 '{name}'",
                mode & 0o7777
            )));
        }
        Ok(document)
    }

    /// Parses and checks a file's text.
    pub(super) fn parse(file: &Path, text: &str) -> Result<Document, Error> {
        let wrong = |line: usize, why: String| Error::Line { file: file.to_owned(), line, why };
        // Values are taken as they stand: a password may hold quotes and backslashes.
        let options = ParseOption { enabled_quote: false, enabled_escape: false, ..ParseOption::default() };
        let ini = Ini::load_from_str_opt(text.trim_start_matches('\u{feff}'), options).map_err(|error| {
            let why = error.msg.replace("doesn't support inline comment", "a comment must begin its line");
            wrong(error.line.max(1), format!("{why}; a line is [section], key = value, or a comment after #"))
        })?;
        let mut lines = LineIndex::of(text);
        let mut sections: Vec<Part> = Vec::new();
        for (header, properties) in ini.iter() {
            let Some(header) = header else {
                if let Some((key, _)) = properties.iter().next() {
                    return Err(wrong(lines.next_key(), format!("{key} stands before the first [section]")));
                }
                continue;
            };
            let line = lines.next_header();
            let (section, name) = section_of(header).map_err(|why| wrong(line, why))?;
            if let Some(earlier) =
                sections.iter().find(|part| part.section.name == section.name && part.name == name)
            {
                return Err(wrong(
                    line,
                    format!("{} stands in line {} already", earlier.header(), earlier.line),
                ));
            }
            let mut part = Part { section, name, line, entries: Vec::new() };
            for (written, value) in properties.iter() {
                let line = lines.next_key();
                let entry = entry_of(section, written.trim(), value, line).map_err(|why| wrong(line, why))?;
                let same = |other: &&Entry| (other.key.name, &other.rest) == (entry.key.name, &entry.rest);
                if let Some(earlier) = part.entries.iter().find(same) {
                    return Err(wrong(line, format!("{written} was set in line {} already", earlier.line)));
                }
                part.entries.push(entry);
            }
            sections.push(part);
        }
        Ok(Document { file: Some(file.to_owned()), sections })
    }

    /// A section without a name of its own.
    pub(super) fn section(&self, name: &str) -> Option<&Part> {
        self.sections.iter().find(|part| part.section.name == name)
    }

    /// The sections `[kind NAME]`, in the file's order.
    pub(super) fn named<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Part> {
        self.sections.iter().filter(move |part| part.section.name == kind)
    }

    /// An error at a line of this file.
    pub(super) fn wrong(&self, line: usize, why: impl Into<String>) -> Error {
        Error::Line { file: self.file.clone().unwrap_or_default(), line, why: why.into() }
    }
}

/// Which section a header opens, and the user's name for it.
fn section_of(header: &str) -> Result<(&'static Section, String), String> {
    let (word, name) = header.split_once(char::is_whitespace).unwrap_or((header, ""));
    let name = name.trim().trim_matches('"').to_owned();
    let Some(section) = Section::find(word) else {
        let known = SECTIONS.iter().map(|section| section.name);
        return Err(match nearest(word, known.clone()) {
            Some(near) => format!("there is no section [{header}]; did you mean [{near}]?"),
            None => {
                format!("there is no section [{header}]; there are {}", known.collect::<Vec<_>>().join(", "))
            }
        });
    };
    match (section.named, name.is_empty()) {
        (true, true) => Err(format!("[{word}] needs a name: [{word} NAME]")),
        (false, false) => Err(format!("[{word}] takes no name; write [{word}]")),
        _ => Ok((section, name)),
    }
}

/// A checked entry.
fn entry_of(section: &'static Section, written: &str, value: &str, line: usize) -> Result<Entry, String> {
    let found = section.key(written)?;
    let kind = if found.form == Form::Plain { found.key.kind } else { Kind::Text };
    kind.check(value).map_err(|why| match kind {
        Kind::Secret => format!("{written}: {why}"),
        _ => format!("{written} = {value}: {why}"),
    })?;
    let (key, form, rest) = (found.key, found.form, found.rest.to_owned());
    Ok(Entry { key, form, rest, value: value.to_owned(), line })
}

/// The lines of headers and keys: rust-ini hands on values without their places. With quotes and escapes off
/// every value ends with its line, so the n-th key of the scan is the n-th key of the parse.
struct LineIndex {
    headers: std::vec::IntoIter<usize>,
    keys: std::vec::IntoIter<usize>,
}

impl LineIndex {
    fn of(text: &str) -> LineIndex {
        let (mut headers, mut keys) = (Vec::new(), Vec::new());
        for (number, line) in text.lines().enumerate() {
            match line.trim_start_matches('\u{feff}').trim_start().as_bytes().first() {
                None | Some(b'#' | b';') => {}
                Some(b'[') => headers.push(number + 1),
                Some(_) => keys.push(number + 1),
            }
        }
        LineIndex { headers: headers.into_iter(), keys: keys.into_iter() }
    }

    fn next_header(&mut self) -> usize {
        self.headers.next().unwrap_or_default()
    }

    fn next_key(&mut self) -> usize {
        self.keys.next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn parse(text: &str) -> Result<Document, String> {
        Document::parse(Path::new("config.ini"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn entries_know_their_lines() {
        let text = "# top\n[mount]\n\nmax_items = 5\n; more\n[source a b]\nurl=https://x.example/#frag\n  token = a\"b\\c # d\n";
        let document = parse(text).unwrap();
        let source = document.named("source").next().unwrap();
        assert_eq!((source.name.as_str(), source.line), ("a b", 6));
        assert_eq!(source.entry("url").unwrap().line, 7);
        assert_eq!(source.entry("token").unwrap().line, 8);
        assert_eq!(source.entry("token").unwrap().value, "a\"b\\c # d");
        assert_eq!(document.section("mount").unwrap().entry("max_items").unwrap().line, 4);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, told) in [
            (
                "[mount]\nmax_itmes = 5\n",
                "config.ini:2: [mount] has no key max_itmes; did you mean max_items?",
            ),
            ("\n[sorce x]\n", "config.ini:2: there is no section [sorce x]; did you mean [source]?"),
            ("[source]\n", "config.ini:1: [source] needs a name: [source NAME]"),
            ("[mount]\nmax_items = many", "config.ini:2: max_items = many: write a whole number, e.g. 10000"),
            (
                "[limits]\nread_silence = 0\n",
                "config.ini:2: read_silence = 0: must be longer than 0, e.g. 10s",
            ),
            ("[mount]\n[cache]\n[mount]\n", "config.ini:3: [mount] stands in line 1 already"),
            ("[mount]\nmax_items=1\nmax_items=2\n", "config.ini:3: max_items was set in line 2 already"),
            ("max_items=1\n", "config.ini:1: max_items stands before the first [section]"),
            ("[source x]\ntype = staic\n", "config.ini:2: type = staic: write stac or usgs"),
        ] {
            assert_eq!(parse(text).unwrap_err(), told);
        }
        assert!(parse("[mount]\nnonsense\n").unwrap_err().starts_with("config.ini:"));
    }

    #[test]
    fn a_wrong_secret_is_not_shown() {
        let told = parse("[source x]\ntoken = \n").unwrap_err();
        assert_eq!(told, "config.ini:2: token: has no value");
        let document = parse("[source x]\ntoken = hunter2\n").unwrap();
        assert!(!format!("{document:?}").contains("hunter2"));
    }

    #[test]
    fn a_file_of_secrets_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.ini");
        std::fs::write(&file, "[source x]\nurl = https://x.example\ntoken = t\n").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        let told = Document::read(&file).unwrap_err().to_string();
        assert!(told.contains("mode 0644") && told.contains("chmod 600"), "{told}");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(Document::read(&file).is_ok());
        // A variable's name is no secret.
        std::fs::write(&file, "[source x]\nurl = https://x.example\ntoken_env = T\n").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(Document::read(&file).is_ok());
    }
}
