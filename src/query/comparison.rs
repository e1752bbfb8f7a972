//! Conditions on properties: `eo:cloud_cover.lt=20`, `platform=landsat-8`.

use serde_json::{Number, Value};

use super::ast::{Comparison, Literal, Test};
use super::degrees;
use super::error::Fault;
use super::escape::{Style, decode, encode, encode_key, encode_member};
use super::names::{OPERATORS, check_bare, needs_eq};

/// What kind of values a property has, as its queryable's JSON Schema `type` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `number` or `integer`.
    Number,
    /// `boolean`.
    Boolean,
    /// `string`, dates included.
    Text,
}

impl Kind {
    /// The kind of a JSON Schema type; `None` for arrays, objects and what is no type.
    pub fn of_schema(name: &str) -> Option<Kind> {
        match name {
            "number" | "integer" => Some(Kind::Number),
            "boolean" => Some(Kind::Boolean),
            "string" => Some(Kind::Text),
            _ => None,
        }
    }

    /// The kind of a value of an item; of an array, that of its first member.
    pub fn of_value(value: &Value) -> Option<Kind> {
        match value {
            Value::Number(_) => Some(Kind::Number),
            Value::Bool(_) => Some(Kind::Boolean),
            Value::String(_) => Some(Kind::Text),
            Value::Array(members) => members.first().and_then(Kind::of_value),
            Value::Null | Value::Object(_) => None,
        }
    }
}

impl Literal {
    /// The text between the quotes, or without any.
    pub fn text(&self) -> &str {
        match self {
            Literal::Bare(text) | Literal::Quoted(text) => text,
        }
    }

    /// The literal as JSON for a property of this kind. What cannot be of the kind is a string; of an unknown
    /// kind (`None`), a number and `true` or `false` are what they look like. In quotes it is a string always.
    pub fn typed(&self, kind: Option<Kind>) -> Value {
        let Literal::Bare(text) = self else {
            return Value::String(self.text().to_owned());
        };
        let number = || json_number(text).map(Value::Number);
        let boolean = || text.parse().ok().map(Value::Bool);
        let value = match kind {
            Some(Kind::Number) => number(),
            Some(Kind::Boolean) => boolean(),
            Some(Kind::Text) => None,
            None => number().or_else(boolean),
        };
        value.unwrap_or_else(|| Value::String(text.clone()))
    }

    /// The number it is, where it is one and not quoted.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Literal::Bare(text) => degrees::number(text),
            Literal::Quoted(_) => None,
        }
    }

    /// A literal from decoded text.
    fn read(text: &str) -> Result<Literal, Fault> {
        let text = text.trim();
        let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            return Ok(Literal::Bare(text.to_owned()));
        };
        match text[1..].strip_suffix(quote) {
            Some(inner) => Ok(Literal::Quoted(inner.to_owned())),
            None => Err(Fault::new(format!("the {quote} is not closed"))
                .hint("put the whole value in quotes, and write a comma in it as %2C")),
        }
    }

    fn quoted(&self) -> String {
        match self {
            Literal::Bare(text) => text.clone(),
            Literal::Quoted(text) => format!("\"{text}\""),
        }
    }
}

/// An integer where the text is one, else a float.
fn json_number(text: &str) -> Option<Number> {
    let text = text.trim();
    let integer = || text.parse::<i64>().ok().map(Number::from);
    integer().or_else(|| degrees::number(text).and_then(Number::from_f64))
}

/// A comparison from both sides of the first `=`, as they stand in the path.
pub(super) fn parse(key: &str, raw: &str) -> Result<Comparison, Fault> {
    let key = decode(key)?;
    let (name, operator) = match key.rsplit_once('.') {
        Some((name, operator)) if OPERATORS.contains(&operator) => (name, Some(operator)),
        _ => (key.as_str(), None),
    };
    let property = plain_name(name);
    if property.is_empty() {
        return Err(Fault::new("there is no name before the =")
            .hint("write <property>=<value>, as in platform=landsat-8"));
    }
    if operator.is_none() {
        check_bare(property, raw)?;
    }
    let test = test(property, operator.unwrap_or("eq"), raw)?;
    Ok(Comparison { property: property.to_owned(), test })
}

/// A property's name without `properties.`, which STAC's older languages put before it.
pub(super) fn plain_name(name: &str) -> &str {
    let mut name = name.trim();
    while let Some(rest) = name.strip_prefix("properties.") {
        name = rest;
    }
    name
}

fn test(property: &str, operator: &str, raw: &str) -> Result<Test, Fault> {
    let one = || single(property, operator, raw);
    Ok(match operator {
        "ne" => Test::Ne(one()?),
        "lt" => Test::Lt(one()?),
        "lte" => Test::Lte(one()?),
        "gt" => Test::Gt(one()?),
        "gte" => Test::Gte(one()?),
        "in" => any_of(list(raw)?),
        "like" => Test::Like(pattern(property, raw)?),
        "between" => between(property, raw)?,
        "isnull" => is_null(property, raw)?,
        _ => Test::Eq(one()?),
    })
}

