//! Every way in which real servers differ: the same searches find the same items.

use super::*;
use crate::catalog::Count;
use crate::demo::stac::{self as odd, Conformance, Personality, Support};
use crate::query::Areas;

/// Searches that between them use every predicate, what servers know and what they do not.
const SEARCHES: &[&[&str]] = &[
    &[],
    &["bbox=0,0,40,40"],
    &["bbox=170,-80,-170,80"],
    &["bbox=300,-80,340,80"],
    &["bbox=-10,-10,10,10", "bbox=0,-80,5,80"],
    &["intersects=POLYGON((0 0,60 0,60 60,0 0))"],
    &["intersects=POLYGON((0 0,60 0,60 60,0 0))", "bbox=0,0,20,20"],
    &["datetime=2015"],
    &["datetime=2014-06..2016-02", "datetime=..2015"],
    &["datetime=2018.."],
    &["ids=grid-0003,grid-0100,grid-9999"],
    &["ids=grid-0003,grid-0100", "ids=grid-0100"],
    &["collections=other"],
    &["max_cloud_cover=20"],
    &["months=6,7,8"],
    &["path=193"],
    &["gsd.lt=15"],
    &["gsd=20.5", "platform=sentinel-2b"],
    &["platform.in=landsat-8,sentinel-2a"],
    &["platform.ne=landsat-8"],
    &["platform.like=sentinel*"],
    &["id.like=*-000?"],
    &["id.gt=grid-0100"],
    &["eo:cloud_cover.between=10,30"],
    &["eo:cloud_cover.isnull=true"],
    &["view:off_nadir=3"],
    &["view:off_nadir.gte=2", "view:off_nadir.lt=4", "view:off_nadir.lt=3"],
    &["filter=gsd < 15 AND platform = 'sentinel-2a'"],
    &["filter=gsd < 15 OR platform = 'landsat-8'", "filter=eo:cloud_cover IS NULL"],
    &["bbox=-60,-60,60,60", "datetime=2012..2018", "max_cloud_cover=50", "platform=landsat-8"],
];

/// Runs all searches on a server and compares what they find with what they must.
fn agrees(name: &str, quirks: Quirks) {
    agrees_with(name, quirks, |config| config.page_size = Some(PAGE));
}

fn agrees_with(name: &str, quirks: Quirks, configure: impl Fn(&mut SourceConfig)) {
    let fixture = Fixture::of(quirks, 300, configure);
    for segments in SEARCHES {
        let found = fixture.found(segments).unwrap_or_else(|error| panic!("{name}: {segments:?}: {error}"));
        assert_eq!(found, fixture.expected(segments), "{name}: {segments:?}");
    }
}

#[test]
fn personalities() {
    for personality in
        [Personality::Plain, Personality::StacServer, Personality::Pgstac, Personality::GeoServer]
    {
        let mut quirks = personality.quirks();
        // Items here have instants only; the rule for spans is the query language's own matter.
        quirks.time = Quirks::default().time;
        agrees(&format!("{personality:?}"), quirks);
    }
}

#[test]
fn methods() {
    use odd::Method::{Forbidden, NotAllowed, NotImplemented, Served};
    for refusal in [NotAllowed, Forbidden, NotImplemented] {
        agrees("no POST", Quirks { post: refusal, ..Quirks::default() });
        agrees("no GET", Quirks { get: refusal, post: Served, ..Quirks::default() });
    }
    agrees("no next page by GET", Quirks { get: odd::Method::OnePage, ..Quirks::default() });
    let fixture = Fixture::new(Quirks { get: Forbidden, ..Quirks::default() });
    fixture.found(&[]).unwrap();
    fixture.found(&["gsd.lt=15"]).unwrap();
    let get = fixture.server.journal().select(|e| e.method == "GET" && e.target.contains("/search"));
    assert!(get.len() <= 1, "what works is remembered");
}

