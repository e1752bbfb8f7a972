//! What the figures are to be, as ratios within one run.

use serde_json::{Value, json};

use super::contestants::Mounter;
use super::measure::Line;
use super::origin::LINE;
use super::scenarios::{fetch, readers, reread, sequential, small, windows};

/// The bound of a figure.
#[derive(Clone, Copy, Debug)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// A figure and what it should be.
pub struct Aim {
    words: String,
    figure: f64,
    bound: Bound,
}

impl Aim {
    /// Whether it is met.
    pub fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtMost(bound) => self.figure <= bound,
            Bound::AtLeast(bound) => self.figure >= bound,
        }
    }

    /// One line of a Markdown table.
    pub fn row(&self) -> String {
        let bound = match self.bound {
            Bound::AtMost(bound) => format!("≤ {bound}"),
            Bound::AtLeast(bound) => format!("≥ {bound}"),
        };
        let met = if self.is_met() { "yes" } else { "**no**" };
        format!("| {} | {} | {bound} | {met} |", self.words, figure(self.figure))
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let (relation, bound) = match self.bound {
            Bound::AtMost(bound) => ("at most", bound),
            Bound::AtLeast(bound) => ("at least", bound),
        };
        json!({"what": self.words, "figure": self.figure, "is": relation, "bound": bound, "met": self.is_met()})
    }
}

