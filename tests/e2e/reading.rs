//! Reading through a mount: every byte right, none fetched twice, sizes, and the ways the kernel reads.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use stacfs::demo::http::Fault;

use crate::mounted::{Mounted, Place, said};
use crate::noise::{COLLECTION, KIB, MIB, Noisy, Random, asked, sent, serve};

/// Sizes around everything that is treated apart: nothing, a page, a block of the cache, a small file.
const EDGES: [Noisy; 14] = [
    Noisy::told("edges", "0.bin", 0),
    Noisy::untold("edges", "0-untold.bin", 0),
    Noisy::told("edges", "1.bin", 1),
    Noisy::untold("edges", "1-untold.bin", 1),
    Noisy::told("edges", "page-1.bin", 4095),
    Noisy::untold("edges", "page+1.bin", 4097),
    Noisy::told("edges", "block-1.bin", 32 * KIB - 1),
    Noisy::told("edges", "block.bin", 32 * KIB),
    Noisy::untold("edges", "block+1.bin", 32 * KIB + 1),
    Noisy::told("edges", "small-1.bin", MIB - 1),
    Noisy::untold("edges", "small.bin", MIB),
    Noisy::told("edges", "small+1.bin", MIB + 1),
    Noisy::untold("edges", "odd.bin", 3 * MIB + 7),
    Noisy::told("edges", "large.bin", 12 * MIB + 12_345),
];

/// Reads at random places of a file, through the handle given.
fn read_about(file: &Noisy, handle: &File, random: &mut Random, reads: usize) {
    for _ in 0..reads {
        let length = [1, 100, 4096, 65_536, 300_000][random.below(5) as usize];
        // Also a little beyond the end.
        let offset = random.below(file.length + 10);
        let mut bytes = vec![0; length];
        let mut got = 0;
        while got < length {
            match handle.read_at(&mut bytes[got..], offset + got as u64).unwrap() {
                0 => break,
                count => got += count,
            }
        }
        assert!(got == length || offset + got as u64 >= file.length, "{}: a short read", file.name);
        file.check(offset, &bytes[..got]);
    }
}

#[test]
fn every_byte_is_right_wherever_and_by_whomever_it_is_read() {
    let demo = serve(&EDGES);
    let mount = Mounted::of(&demo.stac_url);
    thread::scope(|scope| {
        for reader in 0..4 {
            let mount = &mount;
            scope.spawn(move || {
                let mut random = Random(reader);
                for round in 0..EDGES.len() {
                    let file = &EDGES[(round + reader as usize * 3) % EDGES.len()];
                    let handle = File::open(mount.path(&file.path())).unwrap();
                    read_about(file, &handle, &mut random, 12);
                    // One handle, two threads.
                    thread::scope(|both| {
                        let mut other = Random(reader + 100);
                        let handle = &handle;
                        both.spawn(move || read_about(file, handle, &mut other, 6));
                        read_about(file, handle, &mut random, 6);
                    });
                }
            });
        }
    });
    for file in &EDGES {
        let bytes = fs::read(mount.path(&file.path())).unwrap();
        file.check(0, &bytes);
        assert_eq!(bytes.len() as u64, file.length);
        let metadata = fs::metadata(mount.path(&file.path())).unwrap();
        assert_eq!(
            (metadata.len(), metadata.blocks()),
            (file.length, file.length.div_ceil(512)),
            "{}",
            file.name
        );
    }
}

#[test]
fn places_beyond_4_gib_are_reached_and_nothing_between_is_fetched() {
    const HUGE: Noisy = Noisy::untold("huge", "huge.bin", (6 << 30) + 5);
    let demo = serve(&[HUGE]);
    let mount = Mounted::of(&demo.stac_url);
    let mut handle = File::open(mount.path(&HUGE.path())).unwrap();
    assert_eq!(handle.seek(SeekFrom::End(0)).unwrap(), HUGE.length);
    for offset in [(4 << 30) - 10, 4 << 30, (5 << 30) + 777, HUGE.length - 20, HUGE.length - 1] {
        let mut bytes = vec![0; 20.min((HUGE.length - offset) as usize)];
        handle.read_exact_at(&mut bytes, offset).unwrap();
        HUGE.check(offset, &bytes);
    }
    assert_eq!(handle.read_at(&mut [0; 10], HUGE.length).unwrap(), 0);
    assert!(sent(&demo) < 4 * MIB, "{} bytes for five places", sent(&demo));
}

