//! Putting an answer on the wire, as ill as its faults will have it.

use super::{
    Body, Response,
    fault::{Ending, Framing, Spoilt, Wire},
    server::{Shared, Stop},
};
use jiff::{Timestamp, fmt::rfc2822};
use std::{
    io::{self, ErrorKind, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// How much of a body goes out in one piece, in bytes.
const CHUNK: u64 = 64 << 10;

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Afterwards {
    /// The next request may come.
    Keep,
    /// It is closed.
    Close,
}

/// Sends `spoilt` as the answer to request `number`.
pub(super) fn send(
    stream: &mut TcpStream,
    method: &str,
    spoilt: Spoilt,
    number: u64,
    shared: &Shared,
) -> io::Result<Afterwards> {
    let Spoilt { mut response, wire } = spoilt;
    if !shared.stop.sleep(wire.latency) || wire.silent {
        return wait_for_end(stream, &shared.stop);
    }
    if wire.lost {
        return Ok(Afterwards::Close);
    }
    let bodiless = method == "HEAD" || matches!(response.status, 204 | 304);
    let stated = match wire.framing {
        Framing::Length => Some(response.body.len() + wire.surplus).filter(|_| response.status != 304),
        Framing::Chunked | Framing::Close => None,
    };
    match wire.framing {
        Framing::Chunked => response.headers.set("Transfer-Encoding", "chunked"),
        Framing::Close => response.headers.set("Connection", "close"),
        Framing::Length => {}
    }
    let head = head(&response, stated);
    shared.journal.answered(number, response.status);
    if wire.half_head {
        stream.write_all(&head[..head.len() / 2])?;
        return wait_for_end(stream, &shared.stop);
    }
    let mut sender = Sender { stream, shared, number, wire: &wire, started: Instant::now(), sent: 0 };
    let mut piece = head;
    if !bodiless {
        match sender.body(&response.body, &mut piece)? {
            None => {}
            Some(Ending::Stall) => return wait_for_end(sender.stream, &shared.stop),
            Some(Ending::Close) => return Ok(Afterwards::Close),
            Some(Ending::Reset) => return reset(sender.stream),
        }
    }
    sender.stream.write_all(&piece)?;
    let close = wire.framing == Framing::Close || wire.hang_up || says_close(&response);
    Ok(if close { Afterwards::Close } else { Afterwards::Keep })
}

fn says_close(response: &Response) -> bool {
    response.headers.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

/// The head of `response`, with `length` as its Content-Length.
pub(super) fn head(response: &Response, length: Option<u64>) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    for (name, value) in response.headers.iter() {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(length) = length {
        text.push_str(&format!("Content-Length: {length}\r\n"));
    }
    if let Ok(date) = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()) {
        text.push_str(&format!("Date: {date}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// Sends a body piece by piece.
struct Sender<'a> {
    stream: &'a mut TcpStream,
    shared: &'a Shared,
    number: u64,
    wire: &'a Wire,
    started: Instant,
    sent: u64,
}

impl Sender<'_> {
    /// Sends `body`, the bytes waiting in `piece` first; what is still to be sent is left in `piece`. Returns
    /// how a fault ended it, if one did.
    fn body(&mut self, body: &Body, piece: &mut Vec<u8>) -> io::Result<Option<Ending>> {
        let wire = self.wire;
        let whole = body.len() + wire.surplus;
        let (end, ending) = match wire.ending {
            Some((after, ending)) if after <= whole => (after, Some(ending)),
            _ => (whole, None),
        };
        while self.sent < end {
            let count = self.step(end - self.sent);
            if !self.pace(count) {
                return Err(ErrorKind::Interrupted.into());
            }
            self.append(body, count, piece)?;
            self.stream.write_all(piece)?;
            piece.clear();
            self.sent += count;
            self.shared.journal.sent_more(self.number, count);
        }
        if wire.framing == Framing::Chunked && ending.is_none() {
            piece.extend_from_slice(b"0\r\n\r\n");
        }
        if ending.is_some() {
            self.stream.write_all(piece)?;
        }
        Ok(ending)
    }

    /// The size of the next piece, with `left` bytes to go.
    fn step(&self, left: u64) -> u64 {
        let wire = self.wire;
        let by_rate = wire.rate.map_or(CHUNK, |rate| (rate / 100).clamp(1, CHUNK));
        let by_drip = wire.drip.map_or(CHUNK, |(bytes, _)| bytes.max(1));
        left.min(by_rate).min(by_drip)
    }

    /// Waits until `count` more bytes may go. `false`: the server stops.
    fn pace(&self, count: u64) -> bool {
        let wire = self.wire;
        let drip = wire.drip.filter(|_| self.sent > 0).map_or(Duration::ZERO, |(_, pause)| pause);
        let due = wire.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64((self.sent + count) as f64 / rate.max(1) as f64)
        });
        self.shared.stop.sleep(drip.max(due.saturating_sub(self.started.elapsed())))
    }

    /// Appends the next `count` bytes of the body to `piece`, framed. Past the body's end come zeros.
    fn append(&self, body: &Body, count: u64, piece: &mut Vec<u8>) -> io::Result<()> {
        let size = usize::try_from(count).map_err(io::Error::other)?;
        let chunked = self.wire.framing == Framing::Chunked;
        if chunked {
            piece.extend_from_slice(format!("{count:x}\r\n").as_bytes());
        }
        let start = piece.len();
        piece.resize(start + size, 0);
        let real = size.min(usize::try_from(body.len().saturating_sub(self.sent)).unwrap_or(size));
        let target = &mut piece[start..start + real];
        match body {
            Body::Whole(bytes) => {
                let from = usize::try_from(self.sent).unwrap_or(usize::MAX).min(bytes.len());
                target.copy_from_slice(&bytes[from..from + real]);
            }
            Body::Part(_, _) if real == 0 => {}
            Body::Part(bytes, range) => bytes.read_at(range.start + self.sent, target)?,
        }
        if chunked {
            piece.extend_from_slice(b"\r\n");
        }
        Ok(())
    }
}

/// Says nothing more until the client gives up or the server stops.
fn wait_for_end(stream: &TcpStream, stop: &Stop) -> io::Result<Afterwards> {
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    while !stop.stopped() {
        match stream.peek(&mut [0]) {
            Ok(0) => break,
            // A request sent ahead: nothing to do but to look at the clock less often.
            Ok(_) => drop(stop.sleep(Duration::from_millis(20))),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    Ok(Afterwards::Close)
}

/// Ends the connection with a TCP reset.
fn reset(stream: &TcpStream) -> io::Result<Afterwards> {
    // Closing a socket that lingers for no time at all sends RST instead of FIN.
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
    Ok(Afterwards::Close)
}

/// The reason phrase of a status.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}
