//! A mount for one test: the built command, a folder of its own, programs run in it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The lunar collection of the embedded world.
pub const MOON: &str = "kaguya_terrain_camera_monoscopic_uncontrolled_observations";

/// A busy machine may take long to paint a picture; only the tests of time-outs are about time.
const PATIENT: &str = "[limits]\nmetadata_silence = 2m\nmetadata_total = 5m\nread_silence = 5m\n";

/// A place of its own for everything a `stacfs` command touches: home, configuration, cache, mount point.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// An empty place.
    pub fn new() -> Place {
        let folder = tempfile::Builder::new().prefix("stacfs-e2e-").tempdir().unwrap();
        for name in ["home", "config", "config/stacfs", "cache", "mnt", "out"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let place = Place { folder };
        place.configure(PATIENT);
        place
    }

    /// Makes these lines its configuration, which may hold secrets. Where they say nothing about the cache, it may
    /// take the last of a disk that is nearly full: a test is not about how full the machine is.
    pub fn configure(&self, lines: &str) {
        let own = if lines.contains("[cache]") { "" } else { "[cache]\nmin_free = 0\n" };
        let file = self.path("config/stacfs/config.ini");
        fs::write(&file, format!("{lines}\n{own}")).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The `stacfs` command, at home here.
    pub fn stacfs<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stacfs"));
        command
            .args(arguments)
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env_remove("STACFS_CONFIG")
            .env_remove("STACFS_CACHE_DIR");
        command
    }

    /// Mounts sources here; returns when the mount answers.
    pub fn mount(self, arguments: &[&str]) -> Mounted {
        assert!(
            Path::new("/dev/fuse").exists(),
            "/dev/fuse is missing: these tests mount for real; load the fuse module or give the container the device"
        );
        let point = self.path("mnt");
        let mut all: Vec<&OsStr> = vec![OsStr::new("mount")];
        all.extend(arguments.iter().map(OsStr::new));
        all.push(point.as_os_str());
        let output = self.stacfs(all).output().unwrap();
        assert!(output.status.success(), "mount: {}", said(&output));
        Mounted { place: self, point }
    }
}

/// A live mount; unmounted when dropped.
pub struct Mounted {
    /// Where it is at home.
    pub place: Place,
    /// The mount point.
    pub point: PathBuf,
}

impl Mounted {
    /// A mount of one source with default options.
    pub fn of(url: &str) -> Mounted {
        Place::new().mount(&[url])
    }

    /// A path below the mount point.
    pub fn path(&self, below: &str) -> PathBuf {
        self.point.join(below)
    }

    /// The names a directory lists, in its order.
    pub fn list(&self, below: &str) -> std::io::Result<Vec<String>> {
        fs::read_dir(self.path(below))?.map(|entry| Ok(entry?.file_name().into_string().unwrap())).collect()
    }

    /// The text of a file.
    pub fn text(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
    }

    /// What a shell script prints, run at the mount point with `$OUT` a folder to write to; it must succeed.
    pub fn sh(&self, script: &str) -> String {
        let output = self.run(script);
        assert!(output.status.success(), "{script}\n{}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The outcome of a shell script, run as [`Mounted::sh`] does.
    pub fn run(&self, script: &str) -> Output {
        Command::new("bash")
            .args(["-euc", script])
            .current_dir(&self.point)
            .env("LC_ALL", "C")
            .env("MNT", &self.point)
            .env("OUT", self.place.path("out"))
            .output()
            .unwrap()
    }

    /// Whether the kernel still knows the mount.
    pub fn is_mounted(&self) -> bool {
        is_mounted(&self.point)
    }

    /// The process that serves it.
    pub fn server(&self) -> Option<u32> {
        let wanted = self.point.as_os_str().as_encoded_bytes();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        numbers.into_iter().find(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = line.split(|&b| b == 0);
            words.next().is_some_and(|program| program.ends_with(b"stacfs"))
                && words.any(|word| word == wanted)
        })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if self.is_mounted() {
            let _ = self.place.stacfs([OsStr::new("umount"), self.point.as_os_str()]).output();
        }
        if self.is_mounted() {
            let _ = Command::new("umount").arg("-l").arg(&self.point).output();
        }
    }
}

/// Whether the kernel knows a mount at this point.
pub fn is_mounted(point: &Path) -> bool {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().any(|line| line.split(' ').nth(4) == point.to_str())
}

/// What a command printed, for a failure's message.
pub fn said(output: &Output) -> String {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{}\n{out}{error}", output.status)
}
