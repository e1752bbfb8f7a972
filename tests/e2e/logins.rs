//! Wrong passwords through the mount: refused in words, sent once, seen nowhere, and mended while it stands.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use stacfs::demo::http::{Credential, Entry, Fault, Journal, Server};
use stacfs::demo::stac::{Personality, StacApi};
use stacfs::demo::usgs::{Options, start};

use crate::mounted::{Mounted, Place, said};
use crate::noise::{Noisy, world};

const SMALL: Noisy = Noisy::told("small", "small.bin", 5_000);
const WRONG: &str = "mistaken-one";

/// A STAC API that answers some paths only to `me` with the password, or the token, `right`.
fn guarded(login: &str, paths: &[&str]) -> Server {
    let api = Arc::new(StacApi::new(Arc::new(world(&[SMALL])), Personality::default().quirks()));
    let server = Server::start(api).unwrap();
    let right = match login {
        "token" => Credential::Bearer("right".into()),
        _ => Credential::Basic("me".into(), "right".into()),
    };
    paths.iter().for_each(|path| server.faults().add(Fault::Guarded(right.clone()).on(path)));
    server
}

fn configure(place: &Place, server: &Server, login: &str, secret: &str) {
    let name = if login == "token" { "" } else { "username = me\n" };
    place.configure(&format!("[source api]\nurl = {}/stac\n{name}{login} = {secret}\n", server.url()));
}

/// Requests that were refused although they bore a login.
fn refused(journal: &Journal) -> Vec<Entry> {
    journal.select(|entry| entry.status == Some(401) && entry.headers.get("authorization").is_some())
}

/// What is denied, again and again; the words of it.
fn denied(mount: &Mounted, path: &str) -> String {
    for _ in 0..4 {
        let error = mount.list(path).expect_err(path);
        assert_eq!(error.raw_os_error(), Some(libc::EACCES), "{path}: {error}");
    }
    let errors = mount.text(".stacfs/errors");
    errors.lines().rfind(|line| line.contains(path)).unwrap_or_default().to_owned()
}

/// The secret is in nothing that the mount shows, keeps or says of itself.
fn nowhere(mount: &Mounted) {
    let pid = mount.server().unwrap();
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains(WRONG));
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!table.contains(WRONG));
    let cache = mount.place.path("cache");
    let found = mount.run(&format!("! grep -rlF {WRONG} .stacfs {}", cache.display()));
    assert!(found.status.success(), "{}", said(&found));
}

fn reload(mount: &Mounted) {
    let pid = mount.server().unwrap().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
}

/// Lists until that goes well: the configuration is read at some time after the signal.
fn listed(mount: &Mounted, path: &str) -> Vec<String> {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        match mount.list(path) {
            Ok(names) => return names,
            Err(error) => assert!(std::time::Instant::now() < until, "{path}: {error}"),
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_wrong_login_of_a_closed_api_is_one_request_and_one_line() {
    for login in ["password", "token"] {
        let server = guarded(login, &["*"]);
        let place = Place::new();
        configure(&place, &server, login, WRONG);
        for words in [vec!["mount", "api", "mnt"], vec!["check", "api"]] {
            server.journal().clear();
            let point = place.path("mnt").display().to_string();
            let words = words.into_iter().map(|word| if word == "mnt" { point.as_str() } else { word });
            let output = place.stacfs(words).output().unwrap();
            let told = said(&output);
            assert!(output.status.code() == Some(1) && !told.contains(WRONG), "{told}");
            assert_eq!(told.matches("was refused; set a new").count(), 1, "{told}");
            assert_eq!(refused(server.journal()).len(), 1, "{login}: {told}");
        }
    }
}

#[test]
fn a_wrong_login_of_a_search_is_sent_once_and_mended_by_a_signal() {
    for login in ["password", "token"] {
        let server = guarded(login, &["*/items*", "*/search*"]);
        let place = Place::new();
        configure(&place, &server, login, WRONG);
        let mount = place.mount(&["api"]);
        let words = denied(&mount, "noise");
        assert!(words.contains("HTTP 401") && words.contains("SIGHUP"), "{words}");
        assert!(mount.list("").unwrap().contains(&"noise".to_owned()), "what is open stays so");
        assert_eq!(refused(server.journal()).len(), 1, "{login}");
        nowhere(&mount);
        configure(&mount.place, &server, login, "right");
        reload(&mount);
        assert!(listed(&mount, "noise").contains(&"small".to_owned()));
    }
}

#[test]
fn wrong_secrets_of_usgs_are_sent_once() {
    let usgs = start(Options::default()).unwrap();
    let place = Place::new();
    let configure = |place: &Place, token: &str, password: &str| {
        place.configure(&format!(
            "[usgs]\nusername = demo\ntoken = {token}\npassword = {password}\nm2m_url = {}\nespa_url = {}\n",
            usgs.m2m_url, usgs.espa_url
        ));
    };
    configure(&place, WRONG, WRONG);
    let point = place.path("mnt").display().to_string();
    let output = place.stacfs(["mount", "usgs", &point]).output().unwrap();
    let told = said(&output);
    assert!(output.status.code() == Some(1) && told.contains("[usgs] username and token"), "{told}");
    assert!(!told.contains(WRONG), "{told}");
    assert_eq!(usgs.m2m_server.journal().len(), 1, "{told}");

    configure(&place, "demo-token", WRONG);
    let mount = place.mount(&["usgs"]);
    let words = denied(&mount, "espa/orders");
    assert!(
        words.contains("(Invalid username/password); set username and password (not the M2M token)"),
        "{words}"
    );
    assert_eq!(usgs.espa_server.journal().len(), 1);
    nowhere(&mount);
    configure(&mount.place, "demo-token", "demo-password");
    reload(&mount);
    assert_eq!(listed(&mount, "espa/orders"), Vec::<String>::new());
}

#[test]
fn a_login_in_netrc_serves_espa() {
    let usgs = start(Options::default()).unwrap();
    let place = Place::new();
    place.configure(&format!(
        "[usgs]\nusername = demo\ntoken = demo-token\nm2m_url = {}\nespa_url = {}\n",
        usgs.m2m_url, usgs.espa_url
    ));
    let netrc = place.path("home/.netrc");
    fs::write(netrc, "machine 127.0.0.1 login demo password demo-password\n").unwrap();
    let output = place.stacfs(["espa", "user"]).output().unwrap();
    assert!(said(&output).contains("username    demo"), "{}", said(&output));
    let checked = said(&place.stacfs(["check", "usgs"]).output().unwrap());
    assert!(checked.contains("source usgs: ESPA password  accepted"), "{checked}");
}
