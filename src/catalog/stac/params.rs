//! A search as an API takes it: a JSON body, or the same as a query string.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value, json};
use url::Url;

use super::single::by_query;
use crate::http::{Method, Request};
use crate::query::FieldOrder;

/// What is escaped in a value of a query string: everything but letters, digits and what servers' own links
/// leave as it is (`,` between numbers, `:` and `/` in times and ids). `+` would be read as a space.
const VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'+')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A CQL2 filter in both spellings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    pub(super) text: String,
    pub(super) json: Value,
}

/// Which spelling of CQL2 goes where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// Text by GET, JSON by POST: the filter extension's defaults.
    Usual,
    /// JSON always (stac-server).
    Json,
    /// Text always.
    Text,
}

/// One search for an API.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Params {
    pub(super) collections: Vec<String>,
    pub(super) ids: Vec<String>,
    /// West, south, east, north; always four numbers: stac-server misreads six.
    pub(super) bbox: Option<[f64; 4]>,
    pub(super) intersects: Option<Value>,
    /// An interval, never an instant: stac-server takes an instant for an exact match.
    pub(super) datetime: Option<String>,
    pub(super) query: Option<Value>,
    pub(super) filter: Option<(Filter, Language)>,
    pub(super) q: Vec<String>,
    pub(super) sortby: Vec<FieldOrder>,
    /// Properties that an outline shows; `None` asks for whole items.
    pub(super) outline: Option<Vec<String>>,
}

impl Params {
    /// One page of it at the search endpoint.
    pub(super) fn step(&self, method: &Method, endpoint: &Url, limit: u32) -> Step {
        let body = self.body(method, limit);
        if *method == Method::POST {
            return Step {
                method: Method::POST,
                url: endpoint.clone(),
                headers: Vec::new(),
                body: Some(body),
            };
        }
        Step::get(with_query(endpoint, &body))
    }

    /// Whether this method's query cannot carry one of the ids in it.
    pub(super) fn is_untold(&self, method: &Method) -> bool {
        self.collections.iter().chain(&self.ids).any(|id| !by_query(method, id))
    }

    fn body(&self, method: &Method, limit: u32) -> Map<String, Value> {
        let mut body = Map::new();
        let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
        if !self.collections.is_empty() {
            put("collections", json!(self.collections));
        }
        if !self.ids.is_empty() {
            put("ids", json!(self.ids));
        }
        if let Some(bbox) = self.bbox {
            put("bbox", Value::Array(bbox.iter().map(|n| number(*n)).collect()));
        }
        if let Some(area) = &self.intersects {
            put("intersects", area.clone());
        }
        if let Some(datetime) = &self.datetime {
            put("datetime", json!(datetime));
        }
        if let Some(query) = &self.query {
            put("query", query.clone());
        }
        if let Some((filter, language)) = &self.filter {
            let as_text = match language {
                Language::Usual => *method != Method::POST,
                Language::Json => false,
                Language::Text => true,
            };
            put("filter", if as_text { json!(filter.text) } else { filter.json.clone() });
            put("filter-lang", json!(if as_text { "cql2-text" } else { "cql2-json" }));
        }
        if !self.q.is_empty() {
            put("q", json!(self.q));
        }
        if !self.sortby.is_empty() {
            put("sortby", Value::Array(self.sortby.iter().map(sort_key).collect()));
        }
        if let Some(properties) = &self.outline {
            put("fields", outline(properties));
        }
        put("limit", json!(limit));
        body
    }
}

/// The fields extension has two readings: the specification adds what is included to a default set, and
/// stac-server 5 sends exactly that. Naming both sides comes to the same with either.
fn outline(properties: &[String]) -> Value {
    let properties = properties.iter().map(|name| format!("properties.{name}"));
    let include: Vec<String> =
        ["id", "type", "collection"].into_iter().map(str::to_owned).chain(properties).collect();
    json!({ "include": include, "exclude": ["assets", "bbox", "geometry", "links"] })
}

/// `10.0` as `10`: shorter, and what people write.
fn number(n: f64) -> Value {
    if n.fract() == 0.0 && n.abs() < 1e9 { json!(n as i64) } else { json!(n) }
}

