//! `stacfs espa order`: checked, shown, asked, and placed once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::connect::Link;
use super::{ask, pretty, say, scenes};
use crate::cli::options::text;
use crate::cli::{Failure, Outcome, print};
use crate::espa::{Draft, Extent, Placing, Products, Projection, Wish};

/// Order scenes
///
/// Asks what can be made of the scenes, checks the order, shows it and asks before it is placed. Prints the id of
/// the order. Scenes that ESPA would not take are named, and nothing is ordered without them unless
/// --allow-partial says so.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A scene's id, @FILE with an id on each line, or a path in a mount whose items are the scenes
    #[arg(value_name = "SCENE|@FILE|PATH", required = true)]
    scenes: Vec<String>,

    /// What is to be made, e.g. sr_ndvi,sr_evi; with SENSOR= before it, of that sensor only
    #[arg(long, short, value_name = "[SENSOR=]PRODUCT,…", required = true, value_parser = text())]
    products: Vec<String>,

    /// The format of the products, see stacfs espa formats
    #[arg(long, default_value = "gtiff", value_parser = text())]
    format: String,

    /// How pixels are resampled, see stacfs espa resampling-methods
    #[arg(long, value_name = "METHOD", default_value = "nn", value_parser = text())]
    resampling: String,

    /// Pixel size: metres, or degrees where the projection is lonlat
    #[arg(long, value_name = "SIZE")]
    resolution: Option<f64>,

    /// lonlat, NAME:parameter=value,… or JSON, see stacfs espa projections
    #[arg(long, value_name = "PROJECTION", value_parser = Projection::parse)]
    projection: Option<Projection>,

    /// The part that is wanted; needs --projection
    #[arg(long, value_name = "W,S,E,N", requires = "projection", allow_hyphen_values = true, value_parser = extent)]
    extent: Option<String>,

    /// The units of --extent
    #[arg(long, value_name = "dd|meters", default_value = "dd", requires = "extent", value_parser = ["dd", "meters"])]
    extent_units: String,

    /// A note to yourself [default: when it was placed]
    #[arg(long, value_parser = text())]
    note: Option<String>,

    /// Order the rest where ESPA would not take some scenes
    #[arg(long)]
    allow_partial: bool,

    /// Print the order, and place nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,

    /// Print {"orderid", "status", "dropped"}
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(link: &Link, args: &Args) -> Outcome {
    let wish = args.wish()?;
    let available = link.espa.available_products(&wish.distinct_scenes())?;
    let draft = wish.draft(&available)?;
    match link.espa.order_schema() {
        Ok(schema) => draft.check(&schema)?,
        // The server holds it against the same.
        Err(error) => {
            say(&format!("ESPA's schema of orders is not to be had, so it is not checked here: {error}"))
        }
    }
    tell_dropped(&draft, args.allow_partial)?;
    let body = Value::Object(draft.body.clone());
    if args.dry_run {
        return print(&pretty(&body));
    }
    if !args.yes {
        say("This order would be placed:");
        eprint!("{}", pretty(&body));
    }
    ask(&format!("Order {} scenes?", draft.scenes), args.yes)?;
    let placed = link.espa.place(&draft.body, Placing::default())?;
    if let Some(note) = &placed.found_by_note {
        say(&format!("ESPA's answer was lost; the order was found by its note {note:?}, and is placed once"));
    }
    if args.json {
        let dropped: Vec<Value> =
            draft.dropped.iter().map(|it| json!({"scene": it.scene, "why": it.why})).collect();
        return print(&pretty(&json!({"orderid": placed.id, "status": "ordered", "dropped": dropped})));
    }
    print(&format!("{}\n", placed.id))
}

/// What parses --extent: text that is an extent in the one unit or the other.
fn extent(text: &str) -> Result<String, String> {
    let parsed = Extent::parse(text, "dd").or_else(|_| Extent::parse(text, "meters"));
    parsed.map(|_| text.to_owned())
}

/// Names the scenes that are left out.
///
/// # Errors
/// Where there are any, and nobody has allowed it.
fn tell_dropped(draft: &Draft, is_allowed: bool) -> Outcome {
    for dropped in &draft.dropped {
        say(&format!("left out: {}: {}", dropped.scene, dropped.why));
    }
    match draft.dropped.len() {
        0 => Ok(()),
        _ if is_allowed => Ok(()),
        count => Err(Failure::failed(format!(
            "{count} of {} scenes cannot be ordered and nothing was; take them out, or say --allow-partial",
            count + draft.scenes
        ))),
    }
}

impl Args {
    fn wish(&self) -> Result<Wish, Failure> {
        let extent = self.extent.as_deref().map(|text| Extent::parse(text, &self.extent_units));
        let placed = || format!("order placed on {:.0}", jiff::Timestamp::now());
        Ok(Wish {
            scenes: scenes::named(&self.scenes)?,
            products: products(&self.products),
            format: self.format.clone(),
            resampling: self.resampling.clone(),
            resolution: self.resolution,
            projection: self.projection.clone(),
            extent: extent.transpose().map_err(Failure::Usage)?,
            note: self.note.clone().unwrap_or_else(placed),
        })
    }
}

/// `a,b` and `SENSOR=a,b`.
fn products(words: &[String]) -> Products {
    let list = |text: &str| -> Vec<String> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let (mut of_all, mut of_sensor) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for word in words {
        let (own, new) = match word.split_once('=') {
            Some((sensor, text)) => (of_sensor.entry(sensor.trim().to_owned()).or_default(), list(text)),
            None => (&mut of_all, list(word)),
        };
        // The server refuses a product that stands twice.
        for product in new {
            if !own.contains(&product) {
                own.push(product);
            }
        }
    }
    Products { of_all, of_sensor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_all_and_of_sensors() {
        let words = ["sr,bt", "bt", "etm7_collection=toa, sr", "etm7_collection=toa"].map(str::to_owned);
        let products = products(&words);
        assert_eq!(products.of_all, ["sr", "bt"]);
        assert_eq!(products.of_sensor["etm7_collection"], ["toa", "sr"]);
    }
}
