//! Objects: from a server, through `content` and its cache, to a program.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stacfs::cache::{self, Cache};
use stacfs::content::{Content, Error as ContentError, Location, Object, Origin, Trouble};
use stacfs::demo::http::{Bytes, Content as Served, Fault, Request, Server, answer_content};
use stacfs::fuse::{Mount, MountOptions};
use stacfs::http::{self, Http};
use stacfs::report::Report;
use stacfs::tree::{
    Attributes, Directory, Entry, Error, File as TreeFile, Found, Identity, Listing, Node, Opened,
};

use crate::tree::KEPT;
use crate::{errno, options};

const MIB: u64 = 1 << 20;
const HOUR: Duration = Duration::from_secs(3600);

fn byte(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

fn painted(range: std::ops::Range<u64>) -> Vec<u8> {
    range.map(byte).collect()
}

/// Bytes of any size that are different everywhere.
struct Painted(u64);

impl Bytes for Painted {
    fn len(&self) -> u64 {
        self.0
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        buffer.iter_mut().zip(offset..).for_each(|(to, at)| *to = byte(at));
        Ok(())
    }
}

/// Serves `/N`: an object of N bytes.
fn server() -> Server {
    Server::start(|request: &Request| {
        let size = request.segments()[0].parse().unwrap();
        let served = Served {
            bytes: Arc::new(Painted(size)),
            media_type: "image/tiff".into(),
            etag: Some("\"v1\"".into()),
            last_modified: Some(Timestamp::from_second(1_700_000_000).unwrap()),
        };
        answer_content(request, &served)
    })
    .unwrap()
}

/// A plain href.
struct Plain(String);

impl Origin for Plain {
    fn identity(&self) -> &str {
        &self.0
    }

    fn locate(&self, _: Option<&Trouble>) -> Result<Location, ContentError> {
        Ok(Location { url: self.0.parse().unwrap(), headers: Vec::new(), expires: None })
    }
}

/// A directory in which a number is an object of so many bytes.
struct Archive {
    url: String,
    content: Arc<Content>,
}

impl Archive {
    fn object(&self, name: &str) -> Object {
        let origin = Arc::new(Plain(format!("{}/{name}", self.url)));
        Object { origin, declared_size: None, checksum: None }
    }
}

impl Directory for Archive {
    fn attributes(&self) -> Attributes {
        Attributes { size: None, modified: Timestamp::UNIX_EPOCH, lifetime: KEPT }
    }

    fn find_known(&self, name: &OsStr) -> Option<Result<Found, Error>> {
        let object = self.object(name.to_str()?);
        let generation = self.content.generation(object.origin.identity());
        let asset = Asset { object, generation, content: self.content.clone() };
        Some(Ok(Found::Entry(Entry {
            name: name.to_owned(),
            node: Node::File(Arc::new(asset)),
            identity: Identity::Object { key: name.to_str()?.into(), generation },
            lifetime: KEPT,
        })))
    }

    fn find(&self, _: &OsStr) -> Result<Found, Error> {
        Ok(Found::Absent(KEPT))
    }

    fn list(&self) -> Arc<dyn Listing> {
        Arc::new(Nothing)
    }
}

/// An empty listing.
struct Nothing;

impl Listing for Nothing {
    fn read_known(&self, _: usize, _: usize) -> Option<Vec<Entry>> {
        Some(Vec::new())
    }

    fn read(&self, _: usize, _: usize) -> Result<Vec<Entry>, Error> {
        Ok(Vec::new())
    }
}

struct Asset {
    object: Object,
    generation: u64,
    content: Arc<Content>,
}

impl TreeFile for Asset {
    fn attributes(&self) -> Attributes {
        let size = self.content.known_size(&self.object);
        Attributes { size, modified: Timestamp::UNIX_EPOCH, lifetime: KEPT }
    }

    fn resolve(&self) -> Result<Attributes, Error> {
        let sizes = self.content.sizes(std::slice::from_ref(&self.object));
        let size = sizes.into_iter().next().unwrap()?;
        Ok(Attributes { size, ..self.attributes() })
    }

    fn open(&self) -> Result<Opened, Error> {
        Ok(Opened::Content(self.content.open(&self.object, self.generation)?))
    }
}

/// A server, a cache and a mount.
struct Stand {
    server: Server,
    report: Arc<Report>,
    mount: Option<Mount>,
    home: tempfile::TempDir,
}

impl Stand {
    fn new(version_lifetime: Duration, options: MountOptions) -> Stand {
        let (server, report) = (server(), Arc::new(Report::new()));
        let home = tempfile::tempdir().unwrap();
        let point = home.path().join("mount");
        fs::create_dir(&point).unwrap();
        let settings = http::Settings { pause: Duration::from_millis(1), ..http::Settings::default() };
        let http = Arc::new(Http::new(settings, Vec::new(), report.clone()).unwrap());
        let cache =
            cache::Settings { folder: home.path().join("cache"), max_bytes: Some(1 << 30), min_free: 0 };
        let cache = Arc::new(Cache::open(cache, report.clone()));
        let content = Arc::new(Content::new(http, cache, report.clone(), version_lifetime));
        let root = Arc::new(Archive { url: server.url(), content });
        let mount = Mount::new(&point, root, options, report.clone())
            .unwrap_or_else(|error| panic!("these tests need FUSE: {error}"));
        Stand { server, report, mount: Some(mount), home }
    }

    fn path(&self, size: u64) -> std::path::PathBuf {
        self.home.path().join("mount").join(size.to_string())
    }

    /// Whether the kernel reads whole files alone here.
    fn passes_through(&self) -> bool {
        self.report.notes()["passthrough"].starts_with("available")
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        drop(self.mount.take());
    }
}

#[test]
fn an_object_is_read_once_over_the_wire_and_then_from_here() {
    let stand = Stand::new(HOUR, options());
    let size = 9 * MIB + 77;
    let path = stand.path(size);
    assert_eq!(fs::metadata(&path).unwrap().len(), size);
    assert!(fs::read(&path).unwrap() == painted(0..size));
    assert!(stand.server.journal().sent() <= size * 101 / 100, "{}", stand.server.journal().sent());

    wait_until(|| stand.report.counters.open_files.get() == 0);
    stand.server.journal().clear();
    let before = stand.report.counters.read_bytes.get();
    assert!(fs::read(&path).unwrap() == painted(0..size));
    assert!(stand.server.journal().is_empty());
    let passed = stand.report.counters.passthrough_opens.get();
    assert_eq!(passed, u64::from(stand.passes_through()), "{:?}", stand.report.notes());
    assert_eq!(stand.report.counters.read_bytes.get(), before, "from backing file or page cache");
}

#[test]
fn handles_of_one_object_agree_however_they_are_opened() {
    let stand = Stand::new(HOUR, options());
    let size = 3 * MIB;
    let path = stand.path(size);
    let check = |file: &File| {
        let mut window = vec![0; 10_000];
        for offset in [0, 4_095, MIB, size - 10_000] {
            file.read_exact_at(&mut window, offset).unwrap();
            assert_eq!(window, painted(offset..offset + 10_000));
        }
    };
    // Served while it comes in, and still when it is whole: the first handle is still open.
    let first = File::open(&path).unwrap();
    assert!(fs::read(&path).unwrap() == painted(0..size));
    let second = File::open(&path).unwrap();
    [&first, &second].into_iter().for_each(check);
    assert_eq!(stand.report.counters.passthrough_opens.get(), 0, "the page cache is in use");
    drop((first, second));
    wait_until(|| stand.report.counters.open_files.get() == 0);
    // Passed through now, where that can be: and any number of handles.
    let handles = [(); 3].map(|()| File::open(&path).unwrap());
    handles.iter().for_each(check);
    let expected = if stand.passes_through() { 3 } else { 0 };
    assert_eq!(stand.report.counters.passthrough_opens.get(), expected);
    assert!(stand.report.errors().is_empty(), "{:?}", stand.report.errors());
}

#[test]
fn random_reads_of_many_threads_are_right() {
    let stand = Stand::new(HOUR, options());
    let size = 20 * MIB + 5;
    let path = stand.path(size);
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let path = &path;
            scope.spawn(move || {
                let file = File::open(path).unwrap();
                let mut random = thread;
                for _ in 0..60 {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let (offset, length) = ((random >> 16) % size, (random >> 50) % 9_000);
                    let mut window = vec![0; length as usize];
                    let read = file.read_at(&mut window, offset).unwrap() as u64;
                    assert!(read > 0 || length == 0);
                    assert!(window[..read as usize] == painted(offset..offset + read));
                }
            });
        }
    });
}

