//! The README's commands, run: every fenced block marked `sh demo` is fed to one shell, in their order, with the
//! embedded servers in the place of the real ones.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use stacfs::demo;

/// The addresses that the README shows.
const SHOWN: [&str; 1] = ["https://stac.astrogeology.usgs.gov/api"];

/// The marked blocks of a text.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match (&mut block, line) {
            (None, "```sh demo") => block = Some(String::new()),
            (Some(_), "```") => blocks.extend(block.take()),
            (Some(block), line) => {
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
    assert!(blocks.len() >= 3, "the README has marked blocks");
    let demo = demo::start(demo::Options::default()).unwrap();
    let mut script = blocks.join("\n");
    for shown in SHOWN {
        script = script.replace(shown, &demo.stac_url);
    }
    let home = tempfile::tempdir().unwrap();
    let folder = Path::new(env!("CARGO_BIN_EXE_stacfs")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-euxo", "pipefail", "-c", &script])
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", path)
        .env("TERM", "dumb")
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
    let text = "```sh\nrm -rf /\n```\n```sh demo\nls\n```\nls\n```sh demo\ncd\nls\n```\n";
    assert_eq!(blocks(text), ["ls\n", "cd\nls\n"]);
}
