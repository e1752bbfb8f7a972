//! Object stores that speak S3: where a bucket is, whether its requests are signed, and with what.
//!
//! A bucket is asked without keys first; one that refuses is asked with them from then on. The region comes from
//! the server (`x-amz-bucket-region`). Signatures are presigned URLs made anew for each request: they go out in
//! the query, so that a redirect takes none along.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use url::Url;

use super::super::{Error, shown};
use crate::config::{S3Keys, S3Store};
use crate::report::lock;

/// Says that we pay.
pub(in super::super) const PAYER: &str = "x-amz-request-payer";
/// Where the servers do not say otherwise.
const USUAL_REGION: &str = "us-east-1";
/// A signature is made for one request; so long it may wait for its turn at the server.
const LIFE: u64 = 3600;
/// What is escaped in a key: all but RFC 3986's unreserved and `/`, as signatures want it.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// An object of S3, and what its catalogue says of its place.
#[derive(Debug, Clone, Default)]
pub struct Object {
    /// The bucket.
    pub bucket: String,
    /// The key, not escaped.
    pub key: String,
    /// The region.
    pub region: Option<String>,
    /// The endpoint, where it is not AWS.
    pub endpoint: Option<Url>,
}

/// Bucket and decoded key of a URL at AWS: virtual-hosted (`bucket.s3-us-west-2.amazonaws.com`,
/// `bucket.s3.us-west-2.amazonaws.com`, `bucket.s3.amazonaws.com`) or with the bucket in the path.
pub fn object_at_aws(url: &Url) -> Option<(String, String)> {
    at_aws(url).map(|(bucket, key, _)| (bucket, key))
}

/// The same, and the region where the host names it.
fn at_aws(url: &Url) -> Option<(String, String, Option<String>)> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let service = url.host_str()?.strip_suffix(".amazonaws.com")?;
    let path = percent_decode_str(url.path().strip_prefix('/')?).decode_utf8().ok()?;
    let (head, last) = service.rsplit_once('.').unwrap_or(("", service));
    // The region is part of the label `s3-REGION`, or a label of its own after `s3`.
    let (before, region) = match (last, head.rsplit_once('.').unwrap_or(("", head))) {
        ("s3", _) => (head, None),
        (last, _) if last.starts_with("s3-") => (head, last.strip_prefix("s3-")),
        (region, (before, "s3")) => (before, Some(region)),
        _ => return None,
    };
    let region = region.map(str::to_owned);
    match before {
        "" => path.split_once('/').map(|(bucket, key)| (bucket.to_owned(), key.to_owned(), region)),
        bucket => Some((bucket.to_owned(), path.into_owned(), region)),
    }
}

/// What may still be read at our own cost.
#[derive(Debug)]
pub(in super::super) struct Purse {
    left: AtomicU64,
    budget: u64,
    store: String,
}

impl Purse {
    /// Takes the cost of bytes that came in.
    ///
    /// # Errors
    /// Where the budget is used up.
    pub(in super::super) fn pay(&self, url: &str, bytes: u64) -> Result<(), Error> {
        let pay = |left: u64| Some(left.saturating_sub(bytes));
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay).unwrap_or(0);
        match before.checked_sub(bytes) {
            Some(_) if before > 0 => Ok(()),
            _ => Err(Error::Budget {
                url: url.to_owned(),
                why: format!(
                    "the budget of {} bytes at one's own cost (requester pays) is used up; raise requester_pays_budget in {}",
                    self.budget, self.store
                ),
            }),
        }
    }
}

/// All stores, and what was learned of their buckets.
pub(super) struct Stores {
    stores: Vec<Store>,
    buckets: Mutex<HashMap<(usize, String), Bucket>>,
}

struct Store {
    config: S3Store,
    /// The keys in use, once they were needed.
    keys: Mutex<Option<S3Keys>>,
    purse: Option<Arc<Purse>>,
}

/// What asking a bucket has shown.
#[derive(Debug, Clone, Default)]
struct Bucket {
    region: Option<String>,
    /// Whether it is asked with keys.
    is_signed: bool,
}

/// What was done to a request for an object.
pub(super) struct Used {
    at: (usize, String),
    region: String,
    keys: Option<S3Keys>,
    pub(super) purse: Option<Arc<Purse>>,
}

impl Stores {
    pub(super) fn new(stores: Vec<S3Store>) -> Stores {
        let store = |config: S3Store| {
            let purse = |budget| {
                let store = section(&config.name);
                Arc::new(Purse { left: AtomicU64::new(budget), budget, store })
            };
            Store { purse: config.budget.map(purse), keys: Mutex::default(), config }
        };
        Stores { stores: stores.into_iter().map(store).collect(), buckets: Mutex::default() }
    }

