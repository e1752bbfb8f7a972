//! What an item says of where its assets are kept and how one gets at them: the storage extension in its two
//! versions, and the authentication extension.

use serde_json::{Map, Value};
use url::Url;

use crate::item::Item;

/// An asset's place, as far as its item tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Storage {
    /// The region of its bucket.
    pub(super) region: Option<String>,
    /// The endpoint of an S3 that is not AWS.
    pub(super) endpoint: Option<Url>,
    /// The account at Azure.
    pub(super) account: Option<String>,
    /// Whether its owner wants the readers to pay.
    pub(super) requester_pays: bool,
}

impl Storage {
    /// The places that an asset's object, or that of one of its alternates, names for an href of this URL scheme, the
    /// first being the one to try first: `storage:refs` into the `storage:schemes` of the item (version 2), else
    /// `storage:region` and `storage:requester_pays` of the object or of the item (1). One at least.
    pub(super) fn all(object: &Map<String, Value>, item: &Item, url_scheme: &str) -> Vec<Storage> {
        let schemes = named(object, item, "storage:refs", "storage:schemes");
        let told: Vec<Storage> =
            schemes.filter_map(|(_, scheme)| Storage::of_scheme(scheme, url_scheme)).collect();
        if !told.is_empty() {
            return told;
        }
        let field = |name: &str| object.get(name).or_else(|| item.property(name));
        vec![Storage {
            region: field("storage:region").and_then(Value::as_str).map(str::to_owned),
            requester_pays: field("storage:requester_pays").and_then(Value::as_bool).unwrap_or(false),
            ..Storage::default()
        }]
    }

