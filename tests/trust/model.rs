//! A mount beside a simple model of what it should show, under random sequences of listings, reads, changes on the
//! server, faults, evictions and remounts, over a disk that fails now and then.
//!
//! Nothing is taken for true for longer than an instant here, so while the server is well, every answer is the
//! model's. While it is ill, an answer is something that was true once, or an error. Bytes are never wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use stacfs::demo::http::{Fault, Request, Response, Server, Service};
use stacfs::demo::stac::{Quirks, StacApi};

use crate::disk::{Condition, Disk};
use crate::mounted::{Mounted, Place, said};

mod world;
use world::{At, FILES, ITEMS, Painted, State, length, world};

/// Handles kept open.
const HANDLES: usize = 3;

/// What one step does.
#[derive(Debug, Clone)]
enum Step {
    ListCollections,
    ListItems(usize),
    ListFiles(usize, usize),
    Look(At),
    Read(At, u16, u16),
    Open(usize, At),
    ReadHandle(usize, u16, u16),
    Close(usize),
    Add(usize, usize),
    Remove(usize, usize),
    Rename(usize),
    LookOld(usize),
    Change(At),
    Ill(u8),
    Well,
    Evict,
    Remount,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (collection, item, handle) = (0..2_usize, 0..4_usize, 0..HANDLES);
    let at = (0..2_usize, 0..4_usize, 0..2_usize);
    let step = prop_oneof![
        2 => Just(Step::ListCollections),
        4 => collection.clone().prop_map(Step::ListItems),
        4 => (collection.clone(), item.clone()).prop_map(|(c, i)| Step::ListFiles(c, i)),
        4 => at.clone().prop_map(Step::Look),
        8 => (at.clone(), any::<u16>(), any::<u16>()).prop_map(|(at, from, length)| Step::Read(at, from, length)),
        4 => (handle.clone(), at.clone()).prop_map(|(handle, at)| Step::Open(handle, at)),
        6 => (handle.clone(), any::<u16>(), any::<u16>())
            .prop_map(|(handle, from, length)| Step::ReadHandle(handle, from, length)),
        2 => handle.prop_map(Step::Close),
        3 => (collection.clone(), item.clone()).prop_map(|(c, i)| Step::Add(c, i)),
        2 => (collection.clone(), item).prop_map(|(c, i)| Step::Remove(c, i)),
        2 => collection.clone().prop_map(Step::Rename),
        2 => collection.prop_map(Step::LookOld),
        4 => at.prop_map(Step::Change),
        2 => any::<u8>().prop_map(Step::Ill),
        3 => Just(Step::Well),
        1 => Just(Step::Evict),
        1 => Just(Step::Remount),
    ];
    prop::collection::vec(step, 10..50)
}

/// How the disk of the cache may be.
const CONDITIONS: [Condition; 6] = [
    Condition::Well,
    Condition::Unreadable(".data"),
    Condition::Unreadable(""),
    Condition::Unwritable(libc::EIO),
    Condition::Unwritable(libc::ENOSPC),
    Condition::Gone,
];

/// Before which steps the disk changes to which condition.
fn turns_of_the_disk() -> impl Strategy<Value = BTreeMap<usize, Condition>> {
    prop::collection::btree_map(0..50_usize, prop::sample::select(&CONDITIONS[..]), 0..6)
}

/// A server whose world can be exchanged.
struct Stage(Arc<Mutex<Arc<StacApi>>>);

impl Service for Stage {
    fn answer(&self, request: &Request) -> Response {
        let api = self.0.lock().unwrap().clone();
        api.answer(request)
    }
}

fn api(state: &State) -> Arc<StacApi> {
    Arc::new(StacApi::new(Arc::new(world(state)), Quirks::default()))
}

/// The mount and the model.
struct Bench {
    server: Server,
    stage: Arc<Mutex<Arc<StacApi>>>,
    mount: Option<Mounted>,
    disk: Disk,
    disk_fails: bool,
    state: State,
    /// All states there were; the last is the present one.
    past: Vec<State>,
    next_version: u32,
    is_ill: bool,
    handles: [Option<(File, At, u32)>; HANDLES],
}

const LINES: &str = "[mount]\nmetadata_lifetime = 0s\nversion_lifetime = 0s\n\
                     [limits]\nmetadata_silence = 30s\nread_silence = 30s\n";

