//! Odd servers through a real mount: names that are no names, boxes that are no boxes, roots below roots. The
//! README beside this file lists every oddity and its test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use stacfs::demo::stac::{BboxUnit, Children, Hrefs, Ids, Layout, Personality, Quirks, Support};
use stacfs::demo::world::{self, Collection, Items, World};
use stacfs::demo::{self, Demo, Options};

use crate::mounted::{MOON, Mounted};

fn serve(personality: Personality, world: World) -> Demo {
    demo::start(Options { personality, world: Arc::new(world), ..Options::default() }).unwrap()
}

fn odd(quirks: Quirks, world: World) -> Demo {
    demo::start(Options { quirks: Some(quirks), world: Arc::new(world), ..Options::default() }).unwrap()
}

/// The names of the directories that a directory lists: of items, or of collections.
fn listed(mount: &Mounted, directory: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(mount.path(directory)).unwrap_or_else(|error| panic!("{directory}: {error}"));
    let entries = entries.map(|entry| entry.unwrap_or_else(|error| panic!("{directory}: {error}")));
    let directories = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    directories.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// The id that an item's own document says, as text.
fn id_of(mount: &Mounted, item: &str) -> String {
    let document: Value = serde_json::from_str(&mount.text(&format!("{item}/item.json"))).unwrap();
    text(&document["id"])
}

fn text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// A world of the collection that is hard to handle; with the ids of all its items but the empty one, which
/// nobody could name.
fn nasty() -> (World, BTreeSet<String>) {
    let mut world = world::embedded();
    world.collections.retain(|collection| collection.id() == "nasty");
    let items = &world.collections[0].items;
    let ids = (0..items.len()).map(|at| text(&items.json(at)["id"])).filter(|id| !id.is_empty());
    let ids = ids.collect();
    (world, ids)
}

#[test]
fn every_id_is_a_name_that_leads_to_its_item() {
    for personality in [Personality::Plain, Personality::StacServer, Personality::Pgstac] {
        let (world, ids) = nasty();
        let demo = serve(personality, world);
        let mount = Mounted::of(&demo.stac_url);
        let names = listed(&mount, "nasty");
        assert_eq!(names.len(), ids.len(), "{personality:?}");
        assert!(names.iter().all(|name| name.len() <= 255), "{personality:?}");
        let of_names: BTreeMap<String, &String> =
            names.iter().map(|name| (id_of(&mount, &format!("nasty/{name}")), name)).collect();
        assert_eq!(of_names.keys().cloned().collect::<BTreeSet<_>>(), ids, "{personality:?}");
        for (id, name) in &of_names {
            let decoded = percent_decode_str(name).decode_utf8().unwrap();
            let long = name.len() > 200 && name.contains('~');
            assert!(long || decoded == *id, "{personality:?}: {name} is the name of {id:?}");
        }
    }
}

#[test]
fn an_odd_name_is_found_searched_for_and_copied_by_whoever_knows_it() {
    let (world, ids) = nasty();
    let demo = serve(Personality::Plain, world);
    let names: BTreeMap<String, String> = {
        let mount = Mounted::of(&demo.stac_url);
        let names = listed(&mount, "nasty");
        names.into_iter().map(|name| (id_of(&mount, &format!("nasty/{name}")), name)).collect()
    };
    // A mount that has listed nothing yet, with nothing in its cache. Programs ask for a README everywhere: that
    // name is one of the server's only where it was listed.
    let mount = Mounted::of(&demo.stac_url);
    for (id, name) in names.iter().filter(|(id, _)| *id != "README.md") {
        assert_eq!(&id_of(&mount, &format!("nasty/{name}")), id, "{name}");
    }
    for id in &ids {
        let segment = format!("ids={}", utf8_percent_encode(id, NON_ALPHANUMERIC));
        // Three bytes for one: the escaped ids of 300 bytes are too long for a name of the kernel's.
        let segment = if segment.len() > 255 { format!("ids={id}") } else { segment };
        if segment.len() > 255 {
            continue;
        }
        let found = listed(&mount, &format!("nasty/{segment}"));
        assert_eq!(found, BTreeSet::from([names[id].clone()]), "{segment}");
    }
    for wrong in ["a%2fb", "%61%2Fb", "100%25%25", "with%20space"] {
        assert!(fs::metadata(mount.path(&format!("nasty/{wrong}"))).is_err(), "{wrong} is another spelling");
    }

    // What `cp` makes of it has the same names and the bytes of the right files; what is not there is told of.
    let copied = mount.run("cp -r nasty $OUT/ 2> $OUT/complaints");
    let complaints = mount.sh("cat $OUT/complaints");
    assert!(!copied.status.success() && complaints.contains("nothing.txt"), "{complaints}");
    let out = mount.place.path("out/nasty");
    let there: BTreeSet<String> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "collection.json")
        .collect();
    assert_eq!(there, names.values().cloned().collect());
    let mut notes = 0;
    for name in names.values() {
        let item: Value =
            serde_json::from_slice(&fs::read(out.join(name).join("item.json")).unwrap()).unwrap();
        let Some(href) = item["assets"]["note"]["href"].as_str() else { continue };
        if let Ok(note) = fs::read_to_string(out.join(name).join("note.txt")) {
            let number = href.rsplit('/').nth(1).unwrap();
            assert!(note.starts_with(&format!("file {number}: note.txt")), "{name}: {note}");
            notes += 1;
        }
    }
    assert!(notes > 50, "{notes}");
}

