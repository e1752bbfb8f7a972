//! Many at once: one dead server stops nobody else, and nothing grows for ever.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stacfs::demo::http::Fault;

use crate::mounted::{Mounted, Place};
use crate::noise::{COLLECTION, KIB, MIB, Noisy, Random, serve};

/// More processes than there are threads to wait for them.
const CROWD: usize = 300;

#[test]
fn a_dead_server_with_a_crowd_before_it_delays_nobody_else() {
    let file = Noisy::told("scene", "file.bin", 100 * KIB);
    let (dead, well) = (serve(&[file]), serve(&[file]));
    let place = Place::new();
    let limits = "[limits]\nmetadata_silence = 20s\nmetadata_total = 20s\n";
    place.configure(limits);
    let mount = place.mount(&[&format!("dead={}", dead.stac_url), &format!("well={}", well.stac_url)]);
    mount.list("dead").unwrap();
    dead.server.faults().add(Fault::Silence.on("*"));
    let waiting = AtomicUsize::new(CROWD);
    thread::scope(|scope| {
        for number in 0..CROWD {
            let (mount, waiting) = (&mount, &waiting);
            scope.spawn(move || {
                let name = mount.path(&format!("dead/{COLLECTION}/item-{number}"));
                let error = fs::metadata(name).expect_err("its server is dead");
                assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT), "{error}");
                waiting.fetch_sub(1, Ordering::Relaxed);
            });
        }
        let start = Instant::now();
        while waiting_calls(&mount) < CROWD / 3 {
            assert!(start.elapsed() < Duration::from_secs(60), "{}", mount.text(".stacfs/status"));
        }
        let start = Instant::now();
        assert_eq!(mount.list(&format!("well/{COLLECTION}")).unwrap(), ["collection.json", "scene"]);
        file.read_all(&File::open(mount.path(&format!("well/{}", file.path()))).unwrap()).unwrap();
        println!("listed and read in {:?} beside {CROWD} who wait", start.elapsed());
        assert!(waiting.load(Ordering::Relaxed) > 0, "before those were told ETIMEDOUT");
    });
}

/// How many calls wait, by the mount's own status.
fn waiting_calls(mount: &Mounted) -> usize {
    let status: serde_json::Value = serde_json::from_str(&mount.text(".stacfs/status.json")).unwrap();
    usize::try_from(status["counters"]["waiting"].as_u64().unwrap()).unwrap()
}

/// What a process weighs.
#[derive(Debug, Clone, Copy)]
#[expect(dead_code, reason = "all of it is printed")]
pub struct Weight {
    /// Resident memory in KiB.
    pub memory: u64,
    /// The most that was ever resident, in KiB.
    pub peak: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: u64,
}

/// What a process weighs now.
pub fn weight(pid: u32) -> Weight {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    Weight {
        memory: field("VmRSS:"),
        peak: field("VmHWM:"),
        descriptors: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
        threads: field("Threads:"),
    }
}

/// Opens files, reads a little of each, and closes them.
fn opens(mount: &Mounted, files: &[Noisy], count: usize, seed: u64) {
    let mut random = Random(seed);
    let mut piece = vec![0; 64 * KIB as usize];
    for _ in 0..count {
        let file = &files[random.below(files.len() as u64) as usize];
        let handle = File::open(mount.path(&file.path())).unwrap();
        let offset = random.below(file.length);
        let read = handle.read_at(&mut piece, offset).unwrap();
        file.check(offset, &piece[..read]);
    }
}

/// Copies a file by `cp`, and looks at the copy.
fn copy(mount: &Mounted, file: &Noisy, to: &Path) {
    let done = std::process::Command::new("cp").arg(mount.path(&file.path())).arg(to).status().unwrap();
    assert!(done.success());
    file.read_all(&File::open(to).unwrap()).unwrap();
    fs::remove_file(to).unwrap();
}

/// One kind of use, again and again.
struct Use<'a> {
    what: &'a str,
    rounds: u64,
    /// Done in each round, given its number.
    once: &'a dyn Fn(u64),
    /// How much more memory the last round may leave than the one after a third, in KiB.
    slack: u64,
}

impl Use<'_> {
    /// Does it, and sees that memory and descriptors do not grow with the rounds.
    fn wear(&self, server: u32) {
        let curve: Vec<Weight> = (0..self.rounds)
            .map(|round| {
                (self.once)(round);
                weight(server)
            })
            .collect();
        let memory: Vec<u64> = curve.iter().map(|weight| weight.memory).collect();
        let (early, last) = (curve[curve.len() / 3], curve[curve.len() - 1]);
        println!("{}, {} rounds: {last:?}; KiB after each: {memory:?}", self.what, self.rounds);
        assert!(last.memory < early.memory + self.slack, "{}: memory grows: {memory:?}", self.what);
        assert!(last.descriptors < early.descriptors + 100, "{}: descriptors grow: {curve:?}", self.what);
        assert!(last.memory < 150 * 1024, "{}", self.what);
    }
}

#[test]
fn hours_of_use_leave_no_trace_in_memory() {
    const NAMES: [&str; 8] = ["a.bin", "b.bin", "c.bin", "d.bin", "e.bin", "f.bin", "g.bin", "h.bin"];
    let long = std::env::var_os("STACFS_TEST_LONG").is_some();
    let (rounds, each, copies, stats) = if long { (20, 1250, 64, 1000) } else { (6, 50, 8, 100) };
    let files: Vec<Noisy> =
        NAMES.iter().map(|name| Noisy::told("soak", name, 2 * MIB + name.len() as u64)).collect();
    let demo = serve(&files);
    let place = Place::new();
    // Smaller than the files together, so that there is always something to fetch and to put out.
    place.configure("[cache]\nmax_bytes = 8M\nmin_free = 0\n");
    let mount = place.mount(&[&demo.stac_url]);
    let server = mount.server().unwrap();
    let open = |round: u64| {
        thread::scope(|scope| {
            for reader in 0..4 {
                let (mount, files) = (&mount, &files);
                scope.spawn(move || opens(mount, files, each, round * 4 + reader));
            }
        });
    };
    let copy = |_| {
        thread::scope(|scope| {
            for number in 0..copies {
                let (mount, files) = (&mount, &files);
                let to = mount.place.path("out").join(format!("copy-{number}"));
                scope.spawn(move || copy(mount, &files[number % files.len()], &to));
            }
        });
    };
    let stat = |round: u64| {
        thread::scope(|scope| {
            for number in 0..stats {
                let path = mount.path(&format!("{COLLECTION}/nothing-{round}-{number}"));
                scope.spawn(move || assert!(fs::metadata(path).is_err()));
            }
        });
    };
    // How many threads a burst calls up (192 at most), and so how much they leave in the allocator, is luck: the
    // bound is reached only after some bursts.
    let opens = format!("{} opens", each * 4);
    Use { what: &opens, rounds, once: &open, slack: 4 * 1024 }.wear(server);
    Use { what: &format!("{copies} cp at once"), rounds, once: &copy, slack: 12 * 1024 }.wear(server);
    Use { what: &format!("{stats} absent names at once"), rounds, once: &stat, slack: 16 * 1024 }
        .wear(server);
    Use { what: &format!("{opens} again"), rounds, once: &open, slack: 4 * 1024 }.wear(server);
}