/// Three digits that count.
fn figure(value: f64) -> String {
    if value >= 100. { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// All aims whose tasks were done.
pub fn judge(lines: &[Line]) -> Vec<Aim> {
    let judge = Judge(lines);
    let all = [
        judge.sequential(),
        judge.windows(),
        judge.small(),
        judge.reread(),
        judge.readers(),
        judge.fetch(),
        judge.memory(),
    ];
    all.into_iter().flatten().collect()
}

struct Judge<'a>(&'a [Line]);

impl Judge<'_> {
    fn line(&self, task: &str, contestant: &str) -> Option<&Line> {
        self.0.iter().find(|line| line.task == task && line.contestant == contestant)
    }

    fn ours(&self, task: &str) -> Option<&Line> {
        self.line(task, Mounter::Stacfs.name())
    }

    /// The time of ours over that of another.
    fn ratio(&self, task: &str, other: &str) -> Option<f64> {
        Some(self.ours(task)?.seconds() / self.line(task, other)?.seconds())
    }

    fn sequential(&self) -> Vec<Aim> {
        let task = sequential::TASK;
        let speedup = |other: &str| Some(1. / self.ratio(task, other)?);
        let rate = |line: &Line| line.size as f64 / line.seconds() / LINE.in_all.unwrap_or(1) as f64;
        aims([
            ("sequential: share of the link's rate", self.ours(task).map(rate), Bound::AtLeast(0.9)),
            ("sequential: time over aria2c's", self.ratio(task, "aria2c -x8"), Bound::AtMost(1.)),
            ("sequential: times faster than curl", speedup("curl, one stream"), Bound::AtLeast(5.)),
            ("sequential: times faster than rclone", speedup(Mounter::Rclone.name()), Bound::AtLeast(5.)),
            (
                "sequential: bytes fetched over the file's",
                self.ours(task).and_then(fetched),
                Bound::AtMost(1.01),
            ),
        ])
    }

    fn windows(&self) -> Vec<Aim> {
        let (task, rival) = (windows::TASK, "GDAL /vsicurl/");
        let bytes = |line: &Line| line.median(|sample| Some(sample.tally.asset_bytes as f64));
        let of_bytes = || Some(bytes(self.ours(task)?)? / bytes(self.line(task, rival)?)?);
        let requests = |line: &Line| line.median(|sample| Some(sample.tally.requests as f64));
        aims([
            ("windows: time over /vsicurl/'s (must)", self.ratio(task, rival), Bound::AtMost(1.)),
            ("windows: time over /vsicurl/'s (aim)", self.ratio(task, rival), Bound::AtMost(0.6)),
            ("windows: bytes over /vsicurl/'s", of_bytes(), Bound::AtMost(1.1)),
            (
                "windows again: time over the local file's",
                self.ratio(windows::AGAIN, "local file"),
                Bound::AtMost(1.3),
            ),
            ("windows again: requests", self.ours(windows::AGAIN).and_then(requests), Bound::AtMost(0.)),
        ])
    }

    fn small(&self) -> Vec<Aim> {
        let rival = "curl, in a loop";
        aims([
            (
                "64 files of 65 KB: time over a curl loop's",
                self.ratio(small::STACK_TASK, rival),
                Bound::AtMost(0.25),
            ),
            (
                "300 small files: time over a curl loop's",
                self.ratio(small::NOTE_TASK, rival),
                Bound::AtMost(0.25),
            ),
            (
                "100 labels: time over a curl loop's",
                self.ratio(small::LABEL_TASK, rival),
                Bound::AtMost(0.25),
            ),
            (
                "100 labels: bytes fetched over the labels'",
                self.ours(small::LABEL_TASK).and_then(fetched),
                Bound::AtMost(1.2),
            ),
        ])
    }

    fn reread(&self) -> Vec<Aim> {
        let of_native = |who| {
            let native = self.line(reread::TASK, reread::NATIVE)?.seconds();
            Some(native / self.line(reread::TASK, who)?.seconds())
        };
        let rate = |line: &Line| line.size as f64 / 1e9 / line.seconds();
        let first = self.line(reread::FIRST, reread::USER).map(rate);
        let of_bare = |task| {
            let bare = self.line(task, reread::BARE)?.seconds();
            Some(bare / self.line(task, reread::USER)?.seconds())
        };
        aims([
            ("re-read as root: speed over the file's", of_native(reread::ROOT), Bound::AtLeast(0.9)),
            ("re-read as a user: speed over the file's", of_native(reread::USER), Bound::AtLeast(0.9)),
            ("... over a bare FUSE server's", of_bare(reread::TASK), Bound::AtLeast(0.9)),
            ("first read of a cached file as a user: GB/s", first, Bound::AtLeast(2.)),
            ("... over a bare FUSE server's", of_bare(reread::FIRST), Bound::AtLeast(0.9)),
        ])
    }

    fn readers(&self) -> Vec<Aim> {
        let unfairness = |line: &Line| line.median(|sample| sample.unfairness);
        aims([
            (
                "8 readers of 8 files: slowest over fastest",
                self.ours(readers::APART).and_then(unfairness),
                Bound::AtMost(1.5),
            ),
            (
                "8 readers of one file: bytes fetched over the file's",
                self.ours(readers::TOGETHER).and_then(fetched),
                Bound::AtMost(1.01),
            ),
        ])
    }

    fn fetch(&self) -> Vec<Aim> {
        let task = fetch::TASK;
        let ours = self.line(task, fetch::OURS);
        let ratio = |other: &str| Some(ours?.seconds() / self.line(task, other)?.seconds());
        aims([
            ("200 files fetched: time over aria2c's", ratio(fetch::RIVAL), Bound::AtMost(1.)),
            ("200 files fetched: time over stac-asset's", ratio(fetch::STAC_ASSET), Bound::AtMost(1.)),
            ("200 files fetched: bytes fetched over theirs", ours.and_then(fetched), Bound::AtMost(1.01)),
        ])
    }

    /// Only the mounts that were new for their task: memory is counted from the start of the process.
    fn memory(&self) -> Vec<Aim> {
        let ours = self.0.iter().filter(|line| line.contestant.starts_with(Mounter::Stacfs.name()));
        let peak = ours.filter_map(Line::peak).max().map(|peak| peak as f64 / 1e6);
        aims([("most memory of stacfs in any task: MB", peak, Bound::AtMost(150.))])
    }
}

/// Bytes of assets that were sent for each that was to be read.
fn fetched(line: &Line) -> Option<f64> {
    Some(line.median(|sample| Some(sample.tally.asset_bytes as f64))? / line.size as f64)
}

/// Those that have a figure.
fn aims<const N: usize>(all: [(&str, Option<f64>, Bound); N]) -> Vec<Aim> {
    let aim = |(words, figure, bound): (&str, Option<f64>, Bound)| {
        Some(Aim { words: words.to_owned(), figure: figure?, bound })
    };
    all.into_iter().filter_map(aim).collect()
}