#[test]
fn a_change_on_the_server_is_a_new_inode_at_the_next_open() {
    let stand = Stand::new(Duration::ZERO, options());
    let size = MIB;
    let path = stand.path(size);
    assert!(fs::read(&path).unwrap() == painted(0..size));
    let number = fs::metadata(&path).unwrap().ino();
    stand.server.faults().add(Fault::NewVersion(1).on("*"));
    let new = fs::read(&path).unwrap();
    assert_eq!(new.len() as u64, size);
    assert!(new != painted(0..size), "the new bytes, and no error");
    assert_ne!(fs::metadata(&path).unwrap().ino(), number);
    assert!(stand.report.errors().is_empty(), "{:?}", stand.report.errors());
}

#[test]
fn a_change_while_it_is_read_is_an_error_and_never_a_mixture() {
    let stand = Stand::new(HOUR, options());
    let size = 64 * MIB;
    let file = File::open(stand.path(size)).unwrap();
    let mut window = vec![0; 4096];
    file.read_exact_at(&mut window, 0).unwrap();
    assert_eq!(window, painted(0..4096));
    stand.server.faults().add(Fault::NewVersion(1).on("*"));
    // The kernel makes EIO of any failure to fill a page.
    let failed = errno(file.read_at(&mut window, 50 * MIB));
    assert!([libc::ESTALE, libc::EIO].contains(&failed), "{failed}");
    let said = stand.report.errors();
    assert!(said.iter().any(|error| error.errno == libc::ESTALE), "{said:?}");
}

#[test]
fn a_read_that_falls_silent_ends_in_time_and_the_next_one_works() {
    let impatient = MountOptions { read_silence: Duration::from_millis(300), ..options() };
    let stand = Stand::new(HOUR, impatient);
    let size = 64 * MIB;
    let file = File::open(stand.path(size)).unwrap();
    stand.server.faults().add(Fault::Silence.on("*"));
    let mut window = vec![0; 4096];
    assert!(file.read_exact_at(&mut window, 40 * MIB).is_err());
    let said = stand.report.errors();
    assert!(said.iter().any(|error| error.errno == libc::ETIMEDOUT), "{said:?}");
    stand.server.faults().clear();
    file.read_exact_at(&mut window, 20 * MIB).unwrap();
    assert_eq!(window, painted(20 * MIB..20 * MIB + 4096));
}

/// Waits for what the kernel does on its own time, such as telling us of a close.
fn wait_until(holds: impl Fn() -> bool) {
    while !holds() {
        std::thread::yield_now();
    }
}
