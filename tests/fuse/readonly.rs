//! Every call that would change something is EROFS.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};

use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps, XattrFlags};

use crate::tree::{Document, Folder, file, folder};
use crate::{Mounted, errno};

#[test]
fn every_mutating_call_is_refused() {
    let inner = Folder::of(vec![file("f", &Document::new(b"bytes"))]);
    let mounted = Mounted::new(Folder::of(vec![folder("d", &inner), file("f", &Document::new(b"bytes"))]));
    let (d, f, new) = (mounted.path("d"), mounted.path("f"), mounted.path("new"));
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let times = Timestamps { last_access: now, last_modification: now };
    let io = |outcome: rustix::io::Result<()>| errno(outcome.map_err(std::io::Error::from));
    let outside = tempfile::NamedTempFile::new_in(mounted.root().parent().unwrap()).unwrap();
    let table = [
        ("open write", errno(OpenOptions::new().write(true).open(&f))),
        ("open read-write", errno(OpenOptions::new().read(true).write(true).open(&f))),
        ("open append", errno(OpenOptions::new().append(true).open(&f))),
        ("open truncate", errno(OpenOptions::new().write(true).truncate(true).open(&f))),
        ("create", errno(File::create(&new))),
        ("create exclusively", errno(File::create_new(&new))),
        ("unnamed file", errno(OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open(&d))),
        ("mkdir", errno(fs::create_dir(&new))),
        ("rmdir", errno(fs::remove_dir(&d))),
        ("unlink", errno(fs::remove_file(&f))),
        ("rename", errno(fs::rename(&f, &new))),
        ("link", errno(fs::hard_link(&f, &new))),
        ("symlink", errno(symlink(&f, &new))),
        ("mknod", io(rustix::fs::mknodat(CWD, &new, rustix::fs::FileType::Fifo, Mode::RUSR, 0))),
        ("chmod", errno(fs::set_permissions(&f, fs::Permissions::from_mode(0o600)))),
        ("chown", errno(std::os::unix::fs::chown(&f, Some(0), Some(0)))),
        ("truncate", errno(truncate(&f))),
        ("utimens", io(rustix::fs::utimensat(CWD, &f, &times, AtFlags::empty()))),
        ("setxattr", io(rustix::fs::setxattr(&f, "user.stac.x", b"x", XattrFlags::empty()))),
        ("removexattr", io(rustix::fs::removexattr(&f, "user.stac.href"))),
        ("access write", io(rustix::fs::access(&f, rustix::fs::Access::WRITE_OK))),
    ];
    for (call, errno) in table {
        assert_eq!(errno, libc::EROFS, "{call}");
    }
    assert_eq!(errno(fs::rename(outside.path(), &new)), libc::EXDEV, "another device comes first");
    assert_eq!(fs::read(&f).unwrap(), b"bytes");
}

fn truncate(path: &std::path::Path) -> std::io::Result<()> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: `path` is a C string.
    match unsafe { libc::truncate(path.as_ptr(), 0) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[test]
fn reading_flags_are_allowed() {
    let mounted = Mounted::new(Folder::of(vec![file("f", &Document::new(b"bytes"))]));
    for flags in [libc::O_NOFOLLOW, libc::O_NOATIME, libc::O_NONBLOCK, libc::O_CLOEXEC] {
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(mounted.path("f"));
        assert_eq!(errno(opened), 0, "{flags:o}");
    }
    let directory = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(mounted.path("f"));
    assert_eq!(errno(directory), libc::ENOTDIR);
}
