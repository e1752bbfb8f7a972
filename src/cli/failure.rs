//! How a command ends when it does not succeed: one line on stderr, and an exit status.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

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

/// What clap's parsers say of a wrong value, and what to write instead.
const MENDS: [(&str, &str); 5] = [
    ("invalid digit found in string", "write a whole number"),
    ("cannot parse integer from empty string", "write a whole number"),
    ("number too large to fit in target type", "write a smaller number"),
    ("invalid float literal", "write a number"),
    ("cannot parse float from empty string", "write a number"),
];

/// clap's many-line errors as one line: what is wrong, what was probably meant, and where to read on. `command` is
/// that of the words that were given: `stacfs fetch`.
pub(super) fn of_clap(error: &clap::Error, command: &str) -> Failure {
    let told = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        Some(ContextValue::Strings(words)) if !words.is_empty() => Some(words.join(", ")),
        _ => None,
    };
    let (argument, value) = (told(ContextKind::InvalidArg), told(ContextKind::InvalidValue));
    let wrong = match (error.kind(), argument, value) {
        (ErrorKind::UnknownArgument, Some(argument), _) if argument.starts_with('-') => {
            format!("there is no option {argument}")
        }
        (ErrorKind::UnknownArgument, Some(argument), _) => format!("{argument} is a word too many"),
        (ErrorKind::MissingRequiredArgument, Some(argument), _) => format!("missing: {argument}"),
        (ErrorKind::InvalidValue, Some(argument), None) => format!("{argument} needs a value"),
        (ErrorKind::InvalidValue, Some(argument), Some(value)) if value.is_empty() => {
            format!("{argument} needs a value")
        }
        (ErrorKind::InvalidValue, Some(argument), Some(value)) => {
            let mend = told(ContextKind::ValidValue).map(|valid| format!(": write one of {valid}"));
            format!("{value} is wrong for {argument}{}", mend.unwrap_or_default())
        }
        (ErrorKind::ValueValidation, Some(argument), Some(value)) => {
            let why = std::error::Error::source(error).map(ToString::to_string);
            format!("{value} is wrong for {argument}: {}", mended(&why.unwrap_or_default()))
        }
        _ => match told(ContextKind::InvalidSubcommand) {
            Some(word) => format!("there is no command {word}"),
            None => first_line(error),
        },
    };
    let meant = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    let meant = meant.into_iter().find_map(told).map(|meant| format!("; did you mean {meant}?"));
    Failure::Usage(format!("{wrong}{}; see {command} --help", meant.unwrap_or_default()))
}

/// What to write instead, where a parser only says what is wrong.
fn mended(why: &str) -> String {
    if let Some((low, high)) = why.split_once(" is not in ").and_then(|(_, range)| range.split_once("..=")) {
        return format!("write a whole number from {low} to {high}");
    }
    MENDS.iter().find(|(said, _)| *said == why).map_or(why, |(_, mend)| mend).to_owned()
}

fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.lines().next().unwrap_or("wrong usage").trim_start_matches("error: ").to_owned()
}