impl Bench {
    fn new() -> Bench {
        let items = [((0, 0), [1, 2]), ((0, 1), [3, 4]), ((1, 2), [5, 6])].into();
        let state = State { items, renamed: [false; 2] };
        let stage = Arc::new(Mutex::new(api(&state)));
        let server = Server::start(Stage(stage.clone())).unwrap();
        let (place, disk) = (Place::new(), Disk::new());
        place.configure(&format!("{LINES}[cache]\nfolder = {}\nmin_free = 0\n", disk.path().display()));
        let mount = Some(place.mount(&[&format!("{}/stac", server.url())]));
        let past = vec![state.clone()];
        Bench {
            server,
            stage,
            mount,
            disk,
            disk_fails: false,
            state,
            past,
            next_version: 7,
            is_ill: false,
            handles: Default::default(),
        }
    }

    fn mount(&self) -> &Mounted {
        self.mount.as_ref().unwrap()
    }

    fn path(&self, at: At) -> PathBuf {
        self.mount().path(self.state.name(at.0)).join(ITEMS[at.1]).join(FILES[at.2])
    }

    /// The world is another one now.
    fn turn(&mut self) {
        *self.stage.lock().unwrap() = api(&self.state);
        self.past.push(self.state.clone());
    }

    /// The states an answer may come from.
    fn allowed(&self) -> &[State] {
        if self.is_ill { &self.past } else { &self.past[self.past.len() - 1..] }
    }

    /// Whether a call may fail this way now. Absence is said only where something was absent.
    fn excuses(&self, error: &io::Error, absent: bool) -> bool {
        let errno = error.raw_os_error().unwrap_or(0);
        let away = [libc::EIO, libc::ETIMEDOUT, libc::EACCES, libc::ESTALE].contains(&errno);
        (errno == libc::ENOENT && absent) || (self.is_ill && away)
    }

    /// Whether this may be the disk's own error: what is lent to the kernel is read without us, by all who open it
    /// while it is.
    fn is_lents_error(&self, error: Option<&io::Error>) -> bool {
        self.disk_fails && error.and_then(io::Error::raw_os_error) == Some(libc::EIO)
    }

    fn check_names(
        &self,
        what: &str,
        found: io::Result<Vec<String>>,
        wanted: impl Fn(&State) -> Option<BTreeSet<String>>,
    ) {
        let wanted: Vec<Option<BTreeSet<String>>> = self.allowed().iter().map(wanted).collect();
        match found {
            Ok(names) => {
                let set: BTreeSet<String> = names.iter().cloned().collect();
                assert_eq!(set.len(), names.len(), "{what}: a name twice in {names:?}");
                assert!(
                    wanted.contains(&Some(set)),
                    "{what}: {names:?}, not {:?}\n{}",
                    wanted.last(),
                    self.errors()
                );
            }
            Err(error) => {
                let absent = wanted.contains(&None);
                assert!(
                    self.excuses(&error, absent),
                    "{what}: {error}, not {:?}\n{}",
                    wanted.last(),
                    self.errors()
                );
            }
        }
    }

    fn errors(&self) -> String {
        format!("{}\n{}", self.mount().text(".stacfs/errors"), self.mount().text(".stacfs/requests"))
    }

    fn names<'a>(names: impl IntoIterator<Item = &'a str>, with: &[&'a str]) -> BTreeSet<String> {
        names.into_iter().chain(with.iter().copied()).map(str::to_owned).collect()
    }

    /// The versions of a file that may be seen now; `None`: it may be absent.
    fn versions(&self, at: At) -> Vec<Option<u32>> {
        let here = |state: &&State| state.name(at.0) == self.state.name(at.0);
        let version = |state: &State| Some(state.items.get(&(at.0, at.1))?[at.2]);
        self.allowed().iter().map(|state| Some(state).filter(here).and_then(version)).collect()
    }

    /// All versions that a file ever had.
    fn past_versions(&self, at: At) -> impl Iterator<Item = u32> {
        self.past.iter().filter_map(move |state| Some(state.items.get(&(at.0, at.1))?[at.2]))
    }

    /// Bytes of one of the versions, or an excuse.
    fn check_bytes(
        &self,
        at: At,
        offset: u64,
        most: usize,
        found: io::Result<Vec<u8>>,
        versions: &[Option<u32>],
    ) {
        match found {
            Ok(bytes) => {
                let right = versions
                    .iter()
                    .flatten()
                    .any(|&version| Painted { at, version }.bytes(offset, most) == bytes);
                assert!(
                    right,
                    "{at:?} {offset}: {} bytes are of none of {versions:?}\n{}",
                    bytes.len(),
                    self.errors()
                );
            }
            Err(error) => {
                assert!(self.excuses(&error, versions.contains(&None)), "{at:?}: {error}\n{}", self.errors());
            }
        }
    }

