//! Each fault, seen over a plain socket.

use super::{
    probe::{ask, exchange, get, get_with},
    *,
};
use flate2::read::GzDecoder;
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

const LEN: usize = 200_000;

fn object() -> Vec<u8> {
    (0..LEN).map(|at| (at % 251) as u8).collect()
}

/// A server with one object at `/a`, and an echo of the path anywhere else.
fn server() -> Server {
    let content = Content {
        bytes: Arc::new(Slice(object())),
        media_type: "application/octet-stream".into(),
        etag: Some("\"v0\"".into()),
        last_modified: "2024-01-02T03:04:05Z".parse().ok(),
    };
    Server::start(move |request: &Request| match request.path() {
        "/a" => answer_content(request, &content),
        path => Response::text(200, path),
    })
    .unwrap()
}

fn with(rule: Rule) -> (Server, String) {
    let server = server();
    server.faults().add(rule);
    let url = format!("{}/a", server.url());
    (server, url)
}

#[test]
fn an_object_is_served_whole_and_in_parts() {
    let server = server();
    let url = format!("{}/a", server.url());
    assert_eq!(get(&url).body, object());
    let part = get_with(&url, &[("Range", "bytes=1000-1999")]);
    assert_eq!((part.status, part.body), (206, object()[1000..2000].to_vec()));
    let head = ask("HEAD", &url, &[], "").unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, "200000"));
    assert_eq!(ask("PUT", &url, &[], "x").unwrap().status, 405);
}

#[test]
fn a_connection_is_kept_and_the_journal_knows_it() {
    let server = server();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    for round in 0..3 {
        let reply = exchange(&mut stream, "GET", &format!("{}/{round}", server.url()), &[], "").unwrap();
        assert_eq!(reply.text(), format!("/{round}"));
    }
    assert!(
        server.journal().wait_for(Duration::from_secs(5), |all| all.iter().all(|one| one.took.is_some()))
    );
    let entries = server.journal().entries();
    let seen: Vec<_> = entries.iter().map(|e| (e.target.as_str(), e.status, e.sent, e.connection)).collect();
    assert_eq!(seen, [("/0", Some(200), 2, 0), ("/1", Some(200), 2, 0), ("/2", Some(200), 2, 0)]);
    server.journal().clear();
    assert!(server.journal().is_empty());
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let server = server();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .write_all(
            b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.find("/1").unwrap() < text.find("/2").unwrap());
}

#[test]
fn what_is_not_http_is_refused() {
    let server = server();
    for (sent, status) in [
        (&b"nonsense\r\n\r\n"[..], "400"),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", "400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n", "413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "411"),
    ] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(sent).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
    }
}

#[test]
fn the_journal_counts_requests_side_by_side() {
    let (server, url) = with(Fault::Silence.on("/a"));
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        held.push(stream);
    }
    let journal = server.journal();
    assert!(journal.wait_for(Duration::from_secs(5), |all| all.len() == 3));
    assert_eq!(journal.peak(), 3);
    assert_eq!(journal.entries().iter().map(|entry| entry.beside).max(), Some(2));
    drop(held);
    assert!(
        journal.wait_for(Duration::from_secs(5), |all| all.iter().all(|entry| entry.took.is_some())),
        "{url}"
    );
    assert!(journal.entries().iter().all(|entry| entry.status.is_none()));
}

#[test]
fn latency_and_rates_take_their_time() {
    let began = Instant::now();
    let (_server, url) = with(Fault::Latency(Duration::from_millis(80)).on("/a"));
    get(&url);
    assert!(began.elapsed() >= Duration::from_millis(80));

    let (server, url) = with(Fault::Rate(1_000_000).on("/a"));
    let began = Instant::now();
    assert_eq!(get(&url).body, object());
    assert!(began.elapsed() >= Duration::from_millis(190), "200 kB at 1 MB/s");

    server.faults().clear();
    server.faults().add(Fault::Drip(10, Duration::from_millis(5)).on("/a"));
    let began = Instant::now();
    assert_eq!(get_with(&url, &[("Range", "bytes=0-99")]).body, object()[..100]);
    assert!(began.elapsed() >= Duration::from_millis(45), "10 pieces, 9 pauses");
}

