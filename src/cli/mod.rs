//! The command line: clap commands, messages, exit status.
//!
//! In: the words of a command. Out: what it does, on stdout what a script would want, on stderr one line where
//! it failed, and the exit status: 0 done, 1 failed, 2 wrong usage. One file per command; `assemble` makes all
//! services of a configuration, which every command shares.

mod areas;
mod assemble;
mod cache;
mod check;
mod completions;
mod config;
mod daemon;
mod demo;
mod espa;
mod explain;
mod failure;
mod fetch;
mod log;
mod man;
mod mount;
mod mount_helper;
mod mount_options;
mod notify;
mod options;
mod origin;
mod path;
mod standing;
mod top;
mod umount;
mod usgs;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use failure::{Failure, Outcome};

/// Satellite archives as a file system.
///
/// A STAC API, a static STAC catalogue or the USGS archive stands below a mount point as
/// collection/item/asset. A search is a path: MOUNT/<collection>/bbox=0,0,2.5,2.5/datetime=2018/ lists what
/// matches. Nothing is fetched before it is looked at.
#[derive(Debug, Parser)]
#[command(name = "stacfs", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong usage. Configuration: stacfs config init.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Mount(mount::Args),
    Umount(umount::Args),
    Demo(demo::Args),
    Explain(explain::Args),
    Path(Box<path::Args>),
    Fetch(fetch::Args),
    Cache(cache::Args),
    Espa(espa::Args),
    Check(check::Args),
    Top(top::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
    Usgs(usgs::Args),
}

/// Runs the command line of this process. 0 done, 1 failed, 2 wrong usage.
pub fn run() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    match mount_helper::translated(&words) {
        Ok(None) => run_words(words),
        Ok(Some(words)) if words.is_empty() => ExitCode::SUCCESS,
        Ok(Some(words)) => run_words(words),
        Err(why) => Failure::Usage(why).tell(),
    }
}

fn run_words(words: Vec<OsString>) -> ExitCode {
    match Cli::try_parse_from(&words) {
        Ok(cli) => match cli.command.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.tell(),
        },
        // Help and version are answers, not errors.
        Err(error) if !error.use_stderr() => {
            // A closed pipe (`stacfs --help | head -1`) is no failure.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(2)
        }
        Err(error) => failure::of_clap(&error, &spoken_to(&words)).tell(),
    }
}

/// The command that words are for, as far as they name one: `stacfs cache pin`.
fn spoken_to(words: &[OsString]) -> String {
    let mut command = Cli::command();
    let mut name = command.get_name().to_owned();
    for word in words.iter().skip(1) {
        let Some(below) = command.find_subcommand(word).cloned() else { break };
        name = format!("{name} {}", below.get_name());
        command = below;
    }
    name
}

/// Prints an answer on stdout. A pipe that was closed early (`| head`) is no failure.
fn print(text: &str) -> Outcome {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("the answer cannot be printed: {error}")))
        }
        _ => Ok(()),
    }
}

/// Whether stdout is a terminal that may be coloured.
fn is_for_a_person() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdout()) && std::env::var_os("NO_COLOR").is_none()
}

impl Command {
    fn run(self) -> Outcome {
        match self {
            Command::Mount(args) => mount::run(&args),
            Command::Umount(args) => umount::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Path(args) => path::run(&args),
            Command::Fetch(args) => fetch::run(&args),
            Command::Cache(args) => cache::run(&args),
            Command::Espa(args) => espa::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Top(args) => top::run(&args),
            Command::Config(args) => config::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
            Command::Usgs(args) => usgs::run(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        let words: Vec<OsString> =
            std::iter::once("stacfs").chain(line.split_whitespace()).map(OsString::from).collect();
        Cli::try_parse_from(&words)
            .map(|cli| cli.command)
            .map_err(|error| failure::of_clap(&error, &spoken_to(&words)).words().to_owned())
    }

    #[test]
    fn clap_finds_no_fault_in_the_commands() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_last_word_of_mount_is_the_mount_point() {
        for (words, sources) in [
            ("mount /m", ""),
            ("mount https://a.example /m", "https://a.example"),
            ("mount -f a b c /m --max-items 3", "a b c"),
            ("mount a --max-items 3 b --offline /m", "a b"),
            ("mount a b /m -o ro,log=/l", "a b"),
        ] {
            let Ok(Command::Mount(args)) = parsed(words) else { panic!("{words}: {:?}", parsed(words)) };
            assert_eq!((args.sources().join(" "), args.point().to_str()), (sources.to_owned(), Some("/m")));
        }
    }

    #[test]
    fn wrong_usage_is_one_line_with_the_mend() {
        for (words, told) in [
            ("mount", "missing: <MOUNTPOINT>...; see stacfs mount --help"),
            ("chek", "there is no command chek; did you mean check?; see stacfs --help"),
            ("cache inf", "there is no command inf; did you mean info?; see stacfs cache --help"),
            ("check --jsn", "there is no option --jsn; did you mean --json?; see stacfs check --help"),
            ("fetch a --nonsense", "there is no option --nonsense; see stacfs fetch --help"),
            ("umount /a /b", "/b is a word too many; see stacfs umount --help"),
            ("mount /m -o rw", "a mount of stacfs can only be read; take rw out"),
            (
                "mount /m --max-items many",
                "many is wrong for --max-items <N>: write a whole number; see stacfs mount --help",
            ),
            ("fetch a --parallel 0", "0 is wrong for --parallel <N>: write a whole number from 1 to 256;"),
            ("fetch a --to", "--to <DIR> needs a value; see stacfs fetch --help"),
            ("fetch a --max-bytes 20Q", "--max-bytes <SIZE>: write a size with its unit"),
            ("completions tcsh", "write one of bash, elvish, fish, powershell, zsh; did you mean zsh?"),
            ("demo --personality odd", "none of plain"),
            ("man --list mount", "cannot be used with"),
            ("path --bbox 1,2", "1,2 is wrong for --bbox <W,S,E,N>: bbox=1,2: a box is 4 or 6 numbers"),
        ] {
            let line = parsed(words).unwrap_err();
            assert!(line.contains(told) && !line.contains('\n'), "{line}");
        }
    }
}
