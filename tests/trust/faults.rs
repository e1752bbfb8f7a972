//! Every fault a server can have, through the mount: the errno, the time, the words, and that it heals.
//!
//! Each fault has a source of its own, so that all can be looked at side by side. What is printed is the table
//! of README.md.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stacfs::demo::http::{Detour, Fault, Request, Rule, Server, Service};
use stacfs::demo::stac::{Quirks, StacApi};
use stacfs::report::render::errno_name;

use crate::door::Door;
use crate::hostile::{self, Answers};
use crate::mounted::{Mounted, Place};
use crate::noise::{COLLECTION, KIB, MIB, Noisy, world};
use crate::outcome::Outcome;

/// How long calls may take here: shorter than usual, so that the test is too.
const LIMITS: &str = "[limits]\nmetadata_silence = 4s\nmetadata_total = 8s\nread_silence = 4s\n";

/// A call must end within this. The deadlines above are what is meant; the rest is for a machine under load.
const BOUND: Duration = Duration::from_secs(30);

/// What may come of a call.
type Errnos = &'static [i32];
const WELL: Errnos = &[0];
const IO: Errnos = &[libc::EIO];
const LATE: Errnos = &[libc::ETIMEDOUT];
/// Tried again a few times, which may take longer than the deadline here.
const IO_OR_LATE: Errnos = &[libc::EIO, libc::ETIMEDOUT];
/// Much work, which may take longer than the deadline here.
const WELL_OR_LATE: Errnos = &[0, libc::ETIMEDOUT];
const REFUSED: Errnos = &[libc::EACCES];
const INVALID: Errnos = &[libc::EINVAL];
const GONE: Errnos = &[libc::ENOENT];

/// The one file of each source.
const FILE: Noisy = Noisy::told("scene", "file.bin", 700 * KIB + 3);
/// … where its size is not told.
const UNTOLD: Noisy = Noisy::untold("scene", "file.bin", 700 * KIB + 3);

/// … where it is not small.
const LONG: Noisy = Noisy::told("scene", "file.bin", 5 * MIB + 1);

/// What a program does.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    /// Lists the collection.
    List,
    /// Reads the file.
    Read,
}

/// What is wrong.
enum Ill {
    /// These faults of the server's answers.
    Faults(Vec<Rule>),
    /// These answers to searches.
    Searches(Answers),
    /// The port.
    Door(Door),
    /// The URL, for ever.
    Url(String),
}

/// A fault, and what must come of it.
struct Case {
    name: &'static str,
    act: Act,
    file: Noisy,
    ill: Ill,
    /// Any of these; 0: it succeeds all the same. What is tried again may still be at it at the deadline.
    errno: Errnos,
    /// What `.stacfs/errors` says of it.
    words: &'static str,
}

/// A search API whose searches can be answered by somebody else.
struct Sick {
    api: Arc<StacApi>,
    answers: Option<Answers>,
    ill: Arc<AtomicBool>,
}

impl Service for Sick {
    fn answer(&self, request: &Request) -> stacfs::demo::http::Response {
        match &self.answers {
            Some(answers) if self.ill.load(Ordering::Relaxed) && request.path().ends_with("/search") => {
                answers(request)
            }
            _ => self.api.answer(request),
        }
    }
}

/// A case with its server.
struct Patient {
    case: Case,
    server: Server,
    rules: Vec<Rule>,
    ill: Arc<AtomicBool>,
    door: Option<Door>,
    url: String,
    heals: bool,
}