#[test]
fn bodies_end_before_their_time() {
    let (_server, url) = with(Fault::CutAfter(70_000).on("/a"));
    let reply = get(&url);
    assert_eq!((reply.header("content-length"), reply.body.len()), ("200000", 70_000));
    assert_eq!(reply.broken, Some(ErrorKind::UnexpectedEof));
    let part = get_with(&url, &[("Range", "bytes=100-199")]);
    assert_eq!((part.body.len(), part.broken), (100, None), "shorter than the cut");

    let (_server, url) = with(Fault::ResetAfter(1000).on("/a"));
    assert_eq!(get(&url).broken, Some(ErrorKind::ConnectionReset));

    let (_server, url) = with(Fault::CutAfter(1000).on("/a"));
    _server.faults().add(Fault::CloseDelimited.on("/a"));
    let reply = get(&url);
    assert_eq!((reply.broken, reply.body.len()), (None, 1000), "nothing tells that it was cut");
}

#[test]
fn stalls_last_until_the_client_or_the_server_goes() {
    let faults = [(Fault::Silence, 0), (Fault::StallInHead, 0), (Fault::StallAfter(500), 500)];
    for (fault, came) in faults {
        let (server, url) = with(fault.on("/a"));
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        stream.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut all = Vec::new();
        let error = stream.read_to_end(&mut all).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{url}");
        let body = all.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |end| all.len() - end - 4);
        assert_eq!(body, came);
        drop(server); // would hang if the stall did not notice
    }
}

#[test]
fn bodies_that_are_too_long_say_so() {
    let (_server, url) = with(Fault::Surplus(7).on("/a"));
    let reply = get_with(&url, &[("Range", "bytes=0-9")]);
    assert_eq!((reply.status, reply.header("content-range")), (206, "bytes 0-9/200000"));
    assert_eq!((reply.header("content-length"), reply.body.len()), ("17", 17));
    assert_eq!(reply.body[..10], object()[..10]);
}

#[test]
fn bodies_of_unstated_length() {
    let (_server, url) = with(Fault::Chunked.on("/a"));
    let reply = get(&url);
    assert_eq!((reply.header("transfer-encoding"), reply.headers.get("content-length")), ("chunked", None));
    assert_eq!((reply.body, reply.broken), (object(), None));
    assert_eq!(ask("HEAD", &url, &[], "").unwrap().headers.get("content-length"), None);

    let (_server, url) = with(Fault::CloseDelimited.on("/a"));
    let reply = get(&url);
    assert_eq!((reply.headers.get("content-length"), reply.header("connection")), (None, "close"));
    assert_eq!(reply.body, object());
}

#[test]
fn a_connection_hangs_up_unannounced() {
    let (server, url) = with(Fault::HangUp.on("/a"));
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let reply = exchange(&mut stream, "GET", &url, &[], "").unwrap();
    assert_eq!((reply.broken, reply.headers.get("connection")), (None, None));
    assert!(exchange(&mut stream, "GET", &url, &[], "").is_err());
}

#[test]
fn statuses_pages_and_garbage() {
    for status in [401, 403, 404, 409, 416, 500, 502, 503] {
        let (_server, url) = with(Fault::status(status).on("/a"));
        assert_eq!(get(&url).status, status);
    }
    let (_server, url) = with(Fault::busy(429, 2).on("/a").times(1));
    let busy = get(&url);
    assert_eq!((busy.status, busy.header("retry-after")), (429, "2"));
    assert_eq!(get(&url).status, 200, "only once");

    let (_server, url) = with(Fault::html(200).on("/a"));
    let page = get(&url);
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text().starts_with("<!DOCTYPE html>"));

    let (_server, url) = with(Fault::broken_json().on("/a"));
    let garbage = get(&url);
    assert_eq!(garbage.header("content-type"), "application/json");
    assert!(serde_json::from_slice::<serde_json::Value>(&garbage.body).is_err());
}

