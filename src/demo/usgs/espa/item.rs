//! What becomes of a scene of an order, as time goes by.
//!
//! Nothing here changes by itself: the state at any moment follows from when the item was placed, its fate and the
//! pace of the server.

use jiff::{SignedDuration, Timestamp};

/// What becomes of an item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fate {
    /// It is processed.
    #[default]
    Completes,
    /// It cannot be processed, for this reason.
    Unavailable(String),
    /// It fails and waits for a person; the order never completes.
    Fails(String),
    /// It fails once for this reason, is tried again, and is then processed.
    Retries(String),
    /// It is being processed for ever.
    Stalls,
}

/// How long each stage takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// In `submitted`, in `oncache`, in `queued`, in `retry`.
    pub waiting: SignedDuration,
    /// In `processing`.
    pub processing: SignedDuration,
    /// How much later than its neighbour each item of an order starts.
    pub stagger: SignedDuration,
}

impl Pace {
    /// About ten minutes an item.
    pub const REAL: Pace = Pace {
        waiting: SignedDuration::from_secs(120),
        processing: SignedDuration::from_secs(240),
        stagger: SignedDuration::from_secs(30),
    };

    /// About ten seconds an item, for people who watch a demonstration.
    pub const DEMO: Pace = Pace {
        waiting: SignedDuration::from_secs(2),
        processing: SignedDuration::from_secs(4),
        stagger: SignedDuration::from_secs(1),
    };
}

/// The state of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the server's words")]
pub enum Status {
    Submitted,
    Oncache,
    Queued,
    Processing,
    Retry,
    Error,
    Unavailable,
    Complete,
    Cancelled,
    Purged,
}

impl Status {
    /// The server's word.
    pub fn word(self) -> &'static str {
        match self {
            Status::Submitted => "submitted",
            Status::Oncache => "oncache",
            Status::Queued => "queued",
            Status::Processing => "processing",
            Status::Retry => "retry",
            Status::Error => "error",
            Status::Unavailable => "unavailable",
            Status::Complete => "complete",
            Status::Cancelled => "cancelled",
            Status::Purged => "purged",
        }
    }

    /// Whether the item counts towards the limit of open scenes.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Status::Submitted | Status::Oncache | Status::Queued | Status::Processing | Status::Retry
        )
    }

    /// Whether a worker holds the item, so that a cancellation must wait for its report.
    fn is_held(self) -> bool {
        matches!(self, Status::Queued | Status::Processing)
    }

    /// Whether the item is done with as far as its order is concerned.
    pub fn is_settled(self) -> bool {
        matches!(self, Status::Complete | Status::Unavailable)
    }
}

/// A moment in the life of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Since when.
    pub at: Timestamp,
    /// What it became.
    pub status: Status,
    /// Why.
    pub note: String,
}

/// The life of an item that starts at `start`, oldest step first.
pub fn life(start: Timestamp, fate: &Fate, pace: &Pace) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = start;
    let mut step = |status, stays: SignedDuration, note: &str| {
        steps.push(Step { at, status, note: note.to_owned() });
        at = at.saturating_add(stays).unwrap_or(Timestamp::MAX);
    };
    let round = |step: &mut dyn FnMut(Status, SignedDuration, &str)| {
        for status in [Status::Submitted, Status::Oncache, Status::Queued] {
            step(status, pace.waiting, "");
        }
        step(Status::Processing, pace.processing, "");
    };
    round(&mut step);
    match fate {
        Fate::Completes => step(Status::Complete, SignedDuration::ZERO, DONE),
        Fate::Unavailable(reason) => step(Status::Unavailable, SignedDuration::ZERO, reason),
        Fate::Fails(reason) => step(Status::Error, SignedDuration::ZERO, reason),
        Fate::Retries(reason) => {
            step(Status::Retry, pace.waiting, reason);
            round(&mut step);
            step(Status::Complete, SignedDuration::ZERO, DONE);
        }
        Fate::Stalls => {}
    }
    steps
}

/// What the server notes on completed items: two quote characters.
const DONE: &str = "''";

/// When an item is done with; `None`: never.
pub fn settled_at(life: &[Step]) -> Option<Timestamp> {
    life.last().filter(|step| step.status.is_settled()).map(|step| step.at)
}

/// The same life with a cancellation in it: held items go on until they report.
pub fn cancelled(life: &[Step], at: Timestamp) -> Vec<Step> {
    let lived: Vec<Step> = life.iter().filter(|step| step.at <= at).cloned().collect();
    let held = lived.last().is_some_and(|step| step.status.is_held());
    let report = life.iter().skip(lived.len()).find(|step| !step.status.is_held()).map(|step| step.at);
    let mut steps: Vec<Step> = if held {
        life.iter().filter(|step| report.is_none_or(|report| step.at < report)).cloned().collect()
    } else {
        lived
    };
    if let Some(at) = if held { report } else { Some(at) } {
        steps.push(Step { at, status: Status::Cancelled, note: "Cancelled".into() });
    }
    steps
}

/// The step that holds at a moment.
pub fn state(life: &[Step], now: Timestamp) -> Option<&Step> {
    life.iter().rfind(|step| step.at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn after(seconds: i64) -> Timestamp {
        start().checked_add(SignedDuration::from_secs(seconds)).unwrap()
    }

    fn words(life: &[Step]) -> Vec<&'static str> {
        [0, 120, 240, 360, 600, 720, 840, 960, 1080, 1320]
            .map(|seconds| state(life, after(seconds)).map_or("", |step| step.status.word()))
            .to_vec()
    }

    #[test]
    fn fates() {
        let plain = life(start(), &Fate::Completes, &Pace::REAL);
        assert_eq!(words(&plain)[..5], ["submitted", "oncache", "queued", "processing", "complete"]);
        assert_eq!(state(&plain, after(600)).unwrap().note, "''");
        assert_eq!(settled_at(&plain), Some(after(600)));
        let twice = life(start(), &Fate::Retries("Network error".into()), &Pace::REAL);
        assert_eq!(words(&twice)[4..], ["retry", "submitted", "oncache", "queued", "processing", "complete"]);
        let never = life(start(), &Fate::Fails("x".into()), &Pace::REAL);
        assert_eq!((words(&never)[9], settled_at(&never)), ("error", None));
        let stalled = life(start(), &Fate::Stalls, &Pace::REAL);
        assert_eq!((words(&stalled)[9], settled_at(&stalled)), ("processing", None));
    }

    #[test]
    fn a_cancellation_waits_for_items_that_are_held() {
        let plain = life(start(), &Fate::Completes, &Pace::REAL);
        let at_once = cancelled(&plain, after(130));
        assert_eq!(words(&at_once)[..3], ["submitted", "oncache", "cancelled"]);
        let later = cancelled(&plain, after(300));
        assert_eq!(words(&later)[..5], ["submitted", "oncache", "queued", "processing", "cancelled"]);
        let complete = cancelled(&plain, after(700));
        assert_eq!(state(&complete, after(650)).unwrap().status, Status::Complete);
        assert_eq!(state(&complete, after(700)).unwrap().status, Status::Cancelled);
        let stalled = cancelled(&life(start(), &Fate::Stalls, &Pace::REAL), after(700));
        assert_eq!(stalled.last().unwrap().status, Status::Processing);
    }
}
