//! The server's own words, out of whatever shape it puts them in.

use serde_json::Value;

/// Words are cut to so many characters.
const LONGEST: usize = 300;

/// One line out of an error body; the status in plain words where the body has none.
///
/// JSON, HTML, S3's XML and plain text are understood, and cut to some 300 characters.
pub fn words(status: u16, body: &[u8]) -> String {
    cut(line(status, body))
}

/// The same, not cut.
pub(super) fn line(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let found = match serde_json::from_str::<Value>(&text) {
        Ok(value) => of_json(&value),
        Err(_) if text.trim_start().starts_with('<') => of_markup(&text),
        Err(_) => Some(text.into_owned()),
    };
    let line = one_line(&found.unwrap_or_default());
    if line.is_empty() { reason(status).to_owned() } else { line }
}

/// JSON of stac-server and pgstac (`code`, `description`), API Gateway (`message`), FastAPI (`detail`, text or
/// a list), CMR (`errors`), resto (`ErrorMessage`), OAuth (`error_description`), RFC 9457 (`title`, `detail`).
fn of_json(value: &Value) -> Option<String> {
    let keys = [
        "description",
        "message",
        "Message",
        "detail",
        "ErrorMessage",
        "errorMessage",
        "error_description",
        "errors",
        "error",
        "title",
        "code",
    ];
    match value {
        Value::String(text) => Some(text.clone()).filter(|t| !t.trim().is_empty()),
        Value::Array(members) => {
            let words: Vec<String> = members.iter().filter_map(of_json).collect();
            (!words.is_empty()).then(|| words.join("; "))
        }
        Value::Object(fields) if fields.get("messages").is_some_and(Value::is_object) => {
            of_espa(fields.get("messages")?)
        }
        Value::Object(fields) => match (fields.get("msg").and_then(Value::as_str), fields.get("loc")) {
            // One member of FastAPI's list: what is wrong, and where.
            (Some(message), Some(place)) => Some(format!("{}: {message}", path(place))),
            (Some(message), None) => Some(message.to_owned()),
            _ => keys.iter().find_map(|key| of_json(fields.get(*key)?)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// ESPA's `messages`: texts, or lists of them under a title, in `errors` or `warnings`.
fn of_espa(messages: &Value) -> Option<String> {
    let said = match messages {
        Value::Array(members) => members.iter().filter_map(of_espa).collect::<Vec<_>>().join("; "),
        Value::Object(titled) => {
            let told = titled.iter().filter_map(|(title, below)| {
                let words = of_espa(below)?;
                let is_plain = ["errors", "warnings"].contains(&title.as_str());
                Some(if is_plain { words } else { format!("{title}: {words}") })
            });
            told.collect::<Vec<_>>().join("; ")
        }
        other => plain(other)?,
    };
    Some(said).filter(|said| !said.trim().is_empty())
}

/// A word or a number as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn path(place: &Value) -> String {
    let steps = place.as_array().into_iter().flatten();
    steps.filter_map(plain).collect::<Vec<_>>().join(".")
}

/// The title of a page, or `Code: Message` of S3's XML.
fn of_markup(text: &str) -> Option<String> {
    let element = |name: &str| {
        // ASCII case folding keeps byte positions.
        let lower = text.to_ascii_lowercase();
        let open = lower.find(&format!("<{name}"))?;
        let start = open + lower.get(open..)?.find('>')? + 1;
        let end = start + lower.get(start..)?.find(&format!("</{name}"))?;
        text.get(start..end).map(unescape).filter(|t| !t.trim().is_empty())
    };
    match (element("code"), element("message")) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        _ => element("title").or_else(|| element("h1")),
    }
}

fn unescape(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    plain.replace("&amp;", "&")
}

fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line as long as may be shown.
pub(super) fn cut(line: String) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn reason(status: u16) -> &'static str {
    let known = reqwest::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    known.unwrap_or("the server gave no reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_the_wild() {
        let long = "x".repeat(400);
        for (body, want) in [
            (r#"{"code":"NotFound","description":"Not Found"}"#, "Not Found"),
            (
                r#"{"code":"NotFoundError","description":"Item X in Collection Y does not exist."}"#,
                "Item X in Collection Y does not exist.",
            ),
            (r#"{"message":"Forbidden"}"#, "Forbidden"),
            (r#"{"message":"Validation failed","errors":["bad bbox"]}"#, "Validation failed"),
            (r#"{"errors":["bad bbox","bad limit"]}"#, "bad bbox; bad limit"),
            (
                r#"{"detail":[{"type":"x","loc":["body","limit"],"msg":"too large"}]}"#,
                "body.limit: too large",
            ),
            (r#"{"detail":"Not authenticated"}"#, "Not authenticated"),
            (r#"{"ErrorMessage":"Invalid box","ErrorCode":400}"#, "Invalid box"),
            (r#"{"error":{"message":"nope"}}"#, "nope"),
            (r#"{"error":"invalid_client","error_description":"wrong secret"}"#, "wrong secret"),
            (r#"{"code":"BadRequest"}"#, "BadRequest"),
            (r#"{"messages":{"errors":["Invalid username/password"]}}"#, "Invalid username/password"),
            (
                r#"{"messages":{"errors":[{"2 validation errors":["a","b"]},{"Inputs Not Available":["X"]}]}}"#,
                "2 validation errors: a; b; Inputs Not Available: X",
            ),
            (r#"{"messages":{"warnings":["ERS connection failed"]}}"#, "ERS connection failed"),
            (r#"{"messages":{"errors":[]}}"#, "Bad Request"),
            ("You have exceeded\n a rate limit", "You have exceeded a rate limit"),
            (
                "<!DOCTYPE html><html><head><TITLE>ERROR: The request could not be satisfied</TITLE>",
                "ERROR: The request could not be satisfied",
            ),
            (
                "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access &amp; more</Message></Error>",
                "AccessDenied: Access & more",
            ),
            ("", "Bad Request"),
            ("{}", "Bad Request"),
            ("<html></html>", "Bad Request"),
        ] {
            assert_eq!(words(400, body.as_bytes()), want, "{body}");
        }
        assert_eq!(words(400, long.as_bytes()).chars().count(), LONGEST + 1);
        assert_eq!(words(599, b""), "the server gave no reason");
        assert_eq!(words(400, &[0xff, 0xfe, b'x']), "\u{fffd}\u{fffd}x");
    }
}
