//! One thing that was looked at.

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It works.
    Good,
    /// It works, and should be mended; or it may not be needed.
    Doubtful,
    /// It does not work.
    Bad,
}

impl State {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Doubtful => "doubtful",
            State::Bad => "bad",
        }
    }

    /// The word, as wide as the widest, green, yellow or red.
    pub(super) fn painted(self, coloured: bool) -> String {
        let colour = match self {
            State::Good => 32,
            State::Doubtful => 33,
            State::Bad => 31,
        };
        match coloured {
            true => format!("\x1b[{colour}m{:<8}\x1b[0m", self.word()),
            false => format!("{:<8}", self.word()),
        }
    }
}

/// What was looked at, how it is, and what to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) subject: String,
    /// How it is.
    pub(super) state: State,
    /// What was seen; where it is not good, what to do.
    pub(super) words: String,
}

impl Finding {
    pub(super) fn good(subject: impl Into<String>, words: impl Into<String>) -> Finding {
        Finding { subject: subject.into(), state: State::Good, words: words.into() }
    }

    pub(super) fn doubtful(subject: impl Into<String>, words: impl Into<String>) -> Finding {
        Finding { subject: subject.into(), state: State::Doubtful, words: words.into() }
    }

    pub(super) fn bad(subject: impl Into<String>, words: impl Into<String>) -> Finding {
        Finding { subject: subject.into(), state: State::Bad, words: words.into() }
    }
}
