//! May we mount here? The answer in words, and a dead mount of ours taken away first.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::MountError;
use super::device::{self, NotUnmounted, TYPE, Way};

/// Where the kernel lists the mounts that this process sees.
const MOUNTS: &str = "/proc/self/mountinfo";

/// One line of the mount table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    /// The kernel's number of this mount, and of its device: together they are not used again soon.
    id: (u64, String),
    /// The file system's type.
    kind: String,
}

impl Standing {
    /// Whether stacfs mounted it.
    pub fn is_ours(&self) -> bool {
        self.kind == TYPE
    }
}

/// What is mounted at `point` now, topmost. The path is absolute, as [`resolve`] makes it.
pub(super) fn standing(point: &Path) -> Option<Standing> {
    let table = std::fs::read(MOUNTS).ok()?;
    table.split(|byte| *byte == b'\n').filter_map(|line| parse(line, point)).next_back()
}

/// The mount points of stacfs that this process sees, in the order they were mounted.
pub fn mounts() -> Vec<PathBuf> {
    let table = std::fs::read(MOUNTS).unwrap_or_default();
    let point = |line: &[u8]| {
        let point = PathBuf::from(unescape(line.split(|byte| *byte == b' ').nth(4)?));
        parse(line, &point)?.is_ours().then_some(point)
    };
    table.split(|byte| *byte == b'\n').filter_map(point).collect()
}

/// Whether `point` can be mounted on, without mounting: so that a command can say so before it asks any server.
/// A dead mount of ours is taken away.
///
/// # Errors
/// In words with the next step.
pub fn check(point: &Path) -> Result<(), MountError> {
    prepare(point).map(drop)
}

/// A line of the table, where it is about `point`: `36 35 98:0 /root /point options - type source options`.
fn parse(line: &[u8], point: &Path) -> Option<Standing> {
    let text = String::from_utf8_lossy(line);
    let (before, after) = text.split_once(" - ")?;
    let mut fields = before.split(' ');
    let id = fields.next()?.parse().ok()?;
    let device = fields.nth(1)?.to_owned();
    // From the bytes, since a path need not be UTF-8.
    let path = line.split(|byte| *byte == b' ').nth(4)?;
    (unescape(path) == point.as_os_str())
        .then(|| Standing { id: (id, device), kind: after.split(' ').next().unwrap_or_default().to_owned() })
}

/// Undoes the table's `\040`.
fn unescape(escaped: &[u8]) -> OsString {
    let mut plain = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) if byte == b'\\' => {
                plain.push(code);
                rest = &after[3..];
            }
            _ => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    OsString::from_vec(plain)
}

/// The absolute path of a mount point, without asking the file system that may be mounted there.
pub(super) fn resolve(point: &Path) -> Result<PathBuf, MountError> {
    let whole = || point.canonicalize();
    let resolved = match (point.parent(), point.file_name()) {
        (Some(parent), Some(name)) if !point.is_symlink() => {
            let parent = if parent == Path::new("") { Path::new(".") } else { parent };
            parent.canonicalize().map(|parent| parent.join(name))
        }
        _ => whole(),
    };
    resolved.map_err(|error| refused(point, &error))
}

/// Makes sure that `point` can be mounted on, and returns its absolute path. A mount of ours whose process is
/// dead is taken away.
pub(super) fn prepare(point: &Path) -> Result<PathBuf, MountError> {
    let point = resolve(point)?;
    if let Some(standing) = standing(&point) {
        clear(&point, &standing)?;
    }
    let shown = point.display();
    let metadata = std::fs::metadata(&point).map_err(|error| refused(&point, &error))?;
    if !metadata.is_dir() {
        return Err(MountError(format!("{shown} is not a directory; name an empty directory to mount on")));
    }
    let mut names = std::fs::read_dir(&point).map_err(|error| refused(&point, &error))?;
    if names.next().is_some() {
        return Err(MountError(format!("{shown} is not empty; name an empty directory to mount on")));
    }
    Ok(point)
}

/// Whether what is mounted at `point` has lost its process. statfs is the one call no cache answers.
pub(super) fn is_dead(point: &Path) -> bool {
    rustix::fs::statfs(point).is_err_and(|error| error == rustix::io::Errno::NOTCONN)
}

