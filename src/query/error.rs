//! Why a segment cannot be understood.

use std::fmt::Write;

/// A segment that means nothing: EINVAL, with the mend in its words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{segment}: {why}{}", hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default())]
pub struct Error {
    /// The segment as it stood in the path; a long one is cut, control characters are escaped.
    pub segment: String,
    /// What is wrong with it.
    pub why: String,
    /// What to write instead, e.g. `did you mean bbox=0,0,2.5,2.5?`
    pub hint: Option<String>,
}

/// An [`Error`] that does not know its segment yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    why: String,
    hint: Option<String>,
}

impl Fault {
    /// What is wrong.
    pub fn new(why: impl Into<String>) -> Fault {
        Fault { why: why.into(), hint: None }
    }

    /// What to write instead.
    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    /// The error of a segment.
    pub fn of(self, segment: &str) -> Error {
        Error { segment: one_line(segment), why: one_line(&self.why), hint: self.hint.map(|h| one_line(&h)) }
    }
}

/// Text fit for one line of a log: at most 200 characters, none of them a control character.
fn one_line(text: &str) -> String {
    const MOST: usize = 200;
    let mut line = String::new();
    for (at, char) in text.chars().enumerate() {
        match char {
            _ if at == MOST => {
                line.push('…');
                break;
            }
            char if char.is_ascii_control() => {
                let _ = write!(line, "%{:02X}", char as u32);
            }
            char if char.is_control() => line.push(' '),
            char => line.push(char),
        }
    }
    line
}
