//! `stacfs config`: a commented file to begin with, and what is in force.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use clap::Subcommand;

use super::{Failure, Outcome};
use crate::config::{Draft, Environment, sample};

/// Write a commented configuration file, or show the one in force
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write a configuration file in which every key stands, commented out
    ///
    /// It is made with mode 0600, since it may come to hold secrets. A file that is there already is left alone.
    Init {
        /// Write this file [default: $XDG_CONFIG_HOME/stacfs/config.ini, or STACFS_CONFIG]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Show the configuration in force, without secrets
    Show {
        /// Read this file [default: $XDG_CONFIG_HOME/stacfs/config.ini, or STACFS_CONFIG]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Runs the command.
pub fn run(args: &Args) -> Outcome {
    let environment = Environment::of_process();
    match &args.action {
        Action::Init { config } => init(config.clone().unwrap_or_else(|| environment.config_file())),
        Action::Show { config } => {
            let draft = Draft::read(config.as_deref(), environment)?;
            super::print(&draft.show())
        }
    }
}

fn init(file: PathBuf) -> Outcome {
    let shown = file.display();
    let failed = |error: std::io::Error| Failure::failed(format!("{shown}: cannot be written: {error}"));
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let mut out = match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
        Ok(out) => out,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::failed(format!("{shown} is there already; edit it, or move it away first")));
        }
        Err(error) => return Err(failed(error)),
    };
    out.write_all(sample().as_bytes()).map_err(failed)?;
    super::print(&format!("{shown} is written; edit it, then see what is in force with stacfs config show\n"))
}
