//! What of a search M2M is asked, in its own filters.
//!
//! Filters are as narrow as M2M can say and never narrower than the search: what comes back is tested here.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::archive::{self, Archive};
use super::envelope;
use super::fields::{Field, Fields, Kind, PATH, ROW};
use crate::catalog::{Error, Search};
use crate::item::{Bbox, Span};
use crate::query::{self, Area, Comparison, Literal, Predicate, Test};

/// Polygons of longer text have been answered with 404: their box is asked for.
const LONGEST_POLYGON: usize = 4000;

/// How a search is made.
#[derive(Debug)]
pub struct Plan {
    /// The dataset searched.
    pub dataset: String,
    /// One search each; their results are joined. None at all: nothing can match.
    pub branches: Vec<Branch>,
    /// How well the filters say what is meant.
    pub said: Said,
    /// What the server is not asked at all, as segments.
    pub here: Vec<String>,
    /// The order that pages come in.
    pub sort: Sort,
    /// Who puts scenes into the order wanted.
    pub order: Order,
}

/// One way to scenes.
#[derive(Debug, Clone, PartialEq)]
pub enum Branch {
    /// A `sceneFilter`.
    Filter(Map<String, Value>),
    /// Scenes by display id.
    Named(Vec<String>),
}

/// How well a filter says what is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// The server's number of hits is that of the search.
    Exactly,
    /// But for scenes across the antimeridian, which come back for places they do not touch.
    Nearly,
    /// The server finds more.
    Roughly,
}

/// The order that M2M gives scenes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// `sortField`.
    pub field: &'static str,
    /// `sortDirection`.
    pub direction: &'static str,
}

/// Who puts scenes into order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// M2M, or nobody.
    There,
    /// All scenes are read and sorted here.
    Here,
}

impl Plan {
    /// A plan for a search. Asks for the dataset's fields where it names properties.
    pub fn of(archive: &Archive, search: &Search) -> Result<Plan, Error> {
        let dataset = search.collection.clone().ok_or_else(|| query::Error {
            segment: search.query.segments().first().cloned().unwrap_or_default(),
            why: "M2M searches one dataset at a time".to_owned(),
            hint: Some("look into a dataset's directory".to_owned()),
        })?;
        let names_fields = |predicate: &Predicate| {
            matches!(predicate, Predicate::WrsPath(_) | Predicate::WrsRow(_) | Predicate::Property(_))
        };
        let fields = match search.query.predicates().iter().any(names_fields) {
            true => archive.fields(&dataset)?,
            false => Default::default(),
        };
        Ok(Draft::new(&fields).made(dataset, search))
    }

    /// The body of a `scene-search`.
    pub fn request(&self, filter: &Map<String, Value>, start: u64, size: u64) -> Value {
        let mut body = json!({
            "datasetName": self.dataset,
            "maxResults": size,
            "startingNumber": start,
            "metadataType": "full",
            "sortField": self.sort.field,
            "sortDirection": self.sort.direction,
        });
        if !filter.is_empty() {
            body["sceneFilter"] = Value::Object(filter.clone());
        }
        body
    }

    /// The body of a `scene-metadata`.
    pub fn named(&self, id: &str) -> Value {
        archive::named(&self.dataset, id)
    }
}

/// A plan in the making.
struct Draft<'a> {
    fields: &'a Fields,
    days: (Option<Date>, Option<Date>),
    cloud: Option<Cloud>,
    months: Option<BTreeSet<u8>>,
    spaces: Option<Vec<Value>>,
    ids: Option<BTreeSet<String>>,
    conditions: Vec<Value>,
    here: Vec<String>,
    said: Said,
    impossible: bool,
}

/// `cloudCoverFilter`, in whole percents.
struct Cloud {
    min: u8,
    max: u8,
    unknown: bool,
}

