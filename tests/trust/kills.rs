//! Whoever writes is killed at random instants (kill -9): a mount while it is read, and the commands that fetch,
//! pin, prune and download. Afterwards the caches open at once, no byte is wrong, no complete file is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stacfs::cache::{Cache, Settings, Which};
use stacfs::demo::Demo;
use stacfs::demo::usgs::scenes::{Archive, dataset};
use stacfs::demo::usgs::{self, Usgs};
use stacfs::report::Report;

use crate::mounted::{Place, is_mounted, said};
use crate::noise::{COLLECTION, KIB, MIB, Noisy, Random, serve};

/// More than the small cache may hold, so that there is always something to fetch, to write and to put out.
const FILES: [Noisy; 5] = [
    Noisy::told("crash", "one.bin", 6 * MIB + 1),
    Noisy::untold("crash", "two.bin", 5 * MIB),
    Noisy::told("crash", "three.bin", 3 * MIB + 4321),
    Noisy::untold("crash", "small.bin", 300 * KIB),
    Noisy::told("crash", "tiny.bin", 77),
];
/// What the mount's cache may hold.
const SMALL: u64 = 10 * MIB;

/// Kills in a normal run, and in a long one.
fn kills() -> usize {
    if std::env::var_os("STACFS_TEST_LONG").is_some() { 1000 } else { 30 }
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    /// A mount that is read: blocks, maps, facts, documents, members of archives.
    Mount,
    /// `stacfs fetch` into a cache that holds everything.
    Fetch,
    /// The same, into a folder too.
    FetchTo,
    /// Pins, and the fetch before them.
    Pin,
    Unpin,
    /// Puts out of the mount's cache.
    Prune,
    /// `stacfs espa download`.
    Download,
}

const VICTIMS: [Victim; 10] = [
    Victim::Mount,
    Victim::Mount,
    Victim::Mount,
    Victim::Fetch,
    Victim::Fetch,
    Victim::FetchTo,
    Victim::Pin,
    Victim::Unpin,
    Victim::Prune,
    Victim::Download,
];

/// Servers, a place with two caches, and what is known to be in it.
struct Scene {
    demo: Demo,
    _usgs: Usgs,
    place: Place,
    order: String,
    /// The order's archive and its members, by their paths below the order.
    archive: BTreeMap<String, Vec<u8>>,
    /// What was wholly in the large cache at the last look.
    complete: BTreeSet<String>,
    /// Whether everything in it is pinned for good.
    is_pinned: bool,
    /// The longest that a cache took to open and to tell what it holds.
    slowest_open: Duration,
    /// How long each victim lives when it is left alone, as far as known.
    lives: BTreeMap<Victim, Duration>,
    read: AtomicU64,
    random: Random,
}

impl Scene {
    fn new() -> Scene {
        let demo = serve(&FILES);
        let standing_at = Some("2026-11-20T12:00:00Z".parse().unwrap());
        let usgs = usgs::start(usgs::Options { standing_at }).unwrap();
        let place = Place::new();
        place.configure(&format!(
            "[usgs]\nusername = demo\ntoken = demo-token\npassword = demo-password\nm2m_url = {}\nespa_url = {}\n\
             [cache]\nmax_bytes = {SMALL}\nmin_free = 0\n",
            usgs.m2m_url, usgs.espa_url
        ));
        // The whole of the collection fits into this cache.
        let kept =
            format!("[cache]\nfolder = {}\nmax_bytes = 1G\nmin_free = 0\n", place.path("kept").display());
        fs::write(place.path("kept.ini"), kept).unwrap();
        let scenes = Archive::generate();
        let scene = scenes.scenes(dataset("landsat_ot_c2_l2").unwrap()).next().unwrap().display_id();
        let ordered =
            place.stacfs(["espa", "order", "--yes", "--products", "sr_ndvi", &scene]).output().unwrap();
        assert!(ordered.status.success(), "{}", said(&ordered));
        usgs.advance(Duration::from_secs(3600));
        let mut scene = Scene {
            demo,
            _usgs: usgs,
            place,
            order: String::from_utf8(ordered.stdout).unwrap().trim().to_owned(),
            archive: BTreeMap::new(),
            complete: BTreeSet::new(),
            is_pinned: false,
            slowest_open: Duration::ZERO,
            lives: BTreeMap::new(),
            read: AtomicU64::new(0),
            random: Random(20_260_101),
        };
        scene.archive = scene.read_archive();
        scene
    }

