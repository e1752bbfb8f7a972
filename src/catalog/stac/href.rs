//! Hrefs of assets: what they point at, and where that is to be had over HTTP.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::storage::Storage;
use crate::http::{S3Object, object_at_aws};
use crate::item::Asset;

/// Where an object of S3 is to be asked for, as [`Http::s3_url`](crate::http::Http::s3_url) knows.
pub(super) type S3Url<'a> = dyn Fn(&S3Object) -> Result<Url, String> + 'a;

/// What is escaped in an object's key when it becomes a path: all but RFC 3986's unreserved and `/`.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Where an href leads.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    /// A URL to ask.
    Url(Url),
    /// Nothing that can be asked: why, and what would help.
    Nowhere(String),
}

/// An href as an absolute URL: RFC 3986 against the item's own URL.
pub(super) fn resolve(href: &str, item: Option<&Url>) -> Option<Url> {
    match item {
        Some(item) => item.join(href).ok(),
        None => Url::parse(href).ok(),
    }
}

/// Where the bytes of a resolved href are to be had. Object stores are rewritten to their public endpoints.
pub(super) fn target(url: &Url, asset: &Asset, storage: &Storage, s3_url: &S3Url) -> Target {
    match url.scheme() {
        "http" | "https" | "file" => Target::Url(url.clone()),
        "s3" => s3(url, storage, s3_url),
        "gs" => bucket(url).map_or_else(nowhere, |(bucket, key)| {
            of(&format!("https://storage.googleapis.com/{bucket}/{}", escaped(&key)))
        }),
        "abfs" | "abfss" | "az" | "azure" | "wasb" | "wasbs" => azure(url, asset, storage),
        "ftp" | "ftps" => Target::Nowhere("ftp is not spoken here; look for an https alternate".into()),
        scheme => Target::Nowhere(format!("`{scheme}:` is not understood; http, https, s3, gs and abfs are")),
    }
}

fn of(text: &str) -> Target {
    Url::parse(text).map_or_else(|e| Target::Nowhere(format!("{text}: {e}")), Target::Url)
}

fn nowhere() -> Target {
    Target::Nowhere("the URL names no bucket and key".into())
}

/// Bucket and decoded key of `scheme://bucket/key`.
fn bucket(url: &Url) -> Option<(String, String)> {
    let key = percent_encoding::percent_decode_str(url.path().trim_start_matches('/')).decode_utf8_lossy();
    let bucket = url.host_str().filter(|host| !host.is_empty())?;
    (!key.is_empty()).then(|| (bucket.to_owned(), key.into_owned()))
}

fn escaped(key: &str) -> String {
    utf8_percent_encode(key, KEY).to_string()
}

/// `s3://bucket/key` at the endpoint for its bucket.
fn s3(url: &Url, storage: &Storage, s3_url: &S3Url) -> Target {
    let Some((bucket, key)) = bucket(url) else {
        return nowhere();
    };
    let (region, endpoint) = (storage.region.clone(), storage.endpoint.clone());
    s3_url(&S3Object { bucket, key, region, endpoint }).map_or_else(Target::Nowhere, Target::Url)
}

/// `abfs://container@account.dfs.core.windows.net/path`, or `abfs://container/path` with the account in the
/// storage extension.
fn azure(url: &Url, asset: &Asset, storage: &Storage) -> Target {
    let Some((host, key)) = bucket(url) else {
        return nowhere();
    };
    let (container, account) = if url.username().is_empty() {
        let account = ["xarray:storage_options", "table:storage_options", "storage:options"]
            .iter()
            .find_map(|field| asset.fields.get(*field)?.get("account_name")?.as_str());
        (host, account.map(str::to_owned).or_else(|| storage.account.clone()))
    } else {
        (url.username().to_owned(), host.split('.').next().map(str::to_owned))
    };
    match account {
        Some(account) => {
            of(&format!("https://{account}.blob.core.windows.net/{container}/{}", escaped(&key)))
        }
        None => Target::Nowhere(format!(
            "{url} names no storage account, and the asset says none (`account_name` in its storage options)"
        )),
    }
}

/// What an object is known by, whatever host or signature leads to it: `s3://bucket/key` for every spelling
/// of an S3 URL, else the URL without secrets and fragment.
pub(super) fn identity(url: &Url) -> String {
    match s3_object(url) {
        Some((bucket, key)) => format!("s3://{bucket}/{key}"),
        None => unsigned(url).into(),
    }
}

