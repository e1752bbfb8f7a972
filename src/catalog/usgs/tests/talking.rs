//! One request at a time, keys that expire, pages of maintenance.

use serde_json::json;

use super::*;
use crate::catalog::usgs::turns::Turns;
use crate::config::{Credential, Grant};
use crate::demo::http::{Fault, Response};

#[test]
fn eight_callers_never_overlap() {
    let desk = Desk::new();
    desk.servers.m2m.quirks().latency = Duration::from_millis(5);
    std::thread::scope(|scope| {
        for at in 0..8 {
            let desk = &desk;
            scope.spawn(move || {
                let found = desk.found(TM, &format!("datetime=20{:02}-0{}", 9 + at % 3, 1 + at % 4));
                let first: Vec<&str> = found.iter().take(3).map(Item::id).collect();
                assert_eq!(desk.source.items(TM, &first).unwrap().len(), first.len());
            });
        }
    });
    assert_eq!(desk.servers.m2m.overlaps(), 0);
    assert_eq!(desk.servers.m2m_server.journal().peak(), 1);
    assert_eq!(desk.servers.m2m.keys_given(), 1);
}

#[test]
fn processes_take_turns() {
    let desk = Desk::new();
    desk.servers.m2m.quirks().latency = Duration::from_millis(30);
    let folder = tempfile::tempdir().unwrap();
    // Each has a session and files of its own, as a process has.
    let process = || {
        let settings =
            crate::cache::Settings { folder: folder.path().into(), max_bytes: Some(1 << 24), min_free: 0 };
        let cache = Cache::open(settings, Arc::clone(&desk.report));
        let base = Url::parse(&desk.servers.m2m_url).unwrap();
        let turns = Turns::of(&cache, &base, "demo");
        assert!(turns.is_some());
        let account =
            Account { username: "demo".into(), token: Some(Secret::new("demo-token")), password: None };
        Session::new(http(&desk.report), base, Some(account), turns)
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let session = process();
                (0..8).for_each(|_| drop(session.act("permissions", &json!({})).unwrap()));
                session.logout();
            });
        }
    });
    assert_eq!((desk.servers.m2m.overlaps(), desk.servers.m2m.open_sessions()), (0, 0));
    assert_eq!(desk.asked().len(), 3 * 10, "nothing was asked twice");
}

#[test]
fn equal_questions_are_asked_once() {
    let desk = Desk::new();
    desk.source.describe().unwrap();
    desk.asked();
    desk.servers.m2m.quirks().latency = Duration::from_millis(300);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| desk.found(TM, "datetime=2010-05"));
        }
    });
    assert_eq!(desk.asked(), ["scene-search"]);
}

#[test]
fn another_program_in_flight_is_waited_for() {
    let desk = Desk::new();
    desk.source.describe().unwrap();
    let words = "User is currently running another request";
    let busy = json!({"errorCode": "RATE_LIMIT", "errorMessage": words, "data": null});
    let busy = Fault::Answer(Box::new(Response::json(200, &busy)));
    desk.servers.m2m_server.faults().add(busy.on("*").times(1));
    assert!(!desk.found(TM, "datetime=2010-05").is_empty());
}

#[test]
fn a_search_that_stumbles_is_asked_for_once_more() {
    let desk = Desk::new();
    desk.source.describe().unwrap();
    desk.asked();
    let stumble = |times| {
        let said =
            json!({"errorCode": "SEARCH_FAILED", "errorMessage": "Search could not be run", "data": null});
        let said = Fault::Answer(Box::new(Response::json(200, &said)));
        desk.servers.m2m_server.faults().add(said.on("*/scene-search").times(times));
    };
    stumble(1);
    assert!(!desk.found(TM, "datetime=2010-05").is_empty());
    assert_eq!(desk.asked(), ["scene-search", "scene-search"]);
    stumble(2);
    let error = desk.items(&search(TM, "datetime=2010-06")).unwrap_err();
    assert!(error.to_string().contains("SEARCH_FAILED: Search could not be run"), "{error}");
    assert_eq!(desk.asked().len(), 2, "and no more");
}

