//! Holding a filter against an item, in the three-valued logic of SQL: true, false, NULL.

use super::{Comparison, Node, Record, Relation, Span};
use crate::demo::stac::{index::time_of, time::parse_instant};
use cql2::Expr;
use geo::{Contains, Geometry, Intersects, Relate, Within};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{borrow::Cow, cmp::Ordering};

/// What a part of a filter amounts to for one item.
#[derive(Debug)]
enum Answer<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    Time(Timestamp),
    Span(Span),
    Geometry(&'a Geometry),
    /// An array or an object: equal to nothing.
    Compound,
}

impl Node {
    /// Whether it is true of an item; `None` is NULL.
    pub(super) fn truth(&self, record: &Record) -> Option<bool> {
        match self {
            Node::And(parts) => all(parts.iter().map(|part| part.truth(record))),
            Node::Or(parts) => {
                all(parts.iter().map(|part| part.truth(record).map(|truth| !truth))).map(|none| !none)
            }
            Node::Not(part) => part.truth(record).map(|truth| !truth),
            Node::IsNull(part) => Some(matches!(part.answer(record), Answer::Null)),
            Node::Compare(comparison, sides) => {
                comparison.holds(&sides[0].answer(record), &sides[1].answer(record))
            }
            Node::Between(parts) => {
                let value = parts[0].answer(record);
                let above = Comparison::GreaterOrEqual.holds(&value, &parts[1].answer(record));
                all([above, Comparison::LessOrEqual.holds(&value, &parts[2].answer(record))].into_iter())
            }
            Node::In(value, list) => {
                let value = value.answer(record);
                let differs = |one: &Node| Comparison::Unequal.holds(&value, &one.answer(record));
                all(list.iter().map(differs)).map(|none| !none)
            }
            Node::Like(sides) => match (sides[0].answer(record), sides[1].answer(record)) {
                (Answer::Text(text), Answer::Text(pattern)) => Some(like(&text, &pattern)),
                _ => None,
            },
            Node::Spatial(relation, sides) => match (sides[0].answer(record), sides[1].answer(record)) {
                (Answer::Geometry(left), Answer::Geometry(right)) => Some(relation.holds(left, right)),
                _ => None,
            },
            Node::Temporal(relation, sides) => {
                let left = sides[0].answer(record).span()?;
                Some(relation.holds(left, sides[1].answer(record).span()?))
            }
            other => match other.answer(record) {
                Answer::Bool(truth) => Some(truth),
                _ => None,
            },
        }
    }

    fn answer<'a>(&'a self, record: &Record<'a>) -> Answer<'a> {
        match self {
            Node::Null => Answer::Null,
            Node::Bool(value) => Answer::Bool(*value),
            Node::Number(value) => Answer::Number(*value),
            Node::Text(text) => Answer::Text(text.into()),
            Node::Time(time) => Answer::Time(*time),
            Node::Span(span) => Answer::Span(*span),
            Node::Geometry(geometry) => Answer::Geometry(geometry),
            Node::Property(name) => property(name, record),
            Node::FoldCase(part) => match part.answer(record) {
                Answer::Text(text) => Answer::Text(text.to_lowercase().into()),
                other => other,
            },
            Node::Other(expr) => by_crate(expr, record),
            condition => condition.truth(record).map_or(Answer::Null, Answer::Bool),
        }
    }
}

/// AND of many, where one false decides and else one NULL makes NULL.
fn all(mut truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let met = truths.try_fold(Some(true), |met, truth| match truth {
        Some(false) => Err(()),
        None => Ok(None),
        Some(true) => Ok(met),
    });
    met.unwrap_or(Some(false))
}

