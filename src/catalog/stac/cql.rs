//! Predicates in the languages of servers: CQL2, and the older query extension (STACQL).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::params::Filter;
use crate::query::{self, Comparison, Kind, Literal, Predicate, Test};

/// The kinds of a collection's properties, by name.
pub(super) type Kinds = BTreeMap<String, Kind>;

/// A predicate in one of the languages.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// So it is said.
    As(Value),
    /// The language cannot say it, or nobody knows the property's type.
    Unsayable,
}

/// A predicate as CQL2 JSON. `like` is whether the server knows that operator.
///
/// # Errors
/// Where a value cannot be of its property's type, or CQL2 text cannot be parsed.
pub(super) fn cql2(predicate: &Predicate, kinds: &Kinds, like: Like) -> Result<Said, query::Error> {
    let op = |op: &str, args: Value| Said::As(json!({ "op": op, "args": args }));
    Ok(match predicate {
        Predicate::MaxCloudCover(percent) => {
            let cover = json!({ "property": "eo:cloud_cover" });
            let below = json!({ "op": "<=", "args": [cover, percent] });
            op("or", json!([below, { "op": "isNull", "args": [cover] }]))
        }
        Predicate::WrsPath(number) => wrs("landsat:wrs_path", *number, kinds),
        Predicate::WrsRow(number) => wrs("landsat:wrs_row", *number, kinds),
        Predicate::Filter(text) => Said::As(parsed(predicate, text)?),
        Predicate::Property(comparison) => {
            let typed = typed(predicate, comparison, kinds)?;
            compared(comparison, typed, like)
        }
        _ => Said::Unsayable,
    })
}

/// Whether a server says that it knows `LIKE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Like {
    Known,
    Unknown,
}

fn compared(comparison: &Comparison, values: Option<Vec<Value>>, like: Like) -> Said {
    let property = json!({ "property": comparison.property });
    if let Test::IsNull(null) = comparison.test {
        let is_null = json!({ "op": "isNull", "args": [property] });
        return Said::As(if null { is_null } else { json!({ "op": "not", "args": [is_null] }) });
    }
    if let Test::Like(pattern) = &comparison.test {
        let known = like == Like::Known;
        return if known {
            Said::As(json!({ "op": "like", "args": [property, like_pattern(pattern)] }))
        } else {
            Said::Unsayable
        };
    }
    let Some(values) = values else {
        return Said::Unsayable;
    };
    let with = |op: &str, value: &Value| json!({ "op": op, "args": [property, value] });
    let several = |op: &str, args: Vec<Value>| json!({ "op": op, "args": args });
    // `in` and `between` belong to the advanced operators; their plain forms are understood everywhere.
    Said::As(match (&comparison.test, values.as_slice()) {
        (Test::In(_), [value]) | (Test::Eq(_), [value]) => with("=", value),
        (Test::In(_), values) => several("or", values.iter().map(|v| with("=", v)).collect()),
        (Test::Between(..), [low, high]) => several("and", vec![with(">=", low), with("<=", high)]),
        (Test::Ne(_), [value]) => with("<>", value),
        (Test::Lt(_), [value]) => with("<", value),
        (Test::Lte(_), [value]) => with("<=", value),
        (Test::Gt(_), [value]) => with(">", value),
        (Test::Gte(_), [value]) => with(">=", value),
        _ => return Said::Unsayable,
    })
}

/// A WRS-2 number: text in Landsat's collections (rows with leading zeros in some), a number in others.
fn wrs(property: &str, number: u16, kinds: &Kinds) -> Said {
    let with = |value: Value| json!({ "op": "=", "args": [{ "property": property }, value] });
    let (plain, padded) = (number.to_string(), format!("{number:03}"));
    Said::As(match kinds.get(property) {
        Some(Kind::Number) => with(json!(number)),
        _ if plain == padded => with(json!(plain)),
        _ => json!({ "op": "or", "args": [with(json!(plain)), with(json!(padded))] }),
    })
}

fn parsed(predicate: &Predicate, text: &str) -> Result<Value, query::Error> {
    let wrong = |why: String| query::Error { segment: predicate.segment(), why, hint: None };
    let expression = cql2::parse_text(text).map_err(|e| wrong(e.to_string()))?;
    expression.to_value().map_err(|e| wrong(e.to_string()))
}

/// Both spellings of conditions that must all hold; `None` where one of them has no text.
pub(super) fn joined(conditions: Vec<Value>) -> Option<Filter> {
    let json = match <[Value; 1]>::try_from(conditions) {
        Ok([one]) => one,
        Err(many) => json!({ "op": "and", "args": many }),
    };
    let expression: cql2::Expr = serde_json::from_value(json.clone()).ok()?;
    Some(Filter { text: expression.to_text().ok()?, json })
}