#[test]
fn no_search_at_all() {
    agrees("lists of items only", Quirks { search: Support::No, ..Quirks::default() });
    let fixture = Fixture::new(Quirks { search: Support::No, ..Quirks::default() });
    fixture.found(&[]).unwrap();
    fixture.found(&["gsd.lt=15", "bbox=0,0,40,40"]).unwrap();
    let searches = fixture.server.journal().select(|entry| entry.target.contains("/search"));
    assert!(searches.len() <= 2, "that there is none is remembered");
    let lists = fixture.server.journal().select(|entry| entry.target.contains("/items?"));
    assert!(
        lists.iter().any(|entry| entry.target.contains("bbox=0,0,40,40")),
        "what a list knows is asked of it"
    );
}

#[test]
fn without_a_search_ids_are_asked_for_one_by_one() {
    let fixture = Fixture::new(Quirks { search: Support::No, ..Quirks::default() });
    let segments = ["ids=grid-0003,grid-0100,grid-9999", "gsd.lt=30"];
    assert_eq!(fixture.found(&segments).unwrap(), fixture.expected(&segments));
    assert_eq!(fixture.requests("/items/grid-"), 3);
    assert_eq!(fixture.requests("/items?"), 0, "no list is read");
    let lines = fixture.catalog.explain(&search(&segments)).unwrap();
    assert!(lines.iter().any(|line| line.ends_with("/items/grid-0100")), "{lines:?}");
}

#[test]
fn without_a_search_all_collections_are_read_side_by_side() {
    let fixture = Fixture::new(Quirks { search: Support::No, ..Quirks::default() });
    let unscoped = |segments: &[&str]| {
        let search = Search { collection: None, ..search(segments) };
        assert_eq!(fixture.catalog.count(&search).unwrap(), Count::Unknown);
        let mut ids = listed(fixture.catalog.search(&search).unwrap().as_mut()).unwrap();
        ids.sort();
        ids
    };
    let both = |segments: &[&str]| {
        let mut ids = fixture.expected(segments);
        let other = items("other", 3).into_iter().map(|item| Item::from_json(&item.to_string()).unwrap());
        let meets = other.filter(|item| query(segments).matches(item).unwrap());
        ids.extend(meets.map(|item| item.id().to_owned()));
        ids.sort();
        ids
    };
    for segments in [&[][..], &["bbox=-170,-80,0,80"], &["gsd.lt=15"], &["collections=other"]] {
        assert_eq!(unscoped(segments), both(segments), "{segments:?}");
    }
    fixture.server.journal().clear();
    assert_eq!(unscoped(&["ids=grid-0003,other-0001"]), ["grid-0003", "other-0001"]);
    assert_eq!((fixture.requests("/items/"), fixture.requests("/items?")), (4, 0));
    assert!(unscoped(&["no:such=1"]).is_empty(), "what one collection does not know another may");
}

#[test]
fn an_id_with_a_comma_is_one_id() {
    for post in [odd::Method::Served, odd::Method::NotAllowed] {
        let mut all = items("a,b", 3);
        for (at, item) in all.iter_mut().enumerate() {
            item["id"] = json!(["x,y", "x", "100%,é"][at]);
        }
        let world = world(vec![collection("a,b", all), collection("a", items("a", 2))]);
        let api = StacApi::new(world, Quirks { post, ..Quirks::default() });
        let server = Server::start(Arc::new(api)).unwrap();
        let (catalog, _) = client(&format!("{}/stac", server.url()), |_| ());
        let of = |segments: &[&str]| Search { collection: Some("a,b".into()), ..search(segments) };
        let found = |search: &Search| listed(catalog.search(search).unwrap().as_mut()).unwrap();
        assert_eq!(found(&of(&[])).len(), 3);
        assert_eq!(found(&of(&["ids=x%2Cy"])), ["x,y"]);
        assert_eq!(found(&of(&["ids=x%2Cy,x", "gsd.lt=15"])), ["x,y"]);
        assert_eq!(found(&Search { collection: None, ..search(&["ids=x%2Cy"]) }), ["x,y"]);
        assert_eq!(catalog.items("a,b", &["x,y", "x", "100%,é", "y"]).unwrap().len(), 3);
        assert!(catalog.item("a,b", "y").unwrap().is_none());
    }
}

