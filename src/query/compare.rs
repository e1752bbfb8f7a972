//! Conditions on properties, evaluated.

use std::cmp::Ordering;

use serde_json::Value;

use super::ast::{Literal, Test};
use super::{glob, period};
use crate::item::{instant, text};

/// Whether a value meets a test. The value decides how it is compared:
///
/// - a number with literals that are numbers and not quoted;
/// - `true` and `false` with just these words, for equality only;
/// - a text that begins with a date with literals that are dates and not quoted, as instants; a literal that is
///   a period (`2018`, `2018-01`) is equal to what lies in it, before what comes after it, and so on;
/// - any other text with any literal as text, by code points; case counts;
/// - an array meets a test if any of its members does (`ne`: if none is equal);
/// - an object meets nothing but `ne` and `isnull=false`.
///
/// A literal that the value cannot be compared with is not equal to it, nor below or above. Absent and null
/// meet none but `isnull=true`.
pub(super) fn meets(test: &Test, value: Option<&Value>) -> bool {
    let Some(value) = value.filter(|v| !v.is_null()) else {
        return matches!(test, Test::IsNull(true));
    };
    let any = |one: &dyn Fn(&Value) -> bool| match value {
        Value::Array(members) => members.iter().any(one),
        single => one(single),
    };
    let is =
        |wanted: fn(Ordering) -> bool, literal: &Literal| any(&|v| place(v, literal).is_some_and(wanted));
    match test {
        Test::Eq(literal) => is(Ordering::is_eq, literal),
        Test::Ne(literal) => !is(Ordering::is_eq, literal),
        Test::Lt(literal) => is(Ordering::is_lt, literal),
        Test::Lte(literal) => is(Ordering::is_le, literal),
        Test::Gt(literal) => is(Ordering::is_gt, literal),
        Test::Gte(literal) => is(Ordering::is_ge, literal),
        Test::In(literals) => literals.iter().any(|literal| is(Ordering::is_eq, literal)),
        Test::Between(low, high) => any(&|v| {
            place(v, low).is_some_and(Ordering::is_ge) && place(v, high).is_some_and(Ordering::is_le)
        }),
        Test::Like(pattern) => any(&|v| like(v, pattern)),
        Test::IsNull(null) => !null,
    }
}

fn like(value: &Value, pattern: &str) -> bool {
    matches!(value, Value::String(_) | Value::Number(_))
        && text(value).is_some_and(|t| glob::matches(pattern, &t))
}

/// Where a value lies as seen from a literal, if the two can be compared.
fn place(value: &Value, literal: &Literal) -> Option<Ordering> {
    match value {
        Value::Number(number) => {
            let whole = || Some(number.as_i64()?.cmp(&integer(literal)?));
            whole().or_else(|| number.as_f64()?.partial_cmp(&literal.number()?))
        }
        Value::Bool(own) => {
            let wanted = matches!(literal, Literal::Bare(t) if t.eq_ignore_ascii_case(if *own { "true" } else { "false" }));
            wanted.then_some(Ordering::Equal)
        }
        Value::String(own) => Some(dates(own, literal).unwrap_or_else(|| own.as_str().cmp(literal.text()))),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whole numbers are compared as such: ids of 17 digits are no floats.
fn integer(literal: &Literal) -> Option<i64> {
    match literal {
        Literal::Bare(text) => text.trim().parse().ok(),
        Literal::Quoted(_) => None,
    }
}

fn dates(own: &str, literal: &Literal) -> Option<Ordering> {
    let Literal::Bare(written) = literal else { return None };
    let dated = matches!(own.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _, ..]);
    let at = dated.then(|| instant(own)).flatten()?;
    let period = period::period(written).ok()?;
    Some(match () {
        () if at < period.first => Ordering::Less,
        () if at > period.last => Ordering::Greater,
        () => Ordering::Equal,
    })
}
