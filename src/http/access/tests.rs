//! Tokens, logins and signatures against servers that record what they are shown.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use url::Url;

use super::Access;
use crate::config::{Credential, Grant, KeySource, S3Keys, S3Store, Secret};
use crate::demo::http::{Credential as Door, Fault, Request as Asked, Response, Server};
use crate::http::{Error, Http, Method, Request, Settings};
use crate::report::{Report, lock};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn client(grants: Vec<Grant>, stores: Vec<S3Store>) -> Http {
    let settings = Settings { pause: Duration::from_millis(1), stores, ..Settings::default() };
    Http::new(settings, grants, Arc::new(Report::new())).unwrap()
}

fn grant(server: &Server, credential: Credential) -> Grant {
    Grant { scope: url(&server.url()).origin().into(), credential }
}

fn read(http: &Http, address: &str) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    http.stream(&Request::get(url(address)))?.read_to_end(&mut body).unwrap();
    Ok(body)
}

/// A server of tokens, good until it is told otherwise, and of files for whoever has the last one.
struct Desk {
    tokens: Server,
    files: Server,
    given: Arc<AtomicUsize>,
    /// Tokens below this number are refused.
    valid_from: Arc<AtomicUsize>,
}

impl Desk {
    /// `life` in seconds is what the desk says of its tokens.
    fn new(life: f64, is_sas: bool) -> Desk {
        let (given, valid_from) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(1)));
        let count = Arc::clone(&given);
        let tokens = Server::start(move |request: &Asked| {
            let form = request.form();
            let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            if request.method == "POST" && field("client_secret") != Some("s3cret&") {
                let body = serde_json::json!({ "error": "invalid_client", "error_description": "bad s3cret" });
                return Response::json(401, &body);
            }
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let expiry = jiff::Timestamp::now() + Duration::from_secs_f64(life);
            Response::json(
                200,
                &match is_sas {
                    true => serde_json::json!({ "token": format!("sv=1&sig=t{number}"), "msft:expiry": expiry.to_string() }),
                    false => serde_json::json!({ "access_token": format!("t{number}"), "expires_in": life }),
                },
            )
        })
        .unwrap();
        let oldest = Arc::clone(&valid_from);
        let files = Server::start(move |request: &Asked| {
            let bearer = request.header("authorization").and_then(|text| text.strip_prefix("Bearer t"));
            let signature = request.param("sig").and_then(|text| text.strip_prefix('t').map(str::to_owned));
            let number = bearer.map(str::to_owned).or(signature).and_then(|text| text.parse::<usize>().ok());
            match number.is_some_and(|number| number >= oldest.load(Ordering::SeqCst)) {
                true => Response::text(200, "bytes"),
                false => Response::text(403, "AuthenticationFailed"),
            }
        })
        .unwrap();
        Desk { tokens, files, given, valid_from }
    }

    fn given(&self) -> usize {
        self.given.load(Ordering::SeqCst)
    }

    /// The last token given is refused from now on.
    fn revoke(&self) {
        self.valid_from.store(self.given() + 1, Ordering::SeqCst);
    }

    fn oauth2(&self, secret: &str) -> Http {
        client(self.grants(secret), Vec::new())
    }

    fn grants(&self, secret: &str) -> Vec<Grant> {
        let credential = Credential::OAuth2 {
            token_url: url(&format!("{}/token", self.tokens.url())),
            client_id: "me".into(),
            client_secret: Some(Secret::new(secret)),
            user: None,
            scope: None,
        };
        vec![grant(&self.files, credential)]
    }

    fn sas(&self) -> Http {
        let token_url = url(&format!("{}/sas", self.tokens.url()));
        client(vec![grant(&self.files, Credential::Sas { token_url })], Vec::new())
    }
}

#[test]
fn a_token_is_fetched_once_and_renewed_when_it_is_refused() {
    for is_sas in [true, false] {
        let desk = Desk::new(3600.0, is_sas);
        let http = if is_sas { desk.sas() } else { desk.oauth2("s3cret&") };
        let file = format!("{}/account/box/a.tif", desk.files.url());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(read(&http, &file).unwrap(), b"bytes"));
            }
        });
        assert_eq!(desk.given(), 1, "four at once share one");
        desk.revoke();
        assert_eq!(read(&http, &file).unwrap(), b"bytes");
        assert_eq!(desk.given(), 2);
        if is_sas {
            assert_eq!(desk.tokens.journal().entries()[0].target, "/sas/account/box");
            read(&http, &format!("{}/account/other/a.tif", desk.files.url())).unwrap();
            assert_eq!(desk.given(), 3, "another container, another token");
        }
    }
}