    /// The archive and its members, read while nobody is killed.
    fn read_archive(&self) -> BTreeMap<String, Vec<u8>> {
        let mut server = self.serve_in_foreground();
        let order = self.order();
        let names = |folder: &Path| -> Vec<String> {
            fs::read_dir(folder)
                .unwrap()
                .map(|name| name.unwrap().file_name().into_string().unwrap())
                .collect()
        };
        let tar = names(&order).into_iter().find(|name| name.ends_with(".tar.gz")).unwrap();
        let unpacked = tar.trim_end_matches(".tar.gz").to_owned();
        let members = names(&order.join(&unpacked)).into_iter().map(|name| format!("{unpacked}/{name}"));
        let all: Vec<String> = members.chain([tar]).collect();
        let read = all.into_iter().map(|name| (name.clone(), fs::read(order.join(name)).unwrap())).collect();
        server.kill().unwrap();
        server.wait().unwrap();
        read
    }

    /// The order's directory in the mount.
    fn order(&self) -> PathBuf {
        self.place.path("mnt/usgs/espa/orders").join(&self.order)
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.place.path("out").join(name)
    }

    /// Mounts in the foreground, so that the process is ours to kill; what it says goes to a file.
    fn serve_in_foreground(&self) -> Child {
        let point = self.place.path("mnt");
        let mut command =
            self.place.stacfs(["mount", "-f", &format!("noise={}", self.demo.stac_url), "usgs"]);
        let mut child = self.spawn(command.arg(&point));
        let start = Instant::now();
        // One that was killed leaves a dead mount behind, which is in the table too.
        while fs::read_dir(&point).map_or(true, |mut names| names.next().is_none()) {
            assert!(child.try_wait().unwrap().is_none(), "it ended: {}", self.log());
            assert!(start.elapsed() < Duration::from_secs(60), "it never stood: {}", self.log());
            thread::sleep(Duration::from_millis(2));
        }
        child
    }

    fn spawn(&self, command: &mut Command) -> Child {
        let log = File::options().create(true).append(true).open(self.place.path("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path("log")).unwrap_or_default()
    }

    /// The command of a victim that is no mount.
    fn command(&self, victim: Victim) -> Command {
        let (to, downloads) = (self.folder("to"), self.folder("downloads"));
        let (to, downloads) = (to.to_str().unwrap(), downloads.to_str().unwrap());
        let words: Vec<&str> = match victim {
            Victim::Mount => unreachable!("it is read"),
            Victim::Fetch => vec!["fetch", "-q", &self.demo.stac_url, COLLECTION],
            Victim::FetchTo => vec!["fetch", "-q", &self.demo.stac_url, COLLECTION, "--to", to],
            Victim::Pin => vec!["cache", "pin", &self.demo.stac_url, COLLECTION],
            Victim::Unpin => vec!["cache", "unpin", &self.demo.stac_url, COLLECTION],
            Victim::Prune => vec!["cache", "prune", "--to", "2M"],
            Victim::Download => vec!["espa", "download", &self.order, downloads],
        };
        let mut command = self.place.stacfs(words);
        if !matches!(victim, Victim::Prune | Victim::Download) {
            command.args(["--config".as_ref(), self.place.path("kept.ini").as_os_str()]);
        }
        command
    }

    /// Kills a victim at an instant of its life. Tells whether it was still alive then.
    fn kill(&mut self, victim: Victim) -> bool {
        let life = self.lives.get(&victim).copied().unwrap_or(Duration::from_millis(400));
        // The instant is what is being drawn; there is nothing to wait for.
        let instant = Duration::from_micros(self.random.below(life.as_micros() as u64 + 1));
        if victim == Victim::Mount {
            self.kill_mount(instant);
            return true;
        }
        if victim == Victim::Unpin {
            self.is_pinned = false;
        }
        let mut child = self.spawn(&mut self.command(victim));
        let start = Instant::now();
        while start.elapsed() < instant && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_micros(200));
        }
        child.kill().unwrap();
        let status = child.wait().unwrap();
        let was_alive = status.code().is_none();
        if was_alive {
            self.lives.insert(victim, life.mul_f64(1.05).min(Duration::from_secs(5)));
        } else {
            // What an earlier one took off needs no taking off.
            assert!(status.success() || victim == Victim::Unpin, "{victim:?}: {status}: {}", self.log());
            self.lives.insert(victim, start.elapsed().max(Duration::from_millis(10)));
            self.is_pinned |= victim == Victim::Pin;
        }
        was_alive
    }

    fn kill_mount(&mut self, instant: Duration) {
        let mut server = self.serve_in_foreground();
        let over = AtomicBool::new(false);
        let seeds: Vec<u64> = (0..3).map(|_| self.random.next()).collect();
        let scene = &*self;
        thread::scope(|scope| {
            for seed in seeds {
                let over = &over;
                scope.spawn(move || scene.read_until(over, Random(seed)));
            }
            scope.spawn(|| scene.read_archive_until(&over));
            thread::sleep(instant);
            server.kill().unwrap();
            server.wait().unwrap();
            over.store(true, Ordering::Relaxed);
        });
    }