#[test]
fn search_links() {
    for links in [
        odd::SearchLinks::PerMethod,
        odd::SearchLinks::Bare,
        odd::SearchLinks::None,
        odd::SearchLinks::AmongOthers,
    ] {
        agrees(&format!("{links:?}"), Quirks { search_links: links, ..Quirks::default() });
    }
}

#[test]
fn next_links_of_all_forms() {
    use odd::Next::*;
    for next in [Token, NextParam, Page, StartIndex, Merge, Alone, Header, GetAfterPost, Opaque] {
        let name = format!("{next:?}");
        agrees(&name, Quirks { next, ..Quirks::default() });
        // A server that leads to GET and refuses it cannot be paged by anyone.
        if !matches!(next, GetAfterPost | Opaque) {
            let by_post = Quirks { next, get: odd::Method::NotAllowed, ..Quirks::default() };
            agrees(&format!("{name} by POST"), by_post);
        }
    }
}

#[test]
fn next_links_that_are_wrong() {
    agrees(
        "empty last page",
        Quirks {
            next_fault: Some(odd::NextFault::EmptyLastPage),
            count: odd::Count::Untold,
            ..Quirks::default()
        },
    );
    agrees("relative", Quirks { next_fault: Some(odd::NextFault::Relative), ..Quirks::default() });
    let foreign = odd::NextFault::ForeignHost("http://10.1.2.3:8080".into());
    agrees("an internal host", Quirks { next_fault: Some(foreign), ..Quirks::default() });
    agrees("looping", Quirks { next_fault: Some(odd::NextFault::Looping), ..Quirks::default() });
}

#[test]
fn a_circle_without_a_count_is_whole_or_an_error() {
    let looping = Some(odd::NextFault::Looping);
    let fixture =
        Fixture::new(Quirks { next_fault: looping, count: odd::Count::Untold, ..Quirks::default() });
    let whole = SEARCHES.iter().filter(|segments| match fixture.found(segments) {
        Ok(found) => {
            assert_eq!(found, fixture.expected(segments), "{segments:?}");
            true
        }
        // Ten items on one page may be all, or a clamped page that leads to itself.
        Err(error) => {
            assert!(error.to_string().contains("circle"), "{segments:?}: {error}");
            false
        }
    });
    assert!(whole.count() + 3 >= SEARCHES.len());
}

#[test]
fn pages_that_repeat_are_an_error_and_not_a_short_listing() {
    let quirks = Quirks { next_fault: Some(odd::NextFault::Repeated), ..Quirks::default() };
    let fixture = Fixture::new(quirks);
    let mut pages = fixture.catalog.search(&search(&[])).unwrap();
    assert_eq!(pages.next_page().unwrap().unwrap().members.len(), 32);
    let error = listed(pages.as_mut()).unwrap_err();
    assert!(error.to_string().contains("circle"), "{error}");
    assert!(fixture.requests("/search") <= 4);
}

#[test]
fn limits() {
    let small = Quirks { max_limit: 20, ..Quirks::default() };
    agrees("clamped", small.clone());
    agrees("rejected", Quirks { over_limit: odd::OverLimit::Rejected, ..small });
    for next in [odd::Next::Token, odd::Next::Page, odd::Next::StartIndex] {
        agrees("too large an answer", Quirks { breaks_above: Some(20), next, ..Quirks::default() });
    }
}

#[test]
fn slashes() {
    use odd::Slash::{Either, Forbidden, Needed, Redirected};
    for slash in [Either, Forbidden, Needed, Redirected] {
        agrees(&format!("{slash:?}"), Quirks { slash, ..Quirks::default() });
    }
}

