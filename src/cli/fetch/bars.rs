//! What a person sees of a fetch: a bar for all of it and one for each large file on a terminal, else a line for
//! each file that is done.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::lock;
use crate::report::render::{bytes, printable};

/// Smaller files have no bar of their own.
const LARGE: u64 = 4 << 20;

/// The bars of one fetch.
#[derive(Clone)]
pub struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    style: Style,
    files: Arc<AtomicUsize>,
    sizes: Arc<Mutex<Sizes>>,
}

/// What is known of the files' sizes. Those that nobody has told are taken to be like the others.
#[derive(Default)]
struct Sizes {
    files: u64,
    known: u64,
    bytes: u64,
}

impl Sizes {
    /// Bytes of all files together, as far as can be told.
    fn estimate(&self) -> u64 {
        let unknown = self.files.saturating_sub(self.known);
        self.bytes + self.bytes.checked_div(self.known).unwrap_or(0).saturating_mul(unknown)
    }
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
        let total = all.add(bar("{msg:18!} {bar:12} {bytes}/{total_bytes} {bytes_per_sec} {eta} left"));
        Bars { all, total, style, files: Arc::default(), sizes: Arc::default() }
    }

    /// So many files in all, of these sizes as far as they are known; so many bytes are here already.
    pub fn begin(&self, files: usize, sizes: impl Iterator<Item = u64>, here: u64) {
        let (known, bytes) = sizes.fold((0, 0), |(known, bytes), size| (known + 1, bytes + size));
        let sizes = Sizes { files: files as u64, known, bytes };
        self.total.set_message(format!("0/{files} files"));
        self.total.set_length(sizes.estimate());
        *lock(&self.sizes) = sizes;
        self.total.set_position(here);
        // What was here says nothing of the rate.
        self.total.reset_eta();
    }

    /// A file turned out to be of this size.
    pub fn learned(&self, size: u64) {
        let mut sizes = lock(&self.sizes);
        sizes.known += 1;
        sizes.bytes += size;
        self.total.set_length(sizes.estimate());
    }

    /// A file of which `here` bytes are here is begun.
    pub fn file(&self, name: &str, size: u64, here: u64) -> ProgressBar {
        if self.style != Style::Bars || size < LARGE {
            return ProgressBar::hidden();
        }
        let own = bar("{msg:44!} {bar:12} {bytes}/{total_bytes}").with_message(printable(name));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_unknown_size_are_taken_to_be_like_the_others() {
        let mut sizes = Sizes { files: 10, ..Sizes::default() };
        assert_eq!(sizes.estimate(), 0);
        sizes = Sizes { files: 10, known: 2, bytes: 60 };
        assert_eq!(sizes.estimate(), 300);
        sizes = Sizes { files: 10, known: 10, bytes: 70 };
        assert_eq!(sizes.estimate(), 70);
    }
}
