//! Configuration: what the user wrote, and the defaults for the rest.
//!
//! In: the INI file, the environment, `~/.lsru`, `~/.netrc`, password commands. Out: [`Config`], checked:
//! unknown keys are errors with file, line and "did you mean". Credentials leave this room only as
//! [`Credential`]s bound to the origin they may go to; a [`Secret`] cannot be printed.
//!
//! [`Draft::read`] reads and checks, [`Draft::resolve`] chooses the sources of one mount and fetches their
//! secrets. Every key stands in one table (`keys.rs`), which parsing, [`sample`] and [`Draft::show`] share.

mod area;
mod document;
mod draft;
mod effective;
mod environment;
mod error;
mod grant;
mod keys;
mod login;
mod lsru;
mod netrc;
mod s3;
mod scope;
mod secret;
mod settings;
mod show;
mod source;
mod value;

pub use draft::{Choice, Draft};
pub use environment::Environment;
pub use error::Error;
pub use s3::{KeySource, S3Keys, S3Store};
pub use scope::Scope;
pub use secret::Secret;
pub use settings::{Cache, Config, Credential, Grant, Layout, Limits, Reach, SourceConfig, SourceKind};
pub use show::sample;
pub use value::ABILITIES;
pub use value::{duration as parse_duration, size as parse_size};
