//! What can go wrong with ESPA.

use std::path::PathBuf;

use crate::http;

/// A failure, in words for the user.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The exchange failed; the server's words are in it.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The server does not let us in. It is not asked again with the same password.
    #[error(
        "ESPA refuses the login ({0}); set username and password (not the M2M token) in [usgs] of the configuration"
    )]
    Refused(String),
    /// The server answered, but with words where data should be.
    #[error("ESPA says: {0}")]
    Said(String),
    /// There is no such order.
    #[error("ESPA knows no order {0}; stacfs espa orders lists yours")]
    NoOrder(String),
    /// An answer of another shape than ESPA's.
    #[error("{what}: the answer is not ESPA's ({why}); is this the address of its API?")]
    Malformed {
        /// The resource.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// An order that the server would refuse, or worse, would take.
    #[error("this cannot be ordered: {}", .0.join("; "))]
    Invalid(Vec<String>),
    /// The answer to an order was lost, and whether the order exists could not be found out.
    #[error(
        "{cause}; whether the order was placed is not known: before you order again, wait some minutes and look for it in stacfs espa orders (an id ends in the time of its order; its note is {note:?})"
    )]
    Lost {
        /// What happened to the answer, or to the look for the order.
        cause: Box<Error>,
        /// The note that the order bears.
        note: String,
    },
    /// Bytes that are not those the server promised.
    #[error("{0}")]
    Corrupt(String),
    /// The disk.
    #[error("{}: {why}", .path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        why: String,
    },
}

impl Error {
    /// A failure of the disk.
    pub(super) fn disk(path: impl Into<PathBuf>, error: &std::io::Error) -> Error {
        Error::Disk { path: path.into(), why: error.to_string() }
    }

    /// The HTTP status, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Http(error) => error.status(),
            _ => None,
        }
    }
}
