//! The client against the embedded server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::config::{Credential, Grant, Secret};
use crate::demo::http::{Entry, Fault, Request, Response, Server};
use crate::demo::usgs::espa::{Closed, Fate, Flaw};
use crate::demo::usgs::scenes::{Archive, dataset};
use crate::demo::usgs::{Options, Usgs, start};
use crate::http::{Http, Settings};
use crate::report::Report;

const HOUR: Duration = Duration::from_secs(3600);
const SENSOR: &str = "olitirs8_collection_2_l2";
const AT_ONCE: Placing = Placing { settle: Duration::ZERO, looks: 2 };

struct Bench {
    usgs: Usgs,
    espa: Espa,
    http: Arc<Http>,
}

impl Bench {
    fn with_password(password: &str) -> Bench {
        let usgs = start(Options { standing_at: Some("2026-11-20T12:00:00Z".parse().unwrap()) }).unwrap();
        let base = url::Url::parse(&format!("{}/", usgs.espa_url)).unwrap();
        let credential = Credential::Basic { username: "demo".into(), password: Secret::new(password) };
        let settings = Settings { pause: Duration::from_millis(1), ..Settings::default() };
        let grants = vec![Grant { scope: base.origin().into(), credential }];
        let http = Arc::new(Http::new(settings, grants, Arc::new(Report::new())).unwrap());
        Bench { usgs, espa: Espa::new(Arc::clone(&http), base), http }
    }

    fn new() -> Bench {
        Bench::with_password("demo-password")
    }

    fn sent(&self, method: &str) -> Vec<Entry> {
        self.usgs.espa_server.journal().select(|entry| entry.method == method)
    }

    fn draft(&self, scenes: &[String]) -> Draft {
        let wish = Wish {
            scenes: scenes.to_vec(),
            products: Products { of_all: vec!["sr_ndvi".into()], ..Products::default() },
            format: "gtiff".into(),
            resampling: "nn".into(),
            resolution: None,
            projection: None,
            extent: None,
            note: "Note ä".into(),
        };
        wish.draft(&self.espa.available_products(&wish.distinct_scenes()).unwrap()).unwrap()
    }

    fn place(&self, count: usize) -> Placed {
        self.espa.place(&self.draft(&scenes(count)).body, AT_ONCE).unwrap()
    }

    /// The archive of an order of one scene, which is complete.
    fn product(&self) -> Product {
        let order = self.place(1);
        self.usgs.advance(HOUR);
        let item = self.espa.items(&order.id).unwrap().remove(0);
        Product::new(&item.archive.unwrap(), item.checksum.as_deref()).unwrap()
    }

    fn fetch(&self, product: &Product, folder: &Path, presence: Presence) -> Result<Fetched, Error> {
        fetch(&self.http, product, folder, presence, &|_| ())
    }
}

fn scenes(count: usize) -> Vec<String> {
    let archive = Archive::generate();
    archive.scenes(dataset("landsat_ot_c2_l2").unwrap()).take(count).map(|scene| scene.display_id()).collect()
}

#[test]
fn a_password_that_was_put_right_is_tried_again() {
    let bench = Bench::with_password("wrong-password");
    assert!(matches!(bench.espa.user(), Err(Error::Refused(_))));
    assert!(matches!(bench.espa.user(), Err(Error::Refused(_))));
    assert_eq!(bench.sent("GET").len(), 1, "a refused password is tried once");
    let base = url::Url::parse(&bench.usgs.espa_url).unwrap();
    let credential = Credential::Basic { username: "demo".into(), password: Secret::new("demo-password") };
    bench.http.replace_credentials(vec![Grant { scope: base.origin().into(), credential }], Vec::new());
    assert_eq!(bench.espa.user().unwrap()["username"], "demo");
}

#[test]
fn a_refused_password_is_not_tried_again() {
    let bench = Bench::with_password("demo-token");
    for _ in 0..3 {
        let words = bench.espa.user().unwrap_err().to_string();
        assert!(
            words.starts_with("ESPA refuses the login (Invalid username/password); set username"),
            "{words}"
        );
    }
    assert_eq!(bench.usgs.espa_server.journal().len(), 1);
}