#[test]
fn ids_that_are_numbers_are_names_like_any_other() {
    let demo = odd(Quirks { ids: Ids::Numbers, ..Quirks::default() }, world::small());
    let mount = Mounted::of(&demo.stac_url);
    assert!(listed(&mount, "odd").contains("12345"));
    assert!(mount.text("odd/12345/item.json").contains("\"id\":12345"));
    assert_eq!(listed(&mount, "odd/ids=12345"), BTreeSet::from(["12345".to_owned()]));
    assert_eq!(mount.text("odd/ids=12345,nowhere/count"), "2\n");
}

/// Items whose boxes are in metres, as those of some USGS mosaics: a projected box where degrees belong.
struct InMetres(Arc<dyn Items>);

impl Items for InMetres {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn json(&self, at: usize) -> Value {
        let mut item = self.0.json(at);
        if let Some(numbers) = item.get_mut("bbox").and_then(Value::as_array_mut) {
            numbers.iter_mut().for_each(|n| *n = json!(n.as_f64().unwrap() * 30_323.35));
        }
        item
    }
}

fn in_metres(mut world: World) -> World {
    for Collection { items, .. } in &mut world.collections {
        *items = Arc::new(InMetres(Arc::clone(items)));
    }
    world
}

const SEARCHES: &[&str] = &[
    "moon/bbox=-180,-20,0,40",
    "moon/bbox=170,-10,-170,10",
    "moon/intersects=POLYGON((0 -60,100 -60,100 60,0 60,0 -60))",
    "moon/bbox=-180,-90,180,90",
    "fields/bbox=12,44,15,47/max_cloud_cover=50",
    "bbox=12,44,15,47/fields",
];

#[test]
fn boxes_in_metres_neither_hide_items_nor_show_others() {
    let flat = || {
        let mut world = world::small();
        world.catalogs.clear();
        world
    };
    let right = serve(Personality::Plain, flat());
    let right = Mounted::of(&right.stac_url);
    let metres = Quirks { bbox_unit: BboxUnit::Metres, ..Quirks::default() };
    for (name, demo) in [
        ("an API", odd(metres.clone(), flat())),
        // What is evaluated here has only the geometry to go by.
        ("an API without a search", odd(Quirks { search: Support::No, ..metres }, flat())),
        ("a static catalogue", serve(Personality::Static, in_metres(flat()))),
    ] {
        let mount = Mounted::of(&demo.stac_url);
        for search in SEARCHES {
            let (want, found) = (listed(&right, search), listed(&mount, search));
            assert!(want.len() > 1 && found == want, "{name}: {search}: {found:?} instead of {want:?}");
        }
        let told: Value = serde_json::from_str(&mount.text("moon/bbox=-180,-20,0,40/items.geojson")).unwrap();
        assert!(told["features"].as_array().is_some_and(|all| all.len() > 1), "{told}");
    }
}

#[test]
fn boxes_in_metres_do_not_move_a_mosaic() {
    let directory = format!("{MOON}/bbox=0,0,2.5,2.5/max_items=3");
    let mosaic = |quirks: Quirks| {
        let demo = odd(quirks, world::embedded());
        let mount = Mounted::of(&demo.stac_url);
        mount.sh(&format!("gdalinfo -json -nomd {directory}/mosaics/image.vrt | grep -v /mnt"))
    };
    let metres = mosaic(Quirks { bbox_unit: BboxUnit::Metres, ..Quirks::default() });
    assert_eq!(metres, mosaic(Quirks::default()));
    assert!(metres.contains("geoTransform") && metres.contains("Moon"), "{metres}");
}

