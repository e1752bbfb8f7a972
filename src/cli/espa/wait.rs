//! `stacfs espa wait`.

use std::time::Duration;

use serde_json::json;

use super::connect::Link;
use super::{pretty, reports, say};
use crate::cli::{Failure, Outcome, print};
use crate::espa::{Error, Tally};

/// Wait until an order is complete
///
/// Exits with 0 when archives can be downloaded, with 1 where the order came to nothing, was cancelled or purged.
/// A server that is out of reach for a while is waited for too.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The order's id
    order: String,

    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,

    /// Print {"orderid", "status", "items", "complete", "unavailable"}
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(link: &Link, args: &Args) -> Outcome {
    let mut told = String::new();
    loop {
        match look(link, &args.order) {
            Ok((status, tally)) => {
                let words = format!("{status}: {tally}");
                if words != told {
                    say(&words);
                    told = words;
                }
                if status != "ordered" {
                    return end(link, args, &status, tally);
                }
            }
            Err(Error::Http(error)) if error.is_passing() => say(&format!("{error}; trying on")),
            Err(error) => return Err(error.into()),
        }
        std::thread::sleep(Duration::from_secs(args.interval));
    }
}

fn look(link: &Link, order: &str) -> Result<(String, Tally), Error> {
    // The status before the items: an order that is complete has no item that is still to come.
    let status = link.espa.status(order)?;
    Ok((status, Tally::of(&link.espa.items(order)?)))
}

fn end(link: &Link, args: &Args, status: &str, tally: Tally) -> Outcome {
    let order = &args.order;
    if args.json {
        print(&pretty(&json!({"orderid": order, "status": status, "items": tally.items,
                              "complete": tally.complete, "unavailable": tally.unavailable})))?;
    }
    match (status, tally.complete) {
        ("complete", 0) => Err(reports::nothing_to_fetch(order, &link.espa.items(order)?)),
        ("complete", _) => Ok(()),
        _ => Err(Failure::failed(format!("{order} is {status}; its archives are gone"))),
    }
}
