//! Configuration: what the user wrote, and the defaults for the rest.
//!
//! In: the INI file, the environment, `~/.lsru`, `~/.netrc`, password commands. Out: [`Config`], checked:
//! unknown keys are errors with file, line and "did you mean". Credentials leave this room only as
//! [`Credential`]s bound to the origin they may go to; a [`Secret`] cannot be printed.

mod error;
mod secret;
mod settings;

pub use error::Error;
pub use secret::Secret;
pub use settings::{Cache, Config, Credential, Grant, Limits, SourceConfig, SourceKind};