/// `*` and `?` as CQL2's `%` and `_`; what these mean there is escaped.
fn like_pattern(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        match c {
            '*' => out.push('%'),
            '?' => out.push('_'),
            '%' | '_' | '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// Adds a predicate to a STACQL object: `{"gsd": {"lt": 10}}`. An operator that stands there already for the
/// same property, or one that the language lacks, leaves it as it is.
///
/// # Errors
/// As [`cql2`].
pub(super) fn add_stacql(
    query: &mut Map<String, Value>,
    predicate: &Predicate,
    kinds: &Kinds,
) -> Result<Said, query::Error> {
    let Predicate::Property(comparison) = predicate else {
        return Ok(Said::Unsayable);
    };
    // stac-server looks for them among the properties, and finds nothing.
    if ["id", "collection"].contains(&comparison.property.as_str()) {
        return Ok(Said::Unsayable);
    }
    let Some(values) = typed(predicate, comparison, kinds)? else {
        return Ok(Said::Unsayable);
    };
    let operators: Vec<(&str, Value)> = match (&comparison.test, values.as_slice()) {
        (Test::Eq(_), [value]) => vec![("eq", value.clone())],
        (Test::Ne(_), [value]) => vec![("neq", value.clone())],
        (Test::Lt(_), [value]) => vec![("lt", value.clone())],
        (Test::Lte(_), [value]) => vec![("lte", value.clone())],
        (Test::Gt(_), [value]) => vec![("gt", value.clone())],
        (Test::Gte(_), [value]) => vec![("gte", value.clone())],
        (Test::In(_), values) => vec![("in", json!(values))],
        (Test::Between(..), [low, high]) => vec![("gte", low.clone()), ("lte", high.clone())],
        _ => return Ok(Said::Unsayable),
    };
    let stands = query.get(&comparison.property);
    if operators.iter().any(|(op, _)| stands.is_some_and(|stands| stands.get(op).is_some())) {
        return Ok(Said::Unsayable);
    }
    let slot = query.entry(comparison.property.clone()).or_insert_with(|| json!({}));
    for (op, value) in operators {
        slot[op] = value;
    }
    Ok(Said::As(slot.clone()))
}

/// The values of a comparison in the type of its property; `None` where nobody knows it and it matters.
fn typed(
    predicate: &Predicate,
    comparison: &Comparison,
    kinds: &Kinds,
) -> Result<Option<Vec<Value>>, query::Error> {
    let literals: Vec<&Literal> = match &comparison.test {
        Test::Eq(one) | Test::Ne(one) | Test::Lt(one) | Test::Lte(one) | Test::Gt(one) | Test::Gte(one) => {
            vec![one]
        }
        Test::In(many) => many.iter().collect(),
        Test::Between(low, high) => vec![low, high],
        Test::Like(_) | Test::IsNull(_) => return Ok(None),
    };
    // A date stands for all of its day, month or year here; servers compare text.
    if literals.iter().any(|literal| looks_like_date(literal.text())) {
        return Ok(None);
    }
    let kind = kinds.get(&comparison.property).copied().or_else(|| known_kind(&comparison.property));
    let values: Vec<Value> = literals.iter().map(|literal| literal.typed(kind)).collect();
    if kind == Some(Kind::Number)
        && let Some(wrong) = values.iter().find(|value| !value.is_number())
    {
        return Err(query::Error {
            segment: predicate.segment(),
            why: format!("{} is a number, and {wrong} is none", comparison.property),
            hint: Some(format!("write a number, as in {}.lt=10", comparison.property)),
        });
    }
    // `197` may be text or a number where nobody says; compared by order it is a number.
    let ordered = !matches!(comparison.test, Test::Eq(_) | Test::Ne(_) | Test::In(_));
    let clear = kind.is_some() || ordered || values.iter().all(Value::is_string);
    Ok(clear.then_some(values))
}

/// `2018-01`, `2018-01-05T…`.
fn looks_like_date(text: &str) -> bool {
    let bytes = text.trim().as_bytes();
    bytes.len() >= 7
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && bytes[5].is_ascii_digit()
}

/// Properties of STAC itself and its oldest extensions, for servers without queryables.
fn known_kind(property: &str) -> Option<Kind> {
    let number = ["gsd", "eo:cloud_cover", "eo:snow_cover", "sat:relative_orbit", "sat:absolute_orbit"];
    let text = ["platform", "constellation", "mission", "landsat:wrs_path", "landsat:wrs_row"];
    if number.contains(&property) || property.starts_with("view:") {
        return Some(Kind::Number);
    }
    text.contains(&property).then_some(Kind::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(text: &str) -> Literal {
        Literal::Bare(text.into())
    }

    fn property(name: &str, test: Test) -> Predicate {
        Predicate::Property(Comparison { property: name.into(), test })
    }

    fn text(predicate: &Predicate, kinds: &Kinds) -> Option<String> {
        match cql2(predicate, kinds, Like::Known).unwrap() {
            Said::As(value) => Some(joined(vec![value]).unwrap().text),
            Said::Unsayable => None,
        }
    }

    #[test]
    fn predicates_in_cql2() {
        let kinds = Kinds::from([("a".into(), Kind::Text), ("n".into(), Kind::Number)]);
        for (predicate, want) in [
            (Predicate::MaxCloudCover(20.0), r#""eo:cloud_cover" <= 20 OR "eo:cloud_cover" IS NULL"#),
            (property("n", Test::Lt(bare("1.5"))), "n < 1.5"),
            (property("a", Test::Eq(bare("7"))), "a = '7'"),
            (property("a", Test::Ne(bare("x y"))), "a <> 'x y'"),
            (property("n", Test::In(vec![bare("1"), bare("2")])), "n = 1 OR n = 2"),
            (property("n", Test::Between(bare("1"), bare("2"))), "n >= 1 AND n <= 2"),
            (property("id", Test::Like("*CO?_%".into())), r"id LIKE '%CO_\_\%'"),
            (property("a", Test::IsNull(true)), "a IS NULL"),
            (property("a", Test::IsNull(false)), "NOT a IS NULL"),
            (Predicate::WrsPath(197), r#""landsat:wrs_path" = '197'"#),
            (Predicate::WrsRow(30), r#""landsat:wrs_row" = '30' OR "landsat:wrs_row" = '030'"#),
        ] {
            let said = text(&predicate, &kinds).map(|text| text.replace('"', ""));
            assert_eq!(said, Some(want.replace('"', "")), "{predicate:?}");
        }
    }

    #[test]
    fn a_number_without_a_type_is_not_guessed() {
        let none = Kinds::new();
        assert_eq!(text(&property("orbit", Test::Eq(bare("7"))), &none), None);
        assert!(text(&property("orbit", Test::Eq(Literal::Quoted("7".into()))), &none).is_some());
        assert!(text(&property("orbit", Test::Lt(bare("7"))), &none).is_some());
        assert!(text(&property("gsd", Test::Eq(bare("7"))), &none).is_some());
    }

    #[test]
    fn dates_are_compared_here() {
        let created = property("created", Test::Gte(bare("2023-01")));
        assert_eq!(text(&created, &Kinds::from([("created".into(), Kind::Text)])), None);
    }

    #[test]
    fn a_value_of_the_wrong_type_is_told() {
        let error = cql2(&property("gsd", Test::Lt(bare("ten"))), &Kinds::new(), Like::Known).unwrap_err();
        assert!(error.to_string().contains("gsd is a number"), "{error}");
    }

    #[test]
    fn filters_are_joined_so_that_each_keeps_its_meaning() {
        let said =
            |text: &str| match cql2(&Predicate::Filter(text.into()), &Kinds::new(), Like::Unknown).unwrap() {
                Said::As(value) => value,
                Said::Unsayable => panic!("{text}"),
            };
        let filter = joined(vec![said("a = 1 OR b = 2"), said("c = 3")]).unwrap();
        assert_eq!(filter.text, "(a = 1 OR b = 2) AND c = 3");
        assert_eq!(filter.json["op"], "and");
    }

    #[test]
    fn predicates_in_stacql() {
        let mut query = Map::new();
        let kinds = Kinds::from([("n".into(), Kind::Number)]);
        let mut add = |predicate: &Predicate| add_stacql(&mut query, predicate, &kinds).unwrap();
        assert!(matches!(add(&property("n", Test::Between(bare("1"), bare("5")))), Said::As(_)));
        assert!(matches!(add(&property("n", Test::Ne(bare("3")))), Said::As(_)));
        assert_eq!(add(&property("n", Test::Lte(bare("4")))), Said::Unsayable);
        assert_eq!(add(&property("n", Test::IsNull(true))), Said::Unsayable);
        assert_eq!(add(&Predicate::MaxCloudCover(1.0)), Said::Unsayable);
        assert_eq!(add(&property("id", Test::Gt(bare("x")))), Said::Unsayable);
        assert_eq!(Value::Object(query), json!({ "n": { "gte": 1, "lte": 5, "neq": 3 } }));
    }
}