#[test]
fn an_answer_does_not_wait_for_another_s_token() {
    let (renewed, answered) = (Arc::new(OnceLock::new()), Arc::new(OnceLock::new()));
    let (renew, answer, count) = (Arc::clone(&renewed), Arc::clone(&answered), AtomicUsize::new(0));
    let tokens = Server::start(move |_: &Asked| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        if number == 2 {
            renew.wait();
        }
        let body = serde_json::json!({ "access_token": format!("t{number}"), "expires_in": 3600 });
        Response::json(200, &body)
    });
    let files = Server::start(move |request: &Asked| {
        let is_first = request.header("authorization") == Some("Bearer t1");
        match request.path() {
            "/revoked" if is_first => return Response::text(403, "revoked"),
            "/slow" => drop(answer.wait()),
            _ => {}
        }
        Response::text(200, "bytes")
    });
    let desk = Desk {
        tokens: tokens.unwrap(),
        files: files.unwrap(),
        given: Arc::default(),
        valid_from: Arc::default(),
    };
    let http = desk.oauth2("s3cret&");
    let read = |path: &str| read(&http, &format!("{}{path}", desk.files.url())).unwrap();
    let soon = Duration::from_secs(60);
    assert_eq!(read("/a"), b"bytes");
    let (told, heard) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| told.send(read("/slow")));
        assert!(desk.files.journal().wait_for(soon, |entries| entries.len() == 2));
        scope.spawn(|| assert_eq!(read("/revoked"), b"bytes"));
        assert!(desk.tokens.journal().wait_for(soon, |entries| entries.len() == 2));
        answered.set(()).unwrap();
        let heard = heard.recv_timeout(soon);
        renewed.set(()).unwrap();
        assert_eq!(heard.unwrap(), b"bytes");
    });
}

#[test]
fn a_token_may_live_for_ever() {
    let desk = Desk::new(0.0, false);
    let for_ever = Server::start(|_: &Asked| {
        Response::json(200, &serde_json::json!({ "access_token": "t1", "expires_in": i64::MAX }))
    });
    let desk = Desk { tokens: for_ever.unwrap(), ..desk };
    let http = desk.oauth2("s3cret&");
    assert_eq!(read(&http, &format!("{}/a", desk.files.url())).unwrap(), b"bytes");
}

#[test]
fn a_token_is_renewed_before_it_expires() {
    let desk = Desk::new(1.0, false);
    let http = desk.oauth2("s3cret&");
    let file = format!("{}/a", desk.files.url());
    let end = Instant::now() + Duration::from_secs(60);
    while desk.given() < 3 {
        assert!(
            Instant::now() < end,
            "not renewed: {} given, {} asked",
            desk.given(),
            desk.files.journal().len()
        );
        read(&http, &file).unwrap();
    }
    assert!(desk.files.journal().entries().iter().all(|entry| entry.status == Some(200)), "none was refused");
}

#[test]
fn a_new_token_that_is_refused_is_the_end_of_it() {
    let desk = Desk::new(3600.0, true);
    desk.valid_from.store(usize::MAX, Ordering::SeqCst);
    let error = read(&desk.sas(), &format!("{}/account/box/a.tif", desk.files.url())).unwrap_err();
    assert_eq!((error.status(), desk.given()), (Some(403), 1), "{error}");
    assert!(!error.to_string().contains("sig=t1") && error.to_string().contains("shared access signature"));
}

#[test]
fn wrong_keys_for_a_token_are_told_by_name_and_not_shown() {
    let desk = Desk::new(60.0, false);
    let error = read(&desk.oauth2("wrong-one"), &format!("{}/a", desk.files.url())).unwrap_err();
    assert_eq!(error.errno(), libc::EACCES);
    let words = error.to_string();
    assert!(words.contains("invalid_client") || words.contains("bad s3cret"), "{words}");
    assert!(words.contains("check client_id and client_secret") && !words.contains("wrong-one"), "{words}");
}

