//! From what is wanted to the body of an order.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::place::MARK;
use super::{Available, Error, Extent, Projection, Sensor, schema};

/// The most scenes of one order.
const MOST_SCENES: usize = 5_000;

/// The longest note that ESPA's database holds, in characters. Its API crashes over longer ones.
const LONGEST_NOTE: usize = 2_048;

/// What is wanted of which scenes.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Product ids of scenes, in any case.
    pub scenes: Vec<String>,
    /// What is to be made of them.
    pub products: Products,
    /// A code of [`Espa::formats`](super::Espa::formats).
    pub format: String,
    /// A code of [`Espa::resampling_methods`](super::Espa::resampling_methods).
    pub resampling: String,
    /// Pixel size: degrees where the projection is `lonlat`, else metres.
    pub resolution: Option<f64>,
    /// The projection, where another than the scene's own is wanted.
    pub projection: Option<Projection>,
    /// The part that is wanted; needs a projection.
    pub extent: Option<Extent>,
    /// A note to ourselves.
    pub note: String,
}

/// What is to be made: the same of all sensors, save those that have a list of their own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Products {
    /// Of every sensor without a list of its own.
    pub of_all: Vec<String>,
    /// By the sensor's key.
    pub of_sensor: BTreeMap<String, Vec<String>>,
}

/// An order that can be placed, and the scenes that are not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The body of the POST.
    pub body: Map<String, Value>,
    /// Scenes in the body.
    pub scenes: usize,
    /// Scenes that ESPA would not take.
    pub dropped: Vec<Dropped>,
}

/// A scene that cannot be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The scene, as it was written.
    pub scene: String,
    /// Why.
    pub why: String,
}

impl Wish {
    /// The scenes, each once.
    pub fn distinct_scenes(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        self.scenes.iter().filter(|scene| seen.insert(scene.to_uppercase())).cloned().collect()
    }

    /// The order, by what the server says can be made of [`Wish::distinct_scenes`].
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong.
    pub fn draft(&self, available: &Available) -> Result<Draft, Error> {
        let mut wrong = self.own_faults();
        let mut dropped = Vec::new();
        let mut drop_all = |scenes: &[String], why: &str| {
            dropped.extend(scenes.iter().map(|scene| Dropped { scene: scene.clone(), why: why.to_owned() }));
        };
        drop_all(&available.unknown, "ESPA does not process it");
        drop_all(&self.unnamed_in(available), "ESPA does not say what can be made of it");
        for (sensor, scenes) in &available.restricted_sensors {
            drop_all(scenes, &format!("{sensor} cannot be ordered at present"));
        }
        let mut body = Map::new();
        let mut scenes = 0;
        for sensor in &available.sensors {
            let products = self.products.of(&sensor.key);
            wrong.extend(unavailable(sensor, products, available));
            let ruled_out = |scene: &String| {
                products.iter().find(|product| {
                    let restricted = available.restricted_by_date.get(*product);
                    restricted
                        .is_some_and(|scenes| scenes.iter().any(|other| other.eq_ignore_ascii_case(scene)))
                })
            };
            let mut inputs = Vec::new();
            for scene in &sensor.scenes {
                match ruled_out(scene) {
                    Some(product) => {
                        drop_all(
                            std::slice::from_ref(scene),
                            &format!("{product} cannot be made of its date"),
                        );
                    }
                    None => inputs.push(scene.clone()),
                }
            }
            // A sensor without scenes would make the server refuse the whole order.
            if !inputs.is_empty() {
                scenes += inputs.len();
                body.insert(sensor.key.clone(), json!({"inputs": inputs, "products": products}));
            }
        }
        wrong.extend(
            self.products
                .of_sensor
                .keys()
                .filter(|key| !available.sensors.iter().any(|s| s.key == **key))
                .map(|key| {
                    format!("none of the scenes is of the sensor {key}, which products are given for")
                }),
        );
        if scenes == 0 && wrong.is_empty() {
            wrong.push(match dropped.first() {
                None => "no scene is named".to_owned(),
                Some(Dropped { scene, why }) => format!("no scene is left: {scene}: {why}"),
            });
        }
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        self.customise(&mut body);
        Ok(Draft { body, scenes, dropped })
    }

