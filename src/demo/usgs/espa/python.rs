//! Python's way of writing values, which is part of ESPA's messages.

use serde_json::Value;

/// `repr()` of a JSON value: single quotes, `True`, `None`, `['a', 'b']`.
pub fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", joined(items.iter().map(repr))),
        Value::Object(members) => {
            format!(
                "{{{}}}",
                joined(members.iter().map(|(key, value)| format!("{}: {}", quoted(key), repr(value))))
            )
        }
    }
}

/// `repr()` of a list of texts.
pub fn list<T: AsRef<str>>(texts: &[T]) -> String {
    format!("[{}]", joined(texts.iter().map(|text| quoted(text.as_ref()))))
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\n', "\\n");
    // Python prefers double quotes where the text holds single ones only.
    if escaped.contains('\'') && !escaped.contains('"') {
        format!("\"{escaped}\"")
    } else {
        format!("'{}'", escaped.replace('\'', "\\'"))
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_python_does() {
        assert_eq!(repr(&json!(["a", 1, 1.5, true, null])), "['a', 1, 1.5, True, None]");
        assert_eq!(repr(&json!({"k": "it's"})), "{'k': \"it's\"}");
        assert_eq!(list(&["a", "b"]), "['a', 'b']");
        assert_eq!(list::<&str>(&[]), "[]");
    }
}
