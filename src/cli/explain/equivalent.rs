//! The same search for other tools: a request as a `stac-client` command and as a curl line.

use serde_json::{Map, Value};
use url::Url;

/// A request as `explain` of a catalogue writes it: `METHOD URL [BODY]`.
struct Request<'a> {
    method: &'a str,
    url: Url,
    body: Option<&'a str>,
    /// The search's parameters, of the body or of the query string.
    params: Map<String, Value>,
}

/// The commands for a request to the catalogue at `root`; none where the line is no request.
pub(super) fn commands(line: &str, root: &str) -> Vec<(String, String)> {
    let Some(request) = Request::read(line) else { return Vec::new() };
    let mut rows = Vec::new();
    if request.url.path().ends_with("/search") {
        rows.push(("stac-client".to_owned(), request.stac_client(root)));
    }
    rows.push(("curl".to_owned(), request.curl()));
    rows
}

impl<'a> Request<'a> {
    fn read(line: &'a str) -> Option<Request<'a>> {
        let mut parts = line.splitn(3, ' ');
        let method = parts.next().filter(|method| ["GET", "POST"].contains(method))?;
        let url: Url = parts.next()?.parse().ok()?;
        let body = parts.next();
        let params = match body {
            Some(body) => serde_json::from_str(body).ok()?,
            None => url
                .query_pairs()
                .map(|(key, text)| (key.into_owned(), Value::String(text.into_owned())))
                .collect(),
        };
        Some(Request { method, url, body, params })
    }

    fn curl(&self) -> String {
        let url = quoted(self.url.as_str());
        match self.body {
            Some(body) => format!("curl -s -H 'Content-Type: application/json' -d {} {url}", quoted(body)),
            None => format!("curl -s {url}"),
        }
    }

    fn stac_client(&self, root: &str) -> String {
        let mut words = vec!["stac-client search".to_owned(), quoted(root)];
        if self.method == "GET" {
            words.push("--method GET".to_owned());
        }
        for (key, value) in &self.params {
            let list = || match value {
                Value::Array(members) => members.iter().map(text).collect(),
                other => text(other).split(',').map(str::to_owned).collect::<Vec<_>>(),
            };
            let spaced =
                |members: Vec<String>| members.iter().map(|m| quoted(m)).collect::<Vec<_>>().join(" ");
            match key.as_str() {
                "collections" => words.push(format!("-c {}", spaced(list()))),
                "ids" | "bbox" => words.push(format!("--{key} {}", spaced(list()))),
                "datetime" => words.push(format!("--datetime {}", quoted(&text(value)))),
                "intersects" | "filter" => words.push(format!("--{key} {}", quoted(&text(value)))),
                "filter-lang" => words.push(format!("--filter-lang {}", text(value))),
                "query" => words.push(format!("--query {}", spaced(conditions(value)))),
                // A value that begins with a dash would be taken for an option.
                "sortby" => words.push(format!("--sortby={}", quoted(&sorting(value)))),
                _ => {}
            }
        }
        words.join(" ")
    }
}

/// The query extension's object as stac-client's conditions.
fn conditions(query: &Value) -> Vec<String> {
    let parsed = query.as_str().and_then(|text| serde_json::from_str(text).ok());
    let object: Map<String, Value> = parsed.or_else(|| query.as_object().cloned()).unwrap_or_default();
    let sign = |operator: &str| match operator {
        "lt" => "<",
        "lte" => "<=",
        "gt" => ">",
        "gte" => ">=",
        "neq" => "<>",
        _ => "=",
    };
    let of_property = |(property, tests): (&String, &Value)| {
        let tests = tests.as_object().cloned().unwrap_or_default();
        tests
            .iter()
            .map(|(operator, value)| format!("{property}{}{}", sign(operator), text(value)))
            .collect::<Vec<_>>()
    };
    object.iter().flat_map(of_property).collect()
}

/// Sort keys with their signs.
fn sorting(value: &Value) -> String {
    let Value::Array(keys) = value else { return text(value) };
    let key = |key: &Value| {
        let down = key.get("direction").and_then(Value::as_str) == Some("desc");
        format!(
            "{}{}",
            if down { "-" } else { "+" },
            key.get("field").and_then(Value::as_str).unwrap_or_default()
        )
    };
    keys.iter().map(key).collect::<Vec<_>>().join(",")
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Vec<String> {
        commands(line, "https://s.example").into_iter().map(|(_, words)| words).collect()
    }

    #[test]
    fn a_request_is_told_in_other_words() {
        assert_eq!(
            told(
                r#"POST https://s.example/search {"collections":["moon"],"bbox":[0,-1,2,2],"query":{"gsd":{"lt":5}},"limit":9}"#
            ),
            [
                "stac-client search https://s.example -c moon --bbox 0 -1 2 2 --query 'gsd<5'",
                "curl -s -H 'Content-Type: application/json' -d '{\"collections\":[\"moon\"],\"bbox\":[0,-1,2,2],\
                 \"query\":{\"gsd\":{\"lt\":5}},\"limit\":9}' https://s.example/search",
            ]
        );
        assert_eq!(
            told(
                "GET https://s.example/search?collections=a,b&sortby=-gsd&filter=gsd%3C5&filter-lang=cql2-text"
            )[0],
            "stac-client search https://s.example --method GET -c a b --sortby=-gsd --filter 'gsd<5' --filter-lang cql2-text"
        );
        assert_eq!(
            told("GET https://s.example/collections/it's"),
            [r"curl -s 'https://s.example/collections/it'\''s'"]
        );
        assert!(told("here, on the results: months=6").is_empty());
    }
}
