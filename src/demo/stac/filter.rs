//! CQL2 filters. The `cql2` crate reads them; they are evaluated here, because a search over 20,000 items may
//! not copy the filter and the item each time, and because a property an item lacks is NULL to us.

mod evaluate;
mod temporal;

use super::{index::Detail, shape};
use crate::demo::world::Summary;
use cql2::Expr;
use geo::Geometry;
use jiff::Timestamp;
use serde_json::Value;
use temporal::Span;

/// A filter, ready to be held against many items.
#[derive(Clone, Debug)]
pub(super) struct Filter(Node);

/// An item, as filters see it.
pub(super) struct Record<'a> {
    pub summary: &'a Summary,
    pub collection: &'a str,
    pub detail: &'a Detail,
}

/// A part of a filter.
#[derive(Clone, Debug)]
enum Node {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    Time(Timestamp),
    Span(Span),
    Geometry(Box<Geometry>),
    Property(String),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    IsNull(Box<Node>),
    Compare(Comparison, Box<[Node; 2]>),
    Between(Box<[Node; 3]>),
    In(Box<Node>, Vec<Node>),
    Like(Box<[Node; 2]>),
    FoldCase(Box<Node>),
    Spatial(Relation, Box<[Node; 2]>),
    Temporal(temporal::Relation, Box<[Node; 2]>),
    /// Left to the crate: arithmetic, arrays, accents.
    Other(Expr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Intersects,
    Disjoint,
    Contains,
    Within,
    Equals,
    Touches,
    Overlaps,
    Crosses,
}

impl Filter {
    /// Reads CQL2 text. Errors in words for the client.
    pub fn from_text(text: &str) -> Result<Filter, String> {
        let expr = cql2::parse_text(text).map_err(|error| format!("filter is not CQL2 text: {error}"))?;
        Filter::from_expr(expr)
    }

    /// Reads CQL2 JSON. Errors in words for the client.
    pub fn from_json(json: &Value) -> Result<Filter, String> {
        let expr =
            Expr::try_from(json.clone()).map_err(|error| format!("filter is not CQL2 JSON: {error}"))?;
        Filter::from_expr(expr)
    }

    fn from_expr(expr: Expr) -> Result<Filter, String> {
        let node = compile(expr)?;
        let decides = !matches!(
            node,
            Node::Number(_) | Node::Text(_) | Node::Time(_) | Node::Span(_) | Node::Geometry(_)
        );
        decides.then_some(Filter(node)).ok_or_else(|| "the filter is no condition".into())
    }