    /// What a scheme says of hrefs of this URL scheme. `None` where it is of another kind of store, or leaves open
    /// where its store is.
    fn of_scheme(scheme: &Map<String, Value>, url_scheme: &str) -> Option<Storage> {
        let text = |key: &str| scheme.get(key).and_then(Value::as_str).map(str::to_owned);
        let kind = text("type").unwrap_or_default();
        let endpoint = match (url_scheme, kind.as_str(), text("platform")) {
            ("s3", "ms-azure", _) => return None,
            ("s3", "custom-s3", Some(template)) => Some(endpoint(&template, scheme)?),
            ("abfs" | "abfss" | "az" | "azure" | "wasb" | "wasbs", "aws-s3" | "custom-s3", _) => return None,
            _ => None,
        };
        Some(Storage {
            endpoint,
            region: text("region"),
            account: text("account"),
            requester_pays: scheme.get("requester_pays").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

/// The endpoint of a URI template such as `https://{bucket}.s3.{region}.example.org`: the bucket goes into the
/// path, which every server of the protocol takes.
fn endpoint(template: &str, scheme: &Map<String, Value>) -> Option<Url> {
    let plain = template.replace("{bucket}.", "").replace("/{bucket}", "");
    let full = scheme.iter().fold(plain, |text, (name, value)| match value.as_str() {
        Some(value) => text.replace(&format!("{{{name}}}"), value),
        None => text,
    });
    Url::parse(&full).ok().filter(|url| matches!(url.scheme(), "http" | "https") && !full.contains('{'))
}

/// What the authentication extension says that an asset, or an alternate, wants: for a refusal's words.
pub(super) fn wanted(object: &Map<String, Value>, item: &Item) -> Option<String> {
    let schemes = named(object, item, "auth:refs", "auth:schemes");
    let words: Vec<String> = schemes.filter_map(|(_, scheme)| words(scheme)).collect();
    (!words.is_empty()).then(|| format!("its catalogue says that it wants {}", words.join(", or ")))
}

/// One scheme, and the keys to set for it.
fn words(scheme: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| scheme.get(key).and_then(Value::as_str);
    let flow = |key: &str| {
        let flows = scheme.get("flows")?.as_object()?;
        flows.values().find_map(|flow| flow.get(key)?.as_str())
    };
    Some(match text("type")? {
        "http" if text("scheme") == Some("basic") => "a user and password (username, password)".to_owned(),
        "http" => "a bearer token (token)".to_owned(),
        "apiKey" => {
            let place = if text("in") == Some("query") { "query" } else { "header" };
            format!("an API key ({place}.{})", text("name").unwrap_or("NAME"))
        }
        "oauth2" => match flow("tokenUrl") {
            Some(url) => format!("OAuth 2 (oauth2_token_url = {url}, client_id, client_secret)"),
            None => "OAuth 2 (oauth2_token_url, client_id, client_secret)".to_owned(),
        },
        "openIdConnect" => format!(
            "OpenID Connect (oauth2_token_url as {} tells, client_id, and client_secret or a login)",
            text("openIdConnectUrl").unwrap_or("its operator")
        ),
        "s3" => "S3 keys (an [s3 NAME] section)".to_owned(),
        "signedUrl" => format!(
            "URLs signed by {} (if it refuses, a [credential NAME] section with its origin)",
            flow("authorizationApi").unwrap_or("its operator")
        ),
        other => other.to_owned(),
    })
}

/// The authentication schemes that an asset, or an alternate, refers to.
pub(super) fn schemes<'a>(
    object: &'a Map<String, Value>,
    item: &'a Item,
) -> impl Iterator<Item = &'a Map<String, Value>> {
    named(object, item, "auth:refs", "auth:schemes").map(|(_, scheme)| scheme)
}

/// The schemes that an object refers to by name.
fn named<'a>(
    object: &'a Map<String, Value>,
    item: &'a Item,
    refs: &str,
    schemes: &str,
) -> impl Iterator<Item = (&'a str, &'a Map<String, Value>)> {
    let schemes = item.property(schemes).or_else(|| item.feature().get(schemes)).and_then(Value::as_object);
    let names = object.get(refs).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    names.filter_map(move |name| Some((name, schemes?.get(name)?.as_object()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item() -> Item {
        let item = json!({ "type": "Feature", "id": "i", "properties": {
            "storage:requester_pays": false,
            "storage:schemes": {
                "aws": { "type": "aws-s3", "platform": "https://{bucket}.s3.{region}.amazonaws.com",
                         "bucket": "b", "region": "us-west-2", "requester_pays": true },
                "cdse": { "type": "custom-s3", "platform": "https://eodata.example" },
                "far": { "type": "custom-s3", "platform": "https://{bucket}.s3.{region}.example", "region": "r1" },
                "open": { "type": "custom-s3", "platform": "https://{who}.example" },
                "blobs": { "type": "ms-azure", "platform": "https://{account}.blob.core.windows.net", "account": "a" },
            },
            "auth:schemes": {
                "key": { "type": "apiKey", "in": "query", "name": "api_key" },
                "oauth": { "type": "oauth2",
                           "flows": { "clientCredentials": { "tokenUrl": "https://id.example/token" } } },
            },
        }});
        Item::from_json(&item.to_string()).unwrap()
    }

    fn storages(object: Value, url_scheme: &str) -> Vec<Storage> {
        Storage::all(object.as_object().unwrap(), &item(), url_scheme)
    }

    fn storage(object: Value) -> Storage {
        storages(object, "s3").swap_remove(0)
    }

    #[test]
    fn both_versions_are_read() {
        let one = storage(json!({ "storage:region": "eu-west-1", "storage:requester_pays": true }));
        assert_eq!((one.region.as_deref(), one.requester_pays), (Some("eu-west-1"), true));
        let aws = storage(json!({ "storage:refs": ["aws"] }));
        assert_eq!(
            (aws.region.as_deref(), aws.requester_pays, aws.endpoint),
            (Some("us-west-2"), true, None)
        );
        let endpoint = |name: &str| storage(json!({ "storage:refs": [name] })).endpoint.map(String::from);
        assert_eq!(endpoint("cdse").as_deref(), Some("https://eodata.example/"));
        assert_eq!(endpoint("far").as_deref(), Some("https://s3.r1.example/"));
        assert_eq!(endpoint("open"), None, "a template that is not filled in");
        let blobs = storages(json!({ "storage:refs": ["blobs"] }), "abfs").swap_remove(0);
        assert_eq!(blobs.account.as_deref(), Some("a"));
        assert_eq!(storage(json!({ "storage:refs": ["none"] })), Storage::default());
    }

    #[test]
    fn of_several_stores_those_are_taken_that_an_href_can_mean() {
        let all = json!({ "storage:refs": ["none", "blobs", "open", "cdse", "aws"] });
        let s3 = storages(all.clone(), "s3");
        let endpoints: Vec<_> = s3.iter().map(|s| s.endpoint.as_ref().map(Url::as_str)).collect();
        assert_eq!(endpoints, [Some("https://eodata.example/"), None]);
        assert_eq!((s3[0].requester_pays, s3[1].requester_pays), (false, true));
        let azure = storages(all, "abfs");
        assert_eq!(azure.iter().map(|s| s.account.as_deref()).collect::<Vec<_>>(), [Some("a")]);
    }

    #[test]
    fn what_is_wanted_names_the_keys() {
        let words = |refs: Value| wanted(json!({ "auth:refs": refs }).as_object().unwrap(), &item());
        assert!(words(json!(["key"])).unwrap().contains("query.api_key"));
        let both = words(json!(["oauth", "key"])).unwrap();
        assert!(
            both.contains("oauth2_token_url = https://id.example/token") && both.contains(", or "),
            "{both}"
        );
        assert_eq!(words(json!([])), None);
    }
}