/// Deals with what is mounted at `point` already.
fn clear(point: &Path, standing: &Standing) -> Result<(), MountError> {
    let shown = point.display();
    match (standing.is_ours(), is_dead(point)) {
        (true, false) => Err(MountError(format!(
            "{shown} is mounted by stacfs already; use it, or `stacfs umount {shown}` first"
        ))),
        (true, true) => {
            tracing::warn!("{shown}: taking away a mount whose process is gone");
            device::unmount(point, Way::Detach).map_err(|not| {
                let why = match not {
                    NotUnmounted::Busy => "it is in use".to_owned(),
                    NotUnmounted::Failed(why) => why,
                };
                MountError(format!("{shown} holds a dead mount that cannot be taken away: {why}"))
            })
        }
        (false, true) => Err(MountError(format!(
            "{shown} holds a dead mount of another program ({}); `fusermount3 -uz {shown}` takes it away",
            standing.kind
        ))),
        // An empty directory of some other file system's root: mounting on it is allowed.
        (false, false) => Ok(()),
    }
}

/// Why a path cannot be a mount point.
fn refused(point: &Path, error: &io::Error) -> MountError {
    let shown = point.display();
    MountError(match error.kind() {
        ErrorKind::NotFound => format!("{shown} does not exist; create it with `mkdir -p {shown}`"),
        ErrorKind::PermissionDenied => {
            format!("{shown} is closed to this user; mount on a directory of yours")
        }
        ErrorKind::NotADirectory => format!("{shown} is below something that is not a directory"),
        _ => format!("{shown}: {error}"),
    })
}

/// What the mount table may show as the device: no option separators, no credentials, no query.
pub(super) fn source(name: &str) -> String {
    let end = name.find(['?', '#']).unwrap_or(name.len());
    let plain = match name[..end].split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.find('/').unwrap_or(rest.len());
            let host = rest[..authority].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[host..])
        }
        None => name[..end].to_owned(),
    };
    let safe = |c: char| if c == ',' || c == '\\' || c.is_control() || c.is_whitespace() { '_' } else { c };
    let plain: String = plain.chars().map(safe).collect();
    if plain.is_empty() { "stacfs".to_owned() } else { plain }
}

/// Whether an ordinary user may let others look in: only where the administrator said so.
pub(super) fn check_allow_other() -> Result<(), MountError> {
    const SETTINGS: &str = "/etc/fuse.conf";
    let settings = std::fs::read(SETTINGS).unwrap_or_default();
    let allowed = settings
        .split(|byte| *byte == b'\n')
        .any(|line| OsStr::from_bytes(line.trim_ascii()) == OsStr::new("user_allow_other"));
    if allowed || rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(MountError(format!(
        "other users may only look in where {SETTINGS} has a line `user_allow_other`; ask the administrator, or \
         mount without --allow-other"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read() {
        let line =
            br"36 35 0:57 / /mnt/my\040tree\134 ro,nosuid shared:1 - fuse.stacfs http://x ro,user_id=0";
        let standing = parse(line, Path::new(r"/mnt/my tree\")).unwrap();
        assert!(standing.is_ours());
        assert_eq!(standing.id, (36, "0:57".to_owned()));
        assert_eq!(parse(line, Path::new("/mnt/my")), None);
        assert_eq!(parse(b"", Path::new("/")), None);
    }

    #[test]
    fn the_root_file_system_stands() {
        assert!(!standing(Path::new("/")).unwrap().is_ours());
    }

    #[test]
    fn a_source_shows_no_secret_and_no_option() {
        assert_eq!(source("https://me:pw@host/a?token=x"), "https://host/a");
        assert_eq!(source("https://host/@a,suid,dev"), "https://host/@a_suid_dev");
        assert_eq!(source("two words\\"), "two_words_");
        assert_eq!(source(""), "stacfs");
    }

    #[test]
    fn a_place_that_cannot_be_mounted_on_is_told_so() {
        let home = tempfile::tempdir().unwrap();
        let says = |point: &Path| prepare(point).unwrap_err().0;
        let (missing, file, full) = (home.path().join("missing"), home.path().join("file"), home.path());
        std::fs::write(&file, "").unwrap();
        assert!(says(&missing).contains("mkdir -p"), "{}", says(&missing));
        assert!(says(&file).contains("not a directory"), "{}", says(&file));
        assert!(says(&file.join("below")).contains("not a directory"), "{}", says(&file.join("below")));
        assert!(says(full).contains("not empty"), "{}", says(full));
        let empty = home.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        assert_eq!(prepare(&empty).unwrap(), empty.canonicalize().unwrap());
    }
}