#[test]
fn a_few_bytes_here_and_there_cost_little_also_where_python_buffers_them() {
    const LARGE: Noisy = Noisy::told("large", "large.bin", 64 * MIB);
    let demo = serve(&[LARGE]);
    let mount = Mounted::of(&demo.stac_url);
    mount.sh(&format!(
        "python3 -c 'file = open(\"{}\", \"rb\")
for place in range(16): file.seek(place * 4_000_037); assert len(file.read(100)) == 100'",
        LARGE.path()
    ));
    println!("{} bytes for sixteen places", sent(&demo));
    assert!(sent(&demo) < 5 * MIB, "{} bytes for sixteen places", sent(&demo));
}

#[test]
fn a_file_can_be_mapped_into_memory() {
    let demo = serve(&EDGES);
    let mount = Mounted::of(&demo.stac_url);
    for file in &EDGES[9..] {
        let handle = File::open(mount.path(&file.path())).unwrap();
        let length = file.length as usize;
        // SAFETY: a new private mapping of a whole file that nobody can cut; it is read within its length.
        let mapped = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                length,
                rustix::mm::ProtFlags::READ,
                rustix::mm::MapFlags::PRIVATE,
                &handle,
                0,
            )
        }
        .unwrap();
        // SAFETY: as above; it is not used after it is unmapped.
        unsafe {
            let bytes = std::slice::from_raw_parts(mapped.cast::<u8>(), length);
            let mut random = Random(3);
            for _ in 0..40 {
                let offset = random.below(file.length) as usize;
                file.check(offset as u64, &bytes[offset..length.min(offset + 5000)]);
            }
            file.check(0, bytes);
            rustix::mm::munmap(mapped, length).unwrap();
        }
    }
}

#[test]
fn a_sequential_reader_fetches_each_byte_once() {
    const FILE: Noisy = Noisy::told("one", "one.bin", 24 * MIB + 99);
    let demo = serve(&[FILE]);
    let mount = Mounted::of(&demo.stac_url);
    FILE.read_all(&File::open(mount.path(&FILE.path())).unwrap()).unwrap();
    assert!(sent(&demo) * 100 <= FILE.length * 101, "{} of {}", sent(&demo), FILE.length);
    let ranges = asked(&demo).len();

    // Again, and by another mount on the same cache: nothing more.
    FILE.read_all(&File::open(mount.path(&FILE.path())).unwrap()).unwrap();
    let cache = mount.place.path("cache/stacfs");
    let other = Place::new().mount(&["--cache-dir", cache.to_str().unwrap(), &demo.stac_url]);
    FILE.read_all(&File::open(other.path(&FILE.path())).unwrap()).unwrap();
    assert_eq!(asked(&demo).len(), ranges, "all of it was in the cache");
}

#[test]
fn eight_readers_of_one_file_fetch_each_byte_once() {
    const FILE: Noisy = Noisy::told("one", "one.bin", 16 * MIB + 5);
    let demo = serve(&[FILE]);
    let mount = Mounted::of(&demo.stac_url);
    thread::scope(|scope| {
        for reader in 0..8 {
            let mount = &mount;
            scope.spawn(move || {
                let handle = File::open(mount.path(&FILE.path())).unwrap();
                match reader % 2 {
                    0 => FILE.read_all(&handle).unwrap(),
                    _ => read_about(&FILE, &handle, &mut Random(reader), 60),
                }
            });
        }
    });
    assert!(sent(&demo) * 100 <= FILE.length * 101, "{} of {}", sent(&demo), FILE.length);
}