#[test]
fn every_list_is_had() {
    let bench = Bench::new();
    assert_eq!(bench.espa.user().unwrap()["username"], "demo");
    assert_eq!(bench.espa.formats().unwrap()["formats"]["gtiff"], "GeoTiff");
    assert!(bench.espa.resampling_methods().unwrap()["resampling_methods"]["nn"].is_string());
    assert!(bench.espa.projections().unwrap()["aea"].is_object());
    assert!(bench.espa.order_schema().unwrap()["properties"].is_object());
    assert_eq!(bench.espa.orders(Which::All).unwrap(), Vec::<String>::new());
}

#[test]
fn a_server_that_is_down_says_so_in_its_words() {
    let bench = Bench::new();
    bench.usgs.espa.quirks().closed = Closed::RegistrationDown;
    let words = bench.espa.user().unwrap_err().to_string();
    assert!(words.contains("503: ERS connection failed"), "{words}");
    bench.usgs.espa.quirks().closed = Closed::Open;
    bench.usgs.espa.quirks().regrets = true;
    let words = bench.espa.available_products(&scenes(1)).unwrap_err().to_string();
    assert!(words.contains("there's been a problem retrieving your information"), "{words}");
}

#[test]
fn an_order_lives() {
    let bench = Bench::new();
    let ids = scenes(2);
    let night = Fate::Unavailable("Solar zenith angle out of range, cannot process night scene".into());
    bench.usgs.espa.quirks().fates.insert(ids[0].clone(), night);
    let order = bench.place(2);
    let body: Value = serde_json::from_slice(&bench.sent("POST")[0].body).unwrap();
    assert_eq!(body[SENSOR], json!({"inputs": ids, "products": ["sr_ndvi"]}));
    assert!(body["note"].as_str().unwrap().starts_with("Note ä [stacfs "), "{body}");
    assert_eq!(bench.espa.orders(Which::Current).unwrap(), std::slice::from_ref(&order.id));
    assert_eq!(bench.espa.status(&order.id).unwrap(), "ordered");
    bench.usgs.advance(HOUR);
    assert_eq!(bench.espa.status(&order.id).unwrap(), "complete");
    let items = bench.espa.items(&order.id).unwrap();
    assert_eq!(Tally::of(&items).to_string(), "1 of 2 complete, 1 unavailable");
    let unavailable = items.iter().find(|item| item.name == ids[0]).unwrap();
    assert!(unavailable.note.as_deref().unwrap().contains("night scene") && unavailable.archive.is_none());
    assert!(items.iter().all(|item| item.note.as_deref() != Some("''")));
    let words = bench.espa.cancel(&order.id).unwrap_err().to_string();
    assert!(words.contains("is already in a \"complete\" state"), "{words}");
    bench.usgs.advance(HOUR * 24 * 30);
    assert_eq!(bench.espa.status(&order.id).unwrap(), "purged");
    assert_eq!(bench.espa.orders(Which::Current).unwrap(), Vec::<String>::new());
    assert_eq!(bench.espa.orders(Which::All).unwrap(), [order.id]);
}

#[test]
fn an_unknown_order_is_told_from_a_crash() {
    let bench = Bench::new();
    for warned in [false, true] {
        bench.usgs.espa.quirks().unknown_orders_are_warned_of = warned;
        for id in ["espa-a@b.de-11202026-120000-000", "..", ""] {
            for failure in [
                bench.espa.order(id).unwrap_err(),
                bench.espa.status(id).unwrap_err(),
                bench.espa.items(id).unwrap_err(),
            ] {
                assert!(matches!(failure, Error::NoOrder(_)), "{id}: {failure}");
            }
        }
    }
    let order = bench.place(1);
    bench.usgs.espa_server.faults().add(Fault::status(500).on("/api/v1/order-status/*").times(2));
    assert_eq!(bench.espa.status(&order.id).unwrap(), "ordered", "a crash over a known order passes");
}

#[test]
fn a_lost_answer_leaves_exactly_one_order() {
    let bench = Bench::new();
    bench.place(1);
    bench.usgs.espa_server.faults().add(Fault::LostAnswer.on("/api/v1/order").method("POST").times(1));
    let placed = bench.place(2);
    assert!(placed.found_by_note.is_some());
    assert_eq!(bench.usgs.espa.orders().len(), 2);
    assert_eq!(bench.sent("POST").len(), 2, "the order that was found is not placed again");
    assert_eq!(bench.usgs.espa.orders()[1].id, placed.id);
}

