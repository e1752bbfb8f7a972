//! The life of a mount: start, wait, end.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fuser::{Config, Session, SessionACL};

use super::deadline::Watch;
use super::device::{self, NotUnmounted, Wanted, Way};
use super::filesystem::Adapter;
use super::mountpoint::{self, Standing};
use super::service::Service;
use super::{MountError, MountOptions};
use crate::report::{Report, lock};
use crate::tree::Directory;

/// Threads that read calls from the kernel. They never wait on the network, so few do; more only take turns.
const THREADS: std::ops::RangeInclusive<usize> = 2..=8;

/// How long a mount that was detached while in use is still served.
const GRACE: Duration = Duration::from_secs(1);

/// A mount that answers. Dropping it unmounts.
pub struct Mount {
    unmounter: Unmounter,
}

/// Unmounts a [`Mount`] from any thread, such as one that waits for signals. Clones unmount the same.
#[derive(Clone)]
pub struct Unmounter {
    life: Arc<Life>,
}

/// One mount from its start to its end.
struct Life {
    point: PathBuf,
    standing: Option<Standing>,
    /// The session's own connection to the kernel, until it ends. It tells whether the mount is alive: the mount
    /// table cannot, since the next mount at this place may get the numbers of this one.
    connection: Mutex<Option<OwnedFd>>,
    phase: Mutex<Phase>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// Mounted and answering.
    Serving,
    /// Out of the tree since then; whoever has something open is still answered.
    Detached(Instant),
    /// The kernel has let go.
    Ended,
}

impl Mount {
    /// Mounts `root` at `point`. Returns once the mount answers. A mount point left dead by a crash is
    /// recovered first.
    ///
    /// # Errors
    /// In words with the next step: `point` is missing, not a directory, not empty or mounted already; FUSE is
    /// missing or closed to this user.
    pub fn new(
        point: &Path,
        root: Arc<dyn Directory>,
        options: MountOptions,
        report: Arc<Report>,
    ) -> Result<Mount, MountError> {
        if options.allow_other {
            mountpoint::check_allow_other()?;
        }
        let point = mountpoint::prepare(point)?;
        let source = mountpoint::source(&options.name);
        let device = device::mount(&Wanted { point: &point, source, allow_other: options.allow_other })?;
        let life = Arc::new(Life {
            standing: mountpoint::standing(&point),
            connection: Mutex::new(device.try_clone().ok()),
            point,
            phase: Mutex::new(Phase::Serving),
            changed: Condvar::new(),
        });
        // From here on, leaving early drops this and so unmounts.
        let mount = Mount { unmounter: Unmounter { life: life.clone() } };
        let service = Arc::new(Service::new(root, &options, report));
        let watch = service.watch();
        let failed =
            |error: std::io::Error| MountError(format!("the kernel did not take the mount: {error}"));
        let adapter = Adapter(service.clone());
        let begun = Session::from_fd(adapter, device, acl(&options), config()).and_then(|session| {
            thread::Builder::new().name("stacfs-watch".to_owned()).spawn(move || watch.run())?;
            let end = End { life: life.clone(), watch: service.watch() };
            thread::Builder::new().name("stacfs-session".to_owned()).spawn(move || serve(session, &end))
        });
        if let Err(error) = begun {
            service.close();
            life.end();
            return Err(failed(error));
        }
        // The first call: when it is answered, all later ones will be.
        std::fs::metadata(&life.point).map_err(failed)?;
        tracing::info!("mounted on {}", life.point.display());
        Ok(mount)
    }

    /// Where it is mounted: an absolute path.
    pub fn point(&self) -> &Path {
        &self.unmounter.life.point
    }

    /// What unmounts it, for a thread that waits for signals.
    pub fn unmounter(&self) -> Unmounter {
        self.unmounter.clone()
    }

    /// Waits until it is unmounted, by whomever. Where it was detached while in use, open files are served for
    /// a second more; they then live as long as this process.
    pub fn wait(self) {
        self.unmounter.life.wait();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(error) = self.unmounter.unmount() {
            tracing::error!("{error}");
        }
        self.unmounter.life.wait();
    }
}

