//! What a person sees of a fetch: a bar for all of it and one for each large file on a terminal, else a line for
//! each file that is done.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::render::{bytes, printable};

/// Smaller files have no bar of their own.
const LARGE: u64 = 4 << 20;

/// The bars of one fetch.
#[derive(Clone)]
pub struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    style: Style,
    files: std::sync::Arc<AtomicUsize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Bars,
    Lines,
    Silent,
}

impl Bars {
    /// For this process's stderr.
    pub fn new(quiet: bool) -> Bars {
        let all = MultiProgress::new();
        let style = match (std::io::stderr().is_terminal(), quiet) {
            (true, _) => Style::Bars,
            (false, false) => Style::Lines,
            (false, true) => Style::Silent,
        };
        if style != Style::Bars {
            all.set_draw_target(ProgressDrawTarget::hidden());
        }
        let total = all.add(bar("{msg:40!} {bar:20} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left"));
        Bars { all, total, style, files: std::sync::Arc::default() }
    }

    /// So many files and bytes in all, of which some are here already.
    pub fn begin(&self, files: usize, all: u64, here: u64) {
        self.total.set_message(format!("0/{files} files"));
        self.total.set_length(all);
        self.total.set_position(here);
        // What was here says nothing of the rate.
        self.total.reset_eta();
    }

    /// A file of which `here` bytes are here is begun.
    pub fn file(&self, name: &str, size: u64, here: u64) -> ProgressBar {
        if self.style != Style::Bars || size < LARGE {
            return ProgressBar::hidden();
        }
        let own = bar("{msg:40!} {bar:20} {bytes}/{total_bytes}").with_message(printable(name));
        let own = self.all.insert_before(&self.total, own);
        own.set_length(size);
        own.set_position(here);
        own
    }

    /// Bytes came.
    pub fn came(&self, own: &ProgressBar, bytes: u64) {
        own.inc(bytes);
        self.total.inc(bytes);
    }

    /// A file is done.
    pub fn done(&self, name: &str, size: u64, files: usize) {
        let done = self.files.fetch_add(1, Ordering::Relaxed) + 1;
        self.total.set_message(format!("{done}/{files} files"));
        if self.style == Style::Lines {
            eprintln!("{done}/{files}  {}  {}", printable(name), bytes(size));
        }
    }

    /// Takes the bars away.
    pub fn end(&self) {
        self.total.finish_and_clear();
        let _ = self.all.clear();
    }
}

fn bar(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}
