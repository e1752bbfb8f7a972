//! Faults: what can be made to go wrong, where, and how often.

use super::{Request, Response, Service, lock, sign::Signatures, spoil};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// Something that goes wrong. Several on one request are applied in the order they were switched on.
#[derive(Clone)]
pub enum Fault {
    /// The answer begins this much later.
    Latency(Duration),
    /// The body comes at most this fast, in bytes per second.
    Rate(u64),
    /// The body comes in pieces of so many bytes with a pause after each.
    Drip(u64, Duration),
    /// No byte is ever sent; the connection stays open.
    Silence,
    /// The service does its work, then the connection is closed without a byte of the answer.
    LostAnswer,
    /// The connection falls silent in the middle of the head.
    StallInHead,
    /// The connection falls silent after this many bytes of the body.
    StallAfter(u64),
    /// The connection is reset (RST) after this many bytes of the body.
    ResetAfter(u64),
    /// The connection is closed (FIN) after this many bytes of the body, whatever was promised.
    CutAfter(u64),
    /// The body is longer by this many bytes than the object or the range; Content-Length says so too.
    Surplus(u64),
    /// The connection is closed after the answer, unannounced: the next request on it is lost.
    HangUp,
    /// The body is chunked, its length not stated (on HEAD neither).
    Chunked,
    /// The body's length is not stated, it ends with the connection.
    CloseDelimited,
    /// This response instead of the service's.
    Answer(Box<Response>),
    /// HEAD is answered with this status (403, 405, 501); GET is served.
    NoHead(u16),
    /// `Range` is ignored: 200 and the whole object.
    IgnoreRange,
    /// `Content-Range` says that the part begins this many bytes further on than it does.
    WrongContentRange(u64),
    /// The object has been replaced: other bytes of the same length under another ETag and a later
    /// Last-Modified. 0 is the original.
    NewVersion(u8),
    /// A different ETag on each answer, for the same bytes.
    RestlessEtag,
    /// Neither ETag nor Last-Modified.
    NoValidators,
    /// The body is compressed, though nobody asked for it.
    Gzip,
    /// A redirect.
    Redirect(u16, Detour),
    /// Only requests with this credential are served, others are 401.
    Guarded(Credential),
    /// URLs must be signed and lose their validity; see [`Signatures`].
    Signed(Arc<Signatures>),
}

/// What a guarded path asks for.
#[derive(Clone, Debug)]
pub enum Credential {
    /// `Authorization: Bearer …`.
    Bearer(String),
    /// User and password of HTTP basic authentication.
    Basic(String, String),
    /// A header of this name and value (an API key).
    Header(String, String),
    /// A query parameter of this name and value (an API key, a SAS token).
    Param(String, String),
}

impl Credential {
    /// The refusal of `request`, unless it has the credential.
    pub(super) fn refuse(&self, request: &Request) -> Option<Response> {
        let (has, scheme) = match self {
            Credential::Bearer(token) => {
                (request.header("authorization") == Some(&format!("Bearer {token}")), "Bearer")
            }
            Credential::Basic(user, password) => {
                (request.basic_auth() == Some((user.clone(), password.clone())), "Basic realm=\"demo\"")
            }
            Credential::Header(name, value) => (request.header(name) == Some(value), "ApiKey"),
            Credential::Param(name, value) => (request.param(name).as_ref() == Some(value), "ApiKey"),
        };
        let body = serde_json::json!({"message": "Unauthorized"});
        (!has).then(|| Response::json(401, &body).with("WWW-Authenticate", scheme))
    }
}

/// Where a redirect leads.
#[derive(Clone, Debug)]
pub enum Detour {
    /// To the same server, where the request is then served.
    Here,
    /// To the same path and query at another origin (`http://127.0.0.1:1234`).
    Origin(String),
    /// To itself, for ever.
    Loop,
    /// To this URL.
    Url(String),
}

impl Fault {
    /// A bare status with a line of text, for example 404 or 503.
    pub fn status(status: u16) -> Fault {
        Fault::Answer(Box::new(Response::text(status, "fault switched on")))
    }

    /// 429 or 503 with `Retry-After` in seconds.
    pub fn busy(status: u16, retry_after: u64) -> Fault {
        let response = Response::text(status, "You have exceeded a rate limit");
        Fault::Answer(Box::new(response.with("Retry-After", retry_after.to_string())))
    }

    /// An HTML page with this status: a login page (200), a CloudFront refusal (403), a gateway's (502).
    pub fn html(status: u16) -> Fault {
        let page = "<!DOCTYPE html><html><head><title>ERROR: The request could not be satisfied</title></head>\
                    <body><h1>The request could not be satisfied.</h1></body></html>";
        Fault::Answer(Box::new(Response::html(status, page)))
    }

    /// JSON that breaks off.
    pub fn broken_json() -> Fault {
        let text = r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"#;
        Fault::Answer(Box::new(Response::bytes(200, "application/json", text)))
    }

    /// JSON of 256 MiB that is 256 KiB on the wire.
    pub fn gzip_bomb() -> Fault {
        Fault::Answer(Box::new(
            Response::bytes(200, "application/json", spoil::bomb()).with("Content-Encoding", "gzip"),
        ))
    }