#[test]
fn keys_that_get_no_token_are_tried_once() {
    let desk = Desk::new(60.0, false);
    let (http, file) = (desk.oauth2("wrong-one"), format!("{}/a", desk.files.url()));
    let refused = std::thread::scope(|scope| {
        let reads: Vec<_> = (0..4).map(|_| scope.spawn(|| read(&http, &file).unwrap_err())).collect();
        reads.into_iter().map(|read| read.join().unwrap().errno()).collect::<Vec<_>>()
    });
    assert_eq!((refused, desk.tokens.journal().len()), (vec![libc::EACCES; 4], 1));
    http.replace_credentials(desk.grants("s3cret&"), Vec::new());
    assert_eq!(read(&http, &file).unwrap(), b"bytes");
}

/// A server of which `/open` is open to all, `/mine` to me with the right password, and `/theirs` to others.
fn doors() -> Server {
    let mine = Some(("me".to_owned(), "right".to_owned()));
    let service = move |request: &Asked| match (request.path(), request.basic_auth() == mine) {
        ("/open", _) | ("/mine", true) => Response::text(200, "bytes"),
        _ => Response::text(401, "Unauthorized").with("WWW-Authenticate", "Basic"),
    };
    Server::start(service).unwrap()
}

fn login(server: &Server, password: &str) -> Vec<Grant> {
    let password = Secret::new(password);
    vec![grant(server, Credential::Basic { username: "me".into(), password })]
}

#[test]
fn a_wrong_password_is_sent_once_and_what_is_open_stays_so() {
    for first in ["/open", "/mine"] {
        let server = doors();
        let (http, at) =
            (client(login(&server, "wrong"), Vec::new()), |path| format!("{}{path}", server.url()));
        let _ = read(&http, &at(first));
        for _ in 0..5 {
            let error = read(&http, &at("/mine")).unwrap_err();
            assert!(
                error.errno() == libc::EACCES && error.to_string().contains("set a new user name"),
                "{error}"
            );
            assert_eq!(read(&http, &at("/open")).unwrap(), b"bytes");
        }
        let sent = server.journal().select(|entry| entry.headers.get("authorization").is_some());
        let refused = sent.iter().filter(|entry| entry.status == Some(401)).count();
        assert_eq!(refused, 1, "{first}: {sent:?}");
        http.replace_credentials(login(&server, "right"), Vec::new());
        assert_eq!(read(&http, &at("/mine")).unwrap(), b"bytes");
    }
}

#[test]
fn of_many_first_requests_one_goes_alone() {
    for (password, errno) in [("wrong", Some(libc::EACCES)), ("right", None)] {
        let server = doors();
        server.faults().add(Fault::Latency(Duration::from_millis(100)).on("/mine"));
        let (http, file) = (client(login(&server, password), Vec::new()), format!("{}/mine", server.url()));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(read(&http, &file).map_err(|error| error.errno()).err(), errno));
            }
        });
        let sent = server.journal().select(|entry| entry.headers.get("authorization").is_some()).len();
        assert_eq!(sent, if errno.is_some() { 1 } else { 8 }, "{password}");
    }
}

#[test]
fn a_login_that_opens_something_is_believed_until_it_does_no_more() {
    let server = doors();
    let (http, at) = (client(login(&server, "right"), Vec::new()), |path| format!("{}{path}", server.url()));
    assert_eq!(read(&http, &at("/open")).unwrap(), b"bytes");
    for _ in 0..3 {
        assert_eq!(read(&http, &at("/mine")).unwrap(), b"bytes");
        assert_eq!(read(&http, &at("/theirs")).unwrap_err().status(), Some(401));
    }
    let all = |path: &'static str| (0..5).all(|_| read(&http, &at(path)).is_ok());
    std::thread::scope(|scope| {
        let mine: Vec<_> = (0..4).map(|_| scope.spawn(|| all("/mine"))).collect();
        let theirs: Vec<_> = (0..4).map(|_| scope.spawn(|| all("/theirs"))).collect();
        assert!(
            mine.into_iter().all(|thread| thread.join().unwrap()),
            "what is refused beside it is no matter"
        );
        assert!(theirs.into_iter().all(|thread| !thread.join().unwrap()));
    });
    // The password is changed at the server.
    server.faults().add(Fault::Guarded(Door::Basic("me".into(), "new".into())).on("/mine"));
    server.journal().clear();
    for _ in 0..5 {
        assert_eq!(read(&http, &at("/mine")).unwrap_err().status(), Some(401));
    }
    let sent = server.journal().select(|entry| entry.headers.get("authorization").is_some());
    assert!(sent.len() <= 2, "once, and once to make sure: {sent:?}");
}

