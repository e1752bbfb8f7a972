//! A plain HTTP client for tests: it hides nothing of what came over the wire.

use super::Headers;
use serde_json::Value;
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// What came back.
#[derive(Debug)]
pub(in crate::demo) struct Reply {
    pub status: u16,
    pub headers: Headers,
    /// The body as far as it came, chunks joined.
    pub body: Vec<u8>,
    /// Why the body ended before its stated length, if it did.
    pub broken: Option<io::ErrorKind>,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_default()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(in crate::demo) fn get(url: &str) -> Reply {
    ask("GET", url, &[], "").expect(url)
}

pub(in crate::demo) fn get_with(url: &str, headers: &[(&str, &str)]) -> Reply {
    ask("GET", url, headers, "").expect(url)
}

pub(in crate::demo) fn post(url: &str, body: &Value) -> Reply {
    ask("POST", url, &[("Content-Type", "application/json")], &body.to_string()).expect(url)
}

/// One request over a connection of its own. Errors: not even a head came within 5 seconds.
pub(in crate::demo) fn ask(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Reply> {
    let (host, target) = split(url);
    let mut stream = TcpStream::connect(host)?;
    exchange(&mut stream, method, url, headers, body).map_err(|error| io::Error::new(error.kind(), target))
}

/// One request over `stream`, which stays open.
pub(in crate::demo) fn exchange(
    stream: &mut TcpStream,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Reply> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let (host, target) = split(url);
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    if !body.is_empty() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let (status, headers) = read_head(stream)?;
    let mut reply = Reply { status, headers, body: Vec::new(), broken: None };
    let outcome = if method == "HEAD" || status == 304 { Ok(()) } else { read_body(stream, &mut reply) };
    reply.broken = outcome.err().map(|error| error.kind());
    Ok(reply)
}

fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").expect("a plain HTTP URL");
    rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash))
}

fn read_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    line.truncate(line.len() - 2);
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn read_head(stream: &mut TcpStream) -> io::Result<(u16, Headers)> {
    let first = read_line(stream)?;
    let status =
        first.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let mut headers = Headers::new();
    loop {
        let line = read_line(stream)?;
        match line.split_once(": ") {
            Some((name, value)) => headers.add(name, value),
            None => return Ok((status, headers)),
        }
    }
}

fn read_body(stream: &mut TcpStream, reply: &mut Reply) -> io::Result<()> {
    if reply.header("transfer-encoding") == "chunked" {
        loop {
            let size = usize::from_str_radix(&read_line(stream)?, 16).map_err(io::Error::other)?;
            read_exactly(stream, size, &mut reply.body)?;
            read_line(stream)?;
            if size == 0 {
                return Ok(());
            }
        }
    }
    match reply.header("content-length").parse() {
        Ok(length) => read_exactly(stream, length, &mut reply.body),
        Err(_) => stream.read_to_end(&mut reply.body).map(drop),
    }
}

/// Like `read_exact`, but keeps what came before an error.
fn read_exactly(stream: &mut TcpStream, count: usize, into: &mut Vec<u8>) -> io::Result<()> {
    let end = into.len() + count;
    let mut chunk = vec![0; 1 << 16];
    while into.len() < end {
        let wanted = (end - into.len()).min(chunk.len());
        match stream.read(&mut chunk[..wanted])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            came => into.extend_from_slice(&chunk[..came]),
        }
    }
    Ok(())
}
