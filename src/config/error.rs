//! What is wrong with the configuration.

use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A line that means nothing here.
    #[error("{}:{line}: {why}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to write instead.
        why: String,
    },
    /// A file that cannot be read, or must not be used (readable by others).
    #[error("{}: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A source that is named nowhere, named twice, or is no URL, file or name.
    #[error("{name}: {why}")]
    Source {
        /// As given on the command line.
        name: String,
        /// What is wrong, and what to write.
        why: String,
    },
    /// A password command that failed.
    #[error("password_command of [{section}]: {why}")]
    Command {
        /// The section it stands in.
        section: String,
        /// How it ended.
        why: String,
    },
}
