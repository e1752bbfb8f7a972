//! CQL2 evaluated on items.
//!
//! The crate `cql2` parses, and reduces what is peculiar to CQL2. What segments can say too is evaluated as
//! they are: the antimeridian, dates as periods, numbers against numbers. So `filter=` and the other
//! predicates agree.

use std::collections::BTreeSet;

use cql2::Expr;
use jiff::Timestamp;
use serde_json::Value;

use super::ast::{Comparison, Literal, Test};
use super::compare;
use super::comparison::plain_name;
use super::error::Fault;
use super::evaluate::Seen;
use super::filter::expression;
use super::footprint::{Region, Relation};
use super::period::period;
use crate::item::Item;

/// A filter ready to be asked of many items.
#[derive(Debug, Clone)]
pub(super) struct Filter(Condition);

/// A part of a filter: true, false, or neither (`None`) of an item.
#[derive(Debug, Clone)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// How the footprint stands to a region. `cql2` knows nothing of the antimeridian, and panics on some broken
    /// shapes.
    Place(Relation, Region),
    /// A property compared with values, as a segment does: dates as periods, numbers as what the item has.
    Property(Comparison),
    /// What is left to `cql2`: functions, arithmetic, relations between times.
    Other(Expr),
}

impl Filter {
    /// A filter from CQL2 text.
    pub fn new(text: &str) -> Result<Filter, Fault> {
        expression(text).map(|expr| Filter(condition(expr)))
    }

    /// Whether it is true of an item.
    pub fn matches(&self, seen: &Seen<'_>) -> bool {
        self.0.truth(seen) == Some(true)
    }
}

/// The names of the properties that CQL2 text speaks of.
pub(super) fn properties(text: &str) -> Result<BTreeSet<String>, Fault> {
    let root = expression(text)?;
    let mut names = BTreeSet::new();
    let mut open = vec![&root];
    while let Some(expr) = open.pop() {
        match expr {
            Expr::Property { property } => {
                names.insert(plain_name(property).to_owned());
            }
            Expr::Operation { args: parts, .. }
            | Expr::Array(parts)
            | Expr::Interval { interval: parts }
            | Expr::BBox { bbox: parts } => open.extend(parts.iter().map(|part| part.as_ref())),
            Expr::Date { date: part } | Expr::Timestamp { timestamp: part } => open.push(part),
            _ => {}
        }
    }
    Ok(names)
}

fn condition(expr: Expr) -> Condition {
    let Expr::Operation { op, args } = expr else { return Condition::Other(expr) };
    let all = |args: Vec<Box<Expr>>| args.into_iter().map(|arg| condition(*arg)).collect();
    match (op.as_str(), args.as_slice()) {
        ("and", _) => Condition::All(all(args)),
        ("or", _) => Condition::Any(all(args)),
        ("not", [inner]) => Condition::Not(Box::new(condition((**inner).clone()))),
        _ => place(&op, &args)
            .or_else(|| comparison(&op, &args).map(Condition::Property))
            .unwrap_or(Condition::Other(Expr::Operation { op, args })),
    }
}

/// A relation of the item's own geometry to a constant one, whichever stands first.
fn place(op: &str, args: &[Box<Expr>]) -> Option<Condition> {
    let relation = Relation::named(op)?;
    let [a, b] = args else { return None };
    let own = |expr: &Expr| matches!(expr, Expr::Property { property } if plain_name(property) == "geometry");
    let (relation, other) = match (own(a), own(b)) {
        (true, false) => (relation, b),
        (false, true) => (relation.mirrored(), a),
        _ => return None,
    };
    let shape = geo::Geometry::try_from((**other).clone()).ok()?;
    Some(Condition::Place(relation, Region::of_shape(shape)?))
}

/// A comparison of a property with values, whichever stands first.
fn comparison(op: &str, args: &[Box<Expr>]) -> Option<Comparison> {
    let property = |expr: &Expr| match expr {
        Expr::Property { property } if plain_name(property) != "geometry" => {
            Some(plain_name(property).to_owned())
        }
        _ => None,
    };
    let (property, test) = match args {
        [a] if op == "isNull" => (property(a)?, Test::IsNull(true)),
        [a, list] if op == "in" => match list.as_ref() {
            Expr::Array(members) => {
                (property(a)?, Test::In(members.iter().map(|m| literal(m)).collect::<Option<_>>()?))
            }
            _ => return None,
        },
        [a, low, high] if op == "between" => (property(a)?, Test::Between(literal(low)?, literal(high)?)),
        [a, b] => match property(a) {
            Some(name) => (name, test(op, literal(b)?)?),
            None => (property(b)?, test(mirrored(op), literal(a)?)?),
        },
        _ => return None,
    };
    Some(Comparison { property, test })
}

