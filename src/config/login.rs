//! How a source is logged in to: from the environment, the file, `~/.lsru` and `~/.netrc`, in that order.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::document::Part;
use super::keys::Form;
use super::{Environment, Error, Secret};

/// A password command that says nothing for so long is given up: it may wait for somebody who is not there.
const COMMAND_PATIENCE: Duration = Duration::from_secs(120);

/// A secret that has not been fetched yet.
#[derive(Debug, Clone)]
pub(super) enum Pending {
    /// It is here.
    Value(Secret),
    /// It is in an environment variable.
    Variable(String),
    /// A command prints it.
    Command(String),
}

/// What one place says of a login. Places are asked in order, the nearest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Login {
    /// Where that is, for people: `config.ini:12`, `STACFS_MOON_TOKEN`, `~/.netrc`.
    pub(super) place: String,
    /// User name.
    pub(super) username: Option<String>,
    /// Password.
    pub(super) password: Option<Pending>,
    /// Bearer token; for USGS the application token.
    pub(super) token: Option<Pending>,
}

impl Login {
    /// What `STACFS_<NAME>_USERNAME`, `_PASSWORD` and `_TOKEN` say.
    pub(super) fn of_environment(source: &str, environment: &Environment) -> Login {
        let stem = format!("STACFS_{}", variable_part(source));
        let secret = |what: &str| {
            let name = format!("{stem}_{what}");
            environment.text(&name).map(|_| Pending::Variable(name))
        };
        Login {
            place: format!("{stem}_…"),
            username: environment.text(&format!("{stem}_USERNAME")).map(str::to_owned),
            password: secret("PASSWORD"),
            token: secret("TOKEN"),
        }
    }

    /// What a section of the configuration says.
    pub(super) fn of_part(part: &Part) -> Login {
        Login {
            place: part.header(),
            username: part.entry("username").map(|entry| entry.value.clone()),
            password: part.entry("password").map(Pending::of),
            token: part.entry("token").map(Pending::of),
        }
    }

    /// Whether this place holds a secret.
    pub(super) fn has_secret(&self) -> bool {
        self.password.is_some() || self.token.is_some()
    }

    /// The logins that may be put together: those that name the user of the first that names one, or nobody. A
    /// password of one user is so never sent with the name of another.
    pub(super) fn of_one_user(places: Vec<Login>) -> Vec<Login> {
        let user = places.iter().find_map(|login| login.username.clone());
        places.into_iter().filter(|login| login.username.is_none() || login.username == user).collect()
    }
}

impl Pending {
    /// The secret of an entry.
    pub(super) fn of(entry: &super::document::Entry) -> Pending {
        match entry.form {
            Form::Plain => Pending::Value(Secret::new(entry.value.as_str())),
            Form::Environment => Pending::Variable(entry.value.clone()),
            Form::Command => Pending::Command(entry.value.clone()),
        }
    }

    /// Fetches the secret: runs the command, where it is one. `place` is for the error's words.
    pub(super) fn fetch(&self, place: &str, environment: &Environment) -> Result<Secret, Error> {
        match self {
            Pending::Value(secret) => Ok(secret.clone()),
            Pending::Variable(name) => environment.text(name).map(Secret::new).ok_or_else(|| Error::Source {
                name: place.to_owned(),
                why: format!("the environment variable {name} is not set; export it, or take its key out"),
            }),
            Pending::Command(command) => run(command)
                .map_err(|why| Error::Command { section: place.trim_matches(['[', ']']).to_owned(), why }),
        }
    }
}

/// A source's name as it stands in variables: capitals, other signs as `_`.
pub(super) fn variable_part(source: &str) -> String {
    source.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Runs a command of the user's in `sh`; the first line it prints is the secret. It may ask on the terminal.
pub(super) fn run(command: &str) -> Result<Secret, String> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("sh cannot be run: {error}"))?;
    let Some(mut output) = child.stdout.take() else { return Err("has no output".to_owned()) };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = output.read_to_string(&mut text);
        // Nobody listens any more after the patience has run out.
        let _ = sender.send(read.map(|_| text));
    });
    let Ok(text) = receiver.recv_timeout(COMMAND_PATIENCE) else {
        // It may have ended by itself just now; then there is nothing to kill.
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!(
            "printed nothing for {} s; run it by hand to see why",
            COMMAND_PATIENCE.as_secs()
        ));
    };
    let status = child.wait().map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("ended with {status}; run it by hand to see why"));
    }
    let text = Secret::new(text.map_err(|_| "printed no UTF-8 text".to_owned())?);
    match text.reveal().lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err("printed nothing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_variables() {
        assert_eq!(variable_part("earth-search.aws"), "EARTH_SEARCH_AWS");
        let environment = Environment::from_iter([("STACFS_A_B_TOKEN", "t"), ("STACFS_A_B_PASSWORD", "")]);
        let login = Login::of_environment("a-b", &environment);
        assert!(login.token.is_some() && login.password.is_none());
    }

    #[test]
    fn a_command_prints_the_secret() {
        let environment = Environment::default();
        let fetch = |command: &str| Pending::Command(command.into()).fetch("[source x]", &environment);
        assert_eq!(fetch("echo 'p w'; echo more").unwrap(), Secret::new("p w"));
        let told = fetch("exit 3").unwrap_err().to_string();
        assert!(told.starts_with("password_command of [source x]: ended with exit status: 3"), "{told}");
        assert!(fetch("true").unwrap_err().to_string().contains("printed nothing"));
    }

    #[test]
    fn users_are_not_mixed() {
        let login = |user: Option<&str>| Login { username: user.map(str::to_owned), ..Login::default() };
        let left = Login::of_one_user(vec![login(None), login(Some("u")), login(Some("v")), login(None)]);
        let users: Vec<_> = left.iter().map(|login| login.username.as_deref()).collect();
        assert_eq!(users, [None, Some("u"), None]);
    }
}