impl Patient {
    fn admit(mut case: Case) -> Patient {
        let ill = Arc::new(AtomicBool::new(false));
        let (mut rules, mut answers, mut door, mut elsewhere) = (Vec::new(), None, None, None);
        match std::mem::replace(&mut case.ill, Ill::Faults(Vec::new())) {
            Ill::Faults(all) => rules = all,
            Ill::Searches(all) => answers = Some(all),
            Ill::Door(shut) => door = Some(shut),
            Ill::Url(url) => elsewhere = Some(url),
        }
        let api = Arc::new(StacApi::new(Arc::new(world(&[case.file])), Quirks::default()));
        let server = Server::start(Sick { api, answers, ill: ill.clone() }).unwrap();
        let origin = match (&door, &elsewhere) {
            (Some(door), _) => door.url(),
            (_, Some(url)) => url.replace("PORT", &server.address().port().to_string()),
            _ => server.url(),
        };
        let heals = elsewhere.is_none();
        Patient { case, server, rules, ill, door, url: format!("{origin}/stac"), heals }
    }

    fn fall_ill(&self) {
        self.rules.iter().for_each(|rule| self.server.faults().add(rule.clone()));
        self.ill.store(true, Ordering::Relaxed);
    }

    fn recover(&mut self) {
        self.server.faults().clear();
        self.ill.store(false, Ordering::Relaxed);
        let address: SocketAddr = self.server.address();
        if let Some(door) = self.door.take() {
            door.open(address);
        }
    }

    /// What a program sees, and how many names or bytes it got.
    fn look(&self, mount: &Mounted, source: &str) -> (Outcome, usize) {
        let mut outcome = Outcome::default();
        let folder = mount.path(&format!("{source}/{COLLECTION}"));
        match self.case.act {
            Act::List => {
                let names = outcome.list(&folder);
                // Odd items may be refused, but nothing of them may hang or bring the mount down.
                let mut aside = Outcome::default();
                for name in names.iter().take(4) {
                    aside.list(&folder.join(name));
                    aside.of(|| fs::read(folder.join(name).join("item.json")));
                }
                outcome.longest = outcome.longest.max(aside.longest);
                (outcome, names.len())
            }
            Act::Read => {
                outcome.read(&folder.join(self.case.file.item).join(self.case.file.name), &self.case.file);
                (outcome, 0)
            }
        }
    }
}

fn case(name: &'static str, act: Act, ill: Ill, errno: Errnos, words: &'static str) -> Case {
    Case { name, act, file: FILE, ill, errno, words }
}

fn list(name: &'static str, fault: Fault, errno: Errnos, words: &'static str) -> Case {
    case(name, Act::List, Ill::Faults(vec![fault.on("/stac/*")]), errno, words)
}

fn search(name: &'static str, answers: Answers, errno: Errnos, words: &'static str) -> Case {
    case(name, Act::List, Ill::Searches(answers), errno, words)
}

fn read(name: &'static str, fault: Fault, errno: Errnos, words: &'static str) -> Case {
    case(name, Act::Read, Ill::Faults(vec![fault.on("/assets/*")]), errno, words)
}

/// A fault that strikes so many times and then no more: nobody should notice.
fn passing(name: &'static str, act: Act, fault: Fault, times: u64) -> Case {
    let pattern = if act == Act::List { "/stac/search" } else { "/assets/*" };
    case(name, act, Ill::Faults(vec![fault.on(pattern).times(times)]), WELL, "")
}

fn detour(name: &'static str, to: &str, errno: Errnos, words: &'static str) -> Case {
    read(name, Fault::Redirect(302, Detour::Url(to.to_owned())), errno, words)
}

