//! The report for Prometheus and the like: `.stacfs/metrics`.

use std::fmt::Write;
use std::time::UNIX_EPOCH;

use super::Report;

/// Those of the counters that go up and down.
const LEVELS: [&str; 4] = ["open_files", "open_directories", "inodes", "waiting"];

/// All counters as OpenMetrics 1.0 text, with further levels (name, explanation, value) of other rooms.
pub fn metrics(report: &Report, levels: &[(&str, &str, u64)]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ =
        writeln!(text, "# TYPE stacfs_build info\n# HELP stacfs_build The program that serves this mount.");
    let _ = writeln!(text, "stacfs_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    let began = report.began.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    gauge(&mut text, "start_time_seconds", "When the mount began, in seconds since 1970.", began);
    for (name, explanation, value) in report.counters.all() {
        if LEVELS.contains(&name) {
            gauge(&mut text, name, explanation, value);
        } else {
            let _ = writeln!(text, "# TYPE stacfs_{name} counter\n# HELP stacfs_{name} {explanation}");
            let _ = writeln!(text, "stacfs_{name}_total {value}");
        }
    }
    levels.iter().for_each(|(name, explanation, value)| gauge(&mut text, name, explanation, value));
    text.push_str("# EOF\n");
    text
}

fn gauge(text: &mut String, name: &str, explanation: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "# TYPE stacfs_{name} gauge\n# HELP stacfs_{name} {explanation}");
    let _ = writeln!(text, "stacfs_{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_counters_and_levels_are_gauges() {
        let report = Report::new();
        report.counters.requests.add(3);
        report.counters.open_files.add(2);
        let text = metrics(&report, &[("cache_used_bytes", "Bytes in the cache.", 7)]);
        for line in [
            "# TYPE stacfs_requests counter",
            "stacfs_requests_total 3",
            "# TYPE stacfs_open_files gauge",
            "stacfs_open_files 2",
            "stacfs_cache_used_bytes 7",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        let known: Vec<&str> = report.counters.all().iter().map(|(name, ..)| *name).collect();
        assert!(LEVELS.iter().all(|level| known.contains(level)));
    }
}
