//! Every predicate finds what a look at every scene finds.

use super::*;
use crate::catalog::Count;
use crate::demo::usgs::scenes::dataset;
use crate::query::Evaluator;

/// Landsat 7, level 2: across the antimeridian too.
const ETM: &str = "landsat_etm_c2_l2";

#[test]
fn every_search_equals_a_look_at_every_scene() {
    // Some hundred scenes of all regions: the search is cut to these days, whatever else it says.
    const DAYS: &str = "datetime=2018-02..2018-08";
    let desk = Desk::of("demo", Settings { page_size: 2000, ..settings() });
    let everything = desk.found(ETM, DAYS);
    assert!(everything.len() > 200, "{}", everything.len());
    let some = everything[everything.len() / 2].id().to_owned();
    let entity = property(&everything[7], "usgs:entity_id").as_str().unwrap().to_owned();
    let mut fruitful = 0;
    for path in [
        "bbox=3.5,43.4,4,44",
        "bbox=3.5,43.4,3.5,43.4",
        "bbox=178,50,-178,54",
        "bbox=179.6,50,180,54",
        "bbox=-180,50,-179.5,54",
        "bbox=-50,51,-49,52",
        "bbox=-180,-90,180,90",
        "bbox=3,43,5,45/bbox=4,44,6,46",
        "intersects=POLYGON ((-112 24, -110 24, -111 27, -112 24))",
        "intersects=POLYGON ((178 51, 182 51, 182 53, 178 53, 178 51))",
        "intersects=LINESTRING (2 43, 5 44)",
        "intersects=POINT (3.9 43.6)",
        "intersects=POLYGON ((3 43, 5 43, 5 45, 3 43))/bbox=3,43,4,44",
        "datetime=2018",
        "datetime=2018-01..2018-03",
        "datetime=..2014-01-05",
        "datetime=2018-06-01T10:00:00Z..2018-06-20T10:40:00Z",
        "datetime=2017/datetime=2017-06..2018",
        "datetime=2017/datetime=2018",
        "months=6,7,8",
        "months=6,7/months=7,8",
        "months=1/months=2",
        "max_cloud_cover=20",
        "max_cloud_cover=12.34",
        "max_cloud_cover=0",
        "eo:cloud_cover.lt=20",
        "eo:cloud_cover.lte=20",
        "eo:cloud_cover.gt=80",
        "eo:cloud_cover.between=10,20.5",
        "eo:cloud_cover.isnull=true",
        "eo:cloud_cover.lt=5/eo:cloud_cover.gt=10",
        "max_cloud_cover=50/eo:cloud_cover.gt=30",
        "path=197",
        "path=197/row=30",
        "landsat:wrs_path=197",
        "landsat:wrs_row.in=030,029",
        "WRS Path=197",
        "WRS Row.between=28,30",
        "WRS Path.gt=190",
        "Land Cloud Cover.between=10,30",
        "Collection Category=T1",
        "Collection Category.in=T2,RT",
        "landsat:collection_category=T2",
        "Day%2FNight Indicator=DAY",
        "Day%2FNight Indicator=NIGHT",
        "platform=landsat-7",
        "platform.in=landsat-7,landsat-8",
        "platform.ne=landsat-8",
        "Date Acquired.gte=2018-06-01",
        "Sensor Identifier=ETM",
        "Landsat Scene Identifier.like=LE7197*",
        "id.like=*_197030_*",
        "filter=eo:cloud_cover < 10 AND platform = 'landsat-7'",
        "collections=landsat_etm_c2_l2",
        "collections=other",
        "bbox=3.5,43.4,4,44/datetime=2014..2017/months=6,7,8/max_cloud_cover=30",
        &format!("ids={some},nobody"),
        &format!("ids={some}/max_cloud_cover=100"),
        &format!("id.eq={some}"),
        &format!("usgs:entity_id={entity}"),
    ] {
        let evaluator = Evaluator::new(&query(path)).unwrap();
        let narrowed = format!("{path}/{DAYS}");
        let expected: Vec<Item> = everything.iter().filter(|item| evaluator.matches(item)).cloned().collect();
        assert_eq!(ids(&desk.found(ETM, &narrowed)), ids(&expected), "{path}");
        fruitful += u32::from(!expected.is_empty());
    }
    assert!(fruitful > 25, "{fruitful}");
}

