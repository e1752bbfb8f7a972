//! The command line as a user meets it: the program itself, real mounts, exit statuses and single lines.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use stacfs::demo;
use stacfs::demo::http::{Credential, Fault};

/// The program, in a home of its own.
fn stacfs(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stacfs"));
    command.args(words).env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap());
    command
}

/// Runs it to its end.
fn run(home: &Path, words: &[&str]) -> Output {
    stacfs(home, words).stdin(Stdio::null()).output().unwrap()
}

/// Runs it, and returns what it says when all is well.
fn answer(home: &Path, words: &[&str]) -> String {
    let output = run(home, words);
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{words:?}: {said}{complained}");
    said
}

/// Runs it, and returns its exit status and the one line it complains with.
fn complaint(home: &Path, words: &[&str]) -> (i32, String) {
    let output = run(home, words);
    let line = text(&output.stderr);
    assert_eq!(line.lines().count(), 1, "{words:?}: {line}");
    (output.status.code().unwrap(), line.trim().to_owned())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn is_mounted(point: &Path) -> bool {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().any(|line| line.split(' ').nth(4) == point.to_str())
}

/// Waits for what must come to pass.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what} did not come to pass");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A home with an empty directory to mount on; unmounts what a failed test leaves behind.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("mnt")).unwrap();
        Home(home)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn point(&self) -> std::path::PathBuf {
        self.path().join("mnt")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if is_mounted(&self.point()) {
            let _ = Command::new("fusermount3").arg("-uz").arg(self.point()).status();
        }
    }
}

#[test]
fn a_demo_is_mounted_explained_and_unmounted() {
    let home = Home::new();
    let (point, mnt) = (home.point(), home.point().to_str().unwrap().to_owned());
    let said = answer(home.path(), &["demo", &mnt]);
    assert!(said.contains(&format!("stacfs umount {mnt}")), "{said}");

    assert!(point.join("stac/elevation/collection.json").is_file());
    let count = std::fs::read_to_string(point.join("stac/elevation/count")).unwrap();
    let told = answer(home.path(), &["explain", "--count", &format!("{mnt}/stac/elevation")]);
    let matches = told.lines().find_map(|line| line.strip_prefix("matches")).unwrap().trim();
    assert_eq!(matches, count.trim());

    let wrong = format!("{mnt}/stac/elevation/bbx=0,0,2,2");
    assert_eq!(std::fs::metadata(&wrong).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    let (status, line) = complaint(home.path(), &["explain", &wrong]);
    assert!(status == 1 && line.contains("did you mean bbox=0,0,2,2?"), "{line}");
    let errors = std::fs::read_to_string(point.join(".stacfs/errors")).unwrap();
    assert!(errors.lines().last().unwrap().contains("\tEINVAL\tstac/elevation/bbx=0,0,2,2\t"), "{errors}");

    let (status, line) = complaint(home.path(), &["mount", "http://127.0.0.1:1/", &mnt]);
    assert!(status == 1 && line.contains("is mounted by stacfs already"), "{line}");

    answer(home.path(), &["umount", &mnt]);
    assert!(!is_mounted(&point));
    let (status, _) = complaint(home.path(), &["umount", &mnt]);
    assert_eq!(status, 1);
}

#[test]
fn what_cannot_be_mounted_is_one_line() {
    let home = Home::new();
    let mnt = home.point().to_str().unwrap().to_owned();
    let missing = home.path().join("missing").to_str().unwrap().to_owned();
    for (words, expected, told) in [
        (vec!["mount", "http://127.0.0.1:1/", &mnt], 1, "cannot reach the server"),
        (vec!["mount", "http://127.0.0.1:1/", &missing], 1, "mkdir -p"),
        (vec!["mount", "nonsense", &mnt], 2, "no configured source"),
        (
            vec!["mount", "a=http://127.0.0.1:1/", "a=http://127.0.0.1:2/", &mnt],
            2,
            "two sources of this name",
        ),
        (vec!["mount"], 2, "<MOUNTPOINT>"),
        (vec!["mount", "-o", "rw", &mnt], 2, "only be read"),
        (vec!["mount", "--config", &missing, &mnt], 1, "cannot be read"),
        (vec!["mount", "--ready-fd", "999", &mnt], 2, "use -f"),
    ] {
        let (status, line) = complaint(home.path(), &words);
        assert!(status == expected && line.contains(told), "{words:?}: {status} {line}");
        assert!(!is_mounted(&home.point()));
    }
}

#[test]
fn a_signal_unmounts() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let home = Home::new();
        let mnt = home.point().to_str().unwrap().to_owned();
        let mut server = stacfs(home.path(), &["demo", "-f", &mnt]).stdout(Stdio::null()).spawn().unwrap();
        wait_until("the mount", || is_mounted(&home.point()) && home.point().join("README.md").is_file());
        let pid = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(pid, rustix::process::Signal::from_named_raw(signal).unwrap()).unwrap();
        let mut status = None;
        wait_until("the end", || {
            status = server.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success());
        assert!(!is_mounted(&home.point()));
    }
}