#[test]
fn an_order_that_may_still_be_in_the_making_is_not_placed_again() {
    let bench = Bench::new();
    let draft = bench.draft(&scenes(1));
    let faults = bench.usgs.espa_server.faults();
    // The way back is closed, and the order is in no list: the server may be at work on it.
    faults.add(Fault::status(504).on("/api/v1/order").method("POST").times(1));
    faults.add(Fault::LostAnswer.on("/api/v1/order").method("POST").times(1));
    let lost = bench.espa.place(&draft.body, AT_ONCE).unwrap_err();
    assert!(matches!(lost, Error::Lost { .. }), "{lost}");
    assert_eq!((bench.usgs.espa.orders().len(), bench.sent("POST").len()), (0, 1));
}

#[test]
fn an_order_that_was_not_sent_is_not_looked_for() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = url::Url::parse(&format!("http://{free}/")).unwrap();
    let away = Espa::new(Bench::new().http, base);
    let unsent = away.place(&serde_json::Map::new(), AT_ONCE).unwrap_err();
    assert!(unsent.to_string().contains("cannot reach the server"), "{unsent}");
}

#[test]
fn an_order_that_cannot_be_looked_for_is_not_placed_twice() {
    let bench = Bench::new();
    let draft = bench.draft(&scenes(1));
    let faults = bench.usgs.espa_server.faults();
    faults.add(Fault::LostAnswer.on("/api/v1/order").method("POST"));
    faults.add(Fault::status(403).on("/api/v1/list-orders"));
    let words = bench.espa.place(&draft.body, AT_ONCE).unwrap_err().to_string();
    assert!(
        words.contains("stacfs espa orders") && words.contains("its note is \"Note ä [stacfs "),
        "{words}"
    );
    assert_eq!((bench.usgs.espa.orders().len(), bench.sent("POST").len()), (1, 1));
}

#[test]
fn too_many_open_scenes_are_refused_in_the_servers_words() {
    let bench = Bench::new();
    bench.usgs.espa.quirks().open_scenes_elsewhere = 10_000;
    let words = bench.espa.place(&bench.draft(&scenes(1)).body, AT_ONCE).unwrap_err().to_string();
    assert!(
        words.contains(
            "Order will exceed open scene limit of 10000, please reduce number of ordered scenes by 1"
        ),
        "{words}"
    );
    assert_eq!((bench.usgs.espa.orders().len(), bench.sent("POST").len()), (0, 1));
}

#[test]
fn a_cancelled_order_is_cancelled_once() {
    let bench = Bench::new();
    let order = bench.place(1);
    bench.usgs.espa_server.faults().add(Fault::LostAnswer.on("/api/v1/order").method("PUT").times(1));
    assert_eq!(bench.espa.cancel(&order.id).unwrap()["status"], "cancelled");
    assert_eq!(bench.sent("PUT").len(), 1);
    assert!(bench.espa.cancel(&order.id).unwrap_err().to_string().contains("\"cancelled\" state"));
    assert!(matches!(bench.espa.cancel("espa-x").unwrap_err(), Error::NoOrder(_)));
}

#[test]
fn an_archive_is_fetched_resumed_and_verified() {
    let bench = Bench::new();
    let (product, folder) = (bench.product(), tempfile::tempdir().unwrap());
    let faults = bench.usgs.espa_server.faults();
    faults.add(Fault::CutAfter(1000).on("/orders/*.tar.gz").method("GET").times(1));
    assert_eq!(bench.fetch(&product, folder.path(), Presence::Check).unwrap(), Fetched::Verified);
    let gets = bench.usgs.espa_server.journal().select(|entry| entry.path().ends_with(".tar.gz"));
    let ranges: Vec<_> = gets.iter().map(Entry::range).collect();
    assert_eq!(ranges, [None, Some("bytes=1000-")]);
    let names: Vec<_> = folder.path().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [product.name.as_str()]);

    // What is there is asked for its length, or for nothing, or fetched anew.
    for (presence, fetched, methods) in [
        (Presence::Check, Fetched::Present, vec!["HEAD"]),
        (Presence::Keep, Fetched::Present, vec![]),
        (Presence::Overwrite, Fetched::Verified, vec!["GET", "GET"]),
    ] {
        bench.usgs.espa_server.journal().clear();
        assert_eq!(bench.fetch(&product, folder.path(), presence).unwrap(), fetched);
        let entries = bench.usgs.espa_server.journal().entries();
        assert_eq!(entries.iter().map(|entry| entry.method.as_str()).collect::<Vec<_>>(), methods);
    }
    let target = folder.path().join(&product.name);
    std::fs::write(&target, "short").unwrap();
    assert_eq!(bench.fetch(&product, folder.path(), Presence::Check).unwrap(), Fetched::Verified);
    assert!(unpack(&target, &folder.path().join(product.stem())).unwrap() >= 2);
}

