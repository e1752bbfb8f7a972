//! What can go wrong between us and a server.

use std::time::Duration;

/// A failed request. URLs in it are free of secrets.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No connection: DNS, refused, TLS. The request was not sent.
    #[error("{url}: cannot reach the server: {why}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// The cause in words.
        why: String,
    },
    /// The mount asks nobody.
    #[error(
        "{url}: this mount is offline (--offline), and this is not in its cache; mount without --offline"
    )]
    Offline {
        /// What would have been asked for.
        url: String,
    },
    /// The server went silent.
    #[error("{url}: no byte for {after:?}")]
    Silent {
        /// What was asked for.
        url: String,
        /// How long nothing came.
        after: Duration,
    },
    /// The server answered with an error; `words` are its own.
    #[error("{url}: HTTP {status}: {words}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The server's own words, shortened, one line.
        words: String,
        /// How long it asked us to wait (`Retry-After`), where it did.
        retry_after: Option<Duration>,
    },
    /// The connection broke before an answer, or while its body came in.
    #[error("{url}: the connection broke after {got} bytes: {why}")]
    Broken {
        /// What was asked for.
        url: String,
        /// Bytes of body that came.
        got: u64,
        /// The cause in words.
        why: String,
    },
    /// The answer is not what was asked for: another range, an encoding, a login page, too long a document.
    #[error("{url}: {why}")]
    Unexpected {
        /// What was asked for.
        url: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A redirect that we do not follow.
    #[error("{url}: refusing the redirect to {to}: {why}")]
    Redirect {
        /// What was asked for.
        url: String,
        /// Where it pointed.
        to: String,
        /// Why not.
        why: String,
    },
    /// What we may read at our own cost is used up.
    #[error("{url}: {why}")]
    Budget {
        /// What was asked for.
        url: String,
        /// Which budget, and how to raise it.
        why: String,
    },
    /// We lack what the server wants, or may not send it there.
    #[error("{url}: {why}")]
    Denied {
        /// What was asked for.
        url: String,
        /// What is missing, and which key to set where.
        why: String,
    },
}

impl Error {
    /// The HTTP status, where the server answered with one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// What a failed read of a [`Stream`](super::Stream) or of an unpacked body means: the error inside, else
    /// the connection broke after `got` bytes.
    pub fn of_read(url: String, got: u64, error: std::io::Error) -> Error {
        let inside = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).cloned();
        inside.unwrap_or_else(|| Error::Broken { url, got, why: error.to_string() })
    }

    /// The errno for this failure at the file-system edge.
    ///
    /// ENOENT is not among them: that a thing is not there is for the caller to say, who knows what a 404
    /// from this URL means.
    pub fn errno(&self) -> i32 {
        match self {
            Error::Silent { .. } => libc::ETIMEDOUT,
            Error::Offline { .. } => libc::ENETUNREACH,
            Error::Budget { .. } => libc::EDQUOT,
            Error::Denied { .. } => libc::EACCES,
            Error::Status { status: 401 | 403 | 407, .. } => libc::EACCES,
            Error::Status { status: 400 | 422, .. } => libc::EINVAL,
            Error::Unreachable { .. }
            | Error::Status { .. }
            | Error::Broken { .. }
            | Error::Unexpected { .. }
            | Error::Redirect { .. } => libc::EIO,
        }
    }
}
