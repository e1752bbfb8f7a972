//! `/collections`: all of them, in pages, searched; and what can be asked about them.

use super::{
    documents::Documents,
    linker::JSON,
    params::Asked,
    problem::Problem,
    quirks::CollectionPages,
    shape::{Area, Bbox},
    time::Interval,
    words::Words,
};
use serde_json::{Map, Value, json};

/// The document of `/collections`, for the collections at `shelves`.
pub(super) fn list(documents: &Documents, shelves: &[usize], asked: &Asked) -> Result<Value, Problem> {
    let quirks = documents.quirks;
    let found: Vec<usize> = if quirks.collection_search.is_there() {
        let search = CollectionSearch::parse(&asked.body)?;
        shelves.iter().copied().filter(|&shelf| search.finds(documents, shelf)).collect()
    } else {
        shelves.to_vec()
    };
    let (start, end) = match quirks.collection_pages {
        CollectionPages::All => (0, found.len()),
        CollectionPages::First(count) => (0, count),
        CollectionPages::Of(default) => {
            let number = |name: &str, default: usize| match asked.body.get(name) {
                None => Ok(default),
                Some(value) => {
                    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
                    let number = number.and_then(|number| usize::try_from(number).ok());
                    number.ok_or_else(|| Problem::Invalid(format!("{name} is not a number")))
                }
            };
            let limit = number("limit", default)?;
            if limit == 0 {
                return Err(Problem::Invalid("limit is not a positive integer".into()));
            }
            let start = number("startRecord", 1)?.saturating_sub(1);
            (start, start.saturating_add(limit.min(quirks.max_limit)))
        }
    };
    let shown = found.get(start..end.min(found.len())).unwrap_or_default();
    let collections: Vec<Value> = shown.iter().map(|&shelf| documents.collection(shelf)).collect();
    let mut links = documents.linker.common(JSON, "/collections");
    let mut answer = json!({"collections": collections});
    if matches!(quirks.collection_pages, CollectionPages::Of(_)) {
        if end < found.len() {
            let path = format!("/collections?{}", next_query(asked, end));
            links.push(json!({"rel": "next", "type": JSON, "href": documents.linker.url(&path)}));
        }
        answer["numberMatched"] = json!(found.len());
        answer["numberReturned"] = json!(shown.len());
    }
    answer["links"] = json!(links);
    Ok(answer)
}

fn next_query(asked: &Asked, start: usize) -> String {
    let kept = asked.params.iter().filter(|(name, _)| name != "startRecord" && name != "f");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept).append_pair("startRecord", &(start + 1).to_string());
    query.finish()
}

/// What collections are asked for.
struct CollectionSearch {
    area: Option<Area>,
    time: Option<Interval>,
    words: Option<Words>,
}

impl CollectionSearch {
    fn parse(params: &Map<String, Value>) -> Result<CollectionSearch, Problem> {
        let numbers = |value: &Value| -> Vec<f64> {
            value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
        };
        let bbox = params.get("bbox").map(|value| Bbox::parse(&numbers(value)).map_err(Problem::Invalid));
        let time = params
            .get("datetime")
            .map(|value| Interval::parse(value.as_str().unwrap_or_default()).map_err(Problem::Invalid));
        let words = params.get("q").map(|value| Words::parse(value).map_err(Problem::Invalid));
        Ok(CollectionSearch {
            area: bbox.transpose()?.map(Area::Bbox),
            time: time.transpose()?,
            words: words.transpose()?,
        })
    }

    /// Whether the collection's extent meets the search; without an extent it might, so it does.
    fn finds(&self, documents: &Documents, shelf: usize) -> bool {
        let json = &documents.index.world.collections[shelf].json;
        let in_area = |area: &Area| {
            let boxes = json["extent"]["spatial"]["bbox"].as_array().map(Vec::as_slice).unwrap_or_default();
            let parsed = |value: &Value| {
                let numbers: Vec<f64> = value.as_array()?.iter().filter_map(Value::as_f64).collect();
                Some(Area::Bbox(Bbox::parse(&numbers).ok()?).prepare().as_geometry())
            };
            boxes.is_empty() || boxes.iter().filter_map(parsed).any(|extent| area.prepare().meets(&extent))
        };
        let in_time = |time: &Interval| {
            let spans =
                json["extent"]["temporal"]["interval"].as_array().map(Vec::as_slice).unwrap_or_default();
            let end = |span: &Value, at: usize| span[at].as_str().and_then(|text| text.parse().ok());
            spans.is_empty() || spans.iter().any(|span| time.overlaps(end(span, 0), end(span, 1)))
        };
        self.area.as_ref().is_none_or(in_area)
            && self.time.as_ref().is_none_or(in_time)
            && self.words.as_ref().is_none_or(|words| words.occur(&documents.index.shelves[shelf].id, json))
    }
}

/// The queryables of the collections at `shelves`: what all of them have. `path` is where they are found.
pub(super) fn queryables(documents: &Documents, shelves: &[usize], path: &str) -> Value {
    let all: Vec<&Map<String, Value>> = shelves
        .iter()
        .filter_map(|&shelf| documents.index.world.collections[shelf].queryables.as_object())
        .collect();
    let mut properties: Map<String, Value> = Map::new();
    properties.insert("id".into(), json!({"title": "Item ID", "type": "string"}));
    properties.insert("collection".into(), json!({"title": "Collection", "type": "string"}));
    properties.insert("geometry".into(), json!({"$ref": "https://geojson.org/schema/Geometry.json"}));
    properties
        .insert("datetime".into(), json!({"title": "Acquired", "type": "string", "format": "date-time"}));
    if let Some((first, rest)) = all.split_first() {
        let shared = first.iter().filter(|(name, _)| rest.iter().all(|other| other.contains_key(*name)));
        properties.extend(shared.map(|(name, schema)| (name.clone(), schema.clone())));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$id": documents.linker.url(path),
        "type": "object", "title": "Queryables", "properties": properties, "additionalProperties": true,
    })
}
