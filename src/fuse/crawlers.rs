//! Programs that look into every file there is: indexers, thumbnailers. They may see names, but get no bytes.

use std::collections::HashSet;
use std::fs;
use std::sync::Mutex;

use crate::report::{Report, lock};

/// The kernel cuts the name of a process to this.
const COMM: usize = 15;

/// So many crawlers are told apart; a crawl of more is told of again.
const MOST_TOLD: usize = 256;

/// Who gets no bytes.
pub(super) struct Crawlers {
    patterns: Vec<String>,
    /// Processes that were told of.
    told: Mutex<HashSet<(u32, String)>>,
}

impl Crawlers {
    /// Those whose name matches one of `patterns`, in which `*` is any run of characters.
    pub fn new(patterns: &[String]) -> Crawlers {
        Crawlers { patterns: patterns.to_vec(), told: Mutex::default() }
    }

    /// Whether the process that a call comes from is one; then it is told of, once. `thread` is as the kernel
    /// names it: 0 for one of another namespace, of whom nothing is known.
    pub fn refuse(&self, thread: u32, path: &str, report: &Report) -> bool {
        if self.patterns.is_empty() || thread == 0 {
            return false;
        }
        let (process, names) = names(thread);
        let Some(name) = names.into_iter().find(|name| self.is_one(name)) else { return false };
        let mut told = lock(&self.told);
        if told.len() >= MOST_TOLD {
            told.clear();
        }
        if told.insert((process, name.clone())) {
            drop(told);
            let words = format!(
                "open: {name} (process {process}) looks into every file there is; it is given names but no \
                 content, so that it does not fetch the archive; crawlers in [mount] says who is meant"
            );
            report.error(path, libc::EACCES, &words);
            report.note("crawlers", &format!("{name} was refused the content of files"));
        }
        true
    }

    fn is_one(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern, name) || cut_matches(pattern, name))
    }
}

/// Whether `name` may be what the kernel left of one that matches.
fn cut_matches(pattern: &str, name: &str) -> bool {
    name.len() == COMM && !pattern.contains('*') && pattern.get(..COMM) == Some(name)
}

/// Whether `name` matches `pattern`, in which `*` is any run of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(left) = name.strip_prefix(start) else { return false };
    let mut ends = left.char_indices().map(|(at, _)| at).chain([left.len()]);
    ends.any(|at| left.get(at..).is_some_and(|left| matches(rest, left)))
}

/// The process of a thread, and what it is called: the thread's name, the process's, and the program's as it was
/// started (the kernel cuts the other two).
fn names(thread: u32) -> (u32, Vec<String>) {
    let read = |file: &str| fs::read(format!("/proc/{thread}/{file}")).unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let status = text(&read("status"));
    let process = status.lines().find_map(|line| line.strip_prefix("Tgid:")).unwrap_or_default();
    let process = process.trim().parse().unwrap_or(thread);
    let command = fs::read(format!("/proc/{process}/comm")).unwrap_or_default();
    let arguments = read("cmdline");
    let program = arguments.split(|&byte| byte == 0).next().unwrap_or_default();
    let program = program.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let all = [text(&read("comm")), text(&command), text(program)];
    (process, all.into_iter().filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crawlers(patterns: &[&str]) -> Crawlers {
        Crawlers::new(&patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_match_also_where_the_kernel_cut_them() {
        let known = crawlers(&["tracker-*", "baloo_file_extractor", "*thumbnailer*"]);
        for name in ["tracker-miner-f", "baloo_file_extractor", "baloo_file_extr", "ffmpegthumbnailer"] {
            assert!(known.is_one(name), "{name}");
        }
        for name in ["tracker", "grep", "baloo_file", "", "my-tracker-x"] {
            assert!(!known.is_one(name), "{name}");
        }
        assert!(matches("a*b*c", "a-b-b-c") && !matches("a*b*c", "a-b-b") && matches("*", ""));
    }

    #[test]
    fn this_very_process_is_known_by_its_program_and_told_of_once() {
        let report = Report::new();
        let program = std::env::args().next().unwrap();
        let program = program.rsplit('/').next().unwrap();
        let known = crawlers(&[program]);
        for _ in 0..3 {
            assert!(known.refuse(std::process::id(), "a/b", &report));
        }
        let said = report.errors();
        assert_eq!(said.len(), 1);
        assert!(
            said[0].words.contains(program.get(..8).unwrap_or(program)) && said[0].path == "a/b",
            "{said:?}"
        );
        assert!(!crawlers(&["updatedb"]).refuse(std::process::id(), "a", &report));
        assert!(!known.refuse(0, "a", &report), "nobody is known by nothing");
    }
}