#[test]
fn roots_below_a_root_are_directories_with_searches_of_their_own() {
    let demo = odd(Quirks { children: Children::Roots, ..Quirks::default() }, world::small());
    let mount = Mounted::of(&demo.stac_url);
    let root = listed(&mount, "");
    assert!(root.contains("earth") && root.contains("planets"), "{root:?}");
    assert_eq!(listed(&mount, "earth"), BTreeSet::from(["fields".to_owned()]));
    assert_eq!(listed(&mount, "planets/lunar"), BTreeSet::from(["moon".to_owned()]));
    demo.server.journal().clear();
    let direct = listed(&mount, "earth/fields/bbox=12,44,15,47/max_cloud_cover=50");
    assert!(direct.len() > 1 && direct.contains("S2_03"), "{direct:?}");
    for path in ["earth/bbox=12,44,15,47/fields", "bbox=12,44,15,47/earth/fields"] {
        assert_eq!(listed(&mount, &format!("{path}/max_cloud_cover=50")), direct, "{path}");
    }
    assert_eq!(mount.text("earth/fields/max_cloud_cover=50/count"), "8\n");
    let searches = demo.server.journal().select(|entry| entry.target.contains("/search"));
    assert!(!searches.is_empty());
    assert!(searches.iter().all(|entry| entry.path() == "/stac/earth/search"), "{searches:?}");
    let bytes = fs::read(mount.path("earth/fields/S2_03/B04.tif")).unwrap();
    assert_eq!(bytes.len(), 5_000);
    assert!(fs::metadata(mount.path("earth/moon")).is_err(), "another provider's collection");
    assert!(fs::metadata(mount.path("nowhere")).is_err());
    assert_eq!(mount.sh("find . -name item.json | grep -c S2_").trim(), "12");
}

#[test]
fn a_static_catalogue_keeps_odd_names_too() {
    let (mut world, ids) = nasty();
    world.catalogs.clear();
    // Files need names of their own: what a disk cannot hold, no static catalogue has.
    let items = Arc::clone(&world.collections[0].items);
    let kept: Vec<Value> = (0..items.len())
        .map(|at| items.json(at))
        .filter(|item| ids.contains(&text(&item["id"])) && item.get("collection").is_some())
        .filter(|item| item["id"] != "." && item["id"] != "..")
        .collect();
    let want: BTreeSet<String> = kept.iter().map(|item| text(&item["id"])).collect();
    world.collections[0].items = Arc::new(kept);
    let demo = demo::start(Options {
        personality: Personality::Static,
        layout: Layout::Relative,
        world: Arc::new(world),
        ..Options::default()
    })
    .unwrap();
    let mount = Mounted::of(&demo.stac_url);
    let found: BTreeSet<String> =
        listed(&mount, "nasty").iter().map(|name| id_of(&mount, &format!("nasty/{name}"))).collect();
    assert_eq!(found, want);
}

#[test]
fn an_asset_proxy_is_seen_through() {
    let demo = odd(Quirks { hrefs: Hrefs::Proxied, ..Quirks::default() }, world::small());
    let mount = Mounted::of(&demo.stac_url);
    let files = mount.sh("stat -c '%n %s' fields/S2_03/*.tif moon/TC_01/TC_01.tif");
    let want: Vec<String> = ["fields/S2_03/B02", "fields/S2_03/B03", "fields/S2_03/B04", "moon/TC_01/TC_01"]
        .map(|name| format!("{name}.tif 5000"))
        .into();
    assert_eq!(files.lines().collect::<Vec<_>>(), want, "named by the alternate");
    let direct = odd(Quirks::default(), world::small());
    let plain = Mounted::of(&direct.stac_url);
    for file in ["fields/S2_03/B04.tif", "moon/TC_01/TC_01.tif"] {
        assert_eq!(fs::read(mount.path(file)).unwrap(), fs::read(plain.path(file)).unwrap(), "{file}");
    }
    let proxied = demo.server.journal().select(|entry| entry.path().contains("/assets/image"));
    assert!(!proxied.is_empty());
    assert!(!mount.text(".stacfs/requests").contains("X-Amz-Signature=0"), "a signature is told to nobody");
}