    /// The fault for each request whose path matches `pattern`, where `*` is any run of characters, also `/`.
    /// The path is matched as sent, not decoded.
    pub fn on(self, pattern: &str) -> Rule {
        Rule { fault: self, pattern: pattern.to_owned(), method: None, after: 0, times: None }
    }
}

/// A fault, where it strikes and how often.
#[derive(Clone)]
pub struct Rule {
    fault: Fault,
    pattern: String,
    method: Option<String>,
    after: u64,
    times: Option<u64>,
}

impl Rule {
    /// Only requests of this method.
    pub fn method(self, method: &str) -> Rule {
        Rule { method: Some(method.to_owned()), ..self }
    }

    /// The first `count` matching requests are spared.
    pub fn after(self, count: u64) -> Rule {
        Rule { after: count, ..self }
    }

    /// At most `count` requests are struck.
    pub fn times(self, count: u64) -> Rule {
        Rule { times: Some(count), ..self }
    }

    /// Whether it strikes `request`; counts.
    fn strikes(&mut self, request: &Request) -> bool {
        let meant = self.method.as_deref().is_none_or(|method| method == request.method);
        if !meant || !matches(&self.pattern, request.path()) {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        match &mut self.times {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }
}

/// The faults of a server.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    /// Switches a fault on.
    pub fn add(&self, rule: Rule) {
        lock(&self.0).push(rule);
    }

    /// Switches all faults off.
    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    /// The faults that strike `request`.
    pub(super) fn matching(&self, request: &Request) -> Struck {
        let mut rules = lock(&self.0);
        let struck = rules.iter_mut().filter_map(|rule| rule.strikes(request).then(|| rule.fault.clone()));
        Struck(struck.collect())
    }
}

/// Whether `path` matches `pattern`, whose `*` are any run of characters.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((start, rest)) => path.strip_prefix(start).is_some_and(|left| {
            let ends = (0..=left.len()).filter(|&at| left.is_char_boundary(at));
            rest.is_empty() || ends.into_iter().any(|at| matches(rest, &left[at..]))
        }),
    }
}

/// The faults that strike one request.
pub(super) struct Struck(Vec<Fault>);

impl Struck {
    /// Asks `service`, unless a fault answers instead, and spoils the answer.
    pub fn answer(&self, mut request: Request, service: &dyn Service) -> Spoilt {
        let instead = self.0.iter().find_map(|fault| spoil::before(fault, &mut request));
        let mut response = instead.unwrap_or_else(|| service.answer(&request));
        let mut wire = Wire::default();
        for fault in &self.0 {
            response = spoil::after(fault, response);
            wire.note(fault);
        }
        Spoilt { response, wire }
    }
}

/// A response, and how it is to be sent.
pub(super) struct Spoilt {
    pub response: Response,
    pub wire: Wire,
}

/// How a response is sent.
#[derive(Default)]
pub(super) struct Wire {
    pub latency: Duration,
    pub rate: Option<u64>,
    pub drip: Option<(u64, Duration)>,
    pub silent: bool,
    pub lost: bool,
    pub half_head: bool,
    pub ending: Option<(u64, Ending)>,
    pub surplus: u64,
    pub hang_up: bool,
    pub framing: Framing,
}

/// How a body ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Stall,
    Close,
    Reset,
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Framing {
    #[default]
    Length,
    Chunked,
    Close,
}

impl Wire {
    fn note(&mut self, fault: &Fault) {
        match *fault {
            Fault::Latency(time) => self.latency += time,
            Fault::Rate(rate) => self.rate = Some(rate),
            Fault::Drip(bytes, pause) => self.drip = Some((bytes, pause)),
            Fault::Silence => self.silent = true,
            Fault::LostAnswer => self.lost = true,
            Fault::StallInHead => self.half_head = true,
            Fault::StallAfter(bytes) => self.ending = Some((bytes, Ending::Stall)),
            Fault::ResetAfter(bytes) => self.ending = Some((bytes, Ending::Reset)),
            Fault::CutAfter(bytes) => self.ending = Some((bytes, Ending::Close)),
            Fault::Surplus(bytes) => self.surplus = bytes,
            Fault::HangUp => self.hang_up = true,
            Fault::Chunked => self.framing = Framing::Chunked,
            Fault::CloseDelimited => self.framing = Framing::Close,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(matches("/search", "/search"));
        assert!(!matches("/search", "/search/x"));
        assert!(matches("/assets/*.tif", "/assets/a/b.tif"));
        assert!(!matches("/assets/*.tif", "/assets/a/b.jpg"));
        assert!(matches("*", "/"));
        assert!(matches("/a*b*c", "/a-b-b-c"));
    }

    #[test]
    fn a_rule_counts() {
        let request = Request { method: "GET".into(), target: "/x?y".into(), ..Request::default() };
        let mut rule = Fault::HangUp.on("/x").after(1).times(2);
        let struck: Vec<bool> = (0..5).map(|_| rule.strikes(&request)).collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert!(!Fault::HangUp.on("/x").method("HEAD").strikes(&request));
    }
}
