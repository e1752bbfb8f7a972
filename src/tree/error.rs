//! Why the tree has no answer, and the one table that makes errnos of it.

use crate::{catalog, content, espa, query};

/// A failed call on the tree.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A segment that cannot be understood.
    #[error(transparent)]
    Query(#[from] query::Error),
    /// The catalogue has no answer.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// The bytes cannot be had.
    #[error(transparent)]
    Content(#[from] content::Error),
    /// ESPA has no answer.
    #[error(transparent)]
    Espa(#[from] espa::Error),
    /// Something that was there when it was listed, and is no more.
    #[error("{0}: the source has it no more; list the directory again")]
    Vanished(String),
    /// The local disk, in words.
    #[error("{0}")]
    Disk(String),
    /// A listing that cannot be made, in words.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// The errno at the file-system edge.
    pub fn errno(&self) -> i32 {
        match self {
            Error::Query(_) | Error::Invalid(_) => libc::EINVAL,
            Error::Disk(_) => libc::EIO,
            Error::Vanished(_) => libc::ENOENT,
            Error::Content(error) => error.errno(),
            Error::Espa(error) => match error {
                espa::Error::Http(error) => error.errno(),
                espa::Error::Refused(_) => libc::EACCES,
                espa::Error::NoOrder(_) => libc::ENOENT,
                _ => libc::EIO,
            },
            Error::Catalog(error) => match error {
                catalog::Error::Http(error) => error.errno(),
                catalog::Error::Query(_) => libc::EINVAL,
                catalog::Error::NotStac { .. } => libc::EIO,
                catalog::Error::Gone { .. } => libc::ENOENT,
                catalog::Error::Limit { .. } => libc::EDQUOT,
            },
        }
    }
}
