//! `sceneFilter`: which scenes of a dataset a search wants.

use geo::{BoundingRect, Coord, Intersects, LineString, MultiPolygon, Polygon, Rect};
use jiff::civil::Date;
use serde_json::Value;

use super::failure::Failure;
use super::input;
use crate::demo::usgs::scenes::fields::{self, Field};
use crate::demo::usgs::scenes::{Dataset, Scene};

/// A `sceneFilter`, read.
#[derive(Default)]
pub struct SceneFilter {
    acquired: Option<(Date, Date)>,
    ingested: Option<(Date, Date)>,
    cloud: Option<Cloud>,
    space: Option<Space>,
    months: Vec<i8>,
    metadata: Option<Metadata>,
}

#[derive(Debug, PartialEq)]
struct Cloud {
    min: f64,
    max: f64,
    unknown: bool,
}

enum Space {
    Box(Rect),
    Shape(MultiPolygon),
}

enum Metadata {
    All(Vec<Metadata>),
    Any(Vec<Metadata>),
    Equal(&'static Field, String),
    Like(&'static Field, String),
    Between(&'static Field, String, String),
}

impl SceneFilter {
    /// Reads a `sceneFilter`; absent, null and empty want everything.
    ///
    /// # Errors
    /// `INPUT_PARAMETER_INVALID` with the name of the member that makes no sense.
    pub fn parse(filter: Option<&Value>, dataset: &'static Dataset) -> Result<SceneFilter, Failure> {
        let Some(filter) = filter else { return Ok(SceneFilter::default()) };
        let member = |name| input::object(filter, name);
        Ok(SceneFilter {
            acquired: member("acquisitionFilter")?.map(dates).transpose()?,
            ingested: member("ingestFilter")?.map(dates).transpose()?,
            cloud: member("cloudCoverFilter")?.map(cloud).transpose()?,
            space: member("spatialFilter")?.map(space).transpose()?,
            months: months(filter.get("seasonalFilter"))?,
            metadata: member("metadataFilter")?.map(|tree| metadata(tree, dataset)).transpose()?,
        })
    }

    /// Whether nothing at all narrows the search.
    pub fn is_empty(&self) -> bool {
        let SceneFilter { acquired, ingested, cloud, space, months, metadata } = self;
        acquired.is_none()
            && ingested.is_none()
            && cloud.is_none()
            && space.is_none()
            && months.is_empty()
            && metadata.is_none()
    }

    /// Whether the scene is wanted.
    pub fn wants(&self, scene: &Scene<'_>) -> bool {
        let within = |range: &Option<(Date, Date)>, day| range.is_none_or(|(a, b)| (a..=b).contains(&day));
        let day = scene.acquisition.date;
        within(&self.acquired, day)
            && within(&self.ingested, scene.processed())
            && (self.months.is_empty() || self.months.contains(&day.month()))
            && self.cloud.as_ref().is_none_or(|cloud| cloud.wants(scene.acquisition.cloud))
            && self.metadata.as_ref().is_none_or(|metadata| metadata.wants(scene))
            && self.space.as_ref().is_none_or(|space| space.meets(scene))
    }
}

impl Cloud {
    fn wants(&self, cover: Option<u16>) -> bool {
        cover.map_or(self.unknown, |hundredths| {
            let percent = f64::from(hundredths) / 100.0;
            (self.min..=self.max).contains(&percent)
        })
    }
}

impl Space {
    /// Whether the footprint touches the area, in the numbers as they stand: a scene across ±180 is a band around
    /// the Earth here, so that it comes back for areas that it does not touch. The real server does that too.
    fn meets(&self, scene: &Scene<'_>) -> bool {
        let footprint = scene.acquisition.corners.polygon();
        match self {
            Space::Box(area) => footprint.intersects(area),
            Space::Shape(area) => footprint.intersects(area),
        }
    }
}

impl Metadata {
    fn wants(&self, scene: &Scene<'_>) -> bool {
        let value = |field: &Field| (field.value)(scene).trim().to_owned();
        match self {
            Metadata::All(parts) => parts.iter().all(|part| part.wants(scene)),
            Metadata::Any(parts) => parts.iter().any(|part| part.wants(scene)),
            Metadata::Equal(field, wanted) => order(&value(field), wanted) == Some(std::cmp::Ordering::Equal),
            Metadata::Like(field, wanted) => {
                let wanted = wanted.trim_matches('%').to_ascii_uppercase();
                value(field).to_ascii_uppercase().contains(&wanted)
            }
            Metadata::Between(field, first, last) => {
                let value = value(field);
                order(&value, first).is_some_and(|o| o.is_ge())
                    && order(&value, last).is_some_and(|o| o.is_le())
            }
        }
    }
}

/// Numbers as numbers (`012` is 12), the rest as text without regard to case.
fn order(left: &str, right: &str) -> Option<std::cmp::Ordering> {
    match (left.trim().parse::<f64>(), right.trim().parse::<f64>()) {
        (Ok(left), Ok(right)) => left.partial_cmp(&right),
        _ => Some(left.to_ascii_uppercase().cmp(&right.trim().to_ascii_uppercase())),
    }
}

/// `{start, end}`; what follows the day is dropped, as the real server does.
pub fn dates(filter: &Value) -> Result<(Date, Date), Failure> {
    let day = |member: &str, open: Date| match input::text(filter, member) {
        None => Ok(open),
        Some(text) => text.get(..10).and_then(|day| day.parse().ok()).ok_or_else(|| Failure::invalid(member)),
    };
    Ok((day("start", Date::MIN)?, day("end", Date::MAX)?))
}

fn cloud(filter: &Value) -> Result<Cloud, Failure> {
    let percent = |member, open| match input::number(filter, member)? {
        Some(n) if !(0.0..=100.0).contains(&n) => Err(Failure::invalid(member)),
        given => Ok(given.unwrap_or(open)),
    };
    let unknown =
        filter.get("includeUnknown").is_none_or(Value::is_null) || input::truth(filter, "includeUnknown");
    Ok(Cloud { min: percent("min", 0.0)?, max: percent("max", 100.0)?, unknown })
}

fn months(filter: Option<&Value>) -> Result<Vec<i8>, Failure> {
    let invalid = || Failure::invalid("seasonalFilter");
    match filter {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(months)) => months
            .iter()
            .map(|month| {
                let month: i8 = input::plain(month).and_then(|m| m.parse().ok()).ok_or_else(invalid)?;
                (1..=12).contains(&month).then_some(month).ok_or_else(invalid)
            })
            .collect(),
        Some(_) => Err(invalid()),
    }
}

/// A coordinate: `{latitude, longitude}` or `[lon, lat]`.
fn coordinate(value: &Value) -> Option<Coord> {
    let (x, y) = match value {
        Value::Array(pair) => (pair.first()?.as_f64()?, pair.get(1)?.as_f64()?),
        _ => (input::number(value, "longitude").ok()??, input::number(value, "latitude").ok()??),
    };
    (x.abs() <= 180.0 && y.abs() <= 90.0).then_some(Coord { x, y })
}

fn space(filter: &Value) -> Result<Space, Failure> {
    let invalid = || Failure::invalid("spatialFilter");
    let kind = input::required_text(filter, "filterType")?;
    if kind.eq_ignore_ascii_case("mbr") {
        let corner = |member| filter.get(member).and_then(coordinate).ok_or_else(invalid);
        let (low, high) = (corner("lowerLeft")?, corner("upperRight")?);
        if low.x > high.x || low.y > high.y {
            return Err(invalid());
        }
        return Ok(Space::Box(Rect::new(low, high)));
    }
    // landsatxplore writes `geoJson`, and coordinates as objects.
    if !kind.eq_ignore_ascii_case("geojson") {
        return Err(Failure::invalid("filterType"));
    }
    let shape = filter.get("geoJson").ok_or_else(invalid)?;
    let coordinates = shape.get("coordinates").and_then(Value::as_array).ok_or_else(invalid)?;
    let polygons = match shape.get("type").and_then(Value::as_str) {
        Some("Polygon") => vec![polygon(coordinates).ok_or_else(invalid)?],
        Some("MultiPolygon") => coordinates
            .iter()
            .map(|rings| rings.as_array().and_then(|rings| polygon(rings)).ok_or_else(invalid))
            .collect::<Result<_, _>>()?,
        Some("Point") => {
            let at = coordinate(shape.get("coordinates").unwrap_or(&Value::Null)).ok_or_else(invalid)?;
            return Ok(Space::Box(Rect::new(at, at)));
        }
        _ => return Err(invalid()),
    };
    let area = MultiPolygon::new(polygons);
    if area.bounding_rect().is_none() {
        return Err(invalid());
    }
    Ok(Space::Shape(area))
}

fn polygon(rings: &[Value]) -> Option<Polygon> {
    let mut rings = rings.iter().map(|ring| {
        let ring: Vec<Coord> = ring.as_array()?.iter().map(coordinate).collect::<Option<_>>()?;
        (ring.len() >= 3).then(|| LineString::from(ring))
    });
    let outer = rings.next()??;
    Some(Polygon::new(outer, rings.collect::<Option<_>>()?))
}

fn metadata(tree: &Value, dataset: &'static Dataset) -> Result<Metadata, Failure> {
    let children = || -> Result<Vec<Metadata>, Failure> {
        let children = tree.get("childFilters").and_then(Value::as_array);
        let children = children.ok_or_else(|| Failure::required("childFilters"))?;
        children.iter().map(|child| metadata(child, dataset)).collect()
    };
    let field = || {
        let id = input::required_text(tree, "filterId")?;
        fields::fields(dataset)
            .find(|field| field.filter != fields::Filter::None && field.id(dataset) == id)
            .ok_or_else(|| Failure::invalid("filterId"))
    };
    let value = |member| input::required_text(tree, member);
    match input::required_text(tree, "filterType")?.as_str() {
        "and" => Ok(Metadata::All(children()?)),
        "or" => Ok(Metadata::Any(children()?)),
        "value" => match input::text(tree, "operand").as_deref() {
            None | Some("=") => Ok(Metadata::Equal(field()?, value("value")?)),
            Some("like") => Ok(Metadata::Like(field()?, value("value")?)),
            Some(_) => Err(Failure::invalid("operand")),
        },
        "between" => Ok(Metadata::Between(field()?, value("firstValue")?, value("secondValue")?)),
        _ => Err(Failure::invalid("filterType")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::usgs::scenes::{Archive, dataset};
    use serde_json::json;

    fn found(filter: Value) -> usize {
        let dataset = dataset("landsat_ot_c2_l2").unwrap();
        let archive = Archive::generate();
        let filter = SceneFilter::parse(Some(&filter), dataset).unwrap();
        archive.scenes(dataset).filter(|scene| filter.wants(scene)).count()
    }

    fn refused(filter: Value) -> String {
        let dataset = dataset("landsat_ot_c2_l2").unwrap();
        SceneFilter::parse(Some(&filter), dataset).err().unwrap().message
    }

    #[test]
    fn dates_are_inclusive_days() {
        let on = |start, end| found(json!({"acquisitionFilter": {"start": start, "end": end}}));
        let all: usize = found(json!({}));
        let (before, after) = (on("1980-01-01", "2015-06-30"), on("2015-07-01T23:59:59Z", "2030-01-01"));
        assert_eq!(before + after, all);
        assert!(before > 100 && after > 100);
        assert!(refused(json!({"acquisitionFilter": {"start": "June"}})).contains("start"));
    }

    #[test]
    fn unknown_cloud_is_kept_unless_told() {
        let with =
            |unknown: Value| found(json!({"cloudCoverFilter": {"max": 30, "includeUnknown": unknown}}));
        assert_eq!(with(Value::Null), with(json!(true)));
        assert!(with(json!(true)) > with(json!(false)));
        assert!(refused(json!({"cloudCoverFilter": {"max": 101}})).contains("max"));
    }

    #[test]
    fn a_box_and_the_same_polygon_find_the_same() {
        let corner = |lon: f64, lat: f64| json!({"longitude": lon, "latitude": lat});
        let mbr = json!({"spatialFilter": {"filterType": "mbr", "lowerLeft": corner(3.5, 43.4),
            "upperRight": corner(4.0, 44.0)}});
        let ring = json!([[3.5, 43.4], [4.0, 43.4], [4.0, 44.0], [3.5, 44.0], [3.5, 43.4]]);
        let polygon = json!({"spatialFilter": {"filterType": "geojson",
            "geoJson": {"type": "Polygon", "coordinates": [ring]}}});
        let objects: Vec<Value> =
            [(3.5, 43.4), (4.0, 43.4), (4.0, 44.0), (3.5, 44.0)].map(|(x, y)| corner(x, y)).to_vec();
        let xplore = json!({"spatialFilter": {"filterType": "geoJson",
            "geoJson": {"type": "Polygon", "coordinates": [objects]}}});
        let hits = found(mbr);
        assert!((100..2_000).contains(&hits), "{hits}");
        assert_eq!(found(polygon), hits);
        assert_eq!(found(xplore), hits);
    }

    #[test]
    fn scenes_across_the_antimeridian_come_back_for_foreign_places() {
        let brazil = json!({"spatialFilter": {"filterType": "mbr",
            "lowerLeft": {"longitude": -50, "latitude": -18}, "upperRight": {"longitude": "-49", "latitude": "-17"}}});
        assert!(found(brazil) > 0);
        assert!(refused(json!({"spatialFilter": {"filterType": "mbr",
            "lowerLeft": {"longitude": 178, "latitude": -18}, "upperRight": {"longitude": -178, "latitude": -17}}}))
            .contains("spatialFilter"));
    }

    #[test]
    fn metadata_is_asked_for_by_field_id() {
        let dataset = dataset("landsat_ot_c2_l2").unwrap();
        let id = |name| fields::fields(dataset).find(|f| f.name == name).unwrap().id(dataset);
        let path = json!({"filterType": "value", "filterId": id("WRS Path"), "value": "197", "operand": "="});
        let row =
            json!({"filterType": "between", "filterId": id("WRS Row"), "firstValue": 30, "secondValue": 30});
        let both = found(json!({"metadataFilter": {"filterType": "and", "childFilters": [path, row]}}));
        assert!(both > 50 && both < found(json!({"metadataFilter": path})));
        let like = json!({"filterType": "value", "filterId": id("Landsat Product Identifier L2"),
            "value": "_197030_", "operand": "like"});
        assert_eq!(found(json!({"metadataFilter": like})), both);
        assert!(
            refused(json!({"metadataFilter": {"filterType": "value", "filterId": "x", "value": 1}}))
                .contains("filterId")
        );
    }

    #[test]
    fn months_are_those_of_any_year() {
        let summer = found(json!({"seasonalFilter": [6, 7, 8]}));
        assert!(summer > 0 && summer < found(json!({})));
        assert_eq!(found(json!({"seasonalFilter": null})), found(json!({})));
        assert!(refused(json!({"seasonalFilter": [13]})).contains("seasonalFilter"));
    }
}