/// A server that only writes down what it is shown.
fn recorder() -> (Server, Arc<Mutex<Vec<Asked>>>) {
    let seen: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let record = Arc::clone(&seen);
    let server = Server::start(move |request: &Asked| {
        lock(&record).push(request.clone());
        Response::text(200, "elsewhere")
    });
    (server.unwrap(), seen)
}

#[test]
fn no_credential_of_any_kind_follows_a_redirect() {
    let (other, seen) = recorder();
    let target = other.url();
    let server = Server::start(move |request: &Asked| match request.path() {
        // What S3 keys were put on is redirected too, once they were.
        "/box/key" if request.param("X-Amz-Signature").is_none() => Response::text(403, "AccessDenied"),
        path => Response::redirect(302, &format!("{target}{path}")).with("Set-Cookie", "session=s3cret"),
    })
    .unwrap();
    let (desk, sas) = (Desk::new(3600.0, false), Desk::new(3600.0, true));
    let secret = || Secret::new("s3cret");
    let kinds = [
        Credential::Basic { username: "u".into(), password: secret() },
        Credential::Bearer(secret()),
        Credential::Header { name: "X-Api-Key".into(), value: secret() },
        Credential::Query { name: "api_key".into(), value: secret() },
        Credential::Sas { token_url: url(&format!("{}/sas", sas.tokens.url())) },
        Credential::OAuth2 {
            token_url: url(&format!("{}/token", desk.tokens.url())),
            client_id: "me".into(),
            client_secret: Some(Secret::new("s3cret&")),
            user: None,
            scope: None,
        },
    ];
    let store = S3Store {
        name: "own".into(),
        endpoint: Some(url(&server.url())),
        buckets: vec!["box".into()],
        region: None,
        keys: Some(KeySource::Given(S3Keys { id: "ID".into(), secret: secret(), token: Some(secret()) })),
        budget: None,
    };
    let clients =
        kinds.into_iter().map(|kind| (client(vec![grant(&server, kind)], Vec::new()), "/account/box/key"));
    for (http, path) in clients.chain([(client(Vec::new(), vec![store]), "/box/key")]) {
        for _ in 0..2 {
            assert_eq!(read(&http, &format!("{}{path}", server.url())).unwrap(), b"elsewhere");
        }
    }
    let seen = lock(&seen);
    assert_eq!(seen.len(), 14);
    let signed =
        server.journal().entries().iter().filter(|entry| entry.target.contains("X-Amz-Signature")).count();
    assert_eq!(signed, 2, "the keys were used at their own server");
    for request in seen.iter() {
        let names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        let harmless = ["host", "user-agent", "accept", "accept-encoding"];
        assert!(names.iter().all(|name| harmless.contains(&name.as_str())), "{names:?}");
        assert!(request.target.ends_with("/box/key"), "{}", request.target);
    }
}

