//! A request, as it came over the wire.

use super::Headers;
use percent_encoding::percent_decode_str;

/// One request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method, upper case.
    pub method: String,
    /// Path and query, exactly as sent: nothing is decoded.
    pub target: String,
    /// The header fields.
    pub headers: Headers,
    /// The body, whole; empty without one.
    pub body: Vec<u8>,
    /// Which connection it came over, counted from 0 since the server started.
    pub connection: u64,
}

impl Request {
    /// The path, not decoded.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The query without its `?`, not decoded.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The segments of the path, each decoded (so an encoded `/` stays inside its segment). A trailing slash
    /// makes no segment.
    pub fn segments(&self) -> Vec<String> {
        let path = self.path();
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return Vec::new();
        }
        path.split('/').map(decoded).collect()
    }

    /// The parameters of the query, decoded as forms are: `+` is a space.
    pub fn params(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query().as_bytes()).into_owned().collect()
    }

    /// The first parameter called `name`, decoded.
    pub fn param(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query().as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The first header called `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Scheme and authority by which the client reached us, without a final slash. Links are made from it, so
    /// that a client behind the link emulator stays behind it.
    pub fn origin(&self) -> String {
        format!("http://{}", self.header("host").unwrap_or("127.0.0.1"))
    }

    /// The parameters of a form in the body (`application/x-www-form-urlencoded`).
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// User and password of HTTP basic authentication.
    pub fn basic_auth(&self) -> Option<(String, String)> {
        let value = self.header("authorization")?;
        let (scheme, token) = value.split_once(' ')?;
        let text = String::from_utf8(base64(token.trim())?).ok()?;
        let (user, password) = text.split_once(':')?;
        scheme.eq_ignore_ascii_case("basic").then(|| (user.to_owned(), password.to_owned()))
    }
}

/// A percent-decoded segment; bytes that are not UTF-8 become U+FFFD.
fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// Decodes standard base64, with or without padding. `None`: it is not base64.
fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for letter in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|&known| known == letter)?;
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_slash_stays_in_its_segment() {
        let request = Request { target: "/collections/a%2Fb/items/".into(), ..Request::default() };
        assert_eq!(request.segments(), ["collections", "a/b", "items"]);
        let root = Request { target: "/?f=json".into(), ..Request::default() };
        assert!(root.segments().is_empty());
        assert_eq!(root.param("f").as_deref(), Some("json"));
    }

    #[test]
    fn basic_auth_is_decoded() {
        let mut request = Request::default();
        request.headers.set("Authorization", "Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==");
        assert_eq!(request.basic_auth(), Some(("Aladdin".into(), "open:sesame".into())));
        request.headers.set("authorization", "Bearer x");
        assert_eq!(request.basic_auth(), None);
    }
}