    /// The scenes that the server's answer passes over.
    fn unnamed_in(&self, available: &Available) -> Vec<String> {
        let of_sensors = available.sensors.iter().flat_map(|sensor| &sensor.scenes);
        let restricted = available.restricted_sensors.values().flatten();
        let named: HashSet<String> = of_sensors
            .chain(&available.unknown)
            .chain(restricted)
            .map(|scene| scene.to_uppercase())
            .collect();
        let mut scenes = self.distinct_scenes();
        scenes.retain(|scene| !named.contains(&scene.to_uppercase()));
        scenes
    }

    /// What is wrong whatever the scenes are.
    fn own_faults(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let count = self.distinct_scenes().len();
        if count > MOST_SCENES {
            wrong.push(format!(
                "{count} scenes are more than the {MOST_SCENES} of one order; make several orders"
            ));
        }
        let longest = LONGEST_NOTE - MARK;
        if self.note.chars().count() > longest {
            wrong.push(format!("the note is longer than {longest} characters"));
        }
        match (&self.extent, &self.projection) {
            (Some(_), None) => wrong.push("an extent needs a projection".to_owned()),
            (Some(extent), Some(projection)) => wrong.extend(extent.clashes(projection)),
            (None, _) => {}
        }
        let in_degrees = self.projection.as_ref().is_some_and(Projection::is_in_degrees);
        let (least, most, units) = if in_degrees {
            (0.000_269_5, 0.044_915_5, "degrees (of lonlat)")
        } else {
            (30., 5_000., "metres")
        };
        if self.resolution.is_some_and(|size| !(least..=most).contains(&size)) {
            wrong.push(format!("the resolution must be {least} to {most} {units}"));
        }
        wrong
    }

    /// All of the body but the sensors, in the order of lsru's.
    fn customise(&self, body: &mut Map<String, Value>) {
        body.insert("format".into(), self.format.clone().into());
        body.insert("note".into(), self.note.clone().into());
        body.insert("resampling_method".into(), self.resampling.clone().into());
        if let Some(size) = self.resolution {
            let in_degrees = self.projection.as_ref().is_some_and(Projection::is_in_degrees);
            let units = if in_degrees { "dd" } else { "meters" };
            body.insert("resize".into(), json!({"pixel_size": size, "pixel_size_units": units}));
        }
        if let Some(projection) = &self.projection {
            body.insert("projection".into(), projection.to_json());
        }
        if let Some(extent) = &self.extent {
            body.insert("image_extents".into(), extent.to_json());
        }
    }
}

impl Draft {
    /// Holds it against the server's schema, [`Espa::order_schema`](super::Espa::order_schema).
    ///
    /// # Errors
    /// [`Error::Invalid`] with what the server would refuse.
    pub fn check(&self, schema: &Value) -> Result<(), Error> {
        match schema::faults(schema, &self.body) {
            faults if faults.is_empty() => Ok(()),
            faults => Err(Error::Invalid(faults)),
        }
    }
}

impl Products {
    /// What is wanted of a sensor.
    fn of(&self, sensor: &str) -> &[String] {
        self.of_sensor.get(sensor).unwrap_or(&self.of_all)
    }
}

