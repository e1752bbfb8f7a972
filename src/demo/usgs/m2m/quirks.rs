//! What can be made to go wrong, beyond the faults of the HTTP server.

use std::collections::HashSet;
use std::time::Duration;

use jiff::SignedDuration;

/// The switches of the M2M server. All off by default: limits are the real ones, answers come at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Quirks {
    /// Every answer is an HTML page with status 503.
    pub maintenance: bool,
    /// How long each request is under way, so that two of them can overlap.
    pub latency: Duration,
    /// Bodies longer than this many bytes are answered 404, as very long polygons are.
    pub longest_body: usize,
    /// No record beyond this one can be had, and no page can be longer.
    pub result_window: usize,
    /// `totalHits` grows by this for every record that a page begins further on.
    pub hits_drift: usize,
    /// The daily estimate of hits, which an unfiltered search is told, is this much smaller than their number.
    pub hits_lag: usize,
    /// How many `download-retrieve`s pass before a download is available; 0: at once.
    pub staging_polls: u32,
    /// How many downloads can be asked for.
    pub quota: Quota,
    /// Entity ids whose products are not available, only to be ordered.
    pub unavailable: HashSet<String>,
    /// Entity ids whose downloads fail, as when the distribution system is down.
    pub failing: HashSet<String>,
    /// The agreement that downloads are given under (`HDDS`).
    pub eula: Option<&'static str>,
    /// No single files are offered, only bundles.
    pub bundles_only: bool,
    /// Every file in a bundle is followed by one of so many bytes of noise, a multiple of 512, that is made as it is
    /// read. Such bundles have no checksum.
    pub bundle_padding: u64,
    /// How long the URL of a download works.
    pub url_lifetime: SignedDuration,
    /// What is added to the sizes in `download-options`, which then are wrong.
    pub size_error: i64,
    /// The checksums in `download-options` are those of other bytes.
    pub wrong_checksums: bool,
    /// What `Content-Disposition` says.
    pub disposition: Disposition,
}

/// Limits of the download service, each per user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests in 15 minutes.
    pub recent: usize,
    /// Downloads in preparation.
    pub pending: usize,
    /// Downloads that are available and were not fetched.
    pub unattempted: usize,
}

/// The `Content-Disposition` of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// `attachment; filename="LC08_….tar"`.
    Named,
    /// The name has a path in front that climbs.
    Climbing,
    /// There is none.
    Absent,
}

impl Default for Quirks {
    fn default() -> Quirks {
        Quirks {
            maintenance: false,
            latency: Duration::ZERO,
            longest_body: 1 << 20,
            result_window: 50_000,
            hits_drift: 0,
            hits_lag: 0,
            staging_polls: 0,
            quota: Quota { recent: 15_000, pending: 20_000, unattempted: 20_000 },
            unavailable: HashSet::new(),
            failing: HashSet::new(),
            eula: None,
            bundles_only: false,
            bundle_padding: 0,
            url_lifetime: SignedDuration::from_hours(24),
            size_error: 0,
            wrong_checksums: false,
            disposition: Disposition::Named,
        }
    }
}