/// stac-server sorts by the stored field, which stands below `properties`; pgstac takes both spellings.
fn sort_key(order: &FieldOrder) -> Value {
    let own = ["id", "collection", "geometry", "bbox"].contains(&order.field.as_str());
    let field = if own { order.field.clone() } else { format!("properties.{}", order.field) };
    json!({ "field": field, "direction": if order.descending { "desc" } else { "asc" } })
}

/// A search body as a query string, laid over the endpoint's own.
fn with_query(endpoint: &Url, body: &Map<String, Value>) -> Url {
    let mut pairs: Vec<String> = endpoint.query().map(str::to_owned).into_iter().collect();
    for (key, value) in body {
        let text = match (key.as_str(), value) {
            ("sortby", Value::Array(keys)) => keys.iter().map(sort_text).collect::<Vec<_>>().join(","),
            ("intersects" | "query" | "filter", Value::Object(_)) => value.to_string(),
            ("fields", Value::Object(fields)) => fields_text(fields),
            (_, Value::Array(members)) => {
                members.iter().map(|m| crate::item::text(m).unwrap_or_default()).collect::<Vec<_>>().join(",")
            }
            (_, Value::String(text)) => text.clone(),
            (_, Value::Null) => continue,
            (_, other) => other.to_string(),
        };
        pairs.push(format!("{key}={}", utf8_percent_encode(&text, VALUE)));
    }
    let mut url = endpoint.clone();
    url.set_query(Some(&pairs.join("&")));
    url
}

fn sort_text(key: &Value) -> String {
    let sign = if key.get("direction").and_then(Value::as_str) == Some("desc") { "-" } else { "+" };
    format!("{sign}{}", key.get("field").and_then(Value::as_str).unwrap_or_default())
}

fn fields_text(fields: &Map<String, Value>) -> String {
    let of = |key: &str, sign: &str| {
        let members = fields.get(key).and_then(Value::as_array).into_iter().flatten();
        members.filter_map(Value::as_str).map(|field| format!("{sign}{field}")).collect::<Vec<_>>()
    };
    [of("include", ""), of("exclude", "-")].concat().join(",")
}

/// One request for a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Map<String, Value>>,
}

impl Step {
    pub(super) fn get(url: Url) -> Step {
        Step { method: Method::GET, url, headers: Vec::new(), body: None }
    }

    pub(super) fn request(&self) -> Request {
        Request {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: self.body.as_ref().map(|body| Value::Object(body.clone()).to_string().into_bytes()),
        }
    }

    /// The same by GET: what a POST says in its body goes into the query.
    pub(super) fn by_get(&self) -> Step {
        match &self.body {
            Some(body) => Step { headers: self.headers.clone(), ..Step::get(with_query(&self.url, body)) },
            None => self.clone(),
        }
    }

    /// The page size it asks for, where it says.
    pub(super) fn limit(&self) -> Option<u32> {
        match &self.body {
            Some(body) => body.get("limit")?.as_u64()?.try_into().ok(),
            None => self.url.query_pairs().find(|(key, _)| key == "limit")?.1.parse().ok(),
        }
    }

    /// The same for pages of another size. `None` where that would be another place in the listing: pages
    /// counted by number, or no size to change.
    pub(super) fn with_limit(&self, limit: u32) -> Option<Step> {
        self.limit()?;
        let mut step = self.clone();
        let counted =
            |key: &str| ["page", "pagenumber", "startpage"].contains(&key.to_ascii_lowercase().as_str());
        match &mut step.body {
            Some(body) if body.keys().any(|key| counted(key)) => return None,
            Some(body) => {
                body.insert("limit".into(), json!(limit));
            }
            None if self.url.query_pairs().any(|(key, _)| counted(&key)) => return None,
            None => {
                let query = self.url.query().unwrap_or_default().split('&');
                let pair = |pair: &str| match pair.split_once('=') {
                    Some(("limit", _)) => format!("limit={limit}"),
                    _ => pair.to_owned(),
                };
                step.url.set_query(Some(&query.map(pair).collect::<Vec<_>>().join("&")));
            }
        }
        Some(step)
    }

