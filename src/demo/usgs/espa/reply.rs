//! The shapes of ESPA's answers that are no data.

use serde_json::{Value, json};

use crate::demo::http::Response;

/// `{"messages": {"errors": [...]}}`; elements are texts or objects.
pub fn errors(status: u16, errors: Vec<Value>) -> Response {
    Response::json(status, &json!({"messages": {"errors": errors}}))
}

/// One error in words.
pub fn error(status: u16, words: impl Into<String>) -> Response {
    errors(status, vec![json!(words.into())])
}

/// `{"messages": {"warnings": [...]}}`.
pub fn warning(status: u16, words: impl Into<String>) -> Response {
    Response::json(status, &json!({"messages": {"warnings": [words.into()]}}))
}

/// Flask's answer where the server's own code failed.
pub fn crash() -> Response {
    Response::json(500, &json!({"message": "Internal Server Error"}))
}

/// Flask's refusal of a body that it cannot read.
pub fn not_understood() -> Response {
    let words = "The browser (or proxy) sent a request that this server could not understand.";
    Response::json(400, &json!({"message": words}))
}

/// Flask's refusal of a verb that no resource has.
pub fn not_allowed() -> Response {
    Response::json(405, &json!({"message": "The method is not allowed for the requested URL."}))
}

/// A resource's refusal of a verb.
pub fn wrong_verb(allowed: &str) -> Response {
    error(405, format!("Invalid method. Try {allowed} instead"))
}

/// Nobody gets in without the right password.
pub fn unauthorised() -> Response {
    error(401, "Invalid username/password")
        .with("WWW-Authenticate", "Basic realm=\"Authentication Required\"")
}
