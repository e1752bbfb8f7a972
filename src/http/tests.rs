use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::config::{Credential, Secret};
use crate::report::{Progress, lock, with_progress};

/// A test server's silence: past any patience of a test client.
const STALL: Duration = Duration::from_secs(5);

/// What a test server saw of one request.
#[derive(Debug, Clone)]
struct Seen {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A server that answers each request with what a function makes of it, then closes the connection.
struct Server {
    url: Url,
    seen: Arc<std::sync::Mutex<Vec<Seen>>>,
}

impl Server {
    fn start(answer: impl Fn(usize, &Seen) -> Vec<u8> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (log, answer, count) = (Arc::clone(&seen), Arc::new(answer), Arc::new(AtomicUsize::new(0)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer, count) = (Arc::clone(&log), Arc::clone(&answer), Arc::clone(&count));
                std::thread::spawn(move || {
                    let Some(request) = read_request(&stream) else { return };
                    let n = count.fetch_add(1, Ordering::SeqCst);
                    lock(&log).push(request.clone());
                    let _ = (&stream).write_all(&answer(n, &request));
                    if request.line.contains("/stall") {
                        std::thread::sleep(STALL);
                    }
                });
            }
        });
        Server { url, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }
}

fn read_request(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(n, _)| n == "content-length").and_then(|(_, v)| v.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { line: line.trim_end().to_owned(), headers, body })
}

fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    headers.iter().for_each(|h| out += &format!("{h}\r\n"));
    let mut out = (out + "\r\n").into_bytes();
    out.extend_from_slice(body);
    out
}

fn quick() -> Settings {
    Settings { pause: Duration::from_millis(1), ..Settings::default() }
}

fn client(settings: Settings, grants: Vec<Grant>) -> (Http, Arc<Report>) {
    let report = Arc::new(Report::new());
    (Http::new(settings, grants, Arc::clone(&report)).unwrap(), report)
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_document_comes_unpacked_and_is_recorded() {
    let body = "abc".repeat(1000);
    let packed = gzip(body.as_bytes());
    let wire = packed.len() as u64;
    let server = Server::start(move |_, _| answer("200 OK", &["Content-Encoding: gzip"], &packed));
    let (http, report) = client(quick(), Vec::new());
    let progress = Progress::new();
    let mut url = server.url.join("/a?token=s3cret").unwrap();
    url.set_password(Some("pw")).unwrap();
    let document = with_progress(Some(progress.clone()), || http.document(&Request::get(url))).unwrap();
    assert_eq!(document.body, body.as_bytes());
    assert_eq!(progress.bytes(), wire);
    let seen = server.seen();
    assert_eq!(seen[0].header("accept-encoding"), Some("gzip"));
    assert_eq!(seen[0].header("user-agent"), Some(concat!("stacfs/", env!("CARGO_PKG_VERSION"))));
    let records = report.requests();
    assert_eq!((records[0].outcome.as_str(), records[0].bytes), ("200", wire));
    assert!(records[0].url.ends_with("/a?token=***") && !records[0].url.contains("pw"), "{}", records[0].url);
}

#[test]
fn failures_that_pass_are_tried_again_and_others_not() {
    let server = Server::start(|n, seen| match n {
        _ if seen.line.contains("/gone") => {
            answer("404 Not Found", &[], br#"{"description":"no such thing"}"#)
        }
        0 => answer("503 Service Unavailable", &["Retry-After: 0"], b""),
        1 => b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort".to_vec(),
        2 => Vec::new(),
        _ => answer("200 OK", &[], b"there"),
    });
    let (http, report) = client(quick(), Vec::new());
    assert_eq!(http.document(&Request::get(server.url.clone())).unwrap().body, b"there");
    assert_eq!(server.seen().len(), 4);
    assert_eq!(report.counters.retries.get(), 3);
    let gone = http.document(&Request::get(server.url.join("/gone").unwrap())).unwrap_err();
    assert_eq!((gone.status(), server.seen().len()), (Some(404), 5));
    assert!(gone.to_string().contains("no such thing"), "{gone}");
}

#[test]
fn a_refused_connection_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (http, report) = client(Settings { attempts: 2, ..quick() }, Vec::new());
    let error = http.document(&Request::get(Url::parse(&format!("http://{free}/")).unwrap())).unwrap_err();
    assert!(matches!(&error, Error::Unreachable { why, .. } if why.contains("refused")), "{error}");
    assert_eq!(report.requests().len(), 2);
}

#[test]
fn silence_before_and_in_the_body_ends() {
    let silence = Duration::from_millis(200);
    let server = Server::start(|_, seen| {
        if seen.line.contains("/head") {
            std::thread::sleep(STALL);
        }
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec()
    });
    let settings = Settings { document_silence: silence, stream_silence: silence, attempts: 1, ..quick() };
    let (http, report) = client(settings, Vec::new());
    for path in ["/head", "/stall"] {
        let error = http.document(&Request::get(server.url.join(path).unwrap())).unwrap_err();
        assert!(matches!(error, Error::Silent { .. }), "{path}: {error}");
    }
    let mut stream = http.stream(&Request::get(server.url.join("/stall").unwrap())).unwrap();
    let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(matches!(Error::of_read(String::new(), 0, error), Error::Silent { .. }));
    drop(stream);
    let outcomes: Vec<_> = report.requests().into_iter().map(|r| r.outcome).collect();
    assert_eq!(outcomes, ["timeout", "200, timeout", "200, timeout"]);
}

#[test]
fn too_long_a_document_is_refused_also_when_packed() {
    let bomb = gzip(&vec![0; 1 << 20]);
    let server = Server::start(move |_, seen| {
        if seen.line.contains("/bomb") {
            answer("200 OK", &["Content-Encoding: gzip"], &bomb)
        } else {
            answer("200 OK", &[], &[b'x'; 5000])
        }
    });
    let (http, _) = client(Settings { max_document: 4096, ..quick() }, Vec::new());
    for path in ["/bomb", "/plain"] {
        let error = http.document(&Request::get(server.url.join(path).unwrap())).unwrap_err();
        assert!(matches!(&error, Error::Unexpected { why, .. } if why.contains("4096")), "{path}: {error}");
    }
}

#[test]
fn credentials_stay_at_their_origin_over_redirects() {
    let other = Server::start(|_, _| answer("200 OK", &[], b"asset"));
    let target = other.url.join("/b").unwrap();
    let server = Server::start(move |_, _| answer("302 Found", &[&format!("Location: {target}")], b""));
    let grant = Grant {
        scope: server.url.origin().into(),
        credential: Credential::Basic { username: "u".into(), password: Secret::new("p") },
    };
    let (http, report) = client(quick(), vec![grant]);
    let request =
        Request::get(server.url.clone()).with_header("Range", "bytes=0-4").with_header("X-Key", "k");
    let mut stream = http.stream(&request).unwrap();
    let mut body = Vec::new();
    stream.read_to_end(&mut body).unwrap();
    assert_eq!((body.as_slice(), stream.url.path()), (&b"asset"[..], "/b"));
    assert_eq!(server.seen()[0].header("authorization"), Some("Basic dTpw"));
    assert_eq!(server.seen()[0].header("x-key"), Some("k"));
    let there = &other.seen()[0];
    assert_eq!((there.header("authorization"), there.header("x-key")), (None, None));
    assert_eq!(there.header("range"), Some("bytes=0-4"));
    assert_eq!(there.header("accept-encoding"), Some("identity"));
    // A stream is recorded when it ends.
    assert_eq!(report.requests().len(), 1);
    drop(stream);
    assert_eq!((report.requests().len(), report.requests()[1].bytes), (2, 5));
}

#[test]
fn circles_of_redirects_end() {
    let server = Server::start(|n, _| answer("302 Found", &[&format!("Location: /{n}")], b""));
    let (http, _) = client(quick(), Vec::new());
    let error = http.document(&Request::get(server.url.clone())).unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error}");
    assert_eq!(server.seen().len(), redirect::MOST + 1);
}

