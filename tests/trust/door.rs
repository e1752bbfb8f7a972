//! A port that can be shut or clogged before it leads to a server.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A port of loopback that does not answer yet.
pub struct Door {
    address: SocketAddr,
    /// `None`: connections are refused. Else nobody accepts them, and the queue is full.
    clogged: Option<(TcpListener, Vec<TcpStream>)>,
}

impl Door {
    /// Connections are refused.
    pub fn shut() -> Door {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        Door { address, clogged: None }
    }

    /// Connections get no answer: the queue of those not yet accepted is full, and the kernel drops what comes.
    pub fn clogged() -> Door {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let address = listener.local_addr().unwrap();
        let within = Duration::from_millis(200);
        let queue: Vec<TcpStream> =
            std::iter::from_fn(|| TcpStream::connect_timeout(&address, within).ok()).take(1000).collect();
        assert!(queue.len() < 1000, "the kernel queues without bound");
        Door { address, clogged: Some((listener, queue)) }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it leads to `server`, as long as this process lives.
    pub fn open(self, server: SocketAddr) {
        let listener = match self.clogged {
            Some((listener, queue)) => {
                drop(queue);
                listener
            }
            None => TcpListener::bind(self.address).unwrap(),
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = lead(stream, server);
            }
        });
    }
}

/// Passes all bytes on in both directions.
fn lead(client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    for (mut from, mut to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}
