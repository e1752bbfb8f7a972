//! The accounts that the embedded servers know. An ERS account has a password (ESPA, the old inventory API)
//! and an application token (M2M); they are different secrets of one person.

/// An ERS account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The ERS user name.
    pub username: &'static str,
    /// The ERS password: HTTP Basic at ESPA, `login` of the inventory API.
    pub password: &'static str,
    /// The M2M application token: `login-token`.
    pub token: &'static str,
    /// Where ESPA writes to; part of its order ids.
    pub email: &'static str,
    /// ESPA's `first_name` and `last_name`.
    pub name: (&'static str, &'static str),
    /// The number behind the name in M2M's keys and download URLs.
    pub contact: u32,
    /// Whether the account was granted the MACHINE access type, without which M2M refuses downloads.
    pub machine: bool,
}

/// The account that the documentation names: user `demo`.
pub const DEMO: Account = Account {
    username: "demo",
    password: "demo-password",
    token: "demo-token",
    email: "demo@stacfs.example",
    name: ("Dana", "Demo"),
    contact: 419_764,
    machine: true,
};

/// An account without MACHINE access: it can search, its downloads are refused with 403.
pub const BROWSER: Account = Account {
    username: "browser",
    password: "browser-password",
    token: "browser-token",
    email: "browser@stacfs.example",
    name: ("Bo", "Browser"),
    contact: 419_765,
    machine: false,
};

/// Somebody else, with a space in the name and a password that configparser and Basic must both carry whole.
pub const OTHER: Account = Account {
    username: "other person",
    password: "100%:sure #1; =yes",
    token: "other-token",
    email: "other+one@stacfs.example",
    name: ("Olu", "Other"),
    contact: 419_766,
    machine: true,
};

const ALL: [Account; 3] = [DEMO, BROWSER, OTHER];

/// The account with this user name and password.
pub fn by_password(username: &str, password: &str) -> Option<Account> {
    ALL.into_iter().find(|account| account.username == username && account.password == password)
}

/// The account with this user name and application token.
pub fn by_token(username: &str, token: &str) -> Option<Account> {
    ALL.into_iter().find(|account| account.username == username && account.token == token)
}

/// The account with this user name or mail address.
pub fn by_name(name: &str) -> Option<Account> {
    ALL.into_iter().find(|account| account.username == name || account.email == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_a_password() {
        assert_eq!(by_password("demo", "demo-password"), Some(DEMO));
        assert_eq!(by_password("demo", "demo-token"), None);
        assert_eq!(by_token("demo", "demo-token"), Some(DEMO));
        assert_eq!(by_token("demo", "demo-password"), None);
        assert_eq!(by_name("other+one@stacfs.example"), Some(OTHER));
    }
}