#[test]
fn a_post_sends_json_and_words_hide_the_token() {
    let server = Server::start(|_, _| answer("400 Bad Request", &[], br#"{"message":"bad key s3cr3t"}"#));
    let grant = Grant {
        scope: server.url.origin().into(),
        credential: Credential::Query { name: "k".into(), value: Secret::new("s3cr3t") },
    };
    let (http, report) = client(quick(), vec![grant]);
    let request = Request::post(server.url.join("/search").unwrap(), &serde_json::json!({ "limit": 1 }));
    let error = http.document(&request).unwrap_err();
    assert!(error.to_string().contains("bad key ***"), "{error}");
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /search?k=s3cr3t HTTP/1.1");
    assert_eq!(
        (seen.body.as_slice(), seen.header("content-type")),
        (&br#"{"limit":1}"#[..], Some("application/json"))
    );
    assert!(!report.requests()[0].url.contains("s3cr3t"));
}

#[test]
fn echoes_of_a_secret_are_hidden_whole_escaped_or_cut() {
    let secret = "s3cr/t+0123456789";
    let escaped = "s3cr%2Ft%2B0123456789";
    let server = Server::start(move |_, seen| {
        let word = if seen.line.contains("escaped") { escaped } else { secret };
        let before = if seen.line.contains("cut") { 290 } else { 10 };
        answer("404 Not Found", &[], format!("{} {word}", "x".repeat(before)).as_bytes())
    });
    let grant = Grant {
        scope: server.url.origin().into(),
        credential: Credential::Query { name: "k".into(), value: Secret::new(secret) },
    };
    for grants in [vec![grant], Vec::new()] {
        for path in ["plain", "escaped", "cut", "escaped/cut"] {
            let mut url = server.url.join(path).unwrap();
            if grants.is_empty() {
                url.query_pairs_mut().append_pair("sig", secret);
            }
            let error = client(quick(), grants.clone()).0.document(&Request::get(url)).unwrap_err();
            assert!(!error.to_string().contains("s3cr"), "{path}: {error}");
        }
    }
}

#[test]
fn a_stream_that_breaks_says_how_far_it_was() {
    let server =
        Server::start(|_, _| b"HTTP/1.1 206 Partial Content\r\nContent-Length: 9\r\n\r\nhalf".to_vec());
    let (http, report) = client(quick(), Vec::new());
    let mut stream = http.stream(&Request::get(server.url.clone())).unwrap();
    let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(matches!(Error::of_read(String::new(), 0, error), Error::Broken { got: 4, .. }));
    drop(stream);
    assert_eq!(report.requests()[0].outcome, "206, broken");
}
