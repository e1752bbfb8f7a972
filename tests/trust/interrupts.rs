//! Who waits for a server that is gone can be stopped: at once where the kernel lets him, else at the deadline.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use stacfs::demo::http::Fault;

use crate::mounted::{MOON, Mounted, Place};
use crate::noise::{MIB, Noisy, serve};

/// A signal, and a file for it: what was asked for in vain is not asked for again while that request lives.
const SIGNALS: [(&str, Noisy); 3] = [
    ("INT", Noisy::told("scene", "interrupted.bin", 8 * MIB)),
    ("TERM", Noisy::told("scene", "ended.bin", 8 * MIB)),
    ("KILL", Noisy::told("scene", "killed.bin", 8 * MIB)),
];

/// A call ends within this, also on a loaded machine.
const BOUND: Duration = Duration::from_secs(30);

/// Deadlines: that of reads is longer than the bound, so that only a signal ends them within it.
fn mounted(url: &str) -> Mounted {
    let place = Place::new();
    let limits = "[limits]\nmetadata_silence = 2s\nmetadata_total = 4s\nread_silence = 2m\n";
    place.configure(limits);
    place.mount(&[url])
}

fn signal(child: &Child, name: &str) {
    assert!(
        Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success()
    );
}

/// How long a process takes to be gone.
fn end_of(mut child: Child) -> Duration {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < BOUND, "it cannot be ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    start.elapsed()
}

/// Whether a process waits in the kernel for us: its stack cannot be read, but its state can.
fn wait_until_blocked(child: &Child) {
    let start = Instant::now();
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next())
    };
    while !matches!(state(), Some('D' | 'S')) {
        assert!(start.elapsed() < BOUND, "{:?}", state());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_blocked_reader_can_be_interrupted_and_killed() {
    let demo = serve(&SIGNALS.map(|(_, file)| file));
    let mount = mounted(&demo.stac_url);
    for (name, file) in SIGNALS {
        demo.server.faults().clear();
        let mut child = Command::new("bash")
            .args(["-c", "exec 3<\"$0\"; echo open; read; exec tail -c 1000000 <&3"])
            .arg(mount.path(&file.path()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "open");
        demo.server.faults().add(Fault::Silence.on("/assets/*"));
        demo.server.journal().clear();
        writeln!(child.stdin.take().unwrap()).unwrap();
        let asked = demo.server.journal().wait_for(BOUND, |entries| !entries.is_empty());
        assert!(asked, "it reads what was not read before");
        wait_until_blocked(&child);
        signal(&child, name);
        println!("a reader ended {:?} after SIG{name}", end_of(child));
    }
    demo.server.faults().clear();
    drop(mount.text("README.md"));
}

#[test]
fn a_blocked_listing_ends_at_the_deadline_at_the_latest() {
    let demo = stacfs::demo::start(stacfs::demo::Options::default()).unwrap();
    let mount = mounted(&demo.stac_url);
    mount.list("").unwrap();
    demo.server.faults().add(Fault::Silence.on("*"));
    for (name, folder) in [("INT", "months=1"), ("KILL", "months=2")] {
        let child =
            Command::new("ls").arg(mount.path(MOON).join(folder)).stderr(Stdio::null()).spawn().unwrap();
        let asked =
            demo.server.journal().wait_for(BOUND, |entries| entries.last().is_some_and(|e| e.took.is_none()));
        assert!(asked);
        signal(&child, name);
        println!("a listing ended {:?} after SIG{name}, deadline 2 s", end_of(child));
    }
}