#[test]
fn a_key_that_expired_is_renewed_once() {
    let desk = Desk::new();
    desk.source.describe().unwrap();
    desk.servers.advance(Duration::from_secs(3 * 3600));
    desk.asked();
    desk.found(TM, "datetime=2010-05");
    assert_eq!(desk.asked(), ["scene-search", "login-token", "scene-search"]);
    desk.servers.m2m.forget_keys();
    desk.found(TM, "datetime=2010-06");
    assert_eq!(desk.asked(), ["scene-search", "login-token", "scene-search"]);
    assert_eq!(desk.servers.m2m.keys_given(), 3);
}

#[test]
fn a_refused_token_is_tried_once() {
    let desk = Desk::new();
    let token = Some(Secret::new("wrong-token"));
    let account = Account { username: "demo".into(), token, password: None };
    let source = client(&desk.servers, Some(account), settings(), &desk.report);
    for _ in 0..3 {
        let error = source.describe().unwrap_err().to_string();
        assert!(error.contains("AUTH_INVALID") && error.contains("application token"), "{error}");
        assert!(!error.contains("wrong-token"), "{error}");
    }
    assert_eq!(desk.asked(), ["login-token"]);
}

#[test]
fn a_token_that_was_put_right_is_tried_without_a_new_mount() {
    let desk = Desk::new();
    let base = Url::parse(&desk.servers.m2m_url).unwrap();
    let account = |user: &str, token: &str| {
        let token = Some(Secret::new(token));
        let credential = Credential::Usgs { username: user.into(), token, password: None };
        vec![Grant { scope: base.origin().into(), credential }]
    };
    let wrong = account("demo", "wrong-token");
    let http = Arc::new(Http::new(http::Settings::default(), wrong, Arc::clone(&desk.report)).unwrap());
    let own = Account { username: "demo".into(), token: Some(Secret::new("wrong-token")), password: None };
    let session = Session::new(Arc::clone(&http), base.clone(), Some(own), None);
    let ask = || session.ask("permissions", &json!({}));
    assert!(ask().is_err() && ask().is_err());
    assert_eq!(desk.asked(), ["login-token"]);
    // Another user's token is not sent in the name of this one.
    http.replace_credentials(account("browser", "browser-token"), Vec::new());
    assert!(ask().is_err());
    http.replace_credentials(account("demo", "demo-token"), Vec::new());
    assert!(ask().is_ok());
    assert_eq!(desk.asked(), ["login-token", "login-token", "permissions"]);
}

#[test]
fn what_is_missing_is_said() {
    let desk = Desk::new();
    let without = |account| {
        client(&desk.servers, account, settings(), &desk.report).describe().unwrap_err().to_string()
    };
    assert!(without(None).contains("[usgs]"));
    let bare = Account { username: "demo".into(), token: None, password: None };
    assert!(without(Some(bare.clone())).contains("application token"));
    assert!(desk.asked().is_empty());
    let password = Some(Secret::new("demo-password"));
    let words = without(Some(Account { password, ..bare }));
    assert!(
        words.contains("passwords are no longer accepted") && !words.contains("demo-password"),
        "{words}"
    );
    assert_eq!(desk.asked(), ["login"]);
}

#[test]
fn a_page_of_maintenance_is_recognised() {
    let desk = Desk::new();
    let known = desk.source.describe().unwrap();
    desk.servers.m2m.quirks().maintenance = true;
    let error = desk.items(&search(TM, "datetime=2010")).unwrap_err();
    assert!(error.to_string().contains("maintenance"), "{error}");
    assert!(matches!(&error, Error::Http(error) if error.is_passing()));
    assert_eq!(desk.source.describe().unwrap().facts, known.facts, "what is remembered serves on");
    desk.servers.m2m.quirks().maintenance = false;
    assert!(!desk.found(TM, "datetime=2010").is_empty());
}

#[test]
fn leaving_logs_out() {
    let desk = Desk::new();
    desk.source.describe().unwrap();
    assert_eq!(desk.servers.m2m.open_sessions(), 1);
    desk.source.leave();
    assert_eq!(desk.servers.m2m.open_sessions(), 0);
    assert_eq!(desk.asked(), ["login-token", "dataset-search", "logout"]);
    desk.source.leave();
    assert!(desk.asked().is_empty());
}
