//! What is secret stays where it belongs: not on the command line, in a child's environment, in logs, in the
//! cache, in what the mount shows, nor at another server.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stacfs::demo::http::{Credential, Detour, Fault, Response};

use crate::mounted::{Place, said};
use crate::noise::{COLLECTION, KIB, Noisy, serve};

const TOKEN: &str = "tok-5f0c1d7e9a-SECRET";
const SIGNATURE: &str = "sig-77aa12bb-SECRET";

const HERE: Noisy = Noisy::told("scene", "here.bin", 40 * KIB);
const ELSEWHERE: Noisy = Noisy::told("scene", "elsewhere.bin", 40 * KIB);
const ECHO: Noisy = Noisy::told("scene", "echo.bin", 40 * KIB);

/// Every file below a folder whose name or content holds one of the secrets.
fn leaks(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => leaks(&path, found),
            Ok(kind) if kind.is_file() => {
                let bytes = fs::read(&path).unwrap_or_default();
                found.extend(leak(&path.display().to_string(), &bytes));
            }
            _ => {}
        }
    }
}

fn leak(what: &str, bytes: &[u8]) -> Option<String> {
    let holds = |secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    [TOKEN, SIGNATURE]
        .into_iter()
        .find(|secret| holds(secret) || what.contains(secret))
        .map(|_| what.to_owned())
}

#[test]
fn no_secret_is_seen_anywhere_after_a_day_of_work() {
    let (demo, other) = (serve(&[HERE, ELSEWHERE, ECHO]), serve(&[ELSEWHERE]));
    let faults = demo.server.faults();
    faults.add(Fault::Guarded(Credential::Bearer(TOKEN.to_owned())).on("*"));
    let signed = format!("{}{}?X-Amz-Signature={SIGNATURE}", other.server.url(), ELSEWHERE.url_path());
    faults.add(Fault::Redirect(302, Detour::Url(signed)).on(&ELSEWHERE.url_path()));
    // A server that shows what it was sent.
    let echo = Response::text(400, &format!("I do not like 'Authorization: Bearer {TOKEN}'"));
    faults.add(Fault::Answer(Box::new(echo)).on(&ECHO.url_path()));

    let place = Place::new();
    // The command notes its surroundings: what a child sees.
    let seen = place.path("out/seen-by-child");
    let text = format!(
        "[source guarded]\nurl = {}\ntoken_command = sh -c 'env > {}; cat {}'\n",
        demo.stac_url,
        seen.display(),
        place.path("home/token").display()
    );
    fs::write(place.path("home/token"), TOKEN).unwrap();
    place.configure(&text);

    let (log, point) = (place.path("out/log"), place.path("mnt"));
    let mut server = place
        .stacfs(["mount", "-f", "-vvv", "--log"])
        .args([&log, Path::new("guarded"), &point])
        .stdin(Stdio::null())
        .stdout(fs::File::create(place.path("out/stdout")).unwrap())
        .stderr(fs::File::create(place.path("out/stderr")).unwrap())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while fs::read_dir(&point).map_or(true, |mut names| names.next().is_none()) {
        assert!(start.elapsed() < Duration::from_secs(60) && server.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(20));
    }
    let proc = format!("/proc/{}", server.id());
    let at = |file: &Noisy| point.join(file.path());
    for file in [HERE, ELSEWHERE] {
        file.check(0, &fs::read(at(&file)).unwrap());
    }
    let refused = fs::read(at(&ECHO)).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EINVAL), "{refused}");
    assert!(fs::read_dir(point.join(COLLECTION).join("max_cloud_cover=5")).unwrap().count() <= 2);

    let mut found = Vec::new();
    for name in ["cmdline", "environ", "mountinfo", "comm"] {
        found.extend(leak(name, &fs::read(format!("{proc}/{name}")).unwrap()));
    }
    for name in ["status", "status.json", "errors", "requests", "mount.json"] {
        let text = fs::read(point.join(".stacfs").join(name)).unwrap();
        assert!(!text.is_empty());
        found.extend(leak(name, &text));
    }
    for file in [HERE, ELSEWHERE, ECHO] {
        let output = Command::new("getfattr").args(["-d", "-m", "-"]).arg(at(&file)).output().unwrap();
        found.extend(leak("xattrs", said(&output).as_bytes()));
        let output = place.stacfs(["explain"]).arg(at(&file)).output().unwrap();
        found.extend(leak("explain", said(&output).as_bytes()));
    }
    for words in [&["config", "show"][..], &["check"]] {
        found.extend(leak(&words.join(" "), said(&place.stacfs(words).output().unwrap()).as_bytes()));
    }
    found.extend(leak("umount", said(&place.stacfs(["umount"]).arg(&point).output().unwrap()).as_bytes()));
    assert!(server.wait().unwrap().success());
    for folder in ["cache", "out", "config"] {
        leaks(&place.path(folder), &mut found);
    }
    assert!(found.is_empty(), "a secret is seen in {found:?}");
    assert!(fs::metadata(&seen).unwrap().len() > 0, "the command ran, and saw no secret");
    assert!(fs::read_to_string(&log).unwrap().contains("GET"), "the log says much");

    let cache = place.path("cache/stacfs");
    assert_eq!(fs::metadata(&cache).unwrap().mode() & 0o777, 0o700, "nobody else looks into the cache");
    let mine = demo.server.journal().select(|entry| entry.headers.get("authorization").is_some());
    assert!(!mine.is_empty(), "it was sent to whom it is for");
    let theirs = other.server.journal().entries();
    assert!(!theirs.is_empty() && theirs.iter().all(|entry| entry.headers.get("authorization").is_none()));
}

