//! `stacfs check`: what works, what does not, and what to do about it.

mod account;
mod cache;
mod files;
mod finding;
mod logins;
mod servers;
mod system;

use super::options::Settings;
use super::{Failure, Outcome};
use crate::report::render::printable;
use finding::{Finding, State};

/// Columns of what was looked at …
const SUBJECT: usize = 20;
/// … and of all that stands before the words.
const BEFORE: usize = 9 + SUBJECT;

/// Check FUSE, the configuration, the servers, their logins and the cache
///
/// One item of each API is searched for, and one byte of its files read, with the configured login and without. Nothing
/// is downloaded, ordered or changed, but blocks of the cache that are damaged are forgotten.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 where all is good or doubtful, 1 where something is bad.")]
pub struct Args {
    /// Check these sources only [default: all that are configured]
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,

    #[command(flatten)]
    settings: Settings,

    /// Print JSON: [{"subject", "state": "good|doubtful|bad", "words"}, …]
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    let mut findings = system::check();
    match args.settings.draft() {
        Err(error) => findings.push(Finding::bad("configuration", error.to_string())),
        Ok(draft) => {
            findings.push(files::configuration(&draft));
            match draft.resolve(&args.settings.choice(args.sources.clone())) {
                Err(error) => findings.push(Finding::bad("sources", error.to_string())),
                Ok(config) => {
                    findings.extend(files::check(&config));
                    findings.extend(servers::check(config));
                }
            }
        }
    }
    super::print(&if args.json { json(&findings) } else { text(&findings) })?;
    match findings.iter().any(|finding| finding.state == State::Bad) {
        true => Err(Failure::Told(1)),
        false => Ok(()),
    }
}

/// A line per finding; where a person looks, in colours, and its words broken to the terminal's width.
fn text(findings: &[Finding]) -> String {
    let coloured = super::is_for_a_person();
    let columns = rustix::termios::tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    findings
        .iter()
        .map(|finding| {
            let (subject, words) = (printable(&finding.subject), printable(&finding.words));
            let lines = broken(&words, columns.saturating_sub(BEFORE));
            let lines = lines.join(&format!("\n{:BEFORE$}", ""));
            // On a terminal, a subject that is too long for its column has a line of its own.
            let gap = match (subject.chars().count() < SUBJECT, columns) {
                (true, _) => String::new(),
                (false, 0) => "  ".to_owned(),
                (false, _) => format!("\n{:BEFORE$}", ""),
            };
            format!("{} {subject:<SUBJECT$}{gap}{lines}\n", finding.state.painted(coloured))
        })
        .collect()
}

/// Words in lines of at most so many columns, as far as they have blanks; 0 is no limit.
fn broken(words: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line) if columns == 0 || line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn json(findings: &[Finding]) -> String {
    let list: Vec<_> = findings
        .iter()
        .map(|finding| {
            serde_json::json!({
                "subject": finding.subject,
                "state": finding.state.word(),
                "words": finding.words,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_at_blanks() {
        assert_eq!(broken("a bc def", 0), ["a bc def"]);
        assert_eq!(broken("a bc def", 4), ["a bc", "def"]);
        assert_eq!(broken("abcdefgh a", 4), ["abcdefgh", "a"]);
        assert_eq!(broken("", 4), [""]);
    }

    #[test]
    fn a_pipe_gets_a_line_for_each_finding() {
        let long = "https://somewhere.example.org";
        let findings = [Finding::good("kernel", "well"), Finding::bad(format!("files at {long}"), "gone")];
        let text = text(&findings);
        assert_eq!(text, format!("good     kernel              well\nbad      files at {long}  gone\n"));
    }
}
