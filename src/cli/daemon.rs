//! Into the background: `stacfs mount` starts itself anew and returns when that other process is ready.
//!
//! A process that has threads cannot fork and go on, so the one that stays is executed afresh before any
//! thread is made. It keeps the terminal, its streams and its session until the mount answers: a password
//! command may ask, an error is read where it was caused, and Ctrl-C ends both. Then it lets go of them, and
//! says so through a pipe.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};

use super::{Failure, Outcome};

/// The option that tells the other process through which descriptor to say that it is ready.
pub const READY_OPTION: &str = "--ready-fd";

/// What is written when all is well.
const READY: &[u8] = b"ready\n";

/// Starts this command line anew in the background, and waits until that is ready or has ended.
///
/// # Errors
/// [`Failure::Told`] with its own status where it ended: it has said why.
pub fn launch() -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot start in the background: {error}; try -f"));
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
    // Only the end that the other process writes to is inherited.
    fcntl_setfd(&theirs, FdFlags::empty()).map_err(|error| failed(error.into()))?;
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_else(|| "stacfs".into());
    let mut command = Command::new("/proc/self/exe");
    command.arg0(name).args(words).arg(READY_OPTION).arg(theirs.as_raw_fd().to_string());
    let mut child = command.spawn().map_err(failed)?;
    drop(theirs);
    let mut said = Vec::new();
    // An error here is the same as silence: the other end is gone.
    let _ = File::from(ours).read_to_end(&mut said);
    if said == READY {
        return Ok(());
    }
    let status = child.wait().map_err(failed)?;
    match status.code() {
        Some(status) => Err(Failure::Told(u8::try_from(status).unwrap_or(1))),
        None => Err(Failure::failed(format!("the mount's process ended early: {status}"))),
    }
}

/// The pipe of a process that was started by [`launch`].
#[derive(Debug)]
pub struct Ready {
    pipe: File,
}

impl Ready {
    /// Takes over the inherited descriptor.
    ///
    /// # Errors
    /// Where there is no pipe at it: the option was not given by [`launch`].
    pub fn inherit(number: RawFd) -> Result<Ready, Failure> {
        let wrong = || Failure::Usage(format!("{READY_OPTION} is for stacfs itself; use -f"));
        let target = std::fs::read_link(format!("/proc/self/fd/{number}")).map_err(|_| wrong())?;
        if number <= 2 || !target.to_string_lossy().starts_with("pipe:") {
            return Err(wrong());
        }
        // SAFETY: the descriptor is open (it was just looked up), `launch` made it for this, and nothing else in
        // this process knows its number.
        let pipe = unsafe { OwnedFd::from_raw_fd(number) };
        // Processes that are started from here on do not hold the parent up.
        fcntl_setfd(&pipe, FdFlags::CLOEXEC).map_err(|_| wrong())?;
        Ok(Ready { pipe: pipe.into() })
    }

    /// Lets go of the terminal, the folder and the streams, and says that all is well.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn tell(self) -> Outcome {
        self.let_go()
            .map_err(|error| Failure::failed(format!("cannot go into the background: {error}; try -f")))
    }

    fn let_go(mut self) -> std::io::Result<()> {
        // Fails only for the leader of a process group, which has a session's freedom already.
        let _ = rustix::process::setsid();
        rustix::process::chdir("/")?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
        self.pipe.write_all(READY)
    }
}