    /// Reads here and there and straight on, until told to stop. An error is right only for one who lost his
    /// server.
    fn read_until(&self, over: &AtomicBool, mut random: Random) {
        let mut piece = vec![0; 256 * KIB as usize];
        while !over.load(Ordering::Relaxed) {
            let file = &FILES[random.below(FILES.len() as u64) as usize];
            let path = self.place.path("mnt/noise").join(file.path());
            let Ok(handle) = File::open(path) else { continue };
            let straight_on = random.below(2) == 0;
            let mut offset = random.below(file.length);
            for _ in 0..12 {
                let Ok(count) = handle.read_at(&mut piece, offset) else { break };
                file.check(offset, &piece[..count]);
                self.read.fetch_add(count as u64, Ordering::Relaxed);
                let next = offset + count as u64;
                offset = if straight_on && next < file.length { next } else { random.below(file.length) };
            }
        }
    }

    fn read_archive_until(&self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            for (name, expected) in &self.archive {
                if let Ok(read) = fs::read(self.order().join(name)) {
                    assert!(read == *expected, "{name}");
                    self.read.fetch_add(read.len() as u64, Ordering::Relaxed);
                }
            }
        }
    }

    /// Opens a cache as the next process would, and checks every block of it.
    fn look_into(&mut self, folder: PathBuf, max_bytes: u64) -> (Cache, BTreeSet<String>) {
        let start = Instant::now();
        let report = Arc::new(Report::new());
        let cache = Cache::open(Settings { folder, max_bytes: Some(max_bytes), min_free: 0 }, report.clone());
        let stock = cache.stock();
        self.slowest_open = self.slowest_open.max(start.elapsed());
        for stocked in &stock {
            if let Some((_, wrong)) = cache.verify(stocked) {
                assert_eq!(wrong, 0, "{}", stocked.identity);
            }
        }
        assert!(report.notes().is_empty(), "{:?}", report.notes());
        let complete = stock.iter().filter(|stocked| stocked.here == stocked.size);
        let complete = complete.map(|stocked| stocked.identity.clone()).collect();
        if self.is_pinned && max_bytes > SMALL {
            let pinned = stock.iter().filter(|stocked| !stocked.pins.is_empty()).count();
            assert_eq!(pinned, FILES.len(), "a pin is lost: {stock:?}");
        }
        (cache, complete)
    }

    /// What a kill has left.
    fn look(&mut self) {
        self.look_into(self.place.path("cache/stacfs"), SMALL);
        let (kept, complete) = self.look_into(self.place.path("kept"), 1 << 30);
        assert!(self.complete.is_subset(&complete), "lost: {:?}, not {complete:?}", self.complete);
        self.complete = complete;
        if self.complete.len() == FILES.len() && self.random.below(6) == 0 {
            // Begin anew.
            kept.clear(Which::All);
            self.complete.clear();
            self.is_pinned = false;
        }
        let to = self.folder("to").join(COLLECTION);
        for file in &FILES {
            let path = to.join(file.item).join(file.name);
            if let Ok(copy) = File::open(&path) {
                file.read_all(&copy).unwrap();
                if self.random.below(4) == 0 {
                    fs::remove_file(path).unwrap();
                }
            }
        }
        for path in fs::read_dir(self.folder("downloads")).into_iter().flatten() {
            let path = path.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "gz") {
                let name = path.file_name().unwrap().to_str().unwrap();
                assert!(fs::read(&path).unwrap() == self.archive[name], "{name}");
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn after_a_kill_nothing_is_wrong_and_nothing_complete_is_lost() {
    let mut scene = Scene::new();
    let start = Instant::now();
    let mut killed: BTreeMap<Victim, usize> = BTreeMap::new();
    while killed.values().sum::<usize>() < kills() {
        let victim = VICTIMS[scene.random.below(VICTIMS.len() as u64) as usize];
        if scene.kill(victim) {
            *killed.entry(victim).or_default() += 1;
        }
        scene.look();
    }
    println!(
        "{} kills in {:?}: {killed:?}; {} MB read and right; a cache opened and listed in {:?} at most",
        kills(),
        start.elapsed(),
        scene.read.load(Ordering::Relaxed) >> 20,
        scene.slowest_open
    );

    // A mount takes over what the last one left, and all of it is right.
    let mut server = scene.serve_in_foreground();
    for _ in 0..2 {
        for file in &FILES {
            file.read_all(&File::open(scene.place.path("mnt/noise").join(file.path())).unwrap()).unwrap();
        }
    }
    for (name, expected) in &scene.archive {
        assert!(fs::read(scene.order().join(name)).unwrap() == *expected, "{name}");
    }
    let point = scene.place.path("mnt");
    let output = scene.place.stacfs(["umount".as_ref(), point.as_os_str()]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    server.wait().unwrap();
    assert!(!is_mounted(&point));
    assert!(!scene.log().contains("panicked"), "{}", scene.log());
}
