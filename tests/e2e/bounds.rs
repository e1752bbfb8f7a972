//! What reading may take: of the disk, of memory; and what happens where the disk gives nothing.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::mounted::{Mounted, Place, said};
use crate::noise::{MIB, Noisy, asked, sent, serve};

/// Bytes on disk of all files below a folder.
fn disk_use(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    // What is put out meanwhile has no size any more.
    let sizes = entries.filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        Some(if metadata.is_dir() { disk_use(&entry.path()) } else { metadata.blocks() * 512 })
    });
    sizes.sum()
}

/// The most memory a process has had at once, in bytes.
fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The most that `folder` was seen to hold while `work` ran.
fn most_while(folder: &Path, work: impl FnOnce()) -> u64 {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(disk_use(folder));
                thread::sleep(Duration::from_millis(5));
            }
            most.max(disk_use(folder))
        });
        work();
        over.store(true, Ordering::Relaxed);
        watch.join().unwrap()
    })
}

#[test]
fn a_bounded_cache_stays_within_its_bound_and_memory_small() {
    const BOUND: u64 = 64 * MIB;
    const FILES: [Noisy; 3] = [
        Noisy::told("large", "one.bin", 320 * MIB + 17),
        Noisy::told("large", "two.bin", 48 * MIB),
        Noisy::untold("large", "three.bin", 40 * MIB + 1),
    ];
    let demo = serve(&FILES);
    let place = Place::new();
    place.configure("[cache]\nmax_bytes = 64M\nmin_free = 0\n");
    let mount = place.mount(&[&demo.stac_url]);
    let server = mount.server().unwrap();
    let most = most_while(&mount.place.path("cache"), || {
        thread::scope(|scope| {
            for file in &FILES {
                let handle = File::open(mount.path(&file.path())).unwrap();
                scope.spawn(move || file.read_all(&handle).unwrap());
            }
        });
    });
    let memory = peak_memory(server);
    let length: u64 = FILES.iter().map(|file| file.length).sum();
    println!(
        "{} MB read: {} MB of the disk, {} MB of memory, {} MB sent",
        length >> 20,
        most >> 20,
        memory >> 20,
        sent(&demo) >> 20
    );
    assert!(most <= BOUND + 8 * MIB, "{most} bytes on disk, bound {BOUND}");
    assert!(memory < 150 * MIB, "{memory} bytes of memory");
    assert!(most > BOUND / 4, "the cache is used: {most}");
    assert!(sent(&demo) * 100 <= length * 110, "{} of {length}", sent(&demo));
}

#[test]
fn eight_readers_of_eight_files_need_little_memory() {
    const NAMES: [&str; 8] = ["a.bin", "b.bin", "c.bin", "d.bin", "e.bin", "f.bin", "g.bin", "h.bin"];
    let files = NAMES.map(|name| Noisy::told("eight", name, 24 * MIB + 1));
    let demo = serve(&files);
    let mount = Mounted::of(&demo.stac_url);
    thread::scope(|scope| {
        for file in &files {
            let handle = File::open(mount.path(&file.path())).unwrap();
            scope.spawn(move || file.read_all(&handle).unwrap());
        }
    });
    let memory = peak_memory(mount.server().unwrap());
    println!("eight readers: {} MB of memory, {} MB sent", memory >> 20, sent(&demo) >> 20);
    assert!(memory < 150 * MIB, "{memory} bytes of memory");
    let length: u64 = files.iter().map(|file| file.length).sum();
    assert!(sent(&demo) * 100 <= length * 101, "{} of {length}", sent(&demo));
}

/// A configuration as if the disk were nearly full: nothing is kept on it.
const NEARLY_FULL: &str = "[cache]\nmin_free = 900000G\n[limits]\nmetadata_silence = 2m\nread_silence = 5m\n";

#[test]
fn eight_readers_need_little_memory_on_a_disk_that_is_nearly_full() {
    const NAMES: [&str; 8] = ["a.bin", "b.bin", "c.bin", "d.bin", "e.bin", "f.bin", "g.bin", "h.bin"];
    let files = NAMES.map(|name| Noisy::told("eight", name, 24 * MIB + 1));
    let demo = serve(&files);
    let place = Place::new();
    place.configure(NEARLY_FULL);
    let mount = place.mount(&[&demo.stac_url]);
    thread::scope(|scope| {
        for file in &files {
            let handle = File::open(mount.path(&file.path())).unwrap();
            scope.spawn(move || file.read_all(&handle).unwrap());
        }
    });
    let memory = peak_memory(mount.server().unwrap());
    println!("eight readers, nothing kept: {} MB of memory, {} MB sent", memory >> 20, sent(&demo) >> 20);
    assert!(memory < 150 * MIB, "{memory} bytes of memory");
    let length: u64 = files.iter().map(|file| file.length).sum();
    assert!(sent(&demo) * 100 <= length * 101, "{} of {length}", sent(&demo));
}

