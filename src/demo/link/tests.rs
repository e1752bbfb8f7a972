//! The line over real sockets. Only lower bounds of time are asserted: a busy machine is slower, never faster.

use super::*;
use crate::demo::http::{Response, Server, probe::get};
use std::thread;

fn server(bytes: usize) -> Server {
    Server::start(move |_: &_| Response::bytes(200, "text/plain", vec![b'x'; bytes])).unwrap()
}

fn link(server: &Server, line: Line) -> Link {
    Link::start(server.address(), line).unwrap()
}

/// Fetches over `count` connections at once; returns how long that took.
fn fetch(link: &Link, count: usize, bytes: usize) -> Duration {
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| assert_eq!(get(&link.url()).body.len(), bytes));
        }
    });
    began.elapsed()
}

#[test]
fn a_line_without_properties_only_counts() {
    let server = server(100_000);
    let link = link(&server, Line::default());
    fetch(&link, 3, 100_000);
    let traffic = link.traffic();
    assert_eq!(traffic.connections, 3);
    assert!(traffic.down > 300_000 && traffic.up > 0 && (1..=3).contains(&traffic.most_open), "{traffic:?}");
}

#[test]
fn a_new_connection_and_a_request_take_a_round_trip_each() {
    let server = server(10);
    let link = link(&server, Line { rtt: Duration::from_millis(40), ..Line::default() });
    assert!(fetch(&link, 1, 10) >= Duration::from_millis(80));
}

#[test]
fn each_connection_has_its_rate() {
    let server = server(300_000);
    let link = link(&server, Line { per_connection: Some(1_000_000), ..Line::default() });
    // 300 kB at 1 MB/s, less the lateness that may be caught up on.
    assert!(fetch(&link, 4, 300_000) >= Duration::from_millis(200));
}

#[test]
fn all_connections_share_a_rate() {
    let server = server(100_000);
    let link = link(&server, Line { in_all: Some(1_000_000), ..Line::default() });
    assert!(fetch(&link, 4, 100_000) >= Duration::from_millis(300));
}

#[test]
fn a_client_that_leaves_frees_the_line() {
    let server = server(10_000_000);
    let link = link(&server, Line { per_connection: Some(100_000), ..Line::default() });
    drop(TcpStream::connect(link.address()).unwrap());
    drop(link); // would hang if a pump did not end
    drop(server);
}

#[test]
fn a_server_that_is_away_closes_the_connection() {
    let gone = server(1);
    let address = gone.address();
    drop(gone);
    let link = Link::start(address, Line::default()).unwrap();
    assert!(crate::demo::http::probe::ask("GET", &link.url(), &[], "").is_err());
}
