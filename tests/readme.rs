//! The README's commands, run: every fenced block marked `sh demo` or `python demo` is fed to one shell, in their order,
//! with the embedded servers in the place of the real ones.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use stacfs::demo;

#[path = "support/python.rs"]
mod python;

/// The addresses that the README shows.
const SHOWN: [&str; 2] =
    ["https://stac.astrogeology.usgs.gov/api", "https://earth-search.aws.element84.com/v1"];

/// A busy machine may take long to paint a picture, and its disk may be nearly full.
const CONFIGURATION: &str =
    "[limits]\nmetadata_silence = 2m\nmetadata_total = 5m\nread_silence = 5m\n[cache]\nmin_free = 0\n";

/// What stands before and behind a block of Python that the shell is to run.
const PYTHON: &str = "cat >~/recipe.py <<'END OF PYTHON'\n";
const END_OF_PYTHON: &str = "END OF PYTHON\npython3 ~/recipe.py\n";

/// The marked blocks of a text, as shell.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    // The block so far, and what it ends with.
    let mut block: Option<(String, &str)> = None;
    for line in text.lines() {
        match (&mut block, line) {
            (None, "```sh demo") => block = Some((String::new(), "")),
            (None, "```python demo") => block = Some((PYTHON.to_owned(), END_OF_PYTHON)),
            (Some(_), "```") => blocks.extend(block.take().map(|(text, end)| text + end)),
            (Some((block, _)), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

#[test]
fn every_command_of_the_readme_works() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let blocks = blocks(&text);
    assert!(blocks.iter().any(|block| block.starts_with(PYTHON)) && blocks.len() > 5, "{blocks:?}");
    let demo = demo::start(demo::Options::default()).unwrap();
    // Each line of the trace tells when it was.
    let mut script = format!("PS4='+ $SECONDS s: '\n{}", blocks.join("\n"));
    for shown in SHOWN {
        script = script.replace(shown, &demo.stac_url);
    }
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join(".config/stacfs");
    fs::create_dir_all(&settings).unwrap();
    fs::write(settings.join("config.ini"), CONFIGURATION).unwrap();
    let folder = Path::new(env!("CARGO_BIN_EXE_stacfs")).parent().unwrap();
    let python = python::environment().join("bin");
    let path = format!("{}:{}:{}", folder.display(), python.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-euxo", "pipefail", "-c", &script])
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", path)
        .env("TERM", "dumb")
        .env("TMPDIR", home.path())
        .current_dir(home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    for line in fs::read_to_string("/proc/self/mounts").unwrap().lines() {
        let point = line.split(' ').nth(1).unwrap();
        if Path::new(point).starts_with(home.path()) {
            let _ = Command::new("fusermount3").args(["-uz", point]).status();
        }
    }
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", output.status);
}

#[test]
fn only_marked_blocks_are_run() {
    let text = "```sh\nrm -rf /\n```\n```sh demo\nls\n```\nls\n```sh demo\ncd\nls\n```\n```python\n1\n```\n";
    assert_eq!(blocks(text), ["ls\n", "cd\nls\n"]);
    assert_eq!(blocks("```python demo\n2\n```\n"), [format!("{PYTHON}2\n{END_OF_PYTHON}")]);
}

/// The text of every Rust file below a folder.
fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(entry).unwrap());
        }
    }
}

#[test]
fn every_row_names_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (text, mut source) = (fs::read_to_string(root.join("tests/e2e/README.md")).unwrap(), String::new());
    sources(&root.join("src"), &mut source);
    sources(&root.join("tests"), &mut source);
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("---") && !line.contains("| test |"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 40, "{}", rows.len());
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        for name in row[2].split(", ").map(|name| name.trim_matches('`')) {
            assert!(source.contains(&format!("fn {name}() {{")), "{name} of {row:?} is no test");
        }
    }
}