/// Faults of connections and of the way there.
fn connections() -> Vec<Case> {
    let url = |name, url: &str, words| case(name, Act::List, Ill::Url(url.to_owned()), IO_OR_LATE, words);
    vec![
        url("unknown host", "http://stacfs-test.invalid", ""),
        url("no TLS there", "https://127.0.0.1:PORT", ""),
        case("connection refused", Act::List, Ill::Door(Door::shut()), IO_OR_LATE, ""),
        case("no answer to connect", Act::List, Ill::Door(Door::clogged()), LATE, "goes on"),
        list("silence", Fault::Silence, LATE, "goes on"),
        list("closed without an answer", Fault::LostAnswer, IO_OR_LATE, "broke after 0 bytes"),
        list("stalls in the head", Fault::StallInHead, LATE, "goes on"),
        list("stalls in the body", Fault::StallAfter(100), LATE, "goes on"),
        list("a byte now and then", Fault::Drip(3, Duration::from_millis(100)), LATE, "goes on"),
        list("reset in the body", Fault::ResetAfter(100), IO_OR_LATE, "broke after"),
        list("cut in the body", Fault::CutAfter(100), IO_OR_LATE, "broke after"),
        passing("reset once", Act::List, Fault::ResetAfter(100), 1),
        passing("hangs up after each answer", Act::List, Fault::HangUp, 1000),
    ]
}

/// Statuses in answer to a listing.
fn statuses() -> Vec<Case> {
    vec![
        list("400", Fault::status(400), INVALID, "HTTP 400"),
        list("401", Fault::status(401), REFUSED, "HTTP 401"),
        list("403 page", Fault::html(403), REFUSED, "could not be satisfied"),
        list("404", Fault::status(404), IO, "HTTP 404"),
        list("409", Fault::status(409), IO, "HTTP 409"),
        list("429", Fault::status(429), IO_OR_LATE, "HTTP 429"),
        list("429 come back tomorrow", Fault::busy(429, 86_400), IO, "HTTP 429"),
        passing("429 come back in a second", Act::List, Fault::busy(429, 1), 1),
        list("500", Fault::status(500), IO_OR_LATE, "HTTP 500"),
        list("501", Fault::status(501), IO, "HTTP 501"),
        list("502 page", Fault::html(502), IO_OR_LATE, "could not be satisfied"),
        passing("503 twice", Act::List, Fault::status(503), 2),
        list("503", Fault::status(503), IO_OR_LATE, "HTTP 503"),
        list("504", Fault::status(504), IO_OR_LATE, "HTTP 504"),
        list("redirect to itself", Fault::Redirect(302, Detour::Loop), IO, "redirects"),
        list("redirect to a file", to_file(), IO, "only http and https"),
        list("redirect of a search elsewhere", to_nowhere(), IO_OR_LATE, "cannot reach the server"),
    ]
}

fn to_file() -> Fault {
    Fault::Redirect(302, Detour::Url("file:///etc/passwd".to_owned()))
}

fn to_nowhere() -> Fault {
    Fault::Redirect(307, Detour::Url("http://127.0.0.1:9/search".to_owned()))
}

