//! The kernel, `/dev/fuse`, and the program that lets ordinary users mount.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::finding::Finding;

/// The first kernel that has FUSE passthrough.
const FIRST_WITH_PASSTHROUGH: (u32, u32) = (6, 9);

/// Looks at all of it.
pub(super) fn check() -> Vec<Finding> {
    let root = rustix::process::geteuid().is_root();
    let filesystems = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let settings = std::fs::read_to_string("/etc/fuse.conf").unwrap_or_default();
    vec![
        kernel(&filesystems),
        device(Path::new("/dev/fuse"), root),
        mounter(find_program("fusermount3").as_deref(), root),
        allow_other(&settings, root),
        passthrough(&rustix::system::uname().release().to_string_lossy(), root),
    ]
}

fn kernel(filesystems: &str) -> Finding {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let knows_fuse = filesystems.lines().any(|line| line.trim_start_matches("nodev").trim() == "fuse");
    match knows_fuse {
        true => Finding::good("kernel", format!("Linux {release}, with FUSE")),
        false => Finding::doubtful(
            "kernel",
            format!("Linux {release}; FUSE is not loaded: run modprobe fuse as root"),
        ),
    }
}

fn device(path: &Path, root: bool) -> Finding {
    let shown = path.display().to_string();
    let mode = match std::fs::metadata(path) {
        Ok(metadata) => metadata.mode() & 0o777,
        Err(error) => {
            return Finding::bad(
                shown,
                format!(
                    "{error}; load FUSE (modprobe fuse), or give it to this container (--device /dev/fuse)"
                ),
            );
        }
    };
    let open_to_all = mode & 0o006 == 0o006;
    match File::options().read(true).write(true).open(path) {
        Ok(_) if root && !open_to_all => Finding::doubtful(
            shown,
            format!("mode {mode:04o}: only root can mount; chmod 0666 /dev/fuse opens it to users"),
        ),
        Ok(_) => Finding::good(shown, format!("can be opened (mode {mode:04o})")),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Finding::bad(
            shown,
            format!("closed to this user (mode {mode:04o}); ask the administrator for chmod 0666 /dev/fuse"),
        ),
        Err(error) => Finding::bad(shown, format!("cannot be opened: {error}")),
    }
}

fn mounter(program: Option<&Path>, root: bool) -> Finding {
    const SUBJECT: &str = "fusermount3";
    let Some(program) = program else {
        let words = "is not installed; install the package fuse3";
        return match root {
            true => {
                Finding::doubtful(SUBJECT, format!("{words} (root mounts without it, other users do not)"))
            }
            false => Finding::bad(SUBJECT, words),
        };
    };
    let setuid = std::fs::metadata(program).is_ok_and(|metadata| metadata.mode() & 0o4000 != 0);
    let shown = program.display();
    match (setuid, root) {
        (true, _) => Finding::good(SUBJECT, format!("{shown}")),
        (false, true) => {
            Finding::doubtful(SUBJECT, format!("{shown} is not set-uid root: only root can mount"))
        }
        (false, false) => Finding::bad(
            SUBJECT,
            format!("{shown} is not set-uid root; ask the administrator to reinstall fuse3"),
        ),
    }
}

fn allow_other(settings: &str, root: bool) -> Finding {
    const SUBJECT: &str = "--allow-other";
    match (root, settings.lines().any(|line| line.trim() == "user_allow_other")) {
        (true, _) => Finding::good(SUBJECT, "can be used: root mounts"),
        (false, true) => Finding::good(SUBJECT, "can be used: /etc/fuse.conf has user_allow_other"),
        (false, false) => Finding::doubtful(
            SUBJECT,
            "cannot be used, if it is wanted: /etc/fuse.conf has no line user_allow_other",
        ),
    }
}

/// Whether wholly cached files can be handed to the kernel. They are read all the same where not, so nothing is to
/// be mended.
fn passthrough(release: &str, root: bool) -> Finding {
    const SUBJECT: &str = "passthrough";
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let words = match (version >= FIRST_WITH_PASSTHROUGH, root) {
        (true, true) => "the kernel can read cached files itself",
        (true, false) => "not used: it needs root; cached files are read through stacfs",
        (false, _) => "not used: it needs Linux 6.9; cached files are read through stacfs",
    };
    Finding::good(SUBJECT, words)
}

/// A program in `PATH`.
fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_kernel_without_fuse_is_told_to_load_it() {
        assert_eq!(kernel("nodev\tsysfs\nnodev\tfuse\n\text4\n").state, State::Good);
        let without = kernel("nodev\tfusectl\n\tfuseblk\n");
        assert_eq!(without.state, State::Doubtful);
        assert!(without.words.contains("modprobe fuse"));
    }

    #[test]
    fn a_device_that_is_not_there_is_bad() {
        let missing = device(Path::new("/nowhere/fuse"), false);
        assert!(missing.state == State::Bad && missing.words.contains("--device"), "{missing:?}");
    }

    #[test]
    fn users_need_a_set_uid_helper() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("fusermount3");
        std::fs::write(&plain, "").unwrap();
        let states = [(None, true), (None, false), (Some(&plain), true), (Some(&plain), false)]
            .map(|(program, root)| mounter(program.map(PathBuf::as_path), root).state);
        assert_eq!(states, [State::Doubtful, State::Bad, State::Doubtful, State::Bad]);
    }

    #[test]
    fn passthrough_needs_a_kernel_and_root() {
        for (release, root, words) in [
            ("6.9.0-rc1", true, "the kernel can"),
            ("6.18.5-1", false, "it needs root"),
            ("6.1.0-18-amd64", true, "Linux 6.9"),
            ("odd", true, "Linux 6.9"),
        ] {
            assert!(passthrough(release, root).words.contains(words), "{release}");
        }
    }

    #[test]
    fn a_comment_allows_nothing() {
        assert_eq!(allow_other("#user_allow_other\n", false).state, State::Doubtful);
        assert_eq!(allow_other("mount_max = 3\nuser_allow_other\n", false).state, State::Good);
        assert_eq!(allow_other("", true).state, State::Good);
    }
}