#[test]
fn counts() {
    for (count, want) in [
        (odd::Count::Matched, Count::Matched(120)),
        (odd::Count::Context, Count::Matched(120)),
        (odd::Count::Both, Count::Matched(120)),
        (odd::Count::Untold, Count::Unknown),
    ] {
        let fixture = Fixture::new(Quirks { count, ..Quirks::default() });
        assert_eq!(fixture.catalog.count(&search(&[])).unwrap(), want, "{count:?}");
        assert_eq!(fixture.found(&[]).unwrap().len(), COUNT);
    }
    let fixture = Fixture::new(Quirks { count: odd::Count::Untold, ..Quirks::default() });
    fixture.found(&[]).unwrap();
    let before = fixture.server.journal().len();
    assert_eq!(fixture.catalog.count(&search(&[])).unwrap(), Count::Unknown);
    assert_eq!(fixture.server.journal().len(), before, "it is known that the server does not count");
}

#[test]
fn dialects() {
    use odd::Filtering::{Both, Ignored, JsonOnly, Refused, TextOnly};
    for filter in [Both, JsonOnly, TextOnly, Ignored, Refused] {
        for query in [Support::Yes, Support::No] {
            agrees(&format!("{filter:?} {query:?}"), Quirks { filter, query, ..Quirks::default() });
        }
    }
}

#[test]
fn conformance_that_is_not_so() {
    let base = Quirks { conformance: Conformance::All, ..Quirks::default() };
    agrees("all", base.clone());
    agrees("no filter", Quirks { filter: odd::Filtering::Refused, ..base.clone() });
    agrees(
        "nothing at all",
        Quirks {
            filter: odd::Filtering::Refused,
            query: Support::No,
            sort: odd::Sorting::Ignored,
            free_text: Support::No,
            ..base
        },
    );
    for conformance in [Conformance::Missing, Conformance::CoreOnly] {
        agrees(&format!("{conformance:?}"), Quirks { conformance, ..Quirks::default() });
    }
}

#[test]
fn the_user_corrects_what_a_server_claims() {
    let lying =
        Quirks { conformance: Conformance::All, filter: odd::Filtering::Ignored, ..Quirks::default() };
    agrees_with("-filter", lying, |config| config.conformance = vec!["-filter".into(), "-query".into()]);
    let silent = Quirks { conformance: Conformance::Missing, ..Quirks::default() };
    let fixture = Fixture::of(silent, COUNT, |config| config.conformance = vec!["+query".into()]);
    assert_eq!(fixture.found(&["gsd.lt=15"]).unwrap(), fixture.expected(&["gsd.lt=15"]));
    assert_eq!(fixture.requests("query="), 1);
}

#[test]
fn a_filter_that_is_ignored_is_noticed() {
    let quirks = Quirks {
        conformance: Conformance::All,
        filter: odd::Filtering::Ignored,
        query: Support::No,
        ..Quirks::default()
    };
    let fixture = Fixture::new(quirks);
    assert_eq!(fixture.found(&["gsd.lt=15"]).unwrap(), fixture.expected(&["gsd.lt=15"]));
    let notes = fixture.report.notes();
    assert!(notes.values().any(|words| words.contains("do not meet gsd.lt=15")), "{notes:?}");
}

#[test]
fn orders_that_the_server_cannot_make() {
    for quirks in [
        Quirks { sort: odd::Sorting::Ignored, ..Quirks::default() },
        Quirks { conformance: Conformance::CoreOnly, ..Quirks::default() },
    ] {
        let fixture = Fixture::new(quirks);
        let ordered =
            Search { sortby: sorted_by("eo:cloud_cover", false), ..search(&["datetime=2011..2016"]) };
        let ids = listed(fixture.catalog.search(&ordered).unwrap().as_mut()).unwrap();
        assert_eq!(ids.len(), fixture.expected(&["datetime=2011..2016"]).len());
        let covers: Vec<f64> = ids
            .iter()
            .map(|id| {
                let item = fixture.items.iter().find(|item| item.id() == id).unwrap();
                item.property("eo:cloud_cover").and_then(Value::as_f64).unwrap_or(f64::MAX)
            })
            .collect();
        assert!(covers.is_sorted(), "{covers:?}");
    }
    let fixture = Fixture::of(Quirks { sort: odd::Sorting::Ignored, ..Quirks::default() }, COUNT, |config| {
        config.max_scan = Some(50);
    });
    let ordered = Search { sortby: sorted_by("gsd", false), ..search(&[]) };
    let error = listed(fixture.catalog.search(&ordered).unwrap().as_mut()).unwrap_err();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
}

