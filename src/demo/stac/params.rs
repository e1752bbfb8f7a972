//! The parameters of a search, as GET writes them and as POST does.

use super::problem::Problem;
use crate::demo::http::Request;
use serde_json::{Map, Value, json};

/// What was asked, and how, so that a `next` link can ask for more.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// How it was asked.
    pub verb: Verb,
    /// The path below the API root, percent-encoded: `/search`.
    pub path: String,
    /// The query's parameters as sent.
    pub params: Vec<(String, String)>,
    /// All parameters in the form that POST gives them.
    pub body: Map<String, Value>,
    /// The page token of a header.
    pub header: Option<String>,
}

/// How a search is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
}

/// The header that carries a page token, where `next` links have headers.
pub(super) const TOKEN_HEADER: &str = "X-Page-Token";

impl Asked {
    /// Reads the parameters of `request`, whose path is `path`.
    pub fn read(request: &Request, path: &str) -> Result<Asked, Problem> {
        let verb = if request.method == "POST" { Verb::Post } else { Verb::Get };
        let params = request.params();
        let body = match verb {
            Verb::Get => from_get(&params)?,
            Verb::Post => from_post(&request.body)?,
        };
        let header = request.header(TOKEN_HEADER).map(str::to_owned);
        Ok(Asked { verb, path: path.to_owned(), params, body, header })
    }
}

fn from_post(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(Problem::Invalid("the body is not a JSON object".into())),
        Err(error) => Err(Problem::Invalid(format!("the body is not JSON: {error}"))),
    }
}

/// Rewrites the parameters of GET into those of POST; parameters that are not known stay text.
fn from_get(params: &[(String, String)]) -> Result<Map<String, Value>, Problem> {
    let language = params.iter().find(|(name, _)| name == "filter-lang").map(|(_, value)| value.as_str());
    let mut body = Map::new();
    for (name, text) in params {
        let value = match name.as_str() {
            // stac-server writes JSON into the `next` links of GET.
            "ids" if text.starts_with("[\"") => parse(name, text)?,
            "ids" | "collections" | "q" => texts(text),
            "bbox" => numbers(text)?,
            "limit" | "page" | "startIndex" => {
                json!(text.parse::<i64>().map_err(|_| wrong(name, "an integer"))?)
            }
            "intersects" | "query" => parse(name, text)?,
            "filter" if language == Some("cql2-json") => parse(name, text)?,
            // stac-server takes JSON without being told.
            "filter" if text.trim_start().starts_with('{') => parse(name, text)?,
            "sortby" => sort_keys(text),
            "fields" => field_names(text),
            _ => json!(text),
        };
        body.insert(name.clone(), value);
    }
    Ok(body)
}

/// Rewrites the parameters of POST into those of GET.
pub(super) fn to_get(body: &Map<String, Value>) -> Vec<(String, String)> {
    let listed = |list: &Value, one: fn(&Value) -> String| -> String {
        list.as_array().map(|list| list.iter().map(one).collect::<Vec<_>>().join(",")).unwrap_or_default()
    };
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = |(name, value): (&String, &Value)| match name.as_str() {
        "sortby" => listed(value, |key| {
            let sign = if key["direction"] == "desc" { "-" } else { "+" };
            format!("{sign}{}", key["field"].as_str().unwrap_or_default())
        }),
        "fields" => {
            let include = listed(&value["include"], |name| name.as_str().unwrap_or_default().to_owned());
            let exclude = listed(&value["exclude"], |name| format!("-{}", name.as_str().unwrap_or_default()));
            [include, exclude].into_iter().filter(|list| !list.is_empty()).collect::<Vec<_>>().join(",")
        }
        _ if value.is_array() => {
            listed(value, |one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
        }
        _ => plain(value),
    };
    let mut params: Vec<_> = body.iter().map(|(name, value)| (name.clone(), text((name, value)))).collect();
    if body.get("filter").is_some_and(Value::is_object) && !body.contains_key("filter-lang") {
        params.push(("filter-lang".into(), "cql2-json".into()));
    }
    params
}

/// The same as stac-server writes it into its links: `fields` as JSON, even where there are none.
pub(super) fn to_get_with_json(body: &Map<String, Value>) -> Vec<(String, String)> {
    let mut params = to_get(body);
    params.retain(|(name, _)| !["ids", "fields", "filter-lang"].contains(&name.as_str()));
    params.extend(body.get("ids").map(|ids| ("ids".to_owned(), ids.to_string())));
    params.push(("fields".into(), body.get("fields").map_or_else(|| "{}".to_owned(), Value::to_string)));
    params
}

fn wrong(name: &str, wanted: &str) -> Problem {
    Problem::Invalid(format!("{name} is not {wanted}"))
}

fn parse(name: &str, text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text).map_err(|error| Problem::Invalid(format!("{name} is not JSON: {error}")))
}

