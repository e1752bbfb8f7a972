//! Why bytes cannot be had.

use crate::http;

/// A failed size, open or read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The network or the server.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The object changed since the file was opened.
    #[error("{identity}: the object changed on the server since it was opened; open it again")]
    Changed {
        /// Its canonical href.
        identity: String,
    },
    /// The server says that it is not there.
    #[error("{identity}: the server has no such object (HTTP {status})")]
    Missing {
        /// Its canonical href.
        identity: String,
        /// 404 or 410.
        status: u16,
    },
    /// It was there once, and is no more.
    #[error("{identity}: {why}")]
    Gone {
        /// Its canonical href.
        identity: String,
        /// What became of it, and what to do.
        why: String,
    },
    /// We may not have it: credentials, a payer, a crawler's name.
    #[error("{identity}: {why}")]
    Denied {
        /// Its canonical href.
        identity: String,
        /// What is missing, and which key to set where.
        why: String,
    },
    /// The bytes are not what they should be: checksum, length, an archive that is broken.
    #[error("{identity}: {why}")]
    Corrupt {
        /// Its canonical href.
        identity: String,
        /// What is wrong.
        why: String,
    },
    /// It is not ready, and the wait is over: staging, or work that goes on.
    #[error("{identity}: {why}")]
    NotYet {
        /// Its canonical href.
        identity: String,
        /// How far it is.
        why: String,
    },
    /// Its server would have to prepare it first, which only reading it is a reason for.
    #[error("{identity}: it would have to be ordered; reading it does that")]
    Unordered {
        /// Its canonical href.
        identity: String,
    },
    /// A quota, theirs or one set here.
    #[error("{identity}: {why}")]
    Quota {
        /// Its canonical href.
        identity: String,
        /// Which, and when or how to go on.
        why: String,
    },
    /// The local disk.
    #[error("{what}: {why}")]
    Disk {
        /// What was being done.
        what: String,
        /// The system's words.
        why: String,
    },
}

impl Error {
    /// The errno at the file-system edge.
    pub fn errno(&self) -> i32 {
        match self {
            Error::Http(error) => error.errno(),
            Error::Changed { .. } => libc::ESTALE,
            Error::Missing { .. } | Error::Gone { .. } => libc::ENOENT,
            Error::Denied { .. } => libc::EACCES,
            Error::Corrupt { .. } | Error::Disk { .. } => libc::EIO,
            Error::NotYet { .. } => libc::ETIMEDOUT,
            Error::Unordered { .. } => libc::EINVAL,
            Error::Quota { .. } => libc::EDQUOT,
        }
    }
}