#[test]
fn fields_of_all_kinds() {
    use odd::FieldsRule::{Ignored, Pgstac, Specification, StacServer};
    for fields in [Specification, StacServer, Pgstac, Ignored] {
        let fixture = Fixture::new(Quirks { fields, ..Quirks::default() });
        let outline = Search { depth: Depth::Outline, ..search(&["gsd.lt=15", "max_cloud_cover=50"]) };
        let mut ids = Vec::new();
        let mut pages = fixture.catalog.search(&outline).unwrap();
        while let Some(page) = pages.next_page().unwrap() {
            let want = if fields == Ignored { Depth::Whole } else { Depth::Outline };
            assert_eq!(page.depth, want, "{fields:?}");
            assert!(page.members.iter().all(|item| item.span().is_some()), "{fields:?}");
            ids.extend(page.members.iter().map(|item| item.id().to_owned()));
        }
        ids.sort();
        assert_eq!(ids, fixture.expected(&["gsd.lt=15", "max_cloud_cover=50"]), "{fields:?}");
    }
}

#[test]
fn an_order_that_a_listing_does_not_show_still_leads_to_all_pages() {
    for quirks in [
        Quirks { next_fault: Some(odd::NextFault::SortHidden), ..Personality::StacServer.quirks() },
        Personality::StacServer.quirks(),
        Personality::Pgstac.quirks(),
    ] {
        let fixture = Fixture::new(quirks);
        let sortby = sorted_by("view:off_nadir", true);
        let outline = Search { depth: Depth::Outline, sortby, ..search(&[]) };
        let ids = listed(fixture.catalog.search(&outline).unwrap().as_mut()).unwrap();
        assert_eq!(ids.len(), COUNT);
        let off_nadir = |id: &String| id[5..].parse::<usize>().unwrap() % 7;
        assert!(ids.is_sorted_by_key(|id| std::cmp::Reverse(off_nadir(id))), "{ids:?}");
    }
}

#[test]
fn pages_that_end_too_early_are_told() {
    let next_fault = Some(odd::NextFault::SortHidden);
    let fixture = Fixture::new(Quirks { next_fault, without: vec!["collection"], ..Quirks::default() });
    assert_eq!(fixture.found(&[]).unwrap().len(), PAGE as usize);
    let notes = fixture.report.notes();
    assert!(notes.values().any(|words| words.contains("120 items match")), "{notes:?}");
}

#[test]
fn items_without_a_time_are_listed_by_the_order_of_their_ids() {
    let mut all = items("grid", COUNT);
    for item in &mut all {
        let start = item["properties"]["datetime"].take();
        item["properties"]["start_datetime"] = start.clone();
        item["properties"]["end_datetime"] = start;
    }
    let api = StacApi::new(world(vec![collection("grid", all)]), Personality::StacServer.quirks());
    let server = Server::start(Arc::new(api)).unwrap();
    let (catalog, _) = client(&format!("{}/stac", server.url()), |config| config.page_size = Some(PAGE));
    let mut ids = listed(catalog.search(&search(&[])).unwrap().as_mut()).unwrap();
    ids.sort();
    assert_eq!(ids.len(), COUNT);
    ids.dedup();
    assert_eq!(ids.len(), COUNT, "none comes twice");
}