    /// From now on the cache's disk is so.
    fn turn_disk(&mut self, condition: Condition) {
        self.disk.becomes(condition);
        self.disk_fails = condition != Condition::Well;
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::ListCollections => {
                let names = self.mount().list("");
                self.check_names("/", names, |state| {
                    Some(Self::names([state.name(0), state.name(1)], &["README.md"]))
                });
            }
            Step::ListItems(c) => {
                let name = self.state.name(c);
                let names = self.mount().list(name);
                self.check_names(name, names, |state| {
                    let here = state.items.keys().filter(|(collection, _)| *collection == c);
                    let items = Self::names(here.map(|(_, item)| ITEMS[*item]), &["collection.json"]);
                    (state.name(c) == name).then_some(items)
                });
            }
            Step::ListFiles(c, i) => {
                let name = self.state.name(c);
                let below = format!("{name}/{}", ITEMS[i]);
                let names = self.mount().list(&below);
                self.check_names(&below, names, |state| {
                    let is_there = state.name(c) == name && state.items.contains_key(&(c, i));
                    is_there.then(|| Self::names(FILES, &["item.json"]))
                });
            }
            Step::Look(at) => {
                let versions = self.versions(at);
                match fs::metadata(self.path(at)) {
                    Ok(metadata) => {
                        // The size is that of the version last seen, until the file is opened again.
                        let right = versions.iter().any(Option::is_some)
                            && self.past_versions(at).any(|version| length(at, version) == metadata.len());
                        assert!(right, "{at:?}: {} bytes, {versions:?}\n{}", metadata.len(), self.errors());
                    }
                    Err(error) => {
                        assert!(
                            self.excuses(&error, versions.contains(&None)),
                            "{at:?}: {error}\n{}",
                            self.errors()
                        );
                    }
                }
            }
            Step::Read(at, from, most) => {
                let (offset, most) = (u64::from(from) * 5, usize::from(most));
                let found = File::open(self.path(at)).and_then(|file| read(&file, offset, most));
                let is_open = self.handles.iter().flatten().any(|(_, open, _)| *open == at);
                if is_open && self.is_lents_error(found.as_ref().err()) {
                    return;
                }
                self.check_bytes(at, offset, most, found, &self.versions(at));
            }
            Step::Open(handle, at) => {
                self.handles[handle] = None;
                let versions = self.versions(at);
                match File::open(self.path(at)) {
                    Ok(file) => {
                        let size = file.metadata().unwrap().len();
                        // Which version it is, its length tells among those that it may be.
                        let is_it = |version: &u32| length(at, *version) == size;
                        let version = versions.iter().rev().flatten().copied().find(is_it);
                        let version = version.unwrap_or_else(|| {
                            panic!("{at:?}: {size} bytes, {versions:?}\n{}", self.errors())
                        });
                        if !self.is_ill {
                            self.handles[handle] = Some((file, at, version));
                        }
                    }
                    Err(error) => {
                        assert!(
                            self.excuses(&error, versions.contains(&None)),
                            "{at:?}: {error}\n{}",
                            self.errors()
                        );
                    }
                }
            }
            Step::ReadHandle(handle, from, most) => {
                let Some((file, at, version)) = &self.handles[handle] else { return };
                let (offset, most) = (u64::from(from) * 5, usize::from(most));
                let found = read(file, offset, most);
                let now = self.state.items.get(&(at.0, at.1)).map(|versions| versions[at.2]);
                let error = found.as_ref().err().and_then(io::Error::raw_os_error);
                // What was replaced cannot be had any more, and what was not yet read of it is an error.
                let is_old = now != Some(*version);
                if self.is_lents_error(found.as_ref().err()) {
                    return;
                }
                if is_old && matches!(error, Some(libc::ESTALE | libc::EIO | libc::ENOENT)) {
                    return;
                }
                self.check_bytes(*at, offset, most, found, &[Some(*version)]);
            }
            Step::Close(handle) => self.handles[handle] = None,
            Step::Add(c, i) => {
                if !self.state.items.contains_key(&(c, i)) {
                    self.state.items.insert((c, i), [self.next_version, self.next_version + 1]);
                    self.next_version += 2;
                    self.turn();
                }
            }
            Step::Remove(c, i) => {
                if self.state.items.remove(&(c, i)).is_some() {
                    self.turn();
                }
            }
            Step::Rename(c) => {
                self.state.renamed[c] = !self.state.renamed[c];
                self.turn();
            }
            Step::LookOld(c) => {
                let name = self.state.other_name(c);
                let may_be = self.allowed().iter().any(|state| state.name(c) == name);
                match fs::metadata(self.mount().path(name)) {
                    Ok(_) => assert!(may_be, "{name} is still there\n{}", self.errors()),
                    Err(error) => assert!(self.excuses(&error, true), "{name}: {error}\n{}", self.errors()),
                }
            }
            Step::Change((c, i, f)) => {
                if let Some(versions) = self.state.items.get_mut(&(c, i)) {
                    versions[f] = self.next_version;
                    self.next_version += 1;
                    self.turn();
                }
            }
            Step::Ill(which) => {
                // Another whole document in the place of a file is, for all that can be told, its new version: so
                // those two are for documents alone.
                let (fault, anywhere) = match which % 8 {
                    0 => (Fault::status(503), true),
                    1 => (Fault::status(500), true),
                    2 => (Fault::html(403), true),
                    3 => (Fault::CutAfter(60), true),
                    4 => (Fault::ResetAfter(0), true),
                    5 => (Fault::LostAnswer, true),
                    6 => (Fault::html(200), false),
                    _ => (Fault::broken_json(), false),
                };
                let patterns = ["/stac/search", "/stac/*", "*", "/assets/*"];
                let pattern = patterns[usize::from(which >> 4) % if anywhere { 4 } else { 2 }];
                self.server.faults().add(fault.on(pattern));
                self.is_ill = true;
            }
            Step::Well => {
                self.server.faults().clear();
                self.is_ill = false;
            }
            Step::Evict => {
                let output = self.mount().place.stacfs(["cache", "clear"]).output().unwrap();
                assert!(output.status.success() || self.disk_fails, "{}", said(&output));
            }
            Step::Remount => self.remount(),
        }
    }

    fn remount(&mut self) {
        self.handles = Default::default();
        let url = format!("{}/stac", self.server.url());
        let mount = self.mount.as_mut().unwrap();
        // A program that another sequence is about to start holds, until it is one, whatever we had open.
        let begun = Instant::now();
        loop {
            let done = mount.place.stacfs(["umount".as_ref(), mount.point.as_os_str()]).output().unwrap();
            if done.status.success() {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", said(&done));
        }
        let again =
            mount.place.stacfs(["mount".as_ref(), url.as_ref(), mount.point.as_os_str()]).output().unwrap();
        if !again.status.success() {
            assert!(self.is_ill, "{}", said(&again));
            self.server.faults().clear();
            self.is_ill = false;
            let again = mount
                .place
                .stacfs(["mount".as_ref(), url.as_ref(), mount.point.as_os_str()])
                .output()
                .unwrap();
            assert!(again.status.success(), "{}", said(&again));
        }
    }
}