/// Bucket and decoded key of an S3 URL: `s3:`, or any spelling of one at AWS.
pub(super) fn s3_object(url: &Url) -> Option<(String, String)> {
    if url.scheme() == "s3" {
        return bucket(url);
    }
    let versioned = url.query_pairs().any(|(name, _)| name == "versionId");
    object_at_aws(url).filter(|_| !versioned)
}

/// A URL without what changes with each signature.
fn unsigned(url: &Url) -> Url {
    let mut plain = url.clone();
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_fragment(None);
    if let Some(query) = url.query() {
        let kept: Vec<&str> = query.split('&').filter(|pair| !crate::http::is_secret(pair, query)).collect();
        plain.set_query((!kept.is_empty()).then(|| kept.join("&")).as_deref());
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn asset(fields: Value) -> Asset {
        Asset { key: "a".into(), fields: fields.as_object().unwrap().clone() }
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn s3_url(object: &S3Object) -> Result<Url, String> {
        Ok(url(&format!("https://s3.example/{}/{}", object.bucket, object.key)))
    }

    #[test]
    fn hrefs_resolve_as_rfc_3986_says() {
        let item = url("https://h.example/c/i/item.json?x=1");
        for (href, want) in [
            ("./B04.tif", "https://h.example/c/i/B04.tif"),
            ("../B04.tif", "https://h.example/c/B04.tif"),
            ("/d/B04.tif", "https://h.example/d/B04.tif"),
            ("//other.example/x", "https://other.example/x"),
            ("a b.tif", "https://h.example/c/i/a%20b.tif"),
            ("s3://bucket/key", "s3://bucket/key"),
        ] {
            assert_eq!(resolve(href, Some(&item)).unwrap().as_str(), want);
        }
        assert_eq!(resolve("./B04.tif", None), None);
    }

    #[test]
    fn object_stores_have_public_endpoints() {
        let plain = asset(json!({}));
        let account = asset(json!({ "xarray:storage_options": { "account_name": "daymet" } }));
        for (href, asset, want) in [
            ("s3://bucket/a b/c+d.tif", &plain, "https://s3.example/bucket/a%20b/c+d.tif"),
            ("gs://bucket/k", &plain, "https://storage.googleapis.com/bucket/k"),
            ("abfs://box@acct.dfs.core.windows.net/k", &plain, "https://acct.blob.core.windows.net/box/k"),
            ("abfs://box/k.zarr", &account, "https://daymet.blob.core.windows.net/box/k.zarr"),
            ("https://h.example/x?y=1", &plain, "https://h.example/x?y=1"),
        ] {
            assert_eq!(
                target(&url(href), asset, &Storage::default(), &s3_url),
                Target::Url(url(want)),
                "{href}"
            );
        }
        for href in ["abfs://box/k", "ftp://h/x", "s3://bucket/", "magnet:?x"] {
            assert!(
                matches!(target(&url(href), &plain, &Storage::default(), &s3_url), Target::Nowhere(_)),
                "{href}"
            );
        }
    }

    #[test]
    fn one_object_has_one_identity() {
        for same in [
            "s3://asc-mars/a/b.tif",
            "https://asc-mars.s3-us-west-2.amazonaws.com/a/b.tif",
            "https://asc-mars.s3.us-west-2.amazonaws.com/a/b.tif",
            "https://asc-mars.s3.amazonaws.com/a/b.tif?X-Amz-Signature=1&X-Amz-Date=2",
            "https://s3.us-west-2.amazonaws.com/asc-mars/a/b.tif",
            "https://s3-us-west-2.amazonaws.com/asc-mars/a/b.tif",
            "https://s3.amazonaws.com/asc-mars/a/b.tif",
        ] {
            assert_eq!(identity(&url(same)), "s3://asc-mars/a/b.tif", "{same}");
        }
        let signed = "https://acct.blob.core.windows.net/box/k.tif?st=1&se=2&sp=rl&sig=abc";
        assert_eq!(identity(&url(signed)), "https://acct.blob.core.windows.net/box/k.tif");
        assert_eq!(identity(&url("https://u:p@h.example/x?bidx=1#f")), "https://h.example/x?bidx=1");
        let versioned = "https://b.s3.amazonaws.com/k?versionId=7";
        assert_eq!(identity(&url(versioned)), versioned);
    }
}
