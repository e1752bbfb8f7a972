//! One connection: requests in, answers out, one after the other.

use super::{
    Request, Response,
    server::Shared,
    wire::{self, Afterwards},
};
use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

/// The longest head of a request, in bytes. Longer ones are answered 431.
const MAX_HEAD: usize = 64 << 10;
/// The longest body of a request, in bytes. Longer ones are answered 413.
const MAX_BODY: usize = 16 << 20;

/// Serves `stream` until either side ends it.
pub(super) fn serve(mut stream: TcpStream, connection: u64, shared: &Shared) {
    // Without it small answers wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let mut unread = Vec::new();
    while !shared.stop.stopped() {
        match receive(&mut stream, &mut unread, connection) {
            Ok(Some((request, keep))) => match exchange(&mut stream, request, shared) {
                Ok(Afterwards::Keep) if keep == Afterwards::Keep => {}
                _ => return,
            },
            Ok(None) => return,
            Err(Refusal::Gone) => return,
            Err(Refusal::Status(status)) => {
                let refusal = Response::empty(status).with("Connection", "close");
                let _ = stream.write_all(&wire::head(&refusal, Some(0)));
                return;
            }
        }
    }
}

/// Why a request cannot be served.
enum Refusal {
    /// The connection is of no more use.
    Gone,
    /// The request is answered with this status, and the connection closed.
    Status(u16),
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Refusal {
        Refusal::Gone
    }
}

/// Answers one request, with its faults.
fn exchange(stream: &mut TcpStream, request: Request, shared: &Shared) -> io::Result<Afterwards> {
    let under_way = shared.journal.arrived(&request);
    let number = under_way.number();
    let faults = shared.faults.matching(&request);
    let method = request.method.clone();
    let spoilt = faults.answer(request, shared.service.as_ref());
    wire::send(stream, &method, spoilt, number, shared)
}

/// Reads the next request; `None` where the client ended the connection in good order.
fn receive(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    connection: u64,
) -> Result<Option<(Request, Afterwards)>, Refusal> {
    let (mut request, head_len, keep) = loop {
        if let Some(parsed) = parse_head(unread, connection)? {
            break parsed;
        }
        if unread.len() > MAX_HEAD {
            return Err(Refusal::Status(431));
        }
        if read_more(stream, unread)? == 0 {
            return if unread.is_empty() { Ok(None) } else { Err(Refusal::Status(400)) };
        }
    };
    if request.header("transfer-encoding").is_some() {
        return Err(Refusal::Status(411));
    }
    let stated = request.header("content-length").unwrap_or("0").trim().parse::<usize>();
    let length = stated.map_err(|_| Refusal::Status(400))?;
    if length > MAX_BODY {
        return Err(Refusal::Status(413));
    }
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    while unread.len() < head_len + length {
        if read_more(stream, unread)? == 0 {
            return Err(Refusal::Status(400));
        }
    }
    request.body = unread.drain(..head_len + length).skip(head_len).collect();
    Ok(Some((request, keep)))
}

fn read_more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> io::Result<usize> {
    let mut chunk = [0; 16 << 10];
    let count = stream.read(&mut chunk)?;
    unread.extend_from_slice(&chunk[..count]);
    Ok(count)
}

/// The request at the start of `unread` and the length of its head; `None` while it is not whole.
fn parse_head(unread: &[u8], connection: u64) -> Result<Option<(Request, usize, Afterwards)>, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut head = httparse::Request::new(&mut fields);
    let length = match head.parse(unread) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::Status(431)),
        Err(_) => return Err(Refusal::Status(400)),
    };
    let mut request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        target: origin_form(head.path.unwrap_or("/")),
        connection,
        ..Request::default()
    };
    for field in head.headers.iter() {
        request.headers.add(field.name, String::from_utf8_lossy(field.value));
    }
    let wish = request.header("connection").unwrap_or_default().to_ascii_lowercase();
    let old = head.version == Some(0);
    let keep = match wish.as_str() {
        "close" => Afterwards::Close,
        "keep-alive" => Afterwards::Keep,
        _ if old => Afterwards::Close,
        _ => Afterwards::Keep,
    };
    Ok(Some((request, length, keep)))
}

/// Path and query of a request target, which proxies send with scheme and authority.
fn origin_form(target: &str) -> String {
    let Some((_, rest)) = target.split_once("://") else { return target.to_owned() };
    rest.find('/').map_or_else(|| "/".to_owned(), |slash| rest[slash..].to_owned())
}
