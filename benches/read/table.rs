//! The tables, in Markdown.

use super::aims::Aim;
use super::measure::Line;
use super::origin::LINE;
use super::scenarios::{fetch, readahead, readers, reread, sequential, small, windows};

/// What stands where a contestant did not do a task.
const NONE: &str = "–";

/// The table of issue 4: who took how long for what.
pub fn summary(lines: &[Line]) -> String {
    let mut text = String::from(
        "| | whole file | 32 windows | requests / MB for the windows | 64 files of 65 KB | 300 files of 2–20 KB | \
         grep in 100 labels | re-read, of native |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for who in contestants(lines) {
        let cell = |task: &str, write: &dyn Fn(&Line) -> String| {
            let line = lines.iter().find(|line| line.task == task && stands_for(&line.contestant) == who);
            line.map_or(NONE.to_owned(), write)
        };
        let seconds = |task| cell(task, &|line| format!("{:.2} s", line.seconds()));
        let cells = [
            seconds(sequential::TASK),
            seconds(windows::TASK),
            cell(windows::TASK, &traffic),
            seconds(small::STACK_TASK),
            seconds(small::NOTE_TASK),
            seconds(small::LABEL_TASK),
            cell(reread::TASK, &|line| of_native(lines, line)),
        ];
        if cells.iter().any(|cell| cell != NONE) {
            text.push_str(&format!("| {who} | {} |\n", cells.join(" | ")));
        }
    }
    if let Some(line) = lines.iter().find(|line| line.task == sequential::TASK) {
        let limit = line.size as f64 / LINE.in_all.unwrap_or(1) as f64;
        text.push_str(&format!("| the limit | {limit:.2} s (link) |{}\n", format!(" {NONE} |").repeat(6)));
    }
    text
}

/// Every line with all that was measured.
pub fn details(lines: &[Line]) -> String {
    let mut text = String::from(
        "| task | | seconds (all runs) | requests | MB | CPU s per GB | peak MB | slowest / fastest |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for line in lines {
        let all: Vec<String> = line.samples.iter().map(|sample| format!("{:.2}", sample.seconds)).collect();
        let number =
            |figure: Option<f64>, digits: usize| figure.map_or(NONE.to_owned(), |f| format!("{f:.digits$}"));
        let cells = [
            line.task.to_owned(),
            line.contestant.clone(),
            format!("{:.3} ({})", line.seconds(), all.join(", ")),
            number(line.median(|sample| Some(sample.tally.requests as f64)), 0),
            number(line.median(|sample| Some(sample.tally.bytes as f64 / 1e6)), 1),
            number(line.cpu_per_gb(), 2),
            number(line.peak().map(|peak| peak as f64 / 1e6), 0),
            number(line.median(|sample| sample.unfairness), 2),
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

/// What was to be reached, and whether it was.
pub fn aims(aims: &[Aim]) -> String {
    let rows: String = aims.iter().map(|aim| aim.row() + "\n").collect();
    let missed = aims.iter().filter(|aim| !aim.is_met()).count();
    format!(
        "| | figure | aim | met |\n| --- | --- | --- | --- |\n{rows}\n{missed} of {} aims are missed.\n",
        aims.len()
    )
}

/// Requests and megabytes.
fn traffic(line: &Line) -> String {
    let requests = line.median(|sample| Some(sample.tally.requests as f64)).unwrap_or_default();
    let bytes = line.median(|sample| Some(sample.tally.bytes as f64)).unwrap_or_default();
    format!("{requests:.0} / {:.1}", bytes / 1e6)
}

fn of_native(lines: &[Line], line: &Line) -> String {
    let native = lines.iter().find(|line| line.task == reread::TASK && line.contestant == reread::NATIVE);
    native.map_or(NONE.to_owned(), |native| format!("{:.2}", native.seconds() / line.seconds()))
}

/// Both loops and single calls of curl stand in one row, and so do stacfs and its mount as root; the tasks of
/// several readers have a row of their own only in the details.
fn stands_for(contestant: &str) -> &str {
    match contestant {
        "curl, one stream" | "curl, in a loop" => "curl",
        reread::ROOT => "stacfs",
        other => other,
    }
}

fn contestants(lines: &[Line]) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    let own = |task: &str| {
        [readers::APART, readers::TOGETHER, windows::AGAIN, reread::FIRST, fetch::TASK].contains(&task)
            || readahead::TASKS.contains(&task)
    };
    for who in lines.iter().filter(|line| !own(line.task)).map(|line| stands_for(&line.contestant)) {
        if !all.contains(&who) {
            all.push(who);
        }
    }
    all
}
