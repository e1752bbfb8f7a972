//! What POSIX and Linux promise of any file system, as far as it can be read only: the parts of pjdfstest and
//! xfstests that apply.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{Error, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::Command;

use libc::{EINVAL, ELOOP, ENAMETOOLONG, ENODATA, ENOENT, ENOTDIR, ENXIO, EROFS};

use crate::tree::{Document, Folder, file, folder};
use crate::{Mounted, errno};

/// Bytes that tell their place; more than a page, and not a whole number of them.
fn bytes() -> Vec<u8> {
    (0..100_003_u32).map(|n| (n / 7 + n % 251) as u8).collect()
}

/// `f` of 100,003 bytes, `d/inner`, `empty`.
fn mounted() -> Mounted {
    let inner = Folder::of(vec![file("inner", &Document::new(b"inner"))]);
    Mounted::new(Folder::of(vec![
        file("f", &Document::new(&bytes())),
        folder("d", &inner),
        file("empty", &Document::new(b"")),
    ]))
}

fn c(path: &Path) -> CString {
    CString::new(path.as_os_str().as_encoded_bytes()).unwrap()
}

/// The errno of a libc call that says -1 where it fails; 0 where it does not.
fn failed(outcome: impl Into<i64>) -> i32 {
    let error = Error::last_os_error().raw_os_error().unwrap_or(0);
    if outcome.into() == -1 { error } else { 0 }
}

#[test]
fn what_changes_something_through_a_handle_is_refused_too() {
    let mounted = mounted();
    let (f, d) = (File::open(mounted.path("f")).unwrap(), File::open(mounted.path("d")).unwrap());
    let (name, missing) = (c(&mounted.path("f")), c(&mounted.path("missing")));
    let (fd, dd) = (f.as_raw_fd(), d.as_raw_fd());
    let flags: libc::c_long = 0;
    // SAFETY: open descriptors, C strings, and values that live as long as the calls.
    let table = unsafe {
        [
            ("fchmod", failed(libc::fchmod(fd, 0o600)), EROFS),
            ("fchown", failed(libc::fchown(fd, 0, 0)), EROFS),
            ("futimens", failed(libc::futimens(fd, std::ptr::null())), EROFS),
            ("fsetxattr", failed(libc::fsetxattr(fd, c"user.x".as_ptr(), b"x".as_ptr().cast(), 1, 0)), EROFS),
            ("fremovexattr", failed(libc::fremovexattr(fd, c"user.stac.href".as_ptr())), EROFS),
            ("chattr", failed(libc::ioctl(fd, libc::FS_IOC_SETFLAGS, &flags)), EROFS),
            ("mkdirat", failed(libc::mkdirat(dd, c"new".as_ptr(), 0o755)), EROFS),
            ("unlinkat", failed(libc::unlinkat(dd, c"inner".as_ptr(), 0)), EROFS),
            ("unlinkat of nothing", failed(libc::unlinkat(dd, c"no".as_ptr(), 0)), EROFS),
            ("symlinkat", failed(libc::symlinkat(c"to".as_ptr(), dd, c"new".as_ptr())), EROFS),
            ("mkfifoat", failed(libc::mkfifoat(dd, c"new".as_ptr(), 0o600)), EROFS),
            (
                "exchange",
                failed(libc::renameat2(dd, c"inner".as_ptr(), dd, c"new".as_ptr(), libc::RENAME_EXCHANGE)),
                EROFS,
            ),
            ("create, missing", failed(libc::open(missing.as_ptr(), libc::O_CREAT, 0o600)), EROFS),
            ("truncating open for reading", failed(libc::open(name.as_ptr(), libc::O_TRUNC)), EROFS),
            (
                "create anew what is there",
                failed(libc::open(name.as_ptr(), libc::O_CREAT | libc::O_EXCL, 0o600)),
                libc::EEXIST,
            ),
            ("ftruncate", failed(libc::ftruncate(fd, 0)), EINVAL),
            ("write", failed(libc::write(fd, b"x".as_ptr().cast(), 1) as i64), libc::EBADF),
            ("fallocate", failed(libc::fallocate(fd, 0, 0, 10)), libc::EBADF),
        ]
    };
    for (call, errno, wanted) in table {
        assert_eq!(errno, wanted, "{call}");
    }
    assert_eq!(fs::read(mounted.path("f")).unwrap(), bytes());
    // SAFETY: as above.
    let there = unsafe { libc::open(name.as_ptr(), libc::O_CREAT, 0o600) };
    assert!(there >= 0, "O_CREAT of what is there only opens it");
    // SAFETY: opened just now.
    unsafe { libc::close(there) };
}

