//! Projections and extents of an order, as they are written on a command line, and their documented rules.

use serde_json::{Map, Number, Value, json};

/// What a parameter of a projection may be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Number,
    /// Within these bounds.
    Between(f64, f64),
    /// Its absolute value is within these bounds.
    Apart(f64, f64),
    Whole(i64, i64),
    Word(&'static [&'static str]),
}

type Rule = (&'static str, Kind);

/// ESPA's projections with all their parameters, each of which is required (API documentation, order-schema). The
/// server takes unknown ones and empty ones, and fails later.
const PROJECTIONS: [(&str, &[Rule]); 5] = [
    (
        "aea",
        &[
            ("central_meridian", Kind::Between(-180., 180.)),
            ("latitude_of_origin", Kind::Between(-90., 90.)),
            ("standard_parallel_1", Kind::Between(-90., 90.)),
            ("standard_parallel_2", Kind::Between(-90., 90.)),
            ("false_easting", Kind::Number),
            ("false_northing", Kind::Number),
            ("datum", Kind::Word(&["wgs84", "nad27", "nad83"])),
        ],
    ),
    ("utm", &[("zone", Kind::Whole(1, 60)), ("zone_ns", Kind::Word(&["north", "south"]))]),
    ("lonlat", &[]),
    (
        "sinu",
        &[
            ("central_meridian", Kind::Between(-180., 180.)),
            ("false_easting", Kind::Number),
            ("false_northing", Kind::Number),
        ],
    ),
    (
        "ps",
        &[
            ("longitudinal_pole", Kind::Between(-180., 180.)),
            ("latitude_true_scale", Kind::Apart(60., 90.)),
            ("false_easting", Kind::Number),
            ("false_northing", Kind::Number),
        ],
    ),
];

/// A map projection with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    name: &'static str,
    parameters: Map<String, Value>,
}

impl Projection {
    /// From `lonlat`, `NAME:parameter=value,…`, or the JSON object of an order, `{"aea": {…}}`.
    ///
    /// # Errors
    /// What is wrong with it, and what it may be.
    pub fn parse(text: &str) -> Result<Projection, String> {
        let (name, given) = match text.trim_start().starts_with('{') {
            true => of_json(text)?,
            false => of_words(text)?,
        };
        let names = PROJECTIONS.map(|(name, _)| name).join(", ");
        let Some((name, rules)) = PROJECTIONS.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known))
        else {
            return Err(format!("ESPA knows no projection {name:?}; it knows {names}"));
        };
        if let Some(key) = given.keys().find(|key| !rules.iter().any(|(known, _)| known == key)) {
            return Err(format!("{name} has no parameter {key}; it has {}", listed(rules)));
        }
        let missing: Vec<Rule> = rules.iter().filter(|(key, _)| !given.contains_key(*key)).copied().collect();
        if !missing.is_empty() {
            return Err(format!("{name} also needs {}", listed(&missing)));
        }
        for (key, kind) in rules {
            if let Some(value) = given.get(*key) {
                kind.check(value).map_err(|why| format!("{key} of {name} {why}"))?;
            }
        }
        Ok(Projection { name, parameters: given })
    }

    /// Whether its units are degrees.
    pub fn is_in_degrees(&self) -> bool {
        self.name == "lonlat"
    }

    /// As it stands in an order.
    pub fn to_json(&self) -> Value {
        let parameters =
            if self.is_in_degrees() { Value::Null } else { Value::Object(self.parameters.clone()) };
        json!({ self.name: parameters })
    }
}

fn listed(rules: &[Rule]) -> String {
    let keys: Vec<&str> = rules.iter().map(|(key, _)| *key).collect();
    if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
}

fn of_json(text: &str) -> Result<(String, Map<String, Value>), String> {
    let wrong = || {
        format!("{text:?} is no projection; write e.g. {{\"utm\": {{\"zone\": 31, \"zone_ns\": \"north\"}}}}")
    };
    let value: Value = serde_json::from_str(text).map_err(|error| format!("{}: {error}", wrong()))?;
    let mut members = value.as_object().cloned().unwrap_or_default().into_iter();
    match (members.next(), members.next()) {
        (Some((name, Value::Object(parameters))), None) => Ok((name, parameters)),
        (Some((name, Value::Null)), None) => Ok((name, Map::new())),
        _ => Err(wrong()),
    }
}

fn of_words(text: &str) -> Result<(String, Map<String, Value>), String> {
    let (name, rest) = text.split_once(':').unwrap_or((text, ""));
    let mut parameters = Map::new();
    for pair in rest.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| format!("{pair:?} is no parameter; write parameter=value"))?;
        let value = value.trim();
        let value = serde_json::from_str::<Number>(value).map_or_else(|_| value.into(), Value::Number);
        if parameters.insert(key.trim().to_owned(), value).is_some() {
            return Err(format!("{} is given twice", key.trim()));
        }
    }
    Ok((name.trim().to_owned(), parameters))
}