#[test]
fn a_mount_left_dead_is_recovered() {
    let home = Home::new();
    let mnt = home.point().to_str().unwrap().to_owned();
    let mut server = stacfs(home.path(), &["demo", "-f", &mnt]).stdout(Stdio::null()).spawn().unwrap();
    wait_until("the mount", || is_mounted(&home.point()) && home.point().join("README.md").is_file());
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(std::fs::read_dir(home.point()).unwrap_err().raw_os_error(), Some(libc::ENOTCONN));
    answer(home.path(), &["demo", &mnt]);
    assert!(home.point().join("README.md").is_file());
    answer(home.path(), &["umount", &mnt]);
}

#[test]
fn a_configuration_is_written_read_and_checked() {
    let home = Home::new();
    assert!(answer(home.path(), &["config", "init"]).contains("config.ini is written"));
    let file = home.path().join(".config/stacfs/config.ini");
    let (status, line) = complaint(home.path(), &["config", "init"]);
    assert!(status == 1 && line.contains("is there already"), "{line}");

    std::fs::write(&file, "[source moon]\nurl = http://127.0.0.1:1/\ntoken = hunter2\n").unwrap();
    let shown = answer(home.path(), &["config", "show"]);
    assert!(shown.contains("[source moon]") && !shown.contains("hunter2"), "{shown}");
    let checked = run(home.path(), &["check", "--json"]);
    assert_eq!(checked.status.code(), Some(1));
    let findings: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    let moon =
        findings.as_array().unwrap().iter().find(|finding| finding["subject"] == "source moon").unwrap();
    assert_eq!(moon["state"], "bad");
    assert!(!text(&checked.stdout).contains("hunter2"));

    std::fs::write(&file, "[source moon]\nulr = http://127.0.0.1:1/\n").unwrap();
    let (status, line) = complaint(home.path(), &["config", "show"]);
    assert!(
        status == 1 && line.ends_with("config.ini:2: [source …] has no key ulr; did you mean url?"),
        "{line}"
    );
}

#[test]
fn every_command_has_a_manual_page_and_help() {
    let home = Home::new();
    let page = answer(home.path(), &["man"]);
    assert!(page.contains(".TH stacfs 1") && page.contains("stacfs\\-mount(1)"), "{page}");
    for command in ["mount", "umount", "demo", "explain", "check", "config", "completions", "man"] {
        assert!(answer(home.path(), &["man", command]).contains(".SH NAME"), "{command}");
        assert!(answer(home.path(), &[command, "--help"]).contains("Usage: stacfs"), "{command}");
    }
    assert!(answer(home.path(), &["completions", "bash"]).contains("complete -F _stacfs"));
}

