//! The fuzz targets without `cargo fuzz`: over their corpora, and over what is made of those by chance.
//!
//! A few seconds in a normal run, a minute for each target where `STACFS_TEST_LONG` is set. An input that breaks a
//! promise is printed with the seed (`STACFS_TEST_SEED` repeats it); put it into `fuzz/corpus/<target>/` when it is mended.

#[path = "../fuzz/targets.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// No input may take longer than this, also on a loaded machine.
const LONGEST: Duration = Duration::from_secs(30);

/// Numbers that look random and are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides.max(1) as u64) as usize
    }
}

/// What parsers stumble over.
const TOKENS: &[&[u8]] = &[
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e999",
    b"18446744073709551616",
    b"NaN",
    b"\"\"",
    b"[]",
    b"{}",
    b"[[[[[[",
    b"}}",
    b"..",
    b"/",
    b"%",
    b"%00",
    b"%2F",
    b"=",
    b",",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x00",
    b"\xef\xbb\xbf",
    b"\x1b[2J",
    b"\xe2\x80\xae",
    b"..//..",
    b"\"id\":",
    b"\"links\":",
    b"\"href\":",
    b"\"assets\":",
    b"'",
    b"\\u0000",
    b"bbox=",
    b"datetime=",
    b"filter=",
    b"POLYGON((",
    b"9999-99-99",
    b"1e-320",
    b"9223372036854775808",
    b"\n",
    b"!",
];

/// An input made of others.
fn mutate(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = corpus[dice.throw(corpus.len())].clone();
    for _ in 0..=dice.throw(4) {
        let (at, end) = (dice.throw(input.len() + 1), dice.throw(input.len() + 1));
        let (from, to) = (at.min(end), at.max(end));
        match dice.throw(8) {
            0 if at < input.len() => input[at] ^= 1 << dice.throw(8),
            1 if at < input.len() => input[at] = dice.throw(256) as u8,
            2 => drop(input.drain(from..to.min(from + 16))),
            3 => input.truncate(at),
            4 => {
                let piece = input[from..to.min(from + 64)].to_vec();
                drop(input.splice(at..at, piece));
            }
            5 => {
                let other = &corpus[dice.throw(corpus.len())];
                let start = dice.throw(other.len() + 1);
                let piece = other[start..other.len().min(start + 64)].to_vec();
                drop(input.splice(from..to.min(from + 8), piece));
            }
            _ => drop(
                input.splice(from..to.min(from + dice.throw(8)), TOKENS[dice.throw(TOKENS.len())].to_vec()),
            ),
        }
    }
    input.truncate(64 << 10);
    input
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(!all.is_empty(), "{target} has no corpus");
    all.push(Vec::new());
    all
}

/// Runs a target on an input; a panic or a long time is told with the input.
fn run(name: &str, target: targets::Target, input: &[u8]) {
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
    let took = start.elapsed();
    if outcome.is_err() || took > LONGEST {
        panic!("{name}: {took:?} on {:?}\nin bytes: {input:?}", String::from_utf8_lossy(input));
    }
}

#[test]
fn no_input_breaks_a_promise() {
    let long = std::env::var_os("STACFS_TEST_LONG").is_some();
    let time = if long { Duration::from_secs(60) } else { Duration::from_millis(1500) };
    let chosen = std::env::var("STACFS_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = chosen.unwrap_or(if long { now } else { 20_260_101 });
    println!("seed {seed}");
    std::thread::scope(|scope| {
        for &(name, target) in targets::TARGETS {
            // Those that ask a server share it, so they take turns.
            if ["stac", "m2m"].contains(&name) {
                continue;
            }
            scope.spawn(move || fuzz(name, target, time, seed));
        }
        scope.spawn(move || {
            for &(name, target) in targets::TARGETS.iter().filter(|(name, _)| ["stac", "m2m"].contains(name))
            {
                fuzz(name, target, time, seed);
            }
        });
    });
}

fn fuzz(name: &str, target: targets::Target, time: Duration, seed: u64) {
    let corpus = corpus(name);
    corpus.iter().for_each(|input| run(name, target, input));
    let (mut dice, start, mut inputs) = (Dice(seed), Instant::now(), corpus.len());
    while start.elapsed() < time {
        run(name, target, &mutate(&mut dice, &corpus));
        inputs += 1;
    }
    println!("{name}: {inputs} inputs in {:?}", start.elapsed());
}