#[test]
fn two_mounts_on_one_cache_share_what_they_fetch() {
    const FILE: Noisy = Noisy::told("one", "one.bin", 24 * MIB + 5);
    let demo = serve(&[FILE]);
    // Slow enough that neither is done before the other begins.
    demo.server.faults().add(Fault::Latency(Duration::from_millis(30)).on(&FILE.url_path()));
    let one = Mounted::of(&demo.stac_url);
    let cache = one.place.path("cache/stacfs");
    let other = Place::new().mount(&["--cache-dir", cache.to_str().unwrap(), &demo.stac_url]);
    thread::scope(|scope| {
        for mount in [&one, &other, &one, &other] {
            scope.spawn(|| FILE.read_all(&File::open(mount.path(&FILE.path())).unwrap()).unwrap());
        }
    });
    // A few blocks may be asked for by both, before either knows of the other.
    assert!(sent(&demo) * 10 <= FILE.length * 11, "{} of {}", sent(&demo), FILE.length);
}

/// Unmounts and mounts again, on the same cache.
fn remount(mount: &Mounted, url: &str) {
    let server = mount.server().unwrap();
    let output = mount.place.stacfs(["umount".as_ref(), mount.point.as_os_str()]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    while Path::new(&format!("/proc/{server}")).exists() {
        thread::sleep(Duration::from_millis(5));
    }
    let output = mount.place.stacfs(["mount", url, mount.point.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn sizes_are_asked_for_side_by_side_and_once() {
    const NAMES: [&str; 12] = [
        "a.bin", "b.bin", "c.bin", "d.bin", "e.bin", "f.bin", "g.bin", "h.bin", "i.bin", "j.bin", "k.bin",
        "l.bin",
    ];
    let files: Vec<Noisy> =
        (1..).zip(NAMES).map(|(number, name)| Noisy::untold("many", name, number * 10_001)).collect();
    let demo = serve(&files);
    demo.server.faults().add(Fault::Latency(Duration::from_millis(100)).on("/assets/*"));
    let mount = Mounted::of(&demo.stac_url);
    let long = |mount: &Mounted| mount.sh(&format!("ls -l {COLLECTION}/many"));
    let first = long(&mount);
    for file in &files {
        let line = first.lines().find(|line| line.ends_with(file.name)).unwrap();
        assert!(line.split_whitespace().any(|word| word == file.length.to_string()), "{line}");
    }
    let requests = asked(&demo);
    assert_eq!(requests.len(), files.len(), "one request for each size");
    assert!(requests.iter().all(|entry| entry.method == "HEAD"), "no bytes for a size");
    assert!(demo.server.journal().peak() >= 8, "only {} at a time", demo.server.journal().peak());

    remount(&mount, &demo.stac_url);
    let again = long(&mount);
    assert_eq!(again, first);
    assert_eq!(asked(&demo).len(), files.len(), "sizes outlive the mount");
}

#[test]
fn a_file_whose_server_is_silent_holds_up_the_size_of_no_other() {
    const FILES: [Noisy; 3] = [
        Noisy::untold("one", "a.bin", 5001),
        Noisy::untold("one", "b.bin", 5002),
        Noisy::untold("one", "silent.bin", 5003),
    ];
    let demo = serve(&FILES);
    demo.server.faults().add(Fault::Silence.on(&FILES[2].url_path()));
    let place = Place::new();
    place.configure("[limits]\nmetadata_silence = 3s\n");
    let mount = place.mount(&[&demo.stac_url]);
    let size = |file: &Noisy| fs::metadata(mount.path(&file.path())).map(|stat| stat.len());
    for file in &FILES[..2] {
        assert_eq!(size(file).ok(), Some(file.length), "{}", mount.text(".stacfs/errors"));
    }
    assert_eq!(size(&FILES[2]).unwrap_err().raw_os_error(), Some(libc::ETIMEDOUT));
}

#[test]
fn a_small_file_costs_one_request_for_its_bytes() {
    let files = [
        (Noisy::told("told", "told.bin", 900 * KIB), &["GET"][..]),
        // The kernel wants the size before it opens (default_permissions).
        (Noisy::untold("untold", "untold.bin", 60 * KIB), &["HEAD", "GET"]),
    ];
    let demo = serve(&files.map(|(file, _)| file));
    let mount = Mounted::of(&demo.stac_url);
    for (file, methods) in &files {
        demo.server.journal().clear();
        file.check(0, mount.run(&format!("cat {}", file.path())).stdout.as_slice());
        let requests: Vec<String> = asked(&demo).into_iter().map(|entry| entry.method).collect();
        assert_eq!(&requests, methods, "{}", file.name);
    }
}

#[test]
fn the_cache_is_its_owners_alone() {
    let demo = serve(&EDGES);
    let mount = Mounted::of(&demo.stac_url);
    for file in &EDGES {
        fs::read(mount.path(&file.path())).unwrap();
    }
    let mut folders = vec![mount.place.path("cache/stacfs")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o700, "{}", folder.display());
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            // What is written anew is renamed into place; its first name may be gone by now.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                assert_eq!(metadata.mode() & 0o7777, 0o600, "{}", entry.path().display());
                files += 1;
            }
        }
    }
    assert!(files > EDGES.len(), "{files} files");
}

/// A counter of `.stacfs/status`.
fn counter(mount: &Mounted, name: &str) -> u64 {
    let status: serde_json::Value = serde_json::from_str(&mount.text(".stacfs/status.json")).unwrap();
    status["counters"][name].as_u64().unwrap_or_else(|| panic!("no counter {name}"))
}

#[test]
fn a_wholly_cached_file_is_handed_to_the_kernel_or_said_not_to_be() {
    const FILE: Noisy = Noisy::told("one", "one.bin", 8 * MIB + 5);
    let demo = serve(&[FILE]);
    let mount = Mounted::of(&demo.stac_url);
    FILE.read_all(&File::open(mount.path(&FILE.path())).unwrap()).unwrap();
    assert_eq!(counter(&mount, "passthrough_opens"), 0, "at first it was not here");
    // The kernel lets go of the first handle in its own time.
    let offered = mount.text(".stacfs/status").contains("available: wholly cached");
    for _ in 0..200 {
        FILE.read_all(&File::open(mount.path(&FILE.path())).unwrap()).unwrap();
        if !offered || counter(&mount, "passthrough_opens") > 0 {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let opens = counter(&mount, "passthrough_opens");
    assert_eq!(opens > 0, offered, "{}", mount.text(".stacfs/status"));
    let handle = File::open(mount.path(&FILE.path())).unwrap();
    read_about(&FILE, &handle, &mut Random(1), 50);
    assert!(sent(&demo) * 100 <= FILE.length * 101);
}

#[test]
fn an_ordinary_user_reads_the_same_bytes() {
    if !rustix::process::geteuid().is_root() {
        // Then every other test here is one of an ordinary user.
        println!("not root: all tests run as an ordinary user");
        return;
    }
    if fs::metadata("/dev/fuse").unwrap().permissions().mode() & 0o006 != 0o006 {
        println!("left out: /dev/fuse is closed to ordinary users; scripts/test opens it");
        return;
    }
    let demo = serve(&EDGES);
    let place = Place::new();
    let home = place.path("");
    // The command and its home, where that user can reach them.
    fs::copy(env!("CARGO_BIN_EXE_stacfs"), place.path("stacfs")).unwrap();
    let script = format!(
        "chown -R nobody {home} && cd {home} && export HOME=$PWD/home XDG_CONFIG_HOME=$PWD/config \
         XDG_CACHE_HOME=$PWD/cache && exec setpriv --reuid=nobody --regid=nogroup --clear-groups bash -euc '
             trap \"./stacfs umount mnt\" EXIT
             ./stacfs mount {url} mnt
             grep passthrough mnt/.stacfs/status
             for time in 1 2; do cp -f mnt/{COLLECTION}/edges/*.bin out; done'",
        home = home.display(),
        url = demo.stac_url,
    );
    let output = Command::new("bash").args(["-euc", &script]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("only root may"), "{}", said(&output));
    for file in &EDGES {
        let bytes = fs::read(place.path("out").join(file.name)).unwrap();
        assert_eq!(bytes.len() as u64, file.length, "{}", file.name);
        file.check(0, &bytes);
    }
    let longest: u64 = EDGES.iter().map(|file| file.length).sum();
    assert!(sent(&demo) * 100 <= longest * 101, "{} of {longest}", sent(&demo));
}
