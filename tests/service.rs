//! stacfs as systems run it: service manager, mount(8), signals, a shell that completes, a terminal.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use stacfs::demo;

const STACFS: &str = env!("CARGO_BIN_EXE_stacfs");

/// A home with an empty directory to mount on; unmounts what a failed test leaves behind.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("mnt")).unwrap();
        Home(home)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn point(&self) -> PathBuf {
        self.path().join("mnt")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.path()).env("PATH", std::env::var_os("PATH").unwrap());
        command.stdin(Stdio::null());
        command
    }

    /// A mount of a source, in the background.
    fn mount(&self, url: &str) {
        let output = self.command(Path::new(STACFS)).args(["mount", url]).arg(self.point()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if is_mounted(&self.point()) {
            let _ = Command::new("fusermount3").arg("-uz").arg(self.point()).status();
        }
    }
}

fn is_mounted(point: &Path) -> bool {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().any(|line| line.split(' ').nth(4) == point.to_str())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn signal(child: &Child, name: &str) {
    assert!(
        Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success()
    );
}

/// The next thing that a service manager is told.
fn told(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

#[test]
fn a_service_manager_is_told_how_the_mount_is() {
    let home = Home::new();
    let demo = demo::start(demo::Options::default()).unwrap();
    let config = home.path().join("c.ini");
    let write = |key: &str| {
        fs::write(&config, format!("[source a]\nurl = {}\nheader.X-Key = {key}\n", demo.stac_url)).unwrap();
        fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    write("first-key");
    let socket = UnixDatagram::bind(home.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut service = home
        .command(Path::new(STACFS))
        .args(["mount", "-f", "-v", "--config"])
        .arg(&config)
        .arg(home.point())
        .env("NOTIFY_SOCKET", home.path().join("notify"))
        .env("JOURNAL_STREAM", "8:1")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ready = told(&socket);
    assert!(ready.starts_with("READY=1\n") && ready.contains(home.point().to_str().unwrap()), "{ready}");
    assert!(home.point().join("a").is_dir(), "it is ready when it says so");
    let asked_with =
        |key: &str| !demo.server.journal().select(|entry| entry.headers.get("x-key") == Some(key)).is_empty();
    assert!(asked_with("first-key") && !asked_with("second-key"));

    write("second-key");
    signal(&service, "HUP");
    assert!(told(&socket).starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert!(told(&socket).starts_with("READY=1\n"));
    assert!(fs::read_dir(home.point().join("a/many/bbox=0,0,10,10")).unwrap().count() > 1);
    assert!(asked_with("second-key"));

    // What cannot be read changes nothing.
    fs::write(&config, "[source\n").unwrap();
    signal(&service, "HUP");
    assert!(told(&socket).starts_with("RELOADING=1"));
    assert!(told(&socket).starts_with("READY=1\n"));
    demo.server.journal().clear();
    assert!(fs::read_dir(home.point().join("a/many/bbox=20,0,30,10")).unwrap().count() > 1);
    assert!(asked_with("second-key"));

    signal(&service, "TERM");
    assert!(told(&socket).starts_with("STOPPING=1"));
    let mut log = String::new();
    std::io::Read::read_to_string(service.stderr.as_mut().unwrap(), &mut log).unwrap();
    assert!(service.wait().unwrap().success(), "{log}");
    assert!(!is_mounted(&home.point()));
    // Priorities for the journal, and no times or secrets.
    assert!(log.lines().all(|line| line.starts_with('<')), "{log}");
    assert!(log.contains("<3>") && log.contains("nothing is changed: "), "{log}");
    assert!(!log.contains("-key"), "{log}");
}

#[test]
fn the_units_are_well() {
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/packaging");
    let folder = tempfile::tempdir().unwrap();
    for name in ["stacfs.service", "stacfs@.service"] {
        let text = fs::read_to_string(units.join(name)).unwrap();
        assert!(
            text.contains("Type=notify\n") && text.contains("ExecReload=/bin/kill -HUP $MAINPID\n"),
            "{name}"
        );
        // The program need not be installed for this.
        fs::write(folder.path().join(name), text.replace("/usr/bin/stacfs", STACFS)).unwrap();
        let analyze = Command::new("systemd-analyze")
            .arg("verify")
            .arg("--man=no")
            .arg(folder.path().join(name))
            .output();
        match analyze {
            Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output)),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
        }
    }
}

#[test]
fn mount_runs_its_own_name_for_us() {
    let home = Home::new();
    let demo = demo::start(demo::Options::default()).unwrap();
    let helper = home.path().join("mount.fuse.stacfs");
    std::os::unix::fs::symlink(STACFS, &helper).unwrap();
    let mount = |options: &str| {
        home.command(&helper)
            .arg(&demo.stac_url)
            .arg(home.point())
            .args(["-n", "-o", options])
            .output()
            .unwrap()
    };
    let refused = mount("rw,allow_othr");
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("did you mean allow_other?"), "{}", said(&refused));
    let output = mount("rw,noatime,_netdev,max_items=5");
    assert!(output.status.success(), "{}", said(&output));
    assert!(is_mounted(&home.point()));
    assert_eq!(
        fs::read_dir(home.point().join("many")).unwrap().count(),
        7,
        "collection.json, five, TRUNCATED.txt"
    );
    assert!(Command::new("fusermount3").arg("-u").arg(home.point()).status().unwrap().success());
}

/// What an interactive program prints on a terminal, given these keys one after another.
fn on_a_terminal(home: &Home, program: &str, keys: &[&str]) -> String {
    let mut terminal = home
        .command(Path::new("timeout"))
        .args(["--foreground", "120", "script", "-qec", program, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = terminal.stdin.take().unwrap();
    for key in keys {
        input.write_all(key.as_bytes()).unwrap();
        input.flush().unwrap();
    }
    let output = terminal.wait_with_output().unwrap();
    drop(input);
    said(&output)
}

#[test]
fn bash_completes_below_segments() {
    let home = Home::new();
    let demo = demo::start(demo::Options::default()).unwrap();
    home.mount(&demo.stac_url);
    let script = home.command(Path::new(STACFS)).args(["completions", "bash"]).output().unwrap();
    fs::write(home.path().join("completions"), &script.stdout).unwrap();
    let point = home.point().display().to_string();
    // Each line is completed, and then run by a function that shows the words it was given.
    let lines = [
        format!("stacfs explain {point}/kagu\t\r"),
        format!("stacfs explain {point}/many/bbox=0,0,10,10/dateti\t2018\r"),
        format!("stacfs fetch {point}/many/bbox=0,0,10,10/datetime=2018/collection.j\t\r"),
        "stacfs fetch --dry\t\r".to_owned(),
        "stacfs compl\t\r".to_owned(),
    ];
    let begin = ". ~/completions; stacfs() { local w; for w; do printf '<%s>' \"$w\"; done; echo; }\r";
    let keys: Vec<&str> =
        std::iter::once(begin).chain(lines.iter().map(String::as_str)).chain(["exit\r"]).collect();
    let seen = on_a_terminal(&home, "bash --norc --noprofile -i", &keys);
    for wanted in [
        format!("<explain><{point}/kaguya_terrain_camera_monoscopic_uncontrolled_observations/>"),
        format!("<explain><{point}/many/bbox=0,0,10,10/datetime=2018>"),
        format!("<fetch><{point}/many/bbox=0,0,10,10/datetime=2018/collection.json>"),
        "<fetch><--dry-run>".to_owned(),
        "<completions>".to_owned(),
    ] {
        assert!(seen.contains(&wanted), "{wanted}\n{seen}");
    }
}

#[test]
fn top_shows_a_mount_and_leaves_the_terminal_as_it_was() {
    let home = Home::new();
    let demo = demo::start(demo::Options::default()).unwrap();
    home.mount(&demo.stac_url);
    fs::read_to_string(home.point().join("many/count")).unwrap();
    let once = home.command(Path::new(STACFS)).args(["top", "--once"]).arg(home.point()).output().unwrap();
    let text = said(&once);
    assert!(
        once.status.success() && text.contains(&format!(" on {}, since ", home.point().display())),
        "{text}"
    );
    for name in ["from network", "requests", "cache hits", "open files", "errors", "sources"] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name}: {text}");
    }
    let began = Instant::now();
    let program = format!(
        "stty -echo; before=$(stty -g); {STACFS} top {}; [ \"$before\" = \"$(stty -g)\" ] && echo unchanged",
        home.point().display()
    );
    let seen = on_a_terminal(&home, &program, &["q"]);
    assert!(began.elapsed() < Duration::from_secs(50), "q ends it");
    assert!(
        seen.contains("\u{1b}[?1049h") && seen.contains("\u{1b}[?1049l") && seen.contains("unchanged"),
        "{seen:?}"
    );
    let none = home.command(Path::new(STACFS)).args(["top", "--once", "/proc"]).output().unwrap();
    assert!(
        none.status.code() == Some(1) && said(&none).contains("is no live mount of stacfs"),
        "{}",
        said(&none)
    );
}
