//! URLs that somebody signs: the `signedUrl` scheme of the authentication extension. Its API is told an href, or
//! the bucket and key of it, and answers with a URL that works for a while.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::Url;

use super::href;
use crate::http::{self, Request, shown};
use crate::report::lock;

/// Whom an API is asked through: nothing is remembered, and credentials go only to the origin they are for.
pub(super) type Desk = Arc<dyn Fn(&Request) -> Result<http::Document, http::Error> + Send + Sync>;

/// Where the signed URL is looked for where the scheme does not say.
const USUAL_FIELDS: [&str; 5] = ["signed_url", "signedUrl", "signed_href", "href", "url"];

/// Signatures that are refused as soon as they are made, before it is believed that a new one helps no more …
const MOST: u32 = 8;
/// … and how long one must have lived to have been of use.
const USEFUL: Duration = Duration::from_secs(1);

/// How one asset's URL gets signed.
pub(super) struct Signing {
    request: Request,
    field: Option<String>,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    last: Option<Instant>,
    in_vain: u32,
}

/// A URL that works for a while.
pub(super) struct Signed {
    pub(super) url: Url,
    /// When it stops working, where it says so.
    pub(super) expires: Option<Instant>,
}

impl Signing {
    /// How `scheme` signs `href`. `None` for a scheme of another type.
    ///
    /// # Errors
    /// In words, where it asks for what nobody here knows.
    pub(super) fn of(scheme: &Map<String, Value>, href: &Url) -> Result<Option<Signing>, String> {
        if scheme.get("type").and_then(Value::as_str) != Some("signedUrl") {
            return Ok(None);
        }
        let flows = scheme.get("flows").and_then(Value::as_object).into_iter().flat_map(Map::values);
        let flow = flows.filter_map(Value::as_object).find(|flow| flow.contains_key("authorizationApi"));
        let flow = flow.ok_or("its catalogue says that URLs are signed, but not by whom")?;
        let text = |key: &str| flow.get(key).and_then(Value::as_str);
        let api = text("authorizationApi").and_then(|api| Url::parse(api).ok());
        let api = api.filter(|api| matches!(api.scheme(), "http" | "https"));
        let api = api.ok_or("its catalogue names no URL to sign others at")?;
        let mut request = match text("method").unwrap_or("GET").to_ascii_uppercase().as_str() {
            "POST" => Request::post(api, &json!({})),
            "GET" => Request::get(api),
            other => return Err(format!("its URLs are signed by {other}, which is not understood")),
        };
        let mut body = Map::new();
        for (name, parameter) in flow.get("parameters").and_then(Value::as_object).into_iter().flatten() {
            let Some(value) = value_of(name, parameter, href) else {
                if parameter.get("required").and_then(Value::as_bool) == Some(true) {
                    return Err(format!(
                        "to sign its URLs, {} asks for {name}, which nothing tells",
                        shown(&request.url)
                    ));
                }
                continue;
            };
            let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match parameter.get("in").and_then(Value::as_str) {
                Some("body") => drop(body.insert(name.clone(), value)),
                Some("header") => request.headers.push((name.clone(), plain)),
                _ => drop(request.url.query_pairs_mut().append_pair(name, &plain)),
            }
        }
        if !body.is_empty() {
            request.body = Some(Value::Object(body).to_string().into_bytes());
        }
        Ok(Some(Signing { request, field: text("responseField").map(str::to_owned), made: Mutex::default() }))
    }

    /// Whether another signature may help where the last one was refused: it may have come to its end.
    pub(super) fn may_help(&self) -> bool {
        let mut made = lock(&self.made);
        let lived = made.last.is_none_or(|last| last.elapsed() > USEFUL);
        made.in_vain = if lived { 0 } else { made.in_vain + 1 };
        made.in_vain < MOST
    }

    /// A URL that works now.
    pub(super) fn sign(&self, desk: &Desk) -> Result<Signed, http::Error> {
        let document = desk(&self.request)?;
        let url = self
            .url_in(&document.body)
            .map_err(|why| http::Error::Unexpected { url: shown(&document.url), why })?;
        lock(&self.made).last = Some(Instant::now());
        Ok(Signed { expires: expiry(&url), url })
    }

    /// The signed URL in an answer: JSON, or the URL itself.
    fn url_in(&self, body: &[u8]) -> Result<Url, String> {
        let json: Option<Value> = serde_json::from_slice(body).ok();
        let text = match (&json, &self.field) {
            (Some(Value::String(url)), _) => Some(url.as_str()),
            (Some(json), Some(field)) => json.get(field).and_then(Value::as_str),
            (Some(json), None) => USUAL_FIELDS.iter().find_map(|field| json.get(field)?.as_str()),
            (None, _) => std::str::from_utf8(body).ok().map(str::trim),
        };
        let url = text
            .and_then(|text| Url::parse(text).ok())
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let field = self.field.as_deref().unwrap_or("signed_url");
        url.ok_or_else(|| format!("it signs URLs, but its answer holds none in {field}"))
    }
}

/// What a parameter of a signing API is to be.
fn value_of(name: &str, parameter: &Value, href: &Url) -> Option<Value> {
    let object = || href::s3_object(href);
    match name.to_ascii_lowercase().as_str() {
        "href" | "url" | "uri" => Some(json!(href.as_str())),
        "bucket" | "bucket_name" | "bucketname" => object().map(|(bucket, _)| json!(bucket)),
        "key" | "object_key" | "path" => object().map(|(_, key)| json!(key)),
        _ => {
            let schema = parameter.get("schema")?;
            schema.get("const").or_else(|| schema.get("default")).cloned()
        }
    }
}

