//! Static catalogues: walked, searched here, remembered.

use super::*;
use crate::catalog::{Child, Count};
use crate::demo::http::{Fault, Request as Asked, Response};
use crate::demo::stac::{Children, Layout, Personality, StaticCatalog};
use crate::demo::{self, Demo, Options};

const LAYOUTS: [Layout; 3] = [Layout::Relative, Layout::SelfContained, Layout::Absolute];

fn small(layout: Layout) -> (Demo, Arc<dyn Catalog>, Arc<Report>) {
    let demo = demo::start(Options {
        personality: Personality::Static,
        layout,
        world: Arc::new(demo::world::small()),
        ..Options::default()
    })
    .unwrap();
    let (catalog, report) = client(&demo.stac_url, |_| ());
    (demo, catalog, report)
}

/// A grid of items behind a static catalogue.
fn grid(count: usize) -> (Server, Vec<Item>) {
    let all = items("grid", count);
    let items = all.iter().map(|item| Item::from_json(&item.to_string()).unwrap()).collect();
    let server =
        Server::start(StaticCatalog::new(world(vec![collection("grid", all)]), Layout::Relative)).unwrap();
    (server, items)
}

fn catalog_at(server: &Server) -> (Arc<dyn Catalog>, Arc<Report>) {
    client(&format!("{}/stac/catalog.json", server.url()), |_| ())
}

fn collections(catalog: &dyn Catalog) -> Vec<String> {
    let mut pages = catalog.collections().unwrap();
    let mut ids = Vec::new();
    while let Some(page) = pages.next_page().unwrap() {
        ids.extend(page.members.iter().map(|collection| collection.id().to_owned()));
    }
    ids
}

fn all_of(collection: &str) -> Search {
    Search { collection: Some(collection.into()), ..search(&[]) }
}

/// All collections with their items, by the path of catalogues to them.
fn tree(catalog: &dyn Catalog, path: &str, found: &mut Vec<(String, Vec<String>)>) {
    for id in collections(catalog) {
        let items = listed(catalog.search(&all_of(&id)).unwrap().as_mut()).unwrap();
        found.push((format!("{path}/{id}"), items));
    }
    for Child { id, catalog } in catalog.children().unwrap() {
        tree(catalog.as_ref(), &format!("{path}/{id}"), found);
    }
}

#[test]
fn every_layout_leads_to_every_item() {
    let mut trees = Vec::new();
    for layout in LAYOUTS {
        let (_demo, catalog, report) = small(layout);
        assert_eq!(catalog.describe().unwrap().kind, "static STAC catalogue");
        let mut found = Vec::new();
        tree(catalog.as_ref(), "", &mut found);
        assert_eq!((found.len(), found.iter().map(|(_, items)| items.len()).sum::<usize>()), (4, 50));
        assert!(found.iter().any(|(path, _)| path == "/planets/lunar/moon"), "{layout:?}");
        assert_eq!(report.notes(), Default::default(), "{layout:?}");
        trees.push(found);
    }
    assert!(trees.iter().all(|tree| *tree == trees[0]));
}

#[test]
fn assets_start_from_where_their_item_was_found() {
    for layout in LAYOUTS {
        let (_demo, catalog, report) = small(layout);
        let child = |catalog: &dyn Catalog, id: &str| {
            catalog.children().unwrap().into_iter().find(|child| child.id == id).unwrap().catalog
        };
        let lunar = child(child(catalog.as_ref(), "planets").as_ref(), "lunar");
        let item = lunar.item("moon", "TC_01").unwrap().unwrap();
        let image = item.assets().into_iter().find(|asset| asset.key == "image").unwrap();
        let origin = lunar.origin(&item, &image).unwrap().unwrap();
        let location = origin.locate(None).unwrap();
        let bytes = http(&report).document(&crate::http::Request::get(location.url)).unwrap().body;
        assert_eq!(bytes.len(), 5_000, "{layout:?}");
    }
}

#[test]
fn searches_are_evaluated_here() {
    let (server, items) = grid(300);
    let (catalog, _) = catalog_at(&server);
    for segments in [
        &["bbox=0,-40,90,40"][..],
        &["bbox=170,-80,-170,80", "datetime=2012..2016"],
        &["platform=landsat-8", "eo:cloud_cover.lt=20"],
        &["filter=gsd < 15 AND view:off_nadir > 3"],
        &["months=6", "max_cloud_cover=50"],
        &["ids=grid-0007,grid-0201"],
        &[],
    ] {
        let query = query(segments);
        let want: Vec<&str> =
            items.iter().filter(|item| query.matches(item).unwrap()).map(Item::id).collect();
        assert!(!want.is_empty());
        let mut found = listed(catalog.search(&search(segments)).unwrap().as_mut()).unwrap();
        found.sort();
        assert_eq!(found, want, "{segments:?}");
    }
    assert_eq!(catalog.count(&search(&[])).unwrap(), Count::Unknown);
    let ordered = Search { sortby: sorted_by("datetime", true), ..search(&["gsd.lt=15"]) };
    let ids = listed(catalog.search(&ordered).unwrap().as_mut()).unwrap();
    let time = |id: &String| items.iter().find(|item| item.id() == id).unwrap().day_instant();
    assert_eq!(ids.len(), 100);
    assert!(ids.iter().map(time).is_sorted_by(|a, b| a >= b));
}

