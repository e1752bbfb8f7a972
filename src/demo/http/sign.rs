//! Signed URLs that lose their validity, as presigned S3 URLs and SAS tokens do.

use super::{Request, Response, lock};
use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

/// The query parameter that carries a signature.
const PARAM: &str = "X-Amz-Signature";

/// The signatures that were given out. A request without one is redirected (302) to the same path with a fresh
/// one; with a good one it is served; with a spent or unknown one it is 403 with S3's XML. HEAD of a signed URL
/// is 403, because the method is signed too.
pub struct Signatures {
    lifetime: Lifetime,
    origin: Option<String>,
    given: Mutex<HashMap<String, Given>>,
}

/// How long a signature is good.
#[derive(Clone, Copy, Debug)]
pub enum Lifetime {
    /// For so many requests.
    Requests(u32),
    /// For this long.
    Time(Duration),
}

struct Given {
    at: Instant,
    used: u32,
}

impl Signatures {
    /// Signatures that are good for `lifetime`.
    pub fn new(lifetime: Lifetime) -> Signatures {
        Signatures { lifetime, origin: None, given: Mutex::default() }
    }

    /// Redirects lead to another origin (`http://127.0.0.1:1234`), whose server is given the same fault.
    pub fn at(self, origin: &str) -> Signatures {
        Signatures { origin: Some(origin.to_owned()), ..self }
    }

    /// The response to `request`, unless it is signed and may pass.
    pub(super) fn check(&self, request: &Request) -> Option<Response> {
        if request.param(PARAM).is_none() {
            let origin = self.origin.clone().unwrap_or_else(|| request.origin());
            return Some(Response::redirect(302, &self.sign(&origin, &request.target)));
        }
        self.refuse(request)
    }

    /// The refusal of `request`, unless it bears a good signature.
    pub fn refuse(&self, request: &Request) -> Option<Response> {
        let mut given = lock(&self.given);
        let given = request.param(PARAM).and_then(|signature| given.get_mut(&signature));
        let good = given.is_some_and(|given| {
            given.used += 1;
            match self.lifetime {
                Lifetime::Requests(count) => given.used <= count,
                Lifetime::Time(time) => given.at.elapsed() <= time,
            }
        });
        if good && request.method == "GET" {
            return None;
        }
        let code = if good { "SignatureDoesNotMatch" } else { "AccessDenied" };
        let xml = format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>Request has expired</Message></Error>"
        );
        Some(Response::bytes(403, "application/xml", xml))
    }

    /// The URL of `target` (path and query) at `origin`, with a fresh signature.
    pub fn sign(&self, origin: &str, target: &str) -> String {
        let mut given = lock(&self.given);
        let signature = format!("{:016x}", given.len());
        given.insert(signature.clone(), Given { at: Instant::now(), used: 0 });
        let sign = if target.contains('?') { '&' } else { '?' };
        format!("{origin}{target}{sign}X-Amz-Expires=300&{PARAM}={signature}")
    }
}
