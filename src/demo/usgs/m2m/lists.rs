//! Scene lists: `scene-list-add`, `-get`, `-remove`, `-summary`, `-types`, and `scene-metadata-list`.

use serde_json::{Map, Value, json};

use super::failure::{Failure, Outcome};
use super::input;
use super::scene::Detail;
use super::{Call, M2m};
use crate::demo::usgs::scenes::{Dataset, Scene, dataset};

impl M2m {
    /// `scene-list-add`: how many scenes were new to the list.
    pub(super) fn scene_list_add(&self, call: &Call) -> Outcome {
        let list = list_key(call)?;
        let dataset = self.dataset_of(&call.input)?;
        let mut ids = input::list(&call.input, "entityIds");
        ids.extend(input::text(&call.input, "entityId"));
        if ids.is_empty() {
            return Err(Failure::required("entityId"));
        }
        let by_display = match input::text(&call.input, "idField").as_deref() {
            None | Some("entityId") => false,
            Some("displayId") => true,
            Some(_) => return Err(Failure::invalid("idField")),
        };
        let known = ids.iter().filter_map(|id| {
            let by_id = if by_display {
                self.archive.by_display_id(id).and_then(|scene| dataset.scene(scene.acquisition))
            } else {
                self.archive.by_entity(dataset, id)
            };
            by_id.map(|scene| scene.entity_id())
        });
        let mut state = self.state();
        let entries = state.lists.entry(list).or_default();
        let before = entries.len();
        for entity in known {
            let entry = (dataset.alias.to_owned(), entity);
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        Ok(json!(entries.len() - before))
    }

    /// `scene-list-get`.
    pub(super) fn scene_list_get(&self, call: &Call) -> Outcome {
        let entries = self.entries(call)?;
        let start = input::count(&call.input, "startingNumber", 1)?.unwrap_or(1);
        let size = input::count(&call.input, "maxResults", 1)?.unwrap_or(usize::MAX);
        Ok(entries
            .into_iter()
            .skip(start - 1)
            .take(size)
            .map(|(dataset, entity)| json!({"entityId": entity, "datasetName": dataset}))
            .collect())
    }

    /// `scene-list-remove`: without a dataset the whole list goes, without ids all of that dataset.
    pub(super) fn scene_list_remove(&self, call: &Call) -> Outcome {
        let list = list_key(call)?;
        let dataset = input::text(&call.input, "datasetName");
        let mut ids = input::list(&call.input, "entityIds");
        ids.extend(input::text(&call.input, "entityId"));
        let mut state = self.state();
        match dataset {
            None => {
                state.lists.remove(&list);
            }
            Some(name) => {
                if let Some(entries) = state.lists.get_mut(&list) {
                    let goes = |(dataset, entity): &(String, String)| {
                        dataset.eq_ignore_ascii_case(&name) && (ids.is_empty() || ids.contains(entity))
                    };
                    entries.retain(|entry| !goes(entry));
                }
            }
        }
        Ok(Value::Null)
    }

    /// `scene-list-summary`.
    pub(super) fn scene_list_summary(&self, call: &Call) -> Outcome {
        let entries = self.entries(call)?;
        let scenes: Vec<(&'static Dataset, Scene<'_>)> = self.resolved(&entries).collect();
        let bounds = scenes.iter().map(|(_, scene)| scene.acquisition.corners.bounds());
        let bounds = bounds.reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
        let days = || scenes.iter().map(|(_, scene)| scene.acquisition.date);
        let mut datasets: Vec<&str> = entries.iter().map(|(dataset, _)| dataset.as_str()).collect();
        datasets.dedup();
        let datasets: Vec<Value> = datasets
            .into_iter()
            .map(|name| {
                let count = entries.iter().filter(|(dataset, _)| dataset == name).count();
                json!({"datasetName": name, "sceneCount": count, "listTimeout": null, "temporalExtent": null})
            })
            .collect();
        let polygon = bounds.map(|[w, s, e, n]| {
            json!({"type": "Polygon", "coordinates": [[[w, s], [w, n], [e, n], [e, s], [w, s]]]})
        });
        Ok(json!({
            "summary": {
                "sceneCount": entries.len().to_string(),
                "spatialBounds": polygon,
                "temporalExtent": {"min": days().min().map(|d| d.to_string()), "max": days().max().map(|d| d.to_string())},
            },
            "datasets": datasets,
        }))
    }

    /// `scene-list-types`.
    pub(super) fn scene_list_types(&self, _: &Call) -> Outcome {
        Ok(json!([{"id": "bulk", "label": "Bulk"}, {"id": "order", "label": "Order"}]))
    }

    /// `scene-metadata-list`: the scenes of a list, by dataset; `[]` where there is none.
    pub(super) fn scene_metadata_list(&self, call: &Call) -> Outcome {
        let entries = self.entries(call)?;
        let detail = Detail::of(&call.input)?;
        let mut by_dataset = Map::new();
        for (dataset, scene) in self.resolved(&entries) {
            let scenes = by_dataset.entry(dataset.alias).or_insert_with(|| json!([]));
            if let Some(scenes) = scenes.as_array_mut() {
                scenes.push(self.scene_json(dataset, &scene, detail));
            }
        }
        Ok(if by_dataset.is_empty() { json!([]) } else { Value::Object(by_dataset) })
    }

    /// The entries of the list that a request names, of one dataset where it names one.
    pub(super) fn entries(&self, call: &Call) -> Result<Vec<(String, String)>, Failure> {
        let list = list_key(call)?;
        let only = input::text(&call.input, "datasetName");
        let entries = self.state().lists.get(&list).cloned();
        let entries =
            entries.ok_or_else(|| Failure::new("NOT_FOUND", format!("List {} was not found", list.1)))?;
        let wanted = |dataset: &str| only.as_deref().is_none_or(|only| only.eq_ignore_ascii_case(dataset));
        Ok(entries.into_iter().filter(|(dataset, _)| wanted(dataset)).collect())
    }

    fn resolved<'a>(
        &'a self,
        entries: &'a [(String, String)],
    ) -> impl Iterator<Item = (&'static Dataset, Scene<'a>)> + 'a {
        entries.iter().filter_map(|(name, entity)| {
            let dataset = dataset(name)?;
            Some((dataset, self.archive.by_entity(dataset, entity)?))
        })
    }
}

fn list_key(call: &Call) -> Result<(String, String), Failure> {
    Ok((call.user().to_owned(), input::required_text(&call.input, "listId")?))
}