#[test]
fn what_the_kernel_holds_is_not_asked_for_again() {
    let demo = serve(&[LARGE]);
    let place = Place::new();
    // Nothing is kept, so nothing is passed through either: it is the page cache that answers.
    place.configure(NEARLY_FULL);
    let mount = place.mount(&[&demo.stac_url]);
    let given = || {
        let metrics = mount.text(".stacfs/metrics");
        let line = metrics.lines().find(|line| line.starts_with("stacfs_read_bytes")).unwrap().to_owned();
        line.split_whitespace().last().unwrap().parse::<u64>().unwrap()
    };
    LARGE.read_all(&File::open(mount.path(&LARGE.path())).unwrap()).unwrap();
    let (first, asked) = (given(), sent(&demo));
    for _ in 0..3 {
        LARGE.read_all(&File::open(mount.path(&LARGE.path())).unwrap()).unwrap();
    }
    // The metrics themselves are read, too.
    assert!(given() - first < MIB, "{} bytes were given out again", given() - first);
    assert_eq!(sent(&demo), asked);
}

#[test]
fn small_files_cost_one_request_on_a_disk_that_is_nearly_full() {
    const FILES: [Noisy; 4] = [
        Noisy::told("one", "a.lbl", 7_000),
        Noisy::told("one", "b.lbl", 300_000),
        Noisy::told("two", "a.lbl", 7_001),
        Noisy::untold("two", "b.lbl", 7_002),
    ];
    let demo = serve(&FILES);
    let place = Place::new();
    place.configure(NEARLY_FULL);
    let mount = place.mount(&[&demo.stac_url]);
    for round in 0..3 {
        for file in &FILES {
            mount.sh(&format!("cp {} $OUT/{round}", file.path()));
            file.check(0, &fs::read(mount.place.path(&format!("out/{round}"))).unwrap());
        }
    }
    for file in &FILES {
        let asked = asked(&demo)
            .iter()
            .filter(|entry| entry.method == "GET" && entry.path() == file.url_path())
            .count();
        assert_eq!(asked, 1, "{}", file.path());
    }
    for name in [".stacfs/status", ".stacfs/errors"] {
        let text = mount.text(name);
        assert!(text.contains("nearly full") && text.contains("[cache] min_free"), "{name}:\n{text}");
    }
}

/// A small file system of its own, taken down when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// One of `size` at `point`. `None`, said in words: only root can have one.
    fn at(point: PathBuf, size: &str) -> Option<SmallDisk> {
        if !rustix::process::geteuid().is_root() {
            println!("left out: only root can make a small file system");
            return None;
        }
        let option = format!("size={size},mode=0700");
        let output =
            Command::new("mount").args(["-t", "tmpfs", "-o", &option, "stacfs-e2e"]).arg(&point).output();
        let output = output.unwrap();
        if !output.status.success() {
            println!("left out: no tmpfs can be mounted here: {}", said(&output));
            return None;
        }
        Some(SmallDisk(point))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
        // The place it stood in could not be removed around it.
        let _ = self.0.parent().map(fs::remove_dir_all);
    }
}

/// Reads a file twice over a cache that cannot keep it. Both times right, with a note in the status.
fn read_beside(mount: &Mounted, file: &Noisy) {
    for _ in 0..2 {
        file.read_all(&File::open(mount.path(&file.path())).unwrap()).unwrap();
    }
    let status = mount.text(".stacfs/status");
    let notes =
        status.split("\nnotes\n").nth(1).and_then(|notes| notes.split("\n\n").next()).unwrap_or_default();
    assert!(notes.lines().any(|line| line.trim().starts_with("cache ")), "no note of the cache:\n{status}");
    assert!(peak_memory(mount.server().unwrap()) < 150 * MIB);
}

const LARGE: Noisy = Noisy::told("large", "large.bin", 24 * MIB + 3);

#[test]
fn a_full_disk_slows_nobody_down() {
    let demo = serve(&[LARGE]);
    let place = Place::new();
    place.configure("[cache]\nmax_bytes = 1G\nmin_free = 0\n");
    let Some(disk) = SmallDisk::at(place.path("cache"), "8m") else { return };
    let mount = place.mount(&[&demo.stac_url]);
    // Somebody else fills the disk.
    let other = disk.0.join("other");
    assert!(fs::write(&other, vec![1; 9 << 20]).is_err(), "it holds 8 MiB");
    read_beside(&mount, &LARGE);
    drop(mount);
}

#[test]
fn a_cache_folder_that_cannot_be_written_is_done_without() {
    let demo = serve(&[LARGE]);
    let place = Place::new();
    let Some(disk) = SmallDisk::at(place.path("cache"), "8m") else { return };
    let output = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk.0).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let mount = place.mount(&[&demo.stac_url]);
    read_beside(&mount, &LARGE);
    drop(mount);
}
