//! `stacfs check`: which of token, MACHINE access and password is missing or refused, and where to get it.

use serde_json::{Value, json};
use stacfs::demo::http::{Fault, Response};
use stacfs::demo::usgs::{Options, Usgs, start};

use crate::mounted::Place;

/// All secrets of the embedded servers, and of these tests.
const SECRETS: [&str; 6] =
    ["demo-token", "demo-password", "browser-token", "browser-password", "wrong-token", "wrong-password"];

/// The embedded servers, and a place where no mount is.
struct Desk {
    usgs: Usgs,
    place: Place,
}

impl Desk {
    fn new() -> Desk {
        let usgs = start(Options { standing_at: Some("2026-11-20T12:00:00Z".parse().unwrap()) }).unwrap();
        Desk { usgs, place: Place::new() }
    }

    /// What `stacfs check` finds with this login: by subject, state and words. It asks for no download, places
    /// nothing, shows no secret, and logs out again.
    fn check(&self, login: &str) -> Value {
        let urls = format!("m2m_url = {}\nespa_url = {}\n", self.usgs.m2m_url, self.usgs.espa_url);
        self.place.configure(&format!("[usgs]\n{login}\n{urls}"));
        let journals = [self.usgs.m2m_server.journal(), self.usgs.espa_server.journal()];
        journals.iter().for_each(|journal| journal.clear());
        let text = self.place.stacfs(["check", "usgs"]).output().unwrap();
        let json = self.place.stacfs(["check", "usgs", "--json"]).output().unwrap();
        for output in [&text, &json] {
            let said = [&output.stdout[..], &output.stderr[..]].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(SECRETS.iter().all(|secret| !said.contains(secret)), "{said}");
        }
        assert_eq!(self.usgs.m2m.open_sessions(), 0);
        assert!(self.usgs.m2m.downloads().is_empty() && self.usgs.espa.orders().is_empty());
        for journal in journals {
            let acts = journal.select(|entry| {
                entry.path().ends_with("/download-request")
                    || (entry.path().contains("/v1/") && entry.method != "GET")
            });
            assert!(acts.is_empty(), "{acts:?}");
        }
        let findings: Vec<Value> = serde_json::from_slice(&json.stdout).unwrap();
        let lines = String::from_utf8(text.stdout).unwrap();
        let mut by_subject = json!({});
        for finding in findings {
            let (subject, state) = (finding["subject"].as_str().unwrap(), finding["state"].as_str().unwrap());
            if let Some(what) = subject.strip_prefix("source usgs: ") {
                let told = |line: &str| line.starts_with(state) && line.contains(subject);
                assert!(lines.lines().any(told), "{subject} {state}: {lines}");
                by_subject[what] = finding.clone();
            }
        }
        by_subject
    }

    fn count(&self, endpoint: &str) -> usize {
        let journals = [self.usgs.m2m_server.journal(), self.usgs.espa_server.journal()];
        journals.iter().map(|j| j.select(|entry| entry.path().ends_with(endpoint)).len()).sum()
    }
}

/// Whether a finding is in this state, and says all of these words.
fn is(findings: &Value, subject: &str, state: &str, words: &[&str]) {
    let finding = &findings[subject];
    let said = finding["words"].as_str().unwrap_or_default();
    assert!(
        finding["state"] == state && words.iter().all(|word| said.contains(word)),
        "{subject}: {state} {words:?} were expected: {findings:#}"
    );
}

const ALL: &str = "username = demo\ntoken = demo-token\npassword = demo-password";
const PROFILE: &str = "https://ers.cr.usgs.gov";

#[test]
fn an_account_with_all_is_well() {
    let desk = Desk::new();
    let findings = desk.check(ALL);
    is(&findings, "M2M", "good", &["datasets"]);
    is(&findings, "M2M token", "good", &["accepted"]);
    is(&findings, "MACHINE access", "good", &[]);
    is(&findings, "ESPA password", "good", &["accepted"]);
    assert_eq!((desk.count("/login-token"), desk.count("/logout")), (2, 2), "once in each of two runs");
}

