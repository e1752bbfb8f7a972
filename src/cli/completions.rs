//! `stacfs completions`: what a shell needs to complete our commands and options.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Outcome};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Write it to the file that the shell looks in, e.g. stacfs completions bash > FILE:\n\
                        bash: ~/.local/share/bash-completion/completions/stacfs\n\
                        zsh:  _stacfs in a folder of $fpath\n\
                        fish: ~/.config/fish/completions/stacfs.fish"
)]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// What completes paths of a mount, after clap's own script.
const BASH_PATHS: &str = include_str!("completions.bash");

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "stacfs", &mut script);
    if args.shell == Shell::Bash {
        script.extend_from_slice(BASH_PATHS.as_bytes());
    }
    super::print(&String::from_utf8_lossy(&script))
}