    /// Which store and bucket a URL leads to, and the region it names.
    fn find(&self, url: &Url) -> Option<(usize, String, Option<String>)> {
        let of_endpoint = |store: &Store| {
            let endpoint = store.config.endpoint.as_ref()?;
            let rest = url.path().strip_prefix(endpoint.path())?;
            let bucket = rest.trim_start_matches('/').split('/').next()?;
            let bucket = percent_decode_str(bucket).decode_utf8().ok()?.into_owned();
            let serves = store.config.buckets.is_empty() || store.config.buckets.contains(&bucket);
            (endpoint.origin() == url.origin() && serves).then_some(bucket)
        };
        let own =
            self.stores.iter().enumerate().find_map(|(at, store)| Some((at, of_endpoint(store)?, None)));
        own.or_else(|| {
            let (bucket, _, region) = at_aws(url).filter(|_| url.scheme() == "https")?;
            Some((self.of_bucket(&bucket, |store| store.endpoint.is_none())?, bucket, region))
        })
    }

    /// The store that names a bucket, else one that is for all.
    fn of_bucket(&self, bucket: &str, may: impl Fn(&S3Store) -> bool) -> Option<usize> {
        let find = |wanted: &dyn Fn(&S3Store) -> bool| {
            self.stores.iter().position(|store| may(&store.config) && wanted(&store.config))
        };
        find(&|store| store.buckets.iter().any(|name| name == bucket))
            .or_else(|| find(&|store| store.buckets.is_empty()))
    }

    /// Where an object is to be asked for. An endpoint that its catalogue names is believed; keys go there only
    /// where the configuration has it too.
    pub(super) fn url(&self, object: &Object) -> Result<Url, String> {
        let Object { bucket, key, region, endpoint } = object;
        let configured = self.of_bucket(bucket, |_| true).map(|at| &self.stores[at].config);
        let named = configured.filter(|store| store.buckets.contains(bucket));
        let path = utf8_percent_encode(key, KEY);
        let text = match named.or(configured.filter(|_| endpoint.is_none())) {
            Some(S3Store { endpoint: Some(endpoint), .. }) => in_path(endpoint, bucket, key),
            _ => match endpoint {
                Some(endpoint) => in_path(endpoint, bucket, key),
                None => {
                    let region = region.as_deref().or(named.and_then(|store| store.region.as_deref()));
                    let host = region.map_or("s3.amazonaws.com".into(), |r| format!("s3.{r}.amazonaws.com"));
                    // The name of a bucket with dots would not fit the endpoint's certificate.
                    match bucket.contains('.') {
                        true => format!("https://{host}/{bucket}/{path}"),
                        false => format!("https://{bucket}.{host}/{path}"),
                    }
                }
            },
        };
        Url::parse(&text).map_err(|error| format!("{text}: {error}"))
    }

    /// Signs a request, where its bucket wants that. A URL that is signed already stays as it is.
    pub(super) fn sign(
        &self,
        method: &Method,
        url: &mut Url,
        headers: &mut HeaderMap,
    ) -> Result<Option<Used>, Error> {
        let signed = url.query_pairs().any(|(name, _)| name.starts_with("X-Amz-") || name == "Signature");
        let Some((at, bucket, region)) = self.find(url).filter(|_| !signed) else { return Ok(None) };
        if headers.contains_key("authorization") {
            return Ok(None);
        }
        let store = &self.stores[at];
        let learned = lock(&self.buckets).get(&(at, bucket.clone())).cloned().unwrap_or_default();
        let marked = headers.contains_key(PAYER);
        let purse = match &store.purse {
            // A bucket that its section names is known to the user: they said yes to it.
            Some(purse) if marked || store.config.buckets.contains(&bucket) => Some(Arc::clone(purse)),
            _ => None,
        };
        let place = shown(url);
        if marked && purse.is_none() {
            return Err(Error::Denied { url: place, why: unpaid(&bucket) });
        }
        if let Some(purse) = &purse {
            purse.pay(&place, 0)?;
        }
        if let Some(right) = learned.region.as_ref().filter(|right| region.as_ref() != Some(right)) {
            move_to(url, right);
        }
        let region = learned.region.or(region).or_else(|| store.config.region.clone());
        let region = region.unwrap_or_else(|| USUAL_REGION.to_owned());
        let mut used = Used { at: (at, bucket), region, keys: None, purse };
        if learned.is_signed || used.purse.is_some() {
            let keys = store.keys().map_err(|why| Error::Denied { url: place.clone(), why })?;
            let keys = keys.ok_or_else(|| Error::Denied { url: place, why: store.keyless() })?;
            presign(method, url, headers, &keys, &used, Timestamp::now());
            used.keys = Some(keys);
        }
        Ok(Some(used))
    }

    /// Takes in what an answer tells. Whether the request may now succeed.
    pub(super) fn learn(&self, used: &Used, status: u16, headers: &HeaderMap) -> bool {
        if !matches!(status, 301 | 307 | 400 | 401 | 403) {
            return false;
        }
        let store = &self.stores[used.at.0];
        let told = headers.get("x-amz-bucket-region").and_then(|value| value.to_str().ok());
        let told = told.filter(|region| *region != used.region && is_region(region));
        let mut buckets = lock(&self.buckets);
        let bucket = buckets.entry(used.at.clone()).or_default();
        if let Some(region) = told.filter(|_| bucket.region.is_none() || status != 403) {
            bucket.region = Some(region.to_owned());
            return true;
        }
        match (&used.keys, status) {
            // Somebody else may have found it out meanwhile.
            (None, 401 | 403) if bucket.is_signed => true,
            (None, 401 | 403) => {
                bucket.is_signed = matches!(store.keys(), Ok(Some(_)));
                bucket.is_signed
            }
            // Temporary keys end; whoever made them writes new ones into the same file.
            (Some(old), 400 | 401 | 403) => store.renewed(old),
            _ => false,
        }
    }

