//! The cache survives kill -9 at any instant: what is read afterwards is right, or is not there.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use stacfs::cache::{BLOCK, Cache, Settings, blocks_of};
use stacfs::report::Report;

const CHILD: &str = "STACFS_TEST_CACHE_CHILD";
/// More kills in the long run of the tests.
const LONG: &str = "STACFS_TEST_LONG";
const OBJECTS: u64 = 3;

fn size(object: u64) -> u64 {
    (object + 1) * 3_000_017
}

fn open(folder: &Path) -> Cache {
    // Smaller than the objects together, so that eviction is cut short too.
    let settings = Settings { folder: folder.to_owned(), max_bytes: Some(12 << 20), min_free: 0 };
    Cache::open(settings, Arc::new(Report::new()))
}

fn block(object: u64, block: u64) -> Vec<u8> {
    let bytes = block * BLOCK..((block + 1) * BLOCK).min(size(object));
    bytes.map(|at| ((at ^ object << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Writes and reads blocks, `steps` of them; every read must be right.
fn work(cache: &Cache, dice: &mut Dice, steps: u64) {
    let objects: Vec<_> =
        (0..OBJECTS).map(|n| cache.object(&format!("https://e.org/{n}"), "v", size(n)).unwrap()).collect();
    for _ in 0..steps {
        let n = dice.throw(OBJECTS);
        let at = dice.throw(blocks_of(size(n)));
        let object = &objects[n as usize];
        match object.read(at * BLOCK, BLOCK as usize) {
            Some(bytes) => assert!(bytes == block(n, at), "object {n}, block {at}"),
            None => drop(object.write(at, &block(n, at))),
        }
    }
}

/// As a child process: works until it is killed. Alone: works a little.
#[test]
fn worker() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    match std::env::var(CHILD) {
        Ok(task) => {
            let (seed, folder) = task.split_once(' ').unwrap();
            let cache = open(Path::new(folder));
            let mut dice = Dice(seed.parse().unwrap());
            println!("\nworking");
            loop {
                work(&cache, &mut dice, 1000);
            }
        }
        Err(_) => work(&open(folder.path()), &mut dice, 500),
    }
}

#[test]
fn killed_at_any_instant_it_never_gives_a_wrong_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(1);
    let kills = if std::env::var_os(LONG).is_some() { 200 } else { 15 };
    let mut kept = 0;
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["worker", "--exact", "--nocapture"])
            .env(CHILD, format!("{kill} {}", folder.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "working"));
        std::thread::sleep(Duration::from_millis(5 + dice.throw(60)));
        child.kill().unwrap();
        child.wait().unwrap();
        let cache = open(folder.path());
        for n in 0..OBJECTS {
            let object = cache.object(&format!("https://e.org/{n}"), "v", size(n)).unwrap();
            let (right, wrong) = object.verify();
            assert_eq!(wrong, 0, "kill {kill}, object {n}");
            kept += right;
            for at in 0..blocks_of(size(n)) {
                if let Some(bytes) = object.read(at * BLOCK, BLOCK as usize) {
                    assert!(bytes == block(n, at), "kill {kill}, object {n}, block {at}");
                }
            }
        }
    }
    assert!(kept > 0, "something survived");
}