#[test]
fn paths_are_refused_for_what_is_wrong_with_them() {
    let mounted = mounted();
    let link = tempfile::tempdir().unwrap();
    let (to_file, to_folder) = (link.path().join("file"), link.path().join("folder"));
    std::os::unix::fs::symlink(mounted.path("f"), &to_file).unwrap();
    std::os::unix::fs::symlink(mounted.path("d"), &to_folder).unwrap();
    let stat = |path: &str| errno(fs::symlink_metadata(mounted.path(path)));
    assert_eq!(stat("missing"), ENOENT);
    assert_eq!(stat("missing/below"), ENOENT);
    assert_eq!(stat("f/below"), ENOTDIR);
    assert_eq!(stat("f/"), ENOTDIR);
    assert_eq!(stat("d/../f"), 0);
    assert_eq!(stat("d/."), 0);
    assert_eq!(stat(&"x".repeat(255)), ENOENT);
    assert_eq!(stat(&"x".repeat(1025)), ENAMETOOLONG, "beyond the longest segment");
    assert_eq!(stat(&"d/../".repeat(1000)), ENAMETOOLONG, "beyond PATH_MAX");
    let open = |path: &Path, flags| errno(OpenOptions::new().read(true).custom_flags(flags).open(path));
    assert_eq!(open(&to_file, libc::O_NOFOLLOW), ELOOP);
    assert_eq!(open(&mounted.path("f"), libc::O_NOFOLLOW), 0);
    assert_eq!(open(&to_folder, libc::O_DIRECTORY | libc::O_NOFOLLOW), ENOTDIR);
    assert_eq!(open(&to_folder.join("inner"), libc::O_NOFOLLOW), 0);
    assert_eq!(open(&mounted.path("f"), libc::O_DIRECTORY), ENOTDIR);
    assert_eq!(open(&mounted.path("f"), libc::O_PATH), 0);
    assert_eq!(errno(fs::read_link(mounted.path("f"))), EINVAL, "no symbolic link");
    assert_eq!(errno(fs::read_dir(mounted.path("f"))), ENOTDIR);
    assert_eq!(errno(fs::read(mounted.path("d"))), libc::EISDIR);
}

