//! What goes wrong in good order, and how a server says so.

use super::quirks::ErrorShape;
use crate::demo::http::Response;
use serde_json::json;

/// Why a request is not served as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// 400 (FastAPI: 422): the request cannot be understood, in words.
    Invalid(String),
    /// 404: this is not there, in words.
    NotFound(String),
    /// 405.
    NotAllowed,
    /// 414, before the server has seen the request.
    TooLong,
    /// 502: the answer has become too large for the gateway.
    TooLarge,
}

impl Problem {
    fn status(&self, shape: ErrorShape) -> u16 {
        match self {
            Problem::Invalid(_) if shape == ErrorShape::FastApi => 422,
            Problem::Invalid(_) => 400,
            Problem::NotFound(_) => 404,
            Problem::NotAllowed => 405,
            Problem::TooLong => 414,
            Problem::TooLarge => 502,
        }
    }

    /// The response, in the form `shape`.
    pub fn response(&self, shape: ErrorShape) -> Response {
        let status = self.status(shape);
        let (code, words) = match self {
            Problem::Invalid(words) => ("BadRequest", words.as_str()),
            Problem::NotFound(words) => ("NotFound", words.as_str()),
            Problem::NotAllowed => ("MethodNotAllowed", "Method Not Allowed"),
            // From the gateway, whatever the server behind it would have said.
            Problem::TooLong => {
                return Response::html(414, "<html><h1>414 Request-URI Too Large</h1></html>");
            }
            Problem::TooLarge => return Response::json(502, &json!({"message": "Internal server error"})),
        };
        let body = match shape {
            ErrorShape::Code => json!({"code": code, "description": words}),
            ErrorShape::FastApi if status == 404 => json!({"code": "NotFoundError", "description": words}),
            ErrorShape::FastApi => {
                json!({"detail": [{"type": "value_error", "loc": ["query"], "msg": words}]})
            }
            ErrorShape::Message => json!({ "message": words }),
            ErrorShape::Errors => json!({"message": "The request failed", "errors": [words]}),
            ErrorShape::Resto => json!({"ErrorMessage": words, "ErrorCode": status}),
            ErrorShape::Html => {
                return Response::html(status, &format!("<html><body><h1>{code}</h1></body></html>"));
            }
            ErrorShape::Text => return Response::text(status, words),
        };
        Response::json(status, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::http::Body;

    fn said(problem: &Problem, shape: ErrorShape) -> (u16, String) {
        let response = problem.response(shape);
        let Body::Whole(bytes) = response.body else { panic!("errors are short") };
        (response.status, String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn shapes() {
        let missing = Problem::NotFound("gone".into());
        for (shape, text) in [
            (ErrorShape::Code, r#"{"code":"NotFound","description":"gone"}"#),
            (ErrorShape::FastApi, r#"{"code":"NotFoundError","description":"gone"}"#),
            (ErrorShape::Message, r#"{"message":"gone"}"#),
            (ErrorShape::Errors, r#"{"message":"The request failed","errors":["gone"]}"#),
            (ErrorShape::Resto, r#"{"ErrorMessage":"gone","ErrorCode":404}"#),
            (ErrorShape::Text, "gone"),
        ] {
            assert_eq!(said(&missing, shape), (404, text.to_owned()));
        }
        assert!(said(&missing, ErrorShape::Html).1.starts_with("<html>"));
        let detail = said(&Problem::Invalid("no".into()), ErrorShape::FastApi);
        assert_eq!(
            detail,
            (422, r#"{"detail":[{"type":"value_error","loc":["query"],"msg":"no"}]}"#.to_owned())
        );
    }
}