#[test]
fn a_search_that_nobody_understands_is_told() {
    let (server, _) = grid(20);
    let (catalog, _) = catalog_at(&server);
    let mut pages = catalog.search(&search(&["platfrom=sentinel-2a"])).unwrap();
    for _ in 0..2 {
        let error = listed(pages.as_mut()).unwrap_err().to_string();
        assert!(error.contains("did you mean platform"), "{error}");
    }
    assert!(listed(catalog.search(&search(&["gsd.gt=1000"])).unwrap().as_mut()).unwrap().is_empty());
}

#[test]
fn an_extent_saves_the_walk() {
    let mut north = collection("grid", items("grid", 40));
    north.json["extent"]["spatial"]["bbox"] = json!([[-180, 0, 180, 90]]);
    let server = Server::start(StaticCatalog::new(world(vec![north]), Layout::Relative)).unwrap();
    let (catalog, _) = catalog_at(&server);
    assert!(listed(catalog.search(&search(&["bbox=0,-40,10,-30"])).unwrap().as_mut()).unwrap().is_empty());
    assert!(server.journal().select(|entry| entry.target.contains("grid-")).is_empty());
    let explained = catalog.explain(&search(&["bbox=0,-40,10,-30"])).unwrap();
    assert!(explained[0].starts_with("no request"), "{explained:?}");
}

#[test]
fn one_item_is_one_request() {
    let (server, _) = grid(200);
    let (catalog, _) = catalog_at(&server);
    collections(catalog.as_ref());
    let before = server.journal().len();
    assert_eq!(catalog.item("grid", "grid-0123").unwrap().unwrap().id(), "grid-0123");
    assert_eq!(server.journal().len(), before + 1);
    // A name that no link bears is looked for once, and then known not to be there.
    assert!(catalog.item("grid", "nothing").unwrap().is_none());
    let walked = server.journal().len();
    assert!(catalog.item("grid", "another").unwrap().is_none());
    assert_eq!(server.journal().len(), walked);
    assert!(catalog.item("nothing", "grid-0123").unwrap().is_none());
}

#[test]
fn five_thousand_items_are_walked_at_once_and_remembered() {
    let (server, items) = grid(5_000);
    let report = Arc::new(Report::new());
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let settings = crate::cache::Settings {
            folder: folder.path().join("cache"),
            max_bytes: Some(1 << 30),
            min_free: 0,
        };
        let cache = Arc::new(Cache::open(settings, Arc::clone(&report)));
        let kind = SourceKind::Url(Url::parse(&format!("{}/stac/catalog.json", server.url())).unwrap());
        source(kind, cache, Duration::from_secs(3600), &report, |_| ())
    };
    let segments = ["bbox=0,-40,90,40", "datetime=2012..2016"];
    let query = query(&segments);
    let want: Vec<&str> = items.iter().filter(|item| query.matches(item).unwrap()).map(Item::id).collect();
    assert!(want.len() > 100);
    let found = |catalog: &dyn Catalog, segments: &[&str]| {
        let mut ids = listed(catalog.search(&search(segments)).unwrap().as_mut()).unwrap();
        ids.sort();
        ids
    };
    let catalog = open();
    assert_eq!(found(catalog.as_ref(), &segments), want);
    let requests = server.journal().len();
    assert_eq!(requests, 5_002);
    assert!(server.journal().peak() > 1, "{}", server.journal().peak());
    assert_eq!(found(catalog.as_ref(), &segments), want);
    assert!(!found(catalog.as_ref(), &["platform=landsat-8"]).is_empty());
    // Nor does another mount ask.
    assert_eq!(found(open().as_ref(), &segments), want);
    assert_eq!(server.journal().len(), requests);
}

#[test]
fn broken_members_do_not_hide_the_others() {
    let (server, _) = grid(40);
    let (catalog, report) = catalog_at(&server);
    collections(catalog.as_ref());
    server.faults().add(Fault::status(404).on("/stac/grid/grid-0003/*"));
    server.faults().add(Fault::broken_json().on("/stac/grid/grid-0005/*"));
    let found = listed(catalog.search(&search(&[])).unwrap().as_mut()).unwrap();
    assert_eq!(found.len(), 38);
    let notes = report.notes();
    assert!(notes["demo: unusable items"].starts_with("2 of one page"), "{notes:?}");
}

