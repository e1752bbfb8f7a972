//! Quotas of the download service: `rate-limit-summary`, and the refusals.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::{Call, M2m, Quota};

const WINDOW: SignedDuration = SignedDuration::from_mins(15);

impl M2m {
    /// Refuses `more` downloads where they would pass a limit.
    pub(super) fn check_quota(&self, user: &str, more: usize) -> Result<(), Failure> {
        let (used, limits) = (self.used(user), self.quirks().quota);
        let passed = [
            ("recent", used.recent, limits.recent),
            ("pending", used.pending, limits.pending),
            ("unattempted", used.unattempted, limits.unattempted),
        ]
        .into_iter()
        .find(|(_, used, limit)| used + more > *limit);
        passed.map_or(Ok(()), |(kind, used, limit)| {
            let words =
                format!("User download limit exceeded: {used} of {limit} {kind} downloads are in use");
            Err(Failure::new("RATE_LIMIT_USER_DL", words))
        })
    }

    /// `rate-limit-summary`.
    pub(super) fn rate_limit_summary(&self, call: &Call) -> Outcome {
        let limits = self.quirks().quota;
        let fetched = self.state().downloads.iter().filter(|d| d.owner == call.user() && d.fetched).count();
        let waiting = self.used(call.user());
        let counts = json!([
            {"status": "Available", "downloadCount": waiting.unattempted},
            {"status": "Complete", "downloadCount": fetched.to_string()},
        ]);
        Ok(json!({
            "initialLimits": [{"recentDownloadCount": limits.recent, "pendingDownloadCount": limits.pending,
                               "unattemptedDownloadCount": limits.unattempted}],
            "remainingLimits": self.remaining_limits(call.user()),
            "recentDownloadCounts": [
                {"countType": "username", "username": call.user(), "downloadCounts": counts},
                {"countType": "ip", "ipAddress": "127.0.0.1", "downloadCounts": counts},
            ],
        }))
    }

    /// What a user has left, by name and by address.
    pub(super) fn remaining_limits(&self, user: &str) -> Value {
        let (used, limits) = (self.used(user), self.quirks().quota);
        let left = |limit: usize, used: usize| limit.saturating_sub(used);
        let row = |kind: &str, member: &str, who: &str| {
            json!({"limitType": kind, member: who,
                   "recentDownloadCount": left(limits.recent, used.recent),
                   "pendingDownloadCount": left(limits.pending, used.pending),
                   "unattemptedDownloadCount": left(limits.unattempted, used.unattempted)})
        };
        json!([row("user", "username", user), row("ip", "ipAddress", "127.0.0.1")])
    }

    fn used(&self, user: &str) -> Quota {
        let now = self.clock.now();
        let state = self.state();
        let count = |of: &dyn Fn(&super::Download) -> bool| {
            state.downloads.iter().filter(|download| download.owner == user && of(download)).count()
        };
        Quota {
            recent: count(&|download| now.duration_since(download.requested) < WINDOW),
            pending: count(&|download| !download.is_available()),
            unattempted: count(&|download| download.is_available() && !download.fetched),
        }
    }
}