#[test]
fn a_polygon_that_makes_later_pages_too_long_is_posted() {
    struct Round;
    impl Areas for Round {
        fn area(&self, _name: &str) -> Result<Option<Value>, String> {
            let corner = |n: u32| {
                let (sin, cos) = (f64::from(n % 330) / 330.0 * std::f64::consts::TAU).sin_cos();
                json!([(170_000.0 * cos).round() / 1000.0, (80_000.0 * sin).round() / 1000.0])
            };
            Ok(Some(json!({ "type": "Polygon", "coordinates": [(0..=330).map(corner).collect::<Vec<_>>()] })))
        }

        fn names(&self) -> Vec<String> {
            vec!["round".into()]
        }
    }
    let Segment::Predicate(round) = Segment::parse("intersects=round", &Round).unwrap() else { panic!() };
    let query: Query = [round].into_iter().collect();
    let fixture = Fixture::new(Quirks { longest_url: Some(8192), ..Personality::StacServer.quirks() });
    let wanted = fixture.items.iter().filter(|item| query.matches(item).unwrap()).count();
    let found = listed(fixture.catalog.search(&Search { query, ..search(&[]) }).unwrap().as_mut());
    assert_eq!(found.unwrap().len(), wanted);
    assert!(wanted > PAGE as usize);
}

#[test]
fn boxes() {
    use odd::BboxRule::{All, NotFlat, NotSix, OnTheMap};
    for bbox in [All, NotSix, OnTheMap, NotFlat] {
        let fixture = Fixture::new(Quirks { bbox, ..Quirks::default() });
        let six = "bbox=-60,-60,-9000,120,60,9000";
        for segments in [&["bbox=5,5,5,5"], &["bbox=-170,0,-165,0"], &["bbox=200,-80,300,80"], &[six]] {
            let found = fixture.found(segments).unwrap_or_else(|e| panic!("{bbox:?}: {segments:?}: {e}"));
            assert_eq!(found, fixture.expected(segments), "{bbox:?}: {segments:?}");
        }
    }
}

#[test]
fn words_of_errors() {
    use odd::ErrorShape::{Code, Errors, FastApi, Html, Message, Resto, Text};
    for errors in [Code, FastApi, Message, Errors, Resto, Html, Text] {
        let fixture = Fixture::new(Quirks { errors, ..Quirks::default() });
        assert!(fixture.catalog.item("grid", "nothing").unwrap().is_none(), "{errors:?}");
        assert!(fixture.catalog.collection("nothing").unwrap().is_none(), "{errors:?}");
        assert_eq!(fixture.found(&["datetime=2015"]).unwrap(), fixture.expected(&["datetime=2015"]));
    }
}

#[test]
fn a_format_parameter_on_every_link() {
    agrees("f=json", Quirks { format_param: Some("f=application%2Fjson"), ..Quirks::default() });
    let fixture = Fixture::new(Quirks { format_param: Some("f=application%2Fjson"), ..Quirks::default() });
    assert!(fixture.catalog.item("grid", "grid-0001").unwrap().is_some());
}

#[test]
fn links_that_name_another_host() {
    let elsewhere = Some("https://abc.execute-api.example".to_owned());
    let quirks = Quirks { link_origin: elsewhere, ..Quirks::default() };
    agrees("another host", quirks.clone());
    let fixture = Fixture::new(quirks);
    let ids = fixture.catalog.collections().unwrap().next_page().unwrap().unwrap();
    assert_eq!(ids.members.len(), 2);
}

#[test]
fn items_that_lack_things() {
    for without in
        [vec!["links"], vec!["collection"], vec!["bbox"], vec!["geometry"], vec!["links", "collection"]]
    {
        let quirks = Quirks { without: without.clone(), ..Quirks::default() };
        let fixture = Fixture::new(quirks);
        assert_eq!(
            fixture.found(&["datetime=2015"]).unwrap(),
            fixture.expected(&["datetime=2015"]),
            "{without:?}"
        );
        assert_eq!(fixture.found(&[]).unwrap().len(), COUNT, "{without:?}");
        assert!(fixture.catalog.item("grid", "grid-0001").unwrap().is_some());
    }
    let fixture = Fixture::new(Quirks { without: vec!["properties.datetime"], ..Quirks::default() });
    assert_eq!(fixture.found(&[]).unwrap().len(), COUNT);
    let metres = Quirks { bbox_unit: odd::BboxUnit::Metres, ..Quirks::default() };
    let fixture = Fixture::new(metres);
    assert_eq!(fixture.found(&["bbox=0,0,40,40"]).unwrap(), fixture.expected(&["bbox=0,0,40,40"]));
}

