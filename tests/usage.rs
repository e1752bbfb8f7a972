//! Wrong usage: every option of every command, given a value that means nothing, ends with status 2 and one line
//! that names the option and says what to write.

use std::process::{Command, Output, Stdio};

use clap::{ArgAction, CommandFactory};
use stacfs::cli::Cli;

/// What no option takes whose values are not free: more of them must stand here when there are more.
const WRONG: [(&str, &str); 19] = [
    ("--max-items", "many"),
    ("--max-bytes", "20Q"),
    ("--parallel", "0"),
    ("--interval", "0"),
    ("--unused-for", "3 y"),
    ("--personality", "odd"),
    ("--bbox", "1,2"),
    ("--datetime", "yesterday"),
    ("--query", "eo:cloud_cover"),
    ("--filter", "a ="),
    ("--max-cloud-cover", "few"),
    ("--months", "13"),
    ("--sortby", "-"),
    ("--resolution", "fine"),
    ("--projection", "flat"),
    ("--extent", "1,2"),
    ("--extent-units", "miles"),
    ("--intersects", "/nowhere.geojson"),
    ("-o", "allow_othr"),
];

/// Options whose values are free text, or files and folders that may be made.
const FREE: [&str; 14] = [
    "--config",
    "--cache-dir",
    "--log",
    "--to",
    "--assets",
    "--source",
    "--mount",
    "--name",
    "--ids",
    "--collection",
    "--products",
    "--format",
    "--resampling",
    "--note",
];

struct Home(tempfile::TempDir);

impl Home {
    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stacfs"));
        command.args(words).env_clear().env("HOME", self.0.path()).stdin(Stdio::null()).output().unwrap()
    }

    /// The one line that it complains with.
    fn complaint(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let line = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {line}");
        assert!(output.stdout.is_empty() && line.lines().count() == 1, "{words:?}: {line}");
        assert!(line.starts_with("stacfs: "), "{words:?}: {line}");
        line.trim().to_owned()
    }
}

/// Every command with the words that lead to it.
fn commands(command: &clap::Command, above: &[String]) -> Vec<(Vec<String>, clap::Command)> {
    let below = command.get_subcommands().filter(|sub| sub.get_name() != "help");
    let below = below.flat_map(|sub| commands(sub, &[above, &[sub.get_name().to_owned()]].concat()));
    std::iter::once((above.to_vec(), command.clone())).chain(below).collect()
}

/// The options of a command that take a value, as they are written.
fn options(command: &clap::Command) -> Vec<String> {
    let taking = command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set());
    let taking = taking.filter(|arg| matches!(arg.get_action(), ArgAction::Set | ArgAction::Append));
    let written = |arg: &clap::Arg| match (arg.get_long(), arg.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, short) => format!("-{}", short.unwrap()),
    };
    taking.map(written).collect()
}

#[test]
fn a_wrong_value_of_every_option_is_one_line_with_the_mend() {
    let home = Home(tempfile::tempdir().unwrap());
    let mut seen = Vec::new();
    for (words, command) in commands(&Cli::command(), &[]) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for option in options(&command) {
            let help = format!("see stacfs {} --help", words.join(" "));
            // An empty list of mount options is none.
            if option != "-o" {
                let nothing = home.complaint(&[&words[..], &[&option, ""]].concat());
                assert!(
                    nothing.contains(&option) && nothing.ends_with(&help),
                    "{words:?} {option}: {nothing}"
                );
            }
            match WRONG.iter().find(|(name, _)| *name == option) {
                None => assert!(FREE.contains(&option.as_str()), "{words:?} {option} is in neither list"),
                Some((_, wrong)) => {
                    let line = home.complaint(&[&words[..], &[&option, wrong]].concat());
                    let mend = ["write", "name a", "is no", "needs", "none of", "there is no", "it knows"];
                    let has_mend = mend.iter().any(|mend| line.contains(mend));
                    assert!(line.contains(&option) && line.contains(wrong) && has_mend, "{words:?}: {line}");
                }
            }
            seen.push(option);
        }
    }
    assert!(seen.len() > 50, "{}", seen.len());
    for option in WRONG.iter().map(|(name, _)| name).chain(&FREE) {
        assert!(seen.iter().any(|seen| seen == option), "{option} is no option any more");
    }
}

#[test]
fn what_is_misspelt_is_guessed() {
    let home = Home(tempfile::tempdir().unwrap());
    for (words, command) in commands(&Cli::command(), &[]) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = words.join(" ");
        // The words of a pasted search are no options of ours.
        if words != ["path"] && !words.is_empty() {
            let line = home.complaint(&[&words[..], &["--qqqq"]].concat());
            assert_eq!(line, format!("stacfs: there is no option --qqqq; see stacfs {said} --help"));
            let line = home.complaint(&[&words[..], &["--hepl"]].concat());
            assert!(line.contains("; did you mean --help?; see stacfs "), "{line}");
        }
        for below in command.get_subcommands().map(|sub| sub.get_name()).filter(|name| *name != "help") {
            let misspelt = format!("{}x{}", &below[..1], &below[1..]);
            let line = home.complaint(&[&words[..], &[&misspelt]].concat());
            let meant = line.split_once("; did you mean ").map(|(_, meant)| meant).unwrap_or_default();
            assert!(line.contains(&format!("there is no command {misspelt}")), "{line}");
            assert!(meant.split([' ', ',', '?']).any(|word| word == below), "{below}: {line}");
        }
    }
}