/// Documents that are not what they should be.
fn documents() -> Vec<Case> {
    let tall = if std::env::var_os("STACFS_TEST_LONG").is_some() { 1_000_000 } else { 5_000 };
    let answer = |response| Fault::Answer(Box::new(response));
    let unannounced =
        vec![answer(hostile::huge(300 << 20)).on("/stac/search"), Fault::Chunked.on("/stac/search")];
    vec![
        list("a login page", Fault::html(200), IO, "no JSON"),
        list("JSON that breaks off", Fault::broken_json(), IO, ""),
        list("a gzip bomb", Fault::gzip_bomb(), IO_OR_LATE, ""),
        list("1 GB, announced", answer(hostile::huge(1 << 30)), IO, "larger than"),
        case("300 MB, unannounced", Act::List, Ill::Faults(unannounced), IO_OR_LATE, ""),
        search("nested 10,000 deep", hostile::nested(10_000), WELL, ""),
        search("NaN", hostile::page(r#"[{"id":"n","type":"Feature","bbox":[NaN,0,1,1]}]"#), IO, ""),
        search(
            "keys twice",
            hostile::page(r#"[{"id":"a","id":"b","type":"Feature","properties":{}}]"#),
            WELL,
            "",
        ),
        search("wrong types", hostile::wrong_types(), WELL, ""),
        search("no text at all", hostile::text("application/json", ""), IO, ""),
        search("null", hostile::text("application/json", "null"), IO, ""),
        search("binary", hostile::text("application/json", [0xff, 0, 0xfe]), IO, ""),
        search("empty pages for ever", hostile::endless(hostile::nothing), WELL, ""),
        search("the same page for ever", hostile::endless(hostile::the_same), WELL, ""),
        search("new pages for ever", hostile::endless(hostile::ever_more), WELL_OR_LATE, ""),
        search("a page of very many items", hostile::one_page(tall), WELL_OR_LATE, ""),
    ]
}

/// Faults of a file's bytes.
fn bytes() -> Vec<Case> {
    vec![
        read("file: silence", Fault::Silence, LATE, "goes on"),
        read("file: stalls in the head", Fault::StallInHead, LATE, "goes on"),
        read("file: stalls in the body", Fault::StallAfter(50_000), LATE, ""),
        read("file: drips", Fault::Drip(32 << 10, Duration::from_millis(50)), WELL, ""),
        passing("file: reset once", Act::Read, Fault::ResetAfter(50_000), 1),
        read("file: reset at each start", Fault::ResetAfter(0), IO_OR_LATE, ""),
        read("file: cut after 5,000 bytes, ever again", Fault::CutAfter(5_000), IO_OR_LATE, "broke after"),
        Case { file: LONG, ..read("file: cut after 2 MB, ever again", Fault::CutAfter(2_000_000), WELL, "") },
        read("file: longer than it says", Fault::Surplus(1000), IO, "contradict"),
        read("file: another range than asked", Fault::WrongContentRange(4096), IO, ""),
        read("file: 200 for a range", Fault::IgnoreRange, WELL, ""),
        read("file: compressed unasked", Fault::Gzip, IO, ""),
        read("file: no validators", Fault::NoValidators, WELL, ""),
        read("file: a new ETag each time", Fault::RestlessEtag, WELL, ""),
        read("file: a login page", Fault::html(200), REFUSED, "login"),
        read("file: 401", Fault::status(401), REFUSED, "HTTP 401"),
        read("file: 403", Fault::status(403), REFUSED, "HTTP 403"),
        read("file: 404", Fault::status(404), GONE, "HTTP 404"),
        read("file: 409", Fault::status(409), IO, "HTTP 409"),
        read("file: 416", Fault::status(416), IO, ""),
        passing("file: 429 come back in a second", Act::Read, Fault::busy(429, 1), 1),
        read("file: 429 come back tomorrow", Fault::busy(429, 86_400), IO, "HTTP 429"),
        read("file: 500", Fault::status(500), IO_OR_LATE, "HTTP 500"),
        passing("file: 503 twice", Act::Read, Fault::status(503), 2),
        read("file: 504", Fault::status(504), IO_OR_LATE, "HTTP 504"),
        Case { file: UNTOLD, ..read("size: 500", Fault::status(500), IO_OR_LATE, "HTTP 500") },
        Case { file: UNTOLD, ..read("size: silence", Fault::Silence, LATE, "goes on") },
        Case { file: UNTOLD, ..read("size: no HEAD", Fault::NoHead(403), WELL, "") },
        read("file: redirect to itself", Fault::Redirect(302, Detour::Loop), IO, "redirects"),
        detour("file: redirect to a file", "file:///etc/passwd", IO, "only http and https"),
        detour(
            "file: redirect to no host",
            "http://stacfs-test.invalid/x",
            IO_OR_LATE,
            "cannot reach the server",
        ),
        detour(
            "file: redirect to a shut port",
            "http://127.0.0.1:9/x",
            IO_OR_LATE,
            "cannot reach the server",
        ),
    ]
}

/// What was seen of one case.
struct Seen {
    outcome: Outcome,
    count: usize,
    healed: Option<Duration>,
}

#[test]
fn every_fault_has_its_errno_its_words_and_an_end() {
    let cases = [connections(), statuses(), documents(), bytes()];
    let mut patients: Vec<(String, Patient)> = cases
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(number, case)| (format!("s{number:02}"), Patient::admit(case)))
        .collect();
    let place = Place::new();
    place.configure(LIMITS);
    let sources: Vec<String> =
        patients.iter().map(|(name, patient)| format!("{name}={}", patient.url)).collect();
    let mount = place.mount(&sources.iter().map(String::as_str).collect::<Vec<_>>());

    // All are met while they are well, as far as they are.
    thread::scope(|scope| {
        for (name, patient) in &patients {
            let mount = &mount;
            scope.spawn(move || {
                let item = format!("{name}/{COLLECTION}/{}", FILE.item);
                let well = patient.heals && patient.door.is_none();
                match patient.case.act {
                    Act::List => drop(mount.list(name)),
                    Act::Read => drop(mount.list(&item).unwrap()),
                }
                if well {
                    mount.list(name).unwrap();
                }
            });
        }
    });
    patients.iter().for_each(|(_, patient)| patient.fall_ill());
    let mut seen: BTreeMap<String, Seen> = thread::scope(|scope| {
        let looks: Vec<_> = patients
            .iter()
            .map(|(name, patient)| (name, scope.spawn(|| patient.look(&mount, name))))
            .collect();
        let all = looks.into_iter().map(|(name, look)| {
            let (outcome, count) = look.join().unwrap_or_else(|_| panic!("{name}: a wrong byte"));
            (name.clone(), Seen { outcome, count, healed: None })
        });
        all.collect()
    });
    let errors = mount.text(".stacfs/errors");

    patients.iter_mut().for_each(|(_, patient)| patient.recover());
    thread::scope(|scope| {
        let heals = patients.iter().filter(|(_, patient)| patient.heals);
        let waits: Vec<_> = heals
            .map(|(name, patient)| (name, scope.spawn(|| wait_until_well(&mount, name, patient))))
            .collect();
        for (name, wait) in waits {
            seen.get_mut(name).unwrap().healed = wait.join().unwrap();
        }
    });

    let mut wrong = Vec::new();
    println!("| fault | errno | longest call | healed after |\n| --- | --- | --- | --- |");
    for (name, patient) in &patients {
        let (case, seen) = (&patient.case, &seen[name]);
        let errno = if seen.outcome.errno == 0 { "–".to_owned() } else { errno_name(seen.outcome.errno) };
        let healed = seen.healed.map_or("–".to_owned(), |time| format!("{:.1} s", time.as_secs_f32()));
        println!("| {} | {errno} | {:.1} s | {healed} |", case.name, seen.outcome.longest.as_secs_f32());
        let prefix = format!("\t{name}/");
        let said: Vec<&str> = errors.lines().filter(|line| line.contains(&prefix)).collect();
        let told = said.iter().any(|line| line.contains(case.words));
        let named = said.iter().any(|line| line.contains(&format!("\t{errno}\t")));
        let complaints = [
            (!case.errno.contains(&seen.outcome.errno)).then(|| format!("not {:?}", case.errno)),
            (seen.outcome.errno != 0 && !(told && named)).then(|| format!("no words {:?}", case.words)),
            (seen.outcome.longest > BOUND).then(|| "too long".to_owned()),
            (patient.heals && seen.healed.is_none()).then(|| "did not heal".to_owned()),
        ];
        let complaints: Vec<String> = complaints.into_iter().flatten().collect();
        if !complaints.is_empty() {
            wrong.push(format!(
                "{} ({name}): {errno}, {} names: {}\n    {}",
                case.name,
                seen.count,
                complaints.join(", "),
                said.join("\n    ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Looks again and again until all is well; a minute at most.
fn wait_until_well(mount: &Mounted, source: &str, patient: &Patient) -> Option<Duration> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if patient.look(mount, source).0.errno == 0 {
            return Some(start.elapsed());
        }
        thread::sleep(Duration::from_millis(50));
    }
    None
}
