//! Datasets: `dataset-search`, `dataset`, `dataset-filters` and the descriptions of their downloads.

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::failure::{Failure, Outcome};
use super::filter::dates;
use super::input;
use super::{Call, M2m};
use crate::demo::usgs::files::{self, Product};
use crate::demo::usgs::scenes::fields::{self, Field, Filter, opaque_id};
use crate::demo::usgs::scenes::{DATASETS, Dataset, Scene, Shelf, dataset};

impl M2m {
    /// The dataset that a request names by `datasetName` (in any case) or `datasetId`. Collection 1 is gone.
    pub(super) fn dataset_of(&self, input: &Value) -> Result<&'static Dataset, Failure> {
        let name = input::text(input, "datasetName").or_else(|| input::text(input, "datasetId"));
        let name = name.ok_or_else(|| Failure::required("datasetName"))?;
        dataset(&name)
            .filter(|dataset| dataset.shelf != Shelf::Retired)
            .ok_or_else(|| Failure::new("DATASET_INVALID", format!("Invalid dataset: {name}")))
    }

    /// `dataset-search`.
    pub(super) fn dataset_search(&self, call: &Call) -> Outcome {
        let wanted =
            input::text(&call.input, "datasetName").map(|name| name.trim_matches('*').to_ascii_lowercase());
        let named = |dataset: &Dataset| {
            wanted.as_deref().is_none_or(|name| {
                dataset.alias.contains(name) || dataset.title.to_ascii_lowercase().contains(name)
            })
        };
        let range = input::object(&call.input, "temporalFilter")?.map(dates).transpose()?;
        let found = DATASETS.iter().filter(|dataset| dataset.shelf != Shelf::Retired && named(dataset));
        let described = found.map(|dataset| (dataset, Holdings::of(self.archive.scenes(dataset))));
        Ok(described
            .filter(|(_, holdings)| range.is_none_or(|range| holdings.overlap(range)))
            .map(|(dataset, holdings)| dataset_json(dataset, &holdings))
            .collect())
    }

    /// `dataset`.
    pub(super) fn dataset(&self, call: &Call) -> Outcome {
        let dataset = self.dataset_of(&call.input)?;
        Ok(dataset_json(dataset, &Holdings::of(self.archive.scenes(dataset))))
    }

    /// `dataset-filters`.
    pub(super) fn dataset_filters(&self, call: &Call) -> Outcome {
        let dataset = self.dataset_of(&call.input)?;
        let asked = fields::fields(dataset).filter(|field| field.filter != Filter::None);
        Ok(asked.enumerate().map(|(place, field)| filter_json(dataset, field, place)).collect())
    }

    /// `dataset-download-options`.
    pub(super) fn dataset_download_options(&self, call: &Call) -> Outcome {
        let dataset = self.dataset_of(&call.input)?;
        Ok(files::products(dataset).into_iter().map(|product| product_json(dataset, &product)).collect())
    }

    /// `dataset-file-groups`.
    pub(super) fn dataset_file_groups(&self, call: &Call) -> Outcome {
        let dataset = self.dataset_of(&call.input)?;
        let Some(bands) = dataset.band_files() else { return Ok(json!({"primary": [], "secondary": []})) };
        let files: Vec<Value> = files::parts(dataset)
            .enumerate()
            .map(|(place, part)| {
                let mut systems = Map::new();
                systems.insert(part.product_id(bands), json!(part.system()));
                json!({"name": part.suffix, "productIds": systems, "productName": part.product_name(),
                       "displayOrder": place + 1})
            })
            .collect();
        let group = files::group(dataset);
        Ok(json!({"primary": [], "secondary": {bands.id: {group: {
            "id": group, "label": "All files", "description": "Every file of the scene", "files": files}}}}))
    }
}

/// What a dataset holds, for its description.
struct Holdings {
    scenes: usize,
    days: Option<(Date, Date)>,
    bounds: [f64; 4],
}