/// Up to `most` bytes: fewer only at the end.
fn read(file: &File, offset: u64, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; most];
    let mut got = 0;
    while got < most {
        match file.read_at(&mut bytes[got..], offset + got as u64)? {
            0 => break,
            count => got += count,
        }
    }
    bytes.truncate(got);
    Ok(bytes)
}

/// Sequences are mostly waiting: for retries of a server that is ill.
const SIDE_BY_SIDE: u32 = 24;

#[test]
fn every_answer_is_the_models_or_an_allowed_error() {
    let sequences = if is_long() { 300 } else { 2 };
    let start = Instant::now();
    let threads = sequences.min(SIDE_BY_SIDE);
    thread::scope(|scope| {
        for thread in 0..threads {
            // One of them replays what failed once, which takes minutes.
            let kept = if thread == 0 && is_long() { SEEDS } else { FileFailurePersistence::Off };
            scope.spawn(move || run(sequences.div_ceil(threads), kept));
        }
    });
    println!("{} sequences in {:?}", sequences.div_ceil(threads) * threads, start.elapsed());
}

fn is_long() -> bool {
    std::env::var_os("STACFS_TEST_LONG").is_some()
}

/// What failed once. The short form of each stands as a test below.
const SEEDS: FileFailurePersistence =
    FileFailurePersistence::Direct(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trust/model-seeds.txt"));

/// So many sequences, one after the other.
fn run(sequences: u32, kept: FileFailurePersistence) {
    let config = ProptestConfig {
        cases: sequences,
        max_shrink_iters: 40,
        failure_persistence: Some(Box::new(kept)),
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in steps(), turns in turns_of_the_disk())| {
        let mut bench = Bench::new();
        for (at, step) in steps.iter().enumerate() {
            turns.get(&at).into_iter().for_each(|&condition| bench.turn_disk(condition));
            bench.take(step);
        }
        let log = bench.mount().text(".stacfs/status");
        assert!(log.contains("counters"));
    });
}

#[test]
fn a_collection_whose_document_breaks_off_is_not_said_to_be_absent() {
    let mut bench = Bench::new();
    // Broken JSON for all that the API answers.
    let steps = [Step::ListCollections, Step::Ill(55), Step::Open(1, (0, 1, 1)), Step::Look((0, 0, 1))];
    steps.iter().for_each(|step| bench.take(step));
}
