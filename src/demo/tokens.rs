//! Servers of tokens, and files for whoever has a live one: OAuth 2 as CDSE has it, shared access signatures as
//! Planetary Computer gives them out.

use super::http::{Request, Response, Service, lock};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// The client that is given OAuth 2 tokens.
pub const CLIENT: (&str, &str) = ("demo-client", "demo-secret");

/// Gives tokens at `/token` (OAuth 2, to [`CLIENT`]) and `/sas/ACCOUNT/CONTAINER` (to anybody), and passes requests for
/// `/assets/ACCOUNT/…` on to a service while their token lives: 401 without one, 403 with a spent one.
pub struct Guarded<S> {
    service: S,
    /// Requests that a token is good for.
    uses: u32,
    given: Mutex<HashMap<String, u32>>,
}

impl<S> Guarded<S> {
    /// A guard of `service` whose tokens are good for so many requests.
    pub fn new(service: S, uses: u32) -> Guarded<S> {
        Guarded { service, uses, given: Mutex::default() }
    }

    /// A new token; one for a container is good only there.
    fn give(&self, container: &str) -> String {
        let mut given = lock(&self.given);
        let token = format!("{container}{:08x}", given.len());
        given.insert(token.clone(), 0);
        token
    }

    fn oauth2(&self, request: &Request) -> Response {
        let form = request.form();
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
        let (id, secret) = (field("client_id"), field("client_secret"));
        if field("grant_type") != "client_credentials" {
            return Response::json(400, &json!({ "error": "unsupported_grant_type" }));
        }
        if (id, secret) != CLIENT {
            let words = "Invalid client or Invalid client credentials";
            return Response::json(
                401,
                &json!({ "error": "unauthorized_client", "error_description": words }),
            );
        }
        Response::json(
            200,
            &json!({ "access_token": self.give(""), "expires_in": 1800, "token_type": "Bearer" }),
        )
    }

    fn sas(&self, account: &str, container: &str) -> Response {
        let token = self.give(&format!("{account}.{container}."));
        let expiry = jiff::Timestamp::now() + std::time::Duration::from_secs(2700);
        Response::json(
            200,
            &json!({ "msft:expiry": expiry.to_string(), "token": format!("sv=2024-05-04&sr=c&sp=rl&sig={token}") }),
        )
    }

    /// The refusal of a request for a file, unless its token lives.
    fn refuse(&self, request: &Request) -> Option<Response> {
        let bearer = request.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
        let Some(token) = bearer.map(str::to_owned).or_else(|| request.param("sig")) else {
            return Some(Response::json(401, &json!({ "message": "Unauthorized" })));
        };
        let segments = request.segments();
        let container = format!("{}.", segments.get(..2).unwrap_or_default().join("."));
        let mut given = lock(&self.given);
        let alive = given.get_mut(&token).is_some_and(|used| {
            *used += 1;
            *used <= self.uses
        });
        let meant = bearer.is_some() || token.starts_with(&container);
        (!alive || !meant).then(|| {
            let xml = "<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code></Error>";
            Response::bytes(403, "application/xml", xml)
        })
    }
}

impl<S: Service> Service for Guarded<S> {
    fn answer(&self, request: &Request) -> Response {
        let segments = request.segments();
        match segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["token"] if request.method == "POST" => self.oauth2(request),
            ["sas", account, container] => self.sas(account, container),
            ["assets", ..] => self.refuse(request).unwrap_or_else(|| self.service.answer(request)),
            _ => self.service.answer(request),
        }
    }
}

/// The key that a [`Signer`] wants to see, and the header it stands in.
pub const SIGNING_KEY: (&str, &str) = ("x-api-key", "demo-signing-key");

/// Signs URLs of a guarded server's assets, as the authentication extension's `signedUrl` has it: `GET /sign?href=…`
/// and `POST /sign` with `{"url": …}`, for whoever shows the [`SIGNING_KEY`].
pub struct Signer<S>(pub Arc<Guarded<S>>);

impl<S: Service> Service for Signer<S> {
    fn answer(&self, request: &Request) -> Response {
        let (name, key) = SIGNING_KEY;
        if request.header(name) != Some(key) {
            return Response::json(401, &json!({ "message": "no key, no signature" }));
        }
        let posted: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let href = request.param("href").or_else(|| posted["url"].as_str().map(str::to_owned));
        let Some(url) = href.as_deref().and_then(|href| url::Url::parse(href).ok()) else {
            return Response::json(400, &json!({ "message": "nothing to sign" }));
        };
        let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        let token = self.0.give(&format!("{}.", segments.get(..2).unwrap_or_default().join(".")));
        Response::json(200, &json!({ "signed": format!("{url}?sig={token}") }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_for_its_container_and_its_uses() {
        let guarded = Guarded::new(|_: &Request| Response::text(200, "bytes"), 2);
        let ask = |target: &str| {
            let request = Request { method: "GET".into(), target: target.into(), ..Request::default() };
            guarded.answer(&request).status
        };
        assert_eq!(ask("/assets/box/x"), 401);
        assert_eq!(ask("/sas/assets/box"), 200);
        let sig = "sig=assets.box.00000000";
        assert_eq!(ask(&format!("/assets/other/x?{sig}")), 403);
        assert_eq!(ask(&format!("/assets/box/x?{sig}")), 200);
        assert_eq!(ask(&format!("/assets/box/x?{sig}")), 403);
        assert_eq!(ask("/assets/box/x?sig=made-up"), 403);
        assert_eq!(ask("/stac"), 200);
    }
}
