//! Files behind a login, through the mount: tokens that die in mid-read, S3, and what a refusal says.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use stacfs::demo::http::{Credential, Fault, Request, Response, Server, Service};
use stacfs::demo::stac::{Personality, StacApi};
use stacfs::demo::tokens::{CLIENT, Guarded, SIGNING_KEY, Signer};
use stacfs::demo::world::{Collection, World};

use crate::mounted::{Mounted, Place, said};
use crate::noise::{MIB, Noisy, world};
use crate::python;

const LARGE: Noisy = Noisy::told("large", "large.bin", 100 * MIB + 11);
const SMALL: Noisy = Noisy::told("small", "small.bin", 5_000);

/// A catalogue whose files want a token that is good for so many requests.
fn guarded(uses: u32) -> Server {
    let api = Arc::new(StacApi::new(Arc::new(world(&[LARGE, SMALL])), Personality::default().quirks()));
    Server::start(Guarded::new(api, uses)).unwrap()
}

/// A place with a configuration that may hold secrets.
fn configured(text: &str) -> Place {
    let place = Place::new();
    place.configure(text);
    place
}

/// What reading a file says: EACCES, and the last line of `.stacfs/errors` about it.
fn refused(mount: &Mounted, path: &str) -> String {
    let error = fs::read(mount.path(path)).expect_err(path);
    assert_eq!(error.raw_os_error(), Some(libc::EACCES), "{path}: {error}");
    let errors = mount.text(".stacfs/errors");
    let line = errors.lines().rfind(|line| line.contains(path));
    line.unwrap_or_else(|| panic!("{path} in {errors}")).to_owned()
}

#[test]
fn tokens_are_renewed_in_the_middle_of_a_file() {
    for kind in ["sas", "token"] {
        let server = guarded(4);
        let url = server.url();
        let (id, secret) = CLIENT;
        let keys = match kind {
            "sas" => format!("sas_url = {url}/sas"),
            _ => format!("oauth2_token_url = {url}/token\nclient_id = {id}\nclient_secret = {secret}"),
        };
        let mount = configured(&format!("[credential data]\norigin = {url}\n{keys}\n"))
            .mount(&[&format!("{url}/stac")]);
        LARGE.read_all(&File::open(mount.path(&LARGE.path())).unwrap()).unwrap();
        let given = server.journal().select(|entry| entry.path().starts_with(&format!("/{kind}"))).len();
        assert!(given >= 3, "{kind}: {given} tokens");
        for seen in [".stacfs/requests", ".stacfs/status", ".stacfs/errors", ".stacfs/config"] {
            let text = mount.text(seen);
            assert!(!text.contains(secret) && !text.contains("sig=assets"), "{seen} shows a secret");
        }
    }
}

#[test]
fn a_refusal_says_which_key_to_set_where() {
    let server = guarded(1_000);
    let url = server.url();
    let bare = Mounted::of(&format!("{url}/stac"));
    let line = refused(&bare, &SMALL.path());
    assert!(line.contains("[credential NAME]") && line.contains(&format!("origin = {url}")), "{line}");

    let wrong = configured(&format!(
        "[credential data]\norigin = {url}\noauth2_token_url = {url}/token\nclient_id = demo-client\n\
         client_secret = mistaken\n"
    ));
    let point = wrong.path("mnt");
    let output = wrong.stacfs(["mount", &format!("{url}/stac"), point.to_str().unwrap()]).output().unwrap();
    let line = said(&output);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert!(line.contains("client_secret") && !line.contains("mistaken"), "{line}");

    let old = configured(&format!("[source data]\nurl = {url}/stac\ntoken = expired-one\n"));
    let line = refused(&old.mount(&["data"]), &SMALL.path());
    assert!(line.contains("set a new token in its [source") && !line.contains("expired-one"), "{line}");

    // The API itself behind a login.
    let api = Arc::new(StacApi::new(Arc::new(world(&[SMALL])), Personality::default().quirks()));
    let server = Server::start(api).unwrap();
    server.faults().add(Fault::Guarded(Credential::Bearer("good".into())).on("*/items*"));
    server.faults().add(Fault::Guarded(Credential::Bearer("good".into())).on("*/search*"));
    let mount = Mounted::of(&format!("{}/stac", server.url()));
    let error = mount.list("noise").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EACCES), "{error}");
    assert!(mount.text(".stacfs/errors").contains("[credential NAME]"));
    let place = configured(&format!("[source data]\nurl = {}/stac\ntoken = good\n", server.url()));
    assert!(place.mount(&["data"]).list("noise").unwrap().contains(&"small".to_owned()));
}