#[test]
fn a_refused_secret_is_tried_once_and_named() {
    let desk = Desk::new();
    let findings = desk.check("username = demo\ntoken = wrong-token\npassword = demo-password");
    is(&findings, "M2M token", "bad", &["AUTH_INVALID", "application token", PROFILE]);
    is(&findings, "MACHINE access", "doubtful", &["not known"]);
    is(&findings, "ESPA password", "good", &[]);
    assert_eq!(desk.count("/login-token"), 2, "once in each of two runs");
    let findings = desk.check("username = demo\ntoken = demo-token\npassword = wrong-password");
    is(&findings, "M2M token", "good", &[]);
    is(&findings, "ESPA password", "bad", &["Invalid username/password", "not the M2M token", PROFILE]);
    assert_eq!(desk.count("/user"), 2, "once in each of two runs");
}

#[test]
fn a_missing_secret_is_named() {
    let desk = Desk::new();
    let findings = desk.check("username = demo\ntoken = demo-token");
    is(&findings, "M2M token", "good", &[]);
    is(&findings, "ESPA password", "doubtful", &["none is set", "only ESPA", PROFILE]);
    assert_eq!(desk.count("/user"), 0);
    let findings = desk.check("username = demo\npassword = demo-password");
    is(&findings, "M2M token", "bad", &["none is set", "M2M takes no password", PROFILE]);
    is(&findings, "ESPA password", "good", &[]);
    let findings = desk.check("");
    is(&findings, "M2M token", "bad", &["no user name is set", "username and token"]);
    is(&findings, "ESPA password", "doubtful", &["none is set"]);
    assert_eq!(desk.count("/login-token") + desk.count("/login"), 0);
}

#[test]
fn an_account_without_machine_access_is_told_where_to_ask_for_it() {
    let desk = Desk::new();
    let browser = "username = browser\ntoken = browser-token\npassword = browser-password";
    let where_to = format!("{PROFILE}/profile/access");
    let findings = desk.check(browser);
    is(&findings, "M2M", "good", &[]);
    is(&findings, "M2M token", "good", &[]);
    is(&findings, "MACHINE access", "bad", &["missing", "permits only: user", &where_to]);
    is(&findings, "ESPA password", "good", &[]);
    // A server that promises it, and then refuses.
    let promised = json!({"data": ["user", "download"], "errorCode": null, "errorMessage": ""});
    let promised = Fault::Answer(Box::new(Response::json(200, &promised)));
    desk.usgs.m2m_server.faults().add(promised.on("*/permissions"));
    let findings = desk.check(browser);
    is(&findings, "MACHINE access", "bad", &["missing", "AUTH_UNAUTHROIZED", &where_to]);
}

#[test]
fn servers_that_are_away_and_servers_that_repeat_secrets() {
    let desk = Desk::new();
    desk.usgs.m2m.quirks().maintenance = true;
    desk.usgs.espa_server.faults().add(Fault::html(502).on("*"));
    let findings = desk.check(ALL);
    is(&findings, "M2M token", "bad", &["not tested", "maintenance"]);
    is(&findings, "ESPA password", "bad", &["not tested", "502"]);
    desk.usgs.m2m.quirks().maintenance = false;
    desk.usgs.espa_server.faults().clear();
    let words = "no: demo / demo-token / demo-password";
    let echo = json!({"errorCode": "AUTH_INVALID", "errorMessage": words, "data": null});
    desk.usgs
        .m2m_server
        .faults()
        .add(Fault::Answer(Box::new(Response::json(200, &echo))).on("*/login-token"));
    let echo = json!({"messages": {"errors": [words]}});
    desk.usgs.espa_server.faults().add(Fault::Answer(Box::new(Response::json(401, &echo))).on("*/user"));
    let findings = desk.check(ALL);
    is(&findings, "M2M token", "bad", &["refused", "***"]);
    is(&findings, "ESPA password", "bad", &["***"]);
}
