//! Each command as a person meets it: typed into a terminal of 80 columns and 24 rows (tmux), and read from the
//! screen.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use stacfs::demo;
use stacfs::demo::http::Fault;
use stacfs::demo::link::Line;

const STACFS: &str = env!("CARGO_BIN_EXE_stacfs");
/// How long the slowest machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shell in a terminal of its own, with a home of its own.
struct Terminal {
    home: tempfile::TempDir,
    /// How many commands were typed: each has an end of its own.
    typed: Cell<u32>,
}

impl Terminal {
    fn new() -> Terminal {
        let terminal =
            Terminal { home: tempfile::Builder::new().prefix("st").tempdir().unwrap(), typed: Cell::new(0) };
        fs::create_dir_all(terminal.path("mnt")).unwrap();
        fs::create_dir_all(terminal.path("bin")).unwrap();
        std::os::unix::fs::symlink(STACFS, terminal.path("bin/stacfs")).unwrap();
        let begun = terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            "bash --norc --noprofile -i",
        ]);
        assert!(begun.status.success(), "tmux: {}", String::from_utf8_lossy(&begun.stderr));
        terminal
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn tmux(&self, words: &[&str]) -> Output {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(self.path("tmux")).args(words).env_clear();
        tmux.envs([("LC_ALL", "C.UTF-8"), ("TERM", "xterm-256color"), ("PS1", "$ "), ("PATH", &path)]);
        tmux.env("HOME", self.home.path());
        tmux.output().expect("tmux is missing: scripts/test installs it")
    }

    fn keys(&self, keys: &[&str]) {
        assert!(self.tmux(&[&["send-keys"], keys].concat()).status.success());
    }

    /// What stands on the screen now.
    fn screen(&self) -> String {
        String::from_utf8(self.tmux(&["capture-pane", "-p"]).stdout).unwrap()
    }

    /// The same with its colours.
    fn coloured(&self) -> String {
        String::from_utf8(self.tmux(&["capture-pane", "-p", "-e"]).stdout).unwrap()
    }

    /// The screen, once it shows this.
    fn shows(&self, wanted: &str) -> String {
        let began = Instant::now();
        loop {
            let screen = self.screen();
            if screen.contains(wanted) {
                return screen;
            }
            assert!(began.elapsed() < PATIENCE, "{wanted:?} is not shown:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until this is not shown any more.
    fn shows_no_more(&self, unwanted: &str) {
        let began = Instant::now();
        while self.screen().contains(unwanted) {
            assert!(began.elapsed() < PATIENCE, "{unwanted:?} is still shown");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types a command on an empty screen; what it leaves there when it has ended with this status.
    fn ends(&self, command: &str, status: i32) -> String {
        self.typed.set(self.typed.get() + 1);
        let number = self.typed.get();
        self.types(&format!("clear; {command}; echo \"[$?:{number}]\""));
        let end = format!("[{status}:{number}]");
        let screen = self.shows(&end);
        screen.lines().take_while(|line| *line != end).map(|line| format!("{line}\n")).collect()
    }

    fn types(&self, line: &str) {
        self.keys(&["-l", line]);
        self.keys(&["Enter"]);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        for point in table.lines().filter_map(|line| line.split(' ').nth(1)) {
            if Path::new(point).starts_with(self.home.path()) {
                let _ = Command::new("fusermount3").args(["-uz", point]).output();
            }
        }
        self.tmux(&["kill-server"]);
    }
}

/// Whether all of this stands there, in one line or broken into several.
fn has(screen: &str, all: &[&str]) {
    let spaced = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    let joined = screen.replace('\n', "");
    for wanted in all {
        assert!(
            spaced.contains(wanted) || joined.contains(wanted),
            "{wanted:?} is not on the screen:\n{screen}"
        );
    }
}

#[test]
fn a_person_mounts_looks_around_and_leaves() {
    let terminal = Terminal::new();
    let demo = demo::start(demo::Options::default()).unwrap();
    let url = &demo.stac_url;
    has(&terminal.ends("stacfs", 2), &["Print a manual page", "Exit status"]);
    has(&terminal.ends("stacfs mont", 2), &["did you mean", "mount"]);
    let mounted = terminal.ends(&format!("stacfs mount {url} ~/mnt"), 0);
    has(&mounted, &["is mounted", "README.md", "stacfs umount"]);
    has(&terminal.ends("ls ~/mnt", 0), &["README.md", "elevation", "many"]);
    has(
        &terminal.ends("stacfs explain ~/mnt/many/bbox=0,0,10,10/datetime=2018", 0),
        &["many", "2018", "curl"],
    );
    has(&terminal.ends("stacfs explain ~/mnt/many/bbx=0,0,10,10", 1), &["did you mean bbox=0,0,10,10?"]);
    has(
        &terminal.ends(&format!("stacfs path --source {url} -c many --bbox 0,0,10,10"), 0),
        &["/mnt/many/bbox=0,0,10,10"],
    );

    terminal.types("clear; stacfs top ~/mnt");
    let top = terminal.shows("cache hits");
    has(&top, &["stacfs ", " on ", "requests", "open files", "sources"]);
    assert!(top.lines().count() <= 24 && top.lines().all(|line| line.chars().count() <= 80), "{top}");
    terminal.keys(&["q"]);
    // The screen is as it was before.
    terminal.shows_no_more("cache hits");
    has(&terminal.ends("echo back", 0), &["back"]);

    terminal.ends("stacfs umount ~/mnt", 0);
    has(&terminal.ends("stacfs umount ~/mnt", 1), &["stacfs: "]);
    has(&terminal.ends("stacfs top ~/mnt", 1), &["is no live mount of stacfs"]);
}

#[test]
fn a_person_checks_what_works() {
    let terminal = Terminal::new();
    let demo = demo::start(demo::Options::default()).unwrap();
    has(&terminal.ends("stacfs config init", 0), &["config.ini is written"]);
    has(&terminal.ends("stacfs config show | grep -m1 max_items", 0), &["max_items"]);
    let check = format!("stacfs check {}", demo.stac_url);
    let screen = terminal.ends(&check, 0);
    has(&screen, &["good", "search: GET", "works (by GET)", "can be read"]);
    let coloured = terminal.coloured();
    assert!(coloured.contains("\u{1b}[32mgood"), "{coloured:?}");
    // Words that go on in the next line stand below words.
    let next = screen.lines().find(|line| line.starts_with("          ")).expect("a line goes on");
    assert!(!next.trim().is_empty() && screen.lines().all(|line| line.chars().count() <= 80), "{screen}");

    demo.server.faults().add(Fault::status(503).on("*"));
    has(&terminal.ends(&check, 1), &["bad", "503"]);
    let coloured = terminal.coloured();
    assert!(coloured.contains("\u{1b}[31mbad"), "{coloured:?}");
    terminal.ends(&format!("{check} | cat"), 0);
    assert!(!terminal.coloured().contains("[31m"), "no colours in a pipe");
}

#[test]
fn a_person_fetches_and_sees_how_far_it_is() {
    let terminal = Terminal::new();
    let line = Line { rtt: Duration::from_millis(5), per_connection: None, in_all: Some(300_000) };
    let demo = demo::start(demo::Options { line: Some(line), ..demo::Options::default() }).unwrap();
    let search = format!("{} elevation max_items=2", demo.stac_url);
    has(
        &terminal.ends(&format!("stacfs fetch {search} --dry-run"), 0),
        &["files, ", "in the cache", "to fetch"],
    );
    terminal.types(&format!("clear; stacfs fetch {search}"));
    let screen = terminal.shows(" left");
    let bar = screen.lines().find(|line| line.contains(" files ")).expect(&screen);
    assert!(bar.contains('/') && bar.contains("/s") && bar.chars().count() <= 80, "{bar}");
    terminal.keys(&["C-c"]);
    terminal.shows("interrupted: ");
    has(&terminal.screen(), &["the same command goes on where this one ended"]);

    let quick = format!("{} many max_items=3", demo.stac_url);
    has(&terminal.ends(&format!("stacfs fetch {quick} --to ~/out"), 0), &["files are there", "fetched now"]);
    has(&terminal.ends("find ~/out -type f | head -3", 0), &["/out/many/"]);
    has(&terminal.ends("stacfs cache info", 0), &["files", "whole"]);
    has(&terminal.ends(&format!("stacfs cache pin {quick}"), 0), &["files are there"]);
    has(&terminal.ends("stacfs cache list --pinned | head -5", 0), &["many"]);
    has(&terminal.ends("stacfs cache verify", 0), &["blocks are right", "0 were wrong"]);
    has(&terminal.ends(&format!("stacfs cache unpin {quick}"), 0), &["may go"]);
    has(&terminal.ends("stacfs cache prune --to 0", 0), &["files went"]);
    has(&terminal.ends("stacfs cache clear", 0), &["files went"]);
}

#[test]
fn a_person_reads_about_commands() {
    let terminal = Terminal::new();
    has(&terminal.ends("stacfs man fetch | head -4", 0), &[".TH stacfs-fetch 1"]);
    has(&terminal.ends("stacfs completions bash | tail -1", 0), &["complete -F _stacfs"]);
    has(&terminal.ends("stacfs usgs valid LC08_L2SP_197030_20180105_20200902_02_T1", 0), &["LC08_L2SP"]);
    has(&terminal.ends("stacfs usgs login", 1), &["[usgs]"]);
    has(&terminal.ends("stacfs espa formats", 1), &["[usgs]"]);
    let help = terminal.ends("stacfs umount --help", 0);
    assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    has(&help, &["Usage: stacfs umount <MOUNTPOINT>"]);
}
