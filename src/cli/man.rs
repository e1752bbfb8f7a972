//! `stacfs man`: the manual pages, from the same words as `--help`.

use clap::CommandFactory;

use super::{Cli, Failure, Outcome};

/// Print a manual page
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Read it: stacfs man | man -l -\nInstall it: stacfs man > /usr/local/share/man/man1/stacfs.1"
)]
pub struct Args {
    /// The page of this command, e.g. mount [default: that of stacfs]
    command: Option<String>,

    /// The names of all commands that have a page
    #[arg(long, conflicts_with = "command")]
    list: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    let mut whole = Cli::command();
    // Gives the commands their full names: stacfs-mount.
    whole.build();
    if args.list {
        let names = whole.get_subcommands().map(|command| command.get_name()).filter(|name| *name != "help");
        return super::print(&names.map(|name| format!("{name}\n")).collect::<String>());
    }
    let page = match &args.command {
        None => whole,
        Some(name) => {
            let known =
                || whole.get_subcommands().map(|command| command.get_name()).collect::<Vec<_>>().join(", ");
            let found = whole.find_subcommand(name).ok_or_else(|| {
                Failure::Usage(format!("there is no command {name}; there are {}", known()))
            })?;
            found.clone()
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(Failure::failed)?;
    super::print(&String::from_utf8_lossy(&text))
}
