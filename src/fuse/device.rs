//! The system calls of mounting and unmounting.
//!
//! stacfs mounts itself rather than have fuser do it. fuser 0.18 hides the errno of a failed mount, lets a
//! comma in a name become an option, cannot detach a busy mount, and unmounts *whatever stands at the path*
//! once its own mount is gone, which may be the next one already. Root mounts by mount(2), everybody else by
//! the set-uid helper `fusermount3`, which passes the open device back over a socket.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use super::MountError;

/// The device all FUSE file systems talk through.
const DEVICE: &str = "/dev/fuse";

/// The helper that lets ordinary users mount.
const HELPER: &str = "fusermount3";

/// The type in the mount table. Programs tell a remote file system by it, and we our own mounts.
pub(super) const TYPE: &str = "fuse.stacfs";

/// What to mount.
pub(super) struct Wanted<'a> {
    /// The mount point; absolute.
    pub point: &'a Path,
    /// The device name to show.
    pub source: String,
    /// Whether other users may look in.
    pub allow_other: bool,
}

/// Why an unmount did not happen.
#[derive(Debug)]
pub(super) enum NotUnmounted {
    /// Somebody has something open in it.
    Busy,
    /// Anything else, in words.
    Failed(String),
}

/// How to unmount.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Way {
    /// Only where nothing in it is in use.
    Unused,
    /// Take it out of the tree at once; who has something open keeps it.
    Detach,
}

/// Mounts, and returns the device to serve from.
pub(super) fn mount(wanted: &Wanted<'_>) -> Result<OwnedFd, MountError> {
    let device = open_device()?;
    match mount_directly(wanted, device) {
        Ok(device) => Ok(device),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => mount_by_helper(wanted),
        Err(error) => Err(MountError(format!("cannot mount on {}: {error}", wanted.point.display()))),
    }
}

fn open_device() -> Result<File, MountError> {
    let error = match OpenOptions::new().read(true).write(true).open(DEVICE) {
        Ok(device) => return Ok(device),
        Err(error) => error,
    };
    Err(MountError(match error.kind() {
        ErrorKind::PermissionDenied => {
            let mode = std::fs::metadata(DEVICE).map(|device| device.permissions().mode() & 0o777);
            let mode = mode.map(|mode| format!(" (mode {mode:04o})")).unwrap_or_default();
            format!(
                "{DEVICE} is closed to this user{mode}; the administrator opens it with `chmod 0666 {DEVICE}` \
                 (lasting: install the package fuse3)"
            )
        }
        _ if error.raw_os_error() == Some(libc::ENODEV) || error.kind() == ErrorKind::NotFound => format!(
            "{DEVICE} is missing; load the kernel's FUSE module with `modprobe fuse` (in a container: start it \
             with `--device {DEVICE}`)"
        ),
        _ => format!("cannot open {DEVICE}: {error}"),
    }))
}

fn mount_directly(wanted: &Wanted<'_>, device: File) -> io::Result<OwnedFd> {
    let mut data = format!(
        "fd={},rootmode={:o},user_id={},group_id={},default_permissions",
        device.as_raw_fd(),
        std::fs::metadata(wanted.point)?.mode() & libc::S_IFMT,
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    if wanted.allow_other {
        data.push_str(",allow_other");
    }
    let data = CString::new(data)?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount(wanted.source.as_str(), wanted.point, TYPE, flags, data.as_c_str())?;
    Ok(device.into())
}

/// Mounts by `fusermount3`. The helper sends the device over the socket named in `_FUSE_COMMFD`; it is given
/// as standard input, the one descriptor a child has without further ado.
pub(super) fn mount_by_helper(wanted: &Wanted<'_>) -> Result<OwnedFd, MountError> {
    let mut options = format!("ro,nosuid,nodev,default_permissions,fsname={},subtype=stacfs", wanted.source);
    if wanted.allow_other {
        options.push_str(",allow_other");
    }
    let failed = |why: &str| MountError(format!("cannot mount on {}: {why}", wanted.point.display()));
    let (ours, theirs) = UnixStream::pair().map_err(|error| failed(&error.to_string()))?;
    let child = Command::new(HELPER)
        .arg("-o")
        .arg(options)
        .arg("--")
        .arg(wanted.point)
        .env("_FUSE_COMMFD", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(helper_missing)?;
    // Ends with an empty message where the helper gave up: it holds the only other end.
    let device = receive_device(&ours);
    let output = child.wait_with_output().map_err(|error| failed(&error.to_string()))?;
    match device {
        Ok(Some(device)) if output.status.success() => Ok(device),
        Err(error) => Err(failed(&error.to_string())),
        Ok(_) => Err(failed(String::from_utf8_lossy(&output.stderr).trim())),
    }
}

fn receive_device(socket: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut byte)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )
    })?;
    Ok(ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut devices) => devices.next(),
        _ => None,
    }))
}

/// Whether the kernel still talks to this device: not after its mount is gone or was aborted.
pub(super) fn is_connected(device: &OwnedFd) -> bool {
    let mut asked = [PollFd::new(device, PollFlags::empty())];
    let now = Timespec::default();
    rustix::event::poll(&mut asked, Some(&now)).is_ok() && !asked[0].revents().contains(PollFlags::ERR)
}

/// Unmounts what stands at `point`.
pub(super) fn unmount(point: &Path, way: Way) -> Result<(), NotUnmounted> {
    let flags = match way {
        Way::Unused => UnmountFlags::NOFOLLOW,
        Way::Detach => UnmountFlags::NOFOLLOW | UnmountFlags::DETACH,
    };
    match rustix::mount::unmount(point, flags) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::BUSY) => Err(NotUnmounted::Busy),
        Err(rustix::io::Errno::PERM) => unmount_by_helper(point, way),
        Err(error) => Err(NotUnmounted::Failed(io::Error::from(error).to_string())),
    }
}

pub(super) fn unmount_by_helper(point: &Path, way: Way) -> Result<(), NotUnmounted> {
    let output = Command::new(HELPER)
        .arg(if way == Way::Detach { "-uz" } else { "-u" })
        .arg("--")
        .arg(point)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| NotUnmounted::Failed(helper_missing(error).0))?;
    let words = String::from_utf8_lossy(&output.stderr);
    match output.status.success() {
        true => Ok(()),
        false if words.contains("busy") => Err(NotUnmounted::Busy),
        false => Err(NotUnmounted::Failed(words.trim().to_owned())),
    }
}

fn helper_missing(error: io::Error) -> MountError {
    MountError(match error.kind() {
        ErrorKind::NotFound => {
            format!(
                "{HELPER} is missing, and only root mounts without it; install it with `apt install fuse3`"
            )
        }
        _ => format!("cannot run {HELPER}: {error}"),
    })
}