#[test]
fn a_bomb_is_small_until_it_is_unpacked() {
    let (_server, url) = with(Fault::gzip_bomb().on("/a"));
    let bomb = get(&url);
    assert_eq!(bomb.header("content-encoding"), "gzip");
    assert!(bomb.body.len() < 1 << 20);
    let mut start = [0; 40];
    GzDecoder::new(&bomb.body[..]).read_exact(&mut start).unwrap();
    assert!(start.starts_with(br#"{"type":"FeatureCollection""#));
    let unpacked = std::io::copy(&mut GzDecoder::new(&bomb.body[..]), &mut std::io::sink()).unwrap();
    assert!(unpacked > 256 << 20);
}

#[test]
fn ranges_that_lie() {
    let (_server, url) = with(Fault::IgnoreRange.on("/a"));
    let whole = get_with(&url, &[("Range", "bytes=5-9")]);
    assert_eq!((whole.status, whole.body.len()), (200, LEN));

    let (_server, url) = with(Fault::WrongContentRange(100).on("/a"));
    let part = get_with(&url, &[("Range", "bytes=5-9")]);
    assert_eq!((part.status, part.header("content-range")), (206, "bytes 105-109/200000"));
    assert_eq!(part.body, object()[5..10]);
}

#[test]
fn head_is_refused() {
    for status in [403, 405, 501] {
        let (_server, url) = with(Fault::NoHead(status).on("/a"));
        assert_eq!(ask("HEAD", &url, &[], "").unwrap().status, status);
        assert_eq!(get(&url).status, 200);
    }
}

#[test]
fn a_new_version_has_other_bytes_and_validators() {
    let (_server, url) = with(Fault::NewVersion(1).on("/a").after(1));
    let old = get(&url);
    assert_eq!((old.header("etag"), &old.body), ("\"v0\"", &object()));
    let new = get(&url);
    assert_eq!((new.header("etag"), new.body[0]), ("\"version-1\"", 1));
    assert_eq!(new.header("last-modified"), "Tue, 02 Jan 2024 03:05:05 GMT");
    let range = ("Range", "bytes=0-9");
    assert_eq!(get_with(&url, &[range, ("If-Match", "\"v0\"")]).status, 412);
    assert_eq!(get_with(&url, &[range, ("If-Range", "\"v0\"")]).status, 200);
    assert_eq!(get_with(&url, &[range, ("If-Range", "\"version-1\"")]).status, 206);
    assert_eq!(get_with(&url, &[("If-None-Match", "\"version-1\"")]).status, 304);
}

#[test]
fn validators_that_are_missing_or_restless() {
    let (_server, url) = with(Fault::NoValidators.on("/a"));
    let reply = get(&url);
    assert_eq!((reply.headers.get("etag"), reply.headers.get("last-modified")), (None, None));
    let (_server, url) = with(Fault::RestlessEtag.on("/a"));
    let (first, second) = (get(&url), get(&url));
    assert_ne!(first.header("etag"), second.header("etag"));
    assert_eq!(first.body, second.body);
}

#[test]
fn gzip_that_nobody_asked_for() {
    let (_server, url) = with(Fault::Gzip.on("/a"));
    let reply = get(&url);
    assert_eq!(reply.header("content-encoding"), "gzip");
    assert_eq!(reply.header("content-length"), reply.body.len().to_string());
    let mut plain = Vec::new();
    GzDecoder::new(&reply.body[..]).read_to_end(&mut plain).unwrap();
    assert_eq!(plain, object());
}

#[test]
fn redirects_of_all_kinds() {
    let other = server();
    let (server, url) = with(Fault::Redirect(302, Detour::Here).on("/a"));
    let reply = get(&format!("{url}?x=1"));
    assert_eq!((reply.status, reply.header("location")), (302, format!("{url}?x=1&detour=taken").as_str()));
    assert_eq!(get(reply.header("location")).body, object());

    let lead = |detour| {
        server.faults().clear();
        server.faults().add(Fault::Redirect(307, detour).on("/a"));
        let reply = get(&url);
        assert_eq!(reply.status, 307);
        reply.header("location").to_owned()
    };
    assert_eq!(lead(Detour::Origin(other.url())), format!("{}/a", other.url()));
    assert_eq!(lead(Detour::Loop), url);
    assert_eq!(lead(Detour::Url("file:///etc/passwd".into())), "file:///etc/passwd");
}

#[test]
fn signed_urls_expire() {
    let (_server, url) = with(Fault::Signed(Arc::new(Signatures::new(Lifetime::Requests(2)))).on("/a"));
    let signed = get(&url).header("location").to_owned();
    assert_eq!(get(&signed).body, object());
    assert_eq!(get_with(&signed, &[("Range", "bytes=0-9")]).status, 206);
    let spent = get(&signed);
    assert_eq!(spent.status, 403);
    assert!(spent.text().contains("<Code>AccessDenied</Code>"));
    assert_ne!(get(&url).header("location"), signed, "a fresh one each time");
    assert_eq!(ask("HEAD", get(&url).header("location"), &[], "").unwrap().status, 403);

    // Signed here, served there.
    let there = server();
    let signatures = Arc::new(Signatures::new(Lifetime::Time(Duration::from_secs(60))).at(&there.url()));
    there.faults().add(Fault::Signed(Arc::clone(&signatures)).on("*"));
    let (_server, url) = with(Fault::Signed(signatures).on("/a"));
    let signed = get(&url).header("location").to_owned();
    assert!(signed.starts_with(&there.url()));
    assert_eq!(get(&signed).body, object());
    assert_eq!(get(&format!("{}/a?X-Amz-Signature=forged", there.url())).status, 403);
}

#[test]
fn a_service_that_panics_closes_its_connection_only() {
    let server = Server::start(|request: &Request| match request.path() {
        "/panic" => panic!("a fault of the fixture, on purpose"),
        path => Response::text(200, path),
    })
    .unwrap();
    assert!(ask("GET", &format!("{}/panic", server.url()), &[], "").is_err());
    assert_eq!(get(&format!("{}/fine", server.url())).text(), "/fine");
}

#[test]
fn guarded_paths_ask_for_a_credential() {
    let text = str::to_owned;
    let status = |credential: Credential, target: &str, headers: &[(&str, &str)]| {
        let (server, _) = with(Fault::Guarded(credential).on("*"));
        let reply = get_with(&format!("{}{target}", server.url()), headers);
        (reply.status, reply.header("www-authenticate").to_owned())
    };
    let refused = |scheme: &str| (401, scheme.to_owned());
    let served = (200, String::new());
    let bearer = || Credential::Bearer(text("secret"));
    assert_eq!(status(bearer(), "/a", &[]), refused("Bearer"));
    assert_eq!(status(bearer(), "/a", &[("Authorization", "Bearer wrong")]), refused("Bearer"));
    assert_eq!(status(bearer(), "/a", &[("Authorization", "Bearer secret")]), served);
    let basic = Credential::Basic(text("Aladdin"), text("open:sesame"));
    assert_eq!(status(basic.clone(), "/a", &[]), refused("Basic realm=\"demo\""));
    assert_eq!(status(basic, "/a", &[("Authorization", "Basic QWxhZGRpbjpvcGVuOnNlc2FtZQ==")]), served);
    let header = Credential::Header(text("X-Api-Key"), text("k"));
    assert_eq!(status(header.clone(), "/a", &[]), refused("ApiKey"));
    assert_eq!(status(header, "/a", &[("x-api-key", "k")]), served);
    let param = Credential::Param(text("key"), text("k 1"));
    assert_eq!(status(param.clone(), "/a?key=k", &[]), refused("ApiKey"));
    assert_eq!(status(param, "/a?key=k%201", &[]), served);
}
