//! Who fetches a run of blocks, among processes: a lock on their slots, gone with the process that held it.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use super::object::CachedObject;

/// A run of blocks that only this process fetches now.
pub struct Claim {
    object: Arc<CachedObject>,
    place: Range<u64>,
}

impl CachedObject {
    /// Claims a run of blocks to be fetched; `None` where another process has claimed some of them.
    ///
    /// # Errors
    /// Where locks are not to be had: then fetch without.
    pub fn claim(self: &Arc<CachedObject>, blocks: &Range<u64>) -> io::Result<Option<Claim>> {
        let place = self.map().place_of(blocks);
        match lock(self.map().file(), &place, libc::F_WRLCK) {
            Ok(()) => Ok(Some(Claim { object: self.clone(), place })),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _ = lock(self.object.map().file(), &self.place, libc::F_UNLCK);
    }
}

/// Locks or unlocks bytes of a file for its open file description, which is this process's own. (Not the
/// older kind of lock, which a process loses when it closes the file anywhere.)
fn lock(file: &File, bytes: &Range<u64>, kind: libc::c_int) -> io::Result<()> {
    let offset = |at: u64| libc::off_t::try_from(at).map_err(io::Error::other);
    let lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: offset(bytes.start)?,
        l_len: offset(bytes.end - bytes.start)?,
        l_pid: 0,
    };
    // SAFETY: the descriptor is open for as long as `file` lives, and `lock` outlives the call.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
