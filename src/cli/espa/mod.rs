//! `stacfs espa`: orders of processed scenes, from what can be had to the files on disk.
//!
//! `connect` finds the server and the login, `reports` prints what ESPA tells, `scenes` reads which scenes are
//! meant, `order`, `cancel`, `download` and `wait` do one command each.

mod cancel;
mod connect;
mod download;
mod order;
mod reports;
mod scenes;
mod wait;

use std::io::{BufRead, IsTerminal};

use clap::Subcommand;

use super::{Failure, Outcome};
use crate::espa;
use crate::report::render::printable;
use connect::Connection;

/// Order processed scenes of USGS ESPA, watch, download and cancel orders
#[derive(Debug, clap::Args)]
#[command(after_help = "Login: [usgs] username and password of the configuration, or ~/.lsru.\n\n\
    stacfs espa products LC08_L2SP_197030_20180105_20200902_02_T1\n\
    stacfs espa order @scenes.txt --products sr_ndvi --projection lonlat\n\
    stacfs espa download ORDER DIR --unpack")]
pub struct Args {
    #[command(flatten)]
    connection: Connection,

    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Products(reports::ProductArgs),
    /// List the formats of products
    Formats(Print),
    /// List the projections and their parameters
    Projections(Print),
    /// List the resampling methods
    ResamplingMethods(Print),
    /// Show who you are to ESPA
    User(Print),
    Orders(reports::OrdersArgs),
    Status(reports::StatusArgs),
    Order(Box<order::Args>),
    Cancel(cancel::Args),
    Download(download::Args),
    Wait(wait::Args),
}

/// How an answer is printed.
#[derive(Debug, clap::Args)]
struct Print {
    /// Print the server's JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    let link = args.connection.open()?;
    let outcome = match &args.action {
        Action::Products(args) => reports::products(&link, args),
        Action::Formats(print) => reports::named(print, &link.espa.formats()?, "formats"),
        Action::Projections(print) => reports::projections(print, &link.espa.projections()?),
        Action::ResamplingMethods(print) => {
            reports::named(print, &link.espa.resampling_methods()?, "resampling_methods")
        }
        Action::User(print) => reports::user(print, &link.espa.user()?),
        Action::Orders(args) => reports::orders(&link, args),
        Action::Status(args) => reports::status(&link, args),
        Action::Order(args) => order::run(&link, args),
        Action::Cancel(args) => cancel::run(&link, args),
        Action::Download(args) => download::run(&link, args),
        Action::Wait(args) => wait::run(&link, args),
    };
    for words in link.espa.said() {
        say(&format!("ESPA says: {words}"));
    }
    outcome
}

impl From<espa::Error> for Failure {
    fn from(error: espa::Error) -> Failure {
        Failure::failed(error)
    }
}

/// A line beside the answer, on stderr.
fn say(words: &str) {
    eprintln!("{}", printable(words));
}

/// JSON as it is printed.
fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// Asks on the terminal; `agreed` (`--yes`) has answered already.
///
/// # Errors
/// Wrong usage where nobody can be asked; a failure where the answer is no.
fn ask(question: &str, agreed: bool) -> Outcome {
    if agreed {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("nobody is there to be asked; say --yes to go on without".to_owned()));
    }
    eprint!("{} [y/N] ", printable(question));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match (read, answer.trim().to_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(Failure::failed("not confirmed; nothing was done")),
    }
}