#[test]
fn a_public_server_cannot_lead_to_a_private_address() {
    // The way to a public server leads through a proxy, which is the demo; so its name need not exist.
    let demo = serve(&[HERE, ELSEWHERE]);
    let faults = demo.server.faults();
    let metadata = "http://169.254.169.254/latest/meta-data/iam";
    faults.add(Fault::Redirect(302, Detour::Url(metadata.to_owned())).on(&ELSEWHERE.url_path()));
    let place = Place::new();
    let point = place.path("mnt");
    let output = place
        .stacfs(["mount", "http://stac.stacfs-test.invalid/stac"])
        .arg(&point)
        .env("http_proxy", demo.server.url())
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    HERE.check(0, &fs::read(point.join(HERE.path())).unwrap());
    let refused = fs::read(point.join(ELSEWHERE.path())).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EIO), "{refused}");
    let errors = fs::read_to_string(point.join(".stacfs/errors")).unwrap();
    assert!(errors.contains("from a public server to a private address"), "{errors}");
    let reached = demo.server.journal().select(|entry| entry.target.contains("meta-data"));
    assert!(reached.is_empty(), "{reached:?}");
    assert!(place.stacfs(["umount"]).arg(&point).output().unwrap().status.success());
}

#[test]
fn a_server_cannot_draw_on_the_terminal() {
    let demo = serve(&[HERE]);
    let mount = Place::new().mount(&[&demo.stac_url]);
    let words = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}dlrow\r\nfake line";
    demo.server.faults().add(Fault::Answer(Box::new(Response::text(403, words))).on(&HERE.url_path()));
    assert!(fs::read(mount.path(&HERE.path())).is_err());
    let quiet = |what: &str, text: &str| {
        let bad = text.chars().find(|&sign| {
            (sign.is_control() && !['\n', '\t'].contains(&sign)) || ('\u{202a}'..='\u{202e}').contains(&sign)
        });
        assert_eq!(bad, None, "{what}: {text:?}");
    };
    for name in ["status", "status.json", "errors", "requests"] {
        quiet(name, &mount.text(&format!(".stacfs/{name}")));
    }
    let path = mount.path(&HERE.path());
    let explained = mount.place.stacfs(["explain".as_ref(), path.as_os_str()]).output().unwrap();
    quiet("explain", &said(&explained));
    demo.server.faults().clear();
    demo.server.faults().add(Fault::Answer(Box::new(Response::text(403, words))).on("/stac/search*"));
    let counted = mount.place.stacfs([
        "explain".as_ref(),
        "--count".as_ref(),
        mount.path("noise/months=1").as_os_str(),
    ]);
    quiet(
        "explain --count",
        &said(&{
            let mut command = counted;
            command.output().unwrap()
        }),
    );
    let other = Place::new();
    demo.server.faults().add(Fault::Answer(Box::new(Response::text(403, words))).on("/stac*"));
    let output = other.stacfs(["mount", &demo.stac_url]).arg(other.path("mnt")).output().unwrap();
    assert!(!output.status.success());
    quiet("mount", &said(&output));
    quiet("check", &said(&other.stacfs(["check", &demo.stac_url]).output().unwrap()));
}
