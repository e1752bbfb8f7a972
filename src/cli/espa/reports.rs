//! What ESPA tells of itself and of orders: as lines, or as JSON.

use serde_json::{Map, Value, json};

use super::connect::Link;
use super::{Print, pretty, scenes};
use crate::cli::{Failure, Outcome, print};
use crate::espa::{Available, Item, Tally, Which};
use crate::item::text;
use crate::report::render::printable;

/// List what can be made of scenes
#[derive(Debug, clap::Args)]
pub(super) struct ProductArgs {
    /// A scene's id, @FILE with an id on each line, or a path in a mount whose items are the scenes
    #[arg(value_name = "SCENE|@FILE|PATH", required = true)]
    scenes: Vec<String>,

    #[command(flatten)]
    print: Print,
}

/// List your orders
#[derive(Debug, clap::Args)]
pub(super) struct OrdersArgs {
    /// Also those that were purged or cancelled
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    print: Print,
}

/// Show how far an order is
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// The order's id
    order: String,

    /// Print only the URLs of the archives that are complete
    #[arg(long)]
    urls: bool,

    #[command(flatten)]
    print: Print,
}

/// `products`.
pub(super) fn products(link: &Link, args: &ProductArgs) -> Outcome {
    let available = link.espa.available_products(&scenes::named(&args.scenes)?)?;
    print(&if args.print.json { pretty(&available.raw) } else { of_products(&available) })
}

fn of_products(available: &Available) -> String {
    let mut lines = Vec::new();
    for sensor in &available.sensors {
        lines.push(format!("{}: {}", sensor.key, sensor.products.join(" ")));
        lines.extend(sensor.scenes.iter().map(|scene| format!("  {scene}")));
    }
    for (product, scenes) in &available.restricted_by_date {
        lines.push(format!("{product} cannot be made of the date of: {}", scenes.join(" ")));
    }
    for (sensor, scenes) in &available.restricted_sensors {
        lines.push(format!("{sensor} cannot be ordered at present: {}", scenes.join(" ")));
    }
    if !available.unknown.is_empty() {
        lines.push(format!("ESPA does not process: {}", available.unknown.join(" ")));
    }
    joined(&lines)
}

/// `formats`, `resampling-methods`: codes and labels.
pub(super) fn named(print_as: &Print, answer: &Value, key: &str) -> Outcome {
    let labels = answer.get(key).unwrap_or(answer);
    let row = |(code, label): (&String, &Value)| format!("{code:<10}  {}", text(label).unwrap_or_default());
    let lines: Vec<String> = members(labels).map(row).collect();
    print(&if print_as.json { pretty(answer) } else { joined(&lines) })
}

/// `projections`.
pub(super) fn projections(print_as: &Print, answer: &Value) -> Outcome {
    let row = |(name, schema): (&String, &Value)| {
        let title = schema.get("title").and_then(text).unwrap_or_default();
        let parameters = schema.get("properties").map(|properties| {
            members(properties)
                .map(|(parameter, rule)| format!("{parameter}={}", bounds(rule)))
                .collect::<Vec<_>>()
        });
        format!("{name:<7} {title}\n        {name}:{}", parameters.unwrap_or_default().join(","))
            .trim_end_matches(':')
            .to_owned()
    };
    let lines: Vec<String> = members(answer).map(row).collect();
    print(&if print_as.json { pretty(answer) } else { joined(&lines) })
}

/// What a parameter may be, by its schema.
fn bounds(rule: &Value) -> String {
    let number = |key: &str| rule.get(key).and_then(text);
    match (rule.get("enum").and_then(Value::as_array), number("minimum"), number("maximum")) {
        (Some(words), ..) => words.iter().filter_map(text).collect::<Vec<_>>().join("|"),
        (None, Some(least), Some(most)) => format!("{least}..{most}"),
        _ => rule.get("type").and_then(text).unwrap_or_default(),
    }
}

/// `user`.
pub(super) fn user(print_as: &Print, answer: &Value) -> Outcome {
    let row = |(key, value): (&String, &Value)| {
        let words = value.as_array().map(|list| list.iter().filter_map(text).collect::<Vec<_>>().join(", "));
        format!("{key:<10}  {}", words.or_else(|| text(value)).unwrap_or_default())
    };
    let lines: Vec<String> = members(answer).map(row).collect();
    print(&if print_as.json { pretty(answer) } else { joined(&lines) })
}

/// `orders`: one id a line.
pub(super) fn orders(link: &Link, args: &OrdersArgs) -> Outcome {
    let ids = link.espa.orders(if args.all { Which::All } else { Which::Current })?;
    print(&if args.print.json { pretty(&json!(ids)) } else { joined(&ids) })
}

/// `status`: the word, the count, and the items.
pub(super) fn status(link: &Link, args: &StatusArgs) -> Outcome {
    let items = link.espa.items(&args.order)?;
    if args.urls {
        let urls = items.iter().filter(|item| item.is_complete()).filter_map(|item| item.archive.clone());
        let urls: Vec<String> = urls.collect();
        return print(&if args.print.json { pretty(&json!(urls)) } else { joined(&urls) });
    }
    let status = link.espa.status(&args.order)?;
    if args.print.json {
        let items: Vec<Value> = items.iter().map(Item::to_json).collect();
        return print(&pretty(&json!({"orderid": args.order, "status": status, "items": items})));
    }
    let mut lines = vec![format!("{status}: {}", Tally::of(&items))];
    lines.extend(items.iter().map(|item| {
        let note = item.note.as_ref().map(|note| format!("  {note}")).unwrap_or_default();
        format!("  {}  {}{note}", item.name, item.status)
    }));
    print(&joined(&lines))
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// Lines that may quote a server: nothing in them reaches the terminal as a command.
fn joined(lines: &[String]) -> String {
    let lines = lines.iter().flat_map(|lines| lines.split('\n'));
    lines.map(|line| format!("{}\n", printable(line))).collect()
}

/// The failure of a look at an order that holds nothing to fetch.
pub(super) fn nothing_to_fetch(order: &str, items: &[Item]) -> Failure {
    let why = items.iter().find_map(|item| item.note.as_ref().map(|note| format!("{}: {note}", item.name)));
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    Failure::failed(format!("{order}: {}{why}; stacfs espa status {order} tells more", Tally::of(items)))
}