/// A property of an item: with or without `properties.`, and the members that queryables name.
fn property<'a>(name: &str, record: &Record<'a>) -> Answer<'a> {
    match name {
        "id" => return Answer::Text(record.summary.id.as_str().into()),
        "collection" => return Answer::Text(record.collection.into()),
        "geometry" => return record.detail.geometry.as_ref().map_or(Answer::Null, Answer::Geometry),
        _ => {}
    }
    let name = name.strip_prefix("properties.").unwrap_or(name);
    match record.detail.properties.get(name) {
        None | Some(Value::Null) => Answer::Null,
        Some(Value::Bool(value)) => Answer::Bool(*value),
        Some(Value::Number(number)) => number.as_f64().map_or(Answer::Null, Answer::Number),
        Some(Value::String(text)) => Answer::Text(text.into()),
        Some(Value::Array(_) | Value::Object(_)) => Answer::Compound,
    }
}

/// What the crate makes of an expression for this item.
fn by_crate(expr: &Expr, record: &Record) -> Answer<'static> {
    let item = json!({
        "id": record.summary.id,
        "collection": record.collection,
        "properties": record.detail.properties,
    });
    match expr.clone().reduce(Some(&item)) {
        Ok(Expr::Bool(value)) => Answer::Bool(value),
        Ok(Expr::Float(value)) => Answer::Number(value),
        Ok(Expr::Literal(text)) => Answer::Text(text.into()),
        // Unresolved properties and what cannot be computed are NULL.
        _ => Answer::Null,
    }
}

impl Answer<'_> {
    fn span(&self) -> Option<Span> {
        match self {
            Answer::Time(at) => Some(Span::instant(*at)),
            Answer::Span(span) => Some(*span),
            Answer::Text(text) => parse_instant(text).ok().map(Span::instant),
            _ => None,
        }
    }

    /// How two answers of one kind compare; `None` for different kinds and for NULL.
    fn order(&self, other: &Answer) -> Option<Ordering> {
        match (self, other) {
            (Answer::Number(left), Answer::Number(right)) => left.partial_cmp(right),
            (Answer::Bool(left), Answer::Bool(right)) => Some(left.cmp(right)),
            (Answer::Text(left), Answer::Text(right)) => {
                // Times in text are compared as times: 10:00+02:00 is before 09:00Z.
                let times = looks_like_time(left).then(|| time_of(&json!(left)).zip(time_of(&json!(right))));
                Some(times.flatten().map_or_else(|| left.cmp(right), |(left, right)| left.cmp(&right)))
            }
            (Answer::Time(_) | Answer::Span(_), _) | (_, Answer::Time(_) | Answer::Span(_)) => {
                Some(self.span()?.start.cmp(&other.span()?.start))
            }
            _ => None,
        }
    }
}

fn looks_like_time(text: &str) -> bool {
    text.len() >= 20 && text.as_bytes().get(10).is_some_and(|byte| matches!(byte, b'T' | b't'))
}

impl Comparison {
    fn holds(self, left: &Answer, right: &Answer) -> Option<bool> {
        let order = left.order(right)?;
        Some(match self {
            Comparison::Equal => order.is_eq(),
            Comparison::Unequal => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        })
    }
}

impl Relation {
    fn holds(self, left: &Geometry, right: &Geometry) -> bool {
        match self {
            Relation::Intersects => left.intersects(right),
            Relation::Disjoint => !left.intersects(right),
            Relation::Contains => left.contains(right),
            Relation::Within => left.is_within(right),
            Relation::Equals => left.relate(right).is_equal_topo(),
            Relation::Touches => left.relate(right).is_touches(),
            Relation::Overlaps => left.relate(right).is_overlaps(),
            Relation::Crosses => left.relate(right).is_crosses(),
        }
    }
}

/// SQL's LIKE: `%` is any run of characters, `_` one character, `\` takes the next one literally.
fn like(text: &str, pattern: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = pattern_rest.as_str();
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            rest.is_empty() || ends.into_iter().any(|at| like(&text[at..], rest))
        }
        Some(letter) => {
            let wanted = match letter {
                '_' => None,
                '\\' => pattern_rest.next(),
                other => Some(other),
            };
            let mut text_rest = text.chars();
            let found = text_rest.next();
            found.is_some()
                && wanted.is_none_or(|wanted| Some(wanted) == found)
                && like(text_rest.as_str(), pattern_rest.as_str())
        }
    }
}