/// Two files whose items say that another server signs their URLs, in both ways to ask it.
fn to_be_signed(signer: &str) -> World {
    let mut world = world(&[LARGE, SMALL]);
    let Collection { items, .. } = &mut world.collections[0];
    let signed = (0..items.len()).map(|at| {
        let mut item = items.json(at);
        let (method, name, place) = [("GET", "href", "query"), ("POST", "url", "body")][at % 2];
        let flow = json!({ "authorizationApi": format!("{signer}/sign"), "method": method, "responseField": "signed",
                           "parameters": { name: { "in": place, "required": true } } });
        item["properties"]["auth:schemes"] =
            json!({ "desk": { "type": "signedUrl", "flows": { "authorizationCode": flow } } });
        for asset in item["assets"].as_object_mut().unwrap().values_mut() {
            asset["auth:refs"] = json!(["desk"]);
        }
        item
    });
    *items = Arc::new(signed.collect::<Vec<Value>>());
    world
}

#[test]
fn urls_are_signed_where_the_catalogue_says_and_again_when_they_die() {
    // Its address must be known before the world is made.
    let desk: Arc<OnceLock<Signer<Arc<StacApi>>>> = Arc::default();
    let later = Arc::clone(&desk);
    let signer = Server::start(move |request: &Request| match later.get() {
        Some(signer) => signer.answer(request),
        None => Response::text(503, "not yet"),
    })
    .unwrap();
    let api = Arc::new(StacApi::new(Arc::new(to_be_signed(&signer.url())), Personality::default().quirks()));
    let guard = Arc::new(Guarded::new(api, 10));
    desk.set(Signer(Arc::clone(&guard))).ok().unwrap();
    let server = Server::start(move |request: &Request| guard.answer(request)).unwrap();

    let bare = Mounted::of(&format!("{}/stac", server.url()));
    let line = refused(&bare, &SMALL.path());
    assert!(
        line.contains("must be signed") && line.contains(&format!("origin = {}", signer.url())),
        "{line}"
    );

    let (name, key) = SIGNING_KEY;
    let mount = configured(&format!("[credential desk]\norigin = {}\nheader.{name} = {key}\n", signer.url()))
        .mount(&[&format!("{}/stac", server.url())]);
    for file in [&SMALL, &LARGE] {
        file.read_all(&File::open(mount.path(&file.path())).unwrap()).unwrap();
    }
    let asked = |method: &str| {
        signer.journal().select(|entry| entry.method == method && entry.status == Some(200)).len()
    };
    assert!(asked("GET") + asked("POST") >= 3 && asked("POST") >= 1, "{:?}", signer.journal().entries());
    // The key went to the one who signs, and to nobody else; the signature is told to nobody.
    let elsewhere = server.journal().select(|entry| entry.headers.get(name).is_some());
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    for seen in [".stacfs/requests", ".stacfs/status", ".stacfs/errors", ".stacfs/config"] {
        let text = mount.text(seen);
        assert!(!text.contains(key) && !text.contains("sig=assets"), "{seen} shows a secret");
    }
}

/// moto's S3, made strict by `tests/python/s3.py`.
struct Moto {
    process: Child,
    url: String,
}

