//! A server that conforms.

use super::*;
use crate::catalog::Count;
use crate::demo::http::Fault;

fn plain() -> Fixture {
    Fixture::new(Quirks::default())
}

#[test]
fn it_says_what_it_is() {
    let fixture = plain();
    let said = fixture.catalog.describe().unwrap();
    assert_eq!((said.kind, said.title.as_str()), ("STAC API", "A world"));
    assert_eq!(said.facts["search"], "GET");
    fixture.catalog.describe().unwrap();
    assert_eq!(fixture.server.journal().len(), 1, "one request, then remembered");
}

#[test]
fn collections_are_listed_and_found() {
    let fixture = plain();
    let mut pages = fixture.catalog.collections().unwrap();
    let page = pages.next_page().unwrap().unwrap();
    let ids: Vec<_> = page.members.iter().map(|c| c.id().to_owned()).collect();
    assert_eq!(ids, ["grid", "other"]);
    assert!(pages.next_page().unwrap().is_none());
    assert_eq!(fixture.catalog.collection("grid").unwrap().unwrap().id(), "grid");
    assert!(fixture.catalog.collection("nothing-like-it").unwrap().is_none());
    let meant = fixture.catalog.collection("gird").unwrap_err().to_string();
    assert!(meant.contains("did you mean grid"), "{meant}");
    assert!(fixture.catalog.children().unwrap().is_empty());
}

#[test]
fn a_listing_asks_for_each_page_once() {
    let fixture = plain();
    let mut pages = fixture.catalog.search(&search(&[])).unwrap();
    assert_eq!(fixture.server.journal().len(), 0, "nothing is asked before the first page");
    let first = pages.next_page().unwrap().unwrap();
    assert_eq!((first.members.len(), first.scanned, first.matched), (32, 32, Some(120)));
    assert_eq!(fixture.requests("/search"), 1);
    let rest = listed(pages.as_mut()).unwrap();
    assert_eq!(rest.len(), COUNT - 32);
    assert_eq!(fixture.requests("/search"), 4);
    assert!(pages.next_page().unwrap().is_none());
    assert_eq!(fixture.requests("/search"), 4);
}

#[test]
fn a_wish_for_few_asks_for_few() {
    let fixture = plain();
    let few = Search { wanted: Some(5), ..search(&[]) };
    let page = fixture.catalog.search(&few).unwrap().next_page().unwrap().unwrap();
    assert_eq!((page.members.len(), page.matched), (5, Some(120)));
}

#[test]
fn one_item_is_one_request() {
    let fixture = plain();
    fixture.catalog.describe().unwrap();
    let item = fixture.catalog.item("grid", "grid-0007").unwrap().unwrap();
    assert_eq!(item.id(), "grid-0007");
    assert_eq!(fixture.server.journal().len(), 2);
    assert!(fixture.catalog.item("grid", "nothing").unwrap().is_none());
    assert!(fixture.catalog.item("nothing", "grid-0007").unwrap().is_none());
    assert_eq!(fixture.server.journal().len(), 4);
}

#[test]
fn several_items_are_one_request() {
    let fixture = plain();
    let items = fixture.catalog.items("grid", &["grid-0001", "nothing", "grid-0119"]).unwrap();
    let mut ids: Vec<_> = items.iter().map(Item::id).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["grid-0001", "grid-0119"]);
    assert_eq!(fixture.requests("/search"), 1);
    assert!(fixture.catalog.items("grid", &["nothing"]).unwrap().is_empty());
}

#[test]
fn counting_is_one_request() {
    let fixture = plain();
    fixture.catalog.describe().unwrap();
    let before = fixture.server.journal().len();
    let count = |segments: &[&str]| fixture.catalog.count(&search(segments)).unwrap();
    assert_eq!(count(&["datetime=2015"]), Count::Matched(fixture.expected(&["datetime=2015"]).len() as u64));
    assert_eq!(fixture.server.journal().len(), before + 1);
    assert_eq!(count(&["ids=nothing"]), Count::Matched(0));
    assert_eq!(count(&["months=6"]), Count::Unknown, "months are met here");
}