fn single(property: &str, operator: &str, raw: &str) -> Result<Literal, Fault> {
    let literal = Literal::read(&present(property, raw)?)?;
    if matches!(literal, Literal::Bare(_)) && raw.contains(',') {
        let fault = Fault::new("one value is wanted, and a comma separates values");
        return Err(match operator {
            "eq" => fault.hint(format!("did you mean {property}.in={raw}? (a comma in a value is %2C)")),
            _ => fault.hint("write a comma that belongs to the value as %2C"),
        });
    }
    Ok(literal)
}

/// A value that is there.
fn present(property: &str, raw: &str) -> Result<String, Fault> {
    let value = decode(raw)?;
    if value.trim().is_empty() {
        return Err(Fault::new("there is no value after the =").hint(format!(
            "write {property}.isnull=true for items without it, {property}=%22%22 for an empty text"
        )));
    }
    Ok(value)
}

fn list(raw: &str) -> Result<Vec<Literal>, Fault> {
    super::segment::members(raw)?.iter().map(|text| Literal::read(text)).collect()
}

/// Any of some values, in one order; of one value it is equality.
fn any_of(mut literals: Vec<Literal>) -> Test {
    literals.sort();
    literals.dedup();
    match literals.len() {
        1 => Test::Eq(literals.swap_remove(0)),
        _ => Test::In(literals),
    }
}

fn pattern(property: &str, raw: &str) -> Result<String, Fault> {
    let sql = |text: &str| text.contains('%') && !text.contains(['*', '?']);
    let refuse = |text: &str| {
        let ours = text.replace('%', "*");
        Fault::new("% is no wildcard in a path").hint(format!("did you mean {property}.like={ours}?"))
    };
    let pattern = match present(property, raw) {
        Err(_) if sql(raw) => return Err(refuse(raw)),
        pattern => pattern?.trim().to_owned(),
    };
    if sql(&pattern) { Err(refuse(&pattern)) } else { Ok(pattern) }
}

fn between(property: &str, raw: &str) -> Result<Test, Fault> {
    let form = || format!("write {property}.between=<low>,<high>");
    let [low, high]: [Literal; 2] =
        list(raw)?.try_into().map_err(|_| Fault::new("two values are wanted").hint(form()))?;
    match (low.number(), high.number()) {
        (Some(a), Some(b)) if a > b => Err(Fault::new("its low end is above its high end").hint(format!(
            "did you mean {property}.between={},{}?",
            high.text(),
            low.text()
        ))),
        _ => Ok(Test::Between(low, high)),
    }
}

fn is_null(property: &str, raw: &str) -> Result<Test, Fault> {
    match decode(raw)?.trim() {
        "true" => Ok(Test::IsNull(true)),
        "false" => Ok(Test::IsNull(false)),
        _ => Err(Fault::new("isnull is true or false")
            .hint(format!("write {property}.isnull=true for items without the property"))),
    }
}

/// A comparison as a segment.
pub(super) fn print(comparison: &Comparison, style: Style) -> String {
    let Comparison { property, test } = comparison;
    let value = |literal: &Literal| encode_member(&literal.quoted(), style);
    let all = |literals: &[Literal]| literals.iter().map(value).collect::<Vec<_>>().join(",");
    let (operator, value) = match test {
        Test::Eq(literal) if needs_eq(property) => (".eq", value(literal)),
        Test::Eq(literal) => ("", value(literal)),
        Test::Ne(literal) => (".ne", value(literal)),
        Test::Lt(literal) => (".lt", value(literal)),
        Test::Lte(literal) => (".lte", value(literal)),
        Test::Gt(literal) => (".gt", value(literal)),
        Test::Gte(literal) => (".gte", value(literal)),
        Test::In(literals) => (".in", all(literals)),
        Test::Like(pattern) => (".like", encode(pattern, style)),
        Test::Between(low, high) => (".between", all(&[low.clone(), high.clone()])),
        Test::IsNull(null) => (".isnull", null.to_string()),
    };
    format!("{}{operator}={value}", encode_key(property, style))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_literal_takes_the_type_of_its_property() {
        let bare = |text: &str| Literal::Bare(text.into());
        for (literal, kind, value) in [
            (bare("20"), Some(Kind::Number), json!(20)),
            (bare("2.50"), Some(Kind::Number), json!(2.5)),
            (bare("20"), Some(Kind::Text), json!("20")),
            (bare("20"), None, json!(20)),
            (bare("true"), None, json!(true)),
            (bare("true"), Some(Kind::Text), json!("true")),
            (bare("x"), Some(Kind::Number), json!("x")),
            (bare("inf"), None, json!("inf")),
            (bare("NaN"), Some(Kind::Number), json!("NaN")),
            (Literal::Quoted("20".into()), Some(Kind::Number), json!("20")),
        ] {
            assert_eq!(literal.typed(kind), value, "{literal:?} {kind:?}");
        }
    }
}
