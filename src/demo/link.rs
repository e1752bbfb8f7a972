//! A link emulator: a TCP proxy that makes loopback as slow as a real line.
//!
//! In: the address of any server and a [`Line`]. Out: an address to use in its place, with the line's delay
//! and rates in both directions, and counts of connections and bytes.

mod bucket;
mod pump;

use super::http::{Stop, lock};
use bucket::Bucket;
use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The properties of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Round-trip time: half of it is added each way, and a whole one to each new connection.
    pub rtt: Duration,
    /// What one connection gets at most each way, in bytes per second.
    pub per_connection: Option<u64>,
    /// What all connections get together each way, in bytes per second.
    pub in_all: Option<u64>,
}

/// A running link. Dropping it closes all connections and waits for its threads.
pub struct Link {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

/// What went over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Connections made so far.
    pub connections: u64,
    /// The greatest number of connections open at one time.
    pub most_open: usize,
    /// Bytes from the clients to the server.
    pub up: u64,
    /// Bytes from the server to the clients.
    pub down: u64,
}

struct Shared {
    line: Line,
    server: SocketAddr,
    stop: Stop,
    up: Direction,
    down: Direction,
    connections: AtomicU64,
    most_open: AtomicUsize,
    open: Mutex<HashMap<u64, [TcpStream; 2]>>,
}

/// One of the two directions of a line.
struct Direction {
    in_all: Bucket,
    bytes: AtomicU64,
}

impl Link {
    /// Starts a line to `server`. Errors: no port or thread is to be had.
    pub fn start(server: SocketAddr, line: Line) -> io::Result<Link> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let direction = || Direction { in_all: Bucket::new(line.in_all), bytes: AtomicU64::new(0) };
        let shared = Arc::new(Shared {
            line,
            server,
            stop: Stop::default(),
            up: direction(),
            down: direction(),
            connections: AtomicU64::new(0),
            most_open: AtomicUsize::new(0),
            open: Mutex::default(),
        });
        let theirs = Arc::clone(&shared);
        let acceptor =
            thread::Builder::new().name("demo-link".into()).spawn(move || accept(&listener, &theirs))?;
        Ok(Link { shared, address, acceptor: Some(acceptor) })
    }

    /// Where the near end of the line is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The near end as scheme and authority: `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has gone over the line so far.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            connections: self.shared.connections.load(Ordering::Relaxed),
            most_open: self.shared.most_open.load(Ordering::Relaxed),
            up: self.shared.up.bytes.load(Ordering::Relaxed),
            down: self.shared.down.bytes.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.stop.stop();
        // Wakes the acceptor; where this fails, there is no acceptor left to wake.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for (number, near) in (0..).zip(listener.incoming()) {
        if shared.stop.stopped() {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let (Ok(near), theirs) = (near, Arc::clone(shared)) else { continue };
        let spawned = thread::Builder::new().name("demo-link-connection".into()).spawn(move || {
            // A connection that fails is closed at both ends, which is all a line can say about it.
            let _ = carry(near, number, &theirs);
            lock(&theirs.open).remove(&number);
        });
        threads.extend(spawned);
    }
    for stream in lock(&shared.open).values().flatten() {
        let _ = stream.shutdown(Shutdown::Both);
    }
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

/// Carries one connection until both directions have ended.
fn carry(near: TcpStream, number: u64, shared: &Arc<Shared>) -> io::Result<()> {
    let opened = Instant::now();
    let far = TcpStream::connect(shared.server)?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    {
        let mut open = lock(&shared.open);
        open.insert(number, [near.try_clone()?, far.try_clone()?]);
        shared.connections.fetch_add(1, Ordering::Relaxed);
        shared.most_open.fetch_max(open.len(), Ordering::Relaxed);
    }
    if shared.stop.stopped() {
        return Ok(());
    }
    // The handshake takes a round trip before the first byte may leave.
    let ready = opened + shared.line.rtt;
    thread::scope(|scope| {
        scope.spawn(|| pump::pump(&near, &far, &shared.up, ready, shared));
        pump::pump(&far, &near, &shared.down, opened, shared);
    });
    Ok(())
}

#[cfg(test)]
mod tests;