impl<'a> Draft<'a> {
    fn new(fields: &'a Fields) -> Draft<'a> {
        Draft {
            fields,
            days: (None, None),
            cloud: None,
            months: None,
            spaces: None,
            ids: None,
            conditions: Vec::new(),
            here: Vec::new(),
            said: Said::Exactly,
            impossible: false,
        }
    }

    fn made(mut self, dataset: String, search: &Search) -> Plan {
        // The polygon is the narrower one, and M2M takes one filter of this kind only.
        let (areas, others): (Vec<_>, Vec<_>) =
            search.query.predicates().iter().partition(|p| matches!(p, Predicate::Intersects(_)));
        for predicate in areas.into_iter().chain(others) {
            let said = self.place(predicate, &dataset);
            if said.is_none() {
                self.here.push(predicate.segment());
            }
            self.said = self.said.max(said.unwrap_or(Said::Roughly));
        }
        self.finish(dataset, search)
    }

    /// Says a predicate in M2M's filters; `None` where it has none for it.
    fn place(&mut self, predicate: &Predicate, dataset: &str) -> Option<Said> {
        match predicate {
            Predicate::Bbox(_) if self.spaces.is_none() => {
                let boxes: Vec<(Bbox, bool)> = predicate.boxes().into_iter().map(widened).collect();
                self.spaces = Some(boxes.iter().map(|(bbox, _)| mbr(bbox)).collect());
                Some(if boxes.iter().any(|(_, wider)| *wider) { Said::Roughly } else { Said::Nearly })
            }
            Predicate::Intersects(area) if self.spaces.is_none() => {
                self.spaces = Some(spaces(area)?);
                // Whether M2M tests the polygon itself or its box is not documented.
                Some(Said::Roughly)
            }
            Predicate::Datetime(span) => Some(self.datetime(span)),
            Predicate::Months(months) => {
                let months = self.months.take().map_or_else(|| months.clone(), |own| &own & months);
                self.impossible |= months.is_empty();
                self.months = Some(months);
                Some(Said::Exactly)
            }
            Predicate::MaxCloudCover(most) => {
                self.cloud(0.0, *most, true);
                Some(if most.fract() == 0.0 { Said::Exactly } else { Said::Roughly })
            }
            Predicate::Ids(ids) => Some(self.ids(ids.clone())),
            Predicate::Collections(ids) => {
                self.impossible |= !ids.contains(dataset);
                Some(Said::Exactly)
            }
            Predicate::WrsPath(path) => self.field(PATH, &path.to_string()),
            Predicate::WrsRow(row) => self.field(ROW, &row.to_string()),
            Predicate::Property(comparison) => self.property(comparison),
            Predicate::Bbox(_) | Predicate::Intersects(_) | Predicate::Filter(_) | Predicate::FreeText(_) => {
                None
            }
        }
    }

    /// M2M knows days only.
    fn datetime(&mut self, span: &Span) -> Said {
        let (start, end) =
            (span.start.map(|at| at.to_zoned(TimeZone::UTC)), span.end.map(|at| at.to_zoned(TimeZone::UTC)));
        let whole = start.as_ref().is_none_or(|at| at.time() == jiff::civil::Time::midnight())
            && end.as_ref().is_none_or(|at| (at.hour(), at.minute(), at.second()) == (23, 59, 59));
        self.days.0 = self.days.0.max(start.map(|at| at.date()));
        self.days.1 = match (self.days.1, end.map(|at| at.date())) {
            (Some(own), Some(end)) => Some(own.min(end)),
            (own, end) => own.or(end),
        };
        if whole { Said::Exactly } else { Said::Roughly }
    }

    fn cloud(&mut self, min: f64, max: f64, unknown: bool) {
        let percent = |value: f64| value.clamp(0.0, 100.0) as u8;
        let cloud = self.cloud.get_or_insert(Cloud { min: 0, max: 100, unknown: true });
        cloud.min = cloud.min.max(percent(min.floor()));
        cloud.max = cloud.max.min(percent(max.ceil()));
        cloud.unknown &= unknown;
    }

    fn ids(&mut self, ids: BTreeSet<String>) -> Said {
        self.ids = Some(self.ids.take().map_or_else(|| ids.clone(), |own| &own & &ids));
        Said::Exactly
    }

    fn field(&mut self, label: &str, value: &str) -> Option<Said> {
        let condition = self.fields.named(label)?.equal(value)?;
        self.conditions.push(condition);
        Some(Said::Exactly)
    }

    fn property(&mut self, Comparison { property, test }: &Comparison) -> Option<Said> {
        match (property.as_str(), test) {
            ("id", Test::Eq(name)) => Some(self.ids(BTreeSet::from([name.text().to_owned()]))),
            ("id", Test::In(names)) => {
                Some(self.ids(names.iter().map(|name| name.text().to_owned()).collect()))
            }
            ("eo:cloud_cover", test) => {
                let (min, max) = ends(test)?;
                self.cloud(min, max, false);
                let whole = min.fract() == 0.0 && max.fract() == 0.0;
                let open = matches!(test, Test::Lt(_) | Test::Gt(_) | Test::In(_));
                Some(if whole && !open { Said::Exactly } else { Said::Roughly })
            }
            ("platform", Test::Eq(name)) => {
                let number = name.text().strip_prefix("landsat-")?;
                let condition = self.fields.named("Satellite")?.equal(number)?;
                self.conditions.push(condition);
                Some(Said::Exactly)
            }
            (property, test) => {
                let field = self.fields.named(property)?;
                self.conditions.push(condition(field, test)?);
                Some(if field.kind == Kind::Range { Said::Exactly } else { Said::Roughly })
            }
        }
    }

    fn finish(self, dataset: String, search: &Search) -> Plan {
        let known = self.cloud.as_ref().is_some_and(|cloud| !cloud.unknown);
        let empty = self.impossible
            || self.cloud.as_ref().is_some_and(|cloud| cloud.min > cloud.max && !cloud.unknown)
            || matches!(self.days, (Some(start), Some(end)) if start > end);
        let branches = match &self.ids {
            _ if empty => Vec::new(),
            Some(ids) => vec![Branch::Named(ids.iter().cloned().collect())],
            None => self.filters().into_iter().map(Branch::Filter).collect(),
        };
        let (sort, order) = order(search, branches.len() == 1 && self.ids.is_none(), known);
        let said = if self.ids.is_some() { Said::Roughly } else { self.said };
        Plan { dataset, branches, said, here: self.here, sort, order }
    }

    /// The `sceneFilter`s; several where the area lies in pieces.
    fn filters(&self) -> Vec<Map<String, Value>> {
        let mut filter = Map::new();
        let mut put = |name: &str, value: Value| filter.insert(name.to_owned(), value);
        if let Some(days) = days(self.days.0, self.days.1) {
            put("acquisitionFilter", days);
        }
        if let Some(cloud) = &self.cloud {
            put(
                "cloudCoverFilter",
                json!({"min": cloud.min, "max": cloud.max, "includeUnknown": cloud.unknown}),
            );
        }
        if let Some(months) = &self.months {
            put("seasonalFilter", json!(months));
        }
        match self.conditions.as_slice() {
            [] => {}
            [only] => {
                put("metadataFilter", only.clone());
            }
            several => {
                put("metadataFilter", json!({"filterType": "and", "childFilters": several}));
            }
        }
        match &self.spaces {
            None => vec![filter],
            Some(spaces) => spaces
                .iter()
                .map(|space| {
                    let mut filter = filter.clone();
                    filter.insert("spatialFilter".to_owned(), space.clone());
                    filter
                })
                .collect(),
        }
    }
}

/// An `acquisitionFilter`; `None` where both ends are open.
fn days(start: Option<Date>, end: Option<Date>) -> Option<Value> {
    (start.is_some() || end.is_some()).then(|| {
        let ends = [("start", start), ("end", end)];
        let ends =
            ends.into_iter().filter_map(|(name, day)| Some((name.to_owned(), json!(day?.to_string()))));
        Value::Object(ends.collect())
    })
}

/// The filter cut to days from, or up to, one: a search goes on there beyond its window.
pub fn from_day(filter: &Map<String, Value>, sort: Sort, day: Date) -> Map<String, Value> {
    let own = filter.get("acquisitionFilter");
    let end = |name: &str| own.and_then(|own| envelope::text(own, name)?.parse().ok());
    let (start, end) = match sort.direction {
        "ASC" => (Some(day), end("end")),
        _ => (end("start"), Some(day)),
    };
    let mut filter = filter.clone();
    if let Some(days) = days(start, end) {
        filter.insert("acquisitionFilter".to_owned(), days);
    }
    filter
}

fn order(search: &Search, one: bool, cloud_is_known: bool) -> (Sort, Order) {
    let newest = Sort { field: "acquisitionDate", direction: "DESC" };
    let [only] = search.sortby.as_slice() else {
        return (newest, if search.sortby.is_empty() { Order::There } else { Order::Here });
    };
    let direction = if only.descending { "DESC" } else { "ASC" };
    match only.field.as_str() {
        "datetime" if one => (Sort { field: "acquisitionDate", direction }, Order::There),
        // Scenes of unknown cover come last here, and first there.
        "eo:cloud_cover" if one && cloud_is_known => (Sort { field: "cloudCover", direction }, Order::There),
        _ => (newest, Order::Here),
    }
}

/// The ends, both included, that a comparison with numbers lies within.
fn ends(test: &Test) -> Option<(f64, f64)> {
    let number = |literal: &Literal| literal.text().trim().parse::<f64>().ok().filter(|n| n.is_finite());
    match test {
        Test::Eq(value) => Some((number(value)?, number(value)?)),
        Test::Lt(value) | Test::Lte(value) => Some((0.0, number(value)?)),
        Test::Gt(value) | Test::Gte(value) => Some((number(value)?, 100.0)),
        Test::Between(first, last) => Some((number(first)?, number(last)?)),
        Test::In(values) => {
            let values: Vec<f64> = values.iter().map(number).collect::<Option<_>>()?;
            let (min, max) =
                (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
            Some((min, max))
        }
        Test::Ne(_) | Test::Like(_) | Test::IsNull(_) => None,
    }
}

/// A `metadataFilter` that keeps all that a test on a field keeps.
fn condition(field: &Field, test: &Test) -> Option<Value> {
    match test {
        Test::Eq(value) => field.equal(value.text()),
        Test::In(values) => {
            let each: Vec<Value> =
                values.iter().map(|value| field.equal(value.text())).collect::<Option<_>>()?;
            Some(json!({"filterType": "or", "childFilters": each}))
        }
        Test::Between(first, last) => field.between(first.text(), last.text()),
        Test::Like(pattern) => {
            let plain = |c: char| !matches!(c, '*' | '?' | '%' | '_' | '\\');
            let parts = pattern.split(|c| !plain(c));
            field.holding(parts.max_by_key(|part| part.len())?)
        }
        Test::Ne(_) | Test::Lt(_) | Test::Lte(_) | Test::Gt(_) | Test::Gte(_) | Test::IsNull(_) => None,
    }
}

/// How far from the antimeridian a scene across it may begin, in degrees: a scene is some 185 km wide, askew.
fn reach(south: f64, north: f64) -> f64 {
    3.0 / south.abs().max(north.abs()).min(85.0).to_radians().cos()
}

/// M2M takes a scene across the antimeridian for a band around the rest of the Earth, so such scenes are only
/// found by a box that reaches that band: one that comes near ±180 is made wider.
fn widened(bbox: Bbox) -> (Bbox, bool) {
    let edge = 180.0 - reach(bbox.south, bbox.north);
    let wider = Bbox {
        west: if bbox.east >= edge { bbox.west.min(edge) } else { bbox.west },
        east: if bbox.west <= -edge { bbox.east.max(-edge) } else { bbox.east },
        ..bbox
    };
    (wider, wider != bbox)
}

fn mbr(bbox: &Bbox) -> Value {
    json!({
        "filterType": "mbr",
        "lowerLeft": {"latitude": bbox.south, "longitude": bbox.west},
        "upperRight": {"latitude": bbox.north, "longitude": bbox.east},
    })
}

/// The filters for an area: itself, where M2M can be relied on to know it, else the boxes of its parts.
fn spaces(area: &Area) -> Option<Vec<Value>> {
    let geometry = &area.geometry;
    let around = bbox(geometry.get("coordinates")?)?;
    let kind = geometry.get("type")?.as_str()?;
    let plain = matches!(kind, "Polygon" | "MultiPolygon" | "Point");
    if plain && !widened(around).1 && geometry.to_string().len() <= LONGEST_POLYGON {
        return Some(vec![json!({"filterType": "geojson", "geoJson": geometry})]);
    }
    let parts: Vec<Bbox> = match (kind, geometry.get("coordinates")?.as_array()) {
        ("MultiPolygon", Some(parts)) if parts.len() <= 4 => parts.iter().map(bbox).collect::<Option<_>>()?,
        _ => vec![around],
    };
    Some(parts.into_iter().map(|part| mbr(&widened(part).0)).collect())
}

/// The box around coordinates of any nesting.
fn bbox(coordinates: &Value) -> Option<Bbox> {
    let members = coordinates.as_array()?;
    if let [lon, lat, ..] = members.as_slice()
        && let (Some(lon), Some(lat)) = (lon.as_f64(), lat.as_f64())
    {
        return Some(Bbox { west: lon, south: lat, east: lon, north: lat });
    }
    members.iter().map(bbox).collect::<Option<Vec<_>>>()?.into_iter().reduce(|a, b| Bbox {
        west: a.west.min(b.west),
        south: a.south.min(b.south),
        east: a.east.max(b.east),
        north: a.north.max(b.north),
    })
}
