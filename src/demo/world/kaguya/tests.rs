use super::*;

fn read(file: File) -> Vec<u8> {
    let bytes = file.bytes();
    let mut all = vec![0; bytes.len() as usize];
    bytes.read_at(0, &mut all).unwrap();
    all
}

#[test]
fn there_are_120_different_scenes() {
    let kaguya = Kaguya::new();
    assert_eq!(kaguya.len(), 120);
    assert_eq!(kaguya.by_id.len(), 120, "ids are unique");
    assert!(kaguya.by_id.contains_key("TC1S2B0_01_05524N012E0019"));
    assert!(kaguya.by_id.contains_key("TC1S2B0_01_07495N079E3030"));
}

#[test]
fn scenes_lie_where_their_bbox_says() {
    let kaguya = Kaguya::new();
    let within = (0..kaguya.len())
        .map(|n| kaguya.summary(n))
        .filter(|s| s.bbox.is_some_and(|[w, south, e, n]| w >= 0.0 && south >= 0.0 && e <= 2.5 && n <= 2.5))
        .filter(|s| s.datetime.unwrap().to_string().starts_with("2009-06"))
        .count();
    assert!(within >= 4, "{within}");
    let crossing = (0..kaguya.len()).filter(|&n| kaguya.summary(n).bbox.is_some_and(|b| b[0] > b[2])).count();
    assert!(crossing >= 3, "{crossing}");
    let e3030 = kaguya.json(kaguya.by_id["TC1S2B0_01_07495N079E3030"]);
    assert!((e3030["bbox"][0].as_f64().unwrap() + 57.39).abs() < 0.02, "{}", e3030["bbox"]);
    assert!(e3030["properties"]["datetime"].as_str().unwrap().starts_with("2009-06-07T12:"));
    assert_eq!(e3030["properties"]["proj:epsg"], Value::Null);
}

#[test]
fn every_asset_has_bytes_and_the_right_size() {
    let kaguya = Kaguya::new();
    let item = kaguya.json(0);
    let sizes: Vec<(String, usize)> = item["assets"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| *key != "image")
        .map(|(key, asset)| {
            let path = asset["href"].as_str().unwrap().strip_prefix(FOLDER).unwrap();
            (key.clone(), read(kaguya.file(path).unwrap()).len())
        })
        .collect();
    for (key, size) in sizes {
        let expected = match key.as_str() {
            "caminfo_pvl" => 6_000..9_000,
            "pds_label" => 6_000..9_000,
            "isis_label" => 9_000..15_000,
            "usgscsm_isd" => 400_000..1_100_000,
            "thumbnail" => 10_000..200_000,
            _ => 200..1_000,
        };
        assert!(expected.contains(&size), "{key}: {size}");
    }
    assert!(kaguya.file("TC1S2B0_01_05524N012E0019/other.tif").is_none());
    assert!(kaguya.file("nothing").is_none());
}

#[test]
fn labels_tell_the_incidence_angle() {
    let kaguya = Kaguya::new();
    let scene = &kaguya.scenes[3];
    let text = String::from_utf8(read(scene.file(Kind::Caminfo))).unwrap();
    let line = text.lines().find(|line| line.trim_start().starts_with("IncidenceAngle ")).unwrap();
    let angle: f64 = line.split('=').nth(1).unwrap().trim().parse().unwrap();
    assert!((angle + scene.sun_elevation() - 90.0).abs() < 1e-9);
}

#[test]
fn neighbours_show_the_same_ground() {
    let kaguya = Kaguya::new();
    let (a, b) = (&kaguya.scenes[0], &kaguya.scenes[1]);
    let window = Window { level: 0, x: b.origin.0 + 60, y: b.origin.1 + 400, width: 40, height: 20 };
    let (left, right) = (a.picture().paint(window), b.picture().paint(window));
    assert!(left.iter().zip(&right).all(|(p, q)| (p - q).abs() < 0.01), "they overlap here");
    assert!(left.iter().all(|value| !value.is_nan()));
    let corner = Window { x: a.origin.0, y: a.origin.1, width: 20, height: 20, ..window };
    assert!(a.picture().paint(corner)[0].is_nan(), "the edges slant");
}