impl Unmounter {
    /// Unmounts. What is in use is detached: it goes from the tree at once, and [`Mount::wait`] returns.
    ///
    /// # Errors
    /// In words, where the system refuses.
    pub fn unmount(&self) -> Result<(), MountError> {
        let life = &self.life;
        if *lock(&life.phase) != Phase::Serving || !life.stands() {
            return Ok(());
        }
        let detached = match device::unmount(&life.point, Way::Unused) {
            Ok(()) => return Ok(()),
            Err(NotUnmounted::Busy) => device::unmount(&life.point, Way::Detach),
            Err(failed) => Err(failed),
        };
        match detached {
            Ok(()) => {
                tracing::info!("{} was in use and is detached", life.point.display());
                life.advance(Phase::Detached(Instant::now()));
                Ok(())
            }
            Err(NotUnmounted::Busy) => Err(busy(&life.point)),
            Err(NotUnmounted::Failed(why)) => Err(not_unmounted(&life.point, &why)),
        }
    }
}

impl Life {
    /// Whether it is this very mount that stands at the mount point. Nothing else is ever unmounted.
    fn stands(&self) -> bool {
        let alive = lock(&self.connection).as_ref().is_some_and(device::is_connected);
        alive && self.is_in_table()
    }

    /// Whether something with this mount's numbers stands at the mount point.
    fn is_in_table(&self) -> bool {
        self.standing.is_some() && mountpoint::standing(&self.point) == self.standing
    }

    fn advance(&self, phase: Phase) {
        let mut now = lock(&self.phase);
        if *now != Phase::Ended {
            *now = phase;
        }
        drop(now);
        self.changed.notify_all();
    }

    /// The kernel has let go, or never took it. A connection that was aborted leaves its mount behind.
    fn end(&self) {
        lock(&self.connection).take();
        if self.is_in_table() && mountpoint::is_dead(&self.point) {
            let _ = device::unmount(&self.point, Way::Detach);
        }
        self.advance(Phase::Ended);
    }

    fn wait(&self) {
        let mut phase = lock(&self.phase);
        loop {
            phase = match *phase {
                Phase::Ended => return,
                Phase::Serving => self.changed.wait(phase).unwrap_or_else(PoisonError::into_inner),
                Phase::Detached(since) => match GRACE.checked_sub(since.elapsed()) {
                    Some(left) => {
                        self.changed.wait_timeout(phase, left).unwrap_or_else(PoisonError::into_inner).0
                    }
                    None => return,
                },
            };
        }
    }
}

/// Says that a session has ended, also where it panicked.
struct End {
    life: Arc<Life>,
    watch: Arc<Watch>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.watch.close();
        self.life.end();
    }
}

fn serve(session: Session<Adapter>, end: &End) {
    if let Err(error) = session.run() {
        tracing::error!("{}: the session broke off: {error}", end.life.point.display());
    }
}

fn acl(options: &MountOptions) -> SessionACL {
    if options.allow_other { SessionACL::All } else { SessionACL::Owner }
}

fn config() -> Config {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut config = Config::default();
    config.n_threads = Some(cores.clamp(*THREADS.start(), *THREADS.end()));
    config
}

/// Unmounts what stacfs mounted at `point`, from another process, and returns when it is gone.
///
/// # Errors
/// In words: nothing of stacfs is mounted there, or it is in use.
pub fn unmount(point: &Path) -> Result<(), MountError> {
    let point = mountpoint::resolve(point)?;
    let shown = point.display();
    let Some(standing) = mountpoint::standing(&point).filter(Standing::is_ours) else {
        return Err(MountError(format!(
            "stacfs has nothing mounted on {shown}; `findmnt -t fuse.stacfs` lists all"
        )));
    };
    match device::unmount(&point, Way::Unused) {
        Ok(()) if mountpoint::standing(&point) == Some(standing) => {
            Err(not_unmounted(&point, "the system says it is done, but it still stands"))
        }
        Ok(()) => Ok(()),
        Err(NotUnmounted::Busy) => Err(busy(&point)),
        Err(NotUnmounted::Failed(why)) => Err(not_unmounted(&point, &why)),
    }
}

fn busy(point: &Path) -> MountError {
    let shown = point.display();
    MountError(format!(
        "{shown} is in use: `fuser -vm {shown}` says by whom; end those, or take it away all the same with \
         `fusermount3 -uz {shown}`"
    ))
}

fn not_unmounted(point: &Path, why: &str) -> MountError {
    let shown = point.display();
    MountError(format!("{shown} cannot be unmounted: {why}; `fusermount3 -uz {shown}` may"))
}

#[cfg(test)]
#[path = "session/tests.rs"]
mod tests;
