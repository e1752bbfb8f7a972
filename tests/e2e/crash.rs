//! The serving process is killed at random instants, and what is read afterwards is right.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::mounted::{Mounted, Place, is_mounted};
use crate::noise::{KIB, MIB, Noisy, Random, serve};

/// More than the cache may hold, so that there is always something to fetch, to write and to put out.
const FILES: [Noisy; 5] = [
    Noisy::told("crash", "one.bin", 12 * MIB + 1),
    Noisy::untold("crash", "two.bin", 9 * MIB),
    Noisy::told("crash", "three.bin", 5 * MIB + 4321),
    Noisy::untold("crash", "small.bin", 300 * KIB),
    Noisy::told("crash", "tiny.bin", 77),
];

/// Kills in a normal run, and in a long one.
fn kills() -> usize {
    if std::env::var_os("STACFS_TEST_LONG").is_some() { 200 } else { 8 }
}

/// Mounts in the foreground, so that the process is ours to kill; what it says goes to a file.
fn serve_in_foreground(place: &Place, url: &str) -> Child {
    let log = File::options().create(true).append(true).open(place.path("log")).unwrap();
    let point = place.path("mnt");
    let mut command = place.stacfs(["mount", "-f", url, point.to_str().unwrap()]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let start = Instant::now();
    // One that was killed leaves a dead mount behind, which is in the table too.
    while fs::read_dir(&point).map_or(true, |mut names| names.next().is_none()) {
        let said = || fs::read_to_string(place.path("log")).unwrap_or_default();
        assert!(child.try_wait().unwrap().is_none(), "it ended: {}", said());
        assert!(start.elapsed() < Duration::from_secs(60), "it never stood: {}", said());
        thread::sleep(Duration::from_millis(5));
    }
    child
}

/// Reads here and there and straight on, until told to stop. An error is right only for one who lost his server.
fn read_until(over: &AtomicBool, place: &Place, mut random: Random, read: &AtomicU64) {
    let mut piece = vec![0; 256 * KIB as usize];
    while !over.load(Ordering::Relaxed) {
        let file = &FILES[random.below(FILES.len() as u64) as usize];
        let Ok(handle) = File::open(place.path("mnt").join(file.path())) else { continue };
        let straight_on = random.below(2) == 0;
        let mut offset = random.below(file.length);
        for _ in 0..12 {
            let Ok(count) = handle.read_at(&mut piece, offset) else { break };
            file.check(offset, &piece[..count]);
            read.fetch_add(count as u64, Ordering::Relaxed);
            let next = offset + count as u64;
            offset = if straight_on && next < file.length { next } else { random.below(file.length) };
        }
    }
}

#[test]
fn what_is_read_after_a_kill_is_right() {
    let demo = serve(&FILES);
    let place = Place::new();
    place.configure("[cache]\nmax_bytes = 16M\nmin_free = 0\n");
    let read = AtomicU64::new(0);
    let mut random = Random(20_260_101);
    let start = Instant::now();
    for _ in 0..kills() {
        let mut server = serve_in_foreground(&place, &demo.stac_url);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                let reader = Random(random.next());
                let (over, place, read) = (&over, &place, &read);
                scope.spawn(move || read_until(over, place, reader, read));
            }
            // The instant is what is being drawn; there is nothing to wait for.
            thread::sleep(Duration::from_micros(random.below(400_000)));
            server.kill().unwrap();
            server.wait().unwrap();
            over.store(true, Ordering::Relaxed);
        });
    }

    // What the last one left is taken over, and all of it is right.
    let point = place.path("mnt");
    let mount = place.mount(&[&demo.stac_url]);
    for _ in 0..2 {
        for file in &FILES {
            file.read_all(&File::open(mount.path(&file.path())).unwrap()).unwrap();
        }
    }
    let log = fs::read_to_string(mount.place.path("log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
    println!(
        "{} kills in {:?}, {} MB read and right",
        kills(),
        start.elapsed(),
        read.load(Ordering::Relaxed) >> 20
    );
    drop::<Mounted>(mount);
    assert!(!is_mounted(&point));
}
