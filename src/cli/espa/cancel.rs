//! `stacfs espa cancel`.

use super::connect::Link;
use super::{ask, pretty};
use crate::cli::{Outcome, print};
use crate::espa::Tally;

/// Cancel an order; its finished scenes are destroyed too
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The order's id
    order: String,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Say what would be lost, and cancel nothing
    #[arg(long)]
    dry_run: bool,

    /// Print {"orderid", "status"}
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(link: &Link, args: &Args) -> Outcome {
    let order = &args.order;
    if args.dry_run || !args.yes {
        let tally = Tally::of(&link.espa.items(order)?);
        let question = format!("Cancel {order} ({tally})? Its finished scenes are destroyed too.");
        if args.dry_run {
            return print(&format!("{question}\n"));
        }
        ask(&question, false)?;
    }
    let answer = link.espa.cancel(order)?;
    print(&if args.json { pretty(&answer) } else { format!("{order} is cancelled\n") })
}
