//! Reading a request's JSON as a PHP server does: numbers may be strings, members may be null.

use serde_json::Value;

use super::failure::Failure;

/// The member as text; numbers are written out. `None` where it is absent, null or empty.
pub fn text(input: &Value, member: &str) -> Option<String> {
    plain(input.get(member)?).filter(|text| !text.is_empty())
}

/// A value as text: a string or a number.
pub fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The member as text, which must be there.
pub fn required_text(input: &Value, member: &str) -> Result<String, Failure> {
    text(input, member).ok_or_else(|| Failure::required(member))
}

/// The member as a number, be it written as a string.
pub fn number(input: &Value, member: &str) -> Result<Option<f64>, Failure> {
    match input.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
            number.filter(|n| n.is_finite()).map(Some).ok_or_else(|| Failure::invalid(member))
        }
    }
}

/// The member as a count of at least `least`.
pub fn count(input: &Value, member: &str, least: usize) -> Result<Option<usize>, Failure> {
    match number(input, member)? {
        None => Ok(None),
        Some(n) if n.fract() == 0.0 && n >= least as f64 && n <= 1e9 => Ok(Some(n as usize)),
        Some(_) => Err(Failure::invalid(member)),
    }
}

/// The member as a truth value: JSON's, or PHP's 1, "1", "true".
pub fn truth(input: &Value, member: &str) -> bool {
    match input.get(member) {
        Some(Value::Bool(truth)) => *truth,
        Some(value) => plain(value).is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true")),
        None => false,
    }
}

/// A list of ids: an array, or a string with commas.
pub fn list(input: &Value, member: &str) -> Vec<String> {
    match input.get(member) {
        Some(Value::Array(items)) => items.iter().filter_map(plain).collect(),
        Some(Value::String(text)) => text.split(',').map(|id| id.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// A member that is an object; null counts as absent.
pub fn object<'a>(input: &'a Value, member: &str) -> Result<Option<&'a Value>, Failure> {
    match input.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value @ Value::Object(_)) => Ok(Some(value)),
        Some(_) => Err(Failure::invalid(member)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_may_be_strings() {
        let input = json!({"a": "12", "b": 12, "c": null, "d": "x", "e": 0});
        assert_eq!(count(&input, "a", 1), Ok(Some(12)));
        assert_eq!(count(&input, "b", 1), Ok(Some(12)));
        assert_eq!(count(&input, "c", 1), Ok(None));
        assert_eq!(count(&input, "d", 1), Err(Failure::invalid("d")));
        assert_eq!(count(&input, "e", 1), Err(Failure::invalid("e")));
        assert_eq!(text(&input, "b").as_deref(), Some("12"));
    }

    #[test]
    fn lists_come_as_arrays_or_with_commas() {
        let input = json!({"a": ["x", 1], "b": "x, 1", "c": null});
        assert_eq!(list(&input, "a"), ["x", "1"]);
        assert_eq!(list(&input, "b"), ["x", "1"]);
        assert!(list(&input, "c").is_empty());
    }
}
