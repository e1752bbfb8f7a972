//! The server: a listener on loopback and a thread for each connection.

use super::{Faults, Journal, Service, connection, lock};
use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A running server. Dropping it closes all connections and waits for its threads.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

/// What the threads of a server share.
pub(super) struct Shared {
    pub service: Box<dyn Service>,
    pub journal: Journal,
    pub faults: Faults,
    pub stop: Stop,
    open: Mutex<HashMap<u64, TcpStream>>,
}

impl Server {
    /// Starts to serve on a free port of 127.0.0.1. Errors: no port or thread is to be had.
    pub fn start(service: impl Service + 'static) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            service: Box::new(service),
            journal: Journal::new(),
            faults: Faults::default(),
            stop: Stop::default(),
            open: Mutex::default(),
        });
        let theirs = Arc::clone(&shared);
        let acceptor =
            thread::Builder::new().name("demo-accept".into()).spawn(move || accept(&listener, &theirs))?;
        Ok(Server { shared, address, acceptor: Some(acceptor) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Scheme and authority, without a final slash: `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that reached it.
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// What goes wrong here; nothing, until it is switched on.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.stop();
        // Wakes the acceptor; where this fails, there is no acceptor left to wake.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// Takes connections until the server stops, then ends those that are left.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for (number, stream) in (0..).zip(listener.incoming()) {
        if shared.stop.stopped() {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let Ok(stream) = stream else {
            // Out of file descriptors, most likely: give the others time to end.
            shared.stop.sleep(Duration::from_millis(10));
            continue;
        };
        let Ok(twin) = stream.try_clone() else { continue };
        lock(&shared.open).insert(number, twin);
        let theirs = Arc::clone(shared);
        let spawned = thread::Builder::new().name("demo-connection".into()).spawn(move || {
            let _open = Open { shared: &theirs, number };
            connection::serve(stream, number, &theirs);
        });
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(_) => drop(lock(&shared.open).remove(&number)),
        }
    }
    for stream in lock(&shared.open).values() {
        let _ = stream.shutdown(Shutdown::Both);
    }
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

/// A connection that is being served. It is let go of even where the service panics, so that no client waits.
struct Open<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        lock(&self.shared.open).remove(&self.number);
    }
}

/// Tells all threads of a server to end, also those that sleep.
#[derive(Default)]
pub(in crate::demo) struct Stop {
    stopped: Mutex<bool>,
    told: Condvar,
}

impl Stop {
    /// Tells them.
    pub fn stop(&self) {
        *lock(&self.stopped) = true;
        self.told.notify_all();
    }

    /// Whether they were told.
    pub fn stopped(&self) -> bool {
        *lock(&self.stopped)
    }

    /// Sleeps for `time`, or until told to stop. Returns whether the whole time was slept.
    pub fn sleep(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut stopped = lock(&self.stopped);
        while !*stopped {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            stopped = match self.told.wait_timeout(stopped, left) {
                Ok((stopped, _)) => stopped,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        false
    }
}
