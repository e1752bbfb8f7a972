//! Logging in and out. A key lives for two hours after its last use.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::input;
use super::{Call, M2m};
use crate::demo::usgs::accounts::{self, Account};
use crate::demo::usgs::base64;

/// How long a key lives unused.
pub const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(2);

/// A key that was given out.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose it is.
    pub account: Account,
    /// When it was last used.
    pub used: Timestamp,
}

impl M2m {
    /// `login-token`: user name and application token for an API key.
    pub(super) fn login_token(&self, call: &Call) -> Outcome {
        // Since the end of 2022 a login that carries a dead key is refused, whatever its credentials.
        if let Some(key) = &call.key {
            self.session(key)?;
        }
        let username = input::required_text(&call.input, "username")?;
        let token = input::required_text(&call.input, "token")?;
        let account = accounts::by_token(&username, &token)
            .ok_or_else(|| Failure::new("AUTH_INVALID", "User credential verification failed"))?;
        Ok(Value::String(self.open_session(account)))
    }

    /// A new key for an account.
    fn open_session(&self, account: Account) -> String {
        let mut state = self.state();
        state.keys += 1;
        let now = self.clock.now();
        let permissions = permissions(account);
        let key = base64::encode(
            json!({"cid": account.contact, "s": (now.as_second() + state.keys).to_string(), "permissions": permissions})
                .to_string()
                .as_bytes(),
        );
        state.sessions.insert(key.clone(), Session { account, used: now });
        key
    }

    /// `logout`.
    pub(super) fn logout(&self, call: &Call) -> Outcome {
        if let Some(key) = &call.key {
            self.state().sessions.remove(key);
        }
        Ok(Value::Null)
    }

    /// `permissions`.
    pub(super) fn permissions(&self, call: &Call) -> Outcome {
        Ok(json!(call.account.map(permissions).unwrap_or_default()))
    }

    /// The account behind a key; using it starts its two hours again.
    pub(super) fn session(&self, key: &str) -> Result<Account, Failure> {
        let mut state = self.state();
        let now = self.clock.now();
        let Some(session) = state.sessions.get_mut(key) else {
            return Err(Failure::new("AUTH_KEY_INVALID", "Invalid API Key").with_status(401));
        };
        if now.duration_since(session.used) > KEY_LIFETIME {
            state.sessions.remove(key);
            return Err(Failure::new("AUTH_EXPIRED", "API key has expired due to inactivity"));
        }
        session.used = now;
        Ok(session.account)
    }
}

fn permissions(account: Account) -> Vec<&'static str> {
    if account.machine { vec!["user", "download", "order"] } else { vec!["user"] }
}