    /// What to do about a refusal; `None` where the URL is no object of a store.
    pub(super) fn advice(&self, url: &Url) -> Option<String> {
        let (at, bucket, _) = self.find(url)?;
        let store = &self.stores[at];
        Some(match store.keys() {
            Err(why) => why,
            Ok(None) => store.keyless(),
            Ok(Some(keys)) if store.purse.is_none() => format!(
                "the S3 key {} may not read the bucket {bucket}; if its owner wants readers to pay, set requester_pays = \
                 yes in an [s3 NAME] section with buckets = {bucket}",
                keys.id
            ),
            Ok(Some(keys)) => format!("the S3 key {} may not read the bucket {bucket}", keys.id),
        })
    }
}

impl Store {
    /// The keys, fetched when they are first needed.
    fn keys(&self) -> Result<Option<S3Keys>, String> {
        let mut held = lock(&self.keys);
        if held.is_none() {
            *held = self.config.keys.as_ref().map_or(Ok(None), |source| source.fetch())?;
        }
        Ok(held.clone())
    }

    /// Whether there are other keys than those that were refused.
    fn renewed(&self, old: &S3Keys) -> bool {
        let mut held = lock(&self.keys);
        if held.as_ref() == Some(old) {
            *held = self.config.keys.as_ref().and_then(|source| source.fetch().ok()?);
        }
        held.as_ref().is_some_and(|keys| keys != old)
    }

    fn keyless(&self) -> String {
        match &self.config.endpoint {
            Some(endpoint) => format!(
                "it wants S3 keys, and none are configured for {}; set access_key_id and secret_access_key in {}",
                shown(endpoint),
                section(&self.config.name)
            ),
            None => format!(
                "it wants AWS keys, and there are none; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or \
                 profile in {}",
                section(&self.config.name)
            ),
        }
    }
}

/// What a section is called.
fn section(name: &str) -> String {
    if name.is_empty() { "an [s3 NAME] section".to_owned() } else { format!("[s3 {name}]") }
}

fn unpaid(bucket: &str) -> String {
    format!(
        "the owner of the bucket {bucket} wants its readers to pay; to allow that, set requester_pays = yes in an [s3 \
         NAME] section (with buckets = {bucket} for this one alone)"
    )
}

/// An object's URL with the bucket in the path.
fn in_path(endpoint: &Url, bucket: &str, key: &str) -> String {
    let base = endpoint.as_str().trim_end_matches('/');
    format!("{base}/{}/{}", utf8_percent_encode(bucket, KEY), utf8_percent_encode(key, KEY))
}

/// Leads a URL at AWS to another region.
fn move_to(url: &mut Url, region: &str) {
    let Some((bucket, key, _)) = at_aws(url) else { return };
    let path = utf8_percent_encode(&key, KEY);
    let text = match bucket.contains('.') {
        true => format!("https://s3.{region}.amazonaws.com/{bucket}/{path}"),
        false => format!("https://{bucket}.s3.{region}.amazonaws.com/{path}"),
    };
    if let Ok(mut moved) = Url::parse(&text) {
        moved.set_query(url.query());
        *url = moved;
    }
}

/// Whether text can be a region: it becomes part of a host name.
fn is_region(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Puts a signature (AWS Signature Version 4) into a URL's query.
fn presign(
    method: &Method,
    url: &mut Url,
    headers: &mut HeaderMap,
    keys: &S3Keys,
    used: &Used,
    at: Timestamp,
) {
    let verb = match *method {
        Method::HEAD => rusty_s3::Method::Head,
        Method::POST => rusty_s3::Method::Post,
        Method::PUT => rusty_s3::Method::Put,
        _ => rusty_s3::Method::Get,
    };
    let mut query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    query.sort();
    let path = percent_decode_str(url.path()).decode_utf8_lossy().into_owned();
    url.set_path(&utf8_percent_encode(&path, KEY).to_string());
    url.set_query(None);
    let mut signed = Vec::new();
    if used.purse.is_some() {
        headers.insert(PAYER, HeaderValue::from_static("requester"));
        signed.push((PAYER, "requester"));
    }
    *url = rusty_s3::signing::sign(
        &at,
        verb,
        url.clone(),
        &keys.id,
        keys.secret.reveal(),
        keys.token.as_ref().map(crate::config::Secret::reveal),
        &used.region,
        LIFE,
        query.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        signed.into_iter(),
    );
}

#[cfg(test)]
#[path = "s3_tests.rs"]
mod tests;
