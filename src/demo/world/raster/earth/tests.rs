use std::sync::Arc;

use super::*;

const RED: Product = Product::Band(Wavelength::Red, 0.0001, -0.1);

fn scene(x: i64, y: i64, cover: f32) -> Arc<Scene> {
    let bounds = Window { level: 0, x, y, width: 96, height: 96 };
    Arc::new(Scene::new(10, bounds, 150, Clouds { over: bounds, share: cover, seed: 3 }))
}

fn paint(scene: &Arc<Scene>, product: Product, factor: u32, level: u32) -> Vec<f32> {
    let side = i64::from(factor) << level;
    let Window { x, y, width, height, .. } = scene.bounds;
    let window = Window {
        level,
        x: x.div_euclid(side),
        y: y.div_euclid(side),
        width: width / side as usize,
        height: height / side as usize,
    };
    Arc::clone(scene).view(product, factor).paint(window)
}

#[test]
fn scenes_of_one_day_join() {
    let (left, right) = (scene(0, 192, 0.0), scene(96, 192, 0.0));
    let bounds = Window { width: 192, ..left.bounds };
    let both = Arc::new(Scene::new(10, bounds, 150, Clouds { over: bounds, share: 0.0, seed: 9 }));
    let (a, b, all) = (paint(&left, RED, 1, 0), paint(&right, RED, 1, 0), paint(&both, RED, 1, 0));
    for row in 0..96 {
        let line = &all[row * 192..(row + 1) * 192];
        assert_eq!(line[..96], a[row * 96..(row + 1) * 96]);
        assert_eq!(line[96..], b[row * 96..(row + 1) * 96]);
    }
}

#[test]
fn an_overview_is_the_mean_of_what_it_covers() {
    let scene = scene(0, 192, 0.3);
    let (full, half) = (paint(&scene, RED, 1, 0), paint(&scene, RED, 1, 1));
    let twenty = paint(&scene, RED, 2, 0);
    assert_eq!(half, twenty, "20 m pixels are those of the first overview");
    for (n, value) in half.iter().enumerate() {
        let at = n / 48 * 2 * 96 + n % 48 * 2;
        let mean = (full[at] + full[at + 1] + full[at + 96] + full[at + 97]) / 4.0;
        assert!((mean - value).abs() < 0.5, "{mean} and {value}");
    }
}

#[test]
fn codes_are_codes_in_overviews_too() {
    let scene = scene(0, 192, 0.4);
    for level in 0..3 {
        let codes = paint(&scene, Product::SceneClassification, 1, level);
        assert!(codes.iter().all(|code| code.fract() == 0.0 && (0.0..=11.0).contains(code)));
    }
}

#[test]
fn nothing_is_seen_outside_the_corners() {
    let bounds = Window { level: 0, x: 0, y: 0, width: 96, height: 96 };
    let tilted = [(30.0, 0.0), (96.0, 20.0), (66.0, 96.0), (0.0, 76.0)];
    let scene =
        Arc::new(Scene::new(240, bounds, 200, Clouds { over: bounds, share: 0.1, seed: 3 }).between(tilted));
    let values = paint(&scene, RED, 1, 0);
    assert!(values[0].is_nan() && values[95].is_nan());
    assert!(!values[48 * 96 + 48].is_nan());
    let blind = values.iter().filter(|value| value.is_nan()).count();
    assert!(blind > 96 * 96 / 8 && blind < 96 * 96 / 2, "{blind}");
}

#[test]
fn scenes_of_one_sky_join_under_clouds() {
    let over = Window { level: 0, x: 0, y: 0, width: 192, height: 96 };
    let scene = |bounds| Arc::new(Scene::new(10, bounds, 150, Clouds { over, share: 0.4, seed: 5 }));
    let (left, right) = (Window { width: 96, ..over }, Window { x: 96, width: 96, ..over });
    let (a, b) = (paint(&scene(left), RED, 1, 0), paint(&scene(right), RED, 1, 0));
    let step = |p: f32, q: f32| (p - q).abs();
    let across = (0..96).map(|row| step(a[row * 96 + 95], b[row * 96])).sum::<f32>();
    let within = (0..96).map(|row| step(a[row * 96 + 94], a[row * 96 + 95])).sum::<f32>();
    assert!(across < 3.0 * within + 2000.0, "{across} across the edge, {within} beside it");
    let mean = (scene(left).cloud_cover() + scene(right).cloud_cover()) / 2.0;
    assert!((mean - 0.4).abs() < 0.1, "{mean}");
}

#[test]
fn clouds_are_bright_and_classified() {
    let (clear, overcast) = (scene(0, 192, 0.0), scene(0, 192, 1.0));
    let mean = |all: Vec<f32>| all.iter().sum::<f32>() / all.len() as f32;
    assert!(mean(paint(&overcast, RED, 1, 0)) > 2.0 * mean(paint(&clear, RED, 1, 0)));
    let classes = paint(&overcast, Product::SceneClassification, 1, 0);
    assert!(classes.iter().filter(|class| **class >= 8.0).count() > 96 * 96 / 2);
    assert!(!paint(&clear, Product::SceneClassification, 1, 0).contains(&9.0));
}

#[test]
fn products_stay_within_their_ranges() {
    let scene = scene(0, 192, 0.3);
    let within = |product, low: f32, high: f32| {
        let values = paint(&scene, product, 1, 0);
        assert!(values.iter().all(|v| (low..=high).contains(v)), "{product:?}");
    };
    within(Product::TrueColour, 0.0, 255.0);
    within(Product::Temperature(1.0, 0.0), 240.0, 320.0);
    within(Product::Band(Wavelength::Nir, 1.0, 0.0), 0.0, 1.0);
    within(Product::PixelQuality, 1.0, 65_535.0);
}