impl Moto {
    fn start() -> Moto {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/s3.py");
        let mut process = Command::new(python::environment().join("bin/python3"))
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("http://"), "{script} says {line:?}; does it run by hand?");
        Moto { process, url: line.trim().to_owned() }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An ItemCollection of one file in each bucket, `[storage]` in the version asked for.
fn items(place: &Place, version: u8) -> String {
    let asset = |bucket: &str| {
        let mut asset = json!({ "href": format!("s3://{bucket}/a b/c+d.bin"), "file:size": 300_000 });
        match (bucket, version) {
            ("paid", 1) => asset["storage:requester_pays"] = json!(true),
            ("paid", _) => asset["storage:refs"] = json!(["paid"]),
            _ => {}
        }
        asset
    };
    let schemes = json!({ "paid": { "type": "custom-s3", "platform": "https://elsewhere.example",
                                    "requester_pays": true } });
    let item = |bucket: &str| -> Value {
        json!({ "type": "Feature", "stac_version": "1.1.0", "id": bucket, "collection": "c", "geometry": null,
                "properties": { "datetime": "2020-01-01T00:00:00Z", "storage:schemes": schemes },
                "links": [], "assets": { "file": asset(bucket) } })
    };
    let features: Vec<Value> = ["open", "keyed", "far", "paid"].into_iter().map(item).collect();
    let file = place.path(&format!("items{version}.json"));
    fs::write(&file, json!({ "type": "FeatureCollection", "features": features }).to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// What `tests/python/s3.py` puts into every bucket.
fn object() -> Vec<u8> {
    (0..300_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn s3_by_an_independent_server() {
    let moto = Moto::start();
    let url = &moto.url;
    let path = |bucket: &str| format!("c/{bucket}/c+d.bin");

    // Without keys.
    let place = configured(&format!("[s3 moto]\nendpoint = {url}\n"));
    let file = items(&place, 1);
    let mount = place.mount(&[&file]);
    assert_eq!(fs::read(mount.path(&path("open"))).unwrap(), object());
    let line = refused(&mount, &path("keyed"));
    assert!(line.contains("access_key_id and secret_access_key in [s3 moto]"), "{line}");
    let line = refused(&mount, &path("paid"));
    assert!(line.contains("requester_pays = yes"), "{line}");

    // With wrong ones.
    let wrong = "access_key_id = AKIDEMO\nsecret_access_key = mistaken\n";
    let place = configured(&format!("[s3 moto]\nendpoint = {url}\n{wrong}"));
    let mount = place.mount(&[&file]);
    let line = refused(&mount, &path("keyed"));
    assert!(line.contains("AKIDEMO may not read the bucket keyed") && !line.contains("mistaken"), "{line}");

    // With temporary keys of a profile, in a region that only the server knows, at a cost.
    for version in [1, 2] {
        let place = configured(&format!(
            "[s3 moto]\nendpoint = {url}\nbuckets = open, keyed, far, paid\nprofile = demo\nrequester_pays = yes\n\
             requester_pays_budget = 400000\n"
        ));
        let file = items(&place, version);
        fs::create_dir(place.path("home/.aws")).unwrap();
        fs::write(
            place.path("home/.aws/credentials"),
            "[demo]\naws_access_key_id = AKIDEMO\naws_secret_access_key = demo/secret+key\n\
             aws_session_token = demo/token==\n",
        )
        .unwrap();
        let mount = place.mount(&[&file]);
        for bucket in ["keyed", "far", "paid"] {
            let bytes = fs::read(mount.path(&path(bucket)));
            match bucket {
                // All of them stand in a section that pays, and what it may cost is less than two files.
                "far" | "paid" => {
                    let error = bytes.unwrap_err();
                    assert_eq!(error.raw_os_error(), Some(libc::EDQUOT), "{bucket}: {error}");
                    assert!(mount.text(".stacfs/errors").contains("requester_pays_budget in [s3 moto]"));
                }
                _ => assert_eq!(bytes.unwrap(), object(), "{bucket}"),
            }
        }
    }

    // One bucket at a cost, the others not.
    let place = configured(&format!(
        "[s3 paying]\nendpoint = {url}\nbuckets = paid\naccess_key_id = AKIDEMO\nsecret_access_key = demo/secret+key\n\
         session_token = demo/token==\nrequester_pays = yes\n[s3 moto]\nendpoint = {url}\naccess_key_id = AKIDEMO\n\
         secret_access_key = demo/secret+key\nsession_token = demo/token==\n"
    ));
    let mount = place.mount(&[&file]);
    for bucket in ["open", "keyed", "far", "paid"] {
        assert_eq!(fs::read(mount.path(&path(bucket))).unwrap(), object(), "{bucket}");
    }
}