#[test]
fn access_says_what_open_does() {
    let mounted = mounted();
    let access = |path: &str, mode| {
        let path = c(&mounted.path(path));
        // SAFETY: a C string.
        failed(unsafe { libc::access(path.as_ptr(), mode) })
    };
    assert_eq!(access("f", libc::F_OK | libc::R_OK), 0);
    assert_eq!(access("d", libc::R_OK | libc::X_OK), 0);
    assert_eq!(access("f", libc::X_OK), libc::EACCES, "nothing here is a program");
    assert_eq!(access("f", libc::W_OK), EROFS);
    assert_eq!(access("d", libc::W_OK), EROFS);
    assert_eq!(access("missing", libc::F_OK), ENOENT);
    let stat = fs::metadata(mounted.path("f")).unwrap();
    assert_eq!((stat.mode() & 0o7777, stat.nlink(), stat.blocks()), (0o644, 1, 100_003_u64.div_ceil(512)));
    assert_eq!(fs::metadata(mounted.path("d")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn holes_are_nowhere_and_seeks_end_at_the_end() {
    let mounted = mounted();
    let f = File::open(mounted.path("f")).unwrap();
    // SAFETY: an open descriptor.
    let seek = |offset, whence| unsafe { libc::lseek(f.as_raw_fd(), offset, whence) };
    assert_eq!(seek(0, libc::SEEK_DATA), 0);
    assert_eq!(seek(5000, libc::SEEK_DATA), 5000);
    assert_eq!(seek(0, libc::SEEK_HOLE), 100_003, "the only hole is the one behind the end");
    assert_eq!(failed(seek(100_003, libc::SEEK_DATA)), ENXIO);
    assert_eq!(failed(seek(100_004, libc::SEEK_HOLE)), ENXIO);
    assert_eq!(failed(seek(-1, libc::SEEK_SET)), EINVAL);
    assert_eq!(seek(1 << 62, libc::SEEK_SET), 1 << 62);
    assert_eq!(f.read_at(&mut [0; 8], 1 << 62).unwrap(), 0);
    assert_eq!(errno(f.read_at(&mut [0; 8], u64::MAX)), EINVAL);
}

#[test]
fn every_way_to_read_gives_the_same_bytes() {
    let (mounted, bytes) = (mounted(), bytes());
    let f = File::open(mounted.path("f")).unwrap();
    let fd = f.as_raw_fd();
    let target = || tempfile::tempfile().unwrap();
    let read_back = |file: &File| {
        let mut back = vec![0; bytes.len() + 1];
        let count = file.read_at(&mut back, 0).unwrap();
        back.truncate(count);
        back
    };

    let out = target();
    let mut sent: libc::off_t = 0;
    while (sent as usize) < bytes.len() {
        // SAFETY: open descriptors; `sent` lives here.
        let count = unsafe { libc::sendfile(out.as_raw_fd(), fd, &mut sent, bytes.len()) };
        assert!(count > 0, "sendfile: {}", Error::last_os_error());
    }
    assert!(read_back(&out) == bytes, "sendfile");

    let copied = target();
    let mut done = 0;
    while done < bytes.len() {
        let (from, to) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: open descriptors, and their own places.
        let count = unsafe { libc::copy_file_range(fd, from, copied.as_raw_fd(), to, bytes.len(), 0) };
        if count == -1 {
            // Between file systems a kernel may leave it to the program.
            assert!([libc::EXDEV, libc::EOPNOTSUPP].contains(&failed(-1_i64)));
            break;
        }
        assert!(count > 0);
        done += count as usize;
    }
    assert!(done == 0 || read_back(&copied) == bytes, "copy_file_range");

    let direct = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(mounted.path("f")).unwrap();
    assert!(read_back(&direct) == bytes, "O_DIRECT");

    let (mut first, mut second) = (vec![0_u8; 1000], vec![0_u8; 2000]);
    let parts = [
        libc::iovec { iov_base: first.as_mut_ptr().cast(), iov_len: first.len() },
        libc::iovec { iov_base: second.as_mut_ptr().cast(), iov_len: second.len() },
    ];
    // SAFETY: both buffers live, and are as long as said.
    let count = unsafe { libc::preadv(fd, parts.as_ptr(), 2, 777) };
    assert_eq!(count, 3000);
    assert!(first == bytes[777..1777] && second == bytes[1777..3777], "preadv");

    for advice in [libc::POSIX_FADV_SEQUENTIAL, libc::POSIX_FADV_WILLNEED, libc::POSIX_FADV_DONTNEED] {
        // SAFETY: an open descriptor.
        assert_eq!(unsafe { libc::posix_fadvise(fd, 0, 0, advice) }, 0);
    }
    let mut again = Vec::new();
    File::open(format!("/proc/self/fd/{fd}")).unwrap().read_to_end(&mut again).unwrap();
    assert!(again == bytes, "opened anew through /proc");
    // SAFETY: an open descriptor.
    unsafe {
        assert_eq!(libc::flock(fd, libc::LOCK_SH | libc::LOCK_NB), 0, "shared locks are the kernel's own");
        assert_eq!((libc::fsync(fd), libc::fdatasync(fd), libc::syncfs(fd)), (0, 0, 0));
    }
    let programs = ["cat f", "dd if=f bs=7777 status=none", "tail -c +1 f", "tar -cSf - f | tar -xOf -"];
    for program in programs {
        let output = Command::new("sh").args(["-c", program]).current_dir(mounted.root()).output().unwrap();
        assert!(output.stdout == bytes, "{program}");
    }
}

#[test]
fn a_handle_by_number_is_answered_or_refused_but_never_another_file() {
    let mounted = mounted();
    let path = c(&mounted.path("f"));
    let mut handle = [0_u8; 8 + 128];
    handle[..4].copy_from_slice(&128_u32.to_ne_bytes());
    let mut mount = 0;
    // SAFETY: the buffer has the header and the 128 bytes it says.
    let named = unsafe {
        libc::name_to_handle_at(libc::AT_FDCWD, path.as_ptr(), handle.as_mut_ptr().cast(), &mut mount, 0)
    };
    if named == -1 {
        assert_eq!(failed(-1_i64), libc::EOPNOTSUPP);
        return;
    }
    let root = File::open(mounted.root()).unwrap();
    // SAFETY: the handle was filled in just now.
    let opened =
        unsafe { libc::open_by_handle_at(root.as_raw_fd(), handle.as_mut_ptr().cast(), libc::O_RDONLY) };
    if opened == -1 {
        let why = failed(-1_i64);
        assert!([libc::ESTALE, libc::EPERM, libc::EOPNOTSUPP].contains(&why), "{why}");
        return;
    }
    // SAFETY: opened just now, and owned by nobody else.
    let file = unsafe { <File as std::os::fd::FromRawFd>::from_raw_fd(opened) };
    assert_eq!(file.metadata().unwrap().ino(), fs::metadata(mounted.path("f")).unwrap().ino());
}

#[test]
fn attributes_of_others_are_absent_and_reading_makes_no_event() {
    let mounted = mounted();
    let path = c(&mounted.path("f"));
    for name in [c"security.selinux", c"system.posix_acl_access", c"user.nothing"] {
        // SAFETY: C strings and no buffer.
        let outcome = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) };
        assert!([ENODATA, libc::EOPNOTSUPP].contains(&failed(outcome as i64)), "{name:?}");
    }
    // SAFETY: a new descriptor of our own.
    let mut events = unsafe {
        let fd = libc::inotify_init1(libc::IN_NONBLOCK);
        assert!(
            libc::inotify_add_watch(fd, c(mounted.root()).as_ptr(), libc::IN_MODIFY | libc::IN_CREATE) > 0
        );
        <File as std::os::fd::FromRawFd>::from_raw_fd(fd)
    };
    fs::read(mounted.path("f")).unwrap();
    assert_eq!(errno(events.read(&mut [0; 4096])), libc::EAGAIN);
}

#[test]
fn a_bind_mount_and_a_lazy_unmount_keep_serving() {
    if !rustix::process::geteuid().is_root() {
        println!("left out: only root can bind");
        return;
    }
    let mut mounted = mounted();
    let elsewhere = tempfile::tempdir().unwrap();
    let run = |program: &str, arguments: &[&std::ffi::OsStr]| {
        let output = Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("mount", &["--bind".as_ref(), mounted.path("d").as_os_str(), elsewhere.path().as_os_str()]);
    assert_eq!(fs::read(elsewhere.path().join("inner")).unwrap(), b"inner");
    assert_eq!(errno(File::create(elsewhere.path().join("new"))), EROFS);
    // Taken away at its own place, it stands at the other for as long as it is served.
    let open = File::open(mounted.path("f")).unwrap();
    run("umount", &["-l".as_ref(), mounted.root().as_os_str()]);
    assert!(fs::read_dir(mounted.root()).unwrap().next().is_none());
    assert_eq!(fs::read(elsewhere.path().join("inner")).unwrap(), b"inner");
    let mut byte = [0];
    open.read_exact_at(&mut byte, 99_999).unwrap();
    assert_eq!(byte[0], bytes()[99_999]);
    drop(open);
    run("umount", &[elsewhere.path().as_os_str()]);
    mounted.mount.take().unwrap().wait();
}

#[test]
fn a_program_may_stand_in_it_and_many_may_write_elsewhere_from_it() {
    let mounted = mounted();
    let pwd =
        Command::new("sh").args(["-c", "cd d && pwd -P && ls"]).current_dir(mounted.root()).output().unwrap();
    let said = String::from_utf8(pwd.stdout).unwrap();
    let here = mounted.path("d").canonicalize().unwrap();
    assert_eq!(said, format!("{}\ninner\n", here.display()));
    let mut pipe = Command::new("cat")
        .stdin(File::open(mounted.path("f")).unwrap())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = Vec::new();
    pipe.stdout.take().unwrap().read_to_end(&mut out).unwrap();
    pipe.wait().unwrap();
    assert!(out == bytes());
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&out).unwrap();
}