#[test]
fn an_error_moves_nothing() {
    let (server, _) = grid(300);
    let (catalog, _) = catalog_at(&server);
    let mut pages = catalog.search(&search(&[])).unwrap();
    let mut found: Vec<String> = Vec::new();
    found.extend(pages.next_page().unwrap().unwrap().members.iter().map(|item| item.id().to_owned()));
    // Longer than the patience of the client.
    server.faults().add(Fault::status(503).on("/stac/grid/grid-0*").times(2000));
    assert!(pages.next_page().is_err());
    server.faults().clear();
    found.extend(listed(pages.as_mut()).unwrap());
    found.sort();
    assert_eq!(found.len(), 300);
    found.dedup();
    assert_eq!(found.len(), 300);
}

/// A catalogue by hand: a document for each path.
fn by_hand(documents: Vec<(&'static str, Value)>) -> (Server, Arc<dyn Catalog>, Arc<Report>) {
    let answer = move |asked: &Asked| {
        let found = documents.iter().find(|(path, _)| *path == asked.target);
        found.map_or_else(|| Response::empty(404), |(_, json)| Response::text(200, &json.to_string()))
    };
    let server = Server::start(answer).unwrap();
    let (catalog, report) = client(&format!("{}/catalog.json", server.url()), |_| ());
    (server, catalog, report)
}

fn document(kind: &str, id: &str, links: &[(&str, &str)]) -> Value {
    let links: Vec<Value> = links.iter().map(|(rel, href)| json!({ "rel": rel, "href": href })).collect();
    json!({ "type": kind, "stac_version": "1.0.0", "id": id, "description": "", "links": links })
}

#[test]
fn circles_end() {
    let (_server, catalog, _) = by_hand(vec![
        (
            "/catalog.json",
            document("Catalog", "root", &[("child", "a/catalog.json"), ("child", "catalog.json")]),
        ),
        (
            "/a/catalog.json",
            document(
                "Catalog",
                "a",
                &[("child", "../catalog.json"), ("child", "./catalog.json"), ("child", "c.json")],
            ),
        ),
        ("/a/c.json", document("Collection", "c", &[("child", "p.json"), ("item", "i.json")])),
        (
            "/a/p.json",
            document("Catalog", "p", &[("child", "c.json"), ("child", "p.json"), ("item", "j.json")]),
        ),
        ("/a/i.json", document("Feature", "i", &[])),
        ("/a/j.json", document("Feature", "j", &[])),
    ]);
    let mut found = Vec::new();
    tree(catalog.as_ref(), "", &mut found);
    let items = ["j", "i"].map(str::to_owned).to_vec();
    assert_eq!(found, [("/a/c".to_owned(), items)]);
}

#[test]
fn items_of_a_catalogue_itself_stand_in_a_collection() {
    let (_server, catalog, _) = by_hand(vec![
        ("/catalog.json", document("Catalog", "root", &[("item", "i.json"), ("child", "c.json")])),
        ("/c.json", document("Collection", "c", &[])),
        ("/i.json", document("Feature", "i", &[])),
    ]);
    assert_eq!(collections(catalog.as_ref()), ["c", "root"]);
    assert_eq!(catalog.item("root", "i").unwrap().unwrap().id(), "i");
}

#[test]
fn a_server_reaches_no_file_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("item.json");
    std::fs::write(&path, document("Feature", "i", &[]).to_string()).unwrap();
    let local: &'static str = Url::from_file_path(&path).unwrap().to_string().leak();
    let mut item = document("Feature", "j", &[]);
    item["assets"] = json!({ "a": { "href": local } });
    let (_server, catalog, report) = by_hand(vec![
        (
            "/catalog.json",
            document("Collection", "c", &[("item", local), ("child", local), ("item", "j.json")]),
        ),
        ("/j.json", item),
    ]);
    assert_eq!(listed(catalog.search(&all_of("c")).unwrap().as_mut()).unwrap(), ["j"]);
    assert!(report.notes().contains_key("demo: unusable links"));
    let item = catalog.item("c", "j").unwrap().unwrap();
    let origin = catalog.origin(&item, &item.assets()[0]).unwrap().unwrap();
    assert!(origin.locate(None).is_err());
}