impl Holdings {
    fn of<'a>(scenes: impl Iterator<Item = Scene<'a>>) -> Holdings {
        let empty = Holdings { scenes: 0, days: None, bounds: [180.0, 90.0, -180.0, -90.0] };
        scenes.fold(empty, |sum, scene| {
            let day = scene.acquisition.date;
            let [w, s, e, n] = scene.acquisition.corners.bounds();
            let [west, south, east, north] = sum.bounds;
            Holdings {
                scenes: sum.scenes + 1,
                days: Some(sum.days.map_or((day, day), |(first, last)| (first.min(day), last.max(day)))),
                bounds: [west.min(w), south.min(s), east.max(e), north.max(n)],
            }
        })
    }

    fn overlap(&self, (start, end): (Date, Date)) -> bool {
        self.days.is_some_and(|(first, last)| first <= end && last >= start)
    }
}

fn dataset_json(dataset: &Dataset, holdings: &Holdings) -> Value {
    let days = holdings.days.map(|(first, last)| (first.to_string(), last.to_string()));
    let (first, last) = days.clone().unzip();
    let bounds = days.is_some().then(|| {
        let [west, south, east, north] = holdings.bounds;
        json!({"north": north, "east": east, "south": south, "west": west})
    });
    json!({
        "abstractText": format!("{} scenes of the embedded demonstration archive.", dataset.title),
        "acquisitionStart": first,
        "acquisitionEnd": last,
        "catalogs": ["GV", "EE"],
        "collectionName": dataset.title,
        "collectionLongName": dataset.title,
        "datasetId": dataset.id,
        "datasetAlias": dataset.alias,
        "datasetCategoryName": "Landsat",
        "dataOwner": "LSAD",
        "dateUpdated": "2026-03-26 00:45:38.587013-05",
        "doiNumber": format!("https://doi.org/10.5066/{}", dataset.id),
        "ingestFrequency": if dataset.id.ends_with('7') { Value::Null } else { json!("P1D") },
        "keywords": "Landsat, remote sensing",
        "legacyId": dataset.legacy_id,
        // One holding's count comes as a string.
        "sceneCount": if dataset.alias.contains("etm") { json!(holdings.scenes.to_string()) } else { json!(holdings.scenes) },
        "spatialBounds": bounds,
        "temporalCoverage": days.map(|(first, last)| json!(format!("[\"{first} 00:00:00-06\",\"{last} 00:00:00-06\"]"))),
        "supportCloudCover": true,
        "supportDeletionSearch": dataset.shelf == Shelf::Scenes,
        "allowInventorySearch": true,
    })
}

fn filter_json(dataset: &Dataset, field: &Field, place: usize) -> Value {
    let (kind, sql) = match field.filter {
        Filter::Select(_) => ("Select", format!("{} = ?", field.column)),
        Filter::Range => ("Range", format!("{} between ? and ?", field.column)),
        Filter::Text | Filter::None => ("Text", format!("{} like ?", field.column)),
    };
    let mut filter = json!({
        "id": field.id(dataset),
        "legacyFieldId": if place.is_multiple_of(2) { Value::Null } else { json!(21_366 + place) },
        "dictionaryLink": format!("https://www.usgs.gov/landsat-data-dictionary#{}", field.column.to_ascii_lowercase()),
        "fieldLabel": field.name,
        "searchSql": sql,
        "fieldConfig": {"type": kind, "filters": [], "options": {"size": "35"}, "validators": [],
                        "numElements": if place.is_multiple_of(3) { json!(5) } else { json!("5") }, "displayListId": null},
    });
    if let Filter::Select(values) = field.filter {
        let list: Map<String, Value> =
            values.iter().map(|(key, label)| ((*key).to_owned(), json!(label))).collect();
        filter["valueList"] = Value::Object(list);
    }
    filter
}

fn product_json(dataset: &Dataset, product: &Product) -> Value {
    json!({
        "productId": opaque_id(&[dataset.id, product.name]),
        "productCode": product.code,
        "productName": product.name,
        "downloadName": null,
        "downloadSystem": product.system,
        "fileGroups": if product.system == "folder" { json!([files::group(dataset)]) } else { Value::Null },
    })
}
