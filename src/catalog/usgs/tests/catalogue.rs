//! Datasets as collections, scenes as items.

use super::*;

#[test]
fn datasets_are_collections() {
    let desk = Desk::new();
    let listed = all(desk.source.collections().unwrap()).unwrap();
    assert!(listed.len() >= 6);
    for collection in &listed {
        let alone = desk.source.collection(collection.id()).unwrap().unwrap();
        assert_eq!(alone.raw(), collection.raw());
    }
    assert!(desk.source.collection("nothing-like-it").unwrap().is_none());
    let meant = desk.source.collection("landsat_ot_c2_l9").unwrap_err().to_string();
    assert!(meant.contains("did you mean landsat_ot_c2_l"), "{meant}");
    assert_eq!(desk.asked(), ["login-token", "dataset-search"]);
}

#[test]
fn older_names_stand_for_datasets_of_today() {
    let desk = Desk::new();
    for (older, today) in [
        ("LANDSAT_8_C1", "landsat_ot_c2_l1"),
        ("LANDSAT_ETM_C1", "landsat_etm_c2_l1"),
        ("LANDSAT_TM_C1", "landsat_tm_c2_l1"),
        ("5", TM),
        ("9", LEVEL_2),
    ] {
        assert_eq!(desk.source.collection(older).unwrap().unwrap().id(), today, "{older}");
    }
}

#[test]
fn an_item_is_whole_and_a_listing_needs_no_product() {
    let desk = Desk::new();
    let listed = desk.found(LEVEL_2, "bbox=3.5,43.4,4,44/datetime=2015");
    assert!(!desk.asked().contains(&"download-options".to_owned()));
    let item = desk.source.item(LEVEL_2, listed[0].id()).unwrap().unwrap();
    assert_eq!(desk.asked(), ["download-options"], "the scene itself is remembered");
    let assets = item.assets();
    let bundle = assets.iter().find(|asset| asset.key == "bundle").unwrap();
    assert_eq!(bundle.fields["stacfs:unlisted"], true);
    assert!(bundle.href().unwrap().ends_with(&format!("/{}.tar", item.id())));
    let band = assets.iter().find(|asset| asset.key == "SR_B4").unwrap();
    assert!(band.href().unwrap().ends_with(&format!("/{}_SR_B4.TIF", item.id())), "{:?}", band.href());
    for asset in assets.iter().filter(|asset| asset.href().unwrap().starts_with("m2m:")) {
        assert!(asset.size().is_some(), "{}", asset.key);
    }
    assert!(band.checksum().is_some() && bundle.checksum().is_some());
    assert!(desk.source.item(LEVEL_2, "LC08_L2SP_000000_20150101_20150101_02_T1").unwrap().is_none());
}

#[test]
fn many_items_take_few_requests() {
    let desk = Desk::new();
    let listed = desk.found(TM, "datetime=2009..2010");
    let ids: Vec<&str> = listed.iter().take(12).map(Item::id).collect();
    desk.asked();
    assert_eq!(desk.source.items(TM, &ids).unwrap().len(), 12);
    assert_eq!(desk.asked(), ["download-options"]);
    // Another mount has not met them.
    let account = Account { username: "demo".into(), token: Some(Secret::new("demo-token")), password: None };
    let other = client(&desk.servers, Some(account), settings(), &desk.report);
    let wanted: Vec<&str> = ids.iter().copied().chain(["nobody"]).collect();
    assert_eq!(other.items(TM, &wanted).unwrap().len(), 12);
    assert_eq!(
        desk.asked(),
        ["login-token", "scene-list-add", "scene-metadata-list", "scene-list-remove", "download-options"]
    );
}

#[test]
fn whole_items_can_be_listed() {
    let desk = Desk::new();
    let wanted = Search { depth: Depth::Whole, ..search(TM, "datetime=2010-05") };
    let items = desk.items(&wanted).unwrap();
    assert!(!items.is_empty());
    assert!(items.iter().all(|item| item.assets().iter().any(|asset| asset.key == "bundle")));
}

#[test]
fn without_the_right_to_download_scenes_stand_without_products() {
    let desk = Desk::of("browser", settings());
    let listed = desk.found(TM, "datetime=2010-05");
    let item = desk.source.item(TM, listed[0].id()).unwrap().unwrap();
    let keys: Vec<String> = item.assets().into_iter().map(|asset| asset.key).collect();
    assert_eq!(keys, ["browse", "thumbnail"]);
    let (_, note) = desk.report.notes().into_iter().find(|(subject, _)| subject == "usgs: products").unwrap();
    let note = format!("{note:?}");
    assert!(note.contains("AUTH_UNAUTHROIZED") && note.contains("ers.cr.usgs.gov/profile/access"), "{note}");
}
