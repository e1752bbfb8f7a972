//! The envelope of every answer, and the error codes.

use serde_json::{Value, json};

use crate::demo::http::Response;

/// A refusal: M2M's code and words, and the HTTP status that carries them.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Mostly 200: the envelope tells errors from answers, the status seldom does.
    pub status: u16,
    /// `errorCode`.
    pub code: &'static str,
    /// `errorMessage`.
    pub message: String,
}

impl Failure {
    /// A refusal with status 200.
    pub fn new(code: &'static str, message: impl Into<String>) -> Failure {
        Failure { status: 200, code, message: message.into() }
    }

    /// A member that the endpoint cannot do without.
    pub fn required(member: &str) -> Failure {
        Failure::new("INPUT_PARAMETER_REQUIRED", format!("Required input parameter missing: {member}"))
    }

    /// A member whose value makes no sense.
    pub fn invalid(member: &str) -> Failure {
        Failure::new("INPUT_PARAMETER_INVALID", format!("Invalid input parameter: {member}"))
    }

    /// The same refusal under another HTTP status.
    pub fn with_status(self, status: u16) -> Failure {
        Failure { status, ..self }
    }
}

/// What an endpoint gives back: `data`, or why there is none.
pub type Outcome = Result<Value, Failure>;

/// Wraps an outcome. `number` counts requests; `version` is that of the URL.
pub fn enveloped(endpoint: &str, version: &str, number: u64, outcome: Outcome) -> Response {
    match outcome {
        // The samples of these two show no version, and an empty text instead of none.
        Ok(data) if matches!(endpoint, "login-token" | "permissions") => Response::json(
            200,
            &json!({"requestId": number, "sessionId": null, "data": data, "errorCode": null, "errorMessage": ""}),
        ),
        Ok(data) => Response::json(
            200,
            &json!({"requestId": number, "version": version, "sessionId": 1906, "data": data,
                    "errorCode": null, "errorMessage": null}),
        ),
        Err(failure) => {
            let expired = failure.code == "AUTH_EXPIRED";
            Response::json(
                failure.status,
                &json!({"errorCode": failure.code, "errorMessage": failure.message, "data": null,
                        "requestId": if expired { 0 } else { number }, "sessionId": null,
                        "version": if expired { Value::Null } else { version.into() }}),
            )
        }
    }
}
