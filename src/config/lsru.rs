//! `~/.lsru`: the configuration of lsru, whose users keep their USGS login there.
//!
//! Read as Python's configparser reads it (its default settings): sections keep their case and keys do not,
//! `=` or `:` separates, comments are whole lines that begin with `#` or `;` (indented too), a value goes on
//! in deeper indented lines, `[DEFAULT]` serves all sections, and `%%` is a percent sign.

use std::collections::HashMap;

use super::Secret;

/// What `[usgs]` says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lsru {
    /// ERS user name.
    pub(super) username: Option<String>,
    /// ERS password.
    pub(super) password: Option<Secret>,
    /// M2M application token; lsru itself knows none.
    pub(super) token: Option<Secret>,
}

/// Reads the text of such a file.
///
/// # Errors
/// The line, from 1, and what is wrong with it, without its value.
pub(super) fn parse(text: &str) -> Result<Lsru, (usize, String)> {
    let mut keys: HashMap<String, (usize, String)> = HashMap::new();
    let mut section = String::new();
    let mut last: Option<(String, usize)> = None; // the key that an indented line continues, and its indent
    for (number, line) in
        text.trim_start_matches('\u{feff}').lines().enumerate().map(|(n, line)| (n + 1, line))
    {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if let Some((key, own)) = &last
            && indent > *own
        {
            if let Some((_, value)) = keys.get_mut(key) {
                value.push('\n');
                value.push_str(content);
            }
        } else if let Some(header) = content.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            section = header.0.to_owned();
            last = None;
        } else {
            let (key, value) = content
                .split_once(['=', ':'])
                .ok_or_else(|| (number, "is neither [section] nor key = value".to_owned()))?;
            let key = format!("{section}\0{}", key.trim().to_lowercase());
            keys.insert(key.clone(), (number, value.trim().to_owned()));
            last = Some((key, indent));
        }
    }
    let mut take = |key: &str| -> Result<Option<String>, (usize, String)> {
        let own = keys.remove(&format!("usgs\0{key}")).or_else(|| keys.remove(&format!("DEFAULT\0{key}")));
        let Some((line, value)) = own else { return Ok(None) };
        let plain = unescape(&value).ok_or_else(|| (line, format!("{key}: write %% for a percent sign")))?;
        Ok(Some(plain).filter(|plain| !plain.is_empty()))
    };
    Ok(Lsru {
        username: take("username")?,
        password: take("password")?.map(Secret::new),
        token: take("token")?.map(Secret::new),
    })
}

/// Turns `%%` into `%`; `None` where a `%` stands alone (configparser refuses that too).
fn unescape(value: &str) -> Option<String> {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        plain.push('%');
        rest = after.strip_prefix('%')?;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(text: &str) -> (Option<String>, Option<String>) {
        let lsru = parse(text).unwrap();
        (lsru.username, lsru.password.map(|password| password.reveal().to_owned()))
    }

    fn both(username: &str, password: &str) -> (Option<String>, Option<String>) {
        (Some(username.to_owned()), Some(password.to_owned()))
    }

    #[test]
    fn reads_as_configparser_does() {
        assert_eq!(login("[usgs]\nusername=u\npassword=p%%q\n"), both("u", "p%q"));
        assert_eq!(login("[usgs]\nUserName : u\nPASSWORD: a#b;c = d\n"), both("u", "a#b;c = d"));
        assert_eq!(
            login("# c\n[other]\nusername=x\n[usgs]\n  ; c\nusername = \"u\"\npassword = \\n'\n"),
            both("\"u\"", "\\n'")
        );
        assert_eq!(login("[DEFAULT]\nusername=d\n[usgs]\npassword=p\n"), both("d", "p"));
        assert_eq!(login("[USGS]\nusername=u\n"), (None, None));
    }

    #[test]
    fn the_token_is_ours() {
        let lsru = parse("[usgs]\nusername = u\ntoken = t\n").unwrap();
        assert_eq!(lsru.token, Some(Secret::new("t")));
        assert_eq!(lsru.password, None);
    }

    #[test]
    fn what_is_wrong_is_told_without_the_value() {
        assert_eq!(
            parse("[usgs]\nusername=u\npassword=50%\n"),
            Err((3, "password: write %% for a percent sign".into()))
        );
        assert_eq!(parse("[usgs]\nnonsense\n").unwrap_err().0, 2);
    }
}