#[test]
fn answers_about_something_else_are_not_taken() {
    use crate::demo::http::{Request, Response};
    let answer = |request: &Request| match request.target.split(['?', '/']).next_back().unwrap_or_default() {
        "stac" => Response::json(
            200,
            &json!({ "type": "Catalog", "id": "r", "stac_version": "1.0.0", "description": "",
                     "conformsTo": ["https://api.stacspec.org/v1.0.0/core"],
                     "links": [{ "rel": "data", "href": "stac/collections" }] }),
        ),
        "busy" => Response::json(200, &json!({ "message": "come back later" })),
        "collections" | "limit=100" => {
            let one = collection("a", Vec::new()).json;
            Response::json(
                200,
                &json!({ "collections": [one], "numberMatched": 3,
                         "links": [{ "rel": "next", "href": request.target }] }),
            )
        }
        "A" | "a" => Response::json(200, &collection("a", Vec::new()).json),
        _ => Response::json(200, &items("a", 1)[0]),
    };
    let server = Server::start(answer).unwrap();
    let (catalog, report) = client(&format!("{}/stac", server.url()), |_| ());
    assert!(catalog.collection("a").unwrap().is_some());
    assert!(catalog.collection("A").unwrap().is_none(), "another spelling is another collection");
    assert!(catalog.item("a", "a-0000").unwrap().is_some());
    assert!(catalog.item("a", "A-0000").unwrap().is_none(), "another spelling is another item");
    let error = catalog.collection("busy").unwrap_err();
    assert!(error.to_string().contains("/collections/busy"), "{error}");
    let mut pages = catalog.collections().unwrap();
    while pages.next_page().unwrap().is_some() {}
    let notes = report.notes();
    assert!(notes.values().any(|words| words.contains("lists 1 of 3")), "{notes:?}");
}

#[test]
fn versions_of_stac() {
    for version in ["0.9.0", "1.0.0-beta.2", "1.0.0", "1.1.0"] {
        let fixture = Fixture::new(Quirks { stac_version: Some(version), ..Quirks::default() });
        for segments in [&["bbox=0,0,40,40"][..], &["datetime=2015", "gsd.lt=30"], &[]] {
            assert_eq!(
                fixture.found(segments).unwrap(),
                fixture.expected(segments),
                "{version}: {segments:?}"
            );
        }
        let item = fixture.catalog.item("grid", "grid-0001").unwrap().unwrap();
        assert!(item.raw().contains(version) && !item.assets().is_empty(), "{version}");
        assert!(fixture.catalog.collection("grid").unwrap().is_some(), "{version}");
    }
}

#[test]
fn a_missing_item_may_be_an_empty_object() {
    let fixture = Fixture::new(Quirks { missing_item: odd::MissingItem::EmptyObject, ..Quirks::default() });
    assert!(fixture.catalog.item("grid", "nothing").unwrap().is_none());
    assert!(fixture.catalog.item("grid", "grid-0001").unwrap().is_some());
}

#[test]
fn collections_with_and_without_pages() {
    use odd::CollectionPages::{All, First, Of};
    let many = |pages| {
        let collections = (0..23).map(|n| collection(&format!("c{n:02}"), Vec::new())).collect();
        let api = StacApi::new(world(collections), Quirks { collection_pages: pages, ..Quirks::default() });
        let server = Server::start(Arc::new(api)).unwrap();
        let (catalog, _) = client(&format!("{}/stac", server.url()), |_| {});
        let mut pages = catalog.collections().unwrap();
        let mut ids = Vec::new();
        while let Some(page) = pages.next_page().unwrap() {
            ids.extend(page.members.iter().map(|c| c.id().to_owned()));
        }
        ids
    };
    for (pages, want) in [(Of(5), 23), (All, 23), (First(10), 10)] {
        let ids = many(pages);
        assert_eq!(ids.len(), want, "{pages:?}");
        assert!(ids.is_sorted());
    }
}