/// When a signed URL comes to its end: AWS's signatures of version 4 and 2, Google's, and Azure's say it.
fn expiry(url: &Url) -> Option<Instant> {
    let find = |wanted: &str| {
        let mut pairs = url.query_pairs().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        pairs.next().map(|(_, value)| value.into_owned())
    };
    let lasting = |prefix: &str| {
        let seconds: i64 = find(&format!("{prefix}-Expires"))?.parse().ok()?;
        let date = find(&format!("{prefix}-Date"))?;
        let from = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
        let from = from.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        from.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
    };
    let until = lasting("X-Amz")
        .or_else(|| lasting("X-Goog"))
        .or_else(|| Timestamp::from_second(find("Expires")?.parse().ok()?).ok())
        .or_else(|| find("se")?.parse().ok())?;
    let left = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO);
    Instant::now().checked_add(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;

    fn scheme(method: &str, parameters: Value, field: Option<&str>) -> Map<String, Value> {
        let mut flow = json!({ "authorizationApi": "https://sign.example/v1?k=1", "method": method,
                               "parameters": parameters });
        if let Some(field) = field {
            flow["responseField"] = json!(field);
        }
        let scheme = json!({ "type": "signedUrl", "flows": { "authorizationCode": flow } });
        scheme.as_object().unwrap().clone()
    }

    fn asked(scheme: &Map<String, Value>, href: &str) -> Result<Request, String> {
        Signing::of(scheme, &Url::parse(href).unwrap()).map(|signing| signing.unwrap().request)
    }

    #[test]
    fn requests_are_those_that_the_scheme_describes() {
        let get = scheme(
            "GET",
            json!({ "href": { "in": "query", "required": true }, "duration": { "in": "query", "required": false },
                    "X-Kind": { "in": "header", "required": true, "schema": { "default": 7 } } }),
            Some("href"),
        );
        let request = asked(&get, "https://a.example/x y.tif").unwrap();
        assert_eq!(
            request.url.as_str(),
            "https://sign.example/v1?k=1&href=https%3A%2F%2Fa.example%2Fx%2520y.tif"
        );
        assert_eq!((request.headers, request.body), (vec![("X-Kind".into(), "7".into())], None));

        let post = scheme("post", json!({ "bucket": { "in": "body" }, "key": { "in": "body" } }), None);
        for href in ["s3://b/a/c%2Bd.tif", "https://b.s3.us-west-2.amazonaws.com/a/c+d.tif"] {
            let request = asked(&post, href).unwrap();
            let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
            assert_eq!(
                (request.method, body),
                (Method::POST, json!({ "bucket": "b", "key": "a/c+d.tif" })),
                "{href}"
            );
        }
        let unknown = scheme("GET", json!({ "user": { "in": "query", "required": true } }), None);
        assert!(asked(&unknown, "https://a.example/x").unwrap_err().contains("user"));
        assert!(asked(&scheme("PATCH", json!({}), None), "https://a.example/x").is_err());
        let other = json!({ "type": "http", "scheme": "basic" });
        let href = Url::parse("https://a.example/x").unwrap();
        assert!(Signing::of(other.as_object().unwrap(), &href).unwrap().is_none());
        let mut local = scheme("GET", json!({}), None);
        local["flows"]["authorizationCode"]["authorizationApi"] = json!("file:///etc/passwd");
        assert!(asked(&local, "https://a.example/x").is_err());
    }

    #[test]
    fn the_url_is_where_the_scheme_says_or_where_it_usually_is() {
        let found = |field, body: &str| {
            let signing =
                Signing::of(&scheme("GET", json!({}), field), &Url::parse("https://a.example/x").unwrap());
            signing.unwrap().unwrap().url_in(body.as_bytes()).map(String::from)
        };
        let want = Ok("https://a.example/x?sig=1".to_owned());
        assert_eq!(
            found(Some("u"), r#"{"u":"https://a.example/x?sig=1","href":"https://b.example/"}"#),
            want
        );
        assert_eq!(found(None, r#"{"signed_url":"https://a.example/x?sig=1"}"#), want);
        assert_eq!(found(None, r#""https://a.example/x?sig=1""#), want);
        assert_eq!(found(None, "https://a.example/x?sig=1\n"), want);
        assert!(found(Some("u"), r#"{"error":"no"}"#).unwrap_err().contains("none in u"));
        assert!(found(None, r#"{"url":"file:///etc/passwd"}"#).is_err());
    }

    #[test]
    fn signatures_say_when_they_end() {
        let left = |query: &str| {
            let end = expiry(&Url::parse(&format!("https://a.example/x?{query}")).unwrap())?;
            Some(end.saturating_duration_since(Instant::now()).as_secs().div_ceil(60))
        };
        let now = Timestamp::now();
        let date = now.strftime("%Y%m%dT%H%M%SZ");
        assert_eq!(left(&format!("X-Amz-Date={date}&X-Amz-Expires=300&X-Amz-Signature=a")), Some(5));
        assert_eq!(left(&format!("Expires={}&Signature=a", now.as_second() + 600)), Some(10));
        let end = Timestamp::from_second(now.as_second() + 900).unwrap();
        assert_eq!(left(&format!("se={end}&sig=a")), Some(15));
        assert_eq!(left("Expires=1&Signature=a"), Some(0));
        assert_eq!((left("sig=a"), left("X-Amz-Expires=soon")), (None, None));
    }
}
