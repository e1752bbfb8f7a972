//! URLs that may be shown.

use url::Url;

/// Query parameters whose values are secret, letters and digits of their names in lower case. `token` is
/// also a paging token on some servers; which of the two it is cannot be told, so it is hidden.
const SECRET: &[&str] = &[
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "auth",
    "authorization",
    "authtoken",
    "awsaccesskeyid",
    "clientsecret",
    "credential",
    "googleaccessid",
    "jwt",
    "key",
    "keypairid",
    "passwd",
    "password",
    "policy",
    "pwd",
    "secret",
    "sessiontoken",
    "sig",
    "signature",
    "subscriptionkey",
    "token",
];

/// Parameters of an Azure shared access signature, hidden where `sig` is beside them.
const SAS: &[&str] =
    &["se", "sp", "sr", "st", "sv", "skoid", "sktid", "skt", "ske", "sks", "skv", "spr", "sip"];

/// A URL as it may be shown: no user info, no fragment, and `***` for the values of parameters that are
/// signatures, tokens, keys or passwords.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // A URL without a host has no user info to take off.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    if let Some(query) = url.query() {
        let hidden: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, _)) if is_secret(pair, query) => format!("{name}=***"),
                _ => pair.to_owned(),
            })
            .collect();
        let hidden = hidden.join("&");
        url.set_query(Some(&hidden));
    }
    url.into()
}

/// Whether one `name=value` pair of a query belongs to a signature, or is a token, a key or a password.
pub fn is_secret(pair: &str, query: &str) -> bool {
    let name = name(pair);
    let signed = || query.split('&').any(|pair| self::name(pair) == "sig");
    is_secret_name(&name) || (SAS.contains(&name.as_str()) && signed())
}

/// The secret values in a URL, as they stand there and as they are meant: words may echo either.
pub(super) fn secrets(url: &Url) -> Vec<String> {
    let values = url.query_pairs().filter(|(name, _)| is_secret_name(&plain(name)));
    let meant = values.map(|(_, value)| value.into_owned());
    let pairs = url.query().unwrap_or_default().split('&').filter(|pair| is_secret_name(&name(pair)));
    let written = pairs.filter_map(|pair| Some(pair.split_once('=')?.1.to_owned()));
    meant.chain(written).chain(url.password().map(str::to_owned)).collect()
}

/// Takes secrets out of words that may echo them, also escaped as in a URL.
pub(super) fn hide<'a>(words: String, secrets: impl IntoIterator<Item = &'a str>) -> String {
    // Shorter ones would blot out ordinary text.
    secrets.into_iter().filter(|secret| secret.len() >= 4).fold(words, |words, secret| {
        let escaped: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        words.replace(secret, "***").replace(&escaped, "***")
    })
}

fn is_secret_name(name: &str) -> bool {
    SECRET.contains(&name)
        || name.ends_with("signature")
        || name.starts_with("xamz")
        || name.starts_with("xgoog")
}

fn name(pair: &str) -> String {
    let name = pair.split('=').next().unwrap_or_default();
    plain(&percent_encoding::percent_decode_str(name).decode_utf8_lossy())
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (url, want) in [
            ("https://u:p@h.example/a?x=1#f", "https://h.example/a?x=1"),
            ("https://h.example/a?api_key=k&bbox=1,2", "https://h.example/a?api_key=***&bbox=1,2"),
            ("https://h.example/a?api%5Fkey=k", "https://h.example/a?api%5Fkey=***"),
            (
                "https://h.example/a?landsat_product_id=L&requestSignature=s",
                "https://h.example/a?landsat_product_id=L&requestSignature=***",
            ),
            (
                "https://h.example/a?X-Amz-Signature=s&X-Amz-Credential=c&versionId=7",
                "https://h.example/a?X-Amz-Signature=***&X-Amz-Credential=***&versionId=7",
            ),
            ("https://h.example/a?st=1&se=2&sp=r&sig=x", "https://h.example/a?st=***&se=***&sp=***&sig=***"),
            ("https://h.example/a?st=1&f=json", "https://h.example/a?st=1&f=json"),
            ("https://h.example/a?token=next:naip:x", "https://h.example/a?token=***"),
        ] {
            assert_eq!(shown(&Url::parse(url).unwrap()), want);
        }
    }

    #[test]
    fn secret_values_are_found_as_written_and_as_meant() {
        let url = Url::parse("https://u:pw@h.example/a?sig=a%2bb&x=1").unwrap();
        assert_eq!(secrets(&url), ["a+b", "a%2bb", "pw"]);
    }

    #[test]
    fn echoes_are_hidden() {
        let hidden = |words: &str| hide(words.into(), ["s3cr/t+", "", "abc"]);
        assert_eq!(hidden("bad token s3cr/t+!"), "bad token ***!");
        assert_eq!(hidden("no /a?k=s3cr%2Ft%2B&b"), "no /a?k=***&b");
        assert_eq!(hidden("abc is too short"), "abc is too short");
    }
}
