//! A response, before it goes over the wire.

use super::{Bytes, Headers, Request, spoil};
use serde_json::Value;
use std::{ops::Range, sync::Arc};

/// What a service answers. The server adds `Date`, `Content-Length` and `Connection`.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Body,
}

/// The body of a response.
#[derive(Clone)]
pub enum Body {
    /// Bytes in memory.
    Whole(Vec<u8>),
    /// A part of a random-access source, streamed in chunks.
    Part(Arc<dyn Bytes>, Range<u64>),
}

impl Body {
    /// How many bytes the body has.
    pub fn len(&self) -> u64 {
        match self {
            Body::Whole(bytes) => bytes.len() as u64,
            Body::Part(_, range) => range.end.saturating_sub(range.start),
        }
    }

    /// Whether the body has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Response {
    /// A response without body.
    pub fn empty(status: u16) -> Response {
        Response { status, headers: Headers::new(), body: Body::Whole(Vec::new()) }
    }

    /// A response with a body of `media_type`.
    pub fn bytes(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Response {
        let mut response = Response { body: Body::Whole(body.into()), ..Response::empty(status) };
        response.headers.set("Content-Type", media_type);
        response
    }

    /// A JSON response. Its media type is `application/json`; see [`with`](Self::with) for another.
    pub fn json(status: u16, value: &Value) -> Response {
        Response::bytes(status, "application/json", value.to_string())
    }

    /// A response in HTML, as gateways and login pages give it.
    pub fn html(status: u16, html: &str) -> Response {
        Response::bytes(status, "text/html; charset=utf-8", html)
    }

    /// A response in plain text.
    pub fn text(status: u16, text: &str) -> Response {
        Response::bytes(status, "text/plain; charset=utf-8", text)
    }

    /// A redirect to `location`.
    pub fn redirect(status: u16, location: &str) -> Response {
        Response::empty(status).with("Location", location)
    }

    /// The same response, compressed where `request` accepts that and it is worth while.
    pub fn compressed_for(self, request: &Request) -> Response {
        let accepted = request.header("accept-encoding").is_some_and(|list| {
            list.split(',')
                .map(str::trim)
                .any(|one| one == "gzip" || (one.starts_with("gzip;") && !one.ends_with("q=0")))
        });
        let worth_while = matches!(&self.body, Body::Whole(bytes) if bytes.len() > 1024);
        if !accepted || !worth_while {
            return self;
        }
        match spoil::gzip(&self.body) {
            Ok(packed) => Response { body: Body::Whole(packed), ..self }
                .with("Content-Encoding", "gzip")
                .with("Vary", "Accept-Encoding"),
            Err(_) => self,
        }
    }

    /// The same response with one header set.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.set(name, value);
        self
    }
}
