use super::*;
use crate::config::{KeySource, Secret};

fn keys() -> S3Keys {
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    S3Keys { id: "AKIAIOSFODNN7EXAMPLE".into(), secret, token: None }
}

fn store(name: &str, endpoint: Option<&str>, buckets: &[&str], budget: Option<u64>) -> S3Store {
    S3Store {
        name: name.into(),
        endpoint: endpoint.map(url),
        buckets: buckets.iter().map(|name| (*name).to_owned()).collect(),
        region: None,
        keys: Some(KeySource::Given(keys())),
        budget,
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn signed(stores: &Stores, text: &str) -> (Url, HeaderMap, Option<Used>) {
    let (mut url, mut headers) = (url(text), HeaderMap::new());
    let used = stores.sign(&Method::GET, &mut url, &mut headers).unwrap();
    (url, headers, used)
}

fn region(text: &str) -> HeaderMap {
    HeaderMap::from_iter([("x-amz-bucket-region".parse().unwrap(), HeaderValue::from_str(text).unwrap())])
}

fn parameter(url: &Url, wanted: &str) -> Option<String> {
    url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
}

/// Method, URL, session token, whether we pay, signature.
type Vector = (Method, &'static str, Option<&'static str>, bool, &'static str);

/// AWS's example key and time, as botocore 1.44 (`S3SigV4QueryAuth`) signs for an hour.
const VECTORS: &[Vector] = &[
    (
        Method::GET,
        "https://examplebucket.s3.amazonaws.com/test.txt",
        None,
        false,
        "b6853c82ee714d27db80198e4344d53703faf33b6bcce8dbc96a96879a857a22",
    ),
    (
        Method::HEAD,
        "https://examplebucket.s3.amazonaws.com/test.txt",
        None,
        false,
        "db211b5f94bdb481cddcc81091d9ae3743377c005b030d310bd37e80822fd8ef",
    ),
    (
        Method::GET,
        "https://examplebucket.s3.amazonaws.com/a%20b/c%2Bd%C3%A9~_-.tif",
        None,
        false,
        "3e35d5e0d50840109d2e80814f43e42424778ddc0a79052415bdba25cefdc315",
    ),
    (
        Method::GET,
        "https://examplebucket.s3.amazonaws.com/test.txt?versionId=a%2Fb%20c",
        None,
        false,
        "81b0f5f821cd1305ca1b9ef7804a0f11a6ff129590c98ab79e46051432c38aa5",
    ),
    (
        Method::GET,
        "https://examplebucket.s3.amazonaws.com/test.txt",
        Some("tok/en+=="),
        false,
        "7dff0fc75a34e2134d29476928de99c91f5d85721ea08204a8e5683b25949503",
    ),
    (
        Method::GET,
        "https://examplebucket.s3.amazonaws.com/test.txt",
        None,
        true,
        "bc4410b8ddf79d7e7887c9940fbbddb037b34b6962e50bccd578a207c67a5a17",
    ),
    (
        Method::GET,
        "https://examplebucket.s3.amazonaws.com/test.txt",
        Some("tok/en+=="),
        true,
        "e385319b5d3288470a88d881dc793f3acb80b2d1793fa9501186dd4a95d8abbc",
    ),
    (
        Method::GET,
        "http://127.0.0.1:9000/examplebucket/test.txt",
        None,
        false,
        "9fc218067e2f9065ab78577d0d6744dab7aa8eed275e2b172f66310af89809aa",
    ),
];

#[test]
fn signatures_are_those_of_independent_code() {
    let at: Timestamp = "2013-05-24T00:00:00Z".parse().unwrap();
    for (method, text, token, pays, want) in VECTORS {
        let mut url = url(text);
        let mut headers = HeaderMap::new();
        let keys = S3Keys { token: token.map(Secret::new), ..keys() };
        let purse = Arc::new(Purse { left: AtomicU64::new(1), budget: 1, store: String::new() });
        let at_bucket = (0, "examplebucket".to_owned());
        let purse = pays.then_some(purse);
        let used = Used { at: at_bucket, region: "us-east-1".into(), keys: None, purse };
        presign(method, &mut url, &mut headers, &keys, &used, at);
        assert_eq!(parameter(&url, "X-Amz-Signature").as_deref(), Some(*want), "{url}");
    }
}

#[test]
fn urls_at_aws_are_understood() {
    let of =
        |text: &str| at_aws(&url(text)).map(|(bucket, key, region)| format!("{bucket} {key} {region:?}"));
    for (text, want) in [
        ("https://b.s3.amazonaws.com/k/l", "b k/l None"),
        ("https://b.s3.us-west-2.amazonaws.com/k", "b k Some(\"us-west-2\")"),
        ("https://b.s3-us-west-2.amazonaws.com/k%20l", "b k l Some(\"us-west-2\")"),
        ("https://my.b.s3.us-west-2.amazonaws.com/k", "my.b k Some(\"us-west-2\")"),
        ("https://s3.us-west-2.amazonaws.com/b/k", "b k Some(\"us-west-2\")"),
        ("https://s3.amazonaws.com/b/k", "b k None"),
    ] {
        assert_eq!(of(text).as_deref(), Some(want), "{text}");
    }
    for other in ["https://x.execute-api.us-west-2.amazonaws.com/prod", "https://s3.amazonaws.com.evil/b/k"] {
        assert_eq!(of(other), None, "{other}");
    }
}

#[test]
fn an_object_is_asked_for_at_the_right_endpoint() {
    let stores = Stores::new(vec![
        store("cdse", Some("https://eodata.example/"), &["eodata"], None),
        store("", None, &[], None),
    ]);
    let of = |bucket: &str, region: Option<&str>, endpoint: Option<&str>| {
        let object = Object {
            bucket: bucket.into(),
            key: "a b/c+d.tif".into(),
            region: region.map(str::to_owned),
            endpoint: endpoint.map(url),
        };
        String::from(stores.url(&object).unwrap())
    };
    assert_eq!(of("x", None, None), "https://x.s3.amazonaws.com/a%20b/c%2Bd.tif");
    assert_eq!(of("x", Some("eu-west-1"), None), "https://x.s3.eu-west-1.amazonaws.com/a%20b/c%2Bd.tif");
    assert_eq!(of("x.y", Some("eu-west-1"), None), "https://s3.eu-west-1.amazonaws.com/x.y/a%20b/c%2Bd.tif");
    assert_eq!(of("eodata", None, None), "https://eodata.example/eodata/a%20b/c%2Bd.tif");
    assert_eq!(of("x", None, Some("https://o.example:9/s3")), "https://o.example:9/s3/x/a%20b/c%2Bd.tif");
}

#[test]
fn keys_go_where_they_are_configured_for_and_only_when_needed() {
    let stores = Stores::new(vec![
        store("cdse", Some("https://eodata.example/"), &["eodata"], None),
        store("", None, &[], None),
    ]);
    let (asked, _, used) = signed(&stores, "https://eodata.example/eodata/x");
    assert_eq!(asked.query(), None, "anonymous first");
    assert!(stores.learn(&used.unwrap(), 403, &HeaderMap::new()));
    let (asked, _, used) = signed(&stores, "https://eodata.example/eodata/x?versionId=7");
    assert!(parameter(&asked, "X-Amz-Signature").is_some() && parameter(&asked, "versionId").is_some());
    assert!(!stores.learn(&used.unwrap(), 403, &HeaderMap::new()), "the same keys would be refused again");
    for elsewhere in [
        "https://evil.example/eodata/x",
        "http://eodata.example/eodata/x",
        "https://eodata.example/other/x",
        "http://b.s3.amazonaws.com/x",
        "https://b.s3.amazonaws.com/x?X-Amz-Signature=1&X-Amz-Date=2",
    ] {
        assert!(signed(&stores, elsewhere).2.is_none(), "{elsewhere}");
    }
}

#[test]
fn the_region_is_what_the_server_says() {
    let stores = Stores::new(vec![store("", None, &[], None)]);
    let (_, _, used) = signed(&stores, "https://b.s3.amazonaws.com/k");
    assert!(stores.learn(&used.unwrap(), 301, &region("eu-west-3")));
    let (asked, _, used) = signed(&stores, "https://b.s3.amazonaws.com/k");
    assert_eq!(asked.as_str(), "https://b.s3.eu-west-3.amazonaws.com/k");
    assert!(!stores.learn(used.as_ref().unwrap(), 301, &region("eu-west-3")), "known");
    assert!(!stores.learn(used.as_ref().unwrap(), 301, &region("x.evil.example/")), "no region");
    assert!(stores.learn(&used.unwrap(), 403, &HeaderMap::new()));
    let (asked, ..) = signed(&stores, "https://b.s3.amazonaws.com/k");
    assert!(parameter(&asked, "X-Amz-Credential").unwrap().contains("/eu-west-3/s3/"));
}

#[test]
fn nothing_is_paid_for_unless_it_is_allowed_and_no_more_than_that() {
    let paid = HeaderMap::from_iter([(PAYER.parse().unwrap(), HeaderValue::from_static("requester"))]);
    let ask = |stores: &Stores| {
        let (mut url, mut headers) = (url("https://pay.s3.amazonaws.com/k"), paid.clone());
        stores.sign(&Method::GET, &mut url, &mut headers).map(|used| (url, used.unwrap()))
    };
    let words = ask(&Stores::new(vec![store("", None, &[], None)])).err().unwrap().to_string();
    assert!(words.contains("requester_pays = yes"), "{words}");
    let stores = Stores::new(vec![store("usgs", None, &["pay"], Some(100)), store("", None, &[], None)]);
    let (asked, used) = ask(&stores).unwrap();
    assert!(parameter(&asked, "X-Amz-SignedHeaders").unwrap().contains(PAYER));
    let purse = used.purse.unwrap();
    assert!(purse.pay("u", 60).is_ok() && purse.pay("u", 40).is_ok());
    let error = ask(&stores).err().unwrap();
    assert_eq!(error.errno(), libc::EDQUOT);
    assert!(error.to_string().contains("requester_pays_budget in [s3 usgs]"), "{error}");
    // A bucket that its section names needs no mark; one of another store is not paid for.
    assert!(
        signed(&Stores::new(vec![store("u", None, &["pay"], Some(1))]), "https://pay.s3.amazonaws.com/k")
            .1
            .contains_key(PAYER)
    );
    assert!(!signed(&stores, "https://free.s3.amazonaws.com/k").1.contains_key(PAYER));
}