fn test(op: &str, literal: Literal) -> Option<Test> {
    Some(match op {
        "=" => Test::Eq(literal),
        "<>" => Test::Ne(literal),
        "<" => Test::Lt(literal),
        "<=" => Test::Lte(literal),
        ">" => Test::Gt(literal),
        ">=" => Test::Gte(literal),
        _ => return None,
    })
}

fn mirrored(op: &str) -> &str {
    match op {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        same => same,
    }
}

/// A value of CQL2 as one of ours. Text that is a date is compared as one, quotes or none.
fn literal(expr: &Expr) -> Option<Literal> {
    Some(match expr {
        Expr::Float(number) => Literal::Bare(number.to_string()),
        Expr::Bool(own) => Literal::Bare(own.to_string()),
        Expr::Literal(text) if text.len() >= 10 && period(text).is_ok() => Literal::Bare(text.clone()),
        Expr::Literal(text) => Literal::Quoted(text.clone()),
        Expr::Date { date: inner } | Expr::Timestamp { timestamp: inner } => match inner.as_ref() {
            Expr::Literal(text) => Literal::Bare(text.clone()),
            _ => return None,
        },
        _ => return None,
    })
}

impl Condition {
    /// Kleene's three-valued logic, as in CQL2 and SQL.
    fn truth(&self, seen: &Seen<'_>) -> Option<bool> {
        match self {
            Condition::All(all) => decided(all, seen, false),
            Condition::Any(any) => decided(any, seen, true),
            Condition::Not(inner) => inner.truth(seen).map(|truth| !truth),
            Condition::Place(relation, region) => {
                Region::of_item(seen.item).map(|own| own.is(*relation, region))
            }
            Condition::Property(Comparison { property, test }) => {
                let value = seen.property(property);
                let known = value.is_some() || matches!(test, Test::IsNull(_));
                known.then(|| compare::meets(test, value.as_deref()))
            }
            Condition::Other(expr) => match bound(expr, seen, Among::Others).reduce(None) {
                Ok(Expr::Bool(truth)) => Some(truth),
                _ => None,
            },
        }
    }
}

/// `which` if any part is that; its opposite if all are; else neither.
fn decided(parts: &[Condition], seen: &Seen<'_>, which: bool) -> Option<bool> {
    let mut unknown = false;
    for part in parts {
        match part.truth(seen) {
            Some(truth) if truth == which => return Some(which),
            Some(_) => {}
            None => unknown = true,
        }
    }
    (!unknown).then_some(!which)
}

/// What a property stands among in an expression.
#[derive(Clone, Copy, PartialEq)]
enum Among {
    /// In a relation between times, where an item's time may be a span.
    Times,
    Others,
}

/// An expression with an item's values for its properties; what is absent is null.
fn bound(expr: &Expr, seen: &Seen<'_>, among: Among) -> Expr {
    let each =
        |all: &[Box<Expr>], among: Among| all.iter().map(|e| Box::new(bound(e, seen, among))).collect();
    match expr {
        Expr::Property { property } => match plain_name(property) {
            "datetime" if among == Among::Times => time(seen.item),
            name => seen.property(name).map_or(Expr::Null, |value| constant(&value)),
        },
        Expr::Operation { op, args } => {
            let among = if cql2::TEMPORALOPS.contains(&op.as_str()) { Among::Times } else { Among::Others };
            Expr::Operation { op: op.clone(), args: each(args, among) }
        }
        Expr::Interval { interval } => Expr::Interval { interval: each(interval, Among::Others) },
        Expr::Array(members) => Expr::Array(each(members, Among::Others)),
        other => other.clone(),
    }
}

/// A JSON value as a constant. Objects are null: `cql2` would take some of them for expressions.
fn constant(value: &Value) -> Expr {
    match value {
        Value::Null | Value::Object(_) => Expr::Null,
        Value::Bool(own) => Expr::Bool(*own),
        Value::Number(number) => number.as_f64().map_or(Expr::Null, Expr::Float),
        Value::String(text) => Expr::Literal(text.clone()),
        Value::Array(members) => Expr::Array(members.iter().map(|m| Box::new(constant(m))).collect()),
    }
}

/// An item's instant, or its span.
fn time(item: &Item) -> Expr {
    let literal =
        |at: Option<Timestamp>| Expr::Literal(at.map_or_else(|| "..".to_owned(), |at| at.to_string()));
    match item.span() {
        None => Expr::Null,
        Some(span) if span.start == span.end => Expr::Timestamp { timestamp: Box::new(literal(span.start)) },
        Some(span) => {
            Expr::Interval { interval: vec![Box::new(literal(span.start)), Box::new(literal(span.end))] }
        }
    }
}