    /// Whether the filter is true of an item; NULL is not.
    pub fn holds(&self, record: &Record) -> bool {
        self.0.truth(record) == Some(true)
    }
}

fn compile(expr: Expr) -> Result<Node, String> {
    Ok(match expr {
        Expr::Null => Node::Null,
        Expr::Bool(value) => Node::Bool(value),
        Expr::Float(value) => Node::Number(value),
        Expr::Literal(text) => Node::Text(text),
        Expr::Property { property } => Node::Property(property),
        Expr::Timestamp { timestamp } => Node::Time(instant(&timestamp)?),
        Expr::Date { date } => Node::Span(Span::day(&literal(&date)?)?),
        Expr::Interval { interval } => Node::Span(span(&interval)?),
        Expr::Geometry(_) | Expr::BBox { .. } => Node::Geometry(Box::new(geometry(expr)?)),
        Expr::Operation { op, args } => operation(&op, args.into_iter().map(|arg| *arg).collect())?,
        other @ Expr::Array(_) => Node::Other(other),
    })
}

fn operation(op: &str, args: Vec<Expr>) -> Result<Node, String> {
    let all = |args: Vec<Expr>| args.into_iter().map(compile).collect::<Result<Vec<_>, _>>();
    if let Some(comparison) = Comparison::named(op) {
        return Ok(Node::Compare(comparison, operands(op, all(args)?)?));
    }
    if let Some(relation) = Relation::named(op) {
        return Ok(Node::Spatial(relation, operands(op, all(args)?)?));
    }
    if let Some(relation) = temporal::Relation::named(op) {
        return Ok(Node::Temporal(relation, operands(op, all(args)?)?));
    }
    let one = |args| {
        operands::<1>(op, all(args)?)
            .map(|node: Box<[Node; 1]>| Box::new((*node).into_iter().next().unwrap_or(Node::Null)))
    };
    Ok(match op {
        "and" => Node::And(all(args)?),
        "or" => Node::Or(all(args)?),
        "not" => Node::Not(one(args)?),
        "isNull" => Node::IsNull(one(args)?),
        "casei" => Node::FoldCase(one(args)?),
        "between" => Node::Between(operands(op, all(bounds(args))?)?),
        "like" => Node::Like(operands(op, all(args)?)?),
        "in" => membership(args)?,
        "+" | "-" | "*" | "/" | "%" | "^" | "div" | "accenti" | "a_equals" | "a_contains"
        | "a_containedBy" | "a_overlaps" => {
            Node::Other(Expr::Operation { op: op.to_owned(), args: args.into_iter().map(Box::new).collect() })
        }
        unknown => return Err(format!("there is no function {unknown:?} here")),
    })
}

/// The operands of BETWEEN. A draft of CQL2 had the bounds in a list of their own, and people still write it so.
fn bounds(args: Vec<Expr>) -> Vec<Expr> {
    let nested = |arg| match arg {
        Expr::Array(bounds) => bounds.into_iter().map(|bound| *bound).collect(),
        other => vec![other],
    };
    args.into_iter().flat_map(nested).collect()
}

fn operands<const N: usize>(op: &str, nodes: Vec<Node>) -> Result<Box<[Node; N]>, String> {
    let count = nodes.len();
    nodes.try_into().map(Box::new).map_err(|_| format!("{op:?} takes {N} operands, not {count}"))
}

fn membership(args: Vec<Expr>) -> Result<Node, String> {
    match <[Expr; 2]>::try_from(args) {
        Ok([left, Expr::Array(list)]) => {
            let list = list.into_iter().map(|one| compile(*one)).collect::<Result<_, _>>()?;
            Ok(Node::In(Box::new(compile(left)?), list))
        }
        _ => Err("\"in\" takes a value and a list".into()),
    }
}

fn literal(expr: &Expr) -> Result<String, String> {
    match expr {
        Expr::Literal(text) => Ok(text.clone()),
        _ => Err("a time is written as text".into()),
    }
}

fn instant(expr: &Expr) -> Result<Timestamp, String> {
    super::time::parse_instant(&literal(expr)?)
}

fn span(ends: &[Box<Expr>]) -> Result<Span, String> {
    let end = |expr: &Expr| {
        let text = match expr {
            Expr::Timestamp { timestamp } => literal(timestamp),
            Expr::Date { date } => literal(date),
            other => literal(other),
        }?;
        if text == ".." {
            return Ok(None);
        }
        super::time::parse_instant(&text).map(Span::instant).or_else(|_| Span::day(&text)).map(Some)
    };
    match ends {
        [first, last] => {
            let (first, last) = (end(first)?, end(last)?);
            Ok(Span {
                start: first.map_or(Timestamp::MIN, |span| span.start),
                end: last.map_or(Timestamp::MAX, |span| span.end),
            })
        }
        _ => Err("an interval has two ends".into()),
    }
}

fn geometry(expr: Expr) -> Result<Geometry, String> {
    if let Expr::BBox { bbox } = &expr {
        let numbers: Option<Vec<f64>> = bbox
            .iter()
            .map(|one| if let Expr::Float(number) = **one { Some(number) } else { None })
            .collect();
        let bbox = shape::Bbox::parse(&numbers.ok_or("bbox takes numbers")?)?;
        return Ok(shape::Area::Bbox(bbox).prepare().as_geometry());
    }
    Geometry::try_from(expr).map_err(|error| format!("the geometry cannot be read: {error}"))
}

impl Comparison {
    fn named(op: &str) -> Option<Comparison> {
        Some(match op {
            "=" => Comparison::Equal,
            "<>" => Comparison::Unequal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        })
    }
}

impl Relation {
    fn named(op: &str) -> Option<Relation> {
        Some(match op {
            "s_intersects" => Relation::Intersects,
            "s_disjoint" => Relation::Disjoint,
            "s_contains" => Relation::Contains,
            "s_within" => Relation::Within,
            "s_equals" => Relation::Equals,
            "s_touches" => Relation::Touches,
            "s_overlaps" => Relation::Overlaps,
            "s_crosses" => Relation::Crosses,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
