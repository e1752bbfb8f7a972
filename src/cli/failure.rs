//! How a command ends when it does not succeed: one line on stderr, and an exit status.

use std::process::ExitCode;

use crate::config;
use crate::report::render::printable;

/// Why a command did not do what was asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The command line makes no sense: status 2.
    Usage(String),
    /// It makes sense and failed: status 1.
    Failed(String),
    /// What is wrong has been printed already; only the status is left to give.
    Told(u8),
}

/// What a command returns.
pub type Outcome = Result<(), Failure>;

impl Failure {
    /// It failed: the cause, the thing, the next step.
    pub fn failed(words: impl std::fmt::Display) -> Failure {
        Failure::Failed(words.to_string())
    }

    /// The line, without who says it.
    pub fn words(&self) -> &str {
        match self {
            Failure::Usage(words) | Failure::Failed(words) => words,
            Failure::Told(_) => "",
        }
    }

    /// Prints the line and gives the exit status.
    pub fn tell(&self) -> ExitCode {
        let (words, status) = match self {
            Failure::Usage(words) => (Some(words), 2),
            Failure::Failed(words) => (Some(words), 1),
            Failure::Told(status) => (None, *status),
        };
        if let Some(words) = words {
            // Words may quote a server: nothing in them reaches the terminal as a command.
            eprintln!("stacfs: {}", printable(words));
        }
        ExitCode::from(status)
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Failure {
        match error {
            config::Error::Source { .. } => Failure::Usage(error.to_string()),
            other => Failure::failed(other),
        }
    }
}

/// How the standard library says that a number is none, and what to write.
const NUMBERS: [(&str, &str); 2] = [
    ("invalid digit found in string", "write a whole number"),
    ("cannot parse integer from empty string", "write a whole number"),
];

/// clap's many-line errors as one line: what is wrong, its tip, and where to read on.
pub(super) fn of_clap(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("wrong usage").trim_start_matches("error: ");
    let usage = text.lines().find_map(|line| line.trim().strip_prefix("Usage: ")).unwrap_or("stacfs");
    let command: Vec<&str> = usage
        .split_whitespace()
        .take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect();
    // What is missing stands in lines of its own below the first one, up to the usage.
    let details = lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let details: Vec<String> = details.map(|line| line.replace("tip: ", "")).collect();
    let colon = if first.ends_with(':') { " " } else { "; " };
    // What the parsers of numbers say is no help.
    let first = NUMBERS.iter().fold(first.to_owned(), |first, (said, mend)| first.replace(said, mend));
    let words = match details.is_empty() {
        true => first,
        false => format!("{first}{colon}{}", details.join("; ")),
    };
    Failure::Usage(format!("{words}; see {} --help", command.join(" ")))
}
