//! `scene-search` and `scene-search-delete`.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::filter::{SceneFilter, dates};
use super::input;
use super::scene::Detail;
use super::{Call, M2m};
use crate::demo::usgs::scenes::fields::{self, Field};
use crate::demo::usgs::scenes::{Dataset, Scene};

/// The page that a request wants.
struct Page {
    start: usize,
    size: usize,
}

impl Page {
    fn of(input: &Value, window: usize) -> Result<Page, Failure> {
        let start = input::count(input, "startingNumber", 1)?.unwrap_or(1);
        let size = input::count(input, "maxResults", 1)?.unwrap_or(100).min(window);
        if start > window {
            let words = format!("Result sets are limited to {window} records; please narrow the search");
            return Err(Failure::new("SEARCH_ERROR", words));
        }
        Ok(Page { start, size: size.min(window - (start - 1)) })
    }

    fn cut<T: Copy>(&self, all: &[T]) -> Vec<T> {
        all.iter().skip(self.start - 1).take(self.size).copied().collect()
    }

    /// `nextRecord`, which never points beyond the last hit.
    fn next(&self, returned: usize, total: usize) -> usize {
        (self.start + returned).min(total)
    }
}

impl M2m {
    /// `scene-search`.
    pub(super) fn scene_search(&self, call: &Call) -> Outcome {
        let input = &call.input;
        let dataset = self.dataset_of(input)?;
        let wanted = input::object(input, "sceneFilter")?;
        if let Some(inner) = wanted.and_then(|filter| input::text(filter, "datasetName"))
            && !inner.eq_ignore_ascii_case(dataset.alias)
        {
            return Err(Failure::invalid("sceneFilter.datasetName"));
        }
        let filter = SceneFilter::parse(wanted, dataset)?;
        let (window, drift, lag) = {
            let quirks = self.quirks();
            (quirks.result_window, quirks.hits_drift, quirks.hits_lag)
        };
        let page = Page::of(input, window)?;
        let detail = Detail::of(input)?;
        let excluded = self.listed(call, "excludeListName", dataset);
        let all: Vec<Scene<'_>> = self.archive.scenes(dataset).filter(|scene| filter.wants(scene)).collect();
        let mut kept: Vec<Scene<'_>> =
            all.iter().filter(|scene| !excluded.contains(&scene.entity_id())).copied().collect();
        let excluded = all.len() - kept.len();
        sort(&mut kept, input, dataset)?;
        let shown = page.cut(&kept);
        // Without a filter the number is a daily estimate; with drift it moves from page to page.
        let estimate = if filter.is_empty() { kept.len() / 100 * 3 } else { 0 };
        let total = match filter.is_empty() && lag > 0 {
            true => kept.len().saturating_sub(lag),
            false => kept.len() + estimate + drift * (page.start - 1),
        };
        let marks = ["bulk", "order", "compare"]
            .map(|list| (list, self.listed(call, &format!("{list}ListName"), dataset)));
        let results: Vec<Value> = shown
            .iter()
            .map(|scene| marked(self.scene_json(dataset, scene, detail), &marks, &scene.entity_id()))
            .collect();
        Ok(json!({
            "results": results,
            "recordsReturned": shown.len(),
            "totalHits": total,
            "totalHitsAccuracy": if estimate > 0 || drift > 0 || total < kept.len() { "approximate" } else { "exact" },
            "isCustomized": false,
            "numExcluded": excluded,
            "startingNumber": page.start,
            "nextRecord": page.next(shown.len(), total),
        }))
    }

    /// `scene-search-delete`: the level 2 scenes that were withdrawn.
    pub(super) fn scene_search_delete(&self, call: &Call) -> Outcome {
        let dataset = self.dataset_of(&call.input)?;
        let page = Page::of(&call.input, self.quirks().result_window)?;
        let range = input::object(&call.input, "temporalFilter")?.map(dates).transpose()?;
        let gone: Vec<Scene<'_>> = self
            .archive
            .withdrawn(dataset)
            .filter(|scene| range.is_none_or(|(a, b)| (a..=b).contains(&scene.processed())))
            .collect();
        let shown = page.cut(&gone);
        let results: Vec<Value> = shown
            .iter()
            .map(|scene| {
                json!({"entityId": scene.entity_id(), "displayId": scene.display_id(),
                       "acquisitionDate": scene.acquisition.day(), "deletionDate": scene.processed().to_string()})
            })
            .collect();
        Ok(json!({
            "results": results,
            "recordsReturned": shown.len(),
            "totalHits": gone.len(),
            "startingNumber": page.start,
            "nextRecord": page.next(shown.len(), gone.len()),
        }))
    }

    /// The entity ids on the scene list that a member of the request names.
    fn listed(&self, call: &Call, member: &str, dataset: &Dataset) -> HashSet<String> {
        let Some(list) = input::text(&call.input, member) else { return HashSet::new() };
        let state = self.state();
        let entries = state.lists.get(&(call.user().to_owned(), list)).into_iter().flatten();
        entries.filter(|(name, _)| name == dataset.alias).map(|(_, entity)| entity.clone()).collect()
    }
}

/// Sets what the scene lists of the request say in `selected`.
fn marked(mut scene: Value, marks: &[(&str, HashSet<String>)], entity: &str) -> Value {
    for (list, entities) in marks {
        if entities.contains(entity) {
            if !scene["selected"].is_object() {
                scene["selected"] = json!({"bulk": false, "order": false, "compare": false});
            }
            scene["selected"][*list] = json!(true);
        }
    }
    scene
}

/// Newest first, unless the request says otherwise.
fn sort(scenes: &mut [Scene<'_>], input: &Value, dataset: &'static Dataset) -> Result<(), Failure> {
    let order = SortBy::of(input::text(input, "sortField").as_deref(), dataset)?;
    let ascending = match input::text(input, "sortDirection").as_deref() {
        Some(direction) if direction.eq_ignore_ascii_case("asc") => true,
        Some(direction) if direction.eq_ignore_ascii_case("desc") => false,
        Some(_) => return Err(Failure::invalid("sortDirection")),
        None => false,
    };
    scenes.sort_by(|left, right| {
        let order = order.compare(left, right);
        if ascending { order } else { order.reverse() }
    });
    Ok(())
}

enum SortBy {
    Acquired,
    Cloud,
    Display,
    Field(&'static Field),
}

impl SortBy {
    fn of(field: Option<&str>, dataset: &'static Dataset) -> Result<SortBy, Failure> {
        match field {
            None | Some("acquisitionDate" | "startDate" | "temporalCoverage") => Ok(SortBy::Acquired),
            Some("cloudCover") => Ok(SortBy::Cloud),
            Some("displayId" | "entityId") => Ok(SortBy::Display),
            Some(id) => fields::fields(dataset)
                .find(|field| field.id(dataset) == id)
                .map(SortBy::Field)
                .ok_or_else(|| Failure::invalid("sortField")),
        }
    }

    fn compare(&self, left: &Scene<'_>, right: &Scene<'_>) -> Ordering {
        let when = |scene: &Scene<'_>| (scene.acquisition.date, scene.acquisition.second);
        match self {
            SortBy::Acquired => when(left).cmp(&when(right)),
            SortBy::Cloud => left.acquisition.cloud.cmp(&right.acquisition.cloud),
            SortBy::Display => left.display_id().cmp(&right.display_id()),
            SortBy::Field(field) => (field.value)(left).cmp(&(field.value)(right)),
        }
    }
}