/// What `check --json` finds, by subject: the state and the words.
fn findings(home: &Path, words: &[&str]) -> std::collections::BTreeMap<String, (String, String)> {
    let output = run(home, &[&["check", "--json"], words].concat());
    let list: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let is_bad = list.iter().any(|finding| finding["state"] == "bad");
    assert_eq!(output.status.code(), Some(i32::from(is_bad)), "{}", text(&output.stdout));
    let member = |finding: &serde_json::Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let entry = |finding| (member(finding, "subject"), (member(finding, "state"), member(finding, "words")));
    list.iter().map(entry).collect()
}

#[test]
fn logins_are_tried() {
    let home = Home::new();
    let demo = demo::start(demo::Options::default()).unwrap();
    let folder = home.path().join(".config/stacfs");
    std::fs::create_dir_all(&folder).unwrap();
    let configure = |token: &str| {
        let file = folder.join("config.ini");
        std::fs::write(&file, format!("[source a]\nurl = {}\n{token}\n", demo.stac_url)).unwrap();
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    let state =
        |name: &str| findings(home.path(), &[]).remove(name).map(|(state, words)| state + ": " + &words);
    let host = format!("files at {}", demo.server.url());

    configure("");
    let found = findings(home.path(), &[]);
    assert!(!found.contains_key("login to a") && found["source a"].1.contains("search: GET"), "{found:?}");
    assert_eq!(found["search of a"], ("good".to_owned(), "works (by GET)".to_owned()));
    assert!(found[&host].0 == "good" && found[&host].1.ends_with("can be read"), "{found:?}");
    configure("token = good-token");
    assert!(state("login to a").unwrap().starts_with("doubtful: may not be needed"));

    demo.server.faults().add(Fault::Guarded(Credential::Bearer("good-token".into())).on("*"));
    let found = findings(home.path(), &[]);
    assert!(found["login to a"].0 == "good" && found["login to a"].1.starts_with("is accepted"), "{found:?}");
    assert!(found[&host].0 == "good" && found[&host].1.starts_with("login accepted"), "{found:?}");

    // Only files are closed: the API takes any token, and its files tell.
    demo.server.faults().clear();
    demo.server.faults().add(Fault::Guarded(Credential::Bearer("good-token".into())).on("*/assets/*"));
    assert!(state(&host).unwrap().starts_with("good: login accepted"));
    configure("token = stale-token");
    let told = state(&host).unwrap();
    assert!(told.starts_with("bad: ") && told.contains("401") && told.contains("set a new token"), "{told}");
    assert!(!told.contains("stale-token"), "{told}");
    configure("");
    let told = state(&host).unwrap();
    assert!(told.starts_with("doubtful: ") && told.contains("[credential NAME]"), "{told}");
}

#[test]
fn the_cache_is_sampled() {
    let home = Home::new();
    let demo = demo::start(demo::Options::default()).unwrap();
    let subject = "cached blocks";
    let url = demo.stac_url.as_str();
    assert!(!findings(home.path(), &[url]).contains_key(subject), "there are none");
    answer(home.path(), &["fetch", "-q", url, "elevation", "max_items=1"]);
    let (state, words) = findings(home.path(), &[url]).remove(subject).unwrap();
    assert!(state == "good" && words.contains("all of them right"), "{words}");
    let damaged = Command::new("bash")
        .args(["-euc", "for file in $(find ~/.cache -name '*.data'); do printf bent | dd of=\"$file\" conv=notrunc status=none; done"])
        .env("HOME", home.path())
        .status();
    assert!(damaged.unwrap().success());
    let (state, words) = findings(home.path(), &[url]).remove(subject).unwrap();
    assert!(state == "doubtful" && words.contains("stacfs cache verify"), "{words}");
    let (state, _) = findings(home.path(), &[url]).remove(subject).unwrap();
    assert_eq!(state, "good", "the wrong ones are forgotten");
}