#[test]
fn months_and_days_are_asked_of_the_server() {
    let desk = Desk::new();
    let wanted = search(TM, "bbox=3.5,43.4,4,44/datetime=2009..2010/months=6,7/max_cloud_cover=30/path=197");
    let lines = desk.source.explain(&wanted).unwrap();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    for part in [
        "scene-search",
        r#""acquisitionFilter":{"start":"2009-01-01","end":"2010-12-31"}"#,
        r#""cloudCoverFilter":{"min":0,"max":30,"includeUnknown":true}"#,
        r#""seasonalFilter":[6,7]"#,
        r#""filterType":"mbr""#,
        r#""firstValue":"197""#,
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn a_count_is_that_of_the_listing_or_left_to_it() {
    let desk = Desk::new();
    for path in [
        "datetime=2010",
        "max_cloud_cover=20",
        "path=197/row=30",
        "months=7",
        "months=1/months=2",
        "eo:cloud_cover.lte=40",
    ] {
        let wanted = search(TM, path);
        let listed = desk.items(&wanted).unwrap().len() as u64;
        assert_eq!(desk.source.count(&wanted).unwrap(), Count::Matched(listed), "{path}");
    }
    for path in ["max_cloud_cover=20.5", "id.like=*X*", "eo:cloud_cover.lt=40", "filter=gsd = 3"] {
        assert_eq!(desk.source.count(&search(TM, path)).unwrap(), Count::Unknown, "{path}");
    }
}

#[test]
fn orders_are_those_asked_for() {
    let desk = Desk::new();
    for field in ["datetime", "-datetime", "eo:cloud_cover", "-eo:cloud_cover", "id", "-usgs:entity_id"] {
        for path in ["datetime=2010-03..2010-06", "datetime=2010-03..2010-06/eo:cloud_cover.lt=50"] {
            let wanted = Search { sortby: by(field), ..search(TM, path) };
            let items = desk.items(&wanted).unwrap();
            assert!(items.len() > 20);
            let sorted = items.is_sorted_by(|a, b| crate::query::in_order(&wanted.sortby, a, b).is_le());
            assert!(sorted, "{field} {path}");
        }
    }
}

#[test]
fn a_search_goes_on_beyond_the_window() {
    let desk = Desk::of("demo", Settings { window: 200, page_size: 80, ..settings() });
    desk.servers.m2m.quirks().result_window = 200;
    let all = desk.servers.m2m.archive().scenes(dataset(TM).unwrap()).count();
    assert!(all > 400, "{all}");
    for field in ["datetime", "-datetime"] {
        let wanted = Search { sortby: by(field), ..search(TM, "") };
        assert_eq!(desk.items(&wanted).unwrap().len(), all, "{field}");
    }
    let known = Search { sortby: by("eo:cloud_cover"), ..search(TM, "eo:cloud_cover.gte=0") };
    let error = desk.items(&known).unwrap_err().to_string();
    assert!(error.contains("200 scenes") && error.contains("narrow"), "{error}");
}

#[test]
fn hits_that_drift_end_no_listing_early() {
    let desk = Desk::new();
    desk.servers.m2m.quirks().hits_drift = 3;
    let all = desk.servers.m2m.archive().scenes(dataset(TM).unwrap()).count();
    assert_eq!(desk.found(TM, "").len(), all);
}

#[test]
fn a_total_of_yesterday_ends_no_listing_early() {
    let desk = Desk::new();
    let all = desk.servers.m2m.archive().scenes(dataset(TM).unwrap()).count();
    for lag in [1, 150, 250, all] {
        desk.servers.m2m.quirks().hits_lag = lag;
        assert_eq!(desk.found(TM, "").len(), all, "{lag} behind");
    }
}

#[test]
fn a_misspelt_property_is_told_of() {
    let desk = Desk::new();
    let error = desk.items(&search(TM, "WRS Pat=197")).unwrap_err();
    assert!(error.to_string().contains("WRS Pat") && matches!(error, Error::Query(_)), "{error}");
    assert!(desk.found(TM, "Sun Elevation L0RA.gt=90").is_empty(), "shown by scenes, no filter");
    assert!(desk.found(TM, "Image Quality=-77").is_empty());
}

#[test]
fn a_page_that_fails_is_asked_for_again() {
    let desk = Desk::new();
    let wanted = search(TM, "");
    let whole = desk.items(&wanted).unwrap();
    let mut pages = desk.source.search(&wanted).unwrap();
    let mut found = Vec::new();
    let mut failures = 0;
    loop {
        desk.servers.m2m.quirks().maintenance = failures == 0 && found.len() > 200;
        match pages.next_page() {
            Ok(Some(page)) => found.extend(page.members),
            Ok(None) => break,
            Err(_) => failures += 1,
        }
    }
    assert_eq!((ids(&found), failures), (ids(&whole), 1));
}
