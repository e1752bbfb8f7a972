//! Why a segment cannot be understood.

/// A segment that means nothing: EINVAL, with the mend in its words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{segment}: {why}{}", hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct Error {
    /// The segment as it stood in the path.
    pub segment: String,
    /// What is wrong with it.
    pub why: String,
    /// What to write instead, e.g. `did you mean bbox=0,0,2.5,2.5?`
    pub hint: Option<String>,
}