impl Kind {
    fn check(self, value: &Value) -> Result<(), String> {
        let within = |value: Option<f64>, least: f64, most: f64, what: &str| match value {
            Some(number) if (least..=most).contains(&number) => Ok(()),
            _ => Err(format!("must be {what} from {least} to {most}")),
        };
        match self {
            Kind::Number if value.is_number() => Ok(()),
            Kind::Number => Err("must be a number".to_owned()),
            Kind::Between(least, most) => within(value.as_f64(), least, most, "a number"),
            Kind::Apart(least, most) => {
                within(value.as_f64().map(f64::abs), least, most, "a number whose absolute value is")
            }
            Kind::Whole(least, most) => match value.as_i64() {
                Some(number) if (least..=most).contains(&number) => Ok(()),
                _ => Err(format!("must be a whole number from {least} to {most}")),
            },
            Kind::Word(words) => {
                let known = value.as_str().is_some_and(|text| words.contains(&text.to_lowercase().as_str()));
                if known { Ok(()) } else { Err(format!("must be one of {}", words.join(", "))) }
            }
        }
    }
}

/// What part of the scenes is wanted: west, south, east, north.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    sides: [f64; 4],
    in_degrees: bool,
}

impl Extent {
    /// From `W,S,E,N` and its units, `dd` (degrees) or `meters`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, units: &str) -> Result<Extent, String> {
        let numbers: Vec<f64> = text.split(',').filter_map(|part| part.trim().parse().ok()).collect();
        let sides: [f64; 4] = match numbers.try_into() {
            Ok(sides) if text.split(',').count() == 4 => sides,
            _ => return Err(format!("{text:?} is no extent; write west,south,east,north")),
        };
        let in_degrees = match units {
            "dd" => true,
            "meters" => false,
            _ => return Err(format!("{units:?} is no unit of an extent; write dd or meters")),
        };
        let [west, south, east, north] = sides;
        if !sides.iter().all(|side| side.is_finite()) || south >= north || west >= east {
            return Err(format!(
                "the extent {text} is empty; west must be less than east, south less than north"
            ));
        }
        if in_degrees && (south < -90. || north > 90. || west < -180. || east > 180.) {
            return Err(format!("the extent {text} is not in degrees; give its units as meters"));
        }
        Ok(Extent { sides, in_degrees })
    }

    /// What is wrong with it under a projection, if anything.
    pub(super) fn clashes(&self, projection: &Projection) -> Option<String> {
        let clash = projection.is_in_degrees() && !self.in_degrees;
        clash.then(|| "an extent in lonlat must be in dd".to_owned())
    }

    /// As it stands in an order.
    pub fn to_json(&self) -> Value {
        let [west, south, east, north] = self.sides;
        let units = if self.in_degrees { "dd" } else { "meters" };
        json!({"west": west, "south": south, "east": east, "north": north, "units": units})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn projections_of_both_spellings() {
        let utm = json!({"utm": {"zone": 31, "zone_ns": "north"}});
        for text in ["utm:zone=31,zone_ns=north", r#"{"utm": {"zone": 31, "zone_ns": "north"}}"#] {
            assert_eq!(Projection::parse(text).unwrap().to_json(), utm);
        }
        assert_eq!(Projection::parse("lonlat").unwrap().to_json(), json!({"lonlat": null}));
        assert_eq!(Projection::parse(r#"{"lonlat": null}"#).unwrap().to_json(), json!({"lonlat": null}));
    }

    #[test]
    fn what_the_server_would_take_and_fail_at_is_refused() {
        for (text, told) in [
            ("mercator", "it knows aea, utm, lonlat, sinu, ps"),
            ("{}", "is no projection"),
            (r#"{"lonlat": null, "utm": {}}"#, "is no projection"),
            ("utm:zone=31", "utm also needs zone_ns"),
            ("utm:zone=31.0,zone_ns=north", "zone of utm must be a whole number from 1 to 60"),
            ("utm:zone=61,zone_ns=north", "from 1 to 60"),
            ("utm:zone=31,zone_ns=up", "must be one of north, south"),
            ("utm:zone=31,zone=32,zone_ns=north", "zone is given twice"),
            ("lonlat:x=1", "lonlat has no parameter x; it has none"),
            (
                "sinu:central_meridian=1,false_easting=a,false_northing=0",
                "false_easting of sinu must be a number",
            ),
            (
                "ps:longitudinal_pole=0,latitude_true_scale=-59,false_easting=0,false_northing=0",
                "absolute value is from 60 to 90",
            ),
        ] {
            let words = Projection::parse(text).unwrap_err();
            assert!(words.contains(told), "{text}: {words}");
        }
    }

    #[test]
    fn extents() {
        let extent = Extent::parse("3.5, 43.4,4,44", "dd").unwrap();
        assert_eq!(
            extent.to_json(),
            json!({"west": 3.5, "south": 43.4, "east": 4.0, "north": 44.0, "units": "dd"})
        );
        for (text, units) in [
            ("1,2,3", "dd"),
            ("1,2,3,x", "dd"),
            ("1,2,3,4,5", "dd"),
            ("4,2,3,4", "dd"),
            ("1,4,3,4", "dd"),
            ("1,2,3,4", "km"),
            ("0,0,5000,5000", "dd"),
        ] {
            assert!(Extent::parse(text, units).is_err(), "{text} {units}");
        }
        let metres = Extent::parse("0,0,5000,5000", "meters").unwrap();
        assert!(metres.clashes(&Projection::parse("lonlat").unwrap()).is_some());
    }

    proptest! {
        #[test]
        fn nothing_written_panics(text in "\\PC{0,60}", units in "dd|meters|x") {
            let _ = (Projection::parse(&text), Extent::parse(&text, &units));
        }
    }
}