#[test]
fn parts_of_other_bytes_do_not_spoil_an_archive() {
    let bench = Bench::new();
    let (product, folder) = (bench.product(), tempfile::tempdir().unwrap());
    let part = folder.path().join(format!("{}.part", product.name));
    for left in [vec![7; 100], vec![7; 10 << 20]] {
        std::fs::write(&part, left).unwrap();
        assert_eq!(bench.fetch(&product, folder.path(), Presence::Overwrite).unwrap(), Fetched::Verified);
    }
    let faults = bench.usgs.espa_server.faults();
    std::fs::write(&part, vec![7; 100]).unwrap();
    faults.add(Fault::IgnoreRange.on("/orders/*.tar.gz"));
    assert_eq!(bench.fetch(&product, folder.path(), Presence::Overwrite).unwrap(), Fetched::Verified);
    faults.clear();
    faults.add(Fault::status(404).on("/orders/*.md5"));
    assert_eq!(bench.fetch(&product, folder.path(), Presence::Overwrite).unwrap(), Fetched::Unverified);
}

#[test]
fn the_password_goes_to_no_other_origin() {
    let bench = Bench::new();
    let elsewhere = Server::start(|request: &Request| match request.path().ends_with(".md5") {
        true => Response::text(404, "none"),
        false => Response::text(200, "bytes"),
    })
    .unwrap();
    let url = |ending: &str| format!("{}/orders/o/a.{ending}", elsewhere.url());
    let product = Product::new(&url("tar.gz"), Some(&url("md5"))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(bench.fetch(&product, folder.path(), Presence::Check).unwrap(), Fetched::Unverified);
    assert_eq!(bench.espa.checksum(product.checksum.as_ref().unwrap()).unwrap(), None);
    let told = |entry: &Entry| entry.headers.get("authorization").is_some();
    assert_eq!(elsewhere.journal().len(), 3);
    assert!(elsewhere.journal().select(told).is_empty());
    bench.espa.user().unwrap();
    assert_eq!(bench.usgs.espa_server.journal().select(told).len(), 1);
}

#[test]
fn dishonest_archives_leave_nothing() {
    for (flaw, told) in [
        (Flaw::WrongMd5, "the MD5 is not the one"),
        (Flaw::Truncated, "broken"),
        (Flaw::Climbing, "would stand outside"),
        (Flaw::Absolute, "would stand outside"),
        (Flaw::Links, "is a link"),
        (Flaw::Bomb, "would unpack to more than"),
    ] {
        let bench = Bench::new();
        bench.usgs.espa.quirks().flaws.insert(scenes(1)[0].clone(), flaw);
        let (product, folder) = (bench.product(), tempfile::tempdir().unwrap());
        let target = folder.path().join(&product.name);
        let words = bench
            .fetch(&product, folder.path(), Presence::Check)
            .and_then(|_| unpack(&target, &folder.path().join(product.stem())))
            .unwrap_err()
            .to_string();
        assert!(words.contains(told), "{flaw:?}: {words}");
        let left: Vec<_> = folder.path().read_dir().unwrap().map(|e| e.unwrap().path()).collect();
        assert!(left.iter().all(|path| *path == target), "{flaw:?}: {left:?}");
    }
}

#[test]
fn names_of_archives_are_plain() {
    assert_eq!(Product::new("http://h/orders/o/LC08.a.tar.gz", None).unwrap().stem(), "LC08");
    for url in ["http://h/", "http://h/o/..%2f..%2fx", "http://h/o/.hidden", "nothing", "http://h/o/a%00b"] {
        assert!(Product::new(url, None).is_err(), "{url}");
    }
}