#[test]
fn an_order_is_the_servers() {
    let fixture = plain();
    let ordered = Search { sortby: sorted_by("datetime", true), ..search(&["gsd.lt=15"]) };
    let ids = listed(fixture.catalog.search(&ordered).unwrap().as_mut()).unwrap();
    let mut expected: Vec<&Item> =
        fixture.items.iter().filter(|item| query(&["gsd.lt=15"]).matches(item).unwrap()).collect();
    expected.sort_by_key(|item| std::cmp::Reverse(item.day_instant()));
    assert_eq!(ids.len(), expected.len());
    let times: Vec<_> =
        ids.iter().map(|id| fixture.items.iter().find(|i| i.id() == id).unwrap().day_instant()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b));
}

#[test]
fn outlines_are_a_fraction_of_whole_items() {
    let fixture = plain();
    let bytes = |depth: Depth| {
        let before = fixture.report.counters.network_bytes.get();
        let outline = Search { depth, ..search(&["gsd.lt=15"]) };
        let mut pages = fixture.catalog.search(&outline).unwrap();
        let mut ids = Vec::new();
        while let Some(page) = pages.next_page().unwrap() {
            assert_eq!(page.depth, depth);
            ids.extend(page.members.iter().map(|item| item.id().to_owned()));
        }
        ids.sort();
        assert_eq!(ids, fixture.expected(&["gsd.lt=15"]));
        fixture.report.counters.network_bytes.get() - before
    };
    let (whole, outline) = (bytes(Depth::Whole), bytes(Depth::Outline));
    assert!(outline * 2 < whole, "{outline} of {whole}");
}

#[test]
fn a_search_that_nobody_understands_is_told() {
    let fixture = plain();
    let unknown = |segments: &[&str]| fixture.found(segments).unwrap_err().to_string();
    let misspelt = unknown(&["platfrom=sentinel-2a"]);
    assert!(misspelt.contains("platfrom") && misspelt.contains("did you mean platform"), "{misspelt}");
    assert!(unknown(&["filter=nonsense > 3"]).contains("nonsense"));
    // Known to queryables or to items, and simply without a match.
    assert!(fixture.found(&["gsd.gt=1000"]).unwrap().is_empty());
    assert!(fixture.found(&["view:off_nadir.gt=1000"]).unwrap().is_empty());
    assert!(fixture.found(&["bbox=0,89,1,90"]).unwrap().is_empty());
    let typed = fixture.found(&["gsd.lt=ten"]).unwrap_err().to_string();
    assert!(typed.contains("gsd is a number"), "{typed}");
}

#[test]
fn an_error_moves_nothing() {
    let fixture = plain();
    let mut pages = fixture.catalog.search(&search(&[])).unwrap();
    let mut ids: Vec<String> = Vec::new();
    let first = pages.next_page().unwrap().unwrap();
    ids.extend(first.members.iter().map(|item| item.id().to_owned()));
    // Longer than any patience of the client.
    fixture.server.faults().add(Fault::status(401).on("/stac/search").times(1));
    assert!(pages.next_page().is_err());
    ids.extend(listed(pages.as_mut()).unwrap());
    ids.sort();
    assert_eq!(ids, fixture.expected(&[]));
}

#[test]
fn what_passes_is_waited_for() {
    let fixture = plain();
    fixture.server.faults().add(Fault::busy(429, 0).on("/stac/search").times(3));
    fixture.server.faults().add(Fault::status(503).on("/stac/search").times(2));
    assert_eq!(fixture.found(&[]).unwrap(), fixture.expected(&[]));
}

#[test]
fn a_broken_page_is_asked_for_again_smaller() {
    let fixture = plain();
    fixture.server.faults().add(Fault::broken_json().on("/stac/search").after(1).times(1));
    assert_eq!(fixture.found(&[]).unwrap(), fixture.expected(&[]));
}

#[test]
fn explain_shows_requests_and_what_is_done_here() {
    let fixture = plain();
    let lines = fixture.catalog.explain(&search(&["bbox=170,-10,-170,10", "months=6"])).unwrap();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("GET http://") && lines[0].contains("bbox=170,-10,180,10"), "{lines:?}");
    assert_eq!(lines[2], "here, on the results: months=6");
    assert_eq!(fixture.requests("/search"), 0);
}
