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

/// Check FUSE, the configuration, credentials and servers
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

/// A line per finding; colours only where a person looks.
fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.subject.chars().count()).max().unwrap_or_default();
    let coloured = super::is_for_a_person();
    let line = |finding: &Finding| {
        let (subject, words) = (printable(&finding.subject), printable(&finding.words));
        format!("{} {subject:<width$}  {words}\n", finding.state.painted(coloured))
    };
    findings.iter().map(line).collect()
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
