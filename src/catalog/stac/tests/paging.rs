//! Listings through bad hours, long ways and long words.

use super::*;
use crate::demo::http::{Fault, Request as Asked, Response};
use crate::demo::stac::{self as odd};
use crate::query::{Area, Predicate};

/// A collection of items that all go around the globe.
fn globes(count: usize) -> (Server, Arc<dyn Catalog>) {
    let mut all = items("grid", count);
    for item in &mut all {
        item["bbox"] = json!([-180, -90, 180, 90]);
        let ring = json!([[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]);
        item["geometry"] = json!({ "type": "Polygon", "coordinates": [ring] });
    }
    let api = StacApi::new(world(vec![collection("grid", all)]), Quirks::default());
    let server = Server::start(Arc::new(api)).unwrap();
    let (catalog, _) = client(&format!("{}/stac", server.url()), |config| config.page_size = Some(PAGE));
    (server, catalog)
}

#[test]
fn what_lies_on_both_sides_of_the_antimeridian_is_no_circle() {
    let (_server, catalog) = globes(300);
    let found = listed(catalog.search(&search(&["bbox=170,-80,-170,80"])).unwrap().as_mut()).unwrap();
    assert_eq!(found.len(), 300);
}

#[test]
fn a_listing_that_begins_anew_with_smaller_pages_is_no_circle() {
    let quirks = Quirks { next: odd::Next::Page, ..Quirks::default() };
    let fixture = Fixture::of(quirks, 300, |config| config.page_size = Some(PAGE));
    fixture.server.faults().add(Fault::status(413).on("/stac/search").after(6).times(1));
    assert_eq!(fixture.found(&[]).unwrap(), fixture.expected(&[]));
}

#[test]
fn a_bad_hour_does_not_make_pages_small_for_ever() {
    let fixture = Fixture::of(Quirks::default(), COUNT, |config| {
        (config.page_size, config.metadata_lifetime) = (Some(PAGE), Some(Duration::ZERO));
    });
    fixture.server.faults().add(Fault::status(502).on("/stac/search").times(2));
    fixture.found(&[]).unwrap();
    assert!(fixture.requests("limit=16") > 1);
    fixture.found(&[]).unwrap();
    fixture.server.journal().clear();
    fixture.found(&[]).unwrap();
    assert_eq!((fixture.requests("limit=16"), fixture.requests("limit=32")), (0, 4));
}

#[test]
fn a_page_of_maintenance_does_not_change_the_method() {
    let quirks = Quirks { get: odd::Method::NotAllowed, ..Quirks::default() };
    let fixture = Fixture::new(quirks);
    let mut pages = fixture.catalog.search(&search(&[])).unwrap();
    let first = pages.next_page().unwrap().unwrap();
    fixture.server.faults().add(Fault::html(200).on("/stac/search").times(1));
    let error = pages.next_page().unwrap_err();
    assert!(error.to_string().contains("no JSON"), "{error}");
    assert_eq!(first.members.len() + listed(pages.as_mut()).unwrap().len(), COUNT);
}

#[test]
fn an_estimate_that_is_too_low_ends_no_listing() {
    let all = items("grid", 50);
    let answer = move |asked: &Asked| {
        let page: usize = asked.target.split("page=").nth(1).and_then(|page| page.parse().ok()).unwrap_or(0);
        match asked.target.contains("/search") {
            true => Response::json(
                200,
                &json!({ "type": "FeatureCollection", "numberMatched": 17,
                         "features": all.chunks(20).nth(page).unwrap_or_default(),
                         "links": [{ "rel": "next", "href": format!("search?page={}", page + 1) }] }),
            ),
            false => Response::json(
                200,
                &json!({ "type": "Catalog", "id": "r", "stac_version": "1.0.0", "description": "",
                         "links": [{ "rel": "search", "href": "stac/search" }] }),
            ),
        }
    };
    let server = Server::start(answer).unwrap();
    let (catalog, _) = client(&format!("{}/stac", server.url()), |_| ());
    assert_eq!(listed(catalog.search(&search(&[])).unwrap().as_mut()).unwrap().len(), 50);
}

#[test]
fn collections_before_a_bad_link_are_listed() {
    let answer = |asked: &Asked| match asked.target.contains("/collections") {
        true => Response::json(
            200,
            &json!({ "collections": [collection("a", Vec::new()).json],
                     "links": [{ "rel": "next", "href": "https://elsewhere.example/more" }] }),
        ),
        false => Response::json(
            200,
            &json!({ "type": "Catalog", "id": "r", "stac_version": "1.0.0", "description": "",
                     "links": [{ "rel": "data", "href": "stac/collections" }] }),
        ),
    };
    let server = Server::start(answer).unwrap();
    let (catalog, _) = client(&format!("{}/stac", server.url()), |_| ());
    let mut pages = catalog.collections().unwrap();
    assert_eq!(pages.next_page().unwrap().unwrap().members.len(), 1);
    for _ in 0..2 {
        let error = pages.next_page().unwrap_err();
        assert!(error.to_string().contains("elsewhere.example"), "{error}");
    }
}

/// A polygon of many corners around a place: too long for a URL.
fn lake() -> Predicate {
    let corner = |n: i32| {
        let angle = f64::from(n % 720).to_radians() / 2.0;
        json!([20.0 + 20.0 * angle.cos(), 20.0 + 20.0 * angle.sin()])
    };
    let ring: Vec<Value> = (0..=720).map(corner).collect();
    let geometry = json!({ "type": "Polygon", "coordinates": [ring] });
    Predicate::Intersects(Area { spelling: "lake".into(), geometry, hash: "0123456789abcdef".into() })
}

#[test]
fn a_search_too_long_for_a_url_is_made_in_another_way() {
    for post in [odd::Method::Served, odd::Method::Forbidden, odd::Method::NotAllowed] {
        for met_before in [false, true] {
            let fixture = Fixture::new(Quirks { post, ..Quirks::default() });
            if met_before {
                fixture.found(&["datetime=2015"]).unwrap();
            }
            let query = Query::from_iter([lake()]);
            let meets = |item: &&Item| query.matches(item).unwrap();
            let mut want: Vec<&str> = fixture.items.iter().filter(meets).map(Item::id).collect();
            want.sort_unstable();
            assert!(want.len() > 2);
            let search = Search { query: query.clone(), ..search(&[]) };
            let mut found = listed(fixture.catalog.search(&search).unwrap().as_mut()).unwrap();
            found.sort();
            assert_eq!(found, want, "{post:?}");
            let by_post = fixture.server.journal().select(|e| e.method == "POST" && e.status == Some(200));
            assert_eq!(by_post.is_empty(), post != odd::Method::Served, "{post:?} {met_before}");
            let longest = fixture.server.journal().entries().iter().map(|e| e.target.len()).max();
            assert!(longest < Some(8_000), "{longest:?}");
        }
    }
}

#[test]
fn long_ids_go_by_several_requests() {
    let fixture = Fixture::new(Quirks { post: odd::Method::NotAllowed, ..Quirks::default() });
    let names: Vec<String> = (0..100).map(|n| format!("{n:0>120}")).collect();
    let mut ids: Vec<&str> = names.iter().map(String::as_str).collect();
    ids.push("grid-0007");
    assert_eq!(fixture.catalog.items("grid", &ids).unwrap().len(), 1);
    // Three for the first hundred.
    assert_eq!((fixture.requests("/search"), fixture.requests("/items/")), (4, 0));
    let longest = fixture.server.journal().entries().iter().map(|entry| entry.target.len()).max();
    assert!(longest < Some(8_000), "{longest:?}");
}

#[test]
fn pages_of_one_listing_are_of_one_time() {
    let world = world(vec![collection("grid", items("grid", COUNT))]);
    let quirks = Quirks { next: odd::Next::Page, ..Quirks::default() };
    let server = Server::start(Arc::new(StacApi::new(world, quirks))).unwrap();
    let (report, folder) = (Arc::new(Report::new()), tempfile::tempdir().unwrap());
    let settings =
        crate::cache::Settings { folder: folder.path().into(), max_bytes: Some(1 << 28), min_free: 0 };
    let cache = Arc::new(Cache::open(settings, Arc::clone(&report)));
    let lifetime = Duration::from_secs(600);
    let kind = SourceKind::Url(Url::parse(&format!("{}/stac", server.url())).unwrap());
    let catalog = source(kind, Arc::clone(&cache), lifetime, &report, |config| config.page_size = Some(PAGE));
    let found = || listed(catalog.search(&search(&[])).unwrap().as_mut()).unwrap().len();
    let searches = || server.journal().select(|entry| entry.target.contains("/search"));
    assert_eq!((found(), found(), searches().len()), (COUNT, COUNT, 4));
    // Of the first page alone the time is up.
    let first = Url::parse(&format!("{}{}", server.url(), searches()[0].target)).unwrap();
    let library = Library::new("demo", http(&report), cache, Arc::clone(&report), lifetime);
    library.forget(&crate::http::Request::get(first));
    assert_eq!((found(), searches().len()), (COUNT, 8));
}

#[test]
fn a_hundred_collections_may_not_be_all() {
    let answer = |asked: &Asked| match asked.target.contains("/collections") {
        true => {
            let all: Vec<Value> =
                (0..100).map(|n| collection(&format!("c{n:03}"), Vec::new()).json).collect();
            Response::json(200, &json!({ "collections": all, "links": [] }))
        }
        false => Response::json(
            200,
            &json!({ "type": "Catalog", "id": "r", "stac_version": "1.0.0", "description": "",
                     "links": [{ "rel": "data", "href": "stac/collections" }] }),
        ),
    };
    let server = Server::start(answer).unwrap();
    let (catalog, report) = client(&format!("{}/stac", server.url()), |_| ());
    let mut pages = catalog.collections().unwrap();
    while pages.next_page().unwrap().is_some() {}
    let notes = report.notes();
    assert!(notes["demo: collections"].contains("perhaps more"), "{notes:?}");
}