    /// What makes two steps the same: a server that sends one twice goes in a circle.
    pub(super) fn fingerprint(&self) -> String {
        let body = self.body.as_ref().map(|body| Value::Object(body.clone()).to_string()).unwrap_or_default();
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>();
        format!("{} {}\n{}\n{body}", self.method, self.url, headers.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Url {
        Url::parse("https://h.example/search?f=json").unwrap()
    }

    fn order(field: &str, descending: bool) -> FieldOrder {
        FieldOrder { field: field.into(), descending }
    }

    #[test]
    fn the_same_search_by_get_and_by_post() {
        let params = Params {
            collections: vec!["a".into(), "b c".into()],
            bbox: Some([-10.0, 0.5, 20.0, 1.0]),
            datetime: Some("2018-01-01T00:00:00Z/..".into()),
            sortby: vec![order("datetime", true), order("id", false)],
            query: Some(json!({ "gsd": { "lt": 10 } })),
            ..Params::default()
        };
        let get = params.step(&Method::GET, &endpoint(), 256);
        let want = "https://h.example/search?f=json&collections=a,b%20c&bbox=-10,0.5,20,1\
            &datetime=2018-01-01T00:00:00Z/..&query=%7B%22gsd%22:%7B%22lt%22:10%7D%7D\
            &sortby=-properties.datetime,%2Bid&limit=256";
        assert_eq!(get.url.as_str(), want);
        let post = params.step(&Method::POST, &endpoint(), 256);
        assert_eq!(post.url, endpoint());
        let body = Value::Object(post.body.clone().unwrap());
        let want = json!({
            "collections": ["a", "b c"], "bbox": [-10, 0.5, 20, 1], "datetime": "2018-01-01T00:00:00Z/..",
            "query": { "gsd": { "lt": 10 } }, "limit": 256,
            "sortby": [{ "field": "properties.datetime", "direction": "desc" }, { "field": "id", "direction": "asc" }],
        });
        assert_eq!(body, want);
        assert_eq!(post.by_get().url, get.url);
    }

    #[test]
    fn an_outline_names_what_it_wants_and_what_not() {
        let params = Params { outline: Some(vec!["datetime".into()]), ..Params::default() };
        let url = params.step(&Method::GET, &Url::parse("https://h.example/search").unwrap(), 1).url;
        let want = "fields=id,type,collection,properties.datetime,-assets,-bbox,-geometry,-links&limit=1";
        assert_eq!(url.query(), Some(want));
    }

    #[test]
    fn the_language_of_a_filter_follows_the_server() {
        let filter = Filter { text: "gsd < 10".into(), json: json!({ "op": "<" }) };
        let of = |language, method: &Method| {
            let params = Params { filter: Some((filter.clone(), language)), ..Params::default() };
            params.body(method, 1)["filter-lang"].as_str().unwrap().to_owned()
        };
        assert_eq!(of(Language::Usual, &Method::GET), "cql2-text");
        assert_eq!(of(Language::Usual, &Method::POST), "cql2-json");
        assert_eq!(of(Language::Json, &Method::GET), "cql2-json");
        assert_eq!(of(Language::Text, &Method::POST), "cql2-text");
    }

    #[test]
    fn page_sizes_change_only_where_the_place_stays() {
        let step = |text: &str| Step::get(Url::parse(text).unwrap());
        let token = step("https://h.example/search?token=next%3Ax&limit=256&x=1");
        assert_eq!(token.limit(), Some(256));
        let want = "https://h.example/search?token=next%3Ax&limit=128&x=1";
        assert_eq!(token.with_limit(128).unwrap().url.as_str(), want);
        assert_eq!(step("https://h.example/search?page=3&limit=256").with_limit(128), None);
        assert_eq!(step("https://h.example/search?token=a").with_limit(128), None);
        let body = json!({ "limit": 256, "token": "a" }).as_object().cloned();
        let post = Step { method: Method::POST, body, ..step("https://h.example/search") };
        assert_eq!(post.with_limit(8).unwrap().limit(), Some(8));
    }
}