/// Wanted products that the sensor does not have at all. One that only a date rules out is had by the others.
fn unavailable(sensor: &Sensor, wanted: &[String], available: &Available) -> Option<String> {
    let offered = sensor.products.join(", ");
    if wanted.is_empty() {
        return Some(format!("no product is asked of {}; it has {offered}", sensor.key));
    }
    let is_had = |product: &&String| {
        let by_date = available.restricted_by_date.get(*product);
        sensor.products.contains(product)
            || by_date.is_some_and(|scenes| {
                scenes.iter().any(|other| sensor.scenes.iter().any(|own| own.eq_ignore_ascii_case(other)))
            })
    };
    let lacking: Vec<&str> = wanted.iter().filter(|product| !is_had(product)).map(String::as_str).collect();
    (!lacking.is_empty()).then(|| format!("{} has no {}; it has {offered}", sensor.key, lacking.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(scenes: &[&str], products: &[&str]) -> Wish {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Wish {
            scenes: owned(scenes),
            products: Products { of_all: owned(products), of_sensor: BTreeMap::new() },
            format: "gtiff".into(),
            resampling: "nn".into(),
            resolution: None,
            projection: None,
            extent: None,
            note: "mine".into(),
        }
    }

    fn answer() -> Available {
        Available::from_value(json!({
            "olitirs8_collection": {"products": ["l1", "sr", "toa"], "inputs": ["A", "B"]},
            "etm7_collection": {"products": ["l1", "toa"], "inputs": ["C", "D"]},
            "date_restricted": {"sr": ["D"]},
            "not_implemented": ["E"],
        }))
        .unwrap()
    }

    #[test]
    fn what_cannot_be_had_is_left_out_and_said() {
        let draft = wish(&["A", "B", "C", "D", "E"], &["sr"]).draft(&answer()).unwrap();
        assert_eq!(draft.body["etm7_collection"], json!({"inputs": ["C"], "products": ["sr"]}));
        assert_eq!(draft.scenes, 3);
        let dropped: Vec<_> = draft.dropped.iter().map(|d| (d.scene.as_str(), d.why.as_str())).collect();
        assert_eq!(dropped, [("E", "ESPA does not process it"), ("D", "sr cannot be made of its date")]);
        let keys: Vec<&String> = draft.body.keys().collect();
        assert_eq!(keys, ["olitirs8_collection", "etm7_collection", "format", "note", "resampling_method"]);
        // The server may write ids in another case than we did.
        let mut shouted = answer();
        shouted.restricted_by_date = BTreeMap::from([("sr".to_owned(), vec!["d".to_owned()])]);
        assert_eq!(wish(&["A", "B", "C", "D", "E"], &["sr"]).draft(&shouted).unwrap().body, draft.body);
        // One that the answer does not name at all is missed.
        let passed_over = wish(&["A", "F"], &["toa"]).draft(&answer()).unwrap().dropped;
        assert_eq!(passed_over.last().map(|dropped| dropped.scene.as_str()), Some("F"));
        // A product that the date does not touch loses nothing.
        assert_eq!(wish(&["A", "B", "C", "D"], &["toa"]).draft(&answer()).unwrap().scenes, 4);
    }

    #[test]
    fn sensors_may_have_lists_of_their_own() {
        let mut wish = wish(&["A", "C"], &["sr"]);
        wish.products.of_sensor.insert("etm7_collection".into(), vec!["toa".into()]);
        let draft = wish.draft(&answer()).unwrap();
        assert_eq!(draft.body["olitirs8_collection"]["products"], json!(["sr"]));
        assert_eq!(draft.body["etm7_collection"]["products"], json!(["toa"]));
        wish.products.of_sensor.insert("tm5_collection".into(), vec!["toa".into()]);
        assert!(wish.draft(&answer()).unwrap_err().to_string().contains("sensor tm5_collection"));
    }

    #[test]
    fn faults_are_told_together() {
        let mut wish = wish(&["A"], &["st"]);
        wish.resolution = Some(10.);
        wish.extent = Some(Extent::parse("0,0,1,1", "dd").unwrap());
        wish.note = "x".repeat(2_040);
        let words = wish.draft(&answer()).unwrap_err().to_string();
        for told in [
            "olitirs8_collection has no st; it has l1, sr, toa",
            "30 to 5000 metres",
            "needs a projection",
            "longer than 2022",
        ] {
            assert!(words.contains(told), "{told}: {words}");
        }
        wish.projection = Some(Projection::parse("lonlat").unwrap());
        assert!(wish.draft(&answer()).unwrap_err().to_string().contains("degrees (of lonlat)"));
    }

    #[test]
    fn an_order_of_nothing_is_none() {
        let nothing = Available::from_value(json!({"not_implemented": ["E"]})).unwrap();
        let words = wish(&["E"], &["sr"]).draft(&nothing).unwrap_err().to_string();
        assert!(words.contains("no scene is left: E: ESPA does not process it"), "{words}");
        assert!(Available::from_value(json!([])).is_err());
    }

    #[test]
    fn the_same_scene_is_ordered_once() {
        assert_eq!(wish(&["A", "a", "B", "A"], &[]).distinct_scenes(), ["A", "B"]);
    }
}
