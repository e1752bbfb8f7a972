//! The inventory API 1.4 that M2M replaced, `/inventory/json/v/{version}/{endpoint}`: for lsru 0.6.2, which knows no
//! other.
//!
//! In: forms with a `jsonRequest`. Out: envelopes of the old kind, over the same scenes as M2M, by their
//! Collection 1 names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use geo::{Coord, Intersects, Rect};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::accounts;
use super::clock::Clock;
use super::scenes::{Archive, Dataset, Scene, Shelf, dataset};
use crate::demo::http::{Request, Response, Service, lock};

/// How long a key works.
const KEY_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// The most results of one search.
const MOST_RESULTS: usize = 50_000;

/// The old inventory API.
pub struct Legacy {
    archive: Arc<Archive>,
    clock: Arc<Clock>,
    /// Where browse images are to be had.
    downloads: String,
    keys: Mutex<HashMap<String, Timestamp>>,
}

/// An error code and its words.
type Refusal = (&'static str, String);

impl Legacy {
    /// The API over an archive; `downloads` is scheme and authority of the host of the browse images.
    pub fn new(archive: Arc<Archive>, clock: Arc<Clock>, downloads: String) -> Legacy {
        Legacy { archive, clock, downloads, keys: Mutex::default() }
    }

    fn call(&self, endpoint: &str, input: &Value) -> Result<Value, Refusal> {
        match endpoint {
            "login" => self.login(input),
            "logout" => {
                let key = self.key(input)?;
                Ok(json!(lock(&self.keys).remove(&key).is_some()))
            }
            "search" => {
                self.key(input)?;
                self.search(input)
            }
            _ => Err(("ENDPOINT_UNAVAILABLE", format!("Endpoint {endpoint} is unavailable"))),
        }
    }

    fn login(&self, input: &Value) -> Result<Value, Refusal> {
        let text = |member: &str| input[member].as_str().unwrap_or_default();
        let account = accounts::by_password(text("username"), text("password"));
        let account = account.ok_or(("AUTH_INVALID", "Invalid username/password".to_owned()))?;
        let mut keys = lock(&self.keys);
        let now = self.clock.now();
        let key = format!("{:016x}{:08x}{:08x}", now.as_millisecond(), account.contact, keys.len());
        keys.insert(key.clone(), now);
        Ok(json!(key))
    }

    /// The key of a request, if it still works.
    fn key(&self, input: &Value) -> Result<String, Refusal> {
        let key = input["apiKey"].as_str().unwrap_or_default();
        match lock(&self.keys).get(key) {
            Some(given) if self.clock.now().duration_since(*given) <= KEY_LIFETIME => Ok(key.to_owned()),
            Some(_) => Err(("AUTH_EXPIRED", "API key has expired".into())),
            None => Err(("AUTH_UNAUTHORIZED", "Invalid API key".into())),
        }
    }

    fn search(&self, input: &Value) -> Result<Value, Refusal> {
        let dataset = input["datasetName"].as_str().and_then(dataset);
        let dataset = dataset.filter(|dataset| dataset.shelf == Shelf::Retired);
        let dataset = dataset.ok_or(("DATASET_INVALID", "Invalid dataset name".to_owned()))?;
        let wanted = Wanted::of(input)?;
        let count = |member: &str, open: usize| match &input[member] {
            Value::Null => Ok(open),
            value => value
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .filter(|n| *n > 0)
                .ok_or_else(|| invalid(member)),
        };
        let (size, start) = (count("maxResults", 10)?.min(MOST_RESULTS), count("startingNumber", 1)?);
        let mut found: Vec<Scene<'_>> =
            self.archive.scenes(dataset).filter(|scene| wanted.meets(scene)).collect();
        if input["sortOrder"].as_str().is_some_and(|order| order.eq_ignore_ascii_case("desc")) {
            found.reverse();
        }
        let results: Vec<Value> =
            found.iter().skip(start - 1).take(size).map(|scene| self.scene_json(dataset, scene)).collect();
        let last = start - 1 + results.len();
        Ok(json!({
            "numberReturned": results.len(),
            "totalHits": found.len(),
            "firstRecord": if results.is_empty() { 0 } else { start },
            "lastRecord": last,
            "nextRecord": (last + 1).min(found.len()),
            "results": results,
        }))
    }

    fn scene_json(&self, dataset: &Dataset, scene: &Scene<'_>) -> Value {
        let (entity, display, day) = (scene.entity_id(), scene.display_id(), scene.acquisition.day());
        let corners = scene.acquisition.corners;
        let [west, south, east, north] = corners.bounds();
        let (path, row) = (scene.acquisition.path, scene.acquisition.row);
        let number = dataset.legacy_id.unwrap_or_default();
        let explorer = |what: &str| format!("https://earthexplorer.usgs.gov/{what}/{number}/{entity}");
        let cover = scene.acquisition.cloud.map_or(-1.0, |hundredths| f64::from(hundredths) / 100.0);
        json!({
            "acquisitionDate": day,
            "startTime": day,
            "endTime": day,
            "modifiedDate": scene.processed().to_string(),
            "displayId": display,
            "entityId": entity,
            "cloudCover": if scene.acquisition.chance().up_to(60, 2) == 0 { json!(cover) } else { json!(cover.to_string()) },
            "lowerLeftCoordinate": corners.lower_left.json(),
            "lowerRightCoordinate": corners.lower_right.json(),
            "upperLeftCoordinate": corners.upper_left.json(),
            "upperRightCoordinate": corners.upper_right.json(),
            "sceneBounds": format!("{west},{south},{east},{north}"),
            "summary": format!("ID: {display}, Acquisition Date: {day}, Path: {path}, Row: {row}"),
            "browseUrl": format!("{}/gen-browse?size=rrb&type=refl&product_id={display}", self.downloads),
            "metadataUrl": format!("{}/xml", explorer("metadata")),
            "fgdcMetadataUrl": explorer("fgdc"),
            "dataAccessUrl": explorer("order/process"),
            "downloadUrl": explorer("download/options"),
            "orderUrl": explorer("order"),
            "ordered": false,
            "bulkOrdered": false,
        })
    }
}

/// What a search narrows.
struct Wanted {
    days: (Date, Date),
    area: Option<Rect>,
    most_cloud: f64,
    unknown_cloud: bool,
    months: Vec<u64>,
}

impl Wanted {
    fn of(input: &Value) -> Result<Wanted, Refusal> {
        let day = |member: &str, open| match input[member].as_str() {
            None => Ok(open),
            // The time of day is dropped.
            Some(text) => text.get(..10).and_then(|day| day.parse().ok()).ok_or_else(|| invalid(member)),
        };
        let corner = |member: &str| {
            let at = &input[member];
            at["longitude"].as_f64().zip(at["latitude"].as_f64()).map(|(x, y)| Coord { x, y })
        };
        let area = match (corner("lowerLeft"), corner("upperRight")) {
            (Some(low), Some(high)) => Some(Rect::new(low, high)),
            (None, None) => None,
            _ => return Err(invalid("lowerLeft, upperRight")),
        };
        Ok(Wanted {
            days: (day("startDate", Date::MIN)?, day("endDate", Date::MAX)?),
            area,
            most_cloud: input["maxCloudCover"].as_f64().unwrap_or(100.0),
            unknown_cloud: input["includeUnknownCloudCover"].as_bool().unwrap_or(true),
            months: input["months"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect(),
        })
    }

    fn meets(&self, scene: &Scene<'_>) -> bool {
        let day = scene.acquisition.date;
        let clear = scene
            .acquisition
            .cloud
            .map_or(self.unknown_cloud, |hundredths| f64::from(hundredths) / 100.0 <= self.most_cloud);
        (self.days.0..=self.days.1).contains(&day)
            && clear
            && (self.months.is_empty() || self.months.contains(&(day.month().unsigned_abs().into())))
            && self.area.is_none_or(|area| scene.acquisition.corners.polygon().intersects(&area))
    }
}

fn invalid(member: &str) -> Refusal {
    ("INPUT_PARAMETER_INVALID", format!("Invalid {member}"))
}

impl Service for Legacy {
    fn answer(&self, request: &Request) -> Response {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["inventory", "json", "v", _, endpoint] = segments[..] else {
            return Response::html(404, "<html><body><h1>Not Found</h1></body></html>");
        };
        let form = request.form().into_iter().chain(request.params());
        let json_request = form.into_iter().find(|(name, _)| name == "jsonRequest").map(|(_, json)| json);
        let outcome = json_request
            .and_then(|json| serde_json::from_str::<Value>(&json).ok())
            .ok_or(("INPUT_FORMAT", "jsonRequest is missing or not valid JSON".to_owned()))
            .and_then(|input| self.call(endpoint, &input));
        let (code, error, data) = match outcome {
            Ok(data) => (None, String::new(), data),
            Err((code, error)) => (Some(code), error, Value::Null),
        };
        let envelope = json!({
            "errorCode": code,
            "error": error,
            "data": data,
            "api_version": "1.4.1",
            "access_level": if code.is_some() { "guest" } else { "appuser" },
            "catalog_id": "EE",
            "executionTime": 1.25,
        });
        Response::json(200, &envelope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(legacy: &Legacy, endpoint: &str, input: &Value) -> Value {
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("jsonRequest", &input.to_string())
            .finish();
        let request = Request {
            method: "POST".into(),
            target: format!("/inventory/json/v/stable/{endpoint}"),
            body: body.into_bytes(),
            ..Request::default()
        };
        let crate::demo::http::Body::Whole(body) = legacy.answer(&request).body else { panic!("a stream") };
        serde_json::from_slice(&body).unwrap()
    }

    fn legacy() -> (Legacy, Arc<Clock>) {
        let clock = Arc::new(Clock::standing_at("2020-11-20T12:00:00Z".parse().unwrap()));
        (Legacy::new(Arc::default(), Arc::clone(&clock), "http://downloads".into()), clock)
    }

    fn login(legacy: &Legacy) -> String {
        let reply = ask(legacy, "login", &json!({"username": "demo", "password": "demo-password"}));
        reply["data"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_key_has_32_hexadecimal_digits_and_works_for_an_hour() {
        let (legacy, clock) = legacy();
        let refused = ask(&legacy, "login", &json!({"username": "demo", "password": "demo-token"}));
        assert_eq!(refused["errorCode"], "AUTH_INVALID");
        let key = login(&legacy);
        assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let search = json!({"apiKey": key, "datasetName": "LANDSAT_8_C1"});
        assert_eq!(ask(&legacy, "search", &search)["data"]["numberReturned"], 10);
        clock.advance(std::time::Duration::from_secs(3601));
        assert_eq!(ask(&legacy, "search", &search)["errorCode"], "AUTH_EXPIRED");
    }

    #[test]
    fn the_readme_search_pages() {
        let (legacy, _) = legacy();
        let key = login(&legacy);
        let page = |start: usize, size: usize| {
            let search = json!({"apiKey": key, "node": "EE", "datasetName": "LANDSAT_8_C1", "maxCloudCover": 40,
                "lowerLeft": {"latitude": 43.4, "longitude": 3.5}, "upperRight": {"latitude": 44, "longitude": 4},
                "startDate": "2013-01-01T00:00:00", "endDate": "2016-01-01T00:00:00",
                "maxResults": size, "startingNumber": start});
            let data = ask(&legacy, "search", &search)["data"].clone();
            data["results"]
                .as_array()
                .unwrap()
                .iter()
                .map(|r| r["displayId"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let all = page(1, 50_000);
        assert!(all.len() > 20);
        assert!(all.iter().all(|id| id.starts_with("LC08_L1") && id.contains("_01_T")));
        assert_eq!(page(1, 10), all[..10]);
        assert_eq!(page(11, 10), all[10..20]);
        assert!(page(all.len() + 1, 10).is_empty());
    }

    #[test]
    fn todays_datasets_are_unknown() {
        let (legacy, _) = legacy();
        let search = json!({"apiKey": login(&legacy), "datasetName": "landsat_ot_c2_l2"});
        assert_eq!(ask(&legacy, "search", &search)["errorCode"], "DATASET_INVALID");
    }
}
