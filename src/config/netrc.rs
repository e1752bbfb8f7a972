//! `~/.netrc`: logins by host, as curl and ftp read them.
//!
//! `machine HOST login NAME password WORD`, in any layout; words may stand in double quotes with `\` before
//! `"` and `\`. `default` is not used: it would send a password to hosts nobody named.

use super::Secret;

/// One machine's login.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Machine {
    /// The host.
    pub(super) host: String,
    /// User name.
    pub(super) username: String,
    /// Password.
    pub(super) password: Secret,
}

/// Reads the text of such a file: the machines that have both a login and a password; the first of a name
/// counts. What is not understood is passed over, as curl does: the file belongs to other programs.
pub(super) fn parse(text: &str) -> Vec<Machine> {
    let mut words = Words { rest: text };
    let mut machines: Vec<Machine> = Vec::new();
    let mut current: Option<(String, Option<String>, Option<String>)> = None;
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" | "default" => {
                machines.extend(current.take().and_then(complete));
                current = (word == "machine").then(|| words.next()).flatten().map(|host| (host, None, None));
            }
            "login" | "password" | "account" => {
                let value = words.value();
                match (&mut current, word.as_str()) {
                    (Some((_, login, _)), "login") => *login = value,
                    (Some((_, _, password)), "password") => *password = value,
                    _ => {}
                }
            }
            "macdef" => words.skip_macro(),
            _ => {}
        }
    }
    machines.extend(current.and_then(complete));
    machines
}

/// A machine whose parts are all there.
fn complete((host, login, password): (String, Option<String>, Option<String>)) -> Option<Machine> {
    Some(Machine { host, username: login?, password: Secret::new(password?) })
}

/// The words of the file, one after another.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    /// A macro runs to the next empty line.
    fn skip_macro(&mut self) {
        self.rest = self.rest.find("\n\n").map_or("", |end| &self.rest[end..]);
    }

    /// A word in double quotes, whose opening one has been taken.
    fn quoted(&mut self) -> String {
        let mut word = String::new();
        let mut signs = self.rest.char_indices();
        while let Some((_, sign)) = signs.next() {
            match sign {
                '"' => break,
                '\\' => word.extend(signs.next().map(|(_, sign)| sign)),
                sign => word.push(sign),
            }
        }
        self.rest = signs.as_str();
        word
    }
}

impl Words<'_> {
    /// The next word, whatever it begins with: a password may begin with `#`.
    fn value(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        if let Some(rest) = self.rest.strip_prefix('"') {
            self.rest = rest;
            return Some(self.quoted());
        }
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    /// The next word that is not in a comment.
    fn next(&mut self) -> Option<String> {
        while let Some(comment) = self.rest.trim_start().strip_prefix('#') {
            self.rest = comment.split_once('\n').map_or("", |(_, after)| after);
        }
        self.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(host: &str, username: &str, password: &str) -> Machine {
        Machine { host: host.into(), username: username.into(), password: Secret::new(password) }
    }

    #[test]
    fn any_layout() {
        let text = "# mine\nmachine a.example login u password p\nmachine b.example\n\tlogin v\n\tpassword \"q \\\" r\"\n\
                    machine c.example login w password #p # mine\n";
        assert_eq!(
            parse(text),
            [
                machine("a.example", "u", "p"),
                machine("b.example", "v", "q \" r"),
                machine("c.example", "w", "#p")
            ]
        );
    }

    #[test]
    fn the_rest_is_passed_over() {
        let text = "macdef init\nmachine x login y password z\n\nmachine half login u\ndefault login d password e\n\
                    machine c account n login w password s\n";
        assert_eq!(parse(text), [machine("c", "w", "s")]);
        assert_eq!(parse("machine"), []);
        assert_eq!(parse("machine \"open"), []);
    }
}