#[test]
fn children_of_an_api_are_catalogues() {
    let quirks = Quirks { children: Children::Roots, ..Personality::default().quirks() };
    let demo = demo::start(Options {
        quirks: Some(quirks),
        world: Arc::new(demo::world::small()),
        ..Options::default()
    })
    .unwrap();
    let (catalog, _) = client(&demo.stac_url, |_| ());
    let children = catalog.children().unwrap();
    let earth = children.iter().find(|child| child.id == "earth").unwrap();
    assert_eq!(earth.catalog.describe().unwrap().kind, "STAC API");
    let ids = collections(earth.catalog.as_ref());
    assert!(!ids.is_empty());
    let found: usize =
        ids.iter().map(|id| listed(earth.catalog.search(&all_of(id)).unwrap().as_mut()).unwrap().len()).sum();
    assert_eq!(found, 12);
    assert!(earth.catalog.collection("moon").unwrap().is_none());
    assert!(collections(catalog.as_ref()).is_empty(), "the root has none of its own");
    let everywhere = Search { collection: None, ..all_of("") };
    assert_eq!(listed(catalog.search(&everywhere).unwrap().as_mut()).unwrap().len(), 12 + 25);
}

#[test]
fn a_search_of_a_whole_catalogue_is_one_of_its_children_too() {
    let (_demo, catalog, _) = small(Layout::Relative);
    let mut all = Vec::new();
    tree(catalog.as_ref(), "", &mut all);
    let everywhere = Search { collection: None, ..all_of("") };
    let found = listed(catalog.search(&everywhere).unwrap().as_mut()).unwrap();
    assert_eq!(found.len(), all.iter().map(|(_, ids)| ids.len()).sum::<usize>());
}

#[test]
fn children_at_another_server_are_catalogues_too() {
    use crate::config::{Credential, Grant, Secret};
    let (far, _) = grid(20);
    let host = far.url().to_string();
    let answer = move |asked: &Asked| match asked.target.as_str() {
        "/stac" => Response::json(
            200,
            &json!({ "type": "Catalog", "id": "r", "stac_version": "1.0.0", "description": "",
                     "conformsTo": ["https://api.stacspec.org/v1.0.0/core"],
                     "links": [{ "rel": "child", "href": format!("{host}/stac/catalog.json") },
                               { "rel": "child", "href": format!("{host}/stac/catalog.json/") },
                               { "rel": "child", "href": format!("{host}/v1/collections/one") },
                               { "rel": "child", "href": "/stac/" }] }),
        ),
        _ => Response::empty(404),
    };
    let server = Server::start(answer).unwrap();
    let report = Arc::new(Report::new());
    let own = Url::parse(&format!("{}/stac", server.url())).unwrap();
    let credential = Credential::Bearer(Secret::new("own-token"));
    let grants = vec![Grant { scope: own.origin().into(), credential }];
    let http = Arc::new(Http::new(Settings::default(), grants, Arc::clone(&report)).unwrap());
    let cache = Arc::new(Cache::none(Arc::clone(&report)));
    let library = Library::new("demo", http, cache, Arc::clone(&report), Duration::ZERO);
    let config = SourceConfig::new("demo", SourceKind::Url(own));
    let catalog = open(&config, library, &Limits::default(), Arc::clone(&report));

    let children = catalog.children().unwrap();
    let names: Vec<&str> = children.iter().map(|child| child.id.as_str()).collect();
    assert_eq!(names, ["127.0.0.1"]);
    assert_eq!(listed(children[0].catalog.search(&search(&[])).unwrap().as_mut()).unwrap().len(), 20);
    let sent = |server: &Server| {
        let entries = server.journal().entries();
        entries.iter().filter(|entry| entry.headers.get("authorization").is_some()).count()
    };
    assert!(sent(&server) > 0);
    assert_eq!(sent(&far), 0, "another server's credentials stay at home");
    let notes = report.notes();
    assert!(notes["demo: unusable children"].contains("collection of another API"), "{notes:?}");
}

#[test]
fn links_into_a_bucket_are_followed() {
    use crate::config::S3Store;
    let documents = vec![
        ("/catalog.json", document("Catalog", "root", &[("child", "s3://bucket/c.json")])),
        (
            "/bucket/c.json",
            document("Collection", "c", &[("item", "i/i.json"), ("item", "s3://bucket/j.json")]),
        ),
        ("/bucket/i/i.json", document("Feature", "i", &[])),
        ("/bucket/j.json", document("Feature", "j", &[])),
    ];
    let (server, _, report) = by_hand(documents);
    let http = http(&report);
    let endpoint = Some(Url::parse(&server.url().to_string()).unwrap());
    let store = S3Store {
        name: "here".into(),
        endpoint,
        buckets: Vec::new(),
        region: None,
        keys: None,
        budget: None,
    };
    http.replace_credentials(Vec::new(), vec![store]);
    let cache = Arc::new(Cache::none(Arc::clone(&report)));
    let library = Library::new("demo", http, cache, Arc::clone(&report), Duration::ZERO);
    let own = Url::parse(&format!("{}/catalog.json", server.url())).unwrap();
    let config = SourceConfig::new("demo", SourceKind::Url(own));
    let catalog = open(&config, library, &Limits::default(), report);
    assert_eq!(listed(catalog.search(&all_of("c")).unwrap().as_mut()).unwrap(), ["i", "j"]);
}