fn texts(text: &str) -> Value {
    text.split(',').filter(|part| !part.is_empty()).map(Value::from).collect()
}

fn numbers(text: &str) -> Result<Value, Problem> {
    let number = |part: &str| part.trim().parse::<f64>().map_err(|_| wrong("bbox", "a list of numbers"));
    text.split(',').map(number).collect::<Result<Vec<f64>, _>>().map(Value::from)
}

/// The sign of a name and the name. A `+` that was not encoded is a space, and part of the name.
fn signed(part: &str) -> (char, &str) {
    match part.chars().next() {
        Some(sign @ ('-' | '+')) => (sign, &part[1..]),
        _ => ('+', part),
    }
}

fn sort_keys(text: &str) -> Value {
    let key = |part: &str| {
        let (sign, field) = signed(part);
        json!({"field": field, "direction": if sign == '-' { "desc" } else { "asc" }})
    };
    text.split(',').map(key).collect()
}

fn field_names(text: &str) -> Value {
    let (mut include, mut exclude) = (Vec::new(), Vec::new());
    for (sign, name) in text.split(',').map(signed).filter(|(_, name)| !name.is_empty()) {
        if sign == '-' { exclude.push(name) } else { include.push(name) }
    }
    json!({"include": include, "exclude": exclude})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(query: &str) -> Result<Map<String, Value>, Problem> {
        let request =
            Request { method: "GET".into(), target: format!("/search?{query}"), ..Request::default() };
        Asked::read(&request, "/search").map(|asked| asked.body)
    }

    #[test]
    fn get_says_what_post_says() {
        let body =
            get("ids=a,b&bbox=1,2.5,3,4&limit=5&sortby=-properties.datetime,%2Bid,+x&fields=id,-geometry\
             &query=%7B%22a%22%3A1%7D&filter=a%20%3D%201&q=sea%20ice,ocean&other=1");
        let wanted = json!({
            "ids": ["a", "b"], "bbox": [1.0, 2.5, 3.0, 4.0], "limit": 5,
            "sortby": [{"field": "properties.datetime", "direction": "desc"},
                       {"field": "id", "direction": "asc"}, {"field": " x", "direction": "asc"}],
            "fields": {"include": ["id"], "exclude": ["geometry"]},
            "query": {"a": 1}, "filter": "a = 1", "q": ["sea ice", "ocean"], "other": "1"
        });
        assert_eq!(Value::Object(body.unwrap()), wanted);
        let json = get("filter-lang=cql2-json&filter=%7B%22op%22%3A%22isNull%22%7D").unwrap();
        assert_eq!(json["filter"], json!({"op": "isNull"}));
    }

    #[test]
    fn nonsense_is_refused() {
        for query in ["bbox=1,2,x,4", "limit=ten", "intersects=POINT(0 0)", "query=a<1"] {
            assert!(matches!(get(query), Err(Problem::Invalid(_))), "{query}");
        }
        assert!(from_post(b"[]").is_err());
        assert!(from_post(b"{").is_err());
        assert!(from_post(b"").unwrap().is_empty());
    }

    #[test]
    fn post_is_rewritten_for_get() {
        let query = "ids=a,b&bbox=1,2.5,3,4&limit=5&sortby=-datetime,%2Bid&fields=id,-geometry&q=sea";
        let body = get(query).unwrap();
        let again = to_get(&body);
        assert_eq!(from_get(&again).unwrap(), body);
    }
}