/// Earthdata's dance: data → log-in page's origin → data with a code → cookie → data.
#[test]
fn an_earthdata_login_goes_through_its_redirects() {
    let login_url: Arc<Mutex<String>> = Arc::default();
    let login_at = Arc::clone(&login_url);
    let data = Server::start(move |request: &Asked| match request.path() {
        "/login" if request.param("code").as_deref() == Some("c0de") => {
            let back = request.param("state").unwrap_or_default();
            Response::redirect(302, &back).with("Set-Cookie", "session=granted; Path=/; HttpOnly")
        }
        path if request.header("cookie") == Some("session=granted") => {
            assert!(request.header("authorization").is_none(), "the login is not for {path}");
            Response::text(200, "granule")
        }
        path => Response::redirect(302, &format!("{}/oauth/authorize?state={path}", lock(&login_at))),
    })
    .unwrap();
    let back = data.url();
    let login = Server::start(move |request: &Asked| match request.basic_auth() {
        Some((user, password)) if (user.as_str(), password.as_str()) == ("me", "pw") => {
            let state = request.param("state").unwrap_or_default();
            Response::redirect(302, &format!("{back}/login?code=c0de&state={state}"))
        }
        _ => Response::html(200, "<!DOCTYPE html><html>Please log in</html>"),
    })
    .unwrap();
    *lock(&login_url) = login.url();
    let credential = Credential::Basic { username: "me".into(), password: Secret::new("pw") };
    let http = client(vec![grant(&login, credential)], Vec::new());
    let file = format!("{}/granule.tif", data.url());
    assert_eq!(read(&http, &file).unwrap(), b"granule");
    let before = (data.journal().len(), login.journal().len());
    assert_eq!(read(&http, &file).unwrap(), b"granule");
    assert_eq!(
        (data.journal().len(), login.journal().len()),
        (before.0 + 1, before.1),
        "the cookie is enough"
    );
    let stranger = client(Vec::new(), Vec::new());
    assert!(read(&stranger, &file).unwrap().starts_with(b"<!DOCTYPE"), "content tells it from a file");
}

#[test]
fn a_bucket_is_asked_with_keys_once_it_refuses() {
    let server = Server::start(|request: &Asked| {
        let signed = request.param("X-Amz-Credential").is_some_and(|text| text.starts_with("ID/"));
        let region = request.param("X-Amz-Credential").is_some_and(|text| text.contains("/eu-north-7/"));
        match (signed, region) {
            (false, _) => Response::bytes(403, "application/xml", "<Error><Code>AccessDenied</Code></Error>"),
            (true, false) => Response::text(400, "region").with("x-amz-bucket-region", "eu-north-7"),
            (true, true) => Response::text(200, "object"),
        }
    })
    .unwrap();
    let store = |keys| S3Store {
        name: "own".into(),
        endpoint: Some(url(&server.url())),
        buckets: Vec::new(),
        region: None,
        keys,
        budget: None,
    };
    let keys = S3Keys { id: "ID".into(), secret: Secret::new("k"), token: None };
    let file = format!("{}/box/key", server.url());
    let http = client(Vec::new(), vec![store(Some(KeySource::Given(keys)))]);
    assert_eq!(read(&http, &file).unwrap(), b"object");
    assert_eq!(server.journal().len(), 3, "refused, in another region, served");
    let head = Request { method: Method::HEAD, ..Request::get(url(&file)) };
    assert_eq!(http.stream(&head).unwrap().status, 200);
    assert_eq!(server.journal().len(), 4, "learned once");
    let words = read(&client(Vec::new(), vec![store(None)]), &file).unwrap_err().to_string();
    assert!(words.contains("access_key_id and secret_access_key in [s3 own]"), "{words}");
}

#[test]
fn stores_may_be_replaced_while_a_request_is_under_way() {
    let store = S3Store {
        name: "own".into(),
        endpoint: None,
        buckets: Vec::new(),
        region: None,
        keys: None,
        budget: None,
    };
    let access = Access::new(Vec::new(), vec![store]);
    let (object, none) = (url("https://box.s3.amazonaws.com/key"), |_: &Request| unreachable!());
    let dressed = access.dress(&Method::GET, object.clone(), HeaderMap::new(), &none).unwrap();
    access.replace(Vec::new(), Vec::new());
    let region =
        HeaderMap::from_iter([("x-amz-bucket-region".parse().unwrap(), "eu-north-7".parse().unwrap())]);
    assert!(access.learn(&object, &dressed, 301, &region), "it may be asked again");
}

#[test]
fn usgs_log_in_for_browsers_is_told_apart() {
    let advice = |address: &str| client(Vec::new(), Vec::new()).advice(&url(address));
    for address in
        ["https://ers.cr.usgs.gov/login?x=1", "https://landsatlook.usgs.gov/data/collection02/a.TIF"]
    {
        let words = advice(address);
        assert!(words.contains("requester_pays = yes") && words.contains("the source usgs"), "{words}");
    }
    assert!(advice("https://other.usgs.gov/a").contains("[credential NAME]"));
}
